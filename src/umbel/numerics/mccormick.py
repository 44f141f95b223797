"""Certified ends of a multilinear program: branch and bound on McCormick relaxations.

Splitting the bounds of one message makes the relaxations of both halves tighter, until the lowest
of them meets a value that a model attains.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.branching import Certified, Descend, searched
from umbel.numerics.multilinear import Polynomial
from umbel.numerics.relaxation import Law, Relaxation, orders
from umbel.numerics.tables import contract

Array = NDArray[np.float64]

MOST_COLUMNS = 8_000
"""Products in a relaxation up to which it is built."""
ORDERS = 3
"""Orders of the laws that are tried before branching on the best."""


@dataclass(frozen=True, slots=True, eq=False)
class _Box:
    """A part of the domain: bounds of every message, and the relaxed point within them."""

    low: Array
    high: Array
    point: Array


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
    made, outside = _on_equations(polynomial, laws, attained - gap, ends)
    nodes = len(made)
    start = None
    if outside < attained - gap:
        start, outside, solved = _on_messages(made, laws, attained - gap, outside, ends)
        nodes += solved
    outside = min(outside, attained)
    if start is None or attained - outside <= gap:
        return Certified.of(outside, nodes, attained, gap)
    floor, relaxation, root = start

    def halve(box: _Box) -> Iterator[tuple[float, _Box | None]]:
        at, middle = relaxation.worst(box.point, box.low, box.high)
        for side in (0, 1):
            low, high = box.low.copy(), box.high.copy()
            (high if side == 0 else low)[at] = middle
            bound, point = relaxation.solve(low, high, ends - time.monotonic())
            yield bound, None if point is None else _Box(low, high, point)

    found = searched(
        root,
        floor,
        attained=attained,
        reach=lambda box: descend(relaxation.laws_at(box.point)),
        halve=halve,
        gap=gap,
        ends=ends,
        outside=outside,
    )
    return replace(found, nodes=found.nodes + nodes)


def _on_equations(
    polynomial: Polynomial, laws: Sequence[Law], enough: float, ends: float
) -> tuple[list[Relaxation], float]:
    """Relaxations in several orders of the laws, and the best bound of their equations alone, which often settle it."""
    ranked = [orders(term) for term in polynomial.terms]
    kinds = min(ORDERS, max(len(one) for one in ranked))
    outside = floor_of(polynomial)
    made: list[Relaxation] = []
    for which in range(kinds):
        if sum(one[min(which, len(one) - 1)][0] for one in ranked) > MOST_COLUMNS:
            continue
        if made and time.monotonic() > ends:
            break
        made.append(Relaxation.of(polynomial, laws, which))
        left = (ends - time.monotonic()) / (kinds - which)
        bound, point = made[-1].without_bounds().solve(np.zeros(0), np.zeros(0), left)
        outside = outside if point is None else max(outside, bound)
        if outside >= enough:
            break
    return made, outside


def _on_messages(
    made: Sequence[Relaxation], laws: Sequence[Law], enough: float, outside: float, ends: float
) -> tuple[tuple[float, Relaxation, _Box] | None, float, int]:
    """The relaxation with the best bound once messages are bounded, that bound, and how many were solved."""
    chosen: tuple[float, Relaxation, _Box] | None = None
    for at, relaxation in enumerate(made):
        share = (ends - time.monotonic()) / (2 * (len(made) - at))
        if share <= 0:
            return chosen, outside, at
        low, high = relaxation.box(laws, time.monotonic() + share)
        bound, point = relaxation.solve(low, high, max(share, ends - time.monotonic() - share))
        if point is not None:
            outside = max(outside, bound)
            if chosen is None or bound > chosen[0]:
                chosen = (bound, relaxation, _Box(low, high, point))
        if outside >= enough:
            return chosen, outside, at + 1
    return chosen, outside, len(made)
