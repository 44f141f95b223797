"""Mixtures of normals: quantiles invert the distribution function, moments are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from umbel.numerics.normal_mixture import NormalMixture


def law(seed: int, size: int) -> NormalMixture:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(size))
    return NormalMixture(weights, rng.normal(0, 10, size), np.exp(rng.normal(0, 3, size)))


@pytest.mark.parametrize("probability", [1e-9, 0.05, 0.5, 0.975, 1 - 1e-9])
def test_one_component_is_the_normal_law(probability: float) -> None:
    single = NormalMixture(np.ones(1), np.array([3.0]), np.array([2.0]))
    assert single.quantile(probability) == pytest.approx(norm.ppf(probability, 3, 2), rel=1e-13)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.001, 0.999))
def test_quantile_inverts_cdf(seed: int, size: int, probability: float) -> None:
    mixture = law(seed, size)
    assert mixture.cdf(mixture.quantile(probability)) == pytest.approx(probability, abs=1e-12)


def test_moments_against_a_fine_grid() -> None:
    mixture = NormalMixture(np.array([0.2, 0.8]), np.array([-4.0, 1.0]), np.array([0.5, 2.0]))
    grid = np.linspace(-30, 30, 200_001)
    density = sum(w * norm.pdf(grid, m, s) for w, m, s in ((0.2, -4.0, 0.5), (0.8, 1.0, 2.0)))
    step = grid[1] - grid[0]
    mean = float((density * grid).sum() * step)
    assert mixture.mean == pytest.approx(mean, abs=1e-10)
    assert mixture.sd == pytest.approx(float(np.sqrt((density * (grid - mean) ** 2).sum() * step)), abs=1e-10)


def test_a_spike_beside_a_wide_component() -> None:
    mixture = NormalMixture(np.array([0.5, 0.5]), np.array([0.0, 0.0]), np.array([1e-12, 1e6]))
    assert mixture.cdf(mixture.quantile(0.9)) == pytest.approx(0.9, abs=1e-12)
    assert abs(mixture.quantile(0.5)) < 1e-12
