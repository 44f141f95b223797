"""Orders, cycles and paths against networkx and enumeration."""

from __future__ import annotations

import random
from itertools import pairwise

import networkx

from tests.graph.random_graphs import mixed_graph
from umbel.graph.mixed import Graph, bits
from umbel.graph.parse import parse_graph
from umbel.graph.walks import (
    Walk,
    ancestors,
    blocks,
    cycle,
    descendants,
    district,
    districts,
    inputs,
    outputs,
    partially_directed_cycle,
    shortest_path,
    topological_order,
)


def random_digraph(rng: random.Random, size: int) -> Graph:
    names = [f"V{i}" for i in range(size)]
    pairs = [(a, b) for a in names for b in names if a != b and rng.random() < 0.25]
    return Graph.build(nodes=names, directed=pairs)


def test_a_cycle_is_found_exactly_when_there_is_one() -> None:
    rng = random.Random(1)
    for _ in range(300):
        graph = random_digraph(rng, 5)
        other = networkx.DiGraph([(a, b) for b in range(5) for a in bits(graph.parents[b])])
        closed = cycle(graph)
        assert bool(closed) is not networkx.is_directed_acyclic_graph(other)
        assert bool(topological_order(graph)) is not bool(closed)
        if closed:
            assert closed[0] == closed[-1] and len(set(closed)) == len(closed) - 1
            assert all(graph.parents[b] >> a & 1 for a, b in pairwise(closed))


def test_orders_put_parents_first_and_ties_by_index() -> None:
    rng = random.Random(2)
    for _ in range(100):
        graph = mixed_graph(rng, 7)
        order = topological_order(graph)
        assert sorted(order) == list(range(7))
        assert all(order.index(p) < order.index(v) for v in order for p in bits(graph.parents[v]))
    assert topological_order(parse_graph("C B A")) == (0, 1, 2)
    assert topological_order(parse_graph("A -> B -> C"), 0b101) == (0, 2)


def test_macros_and_neighbours_count_as_causes_in_orders_and_cycles() -> None:
    graph = parse_graph("S = sum(X1, X2); S -> Y")
    names = graph.names
    order = [names[v] for v in topological_order(graph)]
    assert order.index("X1") < order.index("S") < order.index("Y")
    assert outputs(graph)[graph.index("X1")] == graph.mask(["S"])
    near = parse_graph("network p { A.near -> Y }")
    assert inputs(near) == (0, 1)
    assert inputs(parse_graph("A -> B")) == (0, 1)


def test_reachability() -> None:
    graph = parse_graph("A -> B -> C; B <-> D <-> E; X -- Y -- Z")
    named = graph.names_of
    assert named(ancestors(graph, graph.mask("C"))) == ("A", "B", "C")
    assert named(ancestors(graph, graph.mask("C"), graph.mask("AC"))) == ("C",)
    assert named(descendants(graph, graph.mask("B"))) == ("B", "C")
    assert named(district(graph, graph.mask("B"))) == ("B", "D", "E")
    assert [named(part) for part in districts(graph, graph.mask("BDEA"))] == [("A",), ("B", "D", "E")]
    assert [named(part) for part in blocks(graph) if part.bit_count() > 1] == [("X", "Y", "Z")]


def has_partially_directed_cycle(graph: Graph) -> bool:
    """By enumeration: from some arrow, back to its tail along arrows and undirected edges."""
    steps = [children | beside for children, beside in zip(graph.children, graph.neighbours, strict=True)]
    return any(
        shortest_path(head, tail, steps) for tail in range(len(graph.names)) for head in bits(graph.children[tail])
    )


def test_partially_directed_cycles_are_found_and_are_walks_of_the_graph() -> None:
    rng = random.Random(3)
    found = 0
    for _ in range(400):
        graph = mixed_graph(rng, 5, undirected=0.15)
        walk = partially_directed_cycle(graph)
        assert (walk is not None) is has_partially_directed_cycle(graph), graph.text()
        if walk is not None:
            found += 1
            assert walk.nodes[0] == walk.nodes[-1] and "->" in walk.marks
            for a, mark, b in zip(walk.nodes, walk.marks, walk.nodes[1:], strict=False):
                assert {"->": graph.children, "--": graph.neighbours}[mark][a] >> b & 1
    assert 50 < found < 350


def test_cycles_over_a_network_are_cycles() -> None:
    graph = parse_graph("network p { A -> Y; Y -- A.near }")
    walk = partially_directed_cycle(graph)
    assert walk is not None and walk.text(graph.names) == "A -> Y.near -- A"


def test_long_walks_show_their_ends() -> None:
    names = [f"V{i}" for i in range(100)]
    text = Walk(tuple(range(100)), ("->",) * 99).text(names)
    assert text == "V0 -> V1 -> V2 -> V3 -> V4 -> V5 -> … V94 -> V95 -> V96 -> V97 -> V98 -> V99"


def test_a_shortest_path() -> None:
    assert shortest_path(0, 3, [0b0110, 0b1000, 0b1000, 0]) == (0, 1, 3)
    assert shortest_path(3, 0, [0b0110, 0b1000, 0b1000, 0]) == ()
    assert shortest_path(2, 2, [0, 0, 0]) == (2,)
