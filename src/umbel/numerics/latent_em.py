"""Maximum likelihood with one hidden class: EM to the neighbourhood, Newton to the point.

EM alone stops short: its steps shrink long before the score does. Newton steps use the observed
information of Louis (JRSS B 1982), the complete-data curvature less the posterior covariance of the
complete-data score, and fall back on scoring where it is not positive definite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cho_factor, cho_solve

from umbel.numerics.latent_factors import Factor

Array = NDArray[np.float64]

SCORE = 1e-12
"""Largest entry of the score per row at which no further step is tried."""
CONVERGED = 1e-8
"""Largest entry of the score per row of a fit that may be reported."""
POLISH = 1e-4
"""Longest last step, in softmax coordinates; a longer one means that the likelihood is flat."""
MOST_COORDINATES = 600
"""Above it EM alone is used: a Newton step costs O(rows k coordinates + coordinates³)."""


@dataclass(frozen=True, slots=True, eq=False)
class LatentModel:
    """Rows (or cells with counts) and the factors of their likelihood.

    Parameters
    ----------
    stratum
        Shape (rows,): which law of the class a row has.
    strata, classes
        Their numbers.
    factors
        The other factors.
    weights
        Shape (rows,): counts or sampling weights.
    """

    stratum: NDArray[np.int64]
    strata: int
    classes: int
    factors: tuple[Factor, ...]
    weights: Array

    @property
    def rows(self) -> float:
        """Total weight."""
        return float(self.weights.sum())

    @property
    def sizes(self) -> list[int]:
        """Number of coordinates of the prior and of each factor."""
        return [self.strata * self.classes, *(int(np.prod(one.shape)) for one in self.factors)]


@dataclass(frozen=True, slots=True, eq=False)
class LatentFit:
    """A point of the parameter space.

    Parameters
    ----------
    prior
        Shape (strata, k).
    values
        Parameters of each factor.
    log_likelihood
        Of all rows, without constants that do not depend on the class.
    score
        Largest absolute entry of the score, per row.
    steps
        EM and Newton steps taken.
    """

    prior: Array
    values: tuple[Array, ...]
    log_likelihood: float
    score: float = np.inf
    steps: int = 0

    @property
    def converged(self) -> bool:
        """Whether the score vanishes."""
        return self.score <= CONVERGED


def posterior(model: LatentModel, prior: Array, values: Sequence[Array]) -> tuple[Array, Array]:
    """Probability of each class for each row, shape (rows, k), and the rows' log likelihoods."""
    logs = np.log(np.maximum(prior, 1e-300))[model.stratum]
    for factor, value in zip(model.factors, values, strict=True):
        logs += factor.log_density(value)
    top = logs.max(1, keepdims=True)
    shares = np.exp(logs - top)
    total = shares.sum(1, keepdims=True)
    return shares / total, (top + np.log(total))[:, 0]


def maximised(model: LatentModel, weights: Array) -> LatentFit:
    """The fit to given posterior weights, shape (rows, k), of each class (the M step)."""
    mass = weights * model.weights[:, None]
    counts = [np.bincount(model.stratum, mass[:, u], model.strata) for u in range(model.classes)]
    prior = np.stack(counts, axis=1).astype(np.float64)
    prior = prior / np.maximum(prior.sum(1, keepdims=True), 1e-300)
    values = tuple(one.fitted(mass) for one in model.factors)
    return LatentFit(prior, values, -np.inf)


def fitted(model: LatentModel, start: LatentFit, *, em_steps: int = 40, most: int = 3000) -> LatentFit:
    """Climb from a start to a stationary point: EM, then Newton with EM wherever Newton would fall.

    Parameters
    ----------
    model
        What is fitted.
    start
        Where to begin.
    em_steps
        EM steps before the first Newton step, and after each that failed.
    most
        Most steps in all.
    """
    fit, steps = start, 0
    newton = sum(model.sizes) <= MOST_COORDINATES
    while steps < most:
        for _ in range(em_steps):
            fit = maximised(model, posterior(model, fit.prior, fit.values)[0])
            steps += 1
        if not newton:
            done = _scored(model, fit)
            if done.converged:
                return _counted(done, steps)
            continue
        for _ in range(60):
            moved = newton_step(model, fit)
            steps += 1
            if moved is None:
                break
            fit = moved
            if fit.score <= SCORE:
                return _counted(_polished(model, fit), steps)
        ended = _scored(model, fit)
        if ended.converged:
            return _counted(ended, steps)
    return _counted(_scored(model, fit), steps)


