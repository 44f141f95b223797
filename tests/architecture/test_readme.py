"""The README keeps its promises: what it shows is what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import umbel
from umbel.cli import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_run_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown = next(block for block in blocks("") if block.startswith("$ umbel "))
    command, *lines = shown.splitlines()
    assert run(command.split()[2:]) == 0
    out = iter(capsys.readouterr().out.splitlines())
    for line in lines:
        if line != "…":
            assert any(line == real for real in out), f"not in the output, or not in this order: {line}"


def test_the_python_that_is_shown() -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    for statement in code.split("\n\n"):
        exec(statement, names)  # our own README, not a user's text
        verdict = names.get("verdict")
        if isinstance(verdict, umbel.Identified):
            assert f"# {verdict.estimand}" in statement
    assert isinstance(names["verdict"], umbel.Unidentified)


def test_two_commands_of_one_line() -> None:
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith("umbel gallery eight-schools")
    assert lines[1].endswith("pytest -q")


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
