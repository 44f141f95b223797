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
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from umbel.errors import DataError
from umbel.numerics.arm_moments import ArmMoments, moments_of_cells
from umbel.numerics.joint_diagonal import Diagonalised
from umbel.numerics.latent_inference import (
    Personal,
    covariance,
    edges,
    inverse_information,
    likelihood_ratio,
    parameters_of,
    personal,
)
from umbel.numerics.mixture_cells import CellFit, fit_cells, moment_classes
from umbel.numerics.operators import Operators, RankTest, eigen_classes, operators_of, rank_test
from umbel.numerics.pencil import Roots, effect_moments, pencil
from umbel.numerics.pencil import outcome_moments as _moments
from umbel.numerics.sparse_cells import saturated_test

__all__ = [
    "Classes",
    "LevelTests",
    "average_effect",
    "bootstrapped",
    "class_effects",
    "eigenvalues",
    "joint_diagonal",
    "level_tests",
    "number_of_classes",
    "operators",
    "outcome_moments",
    "per_row",
    "synthetic_moments",
    "synthetic_pencil",
]

Array = NDArray[np.float64]
Status = Literal["ok", "weak", "refused"]

STRENGTH = 8.0
"""Least whitened singular value over its noise, from which on classes count as well told apart."""


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
    table, numbers = _table(counts, values)
    _number(classes)
    if model not in (2, 3):
        raise DataError(f"model is {model!r}: 2 where Z does not act on the treatment, or 3.")
    if not 0 < level < 1:
        raise DataError(f"level is {level:g}; it lies between 0 and 1, as in 0.95.")
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


def average_effect(counts: ArrayLike, rank: int, *, values: Sequence[float] | None = None) -> float:
    """The average effect of the last arm over the first by the bridge of rank ``rank``.

    Right also where X acts on the outcome; needs Z and X independent given class and treatment.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> round(average_effect(design_main(1.0, 0.5).law, 2), 12) + 0.0
    0.0
    """
    found = operators(counts, rank, values=values)
    return found.average_effect(len(found.operators) - 1, 0)


