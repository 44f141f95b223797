"""How many classes proxies show when rows depend on each other: a rank test with clusters drawn whole.

The statistic is that of independent rows, the squared singular values beyond the k-th. What changes
is its law: a sum of chi-squares weighted by the eigenvalues of the covariance of the products of the
directions left over (Robin and Smith, Econometric Theory 2000), here summed within clusters first. The
estimated whitening adds nothing to it at a matrix of rank k (Kleibergen and Paap, Journal of
Econometrics 2006). One scaled chi-square with the same mean and variance stands for the sum
(Satterthwaite, Biometrics 1946), the variance freed of the noise of few clusters, which are also the
degrees of freedom of the denominator. Nothing is inverted, so that few clusters suffice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as ratio

from umbel.numerics.arm_moments import root_inverse
from umbel.numerics.operators import RankTest

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

PRODUCTS = 4_000_000
"""Products of features that are held at once."""
SHAPE = 10_000_000_000
"""Multiplications that the shape of the covariance may take; beyond it evenly spaced clusters give it."""
FEWEST = 2000
"""Clusters that give the shape however many products there are."""


def clustered_rank_test(
    z: Array, x: Array, arm: Codes, arms: int, clusters: Codes, *, weights: Array | None = None
) -> RankTest:
    """Test the rank of E[Z X' | t] in all arms at once, clusters independent and rows inside them not.

    O(rows dz dx arms), and the shape of the covariance.

    Parameters
    ----------
    z, x
        Shape (rows, dz) and (rows, dx): features, the constant in the span of each.
    arm
        Shape (rows,): 0 … arms - 1, each of which occurs.
    arms
        Their number.
    clusters
        Shape (rows,): 0 … clusters - 1; rows with sampling weights are clusters of their own.
    weights
        Shape (rows,), None for one each.

    Examples
    --------
    Pairs of equal rows tell what one of each pair tells:

    >>> rng = np.random.default_rng(0)
    >>> z, x = np.eye(2)[rng.integers(0, 2, (2, 500))]
    >>> arm, key = np.zeros(500, dtype=int), np.arange(500)
    >>> once = clustered_rank_test(z, x, arm, 1, key)
    >>> twice = clustered_rank_test(*(np.repeat(one, 2, axis=0) for one in (z, x, arm)), 1, np.repeat(key, 2))
    >>> bool(np.isclose(once.p_values, twice.p_values).all()), once.clusters
    (True, 500)
    """
    weight = np.ones(len(z)) if weights is None else weights
    number = int(clusters.max()) + 1
    order = np.argsort(clusters, kind="stable")
    singular = np.zeros((arms, min(z.shape[1], x.shape[1])))
    stride = _stride(number, arms * z.shape[1] * x.shape[1])
    found = []
    for t in range(arms):
        rows = order[arm[order] == t]
        mass = weight[rows] / weight[rows].sum()
        left, right = z[rows], x[rows]
        weighed = left * mass[:, None]
        white_z, white_x = root_inverse(weighed.T @ left), root_inverse((right * mass[:, None]).T @ right)
        u, values, v = np.linalg.svd(white_z @ (weighed.T @ right) @ white_x.T)
        singular[t, : len(values)] = values
        left, right = left @ white_z.T @ u, right @ white_x.T @ v.T
        found.append(_spread(left, right, mass, clusters[rows], values, number, stride))
    return _tests(singular, found, np.asarray(np.bincount(arm, weight, arms), dtype=np.float64), number)


def _stride(number: int, products: int) -> int:
    """Every how many clusters one gives the shape of the covariance."""
    affordable = max(FEWEST, SHAPE // products**2)
    return -(-number // affordable)


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Products of an arm's directions, in the order of its singular vectors.

    Parameters
    ----------
    variances
        Shape (rz, rx): of the mean product of two directions.
    deviations
        Shape (chosen clusters, rz, rx): of evenly spaced clusters.
    """

    variances: Array
    deviations: Array


def _spread(
    left: Array, right: Array, mass: Array, clusters: Codes, values: Array, number: int, stride: int
) -> _Spread:
    """Squares of the clusters' deviations from their share of the mean product; rows in the order of clusters."""
    shape = left.shape[1], right.shape[1]
    mean = np.zeros(shape)
    np.fill_diagonal(mean, values)
    squares = np.zeros(shape)
    chosen = np.zeros((-(-number // stride), *shape))
    for names, share, sums in _cluster_sums(left, right, mass, clusters):
        away = sums - share[:, None, None] * mean
        squares += (away**2).sum(0)
        kept = names % stride == 0
        chosen[names[kept] // stride] = away[kept]
    return _Spread(squares * number / max(number - 1, 1), chosen)


def _cluster_sums(left: Array, right: Array, mass: Array, clusters: Codes) -> Iterator[tuple[Codes, Array, Array]]:
    """Names, masses and sums of products of clusters, block by block."""
    starts = np.append(np.flatnonzero(np.diff(clusters, prepend=-1)), len(clusters))
    length = max(PRODUCTS // (left.shape[1] * right.shape[1]), 1)
    first = 0
    while first < len(starts) - 1:
        ahead = int(np.searchsorted(starts, starts[first] + length, side="right")) - 1
        last = max(ahead, first + 1)  # a cluster is never split
        rows, at = slice(starts[first], starts[last]), starts[first:last] - starts[first]
        products = np.einsum("r,ri,rj->rij", mass[rows], left[rows], right[rows])
        yield clusters[starts[first:last]], np.add.reduceat(mass[rows], at), np.add.reduceat(products, at, axis=0)
        first = last


def _tests(singular: Array, found: list[_Spread], rows: Array, number: int) -> RankTest:
    """Every rank against more, in all arms together and in each."""
    arms, most = singular.shape
    noise = np.full((arms, most), np.inf)  # of one cluster
    statistics, freedom, p_values = np.zeros(most - 1), np.zeros(most - 1), np.ones(most - 1)
    arm_p_values = np.ones((arms, most - 1))
    scale = np.sqrt(rows)
    for k in range(1, most):
        beyond = [(singular[t, k:] * scale[t]) ** 2 for t in range(arms)]
        variances = [one.variances[k:, k:] * rows[t] for t, one in enumerate(found)]
        chosen = [
            one.deviations[:, k:, k:].reshape(len(one.deviations), -1) * s for one, s in zip(found, scale, strict=True)
        ]
        for t in range(arms):
            if variances[t].size and number > 1:
                noise[t, k] = np.sqrt(variances[t].mean() / rows[t])
                arm_p_values[t, k - 1] = p_value_of_sum(beyond[t].sum(), variances[t].sum(), chosen[t], number)[1]
        statistics[k - 1] = sum(float(one.sum()) for one in beyond)
        total = sum(float(one.sum()) for one in variances)
        freedom[k - 1], p_values[k - 1] = p_value_of_sum(
            statistics[k - 1], total, np.concatenate(chosen, axis=1), number
        )
    return RankTest(singular, statistics, freedom, p_values, noise, arm_p_values, number)


def p_value_of_sum(statistic: float, mean: float, chosen: Array, number: int) -> tuple[float, float]:
    """Degrees of freedom and p-value of a sum of weighted chi-squares with such a mean.

    Parameters
    ----------
    statistic, mean
        The sum, and what it is on average.
    chosen
        Shape (clusters, terms): deviations of some clusters, whose covariance gives the spread of the weights.
    number
        Of all clusters.

    Notes
    -----
    ``E tr(S²) = tr(O²) + (tr(O)² + tr(O²)) / (G - 1)`` for the covariance S of G normal clusters.
    """
    width, clusters = chosen.shape[1], len(chosen)
    if not width or mean <= 0 or clusters < 2:
        return float(width), 1.0
    inner = chosen.T @ chosen if width <= clusters else chosen @ chosen.T
    trace = float(np.trace(inner))
    square = float((inner**2).sum()) - trace**2 / (clusters - 1)
    square = min(max(square * (clusters - 1) / clusters, trace**2 / width), trace**2)
    freedom = trace**2 / square
    return freedom, float(ratio.sf(statistic / mean, freedom, number - 1))
