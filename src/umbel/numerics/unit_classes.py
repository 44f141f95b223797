"""Effects through a class of units: each unit weighed by the dual of its covariate's law.

A covariate that the class alone drives gives every unit one signed weight per class whose mean is
1 in that class and 0 in the others. Sums with these weights estimate, without bias, what the same
sums over the units of a class would be, so that any formula in which the class is observed becomes
a formula of weighted means; labels cancel where classes are summed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb
from scipy.stats import norm

from umbel.numerics.arm_moments import moments_of_rows
from umbel.numerics.joint_diagonal import Diagonalised, jointly_diagonal
from umbel.numerics.operators import Operators, operators_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class UnitWeights:
    """Weights of the classes.

    Parameters
    ----------
    weights
        Shape (units, k): signed; the rows sum to one.
    probabilities
        Shape (k,).
    operators, classes
        What they come from.
    """

    weights: Array
    probabilities: Array
    operators: Operators
    classes: Diagonalised


def unit_weights(
    first: Array, covariate: Array, second: Array, arm: Codes, classes: int, *, mass: Array | None = None
) -> UnitWeights | None:
    """Weights from three views; None where their operators have no real eigenvectors.

    Parameters
    ----------
    first
        Shape (units, d1): features of a view that may act on ``arm``; the constant in their span.
    covariate
        Shape (units, dx): indicators of the covariate's states (or of a count of members).
    second
        Shape (units, functions): functions of the third view.
    arm
        Shape (units,): the view within whose values the others are independent; zeros for none.
    classes
        k.
    mass
        Shape (units,): weights of the units.
    """
    moments = moments_of_rows(
        first, covariate, second, arm, int(arm.max()) + 1, unit=np.ones(covariate.shape[1]), weights=mass
    )
    found = operators_of(moments, classes)
    diagonal = jointly_diagonal(found)
    if diagonal is None:
        return None
    weights = covariate @ found.basis @ np.linalg.inv(diagonal.features)
    return UnitWeights(weights, diagonal.probabilities, found, diagonal)


def weights_of(covariate: Array, found: UnitWeights) -> Array:
    """Weights of further units from their covariate, shape (units, k)."""
    return np.asarray(covariate @ found.operators.basis @ np.linalg.inv(found.classes.features))


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Members of a unit that show a covariate, split between two views in every way at once.

    Parameters
    ----------
    shares
        Shape (units, splits): how likely a random split of the unit's members shows what.
    first
        Shape (splits, f1): indicators of what the first view shows; mean 1 over their span.
    second
        Shape (splits, f2): indicators of what one further member shows, the first state left out.
    """

    shares: Array
    first: Array
    second: Array

    @property
    def covariate(self) -> Array:
        """The first view of each unit, averaged over the splits, shape (units, f1)."""
        return np.asarray(self.shares @ self.first)