def operators(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Operators:
    """Whitened operators of every arm, cut to rank ``classes``, with their singular values."""
    table, numbers = _table(counts, values)
    return operators_of(moments_of_cells(table, numbers[None]), classes)


def eigenvalues(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Roots:
    """Effects and probabilities as eigenvalues of the difference of operators, complex where they are."""
    found = operators(counts, classes, values=values)
    return eigen_classes(found, treated=len(found.operators) - 1)


def joint_diagonal(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Diagonalised | None:
    """All operators diagonalised together; None where no combination of them has real eigenvectors.

    The average effect is taken from `operators`, whose bridge has the smaller error.
    """
    return moment_classes(*_table(counts, values), classes)[2]


def synthetic_moments(counts: ArrayLike, order: int, *, values: Sequence[float] | None = None) -> Array:
    """E of the powers of the class effects by the published recursion; as many states of Z as of X.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> (synthetic_moments(design_main(1.0).law, 3) + 0.0).round(4).tolist()
    [1.0, 0.0, 0.5625, 0.0]
    """
    table, numbers = _table(counts, values)
    return effect_moments(moments_of_cells(table, numbers[None]), order, treated=table.shape[3] - 1)


def outcome_moments(counts: ArrayLike, arm: int, order: int, *, values: Sequence[float] | None = None) -> Array:
    """E of the powers of E[Y | class, arm] by the published recursion.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> outcome_moments(design_main(1.0).law, 0, 3).round(4).tolist()
    [1.0, 0.5, 0.3906, 0.3359]
    """
    table, numbers = _table(counts, values)
    if not 0 <= arm < table.shape[3]:
        raise DataError(f"There is no arm {arm}: the table has {table.shape[3]}, from 0 on.")
    return _moments(moments_of_cells(table, numbers[None]), arm, order)


def synthetic_pencil(counts: ArrayLike, *, values: Sequence[float] | None = None) -> Roots:
    """The published estimator: the recursion's moments, then a pencil with one root per state of Z."""
    size = np.shape(counts)[0]
    return pencil(synthetic_moments(counts, 2 * size - 1, values=values), size)


def number_of_classes(counts: ArrayLike) -> RankTest:
    """Tests of 1, 2, … classes by the rank of the proxies' dependence within arms.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_d3
    >>> number_of_classes(design_d3().sample(20_000, rng=np.random.default_rng(0))).classes()
    3
    """
    table, numbers = _table(counts, None)
    return rank_test(moments_of_cells(table, numbers[None]))


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

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_c
    >>> tests = level_tests(design_c(0.4).sample(20_000, rng=np.random.default_rng(0)), 2)
    >>> tests.fit[2] > 0.01, tests.views[2] < 0.01
    (True, True)
    """
    table, numbers = _table(counts, None)
    third = fit_cells(table, numbers, classes, rng=rng)
    second = fit_cells(table, numbers, classes, level=2, restarts=2, rng=rng)
    many, few = parameters_of(third.model, third.fit), parameters_of(second.model, second.fit)
    against = saturated_test(third.model, third.fit, many)
    fit = (0.0, 0, 1.0) if against is None else (against.statistic, against.freedom, against.p_value)
    views = likelihood_ratio(third.fit.log_likelihood, second.fit.log_likelihood, many - few)
    return LevelTests(fit, (views[0], many - few, views[1]))


def per_row(found: Classes) -> Personal:
    """Posterior class probabilities and expected effect of every cell, in the order of the flattened table."""
    arms = len(found.means)
    fit = found.fit
    if inverse_information(fit.model, fit.fit, fit.values, kind="expected") is None:
        raise DataError("The likelihood is flat: there are no errors to report. Declare fewer classes.")
    return personal(fit.model, fit.fit, fit.values, treated=arms - 1, kind="expected")


def bootstrapped(
    counts: ArrayLike,
    classes: int,
    *,
    rng: np.random.Generator,
    draws: int = 200,
    values: Sequence[float] | None = None,
    level: float = 0.95,
) -> tuple[Array, Array]:
    """Bootstrap intervals of probabilities and effects, each of shape (k, 2), classes matched to the estimate.

    Matching is by the nearest means and probabilities, and not by rank, so that close classes do not swap.
    """
    table, numbers = _table(counts, values)
    _number(classes)
    whole = fit_cells(table, numbers, classes)
    here = np.concatenate([whole.values.probabilities[None], whole.values.means])  # (1 + arms, k)
    total = int(table.sum())
    found = []
    for _ in range(draws):
        drawn = rng.multinomial(total, table.ravel() / table.sum()).reshape(table.shape).astype(np.float64)
        one = fit_cells(drawn, numbers, classes, rng=rng)
        there = np.concatenate([one.values.probabilities[None], one.values.means])
        order = _matched(here, there)
        found.append([one.values.probabilities[order], one.effects[order]])
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.array(found), ends, axis=0)
    return np.stack([low[0], high[0]], axis=1), np.stack([low[1], high[1]], axis=1)


def _matched(here: Array, there: Array) -> NDArray[np.int64]:
    """The order of the classes ``there`` that lies nearest to those ``here``."""
    distance = ((here[:, :, None] - there[:, None, :]) ** 2).sum(0)
    return np.asarray(linear_sum_assignment(distance)[1])


def _number(classes: int) -> None:
    if classes < 2 or classes != int(classes):
        raise DataError(f"{classes} classes make no mixture: classes is 2 or more.")
    if not isinstance(classes, (int, np.integer)):
        raise DataError(f"{classes} classes are no whole number in Python's sense. Write {int(classes)}.")


def _table(counts: ArrayLike, values: Sequence[float] | None) -> tuple[Array, Array]:
    """A table of counts and the outcome's numbers, checked."""
    try:
        table = np.array(counts, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("A table of counts holds numbers, in the shape (dz, dx, ny, arms).") from None
    if table.ndim != 4:
        raise DataError(f"A table of counts has four axes (dz, dx, ny, arms); this one has {table.ndim}.")
    if not np.isfinite(table).all() or (table < 0).any() or table.sum() <= 0:
        raise DataError("Counts are finite, none is negative, and some are above 0.")
    numbers = np.arange(table.shape[2], dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
    if numbers.shape != (table.shape[2],):
        raise DataError(f"values has {numbers.size} numbers and the outcome {table.shape[2]} states. Give one each.")
    for axis, name in enumerate(("Z", "X", "the outcome", "the treatment")):
        seen = table.sum(axis=tuple(i for i in range(4) if i != axis)) > 0
        if axis == 3 and not seen.all():
            raise DataError(f"Arm {int(np.flatnonzero(~seen)[0])} of the treatment never occurs. Leave it out.")
        if seen.sum() < 2:
            raise DataError(f"{name} has one state in this table, so that it tells nothing of the classes.")
    return table, numbers
