"""``max[k1, k2] …``: a family of policies at values of its parameters, and what is done without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from umbel.errors import QuestionError
from umbel.model.formula import Apply, Chain, Compare, Constant, Covariate, Formula, Negative
from umbel.model.policy import Family
from umbel.model.query import (
    Body,
    Drawn,
)
from umbel.model.rewrite import by_settings
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class ParametricLaw:
    """A family whose parameters have no values yet: it has a text, and no weights.

    Parameters
    ----------
    family
        With parameters among what its formulas read.
    text
        As the question writes it.
    parameters
        Their names.
    """

    family: Family
    text: str
    parameters: tuple[str, ...]

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """Refused: the parameters have no values.

        Raises
        ------
        QuestionError
            Always.
        """
        del state, states, covariates
        names = ", ".join(self.parameters)
        raise QuestionError(f"{self.text} has no weights until {names} are chosen. umbel.solve chooses them from data.")


def fixed(formula: Formula, values: Mapping[str, float]) -> Formula:
    """The formula with parameters at values.

    Examples
    --------
    >>> fixed(Chain(Covariate("k"), (("*", Covariate("C")),)), {"k": 2.0})
    Chain(first=Constant(value=2.0), rest=(('*', Covariate(name='C')),))
    """
    match formula:
        case Covariate(name):
            return Constant(values[name]) if name in values else formula
        case Constant():
            return formula
        case Negative(operand):
            inner = fixed(operand, values)
            if isinstance(inner, Constant) and isinstance(inner.value, int | float):
                return Constant(-inner.value)  # a constant carries its own sign
            return Negative(inner)
        case Chain(first, rest):
            return Chain(fixed(first, values), tuple((sign, fixed(operand, values)) for sign, operand in rest))
        case Compare(left, sign, right):
            return Compare(fixed(left, values), sign, fixed(right, values))
        case Apply(function, arguments):
            return Apply(function, tuple(fixed(argument, values) for argument in arguments))
        case _:
            assert_never(formula)


def family_at(family: Family, values: Mapping[str, float]) -> Family:
    """The family with parameters at values."""
    return Family(family.name, tuple(fixed(formula, values) for formula in family.arguments))


def at_values(body: Body, values: Mapping[str, float]) -> Body:
    """The body with every family at values of the parameters."""

    def set_to(item: Drawn) -> Drawn:
        return replace(item, law=family_at(item.law, values)) if isinstance(item.law, Family) else item

    return _each_law(body, set_to)


def without_policies(body: Body, parameters: tuple[str, ...]) -> Body:
    """The body with every treatment that a parameter decides left as it is: the status quo."""
    return _each_law(body, lambda item: None if _chosen(item, parameters) else item)


def chosen_laws(body: Body, parameters: tuple[str, ...]) -> dict[str, Family]:
    """The families that parameters decide, by treatment.

    Raises
    ------
    QuestionError
        For two families of one treatment.
    """
    found: dict[str, Family] = {}

    def note(item: Drawn) -> Drawn:
        chosen = _chosen(item, parameters)
        if chosen and isinstance(item.law, Family) and found.setdefault(item.name, item.law) != item.law:
            raise QuestionError(f"max[…] decides {item.name} by two families. Write one, with parameters in it.")
        return item

    _each_law(body, note)
    return found


def _chosen(item: Drawn, parameters: tuple[str, ...]) -> bool:
    return isinstance(item.law, Family) and any(name in parameters for name in item.law.reads)


def _each_law(body: Body, change: Callable[[Drawn], Drawn | None]) -> Body:
    return by_settings(body, lambda item: change(item) if isinstance(item, Drawn) else item)
