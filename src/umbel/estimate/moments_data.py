"""The views of a latent class as arrays: cells counted by the engine where it can, rows otherwise.

Continuous proxies are cut at quantiles: independence given the class survives any map of a proxy,
so that no model of them is needed. A real-valued outcome stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import Wanted
from umbel.data.nested import collect
from umbel.data.plan import Field, Plan
from umbel.data.rows import MOST_STATES, RowColumn, Rows, read_rows
from umbel.data.source import position
from umbel.data.statistics import Request, stream
from umbel.data.study import Study
from umbel.data.values import categories, listed
from umbel.errors import DataError
from umbel.expr.unmixing import Unmixing
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource
from umbel.variable import Domain, State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

BINS = 4
"""Pieces that a continuous proxy is cut into."""
MOST_CELLS = 2_000_000
"""Cells of a full table up to which it is kept whole, empty cells included."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassData:
    """Every view of a class, one entry per row or cell.

    Parameters
    ----------
    codes
        For each view: shape (entries,), which state it has. The outcome has none when it is real.
    states
        Their states in order.
    outcome
        Shape (entries,): the outcome's number.
    weights
        Shape (entries,): rows that an entry stands for, or their weight.
    clusters
        Shape (entries,): clusters of rows; None where rows are independent.
    whole
        Whether the entries are all cells of the table, the empty ones too.
    counted
        Whether weights count rows that are alike, so that they are no sampling weights.
    rows
        Number of rows.
    checks, source
        Doubts; the table that was read.
    """

    codes: Mapping[str, Codes]
    states: Mapping[str, tuple[State, ...]]
    outcome: Array
    weights: Array
    clusters: Codes | None
    whole: bool
    counted: bool
    rows: float
    checks: tuple[Check, ...]
    source: DataSource

    @property
    def independent(self) -> Codes | None:
        """Shape (entries,): what is drawn as one; None where weights count rows, each drawn by itself.

        A sampling weight multiplies one draw, so that its square stands in a variance, as in a cluster.
        """
        if self.clusters is None and not self.counted:
            return np.arange(len(self.weights))
        return self.clusters

    def joint(self, names: tuple[str, ...]) -> tuple[Codes, int]:
        """One code for the joint state of some views, the first the slow index, and how many there are."""
        code, size = np.zeros(len(self.weights), dtype=np.int64), 1
        for name in names:
            code = code * len(self.states[name]) + self.codes[name]
            size *= len(self.states[name])
        return code, size

    def taken(self, entries: Codes, weights: Array) -> ClassData:
        """Some entries with weights of their own, as a bootstrap draws them."""
        codes = {name: code[entries] for name, code in self.codes.items()}
        clusters = None if self.clusters is None else self.clusters[entries]
        return replace(self, codes=codes, outcome=self.outcome[entries], weights=weights, clusters=clusters)


def read_views(study: Study, unmixing: Unmixing, domains: Mapping[str, Domain]) -> ClassData | Refusal:
    """Read every view; a Refusal where one of them is constant or cannot be used.

    Parameters
    ----------
    study
        Where the rows are.
    unmixing
        Which views there are.
    domains
        Declared states.
    """
    if study.data is None:
        return Refusal("Latent classes need rows, and this study holds summaries.", "Give the rows as data.")
    found = _counted(study, unmixing, domains)
    if found is None:
        rows = read_rows(study, unmixing.views, domains=domains)
        if rows.columns[unmixing.treatment].codes is None:
            return Refusal(
                f"{unmixing.treatment} is a number with many values, and effects in classes compare arms.",
                f"Cut {unmixing.treatment} into states.",
            )
        found = _compressed(_from_rows(rows, unmixing), unmixing)
    return _constant(found, unmixing) or found


def _counted(study: Study, unmixing: Unmixing, domains: Mapping[str, Domain]) -> ClassData | None:
    """Cells counted where the rows are; None where a view is continuous, or rows are no simple sample."""
    if study.weight or study.cluster or study.strata or study.unit or not _few(study, unmixing, domains):
        return None
    views = unmixing.views
    try:
        wanted = [Wanted(name, 0, domains.get(name)) for name in views]
        nested = collect(study, wanted, [Request(by=views)])
    except DataError as fault:
        if "cells" in str(fault):  # more combinations than a full table holds
            return None
        raise
    cells = nested.cells[0]
    counts = cells.counts[0]
    if any(len(one) > MOST_STATES * 5 for one in cells.states):
        return None
    whole = counts.size <= MOST_CELLS
    index = np.indices(counts.shape).reshape(len(views), -1) if whole else np.array(np.nonzero(counts))
    states = dict(zip(views, cells.states, strict=True))
    codes = {name: index[i].astype(np.int64) for i, name in enumerate(views)}
    weights = counts.ravel() if whole else counts[np.nonzero(counts)]
    outcome = _numbers(states[unmixing.outcome])[codes[unmixing.outcome]]
    rows = float(counts.sum())
    found = ClassData(codes, states, outcome, weights, None, whole, True, rows, nested.checks, nested.sources[-1])
    return _seen(found, unmixing)


