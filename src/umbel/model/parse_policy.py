"""The part of the question grammar inside ``do(…)``: interventions, laws, realisations, formulas.

::

    intervention  name | name = value | name [= value] by realisation | name ~ law
    law           q | q(name, …) | Bernoulli(formula) | Normal(formula, formula)
                  | Categorical(formula, …) | Point(formula)
    realisation   natural | natural(name, …) | shift(name [: number], …) | perfect(name [: number], …)
                  | point(name: formula, …) | levers(name, …)
    formula       sum [(= | != | < | <= | > | >=) sum]
    sum           product ((+ | -) product)*
    product       factor ((* | /) factor)*
    factor        -* (number | true | false | name | function(formula, …) | (formula))
    value         [-] number | true | false | "label"

One function for each line. Quotes in a formula hold a name, but a label right after a comparison's
sign (``Sex = "F"``) and where they are all of a point (``Point("high")``). ``depth`` counts open
brackets, so that no text exhausts the stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from umbel.errors import cut, did_you_mean, shown
from umbel.lexer import Reader, Token, brief
from umbel.model.formula import (
    COMPARISONS,
    FUNCTIONS,
    Apply,
    Chain,
    Compare,
    Constant,
    Covariate,
    Formula,
    Negative,
    evaluate,
    reads,
)
from umbel.model.policy import (
    FAMILIES,
    REALISATIONS,
    Family,
    Levers,
    Natural,
    Perfect,
    Point,
    Policy,
    Realisation,
    Shift,
    Unspecified,
)
from umbel.model.query import Drawn, Free, Held, Intervention, Realised
from umbel.variable import State

MOST_NESTED = 64
"""Deepest nesting of brackets that is read: far beyond any use, and safe for the stack."""

Item = TypeVar("Item")


def deeper(reader: Reader, depth: int) -> int:
    """One bracket further in."""
    if depth >= MOST_NESTED:
        reader.fail(f"brackets nest more than {MOST_NESTED} deep here. Write it with fewer.")
    return depth + 1


def one_or_more(reader: Reader, item: Callable[[], Item]) -> list[Item]:
    """Items between commas."""
    items = [item()]
    while reader.accept(","):
        items.append(item())
    return items


def close(reader: Reader, bracket: Token, possible: str = "','") -> None:
    """Take the bracket that closes this one; ``possible`` is what else could have stood here."""
    mark = {"(": ")", "[": "]"}[bracket.text]
    if reader.accept(mark) is None:
        last, found = reader.peek(-1), reader.peek()
        blank = f' A name with a blank is quoted: "{cut(f"{last.text} {found.text}", 24)}".'
        reader.fail(
            f"expected {possible} or {mark!r} to close {bracket.text!r} of line {bracket.line}, "
            f"column {bracket.column}; found {reader.found()}.{blank if last.kind == found.kind == 'word' else ''}"
        )


def variable(reader: Reader, expected: str = "a variable") -> Token:
    """Take the name of a variable."""
    token = reader.peek()
    if token.kind == "number":
        reader.fail(f"expected {expected}, found the number {shown(token.text)}. A name that is a number is quoted.")
    return reader.name(expected)


def number(reader: Reader, expected: str) -> int | float:
    """Take a number, perhaps with a sign."""
    sign = reader.accept("-", "+")
    token = reader.peek()
    if not isinstance(token.value, int | float):
        reader.fail(f"expected {expected}, found {reader.found()}.")
    reader.next()
    return -token.value if sign is not None and sign.text == "-" else token.value


def value(reader: Reader, of: str) -> State:
    """Take a value: a number, true, false, or a label in quotes."""
    token = reader.peek()
    if token.kind == "quoted":
        reader.next()
        return str(token.value)
    if token.kind == "word":
        if token.text in ("true", "false"):
            reader.next()
            return token.text == "true"
        lower = token.text.lower()
        remedy = (
            f"Write {lower}"
            if lower in ("true", "false")
            else f'A label is quoted: {brief(of)}="{cut(token.text, 24)}"'
        )
        reader.fail(f"{shown(token.text)} is no value. {remedy}.")
    if token.text == "=":
        reader.fail(f"one '=' is enough: {brief(of)}=1.")
    return number(reader, f"a value of {shown(of)}: a number, true, false or a label in quotes")


def intervention(reader: Reader, depth: int) -> Intervention:
    """One item of ``do(…)``."""
    name = str(variable(reader, "a variable to intervene on").value)
    if reader.accept("~"):
        return Drawn(name, law(reader, depth))
    level = value(reader, name) if reader.accept("=") else None
    if reader.accept("by"):
        return Realised(name, level, realisation(reader, depth))
    if reader.peek().kind != "end" and reader.peek().text not in (",", ")", "]"):
        possible = "'=', '~', 'by', ',' or ')'" if level is None else "'by', ',' or ')'"
        reader.fail(f"expected {possible} after {shown(name)} in do(…), found {reader.found()}.")
    return Free(name) if level is None else Held(name, level)


def law(reader: Reader, depth: int) -> Policy:
    """What follows ``~``: q, or a family."""
    word = reader.peek()
    if word.kind != "word" or word.text not in ("q", *FAMILIES):
        hint = did_you_mean(word.text, ("q", *FAMILIES))
        reader.fail(f"expected a law after '~', found {reader.found()}. {hint}")
    reader.next()
    bracket = reader.accept("(")
    if word.text == "q":
        return Unspecified("q", _names(reader, bracket, "a covariate of q") if bracket else ())
    if bracket is None:
        signature = ", ".join(FAMILIES[word.text])
        reader.fail(f"expected '(' after {word.text}, found {reader.found()}. Write {word.text}({signature}).")
    starts: list[Token] = []

    def argument() -> Formula:
        start = reader.peek()
        starts.append(start)
        if word.text == "Point" and start.kind == "quoted" and reader.peek(1).text == ")":
            return Constant(reader.next().value)
        return formula(reader, deeper(reader, depth))

    arguments = one_or_more(reader, argument)
    close(reader, bracket)
    family = Family(word.text, tuple(arguments))
    _check_arguments(reader, word, family, starts)
    return family


def _check_arguments(reader: Reader, word: Token, family: Family, starts: list[Token]) -> None:
    """Refuse a wrong count, a label as a number, and constants that are no parameters."""
    parameters = FAMILIES[word.text]
    open_ended = parameters[-1] == "…"
    least = len(parameters) - open_ended
    count = len(family.arguments)
    if count < least or (count > least and not open_ended):
        reader.fail(
            f"{word.text} has {least}{' or more' if open_ended else ''} "
            f"parameter{'s' * (least > 1)} ({', '.join(parameters)}), not {count}.",
            word,
        )
    if word.text == "Point":
        return
    known = [_constant(reader, start, argument) for start, argument in zip(starts, family.arguments, strict=True)]
    for index, (start, level) in enumerate(zip(starts, known, strict=True)):
        if level is None:
            continue
        if word.text == "Normal" and index == 1:
            if level <= 0:
                reader.fail(f"a standard deviation is above 0, not {level:g}.", start)
        elif word.text != "Normal" and not 0 <= level <= 1:
            reader.fail(f"a probability lies between 0 and 1, not at {level:g}.", start)
    total = math.fsum(level for level in known if level is not None)
    if word.text == "Categorical" and None not in known and abs(total - 1) > 1e-9:
        reader.fail(f"the probabilities of Categorical sum to {total:g}, not to 1.", word)


def _constant(reader: Reader, start: Token, argument: Formula) -> float | None:
    """The number that a formula without covariates is; None for one with covariates."""
    if reads(argument):
        return None
    try:
        result = evaluate(argument, {})
    except (ArithmeticError, ValueError, TypeError):
        result = math.nan
    if not math.isfinite(result):
        reader.fail("this formula has no finite value: it divides by 0, or leaves a function's domain.", start)
    return result


def realisation(reader: Reader, depth: int) -> Realisation:
    """What follows ``by``."""
    word = reader.peek()
    if word.kind != "word" or word.text not in REALISATIONS:
        hint = did_you_mean(word.text, REALISATIONS)
        reader.fail(f"expected a realisation after 'by', found {reader.found()}. {hint}")
    reader.next()
    if word.text == "natural":
        opened = reader.accept("(")
        return Natural(_names(reader, opened, "a covariate that the parts go with") if opened else ())
    bracket = reader.expect("(", f"after {word.text!r}, with the micro-variables that it moves")
    if word.text == "levers":
        return Levers(_names(reader, bracket, "a micro-variable"))
    if word.text == "point":
        values = one_or_more(reader, lambda: _point(reader, depth))
        _once(reader, bracket, [name for name, _ in values])
        close(reader, bracket)
        return Point(tuple(values))
    weights = one_or_more(reader, lambda: _weight(reader))
    _once(reader, bracket, [name for name, _ in weights])
    close(reader, bracket)
    return (Shift if word.text == "shift" else Perfect)(tuple(weights))


def _weight(reader: Reader) -> tuple[str, float]:
    name = str(variable(reader, "a micro-variable").value)
    return name, float(number(reader, "a weight")) if reader.accept(":") else 1.0


def _point(reader: Reader, depth: int) -> tuple[str, Formula]:
    name = str(variable(reader, "a micro-variable").value)
    reader.expect(":", f"and the value of {shown(name)}, a number or a formula")
    return name, formula(reader, deeper(reader, depth))


def _names(reader: Reader, bracket: Token, expected: str) -> tuple[str, ...]:
    names = [str(token.value) for token in one_or_more(reader, lambda: variable(reader, expected))]
    _once(reader, bracket, names)
    close(reader, bracket)
    return tuple(names)


def _once(reader: Reader, place: Token, names: list[str]) -> None:
    """Refuse a list that names one variable twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            reader.fail(f"{shown(name)} stands twice in this list. Name it once.", place)
        seen.add(name)


