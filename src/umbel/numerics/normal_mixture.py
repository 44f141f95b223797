"""Finite mixtures of normal laws: exact moments, and quantiles by root finding.

What remains of a normal hierarchy after its spread is integrated out on a grid is a mixture of
normals; its quantiles are roots of a monotone function, found to machine accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]

STEPS = 200
"""Upper limit on root-finding steps; bisection alone needs about sixty."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """The law ``sum_k weights[k] * Normal(means[k], deviations[k])``.

    Parameters
    ----------
    weights
        Shape (components,), nonnegative, summing to one.
    means, deviations
        Shape (components,); deviations are positive.

    Examples
    --------
    >>> law = NormalMixture(np.array([0.5, 0.5]), np.array([-1.0, 1.0]), np.array([1.0, 1.0]))
    >>> law.mean, round(law.sd, 6)
    (0.0, 1.414214)
    >>> abs(law.quantile(0.5)) < 1e-12
    True
    """

    weights: Array
    means: Array
    deviations: Array

    @property
    def mean(self) -> float:
        """Expectation."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """Standard deviation, from moments centred at the mean."""
        centred = self.means - self.mean
        return math.sqrt(float(self.weights @ (self.deviations**2 + centred**2)))

    def cdf(self, point: float) -> float:
        """Probability of a value at or below ``point``; O(components)."""
        return float(self.weights @ ndtr((point - self.means) / self.deviations))

    def quantile(self, probability: float) -> float:
        """The point below which the law has the given probability, 0 < probability < 1.

        Newton's method from the mean, inside a bracket; a step that does not halve the gap is
        followed by a bisection, so a spike beside a wide component costs steps and no accuracy.
        The bracket starts at the outermost component quantiles, which enclose the root.
        """
        component = self.means + self.deviations * float(ndtri(probability))  # (components,)
        active = self.weights > 0
        low, high = float(component[active].min()), float(component[active].max())
        point, last = min(max(self.mean, low), high), math.inf
        for _ in range(STEPS):
            z = (point - self.means) / self.deviations
            gap = float(self.weights @ ndtr(z)) - probability
            low, high = (low, point) if gap > 0 else (point, high)
            if gap == 0.0 or high - low <= 2 * math.ulp(point):
                break
            density = float(self.weights @ (np.exp(-0.5 * z * z) / self.deviations)) / math.sqrt(2.0 * math.pi)
            newton = point - gap / density if density > 0 else math.inf
            useful = low <= newton <= high and abs(gap) <= 0.5 * last
            if useful and newton == point:
                break
            point, last = (newton, abs(gap)) if useful else (0.5 * (low + high), math.inf)
        return point
