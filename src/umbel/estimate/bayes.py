"""Hierarchical Bayes by sampling: the two analyses of the eight schools, for any units.

Weinstein and Blei (JMLR 27(37) 2026). :func:`sampled_hierarchy` is the normal hierarchy of
Appendix L.1, a second implementation beside the quadrature of umbel.numerics.hierarchy.
:func:`sampled_interference` is the model of Section 7.3 and Appendix L.2, where units differ by a
hidden confounder and their members act on each other through an interferer. Arrays in, draws out;
needs the extra ``bayes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import InputError
from umbel.estimate.bayes_draws import Array, Draws, convergence, draws_of, read_only, to_arviz
from umbel.estimate.bayes_effects import InterferenceParameters, average_effect, new_unit_effect, notebook_effect
from umbel.estimate.bayes_forms import InterferenceData, InterferenceModel, default_model
from umbel.estimate.bayes_models import hierarchy, interference
from umbel.estimate.bayes_sampler import Nuts, Sampled, run_nuts
from umbel.estimate.estimator import Watch, unwatched
from umbel.results.check import Check

REFERENCES = (
    "Weinstein and Blei. Hierarchical Causal Models. JMLR 27(37), 2026. Appendix L.",
    "Hoffman and Gelman. The No-U-Turn sampler. JMLR 15, 2014.",
    "Phan, Pradhan and Jankowiak. Composable effects for flexible and accelerated probabilistic programming "
    "in NumPyro. arXiv 1912.11554, 2019.",
)


@dataclass(frozen=True, slots=True, eq=False)
class SampledHierarchy:
    """Draws from the posterior of a normal hierarchy of summaries.

    Parameters
    ----------
    average
        nu, the average over the population of units.
    spread
        tau, the standard deviation between units.
    new_unit
        The value of a unit not seen yet.
    units
        mu_i, each unit's own value.
    checks
        r-hat, effective sample size, divergences.
    diverging
        Which draws diverged, shape (chains, draws).
    """

    average: Draws
    spread: Draws
    new_unit: Draws
    units: tuple[Draws, ...]
    checks: tuple[Check, ...]
    diverging: NDArray[np.bool_]

    def to_arviz(self) -> Any:  # an xarray DataTree, of the extra
        """The draws for ArviZ; needs arviz-base.

        Raises
        ------
        MissingExtra
            When it is not installed.
        """
        values = {"average": self.average.values, "spread": self.spread.values, "new_unit": self.new_unit.values}
        units = np.stack([unit.values for unit in self.units], axis=-1)
        return to_arviz({**values, "unit": units}, self.diverging)


def sampled_hierarchy(
    effects: Array,
    errors: Array,
    *,
    location: float,
    scale: float,
    centre: float = 0.0,
    sampler: Nuts | None = None,
    rng: np.random.Generator,
    watch: Watch = unwatched,
) -> SampledHierarchy:
    """Posterior of a normal hierarchy of summaries (Appendix L.1), by NUTS.

    ``nu ~ Normal(centre, location)``, ``tau ~ HalfCauchy(scale)``, ``mu_i ~ Normal(nu, tau)``,
    ``effect_i ~ Normal(mu_i, error_i)``; mu_i is sampled in units of tau (non-centred), without
    which the funnel at small tau stays unvisited. Agrees with
    :func:`umbel.numerics.hierarchy.normal_hierarchy`, which is exact and a thousand times faster.

    Parameters
    ----------
    effects, errors
        Shape (units,): published estimates and their standard errors.
    location, scale, centre
        Of the priors, in the outcome's measure.
    sampler
        Chains, draws, warmup.
    rng
        Same generator, same draws.
    watch
        Passes the chains through and may show how far they are.

    Raises
    ------
    MissingExtra
        When numpyro is not installed.

    References
    ----------
    Weinstein and Blei, JMLR 27(37) 2026, Appendix L.1.

    Examples
    --------
    >>> y, se = np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0])
    >>> rng = np.random.default_rng(0)
    >>> found = sampled_hierarchy(y, se, location=5.0, scale=5.0, rng=rng)  # doctest: +SKIP
    >>> round(found.average.mean, 1), all(found.checks)  # doctest: +SKIP
    (2.9, True)
    """
    data = (np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64))
    keep = ("nu", "tau", "mu")
    model = hierarchy(location=location, scale=scale, centre=centre)
    found = run_nuts(model, data, dense=("z_nu", "z_tau"), keep=keep, settings=sampler or Nuts(), rng=rng, watch=watch)
    nu, tau, mu = (found.values[name] for name in keep)
    average, spread = draws_of(nu), draws_of(tau)
    new_unit = draws_of(nu + tau * rng.standard_normal(nu.shape))
    units = tuple(draws_of(mu[..., unit]) for unit in range(mu.shape[-1]))
    judged = {"the average": average, "the spread": spread, **{f"unit {i}": unit for i, unit in enumerate(units)}}
    return SampledHierarchy(average, spread, new_unit, units, convergence(judged, found.diverging), found.diverging)


@dataclass(frozen=True, slots=True, eq=False)
class SampledInterference:
    """Draws of the effect of treating a given share of everybody's members, under interference.

    Parameters
    ----------
    average
        Posterior of the average effect over units: one average over s, c and the usual shares per
        draw of the parameters.
    new_unit
        Predictive effect of a new unit: what the model expects of a unit with a size, an
        interferer and a usual share of its own.
    new_unit_own
        The same plus tau, the deviation of a unit from what is expected of it: the unit's own effect.
    parameters
        Draws of the parameters.
    model
        Form, support and priors.
    share
        Share treated under the intervention.
    checks
        r-hat, effective sample size, divergences, and whether any unit treated such a share.
    diverging
        Which draws diverged, shape (chains, draws).
    """

    average: Draws
    new_unit: Draws
    new_unit_own: Draws
    parameters: InterferenceParameters
    model: InterferenceModel
    share: float
    checks: tuple[Check, ...]
    diverging: NDArray[np.bool_]

    def notebook(self, *, rng: np.random.Generator) -> Draws:
        """The published figure's computation (-26 to 28), which is no effect: see ``notebook_effect``."""
        return draws_of(notebook_effect(self.parameters, self.model, self.share, rng=rng))

    def to_arviz(self) -> Any:  # an xarray DataTree, of the extra
        """The draws for ArviZ; needs arviz-base.

        Raises
        ------
        MissingExtra
            When it is not installed.
        """
        effects = {"average": self.average, "new_unit": self.new_unit, "new_unit_own": self.new_unit_own}
        values = {name: draws.values for name, draws in effects.items()}
        parameters = {name: getattr(self.parameters, name) for name in InterferenceParameters.__slots__}
        return to_arviz({**values, **parameters}, self.diverging)


