"""Columns of numbers in blocks of rows: for tables that are never held whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.parquet as pq

from umbel.data.plan import Field, Plan
from umbel.data.source import FileTable, position
from umbel.data.statistics import stream
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.numerics.influence import Array

BYTES = 64_000_000
"""Size of a block: large enough for matrix products, small beside any memory."""


def blocks(study: Study, names: Sequence[str]) -> Iterator[tuple[Array, int]]:
    """Complete rows of some variables, and how many rows were left out; one scan of the table.

    Yields
    ------
    tuple
        An array of shape (rows, names), and the number of rows of this block that had holes.

    Raises
    ------
    DataError
        For columns that are not there, that hold text, and for infinities.

    Examples
    --------
    >>> found = list(blocks(Study({"A": [1.0, None, 3.0], "B": [1, 2, 3]}), ["A", "B"]))
    >>> found[0][0].tolist()
    [[1.0, 1.0], [3.0, 3.0]]
    """
    table = study.data
    if table is None:
        raise DataError("This study holds summaries and no rows.")
    columns = [study.column(name) for name in names]
    places = [position(table, one.column, reason=f"variable {one.variable}") for one in columns]
    size = max(256, BYTES // (8 * max(1, len(names))))
    if isinstance(table, FileTable) and table.parquet and not any(one.missing for one in columns):
        # Arrow decodes plain columns as they are: SQL over thousands of columns would dominate.
        yield from _parquet(table, [table.columns[place] for place in places], size)
        return
    fields = tuple(
        Field(place, f"Column {shown(one.column)} of {table.name}", True, one.missing)
        for place, one in zip(places, columns, strict=True)
    )
    for _, values, _ in stream(table, Plan((), fields), size):
        yield _finite(np.ascontiguousarray(values)), 0


def _parquet(table: FileTable, columns: list[str], size: int) -> Iterator[tuple[Array, int]]:
    with pq.ParquetFile(table.path, pre_buffer=False) as file:  # a mapped file would count as memory held
        for batch in file.iter_batches(batch_size=size, columns=list(dict.fromkeys(columns))):
            block = np.empty((len(columns), batch.num_rows))
            for place, name in enumerate(columns):
                column = batch.column(name)
                try:
                    block[place] = column.to_numpy(zero_copy_only=False)
                except (TypeError, ValueError):
                    raise DataError(f"Column {shown(name)} of {table.name} holds no numbers.") from None
            holes = np.isnan(block.sum(axis=0))
            if holes.any():  # a sum of infinities is NaN too
                holes = np.isnan(block).any(axis=0)
            kept = block[:, ~holes] if holes.any() else block
            yield _finite(kept.T), int(holes.sum())


def _finite(block: Array) -> Array:
    if not np.isfinite(block.sum()) and not np.isfinite(block).all():
        raise DataError("A column holds an infinity. Numbers must be finite; leave unknown values empty.")
    return block
