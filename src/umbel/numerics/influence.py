"""Values with their influence on each row: the algebra behind the delta method, and its errors.

An estimate whose error is, to first order, an average of one score per row carries these scores
along; sums and quotients of such estimates carry theirs. Standard errors follow from the scores,
with weights, clusters and strata as the sample has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """How rows stand for a population.

    Parameters
    ----------
    counts
        Shape (rows,): how many alike rows each row stands for.
    weights
        Shape (rows,): sampling weight of each of them.
    clusters, strata
        Shape (rows,): codes, None where there are none.
    """

    counts: Array
    weights: Array
    clusters: Codes | None = None
    strata: Codes | None = None

    @property
    def mass(self) -> Array:
        """What each row weighs in a mean, shape (rows,), summing to one."""
        total = self.counts * self.weights
        return np.asarray(total / total.sum(), dtype=np.float64)

    def mean(self, values: Array) -> float:
        """Weighted mean of values, shape (rows,)."""
        return float(self.mass @ values)

    def draws(self) -> float:
        """How many independent draws there are: clusters, or rows."""
        return float(self.counts.sum() if self.clusters is None else len(np.unique(self.clusters)))

    def effective(self) -> float:
        """How many draws of equal weight tell as much (Kish, Survey Sampling, 1965): (Σ w)² / Σ w²."""
        total = self.counts * self.weights
        if self.clusters is None:
            return float(total.sum() ** 2 / (total @ self.weights))
        return float(total.sum() ** 2 / (np.bincount(self.clusters, total) ** 2).sum())

    def layers(self) -> int:
        """How many strata there are."""
        return 1 if self.strata is None else len(np.unique(self.strata))

    def alone(self) -> int:
        """How many strata hold a single draw."""
        strata = np.zeros(len(self.counts), dtype=np.int64) if self.strata is None else self.strata
        if self.clusters is None:
            sizes = np.bincount(strata, self.counts)
            return int((sizes[np.unique(strata)] <= 1.0).sum())
        pairs = np.unique(np.stack([strata, self.clusters]), axis=1)[0]
        return int((np.bincount(pairs)[np.unique(strata)] <= 1).sum())

    def degrees(self) -> float:
        """Degrees of freedom of a standard error: independent draws less strata."""
        return max(self.draws() - self.layers(), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """An estimate and the score of each row, whose weighted mean is zero.

    Parameters
    ----------
    value
        The estimate.
    scores
        Shape (rows,): to first order, the estimate's error is the mean of the scores.

    Examples
    --------
    >>> one = Influence(2.0, np.array([1.0, -1.0]))
    >>> half = quotient(one, Influence(4.0, np.array([2.0, -2.0])))
    >>> half.value, half.scores.tolist()
    (0.5, [0.0, 0.0])
    """

    value: float
    scores: Array


def mean_of(values: Array, sample: Sample) -> Influence:
    """The weighted mean of a value per row."""
    value = sample.mean(values)
    return Influence(value, values - value)


def combined(terms: Sequence[tuple[float, Influence]]) -> Influence:
    """A linear combination; at least one term."""
    value = sum(weight * term.value for weight, term in terms)
    scores = np.sum([weight * term.scores for weight, term in terms], axis=0)
    return Influence(float(value), scores)


def quotient(numerator: Influence, denominator: Influence) -> Influence:
    """A ratio by the delta method; NaN over zero."""
    if denominator.value == 0.0:
        return Influence(float("nan"), np.full_like(numerator.scores, np.nan))
    value = numerator.value / denominator.value
    return Influence(value, (numerator.scores - value * denominator.scores) / denominator.value)


def covariance(influences: Sequence[Influence], sample: Sample) -> Array:
    """Covariance of several estimates, shape (estimates, estimates).

    Rows of a cluster may depend on each other; clusters (rows, where there are none) are
    independent draws, within their stratum where strata are given. O(rows * estimates²).

    Examples
    --------
    >>> sample = Sample(np.ones(4), np.ones(4))
    >>> y = np.array([1.0, 2.0, 3.0, 6.0])  # variance 14 / 3
    >>> round(12 * float(covariance([mean_of(y, sample)], sample)[0, 0]), 9)
    14.0
    """
    scores = np.stack([one.scores for one in influences], axis=1)  # (rows, estimates)
    total = float((sample.counts * sample.weights).sum())
    if sample.clusters is None:
        draws, times = scores * sample.weights[:, None], sample.counts
        strata = sample.strata
    else:
        _, first, index = np.unique(sample.clusters, return_index=True, return_inverse=True)
        index = index.reshape(-1)
        draws = np.zeros((len(first), scores.shape[1]))
        np.add.at(draws, index, scores * (sample.weights * sample.counts)[:, None])
        times = np.ones(len(first))
        strata = None if sample.strata is None else sample.strata[first]
    if strata is None:
        strata = np.zeros(len(times), dtype=np.int64)
    result = np.zeros((scores.shape[1], scores.shape[1]))
    for stratum in np.unique(strata):
        here = strata == stratum
        size = float(times[here].sum())
        if size <= 1.0:
            continue  # one draw alone tells nothing of its spread
        centred = draws[here] - (times[here] @ draws[here]) / size
        result += size / (size - 1.0) * (centred * times[here][:, None]).T @ centred
    return np.asarray(result / total**2, dtype=np.float64)


def interval(value: float, se: float, sample: Sample, level: float) -> tuple[float, float]:
    """Symmetric interval from Student's law with the sample's degrees of freedom."""
    half = se * float(stdtrit(sample.degrees(), 0.5 + 0.5 * level))
    return value - half, value + half
