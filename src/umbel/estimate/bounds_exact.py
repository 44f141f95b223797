"""Ends of a programme over laws that meet linear conditions: exact, attained, certified.

One law that is not determined: a linear program an end, or Charnes and Cooper's for a ratio.
Several: alternating programs attain, branch and bound certifies from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.bounds_margins import Margins
from umbel.numerics.enumerated import Lists, certified, listed
from umbel.numerics.multilinear import (
    Attained,
    Factor,
    Polynomial,
    Term,
    alternating,
    combined,
    settled,
    slope,
    value,
)
from umbel.numerics.polytope import Polytope, merged, ratio
from umbel.numerics.relaxation import Law
from umbel.numerics.scip import by_scip

Array = NDArray[np.float64]

STARTS = 12
AGREE = 1e-3
"""Attained and certified ends that are this close make a bound sharp."""
NEWTON = 20
POSITIVE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What is known of one law: ``rows x = right``, and declared limits that read it alone."""

    rows: Array
    right: Array
    limits: Array
    lower: Array
    upper: Array


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Ends of an interval.

    Parameters
    ----------
    lower, upper
        Certified from outside.
    attained
        What witness models attain.
    witnesses
        Laws of every block at the attained ends.
    engine
        "linear program", "fractional program", "branch and bound", "SCIP" or "identified".
    nodes
        Relaxations that were solved.
    """

    lower: float
    upper: float
    attained: tuple[float, float]
    witnesses: tuple[tuple[Array, ...], tuple[Array, ...]]
    engine: str
    nodes: int = 0

    @property
    def closed(self) -> bool:
        """Whether attained and certified ends agree."""
        return self.attained[0] - self.lower <= AGREE and self.upper - self.attained[1] <= AGREE


Engine = Literal["programs", "scip"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How certified ends are found: the source of starting points, seconds an end, and by whom."""

    rng: np.random.Generator
    seconds: float
    engine: Engine


class Undefined(Exception):
    """The condition of the question has probability zero in every law."""


@dataclass(frozen=True, slots=True, eq=False)
class _Small:
    """The programme over distinct columns only: states that no condition and no factor tells apart."""

    numerator: Polynomial
    denominator: Polynomial
    conditions: tuple[Conditions, ...]
    kept: tuple[NDArray[np.intp], ...]
    sizes: tuple[int, ...]

    def whole(self, laws: Sequence[Array]) -> tuple[Array, ...]:
        """Laws of all states from laws of the representatives."""
        found = []
        for law, kept, size in zip(laws, self.kept, self.sizes, strict=True):
            full = np.zeros(size)
            full[kept] = law
            found.append(full)
        return tuple(found)


def ends(
    numerator: Polynomial,
    denominator: Polynomial,
    conditions: Sequence[Conditions],
    *,
    rng: np.random.Generator,
    seconds: float = 20.0,
    margins: Margins = (),
    engine: Engine = "programs",
) -> Ends:
    """Least and largest ratio of two polynomials over laws that meet their conditions.

    Parameters
    ----------
    numerator, denominator
        In the laws that ``conditions`` lists; a polynomial without terms is its constant.
    conditions
        Per law; each must be feasible.
    rng
        Source of starting vertices.
    seconds
        Time for certifying each end.
    margins
        Single events of the numerator, which bound it where certifying takes too long.
    engine
        What certifies a multilinear question: our programs, or SCIP.

    Raises
    ------
    Undefined
        When the denominator is zero throughout.
    """
    effort = Effort(rng, seconds, engine)
    small = _shrunk(numerator, denominator, conditions)
    polytopes = [_polytope(one) for one in small.conditions]
    rows = [one.rows for one in small.conditions]
    top = settled(small.numerator, polytopes, rows)
    bottom = settled(small.denominator, polytopes, rows)
    if not bottom.terms:
        if bottom.constant <= POSITIVE:
            raise Undefined
        # What stands above a condition is part of it, so that no term is larger than it.
        conditional = combined((1.0 / bottom.constant, top))
        found = _polynomial(conditional, small, polytopes, effort, min(bottom.constant, 1.0))
    elif len({*top.laws, *bottom.laws}) == 1 and not any(len(one.lower) for one in small.conditions):
        found = _fractional(top, bottom, small, polytopes)
    else:
        found = _by_newton(top, bottom, small, polytopes, effort)
    witnesses = (small.whole(found.witnesses[0]), small.whole(found.witnesses[1]))
    low, high = found.lower, found.upper
    if margins and not found.closed and not denominator.terms:
        least, most = _by_events(numerator.constant, margins, conditions, effort)
        low = min(max(low, least / denominator.constant), found.attained[0])
        high = max(min(high, most / denominator.constant), found.attained[1])
    return Ends(low, high, found.attained, witnesses, found.engine, found.nodes)


