"""Linear programs, interior points, EM and relaxations against small truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from umbel.numerics.causal_em import causal_em, starts
from umbel.numerics.interior import likeliest
from umbel.numerics.mccormick import branched
from umbel.numerics.multilinear import Factor, Polynomial, Term, alternating, descended
from umbel.numerics.polytope import Polytope, merged, ratio
from umbel.numerics.relaxation import Law

EXACT = 1e-7


def problem(seed: int, states: int, patterns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = (rng.random((patterns, states)) < 0.4).astype(float)
    return rows, rng.dirichlet(np.full(states, 0.4))


@pytest.mark.parametrize("seed", range(5))
def test_programs_agree_with_another_solver(seed: int) -> None:
    rows, law = problem(seed, 30, 8)
    right = rows @ law
    laws = Polytope(rows, right)
    assert laws.feasible
    rng = np.random.default_rng(seed)
    for _ in range(4):  # hot starts must not remember the last objective
        goal = rng.standard_normal(30)
        theirs = linprog(goal, A_eq=np.vstack([rows, np.ones(30)]), b_eq=np.append(right, 1.0), method="highs-ipm")
        assert laws.minimum(goal).value == pytest.approx(theirs.fun, abs=EXACT)
        assert laws.maximum(-goal).value == pytest.approx(-theirs.fun, abs=EXACT)


def test_a_ratio_is_bounded_exactly() -> None:
    rows, law = problem(3, 20, 5)
    right = rows @ law
    rng = np.random.default_rng(0)
    top, bottom = rng.random(20), rng.random(20) + 0.1
    found = ratio(Polytope(rows, right), top, bottom, rows=rows, right=right)
    assert found is not None
    low, high = found
    for end, sign in ((low, 1.0), (high, -1.0)):  # Dinkelbach: at the optimum t, the best of top - t bottom is 0
        laws = Polytope(rows, right)
        assert laws.minimum(sign * (top - end.value * bottom)).value == pytest.approx(0.0, abs=EXACT)
        assert rows @ end.point == pytest.approx(right, abs=1e-6)
    assert ratio(Polytope(rows, right), top, np.zeros(20), rows=rows, right=right) is None


def test_an_infeasible_polytope_says_so() -> None:
    assert not Polytope(np.eye(2), np.array([0.7, 0.7])).feasible


def test_merged_columns() -> None:
    block = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    kept, owner = merged(block)
    assert len(kept) == 3
    assert np.array_equal(block[:, kept][:, owner], block)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("states", "patterns"), [(6, 12), (40, 8)])
def test_the_likeliest_law(seed: int, states: int, patterns: int) -> None:
    rows, law = problem(seed, states, patterns)
    counts = np.random.default_rng(seed).poisson(300 * rows @ law).astype(float)
    found = likeliest(rows, counts)
    assert found.gap < 1e-5
    assert found.law.sum() == pytest.approx(1.0)
    em = causal_em(rows, counts, starts(states, 5, rng=np.random.default_rng(1)), gap=1e-6, steps=200_000)
    reached = np.log(np.maximum(em.laws @ rows[counts > 0].T, 1e-300)) @ counts[counts > 0]
    assert reached.max() == pytest.approx(found.value, abs=1e-4)
    assert (reached <= found.value + found.gap + 1e-8).all()
    assert (found.value - reached <= em.gaps + 1e-5).all()  # the certificate of every restart holds


def test_a_tilted_likelihood_has_the_optimum_of_a_general_solver() -> None:
    rows, law = problem(2, 5, 7)
    counts = np.round(200 * rows @ law)
    tilt = np.array([0.0, 3.0, -5.0, 8.0, 1.0])
    found = likeliest(rows, counts, tilt=tilt)
    shown = counts > 0

    def loss(x: np.ndarray) -> float:
        return float(tilt @ x - counts[shown] @ np.log(np.maximum(rows[shown] @ x, 1e-12)))

    other = minimize(
        loss,
        np.full(5, 0.2),
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert loss(found.law) <= other.fun + 1e-5


@pytest.mark.parametrize("seed", range(6))
def test_relaxations_hold_the_optimum_of_a_grid(seed: int) -> None:
    """Two coins and a free 2 x 2 table of weights: the bilinear optimum lies at vertices, listed here."""
    rng = np.random.default_rng(seed)
    first, second = rng.random((3, 2)), rng.random((3, 2))
    weights = rng.random((2, 2))
    from umbel.numerics.multilinear import Known

    polynomial = Polynomial((Term(1.0, (Factor(0, (0,), first), Factor(1, (1,), second)), (Known((0, 1), weights),)),))
    none = np.zeros((0, 3))
    laws = [Law(none, np.zeros(0))] * 2
    vertices = first @ weights @ second.T
    polytopes = [Polytope(none, np.zeros(0)) for _ in range(2)]
    best = alternating(polynomial, polytopes, [3, 3], starts=8, rng=rng)
    assert best.value == pytest.approx(vertices.min(), abs=EXACT)
    found = branched(
        polynomial,
        laws,
        attained=best.value,
        descend=lambda at: (lambda one: (one.value, one.laws))(descended(polynomial, polytopes, at)),
    )
    assert found.closed
    assert found.value <= vertices.min() + EXACT
    assert found.value >= vertices.min() - 1e-3


def test_plain_and_squared_em_end_alike() -> None:
    rows, law = problem(4, 12, 6)
    counts = 400 * rows @ law
    begun = starts(12, 4, rng=np.random.default_rng(0))
    plain = causal_em(rows, counts, begun, gap=1e-4, steps=200_000, squared=False)
    squared = causal_em(rows, counts, begun, gap=1e-4, steps=200_000)
    assert (plain.gaps <= 1e-4).all() and (squared.gaps <= 1e-4).all()
    assert squared.steps < plain.steps
    assert rows @ squared.laws[0] == pytest.approx(rows @ plain.laws[0], abs=1e-2)  # the fitted law is unique
