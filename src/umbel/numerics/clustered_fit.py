"""A latent class model against the saturated law of its cells, where rows come in clusters or weigh differently.

The likelihood ratio is then a sum of chi-squares weighted by the eigenvalues of a design-effect matrix:
the covariance of the residuals that fitting leaves, in units of what independent rows would give them
(Rao and Scott, JASA 1981 and Annals of Statistics 1984). Divided by the mean of these weights it is read
like the ratio of independent rows; beside that a scaled chi-square takes account of their spread, with
clusters as the degrees of freedom of the denominator, and the larger of both p-values stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.clustered_ranks import FEWEST, p_value_of_sum
from umbel.numerics.latent_em import LatentFit, LatentModel, posterior, row_scores
from umbel.numerics.sparse_cells import SaturatedTest, saturated_test

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_CELLS = 2048
"""Cells up to which residuals are formed: they take cells² numbers."""
EMPTY = 1e-9
"""Expected rows up to which a cell is taken to be impossible."""
ENTRIES = 200_000_000
"""Residuals of clusters that are formed; where there are more, evenly spaced clusters stand for all."""
BLOCK = 4_000_000
"""Entries of the clusters' residuals that are held at once."""


def clustered_test(
    model: LatentModel, fit: LatentFit, parameters: int, cell: Codes, clusters: Codes, weights: Array
) -> SaturatedTest | None:
    """The fit against the saturated law; None without degrees of freedom, or with too many cells.

    O(clusters cells (1 + parameters)), and cells².

    Parameters
    ----------
    model, fit, parameters
        As for :func:`~umbel.numerics.sparse_cells.saturated_test`: the rows of the model are all cells.
    cell, clusters, weights
        Shape (rows,): cell and cluster of each row, 0 on; weights, whose sums in cells are the model's.
    """
    number = int(clusters.max()) + 1
    if len(model.weights) > MOST_CELLS or number < 2:
        return None
    fitted = _fitted(model, fit)
    alone = float(model.weights @ (_residuals(fitted, np.eye(len(model.weights))) ** 2).sum(1))
    spaced = -(-number * len(model.weights) // ENTRIES)
    kept = clusters % spaced == 0
    cell, weights, clusters = cell[kept], weights[kept], clusters[kept] // spaced
    seen = -(-number // spaced)
    stride = -(-seen // FEWEST)
    chosen = np.zeros((-(-seen // stride), len(model.weights)))
    together = 0.0
    order = np.argsort(clusters, kind="stable")
    starts = np.searchsorted(clusters[order], np.arange(seen + 1))
    step = max(BLOCK // len(model.weights), 1)
    for first in range(0, seen, step):
        names = np.arange(first, min(first + step, seen))
        rows = order[starts[first] : starts[names[-1] + 1]]
        counts = np.zeros((len(names), len(model.weights)))
        np.add.at(counts, (clusters[rows] - first, cell[rows]), weights[rows])
        away = _residuals(fitted, counts)
        together += float((away**2).sum())
        told = names % stride == 0
        chosen[names[told] // stride] = away[told]
    together *= number / seen * number / (number - 1)
    if alone <= 0 or together <= 0:
        return None
    test = saturated_test(model, fit, parameters, design=together / alone)
    if test is None:
        return None
    _, spread = p_value_of_sum(test.statistic * test.design, together, chosen, number)
    return replace(test, p_value=max(test.p_value, spread))


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """What residuals need of a fit.

    Parameters
    ----------
    stratum, law
        Shape (cells,): its stratum, and its probability there.
    strata
        Their number.
    root
        Shape (cells,): roots of expected counts; infinite where none are.
    scores
        Shape (cells, parameters).
    inverse
        Shape (parameters, parameters): of the expected information.
    """

    stratum: Codes
    law: Array
    strata: int
    root: Array
    scores: Array
    inverse: Array


def _fitted(model: LatentModel, fit: LatentFit) -> _Fitted:
    rows = np.bincount(model.stratum, model.weights, model.strata)
    law = np.exp(posterior(model, fit.prior, fit.values)[1])
    expected = law * rows[model.stratum]
    scores = row_scores(model, fit, slice(None))
    inverse = np.asarray(
        np.linalg.pinv((scores * expected[:, None]).T @ scores, rcond=1e-9, hermitian=True), dtype=float
    )
    root = np.sqrt(np.where(expected > EMPTY, expected, np.inf))
    return _Fitted(model.stratum, law, model.strata, root, scores, inverse)


def _residuals(fitted: _Fitted, counts: Array) -> Array:
    """Standardised counts less what their strata and the parameters take up, shape (…, cells)."""
    totals = np.zeros((len(counts), fitted.strata))
    for stratum in range(fitted.strata):
        totals[:, stratum] = counts[:, fitted.stratum == stratum].sum(1)
    away = counts - totals[:, fitted.stratum] * fitted.law
    taken = (away @ fitted.scores) @ fitted.inverse @ fitted.scores.T
    expected = np.where(np.isfinite(fitted.root), fitted.root**2, 0.0)
    return np.asarray((away - taken * expected) / fitted.root)
