"""Reachability on masks: ancestors, descendants, districts, blocks, orders, cycles.

Every function takes an optional ``within`` mask: the induced subgraph on these nodes. Cost is
O(n) word operations a step, so O(n^2) words at worst.
"""

from __future__ import annotations

from collections.abc import Sequence

from umbel.graph.mixed import Graph, bits


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


def components(graph: Graph, step: Sequence[int], within: int) -> tuple[int, ...]:
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
    return components(graph, graph.siblings, graph.everything if within is None else within)


def blocks(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """The blocks (components of ``--``) of the induced subgraph."""
    return components(graph, graph.neighbours, graph.everything if within is None else within)


def topological_order(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """Nodes with parents before children; ties by index. Empty for a cycle: ask :func:`cycle`.

    Examples
    --------
    >>> graph = Graph.build(nodes=["Y", "X"], directed=[("X", "Y")])
    >>> topological_order(graph)
    (1, 0)
    """
    rest = graph.everything if within is None else within
    within = rest
    waiting = {node: (graph.parents[node] & within).bit_count() for node in bits(rest)}
    ready = [node for node in sorted(waiting, reverse=True) if not waiting[node]]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for child in bits(graph.children[node] & within):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return tuple(order) if len(order) == len(waiting) else ()


def cycle(graph: Graph, within: int | None = None) -> tuple[int, ...]:
    """A shortest-found directed cycle as a closed walk (first node repeated), empty when none.

    Cost O(n + edges).
    """
    within = graph.everything if within is None else within
    rest = within
    # Peel nodes without a parent in the rest; what stays holds a cycle.
    waiting = {node: (graph.parents[node] & within).bit_count() for node in bits(within)}
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        node = ready.pop()
        rest &= ~(1 << node)
        for child in bits(graph.children[node] & within):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    if not rest:
        return ()
    # Every node of the rest has a parent in it: walk up until a node repeats.
    walk: list[int] = []
    place: dict[int, int] = {}
    node = (rest & -rest).bit_length() - 1
    while node not in place:
        place[node] = len(walk)
        walk.append(node)
        up = graph.parents[node] & rest
        node = (up & -up).bit_length() - 1
    return tuple(reversed([*walk[place[node] :], node]))
