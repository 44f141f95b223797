"""From parameters of classes to intervals of what is asked: by their covariance, or by draws of a bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[np.float64]
Quantity = Callable[[Array], Array]
"""From parameters, shape (…, m), to what is asked, shape (…, asked); at most bilinear in them."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Standard errors and intervals, each of shape (asked,)."""

    se: Array
    low: Array
    high: Array


class Spread(Protocol):
    """How far parameters may lie from their estimate."""

    def ends(self, point: Array, asked: Quantity, level: float) -> Ends:
        """Errors and intervals of ``asked`` at the estimate ``point``, shape (m,)."""
        ...

    def own(self, point: Array, level: float) -> Ends:
        """Errors and intervals of the parameters themselves."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Normal intervals.

    Parameters
    ----------
    covariance
        Shape (m, m), of the parameters.

    Examples
    --------
    >>> both = Normal(np.diag([0.04, 0.09])).ends(np.array([1.0, 2.0]), lambda one: one[..., :1] * one[..., 1:], 0.95)
    >>> both.se.round(6).tolist()
    [0.5]
    """

    covariance: Array

    def ends(self, point: Array, asked: Quantity, level: float) -> Ends:
        """By the delta method; a central difference of what is bilinear is its derivative."""
        steps = np.eye(len(point)) * np.maximum(np.abs(point), 1e-3)
        slopes = (asked(point + steps) - asked(point - steps)) / (2 * np.diag(steps)[:, None])  # (m, asked)
        return _normal(asked(point), ((self.covariance @ slopes) * slopes).sum(0), level)

    def own(self, point: Array, level: float) -> Ends:
        """From the diagonal."""
        return _normal(point, np.diag(self.covariance), level)


def _normal(value: Array, variance: Array, level: float) -> Ends:
    se = np.sqrt(np.maximum(variance, 0.0))
    half = float(norm.ppf(0.5 + level / 2)) * se
    return Ends(se, value - half, value + half)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Percentiles of a bootstrap.

    Parameters
    ----------
    draws
        Shape (draws, m): the parameters in each, classes matched to the estimate's.

    Examples
    --------
    >>> Drawn(np.arange(101.0)[:, None]).ends(np.array([50.0]), lambda one: one, 0.9).low.round(9).tolist()
    [5.0]
    """

    draws: Array

    def ends(self, point: Array, asked: Quantity, level: float) -> Ends:
        """The spread of what is asked over the draws."""
        del point
        return _percentiles(asked(self.draws), level)

    def own(self, point: Array, level: float) -> Ends:
        """The spread of the parameters over the draws."""
        del point
        return _percentiles(self.draws, level)


def _percentiles(values: Array, level: float) -> Ends:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Ends(np.std(values, axis=0, ddof=1), low, high)
