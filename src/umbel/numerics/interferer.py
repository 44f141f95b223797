"""Bounds for units whose own shares act on a variable of the unit: what is known without its law.

In unit ``i`` the members' outcome under a policy is the observed number ``s_i`` as long as the unit's
interferer Z keeps its natural value: the average of these *is* the effect with the interferer kept.
The effect itself moves Z; where Z and the outcome share hidden causes with the shares, it is bounded
in closed form. No unit-level law is cut into bins, which would be unsound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAME = 1e-9
"""Shares this close count as the policy's own."""


def natural(outcomes: Array, weights: Array) -> float:
    """Average outcome under the policy with the interferer at its natural value; identified.

    Parameters
    ----------
    outcomes
        ``s_i``: each unit's mean outcome when its members follow the policy, shape (units,).
    weights
        Shape (units,).

    Examples
    --------
    >>> round(natural(np.array([0.2, 0.6]), np.array([1.0, 3.0])), 6)
    0.5
    """
    return float(weights @ outcomes / weights.sum())


def through_interferer(
    outcomes: Array,
    interferer: Array,
    weights: Array,
    shares: Array,
    policy: float,
    *,
    monotone: bool = False,
    known: tuple[float, float] = (0.0, 1.0),
) -> tuple[float, float]:
    """Bounds where hidden causes reach the outcome through a binary interferer alone.

    ``E = g(0) + (g(1) - g(0)) P(Z(policy) = 1)`` with ``g(z) = E[s | Z = z]``. Units at the policy's own
    share show their Z(policy): ``P(Z=1, share = policy) <= P(Z(policy)=1) <= 1 - P(Z=0, share = policy)``,
    which is [0, 1] where shares are continuous, and then the bounds are ``[min g, max g]``. When Z rises
    with the share, units below and above it say more: ``share <= policy`` and ``share >= policy``.

    Parameters
    ----------
    outcomes, weights
        As for :func:`natural`.
    interferer
        0 or 1 in each unit, shape (units,).
    shares, policy
        Share of treated members in each unit, and under the policy.
    monotone
        Whether Z rises with the share in every unit.
    known
        Between which numbers ``P(Z(policy) = 1)`` lies, from trials of other units at other shares.

    Returns
    -------
    tuple of float
        Lower and upper end.
    """
    weight = weights / weights.sum()
    ends = []
    for value in (0, 1):
        own = interferer == value
        if not own.any():
            return 0.0, 1.0  # nothing is known of outcomes at that value
        ends.append(float(weight[own] @ outcomes[own] / weight[own].sum()))
    below, above = shares <= policy + SAME, shares >= policy - SAME
    low = float(weight[(interferer == 1) & below & (monotone | above)].sum())
    high = 1.0 - float(weight[(interferer == 0) & above & (monotone | below)].sum())
    low, high = max(low, known[0]), min(high, known[1])
    reached = [ends[0] + (ends[1] - ends[0]) * chance for chance in (low, high)]
    return min(reached), max(reached)


def through_everything(
    outcomes: Array, shares: Array, weights: Array, policy: float, *, interferer: Array | None = None
) -> tuple[float, float]:
    """Bounds where hidden causes reach the outcome itself: only units at the policy's share are known.

    With a binary interferer given, it is taken to rise with the share, and the outcome with it.

    Parameters
    ----------
    outcomes, shares, weights
        As above; outcomes lie in [0, 1].
    policy
        Share of treated members under the policy.
    interferer
        0 or 1 in each unit: monotone.
    """
    weight = weights / weights.sum()
    same = np.abs(shares - policy) <= SAME
    low, high = np.where(same, outcomes, 0.0), np.where(same, outcomes, 1.0)
    if interferer is not None:
        below, above = (shares < policy) & ~same, (shares > policy) & ~same
        low[below] = outcomes[below]
        high[below & (interferer == 1)] = outcomes[below & (interferer == 1)]
        high[above] = outcomes[above]
        low[above & (interferer == 0)] = outcomes[above & (interferer == 0)]
    return float(weight @ low), float(weight @ high)


def through_states(
    outcomes: Array, interferer: NDArray[np.int64], weights: Array, same: NDArray[np.bool_], states: int
) -> tuple[float, float]:
    """:func:`through_interferer` for an interferer with any number of states, without monotonicity.

    ``E = sum over z of g(z) P(Z(policy) = z)``: units at the policy's share show their Z, the others may
    have any, so that what is left of the probability goes to the smallest or the largest ``g``.

    Parameters
    ----------
    outcomes, weights
        As for :func:`natural`.
    interferer
        Codes of its states, shape (units,).
    same
        Units whose share is the policy's own, shape (units,).
    states
        Number of states of the interferer.

    Examples
    --------
    >>> z, nobody = np.array([0, 1, 2]), np.zeros(3, dtype=bool)
    >>> through_states(np.array([0.2, 0.5, 0.4]), z, np.ones(3), nobody, 3)
    (0.2, 0.5)
    """
    weight = weights / weights.sum()
    means, shown = np.empty(states), np.empty(states)
    for state in range(states):
        own = interferer == state
        if not own.any():
            return 0.0, 1.0  # nothing is known of outcomes at that value
        means[state] = weight[own] @ outcomes[own] / weight[own].sum()
        shown[state] = weight[own & same].sum()
    left = 1.0 - shown.sum()
    known = shown @ means
    return float(known + left * means.min()), float(known + left * means.max())
