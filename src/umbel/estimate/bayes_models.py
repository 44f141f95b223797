"""The two hierarchical models of Weinstein and Blei's eight schools, as NumPyro reads them.

JMLR 27(37) 2026, Appendix L. A parameter is sampled in units of its prior's width, so that a
sampler starts at the same place whatever the data are measured in. The extra is imported when a
model is traced and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from umbel.model.priors import Gaussian, InterferencePriors

Model = Callable[..., None]
"""Takes arrays that jax traces, and returns nothing: sites are recorded by NumPyro."""


def hierarchy(*, location: float, scale: float, centre: float) -> Model:
    """The normal hierarchy of Appendix L.1; sites ``nu``, ``tau`` and ``mu`` are the paper's.

    mu_i is sampled in units of tau (non-centred), without which the funnel at small tau stays
    unvisited.
    """

    def model(effects: Any, errors: Any) -> None:
        import numpyro
        from numpyro import distributions as law

        nu = numpyro.deterministic("nu", centre + location * numpyro.sample("z_nu", law.Normal(0.0, 1.0)))
        tau = numpyro.deterministic("tau", scale * numpyro.sample("z_tau", law.HalfCauchy(1.0)))
        with numpyro.plate("unit", effects.shape[0]):
            mu = numpyro.deterministic("mu", nu + tau * numpyro.sample("z_mu", law.Normal(0.0, 1.0)))
            numpyro.sample("effect", law.Normal(mu, errors), obs=effects)

    return model


def interference(priors: InterferencePriors) -> Model:
    """Confounding and interference, Appendix L.2; sites have the names of the priors."""

    def model(effects: Any, errors: Any, shares: Any, sizes: Any, interferers: Any, features: Any) -> None:
        import jax
        import numpyro
        from numpyro import distributions as law

        def normal(name: str, *prior: Gaussian) -> Any:
            mean, sd = np.array([p.mean for p in prior]), np.array([p.sd for p in prior])
            return mean + sd * numpyro.sample(f"z_{name}", law.Normal(np.zeros(len(prior)), 1.0).to_event(1))

        def coefficient(name: str, prior: Gaussian) -> Any:
            return numpyro.deterministic(name, normal(name, prior)[0])

        def slopes(name: str, prior: tuple[Gaussian, ...]) -> Any:
            return numpyro.deterministic(name, normal(name, *prior))

        def scale(name: str, prior: float) -> Any:
            return numpyro.deterministic(name, prior * numpyro.sample(f"z_{name}", law.HalfCauchy(1.0)))

        share_mean = numpyro.deterministic("share_mean", jax.nn.sigmoid(normal("share_mean", priors.share_logit)[0]))
        precision = jax.nn.softplus(normal("share_precision", priors.share_precision)[0])  # log(1 + exp(zeta_A))
        precision = numpyro.deterministic("share_precision", precision)
        size_mean = coefficient("size_mean", priors.size_mean)
        size_sd = scale("size_sd", priors.size_sd)
        of_c = slopes("interferer_slopes", priors.interferer_slopes)
        c_at_zero = coefficient("interferer_intercept", priors.interferer_intercept)
        c_sd = scale("interferer_sd", priors.interferer_sd)
        by_c = coefficient("effect_of_interferer", priors.effect_of_interferer)
        of_effect = slopes("effect_slopes", priors.effect_slopes)
        effect_at_zero = coefficient("effect_intercept", priors.effect_intercept)
        tau = scale("effect_sd", priors.effect_sd)
        with numpyro.plate("unit", effects.shape[0]):
            numpyro.sample("share", law.BetaProportion(share_mean, precision), obs=shares)
            numpyro.sample("size", law.Normal(size_mean, size_sd), obs=sizes)
            numpyro.sample("interferer", law.Normal(features @ of_c + c_at_zero, c_sd), obs=interferers)
            expected = by_c * interferers + features @ of_effect + effect_at_zero
            # mu_i ~ Normal(expected_i, tau) and effect_i ~ Normal(mu_i, error_i), with mu_i integrated out
            numpyro.sample("effect", law.Normal(expected, (tau**2 + errors**2) ** 0.5), obs=effects)

    return model
