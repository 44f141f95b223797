"""Policies through blocks from rows: against the exact law that the rows were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.graph.mixed import Graph
from umbel.simulate.discrete import random_model

ELECTION = """
Cl -> { Al Yl }; Cr -> { Ar Yr }; Cl -> Ar; Cr -> Al
Al -> { Yl Yr }; Ar -> { Yl Yr }
Yl -- Yr; Al -- Ar
"""
BEST_RESPONSE = "E[Yl | do(Al ~ Bernoulli(0.2 + 0.6*Ar))]"
"""The left candidate answers the right one by a rule; the right one goes on as before."""


def _population() -> umbel.Table:
    return random_model(Graph.parse(ELECTION), rng=np.random.default_rng(0)).table()


def _rows(joint: umbel.Table, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    places = np.unravel_index(rng.choice(joint.array.size, size=count, p=joint.array.ravel()), joint.array.shape)
    return dict(zip(joint.axes, places, strict=True))


def test_intervals_hold_what_they_promise() -> None:
    joint, rng = _population(), np.random.default_rng(1)
    verdict = umbel.identify(ELECTION, BEST_RESPONSE)
    assert verdict.identified
    assert "P*" in verdict.estimand.text()
    truth = float(verdict.estimand.evaluate(joint).array)
    scores, held = [], 0
    for _ in range(100):
        answer = umbel.solve(ELECTION, BEST_RESPONSE, umbel.Study(_rows(joint, 1500, rng)))
        low, high = answer.interval
        held += low <= truth <= high
        scores.append((answer.value - truth) / answer.estimate.se)
    assert held >= 87  # four standard errors below 95
    assert 0.75 < float(np.std(scores)) < 1.3


def test_influence_agrees_with_the_bootstrap() -> None:
    joint, rng = _population(), np.random.default_rng(2)
    rows = _rows(joint, 2000, rng)
    answer = umbel.solve(ELECTION, BEST_RESPONSE, umbel.Study(rows))
    verdict = umbel.identify(ELECTION, BEST_RESPONSE)
    assert verdict.identified
    again = []
    for _ in range(200):
        picked = rng.integers(2000, size=2000)
        counts = np.zeros(joint.array.shape)
        np.add.at(counts, tuple(rows[name][picked] for name in joint.axes), 1.0)
        again.append(float(verdict.estimand.evaluate(umbel.Table(joint.axes, counts)).array))
    assert answer.estimate.se == pytest.approx(float(np.std(again)), rel=0.25)


def test_the_order_of_answering_is_reported() -> None:
    answer = umbel.solve(ELECTION, BEST_RESPONSE, umbel.Study(_rows(_population(), 3000, np.random.default_rng(3))))
    checks = {check.name: check for check in answer.checks}
    assert not checks["block: laws fit"].passed
    order = checks["block: order of answering"]
    assert order.value is not None and order.value > 0
    assert "in a fixed order it lies between" in order.advice


def test_a_block_that_nobody_intervenes_on_needs_no_order() -> None:
    rows = _rows(_population(), 1000, np.random.default_rng(4))
    answer = umbel.solve(ELECTION, "E[Yl | do(Al=1, Ar=0)]", umbel.Study(rows))
    assert answer.value is not None
    assert not [check for check in answer.checks if check.name.startswith("block")]


def test_rules_that_never_settle_are_refused_with_a_remedy() -> None:
    rows = _rows(_population(), 500, np.random.default_rng(5))
    answer = umbel.solve(ELECTION, "E[Yl | do(Al ~ Point(Ar), Ar ~ Point(Al))]", umbel.Study(rows))
    assert answer.value is None and answer.refusal is not None
    assert "depends on where it starts" in answer.refusal.why
    assert "small chance" in answer.refusal.advice
    verdict = umbel.identify(ELECTION, "E[Yl | do(Al ~ Point(Ar), Ar ~ Point(Al))]")
    assert verdict.identified
    with pytest.raises(umbel.DataError, match="no single equilibrium"):
        verdict.estimand.evaluate(_population())


def test_an_order_is_taken_on_request() -> None:
    joint = _population()
    verdict = umbel.identify(ELECTION, BEST_RESPONSE)
    assert verdict.identified
    values = [float(verdict.estimand.evaluate(joint, scan=scan).array) for scan in (None, ("Al", "Ar"), ("Ar", "Al"))]
    assert values[0] == pytest.approx((values[1] + values[2]) / 2, abs=1e-3)
    assert values[1] != pytest.approx(values[2], abs=1e-4)
    with pytest.raises(umbel.InputError, match="leaves out 'Ar'"):
        verdict.estimand.evaluate(joint, scan=("Al",))


def test_an_order_is_taken_for_estimates() -> None:
    joint = _population()
    rows = _rows(joint, 20_000, np.random.default_rng(6))
    verdict = umbel.identify(ELECTION, BEST_RESPONSE)
    assert verdict.identified
    for scan in ((), ("Al", "Ar"), ("Ar", "Al")):
        answer = umbel.solve(ELECTION, BEST_RESPONSE, umbel.Study(rows), method=umbel.MethodSpec(scan=scan))
        truth = float(verdict.estimand.evaluate(joint, scan=scan or None).array)
        assert answer.value is not None and answer.estimate is not None and answer.estimate.se is not None
        assert abs(answer.value - truth) < 4 * answer.estimate.se
    answer = umbel.solve(ELECTION, BEST_RESPONSE, umbel.Study(rows), method=umbel.MethodSpec(scan=("Al",)))
    assert answer.refusal is not None and "leaves out Ar" in answer.refusal.why