def split_members(counts: Array, classes: int) -> Splits | None:
    """Two disjoint views among the members of each unit: several members, and one more.

    With as many states as classes, one member is a view; a binary covariate needs ``classes - 1`` of
    them, whose number of ones is the view. None where neither fits, or members are too few.

    Parameters
    ----------
    counts
        Shape (units, states): members with each state of the covariate, of all that were asked.
    classes
        k.

    Examples
    --------
    >>> found = split_members(np.array([[1.0, 1.0], [0.0, 3.0]]), 2)
    >>> found.shares.tolist()
    [[0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    states, asked = counts.shape[1], counts.sum(1)
    if states >= classes:
        if (asked < 2).any():
            return None
        pairs = counts[:, :, None] * np.maximum(counts[:, None, :] - np.eye(states), 0.0)  # (units, i, j)
        shares = pairs.reshape(len(counts), -1) / (asked * (asked - 1))[:, None]
        first, second = np.repeat(np.eye(states), states, axis=0), np.tile(np.eye(states), (states, 1))
        return Splits(shares, first, second[:, 1:])
    if states != 2 or (asked < classes).any():
        return None
    members = classes - 1
    ones = counts[:, 1]
    parts = []
    for here, chance in enumerate(ones_among(ones, asked, members).T):  # ones among the first members
        last = np.where(chance > 0, (ones - here) / (asked - members), 0.0)
        parts += [chance * (1 - last), chance * last]
    first = np.repeat(np.eye(classes), 2, axis=0)
    second = np.tile(np.array([[0.0], [1.0]]), (classes, 1))
    return Splits(np.stack(parts, axis=1), first, second)


def ones_among(ones: Array, asked: Array, members: int) -> Array:
    """How likely so many of some members drawn at random show a binary covariate, shape (units, members + 1).

    Parameters
    ----------
    ones, asked
        Shape (units,): members with the covariate, and all that were asked, at least ``members``.
    members
        How many are drawn.

    Examples
    --------
    >>> ones_among(np.array([1.0]), np.array([3.0]), 2).round(3).tolist()
    [[0.333, 0.667, 0.0]]
    """
    here = np.arange(members + 1)
    ways = comb(ones[:, None], here) * comb((asked - ones)[:, None], members - here)
    return np.asarray(ways / comb(asked, members)[:, None])


def through_mediator(
    weights: Array, mass: Array, near: Array, mediator: Codes, outcome: Array, *, response: Array | None = None
) -> float:
    """``sum_u P(u) sum_z P(z | u, dose) E[outcome | u, z]`` from weighted units.

    Parameters
    ----------
    weights, mass
        Shape (units, k) and (units,).
    near
        Shape (units,): how close each unit's dose lies to the one that is set, 0 or more.
    mediator
        Shape (units,): states of the unit variable between dose and outcome.
    outcome
        Shape (units,): the mean outcome that the unit would have at the dose, its law kept.
    response
        Shape (units, k): other weights for the outcome's mean; ones where it is the same in every class.

    Examples
    --------
    >>> ones = np.ones((4, 1))
    >>> through_mediator(ones, np.ones(4), np.array([1.0, 1, 0, 0]), np.array([0, 1, 0, 1]), np.array([1.0, 3, 2, 4]))
    2.5
    """
    states = int(mediator.max()) + 1
    total = 0.0
    for u in range(weights.shape[1]):
        own = weights[:, u] * mass
        at = own * near
        weighed = own if response is None else response[:, u] * mass
        for z in range(states):
            here = mediator == z
            mean = (weighed[here] @ outcome[here]) / weighed[here].sum()
            total += own.sum() * at[here].sum() / at.sum() * mean
    return float(total / mass.sum())


def within_classes(weights: Array, mass: Array, near: Array, outcome: Array) -> float:
    """``sum_u P(u) E[outcome | u, dose]`` from weighted units.

    Parameters
    ----------
    weights, mass, near, outcome
        As in :func:`through_mediator`; ``near`` may be the indicator of an arm.

    Examples
    --------
    >>> within_classes(np.ones((3, 1)), np.ones(3), np.array([1.0, 1, 0]), np.array([1.0, 2, 9]))
    1.5
    """
    own = weights * mass[:, None]
    at = own * near[:, None]
    return float(own.sum(0) @ (outcome @ at / at.sum(0)) / mass.sum())


def nearness(doses: Array, dose: float, *, width: float) -> Array:
    """Gaussian kernel of the doses about one."""
    return np.asarray(np.exp(-0.5 * ((doses - dose) / width) ** 2))


def bandwidth(doses: Array, noise: float) -> float:
    """The usual width for a density, and no narrower than the doses' own noise."""
    usual = 1.06 * float(np.std(doses)) / float(len(doses)) ** 0.2
    return usual if usual > noise else noise


@dataclass(frozen=True, slots=True)
class Purity:
    """A test that a binary covariate has one law per class.

    Parameters
    ----------
    determinant
        Of the Hankel matrix of its factorial moments: 0 when the law takes k values.
    z
        In standard errors.
    p_value
        One-sided: more laws than classes make the determinant positive, never negative.
    """

    determinant: float
    z: float
    p_value: float


def purity(ones: Array, asked: Array | int, classes: int) -> Purity:
    """Test that counts of a binary covariate come from at most ``classes`` laws; needs 2 k members.

    The moments E[q^j] are means of factorial ratios; the (k + 1) x (k + 1) Hankel matrix of the first
    2 k has determinant 0 for k laws and a positive one for more. Errors by the delta method.

    Parameters
    ----------
    ones
        Shape (units,): members with the covariate.
    asked
        How many were asked, at least 2 k: one number, or shape (units,).
    classes
        k.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> chance = np.where(rng.random(20_000) < 0.4, 0.7, 0.3)
    >>> purity(rng.binomial(6, chance), 6, 2).p_value > 0.01
    True
    """
    order = 2 * classes
    least = int(np.min(asked))
    if least < order:
        raise ValueError(f"{least} members of each unit are too few to test {classes} classes.")
    ratio = np.ones((len(ones), order + 1))
    for j in range(1, order + 1):
        ratio[:, j] = ratio[:, j - 1] * np.maximum(ones - (j - 1), 0) / (asked - (j - 1))
    moments = ratio.mean(0)
    index = np.add.outer(np.arange(classes + 1), np.arange(classes + 1))
    matrix = moments[index]
    determinant = float(np.linalg.det(matrix))
    adjugate = _adjugate(matrix)
    gradient = np.zeros(order + 1)
    np.add.at(gradient, index, adjugate.T)
    scores = (ratio - moments) @ gradient
    error = float(np.sqrt((scores**2).mean() / len(ones)))
    z = determinant / error if error > 0 else 0.0
    return Purity(determinant, z, float(norm.sf(z)))


def _adjugate(matrix: Array) -> Array:
    """Transposed cofactors, also of a singular matrix."""
    size = len(matrix)
    found = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            minor = np.delete(np.delete(matrix, i, 0), j, 1)
            found[j, i] = (-1) ** (i + j) * np.linalg.det(minor)
    return found
