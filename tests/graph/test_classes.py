"""Graph classes: what holds, and the walk that shows what does not."""

from __future__ import annotations

import pytest

from umbel.graph.classes import Fails, Holds, is_admg, is_chain_graph, is_dag, is_hierarchical, is_segregated
from umbel.graph.mixed import Graph

PREDICATES = {
    "dag": is_dag,
    "admg": is_admg,
    "chain": is_chain_graph,
    "segregated": is_segregated,
    "hierarchical": is_hierarchical,
}

HOLDS = {
    "": "dag admg chain segregated hierarchical",
    "A -> B -> C; A -> C": "dag admg chain segregated hierarchical",
    "A -> B; A <-> B": "admg segregated hierarchical",
    "A -> B -- C <- D": "chain segregated",
    "A -> B -- C; D <-> A": "segregated",
    "A -- B <-> C": "",
    "A -> B -- A": "",
    "A -> B -- C -> D; D -- A": "",
    "plate s { A Y }; U -> { A Y }; A <-> Y": "admg segregated hierarchical",
    "network p { A -> Y; A.near -> Y }": "dag admg chain segregated",
    "network p { A -> Y; Y -- Y.near }": "chain segregated",
    "network p { A -> Y; Y -- Y.near; A <-> Y }": "",
    "network p { A Y P; P = mean(A.near) }": "dag admg chain segregated",
    "S = sum(A, B); S -> Y": "dag admg chain segregated hierarchical",
}


@pytest.mark.parametrize("text", HOLDS)
@pytest.mark.parametrize("name", PREDICATES)
def test_known_graphs(text: str, name: str) -> None:
    assert bool(PREDICATES[name](Graph.parse(text))) is (name in HOLDS[text].split())


@pytest.mark.parametrize(
    ("name", "text", "walk"),
    [
        ("dag", "A -> B; B <-> C", "B <-> C"),
        ("dag", "A -> B; B -- C", "B -- C"),
        ("admg", "A -> B -- C", "B -- C"),
        ("chain", "A -> B; A <-> B", "A <-> B"),
        ("chain", "X -> Y -- Z; Z -> W -- X", "X -> Y -- Z -> W -- X"),
        ("segregated", "C <-> A -- B", "B -- A <-> C"),
        ("segregated", "network p { A <-> Y; Y -- Y.near }", "Y.near -- Y <-> A"),
        ("segregated", "A -> B -- A", "A -> B -- A"),
        ("hierarchical", "network p { A Y; A.near -> Y }", "A.near -> Y"),
        ("hierarchical", "network p { Y -- Y.near }", "Y.near -- Y"),
    ],
)
def test_the_witness_stands_in_the_sentence(name: str, text: str, walk: str) -> None:
    graph = Graph.parse(text)
    verdict = PREDICATES[name](graph)
    assert isinstance(verdict, Fails)
    assert verdict.walk.text(graph.names) == walk
    assert verdict.why.endswith(f"and here is {walk}.")


def test_a_directed_cycle_belongs_to_no_class() -> None:
    graph = Graph.build(directed=[("A", "B"), ("B", "C"), ("C", "A")])
    for predicate in PREDICATES.values():
        verdict = predicate(graph)
        assert isinstance(verdict, Fails) and len(verdict.walk.nodes) == 4


def test_truth_values() -> None:
    assert Holds() and not Fails("why", is_dag(Graph.parse("A -- B")).walk)  # type: ignore[union-attr]
