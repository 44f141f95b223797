"""A Study: one data set, where it is and how it came to be, checked once at the door.

Frozen, and silent about graphs: it knows columns, levels and design (what was randomised, which
rows were kept, what is published only in summary), and hands out statistics of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from umbel.data.columns import Column, read_columns
from umbel.data.edges import open_edges, rows_of_matrix
from umbel.data.source import Table, open_table, position
from umbel.errors import DataError, did_you_mean, shown
from umbel.variable import State

SUMMARY_KEYS = ("of", "value", "se")


@dataclass(frozen=True, slots=True)
class Summary:
    """A within-unit figure that is published in place of rows.

    Parameters
    ----------
    of
        What it estimates, read inside each unit: ``"E[Y | A=1] - E[Y | A=0]"``.
    value, se
        Columns of the unit table that hold the figure and its standard error.
    """

    of: str
    value: str
    se: str


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Study:
    """One data set and its design.

    Right when the columns are what the problem says they are: names are matched exactly, and what
    contradicts itself raises here, before anything is estimated. Rows are not read yet: O(columns).

    Parameters
    ----------
    data
        One row per member of the innermost plate (or per unit, where there is none): a path (csv,
        parquet), a pandas, polars, pyarrow, PySpark or Ibis table, a DuckDB relation, a mapping of
        columns, or the name of a table of ``database``.
    units
        The outer level, or ``{plate: table}`` for several, outermost first.
    unit
        The key column that joins the levels, or one per outer level, outermost first; for friends inside
        units, also the members' own key, last.
    count, weight, unit_weight, cluster, strata
        Columns: rows are counts; sampling weights of rows and of units; clusters; strata.
    database
        ``duckdb:///file.db``: the engine that holds the rows.
    variables
        ``{"Y": {"column": "maths_2024", "missing": [-9]}}``; variables left out have columns of
        their own name.
    do
        Variables that this study randomised.
    assigned
        The level at which they were randomised: a plate or the unit.
    doses
        ``{"A": (0.2, 0.8)}``: the values at which each was set; for a variable inside a plate, the
        shares that units got. A variable that is left out was set to every value.
    edges
        Who is joined with whom in a network study: a table whose first two columns hold keys of
        persons (``weight``: a third one), a networkx graph or a symmetric scipy.sparse matrix with a
        row for each row of ``data``, in their order.
    selected
        Variables by which rows were kept.
    errors
        ``{"Gain": "se"}``: columns of known measurement errors.
    summaries, counts
        Where only summaries are published: what each is ``of``, with its ``value`` and ``se``
        columns of ``units``; ``counts`` maps a variable to columns of counts, in order of states.

    Raises
    ------
    DataError
        For a table or column that is not there, and parts that contradict each other.

    Examples
    --------
    >>> schools = {"school": ["A", "B"], "effect": [28.0, 8.0], "se": [15.0, 10.0]}
    >>> of = "E[Y | A=1] - E[Y | A=0]"
    >>> study = Study(units=schools, unit="school", summaries=({"of": of, "value": "effect", "se": "se"},))
    >>> study.summaries[0].value
    'effect'
    """

    data: Table | None
    units: tuple[Table, ...]
    plates: tuple[str, ...]
    unit: tuple[str, ...]
    count: str | None
    weight: str | None
    unit_weight: str | None
    cluster: str | None
    strata: str | None
    variables: tuple[Column, ...]
    do: tuple[str, ...]
    assigned: str | None
    doses: tuple[tuple[str, tuple[State, ...]], ...]
    edges: Table | None
    matrix: int | None
    selected: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    summaries: tuple[Summary, ...]
    counts: tuple[tuple[str, tuple[str, ...]], ...]

    def __init__(
        self,
        data: Any = None,
        *,
        units: Any = None,
        unit: str | Sequence[str] | None = None,
        count: str | None = None,
        weight: str | None = None,
        unit_weight: str | None = None,
        cluster: str | None = None,
        strata: str | None = None,
        database: str | None = None,
        variables: Mapping[str, Any] | Sequence[Column] | None = None,
        do: str | Sequence[str] = (),
        assigned: str | None = None,
        doses: Mapping[str, Sequence[State]] | None = None,
        edges: Any = None,
        selected: str | Sequence[str] = (),
        errors: Mapping[str, str] | None = None,
        summaries: Sequence[Summary | Mapping[str, str]] = (),
        counts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        plates, tables = _levels(units, database)
        values: dict[str, object] = {
            "data": None if data is None else open_table(data, role="data", database=database),
            "units": tables,
            "plates": plates,
            "unit": _names(unit, "unit"),
            "count": _name(count, "count"),
            "weight": _name(weight, "weight"),
            "unit_weight": _name(unit_weight, "unit_weight"),
            "cluster": _name(cluster, "cluster"),
            "strata": _name(strata, "strata"),
            "variables": read_columns(variables),
            "do": _names(do, "do"),
            "assigned": _name(assigned, "assigned"),
            "doses": _doses(doses or {}),
            "edges": None if edges is None else open_edges(edges, database=database),
            "matrix": rows_of_matrix(edges),
            "selected": _names(selected, "selected"),
            "errors": tuple((errors or {}).items()),
            "summaries": tuple(_summary(index, one) for index, one in enumerate(summaries)),
            "counts": tuple((name, _names(columns, f"counts.{name}")) for name, columns in (counts or {}).items()),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _check(self)

    def column(self, variable: str) -> Column:
        """How a variable is read; one that is not described has a column of its own name."""
        for one in self.variables:
            if one.variable == variable:
                return one
        return Column(variable, variable)

    def with_columns(self, columns: Mapping[str, Any], unit: tuple[str, ...]) -> Study:
        """The same design with other rows, keyed by ``unit``, and without edges."""
        assert self.data is not None
        found = self.keyed(unit)
        object.__setattr__(found, "data", replace(open_table(columns, role="data"), name=self.data.name))
        return found

    def keyed(self, unit: tuple[str, ...]) -> Study:
        """The same rows, keyed by ``unit``, and without edges."""
        found = copy(self)
        object.__setattr__(found, "unit", unit)
        object.__setattr__(found, "edges", None)
        return found

    def tables(self) -> tuple[Table, ...]:
        """All levels, outermost first, the rows last."""
        return (*self.units, self.data) if self.data is not None else self.units

    def holds(self, variable: str) -> bool:
        """Whether a column of that variable stands in one of the tables."""
        return any(self.column(variable).column in table.columns for table in self.tables())

    def __repr__(self) -> str:
        return f"Study({', '.join(table.name for table in self.tables())})"


def _levels(units: Any, database: str | None) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    if units is None:
        return (), ()
    if isinstance(units, Mapping) and units and all(_is_table(value) for value in units.values()):
        tables = tuple(open_table(home, role=f"units of {name}", database=database) for name, home in units.items())
        return tuple(str(name) for name in units), tables
    return ("",), (open_table(units, role="units", database=database),)


def _is_table(value: Any) -> bool:
    """Whether an entry of ``units={...}`` is a level's table and not a column of values."""
    if isinstance(value, str | Mapping) or hasattr(value, "__fspath__"):
        return True
    return hasattr(type(value), "columns") or hasattr(type(value), "collect_schema")


