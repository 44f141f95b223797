"""Kernels of second degree that miss a law say so; those that fit are not doubted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

import umbel

GRAPH = "C -> { A Y }; A -> Y; H -> Y"
EFFECT = 'E[Y | do(A=1), H="q"] - E[Y | do(A=0), H="q"]'

Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]


def answer(mean: Curve, seed: int, size: int = 1500, binary: bool = False) -> umbel.Answer:
    rng = np.random.default_rng(seed)
    c = rng.normal(size=size)
    a = 0.7 * c + rng.normal(size=size)
    h = rng.integers(0, 2, size)
    y = mean(a, c) + h + 0.5 * (1.0 + 0.3 * np.abs(a)) * rng.normal(size=size)
    if binary:
        y = (rng.random(size) < expit(mean(a, c))).astype(int)
    study = umbel.Study({"C": c, "A": a, "H": np.array(["p", "q"])[h], "Y": y})
    return umbel.solve(GRAPH, EFFECT, study, method=umbel.MethodSpec(name="kernels"))


def doubted(found: umbel.Answer) -> bool:
    return not next(one for one in found.checks if one.name == "second degree: Y given A, C, H").passed


@pytest.mark.parametrize(
    ("mean", "binary"),
    [
        (lambda a, c: np.sin(2.0 * a) + c, False),
        (lambda a, c: a**2 * c, False),
        (lambda a, c: 1.0 * (a > 0.0) + c, False),
        (lambda a, c: 3.0 * np.sin(2.0 * a), True),
    ],
)
def test_what_second_degree_misses_is_doubted(mean: Curve, binary: bool) -> None:
    """The slope of a wave is 0.1 where the change from 0 to 1 is 0.9: nothing else protects such a number."""
    assert doubted(answer(mean, 0, binary=binary))


@pytest.mark.parametrize(
    ("mean", "binary"), [(lambda a, c: a + c, False), (lambda a, c: a**2 + a * c, False), (lambda a, c: a + c, True)]
)
def test_what_fits_is_seldom_doubted(mean: Curve, binary: bool) -> None:
    assert sum(doubted(answer(mean, seed, size=600, binary=binary)) for seed in range(8)) <= 1
