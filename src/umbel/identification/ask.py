"""From a question to its verdict: each term becomes a task, the body puts the estimands together.

What no part of umbel answers yet is refused here by name, so that nothing falls through to a
number that would be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from umbel.expr.build import free, linear, quotient, settled
from umbel.expr.estimand import Estimand
from umbel.expr.gather import gathered
from umbel.expr.nodes import Expr, Law, Symbol
from umbel.expr.nodes import Number as Constant
from umbel.expr.order import ordered
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, topological_order
from umbel.identification.aggregation import through_totals
from umbel.identification.best import best_policy
from umbel.identification.explain import (
    assumptions_of,
    certificate_of,
    constraint_of,
    remarks_of,
    steps_of,
    strategy_of,
)
from umbel.identification.explain_worlds import (
    ASSUMPTION,
    all_steps,
    worlds_certificate,
    worlds_steps,
    worlds_strategy,
)
from umbel.identification.moments import average_over_classes, class_effects
from umbel.identification.network import through_network
from umbel.identification.one_world import as_effect
from umbel.identification.reach import out_of_reach
from umbel.identification.refuse import unsupported
from umbel.identification.refuse_blocks import totals_in_equilibrium
from umbel.identification.sights import sights_of
from umbel.identification.terms import estimand_of, road_of
from umbel.identification.unit_classes import through_unit_class
from umbel.model.named import spelled_out
from umbel.model.proof import Proof, Road, Worlds
from umbel.model.query import (
    Best,
    Body,
    ClassEffects,
    Combination,
    Expectation,
    Free,
    Named,
    Number,
    Plain,
    Question,
    Ratio,
    Term,
    settings_of,
)
from umbel.model.query import Probability as Chance
from umbel.model.rewrite import by_terms
from umbel.model.source import OBSERVATIONAL, Experiment
from umbel.model.task import Sight, raw_meaning
from umbel.model.validate import check_question
from umbel.results.step import Refusal
from umbel.results.verdict import Identified, Refused, Unidentified, Verdict
from umbel.structure.exposure import Friends, through_friends
from umbel.variable import State


def identify_question(graph: Graph, question: Question, sources: Sequence[Experiment] = (OBSERVATIONAL,)) -> Verdict:
    """Identify a question in a graph from what some sources show.

    Parameters
    ----------
    graph
        Any graph of the language.
    question
        Its names are checked against the graph.
    sources
        What is known; the default is one observational study of all that is not latent.

    Returns
    -------
    Verdict

    Raises
    ------
    QuestionError
        For a question that does not fit its graph.
    """
    question = check_question(graph, question)
    if isinstance(question.body, Best):
        return best_policy(graph, question, sources, identify_question)
    found = _through_structure(graph, question, sources)
    if found is not None:
        return found
    refusal = unsupported(graph, question)
    if refusal is not None:
        return Refused(question, refusal)
    seen, sights = sights_of(graph, sources)
    if isinstance(question.body, ClassEffects):
        if sights:
            return Refused(question, Refusal("Class effects from experiments are not answered yet.", "Give one study."))
        return class_effects(seen, question, question.body)
    body = _spelled(graph, question.body)
    roads: dict[Term, Road | Worlds] = {}
    for term in Question.of(body).terms():
        road = road_of(seen, sights, term)
        if isinstance(road, Refusal):
            return Refused(question, road)
        roads[term] = road
    proof = Proof(seen, _effects(roads), tuple(road for road in roads.values() if isinstance(road, Worlds)))
    stuck = next((road for road in roads.values() if road.expr is None), None)
    if stuck is not None:
        return _stopped(question, body, stuck, sights, proof)
    return _identified(graph, question, body, roads, proof)


def _through_structure(graph: Graph, question: Question, sources: Sequence[Experiment]) -> Verdict | None:
    """The verdict where friendships, totals or a network lead to one; None where the graph itself does."""
    network = any(plate.network for plate in graph.plates)
    if network and isinstance(question.body, Named) and question.body.kind == "ATE" and not question.is_counterfactual:
        return replace(
            identify_question(graph, Question.of(_spelled(graph, question.body)), sources), question=question
        )
    if network:
        friends = through_friends(graph, question)
        if isinstance(friends, Refusal):
            return Refused(question, friends)
        if friends is not None:
            return _among_friends(friends, question, sources)
    if graph.aggregates:
        refusal = totals_in_equilibrium(graph, question)
        if refusal is not None:
            return Refused(question, refusal)
        found = through_totals(graph, question, sources, identify_question)
        if found is not None:
            return found
    return through_network(graph, question, sources) if network else None


def _effects(roads: Mapping[Term, Road | Worlds]) -> tuple[Road, ...]:
    return tuple(road for road in roads.values() if isinstance(road, Road))


def _stopped(question: Question, body: Body, stuck: Road | Worlds, sights: Sequence[Sight], proof: Proof) -> Verdict:
    """The verdict where one term's law is not reached: its certificate, unless classes lead past it."""
    if isinstance(stuck, Worlds):
        return Unidentified(question, worlds_certificate(stuck), worlds_steps(stuck), (), proof)
    if sights and (refusal := out_of_reach(stuck.task)):
        return Refused(question, refusal)
    seen = proof.graph
    if seen.facts.classes and not sights:
        through = average_over_classes(seen, question, body) or through_unit_class(
            seen, question, lambda promoted: identify_question(promoted, question)
        )
        if through is not None:
            return through
    return Unidentified(question, certificate_of(seen, stuck), steps_of(stuck), remarks_of(stuck), proof)


