"""From posterior draws to effects of an intervention on everybody's treatment.

With the same s in both factors (Eq. 39 and 73 of Weinstein and Blei, JMLR 27(37) 2026, print an
independent one, which differs wherever S has another way to the effect)::

    ∫ p(s) p(c | q*, s) p(λ) E[μ | λ, s, c]  ds dc dλ

Every draw of the parameters gives one such average, hence a posterior of the average effect. It is
computed, not simulated: λ enters linearly, the mean over c is in closed form, s takes a Gauss rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from umbel.estimate.bayes_draws import Array
from umbel.estimate.bayes_forms import InterferenceModel

NODES, WEIGHTS = np.polynomial.legendre.leggauss(96)
BLOCK = 4096
"""Draws of each chain that are held with all their nodes at once."""
REACH = 8.5
"""Standard deviations of S that are followed: 2e-17 of its mass lies outside."""


@dataclass(frozen=True, slots=True, eq=False)
class InterferenceParameters:
    """Draws of the parameters; every array (chains, draws), slopes (chains, draws, features).

    ``share_mean`` and ``share_precision`` are the Beta law's own; the others are those of
    :class:`~umbel.model.priors.InterferencePriors`.
    """

    share_mean: Array
    share_precision: Array
    size_mean: Array
    size_sd: Array
    interferer_slopes: Array
    interferer_intercept: Array
    interferer_sd: Array
    effect_of_interferer: Array
    effect_slopes: Array
    effect_intercept: Array
    effect_sd: Array

    def part(self, start: int, stop: int) -> InterferenceParameters:
        """Some draws of every chain."""
        names = InterferenceParameters.__slots__
        return InterferenceParameters(**{name: getattr(self, name)[:, start:stop] for name in names})

    def expected_interferer(self, features: Array) -> Array:
        """The line of C; features (..., k) in front of which the draws stand."""
        return _line(self.interferer_slopes, features) + _spread(self.interferer_intercept, features)

    def expected_effect(self, interferer: Array, features: Array) -> Array:
        """The line of the effect."""
        line = _line(self.effect_slopes, features) + _spread(self.effect_intercept, features)
        return np.asarray(_spread(self.effect_of_interferer, features) * interferer + line, dtype=np.float64)


def average_effect(parameters: InterferenceParameters, model: InterferenceModel, share: float) -> Array:
    """Average effect over units when every unit treats ``share`` of its members, for each draw.

    Accurate to about 1e-4 of the effect of one member more, far below any Monte Carlo error: the
    corrected C has a kink where a size is 1. O(draws * 96).

    Parameters
    ----------
    parameters
        Draws.
    model
        Form and support that they belong to.
    share
        Share treated under the intervention; 1 for do(A = 1).

    Returns
    -------
    Array
        Shape (chains, draws).
    """
    draws = parameters.size_mean.shape[1]
    parts = [parameters.part(start, start + BLOCK) for start in range(0, draws, BLOCK)]
    return np.concatenate([_average(part, model, share) for part in parts], axis=1)


def _average(parameters: InterferenceParameters, model: InterferenceModel, share: float) -> Array:
    sizes, weights = _size_rule(parameters.size_mean, parameters.size_sd, model.support.lowest)
    there = model.form.features(sizes, share)  # (chains, draws, nodes, k)
    sd = parameters.interferer_sd[..., None]
    interferer = model.support.expected_interferer(parameters.expected_interferer(there), sd, sizes)
    here = model.form.features(sizes, parameters.share_mean[..., None])  # the share as it came, at its mean
    effect = parameters.expected_effect(interferer, here)
    return np.asarray((weights * effect).sum(axis=-1), dtype=np.float64)


def new_unit_effect(
    parameters: InterferenceParameters, model: InterferenceModel, share: float, *, rng: np.random.Generator
) -> Array:
    """Effect that the model expects in a new unit of its own size, interferer and share, for each draw.

    The unit's deviation from its expectation (tau) is not in it; add ``effect_sd`` times a normal
    number for the law of the unit's own effect. O(draws).

    Returns
    -------
    Array
        Shape (chains, draws).
    """
    size, usual = _new_units(parameters, model, rng)
    mean = parameters.expected_interferer(model.form.features(size, share))
    interferer = mean + parameters.interferer_sd * rng.standard_normal(size.shape)
    interferer = model.support.interferer(interferer, size)  # at most its own size
    return parameters.expected_effect(interferer, model.form.features(size, usual))


def notebook_effect(
    parameters: InterferenceParameters, model: InterferenceModel, share: float, *, rng: np.random.Generator
) -> Array:
    """What the notebook that accompanies the paper computes, and the paper prints: -26 to 28.

    It permutes C over the posterior draws, so that a draw's own line of C is lost, and cuts C at
    the size of another unit. Neither an average effect nor the effect in a new unit; kept so that
    the published figure can be found again.

    References
    ----------
    Weinstein and Blei, supplementary notebook of the eight schools.
    """
    size, _ = _new_units(parameters, model, rng)
    mean = parameters.expected_interferer(model.form.features(np.maximum(size, 1.0), share))
    interferer = mean + parameters.interferer_sd * rng.standard_normal(size.shape)
    interferer = rng.permutation(interferer.ravel()).reshape(size.shape)
    other, usual = _new_units(parameters, model, rng)
    other = np.maximum(other, 1.0)
    interferer = np.clip(interferer, 1.0, other)
    return parameters.expected_effect(interferer, model.form.features(other, usual))


def _new_units(
    parameters: InterferenceParameters, model: InterferenceModel, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One new unit for each draw: its size, and the share it treats of its own accord."""
    size = parameters.size_mean + parameters.size_sd * rng.standard_normal(parameters.size_mean.shape)
    mean, precision = parameters.share_mean, parameters.share_precision
    share = rng.beta(mean * precision, (1.0 - mean) * precision)
    return model.support.size(size), share


def _size_rule(mean: Array, sd: Array, lowest: float) -> tuple[Array, Array]:
    """Sizes and their weights for Normal(mean, sd), of which all below ``lowest`` stands at 1.

    Gauss-Legendre over the part above ``lowest``, one more node for the rest. (..., 97) each.
    """
    start = np.clip((lowest - mean) / sd, -REACH, REACH)[..., None]
    half = 0.5 * (REACH - start)
    z = start + half * (NODES + 1.0)
    weights = half * WEIGHTS * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    sizes = mean[..., None] + sd[..., None] * z
    return (
        np.concatenate([sizes, np.ones_like(start)], axis=-1),
        np.concatenate([weights, np.asarray(ndtr(start))], axis=-1),
    )


def _spread(draws: Array, features: Array) -> Array:
    """Draws (chains, draws), shaped to stand before a feature array's further axes."""
    return draws.reshape(draws.shape + (1,) * (features.ndim - 1 - draws.ndim))


def _line(slopes: Array, features: Array) -> Array:
    wide = slopes.reshape(slopes.shape[:-1] + (1,) * (features.ndim - slopes.ndim) + slopes.shape[-1:])
    return np.asarray((wide * features).sum(axis=-1), dtype=np.float64)
