"""Induced graphs, cut edges and latent projection against their definitions."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.graph.random_graphs import mixed_graph, subsets
from umbel.errors import GraphError
from umbel.graph.mixed import NO_FACTS, Facts, Graph, bits
from umbel.graph.parse import parse_graph
from umbel.graph.separation import m_separated
from umbel.graph.surgery import (
    facts_lost,
    induced,
    latent_projection,
    project,
    without_edges_into,
    without_edges_out_of,
)

GRAPHS = 200


def projected_by_paths(graph: Graph, hidden: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Verma and Pearl's definition, path by path: ``a -> … -> b`` and collider-free ``a <- … -> b``."""
    directed: set[tuple[int, int]] = set()
    bidirected: set[tuple[int, int]] = set()
    visible = [v for v in range(len(graph.names)) if not hidden >> v & 1]

    def follow(path: list[int], arrow_at_start: bool, arrow_in: bool, straight: bool) -> None:
        v = path[-1]
        if len(path) > 1 and not hidden >> v & 1:
            if straight:
                directed.add((path[0], v))
            elif arrow_at_start and arrow_in:
                bidirected.add((path[0], v))
            return
        steps = [(w, False, True, straight) for w in bits(graph.children[v])]
        steps += [(w, True, False, False) for w in bits(graph.parents[v])]
        steps += [(w, True, True, False) for w in bits(graph.siblings[v])]
        for w, arrow_out, arrow_next, still in steps:
            if w in path or (len(path) > 1 and arrow_in and arrow_out):
                continue
            follow([*path, w], arrow_out if len(path) == 1 else arrow_at_start, arrow_next, still)

    for v in visible:
        follow([v], False, False, True)
    return directed, bidirected


def test_projection_is_its_definition() -> None:
    rng = random.Random(1)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 6)
        hidden = rng.randrange(64)
        plain = latent_projection(graph, hidden)
        directed, bidirected = projected_by_paths(graph, hidden)
        visible = [v for v in range(6) if not hidden >> v & 1]
        assert plain.names == tuple(graph.names[v] for v in visible)
        for i, v in enumerate(visible):
            assert {visible[p] for p in bits(plain.parents[i])} == {a for a, b in directed if b == v}, graph.text()
            assert {visible[s] for s in bits(plain.siblings[i])} == {a for a, b in bidirected if b == v}, graph.text()


def test_projection_keeps_every_separation_among_visible_variables() -> None:
    rng = random.Random(2)
    for _ in range(60):
        graph = mixed_graph(rng, 6)
        hidden = rng.choice([m for m in range(64) if m.bit_count() in (1, 2, 3)])
        plain = latent_projection(graph, hidden)
        for x in range(len(plain.names)):
            for y in range(x):
                for given in subsets(plain.everything & ~(1 << x) & ~(1 << y)):
                    mapped = [graph.mask(plain.names_of(mask)) for mask in (1 << x, 1 << y, given)]
                    assert m_separated(plain, 1 << x, 1 << y, given) is m_separated(graph, *mapped)


def test_projection_in_two_steps_is_projection_at_once() -> None:
    rng = random.Random(3)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 7)
        first, second = rng.randrange(128), rng.randrange(128)
        once = latent_projection(graph, first | second)
        half = latent_projection(graph, first)
        assert latent_projection(half, half.mask(graph.names_of(second & ~first))) == once


def test_the_default_projects_latents_and_nothing_hidden_changes_nothing() -> None:
    graph = parse_graph("U -> { A Y }; A -> Y; latent U")
    assert latent_projection(graph) == parse_graph("A -> Y; A <-> Y")
    plain = parse_graph("A -> Y")
    assert latent_projection(plain) is plain


def test_hidden_interferers_carry_their_parents_effects() -> None:
    graph = parse_graph("A -> Z; U -> { A Z }; Z -> { Y W }; latent Z U")
    assert latent_projection(graph) == parse_graph("A Y W; A -> { Y W }; { Y W } <-> A; Y <-> W")


def test_undirected_edges_of_visible_blocks_stay() -> None:
    graph = parse_graph("U -> { A Y }; C1 -- C2 -> A; latent U")
    assert latent_projection(graph) == parse_graph("A Y C1 C2; A <-> Y; C1 -- C2; C2 -> A")


@pytest.mark.parametrize(
    ("text", "walk"),
    [
        ("U -- A; latent U", "U -- A"),
        ("U -> A -- B; latent U", "U -> A -- B"),
        ("network p { A Y U; U.near -> Y; U -> A }; latent U", "U.near -> Y"),
        ("network p { Y -- Y.near; U -> Y }; latent U", "U -> Y -- Y"),
        ("S = sum(X1, X2); S -> Y; latent X1", "part of 'S'"),
        ("S = sum(X1, X2); S -> Y; latent S", "known map"),
        ("plate s { A Y }; U -> { A Y }; latent U", "A <- U -> Y"),
        ("plate s { A H }; A -> H -> W; H -> Y; plate s { Y }; latent H", "Y <- H -> W|W <- H -> Y"),
        ("plate s { A Y }; A -> H -> Y; latent H", "A -> H -> Y"),
        ("plate s { A H }; A <-> H -> W; latent H", "A <-> H -> W"),
    ],
)
def test_what_a_projection_cannot_say_is_refused_with_its_walk(text: str, walk: str) -> None:
    with pytest.raises(GraphError, match=walk.replace(".", r"\.")):
        latent_projection(parse_graph(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plate s { A U Y }; U -> { A Y }; A -> Y; latent U", "plate s { A Y }; A -> Y; A <-> Y"),
        ("plate s { A Y }; Z -> A -> Y; U -> { Z W }; latent U", "plate s { A Y }; Z W; Z -> A -> Y; Z <-> W"),
        ("plate s { A H }; A -> H -> W; latent H", "plate s { A }; W; A -> W"),
        ("network p { A H Y; A.near -> H }; H -> Y; latent H", "network p { A Y; A.near -> Y }"),
        ("S = sum(X1, X2); X1 -> Y; latent S", "X1 X2 Y; X1 -> Y"),
    ],
)
def test_plates_networks_and_unused_macros_travel(text: str, expected: str) -> None:
    assert latent_projection(parse_graph(text)) == parse_graph(expected)


