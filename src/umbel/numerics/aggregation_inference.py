"""Does it matter how a total is realised? A test, an index, and ranges whose intervals are valid.

The effect of a total is well defined exactly if the effects of its parts are proportional to their weights.
Smallest and largest estimated effects are biased outwards, however well defined the effect is, so that
no range is given without the interval of the range: it covers the true range, both ends at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq
from scipy.special import fdtrc, ncfdtr, ndtr, ndtri, stdtr, stdtrit

from umbel.errors import DataError

Array = NDArray[np.float64]

DRAWS = 4000
"""Draws of a critical value: its own error is then below 0.01 in probability."""
MANY = 500
"""Parts beyond which a quarter of the draws has to do."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that the effects of the parts are proportional to their weights.

    Parameters
    ----------
    statistic, p
        F, and its p-value.
    degrees
        Of numerator and denominator.
    kind
        ``"HC3"``, ``"clusters"``, ``"classical"`` or ``"exact"`` (known effects).
    """

    __test__ = False  # no test case, whatever its name

    statistic: float
    p: float
    degrees: tuple[float, float]
    kind: str

    def rejects(self, size: float = 0.05) -> bool:
        """Whether it rejects that no realisation makes a difference."""
        return self.p < size


def proportionality(alpha: Array, cov: Array, weights: Array, degrees: float, kind: str) -> Test:
    """Wald's F of ``alpha = c w`` for some c; O(parts³).

    Parameters
    ----------
    alpha, cov
        Shape (parts,) and (parts, parts).
    degrees
        Of the denominator.

    Raises
    ------
    DataError
        For a covariance that is singular: fewer clusters than parts.

    Examples
    --------
    >>> found = proportionality(np.array([3.0, 1.0]), np.eye(2), np.ones(2), 50.0, "HC3")
    >>> round(found.statistic, 6), round(found.p, 4)
    (2.0, 0.1635)
    """
    try:
        factor = cho_factor(cov)
    except np.linalg.LinAlgError:
        raise DataError(
            "The effects of the parts have a singular covariance: there are fewer clusters than parts. "
            "Join parts, or test without clusters."
        ) from None
    a, w = cho_solve(factor, alpha), cho_solve(factor, weights)
    count = len(alpha) - 1
    value = float(alpha @ a - (weights @ a) ** 2 / (weights @ w)) / count
    value = max(value, 0.0)
    return Test(value, float(fdtrc(count, degrees, value)), (float(count), degrees), kind)


def separate_test(alpha: Array, variances: Array, weights: Array, slope: float, degrees: float) -> Test:
    """The same hypothesis from the variances alone: the largest distance from the common effect, by Bonferroni.

    Examples
    --------
    >>> found = separate_test(np.array([3.0, 1.0]), np.ones(2), np.ones(2), 2.0, 50.0)
    >>> round(found.p, 4)
    0.6443
    """
    distance = float((np.abs(alpha / weights - slope) * np.abs(weights) / np.sqrt(variances)).max())
    p = min(1.0, 2 * len(alpha) * float(1.0 - stdtr(degrees, distance)))
    return Test(distance, p, (float(len(alpha)), degrees), "Bonferroni")


def exact_test(alpha: Array, weights: Array) -> Test:
    """Known effects need no test: they are proportional or not.

    Examples
    --------
    >>> exact_test(np.array([2.0, 2.0]), np.ones(2)).p
    1.0
    """
    left = alpha - weights * float(alpha @ weights) / float(weights @ weights)
    same = float(np.abs(left).max()) <= 1e-9 * max(1.0, float(np.abs(alpha).max()))
    return Test(0.0 if same else float("inf"), 1.0 if same else 0.0, (float(len(alpha) - 1), float("inf")), "exact")


def scores_of(cov: Array, draws: int, degrees: float, rng: np.random.Generator) -> Array:
    """Draws of the error of an estimate with that covariance: normal over an independent scale.

    Returns
    -------
    Array
        Shape (draws, parts).
    """
    try:
        root = np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:  # singular: fewer clusters than parts
        values, vectors = np.linalg.eigh((cov + cov.T) / 2)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
    normal = rng.normal(size=(draws, len(cov))) @ root.T
    if np.isfinite(degrees):
        normal /= np.sqrt(rng.chisquare(degrees, size=draws) / degrees)[:, None]
    return np.asarray(normal, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class PlanRange:
    """How far the effect of one unit of the total goes over a set of realisations.

    Parameters
    ----------
    lower, upper
        Estimates of the ends, shrunken against their outward bias where they are estimated.
    interval
        Covers both true ends at once, at the level asked for.
    lowest, highest
        Shape (parts,): the micro plans whose estimated effects are the ends.
    """

    lower: float
    upper: float
    interval: tuple[float, float]
    lowest: Array
    highest: Array


def share_range(effects: Array, cov: Array | None, degrees: float, level: float, rng: np.random.Generator) -> PlanRange:
    """Range over all plans in which every part moves the total the same way: from the least effect to the largest.

    The interval is the union of simultaneous intervals of all effects (sup-t), which covers the true range
    whatever ties there are; a bootstrap of the estimated ends would not.

    Parameters
    ----------
    effects, cov
        Effects of one unit of the total through each part by itself, ``alpha / w``; their covariance, or
        their variances alone; None: known.

    Examples
    --------
    >>> found = share_range(np.array([3.0, 1.0]), None, np.inf, 0.95, np.random.default_rng(0))
    >>> found.lower, found.upper, found.interval, found.highest.tolist()
    (1.0, 3.0, (1.0, 3.0), [1.0, 0.0])
    """
    low, high = int(effects.argmin()), int(effects.argmax())
    eye = np.eye(len(effects))
    if cov is None:
        ends = float(effects[low]), float(effects[high])
        return PlanRange(*ends, ends, eye[low], eye[high])
    if cov.ndim == 1:  # variances alone: Bonferroni
        se = np.sqrt(cov)
        critical = float(stdtrit(degrees, 1 - (1 - level) / (2 * len(effects))))
    else:
        se = np.sqrt(np.diag(cov))
        draws = DRAWS if len(effects) <= MANY else DRAWS // 4
        noise = np.abs(scores_of(cov / np.outer(se, se), draws, degrees, rng)).max(axis=1)
        critical = float(np.quantile(noise, level))
    interval = float((effects - critical * se).min()), float((effects + critical * se).max())
    calm = shrunken(effects, se)
    return PlanRange(float(calm.min()), float(calm.max()), interval, eye[low], eye[high])


def shrunken(effects: Array, se: Array) -> Array:
    """Effects drawn to their mean by what their spread owes to noise (empirical Bayes, DerSimonian and Laird).

    Examples
    --------
    >>> shrunken(np.array([1.0, 3.0]), np.array([2.0, 2.0])).tolist()
    [2.0, 2.0]
    """
    w = 1.0 / np.maximum(se, 1e-300) ** 2
    mean = float(w @ effects / w.sum())
    q = float(w @ (effects - mean) ** 2)
    scale = float(w.sum() - (w @ w) / w.sum())
    tau = max(0.0, (q - (len(effects) - 1)) / scale) if scale > 0.0 else 0.0
    w = 1.0 / (tau + se**2)
    mean = float(w @ effects / w.sum())
    return np.asarray(mean + tau / (tau + se**2) * (effects - mean), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SpreadEstimate:
    """How much of the parts' joint effect the total leaves open.

    Parameters
    ----------
    variance
        ``Var(alpha'X | total)``, without the bias of the plug-in.
    variance_interval
        Of it.
    index, interval
        Its share of ``Var(alpha'X)``, from 0 (well defined) to 1.
    """

    variance: float
    variance_interval: tuple[float, float]
    index: float
    interval: tuple[float, float]


def spread_of(
    alpha: Array, cov: Array | None, cov_parts: Array, weights: Array, degrees: float, rows: float, level: float
) -> SpreadEstimate:
    """The heterogeneity index with its interval.

    The plug-in form ``alpha' P alpha`` is a quadratic form in noise: its mean is too large by ``tr(P V)``, and
    its law is close to a scaled non-central F (Satterthwaite), exactly so for errors of one variance. The
    interval of the index adds the error of a correlation (Fisher).

    Parameters
    ----------
    alpha, cov
        Effects and their covariance; None: known.
    cov_parts
        Covariance of the parts.

    Examples
    --------
    >>> found = spread_of(np.array([3.0, 1.0]), None, np.diag([4.0, 9.0]), np.ones(2), np.inf, 1e9, 0.95)
    >>> round(found.index, 4), round(found.variance, 4)
    (0.2462, 11.0769)
    """
    moved = cov_parts @ weights
    p = cov_parts - np.outer(moved, moved) / float(weights @ moved)
    form = max(float(alpha @ p @ alpha), 0.0)
    whole = float(alpha @ cov_parts @ alpha)
    along = max(whole - form, 0.0)  # slope² Var(total)
    low = high = form
    variance = form
    if cov is not None:
        pv = p @ cov
        first, second = float(np.trace(pv)), float((pv * pv.T).sum())
        variance = max(form - first, 0.0)
        low, high = _quadratic_interval(form, first, second, degrees, level)

    return _spread(variance, low, high, along, rows, level)


def spread_along(variance: float, along: float, rows: float, level: float) -> SpreadEstimate:
    """The same for known effects, from two variances: of ``alpha'X`` around its line in the total, and along it."""
    return _spread(variance, variance, variance, along, rows, level)


def _spread(variance: float, low: float, high: float, along: float, rows: float, level: float) -> SpreadEstimate:
    def index(value: float) -> float:
        return value / (value + along) if value + along > 0.0 else 0.0

    ends = _fisher(index(low), rows, level, -1), _fisher(index(high), rows, level, 1)
    return SpreadEstimate(variance, (low, high), index(variance), ends)


def _quadratic_interval(form: float, first: float, second: float, degrees: float, level: float) -> tuple[float, float]:
    """Interval of a quadratic form's true value from its estimate."""
    if first <= 0.0 or second <= 0.0:
        return form, form
    scale, free = second / first, first**2 / second
    below = min(degrees, 1e6)
    value = form / (scale * free)

    def at(nc: float, tail: float) -> float:
        chance = float(ncfdtr(free, below, nc, value))
        if np.isnan(chance):  # far from centre its series gives up: chi-squares are then all but normal
            spread = 2.0 * (free + 2.0 * nc) + 2.0 * (value * free) ** 2 / below
            chance = float(ndtr((value * free - free - nc) / np.sqrt(spread)))
        return chance - tail

    ends = []
    for tail in (1 - (1 - level) / 2, (1 - level) / 2):
        if at(0.0, tail) <= 0.0:
            ends.append(0.0)
            continue
        top = 10.0 + 4.0 * free * value
        while at(top, tail) > 0.0 and top < 1e9:
            top *= 2.0
        ends.append(scale * float(brentq(at, 0.0, top, args=(tail,))) if top < 1e9 else form)
    return ends[0], max(ends[1], ends[0])


def _fisher(index: float, rows: float, level: float, sign: int) -> float:
    """An index moved outwards by the error of the correlation that it is made of."""
    r = float(np.sqrt(max(0.0, 1.0 - index)))
    if r >= 1.0 or not np.isfinite(rows):
        return index
    half = float(ndtri((1 + level) / 2)) / float(np.sqrt(max(rows - 3.0, 1.0)))
    moved = np.tanh(max(np.arctanh(r) - sign * half, 0.0))
    return float(1.0 - moved**2)


@dataclass(frozen=True, slots=True)
class SignFlip:
    """How far from natural a realisation must be for its effect to change sign.

    In standard units of the parts (Mahalanobis distance); ``least`` is a lower confidence bound.
    """

    radius: float
    least: float


def sign_flip(slope: float, slope_interval: tuple[float, float], spread: SpreadEstimate) -> SignFlip:
    """``|natural effect| / sqrt(Var(alpha'X | total))``; infinite where the effect is well defined."""
    nearest = 0.0 if slope_interval[0] <= 0.0 <= slope_interval[1] else min(map(abs, slope_interval))
    top = spread.variance_interval[1]
    radius = abs(slope) / spread.variance**0.5 if spread.variance > 0.0 else float("inf")
    return SignFlip(radius, nearest / top**0.5 if top > 0.0 else float("inf"))


def student(value: float, se: float, degrees: float, level: float) -> tuple[float, float]:
    """Symmetric interval."""
    quantile = float(stdtrit(degrees, (1 + level) / 2)) if np.isfinite(degrees) else float(ndtri((1 + level) / 2))
    return value - quantile * se, value + quantile * se
