"""A Gaussian-process classifier with a fixed kernel, by Laplace's approximation.

The outcome model of Weinstein and Blei (JMLR 27(37) 2026), Appendix D.3: a latent function with
covariance ``exp(-|x - x'|² / 2)`` and a logistic link. Nothing is tuned, so one fit is one Newton
search; O(rows³). Rasmussen and Williams (2006), Algorithms 3.1 and 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit

Array = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True, slots=True, eq=False)
class GpClassifier:
    """A fitted classifier, on features standardised by those it was fitted to.

    Parameters
    ----------
    features
        Shape (rows, features), standardised.
    centre, spread
        Shape (features,): how to standardise new rows.
    residual, root, factor
        At the mode: outcome minus probability, root of the curvature, lower Cholesky factor of B.
    converged
        Whether Newton's search settled.
    """

    features: Array
    centre: Array
    spread: Array
    residual: Array
    root: Array
    factor: Array
    converged: bool

    def predict(self, features: Array) -> Array:
        """Posterior mean of the probability of 1 at each row; the latent is integrated exactly."""
        new = (features - self.centre) / self.spread
        cross = _kernel(self.features, new)  # (rows, new rows)
        mean = cross.T @ self.residual
        half = solve_triangular(self.factor, self.root[:, None] * cross, lower=True, check_finite=False)
        variance = np.maximum(1.0 - (half**2).sum(axis=0), 0.0)
        latent = mean[:, None] + np.sqrt(variance)[:, None] * NODES  # (new rows, nodes)
        return np.asarray(expit(latent) @ WEIGHTS, dtype=np.float64)


def fit_gp(features: Array, outcome: Array, *, steps: int = 100) -> GpClassifier:
    """Find the mode of the latent function given outcomes 0 and 1.

    Parameters
    ----------
    features
        Shape (rows, features); standardised inside. A feature without spread is left at 0.
    outcome
        Shape (rows,): 0 or 1.

    Examples
    --------
    >>> x = np.linspace(-2, 2, 9)[:, None]
    >>> fit = fit_gp(x, (x[:, 0] > 0).astype(float))
    >>> bool(fit.predict(np.array([[-2.0]]))[0] < 0.4 < 0.6 < fit.predict(np.array([[2.0]]))[0])
    True
    """
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (features - centre) / spread
    kernel = _kernel(scaled, scaled)
    rows = len(outcome)
    latent, value, converged = np.zeros(rows), -np.inf, False
    for _ in range(steps):
        mean = expit(latent)
        curvature = mean * (1.0 - mean)
        root = np.sqrt(curvature)
        factor = cho_factor(np.eye(rows) + root[:, None] * kernel * root, lower=True, check_finite=False)
        pull = curvature * latent + (outcome - mean)
        weights = pull - root * cho_solve(factor, root * (kernel @ pull), check_finite=False)  # K^-1 f
        found = kernel @ weights
        objective = float(-0.5 * weights @ found + (outcome * found - np.logaddexp(0.0, found)).sum())
        if objective - value < 1e-12 * max(1.0, abs(value)):
            converged = True
            break
        latent, value = found, objective
    mean = expit(latent)
    root = np.sqrt(mean * (1.0 - mean))
    lower = np.linalg.cholesky(np.eye(rows) + root[:, None] * kernel * root)
    return GpClassifier(scaled, centre, spread, outcome - mean, root, lower, converged)


def _kernel(left: Array, right: Array) -> Array:
    """exp(-|x - x'|² / 2), shape (rows of left, rows of right)."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2.0 * left @ right.T
    return np.asarray(np.exp(-0.5 * np.maximum(squares, 0.0)), dtype=np.float64)
