"""From a study to arrays: one scan of the rows, the outer levels joined, every doubt counted.

:func:`collect` is the one road: it resolves each variable to a column at its level and refuses
what contradicts itself (keys that do not join, a unit variable that varies within its unit, a
state that nobody declared), so that no estimator ever meets a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umbel.data import doubts
from umbel.data.levels import Members, UnitColumn, Wanted, join_checks, unit_column
from umbel.data.plan import Field, Plan
from umbel.data.source import Table, position
from umbel.data.statistics import Cells, Grouped, Request, answered, declared, has_fractions, idle, scan, tally
from umbel.data.study import Study
from umbel.data.values import Array, Codes, law_refused, listed, sums_to_one
from umbel.errors import DataError, shown
from umbel.numerics.cells import Moments
from umbel.results.check import Check
from umbel.results.value import DataSource
from umbel.variable import Domain, State

WEIGHT = "weight of the units"


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Statistics of one study.

    Parameters
    ----------
    keys
        Labels of the innermost units, each a tuple with one part per outer level.
    levels
        For each outer level, outermost first: shape (units,), the member of that level that each
        innermost unit belongs to. The last is 0, 1, 2, ….
    columns
        Variables of outer levels, aligned with the members of their level.
    cells
        Answers, in the order of the requests.
    unit_weights
        Shape (members of the outermost level,): sampling weights, ones where none are given.
    ranges
        Smallest and largest value of each number that a request averages.
    checks, sources
        Doubts; the tables that were read.
    """

    keys: tuple[tuple[State, ...], ...]
    levels: tuple[Codes, ...]
    columns: dict[str, UnitColumn]
    cells: tuple[Cells, ...]
    unit_weights: Array
    ranges: dict[str, tuple[float, float]]
    checks: tuple[Check, ...]
    sources: tuple[DataSource, ...]

    @property
    def units(self) -> int:
        """Number of innermost units; 1 for a table without levels."""
        return len(self.keys)


def collect(study: Study, wanted: Sequence[Wanted], requests: Sequence[Request]) -> Nested:
    """Read a study's statistics: one scan of the rows, one of each table of units.

    Every request counts the same rows: those complete in all that some request reads.

    Parameters
    ----------
    study
        Where the rows are.
    wanted
        Every variable that is read, with its level.
    requests
        Cells and moments of variables of the innermost level.

    Raises
    ------
    DataError
        When tables contradict each other or the problem.

    Examples
    --------
    >>> pupils = {"school": ["x", "x", "y", "y"], "A": [0, 1, 1, 1], "Y": [1.0, 2.0, 3.0, 5.0]}
    >>> study = Study(pupils, unit="school")
    >>> found = collect(study, [Wanted("A", 1), Wanted("Y", 1)], [Request(("A",), ("Y",))])
    >>> found.cells[0].counts.tolist(), found.cells[0].means[1, 1].tolist()
    ([[1.0, 1.0], [0.0, 2.0]], [4.0])
    """
    data = study.data
    if data is None:
        raise DataError("This study holds summaries and no rows.")
    _check_levels(study, data, wanted)
    by = tuple(dict.fromkeys(name for request in requests for name in request.by))
    of = tuple(dict.fromkeys(name for request in requests for name in request.of))
    plan = _plan(study, data, by, of)
    groups, ends, checks = _scanned(data, plan)
    if study.count is not None and not study.unit and has_fractions(data, plan.weights[0]):
        total = float(groups.moments.counts.sum())
        if sums_to_one(total):
            raise law_refused(plan.weights[0].name)
        checks = (*checks, doubts.of_fractions(plan.weights[0].name, total))
    split, more = _split(study, groups, plan, wanted, by)
    members, index = _members(groups, len(study.unit), data.name)
    columns, joined = _columns(study, data, wanted, members)
    keep, holes = _complete(columns, members)
    renumbered = np.where(keep, np.cumsum(keep) - 1, -1)
    units = renumbered[index]
    used = units >= 0
    split = {name: (codes[used], domain) for name, (codes, domain) in split.items()}
    moments = Moments(groups.moments.counts[used], groups.moments.means[used], groups.moments.comoments[used])
    size = int(keep.sum())
    if _weighed(study):
        moments = _as_rows(moments, groups.centre, units[used], size)
    cells = tuple(answered(one, units[used], size, split, of, moments, groups.centre) for one in requests)
    levels, columns = _renumbered(members, keep, columns)
    weights = columns.pop(WEIGHT, None)
    counted = study.count is not None and study.weight is None
    rows = round(float(groups.moments.counts.sum())) if counted else int(groups.rows)
    crossing = doubts.of_crossing(study.unit, members.codes, members.states)
    return Nested(
        tuple(tuple(members.states[i][code] for i, code in enumerate(key)) for key in members.codes[keep].tolist()),
        levels,
        columns,
        cells,
        np.ones(int(levels[0].max()) + 1 if levels else 1) if weights is None else weights.values,
        dict(zip(of, ends[: len(of)], strict=True)),
        (*checks, *more, *joined, *holes, *crossing),
        (*(DataSource(table.name) for table in study.units), DataSource(data.name, rows, size if levels else None)),
    )


