"""Estimands stay small where districts and ancestors take turns many times."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import read
from tests.oracles.flat.engine import observed
from tests.oracles.flat.truth import random_world

EXACT = 1e-10
EACH_TURN = 100
"""Characters that one more turn adds; without cancelling twins each turn multiplies by ten."""


def ladder(turns: int) -> str:
    """Napkins one above the other: a sum over W1 cuts Z2 off, a sum over W2 cuts Z3 off, …"""
    edges = []
    for i in range(1, turns + 1):
        edges += [f"W{i}->Z{i}", f"W{i}<->Y"]
        if i < turns:
            edges += [f"Z{i}->Z{i + 1}", f"W{i}<->Z{i + 1}"]
    return ";".join([*edges, f"Z{turns}->Y"])


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
def test_ladders_are_exact(turns: int, rng: np.random.Generator) -> None:
    verdict = umbel.identify(ladder(turns), f"P(Y | do(Z{turns}))")
    assert verdict.identified
    world = random_world(read(ladder(turns)), rng, visible=(2,), most=10**6)
    found = verdict.estimand.evaluate(observed(world))
    assert np.abs(found.array - world.effect(["Y"], [f"Z{turns}"])).max() < EXACT


def test_ladders_stay_small() -> None:
    lengths = []
    for turns in range(2, 9):
        verdict = umbel.identify(ladder(turns), f"P(Y | do(Z{turns}))")
        assert verdict.identified
        assert len([step for step in verdict.steps if step.rule == "district"]) >= turns - 1
        lengths.append(len(verdict.estimand.text()))
    assert max(np.diff(lengths)) <= EACH_TURN