def _by_events(
    constant: float, margins: Margins, conditions: Sequence[Conditions], effort: Effort
) -> tuple[float, float]:
    """What the single events allow, each bounded by itself."""
    least = most = constant
    share = effort.seconds / sum(2 * len(events) for _, events in margins)
    for weight, events in margins:
        own = [
            ends(one, Polynomial((), 1.0), conditions, rng=effort.rng, seconds=share, engine=effort.engine)
            for one in events
        ]
        low = max(0.0, sum(one.lower for one in own) - (len(own) - 1))
        high = min(one.upper for one in own)
        least += weight * (low if weight > 0 else high)
        most += weight * (high if weight > 0 else low)
    return least, most


def _shrunk(numerator: Polynomial, denominator: Polynomial, conditions: Sequence[Conditions]) -> _Small:
    kept = []
    for law, one in enumerate(conditions):
        tables = [
            factor.table.reshape(factor.table.shape[0], -1).T
            for polynomial in (numerator, denominator)
            for term in polynomial.terms
            for factor in term.factors
            if factor.law == law
        ]
        kept.append(merged(one.rows, one.limits, *tables)[0])

    def short(polynomial: Polynomial) -> Polynomial:
        terms = tuple(
            Term(
                term.weight,
                tuple(Factor(one.law, one.labels, one.table[kept[one.law]]) for one in term.factors),
                term.known,
            )
            for term in polynomial.terms
        )
        return Polynomial(terms, polynomial.constant)

    fewer = tuple(
        Conditions(one.rows[:, at], one.right, one.limits[:, at], one.lower, one.upper)
        for one, at in zip(conditions, kept, strict=True)
    )
    sizes = tuple(one.rows.shape[1] for one in conditions)
    return _Small(short(numerator), short(denominator), fewer, tuple(kept), sizes)


def _polytope(one: Conditions) -> Polytope:
    return Polytope(one.rows, one.right, inequalities=one.limits, lower=one.lower, upper=one.upper)


def _some(polytopes: Sequence[Polytope], sizes: Sequence[int]) -> list[Array]:
    return [one.minimum(np.zeros(size)).point for one, size in zip(polytopes, sizes, strict=True)]


def _polynomial(
    polynomial: Polynomial,
    small: _Small,
    polytopes: Sequence[Polytope],
    effort: Effort,
    share: float = 1.0,
) -> Ends:
    """Ends of a sum of probabilities, each at most ``share``."""
    sizes = [one.rows.shape[1] for one in small.conditions]
    some = _some(polytopes, sizes)
    laws = polynomial.laws
    if not laws:
        number = polynomial.constant
        return Ends(number, number, (number, number), (tuple(some), tuple(some)), "identified")
    if _separable(polynomial):
        at: list[list[Array]] = [list(some), list(some)]
        for law in laws:
            direction = slope(polynomial, some, law, sizes[law])
            at[0][law] = polytopes[law].minimum(direction).point
            at[1][law] = polytopes[law].maximum(direction).point
        low, high = value(polynomial, at[0]), value(polynomial, at[1])
        return Ends(low, high, (low, high), (tuple(at[0]), tuple(at[1])), "linear program")
    equations = [Law(one.rows, one.right) for one in small.conditions]
    lists = listed(polynomial, equations, polytopes, rng=effort.rng)
    found = []
    for sign in (1.0, -1.0):
        found.append(_least(combined((sign, polynomial)), small, polytopes, effort, lists, share))
    (low, lowest, first), (high, highest, second) = found
    return Ends(
        min(low, lowest.value),
        max(-high, -highest.value),
        (lowest.value, -highest.value),
        (lowest.laws, highest.laws),
        "SCIP" if effort.engine == "scip" else "branch and bound",
        first + second,
    )


