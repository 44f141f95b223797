"""What a table holds, column by column, for someone who is about to describe it: kinds, states, doubts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from umbel.data import memory, sql
from umbel.data.doubts import suspected_codes, suspected_states
from umbel.data.plan import Field
from umbel.data.rows import MOST_STATES
from umbel.data.source import FrameTable, Table, position
from umbel.data.statistics import tally
from umbel.data.study import Study
from umbel.data.values import are_numerals, number_of, order_key, state_of
from umbel.errors import DataError, shown
from umbel.variable import State

FEW = 12
"""Distinct values up to which a column is listed by its states."""
SAMPLE = 5_000
"""Distinct values after which they are no longer counted."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One column.

    Parameters
    ----------
    name
        As in the table.
    number
        Whether every value is a number.
    states
        Its distinct values in order, where they are few; else empty.
    distinct
        How many there are; None for more than a few thousand.
    missing, rows
        Rows without a value, and all rows.
    low, high
        Smallest and largest number.
    suspects
        Values that look like codes for missing.
    within
        Whether it varies within units; None where that was not asked.
    """

    name: str
    number: bool
    states: tuple[State, ...]
    distinct: int | None
    missing: int
    rows: int
    low: float | None
    high: float | None
    suspects: tuple[State, ...]
    within: bool | None = None


def profiles(table: Table, *, unit: str | None = None) -> tuple[Profile, ...]:
    """Every column of a table; a scan for each, O(rows * columns).

    Parameters
    ----------
    table
        The table.
    unit
        The key of the units within which a column may vary.

    Raises
    ------
    DataError
        For a table that cannot be read.

    Examples
    --------
    >>> from umbel.data.source import open_table
    >>> pupils = open_table({"school": [1, 1, 2], "A": [0, 1, 1], "Z": [5, 5, 6]}, role="pupils")
    >>> found = profiles(pupils, unit="school")
    >>> [(one.name, one.states, one.within) for one in found]
    [('school', (1, 2), False), ('A', (0, 1), True), ('Z', (5, 6), False)]
    """
    key = None if unit is None else position(table, unit, reason="unit")
    return tuple(_profile(table, place, key) for place in range(len(table.columns)))


def is_wide_number(study: Study, variable: str) -> bool:
    """Whether a variable's column holds numbers of more than a few values."""
    column = study.column(variable)
    table = next(table for table in reversed(study.tables()) if column.column in table.columns)
    one = _profile(table, table.columns.index(column.column), None, column.missing)
    return one.number and not one.states


def words_of(study: Study, variable: str) -> tuple[str, ...]:
    """A variable's states in the alphabet's order where they are words, of which there may be many; else nothing."""
    column = study.column(variable)
    table = next(table for table in reversed(study.tables()) if column.column in table.columns)
    place = table.columns.index(column.column)
    if is_numeric(study, variable):
        return ()
    found = _distinct(table, place) - set(column.missing)
    if are_numerals(found, column.missing):
        return ()
    return tuple(sorted(one for one in found if isinstance(one, str) and one.strip()))


def whole_numbers_of(study: Study, variable: str) -> tuple[int, ...]:
    """A variable's values in order where they are few whole numbers; else nothing."""
    column = study.column(variable)
    table = next(table for table in reversed(study.tables()) if column.column in table.columns)
    found = _distinct(table, table.columns.index(column.column), MOST_STATES + len(column.missing)) - set(
        column.missing
    )
    if are_numerals(found, column.missing):
        found = {one for one in map(number_of, found) if one is not None and one not in column.missing}
    whole = sorted(int(one) for one in found if not isinstance(one, str) and float(one).is_integer())
    return tuple(whole) if len(whole) == len(found) <= MOST_STATES else ()


def is_numeric(study: Study, variable: str) -> bool:
    """Whether the type of a variable's column says that it holds numbers, or truth values; reads no rows."""
    column = study.column(variable).column
    table = next(table for table in reversed(study.tables()) if column in table.columns)
    place = table.columns.index(column)
    if isinstance(table, FrameTable):
        kind = table.frame.collect_schema()[table.columns[place]]
        return bool(kind.is_numeric() or kind == nw.Boolean)
    with sql.session(table) as (run, source):
        return sql.is_numeric(str(run(f"SELECT * FROM {source}").types[place]))


def _profile(table: Table, place: int, key: int | None, codes: tuple[State, ...] = ()) -> Profile:
    name = table.columns[place]
    where = f"Column {shown(name)} of {table.name}"
    field = Field(place, where, number=True, missing=codes)
    try:
        rows, tallies = tally(table, (field,))
        number = True
    except DataError:  # words, dates, infinities: told apart where it matters, by whoever uses the column
        field = Field(place, where, missing=codes)
        rows, tallies = tally(table, (field,))
        number = False
    one = tallies[field]
    values = sorted(_distinct(table, place) - set(codes), key=order_key)
    few = len(values) <= FEW
    suspects = suspected_codes(one) if number and not few else suspected_states(values)
    return Profile(
        name,
        number,
        tuple(values) if few else (),
        len(values) if len(values) <= SAMPLE else None,
        one.missing,
        rows,
        one.low,
        one.high,
        suspects,
        None if key is None else _varies(table, place, key),
    )


def _distinct(table: Table, place: int, most: int = SAMPLE) -> set[State]:
    """Distinct values, at most two more than are counted."""
    if isinstance(table, FrameTable):
        column = memory.fetch(table, [place]).column(0).unique().to_pylist()
    else:
        with sql.session(table) as (run, source):
            found = run(f"SELECT DISTINCT c{place} AS c FROM {source} LIMIT {most + 2}").to_arrow_table()
        column = found.column(0).to_pylist()
    states = (state_of(value) for value in column[: most + 2])
    return {state for state in states if state is not None}


def _varies(table: Table, place: int, key: int) -> bool:
    if place == key:
        return False
    if isinstance(table, FrameTable):
        both: Any = memory.fetch(table, [key, place])  # an Arrow table, which carries no types
        first: dict[Any, Any] = {}
        pairs = zip(both.column(0).to_pylist(), both.column(1).to_pylist(), strict=True)
        return any(first.setdefault(unit, value) != value for unit, value in pairs if value is not None)
    with sql.session(table) as (run, source):
        inner = f"SELECT min(c{place}) <> max(c{place}) AS v FROM {source} GROUP BY c{key}"
        return bool(run(f"SELECT coalesce(bool_or(v), false) FROM ({inner})").fetchall()[0][0])
