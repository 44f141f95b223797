"""The command line as a whole process would run it: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from umbel import __version__, cli
from umbel.cli import run
from umbel.gallery.catalogue import EXAMPLES

Capture = pytest.CaptureFixture[str]

SCHEMA = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

PROBLEM = """
title = "Coaching"
assumptions = ["Schools do not talk to each other"]
graph = "plate student { A Y }; latent U; U -> { A Y }; A -> Y"
question = "E[Y | do(A=1)] - E[Y | do(A=0)]"

[[study]]
units = "schools.csv"
unit = "school"
summaries = [{ of = "E[Y | A=1] - E[Y | A=0]", value = "effect", se = "se" }]

[method]
level = 0.9
"""


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    (tmp_path / "schools.csv").write_text("school,effect,se\na,3,1\nb,5,2\nc,4,1\nd,2,1.5\n", encoding="utf-8")
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM, encoding="utf-8")
    return path


def answer_of(capsys: Capture, *arguments: str) -> dict:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    VALIDATOR.validate(found)
    return found


def test_version_and_help(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "umbel 0.1.0\n"
    assert run([]) == 0
    bare = capsys.readouterr().out
    assert run(["--help"]) == 0
    assert capsys.readouterr().out.split() == bare.split()
    for command in ("check", "identify", "solve", "gallery"):
        assert command in bare


def test_identify_from_options_and_from_files(capsys: Capture, tmp_path: Path) -> None:
    direct = answer_of(capsys, "identify", "--graph", "A -> Y", "--question", "P(Y | do(A))", "--json")
    assert (direct["verdict"], direct["estimate"]) == ("identified", None)
    (tmp_path / "graph.txt").write_text("A -> Y\n", encoding="utf-8")
    at = f"@{tmp_path / 'graph.txt'}"
    assert answer_of(capsys, "identify", "--graph", at, "--question", "P(Y | do(A))", "--json")["graph"] == "A -> Y"


def test_identify_from_experiments(capsys: Capture) -> None:
    bow = ("identify", "--graph", "X -> Y; X <-> Y", "--question", "P(Y | do(X))", "--json")
    assert answer_of(capsys, *bow)["verdict"] == "unidentified"
    for known in ("all", "(); X"):
        found = answer_of(capsys, *bow, "--experiments", known)
        assert found["estimand"]["text"] == "P_2(Y | X)"
        assert found["estimand"]["strategy"] == "experiment"
    assert run([*bow, "--experiments", "(); Q"]) == 2


TRIAL = """
graph = "X -> M -> Y; X <-> M"
question = "P(Y | do(X))"

[[study]]
table = "trial.csv"
do = ["X"]

[[study]]
table = "registry.csv"
"""


def test_identify_reads_the_design_of_studies(capsys: Capture, tmp_path: Path) -> None:
    """Without the tables each study is taken to measure everything; with them, their columns."""
    path = tmp_path / "problem.toml"
    path.write_text(TRIAL, encoding="utf-8")
    assert answer_of(capsys, "identify", str(path), "--json")["verdict"] == "identified"
    (tmp_path / "trial.csv").write_text("X,M\n0,1\n1,0\n", encoding="utf-8")
    (tmp_path / "registry.csv").write_text("X,M,Y\n0,1,0\n1,0,1\n", encoding="utf-8")
    found = answer_of(capsys, "identify", str(path), "--json")
    assert found["estimand"]["text"] == "Σ_{M} P_2(Y | M) P_1(M | X)"
    assert found["estimand"]["strategy"] == "several studies"
    (tmp_path / "registry.csv").write_text("X,Y\n0,1\n1,0\n", encoding="utf-8")
    assert answer_of(capsys, "identify", str(path), "--json")["verdict"] == "unidentified"


DOSES = """
graph = "plate student { A Y }; latent U; U -> { A W }; A -> { W Y }; W -> Y"
question = ["E[Y | do(A ~ Bernoulli(0.5))]", "E[Y | do(A ~ Bernoulli(0.8))]"]

[[study]]
table = "trial.csv"
do = ["A"]
doses = { A = [0.5] }

