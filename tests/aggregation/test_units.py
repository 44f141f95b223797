"""Shares of treated members, and means of units: who is treated has to be named."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import DataError
from umbel.numerics.aggregation_units import UnitPopulation, ecological_gap, mean_realisations

# Half of the pupils are weak. Tutoring adds .35 for weak, .05 for strong ones; schools with U = 1 do better.
# Among schools that tutor half (70 %) of their pupils, weak ones are tutored at a rate of .432 (.682) on average.
RATES = [[0.2, 0.8], [0.432, 0.568], [0.664, 0.336], [0.582, 0.818], [0.682, 0.718], [0.782, 0.618]]
MASS = [0.2, 0.2, 0.2, 0.1, 0.2, 0.1]
BASE = 0.35


def schools() -> UnitPopulation:
    outcomes = np.broadcast_to(np.array([[BASE, BASE + 0.35], [BASE, BASE + 0.05]]), (6, 2, 2))
    return UnitPopulation.of([0.5, 0.5], RATES, outcomes, MASS)


def test_four_realisations_of_one_share() -> None:
    units = schools()
    assert units.natural(0.5) == pytest.approx(0.4398, abs=1e-4)
    assert units.policy(units.neutral(0.5)) == pytest.approx(0.45, abs=1e-4)
    assert units.policy(units.first(0.5, [0, 1])) == pytest.approx(0.525, abs=1e-4)
    assert units.policy(units.first(0.5, [1, 0])) == pytest.approx(0.375, abs=1e-4)
    assert units.reach(0.5) == pytest.approx((0.375, 0.525))
    assert units.natural(0.7) == pytest.approx(0.4873, abs=1e-4)
    assert units.policy(units.neutral(0.7)) == pytest.approx(0.49)
    assert units.policy(units.first(0.7, [0, 1])) == pytest.approx(0.535)
    assert units.policy(units.first(0.7, [1, 0])) == pytest.approx(0.445)


def test_what_schools_show_is_another_number() -> None:
    """With a cause of rates and outcomes the schools that tutor half are not like all schools."""
    units = schools()
    lift = np.array([0.0, -0.01, 0.0, 0.1, 0.1, 0.1])
    lift -= np.array(MASS) @ lift
    confounded = UnitPopulation.of(units.groups, units.rates, units.outcomes + lift[:, None, None], MASS)
    assert confounded.natural(0.5) == pytest.approx(units.natural(0.5))
    assert confounded.seen(0.5) != pytest.approx(units.natural(0.5), abs=1e-3)
    assert confounded.seen(0.7) > confounded.natural(0.7) + 0.02


def test_natural_by_enumeration() -> None:
    rng = np.random.default_rng(0)
    rates = rng.choice([0.2, 0.5, 0.8], size=(40, 2))
    outcomes = rng.uniform(size=(40, 2, 2))
    units = UnitPopulation.of([0.3, 0.7], rates, outcomes)
    share = float(units.shares()[0])
    here = [i for i in range(40) if abs(units.shares()[i] - share) < 1e-9]
    truth = np.mean(
        [
            sum(
                p * (q * k[x, 1] + (1 - q) * k[x, 0]) for x, (p, q) in enumerate(zip([0.3, 0.7], rates[i], strict=True))
            )
            for i in here
            for k in outcomes
        ]
    )
    assert units.natural(share) == pytest.approx(float(truth))


@pytest.mark.parametrize(("spread", "natural", "translate", "scale"), [("one", 10, 10, None), ("own", 18, 14, 18)])
def test_means_of_normal_units(spread: str, natural: float, translate: float, scale: float | None) -> None:
    """``Y = X²``, unit means N(2, 1), the mean set to 3: a fine grid stands for the normal law."""
    grid = np.linspace(2 - 8, 2 + 8, 16_001)
    mass = np.exp(-((grid - 2) ** 2) / 2)
    spreads = np.ones_like(grid) if spread == "one" else np.abs(grid)
    found = mean_realisations(grid, spreads, mass, float(grid[np.argmin(np.abs(grid - 3))]))
    assert (found.natural, found.translate, found.point) == pytest.approx((natural, translate, 9), rel=1e-3)
    assert found.scale is None  # means on both sides of zero: no ratio
    above = grid > 0.001
    positive = mean_realisations(grid[above], spreads[above], mass[above], float(grid[np.argmin(np.abs(grid - 3))]))
    if scale is not None:
        assert positive.scale == pytest.approx(scale, rel=1e-3)


def test_the_ecological_gap() -> None:
    rng = np.random.default_rng(1)
    school = np.repeat(np.arange(300), 15)
    level = rng.normal(size=300)[school]
    x = level + rng.normal(size=4500)
    y = 0.5 * x + 0.4 * level + rng.normal(size=4500)
    found = ecological_gap(school, x, y)
    assert abs(found.within - 0.5) < 4 * found.within_se
    expected = 0.5 + 0.4 * 1 / (1 + 1 / 15)  # attenuated: 15 members a school
    assert abs(found.between - expected) < 4 * found.between_se
    assert abs(found.gap - (found.between - found.within)) < 1e-12
    assert found.reliability == pytest.approx(15 / 16, abs=0.02)


def test_a_binary_treatment_without_causes_inside_units_needs_no_realisation() -> None:
    graph = "plate student { A Y }; latent U; U -> { A Y }; A -> Y; M = mean(A); states A = 2"
    verdict = umbel.identify(graph, "E[Y | do(M = 0.5)]")
    assert isinstance(verdict, umbel.Identified)
    plain = umbel.identify(graph.replace("; M = mean(A)", ""), "E[Y | do(A ~ Bernoulli(0.5))]")
    assert isinstance(plain, umbel.Identified)
    assert verdict.estimand.text() == plain.estimand.text()
    assert verdict.verify()


def test_who_is_treated_has_to_be_named() -> None:
    graph = "plate student { X A Y }; latent U; U -> { A Y }; X -> { A Y }; A -> Y; M = mean(A); states A = 2"
    refused = umbel.identify(graph, "E[Y | do(M = 0.5)]")
    assert isinstance(refused, umbel.Refused)
    assert "who" in refused.refusal.why
    assert "Bernoulli" in refused.refusal.advice
    neutral = umbel.identify(graph, "E[Y | do(M = 0.5 by perfect(A))]")
    plain = umbel.identify(graph.replace("; M = mean(A)", ""), "E[Y | do(A ~ Bernoulli(0.5))]")
    assert isinstance(neutral, umbel.Identified)
    assert isinstance(plain, umbel.Identified)
    assert neutral.estimand.text() == plain.estimand.text()
    assert "perfect(A)" in neutral.estimand.strategy


def test_what_is_refused() -> None:
    units = schools()
    with pytest.raises(DataError, match=r"No unit treats a share of 0\.9"):
        units.natural(0.9)
    with pytest.raises(DataError, match="between 0 and 1"):
        units.neutral(1.5)
    with pytest.raises(DataError, match="at least 3"):
        ecological_gap([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3, 4])
