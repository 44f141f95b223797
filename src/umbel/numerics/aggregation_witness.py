"""Theorem 3.2 by construction: a confounded micro model that a given realisation makes look unconfounded.

The proof in the appendix of Zhu, Budhathoki, Kübler and Janzing applies its Lemma 5 to one micro state at
a time, where the vectors do not sum to zero, as a law of the outcome needs; the whole fibre has to be
taken together. The construction here does that, and needs less than the theorem states: two outcomes at
the macro level, a fibre of two states, and a cause that two of them share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError
from umbel.numerics.aggregation_discrete import checked_fibres, checked_law, checked_realisation

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A model whose micro level is confounded and whose macro level is not.

    Parameters
    ----------
    macro
        ``P(Ybar | x, z)``, shape (micro states, causes, macro outcomes).
    micro
        ``P(Y | x, z)``, shape (micro states, causes, micro outcomes): each macro outcome's probability
        shared evenly among its micro outcomes.
    left
        Largest ``|P(ybar | xbar) - P(ybar | do(xbar))|``: zero but for rounding.
    confounded
        Largest ``|P(ybar | x) - P(ybar | do(x))|`` among micro states.
    """

    macro: Array
    micro: Array
    left: float
    confounded: float


def witness(
    cause: ArrayLike,
    given: ArrayLike,
    fibres: ArrayLike,
    realisation: ArrayLike,
    outcome_fibres: ArrayLike,
    *,
    rng: np.random.Generator,
) -> Witness:
    """Build ``P(Y | x, z)`` for ``X <- Z -> Y <- X`` so that the realisation leaves no macro confounding.

    Rows are ``1/K`` but for two outcomes, which get ``±eps d``; ``d`` is orthogonal, fibre by fibre, to
    ``P(x, z | xbar) - P_do(x | xbar) P(z)``.

    Parameters
    ----------
    cause
        ``P(z)``, shape (causes,).
    given
        ``P(x | z)``, shape (causes, micro states).
    fibres, realisation
        The map of X, and ``P_do(x | xbar)``, shape (macro states, micro states).
    outcome_fibres
        The map of Y; it may aggregate nothing.
    rng
        Which of the many such models.

    Returns
    -------
    Witness
        Both laws of the outcome, with what is left of confounding at either level.

    Raises
    ------
    DataError
        Where X is not confounded (Z tells nothing of it), and with one macro outcome: no such model exists.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = witness((0.4, 0.6), [[0.2, 0.3, 0.5], [0.5, 0.4, 0.1]], (0, 0, 1),
    ...                 [[0.5, 0.5, 0], [0, 0, 1]], (0, 0, 1), rng=rng)
    >>> found.left < 1e-12, found.confounded > 1e-3
    (True, True)
    """
    pz, px = checked_law(cause, "P(z)"), checked_law(given, "P(x | z)")
    codes = checked_fibres(fibres, px.shape[1])
    do = checked_realisation(realisation, codes)
    outcomes = np.asarray(outcome_fibres, dtype=np.int64)
    k = int(outcomes.max()) + 1
    if k < 2:
        raise DataError("With one macro outcome nothing can be confounded: give at least two.")
    joint = pz[:, None] * px  # (causes, micro states)
    marginal = joint.sum(axis=0)
    if (marginal <= 0).any():
        raise DataError(f"Micro state {int(marginal.argmin())} never occurs.")
    told = (joint / marginal).T - pz  # P(z | x) - P(z), shape (micro states, causes)
    if np.abs(told).max() < 1e-12:
        raise DataError("Z tells nothing of X, so that the micro level is not confounded to begin with.")
    direction = np.zeros((codes.size, pz.size))
    for state in range(int(codes.max()) + 1):
        fibre = np.flatnonzero(codes == state)
        mass = float(marginal[fibre].sum())
        v = (joint[:, fibre].T / mass - np.outer(do[state, fibre], pz)).reshape(-1)  # sums to zero
        d = rng.normal(size=v.size)
        size = float(v @ v)
        if size > 0.0:
            for _ in range(2):  # once more, for the rounding of the first
                d -= (d @ v) / size * v
        direction[fibre] = d.reshape(fibre.size, pz.size)
    if np.abs((direction * told).sum(axis=1)).max() < 1e-9 * np.abs(direction).max():
        raise DataError(
            "In each fibre at most one micro state goes with Z, and the realisation is the natural one there."
        )
    macro = np.full((codes.size, pz.size, k), 1.0 / k)
    step = 0.9 / (k * np.abs(direction).max()) * direction
    macro[:, :, 0] += step
    macro[:, :, 1] -= step
    sizes = np.bincount(outcomes, minlength=k)
    micro = macro[:, :, outcomes] / sizes[outcomes]
    return Witness(macro, micro, *gaps(pz, px, codes, do, macro))


def gaps(cause: Array, given: Array, fibres: NDArray[np.int64], realisation: Array, law: Array) -> tuple[float, float]:
    """Macro and micro confounding of a model, by enumeration.

    Parameters
    ----------
    law
        ``P(ybar | x, z)``, shape (micro states, causes, macro outcomes).

    Returns
    -------
    tuple
        Largest ``|P(ybar | xbar) - P(ybar | do(xbar))|``, and the same at the micro level.
    """
    joint = (cause[:, None] * given).T  # (micro states, causes)
    marginal = joint.sum(axis=1)
    seen = np.einsum("xz,xzk->xk", joint, law)
    do = np.einsum("z,xzk->xk", cause, law)
    member = fibres[None, :] == np.arange(int(fibres.max()) + 1)[:, None]
    macro_seen = (member @ seen) / (member @ marginal)[:, None]
    return (
        float(np.abs(macro_seen - realisation @ do).max()),
        float(np.abs(seen / marginal[:, None] - do).max()),
    )
