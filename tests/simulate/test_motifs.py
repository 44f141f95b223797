"""Generators of the paper's motifs: their truths, their moments, their shapes."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.simulate.motifs import SubunitInstrument, UnitConfounder, UnitInterference


@pytest.mark.parametrize(
    ("omega", "beta", "truth"),
    [(0, 2, 0.3), (0.2, 2, 0.306667), (0.5, 2, 0.316667), (0, 1, 0.333333), (0.2, 1, 0.326667), (0.5, 1, 0.316667)],
)
def test_truth_of_the_confounder(omega: float, beta: float, truth: float) -> None:
    assert UnitConfounder(omega, beta).effect() == pytest.approx(truth, abs=1e-6)


@pytest.mark.parametrize(("rho", "truth"), [(0.0, 0.057871), (0.5, 0.225801), (1.5, 0.491877)])
def test_truth_of_interference(rho: float, truth: float) -> None:
    """With the square root where the paper prints it the effects would be .0543, .2143, .4773."""
    assert UnitInterference(rho).effect() == pytest.approx(truth, abs=1e-6)


@pytest.mark.parametrize("omega", [0.0, 0.2, 0.5])
def test_truth_of_the_instrument(omega: float) -> None:
    assert SubunitInstrument(omega).effect() == 0.25


def test_truth_of_interference_against_intervened_draws() -> None:
    """Members' shares forced to the intervention, the rest of the generator as it is."""
    rng = np.random.default_rng(3)
    units, rho = 400_000, 1.5
    means = []
    for share in (0.75, 0.25):
        u = rng.normal(size=units)
        z = rng.random(units) < 1 / (1 + np.exp(-(2 * np.log(share / (1 - share)) - 0.8)))
        v = [rng.normal(0.5 * a + rho * (2 * z - 1) + 0.5 * u, 0.1) for a in (0, 1)]
        means.append(np.mean((1 - share) / (1 + np.exp(-v[0])) + share / (1 + np.exp(-v[1]))))
    assert means[0] - means[1] == pytest.approx(UnitInterference(rho).effect(), abs=4 * 0.45 / np.sqrt(units))


def test_draws_follow_their_laws() -> None:
    rng = np.random.default_rng(0)
    draw = UnitConfounder(0.5).draw(4000, 50, rng=rng)
    # E[mu_a] = mean of .5/1.5 and 4/5; four standard errors of a mean of 4000 units
    assert draw.members["A"].mean() == pytest.approx((1 / 3 + 0.8) / 2, abs=4 * 0.35 / np.sqrt(4000))
    instrument = SubunitInstrument(0.2).draw(4000, 50, rng=rng)
    a, z = instrument.members["A"], instrument.members["Z"]
    assert a[z == 1].mean() > 0.8 and a[z == 0].mean() < 0.2
    assert instrument.units["Y"].mean() == pytest.approx(0.45 - 0.08 + 0.5 * a.mean(), abs=4 * 0.5 / np.sqrt(4000))


def test_same_rng_same_draw_and_subsets() -> None:
    one, two = (UnitInterference().draw(30, 20, rng=np.random.default_rng(1)) for _ in range(2))
    assert all((one.members[name] == two.members[name]).all() for name in one.members)
    part = one.first(5, 7)
    assert part.members["A"].shape == (5, 7) and part.units["Z"].shape == (5,)
    rows = part.rows()
    assert list(rows) == ["unit", "A", "Y"] and len(rows["unit"]) == 35
