"""From a question to its verdict: each term becomes a task, the body puts the estimands together.

What no part of umbel answers yet is refused here by name, so that nothing falls through to a
number that would be wrong.
"""

from __future__ import annotations

from umbel.errors import QuestionError, shown
from umbel.expr.build import expectation, free, linear, quotient, settled, substituted
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import AtState, Expr, Held, Law, Policy, Probability, Symbol
from umbel.expr.nodes import Number as Constant
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors
from umbel.identification.counterfactual import counterfactual_effect
from umbel.identification.explain import assumptions_of, certificate_of, remarks_of, steps_of, strategy_of
from umbel.identification.explain_worlds import ASSUMPTION, STRATEGY, worlds_certificate, worlds_steps
from umbel.identification.nested import flat_route, solve
from umbel.identification.one_world import as_effect
from umbel.identification.refuse import unsupported, unsupported_term
from umbel.model.named import spelled_out
from umbel.model.policy import Family
from umbel.model.proof import Proof, Road, Worlds
from umbel.model.query import (
    Best,
    Body,
    Combination,
    Drawn,
    Event,
    Expectation,
    Free,
    Intervention,
    Named,
    Number,
    Question,
    Ratio,
    Term,
    combine,
    settings_of,
)
from umbel.model.query import Held as Set
from umbel.model.query import Probability as Chance
from umbel.model.render import law_text
from umbel.model.task import Task, Treatment
from umbel.model.validate import check_question
from umbel.model.weights import FamilyLaw
from umbel.results.step import Refusal
from umbel.results.verdict import Identified, Refused, Unidentified, Verdict
from umbel.variable import State


def identify_question(graph: Graph, question: Question) -> Verdict:
    """Identify a question in a graph from one observational study of all that is not latent.

    Parameters
    ----------
    graph
        Any graph of the language.
    question
        Its names are checked against the graph.

    Returns
    -------
    Verdict

    Raises
    ------
    QuestionError
        For a question that does not fit its graph.
    """
    question = check_question(graph, question)
    refusal = unsupported(graph, question)
    if refusal is not None:
        return Refused(question, refusal)
    roads: dict[Term, Road | Worlds] = {}
    body = _spelled(graph, question.body)
    for term in Question.of(body).terms():
        road = _road(graph, term)
        if isinstance(road, Refusal):
            return Refused(question, road)
        roads[term] = road
    effects = tuple(road for road in roads.values() if isinstance(road, Road))
    worlds = tuple(road for road in roads.values() if isinstance(road, Worlds))
    proof = Proof(graph, effects, worlds)
    stuck = next((road for road in roads.values() if road.expr is None), None)
    if isinstance(stuck, Worlds):
        return Unidentified(question, worlds_certificate(stuck), worlds_steps(stuck), (), proof)
    if stuck is not None:
        return Unidentified(question, certificate_of(graph, stuck), steps_of(stuck), remarks_of(stuck), proof)
    expr = settled(_assembled(body, roads))
    first = next(iter(effects), None)
    axes = _axes(graph, body)
    unbound = [symbol for symbol in free(expr) if isinstance(symbol.meaning, Law)]
    assert not unbound, f"laws that no sum binds: {unbound}"
    plates = tuple(plate.name for plate in graph.plates)
    domains = tuple((graph.names[node], domain.states) for node, domain in graph.facts.domains)
    strategy = ", ".join([STRATEGY] * bool(worlds) + [strategy_of(effects)] * bool(effects or not worlds))
    return Identified(
        question,
        Estimand(expr, axes, strategy, plates, domains),
        (steps_of(first) if first else ()) + (worlds_steps(worlds[0]) if worlds else ()),
        assumptions_of(graph, effects) + (ASSUMPTION,) * bool(worlds),
        remarks_of(first) if first else (),
        proof,
    )


def _spelled(graph: Graph, body: Body) -> Body:
    """Named quantities as the terms they stand for."""
    match body:
        case Named(treatment=treatment, outcome=outcome):
            (low, high), (no, yes) = _two_states(graph, treatment), _two_states(graph, outcome)
            return _spelled(graph, spelled_out(body, low=low, high=high, no=no, yes=yes))
        case Chance() | Expectation():
            return as_effect(graph, body)
        case Combination(parts):
            spelled = ((weight, _spelled(graph, part)) for weight, part in parts)
            return combine((weight, part) for weight, part in spelled if not isinstance(part, Best))
        case Ratio(numerator, denominator):
            return Ratio(_spelled(graph, numerator), _spelled(graph, denominator))
        case _:
            return body


