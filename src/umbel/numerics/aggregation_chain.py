"""Macro-variables in a row: when a chain or a back-door may be drawn between totals.

Linear-Gaussian forms of section 4 of Zhu, Budhathoki, Kübler and Janzing: ``Y = T X + M``,
``Z_total = gamma'Y + delta'X + e``, with X, M and e independent. Lemma 10 asks whether the total of X
tells about Z's once Y's total is known; Lemma 11 and Theorem 4.1, whether adjusting for the total of X
is enough when the total of Y is set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.aggregation_linear import Normal

Array = NDArray[np.float64]

CLOSE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """``X -> Y -> Z`` and perhaps ``X -> Z`` at the micro level, with one total for each.

    Parameters
    ----------
    effect
        T, shape (parts of Y, parts of X).
    gamma, delta
        Effects of the parts of Y and of X on the total of Z.
    cov, own
        Covariances of X and of M.
    noise
        Variance of e.
    weights_x, weights_y
        Weights of the totals.
    """

    effect: Array
    gamma: Array
    delta: Array
    cov: Array
    own: Array
    noise: float
    weights_x: Array
    weights_y: Array

    @staticmethod
    def of(
        effect: ArrayLike,
        gamma: ArrayLike,
        *,
        delta: ArrayLike | None = None,
        cov: ArrayLike | None = None,
        own: ArrayLike | None = None,
        noise: float = 1.0,
        weights_x: ArrayLike | None = None,
        weights_y: ArrayLike | None = None,
    ) -> Chain:
        """Unit covariances, no direct effect and sums by default.

        Examples
        --------
        >>> irrelevance(Chain.of(np.eye(2), (3, 1))).holds
        True
        """
        t = np.asarray(effect, dtype=float)
        if t.ndim != 2 or not np.isfinite(t).all():
            raise DataError("The effect of X on Y is a matrix of numbers: a row per part of Y, a column per part of X.")
        q, p = t.shape
        given = (gamma, delta, cov, own, weights_x, weights_y)
        usual = (np.ones(q), np.zeros(p), np.eye(p), np.eye(q), np.ones(p), np.ones(q))
        arrays = [
            np.asarray(default if one is None else one, dtype=float) for one, default in zip(given, usual, strict=True)
        ]
        for name, one, default in zip(
            ("gamma", "delta", "cov", "own", "weights_x", "weights_y"), arrays, usual, strict=True
        ):
            if one.shape != default.shape:
                raise DataError(f"{name} has the shape {one.shape}, and the effect of X on Y asks for {default.shape}.")
        g, d, s, m, wx, wy = arrays
        return Chain(t, g, d, s, m, noise, wx, wy)

    @property
    def outcome_cov(self) -> Array:
        """Covariance of Y, shape (parts of Y, parts of Y)."""
        return np.asarray(self.effect @ self.cov @ self.effect.T + self.own, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Irrelevance:
    """Whether the cause of the cause tells nothing more, (12).

    Parameters
    ----------
    covariance, correlation
        Of the totals of X and Z given that of Y.
    natural, given
        Effect of one unit of Y's total: by the natural law of Y, and by its law given the total of X.
    arrow
        Coefficient of the arrow from X's total to Z's that has to be drawn where (12) fails.
    """

    covariance: float
    correlation: float
    natural: float
    given: float
    arrow: float

    @property
    def holds(self) -> bool:
        """Whether (12) does: then the two realisations of Y's total have the same effect (Lemma 10)."""
        return abs(self.correlation) <= CLOSE


def irrelevance(chain: Chain) -> Irrelevance:
    """Lemma 10 for a linear chain without a direct effect of X on Z; O(parts³).

    Parameters
    ----------
    chain
        Without a direct effect: ``delta`` is zero.

    Returns
    -------
    Irrelevance
        What the total of X tells of that of Z beyond that of Y, and the arrow that has to be drawn for it.

    Examples
    --------
    >>> found = irrelevance(Chain.of(np.diag([1.0, 2.0]), (3, 1)))
    >>> round(found.covariance, 6), round(found.correlation, 5), round(found.natural, 6), round(found.arrow, 6)
    (0.285714, 0.13047, 1.571429, 0.4)
    """
    if chain.delta.any():
        raise DataError("Lemma 10 is about a chain: X has no effect on Z but through Y.")
    law = _totals(chain)
    given_y = law - np.outer(law[:, 1], law[1]) / law[1, 1]
    slope_natural = float(law[1, 2] / law[1, 1])
    both = np.linalg.solve(law[:2, :2], law[:2, 2])  # coefficients of X's total and of Y's
    size = float(np.sqrt(given_y[0, 0] * given_y[2, 2]))
    correlation = float(given_y[0, 2]) / size if size > 0.0 else 0.0
    return Irrelevance(float(given_y[0, 2]), correlation, slope_natural, float(both[1]), float(both[0]))


