"""Effects from parameters against brute force, and Appendix L.2 against its exact posterior: no sampler here."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from tests.bayes.agreement import SEED, SIGMAS
from tests.bayes.exact import exact_parameters, schools
from umbel.errors import DataError, InputError, MissingExtra
from umbel.estimate.bayes import observed_shares, sampled_hierarchy, sampled_interference
from umbel.estimate.bayes_draws import to_arviz
from umbel.estimate.bayes_effects import InterferenceParameters, average_effect, new_unit_effect, notebook_effect
from umbel.estimate.bayes_forms import (
    Counts,
    InterferenceData,
    InterferenceModel,
    SizeAndShare,
    TreatedCount,
    Unrestricted,
    default_model,
    model_of,
)
from umbel.estimate.bayes_sampler import Nuts
from umbel.gallery.schools import APPENDIX_L2

EIGHT_SCHOOLS = model_of(APPENDIX_L2)

EXACT_DRAWS = 100_000
KINK = 1e-4
"""The corrected C has a kink at s = 1, which the Gauss rule smooths over."""

# Mean, sd, 5 % and 95 % point with tolerances: what the analysis must give, over any three seeds.
AVERAGE = (2.9, 12.9, -20.9, 19.4)
NEW_SCHOOL = (2.8, 19.5, -31.1, 27.4)
PERMUTED = (4.2, 17.4, -26.1, 27.9)  # the paper's Figure 12 and its notebook
TOLERANCES = (0.6, 0.6, 2.0, 1.0)


def parameters(slopes: int, *, draws: int = 1, **changed: float) -> InterferenceParameters:
    """One set of plausible values, the same for every draw."""
    values = {
        "share_mean": 0.45,
        "share_precision": 12.0,
        "size_mean": 60.0,
        "size_sd": 40.0,
        "interferer_intercept": 5.0,
        "interferer_sd": 11.0,
        "effect_of_interferer": -0.5,
        "effect_intercept": 16.0,
        "effect_sd": 4.0,
        **changed,
    }
    arrays = {name: np.full((1, draws), value) for name, value in values.items()}
    of_c, of_effect = np.array([0.3, 2.0])[:slopes], np.array([-0.05, 3.0])[:slopes]
    return InterferenceParameters(
        **arrays,
        interferer_slopes=np.broadcast_to(of_c, (1, draws, slopes)),
        effect_slopes=np.broadcast_to(of_effect, (1, draws, slopes)),
    )


def model(form: TreatedCount | SizeAndShare, support: Counts | Unrestricted) -> InterferenceModel:
    return dataclasses.replace(EIGHT_SCHOOLS, form=form, support=support)


def figures(values: np.ndarray) -> tuple[float, ...]:
    return values.mean(), values.std(), float(np.quantile(values, 0.05)), float(np.quantile(values, 0.95))


@pytest.mark.parametrize(("mean", "sd", "size"), [(20.0, 11.0, 50.0), (-3.0, 2.0, 5.0), (90.0, 5.0, 40.0), (2, 3, 0.5)])
def test_the_mean_of_a_corrected_count(mean: float, sd: float, size: float) -> None:
    def corrected(c: float) -> float:
        return min(c if c > 0 else 1.0, size) * norm.pdf(c, mean, sd)

    cuts = sorted({mean - 12 * sd, 0.0, size, mean + 12 * sd})
    pieces = [quad(corrected, low, high, epsabs=1e-12)[0] for low, high in pairwise(cuts)]
    found = Counts().expected_interferer(np.array(mean), np.array(sd), np.array(size))
    assert float(found) == pytest.approx(sum(pieces), abs=1e-9)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("form", [TreatedCount(), SizeAndShare()])
def test_the_average_is_the_mean_over_new_units(form: TreatedCount | SizeAndShare, share: float) -> None:
    """Two ways to the same number: the rule, and a million units drawn one by one."""
    draws = 1_000_000
    chosen = model(form, Counts())
    many = parameters(len(form.features(np.zeros(1), 0.0)[0]), draws=draws)
    units = new_unit_effect(many, chosen, share, rng=np.random.default_rng(SEED))
    one = parameters(many.effect_slopes.shape[-1])
    average = float(average_effect(one, chosen, share)[0, 0])
    assert average == pytest.approx(units.mean(), abs=SIGMAS * units.std() / np.sqrt(draws))


@pytest.mark.parametrize("size_mean", [-900.0, -5.0, 60.0, 4000.0])
def test_the_average_by_adaptive_quadrature(size_mean: float) -> None:
    """Also where most sizes, or all of them, are impossible and stand at 1."""
    chosen = model(TreatedCount(), Counts())
    one = parameters(1, size_mean=size_mean)

    def effect(size: float) -> float:
        c = Counts().expected_interferer(np.array(0.3 * size + 5.0), np.array(11.0), np.array(size))
        return 16.0 - 0.5 * float(c) - 0.05 * 0.45 * size

    below = norm.cdf(0.0, size_mean, 40.0)
    low = max(0.0, size_mean - 480.0)
    above = quad(lambda s: effect(s) * norm.pdf(s, size_mean, 40.0), low, max(low, size_mean + 480.0), epsabs=1e-11)[0]
    assert float(average_effect(one, chosen, 1.0)[0, 0]) == pytest.approx(above + below * effect(1.0), abs=KINK)


def test_the_average_of_straight_lines() -> None:
    one = parameters(2)
    c = 0.3 * 60.0 + 2.0 * 1.0 + 5.0
    expected = -0.5 * c - 0.05 * 60.0 + 3.0 * 0.45 + 16.0
    found = average_effect(one, model(SizeAndShare(), Unrestricted()), 1.0)
    assert float(found[0, 0]) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("mutated", ["independent size", "cut at another size"])
def test_the_same_size_in_both_factors(mutated: str) -> None:
    """Eq. (73) as printed, and a cut at another unit's size, give other numbers here: s is one and the same."""
    rng, n = np.random.default_rng(SEED), 400_000
    one, counts = parameters(1, size_sd=60.0), Counts()
    size, other = (counts.size(60.0 + 60.0 * rng.standard_normal(n)) for _ in range(2))
    raw = 0.3 * size + 5.0 + 11.0 * rng.standard_normal(n)
    c = counts.interferer(raw, other if mutated == "cut at another size" else size)
    wrong = 16.0 - 0.5 * c - 0.05 * 0.45 * (other if mutated == "independent size" else size)
    right = float(average_effect(one, model(TreatedCount(), counts), 1.0)[0, 0])
    if mutated == "cut at another size":
        assert abs(wrong.mean() - right) > 10 * wrong.std() / np.sqrt(n)
    else:  # lines are linear: the mean agrees, the predictive law does not
        units = new_unit_effect(
            parameters(1, size_sd=60.0, draws=n), model(TreatedCount(), counts), 1.0, rng=np.random.default_rng(1)
        )
        assert abs(wrong.std() / units.std() - 1.0) > 0.02


