"""What every file of the project must be: short, documented, and free of its author's machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400
SKIPPED = {
    ".git",
    ".venv",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "build",
    "dist",
}

# Written in pieces, so that this file does not mention them itself. Machine paths, and the
# hosts of package registries: the project must not know where it was built.
FORBIDDEN = tuple(
    re.compile(r"(?<![\w.])" + "/" + name + "/") for name in ("work", "tmp", "home", "root", "opt", "Users", "mnt")
) + tuple(
    re.compile(re.escape(host), re.IGNORECASE)
    for host in ("py" + "pi.org", "python" + "hosted", "npm" + "js", "deb" + "ian.org", "ana" + "conda.org")
)


def project_files(*suffixes: str) -> list[Path]:
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if any(part in SKIPPED or part.endswith(".egg-info") or part.startswith(".venv") for part in parts):
            continue
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            found.append(path)
    return found


PYTHON = project_files(".py")


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: it usually holds two ideas"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_open_with_a_docstring(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "say what this file is for"


def test_nothing_names_a_machine_or_a_registry() -> None:
    wrong = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for pattern in FORBIDDEN:
            for found in pattern.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                wrong.append(f"{path.relative_to(ROOT)}, line {line}: {found.group()}")
    assert not wrong, "\n".join(wrong)


def test_rooms_have_empty_faces() -> None:
    faces = [path for path in (ROOT / "src" / "umbel").rglob("__init__.py") if path.parent.name != "umbel"]
    assert not [str(path) for path in faces if path.read_text(encoding="utf-8").strip()]
