"""In the population every estimator of latent classes is exact, and fails only where it must."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.numerics.arm_moments import moments_of_cells
from umbel.numerics.joint_diagonal import jointly_diagonal
from umbel.numerics.mixture_cells import fit_cells, moment_classes, tensor_classes
from umbel.numerics.operators import eigen_classes, operators_of, rank_test
from umbel.numerics.pencil import distinct_effects, effect_moments, outcome_moments, pencil, prony
from umbel.simulate.mixtures import DESIGNS, MixtureDesign, design_a, design_c, design_d3, design_main, random_design

EXACT = 1e-10
"""Float64 algebra on a few dozen cells, conditions up to 1e3."""

FOUR = [random_design(4, rng=np.random.default_rng(seed)) for seed in range(6)]
ALL = [*DESIGNS, *FOUR]


def minimal(design: MixtureDesign) -> dict[str, np.ndarray]:
    """Features 1, then one proxy per further class, on both sides."""
    k = len(design.classes)

    def side(size: int, sizes: tuple[int, ...]) -> np.ndarray:
        codes = np.unravel_index(np.arange(size), sizes)
        return np.stack([np.ones(size), *(code.astype(float) for code in codes[: k - 1])], axis=1)

    unit = np.eye(k)[0]
    z, x = side(len(design.z), design.z_sizes), side(len(design.x), design.x_sizes)
    return {"z_features": z, "x_features": x, "unit": unit}


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_operators_are_exact(design: MixtureDesign) -> None:
    shares, effects = design.truth()
    found = operators_of(moments_of_cells(design.law, design.values[None]), len(shares))
    assert found.average_effect() == pytest.approx(design.average_effect, abs=EXACT)
    roots = eigen_classes(found)
    assert roots.real
    np.testing.assert_allclose(roots.effects.real, effects, atol=EXACT)
    np.testing.assert_allclose(roots.probabilities.real, shares, atol=EXACT)


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_joint_diagonalisation_is_exact(design: MixtureDesign) -> None:
    shares, effects = design.truth()
    found = moment_classes(design.law, design.values, len(shares))[2]
    assert found is not None
    gaps = found.means[1, 0] - found.means[0, 0]
    order = np.argsort(gaps)
    np.testing.assert_allclose(gaps[order], effects, atol=EXACT)
    np.testing.assert_allclose(found.probabilities[order], shares, atol=EXACT)
    assert found.off < EXACT and found.commutator < EXACT


@pytest.mark.parametrize("design", [one for one in ALL if len(one.classes) < 4], ids=lambda design: design.name)
def test_the_recursion_is_exact(design: MixtureDesign) -> None:
    shares, effects = design.truth()
    k = len(shares)
    moments = moments_of_cells(design.law, design.values[None], **minimal(design))
    found = effect_moments(moments, 2 * k - 1)
    np.testing.assert_allclose(found, design.moments(2 * k - 1), atol=EXACT)
    for method in (pencil, prony):
        roots = method(found, k)
        np.testing.assert_allclose(roots.effects, effects, atol=EXACT)
        np.testing.assert_allclose(roots.probabilities, shares, atol=EXACT)
    for arm in (0, 1):
        truth = [design.classes @ design.means[arm] ** power for power in range(4)]
        np.testing.assert_allclose(outcome_moments(moments, arm, 3), truth, atol=EXACT)


@pytest.mark.parametrize("design", ALL, ids=lambda design: design.name)
def test_maximum_likelihood_is_exact(design: MixtureDesign) -> None:
    shares, effects = design.truth()
    found = fit_cells(1e4 * design.law, design.values, len(shares))
    assert found.fit.converged
    np.testing.assert_allclose(found.effects, effects, atol=EXACT)
    np.testing.assert_allclose(found.values.probabilities, shares, atol=EXACT)


def test_likelihood_is_exact_where_proxies_are_weak() -> None:
    """A score of 1e-12 leaves 3e-8 in the effects where the last whitened singular value is 1e-4."""
    rng = np.random.default_rng(3)
    for _ in range(4):
        shares, z, x = rng.dirichlet(np.full(3, 6.0)), *rng.dirichlet(np.full(4, 1.5), size=(2, 3)).transpose(0, 2, 1)
        treatment = rng.dirichlet(np.full(2, 4.0), size=(4, 3)).transpose(2, 0, 1)
        treated, untreated = rng.uniform(0.1, 0.9, size=(2, 3))
        x[:, 2] = 0.98 * x[:, 1] + 0.02 * x[:, 2]
        outcome = np.stack([[1 - untreated, untreated], [1 - treated, treated]], axis=1)  # (y, t, u)
        law = np.einsum("u,zu,xu,tzu,ytu->zxyt", shares, z, x, treatment, outcome)
        found = fit_cells(1e6 * law, np.array([0.0, 1.0]), 3)
        order = np.argsort(treated - untreated)
        np.testing.assert_allclose(found.effects, (treated - untreated)[order], atol=EXACT)
        np.testing.assert_allclose(found.values.probabilities, shares[order], atol=EXACT)


@pytest.mark.parametrize("design", [design_main(0.0)], ids=lambda design: design.name)
def test_the_tensor_is_exact_where_its_views_are_independent(design: MixtureDesign) -> None:
    found = tensor_classes(design.law, design.values, 2)
    assert found is not None
    np.testing.assert_allclose(found[1], design.truth()[1], atol=EXACT)


def test_the_tensor_is_biased_where_a_proxy_acts_on_the_treatment() -> None:
    found = tensor_classes(design_c(1.0).law, np.array([0.0, 1.0]), 2)
    assert found is not None and np.abs(found[1] - [0.2, 0.5]).max() > 0.05


def test_three_arms_share_their_eigenvectors() -> None:
    design = random_design(3, rng=np.random.default_rng(5), arms=3)
    found = moment_classes(design.law, design.values, 3)[2]
    assert found is not None
    order, truth = np.argsort(found.means[0, 0]), np.argsort(design.means[0])
    np.testing.assert_allclose(found.means[:, 0][:, order], design.means[:, truth], atol=EXACT)


def test_tied_effects_show_in_the_hankel_matrix_and_not_in_the_joint_diagonal() -> None:
    plain = design_d3()
    outcome = plain.outcome.copy()
    outcome[1, :, 1] = [0.2, 0.45, 0.30]
    outcome[0] = 1 - outcome[1]
    law = np.einsum("u,zu,xu,tzu,yxtu->zxyt", plain.classes, plain.z, plain.x, plain.treatment, outcome)
    # the moments of R = (-.5, .15, .15)
    moments = effect_moments(moments_of_cells(law, plain.values[None], **minimal(plain)), 5)
    np.testing.assert_allclose(distinct_effects(moments, 3), [1.0108, 0.099, 0.0], atol=5e-4)
    two = pencil(moments, 2)
    np.testing.assert_allclose(two.probabilities, [0.3, 0.7], atol=EXACT)
    np.testing.assert_allclose(two.effects, [-0.5, 0.15], atol=EXACT)
    found = jointly_diagonal(operators_of(moments_of_cells(law, plain.values[None]), 3))
    assert found is not None
    order = np.argsort(-found.means[0, 0])
    np.testing.assert_allclose(found.probabilities[order], [0.3, 0.4, 0.3], atol=EXACT)
    np.testing.assert_allclose(found.means[0, 0][order], [0.7, 0.3, 0.15], atol=EXACT)


def test_the_bridge_stays_right_where_proxies_act_on_the_outcome_and_the_second_moment_does_not() -> None:
    design = design_main(1.0, 0.5)
    moments = moments_of_cells(design.law, design.values[None])
    assert operators_of(moments, 2).average_effect() == pytest.approx(design.average_effect, abs=1e-12)
    assert effect_moments(moments, 3)[2] == pytest.approx(0.6328125, abs=1e-6)  # the truth is half of it
    assert design.moments(2)[2] == pytest.approx(0.31640625)


@pytest.mark.parametrize(("shift", "found"), [(0.005, 0.3099), (0.01, 0.3187)])
def test_proxies_that_depend_on_each_other_bias_the_bridge(shift: float, found: float) -> None:
    z = np.array([[0.8, 0.2], [0.2, 0.8]])
    both = np.einsum("zu,xu->zxu", z, z) + shift * np.array([[1, -1], [-1, 1]])[:, :, None]
    treated = np.array([0.3, 0.7])
    ones = np.array([[0.2, 0.6], [0.5, 0.9]])
    law = np.einsum(
        "u,zxu,tu,ytu->zxyt", [0.5, 0.5], both, np.stack([1 - treated, treated]), np.stack([1 - ones, ones])
    )
    average = operators_of(moments_of_cells(law, np.array([[0.0, 1.0]])), 2).average_effect()
    assert average == pytest.approx(found, abs=5e-5)


def test_more_classes_than_features_are_refused() -> None:
    design = design_main(1.0)
    with pytest.raises(DataError, match="3 classes need 3 independent features"):
        operators_of(moments_of_cells(design.law, design.values[None]), 3)
    with pytest.raises(DataError, match="as many features of Z"):
        effect_moments(moments_of_cells(design_a().law, design.values[None]), 3)


def test_the_rank_of_a_population_is_its_number_of_classes() -> None:
    for design in ALL:
        if min(design.law.shape[:2]) <= len(design.classes):
            continue
        test = rank_test(moments_of_cells(1e6 * design.law, design.values[None]))
        k = len(design.classes)
        assert np.abs(test.singular[:, k:]).max() < EXACT < test.singular[:, k - 1].min()
