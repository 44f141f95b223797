"""Text -> graph -> text: nothing that a graph says is lost, and the text is a fixed point."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.graph.random_graphs import graphs
from umbel.errors import GraphError
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph
from umbel.graph.render import graph_text


@given(graphs())
def test_every_graph_reads_back_from_its_text(graph: Graph) -> None:
    text = graph.text()
    again = parse_graph(text)
    assert again == graph, text
    assert again.text() == text
    assert [list(map(type, domain.states)) for _, domain in again.facts.domains] == [
        list(map(type, domain.states)) for _, domain in graph.facts.domains
    ]


@given(graphs(), st.integers(0, 2**32))
def test_statements_in_any_order_say_the_same(graph: Graph, seed: int) -> None:
    lines = graph.text().split("\n")
    random.Random(seed).shuffle(lines)
    try:
        shuffled = parse_graph("\n".join(lines))
    except GraphError as error:
        # A name first spoken of outside its plate: the one case where order matters, refused.
        assert "Say where it lives" in str(error)
        assume(False)
    assert parse_graph(shuffled.text()) == shuffled
    assert described(shuffled) == described(graph)


def described(graph: Graph) -> object:
    """What a graph says, whatever the numbers of its nodes and plates."""
    names = graph.names

    def named(masks: tuple[int, ...]) -> dict[str, frozenset[str]]:
        return {name: frozenset(graph.names_of(mask)) for name, mask in zip(names, masks, strict=True)}

    facts = graph.facts
    return (
        [named(masks) for masks in (graph.parents, graph.siblings, graph.neighbours, graph.near_parents)],
        named(graph.near_neighbours),
        {name: [graph.plates[k].name for k in graph.plate_path(v)] for v, name in enumerate(names)},
        {plate.name: plate.network for plate in graph.plates},
        frozenset(graph.names_of(graph.latent)),
        {
            names[a.child]: (a.kind, [(names[part.node], part.weight, part.near) for part in a.parts])
            for a in graph.aggregates
        },
        frozenset(graph.names_of(facts.shared)),
        {(names[a], names[b]) for a, b in facts.monotone},
        {names[v]: k for v, k in facts.classes},
        {names[v]: domain for v, domain in facts.domains},
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "W",
        "X -> Z -> Y\nX <-> Y",
        "latent U\nplate student { A Y }\nU -> { A Y }\nA -> Y",
        "plate student { A Y }\nlatent U\nA -> Y\nU -> { A Y }",
        "Z -> A\nU -> A\nlatent U",
        "plate school { Z; plate student { A Y } }\nZ -> A -> Y",
        "network person { C A Y Peers; C.near -> A; A.near -> Y; Y -- Y.near; Peers = mean(A.near) }\nC -> A -> Y",
        "Sales = weighted(X1: 2, X2: -0.5)\nSales -> Y",
        "U -> A -> W\nclasses U = 2\nstates A = { placebo < low < high }\nassume shared W\nassume monotone A -> W",
        "Y1 -- Y2 -- Y3\nclasses U",
        "X -> Y\nW",
        "plate student { }",
        '"Birth weight" -> "2010"',
    ],
)
def test_a_text_in_the_house_style_stays_as_it_is(text: str) -> None:
    assert graph_text(parse_graph(text)) == text


def test_isolated_variables_survive() -> None:
    graph = parse_graph("latent U; W; plate s { V }; X -> Y")
    assert set(parse_graph(str(graph)).names) == {"U", "W", "V", "X", "Y"}


def test_a_graph_that_means_nothing_still_has_a_text() -> None:
    assert Graph.build(directed=[("A", "B"), ("B", "A")]).text() == "A -> B -> A"
