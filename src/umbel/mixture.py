"""Latent classes on arrays: plain functions of a table of counts, for those who need no graph.

A table has shape ``(dz, dx, ny, arms)``: states of the proxies Z that may act on the treatment, of
the proxies X that do not, of the outcome, and of the treatment; several proxies of a side are one
flattened axis. Every function takes counts or a law. Nothing here cuts a number to its range or
drops an imaginary part: roots that are no possible numbers are returned as what they are, and the
likelihood, which has none, gives the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from umbel.errors import DataError
from umbel.estimate.moments_lookup import PersonalAnswers, personal_answers
from umbel.numerics.arm_moments import ArmMoments, moments_of_cells
from umbel.numerics.cell_bootstrap import bootstrapped
from umbel.numerics.class_algebra import (
    average_effect,
    checked_number,
    checked_table,
    eigenvalues,
    joint_diagonal,
    number_of_classes,
    operators,
    outcome_moments,
    synthetic_moments,
    synthetic_pencil,
)
from umbel.numerics.latent_inference import (
    Personal,
    covariance,
    edges,
    inverse_information,
    likelihood_ratio,
    parameters_of,
    personal,
)
from umbel.numerics.latent_personal import personal_of_proxies
from umbel.numerics.mixture_cells import CellFit, fit_cells
from umbel.numerics.operators import STRENGTH, operators_of, rank_test
from umbel.numerics.sparse_cells import saturated_test

__all__ = [
    "Classes",
    "LevelTests",
    "PersonalAnswers",
    "average_effect",
    "bootstrapped",
    "class_effects",
    "eigenvalues",
    "expected_effects",
    "joint_diagonal",
    "level_tests",
    "number_of_classes",
    "operators",
    "outcome_moments",
    "per_row",
    "personal_answers",
    "synthetic_moments",
    "synthetic_pencil",
]

Array = NDArray[np.float64]
Status = Literal["ok", "weak", "refused"]

FLAT = "The likelihood is flat: there are no errors to report. Declare fewer classes."


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Latent classes of a table, by ascending effect of the last arm over the first.

    Parameters
    ----------
    probabilities, effects
        Shape (k,).
    means
        Shape (arms, k): E[Y(t) | class].
    average_effect
        Over the classes.
    probability_errors, effect_errors
        Shape (k,): standard errors; NaN where the likelihood is flat.
    average_error
        Of the average effect.
    intervals
        Shape (k, 2): of the effects.
    singular
        Shape (arms, …): whitened singular values of each arm, the first 1.
    condition
        How much the weakest arm amplifies noise.
    fit
        The fit itself.
    status
        ``"ok"``; ``"weak"``: intervals are to be read with care; ``"refused"``: the likelihood is flat.
    why
        What is weak; empty when ok.
    """

    probabilities: Array
    effects: Array
    means: Array
    average_effect: float
    probability_errors: Array
    effect_errors: Array
    average_error: float
    intervals: Array
    singular: Array
    condition: float
    fit: CellFit
    status: Status
    why: tuple[str, ...]


def class_effects(
    counts: ArrayLike,
    classes: int,
    *,
    values: Sequence[float] | None = None,
    model: Literal[2, 3] = 3,
    level: float = 0.95,
    restarts: int = 0,
    rng: np.random.Generator | None = None,
) -> Classes:
    """Class probabilities and effects by maximum likelihood, started from jointly diagonalised moments.

    Right when Z, X and Y are independent given class and treatment, and X and the treatment given
    the class; both sides saturated. O(cells k parameters²) a step, a few dozen steps.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms).
    classes
        k >= 2.
    values
        Numbers of the outcome's states; default 0, 1, ….
    model
        3: Z may act on the treatment. 2: it does not (latent class analysis of three views).
    level
        Of the intervals.
    restarts
        Random starts beside the moment start.
    rng
        Of the random starts; default: seed 0.

    Returns
    -------
    Classes
        By ascending effect, with their standard errors, intervals and status.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, too few features, another model or level.

    References
    ----------
    Mazaheri, Squires and Uhler, AISTATS 2025; Louis, JRSS B 1982, for the information.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> found = class_effects(design_b().sample(20_000, rng=np.random.default_rng(1)), 2)
    >>> found.effects.round(1).tolist(), found.status
    ([-0.3, 0.5], 'ok')
    """
    table, numbers = checked_table(counts, values)
    checked_number(classes)
    if model not in (2, 3):
        raise DataError(f"model is {model!r}: 2 where Z does not act on the treatment, or 3.")
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise DataError(f"level is {level!r}; it lies between 0 and 1, as in 0.95.")
    if not isinstance(restarts, (int, np.integer)) or restarts < 0:
        raise DataError(f"restarts is {restarts!r}, a number of random starts: 0 or more.")
    found = fit_cells(table, numbers, classes, level=model, restarts=restarts, rng=rng)
    errors = covariance(found.model, found.fit, found.values, kind="expected")
    moments = moments_of_cells(table, numbers[None])
    carried = operators_of(moments, classes)
    singular = rank_test(moments).singular
    p, means = found.values.probabilities, found.values.means
    flat = errors is None
    spread = np.full((len(found.values.gradient.T),) * 2, np.nan) if errors is None else errors
    of_effects = np.zeros((classes, len(spread)))
    last = classes * len(means)
    for u in range(classes):
        of_effects[u, classes + u], of_effects[u, last + u] = -1.0, 1.0
    deviations = np.sqrt(np.diag(of_effects @ spread @ of_effects.T))
    of_average = np.concatenate([found.effects, -p, np.zeros(classes * (len(means) - 2)), p])
    half = float(norm.ppf(0.5 + level / 2)) * deviations
    why = _weak(moments, singular, classes, found)
    return Classes(
        p,
        found.effects,
        means,
        found.average_effect,
        np.sqrt(np.diag(spread)[:classes]),
        deviations,
        float(np.sqrt(of_average @ spread @ of_average)),
        np.stack([found.effects - half, found.effects + half], axis=1),
        singular,
        carried.condition,
        found,
        "refused" if flat else "weak" if why else "ok",
        ("the likelihood is flat: classes are not told apart",) if flat else why,
    )


