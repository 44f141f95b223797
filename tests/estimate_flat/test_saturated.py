"""With saturated nuisances and one fold, every doubly robust estimate is the plug-in, error included.

The plug-in's influence function is the exact derivative of the estimand by the cells; the scores of
AIPW and APIPW are written by hand from papers. On states, learnt cell by cell, they must agree.
"""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.estimate_flat.test_adjustment import estimated, target
from umbel.estimate.adjustment import AIPW
from umbel.estimate.cells import DiscretePlugIn
from umbel.estimate.estimator import Supported
from umbel.estimate.frontdoor import APIPW

EXACT = 1e-8


class Saturated:
    """The mean of the target in each cell of the features."""

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Saturated:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        cells, index = np.unique(X, axis=0, return_inverse=True)
        index = index.reshape(-1)
        means = np.bincount(index, weight * y) / np.bincount(index, weight)
        self.known = {tuple(cell): mean for cell, mean in zip(cells.tolist(), means.tolist(), strict=True)}
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.array([self.known[tuple(row)] for row in X.tolist()])


def rows(seed: int, size: int = 3000) -> dict[str, np.ndarray]:
    """Dense cells: every combination occurs many times."""
    rng = np.random.default_rng(seed)
    x, z = rng.integers(0, 2, size), rng.integers(0, 3, size)
    a = rng.integers(0, 3, size) * (rng.random(size) < 0.4 + 0.2 * (z == 1) + 0.2 * x)
    m = (rng.random(size) < 0.2 + 0.2 * a + 0.1 * z).astype(int)
    b = (rng.random(size) < 0.3 + 0.3 * m).astype(int)
    y = (rng.integers(0, 4, size) * (1 + a) + m + b * z).clip(max=9)
    return {"X": x, "Z": z, "A": a, "M": m, "B": b, "Y": y}


BACK = "Z -> {X A Y}; X -> {A Y}; A -> Y"
MEDIATED = "Z -> {A M Y}; A -> M -> Y; A -> Y"
FRONT = "Z -> {A M Y}; A -> M -> Y; A <-> Y"
TURN = "Z -> {A M Y}; A -> M -> B -> Y; {A M} -> Y; A -> B; Z -> B"

CASES = [
    (BACK, "E[Y | do(A=1)] - E[Y | do(A=0)]"),
    (BACK, "E[Y | do(A=2)] / E[Y | do(A=0)]"),
    (BACK, "E[Y | do(A)]"),
    (BACK, "E[Y | do(A=1), X]"),
    (BACK, "E[Y | do(A ~ Categorical(0.2, 0.3, 0.5))]"),
    (BACK, "E[Y[A=0] | A=1]"),
    (BACK, "E[Y[A=1] | A=1] - E[Y[A=0] | A=1]"),
    (BACK, "E[Y[A=2] | A=0, X=1]"),
    (BACK, "P(Y[A=2]=1 | A=0)"),
    (MEDIATED, "E[Y[A=1, M[A=0]]] - E[Y[A=0]]"),
    (MEDIATED, "E[Y[A=2, M[A=1]]] / E[Y[A=1, M[A=2]]]"),
    ("A -> M -> Y; A <-> Y", "E[Y[A=1] | A=0]"),
    (FRONT, "E[Y | do(A=1)] - E[Y | do(A=0)]"),
    (FRONT, "E[Y | do(A)]"),
    (TURN, "E[Y | do(A=1, B=1)]"),
]


@pytest.mark.parametrize(("graph", "question"), CASES)
def test_scores_are_the_exact_derivative(graph: str, question: str) -> None:
    study = umbel.Study(rows(1))
    asked = target(graph, question)
    learners = {"outcome": Saturated(), "treatment": Saturated(), "folds": 1}
    methods = [
        one for one in (AIPW(**learners), APIPW(**learners)) if isinstance(one.supports(asked, study), Supported)
    ]  # type: ignore[arg-type]
    assert methods, "no doubly robust estimator takes this estimand"
    exact = estimated(graph, question, study, DiscretePlugIn())
    for one in methods:
        found = estimated(graph, question, study, one)
        assert [row.given for row in found.rows] == [row.given for row in exact.rows]
        for own, other in zip(found.rows, exact.rows, strict=True):
            assert own.value == pytest.approx(other.value, rel=EXACT)
            assert own.se == pytest.approx(other.se, rel=EXACT)
