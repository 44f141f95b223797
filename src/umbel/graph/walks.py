"""Reachability on masks: ancestors, descendants, districts, blocks, orders, cycles.

Every function takes an optional ``within`` mask: the induced subgraph on these nodes. Cost is
O(n) word operations a step, so O(n^2) words at worst.

Ancestors and descendants follow ``->`` alone, which is all that a lowered graph has. Orders and
cycles follow :func:`inputs`: what a variable is made of counts as its cause too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from umbel.graph.mixed import Graph, bits
from umbel.lexer import brief

MOST_SHOWN = 12
"""Longest walk that a message spells out; of a longer one it shows the two ends."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Nodes in order with the mark of each step: a path, a cycle, a witness.

    Parameters
    ----------
    nodes
        Node indices; a cycle repeats its first node at the end.
    marks
        One of ``->``, ``<-``, ``<->``, ``--`` between each node and the next; ``.near ->`` and
        ``.near --`` where the step leads to a neighbour in the network.

    Examples
    --------
    >>> Walk((0, 1, 0), ("->", "<->")).text(("A", "Y"))
    'A -> Y <-> A'
    """

    nodes: tuple[int, ...]
    marks: tuple[str, ...]

    def text(self, names: Sequence[str]) -> str:
        """The walk in words for a message, with the names of its graph; long names are cut."""
        words = [brief(names[self.nodes[0]])] if self.nodes else []
        for mark, node in zip(self.marks, self.nodes[1:], strict=True):
            words[-1] += mark if mark.startswith(".") else f" {mark}"
            words.append(brief(names[node]))
        if len(words) > MOST_SHOWN:
            words[MOST_SHOWN // 2 : -MOST_SHOWN // 2] = ["…"]
        return " ".join(words)


def inputs(graph: Graph) -> tuple[int, ...]:
    """One mask per node: what it is made of, by ``->``, ``.near ->`` or aggregation."""
    if not graph.aggregates and not any(graph.near_parents):
        return graph.parents
    made_of = [a | b for a, b in zip(graph.parents, graph.near_parents, strict=True)]
    for aggregate in graph.aggregates:
        for part in aggregate.parts:
            made_of[aggregate.child] |= 1 << part.node
    return tuple(made_of)


def outputs(graph: Graph, made_of: Sequence[int] | None = None) -> tuple[int, ...]:
    """The transpose of :func:`inputs`."""
    made_of = inputs(graph) if made_of is None else made_of
    if made_of is graph.parents:
        return graph.children
    makes = [0] * len(made_of)
    for node, mask in enumerate(made_of):
        for source in bits(mask):
            makes[source] |= 1 << node
    return tuple(makes)


def closure(start: int, step: Sequence[int], within: int) -> int:
    """All nodes of ``within`` that repeated steps reach from ``start``, with ``start``."""
    seen = start & within
    frontier = seen
    while frontier:
        reached = 0
        for node in bits(frontier):
            reached |= step[node]
        frontier = reached & within & ~seen
        seen |= frontier
    return seen


def ancestors(graph: Graph, of: int, within: int | None = None) -> int:
    """Ancestors of a set along ``->``, the set itself included.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Z"), ("Z", "Y"), ("Z", "W")])
    >>> graph.names_of(ancestors(graph, graph.mask(["Y"])))
    ('X', 'Z', 'Y')
    """
    return closure(of, graph.parents, graph.everything if within is None else within)


def descendants(graph: Graph, of: int, within: int | None = None) -> int:
    """Descendants of a set along ``->``, the set itself included."""
    return closure(of, graph.children, graph.everything if within is None else within)


def district(graph: Graph, of: int, within: int | None = None) -> int:
    """Nodes joined to a set by paths of ``<->``, the set itself included."""
    return closure(of, graph.siblings, graph.everything if within is None else within)


def block(graph: Graph, of: int, within: int | None = None) -> int:
    """Nodes joined to a set by paths of ``--``, the set itself included."""
    return closure(of, graph.neighbours, graph.everything if within is None else within)


def components(step: Sequence[int], within: int) -> tuple[int, ...]:
    """Partition of ``within`` into the sets that ``step`` connects, by smallest member."""
    parts: list[int] = []
    rest = within
    while rest:
        part = closure(rest & -rest, step, within)
        parts.append(part)
        rest &= ~part
    return tuple(parts)


def districts(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """The districts (c-components) of the induced subgraph."""
    return components(graph.siblings, graph.everything if within is None else within)


def blocks(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """The blocks (components of ``--``) of the induced subgraph."""
    return components(graph.neighbours, graph.everything if within is None else within)


def topological_order(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """Nodes with parents before children; ties by index. Empty for a cycle: ask :func:`cycle`.

    Examples
    --------
    >>> graph = Graph.build(nodes=["Y", "X"], directed=[("X", "Y")])
    >>> topological_order(graph)
    (1, 0)
    """
    within = graph.everything if within is None else within
    order = _peeled(graph, within)
    return order if len(order) == within.bit_count() else ()


def cycle(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """A directed cycle as a closed walk (first node repeated), empty when there is none.

    Cost O(n + edges).

    Examples
    --------
    >>> cycle(Graph.build(directed=[("X", "Y"), ("Y", "Z"), ("Z", "Y")]))
    (1, 2, 1)
    """
    within = graph.everything if within is None else within
    rest = within
    for node in _peeled(graph, within):
        rest ^= 1 << node
    if not rest:
        return ()
    # Every node of the rest has a parent in it: walk up until a node repeats.
    made_of = inputs(graph)
    walk: list[int] = []
    place: dict[int, int] = {}
    node = (rest & -rest).bit_length() - 1
    while node not in place:
        place[node] = len(walk)
        walk.append(node)
        up = made_of[node] & rest
        node = (up & -up).bit_length() - 1
    return tuple(reversed([*walk[place[node] :], node]))


def directed_walk(graph: Graph, nodes: Sequence[int]) -> Walk:
    """Nodes joined by ``->`` as a walk, with the mark of each step as the graph has it."""
    marks = tuple(
        "->" if graph.parents[b] >> a & 1 or not graph.near_parents[b] >> a & 1 else ".near ->"
        for a, b in pairwise(nodes)
    )
    return Walk(tuple(nodes), marks)


def partially_directed_cycle(graph: Graph) -> Walk | None:
    """A closed walk along ``->`` and ``--`` with at least one ``->``; None when there is none.

    The shortest through the arrow it starts with. Chain graphs and segregated graphs have none.
    Cost O(n + edges) when there is none.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Y")], undirected=[("Y", "Z"), ("Z", "X")])
    >>> partially_directed_cycle(graph).text(graph.names)
    'X -> Y -- Z -- X'
    """
    beside = [a | b for a, b in zip(graph.neighbours, graph.near_neighbours, strict=True)]
    made_of = inputs(graph)
    makes = outputs(graph, made_of)
    parts = components(beside, graph.everything)
    part_of = {node: k for k, part in enumerate(parts) for node in bits(part)}
    # Peel blocks without an arrow from the rest; a block with an arrow inside is never peeled.
    waiting = [sum((made_of[node]).bit_count() for node in bits(part)) for part in parts]
    ready = [k for k, count in enumerate(waiting) if not count]
    left = set(range(len(parts)))
    while ready:
        k = ready.pop()
        left.discard(k)
        for node in bits(parts[k]):
            for child in bits(makes[node]):
                j = part_of[child]
                waiting[j] -= 1
                if not waiting[j]:
                    ready.append(j)
    rest = sum(parts[k] for k in left)
    forward = [(a | b) & rest for a, b in zip(makes, beside, strict=True)]
    for tail in bits(rest):
        for head in bits(makes[tail] & rest):
            back = shortest_path(head, tail, forward)
            if back:
                return _mixed_walk(graph, (tail, *back), makes)
    return None


def shortest_path(start: int, end: int, step: Sequence[int]) -> tuple[int, ...]:
    """A shortest path of nodes along ``step``, both ends included; empty when there is none."""
    before = {start: start}
    frontier = [start]
    while frontier and end not in before:
        reached: list[int] = []
        for node in frontier:
            for following in bits(step[node]):
                if following not in before:
                    before[following] = node
                    reached.append(following)
        frontier = reached
    if end not in before:
        return ()
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return tuple(reversed(path))


def _mixed_walk(graph: Graph, nodes: tuple[int, ...], makes: Sequence[int]) -> Walk:
    """Marks for a walk along arrows and undirected edges; its first step is an arrow."""
    marks = list(directed_walk(graph, nodes).marks)
    for k, (a, b) in enumerate(pairwise(nodes)):
        if k and graph.neighbours[a] >> b & 1:
            marks[k] = "--"
        elif k and not makes[a] >> b & 1:
            marks[k] = ".near --"
    return Walk(nodes, tuple(marks))


def _peeled(graph: Graph, within: int) -> tuple[int, ...]:
    """Nodes of ``within`` in topological order, without those on or below a cycle."""
    made_of = inputs(graph)
    makes = outputs(graph, made_of)
    waiting = {node: (made_of[node] & within).bit_count() for node in bits(within)}
    ready = [node for node in sorted(waiting, reverse=True) if not waiting[node]]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for child in bits(makes[node] & within):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return tuple(order)
