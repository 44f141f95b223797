"""All operators of all arms share their eigenvectors: diagonalise them together.

The default moment estimator of latent classes. It needs the *pairs* of outcome means of two classes
to differ, not their effects, and it recovers the whole law of class, proxies, treatment and outcome
under exactly the conditions under which the class effects are known to be identified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.operators import Operators

Array = NDArray[np.float64]

IMAGINARY = 1e-12
"""Relative imaginary part up to which an eigenvector counts as real: rounding."""
SPREAD = 8
"""Combinations of operators, beside each alone and the contrasts, whose eigenvectors are tried as a start."""
POLISH = 60
"""Most polishing steps; the steps converge quadratically near a common eigenbasis."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagonalised:
    """Classes from jointly diagonalised operators, in no particular order.

    Parameters
    ----------
    probabilities
        Shape (k,): sum to one; may lie outside [0, 1] in small samples.
    means
        Shape (arms, functions, k): E[f(Y) | u, t].
    features
        Shape (k, k): E[L'X | u], one row per class.
    off
        What stays off the diagonals, relative to the operators: 0 in the population.
    commutator
        Largest norm of ``B_s B_t - B_t B_s``, relative: 0 in the population.
    """

    probabilities: Array
    means: Array
    features: Array
    off: float
    commutator: float


def jointly_diagonal(
    found: Operators, *, combinations: Array | None = None, polish: bool = True
) -> Diagonalised | None:
    """The common eigenbasis with the smallest remainder; None where every start is complex.

    Starts are eigenvectors of combinations of the operators; the best is polished by least squares:
    ``V <- V (1 + E)`` with ``E_ij`` chosen entry by entry. O(combinations * k^3).

    Parameters
    ----------
    found
        Operators of all arms and functions of the outcome.
    combinations
        Shape (n, arms * functions): weights of the combinations; default: contrasts, each operator, and
        directions spread over the rest.
    polish
        Whether the best start is improved. Without it the probabilities depend on the combinations tried,
        since the population has every one of them right.

    Examples
    --------
    >>> both = np.array([[[[0.9, 0.0], [0.0, 0.5]]], [[[0.1, 0.0], [0.0, 0.5]]]])
    >>> plain = Operators(both, np.eye(2), np.array([0.5, 0.5]), np.ones(2), np.ones(2), np.ones((2, 2)))
    >>> sorted(jointly_diagonal(plain).probabilities.round(6).tolist())
    [0.5, 0.5]
    """
    k = found.classes
    stack = found.operators.reshape(-1, k, k)
    scale = np.sqrt((stack**2).sum(axis=(1, 2)).mean()) or 1.0
    best: Array | None = None
    least = np.inf
    for vectors in _real_bases(stack, _combinations(found) if combinations is None else combinations):
        off = _remainder(stack, vectors)
        if off < least:
            best, least = vectors, off
    if best is None:
        return None
    best = _polished(stack, best) if polish else best
    try:
        inverse = np.linalg.inv(best)
    except np.linalg.LinAlgError:
        return None
    diagonal = np.einsum("ia,fab,bi->fi", inverse, stack, best).reshape(*found.operators.shape[:2], k)
    weights = inverse @ found.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        features = inverse / weights[:, None]
    if not np.isfinite(features).all():
        return None
    return Diagonalised(
        (found.mean @ best) * weights,
        diagonal,
        features,
        _remainder(stack, best) / scale,
        _commutator(stack) / scale**2,
    )


def _combinations(found: Operators) -> Array:
    """Weights of the operators, always the same ones."""
    arms, functions = found.operators.shape[:2]
    plain = np.eye(arms * functions)
    first = plain[::functions]
    golden = np.pi * (3.0 - np.sqrt(5.0))
    steps = golden * np.arange(1, SPREAD + 1)[:, None]
    return np.concatenate(
        [first[1:] - first[0], first[1:] + first[0], plain, np.cos(steps * (1.0 + np.arange(len(plain))))]
    )


def _real_bases(stack: Array, combinations: Array) -> Iterator[Array]:
    """Eigenvectors of those combinations of the operators that have real ones."""
    for weights in combinations:
        _, vectors = np.linalg.eig(np.tensordot(weights, stack, axes=1))
        if np.abs(vectors.imag).max(initial=0.0) <= IMAGINARY:
            yield np.ascontiguousarray(vectors.real)


def _remainder(stack: Array, vectors: Array) -> float:
    """Root of the summed squares off the diagonals of ``V^-1 B V``."""
    if np.linalg.cond(vectors) > 1e12:
        return np.inf
    turned = np.linalg.solve(vectors, stack @ vectors)
    np.einsum("fii->fi", turned)[...] = 0.0
    return float(np.sqrt((turned**2).sum()))


def _polished(stack: Array, vectors: Array) -> Array:
    """Least-squares steps on the eigenbasis, kept while the remainder falls."""
    off = _remainder(stack, vectors)
    for _ in range(POLISH):
        turned = np.linalg.solve(vectors, stack @ vectors)  # (operators, k, k)
        diagonal = np.einsum("fii->fi", turned)
        gaps = diagonal[:, :, None] - diagonal[:, None, :]  # d_i - d_j
        squared = (gaps**2).sum(0)
        np.fill_diagonal(squared, 1.0)
        step = -(turned * gaps).sum(0) / np.maximum(squared, 1e-300)
        np.fill_diagonal(step, 0.0)
        length = np.abs(step).max(initial=0.0)
        step *= min(1.0, 0.5 / length) if length > 0 else 1.0
        moved = vectors @ (np.eye(len(vectors)) + step)
        moved /= np.linalg.norm(moved, axis=0)
        after = _remainder(stack, moved)
        if not after < off:
            break
        vectors, off = moved, after
    return vectors


def _commutator(stack: Array) -> float:
    products = np.einsum("fab,gbc->fgac", stack, stack)
    return float(np.sqrt(((products - products.swapaxes(0, 1)) ** 2).sum(axis=(2, 3))).max(initial=0.0))