def _weak(moments: ArmMoments, singular: Array, classes: int, found: CellFit) -> tuple[str, ...]:
    why = []
    strength = float((singular[:, classes - 1] * np.sqrt(moments.shares * moments.rows)).min())
    if strength < STRENGTH:
        why.append(f"the least whitened singular value is {strength:.1f} times its noise")
    if not found.fit.converged:
        why.append(f"the score is {found.fit.score:.1g} per row")
    if edges(found.model, found.fit):
        why.append("probabilities ended at 0")
    return tuple(why)


@dataclass(frozen=True, slots=True)
class LevelTests:
    """Likelihood-ratio tests of the models.

    Parameters
    ----------
    fit
        Statistic, degrees of freedom and p-value of level 3 against every law of the cells.
    views
        The same of level 2 against level 3: whether Z acts on the treatment.
    """

    fit: tuple[float, int, float]
    views: tuple[float, int, float]


def level_tests(counts: ArrayLike, classes: int, *, rng: np.random.Generator | None = None) -> LevelTests:
    """Test level 3 against the saturated law, and level 2 against level 3.

    Choosing a model by such a test and reporting its intervals as if it had been given is not valid.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    classes
        k >= 2.
    rng
        Of the random starts; default: seed 0.

    Returns
    -------
    LevelTests
        Statistic, degrees of freedom and p-value of each.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_c
    >>> tests = level_tests(design_c(0.4).sample(20_000, rng=np.random.default_rng(0)), 2)
    >>> tests.fit[2] > 0.01, tests.views[2] < 0.01
    (True, True)
    """
    table, numbers = checked_table(counts, None)
    checked_number(classes)
    third = fit_cells(table, numbers, classes, rng=rng)
    second = fit_cells(table, numbers, classes, level=2, restarts=2, rng=rng)
    many, few = parameters_of(third.model, third.fit), parameters_of(second.model, second.fit)
    against = saturated_test(third.model, third.fit, many)
    fit = (0.0, 0, 1.0) if against is None else (against.statistic, int(against.freedom), against.p_value)
    views = likelihood_ratio(third.fit.log_likelihood, second.fit.log_likelihood, many - few)
    return LevelTests(fit, (views[0], int(many - few), views[1]))


def per_row(found: Classes) -> Personal:
    """Posterior class probabilities and expected effect of every cell, in the order of the flattened table.

    Parameters
    ----------
    found
        The classes, from :func:`class_effects`.

    Returns
    -------
    Personal
        Posterior and expected effect, each with its error, and the effect's spread over the classes.

    Raises
    ------
    DataError
        Where the likelihood is flat.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> found = class_effects(design_b().sample(20_000, rng=np.random.default_rng(1)), 2)
    >>> bool(np.allclose(per_row(found).posterior.sum(axis=1), 1.0))
    True
    """
    arms = len(found.means)
    fit = found.fit
    if inverse_information(fit.model, fit.fit, fit.values, kind="expected") is None:
        raise DataError(FLAT)
    return personal(fit.model, fit.fit, fit.values, treated=arms - 1, kind="expected")


def expected_effects(found: Classes, z: ArrayLike, x: ArrayLike) -> Personal:
    """Class probabilities and expected effect of new rows, of which the proxies alone are seen.

    Parameters
    ----------
    found
        The classes, from :func:`class_effects`.
    z, x
        Shape (rows,): states of either side, as places on the fitted table's axes.

    Returns
    -------
    Personal
        Probabilities and expected effects with their errors, and the effect's spread over the classes.

    Raises
    ------
    DataError
        For a state that the fitted table does not show; where the likelihood is flat.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> found = class_effects(design_b().sample(20_000, rng=np.random.default_rng(1)), 2)
    >>> new = expected_effects(found, z=[0, 3], x=[1, 2])
    >>> new.effect.round(1).tolist(), new.posterior.shape
    ([-0.3, 0.5], (2, 2))
    """
    new = personal_of_proxies(found.fit, z, x, treated=len(found.means) - 1)
    if new is None:
        raise DataError(FLAT)
    return new
