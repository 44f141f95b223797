"""Branch and bound: parts of a domain, lowest bound first, until it meets a value that is attained.

The one search behind :mod:`~umbel.numerics.mccormick` and :mod:`~umbel.numerics.pairs`, which say how a
part is bounded, what it attains and how it is halved.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Part = TypeVar("Part")
"""A part of the domain, as its program describes it."""

Descend = Callable[[Sequence[Array]], tuple[float, tuple[Array, ...]]]
"""Attains a value from given laws: the value, and what attains it."""

ROUNDING = 1.001
"""A gap this many times the one asked for is closed: floors are sums of rounded numbers."""


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

    @staticmethod
    def of(value: float, nodes: int, attained: float, gap: float, laws: tuple[Array, ...] | None = None) -> Certified:
        """The value with whether it closes the gap."""
        return Certified(value, nodes, attained - value <= gap * ROUNDING, attained, laws)


def searched(
    root: Part,
    floor: float,
    *,
    attained: float,
    reach: Callable[[Part], tuple[float, tuple[Array, ...]]],
    halve: Callable[[Part], Iterable[tuple[float, Part | None]]],
    gap: float,
    ends: float,
    outside: float = -np.inf,
) -> Certified:
    """The certified least value over a domain; as good as it got where the time ends first.

    Parameters
    ----------
    root, floor
        The whole domain, and its bound.
    attained
        A value that is attained.
    reach
        Attains a value in a part: the value, and the laws that attain it.
    halve
        The two halves of a part, each with its bound. Without the half its bound is infinite: nothing lies
        in it; or minus infinite: it was not bounded in time.
    gap
        Stop when the certified and the attained value are this close.
    ends
        When to stop, by ``time.monotonic``.
    outside
        A bound that is known already.
    """
    best, found = attained, None
    nodes, count = 0, itertools.count()
    queue = [(floor, next(count), root)]
    late = False
    while queue:
        floor, _, part = heapq.heappop(queue)
        floor = min(floor, best)
        reached, laws = reach(part)
        if reached < best:
            best, found = reached, laws
        if best - floor <= gap or late or time.monotonic() > ends:
            break
        for bound, half in halve(part):
            nodes += 1
            if half is None and bound < 0:  # not in time: the half keeps the bound of the whole
                late, half = True, part
            if half is not None and bound < best - gap:
                heapq.heappush(queue, (max(bound, floor), next(count), half))
        floor = queue[0][0] if queue else best - gap
    return Certified.of(max(floor, outside), nodes, best, gap, found)
