"""Sets of realisations, and how far an effect goes over each: shares, boxes, levers, ellipsoids, Gamma models.

A plan says how far each part moves for one unit of the total, ``w'D = 1``. In shares ``s = w D`` the effect
is ``(alpha / w)'s`` with ``sum s = 1``, so that ends over a box are a knapsack: fill the best part first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from umbel.errors import DataError
from umbel.numerics.aggregation_inference import DRAWS, PlanRange, scores_of, share_range

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """Every part moves the total the same way: the simplex. The default."""

    @property
    def text(self) -> str:
        """In words."""
        return "all parts move the total the same way"


@dataclass(frozen=True, slots=True)
class Box:
    """Each part moves between two limits for one unit of the total.

    Parameters
    ----------
    lower, upper
        One number for all parts, or one for each.
    """

    lower: float | tuple[float, ...]
    upper: float | tuple[float, ...]

    @property
    def text(self) -> str:
        """In words."""
        return "each part moves within its limits"


@dataclass(frozen=True, slots=True)
class Levers:
    """Parts move through levers only: plans are ``L t`` with ``t`` that move the total the same way.

    Parameters
    ----------
    matrix
        One row per part, one column per lever: how far each part moves when the lever does.
    """

    matrix: tuple[tuple[float, ...], ...]

    @property
    def text(self) -> str:
        """In words."""
        return f"the parts move by {len(self.matrix[0])} levers"


@dataclass(frozen=True, slots=True)
class Near:
    """Plans within a Mahalanobis distance of the natural one: an ellipsoid.

    Parameters
    ----------
    radius
        In standard units.
    """

    radius: float

    @property
    def text(self) -> str:
        """In words."""
        return f"within {self.radius:g} standard units of the natural realisation"


@dataclass(frozen=True, slots=True)
class Gamma:
    """At a value of the total, the parts' density is between 1/gamma and gamma times the natural one.

    What it says is about the mean at one value, not about a slope: the range is that of
    ``E[Y | do(total)]`` around its natural value, for parts that are normal given the total.

    Parameters
    ----------
    gamma
        At least 1; 1 is the natural realisation alone.
    """

    gamma: float

    @property
    def text(self) -> str:
        """In words."""
        return f"densities within a factor {self.gamma:g} of the natural realisation, at one value"

    @property
    def radius(self) -> float:
        """The distance in standard deviations of ``alpha'X`` given the total that the factor allows.

        Examples
        --------
        >>> Gamma(1).radius, round(Gamma(2).radius, 4)
        (0.0, 0.5454)
        """
        if not self.gamma >= 1:
            raise DataError(f"gamma is {self.gamma:g}; 1 is the natural realisation, and more allows more.")
        if self.gamma == 1:
            return 0.0
        cut = float(-ndtri(1.0 / (self.gamma + 1.0)))  # the share that is weighed up
        return (self.gamma - 1.0 / self.gamma) * float(np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi))


PlanSet = Shares | Box | Levers | Near | Gamma


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What the sets are asked about.

    Parameters
    ----------
    alpha, cov
        Effects of the parts, with their covariance; None: known.
    weights
        Of the parts in the total.
    degrees
        Of freedom of the covariance.
    cov_parts
        Covariance of the parts.
    natural, natural_interval
        The natural effect; its interval at half the error that the level leaves.
    variance_interval
        Of ``Var(alpha'X | total)``, likewise.
    variance
        Its estimate.
    """

    alpha: Array
    cov: Array | None
    weights: Array
    degrees: float
    cov_parts: Array
    natural: float
    natural_interval: tuple[float, float]
    variance: float
    variance_interval: tuple[float, float]


def range_of(plans: PlanSet, effects: Effects, level: float, rng: np.random.Generator) -> PlanRange:
    """How far the effect goes over a set of plans, with an interval of the range.

    Raises
    ------
    DataError
        For limits that no plan meets, and levers that do not move the total.

    Examples
    --------
    >>> known = Effects(np.array([3.0, 1.0]), None, np.ones(2), np.inf, np.diag([4.0, 9.0]), 21 / 13,
    ...                 (21 / 13, 21 / 13), 144 / 13, (144 / 13, 144 / 13))
    >>> rng = np.random.default_rng(0)
    >>> found = range_of(Box(0.25, 0.75), known, 0.95, rng)
    >>> found.lower, found.upper, found.highest.tolist()
    (1.5, 2.5, [0.75, 0.25])
    >>> near = range_of(Near(0.1), known, 0.95, rng)
    >>> round(near.lower, 4), round(near.upper, 4)
    (1.2826, 1.9482)
    """
    match plans:
        case Shares():
            return _shares(effects, np.eye(len(effects.weights)), level, rng)
        case Levers(matrix):
            table = np.asarray(matrix, dtype=float)
            if table.ndim != 2 or len(table) != len(effects.weights):
                raise DataError(f"Levers have a row for each of {len(effects.weights)} parts, and one column each.")
            return _shares(effects, table, level, rng)
        case Box(lower, upper):
            return _box(effects, lower, upper, level, rng)
        case Near(radius):
            return _near(effects, radius, effects.natural, effects.natural_interval)
        case Gamma():
            return _near(effects, plans.radius, 0.0, (0.0, 0.0))


