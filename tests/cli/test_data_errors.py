"""What users meet whose data contradict themselves: one line, or a Check, and never a silent number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from umbel.cli import run

Capture = pytest.CaptureFixture[str]

GRAPH = "plate pupil { A Y }; latent U; U -> { A Y }; A -> Y; Z -> Y"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
SCHOOLS = "school,Z\n1,0\n2,1\n3,0\n4,1\n"
ROWS = "".join(f"{school},{a},{(school + a + i) % 2}\n" for school in (1, 2, 3, 4) for a in (0, 1) for i in range(6))
PUPILS = "school,A,Y\n" + ROWS


def problem(folder: Path, *, pupils: str = PUPILS, schools: str | None = SCHOOLS, more: str = "", **change: str) -> str:
    (folder / "pupils.csv").write_text(pupils, encoding="utf-8")
    units = ""
    if schools is not None:
        (folder / "schools.csv").write_text(schools, encoding="utf-8")
        units = 'units = "schools.csv"\n'
    graph, question = change.get("graph", GRAPH), change.get("question", EFFECT)
    study = change.get("study", f'table = "pupils.csv"\n{units}unit = "school"\n')
    path = folder / "problem.toml"
    path.write_text(f"graph = '''{graph}'''\nquestion = '''{question}'''\n[[study]]\n{study}{more}", encoding="utf-8")
    return str(path)


def solved(path: str, capsys: Capture) -> dict:
    assert run(["solve", path, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def failed(answer: dict) -> dict[str, str]:
    return {one["name"]: one["advice"] for one in answer["checks"] if not one["passed"]}


ERRORS: dict[str, tuple[dict[str, str | None], str]] = {
    "keys do not join": (
        {"schools": "school,Z\n1,0\n2,1\n3,0\n"},
        "1 of 4 units of pupils.csv have no row in schools.csv: 4.",
    ),
    "no key joins": (
        {"schools": "school,Z\na,0\nb,1\n"},
        "The key 'school' is text in schools.csv and numbers in pupils.csv. Make both the same.",
    ),
    "a unit twice": ({"schools": SCHOOLS + "4,0\n"}, "schools.csv has two rows of school 4. Each unit has one row."),
    "a unit without key": ({"schools": SCHOOLS + ",0\n"}, "schools.csv has no 'school' in row 5."),
    "a unit variable that varies": (
        {
            "graph": "plate pupil { A Y }; latent U; U -> { A Y }; A -> { Z Y }; Z -> Y",
            "schools": None,
            "pupils": "school,A,Y,Z\n1,0,0,0\n1,1,1,1\n2,0,0,1\n2,1,1,1\n",
        },
        "varies within school '1' (0, 1), and in the graph it stands outside that plate.",
    ),
    "a category never declared": (
        {"pupils": PUPILS.replace("\n2,1,", "\n2,7,", 1), "more": "[variables.A]\nstates = [0, 1]\n"},
        "Column 'A' of pupils.csv holds 7, which is none of its states: 0, 1.",
    ),
    "states in the graph": (
        {"pupils": PUPILS.replace("\n2,1,", "\n2,7,", 1), "graph": GRAPH + "; states A = 2"},
        "holds 7, which is none of its states: 0, 1. Declare it as a state, or as missing.",
    ),
    "states said twice": (
        {"graph": GRAPH + "; states A = 2", "more": "[variables.A]\nstates = ['no', 'yes']\n"},
        "has the states 0, 1 in the graph and no, yes in [variables].",
    ),
    "a table that is not there": (
        {"study": 'table = "pupil.csv"\nunit = "school"\n'},
        "The file 'pupil.csv' is not there.",
    ),
    "words among numbers": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,1,ill", 1)},
        "Column 'Y' of pupils.csv holds 'ill', which is no number. If it means \"missing\", declare missing =",
    ),
    "an infinity": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,1,inf", 1)},
        "Column 'Y' of pupils.csv holds an infinity.",
    ),
    "a column of another case": (
        {"pupils": PUPILS.replace("school,A,Y", "School,A,Y")},
        "pupils.csv has no column 'school' (unit). Possible: School.",
    ),
    "a variable nobody measured": ({"pupils": PUPILS.replace("school,A,Y", "school,A,y")}, "does not measure"),
    "a described variable of no graph": ({"more": "[variables.Yy]\nmissing = [-9]\n"}, "Did you mean 'Y'?"),
    "a column twice": ({"pupils": PUPILS.replace("school,A,Y", "school,A,A")}, "has two columns called 'A'."),
    "no rows": ({"pupils": "school,A,Y\n"}, "pupils.csv"),
    "equations": ({"study": 'table = "pupils.csv"\n[variables.Y]\nmissing = ["x" , [1]]\n'}, "missing is a list"),
    "an unknown estimator": ({"more": '[method]\nname = "unit"\n'}, "there is no estimator 'unit'."),
}


@pytest.mark.parametrize("case", ERRORS)
def test_contradictions_are_one_line(case: str, tmp_path: Path, capsys: Capture) -> None:
    change, message = ERRORS[case]
    assert run(["solve", problem(tmp_path, **change)]) == 2  # type: ignore[arg-type]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


DOUBTS: dict[str, tuple[dict[str, str], str, str]] = {
    "missing values": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,1,", 1).replace("\n3,1,0", "\n3,,0", 1)},
        "complete rows",
        "2 of 48 rows are incomplete and were left out (Column 'A' of pupils.csv is missing in 1; ",
    ),
    "declared codes": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,1,-9", 1), "more": "[variables.Y]\nmissing = [-9]\n"},
        "complete rows",
        "1 of 48 rows are incomplete and were left out",
    ),
    "a suspected code": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,1,999", 1)},
        "missing codes",
        "holds 999, far from its other values (0 to 1): if it means missing, declare missing = [999].",
    ),
    "a suspected state": (
        {"pupils": PUPILS.replace("\n2,1,0", "\n2,-9,0", 1)},
        "missing codes",
        "A has a state -9: if it means missing, declare missing = [-9].",
    ),
    "an empty unit": (
        {"schools": SCHOOLS + "5,1\n"},
        "units have rows",
        "1 of 5 units of schools.csv have no complete row in pupils.csv; they were left out.",
    ),
    "a state nobody has": (
        {"more": "[variables.A]\nstates = [0, 1, 2]\n"},
        "states seen",
        "No row has A = 2. Nothing can be learnt there.",
    ),
    "a design that is not read": (
        {"pupils": "psu," + PUPILS.replace("\n", "\n1,").removesuffix("1,"), "more": 'cluster = "psu"\n'},
        "design",
        "does not read what the study declares as cluster.",
    ),
    "a prior without use": ({"more": "[method]\nscale = 2\n"}, "method", "does not read scale."),
}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_text_that_is_not_utf_8_is_called_so(encoding: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "pupils.csv").write_text("school,A,Y\nKöln,0,1\nKöln,1,1\n", encoding=encoding)
    path = tmp_path / "problem.toml"
    path.write_text(f'graph = "A -> Y"\nquestion = "{EFFECT}"\n[[study]]\ntable = "pupils.csv"\n', encoding="utf-8")
    assert run(["solve", str(path)]) == 2
    assert capsys.readouterr().err == "umbel: 'pupils.csv' is not UTF-8 text. Save it with that encoding.\n"


def test_decimal_commas_are_numbers(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "p.csv").write_text("A;Y;Note\n0;2,5;a,b\n1;-3,5;\n0;;c\n1;4;d\n0;1,25;e\n", encoding="utf-8")
    study = 'table = "p.csv"\n'
    found = solved(problem(tmp_path, graph="A -> Y", question="E[Y | do(A=1)] - E[Y | do(A=0)]", study=study), capsys)
    assert found["estimate"]["value"] == pytest.approx((4 - 3.5) / 2 - (2.5 + 1.25) / 2)


@pytest.mark.parametrize("base", [2**53, 2**63 - 2, 2**64 + 1, 10**25, 3 * 10**38, 10**45])
def test_keys_of_many_digits_stay_apart(base: int, tmp_path: Path, capsys: Capture) -> None:
    """DuckDB hands out whole numbers beyond 64 bits as floats: every school was one school, in silence."""
    lines = [line.split(",", 1) for line in ROWS.splitlines()]
    pupils = "school,A,Y\n" + "".join(f"{base + int(school)},{rest}\n" for school, rest in lines)
    schools = "school,Z\n" + "".join(f"{base + school},{(school + 1) % 2}\n" for school in (1, 2, 3, 4))
    found = solved(problem(tmp_path, pupils=pupils, schools=schools), capsys)
    plain = solved(problem(tmp_path), capsys)
    assert found["data"][1] == {"table": "pupils.csv", "rows": 48, "units": 4}
    assert found["estimate"]["value"] == pytest.approx(plain["estimate"]["value"], abs=1e-12)


@pytest.mark.parametrize("case", DOUBTS)
def test_doubts_are_checks_beside_the_number(case: str, tmp_path: Path, capsys: Capture) -> None:
    change, name, advice = DOUBTS[case]
    answer = solved(problem(tmp_path, **change), capsys)
    assert answer["estimate"]["value"] is not None
    assert advice in failed(answer)[name]


def test_the_number_itself_does_not_move_for_rows_that_are_left_out(tmp_path: Path, capsys: Capture) -> None:
    clean = solved(problem(tmp_path), capsys)
    holes = PUPILS + "1,,1\n2,0,\n3,-9,1\n"
    dirty = solved(problem(tmp_path, pupils=holes, more="[variables.A]\nmissing = [-9]\n"), capsys)
    assert dirty["estimate"] == clean["estimate"]
    assert [one["rows"] for one in dirty["data"]] == [None, 48]
    assert set(failed(clean)) == {"overlap: Z", "spread"}  # two schools for each value, and all schools alike


def test_levels_that_cross_are_a_doubt(tmp_path: Path, capsys: Capture) -> None:
    """One class appears under two schools: refused as a question, and shown by check."""
    rows = [f"{school},{school * 10 + c},{a},{a}\n" for school in range(4) for c in range(3) for a in (0, 1)]
    (tmp_path / "pupils.csv").write_text("school,class,A,Y\n" + "".join(rows) + "0,11,0,0\n", encoding="utf-8")
    path = tmp_path / "problem.toml"
    path.write_text(
        "graph = 'plate class { plate pupil { A Y } }; latent U; U -> { A Y }; A -> Y'\n"
        f"question = '{EFFECT}'\n[[study]]\ntable = 'pupils.csv'\nunit = ['school', 'class']\n",
        encoding="utf-8",
    )
    assert run(["check", str(path), "--json"]) == 0
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert "1 of 12 values of class appear under several of school (11 is one)" in checks["levels nest"]["advice"]


TRAPS = {
    "case": ("A", "a"),
    "pattern": ("^.*$", "Y"),
    "quotes": ('say "A"', "it's"),
    "unicode": ("Ärm", "Größe ∑"),
    "positions": ("c1", "c0"),
    "blanks and marks": ("A = 1; -- drop", "Y,{z}"),
}


@pytest.mark.parametrize("case", TRAPS)
def test_names_that_trap_engines_change_nothing(case: str, tmp_path: Path, capsys: Capture) -> None:
    """The same numbers under hostile names; a second column tempts engines that are blind to case."""
    plain = solved(problem(tmp_path, schools=None, graph=GRAPH.removesuffix("; Z -> Y")), capsys)
    a, y = TRAPS[case]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in ("school", a, y, "decoy", a.swapcase() + "_"))
    body = "".join(f"{line},5,6\n" for line in ROWS.splitlines())

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '\\"') + '"'

    graph = f"plate pupil {{ {quoted(a)} {quoted(y)} }}; latent U; U -> {{ {quoted(a)} {quoted(y)} }}"
    trapped = solved(
        problem(
            tmp_path,
            pupils=f"{header}\n{body}",
            schools=None,
            graph=f"{graph}; {quoted(a)} -> {quoted(y)}",
            question=f"E[{quoted(y)} | do({quoted(a)}=1)] - E[{quoted(y)} | do({quoted(a)}=0)]",
        ),
        capsys,
    )
    assert trapped["estimate"] == plain["estimate"]


def test_words_of_the_user_reach_the_answer(tmp_path: Path, capsys: Capture) -> None:
    more = '[variables.Y]\nlabel = "Passed the test"\nmeasure = "shares"\n'
    assert "Y: Passed the test, in shares." in solved(problem(tmp_path, more=more), capsys)["remarks"]
