"""Write what a question sets as text: values, laws, realisations and formulas, in the form that parses back."""

from __future__ import annotations

from typing import assert_never

from umbel.lexer import quoted, quoted_if_needed
from umbel.model.formula import Apply, Chain, Compare, Constant, Covariate, Formula, Negative
from umbel.model.policy import Family, Levers, Natural, Perfect, Point, Policy, Pushed, Realisation, Shift, Unspecified
from umbel.variable import State


def value_text(value: State) -> str:
    """Text of a value: a number as it was given, true, false, or a label in quotes."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case _:
            return repr(value)


def number_text(value: float) -> str:
    """Text of a number that has no type of its own: 2 for 2.0."""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(float(value))


def law_text(law: Policy) -> str:
    """Text of a law.

    Examples
    --------
    >>> law_text(Unspecified("q", ("X",)))
    'q(X)'
    """
    match law:
        case Unspecified(name, given):
            return f"{name}({', '.join(map(quoted_if_needed, given))})" if given else name
        case Family("Point", (Constant(str() as label),)):
            return f"Point({quoted(label)})"
        case Family("Point", (Covariate() as covariate,)) if (text := formula_text(covariate)).startswith('"'):
            return f"Point(({text}))"  # quotes alone would be a label
        case Family(name, arguments):
            return f"{name}({', '.join(map(formula_text, arguments))})"
        case Pushed(of, kind, drawn):
            return f"{kind}({of}.near) under {of} ~ {law_text(drawn)}"
        case _:
            assert_never(law)


def realisation_text(by: Realisation) -> str:
    """Text of a realisation."""
    match by:
        case Natural(given):
            return f"natural({', '.join(map(quoted_if_needed, given))})" if given else "natural"
        case Shift(weights):
            return f"shift({_weights(weights)})"
        case Perfect(weights):
            return f"perfect({_weights(weights)})"
        case Point(values):
            inner = ", ".join(f"{quoted_if_needed(name)}: {formula_text(value)}" for name, value in values)
            return f"point({inner})"
        case Levers(names):
            return f"levers({', '.join(map(quoted_if_needed, names))})"
        case _:
            assert_never(by)


def _weights(weights: tuple[tuple[str, float], ...]) -> str:
    names = ((quoted_if_needed(name), weight) for name, weight in weights)
    return ", ".join(name if weight == 1 else f"{name}: {number_text(weight)}" for name, weight in names)


_CONSTANT_WORDS = frozenset(("true", "false"))

# Ranks of what a formula's text binds with: a comparison least, an atom most.
_COMPARISON, _SUM, _PRODUCT, _SIGNED, _ATOM = range(5)


def _rank(formula: Formula) -> int:
    match formula:
        case Compare():
            return _COMPARISON
        case Chain():
            return _SUM if formula.is_sum else _PRODUCT
        case Negative():
            return _SIGNED
        case Constant() | Covariate() | Apply():
            return _ATOM
        case _:
            assert_never(formula)


def formula_text(formula: Formula) -> str:
    """Text of a formula.

    Examples
    --------
    >>> formula_text(Apply("expit", (Chain(Constant(0.2), (("+", Negative(Covariate("X"))),)),)))
    'expit(0.2 + -X)'
    """
    match formula:
        case Constant(value):
            return value_text(value)
        case Covariate(name):
            return quoted_if_needed(name, _CONSTANT_WORDS)
        case Negative(operand):
            return f"-{_within(operand, _ATOM)}"
        case Chain(first, rest):
            rank = _rank(formula) + 1
            space = " " if formula.is_sum else ""
            tail = "".join(f"{space}{sign}{space}{_within(operand, rank)}" for sign, operand in rest)
            return _within(first, rank) + tail
        case Compare(left, sign, right):
            text = _within(right, _SUM)
            if text.startswith('"') and not isinstance(right, Constant):
                text = f"({text})"  # a quoted name right after the sign would be a label
            return f"{_within(left, _SUM)} {sign} {text}"
        case Apply(function, arguments):
            return f"{function}({', '.join(map(formula_text, arguments))})"
        case _:
            assert_never(formula)


def _within(formula: Formula, rank: int) -> str:
    """Text of an operand: in brackets where it binds less than its place needs."""
    text = formula_text(formula)
    return f"({text})" if _rank(formula) < rank else text
