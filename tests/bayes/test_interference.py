"""Appendix L.2 by NUTS against its exact posterior: every parameter and every effect."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bayes.agreement import NEEDS, SEED, SHORT, SIGMAS, agree
from tests.bayes.exact import exact_parameters, schools
from umbel.estimate.bayes import SampledInterference, sampled_interference
from umbel.estimate.bayes_draws import draws_of
from umbel.estimate.bayes_effects import InterferenceParameters, average_effect, new_unit_effect
from umbel.estimate.bayes_forms import model_of
from umbel.gallery.schools import APPENDIX_L2

EIGHT_SCHOOLS = model_of(APPENDIX_L2)

pytest.importorskip("numpyro", reason=NEEDS)

EXACT_DRAWS = 100_000


@pytest.fixture(scope="module")
def interference() -> SampledInterference:
    return sampled_interference(schools(), model=EIGHT_SCHOOLS, sampler=SHORT, rng=np.random.default_rng(SEED))


def test_interference_agrees_with_the_exact_posterior(interference: SampledInterference) -> None:
    """Appendix L.2: every parameter and every effect."""
    rng = np.random.default_rng(SEED + 1)
    exact = exact_parameters(schools(), EIGHT_SCHOOLS, EXACT_DRAWS, rng)
    for name in InterferenceParameters.__slots__:
        mine, truth = getattr(interference.parameters, name), getattr(exact, name)
        agree(draws_of(mine.reshape(mine.shape[:2])), lambda p, truth=truth: float(np.quantile(truth, p)))
    average = average_effect(exact, EIGHT_SCHOOLS, 1.0)
    expected = new_unit_effect(exact, EIGHT_SCHOOLS, 1.0, rng=rng)
    own = expected + exact.effect_sd * rng.standard_normal(expected.shape)
    pairs = ((interference.average, average), (interference.new_unit, expected), (interference.new_unit_own, own))
    for draws, truth in pairs:
        agree(draws, lambda p, truth=truth: float(np.quantile(truth, p)))
        assert draws.mean == pytest.approx(truth.mean(), abs=SIGMAS * draws.error)


def test_checks_of_a_good_run(interference: SampledInterference) -> None:
    passed = {check.name: check.passed for check in interference.checks}
    assert passed == {
        "r-hat": True,
        "effective sample size": True,
        "divergences": True,
        "observed treatment shares": False,
    }


def test_the_notebook_is_wider_than_the_average(interference: SampledInterference) -> None:
    notebook = interference.notebook(rng=np.random.default_rng(SEED))
    assert notebook.sd > interference.average.sd + 2.0
    again = interference.notebook(rng=np.random.default_rng(SEED))
    np.testing.assert_array_equal(notebook.values, again.values)


def test_draws_for_arviz(interference: SampledInterference) -> None:
    pytest.importorskip("arviz_base", reason=NEEDS)
    tree = interference.to_arviz()
    np.testing.assert_array_equal(tree["posterior"]["average"].values, interference.average.values)
    assert tree["posterior"]["effect_slopes"].shape == (2, 2500, 1)
    assert tree["sample_stats"]["diverging"].shape == (2, 2500)
