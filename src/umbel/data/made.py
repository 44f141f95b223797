"""Columns that a table lacks and holds all the parts of: totals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from umbel.data.fetching import fetch_columns
from umbel.data.study import Study
from umbel.data.values import numbers
from umbel.errors import shown

DIGITS = 9
"""Decimals of a total: sums of tenths are told apart from their rounding."""


def with_total_column(study: Study, name: str, parts: Mapping[str, float]) -> Study:
    """The study with a column for a total of other columns; missing where a part is. O(rows * columns).

    Parameters
    ----------
    study
        With rows that hold every part and no column of the total.
    name
        The total.
    parts
        Weight of each part.

    Raises
    ------
    DataError
        For a part that holds words.

    Examples
    --------
    >>> study = with_total_column(Study({"A": [0, 1, 1], "B": [1, 1, None]}), "S", {"A": 1.0, "B": 2.0})
    >>> fetch_columns(study.data, ["S"], reason="doctest")[0].to_pylist()
    [2.0, 3.0, None]
    """
    data = study.data
    assert data is not None
    columns = dict(zip(data.columns, fetch_columns(data, data.columns, reason="data"), strict=True))
    size = len(columns[data.columns[0]])
    total = np.zeros(size)
    for part, weight in parts.items():
        column = study.column(part)
        where = f"Column {shown(column.column)} of {data.name}"
        total += weight * numbers(columns[column.column], where=where, missing=column.missing)
    columns[study.column(name).column] = pa.array(np.round(total, DIGITS), from_pandas=True)
    return study.with_columns(columns, study.unit)
