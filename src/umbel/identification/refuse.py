"""What umbel does not answer yet, refused by name with what to ask instead."""

from __future__ import annotations

from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.identification.refuse_blocks import unsupported_blocks
from umbel.model.query import (
    ClassEffects,
    Drawn,
    Expectation,
    Named,
    Number,
    Probability,
    Question,
    Realised,
    Term,
)
from umbel.results.step import Refusal


def unsupported(graph: Graph, question: Question) -> Refusal | None:
    """Why the question as a whole, in this graph, is beyond what is built; None when it is not."""
    return unsupported_blocks(graph, question) or _unsupported_graph(graph, question)


def _unsupported_graph(graph: Graph, question: Question) -> Refusal | None:
    """Structures among the causes of what is asked that no lowering covers yet."""
    names = [name for name in question.names() if name in graph.names]
    relevant = anterior(graph, graph.mask(names))
    for node in bits(relevant):
        if graph.near_parents[node] | graph.near_neighbours[node] or any(
            graph.plates[plate].network for plate in graph.plate_path(node)
        ):
            return Refusal(
                f"{graph.names[node]} lives in a network; effects under interference are not answered yet.",
                "Ask in a graph without a network.",
            )
    for node in bits(graph.facts.shared & relevant & ~graph.latent):
        if graph.plate_of[node] < 0:
            name = graph.names[node]
            return Refusal(
                f"`assume shared {name}` makes {name} a function of its parents; formulas that condition on both "
                "would read what never occurs.",
                "Drop the assumption.",
            )
    touched = relevant | sum(1 << graph.index(name) for name in names)
    for aggregate in graph.aggregates:
        if touched >> aggregate.child & 1 or any(touched >> part.node & 1 for part in aggregate.parts):
            return Refusal(
                f"{graph.names[aggregate.child]} is an aggregate; effects through it are not answered yet.",
                "Ask about its parts, in a graph without the aggregate.",
            )
    return None


def unsupported_term(graph: Graph, term: Term) -> Refusal | None:
    """Why one term is beyond what is built; None when it is not."""
    match term:
        case ClassEffects():
            return Refusal("Class effects are not combined with other terms.", "Ask for them alone: MTE(A, Y | U).")
        case Named(kind):
            return Refusal(f"{kind} speaks of several worlds; it is not answered yet.", "Ask for ATE(A, Y).")
        case Number():
            return None
        case Probability() | Expectation():
            return _unsupported_effect(graph, term)


def _unsupported_effect(graph: Graph, term: Probability | Expectation) -> Refusal | None:
    asked = [graph.index(event.variable) for event in (*term.outcomes, *term.given)]
    deepest = max((graph.plate_path(node) for node in asked), key=len)
    for node in asked:
        own = graph.plate_path(node)
        if own != deepest[: len(own)]:
            one, other = graph.plates[own[-1]].name, graph.plates[deepest[-1]].name
            return Refusal(
                f"{graph.names[node]} has a value for each {one}, and something else that is asked for each {other}: "
                "no row holds both.",
                "Ask about variables of one plate and of what lies around it.",
            )
    for item in term.do:
        if isinstance(item, Realised):
            return Refusal("Macro-interventions are not answered yet.", "Intervene on a part of the aggregate.")
        node = graph.index(item.name)
        if graph.facts.shared >> node & 1 and graph.plate_of[node] >= 0:
            return Refusal(
                f"`assume shared {item.name}` leaves its law no variation of its own, which this route needs.",
                "Drop the assumption for the treatment.",
            )
        if isinstance(item, Drawn) and any(
            graph.plate_of[graph.index(name)] != graph.plate_of[node] for name in item.law.reads
        ):
            return Refusal(
                "A policy that reads variables of another level is not answered yet.",
                f"Let it read variables of the level of {item.name}.",
            )
    return None