def newton_step(model: LatentModel, fit: LatentFit) -> LatentFit | None:
    """One Newton step that raises the likelihood; the same point, scored, at the top; None if stuck."""
    score, information, outer, logs = derivatives(model, fit)
    here = float(model.weights @ logs)
    size = float(np.abs(score).max()) / model.rows
    at = LatentFit(fit.prior, fit.values, here, size, fit.steps)
    if size <= SCORE:
        return at
    for matrix in (information, outer):
        direction = _solved(model, fit, matrix, score)
        if direction is None or direction @ score <= 0:
            continue
        length = 1.0
        for _ in range(12):
            prior, values = moved(model, fit, length * direction)
            there = float(model.weights @ posterior(model, prior, values)[1])
            if there >= here - 1e-12 * abs(here) and there > -np.inf:
                gain = there - here
                if gain > 0 or size < 1e-6:
                    return LatentFit(prior, values, there, size, fit.steps)
            length /= 2
    return None


def _polished(model: LatentModel, fit: LatentFit) -> LatentFit:
    """One full Newton step from the top: along weak directions a vanishing score leaves its rounding over curvature."""
    score, information, _, _ = derivatives(model, fit)
    step = _solved(model, fit, information, score)
    if step is None or np.abs(step).max() > POLISH:
        return fit
    prior, values = moved(model, fit, step)
    top = float(model.weights @ posterior(model, prior, values)[1])
    return LatentFit(prior, values, top, fit.score, fit.steps)


def derivatives(model: LatentModel, fit: LatentFit) -> tuple[Array, Array, Array, Array]:
    """Score, observed information, sum of outer products of scores, and log likelihoods of rows."""
    weights, logs = posterior(model, fit.prior, fit.values)
    offsets = np.cumsum([0, *model.sizes])
    size = int(offsets[-1])
    complete = np.zeros((size, size))
    outer = np.zeros((size, size))
    mass = weights * model.weights[:, None]
    total = np.bincount(model.stratum, model.weights, model.strata)
    index = np.arange(int(offsets[1])).reshape(model.strata, model.classes)
    for s in range(model.strata):
        p = fit.prior[s]
        complete[np.ix_(index[s], index[s])] = total[s] * (np.diag(p) - np.outer(p, p))
    for at, factor, value in zip(offsets[1:-1], model.factors, fit.values, strict=True):
        end = at + value.size
        complete[at:end, at:end] = factor.curvature(value, mass)
    lifts = [_lift(model, fit, u) for u in range(model.classes)]  # each (b, size): scores are linear in the basis
    products = np.zeros((model.classes, model.classes, *(2 * lifts[0].shape[:1])))
    sums = np.zeros((model.classes, len(lifts[0])))
    for block in row_blocks(len(weights), len(lifts[0])):
        basis = _basis(model, block)
        for u in range(model.classes):
            weighed = basis * mass[block, u][:, None]
            sums[u] += weighed.sum(0)
            for v in range(u, model.classes):
                products[u, v] += weighed.T @ (basis * weights[block, v][:, None])
    score = np.zeros(size)
    spread = np.zeros((size, size))
    for u, lift in enumerate(lifts):
        score += lift.T @ sums[u]
        row = np.zeros((len(lift), size))
        for v, other in enumerate(lifts):
            row += products[min(u, v), max(u, v)] @ other
        own = sum(products[min(u, v), max(u, v)] for v in range(model.classes))
        outer += lift.T @ row
        spread += lift.T @ own @ lift
    spread -= outer  # of the scores about their posterior mean
    return score, complete - spread, outer, logs


def _basis(model: LatentModel, block: slice) -> Array:
    """What all scores of some rows are linear in."""
    stratum = np.eye(model.strata)[model.stratum[block]]
    return np.concatenate([stratum, *(factor.basis(block) for factor in model.factors)], axis=1)


