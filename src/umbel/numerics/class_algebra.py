"""Latent classes of a table by algebra alone: operators, their eigenvalues, and the published recursion.

A table has shape ``(dz, dx, ny, arms)``, counts or a law, as :mod:`umbel.mixture` describes it. Nothing
here cuts a number to its range or drops an imaginary part: roots that are no possible numbers are
returned as what they are (Mazaheri, Squires and Uhler, AISTATS 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.arm_moments import moments_of_cells
from umbel.numerics.clustered_ranks import clustered_rank_test
from umbel.numerics.joint_diagonal import Diagonalised
from umbel.numerics.mixture_cells import moment_classes
from umbel.numerics.operators import Operators, RankTest, eigen_classes, operators_of, rank_test
from umbel.numerics.pencil import Roots, effect_moments, pencil
from umbel.numerics.pencil import outcome_moments as _moments

Array = NDArray[np.float64]

MOST_POWERS = 1000
"""Powers of effects that the recursion takes; 2 k - 1 tell of k classes."""


def checked_table(counts: ArrayLike, values: Sequence[float] | None) -> tuple[Array, Array]:
    """A table of counts and the outcome's numbers, checked.

    Raises
    ------
    DataError
        For a table that is none, an arm that never occurs, and a variable with one state.
    """
    try:
        table = np.array(counts, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("A table of counts holds numbers, in the shape (dz, dx, ny, arms).") from None
    if table.ndim != 4:
        raise DataError(f"A table of counts has four axes (dz, dx, ny, arms); this one has {table.ndim}.")
    if not np.isfinite(table).all() or (table < 0).any() or table.sum() <= 0:
        raise DataError("Counts are finite, none is negative, and some are above 0.")
    try:
        numbers = np.arange(float(table.shape[2])) if values is None else np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("values are the numbers that the outcome's states stand for.") from None
    if not np.isfinite(numbers).all():
        raise DataError("values are finite numbers, one for each state of the outcome.")
    if numbers.shape != (table.shape[2],):
        raise DataError(f"values has {numbers.size} numbers and the outcome {table.shape[2]} states. Give one each.")
    for axis, name in enumerate(("Z", "X", "the outcome", "the treatment")):
        seen = table.sum(axis=tuple(i for i in range(4) if i != axis)) > 0
        if axis == 3 and not seen.all():
            raise DataError(f"Arm {int(np.flatnonzero(~seen)[0])} of the treatment never occurs. Leave it out.")
        if seen.sum() < 2:
            raise DataError(f"{name} has one state in this table, so that it tells nothing of the classes.")
    return table, numbers


def checked_number(classes: int, *, least: int = 2) -> None:
    """A number of classes that makes a mixture, or a rank from ``least`` on.

    Raises
    ------
    DataError
        For fewer, or no whole number.
    """
    if isinstance(classes, bool) or not isinstance(classes, (int, float, np.integer, np.floating)):
        raise DataError(f"{classes!r} is no number of classes. Write a whole one, {least} or more.")
    if not classes >= least or classes == float("inf") or classes != int(classes):
        if least < 2:
            raise DataError(f"{classes} is no rank: rank is {least} or more, a whole number.")
        raise DataError(f"{classes} classes make no mixture: classes is 2 or more.")
    if not isinstance(classes, (int, np.integer)):
        raise DataError(f"{classes} classes are no whole number in Python's sense. Write {int(classes)}.")


def _power(order: int) -> None:
    """The highest power of a recursion."""
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or not 0 <= order <= MOST_POWERS:
        raise DataError(f"order is {order!r}, the highest power: a whole number from 0 to {MOST_POWERS}.")


def checked_clusters(counts: ArrayLike, values: Sequence[float] | None) -> tuple[Array, Array, Array | None]:
    """The table, the outcome's numbers, and the tables of clusters where an axis of them stands first.

    Raises
    ------
    DataError
        As for a table; for one cluster.
    """
    if np.ndim(counts) != 5:
        return (*checked_table(counts, values), None)
    clusters = np.asarray(counts, dtype=np.float64)
    if len(clusters) < 2:
        raise DataError("One cluster says nothing of others. Give two or more, or a table of four axes.")
    if (clusters < 0).any():
        raise DataError("Counts are finite, none is negative, and some are above 0.")
    return (*checked_table(clusters.sum(0), values), clusters)


def average_effect(counts: ArrayLike, rank: int, *, values: Sequence[float] | None = None) -> float:
    """The average effect of the last arm over the first by the bridge of rank ``rank``.

    Right also where X acts on the outcome; needs Z and X independent given class and treatment.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    rank
        Of the bridge: the number of classes, or less where some are too weak to be told.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    float
        In the outcome's measure.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> round(average_effect(design_main(1.0, 0.5).law, 2), 12) + 0.0
    0.0
    """
    table, numbers = checked_table(counts, values)
    checked_number(rank, least=1)
    found = operators_of(moments_of_cells(table, numbers[None]), rank)
    return found.average_effect(len(found.operators) - 1, 0)


def operators(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Operators:
    """Whitened operators of every arm, cut to rank ``classes``, with their singular values; O(cells) and k³.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    classes
        k >= 2.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Operators
        One for each arm and function of the outcome: their eigenvalues are the classes' means.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> operators(design_main(1.0).law, 2).operators.shape[0]
    2
    """
    table, numbers = checked_table(counts, values)
    checked_number(classes)
    return operators_of(moments_of_cells(table, numbers[None]), classes)


def eigenvalues(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Roots:
    """Effects and probabilities as eigenvalues of the difference of operators, complex where they are.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    classes
        k >= 2.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Roots
        By ascending real part of the effect.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> eigenvalues(design_b().law, 2).effects.real.round(6).tolist()
    [-0.3, 0.5]
    """
    found = operators(counts, classes, values=values)
    return eigen_classes(found, treated=len(found.operators) - 1)


def joint_diagonal(counts: ArrayLike, classes: int, *, values: Sequence[float] | None = None) -> Diagonalised | None:
    """All operators diagonalised together; None where no combination of them has real eigenvectors.

    The average effect is taken from `operators`, whose bridge has the smaller error.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    classes
        k >= 2.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Diagonalised or None
        Probabilities and means of the classes, by ascending effect of the last arm over the first, and how far
        from diagonal the operators stay.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> found = joint_diagonal(design_b().law, 2)
    >>> bool(found.off < 1e-9)
    True
    """
    table, numbers = checked_table(counts, values)
    checked_number(classes)
    found = moment_classes(table, numbers, classes)[2]
    if found is None:
        return None
    order = np.lexsort((found.probabilities, found.means[-1, 0] - found.means[0, 0]))
    return replace(
        found,
        probabilities=found.probabilities[order],
        means=found.means[..., order],
        features=found.features[order],
    )


def synthetic_moments(counts: ArrayLike, order: int, *, values: Sequence[float] | None = None) -> Array:
    """E of the powers of the class effects by the published recursion; as many states of Z as of X.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    order
        The highest power.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Array
        Shape (order + 1,): the zeroth first.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> (synthetic_moments(design_main(1.0).law, 3) + 0.0).round(4).tolist()
    [1.0, 0.0, 0.5625, 0.0]
    """
    table, numbers = checked_table(counts, values)
    _power(order)
    return effect_moments(moments_of_cells(table, numbers[None]), order, treated=table.shape[3] - 1)


def outcome_moments(counts: ArrayLike, arm: int, order: int, *, values: Sequence[float] | None = None) -> Array:
    """E of the powers of E[Y | class, arm] by the published recursion.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    arm
        Which arm, from 0 on.
    order
        The highest power.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Array
        Shape (order + 1,): the zeroth first.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and an arm that there is not.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_main
    >>> outcome_moments(design_main(1.0).law, 0, 3).round(4).tolist()
    [1.0, 0.5, 0.3906, 0.3359]
    """
    table, numbers = checked_table(counts, values)
    if not 0 <= arm < table.shape[3]:
        raise DataError(f"There is no arm {arm}: the table has {table.shape[3]}, from 0 on.")
    _power(order)
    return _moments(moments_of_cells(table, numbers[None]), arm, order)


def synthetic_pencil(counts: ArrayLike, *, values: Sequence[float] | None = None) -> Roots:
    """The published estimator: the recursion's moments, then a pencil with one root per state of Z.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm.
    values
        Numbers of the outcome's states; default 0, 1, ….

    Returns
    -------
    Roots
        By ascending real part of the effect; complex where the sample is too small.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    References
    ----------
    Mazaheri, Squires and Uhler, AISTATS 2025.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_b
    >>> synthetic_pencil(design_b().law).effects.real.round(3).tolist()  # with roots that are no class's
    [-0.3, -0.024, -0.024, 0.5]
    """
    size = len(checked_table(counts, values)[0])
    return pencil(synthetic_moments(counts, 2 * size - 1, values=values), size)


def number_of_classes(counts: ArrayLike) -> RankTest:
    """Tests of 1, 2, … classes by the rank of the proxies' dependence within arms.

    Parameters
    ----------
    counts
        Shape (dz, dx, ny, arms): rows with each state of Z, of X and of the outcome, by arm. With an axis of clusters
        before these, clusters are independent, and rows of one need not be.

    Returns
    -------
    RankTest
        Statistics and p-values; ``classes()`` reads their number off.

    Raises
    ------
    DataError
        For a table that is none, an arm or outcome that never occurs, and too few features.

    Examples
    --------
    >>> from umbel.simulate.mixtures import design_d3
    >>> number_of_classes(design_d3().sample(20_000, rng=np.random.default_rng(0))).classes()
    3
    """
    table, numbers, clusters = checked_clusters(counts, None)
    if clusters is None:
        return rank_test(moments_of_cells(table, numbers[None]))
    key, z, x, _, t = np.nonzero(clusters)
    _, key = np.unique(key, return_inverse=True)
    sides = np.eye(table.shape[0])[z], np.eye(table.shape[1])[x]
    return clustered_rank_test(*sides, t, table.shape[3], key.reshape(-1), weights=clusters[clusters > 0])