def formula(reader: Reader, depth: int) -> Formula:
    """Arithmetic over covariates, perhaps with one comparison."""
    left = _sum(reader, depth)
    sign = reader.accept(*COMPARISONS)
    if sign is None:
        return left
    right = _sum(reader, depth)
    if reader.peek().text in COMPARISONS:
        reader.fail("one comparison at a time. Put brackets around each, and multiply them for 'and'.")
    return Compare(left, sign.text, right)


def _sum(reader: Reader, depth: int) -> Formula:
    start = reader.peek()
    first = _product(reader, depth)
    rest: list[tuple[str, Formula]] = []
    while (sign := reader.accept("+", "-")) is not None:
        rest.append((sign.text, _product(reader, depth)))
    return _chain(reader, start, first, rest)


def _product(reader: Reader, depth: int) -> Formula:
    start = reader.peek()
    first = _factor(reader, depth)
    rest: list[tuple[str, Formula]] = []
    while (sign := reader.accept("*", "/")) is not None:
        rest.append((sign.text, _factor(reader, depth)))
    return _chain(reader, start, first, rest)


def _chain(reader: Reader, start: Token, first: Formula, rest: list[tuple[str, Formula]]) -> Formula:
    if not rest:
        return first
    if isinstance(first, Constant) and isinstance(first.value, str):
        remedy = f"If it is a variable, put it in round brackets: ({start.text})"
        reader.fail(f"the label {shown(first.value)} stands alone on its side of a comparison. {remedy}.", start)
    return Chain(first, tuple(rest))


