"""The normal hierarchy of summaries against brute force, closed forms and the paper's example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from umbel.numerics.hierarchy import HierarchyPosterior, default_scales, normal_hierarchy

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
QUANTILES = (0.05, 0.25, 0.5, 0.95)


def eight_schools(factor: float = 1.0) -> HierarchyPosterior:
    return normal_hierarchy(factor * EFFECTS, factor * ERRORS, location=5.0 * factor, scale=5.0 * factor)


def test_eight_schools_to_the_printed_digits() -> None:
    """Weinstein and Blei (2026) print 4.4 and 3.4, -1.2 and 9.8 from a sampler; quadrature knows more."""
    posterior = eight_schools()
    assert posterior.converged
    assert posterior.average.mean == pytest.approx(4.3968, abs=5e-5)
    assert posterior.average.sd == pytest.approx(3.3177, abs=5e-5)
    assert posterior.average.quantile(0.05) == pytest.approx(-1.0832, abs=1e-4)  # -1.08314
    assert posterior.average.quantile(0.95) == pytest.approx(9.8172, abs=1e-4)
    assert posterior.spread_mean == pytest.approx(3.598, abs=5e-4)


def brute_force(effects: np.ndarray, errors: np.ndarray, location: float, scale: float, centre: float) -> dict:
    """Two-dimensional grid over (nu, log tau); no algebra shared with the module."""
    reach = 12.0 * min(location, float(np.max(errors)) + float(np.ptp(effects)) + 1.0)
    middle = float(np.average(np.append(effects, centre), weights=np.append(errors**-2.0, location**-2.0)))
    nu = np.linspace(middle - reach, middle + reach, 1201)[:, None]
    log_tau = np.linspace(math.log(scale) - 22.0, math.log(scale) + 16.0, 1101)[None, :]
    tau = np.exp(log_tau)
    log_p = norm.logpdf(nu, centre, location) - np.log1p((tau / scale) ** 2) + log_tau
    for effect, error in zip(effects, errors, strict=True):
        log_p = log_p + norm.logpdf(effect, nu, np.hypot(error, tau))
    mass = np.exp(log_p - log_p.max())
    mass /= mass.sum()
    mean = float((mass * nu).sum())
    shrunk = (effects[0] * tau**2 + nu * errors[0] ** 2) / (tau**2 + errors[0] ** 2)
    shrunk_mean = float((mass * shrunk).sum())
    inner = tau**2 * errors[0] ** 2 / (tau**2 + errors[0] ** 2)
    spread = mass.sum(axis=0).cumsum()
    return {
        "mean": mean,
        "sd": math.sqrt(float((mass * (nu - mean) ** 2).sum())),
        "tau": float((mass * tau).sum()),
        "median tau": float(np.interp(0.5, spread - 0.5 * mass.sum(axis=0), tau[0])),
        "unit mean": shrunk_mean,
        "unit sd": math.sqrt(float((mass * (inner + (shrunk - shrunk_mean) ** 2)).sum())),
        "new sd": math.sqrt(float((mass * (tau**2 + (nu - mean) ** 2)).sum())),
    }


CASES = {
    "eight schools": (EFFECTS, ERRORS, 5.0, 5.0, 0.0),
    "off centre": (EFFECTS, ERRORS, 20.0, 2.0, 12.0),
    "unequal errors": (np.array([1.0, 4.0, -2.0, 3.0]), np.array([0.5, 3.0, 1.0, 9.0]), 10.0, 1.0, 0.0),
    "three far apart": (np.array([-30.0, 0.0, 35.0]), np.ones(3), 50.0, 10.0, 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_against_a_two_dimensional_grid(case: str) -> None:
    effects, errors, location, scale, centre = CASES[case]
    truth = brute_force(effects, errors, location, scale, centre)
    found = normal_hierarchy(effects, errors, location=location, scale=scale, centre=centre)
    unit = found.unit(0)
    # the grid's own error: about 1e-6 where it sums, 1e-3 where it interpolates a quantile
    assert found.average.mean == pytest.approx(truth["mean"], rel=1e-5, abs=1e-5)
    assert found.average.sd == pytest.approx(truth["sd"], rel=1e-5)
    assert found.spread_mean == pytest.approx(truth["tau"], rel=1e-5)
    assert found.spread_quantile(0.5) == pytest.approx(truth["median tau"], rel=1e-3)
    assert unit.mean == pytest.approx(truth["unit mean"], rel=1e-5, abs=1e-5)
    assert unit.sd == pytest.approx(truth["unit sd"], rel=1e-5)
    assert found.new_unit.mean == pytest.approx(truth["mean"], rel=1e-5, abs=1e-5)
    if effects.size > 3:  # with fewer units the predictive tail outruns any grid
        assert found.new_unit_sd == pytest.approx(truth["new sd"], rel=1e-4)


@pytest.mark.parametrize("factor", [10.0, 1e-8, 1e8])
def test_ten_times_the_data_is_ten_times_the_answer(factor: float) -> None:
    one, ten = eight_schools(), eight_schools(factor)
    for law_one, law_ten in ((one.average, ten.average), (one.new_unit, ten.new_unit), (one.unit(3), ten.unit(3))):
        assert law_ten.mean == pytest.approx(factor * law_one.mean, rel=1e-10)
        assert law_ten.sd == pytest.approx(factor * law_one.sd, rel=1e-10)
        for probability in QUANTILES:
            assert law_ten.quantile(probability) == pytest.approx(factor * law_one.quantile(probability), rel=1e-10)
    assert ten.spread_mean == pytest.approx(factor * one.spread_mean, rel=1e-10)
    assert ten.spread_quantile(0.9) == pytest.approx(factor * one.spread_quantile(0.9), rel=1e-10)
    np.testing.assert_allclose(
        default_scales(factor * EFFECTS, factor * ERRORS),
        factor * np.array(default_scales(EFFECTS, ERRORS)),
        rtol=1e-13,
    )


def test_shift_of_data_and_centre_shifts_the_answer() -> None:
    moved = normal_hierarchy(EFFECTS + 1e6, ERRORS, location=5.0, scale=5.0, centre=1e6)
    assert moved.average.mean - 1e6 == pytest.approx(eight_schools().average.mean, abs=1e-8)
    assert moved.unit(0).mean - 1e6 == pytest.approx(eight_schools().unit(0).mean, abs=1e-8)


def test_no_spread_is_the_conjugate_normal() -> None:
    """With a tiny prior scale of tau only nu is left, and its posterior is known in closed form."""
    found = normal_hierarchy(EFFECTS, ERRORS, location=5.0, scale=1e-9)
    precision = 1 / 25 + (ERRORS**-2.0).sum()
    mean = (EFFECTS / ERRORS**2).sum() / precision
    assert found.average.mean == pytest.approx(mean, rel=1e-6)
    assert found.average.sd == pytest.approx(precision**-0.5, rel=1e-6)
    for probability in QUANTILES:
        assert found.average.quantile(probability) == pytest.approx(norm.ppf(probability, mean, precision**-0.5), 1e-6)
    assert found.unit(0).mean == pytest.approx(mean, rel=1e-6)


def test_equal_effects_with_small_errors_pull_the_spread_to_zero() -> None:
    found = normal_hierarchy(np.full(8, 3.0), np.full(8, 1e-4), location=5.0, scale=5.0)
    assert found.converged
    assert found.average.mean == pytest.approx(3.0, abs=1e-6)
    assert found.spread_mean < 1e-3
    assert found.average.sd == pytest.approx(1e-4 / math.sqrt(8), rel=12.0)


def test_one_unit() -> None:
    """mu_1 has a heavy half-Cauchy tail: nu's posterior is its prior, updated a little."""
    found = normal_hierarchy(np.array([28.0]), np.array([15.0]), location=5.0, scale=5.0)
    truth = brute_force(np.array([28.0]), np.array([15.0]), 5.0, 5.0, 0.0)
    assert found.converged
    assert found.average.mean == pytest.approx(truth["mean"], rel=1e-5)
    assert found.average.sd == pytest.approx(truth["sd"], rel=1e-5)
    assert found.unit(0).mean == pytest.approx(truth["unit mean"], rel=1e-4)
    assert found.new_unit_sd == math.inf
    assert found.spread_sd == math.inf
    assert math.isfinite(found.new_unit.quantile(0.975))


