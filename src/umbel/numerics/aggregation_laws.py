"""The outcome's law when a total is set, in linear-Gaussian micro models: one function per realisation.

Equations (2)-(4), (8) and (33) and appendices C and D of Zhu, Budhathoki, Kübler and Janzing, for any
covariance of the parts and any weights; see :mod:`umbel.numerics.aggregation_linear` for the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.aggregation_linear import LinearMicro, Normal, checked_direction, natural_direction

Array = NDArray[np.float64]


def regression(micro: LinearMicro, total: float) -> Normal:
    """The outcome's observational law at a value of the total; its slope is in :func:`regression_slope`.

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    total
        A value of the total.

    Returns
    -------
    Normal
        ``P(Y | total)``.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> law = regression(shops, 33)
    >>> round(law.mean, 4), round(law.variance, 4)
    (54.8462, 11.0769)
    """
    a, w, s, c = micro.alpha, micro.weights, micro.cov, micro.noise_cov
    slope = regression_slope(micro)
    across = float(a @ s @ w + c @ w)
    variance = float(a @ s @ a + 2 * a @ c) + micro.noise_variance - across * slope
    return Normal(micro.outcome_mean + slope * (total - micro.total_mean), variance)


def regression_slope(micro: LinearMicro) -> float:
    """Slope of the outcome on the total, as observed: ``(alpha'Sw + c'w) / w'Sw``; O(parts²). O(parts²).

    Parameters
    ----------
    micro
        The parts, their effects and their total.

    Returns
    -------
    float
        Outcome per unit of the total.

    Raises
    ------
    DataError
        When the total does not vary.

    Examples
    --------
    >>> round(regression_slope(LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))), 4)
    1.6154
    """
    natural_direction(micro.cov, micro.weights)  # refuses a total that does not vary
    across = float(micro.alpha @ micro.cov @ micro.weights + micro.noise_cov @ micro.weights)
    return across / micro.total_variance


def natural_parts(micro: LinearMicro, total: float) -> tuple[Array, Array]:
    """Mean and covariance of the parts given the total: the natural realisation.

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    total
        A value of the total.

    Returns
    -------
    mean, cov
        Shapes (parts,) and (parts, parts); the covariance has no spread along the total.

    Examples
    --------
    >>> mean, cov = natural_parts(LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0])), 33)
    >>> mean.round(4).tolist(), bool(abs(cov.sum()) < 1e-12)
    ([10.9231, 22.0769], True)
    """
    d = natural_direction(micro.cov, micro.weights)
    mean = micro.mean + d * (total - micro.total_mean)
    return mean, micro.cov - np.outer(d, d) * micro.total_variance


def perfect(micro: LinearMicro, mean: ArrayLike, cov: ArrayLike, total: float) -> Normal:
    """The outcome's law when the parts are drawn anew, whatever the noise: eq. (8).

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    mean, cov
        Of the parts under the realisation, shapes (parts,) and (parts, parts); every draw sums to ``total``.
    total
        The value that the total is set to.

    Returns
    -------
    Normal
        ``P(Y | do(total))`` by this realisation.

    Raises
    ------
    DataError
        When the realisation misses the total.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> perfect(shops, (33, 0), np.zeros((2, 2)), 33)  # the third shop, eq. (33)
    Normal(mean=99.0, variance=0.0)
    """
    m, c = np.asarray(mean, dtype=float), np.asarray(cov, dtype=float)
    check_fibre(m, c, micro.weights, total)
    return Normal(
        float(micro.alpha @ m) + micro.noise_mean, micro.noise_variance + float(micro.alpha @ c @ micro.alpha)
    )


def check_fibre(mean: Array, cov: Array, weights: Array, total: float) -> None:
    """Refuse a law of the parts under which the total is not the value that it is set to.

    Raises
    ------
    DataError
        With the largest distance.
    """
    scale = max(1.0, abs(total), float(np.abs(mean).max()))
    spread = float(weights @ cov @ weights)
    rounding = 1e-12 * float(weights @ weights) * float(np.abs(cov).max())
    off = max(abs(float(weights @ mean) - total), float(np.sqrt(spread)) if spread > rounding else 0.0)
    if off > 1e-8 * scale:
        raise DataError(
            f"This is no realisation of the total {total:g}: its parts miss it by {off:.3g}. "
            "Let the mean sum to the total, and let its covariance not move the total."
        )
    if float(np.linalg.eigvalsh(cov)[0]) < -1e-8 * max(1.0, float(np.abs(cov).max())):
        raise DataError("The covariance of the realisation is no covariance: it has a negative eigenvalue.")


def redrawn(micro: LinearMicro, direction: ArrayLike, total: float) -> Normal:
    """The perfect realisation of a direction: parts drawn anew from their law, then moved by ``D``.

    The mean is that of :func:`shift`; the variance differs where the noise goes with the parts.

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    direction
        Shape (parts,): how far each part moves for one unit of the total; ``w'D = 1``.
    total
        The value that the total is set to.

    Returns
    -------
    Normal
        ``P(Y | do(total))`` by this realisation.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> redrawn(shops, (0, 1), 33)  # shop B, eq. (3)
    Normal(mean=53.0, variance=16.0)
    """
    d = checked_direction(direction, micro.weights)
    mean = micro.mean + d * (total - micro.total_mean)
    turn = np.eye(len(d)) - np.outer(d, micro.weights)
    return perfect(micro, mean, turn @ micro.cov @ turn.T, total)


def shift(micro: LinearMicro, direction: ArrayLike, total: float) -> Normal:
    """The outcome's law when each unit's parts move by ``D`` times what the total lacks.

    ``beta = alpha'D``; the rest ``U = Y - beta * total`` keeps its law (appendix C), so that the mean
    is ``E Y + beta (total - E total)`` and the variance ``Var(Y | total) + (slope - beta)² Var(total)``.

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    direction
        Shape (parts,): how far each part moves for one unit of the total; ``w'D = 1``.
    total
        The value that the total is set to.

    Returns
    -------
    Normal
        ``P(Y | do(total))`` by this realisation.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> law = shift(shops, natural_direction(shops.cov, shops.weights), 33)
    >>> round(law.mean, 4), round(law.variance, 4)
    (54.8462, 11.0769)
    """
    d = checked_direction(direction, micro.weights)
    beta = float(micro.alpha @ d)
    seen = regression(micro, total)
    mean = micro.outcome_mean + beta * (total - micro.total_mean)
    return Normal(mean, seen.variance + (regression_slope(micro) - beta) ** 2 * micro.total_variance)


@dataclass(frozen=True, slots=True)
class MacroConfounding:
    """How far ``P(Y | do(total))`` is from ``P(Y | total)`` (Definition 6), by moments.

    Parameters
    ----------
    slope, mean, variance
        Law under the intervention less the observed one: slopes, means at the total's own mean,
        variances.
    """

    slope: float
    mean: float
    variance: float

    @property
    def mean_confounded(self) -> bool:
        """Whether the means differ somewhere."""
        return max(abs(self.slope), abs(self.mean)) > 1e-9

    @property
    def law_confounded(self) -> bool:
        """Whether the laws do: means, or spread alone."""
        return self.mean_confounded or abs(self.variance) > 1e-9


def shift_confounding(micro: LinearMicro, direction: ArrayLike) -> MacroConfounding:
    """Macro confounding under a shift realisation (Definition 6 with appendix C); O(parts²).

    Parameters
    ----------
    micro
        The parts, their effects and their total.
    direction
        Shape (parts,): how far each part moves for one unit of the total; ``w'D = 1``.

    Returns
    -------
    MacroConfounding
        Differences of slope, mean and variance: all zero exactly where nothing confounds the total.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> shift_confounding(shops, natural_direction(shops.cov, shops.weights)).law_confounded
    False
    >>> shift_confounding(shops, (0, 1)).mean_confounded
    True
    """
    d = checked_direction(direction, micro.weights)
    gap = float(micro.alpha @ d) - regression_slope(micro)
    return MacroConfounding(gap, 0.0, gap**2 * micro.total_variance)


def realisable(seen: Normal, slope_seen: float, total: Normal, slope: float, at_zero: float, variance: float) -> bool:
    """Whether a jointly Gaussian linear macro model explains what is seen and what interventions do.

    Appendix D asks when ``Y = beta X + U``, with U and X perhaps dependent, has both laws; for the
    interventional law ``N(slope * x + at_zero, variance)`` at every x, exactly if ``at_zero = E Y -
    slope E X`` and ``variance = Var(Y | x) + (slope_seen - slope)² Var X``.

    Parameters
    ----------
    seen
        Mean of Y, and its variance given the total.
    slope_seen, total
        The observed slope; law of the total.
    slope, at_zero, variance
        Of the law under intervention, ``N(slope * x + at_zero, variance)``.

    Returns
    -------
    bool
        True where such a macro model exists.

    Examples
    --------
    >>> realisable(Normal(50, 11.0769231), 21 / 13, Normal(30, 13), 1, 20, 16)  # shop B
    True
    >>> realisable(Normal(50, 11.0769231), 21 / 13, Normal(30, 13), 3, 0, 0)  # the third shop
    False
    """
    mean = seen.mean - slope * total.mean
    needed = seen.variance + (slope_seen - slope) ** 2 * total.variance
    close = 1e-6 * max(1.0, abs(seen.mean), needed)
    return abs(mean - at_zero) <= close and abs(needed - variance) <= close
