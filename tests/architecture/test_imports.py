"""Who may import whom: the house of docs/architecture.md, checked on the syntax trees.

Typing imports count. Late imports are for extras, for a room's own parser, and for the doors
named below; nothing else may hide an import in a function.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

# Bottom up; a room imports lower floors only, never its own floor.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("version", "errors"),
    ("variable",),
    ("numerics",),
    ("lexer",),
    ("graph", "expr"),
    ("model",),
    ("results",),
    ("structure", "data", "report"),
    ("identification", "estimate"),
    ("simulate", "config", "mixture", "bound", "policy", "aggregate"),
    ("gallery",),
    ("pipeline",),
    ("cli", "web"),
    ("__main__",),
)

# Lower rooms that a room must nevertheless not know.
NEVER: dict[str, frozenset[str]] = {
    "data": frozenset({"graph"}),
    "estimate": frozenset({"graph", "structure", "report", "lexer"}),
    "identification": frozenset({"data", "numerics", "report"}),
    "structure": frozenset({"numerics"}),
    "config": frozenset({"data", "estimate", "identification", "numerics"}),
    "gallery": frozenset({"data", "estimate", "identification", "numerics", "simulate"}),
}

# Packages from outside, by room or module; everything else stands on the standard library alone.
OUTSIDE: dict[str, frozenset[str]] = {
    "numerics": frozenset({"numpy", "scipy", "highspy"}),
    "data": frozenset({"numpy", "scipy", "duckdb", "narwhals", "pyarrow"}),
    "estimate": frozenset({"numpy", "scipy"}),
    "simulate": frozenset({"numpy", "scipy"}),
    "expr.evaluate": frozenset({"numpy"}),
    "expr.populations": frozenset({"numpy"}),
    "mixture": frozenset({"numpy", "scipy"}),
    "bound": frozenset({"numpy"}),
    "policy": frozenset({"numpy"}),
    "aggregate": frozenset({"numpy"}),
    "report": frozenset({"rich"}),
    "pipeline.answering": frozenset({"numpy"}),
    "pipeline.bounding": frozenset({"numpy"}),
    "pipeline.choosing": frozenset({"numpy"}),
    "cli": frozenset({"typer", "rich"}),
}

# Signatures that name a generator: numpy is read by the type checker alone.
TYPED: dict[str, frozenset[str]] = {
    "pipeline.problem": frozenset({"numpy"}),
    "results.verdict": frozenset({"numpy"}),
}

# Optional packages, imported late by whoever needs them.
EXTRAS = frozenset(
    {"networkx", "pandas", "polars", "matplotlib", "jax", "numpyro", "arviz_base", "sklearn", "pyscipopt"}
)

# Late imports between rooms: methods of values that open a room above, and the two places
# (pipeline, cli) that must not wait for numpy before it is needed.
DOORS: dict[str, frozenset[str]] = {
    "results.answer": frozenset({"report"}),
    "results.verdict": frozenset({"identification", "simulate"}),
    "pipeline": frozenset({"data", "estimate"}),
    "cli": frozenset({"config", "errors", "gallery", "pipeline", "report", "results", "version"}),
}


@dataclass(frozen=True)
class Import:
    module: str  # who imports, without the leading "umbel."
    target: str  # what: "umbel.graph.mixed", "numpy"
    late: bool
    typing: bool  # under "if TYPE_CHECKING:"
    line: int

    @property
    def room(self) -> str:
        return self.module.split(".")[0]

    @property
    def target_room(self) -> str:
        parts = self.target.split(".")
        return parts[1] if len(parts) > 1 else ""


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted((SRC / "umbel").rglob("*.py")):
        parts = path.relative_to(SRC / "umbel").with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name:  # the public face has tests of its own
            found.append((name, path))
    return found


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    def walk(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typed = typing or (
                isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"
            )
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(module, alias.name, late, typing, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}, line {child.lineno}: relative import"
                assert child.module is not None
                if child.module == "umbel":
                    for alias in child.names:
                        yield Import(module, f"umbel.{alias.name}", late, typing, child.lineno)
                else:
                    yield Import(module, child.module, late, typing, child.lineno)
            yield from walk(child, inside, typed)

    yield from walk(tree, False, False)


def all_imports() -> list[Import]:
    return [
        one
        for module, path in modules()
        for one in imports_of(module, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    ]


IMPORTS = all_imports()
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def test_every_room_is_in_the_table() -> None:
    rooms = {module.split(".")[0] for module, _ in modules()}
    assert rooms <= set(FLOOR_OF), f"not in FLOORS: {sorted(rooms - set(FLOOR_OF))}"


def test_imports_go_down() -> None:
    wrong = []
    for one in IMPORTS:
        if not one.target.startswith("umbel.") or one.target_room == one.room or one.late:
            continue
        down = FLOOR_OF[one.target_room] < FLOOR_OF[one.room]
        if not down or one.target_room in NEVER.get(one.room, frozenset()):
            wrong.append(f"{one.module}, line {one.line}: imports {one.target}")
    assert not wrong, "\n".join(wrong)


def test_late_imports_use_the_named_doors() -> None:
    wrong = []
    for one in IMPORTS:
        if not one.late or not one.target.startswith("umbel.") or one.target_room == one.room:
            continue
        if one.target_room not in DOORS.get(one.module, DOORS.get(one.room, frozenset())):
            wrong.append(f"{one.module}, line {one.line}: late import of {one.target} is no named door")
    assert not wrong, "\n".join(wrong)


def test_the_whole_package_is_never_imported_from_inside() -> None:
    assert not [one for one in IMPORTS if one.target == "umbel"]


def test_packages_from_outside_stay_in_their_rooms() -> None:
    wrong = []
    for one in IMPORTS:
        top = one.target.split(".")[0]
        if top == "umbel" or top in sys.stdlib_module_names:
            continue
        allowed = OUTSIDE.get(one.module, OUTSIDE.get(one.room, frozenset()))
        if top in allowed or (one.late and top in EXTRAS):
            continue
        if one.typing and top in TYPED.get(one.module, frozenset()):
            continue
        wrong.append(f"{one.module}, line {one.line}: imports {one.target}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_star_imported() -> None:
    wrong = []
    for module, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                wrong.append(f"{module}, line {node.lineno}")
    assert not wrong


@pytest.mark.parametrize(
    ("text", "late", "typing"),
    [
        ("import numpy", False, False),
        ("def f():\n    import numpy", True, False),
        ("if TYPE_CHECKING:\n    import numpy", False, True),
    ],
)
def test_the_reader_of_imports(text: str, late: bool, typing: bool) -> None:
    assert [(one.late, one.typing) for one in imports_of("graph.x", ast.parse(text))] == [(late, typing)]
