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

from umbel.numerics.recurrence import SOLID, Unsettled, check_settles, steps_of
from umbel.numerics.tables import Array

MOST_SOLVED = 2**8
"""Largest block, in joint states, whose stationary law is solved for; of larger ones it is iterated."""
MOST_STATES = 2**16
"""Largest block, in joint states, whose stationary law is iterated: sixteen members of two states."""
MOST_AT_ONCE = 2**21
"""Entries of the matrices that are solved together: 16 MB."""
MOST_ROUNDS = 20_000
"""Rounds of answers after which a block that still moves is given up."""
STILL = 1e-14
"""Total variation that one round may move a law that has settled."""


class TooManyStates(ValueError):
    """A block has more joint states than are solved exactly."""


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
    O(batch * states^3) up to :data:`MOST_SOLVED` states; above, O(batch * states * members) a round,
    and rounds until the law moves by less than :data:`STILL`.

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
    if states <= MOST_SOLVED and all(float(np.nan_to_num(law).min(initial=1.0)) > SOLID for law in full):
        share = max(1, MOST_AT_ONCE // states**2)
        for start in range(0, shape[0], share):
            found[start : start + share] = _solved_together([law[start : start + share] for law in full], scan)
        return found.reshape(shape)
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
        pi = law[at]
        if np.isnan(pi).any() or not gradient[at].any():
            continue
        own = [np.nan_to_num(one[at], nan=1.0 / one.shape[member + 1]) for member, one in enumerate(full)]
        pull = _pulled(own, pi, gradient[at], scan)
        if scan is None:
            for member in range(len(full)):
                found[member][at] = _into(pi / len(full), pull, member)
            continue
        before, after = [pi], [pull]
        for member in scan[:-1]:
            before.append(_moved(before[-1], own[member], member))
        for member in reversed(scan[1:]):
            after.append(_expected(after[-1], own[member], member))
        for member, mass, value in zip(scan, before, reversed(after), strict=True):
            found[member][at] += _into(mass, value, member)
    return found


def _pulled(laws: list[Array], law: Array, gradient: Array, scan: Sequence[int] | None) -> Array:
    """``(I - T + 1 pi)^-1 gradient``: what each state is worth beyond the settled law, from now on."""
    size = law.size
    if size <= MOST_SOLVED:
        system = np.eye(size) - transition(laws, scan) + np.outer(np.ones(size), law.ravel())
        return np.asarray(np.linalg.solve(system, gradient.ravel())).reshape(law.shape)
    rest = gradient - (law * gradient).sum()
    total = rest.copy()
    for _ in range(MOST_ROUNDS):
        if scan is None:
            rest = np.mean([_expected(rest, own, member) for member, own in enumerate(laws)], axis=0)
        else:
            for member in reversed(scan):
                rest = _expected(rest, laws[member], member)
        total += rest
        if np.abs(rest).max() <= STILL * max(1.0, float(np.abs(total).max())):
            return np.asarray(total + (law * gradient).sum())
    raise Unsettled("it takes too long to settle")


def _into(mass: Array, value: Array, member: int) -> Array:
    """Derivative of ``mass U value`` in the law of a member: mass of the others, times the value of where it goes."""
    return np.asarray(mass.sum(axis=member, keepdims=True) * value)


def _moved(mass: Array, law: Array, member: int) -> Array:
    """The law after one member has answered."""
    return np.asarray(mass.sum(axis=member, keepdims=True) * law)


def _expected(value: Array, law: Array, member: int) -> Array:
    """The mean of a value over one member's answer, from every state."""
    return np.asarray(np.broadcast_to((law * value).sum(axis=member, keepdims=True), value.shape))


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
    size = laws[0].size
    stuck = min(float(law.min()) for law in known) < SOLID
    if size > MOST_SOLVED:
        if stuck:
            check_settles(steps_of(known, scan), ordered=scan is not None)
        return _iterated(known, undefined, scan)
    step = transition(known, scan)
    if stuck:
        check_settles(csr_array(step > SOLID), ordered=scan is not None)
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


def _solved_together(laws: list[Array], scan: Sequence[int] | None) -> Array:
    """Blocks in which every answer is possible, so that each settles: shape (batch, states)."""
    batch, *shape = laws[0].shape
    size = prod(shape)
    updates = [_updates(law, member) for member, law in enumerate(laws)]
    step = sum(updates[1:], updates[0]) / len(updates) if scan is None else updates[scan[0]]
    for member in () if scan is None else scan[1:]:
        step = step @ updates[member]
    system = np.swapaxes(step - np.eye(size), 1, 2)
    system[:, -1] = 1.0
    goal = np.zeros((batch, size, 1))
    goal[:, -1] = 1.0
    return np.asarray(np.linalg.solve(system, goal)[..., 0], dtype=np.float64)


def _updates(law: Array, member: int) -> Array:
    """:func:`_update` for a batch: shape (batch, states, states)."""
    batch, *shape = law.shape
    size = prod(shape)
    states = np.arange(size).reshape(shape)
    steps = np.zeros((batch, size, size))
    count = shape[member]
    for target in range(count):
        goal = np.repeat(states.take([target], axis=member), count, axis=member)
        chance = np.repeat(law.take([target], axis=member + 1), count, axis=member + 1)
        steps[:, states.ravel(), goal.ravel()] = chance.reshape(batch, size)
    return steps


def _iterated(laws: list[Array], undefined: NDArray[np.bool_], scan: Sequence[int] | None) -> Array:
    """Rounds of answers until nothing moves."""
    law = np.full(laws[0].shape, 1.0 / laws[0].size)
    for _ in range(MOST_ROUNDS):
        if scan is None:
            after = np.mean([_moved(law, own, member) for member, own in enumerate(laws)], axis=0)
        else:
            after = law
            for member in scan:
                after = _moved(after, laws[member], member)
        gap = float(np.abs(after - law).sum()) / 2
        law = after / after.sum()
        if gap <= STILL:
            law[law < SOLID / law.size] = 0.0
            return np.full(law.size, np.nan) if law[np.broadcast_to(undefined, law.shape)].any() else law.ravel()
    raise Unsettled("it takes too long to settle")
