"""Policies from tables: for people who bring their own laws and need no graph text.

Where a block settles under given conditionals, whether the order of answering counts, and what a
law of treatments becomes on its way through friendships.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from umbel.errors import DataError, did_you_mean, shown
from umbel.numerics.equilibrium import TooManyStates, incompatibility, scans, stationary
from umbel.numerics.exposure import degrees, pushed
from umbel.numerics.recurrence import Unsettled
from umbel.numerics.tables import Array, Table

__all__ = ["exposure_law", "misfit", "over_orders", "settle"]


def settle(laws: Mapping[str, Table], scan: Sequence[str] | None = None) -> Table:
    """The law in which a block settles, one conditional law per member; exact.

    Parameters
    ----------
    laws
        For each member a table whose first axis is the member, then what it answers: other members,
        and variables outside the block.
    scan
        Members in the order of a sweep that is read at its end; None: a random member each time.

    Returns
    -------
    Table
        Axes: members in the order of ``laws``, then what stands outside. Cost cubic in the joint
        states of the members.

    Raises
    ------
    DataError
        For tables that are no laws, and blocks that do not settle.

    References
    ----------
    Lauritzen and Richardson, JRSS B 64(3), 2002; Sherman, Arbour and Shpitser, AISTATS 2020, Procedure 1.

    Examples
    --------
    >>> a = Table(("A", "B"), [[0.8, 0.1], [0.2, 0.9]])
    >>> b = Table(("B", "A"), [[0.3, 0.6], [0.7, 0.4]])
    >>> settle({"A": a, "B": b}).array.round(4).tolist()
    [[0.2529, 0.1769], [0.2182, 0.3521]]
    """
    members, outside, stacked, shape = _stacked(laws)
    order = None if scan is None else [_place(name, members) for name in scan]
    if order is not None and sorted(order) != list(range(len(members))):
        raise DataError(f"A scan names each member once: {', '.join(members)}.")
    try:
        found = stationary(stacked, order)
    except Unsettled as fault:
        raise DataError(
            f"The block {', '.join(members)} has no single equilibrium: {fault}. "
            "Give every state a small chance, such as .01."
        ) from None
    except TooManyStates as fault:
        raise DataError(f"The block has {fault}, too many to solve exactly. Give fewer members.") from None
    array = found.reshape(shape)
    moved = np.moveaxis(array, range(len(outside)), range(len(members), array.ndim))
    return Table((*members, *outside), moved, _states(laws))


def misfit(laws: Mapping[str, Table]) -> float:
    """How far the conditionals of a block are from fitting one joint law: 0 where they fit.

    The largest total variation by which one member's answer moves the law in which the block settles.

    Parameters
    ----------
    laws
        As :func:`settle` takes them.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    DataError
        For tables that are no laws, and blocks that do not settle.

    Examples
    --------
    >>> a = Table(("A", "B"), [[0.8, 0.1], [0.2, 0.9]])
    >>> b = Table(("B", "A"), [[0.3, 0.6], [0.7, 0.4]])
    >>> round(misfit({"A": a, "B": b}), 3)
    0.248
    """
    _, _, stacked, _ = _stacked(laws)
    settle(laws)
    return incompatibility(stacked, stationary(stacked))


def over_orders(laws: Mapping[str, Table]) -> dict[tuple[str, ...], Table]:
    """Where a block settles under every order of a sweep, up to 720 of them.

    Parameters
    ----------
    laws
        As :func:`settle` takes them.

    Returns
    -------
    dict
        The law in which the block settles, by the order of the sweep.

    Raises
    ------
    DataError
        For tables that are no laws, and blocks that do not settle.

    Examples
    --------
    >>> a = Table(("A", "B"), [[0.8, 0.1], [0.2, 0.9]])
    >>> b = Table(("B", "A"), [[0.3, 0.6], [0.7, 0.4]])
    >>> for order, table in over_orders({"A": a, "B": b}).items():
    ...     print(order, float(table.array[0, 0].round(4)))
    ('A', 'B') 0.1289
    ('B', 'A') 0.3769
    """
    members = tuple(laws)
    orders = [tuple(members[at] for at in order) for order in scans(len(members))]
    return {order: settle(laws, order) for order in orders}


def exposure_law(
    law: Table, edges: Sequence[tuple[int, int]], members: int, *, kind: str = "mean", name: str = "exposure"
) -> Table:
    """The law of what a member reads of its neighbours' treatments, each drawn by itself.

    Parameters
    ----------
    law
        One axis, the treatment; its states are numbers.
    edges
        Friendships of one unit, pairs of members ``0 … members - 1``, each once.
    members
        Their number.
    kind
        ``"mean"`` or ``"sum"``; 0 for a member without friends.
    name
        Of the exposure.

    Returns
    -------
    Table
        One axis: the exposure of a member picked at random. Its states are the values it takes.

    Raises
    ------
    DataError
        For edges that name no member, repeat, or join a member to itself.

    Examples
    --------
    >>> exposure_law(Table(("A",), [0.2, 0.8]), [(0, 1), (1, 2)], 3).states["exposure"]
    (0.0, 0.5, 1.0)
    """
    if kind not in ("mean", "sum"):
        raise DataError(f"An exposure is a mean or a sum, not {shown(kind)}.")
    if len(law.axes) != 1:
        raise DataError(f"A law that is pushed has one axis, its treatment; this one has {', '.join(law.axes)}.")
    seen: set[frozenset[int]] = set()
    for a, b in edges:
        if not (0 <= a < members and 0 <= b < members):
            raise DataError(f"The edge {a} -- {b} names no member. Members are 0 to {members - 1}.")
        if a == b or frozenset((a, b)) in seen:
            raise DataError(f"The edge {a} -- {b} {'joins a member to itself' if a == b else 'comes twice'}.")
        seen.add(frozenset((a, b)))
    states = law.states_of(law.axes[0])
    if not all(isinstance(state, int | float) for state in states):
        raise DataError(f"The states of {shown(law.axes[0])} are labels: a {kind} over neighbours needs numbers.")
    values = np.array([float(state) for state in states])
    degree = degrees(np.array(list(edges), dtype=np.intp).reshape(-1, 2), members)
    found, chances = pushed(law.array, values, degree.tolist(), mean=kind == "mean")
    return Table((name,), chances, {name: tuple(found.tolist())})


def _stacked(laws: Mapping[str, Table]) -> tuple[tuple[str, ...], tuple[str, ...], list[Array], tuple[int, ...]]:
    """Members, what stands outside, the laws over all of it with the outside first and flattened; the full shape."""
    members = tuple(laws)
    if not members:
        raise DataError("A block has members: give one law for each.")
    sizes: dict[str, int] = {}
    for name, table in laws.items():
        if table.axes[:1] != (name,):
            raise DataError(f"The law of {shown(name)} has the axes {table.axes}; its first is {shown(name)}.")
        if (table.array < 0).any() or not np.allclose(table.array.sum(axis=0), 1.0, atol=1e-9):
            raise DataError(f"The law of {shown(name)} is no law: it sums to 1 over its first axis.")
        for axis in table.axes:
            if sizes.setdefault(axis, table.size(axis)) != table.size(axis):
                raise DataError(f"{shown(axis)} has {sizes[axis]} states in one law and {table.size(axis)} in another.")
    outside = tuple(name for name in sizes if name not in members)
    full = (*outside, *members)
    shape = tuple(sizes[name] for name in full)
    stacked = []
    for table in laws.values():
        order = [table.axes.index(name) for name in full if name in table.axes]
        array = np.transpose(table.array, order).reshape([sizes[n] if n in table.axes else 1 for n in full])
        stacked.append(np.broadcast_to(array, shape).reshape(-1, *shape[len(outside) :]))
    return members, outside, stacked, shape


def _place(name: str, members: tuple[str, ...]) -> int:
    if name not in members:
        raise DataError(f"{shown(name)} is no member of the block. {did_you_mean(name, members)}")
    return members.index(name)


def _states(laws: Mapping[str, Table]) -> dict[str, tuple[int | float | str | bool, ...]]:
    return {axis: table.states[axis] for table in laws.values() for axis in table.axes if axis in table.states}
