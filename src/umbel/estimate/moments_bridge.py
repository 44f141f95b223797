"""The average effect by a bridge within arms and strata: right even where the fourth level is all there is.

``E[Y(t)] = E[X]' B_t 1`` with whitened, rank-cut operators (Miao, Geng and Tchetgen Tchetgen,
Biometrika 2018, order 1 of Mazaheri, Squires and Uhler, AISTATS 2025). Errors by the Bayesian
bootstrap of rows or clusters, which needs no derivative of a singular value decomposition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import event_values, side_features
from umbel.expr.unmixing import Unmixing
from umbel.numerics.arm_moments import moments_of_rows
from umbel.numerics.operators import operators_of
from umbel.results.step import Refusal

Array = NDArray[np.float64]
DRAWS = 300
"""Bootstrap draws: they estimate a standard error within 4 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Bridged:
    """Means under each arm.

    Parameters
    ----------
    means
        Shape (arms,): E[Y(t)].
    covariance
        Shape (arms, arms).
    """

    means: Array
    covariance: Array


def bridged(
    data: ClassData, unmixing: Unmixing, classes: int, *, rng: np.random.Generator, steps: Iterable[int] | None = None
) -> Bridged | Refusal:
    """The bridge and its bootstrap.

    Parameters
    ----------
    data, unmixing
        The views.
    classes
        Rank of the bridge.
    rng
        Of the bootstrap.
    steps
        The draws, for whoever watches; default: 300.
    """
    strata, number = data.joint(unmixing.strata)
    z, _ = side_features(data, unmixing.z)
    x, unit = side_features(data, unmixing.x)
    y = event_values(data, unmixing)[:, None]
    arm, arms = data.codes[unmixing.treatment], len(data.states[unmixing.treatment])
    blocks = [np.flatnonzero(strata == s) for s in range(number)]

    def means(weights: Array) -> Array:
        total = np.zeros(arms)
        for block in blocks:
            mass = weights[block].sum()
            if mass <= 0:
                continue
            moments = moments_of_rows(z[block], x[block], y[block], arm[block], arms, unit=unit, weights=weights[block])
            found = operators_of(moments, classes)
            total += mass * np.array([found.average(t) for t in range(arms)])
        return np.asarray(total / weights.sum())

    for block in blocks:
        seen = np.bincount(arm[block], data.weights[block], arms)
        if seen.sum() > 0 and not (seen > 0).all():
            return Refusal(
                f"Within some value of {', '.join(unmixing.strata)} an arm of {unmixing.treatment} never occurs.",
                "Join values of it, or collect more rows.",
            )
    try:
        value = means(data.weights)
        draws = []
        for _ in range(DRAWS) if steps is None else steps:
            draws.append(means(redrawn(data, rng)))
    except DataError as fault:
        why, _, advice = str(fault).rpartition(". ")
        return Refusal(f"{why}.", advice)
    return Bridged(value, np.cov(np.array(draws).T))


def redrawn(data: ClassData, rng: np.random.Generator) -> Array:
    """Weights of a Bayesian bootstrap: exponential per row or cluster, gamma per cell of many rows."""
    if data.clusters is not None:
        return np.asarray(data.weights * rng.exponential(size=int(data.clusters.max()) + 1)[data.clusters])
    if data.counted:
        return np.asarray(rng.gamma(np.maximum(data.weights, 1e-12)) * (data.weights > 0))
    return np.asarray(data.weights * rng.exponential(size=len(data.weights)))