def test_a_unit_that_knows_nothing_changes_nothing() -> None:
    with_it = normal_hierarchy(np.append(EFFECTS, 1e3), np.append(ERRORS, 1e12), location=5.0, scale=5.0)
    assert with_it.average.mean == pytest.approx(eight_schools().average.mean, rel=1e-6)
    assert with_it.average.sd == pytest.approx(eight_schools().average.sd, rel=1e-6)


@pytest.mark.parametrize("error", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("location", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_scales_far_apart_stay_finite_and_converge(error: float, location: float, scale: float) -> None:
    found = normal_hierarchy(EFFECTS, ERRORS * error, location=location, scale=scale)
    assert found.converged
    law = found.average
    numbers = [law.mean, law.sd, found.spread_mean, found.spread_quantile(0.5), found.new_unit_sd]
    numbers += [found.new_unit.quantile(p) for p in QUANTILES] + [found.unit(0).quantile(p) for p in QUANTILES]
    assert np.all(np.isfinite(numbers))
    assert law.cdf(law.quantile(0.3)) == pytest.approx(0.3, abs=1e-10)


def test_many_units_recover_the_truth() -> None:
    rng = np.random.default_rng(7)
    errors = rng.uniform(0.3, 1.0, 2000)
    effects = rng.normal(3.0, np.hypot(2.0, errors))
    found = normal_hierarchy(effects, errors, location=50.0, scale=5.0)
    assert abs(found.average.mean - 3.0) < 4 * found.average.sd
    assert abs(found.spread_mean - 2.0) < 4 * found.spread_sd
    assert found.average.sd == pytest.approx(2.1 / math.sqrt(2000), rel=0.05)
