"""Write a question, as text that parses back to the same value and as LaTeX that papers set.

One walk over the question serves both notations; in LaTeX worlds are subscripts and ``do`` stands upright.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from umbel.expr.words import latex_name, latex_words
from umbel.lexer import quoted_if_needed
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
from umbel.model.render_policy import law_text, number_text, realisation_text, value_text
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Style:
    """The marks of one notation; everything else is shared between text and LaTeX."""

    latex: bool
    bar: str
    equals: str
    drawn: str
    by: str
    times: str
    best: tuple[str, str]
    world: tuple[str, str]


TEXT = Style(False, " | ", "=", " ~ ", " by ", "*", ("max[", "]"), ("[", "]"))
LATEX = Style(True, " \\mid ", " = ", " \\sim ", "\\text{ by }", "\\, ", ("\\max_{", "}"), ("_{", "}"))


def body_text(body: Body) -> str:
    """Canonical text of a body or a term; parsing it gives an equal one.

    Examples
    --------
    >>> body_text(Question.parse("E[ Y|do(A = 1) ]-2 * E[Y|do(A=0)]").body)
    'E[Y | do(A=1)] - 2*E[Y | do(A=0)]'
    >>> body_text(Probability((Event("Y", 1, (Held("A", 1),)),), (), (Event("Sex", "F"),)))
    'P(Y[A=1]=1 | Sex="F")'
    """
    return _body(body, TEXT)


def question_latex(question: Question) -> str:
    r"""LaTeX of a question, without dollar signs.

    Examples
    --------
    >>> print(question_latex(Question.parse("E[Y[A=1, M[A=0]] | X] - E[Y | do(A=0)]")))
    E[Y_{A = 1, M_{A = 0}} \mid X] - E[Y \mid \mathrm{do}(A = 0)]
    """
    return _body(question.body, LATEX)


def _body(body: Body, style: Style) -> str:
    match body:
        case Number(value):
            return number_text(value)
        case Ratio():
            return _ratio(body, style)
        case Combination(parts):
            return _signed(_multiple(weight, part, style) for weight, part in parts)
        case Best(parameters, inner):
            opening, closing = style.best
            return f"{opening}{_names(parameters, style)}{closing} {_body(inner, style)}"
        case Probability(outcomes, do, given):
            return f"P({_listed(outcomes, style)}{_conditions(do, given, style)})"
        case Expectation(outcome, do, given):
            return f"E[{_event(outcome, style)}{_conditions(do, given, style)}]"
        case Named(kind, treatment, outcome, given):
            return f"{_upright(kind, style)}({_names((treatment, outcome), style)}{_conditions((), given, style)})"
        case ClassEffects(treatment, outcome, latent):
            names = _names((treatment, outcome), style)
            return f"{_upright('MTE', style)}({names}{style.bar}{_name(latent, style)})"
        case _:
            assert_never(body)


def _ratio(ratio: Ratio, style: Style) -> str:
    if style.latex:
        return f"\\frac{{{_body(ratio.numerator, style)}}}{{{_body(ratio.denominator, style)}}}"
    return " / ".join(
        f"({_body(side, style)})" if isinstance(side, Combination | Ratio) else _body(side, style)
        for side in (ratio.numerator, ratio.denominator)
    )


def _multiple(weight: float, part: Term | Ratio, style: Style) -> tuple[bool, str]:
    """Whether a summand is negative, and its text without the sign."""
    if isinstance(part, Number):
        value = weight * part.value
        return value < 0, number_text(abs(value))
    text = _body(part, style)
    if isinstance(part, Ratio) and weight != 1 and not style.latex:
        text = f"({text})"  # a sign or a factor before a ratio would otherwise belong to its numerator
    return weight < 0, text if abs(weight) == 1 else f"{number_text(abs(weight))}{style.times}{text}"


def _signed(summands: Iterable[tuple[bool, str]]) -> str:
    text = ""
    for negative, summand in summands:
        sign = (" - " if negative else " + ") if text else ("-" if negative else "")
        text += sign + summand
    return text


def _conditions(do: tuple[Intervention, ...], given: tuple[Event, ...], style: Style) -> str:
    items = [f"{_upright('do', style)}({', '.join(_intervention(item, style) for item in do)})"] if do else []
    items += [_event(event, style) for event in given]
    return style.bar + ", ".join(items) if items else ""


def _listed(events: tuple[Event, ...], style: Style) -> str:
    return ", ".join(_event(event, style) for event in events)


def _event(event: Event, style: Style) -> str:
    name = _name(event.variable, style, before_world=bool(event.world))
    if event.world:
        opening, closing = style.world
        name += f"{opening}{', '.join(_intervention(item, style) for item in event.world)}{closing}"
    return name if event.value is None else f"{name}{style.equals}{_value(event.value, style)}"


def _intervention(item: Intervention, style: Style) -> str:
    match item:
        case Held(name, value):
            return f"{_name(name, style)}{style.equals}{_value(value, style)}"
        case Free(name):
            return _name(name, style)
        case Drawn(name, law):
            return f"{_name(name, style)}{style.drawn}{_words(law_text(law), style)}"
        case Realised(name, value, by):
            level = "" if value is None else f" = {_value(value, style)}"
            return f"{_name(name, style)}{level}{style.by}{_words(realisation_text(by), style)}"
        case SetTo(event):
            return _event(event, style)
        case _:
            assert_never(item)


def _name(name: str, style: Style, *, before_world: bool = False) -> str:
    """A variable; what stands before a world is kept apart from the marks of that world."""
    if not style.latex:
        return quoted_if_needed(name, ("do",) if before_world else ())
    found = latex_name(name)
    return f"{{{found}}}" if before_world and "_" in found else found  # it may have an index of its own


def _names(names: Iterable[str], style: Style) -> str:
    return ", ".join(_name(name, style) for name in names)


def _upright(word: str, style: Style) -> str:
    return f"\\mathrm{{{word}}}" if style.latex else word


def _words(words: str, style: Style) -> str:
    return latex_words(words) if style.latex else words


def _value(value: State, style: Style) -> str:
    text = value_text(value)
    if not style.latex:
        return text
    match value:
        case bool():
            return latex_words(text)
        case str():
            return latex_words(value)  # without the quotes that its text has
        case _:
            return text
