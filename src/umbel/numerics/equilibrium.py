"""Where a block settles: stationary laws of Gibbs sampling from one conditional law per member.

The members of a block answer each other until nothing changes in law (Lauritzen and Richardson,
"Chain graph models and their causal interpretations", JRSS B 64(3), 2002, Procedure 1 of Sherman,
Arbour and Shpitser 2020). That procedure fixes no order inside a block, and after a policy the
conditionals rarely fit one joint law, so that the order matters. Random scan (each time a member
drawn at random) favours nobody and is the default; a sweep in a given order is read at its end.
All members at once is no Gibbs sampling and is not offered.

Arrays in, arrays out: a law of member ``v`` has shape ``(batch, s_1, …, s_k)``, one axis per member,
and sums to one over axis ``v``; ``batch`` runs over whatever stands outside the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from umbel.numerics.tables import Array

MOST_STATES = 2**11
"""Largest block, in joint states, whose stationary law is solved for exactly: a matrix of 32 MB."""
SOLID = 1e-14
"""Chances below this are taken for zero when a block is asked whether it can get stuck."""


class TooManyStates(ValueError):
    """A block has more joint states than are solved exactly."""


class Unsettled(ValueError):
    """The block does not settle: it depends on where it starts, or runs in circles for ever."""


def stationary(laws: Sequence[Array], scan: Sequence[int] | None = None) -> Array:
    """The law that a block settles in.

    Parameters
    ----------
    laws
        One array per member, shape (batch, s_1, …, s_k).
    scan
        Order of the members in a sweep, whose end is read; None: random scan.

    Returns
    -------
    Array
        Shape (batch, s_1, …, s_k). NaN for a batch entry in which an undefined conditional is
        visited.

    Raises
    ------
    Unsettled
        Where the answer depends on the start, or an ordered sweep never settles.
    TooManyStates
        Above :data:`MOST_STATES` joint states.

    Notes
    -----
    O(batch * states^3).

    Examples
    --------
    >>> a = np.array([[[0.8, 0.1], [0.2, 0.9]]])  # p(A | B): axes batch, A, B
    >>> b = np.array([[[0.3, 0.7], [0.6, 0.4]]])  # p(B | A)
    >>> stationary([a, b]).round(4).ravel().tolist()
    [0.2529, 0.1769, 0.2182, 0.3521]
    >>> stationary([a, b], [0, 1]).round(4).ravel().tolist()
    [0.1289, 0.3008, 0.3421, 0.2281]
    """
    full = _broadcast(laws)
    shape = full[0].shape
    states = prod(shape[1:])
    if states > MOST_STATES:
        raise TooManyStates(f"{states} joint states")
    found = np.empty((shape[0], states))
    for at in range(shape[0]):
        found[at] = _solved([law[at] for law in full], scan)
    return found.reshape(shape)


def transition(laws: Sequence[Array], scan: Sequence[int] | None = None) -> Array:
    """One step of a block from its joint states to its joint states; rows sum to one.

    Parameters
    ----------
    laws
        One array per member, shape (s_1, …, s_k).
    scan
        As in :func:`stationary`: one sweep for an order, one update of a random member for None.
    """
    size = prod(laws[0].shape)
    if scan is None:
        mean = np.zeros((size, size))
        for member, law in enumerate(laws):
            mean += _update(law, member) / len(laws)
        return mean
    step = np.eye(size)
    for member in scan:
        step = step @ _update(laws[member], member)
    return step


def incompatibility(laws: Sequence[Array], law: Array) -> float:
    """How far the conditionals are from fitting one joint law: 0 exactly when they fit.

    Parameters
    ----------
    laws, law
        The conditionals, and their stationary law under random scan, shapes (batch, s_1, …, s_k).

    Returns
    -------
    float
        The largest total variation by which one member's update moves the stationary law, over
        members and batch: conditionals fit one joint law exactly when each update leaves it alone.

    Examples
    --------
    >>> joint = np.array([[[0.1, 0.2], [0.3, 0.4]]])
    >>> fitting = [joint / joint.sum(axis=1, keepdims=True), joint / joint.sum(axis=2, keepdims=True)]
    >>> incompatibility(fitting, stationary(fitting)) < 1e-12
    True
    """
    worst = 0.0
    for member, own in enumerate(_broadcast(laws)):
        moved = own * law.sum(axis=member + 1, keepdims=True)
        gaps = np.abs(moved - law).sum(axis=tuple(range(1, law.ndim))) / 2
        worst = max(worst, float(np.nan_to_num(gaps).max(initial=0.0)))
    return worst


def scans(count: int, most: int = 720) -> list[tuple[int, ...]]:
    """Every order of a sweep, up to ``most``: a sweep is read at its end, so each may settle elsewhere.

    Examples
    --------
    >>> scans(2)
    [(0, 1), (1, 0)]
    """
    found: list[tuple[int, ...]] = []
    for order in permutations(range(count)):
        if len(found) == most:
            break
        found.append(order)
    return found


def slopes(laws: Sequence[Array], law: Array, gradient: Array, scan: Sequence[int] | None = None) -> list[Array]:
    """How a number changes with each conditional, when it changes with the stationary law by ``gradient``.

    Parameters
    ----------
    laws, law, gradient
        The conditionals, their stationary law and the number's derivative in it, shapes
        (batch, s_1, …, s_k).

    Returns
    -------
    list of Array
        Derivatives in the entries of each law, which are taken as free numbers.

    Notes
    -----
    With ``pi = pi T``, a change ``dT`` moves ``pi`` by ``pi dT (I - T + 1 pi)^-1`` (Schweitzer,
    "Perturbation theory and finite Markov chains", Journal of Applied Probability 5, 1968).
    """
    full = _broadcast(laws)
    shape = full[0].shape
    found = [np.zeros(shape) for _ in full]
    for at in range(shape[0]):
        pi = law[at].ravel()
        if np.isnan(pi).any() or not gradient[at].any():
            continue
        own = [np.nan_to_num(one[at], nan=1.0 / one.shape[member + 1]) for member, one in enumerate(full)]
        step = transition(own, scan)
        pull = np.linalg.solve(np.eye(pi.size) - step + np.outer(np.ones(pi.size), pi), gradient[at].ravel())
        if scan is None:
            for member in range(len(full)):
                found[member][at] = _into(pi / len(full), pull, member, own[member].shape)
            continue
        before, after = [pi], [pull]
        for member in scan[:-1]:
            before.append(before[-1] @ _update(own[member], member))
        for member in reversed(scan[1:]):
            after.append(_update(own[member], member) @ after[-1])
        for member, mass, value in zip(scan, before, reversed(after), strict=True):
            found[member][at] += _into(mass, value, member, own[member].shape)
    return found


def _into(mass: Array, value: Array, member: int, shape: tuple[int, ...]) -> Array:
    """Derivative of ``mass U value`` in the law of a member: mass of the others, times the value of where it goes."""
    return np.asarray(mass.reshape(shape).sum(axis=member, keepdims=True) * value.reshape(shape))


def _broadcast(laws: Sequence[Array]) -> list[Array]:
    return [np.asarray(one) for one in np.broadcast_arrays(*laws)]


def _update(law: Array, member: int) -> Array:
    """Redraw one member from its law given the others: shape (states, states)."""
    shape = law.shape
    size = prod(shape)
    states = np.arange(size).reshape(shape)
    step = np.zeros((size, size))
    count = shape[member]
    for target in range(count):
        # From every state to the one in which the member alone has changed to its target.
        goal = np.repeat(states.take([target], axis=member), count, axis=member)
        chance = np.repeat(law.take([target], axis=member), count, axis=member)
        step[states.ravel(), goal.ravel()] = chance.ravel()
    return step


def _solved(laws: list[Array], scan: Sequence[int] | None) -> Array:
    undefined = np.zeros(laws[0].shape, dtype=bool)
    known: list[Array] = []
    for member, law in enumerate(laws):
        blank = np.isnan(law)
        undefined |= blank.any(axis=member, keepdims=True)
        known.append(np.where(blank, 1.0 / law.shape[member], law))
    step = transition(known, scan)
    if min(float(law.min()) for law in known) < SOLID:
        _check_settles(step, ordered=scan is not None)
    size = len(step)
    # pi (T - I) = 0 with one equation replaced by the sum of pi.
    system = (step - np.eye(size)).T
    system[-1] = 1.0
    goal = np.zeros(size)
    goal[-1] = 1.0
    settled = np.linalg.solve(system, goal)
    settled[np.abs(settled) < SOLID] = 0.0
    if settled[undefined.ravel()].any():
        return np.full(size, np.nan)
    return np.asarray(settled, dtype=np.float64)


def _check_settles(step: Array, *, ordered: bool) -> None:
    """One set of states that is never left; for a sweep, one without a rhythm."""
    moves = step > SOLID
    count, part = connected_components(csr_array(moves), directed=True, connection="strong")
    closed = [k for k in range(count) if not moves[np.ix_(part == k, part != k)].any()]
    if len(closed) > 1:
        raise Unsettled("where it ends depends on where it starts")
    if ordered and _period(moves[np.ix_(part == closed[0], part == closed[0])]) > 1:
        raise Unsettled("it runs in circles for ever")


def _period(moves: NDArray[np.bool_]) -> int:
    """Period of a strongly connected chain: the greatest common divisor of its cycles' lengths."""
    depth = np.full(len(moves), -1)
    depth[0] = 0
    frontier = [0]
    found = 0
    while frontier:
        reached: list[int] = []
        for state in frontier:
            for other in np.flatnonzero(moves[state]):
                if depth[other] < 0:
                    depth[other] = depth[state] + 1
                    reached.append(int(other))
                else:
                    found = int(np.gcd(found, abs(int(depth[state]) + 1 - int(depth[other]))))
        frontier = reached
    return found or 1
