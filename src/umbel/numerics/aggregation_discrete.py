"""Discrete aggregation: what a realisation of a macro state does to the outcome.

Micro states are ``0 … states - 1``; ``fibres`` says to which macro state each belongs. A realisation is
a law of the micro states given the macro state, zero off the fibre (Definition 4 of Zhu, Budhathoki,
Kübler and Janzing).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

CLOSE = 1e-9
"""Total variation below which laws agree: the feasibility of the linear programs."""


def checked_fibres(fibres: ArrayLike, states: int | None = None) -> Codes:
    """Macro states of the micro states: ``0 … macro states - 1``, each of them reached.

    Raises
    ------
    DataError
        Where the map misses a macro state, or has no two micro states for any (then nothing is aggregated).
    """
    raw = np.asarray(fibres)
    if raw.ndim != 1 or not raw.size or not np.issubdtype(raw.dtype, np.integer):
        raise DataError("fibres gives each micro state the number of its macro state: 0, 1, …")
    codes = raw.astype(np.int64)
    if states is not None and codes.size != states:
        raise DataError(f"fibres has {codes.size} entries for {states} micro states.")
    most = int(codes.max())
    missing = np.setdiff1d(np.arange(most + 1), codes)
    if codes.min() < 0 or missing.size:
        raise DataError(
            f"No micro state belongs to macro state {int(missing[0]) if missing.size else -1}: number them on."
        )
    if most + 1 == codes.size:
        raise DataError(
            "Each macro state has one micro state: the map aggregates nothing, and no realisation is needed."
        )
    return codes


def checked_law(law: ArrayLike, what: str) -> Array:
    """Non-negative rows that sum to one.

    Raises
    ------
    DataError
    """
    p = np.asarray(law, dtype=float)
    if not np.isfinite(p).all() or (p < -CLOSE).any() or not np.allclose(p.sum(axis=-1), 1.0, atol=1e-8):
        raise DataError(f"{what}: each row is a law, with entries of at least 0 that sum to 1.")
    return p


def checked_realisation(realisation: ArrayLike, fibres: Codes) -> Array:
    """A law of micro states for each macro state, on its fibre; shape (macro states, micro states).

    Raises
    ------
    DataError
        With the first micro state that lies off the fibre.
    """
    r = checked_law(realisation, "The realisation")
    macro = int(fibres.max()) + 1
    if r.shape != (macro, fibres.size):
        raise DataError(f"A realisation has {macro} rows and {fibres.size} columns; this one is of shape {r.shape}.")
    off = np.argwhere((r > CLOSE) & (fibres[None, :] != np.arange(macro)[:, None]))
    if off.size:
        row, state = map(int, off[0])
        raise DataError(
            f"This is no realisation of macro state {row}: micro state {state} has probability {r[row, state]:.3g} "
            f"and belongs to macro state {int(fibres[state])}."
        )
    return r


def natural(micro: ArrayLike, fibres: ArrayLike) -> Array:
    """The natural realisation ``P(x | macro state)``, shape (macro states, micro states).

    With any other reference in place of the law of the micro states it is the realisation of largest
    entropy relative to that reference: entropy alone means nothing before a reference is named.

    Parameters
    ----------
    micro
        ``P(x)``, shape (micro states,).
    fibres
        Shape (micro states,): the macro state of each, 0, 1, ….

    Returns
    -------
    Array
        ``P(x | macro state)``, shape (macro states, micro states).

    Raises
    ------
    DataError
        For a macro state of probability zero.

    Examples
    --------
    >>> natural([0.2, 0.2, 0.6], [0, 0, 1]).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    p = np.asarray(micro, dtype=float)
    codes = checked_fibres(fibres, p.size)
    table = np.where(codes[None, :] == np.arange(codes.max() + 1)[:, None], p[None, :], 0.0)
    total = table.sum(axis=1, keepdims=True)
    if (total <= 0).any():
        raise DataError(f"Macro state {int(np.argmin(total))} never occurs: it has no natural realisation.")
    return np.asarray(table / total, dtype=np.float64)


def macro_effect(effects: ArrayLike, realisation: ArrayLike, fibres: ArrayLike) -> Array:
    """``P(Y | do(macro state))`` of a realisation; O(macro states * micro states * outcomes).

    Parameters
    ----------
    effects
        ``P(Y | do(x))``, shape (micro states, outcomes).
    realisation
        ``P_do(x | macro state)``, shape (macro states, micro states): zero outside of the state's own fibre.
    fibres
        Shape (micro states,): the macro state of each, 0, 1, ….

    Returns
    -------
    Array
        Shape (macro states, outcomes).

    Raises
    ------
    DataError
        For tables that are no laws, and a realisation that leaves its fibre.

    Examples
    --------
    >>> effects = [[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]
    >>> macro_effect(effects, [[0.5, 0.5, 0], [0, 0, 1]], [0, 0, 1]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    e = checked_law(effects, "The effects")
    codes = checked_fibres(fibres, len(e))
    return np.asarray(checked_realisation(realisation, codes) @ e, dtype=np.float64)


def confounding(seen: ArrayLike, do: ArrayLike) -> float:
    """Macro confounding (Definition 6): the largest total variation between ``P(Y | x)`` and ``P(Y | do(x))``.

    Parameters
    ----------
    seen, do
        ``P(Y | x)`` and ``P(Y | do(x))``, shape (macro states, outcomes).

    Returns
    -------
    float
        Between 0 and 1; 0 exactly where nothing confounds the macro variables.

    Examples
    --------
    >>> confounding([[0.5, 0.5]], [[0.25, 0.75]])
    0.25
    """
    p, q = checked_law(seen, "The observed law"), checked_law(do, "The law under intervention")
    return float(np.abs(p - q).sum(axis=-1).max() / 2)


def consistent_partition(effects: ArrayLike, *, tolerance: float = CLOSE) -> Codes:
    """The coarsest grouping of micro states under which the macro effect needs no realisation.

    Micro states with the same ``P(Y | do(x))`` belong together (Chalupka, Eberhardt and Perona, 2016).
    O(micro states² outcomes).

    Parameters
    ----------
    effects
        ``P(Y | do(x))``, shape (micro states, outcomes).
    tolerance
        Total variation up to which two of them are the same.

    Returns
    -------
    Codes
        Shape (micro states,): group of each, in order of first appearance.

    Examples
    --------
    >>> consistent_partition([[0.2, 0.8], [0.5, 0.5], [0.2, 0.8]]).tolist()
    [0, 1, 0]
    """
    e = checked_law(effects, "The effects")
    groups: list[int] = []
    for state, row in enumerate(e):
        same = [k for k in range(state) if np.abs(e[k] - row).sum() / 2 <= tolerance]
        groups.append(groups[same[0]] if same else (max(groups) + 1 if groups else 0))
    return np.array(groups, dtype=np.int64)
