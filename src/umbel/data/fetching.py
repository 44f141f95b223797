"""Whole columns of a small table (units, classes), whatever home it lives in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from umbel.data import memory, sql
from umbel.data.source import FrameTable, Table, position


def fetch_columns(table: Table, columns: Sequence[str], *, reason: str) -> tuple[Any, ...]:
    """Arrow columns in the order asked (Arrow carries no types, hence ``Any``).

    Examples
    --------
    >>> from umbel.data.source import open_table
    >>> fetch_columns(open_table({"A": [1], "a": [2]}, role="units"), ["a"], reason="value")[0].to_pylist()
    [2]
    """
    places = [position(table, name, reason=reason) for name in columns]
    unique = list(dict.fromkeys(places))
    found = memory.fetch(table, unique) if isinstance(table, FrameTable) else sql.fetch(table, unique)
    return tuple(found.column(f"c{place}") for place in places)
