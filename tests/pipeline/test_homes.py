"""The same table in every home gives the same Answer, to 1e-9, whatever its columns are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import umbel

PATTERN = "^.*$"
QUOTES = 'Größe "ü" ∑'
ROWS, UNITS = 900, 20
TOLERANCE = 1e-9
GRAPH = """
plate pupil { A a Score }
latent U
U -> { A Score Z }
A -> Score
a -> Score
Z -> Score
"""
QUESTIONS = ("E[Score | do(A=1)] - E[Score | do(A=0)]", "E[Score | do(A)]")
VARIABLES = {"Score": {"column": PATTERN, "missing": [-99]}, "a": {"missing": [9]}, "Z": {"column": QUOTES}}


def tables() -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Pupils with nulls, NaN and codes, in columns ``A`` and ``a``; their schools."""
    rng = np.random.default_rng(3)
    school = rng.integers(0, UNITS, ROWS)
    a = rng.integers(0, 2, ROWS)
    score = 1e6 + school + 2.0 * a + rng.normal(size=ROWS)
    score[rng.random(ROWS) < 0.05] = np.nan
    score[rng.random(ROWS) < 0.05] = -99.0
    small = rng.choice([0, 1, 9], ROWS, p=[0.5, 0.4, 0.1])
    names = [f"schöol {i}" for i in range(UNITS)]
    pupils: dict[str, list[Any]] = {
        "school": [names[i] for i in school],
        "A": [None if u < 0.04 else int(x) for u, x in zip(rng.random(ROWS), a, strict=True)],
        "a": small.tolist(),
        PATTERN: score.tolist(),
    }
    return pupils, {"school": names, QUOTES: (np.arange(UNITS) % 2).tolist()}


def _csv(columns: dict[str, list[Any]], path: Path) -> Path:
    pyarrow.csv.write_csv(pa.table(columns), path)
    return path


def _parquet(columns: dict[str, list[Any]], path: Path) -> Path:
    pa.parquet.write_table(pa.table(columns), path, row_group_size=100)
    return path


def _relation(columns: dict[str, list[Any]], path: Path) -> Any:
    _parquet(columns, path)
    names = ", ".join('"' + (name.replace('"', '""') if name != "a" else "a_") + '"' for name in columns)
    return duckdb.sql(f"SELECT * FROM read_parquet('{path}') AS t({names})")


HOMES: dict[str, Callable[[dict[str, list[Any]], Path], Any]] = {
    "pandas": lambda columns, path: pd.DataFrame(columns),
    "pandas objects": lambda columns, path: pd.DataFrame(columns).astype(object),
    "polars": lambda columns, path: pl.DataFrame(columns, strict=False),
    "polars lazy": lambda columns, path: pl.LazyFrame(columns, strict=False),
    "pyarrow": lambda columns, path: pa.table(columns),
    "csv": lambda columns, path: _csv(columns, path.with_suffix(".csv")),
    "parquet": lambda columns, path: _parquet(columns, path.with_suffix(".parquet")),
    "relation": lambda columns, path: _relation(columns, path.with_suffix(".parquet")),
}


def answers(pupils: Any, schools: Any, **variables: Any) -> list[umbel.Answer]:
    study = umbel.Study(pupils, units=schools, unit="school", variables={**VARIABLES, **variables})
    return [umbel.solve(GRAPH, question, study) for question in QUESTIONS]


def figures(found: list[umbel.Answer]) -> np.ndarray:
    rows = [row for answer in found for row in answer.rows()]
    return np.array([[row.value, row.se, row.lower, row.upper] for row in rows], dtype=np.float64)


@pytest.fixture(scope="module")
def plain() -> list[umbel.Answer]:
    return answers(*tables())


@pytest.mark.parametrize("home", HOMES)
def test_every_home_gives_the_same_answer(home: str, plain: list[umbel.Answer], tmp_path: Path) -> None:
    pupils, schools = tables()
    # DuckDB relations cannot hold "A" beside "a": the second has another name there
    variables = {"a": {"column": "a_", "missing": [9]}} if home == "relation" else {}
    found = answers(HOMES[home](pupils, tmp_path / "p"), HOMES[home](schools, tmp_path / "s"), **variables)
    np.testing.assert_allclose(figures(found), figures(plain), rtol=TOLERANCE, atol=TOLERANCE)
    for one, other in zip(found, plain, strict=True):
        assert [(c.name, c.passed) for c in one.checks] == [(c.name, c.passed) for c in other.checks]
        assert [(d.rows, d.units) for d in one.data] == [(d.rows, d.units) for d in other.data]


def test_tables_of_a_database(plain: list[umbel.Answer], tmp_path: Path) -> None:
    pupils, schools = tables()
    path = tmp_path / "school.db"
    with duckdb.connect(str(path)) as connection:
        for name, columns in (("pupils", pupils), ("schools", schools)):
            renamed = {"a_" if key == "a" else key: values for key, values in columns.items()}
            at = _parquet(renamed, tmp_path / f"{name}.parquet")
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{at}')")
    variables = {**VARIABLES, "a": {"column": "a_", "missing": [9]}}
    study = umbel.Study("pupils", units="schools", unit="school", database=f"duckdb:///{path}", variables=variables)
    found = [umbel.solve(GRAPH, question, study) for question in QUESTIONS]
    np.testing.assert_allclose(figures(found), figures(plain), rtol=TOLERANCE, atol=TOLERANCE)


def test_the_number_is_right_and_not_only_the_same(plain: list[umbel.Answer]) -> None:
    """By hand: the arms' difference at each ``a``, averaged over schools; then over the average law of ``a``."""
    pupils, _ = tables()
    frame = pd.DataFrame(pupils)
    frame = frame[frame["A"].notna() & (frame["a"] != 9) & (frame[PATTERN] != -99.0) & frame[PATTERN].notna()]
    cells = frame.groupby(["school", "a", "A"])[PATTERN].mean().unstack()  # (school, a) by A
    assert not cells.isna().any().any()
    differences = (cells[1] - cells[0]).unstack()  # school by a
    z = differences.index.str.split().str[1].astype(int) % 2  # half of the schools each
    law = frame.groupby("school")["a"].value_counts(normalize=True).unstack().mean()
    assert plain[0].value == pytest.approx(float((differences.groupby(z).mean().mean() * law).sum()), abs=1e-6)
