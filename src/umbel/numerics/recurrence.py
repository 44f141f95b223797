"""Whether a block settles at all: sets of states that are never left, and rhythms that never end.

Laws that leave states without a chance may let a block end where it began, or run in circles; then
there is no law that it settles in (Norris, Markov Chains, 1997, sections 1.2 and 1.8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from umbel.numerics.tables import Array

SOLID = 1e-14
"""Chances below this are taken for zero when a block is asked whether it can get stuck."""


class Unsettled(ValueError):
    """The block does not settle: it depends on where it starts, or runs in circles for ever."""


def steps_of(laws: list[Array], scan: Sequence[int] | None) -> csr_array:
    """Which joint states one step leads to, without the matrix of chances."""
    found = [csr_array(_sparse(law, member)) for member, law in enumerate(laws)]
    if scan is None:
        return csr_array(sum(found[1:], found[0]))
    step = found[scan[0]]
    for member in scan[1:]:
        step = csr_array(step @ found[member])
    return step


def _sparse(law: Array, member: int) -> csr_array:
    states = np.arange(law.size).reshape(law.shape)
    count = law.shape[member]
    sources, goals = [], []
    for target in range(count):
        goal = np.repeat(states.take([target], axis=member), count, axis=member)
        possible = np.repeat(law.take([target], axis=member), count, axis=member) > SOLID
        sources.append(states[possible])
        goals.append(goal[possible])
    rows, columns = np.concatenate(sources), np.concatenate(goals)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(law.size, law.size))


def check_settles(moves: csr_array, *, ordered: bool) -> None:
    """One set of states that is never left; for a sweep, one without a rhythm.

    Raises
    ------
    Unsettled
        Otherwise.
    """
    count, part = connected_components(moves, directed=True, connection="strong")
    tails, heads = moves.nonzero()
    left = np.unique(part[tails[part[tails] != part[heads]]])
    closed = np.setdiff1d(np.arange(count), left)
    if len(closed) > 1:
        raise Unsettled("where it ends depends on where it starts")
    inside = np.flatnonzero(part == closed[0])
    if ordered and _period(csr_array(moves[inside][:, inside])) > 1:
        raise Unsettled("it runs in circles for ever")


def _period(moves: csr_array) -> int:
    """Period of a strongly connected chain: the greatest common divisor of its cycles' lengths."""
    depth = np.full(moves.shape[0], -1)
    depth[0] = 0
    frontier = [0]
    found = 0
    while frontier:
        reached: list[int] = []
        for state in frontier:
            for other in moves.indices[moves.indptr[state] : moves.indptr[state + 1]].tolist():
                if depth[other] < 0:
                    depth[other] = depth[state] + 1
                    reached.append(int(other))
                else:
                    found = int(np.gcd(found, abs(int(depth[state]) + 1 - int(depth[other]))))
        frontier = reached
    return found or 1
