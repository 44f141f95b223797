"""Class effects as eigenvalues: the reduced-rank form of synthetic potential outcomes.

With ``B_t`` the regression of ``X f(Y)`` on ``X`` by the instruments ``Z`` inside an arm, the
population has ``B_t = E_X^-T diag(E[f(Y) | u, t]) E_X^T``: one matrix of eigenvectors for all arms
and all functions of the outcome. The published recursion takes powers of ``B_1 - B_0``; here the
proxies are first whitened and cut to rank ``k``, without which noise is inverted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from umbel.errors import DataError
from umbel.numerics.arm_moments import ArmMoments, root_inverse
from umbel.numerics.pencil import Roots, roots_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Operators:
    """The operators of every arm and function of the outcome, in ``k`` whitened directions of X.

    Parameters
    ----------
    operators
        Shape (arms, functions, k, k).
    basis
        Shape (dx, k): the directions of X that vary with the class.
    mean
        Shape (k,): E[X] in them.
    unit
        Shape (k,): the combination that is 1 in every row.
    singular
        Shape (min(dz arms, dx),): whitened singular values of all arms together, the first 1.
    arm_singular
        Shape (arms, k): those of each arm in the kept directions; the smallest is how much the arm
        tells of the k-th class.
    """

    operators: Array
    basis: Array
    mean: Array
    unit: Array
    singular: Array
    arm_singular: Array

    @property
    def classes(self) -> int:
        """Their number k."""
        return len(self.mean)

    @property
    def condition(self) -> float:
        """Largest over smallest singular value in the weakest arm: how much noise is amplified."""
        smallest = self.arm_singular[:, -1].min()
        return float(np.max(self.arm_singular[:, 0]) / smallest) if smallest > 0 else float("inf")

    def average(self, arm: int, function: int = 0) -> float:
        """E[f(Y(t))]: the bridge, right even when proxies of X act on the outcome."""
        return float(self.mean @ self.operators[arm, function] @ self.unit)

    def average_effect(self, treated: int = 1, control: int = 0) -> float:
        """E[Y(1) - Y(0)] by the bridge."""
        return self.average(treated) - self.average(control)


def operators_of(moments: ArmMoments, classes: int) -> Operators:
    """Whiten, cut to rank ``classes``, and regress within each arm by two-stage least squares.

    Parameters
    ----------
    moments
        From rows or cells; the constant lies in the span of each side's features.
    classes
        k >= 1.

    Raises
    ------
    DataError
        When a side has fewer independent features than classes.

    Examples
    --------
    >>> from umbel.numerics.arm_moments import moments_of_cells
    >>> law = np.einsum("u,zu,xu,yu->zxy", [0.5, 0.5], [[0.8, 0.3], [0.2, 0.7]], [[0.7, 0.4], [0.3, 0.6]],
    ...     [[0.9, 0.5], [0.1, 0.5]])
    >>> both = np.stack([law, law[:, :, ::-1]], axis=-1)
    >>> found = operators_of(moments_of_cells(both, np.array([[0.0, 1.0]])), 2)
    >>> round(found.average_effect(), 6)
    0.4
    """
    whiten_x = root_inverse(moments.xx)  # (rank, dx)
    whiten_z = [root_inverse(zz) for zz in moments.zz]
    carried = min(len(whiten_x), max(len(one) for one in whiten_z))
    if carried < classes:
        side = "X" if len(whiten_x) == carried else "Z"
        raise DataError(
            f"{classes} classes need {classes} independent features on either side, the constant among them; "
            f"{side} has {carried}. Give more proxies, or fewer classes."
        )
    shares = np.sqrt(moments.shares)
    stacked = np.concatenate(
        [share * w @ zx @ whiten_x.T for share, w, zx in zip(shares, whiten_z, moments.zx, strict=True)]
    )
    _, singular, right = np.linalg.svd(stacked)
    basis = whiten_x.T @ right[:classes].T  # (dx, k)
    found = np.empty((len(shares), moments.zxy.shape[1], classes, classes))
    arm_singular = np.zeros((len(shares), classes))
    for arm, white in enumerate(whiten_z):
        regressor = white @ moments.zx[arm] @ basis  # W^(1/2) M L
        values = np.linalg.svd(regressor, compute_uv=False)
        arm_singular[arm, : len(values)] = values
        for function, product in enumerate(moments.zxy[arm]):
            found[arm, function] = np.linalg.lstsq(regressor, white @ product @ basis, rcond=None)[0]
    unit = np.linalg.lstsq(basis, moments.unit, rcond=None)[0]
    return Operators(found, basis, basis.T @ moments.x, unit, singular, arm_singular)


def eigen_classes(found: Operators, *, treated: int = 1, control: int = 0) -> Roots:
    """Effects and probabilities from the eigenvalues of ``B_1 - B_0``; the recursion without its powers.

    Equal effects of two classes leave their eigenvectors, and so their probabilities, undetermined.
    """
    values, vectors = np.linalg.eig(found.operators[treated, 0] - found.operators[control, 0])
    try:
        weights = np.linalg.solve(vectors, found.unit.astype(vectors.dtype))
    except np.linalg.LinAlgError:
        return Roots(np.full(found.classes, np.nan, dtype=complex), np.full(found.classes, np.nan, dtype=complex))
    return roots_of(values, (found.mean @ vectors) * weights)


STRENGTH = 8.0
"""Least singular value in units of its noise, from which on a class counts as well told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class RankTest:
    """How many classes the proxies show: a test of each number against more.

    Parameters
    ----------
    singular
        Shape (arms, most): whitened singular values of each arm, the first 1.
    statistics, freedom, p_values
        Shape (most - 1,): entry ``k - 1`` tests rank ``k``, that no singular value beyond the k-th is real.
    noise
        Shape (arms, most): how large the k-th singular value is when it is noise and those before it are not.
    arm_p_values
        Shape (arms, most - 1): the tests in each arm by itself.
    clusters
        Their number, where rows of one depend on each other; None where rows are independent.
    """

    singular: Array
    statistics: Array
    freedom: Array
    p_values: Array
    noise: Array
    arm_p_values: Array
    clusters: int | None = None

    def classes(self, level: float = 0.05) -> int:
        """The smallest number that is not rejected, one after the other."""
        accepted = np.flatnonzero(self.p_values >= level)
        return int(accepted[0]) + 1 if len(accepted) else len(self.p_values) + 1

    def strength(self, classes: int) -> float:
        """The last class's singular value in units of its noise, in the weakest arm."""
        return float((self.singular[:, classes - 1] / self.noise[:, classes - 1]).min())


