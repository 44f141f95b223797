"""Random hierarchical graphs: every identified estimand against the truth, every Theorem 12 case identified.

The truth is the loops of :mod:`tests.oracles.nested.brute`; ``verify()`` runs beside it. That the
laws of each formula vary independently is checked by rank, since a formula that no population
defines agrees with every truth.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.oracles.nested.draw import Case, end_to_end, random_case, theorem_12
from tests.oracles.nested.support import shortfall
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Unidentified

TOLERANCE = 1e-9
"""Conditioning on solved laws, whose linear systems are solved to 1e-15, costs some digits."""


def judged(case: Case, rng: np.random.Generator, *, own_check: bool) -> bool:
    """Whether a case is identified, after every comparison."""
    verdict = identify_question(case.graph, Question.parse(case.question))
    said = f"{case.text} | {case.question}"
    assert isinstance(verdict, Identified | Unidentified), said
    if theorem_12(case) and not case.reads:
        assert verdict.identified, f"Theorem 12 ({theorem_12(case)}) promises: {said}"
    if not verdict.identified:
        return False
    (road,) = verdict.proof.roads
    if road.lowerings:
        assert shortfall(road, rng) == 0, f"laws fix each other: {said}: {verdict.estimand.text()}"
    assert end_to_end(verdict, case, rng) < TOLERANCE, f"wrong: {said}: {verdict.estimand.text()}"
    if own_check:
        assert verdict.verify(rng=rng), f"verify() fails: {said}"
    return True


@pytest.mark.parametrize(("plain", "count", "least"), [(True, 100, 80), (False, 50, 25)], ids=["paper", "any"])
def test_random_graphs(plain: bool, count: int, least: int) -> None:
    dice, rng = random.Random(2026), np.random.default_rng(2026)
    cases = [random_case(dice, plain=plain, largest=10) for _ in range(count)]
    assert sum(judged(case, rng, own_check=index % 4 == 0) for index, case in enumerate(cases)) >= least


@pytest.mark.study
@pytest.mark.parametrize("plain", [True, False], ids=["paper", "any"])
@pytest.mark.parametrize("seed", range(12))
def test_two_thousand_graphs(seed: int, plain: bool) -> None:
    """2,400 graphs: ``pytest -m study tests/oracles/nested``."""
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(100):
        judged(random_case(dice, plain=plain), rng, own_check=True)
