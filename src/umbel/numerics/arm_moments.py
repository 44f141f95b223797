"""Moments of two sides of proxies and an outcome, arm by arm: all that the moment methods read.

Third-order sample moments suffice for any number of classes; what the literature calls moments of
order 2k - 1 are iterates of these (Mazaheri, Squires and Uhler, AISTATS 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ArmMoments:
    """Moments of features of Z and X, and of functions of Y, within each arm of the treatment.

    Parameters
    ----------
    shares
        Shape (arms,): P(T = t).
    zx
        Shape (arms, dz, dx): E[Z X' | t].
    zz
        Shape (arms, dz, dz): E[Z Z' | t].
    zy
        Shape (arms, functions, dz): E[Z f(Y) | t].
    zxy
        Shape (arms, functions, dz, dx): E[Z X' f(Y) | t]. The first function is Y itself.
    x
        Shape (dx,): E[X] in all arms together.
    arm_xx
        Shape (arms, dx, dx): E[X X' | t].
    unit
        Shape (dx,): the combination of X that is 1 in every row.
    rows
        Number of rows; 1 for a population.
    """

    shares: Array
    zx: Array
    zz: Array
    zy: Array
    zxy: Array
    x: Array
    arm_xx: Array
    unit: Array
    rows: float

    @property
    def xx(self) -> Array:
        """E[X X'] in all arms together, shape (dx, dx)."""
        return np.asarray(np.einsum("t,tab->ab", self.shares, self.arm_xx))


def moments_of_cells(
    counts: Array,
    functions: Array,
    *,
    z_features: Array | None = None,
    x_features: Array | None = None,
    unit: Array | None = None,
) -> ArmMoments:
    """Moments from counts (or a law) of discrete proxies, outcome and treatment; O(cells * features).

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms).
    functions
        Shape (functions, ny): the first is the outcome's value.
    z_features, x_features
        Shape (dz, fz) and (dx, fx); default: an indicator of each state.
    unit
        Shape (fx,): the combination of X features that is 1 in every row; default: all ones.

    Examples
    --------
    >>> counts = np.ones((2, 2, 2, 2))
    >>> moments_of_cells(counts, np.array([[0.0, 1.0]])).zx[0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    rows = float(counts.sum())
    z = np.eye(counts.shape[0]) if z_features is None else z_features
    x = np.eye(counts.shape[1]) if x_features is None else x_features
    arms = counts.sum(axis=(0, 1, 2))
    inside = counts / arms  # within the arm
    pairs = inside.sum(2)  # (z, x, t)
    weighted = np.einsum("zxyt,fy->tfzx", inside, functions)
    total = counts.sum(axis=(0, 2, 3)) / rows
    return ArmMoments(
        shares=arms / rows,
        zx=np.einsum("zxt,za,xb->tab", pairs, z, x, optimize=True),
        zz=np.einsum("zxt,za,zb->tab", pairs, z, z, optimize=True),
        zy=np.einsum("tfzx,za->tfa", weighted, z, optimize=True),
        zxy=np.einsum("tfzx,za,xb->tfab", weighted, z, x, optimize=True),
        x=total @ x,
        arm_xx=np.einsum("zxt,xa,xb->tab", pairs, x, x, optimize=True),
        unit=np.ones(x.shape[1]) if unit is None else unit,
        rows=rows,
    )


def moments_of_rows(
    z: Array, x: Array, y: Array, arm: NDArray[np.int64], arms: int, *, unit: Array, weights: Array | None = None
) -> ArmMoments:
    """Moments from rows of features; O(rows * dz * dx * functions).

    Parameters
    ----------
    z, x
        Shape (rows, dz) and (rows, dx): features, the constant in the span of each.
    y
        Shape (rows, functions): functions of the outcome, the first its value.
    arm
        Shape (rows,): 0 … arms - 1.
    arms
        Their number; each must occur.
    unit
        Shape (dx,).
    weights
        Shape (rows,), None for one each.
    """
    weight = np.ones(len(z)) if weights is None else weights
    blocks = [np.flatnonzero(arm == t) for t in range(arms)]
    totals = np.array([weight[block].sum() for block in blocks])
    zx, zz, zy, zxy, xx = [], [], [], [], []
    for block, total in zip(blocks, totals, strict=True):
        left, right, values = z[block] * (weight[block] / total)[:, None], x[block], y[block]
        zx.append(left.T @ right)
        zz.append(left.T @ z[block])
        xx.append((right * (weight[block] / total)[:, None]).T @ right)
        zy.append(values.T @ left)
        zxy.append(np.stack([(left * values[:, [f]]).T @ right for f in range(y.shape[1])]))
    rows = float(totals.sum())
    return ArmMoments(
        totals / rows,
        np.stack(zx),
        np.stack(zz),
        np.stack(zy),
        np.stack(zxy),
        (weight / rows) @ x,
        np.stack(xx),
        unit,
        rows,
    )


def root_inverse(matrix: Array, floor: float = 1e-10) -> Array:
    """A whitening ``W`` with ``W S W' = 1`` on the range of a covariance ``S``, shape (rank, d).

    Directions whose variance is below ``floor`` times the largest are no directions of the data.

    Examples
    --------
    >>> root_inverse(np.diag([4.0, 0.0])).round(3).tolist()
    [[0.5, 0.0]]
    """
    values, vectors = np.linalg.eigh(matrix)
    keep = values > floor * max(values[-1], 0.0)
    return np.asarray((vectors[:, keep] / np.sqrt(values[keep])).T[::-1])
