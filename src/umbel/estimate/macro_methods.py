"""How the effects of a total's parts are found: jointly, component by component, known, or doubly robust.

And what follows from a fit with measured confounders: substitution effects, and whether some perfect
realisation leaves no confounding (condition (9)), with a bootstrap and three answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.estimate.learners import Learner, learnt
from umbel.estimate.macro_report import PartEffects, PartsData, component_effects, joint_effects, known_effects
from umbel.estimate.ridge import Linear
from umbel.numerics.aggregation_fit import fit_parts
from umbel.numerics.aggregation_inference import student
from umbel.numerics.influence import Sample

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Joint:
    """Least squares of the outcome on all parts and covariates.

    Parameters
    ----------
    classical
        Errors of one variance; otherwise HC3, or clustered where the study names clusters.
    """

    classical: bool = False


@dataclass(frozen=True, slots=True)
class Components:
    """One slope for each part: of its own component of the outcome.

    Parameters
    ----------
    of
        Pairs of a part and the column of what it brings about.
    """

    of: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """Effects that are known, such as prices.

    Parameters
    ----------
    effects
        The effect of one unit of each part.
    """

    effects: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DoublyRobust:
    """Least squares on what covariates do not tell of parts and outcome, learnt out of fold.

    Right when the means given covariates are learnt well, whatever their form (Robinson, 1988; Chernozhukov
    et al., The Econometrics Journal 21(1), 2018).

    Parameters
    ----------
    learner
        Any regressor with ``fit`` and ``predict``; None: a ridge regression with squares and products.
    folds
        Of the cross-fit.
    """

    learner: Learner | None = None
    folds: int = 5


Method = Joint | Components | Known | DoublyRobust


def effects_by(method: Method, data: PartsData, components: Array | None, *, rng: np.random.Generator) -> PartEffects:
    """Effects of the parts by a method.

    Parameters
    ----------
    components
        Shape (rows, parts): for :class:`Components`, what each part brings about.
    """
    match method:
        case Joint(classical):
            return joint_effects(data, classical=classical)[0]
        case Components():
            assert components is not None
            return component_effects(data, components)
        case Known(effects):
            missing = [name for name in data.names if name not in effects]
            if missing:
                raise DataError(f"The known effects leave out {', '.join(missing[:6])}. Give one for each part.")
            return known_effects(data, np.array([float(effects[name]) for name in data.names]))
        case DoublyRobust():
            return joint_effects(partialled(data, method, rng))[0]


def partialled(data: PartsData, method: DoublyRobust, rng: np.random.Generator) -> PartsData:
    """Parts and outcome less what covariates tell of them, learnt on the other folds."""
    rows = len(data.outcome)
    if not data.covariates.shape[1]:
        return data
    groups = data.sample.clusters if data.sample.clusters is not None else np.arange(rows)
    labels = np.unique(groups)
    fold = rng.permutation(np.arange(len(labels)) % method.folds)[np.searchsorted(labels, groups)]
    learner = Linear() if method.learner is None else method.learner
    targets = np.column_stack([data.parts, data.outcome])
    left = np.empty_like(targets)
    mass = data.sample.counts * data.sample.weights
    mass = mass * (data.sample.counts.sum() / mass.sum())  # a learner sees how many they stand for
    for one in range(method.folds):
        train, test = fold != one, fold == one
        for column in range(targets.shape[1]):
            model = learnt(learner, data.covariates[train], targets[train, column], weights=mass[train], rng=rng)
            left[test, column] = targets[test, column] - model(data.covariates[test])
    # Means are put back. What is natural for these parts is natural within values of the covariates.
    left += data.sample.mass @ targets - data.sample.mass @ left
    return PartsData(data.names, data.weights, left[:, :-1], left[:, -1], np.empty((rows, 0)), data.sample)


@dataclass(frozen=True, slots=True)
class Contrast:
    """An effect of moving parts, with its error.

    Parameters
    ----------
    value, se
        The effect, in units of the outcome, and its standard error.
    interval
        Student's.
    """

    value: float
    se: float
    interval: tuple[float, float]


def substitution(data: PartsData, moves: Mapping[str, float], *, level: float = 0.95) -> Contrast:
    """Effect of moving some parts while the total stays: one more of X1, one less of X2.

    Raises
    ------
    DataError
        For moves that change the total, and names that are no parts.
    """
    unknown = sorted(set(moves) - set(data.names))
    if unknown:
        raise DataError(f"{unknown[0]} is no part. The parts: {', '.join(data.names[:12])}.")
    step = np.array([float(moves.get(name, 0.0)) for name in data.names])
    moved = float(data.weights @ step)
    if abs(moved) > 1e-9 * float(np.abs(data.weights * step).sum()):
        raise DataError(f"These moves change the total by {moved:g}; a substitution leaves it as it is.")
    fit = fit_parts(data.parts, data.outcome, data.covariates, data.sample)
    one = fit.effect(step)
    from_scores = one.scores * data.sample.mass
    if data.sample.clusters is not None:
        from_scores = np.asarray(np.bincount(data.sample.clusters, weights=from_scores), dtype=np.float64)
    se = float(np.sqrt((from_scores**2).sum()))
    return Contrast(one.value, se, student(one.value, se, fit.degrees, level))


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether some perfect realisation leaves no confounding, from data: condition (9).

    Parameters
    ----------
    verdict
        ``"exists"``, ``"none"`` or ``"undetermined"``.
    spare, interval
        ``Var(Y | total) - Var(Y - alpha'X)``, and its bootstrap interval.
    """

    verdict: Literal["exists", "none", "undetermined"]
    spare: float
    interval: tuple[float, float]


def inhibiting_from_data(
    data: PartsData, *, level: float = 0.95, draws: int = 400, rng: np.random.Generator
) -> Existence:
    """Condition (9) with measured confounders: parts' effects given them, and what is left as noise.

    Raises
    ------
    DataError
        When parts and confounders are collinear: then the noise's variance is not identified.
    """
    if not data.covariates.shape[1]:
        raise DataError("Without measured confounders nothing tells how much of the outcome is their doing.")
    size = len(data.outcome)
    groups = data.sample.clusters if data.sample.clusters is not None else np.arange(size)
    labels, groups = np.unique(groups, return_inverse=True)
    spare = _spare(data, np.ones(size))
    found = [_spare(data, rng.exponential(size=len(labels))[groups]) for _ in range(draws)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]).tolist()
    verdict: Literal["exists", "none", "undetermined"] = "undetermined"
    if low > 0:
        verdict = "exists"
    elif high < 0:
        verdict = "none"
    return Existence(verdict, spare, (float(low), float(high)))


def _spare(data: PartsData, mass: Array) -> float:
    sample = Sample(data.sample.counts, data.sample.weights * mass)
    fit = fit_parts(data.parts, data.outcome, data.covariates, sample)
    share = sample.mass
    noise = data.outcome - data.parts @ fit.alpha
    total = data.parts @ data.weights
    centred, outcome = total - share @ total, data.outcome - share @ data.outcome
    given = float(share @ outcome**2) - float(share @ (centred * outcome)) ** 2 / float(share @ centred**2)
    return given - float(share @ (noise - share @ noise) ** 2)
