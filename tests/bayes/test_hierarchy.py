"""Appendix L.1 by NUTS against quadrature, and what a run leaves of jax: nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.bayes.agreement import NEEDS, SEED, SHORT, SIGMAS, agree
from tests.bayes.exact import schools
from umbel.estimate.bayes import SampledHierarchy, sampled_hierarchy
from umbel.estimate.bayes_sampler import Nuts, Sampled, run_nuts
from umbel.numerics.hierarchy import normal_hierarchy

pytest.importorskip("numpyro", reason=NEEDS)


@pytest.fixture(scope="module")
def hierarchy() -> SampledHierarchy:
    data = schools()
    rng = np.random.default_rng(SEED)
    return sampled_hierarchy(data.effects, data.errors, location=5.0, scale=5.0, sampler=SHORT, rng=rng)


def test_the_hierarchy_agrees_with_quadrature(hierarchy: SampledHierarchy) -> None:
    """Appendix L.1: nu, tau, a new school and each school."""
    data = schools()
    exact = normal_hierarchy(data.effects, data.errors, location=5.0, scale=5.0)
    agree(hierarchy.average, exact.average.quantile)
    agree(hierarchy.spread, exact.spread_quantile)
    agree(hierarchy.new_unit, exact.new_unit.quantile)
    for index, unit in enumerate(hierarchy.units):
        agree(unit, exact.unit(index).quantile)
    assert hierarchy.average.mean == pytest.approx(exact.average.mean, abs=SIGMAS * hierarchy.average.error)
    assert hierarchy.average.rhat < 1.02


def test_the_same_seed_gives_the_same_draws() -> None:
    def model(values: Any) -> None:
        import numpyro
        from numpyro import distributions as law

        centre = numpyro.sample("centre", law.Normal(0.0, 1.0))
        with numpyro.plate("value", 2):
            numpyro.sample("observed", law.Normal(centre, 1.0), obs=values)

    def run(seed: int) -> Sampled:
        settings, rng = Nuts(chains=2, draws=20, warmup=20), np.random.default_rng(seed)
        return run_nuts(model, (np.zeros(2),), dense=("centre",), keep=("centre",), settings=settings, rng=rng)

    first, again = (run(SEED).values["centre"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_jax_is_left_as_it_was(hierarchy: SampledHierarchy) -> None:
    import jax

    assert hierarchy.average.values.dtype == np.float64
    assert not jax.config.jax_enable_x64
    assert jax.numpy.ones(1).dtype == np.float32
    assert not hierarchy.average.values.flags.writeable


def test_draws_for_arviz(hierarchy: SampledHierarchy) -> None:
    pytest.importorskip("arviz_base", reason=NEEDS)
    tree = hierarchy.to_arviz()
    np.testing.assert_array_equal(tree["posterior"]["average"].values, hierarchy.average.values)
    assert tree["posterior"]["unit"].shape == (2, 2500, 8)
