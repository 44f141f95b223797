"""``umbel start`` and ``umbel check``: from tables to a problem file that parses, checks and solves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.cli import run
from umbel.config.problem import parse_problem
from umbel.pipeline.problem import Problem

Capture = pytest.CaptureFixture[str]

UNITS = 12


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Pupils and schools whose columns trap readers by their names and codes."""
    rng = np.random.default_rng(1)
    rows = 300
    school = np.repeat(np.arange(UNITS), rows // UNITS)
    pupils = {
        "sch": school,
        "Tutored?": rng.integers(0, 2, rows),
        "^.*$": np.where(rng.random(rows) < 0.05, -9.0, rng.normal(5.0, 1.0, rows).round(1)),
        "plate": rng.choice(["no", "yes", "NA"], rows),
        "A": rng.integers(0, 2, rows),
        "a": rng.integers(0, 3, rows),
        "note": [f"pupil {i}" for i in range(rows)],
        'Ünï"q': rng.integers(0, 2, rows),
        "town": school // 3,
    }
    pd.DataFrame(pupils).to_csv(tmp_path / "pupils.csv", index=False)
    schools = {"sch": np.arange(UNITS), "size": rng.integers(20, 80, UNITS), "sector": ["public", "private"] * 6}
    pd.DataFrame(schools).to_csv(tmp_path / "schools.csv", index=False)
    return tmp_path


def drafted(folder: Path, *more: str) -> Path:
    out = folder / "problem.toml"
    assert run(["start", str(folder / "pupils.csv"), *more, "--out", str(out)]) == 0
    return out


def test_a_draft_parses_checks_and_solves(tables: Path, capsys: Capture) -> None:
    out = drafted(tables, "--units", str(tables / "schools.csv"), "--unit", "sch")
    assert "umbel check" in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    spec = parse_problem(text, folder=tables)
    assert (spec.studies[0].table, spec.studies[0].units, spec.studies[0].unit) == (
        "pupils.csv",
        (("", "schools.csv"),),
        ("sch",),
    )
    problem = Problem.load(out)
    assert set(problem.graph.names) == {
        *("Tutored?", "^.*$", "plate", "A", "a", 'Ünï"q', "town", "size", "sector"),
        "U",
    }
    inner = {name for node, name in enumerate(problem.graph.names) if problem.graph.plate_of[node] >= 0}
    assert inner == {"Tutored?", "^.*$", "plate", "A", "a", 'Ünï"q'}  # town does not vary within sch
    assert run(["check", str(out)]) == 0
    checked = capsys.readouterr().out
    assert "12 units of 25 to 25 members" in checked
    assert "the estimator would be 'units'" in " ".join(checked.split())
    assert run(["solve", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["estimate"]["value"] is not None
    assert {"table": "pupils.csv", "rows": 300, "units": UNITS} in answer["data"]


def test_a_draft_says_what_it_saw(tables: Path, capsys: Capture) -> None:
    assert run(["start", str(tables / "pupils.csv"), "--unit", "sch"]) == 0
    out = capsys.readouterr().out
    for words in (
        "pupils.csv: 300 rows",
        "the key, 12 of them",
        "does not vary within sch",
        "is -9 a code for missing?",
        "is 'NA' a code for missing?",
        "left out of the graph",
        '# [variables."^.*$"]',
        "# missing = [-9]",
    ):
        assert words in out


def test_uncommented_codes_are_read(tables: Path, capsys: Capture) -> None:
    out = drafted(tables, "--unit", "sch")
    text = out.read_text(encoding="utf-8")
    text = text.replace('# [variables."^.*$"]\n# missing', '[variables."^.*$"]\nmissing')
    question = 'E["^.*$" | do(A=1)] - E["^.*$" | do(A=0)]'
    spec = parse_problem(text)
    text = text.replace(text[text.index("question = ") :].split("\n", 1)[0], f"question = '{question}'")
    out.write_text(text.replace("latent U", 'A -> "^.*$"; latent U'), encoding="utf-8")
    assert spec.variables[0].missing == (-9,)
    capsys.readouterr()
    assert run(["solve", str(out), "--json"]) == 0
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert not checks["complete rows"]["passed"]
    assert checks["complete rows"]["value"] > 0
    assert "missing codes" not in checks


def test_check_shows_what_is_wrong_with_the_data(tables: Path, capsys: Capture) -> None:
    out = drafted(tables, "--unit", "sch")
    capsys.readouterr()
    assert run(["check", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["checks"]
    suspects = [one for one in found if one["name"] == "missing codes"]
    assert {one["value"] for one in suspects} == {-9.0, None}


def test_flat_tables_are_drafted_too(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "flat.csv").write_text("dose,arm,sick\n1.5,old,0\n2.5,new,1\n3.5,new,0\n", encoding="utf-8")
    assert run(["start", str(tmp_path / "flat.csv")]) == 0
    text = capsys.readouterr().out
    spec = parse_problem(text)
    assert "plate" not in spec.graph
    problem = Problem(spec.graph, spec.questions[0])
    assert problem.identify().identified


WRONG = {
    "no key for units": (["pupils.csv", "--units", "schools.csv"], "--units needs --unit"),
    "no such key": (["pupils.csv", "--unit", "schol"], "has no column 'schol'"),
    "key not in units": (["pupils.csv", "--units", "schools.csv", "--unit", "A"], "has no column 'A'"),
    "no such table": (["pupil.csv"], "does not exist. Possible"),
    "no table": (["notes.md"], "is of no kind that is read here"),
    "one column": (["one.csv"], "fewer than two columns"),
    "no rows": (["none.csv"], "'none.csv' has a header and no rows"),
    "the file is there": (["pupils.csv", "--out", "pupils.csv"], "is there already"),
    "nowhere to write": (["pupils.csv", "--out", "no/such/folder.toml"], "cannot be written"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line(case: str, tables: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, message = WRONG[case]
    (tables / "one.csv").write_text("A\n0\n1\n", encoding="utf-8")
    (tables / "none.csv").write_text("A,Y\n", encoding="utf-8")
    (tables / "notes.md").write_text("# no table", encoding="utf-8")
    monkeypatch.chdir(tables)
    assert run(["start", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
