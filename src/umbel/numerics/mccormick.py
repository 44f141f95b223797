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

Array = NDArray[np.float64]

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


def certified(
    polynomial: Polynomial,
    laws: Sequence[Law],
    *,
    attained: float,
    descend: Callable[[Sequence[Array]], tuple[float, tuple[Array, ...]]],
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
    kinds = min(ORDERS, max(len(orders(term)) for term in polynomial.terms))
    made = [Relaxation.of(polynomial, laws, which) for which in range(kinds)]
    for relaxation in made:
        plain = relaxation.without_bounds().solve(np.zeros(0), np.zeros(0))
        nodes += 1
        if plain is None or best - plain[0] <= gap:  # the equations alone often settle it
            return Certified(attained if plain is None else min(plain[0], best), nodes, True, attained)
    for relaxation in made:
        low, high = relaxation.box(laws, time.monotonic() + seconds / (2 * kinds))
        solved = relaxation.solve(low, high)
        nodes += 1
        if solved is None or best - solved[0] <= gap:
            return Certified(attained if solved is None else min(solved[0], best), nodes, True, attained)
        if chosen is None or solved[0] > chosen[0]:
            chosen = (solved[0], relaxation, low, high, solved[1])
    assert chosen is not None
    floor, relaxation, low, high, point = chosen
    queue: list[tuple[float, int, Array, Array, Array]] = [(floor, next(count), low, high, point)]
    while queue:
        floor, _, low, high, point = heapq.heappop(queue)
        floor = min(floor, best)
        candidates = relaxation.laws_at(point)
        reached, its = descend(candidates)
        if reached < best:
            best, found = reached, its
        if best - floor <= gap or time.monotonic() > ends:
            break
        at, where = relaxation.worst(point, low, high)
        for side in (0, 1):
            below, above = low.copy(), high.copy()
            (above if side == 0 else below)[at] = where
            solved = relaxation.solve(below, above)
            nodes += 1
            if solved is not None and solved[0] < best - gap:
                queue_value = max(solved[0], floor)
                heapq.heappush(queue, (queue_value, next(count), below, above, solved[1]))
        floor = queue[0][0] if queue else best - gap
    return Certified(floor, nodes, best - floor <= gap * 1.001, best, found)
