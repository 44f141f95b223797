"""Class effects of a real outcome without a law for it: jointly diagonalised moments, and the test that asks for them.

A normal law within classes makes likelihood efficient, and wrong where outcomes are skewed. The
probability integral transform of every row under the fitted law is uniform if that law is right;
where it is not, classes are told apart by the moments of the outcome alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import chi2

from umbel.errors import DataError
from umbel.estimate.moments_bridge import redrawn
from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit, contrast_weights, features_of
from umbel.expr.unmixing import Unmixing
from umbel.numerics.arm_moments import moments_of_rows
from umbel.numerics.class_matching import matched
from umbel.numerics.clustered_ranks import p_value_of_sum
from umbel.numerics.joint_diagonal import jointly_diagonal
from umbel.numerics.latent_em import LatentFit, LatentModel, posterior
from umbel.numerics.operators import operators_of
from umbel.numerics.sparse_cells import SaturatedTest
from umbel.results.step import Refusal

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
DRAWS = 200
"""Bootstrap draws: they estimate a standard error within 5 %."""
BINS = 20
"""Pieces of the transform that are counted in each arm."""


def normal_test(data: ClassData, unmixing: Unmixing, found: ClassFit) -> SaturatedTest:
    """Whether the outcome is normal within classes: rows' probability integral transforms, counted in pieces.

    The degrees of freedom are those without estimated parameters, so that the test errs to the fit's side.
    """
    factor = found.outcome.factor
    others = [i for i in range(len(found.model.factors)) if i != factor]
    blind = LatentModel(
        found.model.stratum,
        found.model.strata,
        found.model.classes,
        tuple(found.model.factors[i] for i in others),
        found.model.weights,
    )
    fit = LatentFit(found.fit.prior, tuple(found.fit.values[i] for i in others), 0.0)
    chance = posterior(blind, fit.prior, fit.values)[0]  # (rows, k), without the outcome
    given = unmixing.factors[factor].given
    at = found.fit.values[factor][data.joint(given)[0]]  # (rows, 2, k)
    transform = (chance * ndtr((data.outcome[:, None] - at[:, 0]) / np.exp(0.5 * at[:, 1]))).sum(1)
    piece = np.minimum((transform * BINS).astype(np.int64), BINS - 1)
    arm, arms = data.codes[unmixing.treatment], len(data.states[unmixing.treatment])
    statistic = 0.0
    for t in range(arms):
        here = arm == t
        mass = np.bincount(piece[here], data.weights[here], BINS)
        expected = mass.sum() / BINS
        statistic += float(((mass - expected) ** 2).sum() / expected)
    freedom = arms * (BINS - 1)
    if data.independent is None:
        return SaturatedTest(statistic, freedom, float(chi2.sf(statistic, freedom)))
    return _of_clusters(data.independent, data.weights, arm * BINS + piece, statistic, freedom)


def _of_clusters(clusters: Codes, weights: Array, cell: Codes, statistic: float, freedom: int) -> SaturatedTest:
    """The same with clusters drawn whole: the statistic over its design effect (Rao and Scott 1984)."""
    number, cells = int(clusters.max()) + 1, int(cell.max()) // BINS * BINS + BINS
    counts = np.bincount(clusters * cells + cell, weights, number * cells).reshape(number, -1, BINS)
    totals = counts.sum(2, keepdims=True)
    away = (counts - totals / BINS) / np.sqrt(totals.sum(0) / BINS)
    mean = float((away**2).sum()) * number / max(number - 1, 1)
    _, p_value = p_value_of_sum(statistic, mean, away.reshape(number, -1), number)
    design = mean / freedom
    return SaturatedTest(statistic / design, freedom, p_value, design)


@dataclass(frozen=True, slots=True, eq=False)
class MomentClasses:
    """Classes by moments, by ascending effect.

    Parameters
    ----------
    probabilities, means
        Shape (k,) and (arms, k).
    covariance
        Shape (k + arms k, k + arms k), of both.
    """

    probabilities: Array
    means: Array
    covariance: Array


def by_moments(
    data: ClassData, unmixing: Unmixing, classes: int, *, rng: np.random.Generator, steps: Iterable[int] | None = None
) -> MomentClasses | Refusal:
    """Jointly diagonalised moments with a Bayesian bootstrap, classes of each draw matched to the estimate.

    Parameters
    ----------
    data, unmixing
        The views.
    classes
        k.
    rng
        Of the bootstrap.
    steps
        The draws, for whoever watches; default: 200.
    """
    if unmixing.strata:
        return Refusal(
            f"{unmixing.outcome} is not normal within classes, and moments do not join classes across "
            f"{', '.join(unmixing.strata)} yet.",
            f"Cut {unmixing.outcome} into states, or ask for the average effect.",
        )
    features = features_of(data, unmixing)
    arm, arms = data.codes[unmixing.treatment], len(data.states[unmixing.treatment])
    unit = features.moments.unit

    def found(weights: Array) -> Array | None:
        moments = moments_of_rows(features.z, features.x, features.y, arm, arms, unit=unit, weights=weights)
        diagonal = jointly_diagonal(operators_of(moments, classes))
        if diagonal is None:
            return None
        return np.concatenate([diagonal.probabilities[None], diagonal.means[:, 0]])  # (1 + arms, k)

    try:
        whole = found(data.weights)
        if whole is None or not ((whole[0] > 0) & (whole[0] < 1)).all():
            return _weak(unmixing)
        whole = whole[:, np.lexsort((whole[0], contrast_weights(data, unmixing) @ whole[1:]))]
        scale = np.array([1.0, *[float(np.std(data.outcome)) or 1.0] * arms])
        draws = []
        for _ in range(DRAWS) if steps is None else steps:
            one = found(redrawn(data, rng))
            if one is None:
                continue
            draws.append(one[:, matched(whole, one, scale)].ravel())
    except DataError as fault:
        why, _, advice = str(fault).rpartition(". ")
        return Refusal(f"{why}.", advice)
    if len(draws) < 0.9 * DRAWS:
        return _weak(unmixing)
    return MomentClasses(whole[0], whole[1:], np.cov(np.array(draws).T))


def _weak(unmixing: Unmixing) -> Refusal:
    return Refusal(
        f"{unmixing.outcome} is not normal within classes of {unmixing.latent}, and its moments do not tell them "
        "apart: roots are complex or impossible.",
        f"Measure stronger proxies of {unmixing.latent}, or cut {unmixing.outcome} into states.",
    )
