"""Edge lists, networkx and DOT, in and out."""

from __future__ import annotations

import builtins
import random
from typing import Any

import networkx
import pytest

from tests.graph.random_graphs import mixed_graph
from umbel.errors import GrammarError, GraphError, MissingExtra
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph

RICH = "plate school { Z plate student { A Y } }; latent U; U -> { A Y }; Z -> A -> Y; A <-> Y; C1 -- C2; W"


def test_edges_in_every_form() -> None:
    graph = Graph.from_edges(
        [("X", "Y"), ("X", "<->", "Y"), "Y -- Z", "A -> B -> C", ("Birth weight", "->", "A.near"), "W"],
        nodes=["V", "plate"],
        latent=["B"],
    )
    assert graph == parse_graph(
        'V "plate"; X -> Y; X <-> Y; Y -- Z; A -> B -> C; "Birth weight" -> "A.near"; W; latent B'
    )


def test_an_empty_list_is_an_empty_graph() -> None:
    assert Graph.from_edges([]).names == () and Graph.from_edges([], nodes=["W"]).names == ("W",)


def test_random_graphs_survive_edge_lists_networkx_and_dot() -> None:
    rng = random.Random(1)
    for _ in range(50):
        graph = mixed_graph(rng, 6, undirected=0.1)
        assert Graph.from_edges(graph.to_edges(), nodes=graph.names) == graph
        assert Graph.from_networkx(graph.to_networkx()) == graph
        assert Graph.from_dot(graph.to_dot()) == graph


def test_plates_and_latents_survive_networkx_and_dot() -> None:
    graph = Graph.parse(RICH)
    assert Graph.from_networkx(graph.to_networkx()) == graph
    assert Graph.from_dot(graph.to_dot()) == graph
    network = Graph.parse('network p { A Y "odd name" }; A -> Y')
    assert Graph.from_networkx(network.to_networkx()) == network == Graph.from_dot(network.to_dot())


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        ([("X", "Y"), ("Y", "=>", "Z")], "'=>' is no edge. Possible: "),
        ([("X",)], r"\('X',\) is no edge"),
        ([("X", 1)], r"\('X', 1\) is no edge"),
        ([("X", "Y"), ("Y", "X")], r"line 2, column 3: the arrows form a cycle"),
        (["X -> Y", "Y ->"], r"line 2, column 5: expected a variable"),
    ],
)
def test_wrong_edges(edges: list[Any], says: str) -> None:
    with pytest.raises((GraphError, GrammarError), match=says):
        Graph.from_edges(edges)


def test_lines_count_edges_also_after_nodes() -> None:
    with pytest.raises(GrammarError, match="line 2"):
        Graph.from_edges(["X -> Y", "Y ->"], nodes=["W"])


@pytest.mark.parametrize("text", ["S = sum(A)", "network p { A.near -> B }", "network p { A -- A.near }"])
def test_edges_that_are_no_pairs_are_refused(text: str) -> None:
    with pytest.raises(GraphError, match="macro-variables and neighbours"):
        Graph.parse(text).to_edges()


def test_networkx_as_people_build_it() -> None:
    source = networkx.DiGraph([("U", "A"), ("U", "Y"), ("A", "Y")])
    source.add_node("W")
    assert Graph.from_networkx(source, latent=["U"]) == parse_graph("U -> A; U -> Y; A -> Y; W; latent U")
    numbers = networkx.DiGraph([(1, 2)])
    assert Graph.from_networkx(numbers).names == ("1", "2")
    marked = networkx.MultiDiGraph()
    marked.add_node("U", observed="no")
    marked.add_node("A", plate="student")
    marked.add_edge("U", "A")
    marked.add_edge("A", "Y", kind="bidirected")
    assert Graph.from_networkx(marked) == parse_graph("latent U; plate student { A }; U -> A; A <-> Y")
    undirected = networkx.Graph()
    undirected.add_edge("A", "B", kind="undirected")
    assert Graph.from_networkx(undirected) == parse_graph("A -- B")


def wrong_networkx() -> list[tuple[Any, str]]:
    twice = networkx.DiGraph()
    twice.add_nodes_from([1, "1"])
    unknown = networkx.DiGraph()
    unknown.add_edge("A", "B", kind="causal")
    return [
        (networkx.Graph([("A", "B")]), "'A, B' has neither direction nor kind"),
        (networkx.DiGraph([("A", "B"), ("B", "A")]), "cycle"),
        (networkx.DiGraph([("A", "A")]), "'A' to itself"),
        (unknown, "has kind 'causal'. Possible: directed, bidirected, undirected"),
        (twice, "one name"),
        (Graph.parse("S = sum(A, B)").to_networkx(), "has kind 'sum'"),
        (Graph.parse("network p { A.near -> Y }").to_networkx(), "has kind 'near directed'"),
    ]


@pytest.mark.parametrize(("source", "says"), wrong_networkx())
def test_wrong_networkx(source: Any, says: str) -> None:
    with pytest.raises(GraphError, match=says):
        Graph.from_networkx(source)


def test_an_unknown_latent_is_told() -> None:
    with pytest.raises(GraphError, match="Did you mean 'Score'"):
        Graph.from_networkx(networkx.DiGraph([("Score", "Y")]), latent=["Scor"])


def test_networkx_is_asked_for_by_name_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "networkx":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"umbel\[graphs\]"):
        Graph.parse("A").to_networkx()


def test_drawings_show_what_they_cannot_carry_back() -> None:
    text = Graph.parse("network p { A Y; A.near -> Y; Y -- Y.near }; S = weighted(Y: 2, A: 1)").to_dot()
    assert text.splitlines() == [
        "digraph {",
        "A",
        "Y",
        "S",
        'subgraph "cluster p" { network=p; label="p"; A; Y }',
        'A -> Y [dir=forward,umbel="near directed",label="near directed",style=dotted]',
        'Y -> Y [dir=none,umbel="near undirected",label="near undirected",style=dotted]',
        'Y -> S [dir=forward,umbel="weighted",label="weighted",style=dotted]',
        'A -> S [dir=forward,umbel="weighted",label="weighted",style=dotted]',
        "}",
    ]
    with pytest.raises(GrammarError, match="drawn in DOT, never read"):
        Graph.from_dot(text)


def test_dot_without_header_is_refused() -> None:
    with pytest.raises(GrammarError, match=r"expected 'dag \{' or 'digraph \{', found 'X'"):
        Graph.from_dot("X -> Y")
