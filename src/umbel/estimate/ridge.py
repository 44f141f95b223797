"""The built-in learners: ridge regressions, linear and logistic, with squares and products of features.

Both choose their penalty from the rows they learn from, and both can say how their predictions
lean on each target, which is what standard errors need when another nuisance is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.logistic import fit_logistic

Array = NDArray[np.float64]

PENALTIES = tuple(float(10.0**power) for power in range(-4, 5))
"""Penalties that the built-in learners choose from, times the number of rows over 1,000."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Features as the built-in learners see them: centred, scaled, with squares and products."""

    centre: Array
    scale: Array
    pairs: NDArray[np.int64]
    second_centre: Array
    second_scale: Array

    @staticmethod
    def of(features: Array, weights: Array, interactions: bool, most: int) -> _Scaled:
        mass = weights / weights.sum()
        centre = mass @ features
        scale = np.sqrt(mass @ (features - centre) ** 2)
        scale = np.where(scale > 1e-12, scale, 1.0)
        width = features.shape[1]
        pairs = np.array([(j, k) for j in range(width) for k in range(j, width)], dtype=np.int64).reshape(-1, 2)
        if not interactions or width + len(pairs) > most:
            pairs = pairs[:0]
        plain = _Scaled(centre, scale, pairs, np.zeros(len(pairs)), np.ones(len(pairs)))
        second = plain(features)[:, width:]
        second_centre = mass @ second
        spread = np.sqrt(mass @ (second - second_centre) ** 2)
        # The square of a column of zeros and ones says nothing new, and a constant nothing at all.
        first = (features - centre) / scale
        new = np.array([j != k or len(np.unique(first[:1000, j])) > 2 for j, k in pairs.tolist()], dtype=bool).reshape(
            -1
        ) & (spread > 1e-9)
        return _Scaled(centre, scale, pairs[new], second_centre[new], spread[new])

    def __call__(self, features: Array) -> Array:
        first = (features - self.centre) / self.scale
        second = first[:, self.pairs[:, 0]] * first[:, self.pairs[:, 1]]
        return np.column_stack([first, (second - self.second_centre) / self.second_scale])


def _most_features(rows: int) -> int:
    """Features up to which pairs are worth their noise."""
    return rows // 20


