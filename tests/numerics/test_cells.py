"""Centred co-moments: exact arithmetic as the judge, offsets as the enemy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.numerics.cells import cell_moments, from_sums, is_rough, merged


def exact(cells: np.ndarray, size: int, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and co-moments in rational arithmetic, rounded once at the end."""
    width = values.shape[1]
    means, comoments = np.full((size, width), np.nan), np.zeros((size, width, width))
    for cell in range(size):
        rows = [[Fraction(float(x)) for x in row] for row in values[cells == cell]]
        if not rows:
            continue
        mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        means[cell] = [float(x) for x in mean]
        for j in range(width):
            for k in range(width):
                comoments[cell, j, k] = float(sum((row[j] - mean[j]) * (row[k] - mean[k]) for row in rows))
    return means, comoments


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e8, 1e12])
def test_no_digit_is_lost_to_an_offset(offset: float) -> None:
    """Raw sums err by a factor of 58 at 1e8; two centred passes keep the digits that the rows have."""
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 4, 400)
    values = offset + rng.normal(size=(400, 3)) @ np.array([[1.0, 0.5, 0.0], [0, 1, 0.3], [0, 0, 1]])
    means, comoments = exact(cells, 4, values)
    found = cell_moments(cells, 4, values)
    np.testing.assert_allclose(found.means, means, rtol=1e-14)
    np.testing.assert_allclose(found.comoments, comoments, rtol=1e-11, atol=1e-11)


def test_units_that_lie_far_apart() -> None:
    """Each unit sits at its own 1e8: a common centre fails and says so, a unit's own does not."""
    rng = np.random.default_rng(2)
    cells = np.repeat(np.arange(3), 100)
    values = np.array([-1e8, 0.0, 3e8])[cells][:, None] + rng.normal(size=(300, 1))
    means, comoments = exact(cells, 3, values)
    found = cell_moments(cells, 3, values)
    np.testing.assert_allclose(found.comoments, comoments, rtol=1e-12)
    centre = values.mean(axis=0)
    deviations = values - centre
    common = from_sums(
        found.counts,
        centre,
        np.bincount(cells, deviations[:, 0])[:, None],
        np.bincount(cells, deviations[:, 0] ** 2)[:, None, None],
    )
    assert is_rough(common, centre)
    assert not is_rough(found, means)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 40), st.integers(1, 3))
def test_merging_cells_is_computing_their_union(seed: int, size: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    cells, onto = rng.integers(0, size, rows), rng.integers(0, 2, size)
    values, weights = rng.normal(3.0, 2.0, (rows, width)), rng.integers(1, 5, rows).astype(float)
    whole = merged(cell_moments(cells, size, values, weights), onto, 2)
    direct = cell_moments(onto[cells], 2, values, weights)
    np.testing.assert_allclose(whole.counts, direct.counts)
    np.testing.assert_allclose(whole.means, direct.means, rtol=1e-12)
    np.testing.assert_allclose(whole.comoments, direct.comoments, rtol=1e-10, atol=1e-10)


def test_weights_are_repeated_rows() -> None:
    rng = np.random.default_rng(3)
    cells, values, weights = rng.integers(0, 3, 30), rng.normal(size=(30, 2)), rng.integers(0, 4, 30)
    repeated = cell_moments(np.repeat(cells, weights), 3, np.repeat(values, weights, axis=0))
    weighted = cell_moments(cells, 3, values, weights.astype(float))
    np.testing.assert_allclose(weighted.comoments, repeated.comoments, rtol=1e-12)
    np.testing.assert_allclose(weighted.means, repeated.means, rtol=1e-12)


def test_empty_cells_and_no_values() -> None:
    found = cell_moments(np.array([2, 2]), 4, np.array([[1.0], [1.0]]))
    assert found.counts.tolist() == [0, 0, 2, 0]
    assert np.isnan(found.means[0, 0]) and found.comoments.sum() == 0
    counts_only = cell_moments(np.array([0, 1, 1]), 2, np.empty((3, 0)))
    assert counts_only.counts.tolist() == [1, 2] and counts_only.means.shape == (2, 0)
