"""Linear-Gaussian aggregation in closed form: what setting a total does, realisation by realisation.

The micro model is ``Y = alpha'X + N`` with ``X ~ N(mean, cov)``; the total is ``w'X`` (Zhu, Budhathoki,
Kübler and Janzing, "Meaningful causal aggregation and paradoxical confounding", sections 3.1, 3.2.1,
appendices C and D). Two classes of realisation are kept apart. A *perfect* one draws the parts anew,
cut from their causes (Definition 4); a *shift* one changes each unit's own parts by ``D`` times the
change that the total needs, so that what made them stays in force (appendix C). For a micro model that
is not confounded, the shift by :func:`natural_direction` carries out the natural realisation exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError

Array = NDArray[np.float64]

TINY = 1e-12
"""Relative size below which a variance counts as zero: float64 keeps sixteen digits."""


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal law of one variable.

    Parameters
    ----------
    mean, variance
        Its two moments.
    """

    mean: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class LinearMicro:
    """``Y = alpha'X + N``, all jointly Gaussian, and a total ``w'X``.

    Parameters
    ----------
    alpha, weights, mean
        Shape (parts,): effects of the parts on the outcome, their weights in the total, their means.
    cov
        Shape (parts, parts).
    noise_cov
        Shape (parts,): covariance of the parts with the noise N; zero where nothing confounds.
    noise_mean, noise_variance
        Of N.

    Raises
    ------
    DataError
        For shapes that do not fit, weights that are all zero or NaN, and a covariance that is none.
    """

    alpha: Array
    weights: Array
    mean: Array
    cov: Array
    noise_cov: Array
    noise_mean: float = 0.0
    noise_variance: float = 0.0

    @staticmethod
    def of(
        alpha: ArrayLike,
        mean: ArrayLike,
        cov: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        noise_cov: ArrayLike | None = None,
        noise_mean: float = 0.0,
        noise_variance: float = 0.0,
    ) -> LinearMicro:
        """Checked at the door; ``weights`` of one and no confounding by default.

        Examples
        --------
        >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
        >>> round(float(shops.alpha @ natural_direction(shops.cov, shops.weights)), 4)  # 21 / 13
        1.6154
        """
        a = np.asarray(alpha, dtype=float)
        p = a.size
        w = checked_weights(np.ones(p) if weights is None else weights, p)
        mu, s = np.asarray(mean, dtype=float), np.asarray(cov, dtype=float)
        c = np.zeros(p) if noise_cov is None else np.asarray(noise_cov, dtype=float)
        if a.ndim != 1 or mu.shape != (p,) or c.shape != (p,) or s.shape != (p, p):
            raise DataError(
                f"{p} effects need means and covariances of {p} parts; found shapes {mu.shape}, {s.shape}, {c.shape}."
            )
        whole = np.block([[s, c[:, None]], [c[None, :], np.array([[noise_variance]])]])
        if not np.isfinite(whole).all() or not np.allclose(whole, whole.T):
            raise DataError("The covariance of parts and noise has entries that are no numbers, or is not symmetric.")
        least = float(np.linalg.eigvalsh(whole)[0])
        if least < -1e-9 * max(1.0, float(np.abs(whole).max())):
            raise DataError(
                f"The covariance of parts and noise has the eigenvalue {least:.3g}: no variables have such a one."
            )
        return LinearMicro(a, w, mu, s, c, float(noise_mean), float(noise_variance))

    @property
    def total_mean(self) -> float:
        """Mean of the total."""
        return float(self.weights @ self.mean)

    @property
    def total_variance(self) -> float:
        """Variance of the total."""
        return float(self.weights @ self.cov @ self.weights)

    @property
    def outcome_mean(self) -> float:
        """Mean of the outcome."""
        return float(self.alpha @ self.mean) + self.noise_mean


def checked_weights(weights: ArrayLike, parts: int) -> Array:
    """Weights of a total, of the right length, finite and not all zero.

    Raises
    ------
    DataError

    Examples
    --------
    >>> checked_weights((1, 2), 2).tolist()
    [1.0, 2.0]
    """
    w = np.asarray(weights, dtype=float)
    if w.shape != (parts,):
        raise DataError(f"{parts} parts need {parts} weights, one each; found {w.size}.")
    if not np.isfinite(w).all():
        raise DataError(f"The weight of part {int(np.flatnonzero(~np.isfinite(w))[0]) + 1} is no number.")
    if not w.any():
        raise DataError("All weights are zero: the total is always 0, so that it cannot be set.")
    return w


