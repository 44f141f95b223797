"""Chains settle in the law that enumeration gives; both ways to sum neighbours agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.numerics_network.test_network import pairs
from umbel.numerics.chromatic import CountingPull, WeightedPull, chances
from umbel.numerics.network import Network, build_network


def exact_marginals(network: Network, field: np.ndarray, coupling: float) -> np.ndarray:
    """P(Y_i = 1) in the joint law, all states enumerated; by place."""
    states = np.array(list(product((0.0, 1.0), repeat=network.size)))
    links = network.links.toarray()
    weight = np.exp(states @ field + 0.5 * coupling * np.einsum("si,ij,sj->s", states, links, states))
    return weight @ states / weight.sum()


@pytest.mark.parametrize("coupling", [0.7, -1.5])
@pytest.mark.parametrize("weights", [False, True])
def test_the_mean_chance_is_the_enumerated_one(coupling: float, weights: bool) -> None:
    rng = np.random.default_rng(3)
    first, second = pairs(9, 3.0, 5)
    given = rng.uniform(0.5, 1.5, len(first)) if weights else None
    network = build_network(9, first, second, weights=given)
    field = rng.normal(size=(9, 3))
    rounds = [c.mean(axis=2) for _, c in chances(network, field, coupling, copies=2048, burn=60, keep=60, rng=rng)]
    truth = np.stack([exact_marginals(network, field[:, k], coupling) for k in range(3)], axis=1)
    spread = np.sqrt(0.25 / (2048 * 20))  # sweeps are correlated: count a third of them
    assert np.abs(np.mean(rounds, axis=0) - truth).max() < 5 * spread


def test_counting_equals_weighing_beyond_the_slots_of_hubs() -> None:
    star, rest = np.arange(1, 300), pairs(300, 5.0, 7)
    edges = {(0, int(j)) for j in star} | {(1, int(j)) for j in star if j > 1}
    edges |= set(zip(rest[0].tolist(), rest[1].tolist(), strict=True))
    first, second = np.array(sorted(edges)).T
    network = build_network(300, first, second)
    for lanes in (1, 2, 4, 8, 24):
        state = np.random.default_rng(lanes).integers(0, 2, (300, lanes), dtype=np.uint8)
        counting, weighing = CountingPull.of(network), WeightedPull.of(network)
        for colour in range(len(network.bounds) - 1):
            assert np.array_equal(counting(colour, state), weighing(colour, state))


@pytest.mark.parametrize(("chains", "copies"), [(1, 1), (3, 1), (6, 2), (5, 3), (9, 1)])
def test_chains_share_their_noise_and_any_number_runs(chains: int, copies: int) -> None:
    network = build_network(40, *pairs(40, 4.0, 1))
    field = np.repeat(np.random.default_rng(0).normal(size=(40, 1)), chains, axis=1)
    for state, chance in chances(network, field, 0.4, copies=copies, keep=3, rng=np.random.default_rng(2)):
        assert state.shape == chance.shape == (40, chains, copies)
        assert np.all(state == state[:, :1]), "equal fields and equal noise are equal chains"


def test_the_same_seed_gives_the_same_bits_and_the_padding_changes_nothing() -> None:
    network = build_network(50, *pairs(50, 4.0, 1))
    field = np.random.default_rng(0).normal(size=(50, 3))

    def last(columns: np.ndarray) -> np.ndarray:
        return [c.copy() for _, c in chances(network, columns, 0.4, keep=5, rng=np.random.default_rng(2))][-1]

    assert np.array_equal(last(field), last(field))
    assert np.array_equal(last(field)[:, :1], last(field[:, :1]))


def test_extreme_fields_do_not_warn_or_fail() -> None:
    network = build_network(2, np.array([0]), np.array([1]))
    field = np.array([[1e6], [-1e6]])[network.order]
    found = [
        network.outward(c[:, 0, 0]).tolist() for _, c in chances(network, field, 1.0, rng=np.random.default_rng(0))
    ]
    assert found[-1] == [1.0, 0.0]
