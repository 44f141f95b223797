"""Rows of weight zero count nothing: every road answers as if they were not there, and says how many they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import umbel

FLAT = "Z -> {A Y}; A -> Y"
NESTED = "plate m { A -> Y }; latent U; U -> { A Y }"
BOUNDS = "A -> Y; A <-> Y"
CELLS = "Z -> A -> M -> Y; A <-> Y"


def table(count: str) -> dict[str, np.ndarray]:
    """1,200 rows of 60 units, ten of which weigh nothing, as do rows of the others; some rows have holes."""
    rng = np.random.default_rng(4)
    size = 1200
    unit = np.arange(size) % 60
    u = rng.normal(size=60)[unit]
    z = (rng.random(size) < 0.5).astype(float)
    a = (rng.random(size) < 1 / (1 + np.exp(-u - z))).astype(float)
    m = (rng.random(size) < 0.2 + 0.6 * a).astype(float)
    y = (rng.random(size) < 1 / (1 + np.exp(-u - m))).astype(float)
    weight = rng.integers(1, 4, size).astype(float)
    weight[(unit < 10) | (rng.random(size) < 0.1)] = 0.0
    y[::50] = np.nan
    return {"unit": unit, "Z": z, "A": a, "M": m, "Y": y, count: weight}


def without(columns: dict[str, np.ndarray], count: str) -> dict[str, np.ndarray]:
    return {name: values[columns[count] > 0] for name, values in columns.items()}


@pytest.mark.parametrize("role", ["count", "weight"])
@pytest.mark.parametrize(
    ("graph", "nested"), [(FLAT, False), (NESTED, True), (BOUNDS, False), (CELLS, False), ("A -> Y", False)]
)
def test_they_change_no_number(graph: str, nested: bool, role: str) -> None:
    columns = table("w")
    design = {role: "w", "unit": "unit" if nested else None}
    with_them, without_them = (
        umbel.solve(graph, "P(Y=1 | do(A=1))", umbel.Study(one, **design)) for one in (columns, without(columns, "w"))
    )
    assert with_them.verdict == without_them.verdict
    assert with_them.value == without_them.value
    assert with_them.interval == without_them.interval
    assert with_them.bounds == without_them.bounds
    assert [one.rows for one in with_them.data] == [one.rows for one in without_them.data]
    assert [one.units for one in with_them.data] == [one.units for one in without_them.data]


@pytest.mark.parametrize("nested", [False, True])
def test_they_are_no_missing_values(nested: bool, tmp_path: Path) -> None:
    columns = table("w")
    lacking = int((np.isnan(columns["Y"]) & (columns["w"] > 0)).sum())
    idle = int((columns["w"] == 0).sum())
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table(columns), path)
    graph = NESTED if nested else FLAT
    for home in (columns, path):
        study = umbel.Study(home, weight="w", unit="unit" if nested else None)
        checks = {one.name: one for one in umbel.solve(graph, "P(Y=1 | do(A=1))", study).checks}
        assert checks["complete rows"].value == lacking
        assert checks["weights"].passed
        assert checks["weights"].advice == f"{idle} of 1200 rows have weight 0 and count nothing."


def test_a_weight_that_is_missing_is_named() -> None:
    columns = table("w")
    columns["w"][:7] = np.nan
    checks = {one.name: one for one in umbel.solve(FLAT, "P(Y=1|do(A=1))", umbel.Study(columns, weight="w")).checks}
    assert "weight 'w' is missing in 7" in checks["complete rows"].advice
    assert "only where what is missing has nothing to do with the answer" in checks["complete rows"].advice


def test_counts_times_weights_of_zero_are_counted_once() -> None:
    columns = table("w") | {"n": np.ones(1200)}
    columns["n"][:120] = 0.0
    idle = int(((columns["w"] == 0) | (columns["n"] == 0)).sum())
    for unit in (None, "unit"):
        study = umbel.Study(columns, weight="w", count="n", unit=unit)
        answer = umbel.solve(NESTED if unit else FLAT, "P(Y=1|do(A=1))", study)
        checks = {one.name: one for one in answer.checks}
        assert checks["weights"].value == idle
