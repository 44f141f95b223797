"""The docs keep their promises: every text that they show is read by the program that they describe."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from tests.architecture.test_imports import DOORS, FLOORS
from umbel.config.problem import parse_problem
from umbel.graph.mixed import Graph
from umbel.model.query import Question

DOCS = Path(__file__).parents[2] / "docs"
SRC = Path(__file__).parents[2] / "src" / "umbel"
LANGUAGE = (DOCS / "language.md").read_text(encoding="utf-8")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", LANGUAGE, re.DOTALL | re.MULTILINE)


def questions() -> list[str]:
    (block,) = blocks("question")
    return [line.split("   #")[0].split(" # ")[0].strip() for line in block.splitlines()]


@pytest.mark.parametrize("text", blocks("graph"))
def test_graphs_are_read_and_written_back(text: str) -> None:
    graph = Graph.parse(text)
    assert Graph.parse(graph.text()) == graph


@pytest.mark.parametrize("text", questions())
def test_questions_are_read_and_written_back(text: str) -> None:
    question = Question.parse(text)
    assert Question.parse(str(question)) == question


@pytest.mark.parametrize("text", blocks("toml"))
def test_problem_files_are_read(text: str) -> None:
    problem = parse_problem(text)
    Graph.parse(problem.graph)
    for question in problem.questions:
        Question.parse(question)
    for line in re.findall(r"^# \w+ = .*$", text, flags=re.MULTILINE):
        tomllib.loads(line[2:].split("  #")[0].replace("; ", "\n").split(";  ")[0])


def test_the_answer_is_valid() -> None:
    schema = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
    (text,) = blocks("json")
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def test_the_python_runs() -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)  # our own docs, not a user's text


def test_the_house_names_every_room_and_door() -> None:
    for room in (room for floor in FLOORS for room in floor if room != "web"):
        assert f"`{room}`" in ARCHITECTURE, room
    for door in DOORS:
        assert f"`{door}`" in ARCHITECTURE, door


def families() -> dict[str, list[str]]:
    """Patterns of file names by room, from the table of what lies inside the large rooms."""
    table = ARCHITECTURE.split("## Inside the large rooms")[1].split("\nA graph class")[0]
    found: dict[str, list[str]] = {}
    room = ""
    for first, _, patterns in re.findall(r"^\|(.*)\|(.*)\|(.*)\|$", table, flags=re.MULTILINE)[2:]:
        room = first.strip(" `") or room
        found.setdefault(room, []).extend(re.findall(r"`([^`]+)`", patterns))
    return found


@pytest.mark.parametrize("room", families())
def test_every_file_of_a_large_room_has_a_family(room: str) -> None:
    names = {path.stem for path in (SRC / room).glob("*.py")} - {"__init__"}
    lost = sorted(name for name in names if not any(fnmatch(name, one) for one in families()[room]))
    empty = sorted(one for one in families()[room] if not any(fnmatch(name, one) for name in names))
    assert not lost, f"say in docs/architecture.md where these belong: {', '.join(lost)}"
    assert not empty, f"docs/architecture.md names what is not there: {', '.join(empty)}"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
