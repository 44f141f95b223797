"""Fits recover what made the data; policies have the values that enumeration gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from tests.numerics_network.test_network import pairs
from umbel.numerics.automodel import (
    Equation,
    Fit,
    Neighbourhood,
    Unfitted,
    coding_covariance,
    fit_equation,
    stacked_covariance,
)
from umbel.numerics.chromatic import chances
from umbel.numerics.network import build_network
from umbel.numerics.spillover import Explosive, Rule, Schedule, drawn_scores, outcome_means

TRUE = np.array([-1.2, 0.8, 0.5, 0.25, -0.1, 0.2])
OUTCOME = Equation(2, (1, 0), (1, 0), coupled=True)


def setting(value: float) -> Rule:
    return Rule(lambda read: np.full_like(read.own(0), value), drawn=False)


def population(n: int, seed: int) -> tuple[Neighbourhood, np.ndarray]:
    """C, A, Y on a random network; Y answers to neighbours' A, C and Y."""
    at = Neighbourhood.of(build_network(n, *pairs(n, 5.0, seed)))
    rng = np.random.default_rng(seed)
    c = rng.normal(size=n)
    a = (rng.random(n) < expit(0.6 * c - 0.3)).astype(float)
    field = TRUE[0] + TRUE[1] * a + TRUE[2] * c + TRUE[3] * at.around(a) + TRUE[4] * at.around(c)
    kept = chances(at.network, field[:, None], TRUE[5], burn=60, keep=1, rng=rng)
    y = next(state[:, 0, 0].astype(float) for state, _ in kept)
    return at, np.column_stack([c, a, y])


def given(coefficients: np.ndarray, equation: Equation = OUTCOME) -> Fit:
    return Fit(equation, coefficients, np.eye(equation.width), 1.0)


def test_policies_have_their_enumerated_values() -> None:
    at = Neighbourhood.of(build_network(6, *pairs(6, 2.5, 4)))
    c = np.linspace(-1, 1, 6)
    links = at.network.links.toarray().astype(float)
    states = np.array(list(product((0.0, 1.0), repeat=6)))

    def settled(a: np.ndarray) -> float:
        field = TRUE[0] + TRUE[1] * a + TRUE[2] * c + links @ (TRUE[3] * a + TRUE[4] * c)
        weight = np.exp(states @ field + 0.5 * TRUE[5] * np.einsum("si,ij,sj->s", states, links, states))
        return float(weight @ states.mean(axis=1) / weight.sum())

    chance = expit(c)
    drawn = sum(float(np.prod(np.where(a == 1, chance, 1 - chance))) * settled(a) for a in states)
    policies = [
        {1: setting(1.0)},
        {1: Rule(lambda read: expit(read.own(0)))},
        {1: Rule(lambda read: expit(read.own(0)), drawn=False)},
    ]
    values = np.column_stack([c, np.zeros(6), np.zeros(6)])
    schedule = Schedule(burn=30, keep=30, copies=8192)
    rng = np.random.default_rng(0)
    found = outcome_means(at, values, [given(TRUE)], policies, outcome=2, order=(1, 2), schedule=schedule, rng=rng)
    error = found.std(axis=1, ddof=1) / np.sqrt(schedule.copies)
    assert np.abs(found.mean(axis=1) - [settled(np.ones(6)), drawn, settled(chance)]).max() < 4 * error.max()


