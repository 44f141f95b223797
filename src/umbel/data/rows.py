"""Rows as arrays, for estimators that learn from rows and not from counts.

A variable is *discrete* when its states are declared, when it holds words or truth values, or when
it holds at most ten different whole numbers; every other variable is a number. Rows with a hole
in any variable are left out, counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from umbel.data import doubts
from umbel.data.fetching import fetch_columns
from umbel.data.levels import Members, Wanted, unit_column
from umbel.data.plan import CODES, Field, Plan, Tally
from umbel.data.source import Table, position
from umbel.data.statistics import declared
from umbel.data.study import Study
from umbel.data.values import (
    Array,
    Codes,
    are_numerals,
    categories,
    has_fractions,
    is_law,
    law_refused,
    listed,
    numbers,
    state_of,
)
from umbel.errors import DataError, shown
from umbel.numerics.influence import Sample
from umbel.results.check import Check
from umbel.results.value import DataSource
from umbel.variable import Domain, State

Category = tuple[Codes, tuple[State, ...]]
"""Codes of rows, and the states they stand for."""

MOST_STATES = 10
"""Different whole numbers up to which a column without declared states counts as discrete."""


@dataclass(frozen=True, slots=True, eq=False)
class RowColumn:
    """One variable in every row.

    Parameters
    ----------
    values
        Shape (rows,): its numbers; NaN where its states are words.
    codes
        Shape (rows,): which state it has; None for a number without states.
    states
        Its states in order; empty for a number without states.
    """

    values: Array
    codes: Codes | None
    states: tuple[State, ...]

    @property
    def discrete(self) -> bool:
        """Whether it has states."""
        return self.codes is not None

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return not any(isinstance(state, str) for state in self.states)

    def taken(self, rows: Codes) -> RowColumn:
        """The variable in some rows, in the order given."""
        return RowColumn(self.values[rows], None if self.codes is None else self.codes[rows], self.states)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The complete rows of a study.

    Parameters
    ----------
    columns
        Every variable that was asked for.
    sample
        Counts, weights, clusters and strata of the rows.
    clustered
        The column that clusters come from, None where rows are independent.
    checks, source
        Doubts; the table that was read.
    """

    columns: Mapping[str, RowColumn]
    sample: Sample
    clustered: str | None
    checks: tuple[Check, ...]
    source: DataSource

    @property
    def size(self) -> int:
        """Number of rows that were kept."""
        return len(self.sample.counts)

    def taken(self, rows: Codes, sample: Sample) -> Rows:
        """Some rows, in the order given, with a sample of their own."""
        columns = {name: column.taken(rows) for name, column in self.columns.items()}
        return Rows(columns, sample, self.clustered, self.checks, self.source)


def read_rows(
    study: Study, names: Sequence[str], *, domains: Mapping[str, Domain] | None = None, plate: str | None = None
) -> Rows:
    """Read whole columns of a study's rows into memory; O(rows * names).

    Parameters
    ----------
    study
        Where the rows are.
    names
        Variables; one that the table of rows lacks is joined from the table of units.
    domains
        Declared states.
    plate
        Units then weigh the same, whatever their number of rows, and their rows depend on each
        other; without it rows weigh the same.

    Raises
    ------
    DataError
        When a column is not there, holds an undeclared state, or no row is complete.

    Examples
    --------
    >>> study = Study({"A": [0, 1, 1, None], "Y": [0.5, 1.5, 2.25, 4.0]})
    >>> rows = read_rows(study, ["A", "Y"])
    >>> rows.columns["A"].states, rows.columns["Y"].values.tolist(), rows.checks[0].value
    ((0, 1), [0.5, 1.5, 2.25], 1.0)
    """
    data = study.data
    if data is None:
        raise DataError("This study holds summaries and no rows.")
    if plate is not None and len(study.unit) != 1:
        raise DataError(f"The question is about {plate} members of units. Name one key column: unit=....")
    keys = [categories(arrow) for arrow in fetch_columns(data, study.unit, reason="unit")]
    joined = [name for name in names if study.column(name).column not in data.columns and study.units]
    own = [name for name in names if name not in joined]
    fields = [_field(study, data, name) for name in own]
    given = domains or {}
    columns = {}
    for name, field in zip(own, fields, strict=True):
        columns[name] = _variable(study, data, name, field, given.get(name))
    for name in joined:
        columns[name] = _from_units(study, data, name, given.get(name), keys)
    return _complete(study, data, columns, fields, own, keys, plate)


