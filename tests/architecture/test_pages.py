"""Every page shows what happens: its Python runs, its problem files are read, its commands exist, its links lead on."""

from __future__ import annotations

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from umbel.cli import app
from umbel.config.problem import parse_problem
from umbel.estimate.choose import estimators
from umbel.gallery.catalogue import find
from umbel.graph.mixed import Graph
from umbel.model.query import Question

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
RUNNING = [page for page in PAGES if ">>> " in page.read_text(encoding="utf-8")]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", RUNNING, ids=name_of)
def test_the_python_of_a_page_runs(page: Path) -> None:
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted and not found.failed


def test_the_pages_that_a_reader_expects_run() -> None:
    names = {page.name for page in RUNNING}
    tutorials = {"nested.md", "network.md", "studies.md", "bounds.md", "classes.md", "totals.md"}
    assert tutorials | {"checking.md", "coming_from.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_problem_files_of_a_page_are_read(page: Path) -> None:
    for text in re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        assert tomllib.loads(text)
        problem = parse_problem(text)
        Graph.parse(problem.graph)
        for question in problem.questions:
            Question.parse(question)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name_of)
def test_commands_of_a_page_exist(page: Path) -> None:
    for text in re.findall(r"`umbel ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        command, *rest = shlex.split(text.replace("…", "x"))
        assert command in COMMANDS, text
        options = {option for one in COMMANDS[command].params for option in one.opts}
        assert {word for word in rest if word.startswith("--")} - {"--help"} <= options, text
        if command == "gallery" and rest and re.fullmatch(r"[a-z0-9-]+", rest[0]):
            find(rest[0])


def anchors(page: Path) -> set[str]:
    """Headings as links name them: small letters, signs left out, blanks as hyphens."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name_of)
def test_links_and_their_anchors_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {name_of(page) for page in PAGES} <= linked


def test_every_estimator_is_described() -> None:
    text = (DOCS / "methods.md").read_text(encoding="utf-8")
    for one in estimators():
        assert f"| `{one.name}` |" in text, one.name