@dataclass(frozen=True, slots=True)
class Linear:
    """Ridge regression with squares and products of features, its penalty by generalised cross-validation.

    Right when the mean is near a polynomial of second degree; O(rows * features²).

    Parameters
    ----------
    interactions
        Add squares and products, where there are at least 20 rows for each feature.
    """

    interactions: bool = True

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> FittedLinear:
        """Learn a mean; weights sum to the number of observations, which rows of counts stand for."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        size = float(weights.sum())
        scaled = _Scaled.of(X, weights, self.interactions, _most_features(int(size)))
        mass = weights / weights.sum()
        design, level = scaled(X), float(mass @ y)
        root = np.sqrt(mass)[:, None]
        u, d, vt = np.linalg.svd(root * design, full_matrices=False)
        along = u.T @ (root[:, 0] * (y - level))
        total = float(mass @ (y - level) ** 2)
        best, slopes, inverse = np.inf, np.zeros(design.shape[1]), np.zeros((design.shape[1],) * 2)
        for penalty in (0.0, *PENALTIES):
            seen = d > 1e-9 * max(d.max(initial=0.0), 1e-300)
            shrink = np.divide(d**2, d**2 + 1e-3 * penalty, out=np.zeros(len(d)), where=seen)
            left = max(total - float((along**2) @ (1.0 - (1.0 - shrink) ** 2)), 0.0)
            used = 1.0 + float(shrink.sum())
            if used >= 0.9 * size:
                continue
            score = left / (1.0 - used / size) ** 2
            if score < best - 1e-12 * total:
                best = score
                with np.errstate(divide="ignore", invalid="ignore"):
                    slopes = vt.T @ np.where(shrink > 0.0, shrink * along / d, 0.0)
                    inverse = (vt.T * np.where(shrink > 0.0, shrink / d**2, 0.0)) @ vt
        return FittedLinear(scaled, level, slopes, inverse, design, mass)


@dataclass(frozen=True, slots=True, eq=False)
class FittedLinear:
    """What :class:`Linear` learnt.

    Parameters
    ----------
    scaled, level, slopes
        The mean is ``level`` plus scaled features times slopes.
    inverse, design, mass
        Inverse of the penalised co-moments, and the rows it was learnt from.
    """

    scaled: _Scaled
    level: float
    slopes: Array
    inverse: Array
    design: Array
    mass: Array

    def predict(self, X: Array) -> Array:
        """The mean at each row."""
        return np.asarray(self.level + self.scaled(X) @ self.slopes, dtype=np.float64)

    def sensitivity(self, X: Array, gradient: Array) -> Array:
        """How the sum of ``gradient`` times predictions moves with each training row's target."""
        along = self.inverse @ (self.scaled(X).T @ gradient)
        return np.asarray(self.mass * (gradient.sum() + self.design @ along), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Logistic:
    """Ridge logistic regression with squares and products, its penalty by Akaike's criterion.

    Right when the log odds are near a polynomial of second degree; O(rows * features²).

    Parameters
    ----------
    interactions
        Add squares and products, where there are at least 20 rows for each feature.
    """

    interactions: bool = True

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> FittedLogistic:
        """Learn a probability; the target is 0 or 1, or a share between them. Weights as for :class:`Linear`."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        total = float(weights.sum())
        events = float(weights @ np.minimum(y, 1.0))
        scaled = _Scaled.of(X, weights, self.interactions, _most_features(int(min(events, total - events)) * 2))
        design = scaled(X)
        best, found = (
            np.inf,
            FittedLogistic(scaled, _logit(events / total), np.zeros(design.shape[1]), True, design, weights, 0.0),
        )
        if design.shape[1] == 0:
            return found
        for penalty in PENALTIES[2::2]:
            size = penalty * total * 1e-3
            fit = fit_logistic(design, y, weights=weights, penalty=size, steps=40)
            linear = fit.intercept + design @ fit.slopes
            spread = weights * _variance(linear)
            inner = (design * spread[:, None]).T @ design
            used = float(np.trace(np.linalg.solve(inner + size * np.eye(len(inner)), inner)))
            score = -2.0 * float(weights @ (y * linear - np.logaddexp(0.0, linear))) + 2.0 * used
            if score < best:
                best, found = (
                    score,
                    FittedLogistic(scaled, fit.intercept, fit.slopes, fit.converged, design, weights, size),
                )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class FittedLogistic:
    """What :class:`Logistic` learnt.

    Parameters
    ----------
    scaled, intercept, slopes
        The log odds are the intercept plus scaled features times slopes.
    converged
        Whether Newton's steps came to rest.
    design, weights, penalty
        The rows it was learnt from, and the penalty of the slopes.
    """

    scaled: _Scaled
    intercept: float
    slopes: Array
    converged: bool
    design: Array
    weights: Array
    penalty: float

    def predict(self, X: Array) -> Array:
        """The probability of 1 at each row."""
        linear = self.intercept + self.scaled(X) @ self.slopes
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * linear)), dtype=np.float64)

    def sensitivity(self, X: Array, gradient: Array) -> Array:
        """How the sum of ``gradient`` times predictions moves with each training row's target."""
        own = _with_intercept(self.design)
        at = _with_intercept(self.scaled(X))
        coefficients = np.append(self.intercept, self.slopes)
        curvature = (own * (self.weights * _variance(own @ coefficients))[:, None]).T @ own
        curvature += np.diag([1e-12, *np.full(len(self.slopes), self.penalty + 1e-12)])
        along = np.linalg.solve(curvature, at.T @ (gradient * _variance(at @ coefficients)))
        return np.asarray(self.weights * (own @ along), dtype=np.float64)


def _with_intercept(design: Array) -> Array:
    return np.column_stack([np.ones(len(design)), design])


def _variance(linear: Array) -> Array:
    mean = 0.5 * (1.0 + np.tanh(0.5 * linear))
    return np.asarray(mean * (1.0 - mean), dtype=np.float64)


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-9), 1.0 - 1e-9)
    return float(np.log(bounded / (1.0 - bounded)))
