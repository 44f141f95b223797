"""Ten replicates of the studies of latent classes; all of them on request, against figures of an independent run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.mixture_transition import ESTIMATORS as TRANSITION
from benchmarks.mixture_transition import point
from benchmarks.mixtures import DEFAULT, DESIGNS, ESTIMATORS, SIZES, contraction, coverage, rmse
from umbel import mixture
from umbel.simulate.mixtures import MixtureDesign, design_c, design_d3, design_main

# Errors that a prototype written apart from this project found on the same 200 draws: average effect,
# probabilities but the last, effects; of its joint diagonalisation the first probability alone. It does not state which
# combinations of slices its two diagonalisations try. Those of benchmarks/mixtures.py were searched for; with them
# every figure printed for every design agrees to its last digit or one beside it, which no other choice tried does.
REFERENCE: dict[tuple[str, int], dict[str, tuple[float, ...]]] = {
    ("MAIN", 10_000): {
        "recursion": (0.0134, 0.0141, 0.0255, 0.0290),
        "rank-k eigenvalues": (0.0134, 0.0141, 0.0255, 0.0290),
        "one contraction (level 2)": (0.131, 0.071, 0.026, 0.066),
        "likelihood (level 2)": (0.0156, 0.0118, 0.085, 0.081),
        "likelihood (level 3)": (0.0107, 0.0126, 0.0260, 0.0288),
    },
    ("MAIN", 100_000): {
        "recursion": (0.0038, 0.0045, 0.0085, 0.0092),
        "rank-k eigenvalues": (0.0038, 0.0045, 0.0085, 0.0092),
        "one contraction (level 2)": (0.130, 0.069, 0.009, 0.060),
        "likelihood (level 2)": (0.0055, 0.0039, 0.0725, 0.0728),
        "likelihood (level 3)": (0.0032, 0.0041, 0.0084, 0.0091),
    },
    ("A", 10_000): {
        "recursion": (0.0138, 0.207, 0.95, 0.082),
        "rank-k eigenvalues": (0.0121, 0.101, 0.0213, 0.0346),
        "one contraction (level 2)": (0.023, 0.055, 0.020, 0.036),
        "likelihood (level 2)": (0.0109, 0.067, 0.022, 0.028),
        "likelihood (level 3)": (0.0114, 0.0182, 0.0158, 0.0253),
    },
    ("A", 100_000): {
        "recursion": (0.0045, 0.058, 0.0128, 0.0155),
        "rank-k eigenvalues": (0.0039, 0.0335, 0.0065, 0.0119),
        "one contraction (level 2)": (0.0137, 0.0516, 0.0060, 0.0130),
        "likelihood (level 2)": (0.0034, 0.065, 0.0165, 0.0095),
        "likelihood (level 3)": (0.0037, 0.0059, 0.0048, 0.0079),
    },
    ("B", 10_000): {
        "recursion": (0.0096, 0.0152, 0.0237, 0.0161),
        "rank-k eigenvalues": (0.0094, 0.0118, 0.0208, 0.0146),
        "one contraction (level 2)": (0.0235, 0.0243, 0.0207, 0.0162),
        "likelihood (level 2)": (0.0096, 0.0107, 0.0201, 0.0144),
        "likelihood (level 3)": (0.0091, 0.0110, 0.0200, 0.0140),
    },
    ("B", 100_000): {
        "recursion": (0.0033, 0.0047, 0.0072, 0.0054),
        "rank-k eigenvalues": (0.0033, 0.0039, 0.0067, 0.0048),
        "one contraction (level 2)": (0.0116, 0.0135, 0.0070, 0.0055),
        "likelihood (level 2)": (0.0043, 0.0031, 0.0094, 0.0045),
        "likelihood (level 3)": (0.0032, 0.0033, 0.0064, 0.0046),
    },
    ("D3", 10_000): {
        "recursion": (0.0106, 0.0201, 0.0380, 0.0280, 0.0286, 0.0308),
        "rank-k eigenvalues": (0.0103, 0.0167, 0.0311, 0.0262, 0.0277, 0.0280),
        "one contraction (level 2)": (0.081, 0.109, 0.102, 0.041, 0.043, 0.045),
        "likelihood (level 2)": (0.0098, 0.0140, 0.0259, 0.0252, 0.0250, 0.0244),
        "likelihood (level 3)": (0.0097, 0.0130, 0.0243, 0.0252, 0.0248, 0.0255),
    },
    ("D3", 100_000): {
        "recursion": (0.0038, 0.0060, 0.0113, 0.0085, 0.0089, 0.0104),
        "rank-k eigenvalues": (0.0037, 0.0051, 0.0089, 0.0082, 0.0088, 0.0094),
        "one contraction (level 2)": (0.034, 0.042, 0.032, 0.0094, 0.0097, 0.0106),
        "likelihood (level 2)": (0.0035, 0.0046, 0.0130, 0.0075, 0.0099, 0.0114),
        "likelihood (level 3)": (0.0035, 0.0042, 0.0069, 0.0076, 0.0085, 0.0090),
    },
}
FIRST_PROBABILITY = {
    ("A", 10_000): 0.0228,
    ("A", 100_000): 0.0077,
    ("B", 10_000): 0.0116,
    ("B", 100_000): 0.0038,
    ("D3", 10_000): 0.0171,
    ("D3", 100_000): 0.0053,
}
"""Errors of the best combination's first probability, on the same draws."""
CLOSE = 0.03
ROUNDED = 5.1e-5
"""Half of the last printed digit, where that is more."""
WORST = 1.15
"""How much the default's error may exceed the smallest of all estimators."""
RANKED = {"B", "D3"}


