"""Certified ends by listing vertices: exact where all laws but one have shadows with few vertices.

What a polynomial reads of a law is the span of its slopes, a few linear forms; its optimum lies at a
vertex of the law's shadow under them (``numerics/vertices.py``). With every law but one at a vertex,
a linear program ends the search. Where two or more laws have no such list, branch and bound
(``numerics/mccormick.py``) takes what is left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.branching import Certified
from umbel.numerics.mccormick import branched
from umbel.numerics.multilinear import Known, Polynomial, Term, bilinear, descended, slope, value
from umbel.numerics.pairs import paired
from umbel.numerics.polytope import Polytope
from umbel.numerics.relaxation import Law
from umbel.numerics.vertices import MOST_DIMENSIONS, free_forms, vertices

Array = NDArray[np.float64]

SAMPLES = MOST_DIMENSIONS + 3
FLAT = 4
"""Dimensions of a shadow up to which its vertices are sooner listed than the pair is branched on."""
MOST_PARTS = 50_000
"""Vertices of all listed laws together up to which each is visited."""
SHARE = 0.6
"""Part of the time for visiting them; branch and bound on the whole has the rest."""
SHORTEST = 0.3
"""Seconds that a part is worth branching for."""
MIXED = 4
"""Vertices in a random law: their mixture lies in general position."""


class _Late(Exception):
    """The time for listing is over."""


Lists = Mapping[int, Array]
"""Laws at the vertices of a law's shadow, shape (vertices, states), by law."""


@dataclass(slots=True)
class _Search:
    """What all parts of a search share: the problem and the best so far."""

    laws: Sequence[Law]
    polytopes: Sequence[Polytope]
    gap: float
    rng: np.random.Generator
    best: float
    found: tuple[Array, ...] | None = None
    nodes: int = 0
    parts: bool = True

    def offer(self, number: float, laws: Sequence[Array]) -> None:
        """Keep a model that attains less than the best."""
        if number < self.best:
            self.best, self.found = number, tuple(laws)


def certified(
    polynomial: Polynomial,
    laws: Sequence[Law],
    polytopes: Sequence[Polytope],
    *,
    attained: float,
    rng: np.random.Generator,
    lists: Lists | None = None,
    outside: float = -np.inf,
    gap: float = 5e-4,
    seconds: float = 20.0,
) -> Certified:
    """Bound a multilinear polynomial from below, over laws that meet their conditions.

    Parameters
    ----------
    polynomial
        Its factors are nonnegative tables.
    laws, polytopes
        Equations of each law, and the laws that meet them (and declared limits).
    attained
        A value that is attained.
    rng
        Source of laws in general position.
    lists
        What :func:`listed` found for this polynomial or its negative; None: found here.
    outside
        A value below which it is known not to fall.
    gap
        Stop when the certified and the attained value are this close.
    seconds
        Stop after this time; the value is certified all the same.

    Returns
    -------
    Certified
        Its ``value`` is exact to 1e-6 where it met no branch and bound.
    """
    ends = time.monotonic() + seconds
    search = _Search(laws, polytopes, gap, rng, attained)
    start = [_mixed(one, law.states, rng) for one, law in zip(polytopes, laws, strict=True)]
    if lists is None:
        lists = listed(polynomial, laws, polytopes, rng=rng)
    try:
        if math.prod(len(points) for points in lists.values()) > MOST_PARTS:
            raise _Late
        floor = _least(search, polynomial, start, lists, ends - (1 - SHARE) * seconds)
    except _Late:  # too many parts, or parts too hard, for a good floor of each: one floor for all
        search.parts = False
        floor = _branched(search, polynomial, start, ends)
    floor = min(max(floor, outside), search.best)
    return Certified.of(floor, search.nodes, search.best, gap, search.found)


def listed(
    polynomial: Polynomial, laws: Sequence[Law], polytopes: Sequence[Polytope], *, rng: np.random.Generator
) -> Lists:
    """Vertices of all laws but two, as far as these are few; laws with few dimensions first."""
    free = polynomial.laws
    found: dict[int, Array] = {}
    if len(free) <= 2:
        return found
    shadows = {law: _shadow(polynomial, law, laws, polytopes, rng) for law in free}
    for law in sorted(free, key=lambda law: len(shadows[law])):
        points = vertices(polytopes[law], shadows[law])
        if points is not None:
            found[law] = points
        if len(found) == len(free) - 2:
            break
    return found


def _shadow(
    polynomial: Polynomial, law: int, laws: Sequence[Law], polytopes: Sequence[Polytope], rng: np.random.Generator
) -> Array:
    """What the polynomial reads of a law, as independent forms: the span of its slopes."""
    slopes = []
    for _ in range(SAMPLES):
        others = [_mixed(one, its.states, rng) for one, its in zip(polytopes, laws, strict=True)]
        slopes.append(slope(polynomial, others, law, laws[law].states))
    return free_forms(np.array(slopes), laws[law].rows)


