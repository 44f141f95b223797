"""Sampling weights say whom a row speaks for; how many rows there are is another matter."""

from __future__ import annotations

import numpy as np
import pytest

import umbel

BOW = "A -> Y; A <-> Y"
ROWS = {"A": [0, 0, 1, 1] * 25, "Y": [0, 1, 0, 1] * 25}
WEIGHTS = np.tile([1.0, 2.0, 3.0, 4.0], 25)


def bounded(rows: dict[str, object], count: str | None = None, weight: str | None = None) -> list[float | None]:
    found = umbel.solve(BOW, "PNS(A, Y)", umbel.Study(rows, count=count, weight=weight)).bounds
    assert found is not None
    assert found.interval is not None
    return [found.lower, found.upper, *found.interval]


@pytest.mark.parametrize("scale", [1.0, 1000.0, 1.0 / WEIGHTS.sum()])
def test_the_scale_of_weights_says_nothing(scale: float) -> None:
    """They may sum to one or to a country: intervals stay, and they are those of (Σ w)² / Σ w² rows."""
    worth = WEIGHTS.sum() ** 2 / (WEIGHTS**2).sum()
    alike = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": worth * WEIGHTS[:4] / 10}
    assert bounded({**ROWS, "w": scale * WEIGHTS}, weight="w") == pytest.approx(bounded(alike, count="n"), abs=1e-6)


def test_equal_weights_change_nothing() -> None:
    weighted = bounded({**ROWS, "w": np.full(100, 7.0)}, weight="w")
    assert weighted == pytest.approx(bounded(dict(ROWS)), abs=1e-6)


def test_weights_beside_counts_are_read() -> None:
    cells = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [25] * 4, "w": WEIGHTS[:4]}
    weighted = bounded({**ROWS, "w": WEIGHTS}, weight="w")
    assert bounded(cells, count="n", weight="w") == pytest.approx(weighted, abs=1e-6)


def test_one_row_is_a_sample_of_one_and_no_population() -> None:
    found = umbel.solve(f"{BOW}; states A = 2; states Y = 2", "PNS(A, Y)", umbel.Study({"A": [0], "Y": [1]})).bounds
    assert found is not None
    assert found.interval is not None
    assert found.interval[1] is not None
    assert found.interval[1] > 0.9


def test_classes_do_not_read_the_scale_of_weights() -> None:
    rng = np.random.default_rng(0)
    u = rng.random(4000) < 0.4
    t = rng.random(4000) < np.where(u, 0.7, 0.3)
    chances = {"Z": np.where(u, 0.85, 0.15), "X": np.where(u, 0.8, 0.1), "Y": np.where(u, 0.3 + 0.5 * t, 0.5 - 0.2 * t)}
    rows = {name: (rng.random(4000) < chance) * 1 for name, chance in chances.items()} | {"T": t * 1}
    graph = "classes U = 2; U -> { Z X T Y }; Z -> T; T -> Y"
    one, many = (
        umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(rows | {"w": np.full(4000, scale)}, weight="w"))
        for scale in (1.0, 100.0)
    )
    assert one.classes is not None
    assert many.classes is not None
    for here, there in zip(one.classes, many.classes, strict=True):
        assert here.interval == pytest.approx(there.interval, abs=1e-9)


def test_clusters_that_bounds_do_not_read_are_a_doubt() -> None:
    answer = umbel.solve(BOW, "PNS(A, Y)", umbel.Study({**ROWS, "psu": WEIGHTS}, cluster="psu"))
    assert [(check.name, check.passed) for check in answer.checks if check.name == "design"] == [("design", False)]
