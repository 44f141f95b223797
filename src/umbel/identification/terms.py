"""One term of a question: the task that it poses, the road that answers it, and its estimand."""

from __future__ import annotations

from dataclasses import replace

from umbel.errors import QuestionError, shown
from umbel.expr.build import expectation, substituted
from umbel.expr.nodes import AtState, DrawnLaw, Expr, Held, Policy, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure
from umbel.identification.counterfactual import counterfactual_effect
from umbel.identification.flat import observed
from umbel.identification.nested import flat_route, solve_given
from umbel.identification.refuse import unsupported_term
from umbel.model.policy import Family, Pushed
from umbel.model.proof import Road, Worlds
from umbel.model.query import Drawn, Expectation, Free, Intervention, Question, Term
from umbel.model.query import Held as Set
from umbel.model.query import Probability as Chance
from umbel.model.render_policy import law_text
from umbel.model.task import Sight, Task, Treatment, raw_meaning
from umbel.model.weights import FamilyLaw, PushedLaw
from umbel.results.step import Refusal


def road_of(graph: Graph, sights: tuple[Sight, ...], term: Term) -> Road | Worlds | Refusal:
    """The road of one term; a Refusal where no part of umbel leads it anywhere."""
    if isinstance(term, Chance | Expectation) and Question.of(term).is_counterfactual:
        return counterfactual_effect(graph, term, sights)
    refusal = unsupported_term(graph, term)
    if refusal is not None:
        return refusal
    assert isinstance(term, Chance | Expectation)
    asked = graph.mask(event.variable for event in term.outcomes)
    given = graph.mask(event.variable for event in term.given)
    plain = Task.of(graph, asked, given=given)
    settings = tuple(_treatment(graph, item) for item in term.do)
    task = replace(plain, treatments=settings, sources=sights)
    causes = _causes(task)
    task = replace(task, treatments=tuple(one for one in task.treatments if causes >> one.node & 1))
    if not task.treatments and (expr := observed(task)) is not None:
        return Road(replace(task, treatments=settings), (), None, expr, expr, None)
    road = solve_given(task)
    if road.expr is None and graph.plates:
        return flat_route(task) or road
    return road


def _causes(task: Task) -> int:
    """Mask of what the outcomes and conditions descend from after the intervention, themselves included."""
    reads = [a | b for a, b in zip(task.graph.parents, task.graph.neighbours, strict=True)]
    for treatment in task.treatments:
        reads[treatment.node] = treatment.reads
    return closure(task.outcomes | task.given, reads, task.graph.everything)


def _treatment(graph: Graph, item: Intervention) -> Treatment:
    node = graph.index(item.name)
    meaning = raw_meaning(graph, node)
    match item:
        case Free():
            return Treatment(node, value=Symbol(meaning))
        case Set(_, value):
            return Treatment(node, value=AtState(value))
        case Drawn(_, law):
            reads = graph.mask(law.reads)
            given = tuple(raw_meaning(graph, i) for i in bits(reads))
            drawn: DrawnLaw | None = None
            if isinstance(law, Family):
                drawn = FamilyLaw(law, law_text(law))
            elif isinstance(law, Pushed):
                drawn = PushedLaw(law, law_text(law))
            return Treatment(node, policy=Policy(meaning, given, drawn), reads=reads)
        case _:
            raise QuestionError(f"The intervention on {shown(item.name)} is of a kind that is refused earlier.")


def estimand_of(term: Chance | Expectation, road: Road | Worlds) -> Expr:
    """The estimand of one term: what has a value is held at it, an expectation is taken."""
    assert road.expr is not None
    if isinstance(road, Worlds):
        if isinstance(term, Chance):
            return road.expr
        return expectation(Symbol(road.meanings[road.graph.index(term.outcome.variable)]), road.expr)
    graph, meanings = road.task.graph, road.task.meanings
    expr = road.expr
    if isinstance(term, Expectation):
        expr = expectation(Symbol(meanings[graph.index(term.outcome.variable)]), expr)
    held: dict[Symbol, Slot] = {}
    for event in (*term.outcomes, *term.given):
        if event.value is not None:
            symbol = Symbol(meanings[graph.index(event.variable)])
            held[symbol] = Held(symbol, AtState(event.value))
    return substituted(expr, held)
