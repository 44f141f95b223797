"""The door: what a Study accepts, and one-line errors that name value, place and remedy."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from umbel.data.columns import Column
from umbel.data.levels import Wanted
from umbel.data.nested import collect
from umbel.data.source import DatabaseTable, FileTable, FrameTable, RelationTable, open_table, position
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.variable import Domain

PUPILS = pa.table({"school": [1, 1, 2], "A": [0, 1, 1], "Y": [0.5, 1.5, 2.0], '^.*$ "ü"': [1, 2, 3], "a": [9, 9, 9]})
SCHOOLS = {"school": ["A", "B"], "effect": [28.0, 8.0], "se": [15.0, 10.0], "treated": [5, 6], "controls": [7, 8]}
SUMMARY = {"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"}


def homes(folder: Path) -> dict[str, object]:
    pyarrow.csv.write_csv(PUPILS, folder / "pupils.csv")
    pyarrow.parquet.write_table(PUPILS, folder / "pupils.parquet")
    return {
        "pandas": PUPILS.to_pandas(),
        "polars": pl.from_arrow(PUPILS),
        "polars lazy": pl.DataFrame(PUPILS).lazy(),
        "pyarrow": PUPILS,
        "dict": PUPILS.to_pydict(),
        "csv": folder / "pupils.csv",
        "parquet": str(folder / "pupils.parquet"),
    }


def test_every_home_keeps_the_exact_names(tmp_path: Path) -> None:
    for kind, home in homes(tmp_path).items():
        assert open_table(home, role="data").columns == tuple(PUPILS.column_names), kind


def test_each_home_has_its_form(tmp_path: Path) -> None:
    kinds = {kind: type(open_table(home, role="data")) for kind, home in homes(tmp_path).items()}
    assert kinds["csv"] is kinds["parquet"] is FileTable
    assert kinds["pandas"] is kinds["polars"] is kinds["dict"] is FrameTable
    assert type(open_table(duckdb.sql("SELECT 1 AS A"), role="data")) is RelationTable


def test_a_database_table(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.execute('CREATE TABLE pupils AS SELECT 1 AS school, 2 AS "Y y"')
    url = f"duckdb:///{tmp_path / 'x.db'}"
    table = open_table("pupils", role="data", database=url)
    assert isinstance(table, DatabaseTable)
    assert table.columns == ("school", "Y y")
    with pytest.raises(DataError, match=r"no table 'pupil'.*Did you mean 'pupils'"):
        open_table("pupil", role="data", database=url)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(DataError) as caught:
        open_table("pupils", role="data", database="mysql://me:secret@host/db")
    assert "secret" not in str(caught.value)


def test_a_summary_study() -> None:
    study = Study(units=SCHOOLS, unit="school", summaries=(SUMMARY,), counts={"A": ["controls", "treated"]})
    assert study.summaries[0].of == SUMMARY["of"]
    assert study.counts == (("A", ("controls", "treated")),)
    assert study.data is None


def test_levels() -> None:
    classes = {"school": ["A"], "class": [1]}
    study = Study(
        {"school": ["A"], "class": [1], "Y": [1.0]},
        units={"school": SCHOOLS, "class": classes},
        unit=["school", "class"],
    )
    assert study.plates == ("school", "class")
    assert [table.name for table in study.tables()] == ["units of school", "units of class", "data"]


def test_variables() -> None:
    study = Study(PUPILS, variables={"Score": {"column": "Y", "missing": [-9, "NA"], "states": ["low", "high"]}})
    assert study.column("Score") == Column("Score", "Y", "", "", (-9, "NA"), Domain(("low", "high")))
    assert study.column("A").column == "A"
    assert study.holds("Score") and not study.holds("Z")


WRONG = {
    "nothing": (lambda: Study(), "needs a table"),
    "no such file": (lambda: Study("pupls.csv"), "'pupls.csv' does not exist"),
    "no table": (lambda: Study(3), "data is a builtins int, which is no table"),
    "ragged": (lambda: Study({"A": [1], "B": [1, 2]}), "data is no table"),
    "twice": (lambda: Study(pd.DataFrame([[1, 2]], columns=["A", "A"])), "two columns called 'A'"),
    "unit": (lambda: Study(PUPILS, unit="schol"), r"no column 'schol' \(unit\).*Did you mean 'school'"),
    "case": (lambda: Study(PUPILS, unit="School"), r"Did you mean 'school'"),
    "units without unit": (lambda: Study(PUPILS, units=SCHOOLS), "needs unit="),
    "units lack the key": (lambda: Study(PUPILS, units={"x": [1]}, unit="school"), "units has no column 'school'"),
    "count": (lambda: Study(PUPILS, count="n"), r"no column 'n' \(count\)"),
    "count and weight": (lambda: Study(PUPILS, count="Y", weight="Y"), "as count and as weight"),
    "assigned": (lambda: Study(PUPILS, assigned="school"), "does not say what"),
    "variable": (lambda: Study(PUPILS, variables={"Y": {"column": "why"}}), "No table has the column 'why'"),
    "variable key": (lambda: Study(PUPILS, variables={"Y": {"colum": "Y"}}), "Did you mean 'column'"),
    "states": (lambda: Study(PUPILS, variables={"Y": {"states": [1, 1]}}), "names '1' twice"),
    "no states": (lambda: Study(PUPILS, variables={"Y": {"states": 0}}), "at least one state"),
    "missing": (lambda: Study(PUPILS, variables={"Y": {"missing": [[1]]}}), "list of numbers and quoted labels"),
    "error": (lambda: Study(PUPILS, errors={"Y": "se"}), r"no column 'se' \(error of Y\)"),
    "summary key": (lambda: Study(units=SCHOOLS, summaries=({"off": "x"},)), "Did you mean 'of'"),
    "summary part": (lambda: Study(units=SCHOOLS, summaries=({"of": "x"},)), "needs 'value' as text"),
    "summary column": (
        lambda: Study(units=SCHOOLS, summaries=({**SUMMARY, "se": "sd"},)),
        r"no column 'sd' \(the summary's standard error\)",
    ),
    "summaries with rows": (lambda: Study(PUPILS, units=SCHOOLS, summaries=(SUMMARY,)), "has no rows"),
    "counts alone": (lambda: Study(PUPILS, counts={"A": ["A"]}), "belongs to a study of summaries"),
    "units alone": (lambda: Study(units=SCHOOLS), "Give its rows as data"),
    "keys per level": (
        lambda: Study(PUPILS, units={"a": SCHOOLS, "b": SCHOOLS}, unit="school"),
        "2 outer levels need as many keys",
    ),
    "name": (lambda: Study(PUPILS, do=[1]), "which is no name"),
    "names": (lambda: Study(PUPILS, do=["A", "A"]), "names 'A' twice"),
    "doses of nothing": (lambda: Study(PUPILS, doses={"A": (0.5,)}), "which do=... does not name"),
    "doses in a word": (lambda: Study(PUPILS, do="A", doses={"A": "half"}), "they are a list"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_a_one_line_error(case: str) -> None:
    build, message = WRONG[case]
    with pytest.raises(DataError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "A,,Y\n1,2,3\n", "1,2\n3,4\n", "A,A\n1,2\n"])
def test_csv_without_usable_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        open_table(tmp_path / "x.csv", role="data")
    assert "\n" not in str(caught.value)


def test_csv_dialects(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("\ufeffName;A;a\nä;1,5;2\nb;2,5;3\n", encoding="utf-8")
    assert open_table(tmp_path / "x.csv", role="data").columns == ("Name", "A", "a")
    (tmp_path / "y.tsv").write_text("A\tB c\n1\t2\n")
    assert open_table(tmp_path / "y.tsv", role="data").columns == ("A", "B c")


def test_position_is_exact() -> None:
    table = open_table(PUPILS, role="data")
    assert position(table, "A", reason="x") == 1
    assert position(table, "a", reason="x") == 4


def test_yes_and_no_are_words_in_every_home(tmp_path: Path) -> None:
    """DuckDB reads a csv's yes and no as true and false, and no other home does."""
    path = tmp_path / "answers.csv"
    path.write_text("u,A,B,a,Y\n1,yes,true,no,1\n1,no,false,yes,2\n2,yes,true,no,3\n", encoding="utf-8")
    wanted = [Wanted(name, 1) for name in ("A", "B", "a")]
    requests = [Request((name,)) for name in ("A", "B", "a")]
    for home in (path, pd.read_csv(path), pl.read_csv(path)):
        found = collect(Study(home, unit="u"), wanted, requests)
        assert [cells.states for cells in found.cells] == [(("no", "yes"),), ((False, True),), (("no", "yes"),)]
