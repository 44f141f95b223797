"""Totals and their parts, for people who bring arrays or a table and need no graph text.

People ask for the effect of total sales, hours, exposure; the answer depends on how the total is changed.
:func:`well_defined` tests whether it does, and gives the effect by the natural realisation and the range
over all. The rest are the closed forms of Zhu, Budhathoki, Kübler and Janzing, "Meaningful causal
aggregation and paradoxical confounding": functions of moments and tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from umbel.data.rows import read_rows
from umbel.data.source import FileTable
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.estimate.macro_large import Source, large_components, large_joint, large_known
from umbel.estimate.macro_methods import (
    Components,
    Contrast,
    DoublyRobust,
    Existence,
    Joint,
    Known,
    Method,
    effects_by,
    inhibiting_from_data,
)
from umbel.estimate.macro_methods import substitution as _substitution
from umbel.estimate.macro_report import PartsData, Report, report_of
from umbel.estimate.macro_several import irrelevance_test, macro_backdoor
from umbel.estimate.totals_data import columns_of, identity_check
from umbel.numerics.aggregation_chain import Adjustment, Chain, Irrelevance, adjustment, irrelevance
from umbel.numerics.aggregation_discrete import (
    MacroModel,
    Membership,
    Reach,
    confounding,
    consistent_partition,
    inhibiting,
    macro_effect,
    macro_model,
    natural,
    reach,
)
from umbel.numerics.aggregation_inhibiting import coordinates, direction_for, inhibiting_perfect, inhibiting_shift
from umbel.numerics.aggregation_laws import (
    MacroConfounding,
    natural_parts,
    perfect,
    realisable,
    redrawn,
    regression,
    regression_slope,
    shift,
    shift_confounding,
)
from umbel.numerics.aggregation_linear import (
    LinearMicro,
    Normal,
    checked_weights,
    heterogeneity,
    natural_direction,
    natural_directions,
)
from umbel.numerics.aggregation_nonlinear import keep_rank, keep_ratio
from umbel.numerics.aggregation_sets import Box, Gamma, Levers, Near, PlanSet, Shares
from umbel.numerics.aggregation_shop import Shop, shampoo
from umbel.numerics.aggregation_units import (
    EcologicalGap,
    MeanRealisations,
    UnitPopulation,
    ecological_gap,
    mean_realisations,
)
from umbel.numerics.aggregation_witness import Witness, witness
from umbel.numerics.independence import fisher_z, g_test, generalised_covariance
from umbel.results.check import Check

__all__ = [
    "Adjustment",
    "Box",
    "Chain",
    "Components",
    "Contrast",
    "DoublyRobust",
    "EcologicalGap",
    "Existence",
    "Gamma",
    "Irrelevance",
    "Joint",
    "Known",
    "Levers",
    "LinearMicro",
    "MacroConfounding",
    "MacroModel",
    "MeanRealisations",
    "Membership",
    "Near",
    "Normal",
    "Reach",
    "Report",
    "Shares",
    "Shop",
    "UnitPopulation",
    "Witness",
    "adjustment",
    "confounding",
    "consistent_partition",
    "coordinates",
    "direction_for",
    "ecological_gap",
    "existence",
    "fisher_z",
    "g_test",
    "generalised_covariance",
    "heterogeneity",
    "inhibiting",
    "inhibiting_perfect",
    "inhibiting_shift",
    "irrelevance",
    "irrelevance_test",
    "keep_rank",
    "keep_ratio",
    "macro_backdoor",
    "macro_effect",
    "macro_model",
    "mean_realisations",
    "natural",
    "natural_direction",
    "natural_directions",
    "natural_parts",
    "perfect",
    "reach",
    "realisable",
    "redrawn",
    "regression",
    "regression_slope",
    "shampoo",
    "shift",
    "shift_confounding",
    "substitution",
    "well_defined",
    "witness",
]

Weights = Mapping[str, float] | Sequence[str]
"""Names with weights; names alone weigh 1."""

MOST_HELD = 20_000_000
"""Numbers up to which a table is read whole: 160 MB."""
MOST_PARTS = 400
"""Parts up to which a file is read whole; from there on in blocks."""


def well_defined(
    data: Any,
    total: Weights,
    outcome: str | Weights,
    *,
    adjust: Sequence[str] = (),
    method: Method | None = None,
    cluster: str | None = None,
    sets: Sequence[PlanSet] = (Shares(),),
    level: float = 0.95,
    margin: float = 0.1,
    total_column: str | None = None,
    rng: np.random.Generator | None = None,
) -> Report:
    """Does the effect of a total depend on how it is realised, and what is it for each realisation?

    Right when parts and outcome are not confounded given ``adjust`` and the outcome's mean is linear in
    the parts. Cost O(rows parts²); parquet files of more than 400 parts are read in blocks, in one pass for
    known effects and single components, one more for HC3 errors.

    Parameters
    ----------
    data
        A :class:`umbel.Study`, or anything that one takes: a path, a data frame, a mapping of columns.
    total
        Its parts: ``["X1", "X2"]``, or with weights ``{"X1": 1.0, "X2": 0.5}``.
    outcome
        A column; or several whose sum (weighted) is the outcome.
    adjust
        Covariates that remove confounding between parts and outcome.
    method
        :class:`Joint` (default), :class:`Components`, :class:`Known` or :class:`DoublyRobust`.
    cluster
        Column of groups of rows that depend on each other.
    sets
        Sets of realisations: :class:`Shares`, :class:`Box`, :class:`Levers`, :class:`Near`, :class:`Gamma`.
    level
        Of the intervals; the test's size is the rest.
    margin
        Share of the natural effect within which all parts' effects must be shown to lie for the effect to
        count as well defined.
    total_column
        Column that should hold the total: rows where it does not are counted.
    rng
        For critical values; default: seed 0.

    Returns
    -------
    Report
        Verdict, test, natural effect, heterogeneity index, ranges with intervals, sign-flip radius, table.

    Raises
    ------
    DataError
        For weights that are zero or no numbers, collinear parts, more parts than rows, columns of words.

    References
    ----------
    Zhu, Budhathoki, Kübler and Janzing, sections 3.1 and 3.2, appendix C.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2, 500))
    >>> table = {"X1": x[0], "X2": x[1], "Y": 3 * x[0] + x[1] + rng.normal(size=500)}
    >>> report = well_defined(table, ["X1", "X2"], "Y")
    >>> report.verdict, report.test.p < 0.001
    ('realisation-dependent', True)
    >>> low, high = report.ranges[0][1].interval
    >>> low < 1 < 3 < high
    True
    """
    generator = np.random.default_rng(0) if rng is None else rng
    study = data if isinstance(data, Study) else Study(data, cluster=cluster)
    if isinstance(data, Study) and cluster is not None:
        raise DataError("The study is opened already: name its cluster there, Study(..., cluster=...).")
    names, weights = _weighted(total, "total")
    how: Method = Joint() if method is None else method
    outcomes = _outcomes(outcome, how, names)
    if _large(study, names):
        return _in_blocks(study, names, weights, outcomes, adjust, how, sets, level, margin, generator)
    parts, components, checks = _read(study, names, weights, outcomes, adjust, how, total_column)
    found = effects_by(how, parts, components, rng=generator)
    return report_of(names, weights, found, sets=sets, level=level, margin=margin, checks=checks, rng=generator)


def substitution(
    data: Any,
    total: Weights,
    outcome: str | Weights,
    moves: Mapping[str, float],
    *,
    adjust: Sequence[str] = (),
    cluster: str | None = None,
    level: float = 0.95,
) -> Contrast:
    """Effect of one more of a part and less of another, the total as it is: ``{"X1": 1, "X2": -1}``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2, 500))
    >>> table = {"X1": x[0], "X2": x[1], "Y": 3 * x[0] + x[1] + rng.normal(size=500)}
    >>> round(substitution(table, ["X1", "X2"], "Y", {"X1": 1, "X2": -1}).value, 1)
    2.1
    """
    study = data if isinstance(data, Study) else Study(data, cluster=cluster)
    names, weights = _weighted(total, "total")
    parts, _, _ = _read(study, names, weights, _outcomes(outcome, Joint(), names), adjust, Joint(), None)
    return _substitution(parts, moves, level=level)


def existence(
    data: Any,
    total: Weights,
    outcome: str | Weights,
    *,
    confounders: Sequence[str],
    cluster: str | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Existence:
    """Whether some perfect realisation would leave no confounding, with the confounders measured.

    Three answers: it exists, none does, or the rows cannot tell (condition (9), bootstrapped).

    Raises
    ------
    DataError
        When the parts are collinear with the confounders: the noise's variance is then not identified.
    """
    study = data if isinstance(data, Study) else Study(data, cluster=cluster)
    names, weights = _weighted(total, "total")
    parts, _, _ = _read(study, names, weights, _outcomes(outcome, Joint(), names), confounders, Joint(), None)
    return inhibiting_from_data(parts, level=level, rng=np.random.default_rng(0) if rng is None else rng)


def _weighted(given: Weights, what: str) -> tuple[tuple[str, ...], np.ndarray]:
    pairs = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, 1.0)
    if isinstance(given, str) or len(pairs) < 2:
        raise DataError(f"{what} names its parts: at least two, as in ['X1', 'X2'].")
    if not isinstance(given, Mapping) and len(pairs) < len(given):
        raise DataError(f"{what} names a part twice.")
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


def _large(study: Study, names: tuple[str, ...]) -> bool:
    return isinstance(study.data, FileTable) and study.data.parquet and len(names) > MOST_PARTS


def _read(
    study: Study,
    names: tuple[str, ...],
    weights: np.ndarray,
    outcomes: tuple[tuple[str, float], ...],
    adjust: Sequence[str],
    how: Method,
    total_column: str | None,
) -> tuple[PartsData, np.ndarray | None, tuple[Check, ...]]:
    """Complete rows, held whole."""
    known = isinstance(how, Known)
    wanted = [*names, *(() if known else (name for name, _ in outcomes)), *adjust]
    wanted += [] if total_column is None else [total_column]
    rows = read_rows(study, tuple(dict.fromkeys(wanted)))
    for name in (*names, *(() if known else (name for name, _ in outcomes))):
        if not rows.columns[name].numeric:
            raise DataError(f"Column {shown(name)} holds words, and its sums and means are asked for.")
    x = np.column_stack([rows.columns[name].values for name in names])
    checks = list(rows.checks)
    if total_column is not None:
        checks.append(identity_check(total_column, rows.columns[total_column].values, x @ weights, rows.sample.counts))
    components = None
    if known:
        assert isinstance(how, Known)
        missing = [name for name in names if name not in how.effects]
        if missing:
            raise DataError(f"The known effects leave out {', '.join(missing[:6])}. Give one for each part.")
        y = x @ np.array([float(how.effects[name]) for name in names])
    else:
        each = np.column_stack([weight * rows.columns[name].values for name, weight in outcomes])
        y = each.sum(axis=1)
        components = each if isinstance(how, Components) else None
    return PartsData(names, weights, x, y, columns_of(rows, adjust), rows.sample), components, tuple(checks)


def _in_blocks(
    study: Study,
    names: tuple[str, ...],
    weights: np.ndarray,
    outcomes: tuple[tuple[str, float], ...],
    adjust: Sequence[str],
    how: Method,
    sets: Sequence[PlanSet],
    level: float,
    margin: float,
    rng: np.random.Generator,
) -> Report:
    """The same from blocks of rows: no weights or clusters."""
    for role in ("count", "weight", "cluster", "strata"):
        if getattr(study, role):
            raise DataError(f"Tables that are read in blocks take no {role}. Give fewer than {MOST_PARTS} parts.")
    source = Source(study, names, weights, outcomes, tuple(adjust))
    match how:
        case Joint(classical):
            return large_joint(source, robust=not classical, sets=sets, level=level, margin=margin, rng=rng)
        case Known(effects):
            missing = [name for name in names if name not in effects]
            if missing:
                raise DataError(f"The known effects leave out {', '.join(missing[:6])}. Give one for each part.")
            alpha = np.array([float(effects[name]) for name in names])
            return large_known(source, alpha, level=level, margin=margin)
        case Components():
            return large_components(source, level=level, margin=margin)
        case DoublyRobust():
            raise DataError("DoublyRobust learns from rows that are held whole: give fewer parts, or Joint().")
