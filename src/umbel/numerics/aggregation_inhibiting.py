"""Realisations that make a confounded micro model look unconfounded, and changes of coordinates.

For ``Y = alpha'X + N`` with noise that goes with the parts: section 3.2.1 of Zhu, Budhathoki, Kübler
and Janzing, condition (9), with the constructions that the paper leaves out; it speaks of perfect
realisations only. Shifts always reach the observed slope when ``alpha`` is not proportional to the
weights, whatever (9) says (appendix C); the direction they need may be far from anything that occurs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.aggregation_laws import regression, regression_slope
from umbel.numerics.aggregation_linear import LinearMicro, Normal, checked_direction, checked_weights

Array = NDArray[np.float64]

CLOSE = 1e-9
"""Relative size of ``tau²`` that still counts as zero: it is a difference of variances."""


@dataclass(frozen=True, slots=True, eq=False)
class PerfectInhibition:
    """Whether some law of the parts, drawn anew, leaves no confounding: condition (9).

    Parameters
    ----------
    exists
        The verdict.
    spare
        ``tau² = Var(Y | total) - Var(N)``: what the parts' own spread must add. Negative: none exists.
    at_zero, slope
        Mean of the parts at a total x: ``at_zero + slope * x``; shape (parts,). None where none exists.
    narrow, even
        Two covariances that do: of rank one, and the same in every direction that keeps the total.
    why
        One sentence.
    """

    exists: bool
    spare: float
    at_zero: Array | None
    slope: Array | None
    narrow: Array | None
    even: Array | None
    why: str

    def mean(self, total: float) -> Array:
        """Mean of the parts at a value of the total."""
        if self.at_zero is None or self.slope is None:
            raise DataError(f"No such realisation exists. {self.why}")
        return np.asarray(self.at_zero + self.slope * total, dtype=np.float64)


def inhibiting_perfect(micro: LinearMicro) -> PerfectInhibition:
    """Find a perfect realisation under which the outcome's law given ``do(total)`` is the observed one.

    Exists exactly if ``Var(Y | total) >= Var(N)`` and ``alpha`` is not proportional to the weights; by
    Cramér's theorem no other law of the parts helps where no Gaussian one does. For proportional
    ``alpha`` every realisation has the same effect, so that it exists exactly if nothing confounds.
    O(parts²).

    Parameters
    ----------
    micro
        The parts, their effects and their total.

    Returns
    -------
    PerfectInhibition
        Whether one exists, why, and the law that it draws the parts from.

    Examples
    --------
    >>> s, c = np.diag([4.0, 9.0]), (1, 1)
    >>> found = inhibiting_perfect(LinearMicro.of((5, 1), (10, 20), s, noise_cov=c, noise_variance=2))
    >>> round(found.spare, 4), found.mean(33).round(4).tolist(), found.narrow.round(5).tolist()
    (47.0769, [11.0385, 21.9615], [[2.94231, -2.94231], [-2.94231, 2.94231]])
    >>> inhibiting_perfect(LinearMicro.of((1.05, 1), (10, 20), s, noise_cov=c, noise_variance=2)).exists
    False
    """
    w, a = micro.weights, micro.alpha
    here = regression(micro, 0.0)
    slope = regression_slope(micro)
    spare = here.variance - micro.noise_variance
    common = float(a @ w) / float(w @ w)
    v = a - common * w  # the part of alpha that the total does not see
    size = float(v @ v)
    none = PerfectInhibition(False, spare, None, None, None, None, "")
    if size <= CLOSE * max(float(a @ a), np.finfo(float).tiny):
        if abs(slope - common) <= CLOSE * max(1.0, abs(slope)) and abs(spare) <= CLOSE * max(1.0, here.variance):
            flat = np.zeros_like(w)
            zero = np.zeros((len(w), len(w)))
            return PerfectInhibition(True, 0.0, flat, w / (w @ w), zero, zero, "Every realisation has the same effect.")
        why = "Every part has the same effect per unit of the total, and the observed slope is another."
        return PerfectInhibition(False, spare, None, None, None, None, why)
    if spare < -CLOSE * max(1.0, here.variance):
        why = (
            f"The outcome varies less at a given total ({here.variance:.4g}) than its noise does by itself "
            f"({micro.noise_variance:.4g}): condition (9) fails."
        )
        return PerfectInhibition(False, spare, none.at_zero, none.slope, none.narrow, none.even, why)
    spare = max(spare, 0.0)
    # mean(x) = w x / w'w + (E[Y | x] - E N - common x) v / v'v
    at_zero = (here.mean - micro.noise_mean) * v / size
    per_unit = w / float(w @ w) + (slope - common) * v / size
    narrow = spare * np.outer(v, v) / size**2
    even = spare / size * (np.eye(len(w)) - np.outer(w, w) / float(w @ w))
    return PerfectInhibition(True, spare, at_zero, per_unit, narrow, even, "Condition (9) holds.")


@dataclass(frozen=True, slots=True, eq=False)
class ShiftInhibition:
    """A shift under which the outcome moves with the total as it was seen to: None where none does."""

    direction: Array | None
    slope: float
    why: str

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self.direction is not None


def inhibiting_shift(micro: LinearMicro) -> ShiftInhibition:
    """The smallest shift with ``alpha'D`` equal to the observed slope; the outcome's whole law then agrees.

    Exists whenever ``alpha`` is not proportional to the weights.

    Parameters
    ----------
    micro
        The parts, their effects and their total.

    Returns
    -------
    ShiftInhibition
        The direction; None, with the reason, where every direction has the same effect.

    Examples
    --------
    >>> s = np.diag([4.0, 9.0])
    >>> micro = LinearMicro.of((1.05, 1), (10, 20), s, noise_cov=(1, 1), noise_variance=2)
    >>> inhibiting_shift(micro).direction.round(3).tolist()
    [3.385, -2.385]
    """
    slope = regression_slope(micro)
    try:
        found = direction_for(micro.alpha, micro.weights, slope)
    except DataError as fault:
        return ShiftInhibition(None, slope, str(fault))
    return ShiftInhibition(found, slope, f"The smallest shift whose effect is the observed slope {slope:.4g}.")


def direction_for(alpha: ArrayLike, weights: ArrayLike, effect: float) -> Array:
    """The smallest ``D`` with ``w'D = 1`` and ``alpha'D = effect`` (Lemma 14, first claim).

    Parameters
    ----------
    alpha, weights
        Shape (parts,): effects of the parts on the outcome, and their weights in the total.
    effect
        Of one unit of the total, to be brought about.

    Returns
    -------
    Array
        Shape (parts,): ``D``.

    Raises
    ------
    DataError
        When ``alpha`` is proportional to the weights and the effect is another.

    Examples
    --------
    >>> direction_for((4, 2, -1), (1, 1, 1), 7.5).round(5).tolist()
    [1.40789, 0.48684, -0.89474]
    """
    a = np.asarray(alpha, dtype=float)
    w = checked_weights(weights, a.size)
    even = w / float(w @ w)
    common = float(a @ even)
    v = a - common * w
    size = float(v @ v)
    if size <= CLOSE * max(float(a @ a), np.finfo(float).tiny):
        if abs(common - effect) <= CLOSE * max(1.0, abs(effect)):
            return np.asarray(even, dtype=np.float64)
        raise DataError(f"Every realisation has the effect {common:.6g}: none has {effect:.6g}.")
    return np.asarray(even + (effect - common) * v / size, dtype=np.float64)


def coordinates(direction: ArrayLike, weights: ArrayLike) -> Array:
    """Coordinates whose first is the total and whose other ones a shift by ``D`` leaves alone (Lemma 14).

    ``H = [w'; U]`` with rows of U orthonormal and orthogonal to D: the first column of its inverse is D.

    Parameters
    ----------
    direction
        Shape (parts,): how far each part moves for one unit of the total; ``w'D = 1``.
    weights
        Shape (parts,): of the parts in the total.

    Returns
    -------
    Array
        Shape (parts, parts), invertible.

    Raises
    ------
    DataError
        When ``w'D`` is not 1.

    Examples
    --------
    >>> h = coordinates((1.40789, 0.48684, -0.89473), (1, 1, 1))
    >>> np.linalg.inv(h)[:, 0].round(4).tolist(), round(float(np.linalg.cond(h)), 2)
    ([1.4079, 0.4868, -0.8947], 6.8)
    """
    w = np.asarray(weights, dtype=float)
    d = checked_direction(direction, w)
    _, _, rows = np.linalg.svd(d[None, :], full_matrices=True)
    return np.asarray(np.vstack([w, rows[1:]]), dtype=np.float64)


def shift_law(
    micro: LinearMicro, direction: ArrayLike, total: float, draws: int, *, rng: np.random.Generator
) -> Normal:
    """Mean and variance of the outcome in a simulation of the shift: the oracle of the closed form.

    Examples
    --------
    >>> shops = LinearMicro.of((3, 1), (10, 20), np.diag([4.0, 9.0]))
    >>> law = shift_law(shops, (0, 1), 33, 20_000, rng=np.random.default_rng(0))
    >>> abs(law.mean - 53) < 0.2
    True
    """
    d = checked_direction(direction, micro.weights)
    c = micro.noise_cov[:, None]
    whole = np.block([[micro.cov, c], [c.T, np.array([[micro.noise_variance]])]])
    found = rng.multivariate_normal(np.append(micro.mean, micro.noise_mean), whole, size=draws, method="eigh")
    x, noise = found[:, :-1], found[:, -1]
    x = x + np.outer(total - x @ micro.weights, d)
    y = x @ micro.alpha + noise
    return Normal(float(y.mean()), float(y.var(ddof=1)))
