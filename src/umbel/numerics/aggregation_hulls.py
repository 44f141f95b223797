"""Realisations of a discrete macro state as a convex hull: which laws are reached, and how far means go.

The paper says that *some* model has a realisation that leaves no confounding (Theorem 3.2 of Zhu,
Budhathoki, Kübler and Janzing); for a *given* model that is a question of convex hulls, answered here
with a certificate either way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from umbel.errors import DataError
from umbel.numerics.aggregation_discrete import CLOSE, checked_fibres, checked_law

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Whether one macro state has a realisation that leaves no confounding.

    Parameters
    ----------
    exists
        Whether the observed law is a mixture of the laws that micro states bring about.
    weights
        Shape (micro states,): the realisation that comes closest; exact where one exists.
    distance
        Total variation that is left.
    witness
        Shape (outcomes,): where none exists, a payoff of the outcome whose observed mean is above what
        any realisation reaches, by ``distance``: a proof that a reader checks by two sums. Else None.
    """

    exists: bool
    weights: Array
    distance: float
    witness: Array | None


def inhibiting(effects: ArrayLike, seen: ArrayLike, fibres: ArrayLike) -> tuple[Membership, ...]:
    """For each macro state: a realisation with ``P(Y | do) = P(Y | seen)``, or a proof that none exists.

    One linear program per macro state: the least total variation between the observed law and the
    convex hull of ``{P(Y | do(x)): x in the fibre}``.

    Parameters
    ----------
    effects
        ``P(Y | do(x))``, shape (micro states, outcomes).
    seen
        ``P(Y | macro state)``, shape (macro states, outcomes).
    fibres
        Shape (micro states,): the macro state of each, 0, 1, ….

    Returns
    -------
    tuple of Membership
        One for each macro state.

    Raises
    ------
    DataError
        For tables that are no laws, and shapes that do not fit.

    Examples
    --------
    >>> rows = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]
    >>> found, _ = inhibiting(rows, [[0.4, 0.3, 0.3], [0.2, 0.2, 0.6]], [0, 0, 0, 1])
    >>> found.exists, found.weights[:3].round(4).tolist()
    (True, [0.4444, 0.3333, 0.2222])
    """
    e = checked_law(effects, "The effects")
    codes = checked_fibres(fibres, len(e))
    s = checked_law(seen, "The observed law")
    macro = int(codes.max()) + 1
    if s.shape != (macro, e.shape[1]):
        raise DataError(f"The observed law has the shape {s.shape}; {macro} macro states need ({macro}, {e.shape[1]}).")
    return tuple(_member(e, s[state], np.flatnonzero(codes == state)) for state in range(macro))


