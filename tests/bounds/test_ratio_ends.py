"""Ends of intervals of quotients, against the extremes of the likelihood region found by a general optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import umbel

BOW = "A -> Y; A <-> Y"
COUNTS = np.array([[120.0, 60.0], [40.0, 110.0]])  # of A and Y

RATIOS = {
    "P(Y=1 | do(A=1)) / P(Y=1 | do(A=0))": (
        lambda p: p[1, 1] / (p[0, 1] + p[1].sum()),
        lambda p: (p[1, 1] + p[0].sum()) / p[0, 1],
    ),
    "P(Y=1 | do(A=0)) / P(Y=1 | do(A=1))": (
        lambda p: p[0, 1] / (p[1, 1] + p[0].sum()),
        lambda p: (p[0, 1] + p[1].sum()) / p[1, 1],
    ),
    "P(Y=0 | do(A=1)) / P(Y=1 | do(A=1))": (
        lambda p: p[1, 0] / (p[1, 1] + p[0].sum()),
        lambda p: (p[1, 0] + p[0].sum()) / p[1, 1],
    ),
}


def extreme(end, sign: float) -> float:  # type: ignore[no-untyped-def]
    """The end's extreme over the laws that are within half a quantile of the likeliest."""
    share = COUNTS / COUNTS.sum()
    best = float((COUNTS * np.log(share)).sum())

    def law(x: np.ndarray) -> np.ndarray:
        return np.exp(x).reshape(2, 2) / np.exp(x).sum()

    def inside(x: np.ndarray) -> float:
        return 0.5 * chi2.ppf(0.95, 2) - (best - float((COUNTS * np.log(law(x))).sum()))

    found = minimize(
        lambda x: -sign * np.log(end(law(x))),
        np.log(share).ravel(),
        constraints=[{"type": "ineq", "fun": inside}],
        method="SLSQP",
    )
    return float(end(law(found.x)))


@pytest.mark.parametrize("question", RATIOS)
def test_quotients_reach_the_edge_of_the_region(question: str) -> None:
    """Upper ends had no margin at all: half of all samples fell short of the true one."""
    rows = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": COUNTS.ravel().astype(int)}
    found = umbel.solve(BOW, question, umbel.Study(rows, count="n")).bounds
    assert found is not None and found.interval is not None
    lower, upper = RATIOS[question]
    assert found.interval[0] == pytest.approx(extreme(lower, -1.0), rel=0.005)
    assert found.interval[1] == pytest.approx(extreme(upper, 1.0), rel=0.005)


def test_ratios_cover_both_ends() -> None:
    lower, upper = RATIOS["P(Y=1 | do(A=1)) / P(Y=1 | do(A=0))"]
    law = np.array([[0.37, 0.18], [0.135, 0.315]])
    rng = np.random.default_rng(0)
    below = above = 0
    for _ in range(40):
        rows = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": rng.multinomial(400, law.ravel())}
        found = umbel.solve(BOW, "P(Y=1 | do(A=1)) / P(Y=1 | do(A=0))", umbel.Study(rows, count="n")).bounds
        assert found is not None and found.interval is not None
        below += found.interval[0] > lower(law)  # type: ignore[operator]
        above += found.interval[1] < upper(law)  # type: ignore[operator]
    assert below <= 4 and above <= 4
