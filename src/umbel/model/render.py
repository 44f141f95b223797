"""Write a question as text: the canonical form, which parses back to the same value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from umbel.lexer import quoted, quoted_if_needed
from umbel.model.formula import Apply, Chain, Compare, Constant, Covariate, Formula, Negative
from umbel.model.policy import Family, Levers, Natural, Perfect, Point, Policy, Pushed, Realisation, Shift, Unspecified
from umbel.model.query import (
    Best,
    Body,
    ClassEffects,
    Combination,
    Drawn,
    Event,
    Expectation,
    Free,
    Held,
    Intervention,
    Named,
    Number,
    Probability,
    Question,
    Ratio,
    Realised,
    SetTo,
    Term,
)
from umbel.variable import State


def question_text(question: Question) -> str:
    """Canonical text of a question; parsing it gives an equal question.

    Examples
    --------
    >>> question_text(Question.parse("E[ Y|do(A = 1) ]-2 * E[Y|do(A=0)]"))
    'E[Y | do(A=1)] - 2*E[Y | do(A=0)]'
    """
    return body_text(question.body)


def body_text(body: Body) -> str:
    """Text of a body, without brackets around it."""
    match body:
        case Number(value):
            return number_text(value)
        case Ratio(numerator, denominator):
            return f"{_side(numerator)} / {_side(denominator)}"
        case Combination(parts):
            return _signed(_multiple(weight, part) for weight, part in parts)
        case Best(parameters, inner):
            return f"max[{', '.join(map(quoted_if_needed, parameters))}] {body_text(inner)}"
        case _:
            return term_text(body)


def _side(body: Body) -> str:
    """One side of a ratio: brackets around what is more than one term."""
    return f"({body_text(body)})" if isinstance(body, Combination | Ratio) else body_text(body)


def _multiple(weight: float, part: Term | Ratio) -> tuple[bool, str]:
    """Whether a summand is negative, and its text without the sign."""
    if isinstance(part, Number):
        value = weight * part.value
        return value < 0, number_text(abs(value))
    # A sign or a factor before a ratio would otherwise belong to its numerator.
    text = f"({body_text(part)})" if isinstance(part, Ratio) and weight != 1 else body_text(part)
    return weight < 0, text if abs(weight) == 1 else f"{number_text(abs(weight))}*{text}"


def _signed(summands: Iterable[tuple[bool, str]]) -> str:
    text = ""
    for negative, summand in summands:
        sign = (" - " if negative else " + ") if text else ("-" if negative else "")
        text += sign + summand
    return text


def term_text(term: Term) -> str:
    """Text of one term.

    Examples
    --------
    >>> term_text(Probability((Event("Y", 1, (Held("A", 1),)),), (), (Event("Sex", "F"),)))
    'P(Y[A=1]=1 | Sex="F")'
    """
    match term:
        case Number(value):
            return number_text(value)
        case Probability(outcomes, do, given):
            return f"P({', '.join(map(event_text, outcomes))}{_conditions(do, given)})"
        case Expectation(outcome, do, given):
            return f"E[{event_text(outcome)}{_conditions(do, given)}]"
        case Named(kind, treatment, outcome, given):
            return f"{kind}({quoted_if_needed(treatment)}, {quoted_if_needed(outcome)}{_conditions((), given)})"
        case ClassEffects():
            treatment, outcome, latent = map(quoted_if_needed, (term.treatment, term.outcome, term.latent))
            return f"MTE({treatment}, {outcome} | {latent})"
        case _:
            assert_never(term)


def _conditions(do: tuple[Intervention, ...], given: tuple[Event, ...]) -> str:
    items = [f"do({', '.join(map(intervention_text, do))})"] if do else []
    items += map(event_text, given)
    return f" | {', '.join(items)}" if items else ""


def event_text(event: Event) -> str:
    """Text of an event: its variable, subscript and value."""
    world = f"[{', '.join(map(intervention_text, event.world))}]" if event.world else ""
    value = "" if event.value is None else f"={value_text(event.value)}"
    return f"{quoted_if_needed(event.variable, ('do',) if world else ())}{world}{value}"


def intervention_text(intervention: Intervention) -> str:
    """Text of one intervention, as it stands in do(…) or in a subscript."""
    match intervention:
        case Held(name, value):
            return f"{quoted_if_needed(name)}={value_text(value)}"
        case Free(name):
            return quoted_if_needed(name)
        case Drawn(name, law):
            return f"{quoted_if_needed(name)} ~ {law_text(law)}"
        case Realised(name, value, by):
            level = "" if value is None else f" = {value_text(value)}"
            return f"{quoted_if_needed(name)}{level} by {realisation_text(by)}"
        case SetTo(event):
            return event_text(event)
        case _:
            assert_never(intervention)


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