def _least(search: _Search, polynomial: Polynomial, at: list[Array], lists: Lists, ends: float) -> float:
    """A floor of the polynomial over its laws; ``at`` holds those that are fixed already."""
    if time.monotonic() > ends and search.parts:
        raise _Late
    search.nodes += 1
    free = polynomial.laws
    if not free:
        search.offer(polynomial.constant, at)
        return polynomial.constant
    if len(free) == 1:
        (law,) = free
        end = search.polytopes[law].minimum(slope(polynomial, at, law, search.laws[law].states))
        below = [*at[:law], end.point, *at[law + 1 :]]
        number = value(polynomial, below)
        search.offer(number, below)
        return number
    if len(free) == 2:
        return _pair(search, polynomial, at, lists, ends)
    if not any(law in lists for law in free):
        lists = listed(polynomial, search.laws, search.polytopes, rng=search.rng)
    law = min((law for law in free if law in lists), key=lambda law: len(lists[law]), default=-1)
    if law < 0:
        return _branched(search, polynomial, at, ends)
    floor = np.inf
    for done, point in enumerate(lists[law]):
        below = [*at[:law], point, *at[law + 1 :]]
        now = time.monotonic()
        share = now + (ends - now) / (len(lists[law]) - done)
        floor = min(floor, _least(search, fixed(polynomial, law, point), below, lists, share))
    return floor


def _pair(search: _Search, polynomial: Polynomial, at: list[Array], lists: Lists, ends: float) -> float:
    """Two laws, ``x' Q y``: a program for one at every vertex of the other's shadow, where it has few dimensions."""
    first, second = polynomial.laws
    matrix = bilinear(polynomial, first, second, [law.states for law in search.laws])
    options = [(first, second, matrix), (second, first, matrix.T)]
    known = [one for one in options if one[0] in lists]
    if known:
        law, other, table = min(known, key=lambda one: len(lists[one[0]]))
        points: Array | None = lists[law]
    else:
        forms = []
        for law, other, table in options:
            slopes = [table @ _mixed(search.polytopes[other], table.shape[1], search.rng) for _ in range(SAMPLES)]
            forms.append(free_forms(np.array(slopes), search.laws[law].rows))
        shorter = int(len(forms[1]) < len(forms[0]))
        law, other, table = options[shorter]
        points = vertices(search.polytopes[law], forms[shorter]) if len(forms[shorter]) <= FLAT else None
    if points is None:
        return _branched(search, polynomial, at, ends)
    floor = np.inf
    for point, direction in zip(points, points @ table, strict=True):
        end = search.polytopes[other].minimum(direction)
        floor = min(floor, end.value)
        if end.value < search.best:
            below = list(at)
            below[law], below[other] = point, end.point
            search.offer(end.value, below)
    return floor


def _branched(search: _Search, polynomial: Polynomial, at: list[Array], ends: float) -> float:
    """Branch and bound on what is left."""
    seconds = ends - time.monotonic()
    if seconds < SHORTEST and search.parts:
        raise _Late

    def descend(laws: Sequence[Array]) -> tuple[float, tuple[Array, ...]]:
        inside = list(at)
        for law in polynomial.laws:
            inside[law] = search.polytopes[law].minimum(-laws[law]).point
        reached = descended(polynomial, search.polytopes, inside)
        return reached.value, reached.laws

    if len(polynomial.laws) == 2:
        first, second = polynomial.laws
        sizes = [law.states for law in search.laws]

        def descend_two(pair: Sequence[Array]) -> tuple[float, tuple[Array, ...]]:
            inside = list(at)
            inside[first], inside[second] = pair
            return descend(inside)

        found = paired(
            bilinear(polynomial, first, second, sizes),
            search.laws[first],
            search.laws[second],
            attained=search.best,
            descend=descend_two,
            gap=search.gap,
            seconds=seconds,
        )
    else:
        found = branched(
            polynomial, search.laws, attained=search.best, descend=descend, gap=search.gap, seconds=seconds
        )
    search.nodes += found.nodes
    if found.laws is not None:
        search.offer(found.attained, found.laws)
    return found.value


def _mixed(laws: Polytope, states: int, rng: np.random.Generator) -> Array:
    points = np.array([laws.minimum(rng.standard_normal(states)).point for _ in range(MIXED)])
    return np.asarray(rng.dirichlet(np.ones(MIXED)) @ points)


def fixed(polynomial: Polynomial, law: int, point: Array) -> Polynomial:
    """The polynomial with one law given."""
    terms = []
    for term in polynomial.terms:
        known = [Known(one.labels, np.tensordot(point, one.table, 1)) for one in term.factors if one.law == law]
        factors = tuple(one for one in term.factors if one.law != law)
        terms.append(Term(term.weight, factors, (*term.known, *known)))
    return Polynomial(tuple(terms), polynomial.constant).gathered()
