"""How many classes clustered rows show: size and power of the rank test, and what it must not change."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.class_numbers import CASES, Case, both_tests, rejected
from umbel.numerics.clustered_ranks import clustered_rank_test
from umbel.numerics.operators import RankTest
from umbel.simulate.mixtures import design_b, design_d3

B30 = Case(design_b(), 30, 100)


def test_ten_replicates() -> None:
    shares = rejected(B30, 10)
    assert shares[1] <= 0.3  # four of ten at .05: once in a thousand studies
    assert shares[2] == 1.0


@pytest.mark.study
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_thousand_replicates(case: Case) -> None:
    plain, own, fewer, found = rejected(case, 1000)
    assert 0.02 <= own <= 0.09 and fewer >= 0.95 and found >= 0.88
    if not case.weighted and case.concentration is not None:
        assert plain > own


def codes(size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = design_b().rows(size, rng=np.random.default_rng(seed))
    return np.eye(4)[2 * rows["Z0"] + rows["Z1"]], np.eye(4)[2 * rows["X0"] + rows["X1"]], rows["T"]


def close(one: RankTest, other: RankTest) -> bool:
    fields = ("singular", "p_values", "noise", "arm_p_values", "freedom")
    return all(np.allclose(getattr(one, name), getattr(other, name)) for name in fields)


def test_repeated_rows_are_no_more_rows() -> None:
    z, x, t = codes(600, 1)
    key = np.arange(600)
    once = clustered_rank_test(z, x, t, 2, key)
    thrice = clustered_rank_test(*(np.repeat(one, 3, axis=0) for one in (z, x, t)), 2, np.repeat(key, 3))
    weighed = clustered_rank_test(z, x, t, 2, key, weights=np.full(600, 3.0))
    assert close(once, thrice) and close(once, weighed)


def test_the_order_of_rows_and_the_features_that_span_them_change_nothing() -> None:
    rows, _ = Case(design_b(), 40, 20).draw(np.random.default_rng(2))
    z, x = np.eye(4)[2 * rows["Z0"] + rows["Z1"]], np.eye(4)[2 * rows["X0"] + rows["X1"]]
    one = clustered_rank_test(z, x, rows["T"], 2, rows["cluster"])
    order = np.random.default_rng(3).permutation(len(z))
    turned = x @ np.random.default_rng(4).normal(size=(4, 4))
    other = clustered_rank_test(z[order], turned[order], rows["T"][order], 2, rows["cluster"][order])
    assert close(one, other)


def test_independent_rows_have_the_noise_of_the_plain_test() -> None:
    """Under independence of Z and X the directions left over have unit variance."""
    rng = np.random.default_rng(5)
    rows = {name: rng.integers(0, 2, 20_000) for name in ("Z0", "Z1", "X0", "X1", "T", "Y")}
    plain, own = both_tests(rows | {"cluster": np.arange(20_000)}, None)
    np.testing.assert_allclose(own.noise[:, 1], plain.noise[:, 1], rtol=0.02)
    assert own.freedom[0] == pytest.approx(plain.freedom[0], rel=0.02)
    assert own.p_values[0] == pytest.approx(plain.p_values[0], abs=0.02)


def test_blocks_and_spaced_clusters_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = Case(design_d3(), 400, 20).draw(np.random.default_rng(6))
    whole = both_tests(rows, None)[1]
    monkeypatch.setattr("umbel.numerics.clustered_ranks.PRODUCTS", 100)
    assert close(both_tests(rows, None)[1], whole)
    monkeypatch.setattr("umbel.numerics.clustered_ranks.SHAPE", 0)
    monkeypatch.setattr("umbel.numerics.clustered_ranks.FEWEST", 200)
    spaced = both_tests(rows, None)[1]
    np.testing.assert_allclose(spaced.p_values, whole.p_values, atol=0.03)
    np.testing.assert_array_equal(spaced.noise, whole.noise)


def test_one_cluster_shows_nothing() -> None:
    z, x, t = codes(200, 7)
    found = clustered_rank_test(z, x, t, 2, np.zeros(200, dtype=np.int64))
    assert found.classes() == 1 and found.strength(2) == 0.0
