"""Laws that are pushed through friendships inside units: what a formula asks, and its arrays.

A member's exposure is a variable of its own beside the treatment; the law set on treatments is
pushed through each unit's own friendships (Aronow and Samii, Annals of Applied Statistics 11(4),
2017, Section 3: the exposure's law follows from the design and the network).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from umbel.data.friends import Friendships, Reads
from umbel.data.nested import Nested
from umbel.estimate.conditions import Unsupported
from umbel.estimate.reading import policies_of
from umbel.expr.build import rebuilt
from umbel.expr.nodes import Expr, Policy, Probability, Product, Sum
from umbel.model.weights import FamilyLaw, PushedLaw
from umbel.variable import State

Array = NDArray[np.float64]


def pushed_in(expr: Expr) -> dict[Policy, PushedLaw]:
    """The laws of exposures that a formula names."""
    return {one: one.law for one in policies_of(expr) if isinstance(one.law, PushedLaw)}


def reads_in(expr: Expr) -> tuple[Reads, ...]:
    """What members read of their friends, each once."""
    found = [Reads(one.of.name, law.pushed.of, law.pushed.kind) for one, law in pushed_in(expr).items()]
    return tuple(dict.fromkeys(found))


def over_units(expr: Expr) -> Expr:
    """The estimand with ``Σ_Z P(Z) P(Q | Z)`` as ``P(Q)``: the mean over units, each with its own friendships.

    Right by the law of total probability, and needed because a law learnt from units with some Z
    stands for none of them, so that it has no friendships of its own.

    Examples
    --------
    >>> from umbel.expr.build import product, total
    >>> from umbel.expr.nodes import Raw, Symbol
    >>> from umbel.expr.render import text
    >>> y, z = Symbol(Raw("Y")), Symbol(Raw("Z"))
    >>> text(over_units(total([z], product([Probability((z,)), Probability((y,), (z,))]))))
    'P(Y)'
    """
    found = rebuilt(expr, over_units)
    if not isinstance(found, Sum) or not isinstance(found.body, Product) or len(found.body.factors) != 2:
        return found
    for one, other in (found.body.factors, found.body.factors[::-1]):
        if not isinstance(one, Probability) or not isinstance(other, Probability) or one.given:
            continue
        bound, same = set(found.over), (one.level, one.source) == (other.level, other.source)
        if same and bound == set(one.of) == set(other.given) and not bound & set(other.of):
            return Probability(other.of, (), other.level, other.source)
    return found


def laws_pushed(
    expr: Expr, friends: Friendships, nested: Nested, states: Mapping[str, tuple[State, ...]]
) -> dict[Policy, Array]:
    """Each law of an exposure, shape (units, states of the exposure).

    Parameters
    ----------
    expr
        The estimand.
    friends
        Who is whose friend.
    nested
        The units, in the order of the arrays.
    states
        Of the treatments, in the order that the question's families mean.

    Raises
    ------
    Unsupported
        For a law that draws a value which occurs nowhere.
    """
    units = [key[0] for key in nested.keys]
    found = {}
    for policy, law in pushed_in(expr).items():
        one = law.pushed
        known = friends.treatments[one.of]
        order = states.get(one.of, known)
        drawn = FamilyLaw(one.law, law.text)
        weights = {float(state): drawn.weight(state, order, {}) for state in order}
        if not set(weights) <= set(known):
            raise Unsupported(f"{one.of} is drawn from values that occur nowhere.", "Ask for ones that occur.")
        reads = Reads(policy.of.name, one.of, one.kind)
        found[policy] = friends.pushed(reads, [weights.get(value, 0.0) for value in known], units)
    return found


def made_up_laws(expr: Expr, states: Mapping[str, tuple[State, ...]], units: int) -> dict[Policy, Array]:
    """Even laws, by which an engine is tried before rows are read."""
    sizes = {policy: len(states.get(policy.of.name, (0, 1))) for policy in pushed_in(expr)}
    return {policy: np.full((units, size), 1.0 / size) for policy, size in sizes.items()}
