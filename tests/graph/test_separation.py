"""m-separation against definitions that share nothing with it: paths, moral graphs, hidden causes."""

from __future__ import annotations

import random

import pytest

from tests.graph.random_graphs import mixed_graph, subsets
from umbel.errors import GraphError
from umbel.graph.classes import is_segregated
from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_connected, m_connecting_walk, m_separated
from umbel.graph.walks import Walk, ancestors, closure

GRAPHS = 150


def connected_by_paths(graph: Graph, x: int, y: int, given: int) -> bool:
    """The textbook: a path whose colliders are ancestors of the given set, and whose other nodes are not in it."""
    opened = ancestors(graph, given)

    def follow(path: list[int], arrow_in: bool) -> bool:
        v = path[-1]
        if v == y:
            return True
        steps = [(w, False, True) for w in bits(graph.children[v])]
        steps += [(w, True, False) for w in bits(graph.parents[v])]
        steps += [(w, True, True) for w in bits(graph.siblings[v])]
        for w, arrow_out, arrow_next in steps:
            collider = arrow_in and arrow_out
            passes = opened >> v & 1 if collider else not given >> v & 1
            if w not in path and (len(path) == 1 or passes) and follow([*path, w], arrow_next):
                return True
        return False

    return follow([x], False)


def separated_by_moral_graph(graph: Graph, x: int, y: int, given: int) -> bool:
    """Lauritzen's criterion for chain graphs, with a hidden parent for every bidirected edge."""
    n = len(graph.names)
    parents, neighbours = list(graph.parents), list(graph.neighbours)
    for v in range(n):
        for w in bits(graph.siblings[v] & -(2 << v)):
            hidden = len(parents)
            parents.append(0)
            neighbours.append(0)
            parents[v] |= 1 << hidden
            parents[w] |= 1 << hidden
    everything = (1 << len(parents)) - 1
    both = [a | b for a, b in zip(parents, neighbours, strict=True)]
    anterior = closure(1 << x | 1 << y | given, both, everything)
    moral = [0] * len(parents)

    def join(a: int, b: int) -> None:
        if a != b:
            moral[a] |= 1 << b
            moral[b] |= 1 << a

    for v in bits(anterior):
        block = closure(1 << v, neighbours, anterior)
        above = 0
        for w in bits(block):
            above |= parents[w]
        for p in bits(above):
            for q in bits(above):
                join(p, q)
        for w in bits(parents[v] | neighbours[v] & anterior):
            join(v, w)
    return not closure(1 << x, moral, anterior & ~given) >> y & 1


def questions(graph: Graph) -> list[tuple[int, int, int]]:
    n = len(graph.names)
    return [
        (x, y, given) for x in range(n) for y in range(x) for given in subsets(graph.everything & ~(1 << x) & ~(1 << y))
    ]


def test_separation_is_what_paths_say() -> None:
    rng = random.Random(1)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 5)
        for x, y, given in questions(graph):
            expected = not connected_by_paths(graph, x, y, given)
            assert m_separated(graph, 1 << x, 1 << y, given) is expected, (graph.text(), x, y, given)


def test_separation_with_undirected_edges_is_what_moral_graphs_say() -> None:
    rng = random.Random(2)
    checked = 0
    while checked < GRAPHS:
        graph = mixed_graph(rng, 5, bidirected=0.15, undirected=0.25)
        if not any(graph.neighbours) or not is_segregated(graph):
            continue
        checked += 1
        for x, y, given in questions(graph):
            expected = separated_by_moral_graph(graph, x, y, given)
            assert m_separated(graph, 1 << x, 1 << y, given) is expected, (graph.text(), x, y, given)


def test_the_witness_is_a_walk_of_the_graph_that_connects() -> None:
    rng = random.Random(3)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 5, bidirected=0.1, undirected=0.15)
        for x, y, given in questions(graph):
            walk = m_connecting_walk(graph, 1 << x, 1 << y, given)
            assert (walk is None) is m_separated(graph, 1 << x, 1 << y, given)
            if walk is not None:
                assert (walk.nodes[0], walk.nodes[-1]) == (x, y)
                assert connects(graph, walk, given), (graph.text(), walk, given)


def connects(graph: Graph, walk: Walk, given: int) -> bool:
    """Check a walk section by section, from the definition."""
    sections, arrow_in = [[walk.nodes[0]]], [False]
    arrow_out: list[bool] = []
    for a, mark, b in zip(walk.nodes, walk.marks, walk.nodes[1:], strict=False):
        steps = {"->": graph.children, "<-": graph.parents, "<->": graph.siblings, "--": graph.neighbours}
        assert steps[mark][a] >> b & 1
        if mark == "--":
            sections[-1].append(b)
        else:
            arrow_out.append(mark in ("<-", "<->"))
            arrow_in.append(mark in ("->", "<->"))
            sections.append([b])
    arrow_out.append(False)
    return all(
        any(given >> v & 1 for v in section) is (into and out)
        for section, into, out in zip(sections, arrow_in, arrow_out, strict=True)
    )


def test_sets_are_separated_when_their_members_are() -> None:
    rng = random.Random(4)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 6)
        parts = [rng.randrange(4) for _ in graph.names]
        x, y, given = (sum(1 << v for v, part in enumerate(parts) if part == k) for k in (1, 2, 3))
        pairs = all(m_separated(graph, 1 << a, 1 << b, given) for a in bits(x) for b in bits(y))
        assert m_separated(graph, x, y, given) is pairs is m_separated(graph, y, x, given)


@pytest.mark.parametrize(
    ("text", "x", "y", "given", "separated"),
    [
        ("A -> C <- B; C -> D", "A", "B", "", True),
        ("A -> C <- B; C -> D", "A", "B", "D", False),
        ("X -> M -> Y; X <-> Y", "X", "Y", "M", False),
        ("X <-> M; Y <-> M", "X", "Y", "", True),
        ("A -> B -- C <- D", "A", "D", "", True),  # the block opens as one
        ("A -> B -- C <- D", "A", "D", "C", False),
        ("A -> B -- C", "A", "C", "B", True),
        ("Sales = sum(X1, X2); Sales -> Y", "X1", "Y", "Sales", True),
        ("Sales = sum(X1, X2); Sales -> Y", "X1", "X2", "Y", False),
    ],
)
def test_known_cases(text: str, x: str, y: str, given: str, separated: bool) -> None:
    graph = Graph.parse(text)
    assert m_separated(graph, graph.mask([x]), graph.mask([y]), graph.mask(given.split())) is separated


def test_a_variable_depends_on_itself_and_a_given_one_on_nothing() -> None:
    graph = Graph.parse("X -> Y")
    x, y = graph.mask(["X"]), graph.mask(["Y"])
    assert not m_separated(graph, x, x)
    assert m_separated(graph, x, x, x) and m_separated(graph, x, y, y) and m_separated(graph, x, y, x)
    assert m_connected(graph, x, x) == 0 and m_connected(graph, 0) == 0


def test_neighbours_are_refused() -> None:
    graph = Graph.parse("network p { A -> Y; A.near -> Y }")
    with pytest.raises(GraphError, match="named members"):
        m_separated(graph, 1, 2)
