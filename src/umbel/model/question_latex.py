"""Questions as LaTeX, as papers set them: worlds as subscripts, ``do`` upright."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from umbel.expr.words import latex_name, latex_words
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
)
from umbel.model.render import law_text, number_text, realisation_text
from umbel.variable import State


def question_latex(question: Question) -> str:
    r"""LaTeX of a question, without dollar signs.

    Examples
    --------
    >>> print(question_latex(Question.parse("E[Y[A=1, M[A=0]] | X] - E[Y | do(A=0)]")))
    E[Y_{A = 1, M_{A = 0}} \mid X] - E[Y \mid \mathrm{do}(A = 0)]
    """
    return _body(question.body)


def _body(body: Body) -> str:
    match body:
        case Number(value):
            return number_text(value)
        case Ratio(numerator, denominator):
            return f"\\frac{{{_body(numerator)}}}{{{_body(denominator)}}}"
        case Combination(parts):
            return _sum(parts)
        case Best(parameters, inner):
            return f"\\max_{{{', '.join(map(latex_name, parameters))}}} {_body(inner)}"
        case Probability(outcomes, do, given):
            return f"P({', '.join(map(_event, outcomes))}{_conditions(do, given)})"
        case Expectation(outcome, do, given):
            return f"E[{_event(outcome)}{_conditions(do, given)}]"
        case Named(kind, treatment, outcome, given):
            names = f"{latex_name(treatment)}, {latex_name(outcome)}"
            return f"\\mathrm{{{kind}}}({names}{_conditions((), given)})"
        case ClassEffects():
            treatment, outcome, latent = map(latex_name, (body.treatment, body.outcome, body.latent))
            return f"\\mathrm{{MTE}}({treatment}, {outcome} \\mid {latent})"
        case _:
            assert_never(body)


def _sum(parts: Iterable[tuple[float, Body]]) -> str:
    words = ""
    for weight, part in parts:
        sign = (" - " if weight < 0 else " + ") if words else ("-" if weight < 0 else "")
        if isinstance(part, Number):
            words += sign + number_text(abs(weight * part.value))
            continue
        words += sign + ("" if abs(weight) == 1 else f"{number_text(abs(weight))}\\, ") + _body(part)
    return words


def _conditions(do: tuple[Intervention, ...], given: tuple[Event, ...]) -> str:
    items = [f"\\mathrm{{do}}({', '.join(map(_intervention, do))})"] if do else []
    items += map(_event, given)
    return f" \\mid {', '.join(items)}" if items else ""


def _event(event: Event) -> str:
    name = latex_name(event.variable)
    if event.world:  # braces, since a name may have an index of its own
        base = f"{{{name}}}" if "_" in name else name
        name = f"{base}_{{{', '.join(map(_intervention, event.world))}}}"
    return name if event.value is None else f"{name} = {_value(event.value)}"


def _intervention(item: Intervention) -> str:
    match item:
        case Held(name, value):
            return f"{latex_name(name)} = {_value(value)}"
        case Free(name):
            return latex_name(name)
        case Drawn(name, law):
            return f"{latex_name(name)} \\sim {latex_words(law_text(law))}"
        case Realised(name, value, by):
            level = "" if value is None else f" = {_value(value)}"
            return f"{latex_name(name)}{level}\\text{{ by }}{latex_words(realisation_text(by))}"
        case SetTo(event):
            return _event(event)
        case _:
            assert_never(item)


def _value(value: State) -> str:
    if isinstance(value, str):
        return latex_words(value)
    return latex_words(str(value).lower()) if isinstance(value, bool) else repr(value)
