"""States by label: tables brought to the states that the graph declares and the joint law shows.

A table without labels is read in order; one with labels by them, whatever their order. What fits
neither way is an error, since a law read in another order would be a wrong number without a sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from umbel.errors import DataError, InputError, cut, did_you_mean, shown
from umbel.numerics.tables import Array, Table
from umbel.variable import State

Domains = Sequence[tuple[str, tuple[State, ...]]]
"""Declared states by name; 0, 1, …, n - 1 declare their number only, so other labels may stand for them."""


def labelled(joint: Table, domains: Domains) -> Table:
    """The joint law with the graph's labels on axes that have none.

    Raises
    ------
    DataError
        Where an axis has other states than the graph declares.
    """
    states = dict(joint.states)
    for name, declared in domains:
        if name not in joint.axes:
            continue
        own = joint.states.get(name)
        if joint.size(name) != len(declared):
            raise DataError(
                f"Axis {shown(name)} of the table has {joint.size(name)} states; the graph declares {len(declared)}: "
                f"{_listed(declared)}."
            )
        if own is None:
            states[name] = declared
        elif declared != tuple(range(len(declared))) and set(own) != set(declared):
            raise DataError(
                f"Axis {shown(name)} of the table has the states {_listed(own)}; the graph declares "
                f"{_listed(declared)}."
            )
    return Table(joint.axes, joint.array, states)


def with_common_states(tables: Sequence[Table], domains: Domains, indices: Sequence[str]) -> list[Table]:
    """The tables over one list of states for each variable; a state that a table lacks has mass zero.

    Parameters
    ----------
    tables
        Several sources of the same variables.
    domains
        The states that the graph declares.
    indices
        Axes that index rows and are no variables.

    Raises
    ------
    DataError
        Where an axis without labels cannot be matched with one that has them.
    """
    # Plain numbers declare how many states there are, so labels may stand for them.
    common = {name: states for name, states in domains if states != tuple(range(len(states)))}
    for table in tables:
        for axis in table.axes:
            if axis not in indices and (axis in table.states or axis not in common):
                common[axis] = _merged(common.get(axis, ()), table.states_of(axis))
    return [_embedded(table, common) for table in tables]


def _merged(known: tuple[State, ...], own: tuple[State, ...]) -> tuple[State, ...]:
    """Known states, then new ones; numbers in their order."""
    if set(own) <= set(known) or not known:
        return known or own
    states = tuple(dict.fromkeys((*known, *own)))
    return states if any(isinstance(state, str) for state in states) else tuple(sorted(states, key=float))


def _embedded(table: Table, common: Mapping[str, tuple[State, ...]]) -> Table:
    places: list[list[int]] = []
    labels: dict[str, tuple[State, ...]] = {}
    for axis in table.axes:
        own = table.states_of(axis)
        wanted = common.get(axis, own)
        if axis in common:
            labels[axis] = wanted
        if axis not in table.states and len(own) == len(wanted):
            own = wanted  # without labels: in order
        if not set(own) <= set(wanted):
            raise DataError(
                f"Axis {shown(axis)} has {len(own)} states without labels in one table, and the states "
                f"{_listed(wanted)} elsewhere. Label them: Table(…, states={{{axis!r}: …}})."
            )
        places.append([wanted.index(state) for state in own])
    array = np.zeros([len(common.get(axis, table.states_of(axis))) for axis in table.axes])
    array[np.ix_(*places)] = table.array
    return Table(table.axes, array, labels)


def supplied_law(
    name: str, reads: Mapping[str, tuple[State, ...]], states: tuple[State, ...], laws: Mapping[str, Table]
) -> Array:
    """The table of an unspecified law as an array: states of the treatment, then of what it reads.

    Parameters
    ----------
    name, states
        The treatment and its states.
    reads
        What the law reads, with states, in order.
    laws
        What the caller supplied, keyed by treatment.

    Raises
    ------
    InputError
        For a law that is missing, of other variables or states, or no law.
    """
    if name not in laws:
        given = f" It names {_listed(tuple(laws))}." if laws else ""
        raise InputError(f"The law q of {shown(name)} is unspecified: pass laws={{{name!r}: Table(…)}}.{given}")
    table = laws[name]
    axes = (name, *reads)
    if not isinstance(table, Table):
        raise InputError(f"The law of {shown(name)} is a {type(table).__name__}, not a Table with the axes {axes}.")
    if table.axes[:1] != (name,) or set(table.axes) != set(axes):
        raise InputError(f"The law of {shown(name)} has the axes {table.axes}; the question needs {axes}.")
    array = table.marginal(axes).array
    for place, (axis, wanted) in enumerate({name: states, **reads}.items()):
        array = np.take(array, _order(name, table, axis, wanted), axis=place)
    if not (array >= 0).all() or not np.allclose(array.sum(axis=0), 1.0, atol=1e-9):
        raise InputError(
            f"The law of {shown(name)} is no law: its entries are at least 0 and sum to 1 over its first axis."
        )
    return array


def _order(law: str, table: Table, axis: str, wanted: tuple[State, ...]) -> list[int]:
    """Where a law has the states of the joint law."""
    own = table.states_of(axis)
    if len(own) != len(wanted):
        raise InputError(
            f"The law of {shown(law)} has {len(own)} states of {shown(axis)}; the joint law has {len(wanted)}: "
            f"{_listed(wanted)}."
        )
    if axis not in table.states:
        return list(range(len(wanted)))
    if missing := [state for state in wanted if state not in own]:
        raise InputError(
            f"The law of {shown(law)} has no state {missing[0]!r} of {shown(axis)}. {did_you_mean('', map(str, own))}"
        )
    return [own.index(state) for state in wanted]


def _listed(states: Sequence[State]) -> str:
    return cut(", ".join(repr(state) if isinstance(state, str) else str(state) for state in states), 120)