@pytest.mark.parametrize("name", DESIGNS)
def test_ten_replicates(name: str) -> None:
    design = DESIGNS[name]
    one = coverage(design, 10_000, 10)
    assert (one.covered.sum(0) >= 6).all()  # 95 % intervals miss five of ten once in 17,000 studies
    assert one.rejected.sum() <= 4
    assert np.isnan(one.found).all() or one.found.sum() >= 6


def test_ten_replicates_of_every_estimator() -> None:
    found = rmse(DESIGNS["B"], 10_000, 10)
    assert set(found) == set(ESTIMATORS)
    assert all((errors < 0.06).all() for errors in found.values())


def test_a_probability_at_its_edge_leaves_the_other_errors() -> None:
    """A draw whose likelihood is highest where one cell is empty: that cell's own error is no error of the classes."""
    rng = np.random.default_rng(22345)
    for _ in range(22):
        counts = design_d3().sample(10_000, rng=rng)
    found = mixture.class_effects(counts, 3)
    assert found.status == "weak" and "ended at 0" in " ".join(found.why)
    np.testing.assert_allclose(100 * found.effect_errors, [2.4, 2.8, 2.6], rtol=0.25)


@pytest.mark.study
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("name", DESIGNS)
def test_errors_are_those_of_the_reference(name: str, rows: int) -> None:
    found = rmse(DESIGNS[name], rows, 200)
    for estimator, expected in REFERENCE[name, rows].items():
        np.testing.assert_allclose(found[estimator], expected, rtol=CLOSE, atol=ROUNDED, err_msg=estimator)
    if (name, rows) in FIRST_PROBABILITY:
        assert found["best combination"][1] == pytest.approx(FIRST_PROBABILITY[name, rows], rel=CLOSE, abs=ROUNDED)
        assert found["joint diagonal"][1] <= (1 + CLOSE) * found["best combination"][1]  # polishing loses nothing
    best = np.min(list(found.values()), axis=0)
    assert (found[DEFAULT][1:] <= WORST * best[1:]).all()


@pytest.mark.study
@pytest.mark.parametrize("name", DESIGNS)
def test_a_thousand_replicates(name: str) -> None:
    one = coverage(DESIGNS[name], 10_000, 1000)
    shares = one.covered.mean(0)
    assert (shares >= (0.91 if name == "D3" else 0.92)).all() and (shares <= 0.97).all()
    assert 0.03 <= one.rejected.mean() <= 0.08
    if name in RANKED:
        assert one.found.mean() >= 0.92


LIMITS = [(design_main, a, (-r, r)) for a, r in zip((0, 0.4, 0.8, 1), (0.75, 0.784, 0.747, 0.679), strict=True)]
LIMITS += [(design_c, a, r) for a, r in ((0.1, (0.172, 0.476)), (0.4, (0.156, 0.406)), (0.8, (0.210, 0.383)))]


@pytest.mark.parametrize(("family", "strength", "effects"), LIMITS)
def test_level_two_ends_beside_the_truth(
    family: Callable[[float], MixtureDesign], strength: float, effects: tuple[float, float]
) -> None:
    """Limits of the likelihood that takes the treatment to be independent of Z; those of level 3 are the truth."""
    law = 1e6 * family(strength).law
    assert mixture.class_effects(law, 2, model=2).effects == pytest.approx(effects, abs=2e-3)
    assert mixture.class_effects(law, 2).effects == pytest.approx(family(strength).truth()[1], abs=1e-6)


@pytest.mark.parametrize(
    ("strength", "effects"),
    [(0, (0.2, 0.5)), (0.1, (0.2, 0.503)), (0.4, (0.203, 0.533)), (0.8, (0.225, 0.648)), (1, (0.271, 0.832))],
)
def test_one_contraction_has_the_printed_limits(strength: float, effects: tuple[float, float]) -> None:
    """Population limits that the same prototype printed for design C, in no sample."""
    design = design_c(strength)
    found = contraction(design, design.law)
    assert found is not None
    np.testing.assert_allclose(found[2], effects, atol=5.1e-4)


def transition(runs: int) -> dict[str, float]:
    """Root mean squared errors of the larger effect in design C at .8, 20,000 rows."""
    design = design_c(0.8)
    rng = np.random.default_rng(8)
    draws = [design.sample(20_000, rng=rng) for _ in range(runs)]
    found = {name: point(design, estimator, draws) for name, estimator in TRANSITION.items()}
    return {name: float(np.sqrt((one.effects[:, 1] ** 2).mean())) for name, one in found.items()}


def test_ten_runs_of_design_c() -> None:
    found = transition(10)
    assert found["likelihood (level 2)"] > 0.1 > 0.03 > found["likelihood (level 3)"]
    assert found["synthetic potential outcomes"] < 0.1


@pytest.mark.study
def test_design_c_tells_the_levels_apart() -> None:
    found = transition(200)
    assert found["likelihood (level 2)"] >= 0.1
    assert found["likelihood (level 3)"] <= 0.02
    assert found["synthetic potential outcomes"] <= 0.06