def sampled_interference(
    data: InterferenceData,
    *,
    model: InterferenceModel | None = None,
    share: float = 1.0,
    sampler: Nuts | None = None,
    rng: np.random.Generator,
    watch: Watch = unwatched,
) -> SampledInterference:
    """Effect of do(q^a = Bernoulli(share)) under confounding and interference (Appendix L.2), by NUTS.

    Right when the graph is (S and the share may be confounded with the effect, the interferer
    hangs on both and on nothing hidden), when the interferer changes the treated alone (the
    assumption before Eq. 73), and when the model's form and priors hold: with few units they decide
    much. Units' own values mu_i are integrated out in closed form.

    Parameters
    ----------
    data
        What the units publish.
    model
        Form, support, priors; None: ``default_model(data)``, linear in size and share.
    share
        Share of each unit's members that is treated: 1 for do(A = 1).
    sampler
        Chains, draws, warmup.
    rng
        Same generator, same draws.
    watch
        Passes the chains through and may show how far they are.

    Raises
    ------
    InputError
        When the share is no share, or the priors have more or fewer slopes than the form reads.
    MissingExtra
        When numpyro is not installed.

    References
    ----------
    Weinstein and Blei, JMLR 27(37) 2026, Section 7.3, Eq. (39) and (73), Appendix L.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = sampled_interference(schools, model=model_of(analysis), rng=rng)  # doctest: +SKIP
    >>> round(found.average.mean, 1), [round(end, 1) for end in found.average.interval(0.9)]  # doctest: +SKIP
    (3.0, [-20.9, 19.9])
    """
    chosen = default_model(data) if model is None else model
    features = chosen.form.features(data.sizes, data.shares)  # (units, k)
    _check(share, chosen, features.shape[-1])
    arrays = (data.effects, data.errors, data.shares, data.sizes, data.interferers, features)
    found = run_nuts(
        interference(chosen.priors),
        arrays,
        dense=tuple(f"z_{name}" for name in InterferenceParameters.__slots__),
        keep=InterferenceParameters.__slots__,
        settings=sampler or Nuts(),
        rng=rng,
        watch=watch,
    )
    parameters = InterferenceParameters(**found.values)
    average = draws_of(average_effect(parameters, chosen, share))
    expected = new_unit_effect(parameters, chosen, share, rng=rng)
    new_unit = draws_of(expected)
    new_unit_own = draws_of(expected + parameters.effect_sd * rng.standard_normal(expected.shape))
    checks = (
        *convergence({"the average": average, **_by_name(found)}, found.diverging),
        observed_shares(data.shares, share),
    )
    return SampledInterference(average, new_unit, new_unit_own, parameters, chosen, share, checks, found.diverging)