def test_a_units_cause_of_one_hidden_subunit_variable_is_its_noise() -> None:
    for declared in ("plate s { A Y H }; U", "U; plate s { A Y H }"):
        graph = parse_graph(f"{declared}; U -> H -> {{ A Y }}; latent H U")
        assert latent_projection(graph) == parse_graph("plate s { A Y }; A <-> Y")


def test_facts_travel_or_are_listed() -> None:
    graph = parse_graph(
        "A -> H -> Y; A -> Y; H -> W; U -> A; latent H U; states A = 2; states H = 3; classes U = 2;"
        "assume shared { Y W }; assume monotone A -> H -> Y; assume monotone A -> Y"
    )
    projection = project(graph)
    plain, names = projection.graph, graph.names
    a, y = plain.index("A"), plain.index("Y")
    assert plain.facts.monotone == ((a, y),)  # along A -> H -> Y and A -> Y, all of them monotone
    assert [plain.names[v] for v, _ in plain.facts.domains] == ["A"]
    assert plain.facts.shared == 0  # H is a hidden cause with noise of its own
    lost = projection.lost
    assert graph.names_of(lost.shared) == ("Y", "W")
    assert [(names[v], k) for v, k in lost.classes] == [("U", 2)]
    assert [names[v] for v, _ in lost.domains] == ["H"]
    assert {(names[p], names[c]) for p, c in lost.monotone} == {("A", "H"), ("H", "Y")}


def test_a_second_path_that_is_not_monotone_takes_the_fact_away() -> None:
    projection = project(parse_graph("A -> H -> Y; A -> Y; latent H; assume monotone A -> Y"))
    assert projection.graph.facts == NO_FACTS
    assert projection.lost.monotone == ((0, 2),)


def test_a_shared_hidden_parent_leaves_its_children_shared() -> None:
    projection = project(parse_graph("plate s { A H X }; A -> H -> X; latent H; assume shared { H X }"))
    assert projection.graph.facts.shared == projection.graph.mask(["X"])
    assert projection.lost.shared == 1 << 1


def test_induced_keeps_edges_facts_and_notes_among_its_nodes() -> None:
    graph = parse_graph(
        "plate s { A Y }; Z -> A -> Y; A <-> Y; W -- V; states A = 2; states Z = 3; assume monotone A -> Y"
    )
    part = induced(graph, graph.mask(["A", "Y", "V"]))
    assert part == parse_graph("plate s { A Y }; A -> Y; A <-> Y; V; states A = 2; assume monotone A -> Y")
    assert facts_lost(graph, graph.mask(["A", "Y", "V"])) == Facts(domains=(graph.facts.domains[1],))
    assert induced(graph, graph.everything) is graph
    assert induced(graph, 0).names == ()


def test_induced_moves_every_index() -> None:
    graph = parse_graph('dag { W X [e,pos="1,2"] Y [o] W -> X X -> Y [beta=1] }')
    notes = induced(graph, 0b110).notes
    assert notes.roles == (("exposure", 1), ("outcome", 2))
    assert notes.nodes == ((0, "pos", "1,2"),) and notes.edges == ((0, "->", 1, "beta", "1"),)
    macro = parse_graph("W; S = weighted(A: 2, B: 3)")
    assert induced(macro, 0b1110) == parse_graph("S = weighted(A: 2, B: 3)")
    assert induced(macro, 0b0110).aggregates == ()


def test_cut_edges_are_those_of_the_definition() -> None:
    rng = random.Random(5)
    for _ in range(GRAPHS):
        graph = mixed_graph(rng, 5, undirected=0.1)
        mask = rng.randrange(32)
        into, out_of = without_edges_into(graph, mask), without_edges_out_of(graph, mask)
        for v in range(5):
            inside = mask >> v & 1
            assert into.parents[v] == (0 if inside else graph.parents[v])
            assert into.siblings[v] == (0 if inside else graph.siblings[v] & ~mask)
            assert out_of.parents[v] == graph.parents[v] & ~mask
        assert into.neighbours == out_of.neighbours == graph.neighbours and out_of.siblings == graph.siblings


def test_cuts_take_what_they_cut_from_macros_neighbours_and_facts() -> None:
    graph = parse_graph(
        "network p { A -> Y; A.near -> Y; Peers = mean(A.near) }; S = sum(A, Z);"
        "assume monotone A -> Y; assume shared { A Y }; states Y = 2"
    )
    into = without_edges_into(graph, graph.mask(["Y", "Peers"]))
    assert not any(into.near_parents) and [into.names[a.child] for a in into.aggregates] == ["S"]
    assert into.facts == replace(graph.facts, monotone=(), shared=graph.mask(["A"]))
    out_of = without_edges_out_of(graph, graph.mask(["A"]))
    assert not any(out_of.near_parents) and [len(a.parts) for a in out_of.aggregates] == [1]
    assert out_of.facts == replace(graph.facts, monotone=())