def _member(effects: Array, seen: Array, fibre: Codes) -> Membership:
    rows = effects[fibre]  # (fibre, outcomes)
    size, outcomes = rows.shape
    # Variables: weights, then |difference| of each outcome. Least half sum of the latter.
    cost = np.concatenate([np.zeros(size), np.full(outcomes, 0.5)])
    above = np.hstack([rows.T, -np.eye(outcomes)])
    below = np.hstack([-rows.T, -np.eye(outcomes)])
    whole = np.concatenate([np.ones(size), np.zeros(outcomes)])[None, :]
    found = linprog(
        cost,
        np.vstack([above, below]),
        np.concatenate([seen, -seen]),
        whole,
        np.ones(1),
        bounds=(0, None),
        method="highs",
    )
    assert found.status == 0, found.message  # mixtures exist and distances are bounded
    weights = np.zeros(len(effects))
    weights[fibre] = np.clip(found.x[:size], 0, None)
    weights /= weights.sum()
    distance = float(np.abs(weights @ effects - seen).sum() / 2)
    if distance <= CLOSE:
        return Membership(True, weights, distance, None)
    marginal = np.asarray(found.ineqlin.marginals, dtype=float)
    witness = marginal[:outcomes] - marginal[outcomes:]
    if float(witness @ seen - (rows @ witness).max()) < 0:
        witness = -witness
    return Membership(False, weights, distance, np.asarray(witness, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far a mean goes over realisations.

    Parameters
    ----------
    lower, upper
        The two ends.
    lowest, highest
        Shape (micro states,): the plans that attain them.
    """

    lower: float
    upper: float
    lowest: Array
    highest: Array


def reach(
    values: ArrayLike,
    reference: ArrayLike,
    gamma: float = float("inf"),
    *,
    limits: tuple[ArrayLike, ArrayLike] | None = None,
) -> Reach:
    """Range of a mean over realisations of one macro state.

    Parameters
    ----------
    values
        Shape (micro states of the fibre,): mean of the outcome under ``do(x)``, or a probability.
    reference
        Shape (micro states of the fibre,): the natural realisation.
    gamma
        A realisation's probabilities are between ``1/gamma`` and ``gamma`` times the natural ones: 1 is
        the natural realisation alone, infinity every realisation. Greedy, O(n log n).
    limits
        Further conditions ``A p <= b`` on the realisation, shapes (limits, states) and (limits,); then a
        linear program.

    Returns
    -------
    Reach
        Both ends, and the plan that attains each.

    Raises
    ------
    DataError
        For a gamma below 1, and limits that no realisation meets.

    Examples
    --------
    >>> found = reach((0.2, 0.5, 0.9, 0.4), (0.4, 0.3, 0.2, 0.1), 2)
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.325, 0.595)
    """
    v = np.asarray(values, dtype=float)
    p = checked_law(reference, "The natural realisation")
    if v.shape != p.shape or v.ndim != 1 or not np.isfinite(v).all():
        raise DataError(f"{p.size} micro states need {p.size} values; found shape {v.shape}.")
    if not gamma >= 1:
        raise DataError(f"gamma is {gamma:g}; 1 is the natural realisation, and more allows more.")
    least = p / gamma if np.isfinite(gamma) else np.zeros_like(p)
    most = np.minimum(p * gamma, 1.0) if np.isfinite(gamma) else np.ones_like(p)
    if limits is not None:
        a, b = (np.asarray(one, dtype=float) for one in limits)
        ends = [_program(sign * v, a, b, least, most) for sign in (1.0, -1.0)]
    else:
        ends = [_greedy(sign * v, least, most) for sign in (1.0, -1.0)]
    return Reach(float(ends[0] @ v), float(ends[1] @ v), ends[0], ends[1])


def _greedy(cost: Array, least: Array, most: Array) -> Array:
    """The law between two bounds of the least cost: fill the cheapest first."""
    plan = least.copy()
    left = 1.0 - float(plan.sum())
    for state in np.argsort(cost, kind="stable"):
        more = min(left, float(most[state] - plan[state]))
        plan[state] += more
        left -= more
    return plan


def _program(cost: Array, a: Array, b: Array, least: Array, most: Array) -> Array:
    bounds = list(zip(least.tolist(), most.tolist(), strict=True))
    found = linprog(cost, a, b, np.ones((1, cost.size)), np.ones(1), bounds=bounds, method="highs")
    if found.status != 0:
        raise DataError("No realisation meets these limits. Widen gamma, or drop a limit.")
    return np.asarray(found.x, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class MacroModel:
    """Whether a macro model, confounded or not, explains what is seen and what interventions do.

    Parameters
    ----------
    exists
        The verdict.
    slack
        The least of ``P(y | do(x)) - P(x, y)``; negative where none exists.
    at
        Macro state and outcome where it is least.
    """

    exists: bool
    slack: float
    at: tuple[int, int]


def macro_model(joint: ArrayLike, do: ArrayLike) -> MacroModel:
    """Appendix D for discrete totals: a macro model exists exactly if ``P(x, y) <= P(y | do(x))`` throughout.

    These are the consistency inequalities of an observational study beside an experiment. For totals
    with a density the paper's argument needs more: that the outcome's equation is continuous in the
    total, or that the noise at each value of the total has no atom of its own.

    Parameters
    ----------
    joint
        ``P(x, y)``, shape (macro states, outcomes).
    do
        ``P(y | do(x))``, same shape.

    Returns
    -------
    MacroModel
        The verdict, with the inequality that is closest to failing.

    Examples
    --------
    >>> macro_model([[0.4, 0.1], [0.1, 0.4]], [[0.3, 0.7], [0.5, 0.5]]).exists
    False
    >>> macro_model([[0.4, 0.1], [0.1, 0.4]], [[0.45, 0.55], [0.5, 0.5]]).exists
    True
    """
    p, q = np.asarray(joint, dtype=float), checked_law(do, "The law under intervention")
    if p.shape != q.shape:
        raise DataError(f"The two tables differ in shape: {p.shape} and {q.shape}.")
    checked_law(p.reshape(-1), "The joint law")
    slack = q - p
    at = np.unravel_index(int(slack.argmin()), slack.shape)
    return MacroModel(bool(slack.min() >= -CLOSE), float(slack.min()), (int(at[0]), int(at[1])))