def observed_shares(shares: Array, share: float) -> Check:
    """Whether any unit treated such a share: outside, the fitted lines are extended by assumption.

    The value is the distance to the nearest observed share, 0 within their range.

    Examples
    --------
    >>> check = observed_shares(np.array([0.25, 0.56]), 1.0)
    >>> check.passed, round(check.value, 2)
    (False, 0.44)
    >>> check.advice
    'Units treated 25 % to 56 % of their members, the intervention 100 %: the answer extends the fitted lines beyond \
the data and rests on the model. Ask for a share within the range, or find units that treated more.'
    """
    low, high = float(shares.min()), float(shares.max())
    gap = max(low - share, share - high, 0.0)
    if gap == 0.0:
        return Check("observed treatment shares", True, gap)
    return Check(
        "observed treatment shares",
        False,
        gap,
        f"Units treated {100 * low:.0f} % to {100 * high:.0f} % of their members, "
        f"the intervention {100 * share:.0f} %: "
        "the answer extends the fitted lines beyond the data and rests on the model. "
        f"Ask for a share within the range, or find units that treated {'more' if share > high else 'fewer'}.",
    )


def _check(share: float, model: InterferenceModel, features: int) -> None:
    if not 0.0 <= share <= 1.0:
        raise InputError(f"The share of members to treat is {share:g}; it must lie between 0 and 1.")
    for name in ("interferer_slopes", "effect_slopes"):
        given = len(getattr(model.priors, name))
        if given != features:
            raise InputError(
                f"Model '{model.name}' has {given} priors in {name}, and its form '{model.form.name}' "
                f"reads {features} features. Give one for each."
            )


def _by_name(found: Sampled) -> Mapping[str, Draws]:
    """Every parameter by itself, slopes one by one, with a name for people."""
    named: dict[str, Draws] = {}
    for name, values in found.values.items():
        columns = values[..., None] if values.ndim == 2 else values
        for index in range(columns.shape[-1]):
            label = name.replace("_", " ") + (f" {index + 1}" if columns.shape[-1] > 1 else "")
            named[label] = draws_of(read_only(columns[..., index]))
    return named