def _field(study: Study, data: Table, name: str) -> Field:
    column = study.column(name)
    at = position(data, column.column, reason=f"variable {name}")
    return Field(at, f"Column {shown(column.column)} of {data.name}", False, column.missing)


def _variable(study: Study, data: Table, name: str, field: Field, domain: Domain | None) -> RowColumn:
    (arrow,) = fetch_columns(data, [study.column(name).column], reason=f"variable {name}")
    wanted = domain or study.column(name).states
    if wanted is None and (_is_number(arrow) or _are_numerals(arrow, field.missing)):
        return _number(numbers(arrow, where=field.name, missing=field.missing))
    codes, states = categories(arrow, missing=field.missing)
    codes, found = declared(codes, states, wanted, field.name)
    return _category(codes, found.states)


def _number(values: Array) -> RowColumn:
    """A column of numbers: with states where they are few and whole."""
    head = np.unique(values[:1000][~np.isnan(values[:1000])])
    if len(head) <= MOST_STATES and (head == np.floor(head)).all():
        found = np.unique(values[~np.isnan(values)])
        if len(found) <= MOST_STATES and (found == np.floor(found)).all():
            codes = np.searchsorted(found, np.where(np.isnan(values), np.inf, values)).astype(np.int64)
            codes[np.isnan(values)] = -1
            return RowColumn(values, codes, tuple(int(state) for state in found))
    return RowColumn(values, None, ())


def _category(codes: Codes, states: tuple[State, ...]) -> RowColumn:
    table = np.array([np.nan if isinstance(state, str) else float(state) for state in states] + [np.nan])
    return RowColumn(table[codes], codes, states)


def _is_number(arrow: Any) -> bool:
    """Whether an Arrow column holds numbers (Arrow carries no types, hence ``Any``)."""
    kind = arrow.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _are_numerals(arrow: Any, missing: Sequence[State]) -> bool:
    """Whether a column of text holds numbers beside a word for missing."""
    if not any(isinstance(code, str) for code in missing):
        return False
    return are_numerals((state_of(one) for one in arrow.unique().to_pylist()), missing)


def _from_units(study: Study, data: Table, name: str, domain: Domain | None, keys: Sequence[Category]) -> RowColumn:
    """A unit's variable, spread over the unit's rows."""
    codes = np.stack([key for key, _ in keys], axis=1)  # (rows, levels)
    complete = (codes >= 0).all(axis=1)
    found, index = np.unique(codes[complete], axis=0, return_inverse=True)
    members = Members(found, tuple(states for _, states in keys), data.name)
    depth = next((at for at, table in enumerate(study.units) if study.column(name).column in table.columns), 0)
    unit = unit_column(study, data, Wanted(name, depth, domain), members)
    spread = np.full(len(codes), -1, dtype=np.int64)
    spread[complete] = unit.codes[members.at(depth)[1][index.reshape(-1)]]
    return _category(spread, unit.states)


def _complete(
    study: Study,
    data: Table,
    columns: dict[str, RowColumn],
    fields: Sequence[Field],
    own: Sequence[str],
    keys: Sequence[Category],
    plate: str | None,
) -> Rows:
    """Drop rows with holes; counts, weights, clusters and strata of the rest."""
    size = len(next(iter(columns.values())).values)
    numbered = {role: _weights(study, data, role) for role in ("count", "weight") if getattr(study, role)}
    grouped = {role: _groups(study, data, role) for role in ("cluster", "strata") if getattr(study, role)}
    idle = np.zeros(size, dtype=bool)
    for values in numbered.values():
        idle |= values == 0.0
    known = dict(zip(own, fields, strict=True))
    holes = {known.get(name, Field(-1, name)): _holes(column) for name, column in columns.items()}
    for role, values in numbered.items():
        holes[Field(-1, f"{role} {shown(getattr(study, role))}")] = np.isnan(values)
    for role, codes in grouped.items():
        holes[Field(-1, f"{role} {shown(getattr(study, role))}")] = codes < 0
    for name, (codes, _) in zip(study.unit, keys, strict=True):
        holes[Field(-1, f"unit {shown(name)}")] = codes < 0
    keep = ~idle
    for hole in holes.values():
        keep &= ~hole
    if not keep.any():
        lacking = listed([field.name for field, hole in holes.items() if hole.any()])
        what = (
            f"has no complete row; missing values are in: {lacking}" if lacking else "has no row that weighs anything"
        )
        raise DataError(f"{data.name} {what}." if len(keep) else f"{data.name} is empty.")
    rows = np.flatnonzero(keep)
    checks = _doubts(columns, known, {field: hole & ~idle for field, hole in holes.items()}, len(rows), int(idle.sum()))
    kept = {name: _seen(column.taken(rows)) for name, column in columns.items()}
    ones = np.ones(len(rows))
    counts, weights = (numbered[role][rows] if role in numbered else ones for role in ("count", "weight"))
    clusters = grouped["cluster"][rows] if "cluster" in grouped else keys[0][0][rows] if keys else None
    if plate is not None:
        weights = weights / np.bincount(keys[0][0][rows], weights=weights * counts)[keys[0][0][rows]]
        if study.unit_weight is not None:
            weights = weights * _unit_weights(study, data, study.unit_weight, keys)[rows]
    strata = grouped["strata"][rows] if "strata" in grouped else None
    sample = Sample(counts, weights, _dense(clusters), _dense(strata))
    if study.weight is not None:
        checks = (*checks, *doubts.of_uneven(sample.effective()))
    clustered = study.cluster or (study.unit[0] if study.unit else None)
    units = None if clusters is None else len(np.unique(clusters))
    return Rows(kept, sample, clustered, checks, DataSource(data.name, round(float(counts.sum())), units))