def _shares(effects: Effects, levers: Array, level: float, rng: np.random.Generator) -> PlanRange:
    moved = levers.T @ effects.weights  # (levers,)
    if (np.abs(moved) <= 1e-12 * np.abs(levers).max(initial=0.0)).all():
        raise DataError("No lever moves the total.")
    useful = np.flatnonzero(np.abs(moved) > 1e-12 * np.abs(levers).max())
    each = levers[:, useful] / moved[useful]  # (parts, useful levers): plans that move the total by one
    cov = None if effects.cov is None else each.T @ effects.cov @ each
    found = share_range(each.T @ effects.alpha, cov, effects.degrees, level, rng)
    return PlanRange(found.lower, found.upper, found.interval, each @ found.lowest, each @ found.highest)


def _box(
    effects: Effects,
    lower: float | tuple[float, ...],
    upper: float | tuple[float, ...],
    level: float,
    rng: np.random.Generator,
) -> PlanRange:
    low, high = limits_of(lower, upper, effects.weights)
    plans = [knapsack(sign * effects.alpha[None, :], low, high, effects.weights)[0] for sign in (-1.0, 1.0)]
    ends = [float(plan @ effects.alpha) for plan in plans]
    if effects.cov is None:
        return PlanRange(ends[0], ends[1], (ends[0], ends[1]), plans[0], plans[1])
    # |end(estimate) - end(truth)| is at most the largest error of any plan in the box.
    noise = scores_of(effects.cov, DRAWS // 4, effects.degrees, rng)
    reach = np.maximum(
        (knapsack(noise, low, high, effects.weights) * noise).sum(axis=1),
        (knapsack(-noise, low, high, effects.weights) * -noise).sum(axis=1),
    )
    half = float(np.quantile(reach, level))
    inner = float(np.median(reach))
    middle = 0.5 * (ends[0] + ends[1])
    calm = (min(ends[0] + inner / 2, middle), max(ends[1] - inner / 2, middle))
    return PlanRange(calm[0], calm[1], (ends[0] - half, ends[1] + half), plans[0], plans[1])


def limits_of(
    lower: float | tuple[float, ...] | ArrayLike, upper: float | tuple[float, ...] | ArrayLike, weights: Array
) -> tuple[Array, Array]:
    """Limits of each part, checked: some plan within them moves the total by one.

    Raises
    ------
    DataError
    """
    low = np.broadcast_to(np.asarray(lower, dtype=float), weights.shape)
    high = np.broadcast_to(np.asarray(upper, dtype=float), weights.shape)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
        raise DataError("A box has finite limits, each lower one below its upper one.")
    ends = np.sort(np.stack([low * weights, high * weights]), axis=0).sum(axis=1)
    if not ends[0] - 1e-12 <= 1.0 <= ends[1] + 1e-12:
        raise DataError(
            f"Within this box the total moves by {ends[0]:.4g} to {ends[1]:.4g}, never by 1. Widen the limits."
        )
    return low, high


def knapsack(values: Array, low: Array, high: Array, weights: Array, total: float = 1.0) -> Array:
    """Plans of the largest value within a box that move the total as asked; O(draws parts log parts).

    Parameters
    ----------
    values
        Shape (draws, parts).
    low, high, weights
        Shape (parts,).

    Returns
    -------
    Array
        Shape (draws, parts).
    """
    draws = values.shape[0]
    free = np.abs(weights) <= 1e-15
    plan = np.where(free[None, :] & (values > 0.0), high, low)  # parts without weight go where they help
    if free.all():
        return np.asarray(plan, dtype=np.float64)
    w = weights[~free]
    ends = np.stack([low[~free] * w, high[~free] * w])
    least, room = ends.min(axis=0), np.ptp(ends, axis=0)
    order = np.argsort(-values[:, ~free] / w, axis=1, kind="stable")
    ordered = room[order]  # (draws, parts with weight)
    need = total - float(least.sum())
    before = np.cumsum(ordered, axis=1) - ordered
    filled = np.clip(need - before, 0.0, ordered)
    share = np.empty_like(filled)
    np.put_along_axis(share, order, filled, axis=1)
    plan = np.array(np.broadcast_to(plan, (draws, len(weights))))
    plan[:, ~free] = (least + share) / w
    return plan


def _near(effects: Effects, radius: float, centre: float, interval: tuple[float, float]) -> PlanRange:
    if not radius >= 0.0:
        raise DataError(f"The radius is {radius:g}; 0 is the natural realisation, and more allows more.")
    moved = effects.cov_parts @ effects.weights
    natural = moved / float(effects.weights @ moved)
    rest = effects.alpha - float(effects.alpha @ natural) * effects.weights
    ahead = effects.cov_parts @ rest  # the steepest way that leaves the total alone
    size = max(float(rest @ ahead), 0.0) ** 0.5
    step = radius * ahead / size if size > 0.0 else np.zeros_like(ahead)
    half, most = radius * effects.variance**0.5, radius * effects.variance_interval[1] ** 0.5
    return PlanRange(
        centre - half, centre + half, (interval[0] - most, interval[1] + most), natural - step, natural + step
    )
