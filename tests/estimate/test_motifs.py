"""The paper's plug-ins against published means, closed forms and a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from umbel.estimate.motifs import confounder_means, instrument_means, interference_means, pair_counts, smoothed
from umbel.simulate.motifs import Draw, SubunitInstrument, UnitConfounder, UnitInterference

SIZE, REPLICATES, ORACLE_REPLICATES = 316, 8, 20

# mean and sd over 20 replicates of an independent implementation of Appendix D at n = m = 316
ORACLE = {
    "D.1 omega=0": (UnitConfounder(0.0), 0.293, 0.016),
    "D.1 omega=0.2": (UnitConfounder(0.2), 0.296, 0.017),
    "D.1 omega=0.5": (UnitConfounder(0.5), 0.307, 0.014),
    "D.1 omega=0 beta=1": (UnitConfounder(0.0, 1.0), 0.309, 0.023),
    "D.1 omega=0.2 beta=1": (UnitConfounder(0.2, 1.0), 0.303, 0.023),
    "D.1 omega=0.5 beta=1": (UnitConfounder(0.5, 1.0), 0.300, 0.023),
    "D.2 rho=0": (UnitInterference(0.0), 0.060, 0.015),
    "D.2 rho=0.5": (UnitInterference(0.5), 0.219, 0.015),
    "D.2 rho=1.5": (UnitInterference(1.5), 0.469, 0.024),
    "D.3 omega=0": (SubunitInstrument(0.0), 0.215, 0.043),
    "D.3 omega=0.2": (SubunitInstrument(0.2), 0.250, 0.050),
    "D.3 omega=0.5": (SubunitInstrument(0.5), 0.218, 0.073),
}


# the same at n = m = 1000
LARGE = {
    "D.1 omega=0": (0.2948, 0.010),
    "D.1 omega=0.2": (0.3050, 0.008),
    "D.1 omega=0.5": (0.3071, 0.010),
    "D.1 omega=0 beta=1": (0.3195, 0.011),
    "D.1 omega=0.2 beta=1": (0.3192, 0.012),
    "D.1 omega=0.5 beta=1": (0.3126, 0.012),
    "D.2 rho=0": (0.0583, 0.0067),
    "D.2 rho=0.5": (0.2249, 0.0093),
    "D.2 rho=1.5": (0.4883, 0.0193),
    "D.3 omega=0": (0.2414, 0.028),
    "D.3 omega=0.2": (0.2365, 0.048),
    "D.3 omega=0.5": (0.2485, 0.040),
}


def plug_in(draw: Draw) -> float:
    if "Z" in draw.members:
        counts = pair_counts(draw.members["Z"], draw.members["A"])
        high, low = instrument_means(counts, draw.units["Y"], (0.75, 0.25))
    elif "Z" in draw.units:
        counts = pair_counts(draw.members["A"], draw.members["Y"])
        high, low = interference_means(counts, draw.units["Z"], (0.75, 0.25))
    else:
        high, low = confounder_means(pair_counts(draw.members["A"], draw.members["Y"]), (1.0, 0.0))
    return float(high - low)


@pytest.mark.parametrize("case", ORACLE)
def test_means_of_replicates_are_the_published_ones(case: str) -> None:
    model, mean, sd = ORACLE[case]
    rng = np.random.default_rng(11)
    found = np.array([plug_in(model.draw(SIZE, SIZE, rng=rng)) for _ in range(REPLICATES)])
    combined = np.hypot(found.std(ddof=1) / np.sqrt(REPLICATES), sd / np.sqrt(ORACLE_REPLICATES))
    assert abs(found.mean() - mean) < 3 * combined


@pytest.mark.study
@pytest.mark.parametrize("case", ORACLE)
def test_means_at_a_thousand_units_of_a_thousand_members(case: str) -> None:
    model, (mean, sd) = ORACLE[case][0], LARGE[case]
    rng = np.random.default_rng(12)
    found = np.array([plug_in(model.draw(1000, 1000, rng=rng)) for _ in range(ORACLE_REPLICATES)])
    combined = np.hypot(found.std(ddof=1), sd) / np.sqrt(ORACLE_REPLICATES)
    assert abs(found.mean() - mean) < 3 * combined


def test_counts_by_hand() -> None:
    rng = np.random.default_rng(0)
    a, y = (rng.integers(0, 2, (5, 40)).astype(np.int8) for _ in range(2))
    counts = pair_counts(a, y)
    for unit in range(5):
        for i in (0, 1):
            for j in (0, 1):
                assert counts[unit, i, j] == np.sum((a[unit] == i) & (y[unit] == j))


def test_confounder_in_closed_form() -> None:
    counts = np.array([[[1.0, 1.0], [0.0, 2.0]], [[3.0, 0.0], [1.0, 0.0]]])
    given = np.array([[2 / 4, 3 / 4], [1 / 5, 1 / 3]])
    np.testing.assert_allclose(
        confounder_means(counts, (0.0, 1.0, 0.3)), given.mean(axis=0) @ [[1, 0, 0.7], [0, 1, 0.3]]
    )


def test_interference_against_the_papers_sampling() -> None:
    """Gauss-Hermite against draws from the fitted normal laws, everything else written anew."""
    rng = np.random.default_rng(4)
    draw = UnitInterference(1.0).draw(60, 80, rng=rng)
    counts, z = pair_counts(draw.members["A"], draw.members["Y"]), draw.units["Z"]
    found = interference_means(counts, z, (0.6,), penalty=0.0)[0]
    treated, given = logit(smoothed(counts.sum(axis=2))), logit(smoothed(counts))
    slope, intercept = 0.0, 0.0
    for _ in range(200):  # logistic regression by plain Newton in two numbers
        p = expit(intercept + slope * treated)
        w = p * (1 - p)
        hessian = np.array([[w.sum(), (w * treated).sum()], [(w * treated).sum(), (w * treated**2).sum()]])
        intercept, slope = np.array([intercept, slope]) + np.linalg.solve(
            hessian, [(z - p).sum(), ((z - p) * treated).sum()]
        )
    chance = expit(intercept + slope * logit(0.6))
    total = 0.0
    for state, p_z in ((0, 1 - chance), (1, chance)):
        for a, p_a in ((0, 0.4), (1, 0.6)):
            rows = z == state
            line = np.polyfit(treated[rows], given[rows, a], 1)
            spread = np.sqrt(np.sum((given[rows, a] - np.polyval(line, treated[rows])) ** 2) / (rows.sum() - 2))
            samples = np.polyval(line, treated)[:, None] + spread * rng.normal(size=(60, 20_000))
            total += p_z * p_a * expit(samples).mean()
    assert found == pytest.approx(total, abs=1e-3)


def test_interference_is_undefined_without_both_values() -> None:
    counts = np.ones((5, 2, 2))
    assert np.isnan(interference_means(counts, np.zeros(5), (0.5,))).all()


@pytest.mark.parametrize("outcome", ["process", "line"])
def test_instrument_reads_only_what_the_formula_names(outcome: str) -> None:
    """Permuting the units changes nothing."""
    rng = np.random.default_rng(5)
    draw = SubunitInstrument(0.5).draw(60, 60, rng=rng)
    counts, y = pair_counts(draw.members["Z"], draw.members["A"]), draw.units["Y"]
    order = rng.permutation(60)
    one = instrument_means(counts, y, (0.75, 0.25), outcome=outcome)  # type: ignore[arg-type]
    two = instrument_means(counts[order], y[order], (0.75, 0.25), outcome=outcome)  # type: ignore[arg-type]
    np.testing.assert_allclose(one, two, rtol=1e-9)


def test_bias_shrinks_with_members() -> None:
    """Nested Monte Carlo: Beta(1, 1) plug-ins of small units are biased; n = 2000, truth .3167."""
    means: list[float] = []
    published = {5: 0.162, 20: 0.240, 50: 0.274}
    for members, expected in published.items():
        draw = UnitConfounder(0.5, 1.0).draw(2000, members, rng=np.random.default_rng(0))
        means.append(plug_in(draw))
        assert means[-1] == pytest.approx(expected, abs=0.03)  # three sds of one replicate
    assert means == sorted(means)
