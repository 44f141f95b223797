"""One table of a TOML file, read key by key; what is wrong is said in one line.

A key that is asked for is ticked off, so that ``finish`` knows the keys nobody asked for and
what they could have meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import overload

from umbel.errors import ProblemError, did_you_mean, shown
from umbel.variable import State

MOST_STATES = 10_000
"""More are no list that anybody wrote, and fill the memory."""


class Section:
    """A reader of one table.

    Parameters
    ----------
    content
        The table as the TOML parser gave it.
    where
        How errors name it: ``"problem.toml, [[study]] 2"``.

    Examples
    --------
    >>> section = Section({"seed": 7}, "problem.toml, [method]")
    >>> section.whole("seed", default=0)
    7
    >>> section.finish()
    """

    def __init__(self, content: dict[str, object], where: str) -> None:
        self.where = where
        self._content = content
        self._asked: set[str] = set()

    def is_list(self, key: str) -> bool:
        """Whether the key holds a list."""
        return isinstance(self._content.get(key), list)

    def is_table(self, key: str) -> bool:
        """Whether the key holds a table."""
        return isinstance(self._content.get(key), dict)

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A text that is not blank, or None."""
        value = self._take(key, required)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text in quotes")
        if not value.strip():
            raise ProblemError(f"{self.where}: {key} is empty; give it a value or leave the line out.")
        return value

    def texts_or_one(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A text or a list of texts, as a tuple."""
        value = self._take(key, required)
        if value is None:
            return ()
        texts = self._texts(key, value if isinstance(value, list) else [value])
        if required and not texts:
            raise ProblemError(f"{self.where}: {key} is empty; give at least one.")
        return texts

    def text_by_name(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of texts, as pairs."""
        return tuple((name, self._texts(key, [value])[0]) for name, value in self._table(key))

    def texts_by_name(self, key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """A table of lists of texts, as pairs."""
        pairs = []
        for name, value in self._table(key):
            if not isinstance(value, list):
                raise self._wrong(f"{key}.{name}", value, "a list of texts")
            pairs.append((name, self._texts(f"{key}.{name}", value)))
        return tuple(pairs)

    def states(self, key: str) -> tuple[State, ...]:
        """A value or a list of values: numbers, true/false or texts."""
        value = self._take(key, False)
        return () if value is None else self._states(key, value)

    def states_by_name(self, key: str) -> tuple[tuple[str, tuple[State, ...]], ...]:
        """A table of values or lists of values, as pairs."""
        return tuple((name, self._states(f"{key}.{name}", value)) for name, value in self._table(key))

    def _states(self, key: str, value: object) -> tuple[State, ...]:
        found: list[State] = []
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str | int | float):
                raise self._wrong(key, one, "numbers, true/false or texts")
            found.append(one)
        return tuple(found)

    def states_or_size(self, key: str) -> tuple[State, ...]:
        """A list of states, or their number: ``2`` stands for 0 and 1; empty where the key is absent."""
        value = self._take(key, False)
        if isinstance(value, list):
            found = self.states(key)
            repeated = [one for place, one in enumerate(found) if one in found[:place]]
            if repeated or not found:
                what = f"names {shown(str(repeated[0]))} twice" if repeated else "is empty"
                raise ProblemError(f"{self.where}: {key} {what}; list each state once, the reference first.")
            return found
        if value is None:
            return ()
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_STATES:
            raise self._wrong(key, value, f"a list of states, or their number from 1 to {MOST_STATES}")
        return tuple(range(value))

    def whole(self, key: str, *, default: int) -> int:
        """A whole number from 0 on."""
        value = self._take(key, False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(key, value, "a whole number from 0 on")
        return value

    def whole_or_none(self, key: str) -> int | None:
        """A whole number from 0 on, or None."""
        value = self.whole(key, default=-1)
        return None if value < 0 else value

    def flag(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self._take(key, False)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    @overload
    def number(self, key: str, *, default: float, above: float = ..., below: float = ...) -> float: ...
    @overload
    def number(self, key: str, *, default: None, above: float = ..., below: float = ...) -> float | None: ...
    def number(
        self, key: str, *, default: float | None, above: float = -math.inf, below: float = math.inf
    ) -> float | None:
        """A finite number strictly between two others."""
        value = self._take(key, False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise self._wrong(key, value, "a finite number")
        if not above < value < below:
            span = f"between {above:g} and {below:g}" if math.isfinite(below) else f"above {above:g}"
            raise ProblemError(f"{self.where}: {key} is {value!r}; it must lie {span}.")
        return float(value)

    def section(self, key: str) -> Section:
        """A table inside this one; an absent one reads as empty."""
        return Section(dict(self._table(key)), f"{self.where}, [{key}]")

    def sections(self, key: str) -> Iterator[Section]:
        """A list of tables, numbered from 1 in errors."""
        value = self._take(key, False)
        if value is None:
            return
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(key, value, f"tables, each headed [[{key}]]")
        for number, one in enumerate(value, start=1):
            yield Section(one, f"{self.where}, [[{key}]] {number}")

    def named_sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """A table of tables, by name."""
        for name, value in self._table(key):
            if not isinstance(value, dict):
                raise self._wrong(f"{key}.{name}", value, f"a table, headed [{key}.{name}]")
            yield name, Section(value, f"{self.where}, [{key}.{name}]")

    def finish(self, *, elsewhere: Iterable[str] = ()) -> None:
        """Refuse keys that nobody asked for; those of ``elsewhere`` only stand in the wrong place."""
        outer = frozenset(elsewhere)
        for key in self._content:
            if key in self._asked:
                continue
            if key in outer:
                raise ProblemError(f"{self.where}: {shown(key)} belongs before the first [[study]], not inside it.")
            most = len(self._asked)
            raise ProblemError(f"{self.where}: unknown key {shown(key)}. {did_you_mean(key, self._asked, most=most)}")

    def _take(self, key: str, required: bool) -> object:
        self._asked.add(key)
        value = self._content.get(key)
        if value is None and required:
            raise ProblemError(f"{self.where}: {key} is missing.")
        return value

    def _table(self, key: str) -> tuple[tuple[str, object], ...]:
        value = self._take(key, False)
        if value is None:
            return ()
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a table")
        return tuple(value.items())

    def _texts(self, key: str, values: list[object]) -> tuple[str, ...]:
        texts: list[str] = []
        for value in values:
            if not isinstance(value, str):
                raise self._wrong(key, value, "texts in quotes")
            if not value.strip():
                raise ProblemError(f"{self.where}: {key} holds an empty text; write something there.")
            texts.append(value)
        return tuple(texts)

    def _wrong(self, key: str, value: object, wanted: str) -> ProblemError:
        return ProblemError(f"{self.where}: {key} is {_brief(value)}; it must be {wanted}.")


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def _brief(value: object) -> str:
    """A value in one short line."""
    match value:
        case str():
            return shown(value)
        case dict():
            return "a table"
        case list():
            return "a list"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**40:  # printing thousands of digits is refused by Python
            return "a huge number"
        case _:
            return str(value)
