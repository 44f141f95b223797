"""Chains and back-doors of totals from data; tests of independence; ranks and ratios."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from umbel.errors import DataError
from umbel.estimate.macro_several import irrelevance_test, macro_backdoor
from umbel.numerics.aggregation_nonlinear import keep_rank, keep_ratio
from umbel.numerics.independence import fisher_z, g_test, generalised_covariance

REPLICATES = 300


def rejections(draw: object, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([draw(rng) < 0.05 for _ in range(REPLICATES)]))  # type: ignore[operator]


def test_sizes_of_independence_tests() -> None:
    def z_test(rng: np.random.Generator) -> float:
        z = rng.normal(size=100)
        return fisher_z(z + rng.normal(size=100), z + rng.normal(size=100), z).p

    def table(rng: np.random.Generator) -> float:
        z = rng.integers(0, 2, size=400)
        return g_test((rng.random(400) < 0.3 + 0.4 * z).astype(int), (rng.random(400) < 0.3 + 0.4 * z).astype(int), z).p

    def residuals(rng: np.random.Generator) -> float:
        z = rng.normal(size=200)
        x, y = z**2 + rng.normal(size=200), np.sin(z) + rng.normal(size=200)
        return generalised_covariance(x - z**2, y - np.sin(z)).p

    for one in (z_test, table, residuals):
        assert 0.02 <= rejections(one) <= 0.09


def test_equivalence_needs_rows() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(2, 30)), rng.normal(size=(2, 5000))
    assert not fisher_z(*few).equivalent
    assert fisher_z(*many).equivalent
    assert g_test([0, 1] * 1000, [0, 0, 1, 1] * 500, margin=0.1).equivalent
    with pytest.raises(DataError, match="no stratum"):
        g_test([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1])


@pytest.mark.parametrize(("t", "verdict"), [((1.0, 1.0), "chain"), ((1.0, 2.0), "arrow")])
def test_lemma_10_from_totals(t: tuple[float, float], verdict: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6000, 2))
    y = x * t + rng.normal(size=(6000, 2))
    z = y @ [3.0, 1.0] + rng.normal(size=6000)
    found = irrelevance_test(x.sum(axis=1), y.sum(axis=1), z, margin=0.1, level=0.95)
    assert found.verdict == verdict
    low, high = found.interval
    assert low < {"chain": 0.0, "arrow": 0.4}[verdict] < high


@pytest.mark.parametrize(("delta", "t", "holds"), [((1, 1), (1, 2), True), ((1, -1), (1, 2), False)])
def test_theorem_41_from_parts(delta: tuple[float, float], t: tuple[float, float], holds: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 2))
    y = x * t + rng.normal(size=(4000, 2))
    z = y @ [3.0, 1.0] + x @ np.array(delta, dtype=float) + rng.normal(size=4000)
    found = macro_backdoor(y, np.ones(2), z, x.sum(axis=1)[:, None], x, level=0.95)
    assert found.condition == ("not rejected" if holds else "rejected")
    blind = macro_backdoor(y, np.ones(2), z, x.sum(axis=1)[:, None], None, level=0.95)
    assert (blind.condition, blind.effect) == ("assumed", found.effect)
    cov = np.diag(t) @ (np.eye(2) - 0.5) @ np.diag(t) + np.eye(2)  # Cov(Y | total of X)
    truth = float(np.array([3.0, 1.0]) @ cov @ np.ones(2) / (np.ones(2) @ cov @ np.ones(2)))
    assert found.adjusted_for_parts == pytest.approx(truth, abs=0.05)
    assert (abs(found.effect - truth) < 4 * found.se + 0.02) == holds


def test_the_size_of_the_back_door_test() -> None:
    def once(rng: np.random.Generator) -> float:
        x = rng.normal(size=(200, 2))
        y = x * [1.0, 2.0] + rng.normal(size=(200, 2))
        z = y @ [3.0, 1.0] + x.sum(axis=1) + rng.normal(size=200)
        p = macro_backdoor(y, np.ones(2), z, x.sum(axis=1)[:, None], x, level=0.95).p
        assert p is not None
        return p

    assert rejections(once) <= 0.09


def test_keeping_ranks_inhibits_confounding() -> None:
    """``W = x² (1 + x E / 10)``: the outcome of a unit at 2 is known from its noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, size=3000)
    noise = rng.normal(size=3000)
    w = x**2 * (1 + 0.1 * noise)
    found = keep_rank(x, w, 2.0, rng=rng)
    inner = (x > 1.3) & (x < 2.7)
    assert np.corrcoef(found.ranks[inner], norm.cdf(noise[inner]))[0, 1] > 0.98
    assert np.abs(found.outcomes[inner] - 4 * (1 + 0.1 * noise[inner])).mean() < 0.1
    assert abs(found.mean - 4.0) < 4 * found.se + 0.05
    assert abs(np.corrcoef(found.ranks, x)[0, 1]) < 0.05
    with pytest.raises(DataError, match="outside of the data"):
        keep_rank(x, w, 9.0, rng=rng)


def test_keeping_ratios() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, size=2000)
    price = 2 + 0.5 * x + 0.1 * rng.normal(size=2000)  # dear things sell in good weeks
    found = keep_ratio(x, x * price, 2.0)
    assert found.mean == pytest.approx(2 * price.mean())
    assert found.correlation > 0.5
    with pytest.raises(DataError, match="through zero"):
        keep_ratio(x - 2, x, 1.0)