def test_eight_schools_from_the_exact_posterior() -> None:
    """The numbers of Appendix L.2 as they should read, without a sampler."""
    rng = np.random.default_rng(SEED)
    found = exact_parameters(schools(), EIGHT_SCHOOLS, EXACT_DRAWS, rng)
    average = average_effect(found, EIGHT_SCHOOLS, 1.0)
    new_school = new_unit_effect(found, EIGHT_SCHOOLS, 1.0, rng=rng)
    permuted = notebook_effect(found, EIGHT_SCHOOLS, 1.0, rng=rng)
    for values, target in ((average, AVERAGE), (new_school, NEW_SCHOOL), (permuted, PERMUTED)):
        for got, wanted, tolerance in zip(figures(values), target, TOLERANCES, strict=True):
            assert got == pytest.approx(wanted, abs=tolerance)


def test_the_published_figure_is_no_average_effect() -> None:
    assert PERMUTED[1] - AVERAGE[1] > 4.0
    found = exact_parameters(schools(), EIGHT_SCHOOLS, EXACT_DRAWS, np.random.default_rng(SEED))
    permuted = notebook_effect(found, EIGHT_SCHOOLS, 1.0, rng=np.random.default_rng(SEED))
    assert permuted.std() > average_effect(found, EIGHT_SCHOOLS, 1.0).std() + 4.0