def test_a_mediator_is_drawn_and_the_status_quo_keeps_what_was_seen() -> None:
    at = Neighbourhood.of(build_network(200, *pairs(200, 3.0, 4)))
    a = np.arange(200) % 2.0
    mediator, outcome = Equation(1, (0,)), Equation(2, (1,), (1,), kind="linear")
    fits = [given(np.array([-1.0, 2.0]), mediator), given(np.array([0.5, 1.0, 0.25]), outcome)]
    values = np.column_stack([a, np.zeros(200), np.full(200, 7.0)])
    policies = [{}, {0: setting(1.0)}]
    schedule, rng = Schedule(copies=256), np.random.default_rng(0)
    found = outcome_means(at, values, fits, policies, outcome=2, order=(0, 1, 2), schedule=schedule, rng=rng).mean(
        axis=1
    )

    def exact(treated: np.ndarray) -> float:
        m = expit(-1.0 + 2.0 * treated)
        return float(np.mean(0.5 + m + 0.25 * at.around(m)))

    assert found == pytest.approx([exact(a), exact(np.ones(200))], abs=0.01)
    nothing = outcome_means(
        at, values, fits, [{}], outcome=2, order=(0, 1, 2), schedule=schedule, rng=np.random.default_rng(1)
    )
    assert nothing.tolist() == [[7.0] * 256]


def test_fits_recover_the_truth_and_their_errors_are_those_of_repeated_networks() -> None:
    at, values = population(1500, 11)
    fit = fit_equation(at, values, OUTCOME)
    truth = given(TRUE)
    rng = np.random.default_rng(1)
    drawn = []
    field = np.asarray(values @ [TRUE[2], TRUE[1], 0.0] + TRUE[0])
    field += at.around(values[:, 1]) * TRUE[3] + at.around(values[:, 0]) * TRUE[4]
    for state, _ in chances(at.network, field[:, None], TRUE[5], copies=128, burn=60, keep=1, rng=rng):
        for k in range(128):
            again = values.copy()
            again[:, 2] = state[:, 0, k]
            drawn.append(fit_equation(at, again, OUTCOME).coefficients)
    spread = np.std(drawn, axis=0, ddof=1)
    assert np.abs(np.mean(drawn, axis=0) - TRUE).max() < 4 * spread.max() / np.sqrt(128) + 0.02
    assert np.all(np.abs(fit.coefficients - TRUE) < 4 * spread)
    scores = drawn_scores(at, values, [fit], draws=256, rng=np.random.default_rng(2))
    assert np.abs(scores.mean(axis=0) / scores.std(axis=0)).max() < 0.3, "the score has mean zero at the fit"
    error = np.sqrt(np.diag(stacked_covariance([fit], scores)))
    assert error == pytest.approx(spread, rel=0.25)
    coded, covariance = coding_covariance(at, values, fit)
    assert np.all(np.abs(coded - TRUE) < 4 * np.sqrt(np.diag(covariance)))
    assert np.all(np.diag(covariance) > 0.9 * error**2), "coding uses fewer rows"
    assert truth.coupling == 0.2


def test_a_linear_outcome_settles_by_solving() -> None:
    at = Neighbourhood.of(build_network(30, *pairs(30, 3.0, 9)))
    equation = Equation(1, (0,), coupled=True, kind="linear")
    values = np.column_stack([np.arange(30.0), np.zeros(30)])
    fit = given(np.array([1.0, 0.5, 0.05]), equation)
    policy = [{0: setting(2.0)}]
    found = outcome_means(
        at, values, [fit], policy, outcome=1, order=(0, 1), schedule=Schedule(), rng=np.random.default_rng(0)
    )
    exact = np.linalg.solve(np.eye(30) - 0.05 * at.network.links.toarray().astype(float), np.full(30, 2.0)).mean()
    assert found[0, 0] == pytest.approx(exact, abs=1e-9)
    with pytest.raises(Explosive, match="no equilibrium"):
        outcome_means(
            at,
            values,
            [given(np.array([1.0, 0.5, 5.0]), equation)],
            policy,
            outcome=1,
            order=(0, 1),
            schedule=Schedule(),
            rng=np.random.default_rng(0),
        )


def test_equations_that_rows_do_not_determine_are_named() -> None:
    at, values = population(100, 3)
    with pytest.raises(Unfitted, match="collinear"):
        fit_equation(at, values, Equation(2, (1, 1)))
    apart = values.copy()
    apart[:, 2] = apart[:, 1]
    with pytest.raises(Unfitted, match="run away"):
        fit_equation(at, apart, Equation(2, (1,)))
