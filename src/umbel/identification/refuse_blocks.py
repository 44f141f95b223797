"""What is not answered about variables in equilibrium, refused with the walk that shows why."""

from __future__ import annotations

from umbel.errors import GraphError
from umbel.graph.classes import Fails, is_segregated
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior, block_members, is_block_safe
from umbel.graph.surgery import induced
from umbel.graph.walks import closure, inputs
from umbel.model.query import ClassEffects, Drawn, Question, settings_of
from umbel.model.query import Expectation as Mean
from umbel.model.query import Probability as Chance
from umbel.results.step import Refusal


def unsupported_blocks(graph: Graph, question: Question) -> Refusal | None:
    """Why a question that a block matters to is beyond what is built; None when it is not, or none matters.

    Raises
    ------
    GraphError
        For a graph with undirected edges that is no segregated graph.
    """
    relevant = anterior(graph, graph.mask(name for name in question.names() if name in graph.names))
    inside = relevant & block_members(graph)
    made = _made_by_laws(graph, question)
    if not inside and not made:
        return None
    if isinstance(found := is_segregated(graph), Fails):
        raise GraphError(f"{found.why} Draw a hidden cause or an equilibrium, not both, and no way round.")
    part = induced(graph, relevant)
    if isinstance(found := is_block_safe(part), Fails):
        hidden = part.names[found.walk.nodes[0]]
        return Refusal(
            f"{found.why} What {hidden} does to members that answer each other is no law of one segregated graph.",
            f"Measure {hidden} and drop 'latent', or replace -- by arrows.",
        )
    for node in bits(inside | made):
        if graph.plate_of[node] >= 0:
            name, plate = graph.names[node], graph.plates[graph.plate_of[node]].name
            return Refusal(
                f"{name} has a value for each {plate} and stands in an equilibrium: its members are no longer alike "
                "given their unit.",
                f"Ask in a graph in which {name} stands outside the plate, one row for each network.",
            )
    if question.is_counterfactual:
        return Refusal(
            "Several worlds of variables in equilibrium are not compared yet: the equations of a block say which law "
            "it settles in, not which state it settles at.",
            "Ask for an effect: P(Y | do(A=1)).",
        )
    if any(isinstance(term, ClassEffects) for term in question.terms()):
        return Refusal("Class effects in a graph with undirected edges are not answered.", "Ask for E[Y | do(A=1)].")
    return None


def totals_in_equilibrium(graph: Graph, question: Question) -> Refusal | None:
    """Why a question that a total and a block both matter to is beyond what is built; None when it is not."""
    made_of = [a | b for a, b in zip(inputs(graph), graph.neighbours, strict=True)]
    relevant = closure(graph.mask(name for name in question.names() if name in graph.names), made_of, graph.everything)
    inside = relevant & block_members(graph)
    totals = [one for one in graph.aggregates if relevant >> one.child & 1]
    if not inside or not totals:
        return None
    name, member = graph.names[totals[0].child], graph.names[next(bits(inside))]
    return Refusal(
        f"{name} is a total and {member} stands in an equilibrium: how a total comes about where its parts answer "
        "each other is not answered yet.",
        "Intervene on a part, in a graph without the total.",
    )


def _made_by_laws(graph: Graph, question: Question) -> int:
    """Mask of the treated that read each other."""
    made = 0
    for term in question.terms():
        if not isinstance(term, Chance | Mean):
            continue
        reads = {
            item.name: {name for name in item.law.reads if name in graph.names}
            for item in settings_of(term)
            if isinstance(item, Drawn)
        }
        for name, own in reads.items():
            if any(name in reads.get(other, ()) for other in own):
                made |= 1 << graph.index(name)
    return made
