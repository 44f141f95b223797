"""Blocks, what leads to them, safe latents, and laws put in place: against brute force on all small graphs."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from tests.oracles.segregated.draw import segregated_graph
from umbel.errors import GraphError
from umbel.graph.classes import is_segregated
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import (
    anterior,
    block_members,
    block_order,
    block_part,
    boundary,
    district_part,
    exterior,
    is_block_safe,
    segregation,
    strict_exterior,
    under_laws,
)
from umbel.graph.surgery import latent_projection
from umbel.graph.walks import block


def _is_segregated_by_quotient(graph: Graph) -> bool:
    """No node with -- and <->, no arrow inside a block, and the blocks in an order along the arrows."""
    count = len(graph.names)
    if any(graph.siblings[node] and graph.neighbours[node] for node in range(count)):
        return False
    parts = {node: block(graph, 1 << node) for node in range(count)}
    arrows = {(parts[parent], parts[node]) for node in range(count) for parent in bits(graph.parents[node])}
    while arrows:
        heads = {head for _, head in arrows}
        tails = {tail for tail, _ in arrows}
        if not tails - heads:
            return False
        arrows = {(tail, head) for tail, head in arrows if tail not in tails - heads}
    return True


def test_validity_on_every_graph_of_three_nodes() -> None:
    pairs = list(combinations("ABC", 2))
    seen = {True: 0, False: 0}
    for marks in product(("", "->", "<-", "--", "<->"), repeat=3):
        directed, bidirected, undirected = [], [], []
        for (a, b), mark in zip(pairs, marks, strict=True):
            directed += [(a, b)] * (mark == "->") + [(b, a)] * (mark == "<-")
            bidirected += [(a, b)] * (mark == "<->")
            undirected += [(a, b)] * (mark == "--")
        graph = Graph.build(nodes="ABC", directed=directed, bidirected=bidirected, undirected=undirected)
        expected = _is_segregated_by_quotient(graph)
        assert bool(is_segregated(graph)) == expected, graph.text()
        seen[expected] += 1
    assert min(seen.values()) >= 20, seen


@pytest.mark.parametrize("seed", range(30))
def test_closures_and_orders(seed: int) -> None:
    rng = np.random.default_rng([61, seed])
    graph = segregated_graph(rng, 6)
    for node in range(6):
        before = 1 << node
        while True:
            grown = before | boundary(graph, before)
            if grown == before:
                break
            before = grown
        assert anterior(graph, 1 << node) == before
        after = sum(1 << other for other in range(6) if anterior(graph, 1 << other) >> node & 1)
        assert exterior(graph, 1 << node) == after
        assert strict_exterior(graph, node) == after & ~block(graph, 1 << node)
    order = block_order(graph, graph.everything)
    assert sorted(order) == list(range(6))
    for place, node in enumerate(order):
        assert all(order.index(parent) < place for parent in bits(graph.parents[node]))


def test_the_two_parts() -> None:
    graph = Graph.parse("C -> A -- B; B -> Y; C <-> Y")
    assert graph.names_of(block_members(graph)) == ("A", "B")
    assert set(district_part(graph).to_edges()) == {("B", "->", "Y"), ("C", "<->", "Y")}
    assert set(block_part(graph).to_edges()) == {("C", "->", "A"), ("A", "--", "B")}


def test_hidden_variables_outside_blocks_are_projected() -> None:
    graph = Graph.parse("latent U; U -> {C Y}; C -> A -- B; B -> Y")
    assert is_block_safe(graph)
    plain = latent_projection(graph)
    assert segregation(plain)
    assert set(plain.to_edges()) == {("C", "<->", "Y"), ("C", "->", "A"), ("A", "--", "B"), ("B", "->", "Y")}


@pytest.mark.parametrize(
    ("text", "walk"),
    [("latent U; U -> A -- B", "U -> A -- B"), ("latent U; U -- A", "U -- A")],
)
def test_hidden_variables_that_reach_a_block_are_shown(text: str, walk: str) -> None:
    graph = Graph.parse(text)
    assert walk in is_block_safe(graph).why  # type: ignore[union-attr]
    with pytest.raises(GraphError, match="cannot be projected out"):
        latent_projection(graph)


def test_the_order_in_which_laws_are_put_in_place_does_not_matter() -> None:
    compared = 0
    for seed in range(200):
        rng = np.random.default_rng([62, seed])
        graph = segregated_graph(rng, 5)
        nodes = rng.permutation(5)[:3].tolist()
        reads = {node: int(rng.integers(32)) & ~(1 << node) for node in nodes}
        results = [under_laws(graph, {node: reads[node] for node in order}) for order in (nodes, nodes[::-1])]
        if all(isinstance(one, Graph) for one in results):
            assert results[0] == results[1]
            assert is_segregated(results[0])  # type: ignore[arg-type]
            compared += 1
        else:
            assert not any(isinstance(one, Graph) for one in results)
    assert compared >= 30
