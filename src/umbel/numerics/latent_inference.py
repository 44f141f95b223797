"""Class probabilities, outcome means and effects of a latent class fit, with their covariance.

Effects standardise within a class over observed strata: ``E[Y(t) | u] = sum_s P(s | u) E[Y | u, t, s]``.
Errors come from the expected information (cells of a full table), the observed one, or the sandwich
with or without clusters; parameters at the edge of their range are held there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from umbel.numerics.latent_em import (
    LatentFit,
    LatentModel,
    complete_scores,
    derivatives,
    free_coordinates,
    level_directions,
    posterior,
    row_blocks,
    row_scores,
)
from umbel.numerics.latent_factors import Categories

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
ErrorKind = Literal["expected", "observed", "sandwich"]

FLAT = 1e-9
"""Share of the largest eigenvalue of the information below which a direction is flat."""
MOVED = 1e-6
"""Share of the steepest slope below which the classes do not move along a flat direction."""
EDGE = 1e-8
"""Probability that counts as 0: Newton steps stop on the way there."""


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeOf:
    """Where a model keeps the outcome.

    Parameters
    ----------
    factor
        Its place among the factors.
    configuration
        Shape (arms, strata): the factor's configuration of each.
    values
        Shape (states,): numbers of a categorical outcome; None for a Gaussian one.
    """

    factor: int
    configuration: Codes
    values: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class ClassValues:
    """What a latent class fit says, in the fit's own order of classes.

    Parameters
    ----------
    probabilities
        Shape (k,).
    means
        Shape (arms, k): E[Y(t) | u].
    gradient
        Shape (coordinates, k + arms k): derivatives of ``probabilities`` and ``means``, flattened.
    shift
        Shape (strata, k + arms k): what one more row of a stratum adds to each.
    """

    probabilities: Array
    means: Array
    gradient: Array
    shift: Array


def class_values(model: LatentModel, fit: LatentFit, outcome: OutcomeOf) -> ClassValues:
    """Probabilities and means of the classes with their derivatives."""
    k, strata = model.classes, model.strata
    arms = len(outcome.configuration)
    share = np.bincount(model.stratum, model.weights, strata) / model.rows  # (strata,)
    value = fit.values[outcome.factor]
    cells = value[:, 0] if outcome.values is None else np.einsum("cyu,y->cu", value, outcome.values)
    inside = cells[outcome.configuration]  # (arms, strata, k)
    chance = share @ fit.prior  # (k,)
    posterior_share = share[:, None] * fit.prior / np.maximum(chance, 1e-300)  # P(s | u)
    means = np.einsum("tsu,su->tu", inside, posterior_share)
    gap = inside - means[:, None, :]  # (arms, strata, k)
    sizes = model.sizes
    offsets = np.cumsum([0, *sizes])
    gradient = np.zeros((int(offsets[-1]), k + arms * k))
    shift = np.zeros((strata, k + arms * k))
    shift[:, :k] = fit.prior - chance
    for s in range(strata):
        softmax = np.diag(fit.prior[s]) - np.outer(fit.prior[s], fit.prior[s])
        at = slice(s * k, (s + 1) * k)
        gradient[at, :k] = share[s] * softmax
        for t in range(arms):
            by_prior = share[s] * gap[t, s] / np.maximum(chance, 1e-300)
            gradient[at, k + t * k : k + (t + 1) * k] = softmax * by_prior
            shift[s, k + t * k : k + (t + 1) * k] = fit.prior[s] * gap[t, s] / np.maximum(chance, 1e-300)
    index = np.arange(value.size).reshape(value.shape) + offsets[outcome.factor + 1]
    for t, s, u in np.ndindex(arms, strata, k):
        c = outcome.configuration[t, s]
        column = k + t * k + u
        if outcome.values is None:
            gradient[index[c, 0, u], column] += posterior_share[s, u]
        else:
            slope = value[c, :, u] * (outcome.values - inside[t, s, u])
            gradient[index[c, :, u], column] += posterior_share[s, u] * slope
    return ClassValues(chance, means, gradient, shift)


def covariance(
    model: LatentModel,
    fit: LatentFit,
    found: ClassValues,
    *,
    kind: ErrorKind = "observed",
    clusters: Codes | None = None,
) -> Array | None:
    """Covariance of probabilities and means, shape (k + arms k, k + arms k).

    Parameters
    ----------
    model, fit, found
        A stationary point and what it says.
    kind
        ``"expected"`` asks that the rows be all cells of a table; ``"sandwich"`` holds when the
        model is wrong in what it says beyond the means.
    clusters
        Shape (rows,): the cluster of each row, for the sandwich; weights are then taken as they are.

    Returns
    -------
    ndarray or None
        None where the information is singular: the data do not tell the classes apart.
    """
    inverse = inverse_information(model, fit, found, kind=kind)
    if inverse is None:
        return None
    free, whole = inverse
    gradient = found.gradient[free]
    solved = whole @ gradient  # (free, m)
    if kind != "sandwich":
        spread = _spread(model, found.shift)
        return np.asarray(gradient.T @ solved + spread / model.rows)
    return _sandwich(model, fit, free, solved, found.shift, clusters)


def inverse_information(
    model: LatentModel, fit: LatentFit, found: ClassValues, *, kind: ErrorKind = "observed"
) -> tuple[NDArray[np.bool_], Array] | None:
    """Which coordinates are free, and the inverse information on them; None where classes hang on a flat direction.

    A direction of which the data say nothing (a probability that went to 0, a configuration without
    rows) is left out where the probabilities and means of the classes do not move along it.
    """
    free = free_coordinates(model, fit)
    level = level_directions(model, fit)[free]
    if kind == "expected":
        _, logs = posterior(model, fit.prior, fit.values)
        rows = np.bincount(model.stratum, model.weights, model.strata)
        expected = np.exp(logs) * rows[model.stratum]
        scores = row_scores(model, fit, slice(None))
        information = (scores * expected[:, None]).T @ scores
    else:
        information = derivatives(model, fit)[1]
    part = information[np.ix_(free, free)] + model.rows * level @ level.T
    values, vectors = np.linalg.eigh((part + part.T) / 2)
    flat = values <= FLAT * values[-1]
    moved = np.abs(vectors[:, flat].T @ found.gradient[free]).max(initial=0.0)
    if moved > MOVED * np.abs(found.gradient).max():
        return None
    vectors, values = vectors[:, ~flat], values[~flat]
    return free, np.asarray((vectors / values) @ vectors.T)


def edges(model: LatentModel, fit: LatentFit) -> int:
    """How many probabilities ended at 0."""
    laws = [fit.prior, *(v for one, v in zip(model.factors, fit.values, strict=True) if isinstance(one, Categories))]
    return sum(int((law < EDGE).sum()) for law in laws)


@dataclass(frozen=True, slots=True, eq=False)
class Personal:
    """What the fit says of each row.

    Parameters
    ----------
    posterior
        Shape (rows, k): probability of each class given all that was observed of the row.
    effect
        Shape (rows,): the expected effect, class effects averaged over the posterior.
    error
        Shape (rows,): its standard error from the parameters; the class itself stays unknown.
    spread
        Shape (rows,): standard deviation of the effect over the posterior.
    posterior_error
        Shape (rows, k): standard errors of the probabilities, from the parameters too.
    """

    posterior: Array
    effect: Array
    error: Array
    spread: Array
    posterior_error: Array


def personal(
    model: LatentModel,
    fit: LatentFit,
    found: ClassValues,
    *,
    treated: int = 1,
    control: int = 0,
    kind: ErrorKind = "observed",
) -> Personal:
    """Posterior probabilities and the expected effect of every row, with its error by the delta method.

    Parameters
    ----------
    model, fit, found
        A stationary point and what it says.
    treated, control
        The arms that are compared.
    kind
        Which information the errors come from.
    """
    weights, _ = posterior(model, fit.prior, fit.values)
    effects = found.means[treated] - found.means[control]
    mean = weights @ effects
    spread = np.sqrt(np.maximum(weights @ effects**2 - mean**2, 0.0))
    inverse = inverse_information(model, fit, found, kind=kind)
    if inverse is None:
        return Personal(weights, mean, np.full(len(mean), np.nan), spread, np.full(weights.shape, np.nan))
    free, whole = inverse
    k = model.classes
    slopes = found.gradient[:, k + treated * k : k + (treated + 1) * k]
    slopes = slopes - found.gradient[:, k + control * k : k + (control + 1) * k]  # (coordinates, k)
    error, posterior_error = np.empty(len(mean)), np.empty(weights.shape)
    for block in row_blocks(len(mean), len(free)):
        scores = complete_scores(model, fit, block)  # (k, rows, coordinates)
        about = scores - np.einsum("ru,uri->ri", weights[block], scores)
        for u in range(k):  # d log posterior: the class's score less the mean of all
            part = weights[block, u][:, None] * about[u][:, free]
            posterior_error[block, u] = _delta(part, whole)
        shifted = weights[block] * (effects - mean[block, None])  # d posterior: w (S_u - mean of S)
        gradient = np.einsum("ru,uri->ri", shifted, scores) + weights[block] @ slopes.T
        error[block] = _delta(gradient[:, free], whole)
    return Personal(weights, mean, error, spread, posterior_error)


def _delta(gradient: Array, inverse: Array) -> Array:
    """Standard errors from gradients, shape (rows, coordinates)."""
    return np.asarray(np.sqrt(np.maximum(((gradient @ inverse) * gradient).sum(1), 0.0)))


def likelihood_ratio(larger: float, smaller: float, freedom: int) -> tuple[float, float]:
    """Twice the difference of log likelihoods, and its p-value with ``freedom`` degrees of freedom.

    Examples
    --------
    >>> statistic, p = likelihood_ratio(-10.0, -12.0, 1)
    >>> statistic, round(p, 4)
    (4.0, 0.0455)
    """
    statistic = max(2.0 * (larger - smaller), 0.0)
    return statistic, float(chi2.sf(statistic, freedom)) if freedom > 0 else 1.0


def parameters_of(model: LatentModel, fit: LatentFit) -> int:
    """Number of free parameters, those at an edge counted."""
    return sum(model.sizes) - int(level_directions(model, fit).shape[1])


def _spread(model: LatentModel, shift: Array) -> Array:
    """Covariance of the strata's shifts over the rows."""
    share = np.bincount(model.stratum, model.weights, model.strata) / model.rows
    centred = shift - share @ shift
    return np.asarray((centred * share[:, None]).T @ centred)


def _sandwich(
    model: LatentModel,
    fit: LatentFit,
    free: NDArray[np.bool_],
    solved: Array,
    shift: Array,
    clusters: Codes | None,
) -> Array:
    """Outer products of influences, summed within clusters first."""
    width = solved.shape[1]
    if clusters is None:
        total = np.zeros((width, width))
    else:
        sums = np.zeros((int(clusters.max()) + 1, width))
    for block in row_blocks(len(model.weights), len(free)):
        influence = row_scores(model, fit, block)[:, free] @ solved + shift[model.stratum[block]] / model.rows
        weight = model.weights[block][:, None]
        if clusters is None:
            total += (influence * weight).T @ influence  # counts: each row of a cell on its own
        else:
            np.add.at(sums, clusters[block], influence * weight)
    if clusters is None:
        return total
    number = len(np.unique(clusters))
    return np.asarray(sums.T @ sums * (number / max(number - 1, 1)))
