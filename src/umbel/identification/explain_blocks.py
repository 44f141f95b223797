"""Verdicts about variables in equilibrium, in the user's words: strategy, steps, assumptions, certificate."""

from __future__ import annotations

from collections.abc import Iterator

from umbel.expr.nodes import Equilibrium, Expr, Linear, Product, Quotient, Sum
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior, block_members, district_part
from umbel.graph.walks import blocks
from umbel.identification.derivation import hedge_step, move_step, names_in, reduction_steps, set_text
from umbel.identification.engine import OBSERVED
from umbel.lexer import quoted_if_needed
from umbel.model.proof import FlatProof, Road
from umbel.results.step import Certificate, Step


def is_settled(expr: Expr) -> bool:
    """Whether an estimand reads the law that a block settles in."""
    match expr:
        case Equilibrium():
            return True
        case Product(factors):
            return any(map(is_settled, factors))
        case Sum(_, body):
            return is_settled(body)
        case Quotient(numerator, denominator):
            return is_settled(numerator) or is_settled(denominator)
        case Linear(terms):
            return any(is_settled(term) for _, term in terms)
        case _:
            return False


def block_strategy(road: Road) -> str:
    """The name by which readers know the estimand."""
    return "block equilibrium" if road.expr is not None and is_settled(road.expr) else "segregated factorisation"


def block_steps(road: Road) -> Iterator[Step]:
    """What was done, in order: laws put in place, blocks, districts."""
    proof = road.flat
    assert proof is not None and proof.under is not None
    graph, after = proof.graph, proof.under
    held = graph.mask(name for name in _held(road) if name in graph.names)
    for node in bits(proof.treated):
        name = quoted_if_needed(graph.names[node])
        reads = after.parents[node] | after.neighbours[node]
        detail = f"{name} is set" if held >> node & 1 else f"{name} follows a new law; what it hears"
        yield move_step(graph, "policy", detail, graph.parents[node] | graph.neighbours[node], reads)
    yield from _edges(graph, after)
    scope = anterior(after, proof.outcomes)
    if scope != graph.everything:
        yield move_step(graph, "anterior", f"what leads to {_set(graph, proof.outcomes)}", graph.everything, scope)
    for part in blocks(after, scope & (proof.treated | block_members(graph))):
        names = names_in(graph, part)
        if not part & proof.treated:
            yield Step("block", f"{set_text(names)} keeps its observed law given what it hears", names, names)
        elif len(names) > 1:
            words = f"{set_text(names)} settles where its members' laws, old and new, lead"
            yield Step("equilibrium", words, names, names)
    fixed = district_part(graph)
    sources = proof.sources or OBSERVED
    for reduction in proof.reductions:
        yield from reduction_steps(fixed, sources, reduction)
    for hedge in dict.fromkeys(proof.hedges):
        yield hedge_step(graph, sources, hedge)
    if road.expr is not None and (over := scope & ~proof.outcomes & ~held):
        yield move_step(
            graph, "sum", f"over {_set(graph, over)}, blocks and districts together", scope & ~held, proof.outcomes
        )


def _held(road: Road) -> tuple[str, ...]:
    task = road.flat_task or road.task
    return tuple(task.graph.names[one.node] for one in task.treatments if one.policy is None)


def _edges(graph: Graph, after: Graph) -> Iterator[Step]:
    """Undirected edges that the policy made, loosened or removed."""
    for a in range(len(graph.names)):
        for b in bits((graph.neighbours[a] | after.neighbours[a]) & ~((2 << a) - 1)):
            if graph.neighbours[a] >> b & after.neighbours[a] >> b & 1:
                continue
            one, other = quoted_if_needed(graph.names[a]), quoted_if_needed(graph.names[b])
            if after.neighbours[a] >> b & 1:
                yield Step("induce", f"{one} and {other} now answer each other: {one} -- {other}")
            elif after.parents[b] >> a & 1 or after.parents[a] >> b & 1:
                tail, head = (one, other) if after.parents[b] >> a & 1 else (other, one)
                yield Step("loosen", f"{one} -- {other} becomes {tail} -> {head}: {tail} no longer listens")
            else:
                yield Step("remove", f"{one} -- {other} goes: neither listens any more")


def block_assumptions(road: Road) -> Iterator[str]:
    """What an answer through blocks rests on, beyond the edges that are absent."""
    yield (
        "In each block the observed laws of its members fit one joint law, so that what each does given the others is "
        "what its equation says."
    )
    if road.expr is not None and is_settled(road.expr):
        yield (
            "A block under new laws is read when it has settled, its members answering each other one at a time: in "
            "random order, unless an order is asked for."
        )


def block_certificate(road: Road) -> Certificate:
    """Why not: the districts that no source reaches, with the hidden causes in the way."""
    proof = road.flat
    assert proof is not None
    lines = [_reason(proof, hedge.outer, hedge.inner) for hedge in proof.hedges]
    lines.append("verify() looks for two models that agree on all that is observed and differ on the question.")
    return Certificate("route", " ".join(dict.fromkeys(lines)))


def _reason(proof: FlatProof, outer: int, inner: int) -> str:
    graph = proof.graph
    if not outer:
        return f"No source shows how {_set(graph, inner)} come about by themselves."
    edges = [
        f"{quoted_if_needed(graph.names[a])} <-> {quoted_if_needed(graph.names[b])}"
        for a in bits(outer)
        for b in bits(graph.siblings[a] & outer & ~((2 << a) - 1))
    ]
    return (
        f"The district {_set(graph, inner)} cannot be reached: hidden causes ({', '.join(edges)}) join it to its own "
        f"causes {_set(graph, outer & ~inner)}."
    )


def _set(graph: Graph, mask: int) -> str:
    return set_text(names_in(graph, mask))