def _holes(column: RowColumn) -> Any:
    return np.isnan(column.values) if column.codes is None else column.codes < 0


def _seen(column: RowColumn) -> RowColumn:
    """Without the states that no complete row shows."""
    if column.codes is None:
        return column
    used, codes = np.unique(column.codes, return_inverse=True)
    return RowColumn(column.values, codes.reshape(-1), tuple(column.states[code] for code in used))


def _weights(study: Study, data: Table, role: str) -> Array:
    name = getattr(study, role)
    (arrow,) = fetch_columns(data, [name], reason=role)
    where = f"Column {shown(name)} of {data.name}"
    values = numbers(arrow, where=where)
    if (values < 0).any():
        raise DataError(f"{where} weighs rows and is {np.nanmin(values):g} somewhere. Weights are not negative.")
    if role == "count" and is_law(values):
        raise law_refused(where)
    if role == "count" and has_fractions(values):
        raise DataError(
            f"{where} counts rows and is no whole number somewhere, and this estimator draws rows. Give counts; where "
            "each row was drawn by itself and stands for others, name it as weight."
        )
    elif (largest := np.nanmax(values, initial=0.0)) > 0.0 and not 1e-50 < largest < 1e50:
        values = values / largest  # their scale says nothing, and squares would overflow
    return values


def _groups(study: Study, data: Table, role: str) -> Codes:
    (arrow,) = fetch_columns(data, [getattr(study, role)], reason=role)
    return categories(arrow)[0]


def _unit_weights(study: Study, data: Table, name: str, keys: Sequence[Category]) -> Array:
    """Each row's unit's weight, wherever its column stands."""
    if name not in data.columns:
        return _from_units(study, data, name, None, keys).values
    (arrow,) = fetch_columns(data, [name], reason="unit_weight")
    return numbers(arrow, where=f"Column {shown(name)} of {data.name}")


def _dense(codes: Codes | None) -> Codes | None:
    return None if codes is None else np.unique(codes, return_inverse=True)[1].reshape(-1)


def _doubts(
    columns: Mapping[str, RowColumn], fields: Mapping[str, Field], holes: Mapping[Field, Any], kept: int, idle: int
) -> tuple[Check, ...]:
    """Rows that were left out, codes that may mean missing, declared states that nobody shows."""
    values = tuple(field for name, field in fields.items() if not columns[name].discrete)
    plan = Plan(tuple(field for field in holes if field not in values), values)
    tallies = {field: Tally(int(hole.sum())) for field, hole in holes.items()}
    tallies |= {field: _tally(columns[name], holes[field]) for name, field in fields.items()}
    size = len(next(iter(holes.values())))
    split, found = {}, {}
    for name, column in columns.items():
        if column.codes is not None:
            split[name] = column.codes, Domain(column.states)
            found[name] = tuple(column.states[code] for code in np.unique(column.codes[column.codes >= 0]))
    return (*doubts.of_rows(plan, size, kept, tallies, idle=idle), *doubts.of_states(split, found))


def _tally(column: RowColumn, holes: Any) -> Tally:
    """A column at a glance; only numbers without states can hide a code for missing."""
    missing = int(holes.sum())
    if column.codes is not None or not (~holes).any():
        return Tally(missing)
    values = column.values[~holes]
    inner = values[~np.isin(values, CODES)]
    ends = (float(inner.min()), float(inner.max())) if len(inner) else (None, None)
    return Tally(missing, float(values.mean()), float(values.min()), float(values.max()), *ends)
