"""Linear-Gaussian aggregation against its printed numbers, simulation, and formulas written otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.numerics import aggregation_inhibiting as inhibiting
from umbel.numerics import aggregation_laws as laws
from umbel.numerics import aggregation_linear as linear
from umbel.numerics.aggregation_linear import LinearMicro, Normal

DRAWS = 40_000
SIGMAS = 4.0
"""Monte Carlo errors that a mean or variance may be away from its closed form."""

S = np.diag([4.0, 9.0])
INDEPENDENT = LinearMicro.of((3, 1), (10, 20), S)
CORRELATED = LinearMicro.of((3, 1), (10, 20), [[4, 2], [2, 9]])
CONFOUNDED = LinearMicro.of((5, 1), (10, 20), S, noise_cov=(1, 1), noise_variance=2)
FAILING = LinearMicro.of((1.05, 1), (10, 20), S, noise_cov=(1, 1), noise_variance=2)
PROPORTIONAL = LinearMicro.of((1, 1), (10, 20), S, noise_cov=(1, 1), noise_variance=2)
THREE = LinearMicro.of(
    (4, 2, -1),
    (1, 2, 3),
    [[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 3]],
    noise_cov=(0.6, 0.3, -0.4),
    noise_mean=1,
    noise_variance=1,
)


@pytest.mark.parametrize(
    ("micro", "natural"), [(INDEPENDENT, (54.8462, 11.0769, 21 / 13)), (CORRELATED, (55.1176, 7.5294, 29 / 17))]
)
def test_the_shops(micro: LinearMicro, natural: tuple[float, float, float]) -> None:
    d = linear.natural_direction(micro.cov, micro.weights)
    seen = laws.regression(micro, 33)
    for law in (laws.shift(micro, d, 33), laws.redrawn(micro, d, 33), seen):
        assert (round(law.mean, 4), round(law.variance, 4)) == natural[:2]
    assert micro.alpha @ d == pytest.approx(natural[2])
    second = laws.shift(micro, (0, 1), 33)
    assert (second.mean, second.variance) == pytest.approx((53.0, 16.0))
    assert laws.perfect(micro, (33, 0), np.zeros((2, 2)), 33) == Normal(99.0, 0.0)


def test_the_formula_of_the_appendix_is_for_uncorrelated_parts() -> None:
    variances = np.diag(CORRELATED.cov)
    assert CORRELATED.alpha @ variances / variances.sum() == pytest.approx(21 / 13)
    assert CORRELATED.alpha @ linear.natural_direction(CORRELATED.cov, (1, 1)) == pytest.approx(29 / 17)


def test_heterogeneity_as_printed() -> None:
    assert round(linear.heterogeneity((3, 1), S, (1, 1)).index, 4) == 0.2462
    found = linear.heterogeneity((3, 1), CORRELATED.cov, (1, 1))
    assert (round(found.index, 4), round(found.variance**0.5, 3)) == (0.1321, 2.744)
    assert linear.heterogeneity((2, 2), CORRELATED.cov, (1, 1)).index == 0.0


@pytest.mark.parametrize("micro", [INDEPENDENT, CORRELATED, CONFOUNDED, THREE], ids=("indep", "corr", "conf", "three"))
def test_shifts_agree_with_simulation(micro: LinearMicro) -> None:
    rng = np.random.default_rng(3)
    total = 33.0 if len(micro.mean) == 2 else 8.0
    directions = [linear.natural_direction(micro.cov, micro.weights), np.eye(len(micro.mean))[1]]
    for direction in directions:
        law = laws.shift(micro, direction, total)
        found = inhibiting.shift_law(micro, direction, total, DRAWS, rng=rng)
        assert abs(found.mean - law.mean) < SIGMAS * (law.variance / DRAWS) ** 0.5
        assert abs(found.variance - law.variance) < SIGMAS * law.variance * (2 / DRAWS) ** 0.5


@pytest.mark.parametrize(
    ("micro", "slope", "variance", "spare"),
    [
        (CONFOUNDED, 2.38462, 49.0769, 47.0769),
        (FAILING, 1.16923, 1.73769, -0.26231),
        (PROPORTIONAL, 1.15385, 1.69231, -0.30769),
        (THREE, 1.44595, 38.5284, 37.5284),
    ],
)
def test_confounded_models_as_printed(micro: LinearMicro, slope: float, variance: float, spare: float) -> None:
    assert laws.regression_slope(micro) == pytest.approx(slope, abs=5e-6)
    assert laws.regression(micro, 33).variance == pytest.approx(variance, abs=5e-5)
    found = inhibiting.inhibiting_perfect(micro)
    assert found.spare == pytest.approx(spare, abs=5e-5)
    assert found.exists == (spare >= 0)


@pytest.mark.parametrize(("micro", "total"), [(CONFOUNDED, 33.0), (CONFOUNDED, -2.0), (THREE, 8.0)])
def test_an_inhibiting_realisation_leaves_nothing(micro: LinearMicro, total: float) -> None:
    found = inhibiting.inhibiting_perfect(micro)
    seen = laws.regression(micro, total)
    for cov in (found.narrow, found.even):
        assert cov is not None
        law = laws.perfect(micro, found.mean(total), cov, total)  # it also checks the fibre
        assert (law.mean, law.variance) == pytest.approx((seen.mean, seen.variance))


def test_an_inhibiting_realisation_for_general_weights() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = int(rng.integers(2, 6))
        root = rng.normal(size=(p + 1, p + 1))
        whole = root @ root.T
        micro = LinearMicro.of(
            3 * rng.normal(size=p),
            rng.normal(size=p),
            whole[:p, :p],
            weights=rng.normal(size=p),
            noise_cov=whole[:p, p],
            noise_mean=0.5,
            noise_variance=whole[p, p],
        )
        seen = laws.regression(micro, 1.5)
        found = inhibiting.inhibiting_perfect(micro)
        assert found.exists == (seen.variance >= micro.noise_variance)
        if found.exists:
            assert found.narrow is not None
            law = laws.perfect(micro, found.mean(1.5), found.narrow, 1.5)
            assert (law.mean, law.variance) == pytest.approx((seen.mean, seen.variance))
        shifted = inhibiting.inhibiting_shift(micro)
        assert shifted.direction is not None
        law = laws.shift(micro, shifted.direction, 1.5)
        assert (law.mean, law.variance) == pytest.approx((seen.mean, seen.variance))


def test_a_shift_inhibits_where_condition_9_fails() -> None:
    found = inhibiting.inhibiting_shift(FAILING)
    assert found.direction is not None
    assert found.direction.round(3).tolist() == [3.385, -2.385]
    law, seen = laws.shift(FAILING, found.direction, 33), laws.regression(FAILING, 33)
    assert (round(seen.mean, 4), round(seen.variance, 4)) == (34.0077, 1.7377)
    assert (law.mean, law.variance) == pytest.approx((seen.mean, seen.variance))
    draws = inhibiting.shift_law(FAILING, found.direction, 33, DRAWS, rng=np.random.default_rng(1))
    assert abs(draws.mean - seen.mean) < SIGMAS * (seen.variance / DRAWS) ** 0.5


def test_proportional_effects_admit_none() -> None:
    assert not inhibiting.inhibiting_shift(PROPORTIONAL).exists
    assert inhibiting.inhibiting_perfect(LinearMicro.of((2, 2), (0, 0), S)).exists


@pytest.mark.parametrize(("alpha", "spare"), [((3, 1), 0.0), ((2.9, 1), -0.195), ((5, 1), 6.0)])
def test_the_promotion_example(alpha: tuple[float, float], spare: float) -> None:
    """``Y_i = alpha_i X_i + Z_i`` with ``X_i = Z_i``: (9) holds exactly if the prices differ by at least 2."""
    micro = LinearMicro.of(alpha, (0, 0), np.eye(2), noise_cov=(1, 1), noise_variance=2)
    found = inhibiting.inhibiting_perfect(micro)
    assert found.spare == pytest.approx(spare, abs=1e-9)
    assert found.exists == (abs(alpha[0] - alpha[1]) >= 2)


def test_lemma_14() -> None:
    d = inhibiting.direction_for((4, 2, -1), (1, 1, 1), 7.5)
    assert d.round(5).tolist() == [1.40789, 0.48684, -0.89474]
    h = inhibiting.coordinates(d, (1, 1, 1))
    assert h[0].tolist() == [1.0, 1.0, 1.0]
    assert np.linalg.inv(h)[:, 0] == pytest.approx(d)
    assert round(float(np.linalg.cond(h)), 2) == 6.8
    with pytest.raises(DataError, match="Every realisation has the effect 2"):
        inhibiting.direction_for((2, 2), (1, 1), 3)


def test_appendix_d() -> None:
    seen, total = laws.regression(INDEPENDENT, 30), Normal(30, 13)
    slope = laws.regression_slope(INDEPENDENT)
    assert laws.realisable(seen, slope, total, slope, seen.mean - slope * 30, seen.variance)  # shop A
    assert laws.realisable(seen, slope, total, 1, 20, 16)  # shop B
    assert not laws.realisable(seen, slope, total, 3, 0, 0)  # the third shop
    assert laws.realisable(seen, slope, total, 3, -40, 36)


def test_several_totals_at_once() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    s, w = root @ root.T, np.array([[1.0, 1, 0, 0], [0, 0, 1, 2]])
    d = linear.natural_directions(s, w)
    assert w @ d == pytest.approx(np.eye(2))
    x = rng.multivariate_normal(np.zeros(4), s, size=DRAWS)
    slopes = np.linalg.lstsq(x @ w.T, x, rcond=None)[0].T
    assert slopes == pytest.approx(d, abs=0.05)
    assert linear.well_defined(w, w)
    assert not linear.well_defined(np.eye(4), w)
    with pytest.raises(DataError, match="not free of each other"):
        linear.natural_directions(s, np.vstack([w, w[0] + w[1]]))


@pytest.mark.parametrize(
    ("weights", "words"),
    [((0, 0), "All weights are zero"), ((1, np.nan), "part 2 is no number"), ((1, 1, 1), "2 parts need 2 weights")],
)
def test_weights_that_are_none(weights: tuple[float, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        LinearMicro.of((3, 1), (10, 20), S, weights=weights)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="does not vary"):
        linear.natural_direction([[1, -1], [-1, 1]], (1, 1))
    with pytest.raises(DataError, match="miss it by 1"):
        laws.perfect(INDEPENDENT, (33, 1), np.zeros((2, 2)), 33)
    with pytest.raises(DataError, match="moves the total by 2"):
        laws.shift(INDEPENDENT, (1, 1), 33)
    with pytest.raises(DataError, match="eigenvalue"):
        LinearMicro.of((3, 1), (10, 20), [[1, 2], [2, 1]])