[[study]]
table = "registry.csv"
"""


def test_a_trial_inside_units_shows_the_share_that_it_used(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(DOSES, encoding="utf-8")
    assert run(["identify", str(path), "--json"]) == 0
    at, elsewhere = json.loads(capsys.readouterr().out)
    assert at["verdict"] == "identified"
    assert elsewhere["verdict"] == "refused" and "Bernoulli(0.5) alone" in elsewhere["refusal"]["why"]


def test_identify_text_of_a_no(capsys: Capture) -> None:
    assert run(["identify", "--graph", "A -> Y; A <-> Y", "--question", "P(Y | do(A))"]) == 0
    out = capsys.readouterr().out
    assert "not identified" in out
    assert "What would help" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_problem_file_through_every_command(capsys: Capture, problem: Path) -> None:
    assert run(["check", str(problem)]) == 0
    assert "passed study" in capsys.readouterr().out
    assert run(["check", str(problem), "--json"]) == 0
    assert all(check["passed"] for check in json.loads(capsys.readouterr().out)["checks"])
    assert answer_of(capsys, "identify", str(problem), "--json")["estimate"] is None
    answer = answer_of(capsys, "solve", str(problem), "--json")
    assert answer["title"] == "Coaching"
    assert "Schools do not talk to each other" in answer["assumptions"]
    assert answer["data"][0]["units"] == 4
    low, high = answer["estimate"]["interval"]
    assert low < answer["estimate"]["value"] < high
    assert answer["estimate"]["level"] == 0.9


def test_identify_needs_no_data_and_solve_says_which_file(capsys: Capture, problem: Path) -> None:
    (problem.parent / "schools.csv").unlink()
    assert answer_of(capsys, "identify", str(problem), "--json")["verdict"] == "identified"
    assert run(["solve", str(problem)]) == 2
    assert "The file 'schools.csv' is not there." in capsys.readouterr().err


def test_several_questions_give_a_list(capsys: Capture, problem: Path) -> None:
    text = problem.read_text(encoding="utf-8").replace('"E[Y | do(A=1)] -', '["P(Y | do(A ~ q))", "E[Y | do(A=1)] -')
    problem.write_text(text.replace('do(A=0)]"', 'do(A=0)]"]'), encoding="utf-8")
    first, second = answer_of(capsys, "solve", str(problem), "--json")
    assert (first["estimate"], first["refusal"] is None) == (None, False)  # no estimator gives a whole law from this
    assert second["estimate"] is not None


def test_the_gallery_lists_and_runs(capsys: Capture) -> None:
    assert run(["gallery"]) == 0
    out = capsys.readouterr().out
    assert all(example.name in out for example in EXAMPLES)
    assert run(["gallery", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == [example.name for example in EXAMPLES]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_each_example_has_its_verdict(example, capsys: Capture) -> None:
    if example.method.name == "bayes" and find_spec("numpyro") is None:
        assert run(["gallery", example.name]) == 1
        assert (
            capsys.readouterr().err == "umbel: numpyro is not installed. Install it with: pip install 'umbel[bayes]'\n"
        )
        return
    assert answer_of(capsys, "gallery", example.name, "--json")["verdict"] == example.verdict


def test_eight_schools_is_the_published_posterior(capsys: Capture) -> None:
    """L.1 of Weinstein and Blei (2026), from exact quadrature: mean, sd, 5 % and 95 %."""
    answer = answer_of(capsys, "gallery", "eight-schools", "--json")
    estimate = answer["estimate"]
    found = (estimate["value"], estimate["se"], *estimate["interval"])
    assert found == pytest.approx((4.397, 3.318, -1.083, 9.817), abs=0.01)
    assert run(["gallery", "eight-schools"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"4\.40 +3\.32 +-1\.08 +9\.82\n", out)


WRONG = {
    "command": (["slove"], "Did you mean 'solve'?"),
    "option": (["identify", "--grpah", "A"], "No such option"),
    "missing argument": (["solve"], "Missing argument 'PROBLEM'"),
    "too many": (["gallery", "a", "b"], "unexpected extra argument"),
    "nothing": (["identify"], "give a problem file, or --graph and --question"),
    "half": (["identify", "--graph", "A -> Y"], "--question is missing"),
    "both": (["identify", "x.toml", "--graph", "A"], "not both"),
    "no file": (["solve", "nowhere.toml"], "There is no problem file 'nowhere.toml'."),
    "no @file": (["identify", "--graph", "@nowhere", "--question", "P(Y)"], "'nowhere' cannot be read"),
    "graph": (["identify", "--graph", "A -> -> Y", "--question", "P(Y)"], "graph, line 1, column 6"),
    "question": (["identify", "--graph", "A -> Y", "--question", "P(Y | do(A)"], "question, line 1"),
    "unknown name": (["identify", "--graph", "A -> Y", "--question", "P(Z | do(A))"], "'Z' is no variable"),
    "cycle": (["identify", "--graph", "A -> Y -> A", "--question", "P(Y | do(A))"], "A"),
    "example": (["gallery", "eigth-schools"], "Did you mean 'eight-schools'?"),
    "report of the list": (["gallery", "--report", "x.html"], "--report belongs to one example"),
    "report nowhere": (["gallery", "1a", "--report", "no/x.html"], "The page 'no/x.html' cannot be written: No such"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_exit_2(name: str, capsys: Capture) -> None:
    arguments, expected = WRONG[name]
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("umbel: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert expected in err


def test_a_fault_is_one_line_and_exit_1(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(cli, "_spec", broken)
    assert run(["identify"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero (test_cli.py, line" in err
    assert err.count("\n") == 1


def test_an_interrupt_is_130(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_spec", interrupted)
    assert run(["identify"]) == 130
    assert capsys.readouterr().err == "umbel: interrupted\n"


def test_escape_codes_in_input_do_not_reach_the_terminal(capsys: Capture) -> None:
    assert run(["gallery", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "umbel", "--version"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1] == __version__
