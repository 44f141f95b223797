"""Diagnostics on draws whose worth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bayes.agreement import NEEDS, SEED
from umbel.estimate.bayes_draws import convergence, draws_of

pytest.importorskip("numpyro", reason=NEEDS)


def test_independent_draws_are_worth_their_number() -> None:
    draws = draws_of(np.random.default_rng(SEED).standard_normal((4, 1000)))
    assert draws.rhat < 1.01
    assert draws.ess == pytest.approx(4000, rel=0.2)
    assert draws.ess_tail == pytest.approx(4000, rel=0.2)


def test_correlated_draws_are_worth_less() -> None:
    """AR(1) with coefficient 0.9: 0.1 / 1.9 of the draws."""
    noise = np.random.default_rng(SEED).standard_normal((4, 20_000))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0] / np.sqrt(1.0 - 0.81)
    for step in range(1, noise.shape[1]):
        values[:, step] = 0.9 * values[:, step - 1] + noise[:, step]
    assert draws_of(values).ess == pytest.approx(80_000 * 0.1 / 1.9, rel=0.15)


@pytest.mark.parametrize("broken", ["another level", "another spread", "never moves", "drifts"])
def test_chains_that_disagree_are_seen(broken: str) -> None:
    values = np.random.default_rng(SEED).standard_normal((4, 500))
    match broken:
        case "another level":
            values[0] += 1.0
        case "another spread":
            values[0] *= 5.0
        case "never moves":
            values[:] = 1.0
        case _:
            values += np.linspace(0.0, 2.0, 500)
    rhat, *_ = convergence({"it": draws_of(values)}, np.zeros((4, 500), dtype=bool))
    assert not rhat
    assert "disagree about it" in rhat.advice


def test_divergences_are_counted() -> None:
    values = draws_of(np.random.default_rng(SEED).standard_normal((4, 500)))
    diverging = np.zeros((4, 500), dtype=bool)
    diverging[0, :2] = True
    assert all(convergence({"it": values}, diverging))
    diverging[0, :3] = True
    *_, check = convergence({"it": values}, diverging)
    assert not check
    assert check.value == 3.0


def test_a_short_run_says_so() -> None:
    values = draws_of(np.random.default_rng(SEED).standard_normal((2, 20)))
    _, size, _ = convergence({"the average": values}, np.zeros((2, 20), dtype=bool))
    assert not size
    assert "The draws of the average are worth" in size.advice


def test_draws_cannot_be_written_to() -> None:
    draws = draws_of(np.random.default_rng(SEED).standard_normal((2, 20)))
    with pytest.raises(ValueError, match="read-only"):
        draws.values[0, 0] = 0.0
