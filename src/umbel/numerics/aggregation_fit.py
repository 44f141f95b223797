"""Effects of the parts of a total by least squares, and the scores from which every error follows.

``Y ~ X + Z`` with robust errors: HC3 scores (residuals over one less leverage; MacKinnon and White, 1985),
summed by cluster where rows depend on each other. Every realisation's effect is linear in the effects of
the parts and in means, so that one fit answers them all (Zhu, Budhathoki, Kübler and Janzing, appendix C).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from umbel.errors import DataError
from umbel.numerics.influence import Influence, Sample, covariance

Array = NDArray[np.float64]

COLLINEAR = 1e-10
"""Relative size of a squared singular value below which columns count as collinear."""


@dataclass(frozen=True, slots=True, eq=False)
class PartsFit:
    """Least squares of an outcome on parts and covariates.

    Parameters
    ----------
    alpha
        Shape (parts,): effects of the parts.
    parts, outcome
        Shapes (rows, parts) and (rows,): as observed.
    left
        Shape (rows, parts): the parts less what covariates tell of them.
    residual
        Shape (rows,): of the fit, over one less leverage.
    gram
        Shape (parts, parts): weighted products of ``left``, per unit of mass.
    sample
        Counts, weights, clusters.
    degrees
        Residual degrees of freedom: rows less coefficients, or clusters less one.
    sigma
        Residual standard deviation.
    """

    alpha: Array
    parts: Array
    outcome: Array
    left: Array
    residual: Array
    gram: Array
    sample: Sample
    degrees: float
    sigma: float

    def effect(self, direction: Array) -> Influence:
        """The effect ``alpha'D`` of moving the parts by a known direction."""
        solved = cho_solve(cho_factor(self.gram), direction)
        return Influence(float(self.alpha @ direction), (self.left @ solved) * self.residual)

    def cov(self) -> Array:
        """Covariance of the effects, shape (parts, parts); O(rows * parts²)."""
        solved = cho_solve(cho_factor(self.gram), self.left.T).T * self.residual[:, None]  # (rows, parts)
        influences = [Influence(float(a), solved[:, j]) for j, a in enumerate(self.alpha)]
        return covariance(influences, self.sample)

    def classical_cov(self) -> Array:
        """Covariance under errors of one variance."""
        mass = float((self.sample.counts * self.sample.weights).sum())
        return np.asarray(self.sigma**2 * np.linalg.inv(self.gram) / mass, dtype=np.float64)

    def mean_parts(self) -> Array:
        """Weighted means of the parts."""
        return np.asarray(self.sample.mass @ self.parts, dtype=np.float64)

    def cov_parts(self) -> Array:
        """Weighted covariance of the parts, shape (parts, parts)."""
        centred = self.parts - self.mean_parts()
        return np.asarray((centred * self.sample.mass[:, None]).T @ centred, dtype=np.float64)

    def natural(self, weights: Array) -> Influence:
        """The natural effect: ``alpha'D`` with ``D`` the slopes of the parts on the total, estimated too."""
        return natural_effect(self.parts, weights, self.alpha, self, np.empty((len(self.parts), 0)), self.sample)


def natural_effect(
    parts: Array, weights: Array, alpha: Array, fit: PartsFit | None, within: Array, sample: Sample
) -> Influence:
    """The natural effect, of given or fitted effects of the parts, within values of some covariates.

    Parameters
    ----------
    parts, weights, alpha
        Shapes (rows, parts), (parts,), (parts,).
    fit
        What ``alpha`` was estimated by; None: it is known.
    within
        Shape (rows, covariates): the parts follow the total given these.

    Raises
    ------
    DataError
        When the total does not vary.
    """
    mass = sample.mass
    design = np.column_stack([np.ones(len(parts)), within])
    root = np.sqrt(mass)[:, None]
    centred = parts - design @ np.linalg.lstsq(root * design, root * parts, rcond=None)[0]
    total = centred @ weights
    spread = float(mass @ total**2)
    if spread <= 1e-24 * float(mass @ (parts @ weights) ** 2):
        raise DataError("The total does not vary, so that no natural realisation of another value exists.")
    direction = (mass * total) @ centred / spread
    slope = float(alpha @ direction)
    second = (centred @ alpha - slope * total) * total / spread
    first = fit.effect(direction).scores if fit is not None else 0.0
    return Influence(slope, first + second)