def _two_states(graph: Graph, name: str) -> tuple[State, State]:
    """The reference of a variable and its other state."""
    domain = dict(graph.facts.domains).get(graph.index(name))
    return (domain.states[0], domain.states[1]) if domain and len(domain) == 2 else (0, 1)


def _road(graph: Graph, term: Term) -> Road | Worlds | Refusal:
    """The road of one term."""
    if isinstance(term, Chance | Expectation) and Question.of(term).is_counterfactual:
        return counterfactual_effect(graph, term)
    refusal = unsupported_term(graph, term)
    if refusal is not None:
        return refusal
    assert isinstance(term, Chance | Expectation)
    outcome = graph.mask([term.outcomes[0].variable])
    plain = Task.of(graph, outcome)
    treatment = _treatment(graph, plain, term.do[0]) if term.do else None
    if treatment is None or not _is_cause(graph, treatment, outcome):
        (node,) = bits(outcome)
        meaning = plain.meanings[node]
        expr = Probability((Symbol(meaning),), (), meaning.level)
        return Road(Task(graph, plain.meanings, outcome, (treatment,) if treatment else ()), (), None, expr, expr, None)
    task = Task(graph, plain.meanings, outcome, (treatment,))
    road = solve(task)
    if road.expr is None and graph.plates:
        return flat_route(task) or road
    return road


def _is_cause(graph: Graph, treatment: Treatment, outcome: int) -> bool:
    return bool(ancestors(graph, outcome) >> treatment.node & 1)


def _treatment(graph: Graph, task: Task, item: Intervention) -> Treatment:
    node = graph.index(item.name)
    meaning = task.meanings[node]
    match item:
        case Free():
            return Treatment(node, value=Symbol(meaning))
        case Set(_, value):
            return Treatment(node, value=AtState(value))
        case Drawn(_, law):
            reads = graph.mask(law.reads)
            given = tuple(task.meanings[i] for i in bits(reads))
            drawn = FamilyLaw(law, law_text(law)) if isinstance(law, Family) else None
            return Treatment(node, policy=Policy(meaning, given, drawn), reads=reads)  # type: ignore[arg-type]
        case _:
            raise QuestionError(f"The intervention on {shown(item.name)} is of a kind that is refused earlier.")


def _assembled(body: Body, roads: dict[Term, Road | Worlds]) -> Expr:
    """The body with each term replaced by its estimand."""
    match body:
        case Number(value):
            return Constant(value)
        case Combination(parts):
            return linear((weight, _assembled(part, roads)) for weight, part in parts)
        case Ratio(numerator, denominator):
            return quotient(_assembled(numerator, roads), _assembled(denominator, roads))
        case Chance() | Expectation():
            return _term_expr(body, roads[body])
        case _:
            raise AssertionError(f"{body} is refused earlier")


def _term_expr(term: Chance | Expectation, road: Road | Worlds) -> Expr:
    assert road.expr is not None
    if isinstance(road, Worlds):
        if isinstance(term, Chance):
            return road.expr
        return expectation(Symbol(road.meanings[road.graph.index(term.outcome.variable)]), road.expr)
    (node,) = bits(road.task.outcomes)
    symbol = Symbol(road.task.meanings[node])
    if isinstance(term, Expectation):
        return expectation(symbol, road.expr)
    event: Event = term.outcomes[0]
    if event.value is None:
        return road.expr
    return substituted(road.expr, {symbol: Held(symbol, AtState(event.value))})


def _axes(graph: Graph, body: Body) -> tuple[Symbol, ...]:
    """Axes of the answer: outcomes of probabilities first, then free treatments, as they appear."""
    meanings = Task.of(graph, 0).meanings
    outcomes: dict[str, None] = {}
    treatments: dict[str, None] = {}
    for term in Question.of(body).terms():
        if isinstance(term, Chance):
            outcomes |= {event.variable: None for event in term.outcomes if event.value is None}
        if isinstance(term, Chance | Expectation):
            treatments |= {item.name: None for item in settings_of(term) if isinstance(item, Free)}
            treatments |= {event.variable: None for event in term.given if event.value is None}
    return tuple(Symbol(meanings[graph.index(name)]) for name in (*outcomes, *treatments))
