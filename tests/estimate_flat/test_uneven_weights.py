"""Weights that leave a handful of rows: their spread tells nothing, and the Answer says so."""

from __future__ import annotations

import numpy as np
import pytest

import umbel

RNG = np.random.default_rng(0)
Z = RNG.integers(0, 3, 300)
A = (RNG.random(300) < 0.3 + 0.2 * Z) * 1
ROWS = {"Z": Z, "A": A, "Y": A + Z + RNG.normal(size=300)}
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
GRAPHS = ["A -> Y", "Z -> { A Y }; A -> Y"]


def solved(graph: str, weights: np.ndarray, question: str = EFFECT) -> umbel.Answer:
    return umbel.solve(graph, question, umbel.Study({**ROWS, "w": weights}, weight="w"))


def weighing(heavy: int, weight: float) -> np.ndarray:
    return np.where(np.arange(300) < heavy, weight, 1.0)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("question", [EFFECT, "E[Y | do(A=1)]"])
def test_one_row_that_outweighs_all_is_no_sample(graph: str, question: str) -> None:
    """The interval was a thousand times too short: the heavy row is the mean, and has no distance from it."""
    answer = solved(graph, weighing(1, 1e6), question)
    assert answer.estimate is None
    assert answer.refusal is not None
    assert "One row carries nearly all of the weight" in answer.refusal.why


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_few_rows_that_outweigh_the_rest_are_a_doubt(graph: str) -> None:
    checks = {one.name: one for one in solved(graph, weighing(8, 1e4)).checks}
    assert not checks["uneven weights"].passed
    assert checks["uneven weights"].value == pytest.approx(8.0, rel=0.02)
    assert "uneven weights" not in {one.name for one in solved(graph, weighing(8, 5.0)).checks}


@pytest.mark.parametrize("scale", [1e-300, 1e-60, 1e60, 1e300])
def test_the_scale_of_weights_overflows_nowhere(scale: float) -> None:
    plain, scaled = (solved(GRAPHS[1], one * (1.0 + Z)) for one in (1.0, scale))
    assert scaled.value == pytest.approx(plain.value)
    assert scaled.interval == pytest.approx(plain.interval)


def test_numbers_that_are_text_are_told() -> None:
    answer = umbel.solve("A -> Y", EFFECT, umbel.Study({**ROWS, "Y": np.round(ROWS["Y"], 2).astype(str)}))
    assert answer.refusal is not None
    assert answer.refusal.advice == "Its words are numbers: make the column numbers."
