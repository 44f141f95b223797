"""The number of kinds of units, tested: as many as there are, no more than the views can show, and refused at one."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

import umbel
from umbel.estimate.moments_units_number import MOST_MEMBERS
from umbel.numerics.unit_classes import ones_among
from umbel.simulate.mixture_units import KindsOfSchools

GRAPH = "plate pupil { A X }; U -> { A Y X }; A -> Y; classes U; assume shared X"
QUESTION = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"
PUPILS = 60
SHARES = np.array([0.2, 0.5, 0.8])
GIVEN = {
    2: np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]]),
    3: np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]]),
}
COVARIATE = {2: (0.25, 0.75), 3: (0.1, 0.5, 0.9)}
LEVEL = {2: (0.1, 0.4), 3: (0.1, 0.5, 0.2)}
SLOPE = 0.3


def schools(kinds: int, units: int, asked: int, seed: int) -> umbel.Study:
    """A school's own outcome has mean ``level of the kind + .3 share``; ``asked`` other pupils show X."""
    rng = np.random.default_rng(seed)
    u = rng.integers(0, kinds, units)
    share = SHARES[(rng.random(units)[:, None] > GIVEN[kinds][u].cumsum(1)).sum(1)]
    y = (rng.random(units) < np.array(LEVEL[kinds])[u] + SLOPE * share).astype(int)
    treated = rng.binomial(PUPILS, share)
    ones = rng.binomial(asked, np.array(COVARIATE[kinds])[u])
    key = np.arange(units)
    blocks = [("A", 1.0, treated), ("A", 0.0, PUPILS - treated), ("X", 1.0, ones), ("X", 0.0, asked - ones)]
    rows = pandas.concat([pandas.DataFrame({"school": key, name: value, "n": n}) for name, value, n in blocks])
    return umbel.Study(rows[rows.n > 0], units=pandas.DataFrame({"school": key, "Y": y}), unit="school", count="n")


@pytest.mark.parametrize(("kinds", "asked"), [(2, 4), (3, 6)])
def test_it_is_found(kinds: int, asked: int) -> None:
    study = schools(kinds, 5000, asked, seed=kinds)
    tested = umbel.solve(GRAPH, QUESTION, study)
    stated = umbel.solve(GRAPH.replace("classes U", f"classes U = {kinds}"), QUESTION, study)
    assert tested.value is not None and tested.value == stated.value
    assert tested.estimate is not None and tested.estimate.se is not None
    assert abs(tested.value - 0.6 * SLOPE) < 4 * tested.estimate.se
    (check,) = (one for one in tested.checks if one.name == "number of classes")
    assert check.passed and check.value == kinds and "5,000 units for independent" in check.advice
    assert any("data show how many classes U has" in line for line in tested.assumptions)


def test_a_wrong_number_is_doubted() -> None:
    fewer = umbel.solve(GRAPH.replace("classes U", "classes U = 2"), QUESTION, schools(3, 5000, 3, seed=3))
    (check,) = (one for one in fewer.checks if one.name == "number of classes")
    assert not check.passed and check.value == 3 and "more than 2 classes" in check.advice
    more = umbel.solve(GRAPH.replace("classes U", "classes U = 3"), QUESTION, schools(2, 2000, 3, seed=4))
    (check,) = (one for one in more.checks if one.name == "number of classes")
    assert not check.passed and check.value == 2


def test_sizes_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20 samples, no more than four miss the true number at a level of .05."""
    monkeypatch.setattr("umbel.estimate.moments_units.DRAWS", 10)
    found = [
        [one.value for one in umbel.solve(GRAPH, QUESTION, study).checks if one.name == "number of classes"]
        for study in (schools(2, 600, 4, seed=100 + seed) for seed in range(20))
    ]
    assert sum(one == [2.0] for one in found) >= 16


def test_one_kind_is_refused_with_what_was_seen() -> None:
    study = schools(2, 1000, 4, seed=5)
    assert study.data is not None
    rng = np.random.default_rng(6)
    rows = pandas.DataFrame(
        {"school": np.repeat(np.arange(1000), 4), "X": rng.integers(0, 2, 4000).astype(float), "n": 1}
    )
    treated = rng.binomial(PUPILS, rng.choice(SHARES, 1000))
    parts = [
        pandas.DataFrame({"school": np.arange(1000), "A": a, "n": n})
        for a, n in ((1.0, treated), (0.0, PUPILS - treated))
    ]
    table = pandas.DataFrame({"school": np.arange(1000), "Y": rng.integers(0, 2, 1000)})
    whole = umbel.Study(pandas.concat([rows, *parts]), units=table, unit="school", count="n")
    answer = umbel.solve(GRAPH, QUESTION, whole)
    assert answer.refusal is not None and "show one class of U" in answer.refusal.why
    assert {"status", "number of classes", "strength of the proxies"} <= {check.name for check in answer.checks}


def test_refusals_show_purity() -> None:
    sample = KindsOfSchools().sample(4000, rng=np.random.default_rng(7), asked=4, impurity=0.3)
    key = np.arange(4000)
    treated = np.rint(PUPILS * sample.share)
    blocks = [
        ("A", 1.0, treated),
        ("A", 0.0, PUPILS - treated),
        ("X", 1.0, sample.covariate),
        ("X", 0.0, 4 - sample.covariate),
    ]
    rows = pandas.concat([pandas.DataFrame({"school": key, name: value, "n": n}) for name, value, n in blocks])
    table = pandas.DataFrame({"school": key, "Y": sample.climate})
    answer = umbel.solve(GRAPH, QUESTION, umbel.Study(rows[rows.n > 0], units=table, unit="school", count="n"))
    assert answer.refusal is not None and "differ in their law of X" in answer.refusal.why
    (check,) = (one for one in answer.checks if one.name == "purity")
    assert not check.passed and "Determinant" in check.advice
    assert any(one.name == "number of classes" for one in answer.checks)


def test_members_counts_are_hypergeometric() -> None:
    chance = ones_among(np.array([2.0, 0.0, 4.0]), np.array([4.0, 5.0, 4.0]), 2)
    np.testing.assert_allclose(chance, [[1 / 6, 4 / 6, 1 / 6], [1, 0, 0], [0, 0, 1]])
    assert ones_among(np.array([3.0]), np.array([9.0]), MOST_MEMBERS).sum() == pytest.approx(1.0)


def test_identification_asks_for_no_number() -> None:
    verdict = umbel.identify(GRAPH, QUESTION)
    assert verdict.identified and verdict.verify()
    assert any("twice as many members as classes" in line for line in verdict.assumptions)