def fit_parts(parts: Array, outcome: Array, covariates: Array, sample: Sample) -> PartsFit:
    """Fit ``Y ~ 1 + X + Z``; O(rows * (parts + covariates)²).

    Parameters
    ----------
    parts, outcome, covariates
        Shapes (rows, parts), (rows,), (rows, covariates).
    sample
        Counts, weights, clusters.

    Raises
    ------
    DataError
        When the parts are collinear given the covariates, or there are as many as rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> fit = fit_parts(x, x @ [3.0, 1.0], np.empty((200, 0)), Sample(np.ones(200), np.ones(200)))
    >>> fit.alpha.round(6).tolist()
    [3.0, 1.0]
    """
    rows, width = parts.shape
    mass = sample.counts * sample.weights
    root = np.sqrt(mass)[:, None]
    design = np.column_stack([np.ones(rows), covariates])  # (rows, 1 + covariates)
    used = width + design.shape[1]
    effective = float(sample.counts.sum())
    if effective <= used:
        raise DataError(
            f"{width} parts and {covariates.shape[1]} covariates need more than {used} rows; there are {effective:g}. "
            "Give known effects (prices), or effects of each component by itself."
        )
    basis, _ = np.linalg.qr(root * design)
    if np.linalg.matrix_rank(root * design) < design.shape[1]:
        raise DataError("The covariates are collinear. Drop one of them.")
    scaled = root * parts
    inner = scaled - basis @ (basis.T @ scaled)
    size = np.maximum((scaled**2).sum(axis=0), np.finfo(float).tiny)
    gram = inner.T @ inner
    scale = np.sqrt(size)
    if float(np.linalg.eigvalsh(gram / np.outer(scale, scale))[0]) < COLLINEAR:
        raise DataError(
            "The parts are collinear, given the covariates: their effects cannot be told apart. Join parts that move "
            "together, or give known effects."
        )
    y = root[:, 0] * outcome
    y_left = y - basis @ (basis.T @ y)
    factor = cho_factor(gram)
    alpha = cho_solve(factor, inner.T @ y_left)
    residual = y_left - inner @ alpha
    leverage = (basis**2).sum(axis=1) + np.einsum("np,pn->n", inner, cho_solve(factor, inner.T))
    leverage = np.clip(leverage / np.maximum(sample.counts, 1.0), 0.0, 1.0 - 1e-8)
    sigma = float(np.sqrt((residual**2).sum() / (effective - used)))
    whole = float(mass.sum())
    degrees = effective - used if sample.clusters is None else sample.degrees()
    if sample.clusters is None:
        residual = residual / (1.0 - leverage)
    else:  # CR1: clusters have no leverage of one row
        count = float(len(np.unique(sample.clusters)))
        residual = residual * np.sqrt((effective - 1.0) / (effective - used) * count / max(count - 1.0, 1.0))
    plain = np.sqrt(mass)
    return PartsFit(
        alpha, parts, outcome, inner / plain[:, None], residual / plain, gram / whole, sample, degrees, sigma
    )


def slope_fit(total: Array, outcome: Array, covariates: Array, sample: Sample) -> tuple[Influence, float]:
    """Slope of the outcome on the total given covariates, with HC3 or clustered scores, and its degrees of freedom.

    Without covariates it is the natural effect of a micro model that is not confounded; with covariates
    that of ``natural(Z)``.
    """
    fit = fit_parts(total[:, None], outcome, covariates, sample)
    return fit.effect(np.ones(1)), fit.degrees
