"""The Gaussian-process classifier against its defining equations and a brute-force integral."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from umbel.numerics.gp import fit_gp


def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * ((left[:, None, :] - right[None, :, :]) ** 2).sum(axis=2))


def sample(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2)) * [1.0, 30.0] + [5.0, -3.0]
    return x, (rng.random(rows) < expit(x[:, 0] - 5.0)).astype(float)


def test_the_mode_solves_its_equation() -> None:
    """At the mode f = K (y - expit(f)) (Rasmussen and Williams 2006, Eq. 3.17)."""
    x, y = sample(50, 0)
    fit = fit_gp(x, y)
    latent = kernel(fit.features, fit.features) @ fit.residual
    assert fit.converged
    np.testing.assert_allclose(fit.residual, y - expit(latent), atol=1e-6)


def test_prediction_is_the_laplace_posterior() -> None:
    """Mean k' (y - p), variance 1 - k' (K + W^-1)^-1 k, link integrated by a fine grid."""
    x, y = sample(40, 1)
    fit = fit_gp(x, y)
    gram = kernel(fit.features, fit.features)
    p = expit(gram @ fit.residual)
    new = x[:5] + 0.3
    cross = kernel(fit.features, (new - x.mean(axis=0)) / x.std(axis=0))
    mean = cross.T @ (y - p)
    variance = 1.0 - np.sum(cross * np.linalg.solve(gram + np.diag(1.0 / (p * (1 - p))), cross), axis=0)
    grid = np.linspace(-9, 9, 4001)
    weight = np.exp(-0.5 * grid**2)
    expected = [
        np.sum(weight * expit(m + np.sqrt(v) * grid)) / weight.sum() for m, v in zip(mean, variance, strict=True)
    ]
    np.testing.assert_allclose(fit.predict(new), expected, atol=1e-6)


def test_units_of_measurement_do_not_matter() -> None:
    x, y = sample(30, 2)
    one, two = fit_gp(x, y), fit_gp(x * [1e6, 1e-6] + 7.0, y)
    np.testing.assert_allclose(one.predict(x), two.predict(x * [1e6, 1e-6] + 7.0), atol=1e-7)


def test_a_constant_feature_and_one_class() -> None:
    x, y = sample(20, 3)
    x[:, 1] = 4.0
    fit = fit_gp(x, np.ones(20))
    assert np.isfinite(fit.predict(x)).all() and (fit.predict(x) > 0.5).all()
    assert fit_gp(x, y).predict(x) == pytest.approx(fit_gp(x[:, :1], y).predict(x[:, :1]))
