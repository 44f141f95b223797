"""What an engine is asked: clean some columns by position, group by some, sum the others.

A plan knows positions, kinds and codes and no names, so that the two engines (SQL and narwhals)
can be small and be compared with each other. Every row with a missing field is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from umbel.numerics.cells import Array
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a plan.

    Parameters
    ----------
    position
        Where it stands in its table.
    name
        What messages call it: ``"Column 'maths' of pupils.csv"``.
    number
        Read as float64; otherwise as a category.
    missing
        Codes that are missing beside null, NaN and the empty text.
    """

    position: int
    name: str
    number: bool = False
    missing: tuple[State, ...] = ()

    def words(self) -> list[str]:
        """The texts that stand for missing; beside a word, numbers too, which are then read from text."""
        words = {code for code in self.missing if isinstance(code, str)}
        plain = {text for code in self.figures() for text in (f"{code:g}", str(code))} if words else set()
        return sorted({"", *words, *plain})

    def figures(self) -> list[float]:
        """The numbers that stand for missing."""
        return sorted({float(code) for code in self.missing if not isinstance(code, str)})


@dataclass(frozen=True, slots=True)
class Plan:
    """Group rows by ``keys``, take moments of ``values``; a row weighs the product of ``weights``."""

    keys: tuple[Field, ...]
    values: tuple[Field, ...] = ()
    weights: tuple[Field, ...] = ()

    def fields(self) -> tuple[Field, ...]:
        """Every field once, in order."""
        return tuple(dict.fromkeys((*self.keys, *self.values, *self.weights)))


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """What an engine returns: one entry per group that has rows, in no particular order.

    Parameters
    ----------
    keys
        Arrow columns, one per key (Arrow carries no types, hence ``Any``).
    rows
        Shape (groups,): rows, whatever they weigh.
    counts
        Shape (groups,): total weight.
    first, second
        Shapes (groups, values) and (groups, values, values): sums of deviations from ``centre``
        and of their products.
    centre
        Shape (groups, values) or (values,).
    """

    keys: tuple[Any, ...]
    rows: Array
    counts: Array
    first: Array
    second: Array
    centre: Array


@dataclass(frozen=True, slots=True)
class Tally:
    """One column at a glance, before anything is summed.

    Parameters
    ----------
    missing
        Rows in which it is missing.
    mean, low, high
        Of the numbers; None for categories and where all is missing.
    inner_low, inner_high
        The same without the usual codes for missing (-9, 999, …).
    """

    missing: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    inner_low: float | None = None
    inner_high: float | None = None


CODES = (-9.0, -99.0, -999.0, -9999.0, 9.0, 99.0, 999.0, 9999.0, 99999.0)
"""Numbers that often stand for missing; suspected only where they lie outside all other values."""


def pairs(width: int) -> list[tuple[int, int]]:
    """The lower triangle of a co-moment matrix, in the order in which engines return it."""
    return [(j, k) for j in range(width) for k in range(j + 1)]
