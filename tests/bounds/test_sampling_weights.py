"""Sampling weights say whom a row speaks for; how many rows there are is another matter."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.estimate.bounds_design import effective_clusters, effective_rows

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
    """They may sum to one or to a country: the bounds are those of the shares, the intervals stay."""
    weighted = bounded({**ROWS, "w": scale * WEIGHTS}, weight="w")
    assert weighted == pytest.approx(bounded({**ROWS, "w": WEIGHTS}, weight="w"), abs=1e-6)
    alike = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [1000, 2000, 3000, 4000]}
    assert weighted[:2] == pytest.approx(bounded(alike, count="n")[:2], abs=1e-9)


def test_rows_are_worth_what_the_largest_design_effect_leaves() -> None:
    """No combination of cells has a larger variance than a plain sample of so many rows; some has it."""
    rng = np.random.default_rng(3)
    cell = rng.integers(0, 5, 400)
    weight = rng.gamma(2.0, 1.0, 400) * (1.0 + cell)
    worth = effective_rows(np.bincount(cell, weight), np.bincount(cell, weight**2))
    share = np.bincount(cell, weight) / weight.sum()
    largest = 0.0
    for _ in range(20_000):
        value = rng.normal(size=5)
        away = value - share @ value
        largest = max(largest, (weight**2 @ away[cell] ** 2) / weight.sum() ** 2 / (share @ away**2))
    assert 1.0 / worth >= largest - 1e-12
    assert 1.0 / worth == pytest.approx(largest, rel=0.02)
    assert worth < weight.sum() ** 2 / (weight**2).sum()  # Kish's number is too large for some shares


def test_intervals_keep_coverage_where_weights_go_with_cells() -> None:
    """P(A=1, Y=1) = 0.1 is the lower end; its rows are a tenth as likely to be asked. Kish's rows held 90 %."""
    law, weight = np.array([0.4, 0.3, 0.2, 0.1]), np.array([1.0, 1.0, 1.0, 10.0])
    asked = law / weight / (law / weight).sum()
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        cell = rng.choice(4, 400, p=asked)
        study = umbel.Study({"A": cell // 2, "Y": cell % 2, "w": weight[cell]}, weight="w")
        found = umbel.solve(f"{BOW}; states A = 2; states Y = 2", "P(Y=1 | do(A=1))", study).bounds
        assert found is not None and found.interval is not None
        held += found.interval[0] <= 0.1 + 1e-9 and found.interval[1] >= 0.8 - 1e-9  # type: ignore[operator]
    assert held >= 53  # fewer once in 1,000 at 95 %


def test_the_answer_says_what_weighted_rows_are_worth() -> None:
    answer = umbel.solve(BOW, "PNS(A, Y)", umbel.Study({**ROWS, "w": WEIGHTS}, weight="w"))
    assert answer.data[0].rows == 100
    assert any("100 rows count as" in one for one in answer.assumptions)


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


def test_clusters_are_worth_what_no_share_of_cells_belies() -> None:
    rng = np.random.default_rng(3)
    cluster = rng.integers(0, 30, 600)
    cell = (rng.random(600) < rng.random(30)[cluster]) * 2 + rng.integers(0, 2, 600)
    amount = rng.gamma(2.0, 1.0, 600)
    share = np.bincount(cell, amount) / amount.sum()
    largest = 0.0
    for _ in range(20_000):
        value = rng.normal(size=4)
        away = value - share @ value
        sums = np.bincount(cluster, amount * away[cell])
        largest = max(largest, 30 / 29 * (sums @ sums) / amount.sum() ** 2 / (share @ away**2))
    assert 1.0 / effective_clusters(cell, amount, cluster) == pytest.approx(largest, rel=0.01)


def clustered(rng: np.random.Generator, clusters: int = 40) -> dict[str, np.ndarray]:
    """A cluster's hidden cause is one and the same for its 20 rows."""
    psu = np.repeat(np.arange(clusters), 20)
    u = rng.integers(0, 2, clusters)[psu]
    a = (rng.random(len(psu)) < np.where(u == 1, 0.7, 0.2)) * 1
    return {"A": a, "Y": (rng.random(len(psu)) < 0.2 + 0.3 * a + 0.4 * u) * 1, "psu": psu}


@pytest.mark.parametrize("design", [{"cluster": "psu"}, {"unit": "psu"}])
def test_intervals_keep_coverage_where_rows_come_in_clusters(design: dict[str, str]) -> None:
    """As if independent, 75 % of intervals held both ends."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(40):
        study = umbel.Study(clustered(rng), **design)  # type: ignore[arg-type]
        found = umbel.solve(BOW, "P(Y=1 | do(A=1))", study).bounds
        assert found is not None and found.interval is not None
        held += found.interval[0] <= 0.365 and found.interval[1] >= 0.915  # type: ignore[operator]
    assert held >= 34  # fewer once in 400 at 95 %


def test_clusters_are_told() -> None:
    answer = umbel.solve(BOW, "PNS(A, Y)", umbel.Study(clustered(np.random.default_rng(1), 10), cluster="psu"))
    assert any("Each of 10 clusters of data" in one and "200 rows count as" in one for one in answer.assumptions)
    assert [check.advice for check in answer.checks if check.name == "clusters"] == [
        "10 clusters of data tell little of the error: take the interval as rough."
    ]
    answer = umbel.solve(BOW, "PNS(A, Y)", umbel.Study({**ROWS, "s": WEIGHTS}, strata="s"))
    assert [(check.name, check.passed) for check in answer.checks if check.name == "design"] == [("design", False)]


def test_rows_that_lack_a_value_are_a_doubt() -> None:
    """Half of those with Y = 1 do not show it: the bounds miss the truth, and nothing in the rows tells."""
    y = np.array(ROWS["Y"], dtype=float)
    y[:20] = np.where(y[:20] == 1.0, np.nan, y[:20])
    checks = {one.name: one for one in umbel.solve(BOW, "P(Y=1 | do(A=1))", umbel.Study({**ROWS, "Y": y})).checks}
    assert not checks["complete rows"].passed
    assert checks["complete rows"].value == pytest.approx(0.1)
    assert "missing at random" in checks["complete rows"].advice
    whole = umbel.solve(BOW, "P(Y=1 | do(A=1))", umbel.Study(ROWS))
    assert "complete rows" not in {one.name for one in whole.checks}