def _check_levels(study: Study, data: Table, wanted: Sequence[Wanted]) -> None:
    depth = len(study.unit)
    for one in wanted:
        if one.depth > depth:
            what = f"the study names {counted(depth, 'key column')}" if depth else "the study names no key column"
            inside = counted(one.depth, "plate")
            raise DataError(f"{one.variable} stands inside {inside} and {what}. Give unit = one key for each plate.")
        if one.depth == depth and study.column(one.variable).column not in data.columns:
            position(data, study.column(one.variable).column, reason=f"variable {one.variable}")


def counted(number: int, what: str) -> str:
    """A number of things in words: ``1 plate``, ``2 plates``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plan(study: Study, data: Table, by: Sequence[str], of: Sequence[str]) -> Plan:
    def field(column: str, *, number: bool = False, missing: tuple[State, ...] = (), reason: str = "unit") -> Field:
        return Field(position(data, column, reason=reason), f"Column {shown(column)} of {data.name}", number, missing)

    def variable(name: str, *, number: bool) -> Field:
        one = study.column(name)
        return field(one.column, number=number, missing=one.missing, reason=f"variable {name}")

    weights = tuple(column for column in (study.count, study.weight) if column is not None)
    spread = (study.weight,) if study.weight is not None and _weighed(study) else ()
    return Plan(
        (*(field(key) for key in study.unit), *(variable(name, number=False) for name in by)),
        (
            *(variable(name, number=True) for name in of),
            *(field(column, number=True, reason="weight") for column in spread),
        ),
        tuple(field(column, number=True, reason="weight") for column in weights),
    )


def _weighed(study: Study) -> bool:
    """Whether members have sampling weights, which say whom each speaks for and not how many there are."""
    return bool(study.unit) and study.weight is not None


def _as_rows(moments: Moments, centre: Array, units: Codes, size: int) -> Moments:
    """The same, each unit's weights adding up to the rows that would tell as much: (Σ w)² / Σ w² (Kish, 1965).

    The last value is the weight itself, whose weighted mean in a group is Σ w² / Σ w.
    """
    squares = moments.counts * (moments.means[:, -1] + centre[-1])
    totals = np.bincount(units, moments.counts, minlength=size)
    shrunk = (totals / np.bincount(units, squares, minlength=size))[units]
    return Moments(moments.counts * shrunk, moments.means, moments.comoments * shrunk[:, None, None])


def _scanned(data: Table, plan: Plan) -> tuple[Grouped, list[tuple[float, float]], tuple[Check, ...]]:
    rows, tallies = tally(data, plan.fields())
    doubts.weights_are_positive([(field, tallies[field]) for field in plan.weights])
    groups = scan(data, plan, tallies)
    if groups.rows == 0:
        what = "is empty" if rows == 0 else f"has no row complete in {listed([f.name for f in plan.fields()])}"
        raise DataError(f"{data.name} {what}.")
    nothing = idle(data, {field: tallies[field] for field in plan.weights})
    found = [tallies[field] for field in plan.values]
    ends = [(float(one.low or 0.0), float(one.high or 0.0)) for one in found]  # none is empty: rows are complete
    return groups, ends, doubts.of_rows(plan, rows, int(groups.rows), tallies, idle=nothing)


def _split(
    study: Study, groups: Grouped, plan: Plan, wanted: Sequence[Wanted], by: Sequence[str]
) -> tuple[dict[str, tuple[Codes, Domain]], tuple[Check, ...]]:
    """Codes of each category in the declared order of its states."""
    split, found = {}, {}
    domains = {one.variable: one.states for one in wanted}
    for place, name in enumerate(by, start=len(study.unit)):
        domain = domains.get(name) or study.column(name).states
        split[name] = declared(groups.keys[place], groups.states[place], domain, plan.keys[place].name)
        found[name] = groups.states[place]
    return split, doubts.of_states(split, found)


def _members(groups: Grouped, depth: int, table: str) -> tuple[Members, Codes]:
    """The innermost units, sorted by key, and the unit of each group."""
    if depth == 0:
        size = len(groups.moments.counts)
        return Members(np.zeros((1, 0), dtype=np.int64), (), table), np.zeros(size, dtype=np.int64)
    codes, index = np.unique(np.stack(groups.keys[:depth], axis=1), axis=0, return_inverse=True)
    return Members(codes, groups.states[:depth], table), index.reshape(-1)


def _columns(
    study: Study, data: Table, wanted: Sequence[Wanted], members: Members
) -> tuple[dict[str, UnitColumn], tuple[Check, ...]]:
    depth = len(study.unit)
    checks = join_checks(study, members)
    columns: dict[str, UnitColumn] = {}
    for one in wanted:
        if one.depth < depth:
            columns[one.variable] = unit_column(study, data, one, members)
    if study.unit_weight is not None and depth:
        weight = unit_column(study, data, Wanted(study.unit_weight, 0), members)
        if not (weight.values[weight.codes >= 0] >= 0).all():
            raise DataError(f"The weights of units in {shown(study.unit_weight)} are not all numbers >= 0.")
        columns[WEIGHT] = weight
    return columns, checks


def _complete(columns: dict[str, UnitColumn], members: Members) -> tuple[Codes, tuple[Check, ...]]:
    """Which innermost units have all their outer variables."""
    keep = np.ones(len(members.codes), dtype=bool)
    holes = []
    for name, column in columns.items():
        lacking = (column.codes < 0)[members.at(column.depth)[1]]
        if lacking.any():
            holes.append(f"{name} is missing in {int(lacking.sum())}")
        keep &= ~lacking
    if not keep.any():
        raise DataError(f"No unit of {members.table} is complete: {'; '.join(holes)}.")
    dropped = int((~keep).sum())
    if not columns:
        return keep, ()
    advice = f"{dropped} of {len(keep)} units are incomplete and were left out ({'; '.join(holes)})." if dropped else ""
    return keep, (Check("complete units", dropped == 0, float(dropped), advice),)


def _renumbered(
    members: Members, keep: Codes, columns: dict[str, UnitColumn]
) -> tuple[tuple[Codes, ...], dict[str, UnitColumn]]:
    """Levels and their columns without the members that were left out."""
    levels, kept = [], {}
    for level in range(members.codes.shape[1]):
        present, index = np.unique(members.at(level)[1][keep], return_inverse=True)
        levels.append(index.reshape(-1))
        for name, column in columns.items():
            if column.depth == level:
                kept[name] = UnitColumn(level, column.codes[present], column.states)
    return tuple(levels), kept