def _factor(reader: Reader, depth: int) -> Formula:
    """A signed atom; signs before a number become part of it."""
    minus = False
    while (sign := reader.accept("-", "+")) is not None:
        minus ^= sign.text == "-"
    inner = _atom(reader, depth)
    if not minus:
        return inner
    match inner:
        case Constant(level) if not isinstance(level, str | bool):
            return Constant(-level)
        case Negative(operand):
            return operand
        case _:
            return Negative(inner)


def _atom(reader: Reader, depth: int) -> Formula:
    after_comparison = reader.peek(-1).text in COMPARISONS
    token = reader.peek()
    if token.kind == "word" and reader.peek(1).text == "(":
        return _function(reader, depth)
    if token.text == "(":
        bracket = reader.next()
        inner = formula(reader, deeper(reader, depth))
        close(reader, bracket)
        return inner
    if token.kind == "number" or token.text in ("true", "false"):
        reader.next()
        return Constant(token.value if token.kind == "number" else token.text == "true")
    if token.kind == "quoted" and after_comparison:
        reader.next()
        return Constant(token.value)
    return Covariate(str(reader.name("a number, a covariate or a function").value))


def _function(reader: Reader, depth: int) -> Formula:
    word = reader.next()
    if word.text not in FUNCTIONS:
        reader.fail(f"{shown(word.text)} is no function of a formula. {did_you_mean(word.text, FUNCTIONS)}", word)
    bracket = reader.next()
    arguments = one_or_more(reader, lambda: formula(reader, deeper(reader, depth)))
    close(reader, bracket)
    known = FUNCTIONS[word.text]
    if len(arguments) < known.least or (known.most is not None and len(arguments) > known.most):
        wanted = f"{known.least} argument{'s' * (known.least > 1)}{'' if known.most else ' or more'}"
        reader.fail(f"{word.text} takes {wanted}, not {len(arguments)}.", word)
    return Apply(word.text, tuple(arguments))
