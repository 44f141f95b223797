"""Thousands of random estimands against enumeration: effects, conditional effects, policies, several studies."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import umbel
from tests.identification import test_experiments as experiments
from tests.identification.test_questions import drawn, value
from tests.oracles.flat.truth import random_world

EXACT = 1e-10
EACH = 600


@pytest.mark.study
def test_effects_conditional_effects_and_policies() -> None:
    """Six hundred identified ones of each kind, and none raises."""
    rng = np.random.default_rng(2027)
    seen: Counter[str] = Counter()
    while min(seen[kind] for kind in ("effect", "conditional", "policy")) < EACH:
        diagram, asked = drawn(rng)
        kind = "policy" if asked.policies else "conditional" if asked.z else "effect"
        if seen[kind] >= EACH:
            continue
        verdict = umbel.identify(diagram.graph(), asked.text)
        assert not isinstance(verdict, umbel.Refused)
        if verdict.identified:
            world = random_world(diagram, rng, visible=(2,))
            gap = np.abs(value(verdict, asked, world) - asked.truth(world)).max()
            assert gap < EXACT, (diagram, asked.text)
            seen[kind] += 1


@pytest.mark.study
def test_several_studies() -> None:
    """Six hundred identified ones, with doses, partial measurement and kept rows."""
    rng = np.random.default_rng(2028)
    seen: Counter[str] = Counter()
    while seen["Identified"] < EACH:
        seen[experiments.judged(experiments.drawn(rng), rng)] += 1
