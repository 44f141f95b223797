"""Doses: at which values a source set a variable, and whether a question visits no others.

A trial at some doses shows the mechanisms below its treatment at these doses and nowhere else.
Values compare by what they do, not by how they are written: ``Bernoulli(1)`` sets the state 1.
"""

from __future__ import annotations

from collections.abc import Hashable

from umbel.expr.nodes import AtState, Certain, Policy, Symbol, Value
from umbel.model.formula import Constant
from umbel.model.task import Treatment
from umbel.model.weights import FamilyLaw
from umbel.variable import State


def visited(treatment: Treatment, doses: tuple[Value, ...]) -> bool:
    """Whether a treatment visits these doses alone.

    Examples
    --------
    >>> visited(Treatment(0, AtState(1)), (AtState(0), AtState(1)))
    True
    >>> visited(Treatment(0, AtState(2)), (AtState(0), AtState(1)))
    False
    """
    known = {sameness(dose) for dose in doses}
    if treatment.policy is not None:
        states = support(treatment.policy)
        return states is not None and all(sameness(AtState(state)) in known for state in states)
    if treatment.value is None or isinstance(treatment.value, Symbol):
        return False
    own = sameness(treatment.value)
    return own is not None and own in known


def sameness(value: Value) -> Hashable | None:
    """What two values have in common exactly when they set the same; None: like no other.

    Examples
    --------
    >>> sameness(Certain(AtState(1))) == sameness(AtState(1))
    True
    """
    match value:
        case AtState(state):
            return "state", state
        case Certain(Symbol()):
            return None
        case Certain(inner):
            return sameness(inner) if not isinstance(inner, Symbol) else None
        case Policy():
            states = support(value)
            if states is not None and len(states) == 1:
                return "state", states[0]
            law = value.law
            return ("law", law.family) if isinstance(law, FamilyLaw) and not law.family.reads else None


def support(policy: Policy) -> tuple[State, ...] | None:
    """States that a law reaches, where it reads nothing and they can be told; else None."""
    law = policy.law
    if not isinstance(law, FamilyLaw):
        return None
    match law.family.name, law.family.arguments:
        case "Point", (Constant(state),):
            return (state,)
        case "Bernoulli", (Constant(chance),):
            return tuple(state for state in (0, 1) if chance != 1 - state)
        case _:
            return None
