"""Appendix L.2 without a sampler: its four parts are independent, and each is a grid and a normal law.

Shares, sizes, the line of C and the line of the effect share no parameter, and all of S, C and the
shares are observed. Given its standard deviation a line is conjugate, so a one-dimensional grid
over log sd gives independent draws; the Beta law's two parameters take a grid of two dimensions.
"""

from __future__ import annotations

import csv

import numpy as np
from scipy.special import expit, gammaln

from umbel.estimate.bayes_draws import Array
from umbel.estimate.bayes_effects import InterferenceParameters
from umbel.estimate.bayes_forms import InterferenceData, InterferenceModel
from umbel.gallery.example import DATA
from umbel.model.priors import Gaussian, InterferencePriors


def schools() -> InterferenceData:
    """The eight schools, as they ship with the package."""
    with (DATA / "eight_schools.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "school"}
    shares = columns["treated"] / columns["students"]
    return InterferenceData(columns["effect"], columns["se"], shares, columns["students"], columns["class_size"])


def exact_parameters(
    data: InterferenceData, model: InterferenceModel, draws: int, rng: np.random.Generator
) -> InterferenceParameters:
    """Independent draws from the posterior, shape (1, draws, ...)."""
    priors = model.priors
    features = model.form.features(data.sizes, data.shares)  # (units, k)
    one = np.ones((len(data.sizes), 1))
    sizes, size_sd = line(one, data.sizes, 0.0, [priors.size_mean], priors.size_sd, draws, rng)
    of_c = [*priors.interferer_slopes, priors.interferer_intercept]
    c, c_sd = line(np.hstack([features, one]), data.interferers, 0.0, of_c, priors.interferer_sd, draws, rng)
    of_effect = [priors.effect_of_interferer, *priors.effect_slopes, priors.effect_intercept]
    design = np.hstack([data.interferers[:, None], features, one])
    effect, tau = line(design, data.effects, data.errors, of_effect, priors.effect_sd, draws, rng)
    mean, precision = shares(data.shares, priors, draws, rng)
    return InterferenceParameters(
        share_mean=mean[None],
        share_precision=precision[None],
        size_mean=sizes[None, :, 0],
        size_sd=size_sd[None],
        interferer_slopes=c[None, :, :-1],
        interferer_intercept=c[None, :, -1],
        interferer_sd=c_sd[None],
        effect_of_interferer=effect[None, :, 0],
        effect_slopes=effect[None, :, 1:-1],
        effect_intercept=effect[None, :, -1],
        effect_sd=tau[None],
    )


def line(
    design: Array,
    values: Array,
    errors: Array | float,
    priors: list[Gaussian],
    scale: float,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Coefficients (draws, k) and sd (draws,) of values ~ Normal(design @ b, sqrt(sd² + errors²))."""
    log_sd = np.linspace(np.log(scale) - 12.0, np.log(scale) + 8.0, 4001)
    variance = np.exp(2.0 * log_sd)[:, None] + np.broadcast_to(errors, values.shape) ** 2  # (grid, units)
    centre, width = np.array([p.mean for p in priors]), np.array([p.sd for p in priors])
    gap = values - design @ centre
    precision = np.einsum("ni,gn,nj->gij", design, 1.0 / variance, design) + np.diag(width**-2.0)
    moved = np.linalg.solve(precision, np.einsum("ni,gn->gi", design, gap / variance)[..., None])[..., 0]
    misfit = ((gap - moved @ design.T) ** 2 / variance).sum(axis=1) + (moved**2 / width**2).sum(axis=1)
    log_density = -0.5 * (np.log(variance).sum(axis=1) + np.linalg.slogdet(precision)[1] + misfit)
    log_density += log_sd - np.log1p(np.exp(2.0 * log_sd) / scale**2)  # half-Cauchy, in log sd
    cell = picked(log_density, draws, rng)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    noise = np.einsum("dij,dj->di", root[cell], rng.standard_normal((draws, len(priors))))
    return centre + moved[cell] + noise, np.exp(log_sd[cell])


def shares(observed: Array, priors: InterferencePriors, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Mean and precision of a Beta law of shares."""
    logit, raw = np.linspace(-4.0, 4.0, 401)[:, None], np.linspace(-4.0, 60.0, 1201)[None]
    a, b = expit(logit) * np.logaddexp(0.0, raw), expit(-logit) * np.logaddexp(0.0, raw)
    log_density = len(observed) * (gammaln(a + b) - gammaln(a) - gammaln(b))
    log_density += (a - 1.0) * np.log(observed).sum() + (b - 1.0) * np.log1p(-observed).sum()
    for value, prior in ((logit, priors.share_logit), (raw, priors.share_precision)):
        log_density = log_density - 0.5 * ((value - prior.mean) / prior.sd) ** 2
    cell = np.unravel_index(picked(log_density.ravel(), draws, rng), log_density.shape)
    return expit(logit[cell[0], 0]), np.logaddexp(0.0, raw[0, cell[1]])


def picked(log_density: Array, draws: int, rng: np.random.Generator) -> np.ndarray:
    cumulative = np.exp(log_density - log_density.max()).cumsum()
    return np.searchsorted(cumulative, rng.random(draws) * cumulative[-1])
