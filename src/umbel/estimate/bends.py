"""Whether fitted kernels bend where their regressions, which are of second degree, do not.

What a regression leaves is averaged along curves of its numbers, each less what second degree
explains of it: a mean far from zero shows a law that the regression misses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.polynomial.legendre import legval
from scipy.special import ndtri

from umbel.data.rows import Rows
from umbel.estimate.features import features_of
from umbel.estimate.kernels import Kernels, StateKernel
from umbel.numerics.influence import Array, covariance, mean_of
from umbel.results.check import Check

RARELY = 0.0025
"""Chance of one false alarm among all curves of a law."""
ORDERS = (3, 4, 5, 6)
MOST = 40
"""Curves of one law: more would make each hard to see."""


def bends_of(kernels: Kernels) -> Iterator[Check]:
    """One check for each law that was learnt and has a number among its conditions."""
    rows = kernels.rows
    for name, given in sorted(kernels.known):
        numbers = [one for one in given if not rows.columns[one].discrete]
        if not numbers:
            continue
        features = features_of(rows, given)
        curves = _curves(rows, numbers, features)
        worst = max((_along(left, curves, rows) for left in _left(kernels, name, given, features)), default=0.0)
        far = float(ndtri(1.0 - 0.5 * RARELY / max(curves.shape[1], 1)))
        words = (
            f"Along {' or '.join(numbers)}, {name} leaves its regression by {worst:.1f} standard errors, and nothing "
            "protects the estimate from that: give them states, or ask what fewer numbers answer."
        )
        where = f"{name} given {', '.join(given)}"
        yield Check(f"second degree: {where}", worst < far, worst, words if worst >= far else "")


def _left(kernels: Kernels, name: str, given: tuple[str, ...], features: Array) -> Iterator[Array]:
    """What a law leaves in each row: of its number, or of each state."""
    kernel, column = kernels.known[name, given], kernels.rows.columns[name]
    if not isinstance(kernel, StateKernel):
        yield column.values - kernel.mean(features)
        return
    chances = kernel.chances(features)
    for at in range(1, len(column.states)):
        yield (column.codes == at) - chances[:, at]


def _curves(rows: Rows, numbers: list[str], features: Array) -> Array:
    """Waves of each number's rank, and squares times what stands beside it, less second degree; (rows, curves)."""
    found = []
    plain = features[:, features.std(axis=0) > 0.0]
    plain = (plain - plain.mean(axis=0)) / plain.std(axis=0)
    for name in numbers:
        values = rows.columns[name].values
        _, code, size = np.unique(values, return_inverse=True, return_counts=True)
        rank = (2.0 * np.cumsum(size) - size) / len(values) - 1.0
        found += [legval(rank, np.eye(order + 1)[order])[code] for order in ORDERS]
        found += [legval(rank, [0.0, 0.0, 1.0])[code] * one for one in plain.T]
    pairs = itertools.combinations_with_replacement(range(plain.shape[1]), 2)
    second = np.column_stack([np.ones(rows.size), plain, *(plain[:, a] * plain[:, b] for a, b in pairs)])
    curves = np.column_stack(found[:MOST])
    if second.shape[1] > rows.size / 10:
        return np.empty((rows.size, 0))
    return np.asarray(curves - second @ np.linalg.lstsq(second, curves, rcond=None)[0], dtype=np.float64)


def _along(left: Array, curves: Array, rows: Rows) -> float:
    """The largest distance from zero, in standard errors."""
    worst = 0.0
    for curve in curves.T:
        moment = mean_of(left * curve, rows.sample)
        error = float(np.sqrt(covariance([moment], rows.sample)[0, 0]))
        if error > 1e-9 * float(np.abs(left).max()):
            worst = max(worst, abs(moment.value) / error)
    return worst
