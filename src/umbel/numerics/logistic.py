"""Logistic regression with an optional ridge penalty, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """A fitted logistic regression.

    Parameters
    ----------
    intercept, slopes
        On the scale of the features; ``slopes`` has shape (features,).
    converged
        False when the classes can be told apart and nothing penalises it: slopes then run away.
    """

    intercept: float
    slopes: Array
    converged: bool

    def predict(self, features: Array) -> Array:
        """Probability of 1 at each row of ``features``, shape (rows, features)."""
        return np.asarray(expit(self.intercept + features @ self.slopes), dtype=np.float64)


def fit_logistic(
    features: Array, outcome: Array, *, weights: Array | None = None, penalty: float = 0.0, steps: int = 100
) -> LogisticFit:
    """Maximise the weighted log-likelihood minus ``penalty / 2`` times the squared slopes.

    The intercept is not penalised. ``penalty=1`` is what machine-learning libraries call C=1 (the
    paper's choice). Newton with step halving; O(rows * features²) a step.

    Parameters
    ----------
    features
        Shape (rows, features).
    outcome
        Shape (rows,): 0 or 1, or shares between them.
    weights
        Shape (rows,), None for one each.

    Examples
    --------
    >>> x = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> fit = fit_logistic(x, np.array([0.0, 1.0, 0.0, 1.0]), penalty=1.0)
    >>> round(float(fit.slopes[0]), 4)
    0.4529
    """
    rows, width = features.shape
    design = np.column_stack([np.ones(rows), features])  # (rows, 1 + features)
    ridge = np.full(width + 1, penalty)
    ridge[0] = 0.0
    weight = np.ones(rows) if weights is None else weights

    def objective(at: Array) -> float:
        linear = design @ at
        fit = outcome * linear - np.logaddexp(0.0, linear)
        return float(weight @ fit - 0.5 * ridge @ at**2)

    at = np.zeros(width + 1)
    value = objective(at)
    for _ in range(steps):
        mean = expit(design @ at)
        gradient = design.T @ (weight * (outcome - mean)) - ridge * at
        curvature = (design * (weight * mean * (1.0 - mean))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        scale = 1.0
        while (found := objective(at + scale * step)) < value and scale > 1e-10:
            scale *= 0.5
        at = at + scale * step
        done = float(gradient @ step) < 1e-18 * max(1.0, abs(value)) or abs(found - value) <= 1e-15 * abs(value)
        value = max(found, value)
        if done:
            return LogisticFit(float(at[0]), at[1:], bool(np.abs(design @ at).max() < 30.0 or penalty > 0.0))
    return LogisticFit(float(at[0]), at[1:], False)
