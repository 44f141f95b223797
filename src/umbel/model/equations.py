"""Given structural equations: tables that say how variables answer their inputs.

``Equations`` is the JSON form of the problem file: states of the variables, states of exogenous
variables, and for each variable that has an equation its inputs and a nested list of values, one
level per input, the first input outermost. Variables without an equation have all response functions.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umbel.errors import ProblemError, did_you_mean, shown

KEYS = ("states", "exogenous", "equations")
MOST_CELLS = 10_000_000


@dataclass(frozen=True, slots=True)
class Equation:
    """``variable = table[inputs]``: the codes of its values, flat, the first input slowest."""

    variable: str
    inputs: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Equations:
    """Structural equations of some variables, checked against their declared states.

    Parameters
    ----------
    states
        Pairs of a variable and its number of states.
    exogenous
        Pairs of an exogenous variable and its number of states.
    equations
        One per variable that has one.

    Examples
    --------
    >>> given = Equations.from_dict({"states": {"X": 2}, "exogenous": {"U": 4},
    ...     "equations": {"X": {"inputs": ["U"], "table": [0, 1, 0, 1]}}})
    >>> given.equations[0].values
    (0, 1, 0, 1)
    """

    states: tuple[tuple[str, int], ...]
    exogenous: tuple[tuple[str, int], ...]
    equations: tuple[Equation, ...]

    @staticmethod
    def from_dict(source: Mapping[str, Any]) -> Equations:
        """Read the JSON form; its values come from a file, hence ``Any``.

        Raises
        ------
        ProblemError
            One line: the place, the value, what was possible.
        """
        for key in source:
            if key not in KEYS:
                raise ProblemError(f"Equations have no key {shown(str(key))}. {did_you_mean(str(key), KEYS)}")
        states = _sizes(source.get("states", {}), "states")
        exogenous = _sizes(source.get("exogenous", {}), "exogenous")
        clash = next((name for name in states if name in exogenous), None)
        if clash is not None:
            raise ProblemError(f"Equations name {shown(clash)} as a variable and as exogenous. It is one of them.")
        found = _mapping(source.get("equations", {}), "equations")
        equations = tuple(_equation(name, entry, states, exogenous) for name, entry in found.items())
        return Equations(tuple(states.items()), tuple(exogenous.items()), equations)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Equations:
        """Read a JSON file.

        Raises
        ------
        ProblemError
            For a file that is not there or is no JSON.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError:
            raise ProblemError(f"The file {shown(str(path))} of equations cannot be read. Is it there?") from None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise ProblemError(f"The file {shown(str(path))} is no JSON. See Equations for its form.") from None
        return Equations.from_dict(_mapping(found, "The file"))

    def of(self, variable: str) -> Equation | None:
        """The equation of a variable; None when it has all response functions."""
        return next((one for one in self.equations if one.variable == variable), None)


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ProblemError(f"{place} is {shown(repr(value))}; a mapping of names is needed.")
    return value


def _sizes(value: Any, place: str) -> dict[str, int]:
    sizes = {}
    for name, size in _mapping(value, place).items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ProblemError(
                f"{place} of {shown(str(name))} is {shown(repr(size))}; a whole number from 1 is needed."
            )
        sizes[str(name)] = size
    return sizes


def _equation(name: str, entry: Any, states: Mapping[str, int], exogenous: Mapping[str, int]) -> Equation:
    place = f"The equation of {shown(name)}"
    if name not in states:
        raise ProblemError(f"{place} belongs to no variable of states. {did_you_mean(name, states)}")
    parts = _mapping(entry, place)
    inputs = parts.get("inputs")
    if not isinstance(inputs, Sequence) or isinstance(inputs, str) or set(parts) != {"inputs", "table"}:
        raise ProblemError(f'{place} has the form {{"inputs": [names], "table": nested lists of values}}.')
    sizes = states | exogenous if isinstance(states, dict) and isinstance(exogenous, dict) else {}
    names = tuple(str(one) for one in inputs)
    for one in names:
        if one not in sizes:
            raise ProblemError(f"{place} reads {shown(one)}, which has no states. {did_you_mean(one, sizes)}")
    shape = tuple(sizes[one] for one in names)
    if math.prod(shape) > MOST_CELLS:
        raise ProblemError(f"{place} has {math.prod(shape):,} entries, more than {MOST_CELLS:,}.")
    values = tuple(_flat(parts["table"], shape, place))
    for value in values:
        if value >= states[name]:
            raise ProblemError(f"{place} gives the value {value}; {name} has the states 0 to {states[name] - 1}.")
    return Equation(name, names, values)


def _flat(table: Any, shape: tuple[int, ...], place: str) -> Iterator[int]:
    if not shape:
        if not isinstance(table, int) or isinstance(table, bool) or table < 0:
            raise ProblemError(f"{place} holds {shown(repr(table))}; codes of values (0, 1, ...) are needed.")
        yield table
        return
    if not isinstance(table, Sequence) or isinstance(table, str) or len(table) != shape[0]:
        raise ProblemError(f"{place} has a table that does not fit its inputs: {shape[0]} entries were expected.")
    for entry in table:
        yield from _flat(entry, shape[1:], place)
