"""Graphs from graphs: induced subgraphs, cut edges, latent projection.

Latent projection follows Verma and Pearl (1990): among the visible nodes, ``a -> b`` stands for a
directed path through hidden nodes, ``a <-> b`` for a path without collider that leaves both ends
by an arrowhead. Hidden nodes may have parents. Undirected edges are copied, which is sound for
block-safe latents only (Sherman and Shpitser, "Identification and Estimation of Causal Effects
from Dependent Data", 2018); plates are kept when no confounder would change its level.
What cannot be expressed is refused with the walk that shows it, never approximated.

Every function works on masks, O(n) word operations a node, and returns a graph whose nodes keep
their order and names. Facts travel with their nodes; those that cannot are listed by
:func:`facts_lost` and in :attr:`Projection.lost`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

from umbel.errors import GraphError, shown
from umbel.graph.mixed import NO_FACTS, Facts, Graph, bits
from umbel.graph.restrict import kept_facts, restricted
from umbel.graph.walks import Walk, closure


@dataclass(frozen=True, slots=True)
class Projection:
    """A latent projection and the facts that could not travel.

    Parameters
    ----------
    graph
        The graph on the visible nodes.
    lost
        Facts of the original graph, in its indices, that the projection no longer says.
    """

    graph: Graph
    lost: Facts = NO_FACTS


def induced(graph: Graph, mask: int) -> Graph:
    """The induced subgraph on a set: these nodes, every edge and fact among them.

    Plates stay, aggregates lose no part: a macro-variable is kept with all of its parts or
    becomes an ordinary variable.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Z"), ("Z", "Y")], bidirected=[("X", "Y")])
    >>> part = induced(graph, graph.mask(["X", "Y"]))
    >>> part.names, part.parents, part.siblings
    (('X', 'Y'), (0, 0), (2, 1))
    """
    mask &= graph.everything
    if mask == graph.everything:
        return graph
    return restricted(graph, mask, graph.parents, graph.siblings, graph.near_parents, graph.facts)


def without_edges_into(graph: Graph, mask: int) -> Graph:
    """Cut every arrowhead at a set: ``-> v``, ``<-> v``, ``.near -> v`` and the map of a macro ``v``.

    This is the graph after do(mask) for a set without undirected edges, which have no arrowhead
    and stay. Facts about the cut edges go with them: an intervention removes the mechanism.

    Examples
    --------
    >>> graph = Graph.build(directed=[("Z", "X"), ("X", "Y")], bidirected=[("X", "Y")])
    >>> cut = without_edges_into(graph, graph.mask(["X"]))
    >>> cut.parents, cut.siblings
    ((0, 0, 2), (0, 0, 0))
    """
    facts = graph.facts
    return replace(
        graph,
        parents=_cleared(graph.parents, mask),
        near_parents=_cleared(graph.near_parents, mask),
        siblings=tuple(0 if mask >> i & 1 else s & ~mask for i, s in enumerate(graph.siblings)),
        aggregates=tuple(a for a in graph.aggregates if not mask >> a.child & 1),
        facts=replace(
            facts,
            shared=facts.shared & ~mask,
            monotone=tuple(pair for pair in facts.monotone if not mask >> pair[1] & 1),
        ),
    )


def without_edges_out_of(graph: Graph, mask: int) -> Graph:
    """Cut every directed edge that leaves a set: ``v ->``, ``v.near ->``, ``v`` as part of a macro.

    Examples
    --------
    >>> graph = Graph.build(directed=[("Z", "X"), ("X", "Y")], bidirected=[("X", "Y")])
    >>> without_edges_out_of(graph, graph.mask(["X"])).parents
    (0, 1, 0)
    """
    keep = ~mask
    aggregates = graph.aggregates
    if any(mask >> part.node & 1 for a in aggregates for part in a.parts):
        thinned = (replace(a, parts=tuple(p for p in a.parts if not mask >> p.node & 1)) for a in aggregates)
        aggregates = tuple(a for a in thinned if a.parts)
    return replace(
        graph,
        parents=tuple(p & keep for p in graph.parents),
        near_parents=tuple(p & keep for p in graph.near_parents),
        aggregates=aggregates,
        facts=replace(graph.facts, monotone=tuple(p for p in graph.facts.monotone if not mask >> p[0] & 1)),
    )


def latent_projection(graph: Graph, hidden: int | None = None) -> Graph:
    """The graph on the visible nodes alone; :func:`project` also lists the facts that this loses.

    Parameters
    ----------
    graph
        Any mixed graph; hidden nodes may have parents.
    hidden
        Mask of the nodes to project out; default: the latent ones.

    Returns
    -------
    Graph
        The visible nodes in their order, none of them renamed. A visible node that was marked
        latent stays latent.

    Raises
    ------
    GraphError
        When the result is not expressible: a hidden node with an undirected edge or above a
        block, a hidden neighbour, a hidden part of a visible macro-variable, a confounder that
        would move from one plate level to another. The message names the walk.

    References
    ----------
    Verma and Pearl (1990); Sherman and Shpitser (2018) for block-safe latents.

    Examples
    --------
    >>> graph = Graph.build(directed=[("Z", "U"), ("U", "A"), ("U", "Y"), ("A", "Y")], latent=["U"])
    >>> plain = latent_projection(graph)
    >>> plain.names, plain.parents, plain.siblings
    (('Z', 'A', 'Y'), (0, 1, 3), (0, 4, 2))
    """
    return project(graph, hidden).graph


def project(graph: Graph, hidden: int | None = None) -> Projection:
    """Latent projection with its account of lost facts; see :func:`latent_projection`.

    A monotone fact travels along a hidden node when each edge of the path is monotone; a
    ``shared`` fact survives a hidden parent that is itself shared. Everything else that speaks of
    a hidden node is in :attr:`Projection.lost`.

    Examples
    --------
    >>> graph = Graph.parse("U -> { A Y }; A -> Y; classes U = 2")
    >>> project(graph).lost.classes
    ((0, 2),)
    """
    hidden = (graph.latent if hidden is None else hidden) & graph.everything
    if not hidden:
        return Projection(graph)
    _check_expressible(graph, hidden)
    parents, siblings, near = list(graph.parents), list(graph.siblings), list(graph.near_parents)
    children = list(graph.children)
    shared, monotone = graph.facts.shared, set(graph.facts.monotone)
    visible = graph.everything & ~hidden
    live = closure(visible, graph.parents, graph.everything)  # without what no visible variable descends from
    order: Iterable[int] = bits(hidden & live)
    if graph.plates:  # a unit's cause of one hidden subunit variable is noise that this one has anyway
        order = sorted(order, key=lambda v: len(graph.plate_path(v)))
    for h in order:  # one node at a time: what comes out does not depend on the order
        bit = 1 << h
        above, below, beside = parents[h], children[h] & live, siblings[h] & live
        if graph.plates:
            _check_levels(graph, h, above | near[h], below, beside)
        if monotone:
            _compose_monotone(monotone, h, above, below, parents)
        if not shared & bit:
            shared &= ~below
        for c in bits(below):
            parents[c] = (parents[c] | above) & ~bit
            near[c] |= near[h]
            siblings[c] |= (below | beside) & ~(1 << c)
        for p in bits(above):
            children[p] = (children[p] | below) & ~bit
        for s in bits(beside):
            siblings[s] = (siblings[s] | below & ~(1 << s)) & ~bit
    facts = replace(graph.facts, shared=shared, monotone=tuple(sorted(monotone)))
    plain = restricted(graph, visible, parents, siblings, near, facts)
    return Projection(plain, _lost(graph.facts, kept_facts(facts, visible)))


def facts_lost(graph: Graph, mask: int) -> Facts:
    """Facts that the induced subgraph on a set no longer says, in the indices of ``graph``."""
    return _lost(graph.facts, kept_facts(graph.facts, mask))


def _cleared(masks: tuple[int, ...], at: int) -> tuple[int, ...]:
    return tuple(0 if at >> i & 1 else m for i, m in enumerate(masks))


def _lost(before: Facts, after: Facts) -> Facts:
    if before == after:
        return NO_FACTS
    return Facts(
        shared=before.shared & ~after.shared,
        monotone=tuple(pair for pair in before.monotone if pair not in after.monotone),
        classes=tuple(pair for pair in before.classes if pair not in after.classes),
        domains=tuple(pair for pair in before.domains if pair not in after.domains),
    )


def _compose_monotone(monotone: set[tuple[int, int]], h: int, above: int, below: int, parents: list[int]) -> None:
    """Replace the facts about ``p -> h -> c`` by what they say of the new edge ``p -> c``."""
    for p in bits(above):
        for c in bits(below):
            path = (p, h) in monotone and (h, c) in monotone
            direct = (p, c) in monotone or not parents[c] >> p & 1
            monotone.discard((p, c))
            if path and direct:
                monotone.add((p, c))


def _check_expressible(graph: Graph, hidden: int) -> None:
    """Refuse hidden nodes that touch undirected edges, neighbours' copies or aggregation."""
    for v in range(len(graph.names)):
        beside = graph.neighbours[v] | graph.near_neighbours[v]
        if beside and hidden >> v & 1:
            _refuse(graph, v, _walk(graph, v, "--", next(bits(beside))), "is an undirected edge")
        for h in bits(graph.parents[v] & hidden if beside else 0):
            walk = _walk(graph, h, "->", v, "--", next(bits(beside)))
            _refuse(graph, h, walk, "makes it the parent of a block, so it is not block-safe")
        for h in bits(graph.near_parents[v] & hidden):
            _refuse(graph, h, _walk(graph, h, ".near ->", v), "reaches the copies of other members")
    for a in graph.aggregates:
        child = shown(graph.names[a.child])
        used = graph.children[a.child] | graph.siblings[a.child] | graph.near_parents[a.child]
        if not hidden >> a.child & 1:
            for part in a.parts:
                if hidden >> part.node & 1:
                    _refuse(graph, part.node, "it", f"is a part of {child}, which is visible")
        elif used or any(part.node == a.child for b in graph.aggregates for part in b.parts):
            _refuse(graph, a.child, "it", "is a known map of its parts, and other variables depend on it")


