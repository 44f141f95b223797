"""Certified ends of a multilinear program: branch and bound on McCormick relaxations.

Splitting the bounds of one message makes the relaxations of both halves tighter, until the lowest
of them meets a value that a model attains.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.multilinear import Polynomial
from umbel.numerics.relaxation import Law, Relaxation, orders
from umbel.numerics.tables import contract

Array = NDArray[np.float64]

MOST_COLUMNS = 8_000
"""Products in a relaxation up to which it is built."""
Descend = Callable[[Sequence[Array]], tuple[float, tuple[Array, ...]]]
"""Attains a value from given laws: the value, and what attains it."""
ORDERS = 3
"""Orders of the laws that are tried before branching on the best."""


@dataclass(frozen=True, slots=True, eq=False)
class Certified:
    """A value below which the program cannot fall, and how hard it was to know.

    Parameters
    ----------
    value
        Certified lower end.
    nodes
        Relaxations that were solved.
    closed
        Whether it meets the attained value to the tolerance asked.
    attained
        The least value found on the way, at most the one given.
    laws
        What attains it, where better than what was given.
    """

    value: float
    nodes: int
    closed: bool
    attained: float
    laws: tuple[Array, ...] | None = None


def floor_of(polynomial: Polynomial) -> float:
    """What the polynomial cannot fall below whatever the laws: terms are not negative, and at most so large."""
    found = polynomial.constant
    for term in polynomial.terms:
        if term.weight < 0:
            parts = [(one.table.max(axis=0), one.labels) for one in term.factors]
            parts += [(one.table, one.labels) for one in term.known]
            found += term.weight * float(contract(parts, []))
    return found


def branched(
    polynomial: Polynomial,
    laws: Sequence[Law],
    *,
    attained: float,
    descend: Descend,
    gap: float = 5e-4,
    seconds: float = 20.0,
) -> Certified:
    """Bound a multilinear polynomial from below, over laws that meet their equations.

    Parameters
    ----------
    polynomial
        Its factors are nonnegative tables.
    laws
        Equations of each law.
    attained
        A value that is attained.
    descend
        Attains a value from given laws.
    gap
        Stop when the certified and the attained value are this close.
    seconds
        Stop after this time; the value is certified all the same.
    """
    ends = time.monotonic() + seconds
    best, found = attained, None
    count = itertools.count()
    nodes = 0
    chosen: tuple[float, Relaxation, Array, Array, Array] | None = None
    ranked = [orders(term) for term in polynomial.terms]
    kinds = min(ORDERS, max(len(one) for one in ranked))
    made: list[Relaxation] = []
    outside = floor_of(polynomial)
    for which in range(kinds):  # the equations alone often settle it
        if sum(one[min(which, len(one) - 1)][0] for one in ranked) > MOST_COLUMNS:
            continue
        if made and time.monotonic() > ends:
            break
        made.append(Relaxation.of(polynomial, laws, which))
        left = (ends - time.monotonic()) / (kinds - which)
        solved, where = made[-1].without_bounds().solve(np.zeros(0), np.zeros(0), left)
        nodes += 1
        outside = max(outside, min(solved, best)) if where is not None else outside
        if best - outside <= gap:
            return Certified(outside, nodes, True, attained)
    for at, relaxation in enumerate(made):
        share = (ends - time.monotonic()) / (2 * (kinds - at))
        if share <= 0:
            break
        low, high = relaxation.box(laws, time.monotonic() + share)
        solved, where = relaxation.solve(low, high, max(share, ends - time.monotonic() - share))
        nodes += 1
        outside = max(outside, min(solved, best)) if where is not None else outside
        if best - outside <= gap:
            return Certified(outside, nodes, True, attained)
        if where is not None and (chosen is None or solved > chosen[0]):
            chosen = (solved, relaxation, low, high, where)
    if chosen is None:
        return Certified(outside, nodes, False, best)
    floor, relaxation, low, high, point = chosen
    queue: list[tuple[float, int, Array, Array, Array]] = [(floor, next(count), low, high, point)]
    late = False
    while queue:
        floor, _, low, high, point = heapq.heappop(queue)
        floor = min(floor, best)
        candidates = relaxation.laws_at(point)
        reached, its = descend(candidates)
        if reached < best:
            best, found = reached, its
        if best - floor <= gap or late or time.monotonic() > ends:
            break
        at, middle = relaxation.worst(point, low, high)
        for side in (0, 1):
            below, above = low.copy(), high.copy()
            (above if side == 0 else below)[at] = middle
            solved, where = relaxation.solve(below, above, ends - time.monotonic())
            nodes += 1
            if where is None and solved < 0:  # not in time: the half keeps the bound of the whole
                late, where = True, point
            if where is not None and solved < best - gap:
                heapq.heappush(queue, (max(solved, floor), next(count), below, above, where))
        floor = queue[0][0] if queue else best - gap
    floor = max(floor, outside)
    return Certified(floor, nodes, best - floor <= gap * 1.001, best, found)
