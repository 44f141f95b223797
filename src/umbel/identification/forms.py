"""The form of a flat estimand: simplified, and as an adjustment where that is no longer.

Readers look for ``Σ_z P(y | x, z) P(z)`` where it holds; the engine finds it one district at a
time and may stop at a longer formula of the same value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from umbel.expr.build import free, total
from umbel.expr.nodes import Drawn, Expr, Law, Level, Meaning, Probability, Product, Symbol
from umbel.expr.simplify import Separated, simplified
from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_connected
from umbel.graph.surgery import without_edges_into
from umbel.identification.adjustment import minimal_adjustment
from umbel.identification.kernel import size
from umbel.model.proof import EngineSource


def tidied(expr: Expr, graph: Graph, meanings: Sequence[Meaning], sources: Sequence[EngineSource]) -> Expr:
    """The estimand with laws joined, factors cancelled and idle conditions dropped."""
    return simplified(expr, separation(graph, meanings, sources))


def separation(graph: Graph, meanings: Sequence[Meaning], sources: Sequence[EngineSource]) -> Separated:
    """What the graph of each source says of independence, in the terms of the estimand."""
    node_of = {meaning: node for node, meaning in enumerate(meanings)}
    cut: dict[int, Graph] = {}

    def separated(index: int, of: tuple[Meaning, ...], other: Meaning, given: tuple[Meaning, ...]) -> bool:
        node = node_of[other]
        targets = sum(1 << node_of[meaning] for meaning in of)
        source = next((one for one in sources if one.index == index), sources[0])
        own = source.graph or graph
        around = own.parents[node] | own.siblings[node] | own.children[node]
        if around & targets:
            return False
        if index not in cut:
            cut[index] = own if source.graph or not source.do else without_edges_into(own, source.do)
        known = source.kept | sum(1 << node_of[meaning] for meaning in given)
        return not m_connected(cut[index], 1 << node, known) & targets

    return separated


def adjusted(
    graph: Graph,
    meanings: Sequence[Meaning],
    outcomes: int,
    treated: int,
    given: int,
    policies: Mapping[int, int],
    draws: Sequence[Drawn],
    level: Level = (),
) -> Expr | None:
    """The effect as an adjustment for a minimal set; None when no set is valid.

    ``Σ_z P(y | x, z, w) P(z | w)`` under conditions ``w``, with the policies' laws drawn in place of
    a treatment held at a value. What policies read must be adjusted for.
    """
    if not treated or any(isinstance(meaning, Law) for meaning in meanings):
        return None
    read = 0
    for reads in policies.values():
        read |= reads
    if read & treated:
        return None
    z = minimal_adjustment(graph, treated, outcomes, given | read, before=bool(given | read))
    if z is None:
        return None

    def symbols(mask: int) -> tuple[Symbol, ...]:
        return tuple(Symbol(meanings[node]) for node in bits(mask))

    z &= ~given
    outcome_law = Probability(symbols(outcomes), symbols(treated | z | given), level)
    factors: list[Expr] = [Probability(symbols(z), symbols(given), level)] if z else []
    factors += [outcome_law, *draws]
    random = sum(1 << node for node in policies)
    return total(symbols(z | random), Product(tuple(factors))) if len(factors) > 1 else outcome_law


def shorter(first: Expr, second: Expr, wanted: frozenset[Symbol]) -> Expr:
    """The one that leaves nothing free but what is wanted, then the one with fewer symbols; the first of equals."""
    rank = [(bool(free(expr) - wanted), size(expr)) for expr in (first, second)]
    return second if rank[1] < rank[0] else first
