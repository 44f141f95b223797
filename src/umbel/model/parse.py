"""Read question text: one recursive-descent parser, nothing is ever evaluated by the host language.

::

    question      [max [ name, … ]] sum
    sum           product ((+ | -) product)*
    product       factor ((* | /) factor)*
    factor        -* (number | (sum) | term)
    term          P( event, … [| condition, …] )  |  E[ event [| condition, …] ]
                  | PNS( name, name [| event, …] )  and PN, PS, ATE, ETT
                  | MTE( name, name | name )
    condition     do( intervention, … ) | event
    event         name [ [ setting, … ] ] [= value]
    setting       name | name = value | name [ setting, … ]

``umbel.model.parse_policy`` reads what stands inside ``do(…)``. A keyword is one only before its
own bracket where a term or a condition starts, so a variable may be called E, P or do. Arithmetic
on terms is worked out while it is read, into the one form of :func:`umbel.model.query.combine`:
sums, multiples and one level of ratio, for each of which identification has a meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

from umbel.errors import did_you_mean, shown
from umbel.lexer import Reader, Token, brief
from umbel.model.parse_policy import close, deeper, intervention, law, one_or_more, value, variable
from umbel.model.query import (
    NAMED,
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
    SetTo,
    Term,
    combine,
    parameters_of,
    terms_of,
)

MARKS = ("(", ")", "[", "]", "|", ",", ":", "=", "!=", "~", "+", "-", "*", "/", "<", "<=", ">", ">=")
"""The marks of question text."""

STARTS = {"P": "(", "E": "[", **dict.fromkeys(NAMED, "("), "MTE": "("}
"""What a term starts with: a keyword, before its own bracket."""

Sum = Term | Ratio | Combination


def parse_question(text: str) -> Question:
    """Read question text. Cost O(length).

    Raises
    ------
    GrammarError
        With line, column, the word, what was possible and what to do.

    Examples
    --------
    >>> parse_question("P(Y | do(A=1), X)").body.given
    (Event(variable='X', value=None, world=()),)
    """
    reader = Reader(text, what="question", marks=MARKS, newlines=False)
    if reader.peek().kind == "end":
        reader.fail("there is no question. Write one such as E[Y | do(A=1)] - E[Y | do(A=0)].")
    opening = reader.peek()
    body: Body = _best(reader) if reader.at("max", "[") else _sum(reader, 0)
    if reader.peek().text in (")", "]"):
        reader.fail(f"{reader.found()} closes no bracket. Delete it.")
    if reader.peek().kind != "end":
        reader.fail(f"expected '+', '-', '*', '/' or the end of the question, found {reader.found()}.")
    if isinstance(body, Number):
        remedy = "A question holds a term such as E[Y | do(A=1)]."
        reader.fail(f"nothing is left to ask: this is {body.value:g} whatever the data. {remedy}", opening)
    return Question(text, body)


def _best(reader: Reader) -> Best:
    """``max[k1, k2]`` and the sum that it is about."""
    reader.next()
    bracket = reader.next()
    tokens = one_or_more(reader, lambda: variable(reader, "a parameter"))
    close(reader, bracket)
    body = _sum(reader, 0)
    read = {name for term in terms_of(body) for name in parameters_of(term)}
    names: list[str] = []
    for token in tokens:
        name = str(token.value)
        if name in names:
            reader.fail(f"the parameter {shown(name)} stands twice. Name it once.", token)
        if name not in read:
            remedy = f"Use it, as in do(A ~ Bernoulli({brief(name)}*C)), or drop it"
            reader.fail(f"no law reads the parameter {shown(name)}. {remedy}.", token)
        names.append(name)
    return Best(tuple(names), body)


def _sum(reader: Reader, depth: int) -> Sum:
    start = reader.peek()
    parts = [(1.0, _product(reader, depth))]
    while (sign := reader.accept("+", "-")) is not None:
        parts.append((1.0 if sign.text == "+" else -1.0, _product(reader, depth)))
    return parts[0][1] if len(parts) == 1 else _finite(reader, start, combine(parts))


def _product(reader: Reader, depth: int) -> Sum:
    start = reader.peek()
    result = _factor(reader, depth)
    weight = 1.0  # numbers gather here and multiply the terms once, which keeps the cost linear
    while (sign := reader.accept("*", "/")) is not None:
        operand = reader.peek()
        other = _factor(reader, depth)
        if other == Number(0.0) and sign.text == "/":
            reader.fail("this divides by 0.", operand)
        if isinstance(other, Number):
            weight = weight * other.value if sign.text == "*" else weight / other.value
        elif sign.text == "/":
            result = _ratio(reader, sign, combine([(weight, result)]), other)
            weight = 1.0
        elif isinstance(result, Number):
            weight, result = weight * result.value, other
        else:
            reader.fail("a product of two terms is no question here. Ask each term by itself.", sign)
    return result if weight == 1 else _finite(reader, start, combine([(weight, result)]))


def _ratio(reader: Reader, sign: Token, above: Sum, below: Sum) -> Sum:
    for side in (above, below):
        if isinstance(side, Ratio) or (isinstance(side, Combination) and isinstance(side.parts[0][1], Ratio)):
            reader.fail("a ratio inside a ratio is no question here. Write one sum over another.", sign)
    if above == below:
        return Number(1.0)
    return above if above == Number(0.0) else Ratio(above, below)


def _finite(reader: Reader, start: Token, result: Sum) -> Sum:
    """Refuse coefficients that overflow."""
    parts = result.parts if isinstance(result, Combination) else ((1.0, result),)
    for weight, part in parts:
        if not math.isfinite(weight * part.value if isinstance(part, Number) else weight):
            reader.fail("the numbers here multiply or add up to more than 1.8e308.", start)
    return result


def _factor(reader: Reader, depth: int) -> Sum:
    weight = 1.0
    while (sign := reader.accept("-", "+")) is not None:
        weight = -weight if sign.text == "-" else weight
    token = reader.peek()
    inner: Sum
    if token.kind == "number":
        reader.next()
        inner = Number(float(token.value))
    elif token.text == "(":
        bracket = reader.next()
        inner = _sum(reader, deeper(reader, depth))
        close(reader, bracket)
    else:
        inner = _term(reader, depth)
    return inner if weight == 1 else combine([(weight, inner)])


def _term(reader: Reader, depth: int) -> Term:
    word, bracket = reader.peek(), reader.peek(1)
    if STARTS.get(word.text) != bracket.text:
        _fail_term(reader)
    reader.next()
    reader.next()
    inside = deeper(reader, depth)
    match word.text:
        case "P":
            return _probability(reader, bracket, inside)
        case "E":
            return _expectation(reader, bracket, inside)
        case "MTE":
            return _class_effects(reader, bracket)
        case kind:
            return _named(reader, kind, bracket, inside)


def _fail_term(reader: Reader) -> NoReturn:
    """Say what a term starts with, and which was meant."""
    word, bracket = reader.peek(), reader.peek(1)
    usual = STARTS.get(word.text)
    if usual is not None and bracket.text in ("(", "["):
        reader.fail(f"{word.text} takes {'square' if usual == '[' else 'round'} brackets: {word.text}{usual}…", bracket)
    if word.text == "max":
        once = "max[…] stands once, at the start of the question."
        reader.fail(once if bracket.text == "[" else "max names its parameters in square brackets: max[k] E[…].")
    if word.text == "do":
        reader.fail("do(…) is no term. It stands inside one, after '|': E[Y | do(A=1)].")
    starts = [start + usual for start, usual in STARTS.items()]
    if word.kind == "word" and bracket.text in ("(", "["):
        reader.fail(f"{shown(word.text)} starts no term. {did_you_mean(word.text + bracket.text, starts)}")
    reader.fail(f"expected a term, a number or '(', found {reader.found()}. A term starts with {', '.join(starts)}.")


def _probability(reader: Reader, bracket: Token, depth: int) -> Probability:
    if reader.peek().text in (")", "|"):
        reader.fail("P() needs an outcome. Write its name: P(Y | do(A)).")
    if reader.at("do", "("):
        reader.fail("do(…) is no outcome. It stands after '|': P(Y | do(A)).")
    starts: list[Token] = []
    outcomes = one_or_more(reader, lambda: _event(reader, depth, starts))
    do, given = _conditions(reader, bracket, depth, outcomes, starts)
    return Probability(tuple(outcomes), do, given)


def _expectation(reader: Reader, bracket: Token, depth: int) -> Expectation:
    if reader.peek().text in ("]", "|"):
        reader.fail("E[] needs an outcome. Write its name: E[Y | do(A=1)].")
    starts: list[Token] = []
    outcome = _event(reader, depth, starts)
    if outcome.value is not None:
        remedy = f"For the probability of a value write P({brief(outcome.variable)}=… | …)"
        reader.fail(f"E takes a variable, not an event. {remedy}.", starts[0])
    if reader.peek().text in ("+", "-", "*", "/"):
        reader.fail("E takes one variable, not arithmetic. Write a sum of terms: E[Y2 | …] - E[Y1 | …].")
    if reader.peek().text == ",":
        reader.fail("E takes one variable. Write a sum of terms, or a joint law: P(Y1, Y2 | …).")
    do, given = _conditions(reader, bracket, depth, [outcome], starts)
    return Expectation(outcome, do, given)


def _named(reader: Reader, kind: str, bracket: Token, depth: int) -> Named:
    treatment = str(variable(reader, "a treatment").value)
    reader.expect(",", f"and an outcome, as in {kind}(A, Y)")
    outcome = str(variable(reader, "an outcome").value)
    do, given = _conditions(reader, bracket, depth, [], [])
    if do:
        reader.fail(f"{kind} sets its treatment by itself; its conditions are events, without do(…).", bracket)
    return Named(kind, treatment, outcome, given)


def _class_effects(reader: Reader, bracket: Token) -> ClassEffects:
    treatment = str(variable(reader, "a treatment").value)
    reader.expect(",", "and an outcome, as in MTE(A, Y | U)")
    outcome = str(variable(reader, "an outcome").value)
    reader.expect("|", "and the latent classes, as in MTE(A, Y | U)")
    latent = str(variable(reader, "a latent variable with classes").value)
    close(reader, bracket)
    return ClassEffects(treatment, outcome, latent)


def _conditions(
    reader: Reader, bracket: Token, depth: int, outcomes: list[Event], starts: list[Token]
) -> tuple[tuple[Intervention, ...], tuple[Event, ...]]:
    """What follows ``|``, and the bracket that closes the term; every variable once in its world."""
    do: dict[str, Intervention] = {}
    given: list[Event] = []
    bar = reader.accept("|")
    if bar:
        while True:
            if reader.at("do", "("):
                _do(reader, depth, do)
            else:
                given.append(_event(reader, depth, starts))
            if not reader.accept(","):
                break
    close(reader, bracket, "','" if bar else "',', '|'")
    seen: set[tuple[str, tuple[Intervention, ...]]] = set()
    for start, event in zip(starts, (*outcomes, *given), strict=True):
        if (event.variable, event.world) in seen:
            reader.fail(f"{shown(event.variable)} stands twice in this term. Name it once.", start)
        if event.world and do:
            reader.fail(
                "do(…) and subscripts in one term leave open which world is meant. Use subscripts alone.", start
            )
        seen.add((event.variable, event.world))
    return tuple(do.values()), tuple(given)


def _do(reader: Reader, depth: int, found: dict[str, Intervention]) -> None:
    reader.next()
    bracket = reader.next()
    if reader.peek().text == ")":
        reader.fail("do() sets nothing. Name a variable, or leave do() out.")
    _settings(reader, found, lambda: intervention(reader, depth + 1), "do(…)")
    close(reader, bracket)


def _settings(reader: Reader, found: dict[str, Intervention], read: Callable[[], Intervention], place: str) -> None:
    """Interventions with commas between, each variable once."""
    while True:
        start = reader.peek()
        item = read()
        if item.name in found:
            reader.fail(f"{place} sets {shown(item.name)} twice. Set it once.", start)
        found[item.name] = item
        if not reader.accept(","):
            return


def _event(reader: Reader, depth: int, starts: list[Token] | None = None, *, inside: bool = False) -> Event:
    start = variable(reader)
    if starts is not None:
        starts.append(start)
    name = str(start.value)
    follows = reader.peek()
    if start.text == "do" and (follows.text == "[" or follows.kind in ("word", "quoted")):
        reader.fail("do takes round brackets: do(A=1). A variable of that name is quoted here.", start)
    if follows.text == "(":
        reader.fail(
            f"'(' cannot follow the variable {shown(name)}. A counterfactual has square brackets, {brief(name)}[A=1]; "
            "a function of a variable needs a name of its own."
        )
    world = _world(reader, deeper(reader, depth)) if follows.text == "[" else ()
    if reader.peek().text in ("<", ">", "<=", ">=", "!="):
        reader.fail(f"an event has one value: {brief(name)}=1. For a range, add up the probabilities of its values.")
    if reader.peek().text == "~" and not (inside and not world):
        reader.fail(f"a law stands inside do(…): do({brief(name)} ~ …).")
    return Event(name, value(reader, name) if reader.accept("=") else None, world)


def _world(reader: Reader, depth: int) -> tuple[Intervention, ...]:
    """A counterfactual subscript."""
    bracket = reader.next()
    found: dict[str, Intervention] = {}
    _settings(reader, found, lambda: _setting(reader, depth), "this subscript")
    close(reader, bracket)
    return tuple(found.values())


def _setting(reader: Reader, depth: int) -> Intervention:
    if reader.peek().text == "]":
        reader.fail("an empty subscript sets nothing. Write a variable and its value: Y[A=1].")
    event = _event(reader, depth, inside=True)
    if reader.peek().text == "~" and event.value is None:
        reader.next()
        return Drawn(event.variable, law(reader, depth))
    if event.world:
        if event.value is not None:
            reader.fail(f"inside a subscript, {brief(event.variable)}[…] is a value by itself: drop what follows it.")
        return SetTo(event)
    return Free(event.variable) if event.value is None else Held(event.variable, event.value)
