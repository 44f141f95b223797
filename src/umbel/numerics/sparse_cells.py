"""A likelihood-ratio test against the saturated law that stays right where cells hold few rows.

Twice the gap of log likelihoods is chi-square only where every cell expects several rows. Elsewhere
its mean and variance follow from those of the deviance of single Poisson counts (McCullagh and
Nelder 1989, Section 4.4.5 and 12.6.1, on conditioning; Osius and Rojek 1992 for the same idea with
Pearson's statistic), and a scaled chi-square with both takes the place of the plain one. What fitting
takes from the statistic is one per parameter if each is well estimated, and what the cells hold by
their leverage if rows are few; the larger p-value of the two is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy
from scipy.stats import chi2

from umbel.numerics.latent_em import LatentFit, LatentModel, posterior, row_blocks, row_scores

Array = NDArray[np.float64]

DENSE = 200.0
"""Expected rows of a cell from which on its deviance has the moments of the limit, to 1e-3."""
POINTS = 600
"""Expected values at which the moments are summed; between them they are interpolated, to 1e-3."""


@dataclass(frozen=True, slots=True)
class SaturatedTest:
    """A model against every law of the cells.

    Parameters
    ----------
    statistic
        Twice the difference of log likelihoods.
    freedom
        Cells less parameters.
    p_value
        From a chi-square with the statistic's own mean and variance.
    design
        How much larger the difference is on average because rows come in clusters; it is divided by it.
    """

    statistic: float
    freedom: int
    p_value: float
    design: float = 1.0


def deviance_moments(expected: Array) -> tuple[Array, Array, Array]:
    """Mean and variance of ``2 (y log(y / m) - (y - m))`` for a Poisson y of mean m, and its covariance with y.

    Examples
    --------
    >>> mean, variance, covariance = deviance_moments(np.array([1e4, 2.0]))
    >>> mean.round(2).tolist(), variance.round(2).tolist(), covariance.round(2).tolist()
    ([1.0, 1.14], [2.0, 2.23], [0.0, -0.09])
    """
    grid = np.exp(np.linspace(np.log(1e-12), np.log(DENSE), POINTS))
    y = np.arange(int(DENSE + 15 * np.sqrt(DENSE)))
    chance = np.exp(xlogy(y, grid[:, None]) - grid[:, None] - gammaln(y + 1))  # (grid, y)
    deviance = 2.0 * (xlogy(y, y / grid[:, None]) - (y - grid[:, None]))
    mean = (chance * deviance).sum(1)
    variance = (chance * deviance**2).sum(1) - mean**2
    covariance = (chance * deviance * (y - grid[:, None])).sum(1)
    at = np.log(np.maximum(expected, 1e-300))
    found = [np.interp(at, np.log(grid), one, left=0.0) for one in (mean, variance, covariance)]
    dense = expected > DENSE
    for one, limit in zip(found, (1.0, 2.0, 0.0), strict=True):
        one[dense] = limit
    return found[0], found[1], found[2]


def saturated_test(model: LatentModel, fit: LatentFit, parameters: int, *, design: float = 1.0) -> SaturatedTest | None:
    """The fit against the saturated law of all cells; None without degrees of freedom, or where it has no variance.

    Parameters
    ----------
    model, fit
        A stationary point; the rows are all cells, the empty ones too, and the weights their counts.
    parameters
        Free parameters of the model.
    design
        The design effect of rows in clusters, by which the statistic is divided.
    """
    counts = model.weights
    rows = np.bincount(model.stratum, counts, model.strata)
    _, logs = posterior(model, fit.prior, fit.values)
    expected = np.asarray(np.exp(logs) * rows[model.stratum], dtype=np.float64)
    statistic = 2.0 * float((xlogy(counts, counts) - xlogy(counts, expected))[counts > 0].sum()) / design
    freedom = len(counts) - int((rows > 0).sum()) - parameters
    if freedom <= 0:
        return None
    mean, variance, covariance = deviance_moments(expected)
    size = sum(model.sizes)
    slope, information = np.zeros(size), np.zeros((size, size))
    for block in row_blocks(len(counts), size):
        scores = row_scores(model, fit, block)
        slope += covariance[block] @ scores
        information += (scores * expected[block, None]).T @ scores
    inverse = np.linalg.pinv(information, rcond=1e-9, hermitian=True)
    explained = float(slope @ inverse @ slope)
    totals = np.bincount(model.stratum, covariance, model.strata)
    explained += float((totals[rows > 0] ** 2 / rows[rows > 0]).sum())
    spent = len(counts) - freedom
    sums = float(mean.sum()), float(variance.sum()) - explained
    p_values = [_scaled(statistic, sums[0] - spent, sums[1] - 2.0 * spent)]
    # few rows a parameter: what fitting takes from the statistic is what its own cells hold, by their leverage
    leverage = np.where(rows[model.stratum] > 0, expected / np.maximum(rows[model.stratum], 1e-300), 0.0)
    for block in row_blocks(len(counts), size):
        scores = row_scores(model, fit, block)
        leverage[block] += expected[block] * np.einsum("ri,ij,rj->r", scores, inverse, scores)
    left = 1.0 - np.minimum(leverage, 1.0)
    p_values.append(_scaled(statistic, float(mean @ left), float(variance @ left) - explained))
    possible = [one for one in p_values if one is not None]
    return SaturatedTest(statistic, freedom, max(possible), design) if possible else None


def _scaled(statistic: float, centre: float, spread: float) -> float | None:
    """p-value of a scaled chi-square with such a mean and variance; None where there is none."""
    if centre <= 0 or spread <= 0:
        return None
    scale = spread / (2.0 * centre)
    return float(chi2.sf(max(statistic, 0.0) / scale, centre / scale))
