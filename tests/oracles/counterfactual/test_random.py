"""Random questions about several worlds: verdicts against ranks, estimands against enumeration.

A "no" of the rank oracle never meets a "yes" of the package, and, as far as anyone has looked, a
"no" of the package is always confirmed by a model of two or three states. ``pytest -m study`` asks
thousands more.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.check import check
from tests.oracles.counterfactual.draw import random_question, random_studies
from umbel.identification.ask import identify_question
from umbel.model.query import Question

KINDS = ((False, False), (True, False), (False, True), (True, True))
"""With conditions or without, with latent names or without."""
CI, STUDY = 60, 250
"""Questions of one kind per test."""


def kind_name(kind: tuple[bool, bool]) -> str:
    return f"{'IDC*' if kind[0] else 'ID*'}{', latent names' if kind[1] else ''}"


def ask(kind: tuple[bool, bool], seed: int, count: int) -> Counter[str]:
    conditions, latent = kind
    rng = np.random.default_rng([41, conditions, latent, seed])
    return Counter(check(random_question(rng, conditions=conditions, latent=latent), rng) for _ in range(count))


def ask_studies(seed: int, count: int, *, partial: bool) -> Counter[str]:
    rng = np.random.default_rng([42, partial, seed])
    seen: Counter[str] = Counter()
    for _ in range(count):
        asked = random_question(rng, conditions=bool(rng.integers(2)))
        seen[check(asked, rng, random_studies(rng, asked.diagram, partial=partial))] += 1
    return seen


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_verdicts_and_estimands(kind: tuple[bool, bool]) -> None:
    seen = ask(kind, 0, CI)
    assert seen["yes"] >= 20 and seen["no"] + seen["no with three states"] >= 3, seen


@pytest.mark.parametrize("partial", [False, True], ids=["whole studies", "partial studies"])
def test_several_studies(partial: bool) -> None:
    seen = ask_studies(0, 40, partial=partial)
    assert seen["yes"] >= 10, seen


def test_verdicts_prove_themselves() -> None:
    rng = np.random.default_rng(43)
    seen: Counter[str] = Counter()
    for _ in range(120):
        asked = random_question(rng, conditions=bool(rng.integers(2)))
        verdict = identify_question(asked.diagram.graph(), Question.parse(asked.text()))
        if not isinstance(verdict, umbel.Refused):
            assert verdict.verify(rng=rng), (asked, asked.text())
        seen[type(verdict).__name__] += 1
    assert seen["Identified"] >= 40 and seen["Unidentified"] >= 5, seen


@pytest.mark.study
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_many_verdicts_and_estimands(kind: tuple[bool, bool], seed: int) -> None:
    ask(kind, seed, STUDY)


@pytest.mark.study
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("partial", [False, True], ids=["whole studies", "partial studies"])
def test_many_studies(partial: bool, seed: int) -> None:
    ask_studies(seed, 100, partial=partial)