def _few(study: Study, unmixing: Unmixing, domains: Mapping[str, Domain]) -> bool:
    """Whether the first rows show few states of every view that has no declared ones."""
    assert study.data is not None
    open_views = [study.column(name) for name in unmixing.views if name not in domains]
    fields = tuple(
        Field(position(study.data, one.column, reason=f"variable {one.variable}"), one.variable, False, one.missing)
        for one in open_views
    )
    head = next(iter(stream(study.data, Plan(fields, ()), 1000)), None)
    if head is None:
        return False
    for column in head[0]:
        _, states = categories(column)
        if len(states) > MOST_STATES or any(isinstance(one, float) and not one.is_integer() for one in states):
            return False
    return True


def _from_rows(rows: Rows, unmixing: Unmixing) -> ClassData:
    """Rows as they are, continuous views but the outcome cut into pieces."""
    codes: dict[str, Codes] = {}
    states: dict[str, tuple[State, ...]] = {}
    checks: list[Check] = []
    for name in unmixing.views:
        column = rows.columns[name]
        if column.codes is not None:
            codes[name], states[name] = column.codes, column.states
        elif name != unmixing.outcome:
            codes[name], states[name] = _cut(column)
            advice = f"{name} is continuous and was cut into {len(states[name])} pieces at its quantiles."
            if name in unmixing.strata:
                advice += " It is held fixed in pieces only: what it confounds within a piece stays."
            checks.append(Check("pieces", name not in unmixing.strata, float(len(states[name])), advice))
    sample = rows.sample
    weights = sample.weights / np.average(sample.weights, weights=sample.counts)  # their scale says nothing
    return ClassData(
        codes,
        states,
        rows.columns[unmixing.outcome].values,
        sample.counts * weights,
        sample.clusters,
        False,
        bool(np.all(sample.weights == sample.weights[0])),
        float(sample.counts.sum()),
        (*rows.checks, *checks),
        rows.source,
    )


def _cut(column: RowColumn) -> tuple[Codes, tuple[State, ...]]:
    """Codes of the pieces, and where they end in words: a number would read as a value of the column."""
    edges = np.unique(np.quantile(column.values, np.arange(1, BINS) / BINS))
    codes = np.searchsorted(edges, column.values, side="right")
    used, codes = np.unique(codes, return_inverse=True)
    ends = _ends(edges)
    words = [f"below {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)), f"{ends[-1]} and above"]
    return codes.reshape(-1).astype(np.int64), tuple(words[one] for one in used)


def _ends(edges: Array) -> list[str]:
    """Numbers with as few digits as tell them apart."""
    for digits in range(3, 17):
        found = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(found)) == len(found):
            return found
    return [repr(float(edge)) for edge in edges]


def _compressed(data: ClassData, unmixing: Unmixing) -> ClassData:
    """Rows of one cell together, where nothing tells them apart."""
    if data.clusters is not None or unmixing.outcome not in data.codes:
        return data
    code, size = data.joint(unmixing.views)
    if size > 2**62 or not np.allclose(data.weights, data.weights[0]):
        return data
    _, first, index = np.unique(code, return_index=True, return_inverse=True)
    weights = np.bincount(index.reshape(-1), data.weights).astype(np.float64)
    return data.taken(first.astype(np.int64), weights)


def _seen(data: ClassData, unmixing: Unmixing) -> ClassData:
    """Cells without the states that no row shows."""
    keep = np.ones(len(data.weights), dtype=bool)
    codes, states = dict(data.codes), dict(data.states)
    for name in unmixing.views:
        mass = np.bincount(codes[name], data.weights, len(states[name]))
        if (mass > 0).all():
            continue
        keep &= (mass > 0)[codes[name]]
        codes[name] = (np.cumsum(mass > 0) - 1)[codes[name]]
        states[name] = tuple(state for state, one in zip(states[name], mass, strict=True) if one > 0)
    if keep.all():
        return data
    found = replace(data, codes=codes, states=states)
    entries = np.flatnonzero(keep)
    return found.taken(entries, data.weights[entries])


def _constant(data: ClassData, unmixing: Unmixing) -> Refusal | None:
    """Views that do not vary, named."""
    table = data.source.table
    if not data.weights.sum() > 0:
        raise DataError(f"Every row of {table} counts 0 times, so that there is none.")
    for name in unmixing.views:
        fixed = len(data.states[name]) < 2 if name in data.codes else float(np.ptp(data.outcome)) == 0.0
        if not fixed:
            continue
        value = data.states[name][0] if name in data.codes else data.outcome[0]
        if name == unmixing.treatment:
            return Refusal(
                f"{name} is {value!r} in every row of {table}: an arm is missing.",
                "Effects compare arms; collect rows of both.",
            )
        if name in unmixing.strata:
            continue
        return Refusal(
            f"{name} is {value!r} in every row of {table}, so that it tells nothing of {unmixing.latent}.",
            f"Leave {name} out of the graph, or give rows in which it varies.",
        )
    numbers = data.states.get(unmixing.outcome, ())
    if unmixing.event is None and any(isinstance(state, str) for state in numbers):
        return Refusal(
            f"{unmixing.outcome} has words for states ({listed(numbers)}), and an effect needs numbers.",
            f"Code {unmixing.outcome} by numbers.",
        )
    return None


def _numbers(states: tuple[State, ...]) -> Array:
    return np.array([np.nan if isinstance(state, str) else float(state) for state in states])
