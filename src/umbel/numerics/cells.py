"""Counts, means and centred co-moments by cell: the NumPy twin of what engines compute.

Moments are taken in two passes, centred before they are squared: the sum of products minus the
product of sums loses every digit once the offset of the data is 1e8 times their spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

ROUGH = 1e6
"""Between-cell over within-cell variance above which a common centre costs more than six digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Weighted count, means, and centred co-moments of each cell.

    Parameters
    ----------
    counts
        Shape (cells,): rows, or their total weight.
    means
        Shape (cells, values); NaN where a cell is empty.
    comoments
        Shape (cells, values, values): sums of products of deviations from the cell's own means;
        0 where a cell is empty. Divide by ``counts`` for covariances.
    """

    counts: Array
    means: Array
    comoments: Array


def cell_moments(cells: Codes, size: int, values: Array, weights: Array | None = None) -> Moments:
    """Moments of each cell in two passes; O(rows * values²).

    Parameters
    ----------
    cells
        Shape (rows,): the cell of each row, 0 … size - 1.
    size
        Number of cells.
    values
        Shape (rows, values), finite.
    weights
        Shape (rows,), None for one each.

    Examples
    --------
    >>> found = cell_moments(np.array([0, 0, 1]), 2, np.array([[1.0], [3.0], [5.0]]))
    >>> found.means.ravel().tolist(), found.comoments.ravel().tolist()
    ([2.0, 5.0], [2.0, 0.0])
    """
    width = values.shape[1]
    counts = np.bincount(cells, weights=weights, minlength=size).astype(np.float64)

    def total(column: Array) -> Array:
        weighted = column if weights is None else column * weights
        return np.bincount(cells, weights=weighted, minlength=size).astype(np.float64)

    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.stack([total(values[:, j]) for j in range(width)], axis=1) / counts[:, None] if width else None
    if centre is None:
        return Moments(counts, np.empty((size, 0)), np.empty((size, 0, 0)))
    deviations = values - np.nan_to_num(centre)[cells]  # (rows, values), about rough means
    first = np.stack([total(deviations[:, j]) for j in range(width)], axis=1)
    second = np.empty((size, width, width))
    for j in range(width):
        for k in range(j + 1):
            second[:, j, k] = second[:, k, j] = total(deviations[:, j] * deviations[:, k])
    return from_sums(counts, centre, first, second)


def from_sums(counts: Array, centre: Array, first: Array, second: Array) -> Moments:
    """Moments from sums of deviations about any centre near the means.

    Parameters
    ----------
    counts
        Shape (cells,).
    centre
        Shape (cells, values) or (values,): what deviations are measured from.
    first, second
        Shapes (cells, values) and (cells, values, values): sums of deviations and their products.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = first / counts[:, None]
    means = centre + shift
    filled = np.nan_to_num(shift)
    comoments = second - counts[:, None, None] * filled[:, :, None] * filled[:, None, :]
    index = np.arange(first.shape[1])
    comoments[:, index, index] = np.maximum(comoments[:, index, index], 0.0)  # rounding, never a negative variance
    empty = counts == 0
    comoments[empty] = 0.0
    return Moments(counts, np.where(empty[:, None], np.nan, means), comoments)


def is_rough(moments: Moments, centre: Array) -> bool:
    """Whether a common centre was too far from some cell's mean to keep half the digits."""
    offset = np.nan_to_num(moments.means - centre) ** 2 * moments.counts[:, None]
    within = np.diagonal(moments.comoments, axis1=1, axis2=2)  # (cells, values)
    several = (moments.counts > 1)[:, None]
    return bool(np.any(several & (offset > ROUGH * within) & (offset > 0)))


def merged(moments: Moments, onto: Codes, size: int) -> Moments:
    """Moments of unions of cells, without the rows (Chan, Golub and LeVeque 1979).

    Parameters
    ----------
    onto
        Shape (cells,): the union that each cell goes to.

    Examples
    --------
    >>> rows, cells = np.array([[1.0], [2.0], [6.0]]), np.array([0, 1, 1])
    >>> parts = cell_moments(cells, 2, rows)
    >>> whole = merged(parts, np.array([0, 0]), 1)
    >>> whole.means.tolist(), whole.comoments.tolist()
    ([[3.0]], [[[14.0]]])
    """
    width = moments.means.shape[1]
    filled = np.where(moments.counts[:, None] > 0, moments.means, 0.0)
    between = cell_moments(onto, size, filled, moments.counts)
    within = np.zeros((size, width, width))
    np.add.at(within, onto, moments.comoments)
    return Moments(between.counts, between.means, between.comoments + within)
