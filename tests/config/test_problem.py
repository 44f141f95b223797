"""Problem files: every key of the language, and one line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.config.problem import MethodSpec, SummarySpec, VariableSpec, load_problem, missing_file, parse_problem
from umbel.errors import ProblemError

HEAD = 'graph = "A -> Y"\nquestion = "P(Y | do(A))"\n'

FULL = """
title = "Tutoring"
assumptions = ["Class size does not matter"]
graph = '''
plate student { A Y }
A -> Y
'''
question = ["E[Y | do(A=1)]", "P(Y | do(A))"]
equations = "model.json"

[[study]]
table = "students.parquet"
units = { class = "classes.csv", school = "schools.csv" }
unit = ["school", "class"]
count = "n"
weight = "w"
unit_weight = "W"
cluster = "psu"
strata = "s"
do = ["Treatment"]
assigned = "school"
edges = "friends.csv"
selected = ["S"]
errors = { Gain = "se" }

[[study]]
units = "schools.csv"
unit = "school"
summaries = [{ of = "E[Y | A=1] - E[Y | A=0]", value = "effect", se = "se" }]
counts = { A = ["controls", "treated"] }

[[study]]
table = "pupils"
database = "duckdb:///x.db"

[variables.Y]
column = "maths_2024"
label = "Maths score"
measure = "points"
missing = [-9, "NA"]

[variables."Birth weight"]
column = "bw"

