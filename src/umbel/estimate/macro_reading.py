"""From a table to the parts of a total: what the plain functions of ``umbel.aggregate`` read.

Names and weights are checked here, once; tables with more parts than fit are read in blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import read_rows
from umbel.data.source import FileTable
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.estimate.macro_large import Source, large_components, large_joint, large_known
from umbel.estimate.macro_methods import Components, DoublyRobust, Joint, Known, Method
from umbel.estimate.macro_report import PartsData, Report
from umbel.estimate.total_states import identity_check
from umbel.estimate.totals_data import columns_of
from umbel.numerics.aggregation_linear import checked_weights
from umbel.numerics.aggregation_sets import PlanSet
from umbel.results.check import Check

Array = NDArray[np.float64]
Weights = Mapping[str, float] | Sequence[str]
"""Names with weights; names alone weigh 1."""

MOST_PARTS = 400
"""Parts up to which a file is read whole; from there on in blocks."""


def opened(data: Any, cluster: str | None) -> Study:
    """The study, or one on anything that a study takes (hence ``Any``).

    Raises
    ------
    DataError
        For a cluster beside a study, which names its own.
    """
    if not isinstance(data, Study):
        return Study(data, cluster=cluster)
    if cluster is not None:
        raise DataError("The study is opened already: name its cluster there, Study(..., cluster=...).")
    return data


def source_of(study: Study, total: Weights, outcome: str | Weights, adjust: Sequence[str], how: Method) -> Source:
    """Which columns are read, with their weights.

    Raises
    ------
    DataError
        For a total of fewer than two parts, parts that weigh nothing or come twice, an outcome among them,
        covariates among parts and outcome, and components or known effects that leave a part out.
    """
    names, weights = _weighted(total)
    if isinstance(how, Known):
        missing = [name for name in names if name not in how.effects]
        if missing:
            raise DataError(f"The known effects leave out {', '.join(missing[:6])}. Give one for each part.")
    outcomes = _outcomes(outcome, how, names)
    for name in adjust:
        if name in names or any(name == one for one, _ in outcomes):
            what = "a part of the total" if name in names else "the outcome"
            raise DataError(f"adjust names {shown(name)}, {what}: given itself, nothing moves it. Leave it out there.")
    return Source(study, names, weights, outcomes, tuple(adjust))


def _weighted(total: Weights) -> tuple[tuple[str, ...], Array]:
    pairs = dict(total) if isinstance(total, Mapping) else dict.fromkeys(total, 1.0)
    if isinstance(total, str) or len(pairs) < 2:
        raise DataError("total names its parts: at least two, as in ['X1', 'X2'].")
    if not isinstance(total, Mapping) and len(pairs) < len(total):
        raise DataError("total names a part twice.")
    weights = checked_weights(list(pairs.values()), len(pairs))
    if (weights == 0).any():
        zero = list(pairs)[int(np.flatnonzero(weights == 0)[0])]
        raise DataError(f"{shown(zero)} weighs 0: it is no part of the total. Leave it out.")
    return tuple(pairs), weights


def _outcomes(outcome: str | Weights, how: Method, parts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    if isinstance(how, Components):
        missing = [name for name in parts if name not in how.of]
        if missing:
            raise DataError(f"Components(...) leaves out {', '.join(missing[:6])}. Name each part's component.")
        share = dict(outcome) if isinstance(outcome, Mapping) else {}
        return tuple((how.of[name], float(share.get(how.of[name], 1.0))) for name in parts)
    if isinstance(outcome, str):
        if outcome in parts:
            raise DataError(f"The outcome {shown(outcome)} is named as a part of the total. Leave it out of the parts.")
        return ((outcome, 1.0),)
    pairs = dict(outcome) if isinstance(outcome, Mapping) else dict.fromkeys(outcome, 1.0)
    return tuple((name, float(weight)) for name, weight in pairs.items())


def is_large(source: Source) -> bool:
    """Whether the rows are read in blocks: a parquet file of many parts."""
    table = source.study.data
    return isinstance(table, FileTable) and table.parquet and len(source.parts) > MOST_PARTS


def held_whole(
    source: Source, how: Method, total_column: str | None = None
) -> tuple[PartsData, Array | None, tuple[Check, ...]]:
    """Complete rows, held whole: the parts, each part's own component where there is one, and doubts.

    Parameters
    ----------
    total_column
        Column that should hold the total: rows where it does not are counted.
    """
    read = () if isinstance(how, Known) else tuple(name for name, _ in source.outcomes)
    beside = () if total_column is None else (total_column,)
    rows = read_rows(source.study, tuple(dict.fromkeys((*source.parts, *read, *source.adjust, *beside))))
    for name in (*source.parts, *read):
        if not rows.columns[name].numeric:
            raise DataError(f"Column {shown(name)} holds words, and its sums and means are asked for.")
    x = np.column_stack([rows.columns[name].values for name in source.parts])
    checks = list(rows.checks)
    if total_column is not None:
        held = rows.columns[total_column].values
        checks.append(identity_check(total_column, held, x @ source.weights, rows.sample.counts))
    components = None
    if isinstance(how, Known):
        y = x @ _known(source, how)
    else:
        each = np.column_stack([weight * rows.columns[name].values for name, weight in source.outcomes])
        y = each.sum(axis=1)
        components = each if isinstance(how, Components) else None
    data = PartsData(source.parts, source.weights, x, y, columns_of(rows, source.adjust), rows.sample)
    return data, components, tuple(checks)


def _known(source: Source, how: Known) -> Array:
    return np.array([float(how.effects[name]) for name in source.parts])


def report_in_blocks(
    source: Source, how: Method, *, sets: Sequence[PlanSet], level: float, margin: float, rng: np.random.Generator
) -> Report:
    """The report from blocks of rows, which take no weights or clusters."""
    for role in ("count", "weight", "cluster", "strata"):
        if getattr(source.study, role):
            raise DataError(f"Tables that are read in blocks take no {role}. Give fewer than {MOST_PARTS} parts.")
    match how:
        case Joint(classical):
            return large_joint(source, robust=not classical, sets=sets, level=level, margin=margin, rng=rng)
        case Known():
            return large_known(source, _known(source, how), level=level, margin=margin)
        case Components():
            return large_components(source, level=level, margin=margin)
        case DoublyRobust():
            raise DataError("DoublyRobust learns from rows that are held whole: give fewer parts, or Joint().")