@pytest.mark.parametrize("measure", [0.001, 7.0])
def test_the_default_model_knows_no_measure(measure: float) -> None:
    """Effects, sizes and interferers in another measure: the same answer in that measure."""
    data = schools()
    other = InterferenceData(
        measure * data.effects, measure * data.errors, data.shares, 3.0 * data.sizes, data.interferers / 5.0
    )
    averages = []
    for each in (data, other):
        chosen = default_model(each)
        found = exact_parameters(each, chosen, 2_000, np.random.default_rng(SEED))
        averages.append(average_effect(found, chosen, 0.5))
    np.testing.assert_allclose(averages[1], measure * averages[0], rtol=1e-6, atol=1e-6 * measure)


def test_the_default_model_of_constant_columns_is_proper() -> None:
    data = InterferenceData(np.arange(3.0), np.ones(3), np.full(3, 0.5), np.full(3, 30.0), np.zeros(3))
    priors = default_model(data).priors
    widths = [priors.size_sd, priors.interferer_sd, *(prior.sd for prior in priors.interferer_slopes)]
    assert all(np.isfinite(width) and width > 0 for width in widths)


def test_shares_within_the_range_pass() -> None:
    data = schools()
    assert observed_shares(data.shares, 0.4)
    everyone, nobody = observed_shares(data.shares, 1.0), observed_shares(data.shares, 0.1)
    assert not everyone
    assert everyone.value == pytest.approx(1.0 - 22 / 39)
    assert "25 % to 56 %" in everyone.advice
    assert "more" in everyone.advice
    assert "fewer" in nobody.advice


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shares": [0.5, 1.0]}, r"shares\[1\] is 1: a Beta law"),
        ({"errors": [1.0, 0.0]}, r"errors\[1\] is 0: standard errors are positive"),
        ({"sizes": [np.nan, 1.0]}, r"sizes\[0\] is nan"),
        ({"interferers": [1.0]}, r"interferers \(1,\)"),
    ],
)
def test_data_that_the_model_cannot_have(changed: dict[str, list[float]], message: str) -> None:
    columns = {
        "effects": [1.0, 2.0],
        "errors": [1.0, 1.0],
        "shares": [0.4, 0.5],
        "sizes": [9.0, 8.0],
        "interferers": [2.0, 3.0],
    }
    with pytest.raises(DataError, match=message):
        InterferenceData(**{name: np.array(values) for name, values in {**columns, **changed}.items()})


def test_settings_and_questions_out_of_range() -> None:
    with pytest.raises(InputError, match="draws is 1; it must be at least 8"):
        Nuts(draws=1)
    with pytest.raises(InputError, match="acceptance is 1"):
        Nuts(acceptance=1.0)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"share of members to treat is 1\.5"):
        sampled_interference(schools(), share=1.5, rng=rng)
    with pytest.raises(InputError, match="1 priors in interferer_slopes, and its form 'size and share' reads 2"):
        sampled_interference(schools(), model=model(SizeAndShare(), Counts()), rng=rng)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numpyro", "numpyro.infer", "arviz_base"):
        monkeypatch.setitem(sys.modules, name, None)
    rng = np.random.default_rng(0)
    with pytest.raises(MissingExtra, match=r"numpyro is not installed\. .* 'umbel\[bayes\]'"):
        sampled_hierarchy(np.zeros(2), np.ones(2), location=1.0, scale=1.0, rng=rng)
    with pytest.raises(MissingExtra, match=r"numpyro is not installed\. .* 'umbel\[bayes\]'"):
        sampled_interference(schools(), rng=rng)
    with pytest.raises(MissingExtra, match=r"arviz-base is not installed\. .* 'umbel\[bayes\]'"):
        to_arviz({}, np.zeros((1, 1), dtype=bool))


def test_the_extra_waits_until_it_is_needed() -> None:
    code = "import sys, umbel.estimate.bayes; assert not {'jax', 'numpyro', 'arviz_base'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(filter(None, sys.path))})
