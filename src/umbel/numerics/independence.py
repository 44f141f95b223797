"""Tests of conditional independence, each with what a reader needs to accept it: an interval and a margin.

A test that does not reject proves nothing: beside its p-value each says how strong a dependence the rows
leave possible, and whether that is less than a margin (two one-sided tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtr, ndtri

from umbel.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Independence:
    """One test.

    Parameters
    ----------
    statistic, p
        Of no dependence.
    strength, interval
        A correlation given the conditions; for tables Cramér's V, whose interval starts at 0.
    margin, equivalent
        Whether the dependence is shown to be weaker than the margin.
    kind
        ``"Fisher z"``, ``"G"`` or ``"generalised covariance"``.
    """

    statistic: float
    p: float
    strength: float
    interval: tuple[float, float]
    margin: float
    equivalent: bool
    kind: str


def fisher_z(
    x: ArrayLike, y: ArrayLike, given: ArrayLike | None = None, *, margin: float = 0.1, level: float = 0.95
) -> Independence:
    """Partial correlation of two numbers given others, by Fisher's z: right for jointly normal variables.

    Parameters
    ----------
    x, y
        Shape (rows,).
    given
        Shape (rows,) or (rows, conditions).
    margin
        Size of a dependence below which it counts as none.
    level
        Of the interval; the test's size is the rest.

    Returns
    -------
    Independence
        Statistic, p-value, size of the dependence with its interval, and whether it is shown to lie within the margin.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=2000)
    >>> found = fisher_z(z + rng.normal(size=2000), z + rng.normal(size=2000), z)
    >>> found.p > 0.05, found.equivalent
    (True, True)
    """
    a, b, z = _columns(x, y, given)
    a, b = _left(a, z), _left(b, z)
    free = len(a) - z.shape[1] - 3
    if free < 1:
        raise DataError(f"{len(a)} rows are too few for {z.shape[1]} conditions.")
    return _correlation(float(a @ b / np.sqrt((a @ a) * (b @ b))), free, margin, level, "Fisher z")


def _correlation(r: float, free: float, margin: float, level: float, kind: str) -> Independence:
    r = float(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    z, scale = float(np.arctanh(r)), 1 / float(np.sqrt(free))
    half = float(ndtri((1 + level) / 2)) * scale
    interval = float(np.tanh(z - half)), float(np.tanh(z + half))
    inner = float(ndtri(level)) * scale  # two one-sided tests at 1 - level each
    equivalent = -margin < np.tanh(z - inner) and np.tanh(z + inner) < margin
    return Independence(z / scale, 2 * float(ndtr(-abs(z) / scale)), r, interval, margin, bool(equivalent), kind)


def generalised_covariance(
    left_x: ArrayLike, left_y: ArrayLike, *, margin: float = 0.1, level: float = 0.95
) -> Independence:
    """Whether what regressions leave of two variables goes together.

    Right when both means given the conditions are learnt well, whatever their form (Shah and Peters, Annals
    of Statistics 48(3), 2020).

    Parameters
    ----------
    left_x, left_y
        Shape (rows,): residuals.
    margin
        Size of a dependence below which it counts as none.
    level
        Of the interval; the test's size is the rest.

    Returns
    -------
    Independence
        Statistic, p-value, size of the dependence with its interval, and whether it is shown to lie within the margin.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> generalised_covariance(rng.normal(size=500), rng.normal(size=500)).p > 0.05
    True
    """
    a, b, _ = _columns(left_x, left_y, None)
    product = a * b
    spread = float(product.std())
    if spread == 0:
        raise DataError("The residuals do not vary: one variable is a function of the conditions.")
    t = float(np.sqrt(len(a)) * product.mean() / spread)
    scale = float(np.sqrt((a @ a) * (b @ b))) / len(a)
    r, error = float(product.mean()) / scale, spread / np.sqrt(len(a)) / scale
    half, inner = float(ndtri((1 + level) / 2)) * error, float(ndtri(level)) * error
    equivalent = -margin < r - inner and r + inner < margin
    p = 2 * float(ndtr(-abs(t)))
    return Independence(t, p, r, (r - half, r + half), margin, bool(equivalent), "generalised covariance")


def g_test(
    x: ArrayLike, y: ArrayLike, given: ArrayLike | None = None, *, margin: float = 0.1, level: float = 0.95
) -> Independence:
    """Likelihood-ratio test of independence of two discrete variables within strata of a third.

    Strata in which a variable does not vary tell nothing and cost no degree of freedom.

    Parameters
    ----------
    x, y
        Shape (rows,): states of any kind.
    given
        Shape (rows,) or (rows, conditions): each combination is a stratum.
    margin
        Size of a dependence below which it counts as none.
    level
        Of the interval; the test's size is the rest.

    Returns
    -------
    Independence
        Statistic, p-value, size of the dependence with its interval, and whether it is shown to lie within the margin.

    Examples
    --------
    >>> found = g_test([0, 0, 1, 1] * 50, [0, 1, 0, 1] * 50)
    >>> found.p, found.equivalent
    (1.0, False)
    """
    a, b = (np.unique(np.asarray(one), return_inverse=True)[1].reshape(-1) for one in (x, y))
    strata = np.zeros(len(a), dtype=np.int64)
    if given is not None:
        _, strata = np.unique(np.asarray(given).reshape(len(a), -1), axis=0, return_inverse=True)
        strata = strata.reshape(-1)
    statistic, free = 0.0, 0
    for one in range(int(strata.max()) + 1):
        here = strata == one
        table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
        np.add.at(table, (a[here], b[here]), 1.0)
        table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        if min(table.shape) < 2:
            continue
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        seen = table > 0
        statistic += 2 * float((table[seen] * np.log(table[seen] / expected[seen])).sum())
        free += (table.shape[0] - 1) * (table.shape[1] - 1)
    if not free:
        raise DataError("Within no stratum do both variables vary: the rows say nothing of their dependence.")
    rank = max(1, min(int(a.max()), int(b.max())))
    v = float(np.sqrt(statistic / (len(a) * rank)))
    # A non-central chi-square's parameter is about the statistic less its degrees, give or take its error.
    error = float(np.sqrt(2 * free + 4 * max(statistic - free, 0.0)))
    top = max(statistic - free, 0.0) + float(ndtri(level)) * error
    upper = float(np.sqrt(top / (len(a) * rank)))
    return Independence(statistic, float(chdtrc(free, statistic)), v, (0.0, upper), margin, upper < margin, "G")


def _columns(x: ArrayLike, y: ArrayLike, given: ArrayLike | None) -> tuple[Array, Array, Array]:
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    z = np.empty((len(a), 0)) if given is None else np.asarray(given, dtype=float).reshape(len(a), -1)
    if a.shape != b.shape or a.ndim != 1 or len(z) != len(a):
        raise DataError("Both variables and the conditions have one entry per row.")
    if not all(np.isfinite(one).all() for one in (a, b, z)):
        raise DataError("A test of independence takes finite numbers: leave out rows with holes.")
    return a, b, z


def _left(values: Array, given: Array) -> Array:
    design = np.column_stack([np.ones(len(values)), given])
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)
