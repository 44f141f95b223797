"""Posteriors and their errors: of fitted cells, of new rows, against finite differences and repeated samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import umbel
from umbel import mixture
from umbel.numerics.latent_em import moved
from umbel.numerics.latent_inference import class_values, inverse_information, personal
from umbel.simulate.mixtures import design_b, design_c, design_d3

DESIGN = design_b()
ORDER = np.argsort(DESIGN.effects)


def truth(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(u | z, x) by ascending effect."""
    law = DESIGN.classes * DESIGN.z[z] * DESIGN.x[x]
    return (law / law.sum(1, keepdims=True))[:, ORDER]


def fit(rows: int, seed: int) -> mixture.Classes:
    return mixture.class_effects(DESIGN.sample(rows, rng=np.random.default_rng(seed)), 2)


def test_errors_of_cells_are_those_of_a_finite_difference() -> None:
    found = fit(5000, 0).fit
    free, whole = inverse_information(found.model, found.fit, found.values, kind="expected") or (None, None)
    assert free is not None and whole is not None
    step, size = 1e-5, sum(found.model.sizes)

    def there(direction: np.ndarray) -> np.ndarray:
        prior, values = moved(found.model, found.fit, direction)
        other = replace(found.fit, prior=prior, values=values)
        return personal(found.model, other, class_values(found.model, other, found.outcome)).posterior

    slopes = np.stack([(there(step * e) - there(-step * e)) / (2 * step) for e in np.eye(size)[free]])
    expected = np.sqrt(np.einsum("iru,ij,jru->ru", slopes, whole, slopes, optimize=True))
    got = personal(found.model, found.fit, found.values, kind="expected").posterior_error
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("model", [2, 3])
def test_new_rows_by_bayes_rule(model: int) -> None:
    """On the law itself the posterior is the truth's."""
    design = design_c(0.0)  # Z does not act on the treatment: both models are right
    found = mixture.class_effects(1e6 * design.law, 2, model=model)  # type: ignore[arg-type]
    z, x = np.array([0, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 0])
    new = mixture.expected_effects(found, z, x)
    law = design.classes * design.z[z] * design.x[x]
    chance = (law / law.sum(1, keepdims=True))[:, np.argsort(design.effects)]
    np.testing.assert_allclose(new.posterior, chance, atol=1e-6)
    np.testing.assert_allclose(new.effect, chance @ np.sort(design.effects), atol=1e-6)
    np.testing.assert_allclose(new.spread**2, chance @ np.sort(design.effects) ** 2 - new.effect**2, atol=1e-6)
    assert new.error[1] == new.error[4] and (new.error > 0).all() and (new.posterior_error > 0).all()


def test_errors_are_those_of_repeated_samples() -> None:
    z, x = np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2])
    news = [mixture.expected_effects(fit(5000, seed), z, x) for seed in range(60)]
    effects, chances = np.array([n.effect for n in news]), np.array([n.posterior for n in news])
    np.testing.assert_allclose(effects.std(0, ddof=1), np.mean([n.error for n in news], axis=0), rtol=0.35)
    np.testing.assert_allclose(chances.std(0, ddof=1), np.mean([n.posterior_error for n in news], axis=0), rtol=0.35)
    np.testing.assert_allclose(chances.mean(0), truth(z, x), atol=0.02)


def test_new_rows_without_outcome_know_less_than_cells() -> None:
    found = fit(20_000, 1)
    cells = mixture.per_row(found)
    shape = DESIGN.law.shape
    z, x = (axis.ravel() for axis in np.indices(shape)[:2])
    new = mixture.expected_effects(found, z, x)
    # averaged over treatment and outcome, what cells know is what the proxies know
    law = found.fit.model.weights / found.fit.model.weights.sum()
    for side in range(shape[0]):
        at = (z == side) & (x == 0)
        mean = (law[at, None] * cells.posterior[at]).sum(0) / law[at].sum()
        assert np.abs(mean - new.posterior[at][0]).max() < 0.05


BAD = [
    ("Z is 4 in row 1, and the fitted table shows 0, 1, 2, 3", [0, 4], [0, 0]),
    ("X is -1 in row 0", [0], [-1]),
    ("Z has 2 rows and X 1", [0, 1], [0]),
    ("whole numbers, one per row", [0.5], [0]),
    ("whole numbers, one per row", [[0]], [[0]]),
]


@pytest.mark.parametrize(("message", "z", "x"), BAD)
def test_states_that_were_not_fitted_are_named(message: str, z: object, x: object) -> None:
    with pytest.raises(umbel.DataError, match=message):
        mixture.expected_effects(fit(2000, 2), z, x)  # type: ignore[arg-type]


def test_a_state_that_no_row_showed() -> None:
    counts = DESIGN.sample(4000, rng=np.random.default_rng(3))
    counts[2] = 0.0
    found = mixture.class_effects(counts, 2)
    with pytest.raises(umbel.DataError, match="Z is 2 in row 0, and the fitted table shows 0, 1, 3 alone"):
        mixture.expected_effects(found, [2], [0])


class TestClusters:
    """Tables with an axis of clusters."""

    def tables(self, copies: int) -> np.ndarray:
        rows = DESIGN.rows(3000, rng=np.random.default_rng(4))
        found = np.zeros((150, *DESIGN.law.shape))
        at = (2 * rows["Z0"] + rows["Z1"], 2 * rows["X0"] + rows["X1"], rows["Y"], rows["T"])
        np.add.at(found, (np.arange(3000) % 150, *at), copies)
        return found

    def test_each_row_repeated_inside_its_cluster_tells_nothing_new(self) -> None:
        one, three = (mixture.number_of_classes(self.tables(copies)) for copies in (1, 3))
        np.testing.assert_allclose(one.p_values, three.p_values)
        assert one.clusters == 150 and one.classes() == 2
        plain = mixture.number_of_classes(self.tables(3).sum(0))
        assert plain.clusters is None and plain.p_values[1] < one.p_values[1]

    def test_the_bootstrap_draws_them_whole(self) -> None:
        def width(counts: np.ndarray) -> float:
            _, effects = mixture.bootstrapped(counts, 2, rng=np.random.default_rng(5), draws=60)
            return float(np.mean(effects[:, 1] - effects[:, 0]))

        once, thrice = width(self.tables(1)), width(self.tables(3))
        assert thrice == pytest.approx(once, rel=0.05)
        assert width(self.tables(3).sum(0)) < 0.75 * once

    def test_bad_ones_are_named(self) -> None:
        with pytest.raises(umbel.DataError, match="One cluster"):
            mixture.number_of_classes(self.tables(1)[:1])
        tables = self.tables(1)
        tables[0, 0, 0, 0, 0] = -1.0
        with pytest.raises(umbel.DataError, match="none is negative"):
            mixture.bootstrapped(tables, 2, rng=np.random.default_rng(0))


def test_units_of_the_outcome_do_not_decide_the_matching() -> None:
    counts = design_d3().sample(10_000, rng=np.random.default_rng(6))
    plain = mixture.bootstrapped(counts, 3, rng=np.random.default_rng(7), draws=25)
    scaled = mixture.bootstrapped(counts, 3, rng=np.random.default_rng(7), draws=25, values=(0.0, 1000.0))
    np.testing.assert_allclose(scaled[0], plain[0], atol=1e-6)
    np.testing.assert_allclose(scaled[1], 1000 * plain[1], rtol=1e-4)
