"""Totals and their parts in graphs: amalgamated graphs, macro-interventions, separation, and the way down.

Definitions 3 and 5 and Assumption 1 of Zhu, Budhathoki, Kübler and Janzing, "Meaningful causal
aggregation and paradoxical confounding". A constraint link between a total and its parts is an edge kind
of its own (``Graph.aggregates``): seen, the total is a function of its parts; set, it drives them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from umbel.errors import GraphError, shown
from umbel.graph.mixed import Aggregate, Graph, bits
from umbel.graph.separation import m_separated
from umbel.graph.surgery import induced
from umbel.graph.walks import Walk, closure, inputs

RealisationClass = Literal["perfect", "shift"]
"""Parts drawn anew and cut from their causes, or moved from where they are."""


def aggregate_of(graph: Graph, node: int) -> Aggregate | None:
    """The map of a total; None for a variable that is none."""
    return next((one for one in graph.aggregates if one.child == node), None)


def micro_parts(graph: Graph, child: int) -> tuple[tuple[int, float], ...]:
    """The micro-variables of a total with their weights, totals among its parts opened up.

    Examples
    --------
    >>> graph = Graph.parse("S = sum(A, B); T = weighted(S: 2, C: 1)")
    >>> [(graph.names[node], weight) for node, weight in micro_parts(graph, graph.index("T"))]
    [('A', 2.0), ('B', 2.0), ('C', 1.0)]
    """
    found: dict[int, float] = {}
    own = aggregate_of(graph, child)
    assert own is not None, f"{graph.names[child]} is no aggregate"
    share = 1.0 / len(own.parts) if own.kind == "mean" else 1.0
    for part in own.parts:
        inner = aggregate_of(graph, part.node)
        pairs = micro_parts(graph, part.node) if inner is not None else ((part.node, 1.0),)
        for node, weight in pairs:
            found[node] = found.get(node, 0.0) + share * part.weight * weight
    return tuple(found.items())


def check_block(graph: Graph, child: int) -> None:
    """Assumption 1: no part of a total causes another, by whatever way; and the map is one.

    Raises
    ------
    GraphError
        With the path; for a total of one part, and for weights that are all zero.

    Examples
    --------
    >>> graph = Graph.parse("X1 -> W -> X2; S = sum(X1, X2)")
    >>> check_block(graph, graph.index("S"))
    Traceback (most recent call last):
        ...
    umbel.errors.GraphError: 'S' aggregates parts of which one causes another: X1 -> W -> X2. Setting it would not \
