"""The largest value of a function of a few parameters, under linear or any other constraints.

Arrays in, arrays out. A function that is linear in its parameters is maximised by a linear
programme, any other by differential evolution (Storn and Price, Journal of Global Optimization 11,
1997), which asks for values alone, so that thresholds are no harder than slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import differential_evolution, linprog

from umbel.numerics.tables import Array

FLAT = 1e-9
"""Largest departure from a straight line that still is one, as a share of the values."""
INSIDE = 1e-9
"""How far inside a constraint the optimum of a linear programme is kept, against rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``constant + slope @ k``; ``slope`` has shape (values, parameters)."""

    constant: Array
    slope: Array


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where a function is largest, its value there, and how it was found: "linear" or "search"."""

    at: Array
    value: float
    kind: str


def affine(values: Callable[[Array], Array], box: Array) -> Affine | None:
    """A function of parameters as an affine one; None where it is none, or not everywhere defined.

    Parameters
    ----------
    values
        From parameters, shape (parameters,), to values, shape (values,).
    box
        Lowest and highest of each parameter, shape (parameters, 2).

    Examples
    --------
    >>> found = affine(lambda k: np.array([1 + 2 * k[0]]), np.array([[0.0, 1.0]]))
    >>> float(found.slope[0, 0])
    2.0
    >>> affine(lambda k: k**2, np.array([[0.0, 1.0]])) is None
    True
    """
    count = len(box)
    middle, width = box.mean(axis=1), box[:, 1] - box[:, 0]
    constant = values(middle)
    slope = np.empty((len(constant), count))
    for at in range(count):
        step = np.zeros(count)
        step[at] = 0.25 * width[at] or 1.0
        slope[:, at] = (values(middle + step) - constant) / step[at]
    constant = constant - slope @ middle
    for share in (0.11, 0.37, 0.83, 1.0):
        weight = np.cos(np.arange(1, count + 1) * share * 10) / 2 + 0.5  # points off every axis and diagonal
        k = box[:, 0] + weight * width
        seen = values(k)
        scale = max(1.0, float(np.abs(seen).max(initial=0.0)))
        if not np.isfinite(seen).all() or np.abs(seen - constant - slope @ k).max(initial=0.0) > FLAT * scale:
            return None
    return Affine(constant, slope)


def largest_linear(goal: Affine, low: Affine, box: Array) -> Optimum | None:
    """The largest affine value where every entry of ``low`` is at least 0; None where nowhere.

    O(one linear programme).
    """
    moves = np.abs(low.slope).max(axis=1, initial=0.0) > 0
    if (low.constant[~moves] < -INSIDE).any():
        return None
    room = low.constant[moves] - INSIDE
    found = linprog(-goal.slope[0], A_ub=-low.slope[moves], b_ub=room, bounds=box.tolist(), method="highs")
    if found.status != 0:
        return None
    at = np.asarray(found.x, dtype=np.float64)
    return Optimum(at, float(goal.constant[0] + goal.slope[0] @ at), "linear")


def largest(
    goal: Callable[[Array], float],
    low: Callable[[Array], Array],
    box: Array,
    *,
    rng: np.random.Generator,
    start: Sequence[float] | None = None,
) -> Optimum | None:
    """The largest value found by a search where every entry of ``low`` is at least 0; None where nowhere.

    Costs some hundred values for each parameter.
    """

    def loss(k: Array) -> float:
        missed = float(np.maximum(-low(k), 0.0).sum())
        if missed > 0:
            return 1e6 * (1.0 + missed)
        value = goal(k)
        return -value if np.isfinite(value) else 1e6

    found = differential_evolution(
        loss, box.tolist(), rng=rng, maxiter=60, popsize=12, tol=1e-8, polish=False, x0=start, init="sobol"
    )
    if found.fun >= 1e6:
        return None
    return Optimum(np.asarray(found.x, dtype=np.float64), -float(found.fun), "search")


def largest_of_many(
    goals: Callable[[Array], Array],
    low: Callable[[Array], Array],
    box: Array,
    *,
    rng: np.random.Generator,
    generations: int = 40,
) -> Optimum | None:
    """As :func:`largest`, for a function that is cheapest asked at many points at once.

    Parameters
    ----------
    goals
        From points, shape (points, parameters), to values, shape (points,).
    low
        From one point to what must be at least 0 there.
    box
        Lowest and highest of each parameter, shape (parameters, 2).
    rng
        Drives the search.
    generations
        Most rounds, of twelve points for each parameter.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = largest_of_many(lambda k: -((k[:, 0] - 0.3) ** 2), lambda k: k, np.array([[-1.0, 1.0]]), rng=rng)
    >>> round(float(found.at[0]), 3)
    0.3
    """

    def loss(points: Array) -> Array:
        missed = np.array([float(np.maximum(-low(k), 0.0).sum()) for k in points.T])
        found = 1e6 * (1.0 + missed)
        inside = np.flatnonzero(missed == 0)
        if len(inside):
            values = goals(points.T[inside])
            found[inside] = np.where(np.isfinite(values), -values, 1e6)
        return found

    found = differential_evolution(
        loss,
        box.tolist(),
        rng=rng,
        maxiter=generations,
        popsize=12,
        tol=1e-6,
        polish=False,
        init="sobol",
        vectorized=True,
        updating="deferred",
    )
    if found.fun >= 1e6:
        return None
    return Optimum(np.asarray(found.x, dtype=np.float64), -float(found.fun), "search")
