"""The numbers of an Answer: an estimate, bounds, a class, a policy, a row of a table, a data set.

Numbers here are what an estimator found; one that is not finite ("undefined", "did not
converge") is kept as None, because no reader of the JSON may ever meet a NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from umbel.variable import State

Interval = tuple[float | None, float | None]
"""Lower and upper end; an end that does not exist is None."""

RowKind = Literal["estimate", "lower", "upper", "class", "policy"]
BoundsKind = Literal["sharp", "inner", "outer"]
EstimateKind = Literal["confidence", "posterior"]


def finite(number: float | None) -> float | None:
    """The number as a plain float, or None when it is missing or not finite.

    Examples
    --------
    >>> finite(float("nan")) is None, finite(2)
    (True, 2.0)
    """
    if number is None:
        return None
    plain = float(number)
    return plain if math.isfinite(plain) else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its uncertainty.

    Parameters
    ----------
    value
        The estimate; None where it is undefined.
    se
        Standard error, or the posterior standard deviation.
    interval
        Confidence or credible interval at ``level``.
    level
        Its level, e.g. 0.95.
    method
        The estimator's name: ``"units"``.
    kind
        What the interval is: ``"confidence"`` (``se`` is a standard error), or ``"posterior"``
        (mean, standard deviation and quantiles).
    seed
        The seed of the random numbers, where umbel chose them itself.

    Examples
    --------
    >>> Estimate(0.226, se=0.01, interval=(0.206, 0.246), level=0.95, method="units").value
    0.226
    """

    value: float | None
    se: float | None = None
    interval: Interval | None = None
    level: float | None = None
    method: str = ""
    kind: EstimateKind = "confidence"
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval that holds the answer, its kind, and its sampling interval.

    Parameters
    ----------
    lower, upper
        The bounds themselves.
    kind
        ``"sharp"`` (every value inside is possible), ``"inner"`` or ``"outer"``.
    attained
        Values that a witness model attains, where one was built.
    interval
        Sampling interval of the bounds.
    level
        Its level; None where there is none.

    Examples
    --------
    >>> Bounds(0.34, 0.43, "sharp").upper
    0.43
    """

    lower: float | None
    upper: float | None
    kind: BoundsKind
    attained: Interval | None = None
    interval: Interval | None = None
    level: float | None = None

    def at_level(self, level: float) -> Bounds:
        """The same bounds, their sampling interval, if any, labelled with its level.

        Examples
        --------
        >>> Bounds(0.3, 0.4, "sharp", interval=(0.2, 0.5)).at_level(0.9).level
        0.9
        """
        return replace(self, level=None if self.interval is None else level)


@dataclass(frozen=True, slots=True)
class LatentClass:
    """One latent class: its probability and the effect within it."""

    probability: float | None
    effect: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The best policy of a family: its parameters, and what it gains over no change."""

    k: tuple[tuple[str, float | None], ...]
    gain: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an answer that is a table: a term, what it is conditioned on, a number.

    Examples
    --------
    >>> Row("E[Y | do(A=1)]", given=(("Region", "north"),), value=0.2).given
    (('Region', 'north'),)
    """

    term: str
    given: tuple[tuple[str, State], ...] = ()
    kind: RowKind = "estimate"
    value: float | None = None
    se: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class DataSource:
    """A table that an Answer stands on: its name, its rows, its units."""

    table: str
    rows: int | None = None
    units: int | None = None


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall time of the two halves of the work; None for the half that was not done."""

    identify: float | None = None
    estimate: float | None = None