say what happens to X2. Aggregate variables without a directed path among them (Assumption 1).
    """
    name = shown(graph.names[child])
    parts = micro_parts(graph, child)
    if not any(weight for _, weight in parts):
        raise GraphError(f"The weights of {name} are all zero: it is always 0, so that it cannot be set.")
    mask = sum(1 << node for node, _ in parts)
    made_of = inputs(graph)
    for node, _ in parts:
        above = closure(made_of[node], made_of, graph.everything) & mask & ~(1 << node)
        if above:
            walk = _path(graph, made_of, next(bits(above)), node)
            raise GraphError(
                f"{name} aggregates parts of which one causes another: {walk}. Setting it would not say what happens "
                f"to {graph.names[node]}. Aggregate variables without a directed path among them (Assumption 1)."
            )


def _path(graph: Graph, made_of: tuple[int, ...], start: int, end: int) -> str:
    before = {end: -1}
    frontier = [end]
    while frontier and start not in before:
        reached = []
        for node in frontier:
            for cause in bits(made_of[node]):
                if cause not in before:
                    before[cause] = node
                    reached.append(cause)
        frontier = reached
    nodes = [start]
    while before[nodes[-1]] >= 0:
        nodes.append(before[nodes[-1]])
    return Walk(tuple(nodes), ("->",) * (len(nodes) - 1)).text(graph.names)


@dataclass(frozen=True, slots=True)
class Amalgamated:
    """The amalgamated graph in the paper's letters (Definition 3): names, and pairs of names.

    Parameters
    ----------
    micro, macro
        V and V-bar.
    edges
        E: directed edges, between micro-variables but for those of a macro-intervention.
    links
        C: pairs of a micro-variable and its aggregate.
    """

    micro: tuple[str, ...]
    macro: tuple[str, ...]
    edges: frozenset[tuple[str, str]]
    links: frozenset[tuple[str, str]]


def amalgamated(graph: Graph) -> Amalgamated:
    """Read a graph as Definition 3 does.

    Examples
    --------
    >>> graph = Graph.parse("Z -> {X Y}; X -> Y; Xbar = sum(X); Ybar = sum(Y)")
    >>> sorted(amalgamated(graph).links)
    [('X', 'Xbar'), ('Y', 'Ybar')]
    """
    macro = sum(1 << one.child for one in graph.aggregates)
    edges = {(graph.names[a], graph.names[b]) for b in range(len(graph.names)) for a in bits(graph.parents[b])}
    links = {(graph.names[part.node], graph.names[one.child]) for one in graph.aggregates for part in one.parts}
    return Amalgamated(
        graph.names_of(graph.everything & ~macro), graph.names_of(macro), frozenset(edges), frozenset(links)
    )


def macro_intervention(graph: Graph, child: int, kind: RealisationClass = "perfect", given: int = 0) -> Graph:
    """The macro-intervention graph (Definition 5): the total drives its parts, their link is gone.

    Parameters
    ----------
    child
        The total that is set.
    kind
        ``"perfect"`` cuts the parts from their causes; ``"shift"`` leaves them, and adds the total.
    given
        Mask of what the realisation reads beside the total: further parents of the parts, which the
        definition does not foresee and Theorem 4.1 needs.

    Examples
    --------
    >>> graph = Graph.parse("Z -> {X Y}; X -> Y; Xbar = sum(X); Ybar = sum(Y)")
    >>> after = amalgamated(macro_intervention(graph, graph.index("Xbar")))
    >>> sorted(after.edges), sorted(after.links)
    ([('X', 'Y'), ('Xbar', 'X'), ('Z', 'Y')], [('Y', 'Ybar')])
    """
    own = aggregate_of(graph, child)
    assert own is not None, f"{graph.names[child]} is no aggregate"
    parts = sum(1 << part.node for part in own.parts)
    parents, siblings = list(graph.parents), list(graph.siblings)
    for node in bits(parts):
        kept = graph.parents[node] if kind == "shift" else 0
        parents[node] = kept | 1 << child | given
        if kind == "perfect":
            for other in bits(siblings[node]):
                siblings[other] &= ~(1 << node)
            siblings[node] = 0
    return replace(
        graph,
        parents=tuple(parents),
        siblings=tuple(siblings),
        aggregates=tuple(one for one in graph.aggregates if one.child != child),
    )


def determined(graph: Graph, given: int) -> int:
    """What a set determines: itself, totals of known parts, and the last unknown part of a known total.

    Examples
    --------
    >>> graph = Graph.parse("S = sum(A, B)")
    >>> graph.names_of(determined(graph, graph.mask(["S", "A"])))
    ('S', 'A', 'B')
    """
    grown = True
    while grown:
        grown = False
        for one in graph.aggregates:
            members = 1 << one.child
            for part in one.parts:
                if part.weight:
                    members |= 1 << part.node
            unknown = members & ~given
            if unknown and not unknown & (unknown - 1):  # one left, and the map is solved for it
                given |= unknown
                grown = True
    return given


def separated(graph: Graph, x: int, y: int, given: int = 0) -> bool:
    """Deterministic separation: m-separation where totals are functions of their parts.

    Parts that are known determine their total; a total that is known does not block its parts.

    Examples
    --------
    >>> graph = Graph.parse("Z -> X1 -> Y; X2 -> Y; S = sum(X1, X2); S -> W")
    >>> y, w, s, x = (graph.mask(names) for names in (["Y"], ["W"], ["S"], ["X1", "X2"]))
    >>> separated(graph, w, y, s), separated(graph, w, y, x)
    (True, True)
    """
    known = determined(graph, given)
    return m_separated(graph, x & ~given, y & ~known, known) or m_separated(graph, x, y, given)


def without_totals(graph: Graph, seen: int) -> Graph:
    """The graph with no aggregation: totals in ``seen`` become ordinary effects of their parts, others go.

    What reads a total that goes reads its parts instead. Sound for identification: a model with totals is
    a model of this graph. The totals' own determinism is not used.

    Examples
    --------
    >>> graph = Graph.parse("Z -> X1; S = sum(X1, X2); S -> Y")
    >>> sorted(without_totals(graph, 0).to_edges())
    [('X1', '->', 'Y'), ('X2', '->', 'Y'), ('Z', '->', 'X1')]
    """
    parents = list(graph.parents)
    gone = 0
    for one in graph.aggregates:
        parts = sum(1 << node for node, weight in micro_parts(graph, one.child) if weight)
        if seen >> one.child & 1:
            parents[one.child] = parts
            continue
        gone |= 1 << one.child
        for node in bits(graph.children[one.child]):
            parents[node] = parents[node] & ~(1 << one.child) | parts
    plain = replace(graph, parents=tuple(parents), aggregates=())
    return induced(plain, graph.everything & ~gone)
