"""The published experiment on ten persons, in small; ``python -m benchmarks.spillover_experiment`` has all of it."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.special import expit

from benchmarks.spillover_experiment import Worth, coverage
from benchmarks.spillover_samples import CONFIGURATIONS, PERSONS, POLICY, averaging, design, drawn, expected, fitted


def test_the_honest_interval_holds_the_gain() -> None:
    held, error = coverage(10, np.random.SeedSequence(5), samples=400, truth_samples=4000)
    assert held >= 7
    assert abs(error) < 1.0


def test_every_configuration_is_a_network_of_ten() -> None:
    for graph in CONFIGURATIONS.values():
        around = averaging(graph(1))
        assert around.shape == (PERSONS, PERSONS)
        assert set(np.round(around.sum(axis=1), 12)) <= {0.0, 1.0}


def test_the_fit_recovers_the_published_coefficients() -> None:
    around = averaging(nx.cycle_graph(PERSONS))
    data = drawn(POLICY, around, 20_000, np.random.default_rng(0))
    found, influence = fitted(design(data), data.y)
    error = influence.std(axis=0) / np.sqrt(len(influence))
    assert np.all(np.abs(found - POLICY.coefficients) < 4 * error)


def test_a_lone_person_gains_what_her_own_law_says() -> None:
    around = np.zeros((PERSONS, PERSONS))
    worth = Worth.of(around, np.random.default_rng(0), 2000)
    k = np.tile([0.0, 3.0, 0.0], (PERSONS, 1))
    c, chance = worth.data.c, worth.data.c[:, :, 1]
    pull = c @ POLICY.coefficients[2:5]
    rise = expit(POLICY.coefficients[1] + pull) - expit(pull)
    usual = expit(c @ np.array(POLICY.treatment[:3]))
    assert worth.gain(k) == pytest.approx(float(((chance - usual) * rise).mean()), abs=1e-12)
    assert expected(POLICY.coefficients, around, c, chance) == pytest.approx(
        expit(POLICY.coefficients[1] * chance + pull)
    )
