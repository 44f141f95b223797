"""Narwhals as the engine: pandas, polars, pyarrow, PySpark and Ibis tables, by position.

Inside a group-by aggregation only ``len``, ``sum``, ``min``, ``max`` and ``mean`` of bare columns
mean the same in every home; whatever else is needed is derived with ``with_columns`` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import pyarrow as pa

from umbel.data.source import FrameTable
from umbel.errors import DataError, shown


def picked(table: FrameTable, positions: Sequence[int]) -> Any:
    """The frame with the columns at these positions, renamed ``c<position>``; lazy stays lazy.

    Renaming goes through ``rename``, which reads names literally; ``col`` would take a column
    called ``^.*$`` for a pattern. Narwhals frames of both kinds, hence ``Any``.
    """
    names = {table.columns[index]: f"c{index}" for index in positions}
    # A column that is not asked for may be called c3: move every other name out of the way.
    others = {name: f"other {index}" for index, name in enumerate(table.columns) if name not in names}
    return table.frame.rename({**names, **others}).select(*(f"c{index}" for index in positions))


def fetch(table: FrameTable, positions: Sequence[int]) -> Any:
    """Whole columns as an Arrow table, named ``c<position>``."""
    frame = picked(table, positions)
    if isinstance(frame, nw.LazyFrame):
        return frame.collect("pyarrow").to_native()
    columns = {}
    for index in positions:
        try:
            columns[f"c{index}"] = frame.get_column(f"c{index}").to_arrow()
        except (pa.ArrowException, TypeError):
            name = shown(table.columns[index])
            raise DataError(f"Column {name} of {table.name} mixes kinds of values. Make it numbers or text.") from None
    return pa.table(columns)
