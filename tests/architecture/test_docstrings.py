"""The public face explains itself: parameters, what comes back, what is raised, and an example that runs.

Doctests run every example; here they are asked for. Fields of values count as parameters.
"""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

import umbel

MODULES = ("aggregate", "bound", "mixture", "policy")


def public() -> dict[str, object]:
    """Every class and function of the package's own face and of its public modules, by its full name."""
    found = {f"umbel.{name}": getattr(umbel, name) for name in umbel.__all__ if name != "__version__"}
    for room in MODULES:
        module = importlib.import_module(f"umbel.{room}")
        found |= {f"umbel.{room}.{name}": getattr(module, name) for name in module.__all__}
    return found


PUBLIC = public()
FUNCTIONS = sorted(name for name, value in PUBLIC.items() if inspect.isfunction(value))
CLASSES = sorted(name for name, value in PUBLIC.items() if inspect.isclass(value))
VALUES = [name for name in CLASSES if not issubclass(PUBLIC[name], Exception)]  # type: ignore[arg-type]
OWN = [name for name in VALUES if name.count(".") == 1]


def sections(value: object) -> dict[str, str]:
    """The sections of a numpydoc docstring by heading; the text before them under the empty one."""
    parts = re.split(r"^(\w+)\n-{3,}$", inspect.getdoc(value) or "", flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def documented(value: object) -> list[str]:
    """Names at the left margin of the section of parameters."""
    lines = re.findall(r"^(\w[\w, ]*)$", sections(value).get("Parameters", ""), flags=re.MULTILINE)
    return [name.strip() for line in lines for name in line.split(",")]


def parameters(value: object) -> list[str]:
    assert callable(value)
    return [name for name in inspect.signature(value).parameters if name not in ("args", "kwargs")]


@pytest.mark.parametrize("name", FUNCTIONS + VALUES)
def test_every_parameter_is_documented(name: str) -> None:
    assert set(parameters(PUBLIC[name])) <= set(documented(PUBLIC[name]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_say_what_comes_back_and_show_it(name: str) -> None:
    found = sections(PUBLIC[name])
    assert "Returns" in found or "Yields" in found
    assert ">>>" in found.get("Examples", "")


@pytest.mark.parametrize("name", OWN)
def test_values_of_the_face_show_an_example(name: str) -> None:
    assert ">>>" in sections(PUBLIC[name]).get("Examples", "")


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_methods_and_properties_have_a_sentence(name: str) -> None:
    value = PUBLIC[name]
    assert sections(value)[""].strip()
    for word, member in vars(value).items() if inspect.isclass(value) else ():
        if not word.startswith("_") and (inspect.isroutine(member) or isinstance(member, property)):
            assert inspect.getdoc(getattr(value, word)), f"{name}.{word}"


@pytest.mark.parametrize("room", MODULES)
def test_all_is_complete(room: str) -> None:
    """What a public module defines without an underscore is public, and nothing is named twice."""
    module = importlib.import_module(f"umbel.{room}")
    own = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert own <= set(module.__all__)
    assert len(module.__all__) == len(set(module.__all__))


def test_the_reader_of_docstrings() -> None:
    def example(first: int, second: int) -> int:
        """Add.

        Parameters
        ----------
        first, second
            Two numbers.

        Returns
        -------
        int
            Their sum.
        """
        return first + second

    assert documented(example) == parameters(example)
    assert "Returns" in sections(example) and "Examples" not in sections(example)