[method]
name = "units"
level = 0.9
seed = 3
location = 5
scale = 5
"""


def test_every_key_is_read() -> None:
    problem = parse_problem(FULL, folder=Path("studies"))
    assert problem.title == "Tutoring"
    assert problem.assumptions == ("Class size does not matter",)
    assert problem.questions == ("E[Y | do(A=1)]", "P(Y | do(A))")
    assert problem.several
    assert problem.equations == "model.json"
    nested, summary, database = problem.studies
    assert nested.units == (("school", "schools.csv"), ("class", "classes.csv"))  # outermost first, as unit says
    assert (nested.do, nested.assigned, nested.selected) == (("Treatment",), "school", ("S",))
    assert nested.errors == (("Gain", "se"),)
    assert nested.paths() == ("students.parquet", "schools.csv", "classes.csv", "friends.csv")
    assert (summary.units, summary.unit) == ((("", "schools.csv"),), ("school",))
    assert summary.summaries == (SummarySpec("E[Y | A=1] - E[Y | A=0]", "effect", "se"),)
    assert summary.counts == (("A", ("controls", "treated")),)
    assert database.paths() == ()
    assert problem.variables[0] == VariableSpec("Y", "maths_2024", "Maths score", "points", (-9, "NA"))
    assert parse_problem(HEAD + "[variables.Y]\nstates = ['low', 'high']").variables[0].states == ("low", "high")
    assert parse_problem(HEAD + "[variables.Y]\nstates = 3").variables[0].states == (0, 1, 2)
    assert problem.variables[1].name == "Birth weight"
    assert problem.method == MethodSpec("units", 0.9, 3, 5.0, 5.0)


def test_defaults() -> None:
    problem = parse_problem(HEAD)
    assert (problem.studies, problem.variables, problem.several) == ((), (), False)
    assert problem.method == MethodSpec(None, 0.95, 0, None, None)


WRONG = {
    "an empty box": (HEAD + "[method]\nbox = { k = [1, 0] }", "the box of k is [1, 0]. Give its ends: k = [0, 1]."),
    "a box of words": (HEAD + '[method]\nbox = { k = ["a", "b"] }', "the box of k is ['a', 'b']."),
    "no budget": (HEAD + "[method]\nbudget = 0", "budget"),
    "no graph": ('question = "P(Y)"', "problem: graph is missing."),
    "no question": ('graph = "A -> Y"', "problem: question is missing."),
    "no questions": ('graph = "A"\nquestion = []', "problem: question is empty; give at least one."),
    "blank graph": (
        'graph = " "\nquestion = "P(Y)"',
        "problem: graph is empty; give it a value or leave the line out.",
    ),
    "unknown key": (HEAD + 'tilte = "x"', "Did you mean 'title'?"),
    "unknown study key": (HEAD + '[[study]]\ntable = "a.csv"\nunts = "b.csv"', "[[study]] 1: unknown key 'unts'."),
    "question in a study": (HEAD + '[[study]]\ntable = "a.csv"\ntitle = "x"', "belongs before the first [[study]]"),
    "wrong type": ('graph = 3\nquestion = "P(Y)"', "graph is 3; it must be a text in quotes."),
    "list of numbers": ('graph = "A"\nquestion = [1]', "question is 1; it must be texts in quotes."),
    "study is a text": (HEAD + 'study = "a.csv"', "study is 'a.csv'; it must be tables, each headed [[study]]."),
    "study is one table": (HEAD + '[study]\ntable = "a.csv"', "each headed [[study]]"),
    "no data": (HEAD + "[[study]]\n", "[[study]] 1 names no data"),
    "units alone": (HEAD + '[[study]]\nunits = "a.csv"', "has units and no table"),
    "unit without table": (
        HEAD + '[[study]]\ntable = "a"\nunits = { a = "x.csv" }\nunit = ["b"]',
        "unit names 'b', for which units gives no table. units has: a.",
    ),
    "summary": (
        HEAD + '[[study]]\nunits = "a"\nsummaries = [{ of = "E[Y]" }]',
        "[[study]] 1, [[summaries]] 1: value is missing.",
    ),
    "counts": (HEAD + '[[study]]\ntable = "a"\ncounts = { A = "n" }', "counts.A is 'n'; it must be a list of texts."),
    "level": (HEAD + "[method]\nlevel = 1.5", "[method]: level is 1.5; it must lie between 0 and 1."),
    "scale": (HEAD + "[method]\nscale = -1", "scale is -1; it must lie above 0."),
    "nan": (HEAD + "[method]\nlocation = nan", "location is nan; it must be a finite number."),
    "bool is no number": (HEAD + "[method]\nscale = true", "scale is true; it must be a finite number."),
    "seed": (HEAD + "[method]\nseed = -1", "seed is -1; it must be a whole number from 0 on."),
    "huge": (HEAD + "[method]\nscale = " + "9" * 400, "scale is a huge number; it must be a finite number."),
    "thousands of digits": (HEAD + "[method]\nseed = " + "9" * 5000, "a number or a nesting is too long"),
    "states": (HEAD + "[variables.Y]\nstates = 0", "states is 0; it must be a list of states, or their number"),
    "states twice": (HEAD + "[variables.Y]\nstates = [1, 1]", "states names '1' twice"),
    "no states": (HEAD + "[variables.Y]\nstates = []", "states is empty"),
    "variables": (HEAD + "variables = 3", "variables is 3; it must be a table."),
    "variable": (HEAD + "[variables]\nY = 3", "variables.Y is 3; it must be a table, headed [variables.Y]."),
    "missing codes": (HEAD + "[variables.Y]\nmissing = [[1]]", "missing is a list; it must be numbers"),
    "no TOML": ("graph = ", "problem is not TOML: Invalid value"),
    "deep": ("x = " + "[" * 5000, "problem is not TOML"),
}


def test_the_range_of_parameters() -> None:
    method = parse_problem(HEAD + "[method]\nbox = { k1 = [0, 3], k2 = [-1.5, 1] }\nbudget = 0.3").method
    assert method.box == (("k1", 0.0, 3.0), ("k2", -1.5, 1.0))
    assert method.budget == 0.3


@pytest.mark.parametrize("name", WRONG)
def test_one_line_for_every_mistake(name: str) -> None:
    text, expected = WRONG[name]
    with pytest.raises(ProblemError) as caught:
        parse_problem(text)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert len(message) < 400


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    with pytest.raises(ProblemError, match="There is no problem file"):
        load_problem(path)
    with pytest.raises(ProblemError, match="is a folder"):
        load_problem(tmp_path)
    path.write_bytes(b"graph = '\xff'")
    with pytest.raises(ProblemError, match="not UTF-8"):
        load_problem(path)
    path.write_text("\ufeff" + FULL, encoding="utf-8")
    problem = load_problem(path)
    assert problem.folder == tmp_path
    assert missing_file(problem) == "students.parquet"
    path.write_text(HEAD + '[[study]]\ntable = "a.csv"', encoding="utf-8")
    (tmp_path / "a.csv").touch()
    assert missing_file(load_problem(path)) is None


@given(st.text(max_size=60), st.integers(0, len(FULL)))
def test_mutated_files_meet_only_the_documented_error(noise: str, at: int) -> None:
    try:
        parse_problem(FULL[:at] + noise + FULL[at:])
    except ProblemError as error:
        assert "\n" not in str(error)
