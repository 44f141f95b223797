"""Latent class models of a full table of cells: the third level, the second, and tensor methods for it.

Level 3 lets proxies Z act on the treatment: ``P(u) P(z, t | u) P(x | u) P(y | t, u)``. Level 2 holds
three views Z, X and S = (T, Y) independent given the class: ``P(u) P(z | u) P(x | u) P(t, y | u)``,
the model of latent class analysis and of tensor decomposition (Allman, Matias and Rhodes 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.arm_moments import ArmMoments, moments_of_cells
from umbel.numerics.joint_diagonal import Diagonalised, jointly_diagonal
from umbel.numerics.latent_em import LatentFit, LatentModel
from umbel.numerics.latent_factors import Categories
from umbel.numerics.latent_inference import ClassValues, OutcomeOf, class_values
from umbel.numerics.latent_start import best_fit, class_weights, moment_start, random_starts
from umbel.numerics.operators import STRENGTH, Operators, operators_of, rank_test

Array = NDArray[np.float64]
RESTARTS = 8
"""Random starts where the moment estimator gives none; half as many per class after the first for weak proxies."""


@dataclass(frozen=True, slots=True, eq=False)
class CellFit:
    """A maximum likelihood fit of a table.

    Parameters
    ----------
    model, fit, outcome
        What was fitted, where it ended, where the outcome stands.
    values
        What it says of the classes, by ascending effect of the last arm over the first.
    """

    model: LatentModel
    fit: LatentFit
    outcome: OutcomeOf
    values: ClassValues

    @property
    def effects(self) -> Array:
        """E[Y(last arm) - Y(first arm) | u]."""
        return np.asarray(self.values.means[-1] - self.values.means[0])

    @property
    def average_effect(self) -> float:
        """Over the classes."""
        return float(self.values.probabilities @ self.effects)


def moment_classes(counts: Array, values: Array, classes: int) -> tuple[ArmMoments, Operators, Diagonalised | None]:
    """The moment estimators of a table, outcome indicators added to the operators where there are several.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms).
    values
        Shape (ny,).
    classes
        k.
    """
    states = len(values)
    functions = values[None] if states == 2 else np.concatenate([values[None], np.eye(states)[1:]])
    moments = moments_of_cells(counts, functions)
    found = operators_of(moments, classes)
    return moments, found, jointly_diagonal(found)


def level_three(counts: Array, classes: int) -> LatentModel:
    """Both sides saturated: ``P(u) P(z, t | u) P(x | u) P(y | t, u)`` on all cells."""
    dz, dx, ny, arms = counts.shape
    z, x, y, t = (axis.ravel() for axis in np.indices(counts.shape))
    zero = np.zeros_like(z)
    factors = (
        Categories(zero, z * arms + t, 1, dz * arms, classes),
        Categories(zero, x, 1, dx, classes),
        Categories(t, y, arms, ny, classes),
    )
    return LatentModel(zero, 1, classes, factors, counts.ravel())


def level_two(counts: Array, classes: int) -> LatentModel:
    """Three views: ``P(u) P(z | u) P(x | u) P(y | t, u) P(t | u)`` on all cells."""
    dz, dx, ny, arms = counts.shape
    z, x, y, t = (axis.ravel() for axis in np.indices(counts.shape))
    zero = np.zeros_like(z)
    factors = (
        Categories(zero, z, 1, dz, classes),
        Categories(zero, x, 1, dx, classes),
        Categories(t, y, arms, ny, classes),
        Categories(zero, t, 1, arms, classes),
    )
    return LatentModel(zero, 1, classes, factors, counts.ravel())


def fit_cells(
    counts: Array,
    values: Array,
    classes: int,
    *,
    level: int = 3,
    restarts: int = 0,
    rng: np.random.Generator | None = None,
) -> CellFit:
    """Maximum likelihood from the jointly diagonalised moments, and from random starts.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms).
    values
        Shape (ny,): numbers of the outcome's states.
    classes
        k.
    level
        3 (Z may act on the treatment) or 2 (three views).
    restarts
        Random starts beside the moment start; eight where that does not exist.
    rng
        Source of random starts; default: seed 0.

    Examples
    --------
    >>> law = np.einsum("u,zu,xu,yu->zxy", [0.5, 0.5], [[0.8, 0.3], [0.2, 0.7]], [[0.7, 0.4], [0.3, 0.6]],
    ...     [[0.9, 0.4], [0.1, 0.6]])
    >>> both = 1000 * np.stack([law, law[:, :, ::-1]], axis=-1)
    >>> fit_cells(both, np.array([0.0, 1.0]), 2).effects.round(6).tolist()
    [-0.2, 0.8]
    """
    rng = np.random.default_rng(0) if rng is None else rng
    model = level_three(counts, classes) if level == 3 else level_two(counts, classes)
    sides = (False, True, False, False)[: len(model.factors)]
    moments, found, diagonal = moment_classes(counts, values, classes)
    starts: list[LatentFit] = []
    if diagonal is not None:
        z, x, _, t = (axis.ravel() for axis in np.indices(counts.shape))
        of_x, of_z = class_weights(moments, found, diagonal, np.eye(counts.shape[0])[z], np.eye(counts.shape[1])[x], t)
        starts.append(moment_start(model, of_x, of_z, sides))
    more = RESTARTS if not starts else RESTARTS // 2 * (classes - 1) if _weak(moments, classes) else 0
    starts += random_starts(model, max(restarts, more), rng=rng)
    fit = best_fit(model, starts)
    outcome = OutcomeOf(2, np.arange(counts.shape[3])[:, None], values)
    return ordered(model, fit, outcome)


def _weak(moments: ArmMoments, classes: int) -> bool:
    return rank_test(moments).strength(classes) < STRENGTH


def ordered(model: LatentModel, fit: LatentFit, outcome: OutcomeOf) -> CellFit:
    """The fit with its classes by ascending effect, ties by probability."""
    found = class_values(model, fit, outcome)
    order = np.lexsort((found.probabilities, found.means[-1] - found.means[0]))
    sorted_fit = replace(fit, prior=fit.prior[:, order], values=tuple(one[..., order] for one in fit.values))
    return CellFit(model, sorted_fit, outcome, class_values(model, sorted_fit, outcome))


def saturated_log_likelihood(counts: Array) -> float:
    """The largest log likelihood that any law of the cells has.

    Examples
    --------
    >>> round(saturated_log_likelihood(np.array([1.0, 1.0])), 4)
    -1.3863
    """
    seen = counts[counts > 0]
    return float((seen * np.log(seen / seen.sum())).sum())


def tensor_classes(counts: Array, values: Array, classes: int) -> tuple[Array, Array] | None:
    """Probabilities and effects by simultaneous diagonalisation of three views (Jennrich's method).

    The level-2 baseline: biased wherever Z acts on the treatment. None where roots are complex.
    """
    dz, dx, ny, arms = counts.shape
    moments = moments_of_cells(counts.reshape(dz, dx, ny * arms, 1), np.eye(ny * arms))
    found = jointly_diagonal(operators_of(moments, classes))
    if found is None:
        return None
    law = found.means[0].reshape(ny, arms, classes)  # P(y, t | u)
    means = np.einsum("y,ytu->tu", values, law) / law.sum(0)
    effects = means[-1] - means[0]
    order = np.lexsort((found.probabilities, effects))
    return found.probabilities[order], effects[order]