def _lift(model: LatentModel, fit: LatentFit, u: int) -> Array:
    """Scores in one class from the basis, shape (b, coordinates)."""
    prior = np.zeros((model.strata, model.strata, model.classes))
    for s in range(model.strata):
        prior[s, s] = np.eye(model.classes)[u] - fit.prior[s]
    parts = [prior.reshape(model.strata, -1)]
    parts += [factor.lift(value, u) for factor, value in zip(model.factors, fit.values, strict=True)]
    return np.asarray(block_diag(*parts))


def complete_scores(model: LatentModel, fit: LatentFit, block: slice) -> Array:
    """Complete-data scores of some rows in each class, shape (k, rows, coordinates)."""
    offsets = np.cumsum([0, *model.sizes])
    rows = len(model.weights[block])
    found = np.zeros((model.classes, rows, int(offsets[-1])))
    stratum = model.stratum[block]
    row = np.arange(rows)
    for u in range(model.classes):
        columns = stratum[:, None] * model.classes + np.arange(model.classes)
        entries = -fit.prior[stratum]
        entries[:, u] += 1.0
        found[u, row[:, None], columns] = entries
        for at, factor, value in zip(offsets[1:-1], model.factors, fit.values, strict=True):
            columns, entries = factor.score(value, u)
            found[u, row[:, None], at + columns[block]] = entries[block]
    return found


def row_scores(model: LatentModel, fit: LatentFit, block: slice) -> Array:
    """Scores of some rows, shape (rows, coordinates)."""
    weights = posterior(model, fit.prior, fit.values)[0][block]
    return np.asarray(np.einsum("ru,uri->ri", weights, complete_scores(model, fit, block)))


def free_coordinates(model: LatentModel, fit: LatentFit) -> NDArray[np.bool_]:
    """Coordinates that are not at an edge."""
    edges = [factor.free(value).ravel() for factor, value in zip(model.factors, fit.values, strict=True)]
    return np.concatenate([(fit.prior > 1e-12).ravel(), *edges])


def level_directions(model: LatentModel, fit: LatentFit) -> Array:
    """Directions in which nothing changes, shape (coordinates, directions)."""
    parts = [np.kron(np.eye(model.strata), np.ones((model.classes, 1)))]
    parts += [factor.level(value) for factor, value in zip(model.factors, fit.values, strict=True)]
    return np.asarray(block_diag(*parts))


def moved(model: LatentModel, fit: LatentFit, step: Array) -> tuple[Array, tuple[Array, ...]]:
    """Parameters after a step in all coordinates."""
    offsets = np.cumsum([0, *model.sizes])
    grown = fit.prior * np.exp(np.clip(step[: offsets[1]].reshape(fit.prior.shape), -30.0, 30.0))
    values = tuple(
        factor.moved(value, step[at : at + value.size].reshape(value.shape))
        for at, factor, value in zip(offsets[1:-1], model.factors, fit.values, strict=True)
    )
    return grown / grown.sum(1, keepdims=True), values


def _solved(model: LatentModel, fit: LatentFit, matrix: Array, score: Array) -> Array | None:
    """The step of a symmetric system on free coordinates; None where it is not positive definite."""
    free = free_coordinates(model, fit)
    level = level_directions(model, fit)[free]
    part = matrix[np.ix_(free, free)] + model.rows * level @ level.T
    try:
        step = cho_solve(cho_factor(part), score[free])
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(step).all():
        return None
    length = float(np.abs(step).max(initial=0.0))
    found = np.zeros(len(score))
    found[free] = step * min(1.0, 3.0 / length) if length > 0 else step
    return found


def _scored(model: LatentModel, fit: LatentFit) -> LatentFit:
    """The fit with its likelihood and the size of its score."""
    score = np.zeros(sum(model.sizes))
    logs = posterior(model, fit.prior, fit.values)[1]
    for block in row_blocks(len(model.weights), len(score)):
        score += model.weights[block] @ row_scores(model, fit, block)
    size = float(np.abs(score).max()) / model.rows
    return LatentFit(fit.prior, fit.values, float(model.weights @ logs), size, fit.steps)


def _counted(fit: LatentFit, steps: int) -> LatentFit:
    return LatentFit(fit.prior, fit.values, fit.log_likelihood, fit.score, steps)


def row_blocks(rows: int, size: int) -> list[slice]:
    """Slices of rows whose score tables stay in memory."""
    length = max(1, min(rows, 4_000_000 // max(size, 1)))
    return [slice(at, min(at + length, rows)) for at in range(0, rows, length)]