def _identified(
    graph: Graph, question: Question, body: Body, roads: Mapping[Term, Road | Worlds], proof: Proof
) -> Identified:
    """The estimand put together from the roads of its terms, with how it was found."""
    states = {graph.names[node]: domain.states for node, domain in graph.facts.domains}
    expr = in_reading_order(graph, body, gathered(settled(_assembled(body, roads)), states))
    unbound = [symbol for symbol in free(expr) if isinstance(symbol.meaning, Law)]
    assert not unbound, f"laws that no sum binds: {unbound}"
    effects, worlds = _effects(roads), proof.worlds
    beside = dict.fromkeys(map(worlds_strategy, worlds))
    strategy = ", ".join([*beside, *([strategy_of(effects)] if effects or not worlds else [])])
    plates = tuple(plate.name for plate in graph.plates)
    estimand = Estimand(expr, _axes(graph, body), strategy, plates, tuple(states.items()))
    return Identified(
        question,
        estimand,
        all_steps(roads),
        assumptions_of(graph, effects, worlds=bool(worlds)) + (ASSUMPTION,) * bool(worlds),
        (remarks_of(effects[0]) if effects else ()) + constraint_of(estimand),
        proof,
    )


def _among_friends(friends: Friends, question: Question, sources: Sequence[Experiment]) -> Verdict:
    """The verdict on the question with exposures in place of neighbours, told as the user asked it."""
    found = identify_question(friends.graph, friends.question, tuple(friends.seen_by(one) for one in sources))
    if isinstance(found, Identified):
        told = (*friends.steps(), *found.steps), (*found.assumptions, *friends.assumptions())
        return replace(found, question=question, steps=told[0], assumptions=told[1])
    if isinstance(found, Unidentified):
        return replace(found, question=question, steps=(*friends.steps(), *found.steps))
    return replace(found, question=question)


def in_reading_order(graph: Graph, body: Body, expr: Expr) -> Expr:
    """The estimand as papers would print it."""
    depths = [0] * len(graph.names)
    asked = graph.mask(name for name in Question.of(body).names() if name in graph.names)
    for node in topological_order(graph, ancestors(graph, asked)):
        depths[node] = 1 + max((depths[parent] for parent in bits(graph.parents[node])), default=0)
    places = {name: (node, depths[node]) for node, name in enumerate(graph.names)}
    treated = {
        item.name
        for term in Question.of(body).terms()
        if isinstance(term, Chance | Expectation)
        for item in settings_of(term)
    }
    return ordered(expr, places, frozenset(treated))


def _spelled(graph: Graph, body: Body) -> Body:
    """The body with named quantities as the terms that they stand for, and ``do`` for subscripts of one world."""
    plain = by_terms(body, lambda term: _named(graph, term))
    return by_terms(plain, lambda term: as_effect(graph, term) if isinstance(term, Chance | Expectation) else term)


def _named(graph: Graph, term: Term) -> Plain:
    if not isinstance(term, Named):
        return term
    (low, high), (no, yes) = _two_states(graph, term.treatment), _two_states(graph, term.outcome)
    return spelled_out(term, low=low, high=high, no=no, yes=yes)


def _two_states(graph: Graph, name: str) -> tuple[State, State]:
    """The reference of a variable and its other state."""
    domain = dict(graph.facts.domains).get(graph.index(name))
    return (domain.states[0], domain.states[1]) if domain and len(domain) == 2 else (0, 1)


def _assembled(body: Body, roads: Mapping[Term, Road | Worlds]) -> Expr:
    """The body with each term replaced by its estimand."""
    match body:
        case Number(value):
            return Constant(value)
        case Combination(parts):
            return linear((weight, _assembled(part, roads)) for weight, part in parts)
        case Ratio(numerator, denominator):
            return quotient(_assembled(numerator, roads), _assembled(denominator, roads))
        case Chance() | Expectation():
            return estimand_of(body, roads[body])
        case _:
            raise AssertionError(f"{body} is refused earlier")


def _axes(graph: Graph, body: Body) -> tuple[Symbol, ...]:
    """Axes of the answer: outcomes of probabilities first, then free treatments, then free conditions."""
    outcomes: dict[str, None] = {}
    treatments: dict[str, None] = {}
    conditions: dict[str, None] = {}
    for term in Question.of(body).terms():
        if isinstance(term, Chance):
            outcomes |= {event.variable: None for event in term.outcomes if event.value is None}
        if isinstance(term, Chance | Expectation):
            treatments |= {item.name: None for item in settings_of(term) if isinstance(item, Free)}
            conditions |= {event.variable: None for event in term.given if event.value is None}
    return tuple(Symbol(raw_meaning(graph, graph.index(name))) for name in {**outcomes, **treatments, **conditions})
