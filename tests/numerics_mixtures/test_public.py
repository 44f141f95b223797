"""umbel.mixture: functions on arrays, their diagnostics, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import umbel
from umbel import mixture
from umbel.numerics.latent_em import moved
from umbel.numerics.latent_inference import class_values, personal
from umbel.simulate.mixtures import MixtureDesign, design_a, design_b, design_c, design_d3, design_main

DESIGN = design_b()
COUNTS = DESIGN.sample(10_000, rng=np.random.default_rng(0))


def test_it_is_reached_from_the_face() -> None:
    assert umbel.mixture is mixture


def test_numbers_errors_and_status() -> None:
    found = mixture.class_effects(COUNTS, 2)
    assert found.status == "ok" and not found.why
    shares, effects = DESIGN.truth()
    assert (np.abs(found.effects - effects) < 4 * found.effect_errors).all()
    assert (np.abs(found.probabilities - shares) < 4 * found.probability_errors).all()
    assert abs(found.average_effect - DESIGN.average_effect) < 4 * found.average_error
    # the lower bound of Cramer and Rao in this design, times the root of the rows
    np.testing.assert_allclose(100 * found.effect_errors, [2.047, 1.458], rtol=0.06)
    np.testing.assert_allclose(100 * found.average_error, 1.013, rtol=0.03)


def test_bounds_of_cramer_and_rao() -> None:
    table = {
        design_main(0.0): (1.546, 1.204, 3.540, 3.540),
        design_main(1.0): (1.077, 1.304, 2.736, 2.736),
        design_a(): (1.164, 1.931, 1.594, 2.471),
        design_b(): (1.013, 1.100, 2.047, 1.458),
        design_d3(): (1.025, 1.325, 2.346, 2.414, 2.764, 2.610),
    }
    for design, bound in table.items():
        k = len(design.classes)
        found = mixture.class_effects(1e6 * design.law, k)
        got = [found.average_error, *found.probability_errors[: k - 1], *found.effect_errors]
        np.testing.assert_allclose(1e3 * np.array(got), bound, atol=1.5e-3, err_msg=design.name)


def test_roots_stay_complex() -> None:
    rng = np.random.default_rng(12345)
    kinds = set()
    for _ in range(60):
        roots = mixture.eigenvalues(design_a().sample(300, rng=rng), 2)
        kinds.add(roots.real)
        if not roots.real:
            assert not roots.admissible(-1, 1) and np.abs(roots.effects.imag).max() > 0
    assert kinds == {True, False}


def test_pencil_and_eigenvalues_agree_where_both_exist() -> None:
    counts = design_main(0.5).sample(5000, rng=np.random.default_rng(2))
    np.testing.assert_allclose(
        mixture.synthetic_pencil(counts).effects, mixture.eigenvalues(counts, 2).effects, atol=1e-9
    )


def test_weak_designs_say_so() -> None:
    found = mixture.class_effects(design_a().sample(1000, rng=np.random.default_rng(0)), 2)
    assert found.status == "weak" and "times its noise" in " ".join(found.why)


def test_posteriors_and_their_errors() -> None:
    found = mixture.class_effects(COUNTS, 2)
    cells = mixture.per_row(found)
    np.testing.assert_allclose(cells.posterior.sum(1), 1.0)
    truth = DESIGN.joint / DESIGN.joint.sum(-1, keepdims=True)
    order = np.argsort(DESIGN.effects)
    assert np.abs(cells.posterior - truth.reshape(-1, 2)[:, order]).max() < 0.12
    expected = truth.reshape(-1, 2) @ DESIGN.effects
    inside = np.abs(cells.effect - expected) < 4 * cells.error
    assert inside.all()
    # delta method against a small step in every coordinate
    fit = found.fit
    step = 1e-5
    rng = np.random.default_rng(1)
    direction = rng.normal(size=sum(fit.model.sizes))

    def effect(length: float) -> np.ndarray:
        prior, values = moved(fit.model, fit.fit, length * direction)
        there = replace(fit.fit, prior=prior, values=values)
        return personal(fit.model, there, class_values(fit.model, there, fit.outcome)).effect

    slope = (effect(step) - effect(-step)) / (2 * step)
    assert np.isfinite(slope).all() and (cells.error > 0).all()


def test_bootstrap_matches_classes() -> None:
    shares, effects = mixture.bootstrapped(COUNTS, 2, rng=np.random.default_rng(3), draws=60)
    found = mixture.class_effects(COUNTS, 2)
    np.testing.assert_allclose(effects[:, 1] - effects[:, 0], found.intervals[:, 1] - found.intervals[:, 0], rtol=0.35)
    assert (shares[:, 0] < found.probabilities).all() and (found.probabilities < shares[:, 1]).all()


@pytest.mark.parametrize("design", [design_a(), design_b(), design_d3()], ids=lambda design: design.name)
def test_diagonalised_classes_come_by_effect(design: MixtureDesign) -> None:
    found = mixture.joint_diagonal(design.law, len(design.classes))
    assert found is not None
    shares, effects = design.truth()
    np.testing.assert_allclose(found.means[-1, 0] - found.means[0, 0], effects, atol=1e-10)
    np.testing.assert_allclose(found.probabilities, shares, atol=1e-10)
    carried = mixture.operators(design.law, len(design.classes))
    x = design.x[:, np.argsort(design.effects)]  # rows of features follow the classes
    np.testing.assert_allclose(found.features, x.T @ carried.basis, atol=1e-9)


def test_levels_are_told_apart() -> None:
    plain = mixture.level_tests(design_c(0.0).sample(20_000, rng=np.random.default_rng(4)), 2)
    assert plain.views[2] > 0.01
    linked = mixture.level_tests(design_c(0.4).sample(20_000, rng=np.random.default_rng(5)), 2)
    assert linked.views[2] < 1e-4 and linked.fit[2] > 0.01
    assert linked.fit[1] == 16 - 1 - 13


BAD: list[tuple[str, Callable[[], object]]] = [
    ("1 classes make no mixture", lambda: mixture.class_effects(COUNTS, 1)),
    ("Write 2", lambda: mixture.class_effects(COUNTS, 2.0)),
    ("level is 95", lambda: mixture.class_effects(COUNTS, 2, level=95)),
    ("model is 4", lambda: mixture.class_effects(COUNTS, 2, model=4)),
    ("5 classes need 5 independent features", lambda: mixture.class_effects(COUNTS, 5)),
    ("four axes", lambda: mixture.class_effects(COUNTS[0], 2)),
    ("none is negative", lambda: mixture.class_effects(-COUNTS, 2)),
    ("none is negative", lambda: mixture.number_of_classes(np.full((2, 2, 2, 2), np.nan))),
    ("holds numbers", lambda: mixture.eigenvalues([["a"]], 2)),
    ("Arm 0 of the treatment never occurs", lambda: mixture.class_effects(COUNTS * np.array([0.0, 1.0]), 2)),
    ("X has one state", lambda: mixture.class_effects(COUNTS.sum(1, keepdims=True), 2)),
    ("the outcome has one state", lambda: mixture.class_effects(COUNTS.sum(2, keepdims=True), 2)),
    ("values has 3 numbers", lambda: mixture.class_effects(COUNTS, 2, values=(0, 1, 2))),
    ("as many features of Z", lambda: mixture.synthetic_moments(design_a().law, 3)),
    ("no number of classes", lambda: mixture.class_effects(COUNTS, "2")),  # type: ignore[arg-type]
    ("0 is no rank", lambda: mixture.average_effect(COUNTS, 0)),
    ("1 classes make no mixture", lambda: mixture.eigenvalues(COUNTS, 1)),
    ("0 classes make no mixture", lambda: mixture.joint_diagonal(COUNTS, 0)),
    ("1 classes make no mixture", lambda: mixture.level_tests(COUNTS, 1)),
    ("nan classes make no mixture", lambda: mixture.operators(COUNTS, float("nan"))),  # type: ignore[arg-type]
    ("order is -3", lambda: mixture.synthetic_moments(COUNTS, -3)),
    ("finite numbers", lambda: mixture.class_effects(COUNTS, 2, values=(0.0, float("nan")))),
    ("restarts is -1", lambda: mixture.class_effects(COUNTS, 2, restarts=-1)),
    ("There is no arm 2", lambda: mixture.outcome_moments(design_main(1.0).law, 2, 3)),
]


@pytest.mark.parametrize(("message", "call"), BAD, ids=[message for message, _ in BAD])
def test_bad_input_is_named(message: str, call: Callable[[], object]) -> None:
    with pytest.raises(umbel.DataError, match=message):
        call()
