"""Errors of latent classes by refitting: rows, or clusters whole, weighed anew, classes matched to the estimate's.

For those who trust no expansion about the estimate: close classes, probabilities near their edge, few
clusters. Every draw gives each row (each cluster, with all its rows) one random weight of mean one
(Rubin, Annals of Statistics 1981), so that no draw loses an arm, and climbs from the estimate and from
its own moments to the higher of their likelihoods. Classes have no names of their own: those of a
draw are matched to the estimate's by all their means and probabilities at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.estimate.moments_bridge import redrawn
from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit, Features, features_of, model_of
from umbel.expr.unmixing import Unmixing
from umbel.numerics.arm_moments import moments_of_rows
from umbel.numerics.class_matching import matched
from umbel.numerics.joint_diagonal import jointly_diagonal
from umbel.numerics.latent_em import LatentFit, LatentModel
from umbel.numerics.latent_inference import class_values
from umbel.numerics.latent_start import blended, class_weights, higher_fit, moment_start
from umbel.numerics.operators import operators_of
from umbel.results.check import Check
from umbel.results.step import Refusal

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassBootstrap:
    """Errors from refits.

    Parameters
    ----------
    draws
        Their number; 400 place the ends of a 95 % interval within an eighth of a standard error.
    """

    draws: int = 400


def refitted(
    data: ClassData,
    unmixing: Unmixing,
    features: Features,
    found: ClassFit,
    told: Callable[[LatentFit], Array],
    *,
    rng: np.random.Generator,
    steps: Iterable[int],
) -> tuple[Array, Check]:
    """What the fit of each draw says, shape (draws, m), and how many of them reached their top.

    Parameters
    ----------
    data, unmixing, features, found
        The views, and the estimate.
    told
        From a fit, classes in the estimate's order, to parameters of shape (m,).
    rng
        Of the weights.
    steps
        The draws.
    """
    here = _landmarks(found.values.probabilities, found.values.means)
    scale = np.array([1.0, *[float(np.std(data.outcome)) or 1.0] * len(found.values.means)])
    cells = _cells(data, unmixing, features, found)
    draws, ended = [], 0
    for _ in steps:
        fit = _refit(cells, unmixing, redrawn(data, rng), found.fit)
        values = class_values(cells.model, fit, found.outcome)
        order = matched(here, _landmarks(values.probabilities, values.means), scale)
        draws.append(told(replace(fit, prior=fit.prior[:, order], values=tuple(v[..., order] for v in fit.values))))
        ended += fit.converged
    share = ended / max(len(draws), 1)
    advice = "" if share == 1 else f"{len(draws) - ended} of {len(draws)} refits were still rising when they stopped."
    return np.array(draws), Check("bootstrap", share >= 0.95, share, advice)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The views with rows that are alike together: only their weights change from draw to draw.

    Parameters
    ----------
    features, model, arm
        One entry per cell, or per row where the outcome is real.
    cell
        Shape (rows,): the cell of each row; None where rows are their own.
    """

    features: Features
    model: LatentModel
    arm: Codes
    cell: Codes | None

    def weights(self, rows: Array) -> Array:
        """Weights of the cells from those of the rows."""
        if self.cell is None:
            return rows
        return np.asarray(np.bincount(self.cell, rows, len(self.arm)), dtype=np.float64)


def _cells(data: ClassData, unmixing: Unmixing, features: Features, found: ClassFit) -> _Cells:
    arm = data.codes[unmixing.treatment]
    if unmixing.outcome not in data.codes or data.whole:
        return _Cells(features, found.model, arm, None)
    _, first, cell = np.unique(data.joint(unmixing.views)[0], return_index=True, return_inverse=True)
    few = replace(data.taken(first.astype(np.int64), np.ones(len(first))), clusters=None)
    made = model_of(few, unmixing, found.model.classes)
    if isinstance(made, Refusal) or len(first) > len(arm) // 2:  # the refusal cannot be: the rows had the same tables
        return _Cells(features, found.model, arm, None)
    return _Cells(features_of(few, unmixing), made[0], arm[first], cell.reshape(-1))


def _landmarks(probabilities: Array, means: Array) -> Array:
    return np.concatenate([probabilities[None], means])


def _refit(cells: _Cells, unmixing: Unmixing, rows: Array, estimate: LatentFit) -> LatentFit:
    """The highest likelihood from the estimate, and from the draw's own moments where they have real roots."""
    features, weights = cells.features, cells.weights(rows)
    model = replace(cells.model, weights=weights)
    starts = [blended(model, estimate)]
    arms, unit = len(features.moments.shares), features.moments.unit
    moments = moments_of_rows(features.z, features.x, features.y, cells.arm, arms, unit=unit, weights=weights)
    try:
        operators = operators_of(moments, model.classes)
        diagonal = jointly_diagonal(operators)
    except DataError:
        diagonal = None
    if diagonal is not None:
        of_x, of_z = class_weights(moments, operators, diagonal, features.z, features.x, cells.arm)
        starts.append(moment_start(model, of_x, of_z, [one.side == "x" for one in unmixing.factors]))
    return higher_fit(model, starts)
