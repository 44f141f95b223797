"""Realisations that keep a unit's rank, or its ratio: for totals that act through nonlinear parts.

Section 3.1.2 of Zhu, Budhathoki, Kübler and Janzing: with ``W`` what the parts bring about, the noise
``M = F(W | total)`` is independent of the total, so that an intervention which keeps each unit's rank leaves no
confounding. Keeping the ratio ``M = W / total`` (sell to another country alike) is easier to say, and in
general confounded. Both need the total and the outcome alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError

Array = NDArray[np.float64]

MOST_ROWS = 20_000
"""Rows up to which ranks are compared with each other: blocks of them at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptRank:
    """Each unit's outcome when the total is set and its rank among alike units stays.

    Parameters
    ----------
    ranks
        Shape (rows,): share of units with the same total that the unit is not below.
    outcomes
        Shape (rows,): after the intervention.
    mean, se
        Their mean, with its error.
    """

    ranks: Array
    outcomes: Array
    mean: float
    se: float


def keep_rank(
    total: ArrayLike, outcome: ArrayLike, at: float, *, bandwidth: float | None = None, rng: np.random.Generator
) -> KeptRank:
    """Move every unit to one value of the total along its rank; O(rows²), in blocks.

    Parameters
    ----------
    total, outcome
        Shape (rows,).
    at
        The value; some rows must lie within a bandwidth of it.
    bandwidth
        Of a normal kernel in the total; default ``sd * rows^(-1/5)``, Silverman's.
    rng
        Breaks ties of the outcome at random, so that ranks are uniform for laws with atoms too.

    Returns
    -------
    KeptRank
        Ranks and moved outcomes of the rows, and their mean with its error.

    Raises
    ------
    DataError
        Outside of the data.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(1, 3, size=2000)
    >>> w = x**2 * np.exp(0.1 * rng.normal(size=2000))
    >>> found = keep_rank(x, w, 2.0, rng=rng)
    >>> bool(abs(found.mean - 4 * np.exp(0.005)) < 0.05), bool(abs(np.corrcoef(found.ranks, x)[0, 1]) < 0.1)
    (True, True)
    """
    x, w = _pair(total, outcome)
    if len(x) > MOST_ROWS:
        raise DataError(f"{len(x)} rows: ranks are compared for up to {MOST_ROWS}. Give a sample of the rows.")
    width = 1.06 * float(x.std()) * len(x) ** -0.2 if bandwidth is None else bandwidth
    if not width > 0:
        raise DataError("The total does not vary, so that no unit is moved.")
    if not x.min() <= at <= x.max():
        raise DataError(f"The total {at:g} lies outside of the data, which reach from {x.min():g} to {x.max():g}.")
    jitter = rng.random(len(w))  # ties are broken at random: a randomised rank
    ranks = np.empty(len(w))
    for start in range(0, len(w), 500):
        own, luck = w[start : start + 500, None], jitter[start : start + 500, None]
        near, level = _levelled(x, w, x[start : start + 500], width)
        tie = np.abs(level - own) <= 1e-12 * np.abs(own)
        below = np.where(tie, jitter[None, :] < luck, level < own)
        ranks[start : start + 500] = (near * below).sum(axis=1)
    near, level = _levelled(x, w, np.array([at]), width)
    order = np.argsort(level[0], kind="stable")
    cumulated = np.cumsum(near[0][order])
    moved = level[0][order][np.minimum(np.searchsorted(cumulated, ranks), len(w) - 1)]
    mean = float(near[0] @ level[0])
    se = float(np.sqrt((near[0] ** 2) @ (level[0] - mean) ** 2))
    return KeptRank(ranks, moved, float(moved.mean()), se)


def _levelled(x: Array, w: Array, at: Array, width: float) -> tuple[Array, Array]:
    """Kernel weights of all rows at some totals, and their outcomes moved there along the local slope.

    Shapes (totals, rows); without the slope a rank would tell the place of a unit on a steep line.
    """
    gap = x[None, :] - at[:, None]
    near = np.exp(-0.5 * (gap / width) ** 2)
    near /= near.sum(axis=1, keepdims=True)
    first, second = (near * gap).sum(axis=1), (near * gap**2).sum(axis=1)
    mean, cross = near @ w, (near * gap) @ w
    slope = (cross - first * mean) / np.maximum(second - first**2, 1e-300)
    return near, w[None, :] - slope[:, None] * gap


@dataclass(frozen=True, slots=True)
class KeptRatio:
    """Mean outcome when every unit's ratio of outcome to total stays, and whether ratios go with the total."""

    mean: float
    se: float
    correlation: float


def keep_ratio(total: ArrayLike, outcome: ArrayLike, at: float) -> KeptRatio:
    """Scale every unit to one value of the total: ``E[W / total] * at``.

    Parameters
    ----------
    total, outcome
        Shape (rows,).
    at
        The value that the total is set to.

    Returns
    -------
    KeptRatio
        The mean with its error, and how far the ratio goes with the total: near zero where scaling makes sense.

    Raises
    ------
    DataError
        For totals on both sides of zero: a ratio through zero has no meaning.

    Examples
    --------
    >>> keep_ratio([1.0, 2.0, 4.0], [2.0, 4.0, 8.0], 3.0).mean
    6.0
    """
    x, w = _pair(total, outcome)
    if x.min() <= 0 <= x.max():
        raise DataError(
            f"The total reaches from {x.min():g} to {x.max():g}: a ratio through zero has no meaning. Keep the rank."
        )
    ratio = w / x
    spread = float(ratio.std())
    together = float(np.corrcoef(ratio, x)[0, 1]) if spread > 1e-12 * abs(float(ratio.mean())) else 0.0
    return KeptRatio(at * float(ratio.mean()), abs(at) * spread / len(x) ** 0.5, together)


def _pair(total: ArrayLike, outcome: ArrayLike) -> tuple[Array, Array]:
    x, w = np.asarray(total, dtype=float), np.asarray(outcome, dtype=float)
    if x.shape != w.shape or x.ndim != 1 or len(x) < 3 or not (np.isfinite(x).all() and np.isfinite(w).all()):
        raise DataError("Total and outcome have one finite number per row, for at least 3 rows.")
    return x, w
