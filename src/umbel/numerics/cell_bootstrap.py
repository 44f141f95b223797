"""The bootstrap of a table's classes: rows, or clusters of them whole, drawn again and classes matched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.class_algebra import checked_clusters, checked_number
from umbel.numerics.class_matching import matched
from umbel.numerics.mixture_cells import CellFit, fit_cells

Array = NDArray[np.float64]


def bootstrapped(
    counts: ArrayLike,
    classes: int,
    *,
    rng: np.random.Generator,
    draws: int = 200,
    values: Sequence[float] | None = None,
    level: float = 0.95,
) -> tuple[Array, Array]:
    """Bootstrap intervals of probabilities and effects, each of shape (k, 2), classes matched to the estimate.

    Matching is by the nearest means and probabilities, and not by rank, so that close classes do not swap.
    O(draws) fits.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm. With an axis of clusters
        before these, clusters are drawn whole.
    classes
        k >= 2.
    rng
        Source of the samples.
    draws
        How many samples are drawn.
    values
        Numbers of the outcome's states; default 0, 1, ….
    level
        Of the intervals.

    Returns
    -------
    probabilities, effects
        Shape (k, 2) each: lower and upper ends.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> rng = np.random.default_rng(1)
    >>> _, effects = bootstrapped(design_b().sample(20_000, rng=rng), 2, rng=rng, draws=20)
    >>> bool((effects[:, 0] < [-0.3, 0.5]).all() and (effects[:, 1] > [-0.3, 0.5]).all())
    True
    """
    table, numbers, clusters = checked_clusters(counts, values)
    checked_number(classes)
    found = bootstrapped_cells(table, clusters, numbers, classes, rng=rng, draws=draws)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.stack([low[0], high[0]], axis=1), np.stack([low[1], high[1]], axis=1)


def bootstrapped_cells(
    table: Array, clusters: Array | None, values: Array, classes: int, *, rng: np.random.Generator, draws: int
) -> Array:
    """Probabilities and effects of the classes in every draw, shape (draws, 2, k), in the estimate's order.

    Matching is by the nearest means and probabilities, and not by rank, so that close classes do not swap.

    Parameters
    ----------
    table
        Shape (dz, dx, ny, arms).
    clusters
        Shape (clusters, dz, dx, ny, arms): what each adds to the table; None where rows are independent.
    values
        Shape (ny,).
    classes
        k.
    rng, draws
        Source and number of the draws.

    Raises
    ------
    DataError
        Where most draws lack an arm or too many features, as few clusters do.
    """
    here = _landmarks(fit_cells(table, values, classes))
    scale = np.array([1.0, *[float(np.std(values))] * (len(here) - 1)])
    found = []
    for _ in range(draws):
        drawn = _again(table, clusters, rng)
        if not (drawn.sum((0, 1, 2)) > 0).all():
            continue
        try:
            one = fit_cells(drawn, values, classes, rng=rng)
        except DataError:
            continue
        order = matched(here, _landmarks(one), scale)
        found.append([one.values.probabilities[order], one.effects[order]])
    if len(found) < 0.9 * draws:
        raise DataError(f"{draws - len(found)} of {draws} draws lack an arm or a state. Give more rows, or clusters.")
    return np.array(found)


def _landmarks(one: CellFit) -> Array:
    return np.concatenate([one.values.probabilities[None], one.values.means])  # (1 + arms, k)


def _again(table: Array, clusters: Array | None, rng: np.random.Generator) -> Array:
    if clusters is None:
        total = int(table.sum())
        return rng.multinomial(total, table.ravel() / table.sum()).reshape(table.shape).astype(np.float64)
    times = rng.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)))
    return np.asarray(np.tensordot(times.astype(np.float64), clusters, axes=1))
