"""One table in every home gives one answer; the NumPy twin is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from umbel.data.nested import Nested, Wanted, collect
from umbel.data.plan import Field, Plan
from umbel.data.source import open_table
from umbel.data.statistics import Request, stream
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.numerics.cells import cell_moments
from umbel.variable import Domain

ROWS, UNITS = 600, 7
WEIRD = '^.*$ "ü" a'
VARIABLES = {
    "Arm": {"column": "A", "missing": [-9], "states": [0, 1]},
    "Kind": {"column": "a", "missing": ["NA"]},
    "Score": {"column": WEIRD, "missing": [-99]},
    "Other": {"column": "c3"},
}
WANTED = [Wanted("Arm", 1), Wanted("Kind", 1), Wanted("Score", 1), Wanted("Other", 1)]
REQUESTS = [
    Request(("Arm", "Kind")),
    Request(("Arm",), ("Score", "Other")),
    Request((), ("Other",)),
    Request(("Kind",), ("Score",)),
]


def rows(offset: float = 0.0) -> dict[str, list[object]]:
    """Raw rows with holes of every sort; columns that trap engines by their names."""
    rng = np.random.default_rng(5)
    school = [["north", "süd", "o'west", "4th", "-", "A", "a"][i] for i in rng.integers(0, UNITS, ROWS)]
    arm = [None if u < 0.05 else -9 if u < 0.1 else int(u < 0.5) for u in rng.random(ROWS)]
    kind = [None if u < 0.05 else "NA" if u < 0.1 else "low" if u < 0.5 else 'hi"gh' for u in rng.random(ROWS)]
    score = offset + rng.normal(size=ROWS)
    score[rng.random(ROWS) < 0.05] = -99.0
    other = 3.0 + rng.normal(size=ROWS) * 2.0
    score[rng.random(ROWS) < 0.05] = np.nan
    weight = rng.integers(0, 4, ROWS)
    return {
        "school": school,
        "A": arm,
        "a": kind,
        WEIRD: score.tolist(),
        "c3": [None if u < 0.05 else x for u, x in zip(rng.random(ROWS), other.tolist(), strict=True)],
        "c0": weight.tolist(),
    }


def as_arrow(raw: dict[str, list[object]]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in raw.items()})


def homes(raw: dict[str, list[object]], folder: Path) -> Iterator[tuple[str, object]]:
    table = as_arrow(raw)
    pyarrow.csv.write_csv(table, folder / "rows.csv")
    pyarrow.parquet.write_table(table, folder / "rows.parquet", row_group_size=100)
    frame = pl.DataFrame({name: pl.Series(name, values) for name, values in raw.items()})
    yield "pyarrow", table
    yield "pandas", pd.DataFrame(raw)
    yield "pandas objects", pd.DataFrame(raw).astype(object)
    yield "pandas nullable", pd.DataFrame(raw).convert_dtypes()
    yield "pandas categories", pd.DataFrame(raw).astype({"school": "category", "a": "category"})
    yield "polars", frame
    yield "polars lazy", frame.lazy()
    yield "dict", raw
    yield "csv", folder / "rows.csv"
    yield "parquet", folder / "rows.parquet"
    names = ", ".join(f"column{i}" for i in range(len(raw)))
    yield "relation", duckdb.sql(f"SELECT * FROM read_parquet('{folder / 'rows.parquet'}') AS t({names})")


def twin(raw: dict[str, list[object]], request: Request, weighted: bool) -> tuple[np.ndarray, ...]:
    """The request by hand: Python for the holes, NumPy for the moments."""
    schools = sorted(set(raw["school"]))
    states = {"Arm": [0, 1], "Kind": ['hi"gh', "low"]}
    cells, values, weights = [], [], []
    columns = zip(raw["school"], raw["A"], raw["a"], raw[WEIRD], raw["c3"], raw["c0"], strict=True)
    for school, arm, kind, score, other, weight in columns:
        if arm in (None, -9) or kind in (None, "NA") or score != score or score == -99.0 or other is None:
            continue
        cell = schools.index(school)
        for name in request.by:
            cell = cell * 2 + states[name].index({"Arm": arm, "Kind": kind}[name])
        cells.append(cell)
        values.append([{"Score": score, "Other": other}[name] for name in request.of])
        weights.append(float(weight))
    size = UNITS * 2 ** len(request.by)
    stacked = np.array(values, dtype=float).reshape(len(cells), len(request.of))
    found = cell_moments(np.array(cells), size, stacked, np.array(weights) if weighted else None)
    shape = (UNITS, *([2] * len(request.by)))
    width = len(request.of)
    return (
        found.counts.reshape(shape),
        found.means.reshape((*shape, width)),
        found.comoments.reshape((*shape, width, width)),
    )


def agree(found: Nested, raw: dict[str, list[object]], weighted: bool, tolerance: float = 1e-9) -> None:
    for request, cells in zip(REQUESTS, found.cells, strict=True):
        counts, means, comoments = twin(raw, request, weighted)
        np.testing.assert_allclose(cells.counts, counts, rtol=1e-12)
        np.testing.assert_allclose(cells.means, means, rtol=tolerance, atol=1e-12)
        np.testing.assert_allclose(cells.comoments, comoments, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("weighted", [False, True])
def test_every_home_agrees_with_the_twin(tmp_path: Path, weighted: bool) -> None:
    raw = rows()
    reports = set()
    for kind, home in homes(raw, tmp_path):
        variables = VARIABLES
        if kind == "relation":  # SQL cannot hold A beside a; its columns have names of their own
            renamed = dict(zip(raw, (f"column{i}" for i in range(len(raw))), strict=True))
            variables = {name: {**one, "column": renamed[one["column"]]} for name, one in VARIABLES.items()}
            study = Study(home, unit="column0", count="column5" if weighted else None, variables=variables)
        else:
            study = Study(home, unit="school", count="c0" if weighted else None, variables=variables)
        found = collect(study, WANTED, REQUESTS)
        assert found.keys == tuple((name,) for name in sorted(set(raw["school"]))), kind
        agree(found, raw, weighted)
        reports.add(tuple((check.name, check.passed, check.value) for check in found.checks))
    assert len(reports) == 1  # the doubts agree too


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_an_offset_costs_no_digits(tmp_path: Path, offset: float) -> None:
    """The sum of products minus the product of sums is off by a factor of 58 at 1e8."""
    raw = rows(offset)
    for _, home in homes(raw, tmp_path):
        if not isinstance(home, duckdb.DuckDBPyRelation):
            agree(collect(Study(home, unit="school", variables=VARIABLES), WANTED, REQUESTS), raw, False)


def test_units_that_lie_far_apart_are_centred_one_by_one(tmp_path: Path) -> None:
    raw = rows()
    far = {name: 1e9 * index for index, name in enumerate(sorted(set(raw["school"])))}
    raw["c3"] = [None if x is None else x + far[s] for x, s in zip(raw["c3"], raw["school"], strict=True)]
    for _, home in homes(raw, tmp_path):
        if not isinstance(home, duckdb.DuckDBPyRelation):
            found = collect(Study(home, unit="school", variables=VARIABLES), WANTED, REQUESTS)
            agree(found, raw, False, tolerance=1e-5)  # rows at 6e9 are rounded to 1e-6


def test_a_nan_in_parquet_is_missing_though_statistics_deny_it(tmp_path: Path) -> None:
    """Parquet's minimum and maximum ignore NaN, and DuckDB believes them (its issue 25521)."""
    table = pa.table({"g": ["x"] * 4, "Y": [1.0, float("nan"), 3.0, float("nan")]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    found = collect(Study(tmp_path / "x.parquet", unit="g"), [Wanted("Y", 1)], [Request((), ("Y",))])
    assert found.cells[0].counts.tolist() == [2.0]
    assert found.cells[0].means.tolist() == [[2.0]]
    assert not found.checks[0].passed and found.checks[0].value == 2.0


def test_wide_integers_do_not_wrap() -> None:
    """Sums of int64 wrap to 0 on pandas, polars and pyarrow; float64 first."""
    big = 2**62
    table = pa.table({"g": ["x"] * 4, "Y": pa.array([big] * 4, pa.int64())})
    for home in (table, table.to_pandas(), pl.from_arrow(table)):
        found = collect(Study(home, unit="g"), [Wanted("Y", 1)], [Request((), ("Y",))])
        assert found.cells[0].means.tolist() == [[float(big)]]
    small = pa.table({"g": ["x"] * 200, "Y": pa.array([100] * 200, pa.int8())})
    for home in (small, small.to_pandas(), pl.from_arrow(small)):
        found = collect(Study(home, unit="g"), [Wanted("Y", 1)], [Request((), ("Y",))])
        assert found.cells[0].means.tolist() == [[100.0]]


def test_a_table_without_levels_is_one_unit() -> None:
    study = Study({"A": [0, 1, 1], "Y": [1.0, 2.0, 4.0]})
    found = collect(study, [Wanted("A", 0), Wanted("Y", 0)], [Request(("A",), ("Y",))])
    assert found.units == 1
    assert found.cells[0].counts.tolist() == [[1.0, 2.0]]
    assert found.cells[0].means.ravel().tolist() == [1.0, 3.0]


def test_states_are_in_the_declared_order_and_bools_are_numbers() -> None:
    study = Study({"g": [1, 1, 1], "A": [True, False, True], "S": ["b", "a", "b"]}, unit="g")
    wanted = [Wanted("A", 1, Domain((0, 1))), Wanted("S", 1, Domain(("b", "a", "c")))]
    found = collect(study, wanted, [Request(("A",)), Request(("S",))])
    assert found.cells[0].counts.tolist() == [[1.0, 2.0]]
    assert found.cells[1].counts.tolist() == [[2.0, 1.0, 0.0]]
    assert found.cells[1].states == (("b", "a", "c"),)
    assert [check.name for check in found.checks if not check.passed] == ["states seen"]


def test_batches_hold_the_same_rows(tmp_path: Path) -> None:
    raw = rows()
    plan = Plan((Field(0, "school"),), (Field(4, "c3", True),), (Field(5, "w", True),))
    totals = []
    for kind, home in homes(raw, tmp_path):
        table = open_table(home, role="data")
        total, count, sizes = 0.0, 0, []
        for keys, values, weights in stream(table, plan, 100):
            assert len(keys[0]) == len(values) == len(weights)
            total += float(weights @ values[:, 0])
            count += len(values)
            sizes.append(len(values))
        totals.append((round(total, 6), count))
        assert max(sizes) <= 2048, kind  # DuckDB rounds a batch up to its vectors
    assert len(set(totals)) == 1


def test_two_tables_of_a_database(tmp_path: Path) -> None:
    raw = rows()
    table, schools = as_arrow(raw), pa.table({"school": sorted(set(raw["school"])), "Z": list(range(UNITS))})
    plain = table.drop_columns(["a"])  # a database cannot hold A beside a
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.register("plain", plain)
        connection.register("schools", schools)
        connection.execute(
            'CREATE TABLE pupils AS SELECT * FROM plain; CREATE TABLE "two words" AS SELECT * FROM schools'
        )
    variables = {name: one for name, one in VARIABLES.items() if name != "Kind"}
    wanted = [one for one in WANTED if one.variable != "Kind"] + [Wanted("Z", 0)]
    url = f"duckdb:///{tmp_path / 'x.db'}"
    there = Study("pupils", units="two words", unit="school", database=url, variables=variables)
    here = Study(plain, units=schools, unit="school", variables=variables)
    one, two = (collect(study, wanted, [REQUESTS[1]]) for study in (there, here))
    assert one.keys == two.keys
    np.testing.assert_allclose(one.cells[0].comoments, two.cells[0].comoments, rtol=1e-9)
    assert one.columns["Z"].values.tolist() == two.columns["Z"].values.tolist() == list(map(float, range(UNITS)))


def test_files_that_are_not_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no parquet")
    (tmp_path / "x.xlsx").write_text("no table")
    for name, message in (("x.parquet", "no readable parquet"), ("x.xlsx", "no kind that is read here")):
        with pytest.raises(DataError, match=message):
            Study(tmp_path / name)
    with pytest.raises(DataError, match="is a folder"):
        Study(tmp_path)