def rank_test(moments: ArmMoments) -> RankTest:
    """Test the rank of E[Z X' | t] in all arms at once.

    The squared singular values beyond the k-th, of features whitened in each arm, times its rows
    are chi-square with (dz - k)(dx - k) degrees of freedom per arm, when the k-th stands clear.

    Examples
    --------
    >>> from umbel.numerics.arm_moments import moments_of_cells
    >>> independent = moments_of_cells(np.full((2, 2, 2, 2), 100.0), np.array([[0.0, 1.0]]))
    >>> rank_test(independent).classes()
    1
    """
    rows = moments.shares * moments.rows
    most = min(moments.zx.shape[1:])
    tested = most - 1
    singular = np.zeros((len(rows), most))
    statistics, freedom = np.zeros((len(rows), tested)), np.zeros((len(rows), tested))
    for arm, (zz, zx) in enumerate(zip(moments.zz, moments.zx, strict=True)):
        whiten_z, whiten_x = root_inverse(zz), root_inverse(moments.arm_xx[arm])
        values = np.linalg.svd(whiten_z @ zx @ whiten_x.T, compute_uv=False)
        singular[arm, : len(values)] = values
        for k in range(1, tested + 1):
            statistics[arm, k - 1] = rows[arm] * float((values[k:] ** 2).sum())
            freedom[arm, k - 1] = max(len(whiten_z) - k, 0) * max(len(whiten_x) - k, 0)
    noise = np.repeat(1.0 / np.sqrt(rows)[:, None], most, axis=1)
    together, free = statistics.sum(0), freedom.sum(0)
    return RankTest(singular, together, free, _p_values(together, free), noise, _p_values(statistics, freedom))


def _p_values(statistics: Array, freedom: Array) -> Array:
    """Chi-square; 1 where nothing is left over to test."""
    return np.asarray(np.where(freedom > 0, chi2.sf(statistics, np.maximum(freedom, 1)), 1.0))
