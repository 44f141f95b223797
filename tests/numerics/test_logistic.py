"""Logistic regression: score equations, the penalty, weights, separation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from umbel.numerics.logistic import fit_logistic


def sample(seed: int, rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    return x, (rng.random(rows) < expit(0.3 + x @ [1.0, -2.0])).astype(float)


@pytest.mark.parametrize("penalty", [0.0, 1.0, 25.0])
def test_score_equations(penalty: float) -> None:
    x, y = sample(0)
    fit = fit_logistic(x, y, penalty=penalty)
    residual = y - fit.predict(x)
    assert fit.converged
    assert residual.sum() == pytest.approx(0.0, abs=1e-8)
    np.testing.assert_allclose(x.T @ residual, penalty * fit.slopes, atol=1e-8)


def test_against_a_general_optimiser() -> None:
    x, y = sample(1)

    def loss(at: np.ndarray) -> float:
        linear = at[0] + x @ at[1:]
        return float(np.sum(np.logaddexp(0, linear) - y * linear) + 0.5 * at[1:] @ at[1:])

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-10}).x
    fit = fit_logistic(x, y, penalty=1.0)
    np.testing.assert_allclose([fit.intercept, *fit.slopes], best, atol=1e-5)


def test_weights_are_repeated_rows() -> None:
    x, y = sample(2, 50)
    weights = np.random.default_rng(0).integers(0, 4, 50)
    one = fit_logistic(x, y, weights=weights.astype(float))
    two = fit_logistic(np.repeat(x, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(one.slopes, two.slopes, atol=1e-8)


def test_separable_classes_are_reported_unless_penalised() -> None:
    x = np.linspace(-1, 1, 20)[:, None]
    y = (x[:, 0] > 0).astype(float)
    assert not fit_logistic(x, y).converged
    assert fit_logistic(x, y, penalty=1.0).converged


def test_one_class_and_no_features() -> None:
    assert fit_logistic(np.zeros((5, 1)), np.ones(5), penalty=1.0).predict(np.zeros((1, 1)))[0] > 0.99
    assert fit_logistic(np.empty((4, 0)), np.array([0.0, 1, 1, 1])).predict(np.empty((1, 0)))[0] == pytest.approx(0.75)