def _name(value: Any, key: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DataError(f"{key} is {shown(repr(value))}, which is no name. Write one name in quotes.")
    return value


def _names(value: Any, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise DataError(f"{key} names {shown(repr(name))}, which is no name. Write names in quotes.")
    if len(set(names)) != len(names):
        raise DataError(f"{key} names {shown(max(names, key=names.count))} twice.")
    return names


def _doses(doses: Mapping[str, Sequence[State]]) -> tuple[tuple[str, tuple[State, ...]], ...]:
    for name, values in doses.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise DataError(f"doses of {shown(str(name))} are {shown(repr(values))}; they are a list, such as (0, 1).")
    return tuple((name, tuple(values)) for name, values in doses.items())


def _summary(index: int, entry: Summary | Mapping[str, Any]) -> Summary:
    if isinstance(entry, Summary):
        return entry
    place = f"summaries[{index}]"
    for key in entry:
        if key not in SUMMARY_KEYS:
            raise DataError(f"{place} has no key {shown(str(key))}. {did_you_mean(str(key), SUMMARY_KEYS)}")
    missing = [key for key in SUMMARY_KEYS if not isinstance(entry.get(key), str)]
    if missing:
        raise DataError(f"{place} needs {missing[0]!r} as text. A summary has: {', '.join(SUMMARY_KEYS)}.")
    return Summary(entry["of"], entry["value"], entry["se"])


def _check(study: Study) -> None:
    """What can be known to be wrong from names alone."""
    if study.data is None and not study.units:
        raise DataError("A study needs a table: Study(data) or, with summaries, Study(units=..., summaries=...).")
    if study.assigned is not None and not study.do:
        raise DataError(f"assigned={shown(study.assigned)} says at which level, but do=... does not say what.")
    for name, _ in study.doses:
        if name not in study.do:
            raise DataError(f"doses are given for {shown(name)}, which do=... does not name.")
    if study.summaries:
        _check_summaries(study)
    elif study.counts:
        raise DataError("counts=... belongs to a study of summaries; rows that are counts are named by count='n'.")
    elif study.data is None:
        raise DataError("A study of units alone holds summaries. Give its rows as data, or summaries=....")
    else:
        _check_rows(study, study.data)
    if len(study.units) > 1 and len(study.unit) != len(study.units):
        raise DataError(f"{len(study.units)} outer levels need as many keys: unit has {len(study.unit)}.")
    for depth, table in enumerate(study.units):
        for key in study.unit[: depth + 1]:
            position(table, key, reason="unit")
    if study.unit_weight is not None:
        outer = study.units[0] if study.units else study.data
        if outer is not None:
            position(outer, study.unit_weight, reason="unit_weight")


def _check_summaries(study: Study) -> None:
    if study.data is not None:
        raise DataError("A study of summaries has no rows: give its table as units=....")
    table = study.units[-1]
    for one in study.summaries:
        position(table, one.value, reason="the summary's value")
        position(table, one.se, reason="the summary's standard error")
    for variable, columns in study.counts:
        for column in columns:
            position(table, column, reason=f"counts of {variable}")


def _check_rows(study: Study, data: Table) -> None:
    if study.units and not study.unit:
        raise DataError("units=... needs unit=...: the name of the key column that joins the two tables.")
    for key in study.unit:
        position(data, key, reason="unit")
    for role in ("count", "weight", "cluster", "strata"):
        column = getattr(study, role)
        if column is not None:
            position(data, column, reason=role)
    if study.count is not None and study.count == study.weight:
        raise DataError(f"{shown(study.count)} is named as count and as weight. A row's column is one of them.")
    for one in study.variables:
        if not study.holds(one.variable):
            near = did_you_mean(one.column, [name for table in study.tables() for name in table.columns])
            raise DataError(f"No table has the column {shown(one.column)} of variable {shown(one.variable)}. {near}")
    for variable, column in study.errors:
        position(data, column, reason=f"error of {variable}")