def _separable(polynomial: Polynomial) -> bool:
    """Whether no term multiplies two laws: then each law is a linear program of its own."""
    return all(len(term.factors) == 1 for term in polynomial.terms)


def _least(
    polynomial: Polynomial,
    small: _Small,
    polytopes: Sequence[Polytope],
    effort: Effort,
    lists: Lists | None = None,
    share: float = 1.0,
) -> tuple[float, Attained, int]:
    """Certified least value, what attains it, and the number of relaxations; no term is larger than ``share``."""
    sizes = [one.rows.shape[1] for one in small.conditions]
    best = alternating(polynomial, polytopes, sizes, starts=STARTS, rng=effort.rng)
    equations = [Law(one.rows, one.right) for one in small.conditions]
    if effort.engine == "scip":
        other = by_scip(polynomial, equations, attained=best.value, gap=AGREE / 2, seconds=effort.seconds)
        return min(other.value, best.value), best, other.nodes
    outer = certified(
        polynomial,
        equations,
        polytopes,
        attained=best.value,
        rng=effort.rng,
        lists=lists,
        outside=polynomial.constant + share * sum(min(term.weight, 0.0) for term in polynomial.terms),
        gap=AGREE / 2,
        seconds=effort.seconds,
    )
    if outer.laws is not None and outer.attained < best.value:
        best = Attained(outer.attained, outer.laws)
    return min(outer.value, best.value), best, outer.nodes


def _fractional(top: Polynomial, bottom: Polynomial, small: _Small, polytopes: Sequence[Polytope]) -> Ends:
    sizes = [one.rows.shape[1] for one in small.conditions]
    some = _some(polytopes, sizes)
    (law,) = {*top.laws, *bottom.laws}
    one = small.conditions[law]
    # Over laws, a constant is the constant times the sum of the law.
    above = slope(top, some, law, sizes[law]) + top.constant
    below = slope(bottom, some, law, sizes[law]) + bottom.constant
    found = ratio(polytopes[law], above, below, rows=one.rows, right=one.right)
    if found is None:
        raise Undefined
    laws = [[*some[:law], end.point, *some[law + 1 :]] for end in found]
    low, high = found[0].value, found[1].value
    return Ends(low, high, (low, high), (tuple(laws[0]), tuple(laws[1])), "fractional program")


def _by_newton(
    top: Polynomial,
    bottom: Polynomial,
    small: _Small,
    polytopes: Sequence[Polytope],
    effort: Effort,
) -> Ends:
    """A ratio of polynomials: Dinkelbach's iteration, each step certified (Management Science 13, 1967)."""
    least = _polynomial(bottom, small, polytopes, effort)
    if least.upper <= POSITIVE:
        raise Undefined
    floor = max(least.lower, POSITIVE)
    found = []
    for sign in (1.0, -1.0):
        laws: tuple[Array, ...] = least.witnesses[1]
        at = sign * value(top, laws) / value(bottom, laws)
        low, nodes = at, 0
        for _ in range(NEWTON):
            below, reached, more = _least_or_linear(combined((sign, top), (-at, bottom)), small, polytopes, effort)
            nodes += more
            low = at + min(below, 0.0) / floor
            if reached.value >= -1e-9 or value(bottom, reached.laws) <= POSITIVE:
                break
            laws = reached.laws
            at = sign * value(top, laws) / value(bottom, laws)
        found.append((low, at, laws, nodes))
    (low, lowest, first, some), (high, highest, second, more) = found
    return Ends(low, -high, (lowest, -highest), (first, second), "branch and bound", some + more)


def _least_or_linear(
    polynomial: Polynomial, small: _Small, polytopes: Sequence[Polytope], effort: Effort
) -> tuple[float, Attained, int]:
    if _separable(polynomial):
        found = _polynomial(polynomial, small, polytopes, effort)
        return found.lower, Attained(found.attained[0], found.witnesses[0]), 0
    return _least(polynomial, small, polytopes, effort)
