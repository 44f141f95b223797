"""Causal expectation maximisation, every restart at once: EMCC of Zaffalon et al. (2023), Algorithm 1.

A step of EM for mixture proportions is ``x <- x * (A' (n / A x)) / N``: two products for all restarts.
SQUAREM (Varadhan and Roland, Scandinavian J. Statistics 35, 2008) extrapolates; what leaves the simplex
is held inside it, and a step that loses likelihood falls back to the plain one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_STEPS = 3000
FLOOR = 1e-300
KEPT = 0.1
"""Share of a state's probability that an extrapolation leaves at least: EM never revives a state at zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Where the restarts ended.

    Parameters
    ----------
    laws
        Shape (restarts, states).
    gaps
        Shape (restarts,): the log likelihood could still gain at most this, in nats.
    steps
        Evaluations of the EM map.
    """

    laws: Array
    gaps: Array
    steps: int


def starts(
    states: int, restarts: int, *, rng: np.random.Generator, direction: Array | None = None, tilt: float = 10.0
) -> Array:
    """Starting laws: uniform on the simplex, half of them tilted towards each end of a query.

    Parameters
    ----------
    states, restarts
        Shape of what is returned.
    rng
        Source.
    direction
        Slope of the query, shape (states,); None: no tilt.
    tilt
        The largest factor is ``exp(tilt)`` for a slope of range 1.
    """
    laws = rng.dirichlet(np.ones(states), size=restarts)
    if direction is not None:
        span = float(np.ptp(direction))
        if span > 0:
            signs = np.where(np.arange(restarts) % 2, 1.0, -1.0)[:, None]
            laws = laws * np.exp(signs * tilt * (direction - direction.mean()) / span)
            laws /= laws.sum(axis=1, keepdims=True)
    return np.maximum(laws, 1e-12)


def causal_em(
    rows: Array, counts: Array, laws: Array, *, gap: float = 1e-3, steps: int = MOST_STEPS, squared: bool = True
) -> Runs:
    """Run EM from every row of ``laws`` until each one's likelihood gap is certified.

    Parameters
    ----------
    rows, counts
        ``A`` of shape (patterns, states) and ``n`` of shape (patterns,).
    laws
        Starting laws, positive, shape (restarts, states).
    gap
        Stop a restart here, in nats.
    steps
        Evaluations of the EM map at most.
    squared
        Whether to extrapolate.

    Examples
    --------
    >>> found = causal_em(np.eye(2), np.array([3.0, 1.0]), np.full((1, 2), 0.5))
    >>> found.laws.round(6).tolist(), bool(found.gaps[0] < 1e-3)
    ([[0.75, 0.25]], True)
    """
    seen = counts > 0
    matrix, weight = rows[seen], counts[seen]
    total = float(weight.sum())
    done = laws.astype(np.float64, copy=True)
    gaps = np.zeros(len(laws))
    if not total:
        return Runs(done, gaps, 0)
    active = np.arange(len(laws))
    gaps[:] = np.inf
    used = 0
    at = done / done.sum(axis=1, keepdims=True)
    pattern = _patterns(matrix, at)
    while used < steps:
        multiplier = (weight / pattern) @ matrix / total  # (restarts, states)
        used += 1
        room = total * np.log(np.maximum(multiplier.max(axis=1), 1.0))  # duality: nothing gains more
        done[active], gaps[active] = at, room
        left = room > gap
        if not left.any():
            break
        active, at, pattern, multiplier = active[left], at[left], pattern[left], multiplier[left]
        first = at * multiplier
        if not squared:
            at, pattern = first, _patterns(matrix, first)
            continue
        second = first * ((weight / _patterns(matrix, first)) @ matrix / total)
        used += 1
        at, pattern = _extrapolated(matrix, weight, (at, first, second), pattern)
    return Runs(done, gaps, used)


def _patterns(matrix: Array, laws: Array) -> Array:
    """Probabilities of the patterns, shape (restarts, patterns)."""
    return np.maximum(laws @ matrix.T, FLOOR)


def _extrapolated(
    matrix: Array, weight: Array, path: tuple[Array, Array, Array], pattern: Array
) -> tuple[Array, Array]:
    """One step of SQUAREM from three laws in a row; where it loses likelihood, the third of them."""
    zero, first, second = path
    change = first - zero
    curve = second - first - change
    length = np.sqrt((change**2).sum(axis=1) / np.maximum((curve**2).sum(axis=1), FLOOR))
    stride = np.maximum(length, 1.0)[:, None]
    tried = zero + 2 * stride * change + stride**2 * curve
    tried = np.maximum(tried, KEPT * second)  # a state past zero is nearly gone, and yet may come back
    tried /= tried.sum(axis=1, keepdims=True)
    reached = _patterns(matrix, tried)
    worse = np.log(reached) @ weight < np.log(pattern) @ weight
    tried[worse], reached[worse] = second[worse], _patterns(matrix, second[worse])
    return tried, reached
