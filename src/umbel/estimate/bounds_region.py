"""Sampling intervals of bounds: the question's range over every law that the sample does not rule out.

The region ``2 (LL_max - LL) <= chi2_2(level)`` holds the laws that are as good as the best one up to
sampling error. Its extremes are found by tilting: ``max LL - penalty * question`` is one interior-point
solve, and the penalty at which the likelihood has fallen to the region's edge gives the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from umbel.numerics.interior import likeliest
from umbel.numerics.multilinear import Polynomial, combined, slope, value

Array = NDArray[np.float64]

DEGREES = 2
ROUNDS = 25
SEARCH = 40
STEPS = 12
CLOSE = 1e-4
ONE = Polynomial((), 1.0)
NEAR = 0.02
"""How close, in nats, the likelihood must come to the region's edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was counted of one law: patterns (patterns, states) and counts (patterns,)."""

    rows: Array
    counts: Array

    def log_likelihood(self, law: Array) -> float:
        """Of a law, shape (states,)."""
        shown = self.counts > 0
        return float(self.counts[shown] @ np.log(np.maximum(self.rows[shown] @ law, 1e-300)))


def region(
    numerator: Polynomial,
    denominator: Polynomial,
    seen: Sequence[Seen],
    witnesses: tuple[Sequence[Array], Sequence[Array]],
    *,
    level: float,
) -> tuple[float, float]:
    """Least and largest value of a question over the likelihood region.

    Parameters
    ----------
    numerator, denominator
        The question.
    seen
        What was counted of each law.
    witnesses
        Laws at the two ends of the bounds, from which the search starts.
    level
        Of the interval.
    """
    best = [likeliest(one.rows, one.counts).value for one in seen]
    depth = 0.5 * float(chi2.ppf(level, DEGREES))
    found = []
    for sign, start in zip((1.0, -1.0), witnesses, strict=True):
        found.append(_end_of_ratio(numerator, denominator, seen, list(start), sign, sum(best), depth))
    return found[0], found[1]


def _end_of_ratio(
    top: Polynomial,
    bottom: Polynomial,
    seen: Sequence[Seen],
    start: list[Array],
    sign: float,
    best: float,
    depth: float,
) -> float:
    """The end of a quotient, which tilting loses where the quotient bends away from the likelihood.

    The quotient is beyond t somewhere in the region just if ``top - t bottom`` is beyond zero there, which
    is linear in each law; its end gives the next t (Dinkelbach, Management Science 13(7), 1967).
    """
    if not bottom.terms:
        laws = _end(top, bottom, seen, start, sign, best, depth)
        return _ratio(top, bottom, laws)
    laws, reached = start, _ratio(top, bottom, start)
    for _ in range(STEPS):
        laws = _end(combined((1.0, top), (-reached, bottom)), ONE, seen, laws, sign, best, depth)
        now = _ratio(top, bottom, laws)
        if sign * (reached - now) <= CLOSE * max(1.0, abs(reached)):
            return sign * min(sign * reached, sign * now)
        reached = now
    return reached


def _end(
    top: Polynomial,
    bottom: Polynomial,
    seen: Sequence[Seen],
    start: list[Array],
    sign: float,
    best: float,
    depth: float,
) -> list[Array]:
    """Laws at the end on one side, by a search for the penalty on its logarithm."""

    def tilted(penalty: float, laws: list[Array]) -> tuple[float, float, list[Array]]:
        found = _tilted(top, bottom, seen, laws, sign * penalty)
        drop = best - sum(one.log_likelihood(law) for one, law in zip(seen, found, strict=True))
        return drop, _ratio(top, bottom, found), found

    total = sum(float(one.counts.sum()) for one in seen) or 1.0
    extreme, at = _ratio(top, bottom, start), start

    def farther(number: float, laws: list[Array]) -> tuple[float, list[Array]]:
        return (number, laws) if sign * number < sign * extreme else (extreme, at)

    low, high = 0.0, np.log(max(total, 10.0)) / 2
    drop, number, laws = tilted(float(np.exp(high)), start)
    if drop <= depth + NEAR:
        extreme, at = farther(number, laws)
    while drop < depth and high < 30:
        low, high = high, high + 2.0
        extreme, at = farther(number, laws)
        drop, number, laws = tilted(float(np.exp(high)), laws)
    if drop < depth:
        return farther(number, laws)[1]
    if low == 0.0:
        low = -10.0
    for _ in range(SEARCH):
        middle = 0.5 * (low + high)
        drop, number, reached = tilted(float(np.exp(middle)), laws)
        if drop <= depth:
            low = middle
            extreme, at = farther(number, reached)
            if depth - drop < NEAR:
                break
        else:
            high, laws = middle, reached
    return at


def _ratio(top: Polynomial, bottom: Polynomial, laws: Sequence[Array]) -> float:
    return value(top, laws) / max(value(bottom, laws), 1e-12)


def _tilted(
    top: Polynomial, bottom: Polynomial, seen: Sequence[Seen], start: Sequence[Array], penalty: float
) -> list[Array]:
    """``max LL - penalty * question`` by turns over the laws, each turn exact at the question's slope."""
    laws = list(start)
    used = sorted({*top.laws, *bottom.laws})
    before = np.inf
    for _ in range(ROUNDS):
        for law in used:
            states = laws[law].size
            below = max(value(bottom, laws), 1e-12)
            direction = (
                slope(top, laws, law, states) - _ratio(top, bottom, laws) * slope(bottom, laws, law, states)
            ) / below
            one = seen[law]
            if one.counts.sum() > 0:
                laws[law] = likeliest(one.rows, one.counts, tilt=penalty * direction, start=laws[law]).law
            else:
                laws[law] = _vertex(np.sign(penalty) * direction)
        now = penalty * _ratio(top, bottom, laws) - sum(seen[law].log_likelihood(laws[law]) for law in used)
        if (len(used) == 1 and not bottom.terms) or before - now < 1e-4:
            break
        before = now
    return laws


def _vertex(direction: Array) -> Array:
    law = np.zeros(direction.size)
    law[int(direction.argmin())] = 1.0
    return law
