"""The public face: pinned names, loaded lazily, and never replaced by a room of the same name."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import umbel

PUBLIC = {
    "Answer",
    "Bounded",
    "Check",
    "DataError",
    "Experiment",
    "Equations",
    "GrammarError",
    "Graph",
    "GraphError",
    "Identified",
    "InputError",
    "MethodSpec",
    "MissingExtra",
    "Problem",
    "ProblemError",
    "Question",
    "QuestionError",
    "Refused",
    "Study",
    "Table",
    "UmbelError",
    "Unidentified",
    "__version__",
    "adjustment_sets",
    "identify",
    "solve",
}

HEAVY = ("numpy", "scipy", "typer", "rich", "duckdb", "narwhals", "pyarrow", "networkx", "pandas")

# One call of each public name: cheap, complete, repeatable.
CALLS: dict[str, Callable[[], object]] = {
    "Answer": lambda: umbel.Answer(question="P(Y | do(A))", verdict="refused").to_dict(),
    "Bounded": lambda: isinstance(umbel.identify("A -> Y; A <-> Y", "PNS(A, Y)"), umbel.Bounded),
    "Check": lambda: umbel.Check("positivity", passed=True),
    "DataError": lambda: str(umbel.DataError("x")),
    "Experiment": lambda: umbel.Experiment(do="A", observed=("W",), doses=(0, 1)),
    "Equations": lambda: umbel.Equations.from_dict({"states": {"X": 2}}),
    "GrammarError": lambda: str(umbel.GrammarError("x", line=1, column=2, word="y", what="graph")),
    "Graph": lambda: umbel.Graph.build(directed=[("A", "Y")]),
    "GraphError": lambda: str(umbel.GraphError("x")),
    "Identified": lambda: umbel.identify("A -> Y", "P(Y | do(A))").identified,
    "InputError": lambda: str(umbel.InputError("x")),
    "MethodSpec": lambda: umbel.MethodSpec(level=0.9),
    "MissingExtra": lambda: str(umbel.MissingExtra("jax", "bayes")),
    "Problem": lambda: umbel.Problem("A -> Y", "P(Y | do(A))").solve().verdict,
    "ProblemError": lambda: str(umbel.ProblemError("x")),
    "Question": lambda: umbel.Question.parse("P(Y | do(A))"),
    "QuestionError": lambda: str(umbel.QuestionError("x")),
    "Refused": lambda: umbel.Refused.__name__,
    "Study": lambda: umbel.Study({"A": [0, 1], "Y": [0, 1]}).holds("A"),
    "Table": lambda: umbel.Table(("A",), [0.5, 0.5]).array.tolist(),
    "UmbelError": lambda: str(umbel.UmbelError("x")),
    "Unidentified": lambda: umbel.identify("A -> Y; A <-> Y", "P(Y | do(A))").identified,
    "__version__": lambda: umbel.__version__,
    "adjustment_sets": lambda: list(umbel.adjustment_sets("Z -> { X Y }; X -> Y", "X", "Y")),
    "identify": lambda: umbel.identify("A -> Y", "E[Y | do(A=1)]").question,
    "solve": lambda: umbel.solve("A -> Y", "P(Y | do(A))").estimand,
}

EVERY_ROOM = """
import importlib, pkgutil, umbel
for found in pkgutil.walk_packages(umbel.__path__, "umbel."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
for again in range(2):
    for name in umbel.__all__:
        value = getattr(umbel, name)
        assert type(value).__name__ != "module", name
"""


def run(code: str) -> str:
    src = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(src)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_public_names_are_pinned() -> None:
    assert set(umbel.__all__) == PUBLIC
    assert set(dir(umbel)) == PUBLIC | {"aggregate", "bound", "mixture", "policy"}


def test_lazy_names_and_typed_names_agree() -> None:
    assert umbel.__file__ is not None
    tree = ast.parse(Path(umbel.__file__).read_text(encoding="utf-8"))
    typed = {
        alias.asname: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == umbel._HOME | dict.fromkeys(umbel._MODULES, "umbel")


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_works_twice(name: str) -> None:
    assert CALLS[name]() == CALLS[name]()


def test_every_room_imports_and_replaces_no_public_name() -> None:
    run(EVERY_ROOM)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'umbel' has no attribute 'Grahp'"):
        _ = umbel.Grahp  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "work",
    [
        "umbel.Graph; umbel.Answer",
        "umbel.identify('plate p { A Y }; latent U; U -> { A Y }; A -> Y', 'P(Y | do(A ~ q))')",
        "umbel.solve('A -> Y', 'P(Y | do(A))').to_dict()",
    ],
)
def test_the_symbolic_wing_loads_nothing_heavy(work: str) -> None:
    code = f"import sys, umbel; {work}; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(code).strip() == "[]"
