"""Outer levels: units and classes, joined to the rows by their keys.

A variable of an outer level comes from that level's table, or from a joined table of rows, where
it must not vary within its unit. Units without rows and units with holes are left out, counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umbel.data.fetching import fetch_columns
from umbel.data.plan import Field, Plan
from umbel.data.source import Table, position
from umbel.data.statistics import declared, scan
from umbel.data.study import Study
from umbel.data.values import Array, Codes, categories, listed
from umbel.errors import DataError, did_you_mean, shown
from umbel.results.check import Check
from umbel.variable import Domain, State


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variable that an estimand reads.

    Parameters
    ----------
    variable
        Its name.
    depth
        Number of plates around it: 0 for a variable of the unit.
    states
        Declared states, None where the data tell.
    """

    variable: str
    depth: int
    states: Domain | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The innermost units that have rows, by their keys.

    Parameters
    ----------
    codes
        Shape (units, levels): each unit's key, one part per outer level.
    states
        Labels of the codes, per level.
    table
        The table of rows, for messages.
    """

    codes: Codes
    states: tuple[tuple[State, ...], ...]
    table: str

    def at(self, level: int) -> tuple[Codes, Codes]:
        """Members of an outer level as key codes, and the member each innermost unit belongs to."""
        found, index = np.unique(self.codes[:, : level + 1], axis=0, return_inverse=True)
        return found, index.reshape(-1)

    def label(self, key: Sequence[int]) -> str:
        """A key for a message."""
        return " / ".join(str(self.states[level][code]) for level, code in enumerate(key))


@dataclass(frozen=True, slots=True, eq=False)
class UnitColumn:
    """A variable of an outer level.

    Parameters
    ----------
    depth
        Its level: 0 for the outermost.
    codes
        Shape (members of that level,): which state each has; -1 where it is missing.
    states
        Its states in order.
    """

    depth: int
    codes: Codes
    states: tuple[State, ...]

    @property
    def values(self) -> Array:
        """The states as numbers; NaN for words and where it is missing."""
        table = np.array([np.nan if isinstance(state, str) else float(state) for state in self.states] + [np.nan])
        return table[self.codes]


def unit_column(study: Study, data: Table, wanted: Wanted, members: Members) -> UnitColumn:
    """One variable of an outer level, aligned with the members of that level.

    Raises
    ------
    DataError
        When its column is nowhere, varies within a unit, or holds an undeclared state.
    """
    column = study.column(wanted.variable)
    own = study.units[wanted.depth] if wanted.depth < len(study.units) else None
    if own is not None and column.column in own.columns:
        codes, states = _from_units(study, own, column.column, column.missing, wanted.depth, members)
        table = own
    elif column.column in data.columns:
        codes, states = _from_rows(study, data, column.column, column.missing, wanted.depth, members)
        table = data
    else:
        places = [own] if own is not None else []
        hint = did_you_mean(column.column, [name for one in (*places, data) for name in one.columns])
        raise DataError(f"No table of its level has the column {shown(column.column)} of {wanted.variable}. {hint}")
    where = f"Column {shown(column.column)} of {table.name}"
    codes, domain = declared(codes, states, wanted.states or column.states, where)
    return UnitColumn(wanted.depth, codes, domain.states)


def join_checks(study: Study, members: Members) -> tuple[Check, ...]:
    """That every table of units joins with the rows, whether or not a variable is read from it."""
    checks: tuple[Check, ...] = ()
    for depth, table in enumerate(study.units[: members.codes.shape[1]]):
        checks += _rows_of(study, table, depth, members)[1]
    return checks


def _rows_of(study: Study, table: Table, depth: int, members: Members) -> tuple[Codes, tuple[Check, ...]]:
    """The row of a level's table that describes each of its members.

    Raises
    ------
    DataError
        When a member has no row, a key is missing, or two rows have one key.
    """
    names = study.unit[: depth + 1]
    wanted, _ = members.at(depth)
    rows: dict[tuple[int, ...], int] = {}
    parts = []
    for level, column in enumerate(fetch_columns(table, names, reason="unit")):
        codes, states = categories(column)
        if (codes < 0).any():
            row = int((codes < 0).argmax()) + 1
            raise DataError(f"{table.name} has no {names[level]!r} in row {row}. Every unit needs its key.")
        _same_kind(names[level], states, table.name, members.states[level], members.table)
        known = {state: code for code, state in enumerate(members.states[level])}
        parts.append(np.array([known.get(state, -1) for state in states], dtype=np.int64)[codes])
        labels = [states[code] for code in codes] if level == depth else []
    keys = np.stack(parts, axis=1)  # (rows of the table, depth + 1)
    empty = 0
    for row, key in enumerate(map(tuple, keys.tolist())):
        if -1 in key:
            empty += 1
        elif key in rows:
            raise DataError(f"{table.name} has two rows of {names[-1]} {labels[row]!r}. Each unit has one row.")
        else:
            rows[key] = row
    found = [rows.get(tuple(key), -1) for key in wanted.tolist()]
    orphans = [key for key, row in zip(wanted.tolist(), found, strict=True) if row < 0]
    if orphans:
        raise DataError(
            f"{len(orphans)} of {len(wanted)} units of {members.table} have no row in {table.name}: "
            f"{listed([members.label(key) for key in orphans], 4)}. Add their rows, or leave out units=...."
        )
    empty += len(set(rows) - set(map(tuple, wanted.tolist())))
    advice = (
        f"{empty} of {len(keys)} units of {table.name} have no complete row in {members.table}; they were left out."
    )
    check = Check("units have rows", empty == 0, float(empty), advice if empty else "")
    return np.array(found, dtype=np.int64), (check,)


def _same_kind(key: str, left: tuple[State, ...], table: str, right: tuple[State, ...], rows: str) -> None:
    """Keys that are words here and numbers there never join: say so instead of listing them all."""
    words = [any(isinstance(state, str) for state in states) for states in (left, right)]
    if left and right and words[0] != words[1]:
        kinds = [f"text in {table if words[0] else rows}", f"numbers in {rows if words[0] else table}"]
        raise DataError(f"The key {key!r} is {kinds[0]} and {kinds[1]}. Make both the same.")


def _from_units(
    study: Study, table: Table, column: str, missing: tuple[State, ...], depth: int, members: Members
) -> tuple[Codes, tuple[State, ...]]:
    rows, _ = _rows_of(study, table, depth, members)
    (found,) = fetch_columns(table, [column], reason="units")
    codes, states = categories(found, missing=missing)
    return codes[rows], states


def _from_rows(
    study: Study, data: Table, column: str, missing: tuple[State, ...], depth: int, members: Members
) -> tuple[Codes, tuple[State, ...]]:
    """A unit's variable from a joined table: one value per unit, holes apart."""
    names = study.unit[: depth + 1]
    fields = [Field(position(data, name, reason="unit"), f"{name} of {data.name}") for name in names]
    value = Field(position(data, column, reason="unit"), f"Column {shown(column)} of {data.name}", False, missing)
    groups = scan(data, Plan((*fields, value)), {})
    wanted, _ = members.at(depth)
    place = {tuple(key): row for row, key in enumerate(wanted.tolist())}
    maps = [
        {state: code for code, state in enumerate(members.states[level])} for level in range(depth + 1)
    ]  # keys of incomplete rows are in no map
    result = np.full(len(wanted), -1, dtype=np.int64)
    for parts in zip(*(codes.tolist() for codes in groups.keys), strict=True):
        key = tuple(maps[level].get(groups.states[level][code], -1) for level, code in enumerate(parts[:-1]))
        row = place.get(key)
        if row is None:
            continue
        if result[row] >= 0:
            values = listed(sorted((groups.states[-1][code] for code in (int(result[row]), parts[-1])), key=str))
            raise DataError(
                f"{value.name} varies within {names[-1]} {members.label(key)!r} ({values}), and in the graph it "
                "stands outside that plate. Declare it inside, or fix the table."
            )
        result[row] = parts[-1]
    return result, groups.states[-1]
