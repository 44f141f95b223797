"""How a variable is read from a table: its column, its words, its missing codes, its states.

This is what ``[variables.Y]`` of a problem file says, and ``Study(variables=...)`` in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umbel.errors import DataError, did_you_mean, shown
from umbel.variable import Domain, State

KEYS = ("column", "label", "measure", "missing", "states")


@dataclass(frozen=True, slots=True)
class Column:
    """One variable's column.

    Parameters
    ----------
    variable
        The variable's name in the graph.
    column
        The column's name in the table, matched exactly.
    label, measure
        Words for people: ``"Maths score"``, ``"points"``.
    missing
        Codes that stand for "missing": ``(-9, "NA")``.
    states
        The states in order, None when they are read from the data.

    Examples
    --------
    >>> Column("Y", "maths_2024", missing=(-9,)).column
    'maths_2024'
    """

    variable: str
    column: str
    label: str = ""
    measure: str = ""
    missing: tuple[State, ...] = ()
    states: Domain | None = None


def read_columns(variables: Mapping[str, Any] | Sequence[Column] | None) -> tuple[Column, ...]:
    """The columns that a user named, each checked; the values come from a file, hence ``Any``.

    Examples
    --------
    >>> read_columns({"Y": {"column": "maths", "missing": [-9, "NA"]}})[0].missing
    (-9, 'NA')
    """
    if variables is None:
        return ()
    if not isinstance(variables, Mapping):
        return tuple(variables)
    return tuple(_column(name, entry) for name, entry in variables.items())


def _column(name: str, entry: Any) -> Column:
    place = f"variables.{name}"
    if isinstance(entry, Column):
        return entry
    if isinstance(entry, str):
        return Column(name, entry)
    if not isinstance(entry, Mapping):
        raise DataError(f"{place} is {shown(repr(entry))}. Write a column's name or a table of: {', '.join(KEYS)}.")
    for key in entry:
        if key not in KEYS:
            raise DataError(f"{place} has no key {shown(str(key))}. {did_you_mean(str(key), KEYS)}")
    words = {key: _text(f"{place}.{key}", entry.get(key, default)) for key, default in _defaults(name)}
    return Column(
        name,
        words["column"],
        words["label"],
        words["measure"],
        _states(f"{place}.missing", entry.get("missing", ())),
        _domain(f"{place}.states", entry.get("states")),
    )


def _defaults(name: str) -> tuple[tuple[str, str], ...]:
    return (("column", name), ("label", ""), ("measure", ""))


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"{place} is {shown(repr(value))}, which is no text. Put it in quotes.")
    return value


def _states(place: str, value: Any) -> tuple[State, ...]:
    if isinstance(value, str | bool | int | float):
        return (value,)
    if not isinstance(value, Sequence) or not all(isinstance(one, str | bool | int | float) for one in value):
        raise DataError(f"{place} is {shown(repr(value))}. Write a list of numbers and quoted labels.")
    return tuple(value)


def _domain(place: str, value: Any) -> Domain | None:
    if value is None or isinstance(value, Domain):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise DataError(f"{place} is {value}. A variable has at least one state.")
        return Domain.of_size(value)
    states = _states(place, value)
    repeated = [state for index, state in enumerate(states) if state in states[:index]]
    if repeated or not states:
        what = f"names {shown(str(repeated[0]))} twice" if repeated else "is empty"
        raise DataError(f"{place} {what}. List each state once, the reference first.")
    return Domain(states)
