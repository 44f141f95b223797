"""Synthetic potential outcomes as published: a recursion of moments, then a pencil of Hankel matrices.

Mazaheri, Squires and Uhler, "Synthetic Potential Outcomes and Causal Mixture Identifiability"
(AISTATS 2025): combinations of proxies that have the mean of the potential outcome in every class
(the bridge of Miao, Geng and Tchetgen Tchetgen, Biometrika 2018) are fed back into themselves,
which gives every moment of the class effects. Their values and weights follow by Prony's method or
from the pencil (Rabani, Schulman and Swamy 2014). It takes exactly as many features a side as
there are classes: with more, plain least squares inverts noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eig

from umbel.errors import DataError
from umbel.numerics.arm_moments import ArmMoments

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

REAL = 1e-9
"""Imaginary part, in units of the modulus, above which a root is not a real number."""


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """Effects and probabilities of classes as algebra gives them, complex where the data are too few.

    Parameters
    ----------
    effects, probabilities
        Shape (k,), by ascending real part of the effect.
    """

    effects: Complex
    probabilities: Complex

    @property
    def real(self) -> bool:
        """Whether every root is a real number."""
        both = np.concatenate([self.effects, self.probabilities])
        return bool(np.isfinite(both).all() and (np.abs(both.imag) <= REAL * np.maximum(np.abs(both), 1.0)).all())

    def admissible(self, low: float, high: float, slack: float = 0.0) -> bool:
        """Whether they are real, the probabilities lie in [0, 1] and the effects in [low, high]."""
        if not self.real:
            return False
        shares, effects = self.probabilities.real, self.effects.real
        inside = (shares >= -slack) & (shares <= 1 + slack) & (effects >= low - slack) & (effects <= high + slack)
        return bool(inside.all())


def roots_of(effects: ArrayLike, probabilities: ArrayLike) -> Roots:
    """Roots in order of their effects."""
    values, shares = np.asarray(effects, dtype=np.complex128), np.asarray(probabilities, dtype=np.complex128)
    order = np.lexsort((values.imag, values.real))
    return Roots(values[order], shares[order])


def outcome_moments(moments: ArmMoments, arm: int, order: int) -> Array:
    """E over classes of ``E[Y | class, t]^l`` for l = 0 … ``order``; the square case.

    ``a_1 = M^-1 v``, then ``a_l = M^-1 N a_(l-1)``; each moment is ``E[X]' a_l``.

    Raises
    ------
    DataError
        When the two sides differ in their number of features, or a bridge is not determined.
    """
    matrix = _square(moments)[arm]
    bridge = _solved(matrix, moments.zy[arm, 0])
    found = [1.0]
    for _ in range(order):
        found.append(float(moments.x @ bridge))
        bridge = _solved(matrix, moments.zxy[arm, 0] @ bridge)
    return np.array(found)


def effect_moments(moments: ArmMoments, order: int, *, treated: int = 1, control: int = 0) -> Array:
    """E over classes of ``R^l``, l = 0 … ``order``: the recursion runs on the *difference* of bridges.

    The moments of the two potential outcomes, differenced, would give the first moment alone.

    Examples
    --------
    >>> from umbel.numerics.arm_moments import moments_of_cells
    >>> law = np.einsum("u,zu,xu,yu->zxy", [0.5, 0.5], [[0.8, 0.3], [0.2, 0.7]], [[0.7, 0.4], [0.3, 0.6]],
    ...     [[0.9, 0.5], [0.1, 0.5]])
    >>> both = np.stack([law, law[:, :, ::-1]], axis=-1)  # treatment turns the outcome round
    >>> effect_moments(moments_of_cells(both, np.array([[0.0, 1.0]])), 3).round(6).tolist()
    [1.0, 0.4, 0.32, 0.256]
    """
    first, second = _square(moments)[treated], _square(moments)[control]
    bridge = _solved(first, moments.zy[treated, 0]) - _solved(second, moments.zy[control, 0])
    found = [1.0]
    for _ in range(order):
        found.append(float(moments.x @ bridge))
        bridge = _solved(first, moments.zxy[treated, 0] @ bridge) - _solved(second, moments.zxy[control, 0] @ bridge)
    return np.array(found)


def pencil(sequence: Array, size: int) -> Roots:
    """Values and weights of a mixture of ``size`` points from its moments 0 … 2 size - 1.

    Generalised eigenvalues of the two Hankel matrices; weights from the Vandermonde system.

    Raises
    ------
    DataError
        For too few moments.

    Examples
    --------
    >>> found = pencil(np.array([1.0, 0.17, 0.038, 0.0101]), 2)
    >>> found.effects.real.round(6).tolist(), found.probabilities.real.round(6).tolist()
    ([0.1, 0.3], [0.65, 0.35])
    """
    first, second = _hankel(sequence, size, 0), _hankel(sequence, size, 1)
    return _weighted(eig(second, first, right=False), sequence, size)


def prony(sequence: Array, size: int) -> Roots:
    """The same as roots of the polynomial that annihilates the moments (its null vector by SVD)."""
    if len(sequence) < 2 * size:
        raise DataError(f"{size} classes need {2 * size} moments, from the 0th on; there are {len(sequence)}.")
    rows = np.array([sequence[i : i + size + 1] for i in range(size)])
    coefficients = np.linalg.svd(rows)[2][-1]
    return _weighted(np.roots(coefficients[::-1]), sequence, size)


def distinct_effects(sequence: Array, most: int) -> Array:
    """Singular values of the Hankel matrix of size ``most``: as many above 0 as effects differ."""
    return np.asarray(np.linalg.svd(_hankel(sequence, most, 0), compute_uv=False), dtype=np.float64)


def _weighted(roots: ArrayLike, sequence: Array, size: int) -> Roots:
    values = np.asarray(roots, dtype=np.complex128)
    if not np.isfinite(values).all():  # a singular pencil: fewer distinct effects than classes
        return Roots(np.full(size, np.nan, dtype=complex), np.full(size, np.nan, dtype=complex))
    powers = np.vander(values, size, increasing=True).T  # rows: R^i
    return roots_of(values, np.linalg.lstsq(powers, sequence[:size].astype(complex), rcond=None)[0])


def _hankel(sequence: Array, size: int, shift: int) -> Array:
    if len(sequence) < 2 * size - 1 + shift:
        needed = 2 * size - 1 + shift
        raise DataError(f"{size} classes need {needed} moments, from the 0th on; there are {len(sequence)}.")
    return np.array([sequence[i + shift : i + shift + size] for i in range(size)])


def _square(moments: ArmMoments) -> Array:
    rows, columns = moments.zx.shape[1:]
    if rows != columns:
        raise DataError(
            f"The recursion takes as many features of Z ({rows}) as of X ({columns}), one per class. "
            "With more, use the reduced-rank operators."
        )
    return moments.zx


def _solved(matrix: Array, right: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        raise DataError(
            "E[Z X' | t] is singular in one arm: a proxy is constant there, or there are more features than classes."
        ) from None
