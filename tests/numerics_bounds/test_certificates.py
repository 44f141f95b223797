"""Certified least values by three routes, against each other and against every vertex listed by brute force."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from umbel.errors import MissingExtra
from umbel.numerics.enumerated import certified, listed
from umbel.numerics.mccormick import branched, floor_of
from umbel.numerics.multilinear import Factor, Known, Polynomial, Term, bilinear, descended, value
from umbel.numerics.pairs import paired
from umbel.numerics.polytope import Polytope
from umbel.numerics.relaxation import Law
from umbel.numerics.scip import by_scip
from umbel.numerics.vertices import free_forms, vertices

EXACT = 1e-6  # programs are exact to 1e-9, hulls to 1e-8
GAP = 5e-4


def basic_laws(law: Law) -> np.ndarray:
    """Every vertex of a law's polytope, from its bases."""
    rows = np.vstack([np.ones((1, law.states)), law.rows])
    right = np.append(1.0, law.right)
    found = []
    for size in range(1, len(rows) + 1):
        for columns in itertools.combinations(range(law.states), size):
            chosen = rows[:, columns]
            if np.linalg.matrix_rank(chosen) < size:
                continue
            part, *_ = np.linalg.lstsq(chosen, right, rcond=None)
            if np.abs(chosen @ part - right).max() < 1e-9 and part.min() > -1e-9:
                point = np.zeros(law.states)
                point[list(columns)] = np.maximum(part, 0.0)
                found.append(point)
    return np.unique(np.round(np.array(found), 10), axis=0)


def a_law(rng: np.random.Generator, states: int, conditions: int) -> Law:
    rows = (rng.random((conditions, states)) < 0.5).astype(float)
    return Law(rows, rows @ rng.dirichlet(np.ones(states)))


def a_problem(seed: int, count: int) -> tuple[Polynomial, list[Law]]:
    """Laws of 5 states that meet in a ring of binary labels, weights of both signs."""
    rng = np.random.default_rng(seed)
    laws = [a_law(rng, 5, int(rng.integers(3))) for _ in range(count)]
    terms = []
    for sign in (1.0, -1.0):
        factors = tuple(
            Factor(at, (at, (at + 1) % count), (rng.random((5, 2, 2)) < 0.5).astype(float)) for at in range(count)
        )
        terms.append(Term(sign, factors, (Known((0,), rng.random(2)),)))
    return Polynomial(tuple(terms), 0.25), laws


def truth(polynomial: Polynomial, laws: Sequence[Law]) -> float:
    return min(value(polynomial, at) for at in itertools.product(*(basic_laws(law) for law in laws)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [2, 3])
def test_listed_vertices_end_at_the_least_of_all(seed: int, count: int) -> None:
    polynomial, laws = a_problem(seed, count)
    polytopes = [Polytope(law.rows, law.right) for law in laws]
    wanted = truth(polynomial, laws)
    rng = np.random.default_rng(seed)
    found = certified(polynomial, laws, polytopes, attained=1e3, rng=rng, gap=1e-9)
    assert found.value == pytest.approx(wanted, abs=EXACT)
    assert found.laws is not None
    assert value(polynomial, found.laws) == pytest.approx(found.attained, abs=EXACT)
    for law, at in zip(laws, found.laws, strict=True):
        assert law.rows @ at == pytest.approx(law.right, abs=EXACT)


@pytest.mark.parametrize("seed", range(6))
def test_branch_and_bound_meets_it_too(seed: int) -> None:
    polynomial, laws = a_problem(seed, 2)
    polytopes = [Polytope(law.rows, law.right) for law in laws]
    wanted = truth(polynomial, laws)

    def descend(at: Sequence[np.ndarray]) -> tuple[float, tuple[np.ndarray, ...]]:
        inside = [one.minimum(-law).point for one, law in zip(polytopes, at, strict=True)]
        reached = descended(polynomial, polytopes, inside)
        return reached.value, reached.laws

    loose = descend([np.full(5, 0.2), np.full(5, 0.2)])[0] + 0.5
    assert floor_of(polynomial) <= wanted
    table = bilinear(polynomial, 0, 1, [5, 5])
    for found in (
        branched(polynomial, laws, attained=loose, descend=descend, gap=GAP),
        paired(table, laws[0], laws[1], attained=loose, descend=descend, gap=GAP),
    ):
        assert found.closed
        assert wanted - GAP * 1.01 <= found.value <= wanted + EXACT
        assert found.attained >= wanted - EXACT


def test_time_that_is_over_leaves_a_valid_floor() -> None:
    polynomial, laws = a_problem(1, 3)
    found = branched(polynomial, laws, attained=1e3, descend=lambda at: (1e3, tuple(at)), seconds=-1.0)
    assert not found.closed
    assert floor_of(polynomial) <= found.value <= truth(polynomial, laws) + EXACT


@pytest.mark.parametrize("seed", range(8))
def test_vertices_of_a_shadow_are_those_of_every_vertex_seen(seed: int) -> None:
    """A linear form has its extremes at listed vertices, and every listed one is extreme for some form."""
    rng = np.random.default_rng(seed)
    law = a_law(rng, 7, 2)
    laws = Polytope(law.rows, law.right)
    forms = free_forms(rng.random((3, 7)), law.rows)
    found = vertices(laws, forms)
    assert found is not None
    everyone = basic_laws(law)
    for _ in range(50):
        direction = rng.standard_normal(len(forms)) @ forms
        assert (found @ direction).min() == pytest.approx((everyone @ direction).min(), abs=EXACT)
    assert len(np.unique(np.round(found @ forms.T, 6), axis=0)) == len(found)
    assert law.rows @ found.T == pytest.approx(np.tile(law.right[:, None], len(found)), abs=EXACT)


def test_a_cube_has_its_corners_and_a_point_itself() -> None:
    pairs = np.kron(np.eye(3), np.ones((1, 2)))  # three coins, each of mass 1/3
    cube = Polytope(pairs, np.full(3, 1 / 3))
    corners = vertices(cube, np.eye(6)[::2])
    assert corners is not None and len(corners) == 8
    still = Polytope(np.eye(3), np.array([0.2, 0.3, 0.5]))
    alone = vertices(still, np.array([[1.0, 0.0, 0.0]]))  # a direction without width
    assert alone is not None and alone == pytest.approx(np.array([[0.2, 0.3, 0.5]]))


def test_lists_serve_both_ends() -> None:
    polynomial, laws = a_problem(3, 3)
    polytopes = [Polytope(law.rows, law.right) for law in laws]
    lists = listed(polynomial, laws, polytopes, rng=np.random.default_rng(0))
    assert len(lists) == 1  # all laws but two
    turned = Polynomial(tuple(Term(-t.weight, t.factors, t.known) for t in polynomial.terms), -polynomial.constant)
    found = certified(turned, laws, polytopes, attained=1e3, rng=np.random.default_rng(1), lists=lists)
    assert found.value == pytest.approx(truth(turned, laws), abs=EXACT)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [2, 3])
def test_scip_agrees(seed: int, count: int) -> None:
    pytest.importorskip("pyscipopt")
    polynomial, laws = a_problem(seed, count)
    wanted = truth(polynomial, laws)
    found = by_scip(polynomial, laws, attained=wanted + 0.5, gap=GAP)
    assert found.closed
    assert wanted - GAP <= found.value <= wanted + 1e-5  # SCIP's own tolerance is 1e-6


def test_without_scip_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyscipopt", None)
    polynomial, laws = a_problem(0, 2)
    with pytest.raises(MissingExtra, match=r"umbel\[certify\]"):
        by_scip(polynomial, laws, attained=1.0)
