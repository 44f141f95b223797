"""Policies through blocks among covariates that are numbers: fitted models against quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel
from umbel.numerics.equilibrium import stationary

GRAPH = "Cl -> Al; Cr -> Ar; Al -- Ar; { Cl Al Ar } -> Y"
QUESTION = "E[Y | do(Al ~ Bernoulli(0.2 + 0.6*Ar))]"
PULL = 0.8


def _conditional(c: np.ndarray, base: float, slope: float, other: int) -> np.ndarray:
    return expit(base + slope * c + PULL * other)


def _law(cl: np.ndarray, cr: np.ndarray, rule: bool) -> np.ndarray:
    """Where the two settle, shape (points, Al, Ar)."""
    left, right = np.empty((len(cl), 2, 2)), np.empty((len(cl), 2, 2))
    for other in (0, 1):
        one = np.full(len(cl), 0.2 + 0.6 * other) if rule else _conditional(cl, -0.3, 0.7, other)
        left[:, 1, other], left[:, 0, other] = one, 1 - one
        one = _conditional(cr, 0.1, -0.6, other)
        right[:, other, 1], right[:, other, 0] = one, 1 - one
    return stationary([left, right])


def _mean(cl: np.ndarray, al: int, ar: int) -> np.ndarray:
    return 0.5 + 0.4 * cl + 0.9 * al - 0.6 * ar


def _truth() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    weights = weights / weights.sum()
    cl, cr = (grid.ravel() for grid in np.meshgrid(nodes, nodes, indexing="ij"))
    mass = np.multiply.outer(weights, weights).ravel()
    law = _law(cl, cr, rule=True)
    return float(sum((mass * law[:, a, b] * _mean(cl, a, b)).sum() for a in (0, 1) for b in (0, 1)))


def _rows(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    cl, cr = rng.normal(size=count), rng.normal(size=count)
    ladder = _law(cl, cr, rule=False).reshape(count, 4).cumsum(axis=1)
    place = (rng.uniform(size=(count, 1)) > ladder[:, :-1]).sum(axis=1)
    al, ar = np.unravel_index(place, (2, 2))
    y = 0.5 + 0.4 * cl + 0.9 * al - 0.6 * ar + rng.normal(size=count)
    return {"Cl": cl, "Cr": cr, "Al": al, "Ar": ar, "Y": y}


def test_fitted_models_settle_blocks_among_numbers() -> None:
    answer = umbel.solve(GRAPH, QUESTION, umbel.Study(_rows(2000, np.random.default_rng(0))))
    assert answer.estimate is not None and answer.estimate.method == "kernels"
    assert answer.value is not None and answer.estimate.se is not None
    assert abs(answer.value - _truth()) < 4 * answer.estimate.se
    assert answer.estimate.se < 0.08


def test_rules_that_never_settle_are_refused() -> None:
    rows = _rows(500, np.random.default_rng(1))
    answer = umbel.solve(GRAPH, "E[Y | do(Al ~ Point(Ar), Ar ~ Point(Al))]", umbel.Study(rows))
    assert answer.refusal is not None
    assert "depends on where it starts" in answer.refusal.why


def test_models_agree_with_cells_where_all_is_discrete() -> None:
    rng = np.random.default_rng(2)
    rows = _rows(2000, rng)
    rows |= {name: (rows[name] > 0).astype(int) for name in ("Cl", "Cr")}
    cells, kernels = (
        umbel.solve(GRAPH, QUESTION, umbel.Study(rows), method=umbel.MethodSpec(name=name))
        for name in ("cells", "kernels")
    )
    assert cells.value is not None and kernels.value is not None and cells.estimate is not None
    assert kernels.value == pytest.approx(cells.value, abs=2 * float(cells.estimate.se or 0.0))
