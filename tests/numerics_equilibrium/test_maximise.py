"""The largest value of a few parameters: linear programmes and searches against grids."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.numerics.maximise import Affine, affine, largest, largest_linear

BOX = np.array([[-2.0, 2.0], [-2.0, 2.0]])
ROOM = Affine(np.array([1.0, 1.0]), np.array([[-1.0, -1.0], [1.0, -0.5]]))
"""1 - x - y and 1 + x - y/2 are at least 0."""


def _grid() -> np.ndarray:
    line = np.linspace(-2, 2, 201)
    points = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return points[(ROOM.constant + points @ ROOM.slope.T >= -1e-12).all(axis=1)]


def test_a_linear_value_is_largest_at_a_corner() -> None:
    goal = Affine(np.array([0.3]), np.array([[0.2, 0.7]]))
    found = largest_linear(goal, ROOM, BOX)
    assert found is not None and found.kind == "linear"
    assert found.value == pytest.approx(float((0.3 + _grid() @ [0.2, 0.7]).max()), abs=0.02)  # the grid's step


def test_a_search_finds_smooth_and_broken_optima() -> None:
    def smooth(k: np.ndarray) -> float:
        return float(-((k[0] - 0.4) ** 2) - (k[1] - 3) ** 2)

    def broken(k: np.ndarray) -> float:
        return float((k[0] > 0.31) - 2.0 * (k[0] > 0.9) - abs(k[1]))

    def low(k: np.ndarray) -> np.ndarray:
        return np.asarray(ROOM.constant + ROOM.slope @ k)

    for goal in (smooth, broken):
        found = largest(goal, low, BOX, rng=np.random.default_rng(0))
        assert found is not None and (low(found.at) >= 0).all()
        assert found.value >= max(goal(k) for k in _grid()) - 1e-3


def test_nothing_where_nothing_fits() -> None:
    never = Affine(np.array([-1.0]), np.zeros((1, 2)))
    assert largest_linear(Affine(np.zeros(1), np.ones((1, 2))), never, BOX) is None
    assert largest(lambda k: float(k.sum()), lambda k: np.array([-1.0]), BOX, rng=np.random.default_rng(0)) is None


def test_straight_lines_are_told_from_curves() -> None:
    line = affine(lambda k: np.array([1.0 + 2 * k[0] - k[1], 3.0]), BOX)
    assert line is not None
    assert line.slope == pytest.approx(np.array([[2.0, -1.0], [0.0, 0.0]]))
    assert affine(lambda k: np.array([k[0] * k[1]]), BOX) is None
    assert affine(lambda k: np.array([float(k[0] > 0.1)]), BOX) is None
