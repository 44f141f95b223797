"""Sufficient statistics of nested rows: within-unit counts and centred co-moments, by cell.

A :class:`Request` names categories to split by and numbers to average; several requests are
answered from one scan, because moments of a union of cells follow from the cells' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from umbel.data import memory, sql
from umbel.data.plan import Field, Groups, Plan, Tally
from umbel.data.source import FrameTable, Table
from umbel.data.values import Codes, categories, listed
from umbel.errors import DataError
from umbel.numerics.cells import Array, Moments, from_sums, is_rough, merged
from umbel.variable import Domain, State

MOST_CELLS = 50_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """Cells of ``by`` within each unit, with the moments of ``of`` in each cell.

    Examples
    --------
    >>> Request(by=("A",), of=("Y",))
    Request(by=('A',), of=('Y',))
    """

    by: tuple[str, ...] = ()
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The answer to a request.

    Parameters
    ----------
    request
        What was asked.
    states
        States of each variable of ``request.by``, in order.
    counts
        Shape (units, states of by[0], …): rows, or their total weight.
    means
        Shape (units, …, len(of)); NaN in an empty cell.
    comoments
        Shape (units, …, len(of), len(of)): centred sums of products within the cell.
    """

    request: Request
    states: tuple[tuple[State, ...], ...]
    counts: Array
    means: Array
    comoments: Array

    def taken(self, units: Codes) -> Cells:
        """The same for some units, in the order given; a unit may come twice (bootstrap)."""
        return Cells(self.request, self.states, self.counts[units], self.means[units], self.comoments[units])


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Groups of rows that have been counted: keys as codes, moments of every value.

    ``rows`` is the number of complete rows that weigh something. Means are measured from
    ``centre``, shape (values,): cells are merged before the offset is added, which would round them.
    """

    keys: tuple[Codes, ...]
    states: tuple[tuple[State, ...], ...]
    rows: float
    moments: Moments
    centre: Array


def scan(table: Table, plan: Plan, tallies: dict[Field, Tally]) -> Grouped:
    """Group a table's complete rows; a second scan only where a common centre is too coarse.

    ``tallies`` give the centres; O(rows) in the engine, O(groups) here.
    """
    centre = np.array([tallies[field].mean or 0.0 for field in plan.values])
    found = _grouped(table, plan, centre)
    moments = from_sums(found.counts, found.centre - centre, found.first, found.second)
    if plan.values and is_rough(moments, np.zeros_like(centre)):
        found = _grouped(table, plan, None)
        moments = from_sums(found.counts, found.centre - centre, found.first, found.second)
    coded = [categories(column, missing=field.missing) for column, field in zip(found.keys, plan.keys, strict=True)]
    keys, states = tuple(codes for codes, _ in coded), tuple(states for _, states in coded)
    return Grouped(keys, states, float(found.rows.sum()), moments, centre)


def stream(table: Table, plan: Plan, size: int = 100_000) -> Iterator[tuple[tuple[Any, ...], Array, Array]]:
    """A table's complete rows in batches, for what has no sufficient statistic.

    Yields Arrow columns of keys (which carry no types, hence ``Any``), values of shape (rows,
    values) and weights of shape (rows,); a file is never held whole.
    """
    if isinstance(table, FrameTable):
        return memory.batches(table, plan, size)
    return sql.batches(table, plan, size)


def _finite(plan: Plan, found: Groups) -> None:
    """Sums that are no numbers: a NaN that the engine did not show as missing, or an overflow."""
    for index, field in enumerate(plan.values):
        sums = found.second[:, index, index]
        if np.isnan(sums).any():
            raise DataError(f"{field.name} holds NaN that its engine hides. Replace NaN by null there.")
        if np.isinf(sums).any():
            raise DataError(f"{field.name} holds numbers whose squares are infinite. Measure it in larger units.")


def tally(table: Table, fields: Sequence[Field]) -> tuple[int, dict[Field, Tally]]:
    """Number of rows, and each field at a glance.

    Raises
    ------
    DataError
        For infinities, and for text in a column of numbers.
    """
    rows, found = memory.tally(table, fields) if isinstance(table, FrameTable) else sql.tally(table, fields)
    for field, one in zip(fields, found, strict=True):
        if one.low == -np.inf or one.high == np.inf:
            raise DataError(f"{field.name} holds an infinity. Numbers must be finite; leave unknown values empty.")
    return rows, dict(zip(fields, found, strict=True))


def idle(table: Table, tallies: Mapping[Field, Tally]) -> int:
    """Number of rows that weigh nothing; a scan of weights only where some weight is zero."""
    weights = [field for field, one in tallies.items() if one.low == 0.0]
    if not weights:
        return 0
    return memory.idle(table, weights) if isinstance(table, FrameTable) else sql.idle(table, weights)


def has_fractions(table: Table, field: Field) -> bool:
    """Whether a column that counts rows holds a number that is not whole; a scan of it."""
    return (memory.fractions(table, field) if isinstance(table, FrameTable) else sql.fractions(table, field)) > 0


def _grouped(table: Table, plan: Plan, centre: Array | None) -> Groups:
    engine = memory.grouped if isinstance(table, FrameTable) else sql.grouped
    found = engine(table, plan, centre)  # type: ignore[arg-type]
    _finite(plan, found)
    return found


def declared(codes: Codes, found: tuple[State, ...], domain: Domain | None, where: str) -> tuple[Codes, Domain]:
    """Codes in the declared order of states; a state that is not declared is an error.

    Examples
    --------
    >>> codes, domain = declared(np.array([0, 1]), ("high", "low"), Domain(("low", "high")), "Y")
    >>> codes.tolist()
    [1, 0]
    """
    if domain is None:
        return codes, Domain(found)
    if all(isinstance(state, str) for state in domain.states):
        found = tuple(map(str, found))
    for state in found:
        if state not in domain.states:
            text = isinstance(state, str) and state in map(str, domain.states)
            advice = "The column holds text: make it numbers" if text else "Declare it as a state"
            raise DataError(
                f"{where} holds {state!r}, which is none of its states: {listed(domain.states)}. "
                f"{advice}{', or declare the states in quotes' if text else ', or as missing'}."
            )
    order = np.array([domain.states.index(state) for state in found] + [-1], dtype=np.int64)
    return order[codes], domain


def answered(
    request: Request,
    units: Codes,
    size: int,
    by: dict[str, tuple[Codes, Domain]],
    of: Sequence[str],
    moments: Moments,
    centre: Array,
) -> Cells:
    """One request's cells from groups of rows.

    Parameters
    ----------
    units
        Shape (groups,): the unit of each group, 0 … size - 1.
    by
        Codes (groups,) and states of every variable that some request splits by.
    of
        Names of the values in ``moments``.
    centre
        Shape (values,): what their means are measured from.
    """
    domains = [by[name][1] for name in request.by]
    shape = (size, *(len(domain) for domain in domains))
    cells = int(np.prod(shape, dtype=np.float64))
    if cells > MOST_CELLS:
        raise DataError(f"{' x '.join(('units', *request.by))} has {cells:,} cells, more than {MOST_CELLS:,}.")
    flat = units
    for name in request.by:
        codes, domain = by[name]
        flat = flat * len(domain) + codes
    columns = [of.index(name) for name in request.of]
    part = Moments(moments.counts, moments.means[:, columns], moments.comoments[:, columns][:, :, columns])
    whole = merged(part, flat, cells)
    width = len(columns)
    return Cells(
        request,
        tuple(domain.states for domain in domains),
        whole.counts.reshape(shape),
        (whole.means + centre[columns]).reshape((*shape, width)),
        whole.comoments.reshape((*shape, width, width)),
    )