def natural_direction(cov: ArrayLike, weights: ArrayLike) -> Array:
    """How the parts move with the total on average: ``D = S w / (w'S w)``, with ``w'D = 1``; O(parts²).

    For correlated parts too; the formula of appendix C.1, variances over their sum, is the case of
    a diagonal ``S``.

    Parameters
    ----------
    cov
        Shape (parts, parts): of the parts.
    weights
        Shape (parts,): of the parts in the total.

    Returns
    -------
    Array
        Shape (parts,).

    Raises
    ------
    DataError
        When the total does not vary.

    Examples
    --------
    >>> natural_direction([[4.0, 2.0], [2.0, 9.0]], [1.0, 1.0]).round(4).tolist()
    [0.3529, 0.6471]
    """
    s, w = np.asarray(cov, dtype=float), np.asarray(weights, dtype=float)
    moved = s @ w
    spread = float(w @ moved)
    if spread <= TINY * max(float(np.abs(s).max(initial=0.0)) * float(w @ w), np.finfo(float).tiny):
        raise DataError("The total does not vary, so that no natural realisation of another value exists.")
    return np.asarray(moved / spread, dtype=np.float64)


def natural_directions(cov: ArrayLike, weights: ArrayLike) -> Array:
    """The natural directions of several totals set at once: ``D = S W' (W S W')^-1``; O(parts² totals).

    Parameters
    ----------
    cov
        Shape (parts, parts).
    weights
        Shape (totals, parts).

    Returns
    -------
    Array
        Shape (parts, totals).

    Raises
    ------
    DataError
        When the totals are not free of each other.

    Examples
    --------
    >>> natural_directions(np.eye(3), [[1, 1, 0], [0, 0, 1]]).tolist()
    [[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]
    """
    s, w = np.asarray(cov, dtype=float), np.asarray(weights, dtype=float)
    moved = s @ w.T  # (parts, totals)
    spread = w @ moved
    if np.linalg.matrix_rank(spread, hermitian=True) < len(spread):
        raise DataError("The totals are not free of each other: one is a function of the rest.")
    return np.asarray(np.linalg.solve(spread, moved.T).T, dtype=np.float64)


def well_defined(effects: ArrayLike, weights: ArrayLike) -> bool:
    """Whether no realisation makes a difference: the effects depend on the parts through the totals alone.

    Parameters
    ----------
    effects
        Shape (parts,) or (outcomes, parts).
    weights
        Shape (parts,) or (totals, parts).

    Examples
    --------
    >>> well_defined((2, 2), (1, 1)), well_defined((3, 1), (1, 1))
    (True, False)
    """
    a, w = np.atleast_2d(np.asarray(effects, dtype=float)), np.atleast_2d(np.asarray(weights, dtype=float))
    inside = a @ np.linalg.pinv(w) @ w
    return bool(np.allclose(inside, a, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(a).max()))))


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the realisation matters.

    Parameters
    ----------
    variance
        ``Var(alpha'X | total)``: variance of the parts' joint effect that the total does not tell.
    index
        Its share of ``Var(alpha'X)``: 0 where the effect is well defined, at most 1.
    slope
        The natural effect of one unit of the total.
    """

    variance: float
    index: float
    slope: float

    @property
    def sign_flip(self) -> float:
        """How far, in standard units of the parts, a realisation is from the natural one when the effect is 0."""
        return abs(self.slope) / float(np.sqrt(self.variance)) if self.variance > 0.0 else float("inf")


def heterogeneity(alpha: ArrayLike, cov: ArrayLike, weights: ArrayLike) -> Spread:
    """The heterogeneity index ``1 - corr(alpha'X, w'X)²``.

    Over all ``D`` with ``w'D = 1`` and Mahalanobis distance at most r from the natural one, the
    effect ``alpha'D`` reaches from ``slope - r sqrt(variance)`` to ``slope + r sqrt(variance)``.

    Parameters
    ----------
    alpha, weights
        Shape (parts,): effects of the parts on the outcome, and their weights in the total.
    cov
        Shape (parts, parts): of the parts.

    Returns
    -------
    Spread
        The index with its variance, and the natural slope.

    Examples
    --------
    >>> found = heterogeneity((3, 1), np.diag([4.0, 9.0]), (1, 1))
    >>> round(found.index, 4), round(found.variance**0.5, 3)
    (0.2462, 3.328)
    """
    a, s, w = (np.asarray(x, dtype=float) for x in (alpha, cov, weights))
    slope = float(a @ natural_direction(s, w))
    left = a - slope * w
    whole, rest = float(a @ s @ a), float(left @ s @ left)
    rest = 0.0 if rest <= TINY * whole else rest
    return Spread(rest, rest / whole if whole > 0.0 else 0.0, slope)


def checked_direction(direction: ArrayLike, weights: Array) -> Array:
    """A direction that moves the total by one: ``w'D = 1``.

    Raises
    ------
    DataError
    """
    d = np.asarray(direction, dtype=float)
    if d.shape != weights.shape or not np.isfinite(d).all():
        raise DataError(f"A direction has one number for each of {len(weights)} parts.")
    if abs(float(weights @ d) - 1.0) > 1e-8:
        raise DataError(f"This direction moves the total by {float(weights @ d):.6g} for each unit of it, not by 1.")
    return d
