"""How policies set treatments on one network: their formulas on columns of numbers, and what they may read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from umbel.data.rows import RowColumn
from umbel.estimate.array_formula import NoValue, column_of
from umbel.expr.nodes import AtState, Policy
from umbel.model.policy import Family
from umbel.model.weights import FamilyLaw
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Reader, Rule
from umbel.variable import State

NEAR = ".near"


def base(name: str) -> str:
    """The variable that a policy reads under a name: ``mean(X.near)``, ``X.near`` or ``X`` itself.

    Examples
    --------
    >>> base("mean(X.near)"), base("X.near"), base("X")
    ('X', 'X', 'X')
    """
    if name.startswith("mean(") and name.endswith(f"{NEAR})"):
        return name[len("mean(") : -len(f"{NEAR})")]
    return name.removesuffix(NEAR)


class Unmodelled(Exception):
    """What the columns or the estimand do not admit: why, and what to do."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.why, self.advice = why, advice


def rule_of(name: str, value: AtState | Policy, columns: Mapping[str, RowColumn], place: Mapping[str, int]) -> Rule:
    """How a treatment is set, on the scale of its column of numbers."""
    states = columns[name].states
    if isinstance(value, AtState):
        return Rule(partial(_constant, level=code_of(name, value.state, states)), drawn=False)
    assert isinstance(value.law, FamilyLaw)
    family = value.law.family
    binary = len(states) == 2
    if family.name == "Bernoulli" and not binary:
        raise Unmodelled(f"{value.law.text} needs two states, and {name} has others.", f"Use {name} ~ Point(…).")
    return Rule(
        partial(_family, policy=value, family=family, written=value.law.text, columns=columns, place=place),
        drawn=family.name == "Bernoulli",
    )


def _constant(read: Reader, *, level: float) -> Floats:
    return np.full_like(read.own(0), level)


def code_of(name: str, state: State, states: tuple[State, ...]) -> float:
    """A state as the number that stands for it in regressions."""
    if len(states) == 2:
        if state in states:
            return float(states.index(state))
        raise Unmodelled(f"No person has {name} = {state}.", f"Ask for one of: {states[0]}, {states[1]}.")
    if isinstance(state, str):
        raise Unmodelled(f"{name} is a number, and {state!r} is none.", f"Ask for a number: do({name}=1).")
    if states and state not in states:
        raise Unmodelled(f"No person has {name} = {state}.", f"Ask for one of: {', '.join(map(str, states))}.")
    return float(state)


def _family(
    read: Reader,
    *,
    policy: Policy,
    family: Family,
    written: str,
    columns: Mapping[str, RowColumn],
    place: Mapping[str, int],
) -> Floats:
    """The chance or the value that a family's one formula gives each person, chances within [0, 1]."""
    found = formula_of(read, policy, family, written, columns, place)
    if family.name == "Bernoulli" and not (found.min() >= 0.0 and found.max() <= 1.0):
        wrong = float(found.min() if found.min() < 0.0 else found.max())
        raise Unmodelled(
            f"{written} gives somebody the probability {wrong:.3g}.", "Keep it in [0, 1]: Bernoulli(min(1, max(0, …)))."
        )
    return found


def formula_of(
    read: Reader,
    policy: Policy,
    family: Family,
    written: str,
    columns: Mapping[str, RowColumn],
    place: Mapping[str, int],
) -> Floats:
    """What a family's one formula gives each person, shape (persons, copies).

    States are read as the table codes them; what somebody without neighbours reads of them is 0.

    Raises
    ------
    Unmodelled
        For arithmetic on words, a word that nobody has, and a formula without a value somewhere.
    """
    like = read.own(0)
    meant = dict(zip(family.reads, (one.name for one in policy.given), strict=True))

    def numbers(name: str) -> Floats:
        word = meant[name]
        of = word if word in place else base(word)
        own, averaged = of == word, word.endswith(")")
        found = read.own(place[of])
        states = columns[of].states
        if any(isinstance(state, str) for state in states):
            raise Unmodelled(f"{written}: {of} holds words, not numbers.", f"Code {of} as 0 and 1, or compare it.")
        if len(states) == 2:
            low, high = (float(state) for state in states)
            found = low + (high - low) * found
        return found if own else read.at.around(found, averaged=averaged)

    def words(name: str, word: str) -> Floats:
        states = columns[name].states
        if word not in states:
            raise Unmodelled(
                f"{written}: nobody has {name} = {word!r}.", f"Ask for one of: {', '.join(map(str, states))}."
            )
        return np.asarray(read.own(place[name]) == states.index(word), dtype=np.float64)

    try:
        return np.broadcast_to(column_of(family.arguments[0], numbers, words), like.shape)
    except NoValue as fault:
        raise Unmodelled(f"{written}: {fault}.", "Change the policy so that it has a value for everybody.") from None
