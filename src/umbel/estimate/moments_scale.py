"""A real outcome in a measure of its own: what is flat, steep or converged does not hang on its units.

Curvatures of a normal law fall with the square of its scale, those of probabilities do not: incomes in
cents would look as if the likelihood were flat along their means. Scales are powers of two, so that
nothing is rounded, and outcomes of ordinary size stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from umbel.estimate.estimator import Estimated
from umbel.estimate.moments_data import ClassData
from umbel.expr.unmixing import Unmixing
from umbel.results.value import Interval, LatentClass, Row

ORDINARY = 7
"""Powers of two, up and down, between which a standard deviation is left as it is."""


def unit_of(data: ClassData, unmixing: Unmixing) -> float:
    """The power of two that the outcome is divided by; 1 for states and for ordinary numbers."""
    if unmixing.outcome in data.codes or unmixing.event is not None:
        return 1.0
    largest = float(np.abs(data.outcome).max(initial=0.0))
    spread = float(np.std(data.outcome / largest)) * largest if largest > 0 else 0.0
    if not (spread > 0 and np.isfinite(spread)):
        return 1.0
    power = round(float(np.log2(spread)))
    return 1.0 if abs(power) <= ORDINARY else float(2.0**power)


def divided(data: ClassData, unit: float) -> ClassData:
    """The views with the outcome in units of ``unit``."""
    return data if unit == 1.0 else replace(data, outcome=data.outcome / unit)


def multiplied(found: Estimated, unit: float) -> Estimated:
    """An estimate in the outcome's own measure; probabilities have none."""
    if unit == 1.0:
        return found
    one = found.estimate
    estimate = replace(one, value=_times(one.value, unit), se=_times(one.se, unit), interval=_ends(one.interval, unit))
    rows = tuple(row if row.term.startswith("P(") else _row(row, unit) for row in found.rows)
    classes = None if found.classes is None else tuple(_class(each, unit) for each in found.classes)
    return replace(found, estimate=estimate, rows=rows, classes=classes)


def _row(row: Row, unit: float) -> Row:
    low, high = _times(row.lower, unit), _times(row.upper, unit)
    return replace(row, value=_times(row.value, unit), se=_times(row.se, unit), lower=low, upper=high)


def _class(one: LatentClass, unit: float) -> LatentClass:
    return replace(one, effect=_times(one.effect, unit), interval=_ends(one.interval, unit))


def _times(value: float | None, unit: float) -> float | None:
    return None if value is None else value * unit


def _ends(interval: Interval | None, unit: float) -> Interval | None:
    return None if interval is None else (_times(interval[0], unit), _times(interval[1], unit))
