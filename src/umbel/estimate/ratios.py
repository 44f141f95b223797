"""Intervals of ratios on the scale of the logarithm, where both sides cannot be negative.

A ratio of probabilities is skewed: value ± reach * se falls below zero on one side and short on the other.
The logarithm is nearly normal much sooner (Katz, Baptista, Azen and Pike, Biometrics 34(3), 1978).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from umbel.data.plan import Field
from umbel.data.statistics import tally
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.estimate.estimator import Estimated
from umbel.model.query import Body, Combination, Expectation, Number, Probability, Question, Ratio

LINE = "The interval of a ratio of what is never negative is made on the scale of its logarithm."
ROUNDING = 1e-9
"""How far a symmetric interval's middle may lie from its value, as a share of its width."""


def on_log_scale(found: Estimated, question: Question, study: Study) -> Estimated:
    """The numbers with intervals ``exp(log value ± reach * se / value)``; all else as it was.

    Right where numerator and denominator are probabilities, or means of what is never negative; only
    intervals that lie evenly around their value are changed. O(rows) where means are asked.

    Parameters
    ----------
    found
        Values with symmetric intervals, by the delta method or a bootstrap.
    question
        What was asked: a ratio, perhaps plus a number (``… - 1``).
    study
        Where the outcome's smallest value is looked up.
    """
    ratio, offset = _ratio(question.body)
    if ratio is None or not all(_never_negative(one, study) for one in (ratio.numerator, ratio.denominator)):
        return found
    bend = _bent(offset)
    rows = tuple(
        replace(row, lower=ends[0], upper=ends[1])
        if row.term == str(question) and (ends := bend(row.value, row.lower, row.upper)) is not None
        else row
        for row in found.rows
    )
    estimate = found.estimate
    low, high = estimate.interval or (None, None)
    ends = bend(estimate.value, low, high) if estimate.kind != "posterior" else None
    if ends is None and rows == found.rows:
        return found
    estimate = estimate if ends is None else replace(estimate, interval=ends)
    return replace(found, estimate=estimate, rows=rows, assumptions=(*found.assumptions, LINE))


def _ratio(body: Body) -> tuple[Ratio | None, float]:
    """The ratio that was asked for, and the number beside it."""
    match body:
        case Ratio():
            return body, 0.0
        case Combination(((1.0, Ratio() as ratio), (1.0, Number(value)))):
            return ratio, value
        case _:
            return None, 0.0


def _never_negative(body: Body, study: Study) -> bool:
    match body:
        case Probability():
            return True
        case Expectation(outcome):
            return not outcome.world and _lowest(study, outcome.variable) >= 0.0
        case _:
            return False


def _lowest(study: Study, variable: str) -> float:
    """The smallest value of a variable's column; minus infinity where that cannot be told."""
    column = study.column(variable)
    for table in study.tables():
        if column.column in table.columns:
            field = Field(table.columns.index(column.column), column.column, True, column.missing)
            try:
                low = tally(table, (field,))[1][field].low
            except DataError:  # words, or dates
                return -math.inf
            return -math.inf if low is None else low
    return -math.inf


def _bent(offset: float) -> Callable[[float | None, float | None, float | None], tuple[float, float] | None]:
    """From a value and its symmetric interval to the one on the scale of the logarithm; None where there is none."""

    def ends(value: float | None, low: float | None, high: float | None) -> tuple[float, float] | None:
        if value is None or low is None or high is None or value - offset <= 0.0:
            return None
        if abs(0.5 * (low + high) - value) > ROUNDING * (high - low):
            return None
        reach = min(0.5 * (high - low) / (value - offset), 700.0)  # exp overflows beyond
        return (value - offset) * math.exp(-reach) + offset, (value - offset) * math.exp(reach) + offset

    return ends
