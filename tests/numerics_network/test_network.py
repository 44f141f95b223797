"""A network is coloured so that no neighbours share a colour, whatever its shape."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.numerics.network import Network, build_network


def pairs(n: int, degree: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, with the same chance: about ``degree`` neighbours a node."""
    first, second = np.triu_indices(n, 1)
    kept = np.random.default_rng(seed).random(len(first)) < degree / max(n - 1, 1)
    return first[kept], second[kept]


def colour_of(network: Network) -> np.ndarray:
    return np.searchsorted(network.bounds, np.arange(network.size), side="right") - 1


SHAPES = {
    "sparse": (200, *pairs(200, 4.0, 1)),
    "dense": (60, *pairs(60, 40.0, 2)),
    "clique wider than a machine word": (130, *np.triu_indices(130, 1)),
    "star": (150, np.zeros(149, dtype=int), np.arange(1, 150)),
    "ring": (7, np.arange(7), (np.arange(7) + 1) % 7),
    "no edge": (4, np.zeros(0, dtype=int), np.zeros(0, dtype=int)),
    "nobody": (0, np.zeros(0, dtype=int), np.zeros(0, dtype=int)),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_neighbours_differ_in_colour_and_nothing_is_lost(shape: str) -> None:
    size, first, second = SHAPES[shape]
    network = build_network(size, first, second)
    colours = colour_of(network)
    rows = np.repeat(np.arange(size), network.degrees)
    assert not np.any(colours[rows] == colours[network.links.indices])
    place = np.empty(size, dtype=int)
    place[network.order] = np.arange(size)
    told = {frozenset(edge) for edge in zip(place[first].tolist(), place[second].tolist(), strict=True)}
    assert {frozenset(edge) for edge in zip(rows.tolist(), network.links.indices.tolist(), strict=True)} == told
    for a, b in zip(network.bounds, network.bounds[1:], strict=False):
        assert np.all(np.diff(network.degrees[a:b]) <= 0), "within a colour, nodes of many neighbours first"


def test_a_clique_needs_a_colour_for_each_and_a_star_two() -> None:
    assert len(build_network(*SHAPES["clique wider than a machine word"]).bounds) - 1 == 130
    assert len(build_network(*SHAPES["star"]).bounds) - 1 == 2


def test_weights_and_means_stay_with_their_edges() -> None:
    network = build_network(3, np.array([0, 1]), np.array([1, 2]), weights=np.array([2.0, 6.0]))
    values = np.array([1.0, 10.0, 100.0], dtype=np.float32)[network.order]
    assert network.outward(network.links @ values).tolist() == [20.0, 602.0, 60.0]
    assert network.outward(network.averaging @ values).tolist() == [10.0, 75.25, 10.0]
    assert network.weighted


@pytest.mark.parametrize(
    ("first", "second", "weights", "why"),
    [
        ([0], [0], None, "itself"),
        ([0, 1], [1, 0], None, "twice"),
        ([0], [3], None, "does not exist"),
        ([-1], [1], None, "does not exist"),
        ([0], [1], [1e60], "not a finite"),
        ([0], [1], [np.nan], "not a finite"),
    ],
)
def test_what_is_no_network_is_refused(
    first: list[int], second: list[int], weights: list[float] | None, why: str
) -> None:
    given = None if weights is None else np.array(weights)
    with pytest.raises(ValueError, match=why):
        build_network(3, np.array(first), np.array(second), weights=given)
