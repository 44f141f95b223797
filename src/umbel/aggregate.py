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
from umbel.estimate.macro_reading import Weights, held_whole, is_large, opened, report_in_blocks, source_of
from umbel.estimate.macro_report import Report, report_of
from umbel.estimate.macro_several import irrelevance_test, macro_backdoor
from umbel.numerics.aggregation_chain import Adjustment, Chain, Irrelevance, adjustment, irrelevance
from umbel.numerics.aggregation_discrete import confounding, consistent_partition, macro_effect, natural
from umbel.numerics.aggregation_hulls import MacroModel, Membership, Reach, inhibiting, macro_model, reach
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
    how: Method = Joint() if method is None else method
    source = source_of(opened(data, cluster), total, outcome, adjust, how)
    if is_large(source):
        return report_in_blocks(source, how, sets=sets, level=level, margin=margin, rng=generator)
    parts, components, checks = held_whole(source, how, total_column)
    found = effects_by(how, parts, components, rng=generator)
    return report_of(
        source.parts, source.weights, found, sets=sets, level=level, margin=margin, checks=checks, rng=generator
    )


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

    Right when parts and outcome are not confounded given ``adjust`` and the outcome's mean is linear in the parts.
    O(rows parts²).

    Parameters
    ----------
    data
        A :class:`umbel.Study`, or anything that one takes: a path, a data frame, a mapping of columns.
    total
        Its parts: ``["X1", "X2"]``, or with weights ``{"X1": 1.0, "X2": 0.5}``.
    outcome
        A column; or several whose sum (weighted) is the outcome.
    moves
        How far each part moves; together they leave the total as it is.
    adjust
        Covariates that remove confounding between parts and outcome.
    cluster
        Column of groups of rows that depend on each other.
    level
        Of the interval.

    Returns
    -------
    Contrast
        The effect with its error and interval.

    Raises
    ------
    DataError
        For moves that change the total, names that are no parts, and columns of words.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2, 500))
    >>> table = {"X1": x[0], "X2": x[1], "Y": 3 * x[0] + x[1] + rng.normal(size=500)}
    >>> round(substitution(table, ["X1", "X2"], "Y", {"X1": 1, "X2": -1}).value, 1)
    2.1
    """
    parts, _, _ = held_whole(source_of(opened(data, cluster), total, outcome, adjust, Joint()), Joint())
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
    O(400 rows parts²).

    Parameters
    ----------
    data
        A :class:`umbel.Study`, or anything that one takes: a path, a data frame, a mapping of columns.
    total
        Its parts: ``["X1", "X2"]``, or with weights ``{"X1": 1.0, "X2": 0.5}``.
    outcome
        A column; or several whose sum (weighted) is the outcome.
    confounders
        Columns that hold all that confounds parts and outcome.
    cluster
        Column of groups of rows that depend on each other.
    level
        Of the interval.
    rng
        Source of the bootstrap; default: seed 0.

    Returns
    -------
    Existence
        The verdict, and the variance that a realisation has to spare, with its interval.

    Raises
    ------
    DataError
        When the parts are collinear with the confounders: the noise's variance is then not identified.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> u = rng.normal(size=500)
    >>> x = rng.normal(size=(2, 500)) + u
    >>> table = {"U": u, "X1": x[0], "X2": x[1], "Y": 3 * x[0] + x[1] + u + rng.normal(size=500)}
    >>> existence(table, ["X1", "X2"], "Y", confounders=["U"]).verdict
    'exists'
    """
    parts, _, _ = held_whole(source_of(opened(data, cluster), total, outcome, confounders, Joint()), Joint())
    return inhibiting_from_data(parts, level=level, rng=np.random.default_rng(0) if rng is None else rng)
