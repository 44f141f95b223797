"""Does a question fit its graph? Asked once, at the door; inside, questions are trusted.

Names must be variables of the graph, observed ones but for the classes of an MTE; a term may not
both set a variable and ask for it; values must be states where the graph gives states. What is
*hard* to answer is no error: identification refuses it with advice.
"""

from __future__ import annotations

from typing import assert_never

from umbel.errors import QuestionError, cut, shown
from umbel.graph.mixed import Graph
from umbel.lexer import brief
from umbel.model.query import (
    OF_MEANS,
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
from umbel.model.render import body_text
from umbel.model.render_policy import value_text
from umbel.model.scope import Scope, states_text
from umbel.model.validate_policy import check_law, check_no_cycle, check_realisation


def check_question(graph: Graph, question: Question) -> Question:
    """The question with its values resolved to states of the graph.

    Raises
    ------
    QuestionError
        Where the question does not fit the graph: the term, the name or value, and the remedy.

    Examples
    --------
    >>> graph = Graph.build(directed=[("Tutoring", "Score")])
    >>> check_question(graph, Question.parse("P(Scor | do(Tutoring))"))
    Traceback (most recent call last):
        ...
    umbel.errors.QuestionError: In P(Scor | do(Tutoring)): 'Scor' is no variable of the graph. \
Possible: Score, Tutoring. Did you mean 'Score'?
    """
    for name in question.parameters:
        if name in graph.names:
            raise QuestionError(f"max[…] names {shown(name)}, a variable of the graph. Call the parameter otherwise.")
    return Question(question.text, _body(graph, question.parameters, question.body))


def _body(graph: Graph, parameters: tuple[str, ...], body: Body) -> Body:
    match body:
        case Ratio(above, below):
            return Ratio(_body(graph, parameters, above), _body(graph, parameters, below))
        case Combination(parts):
            return Combination(tuple((weight, _part(graph, parameters, part)) for weight, part in parts))
        case Best(names, inner):
            return Best(names, _body(graph, parameters, inner))
        case Number() | Probability() | Expectation() | Named() | ClassEffects():
            return _term(graph, parameters, body)
        case _:
            assert_never(body)


def _part(graph: Graph, parameters: tuple[str, ...], part: Term | Ratio) -> Term | Ratio:
    if isinstance(part, Ratio):
        return Ratio(_body(graph, parameters, part.numerator), _body(graph, parameters, part.denominator))
    return _term(graph, parameters, part)


def _term(graph: Graph, parameters: tuple[str, ...], term: Term) -> Term:
    text = body_text(term)
    scope = Scope(graph, parameters, cut(text, 100))
    match term:
        case Number():
            return term
        case Probability(outcomes, do, given):
            asked = tuple(_event(scope, event) for event in outcomes)
            return Probability(asked, *_conditions(scope, asked, do, given))
        case Expectation(outcome, do, given):
            event = _event(scope, outcome)
            _check_numeric(scope, event.variable)
            return Expectation(event, *_conditions(scope, (event,), do, given))
        case Named():
            return _named(scope, term)
        case ClassEffects(treatment, outcome, latent):
            _pair(scope, treatment, outcome)
            scope.classes(latent)
            return term
        case _:
            assert_never(term)


def _check_numeric(scope: Scope, outcome: str) -> None:
    domain = scope.domain(scope.node(outcome))
    if domain is not None and any(isinstance(state, str) for state in domain.states):
        last = cut(value_text(domain.states[-1]))
        scope.fail(
            f"E needs numbers, and the states of {shown(outcome)} are labels. "
            f"Ask for a probability: P({brief(outcome)}={last} | …)."
        )


def _pair(scope: Scope, treatment: str, outcome: str) -> None:
    scope.observed(treatment)
    scope.observed(outcome)
    if treatment == outcome:
        scope.fail(f"{shown(treatment)} is both treatment and outcome. Name another outcome.")


def _named(scope: Scope, term: Named) -> Named:
    _pair(scope, term.treatment, term.outcome)
    given = tuple(_event(scope, event) for event in term.given)
    for event in given:
        if not event.world and event.variable in (term.treatment, term.outcome):
            a, y = brief(term.treatment), brief(term.outcome)
            scope.fail(
                f"{term.kind}({a}, {y}) cannot be conditioned on {shown(event.variable)} itself. "
                f"Write it out with subscripts, such as E[{y}[{a}=1] | {a}=1]."
            )
    domain = scope.domain(scope.node(term.treatment))
    if domain is not None and len(domain) != 2:
        scope.fail(
            f"{term.kind} compares two states, and {shown(term.treatment)} has {len(domain)}: {states_text(domain)}. "
            f"Write the two out, such as E[{brief(term.outcome)} | do({brief(term.treatment)}=…)] - E[… | do(…)]."
        )
    if term.kind in OF_MEANS:
        _check_numeric(scope, term.outcome)
    return Named(term.kind, term.treatment, term.outcome, given)


def _event(scope: Scope, event: Event) -> Event:
    scope.observed(event.variable)
    value = None if event.value is None else scope.state(event.variable, event.value)
    world = tuple(_intervention(scope, item) for item in event.world)
    check_no_cycle(scope, world)
    return Event(event.variable, value, world)


def _conditions(
    scope: Scope, outcomes: tuple[Event, ...], do: tuple[Intervention, ...], given: tuple[Event, ...]
) -> tuple[tuple[Intervention, ...], tuple[Event, ...]]:
    """What stands after the bar, and that nothing is both set and asked for or conditioned on."""
    setting = tuple(_intervention(scope, item) for item in do)
    known = tuple(_event(scope, event) for event in given)
    names = {item.name for item in setting}
    for event in outcomes:
        if event.variable in names and not event.world:
            scope.fail(f"do(…) sets {shown(event.variable)}, so nothing is left to ask of it. Ask for what it changes.")
    for event in known:
        if event.variable in names and not event.world:
            name, asked = brief(event.variable), brief(outcomes[0].variable)
            scope.fail(
                f"{shown(event.variable)} stands in do(…) and among the conditions. Drop one; for those who had "
                f"another value anyway, use a subscript: E[{asked}[{name}=1] | {name}=0]."
            )
    check_no_cycle(scope, setting)
    return setting, known


def _intervention(scope: Scope, item: Intervention) -> Intervention:
    match item:
        case Held(name, value):
            scope.observed(name)
            return Held(name, scope.state(name, value))
        case Free(name):
            scope.observed(name)
            return item
        case Drawn(name, law):
            scope.observed(name)
            return Drawn(name, check_law(scope, name, law))
        case Realised(name, value, by):
            check_realisation(scope, name, by)
            return Realised(name, value, by)
        case SetTo(event):
            return SetTo(_event(scope, event))
        case _:
            assert_never(item)