def _check_levels(graph: Graph, h: int, above: int, below: int, beside: int) -> None:
    """Refuse when an edge of the projection would live at another plate level than its path."""
    why = "would become an edge at another plate level; collapse the plates first"

    def level(a: int, b: int) -> int:
        """Number of plates that hold both."""
        paths = zip(graph.plate_path(a), graph.plate_path(b), strict=False)
        return sum(1 for p, q in paths if p == q)

    for c in bits(below):
        for p in bits(above):
            if level(p, c) > min(level(p, h), level(h, c)):
                _refuse(graph, h, _walk(graph, p, "->", h, "->", c), why)
        for d in bits(below & -(2 << c)):
            if not level(h, c) == level(h, d) == level(c, d):
                _refuse(graph, h, _walk(graph, c, "<-", h, "->", d), why)
        for s in bits(beside & ~(1 << c)):
            if level(s, h) != level(s, c):
                _refuse(graph, h, _walk(graph, s, "<->", h, "->", c), why)


def _walk(graph: Graph, start: int, *steps: str | int) -> str:
    marks = tuple(step for step in steps if isinstance(step, str))
    nodes = tuple(step for step in steps if isinstance(step, int))
    return Walk((start, *nodes), marks).text(graph.names)


def _refuse(graph: Graph, node: int, what: str, why: str) -> NoReturn:
    raise GraphError(f"Latent {shown(graph.names[node])} cannot be projected out: {what} {why}.")