def _totals(chain: Chain) -> Array:
    """Covariance of the three totals, shape (3, 3): X's, Y's, Z's."""
    wx, wy = chain.weights_x, chain.weights_y
    s, t = chain.cov, chain.effect
    x, y = s @ wx, chain.outcome_cov @ wy
    cross_xy = float(wy @ t @ x)
    onto_x = chain.gamma @ t + chain.delta
    cross_xz, cross_yz = float(onto_x @ x), float(chain.gamma @ y + chain.delta @ s @ t.T @ wy)
    var_z = float(chain.gamma @ chain.own @ chain.gamma + onto_x @ s @ onto_x) + chain.noise
    return np.array(
        [[float(wx @ x), cross_xy, cross_xz], [cross_xy, float(wy @ y), cross_yz], [cross_xz, cross_yz, var_z]]
    )


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The outcome's total where Y's total is set among those with a given total of X: seen, and under do.

    Parameters
    ----------
    seen, do
        Laws of Z's total given both totals: as observed, and with Y drawn from ``P(Y | y, x)``, eq. (13).
    law, mean
        Whether (14) holds, so that the laws agree; whether the means do, which asks for less.
    """

    seen: Normal
    do: Normal
    law: bool
    mean: bool


def adjustment(chain: Chain, total_x: float, total_y: float) -> Adjustment:
    """Lemma 11 for a linear back-door; means of all parts zero; O(parts³).

    (14) holds exactly if ``T Cov(X | total) delta = 0``; the means agree as soon as the total of Y
    tells nothing of ``delta'X`` once that of X is known.

    Parameters
    ----------
    chain
        ``X -> Y -> Z`` with an arrow from X to Z: the back-door path.
    total_x, total_y
        The value of X's total among those asked about, and the one that Y's is set to.

    Returns
    -------
    Adjustment
        Laws of the outcome's total as observed and under ``do``, and whether they agree.

    Examples
    --------
    >>> chain = Chain.of(np.diag([1.0, 2.0]), (3, 1), delta=(1, -1))
    >>> found = adjustment(chain, 1, 2)
    >>> [round(x, 6) for x in (found.seen.mean, found.seen.variance, found.do.mean, found.do.variance)]
    [3.0, 13.0, 3.2, 8.6]
    """
    s, t, wx, wy = chain.cov, chain.effect, chain.weights_x, chain.weights_y
    p = len(wx)
    sx = s @ wx
    left = s - np.outer(sx, sx) / float(wx @ sx)  # Cov(X | total)
    cross = s @ t.T  # Cov(X, Y)
    joint = np.block([[s, cross], [cross.T, chain.outcome_cov]])  # (X, Y)
    totals = np.zeros((2, joint.shape[0]))
    totals[0, :p], totals[1, p:] = wx, wy
    onto = np.linalg.solve(totals @ joint @ totals.T, totals @ joint)  # (2, parts)
    given = joint - onto.T @ (totals @ joint)
    mean = np.array([total_x, total_y]) @ onto
    reads = np.concatenate([chain.delta, chain.gamma])
    seen = Normal(float(reads @ mean), float(reads @ given @ reads) + chain.noise)
    mean_x = sx / float(wx @ sx) * total_x  # X keeps its law given its total: Y is cut from it
    y_mean, y_cov = mean[p:], given[p:, p:]
    do = Normal(
        float(chain.gamma @ y_mean + chain.delta @ mean_x),
        float(chain.gamma @ y_cov @ chain.gamma + chain.delta @ left @ chain.delta) + chain.noise,
    )
    told = t @ left @ chain.delta
    size = max(1.0, float(np.abs(t).max()) * float(np.abs(left).max()) * float(np.abs(chain.delta).max(initial=0.0)))
    return Adjustment(seen, do, bool(np.abs(told).max() <= CLOSE * size), abs(float(wy @ told)) <= CLOSE * size)
