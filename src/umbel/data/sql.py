"""DuckDB as the engine: files, database tables and relations, by position and never by name.

Every query reads from a source whose columns are renamed by position (``c0``, ``c1``, …), because
SQL is blind to the case of names: ``sum("A")`` and ``sum("a")`` would be one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from umbel.data.source import DatabaseTable, FileTable, RelationTable, quoted
from umbel.errors import DataError, shown

SqlTable = FileTable | RelationTable | DatabaseTable
Run = Callable[[str], Any]
"""Runs a query and returns its DuckDB relation (DuckDB's classes carry no types, hence ``Any``)."""


@contextmanager
def session(table: SqlTable) -> Iterator[tuple[Run, str]]:
    """A way to run queries, and the FROM text of the table with positional names."""
    names = ", ".join(f"c{index}" for index in range(len(table.columns)))
    try:
        match table:
            case RelationTable(_, _, relation):
                yield lambda query: relation.query("umbel_source", query), f"umbel_source AS t({names})"
            case DatabaseTable(_, _, path, inner):
                with duckdb.connect(path, read_only=True) as connection:
                    yield connection.sql, f"{quoted(inner)} AS t({names})"
            case FileTable(_, _, path, parquet):
                literal = "'" + path.replace("'", "''") + "'"
                # Types come from the whole file: a text in the last row must not surprise a sampler.
                reader = f"read_parquet({literal})" if parquet else f"read_csv({literal}, sample_size=-1, header=true)"
                with duckdb.connect() as connection:
                    connection.execute("SET enable_progress_bar = false")
                    yield connection.sql, f"{reader} AS t({names})"
    except duckdb.Error as fault:
        first = str(fault).strip().split("\n", 1)[0]
        raise DataError(f"{table.name} cannot be read: {shown(first, 160)}") from None


def fetch(table: SqlTable, positions: Sequence[int]) -> Any:
    """Whole columns as an Arrow table, named ``c<position>``; for tables of units, not of rows."""
    with session(table) as (run, source):
        picked = ", ".join(f"c{index}" for index in positions) or "1 AS one"
        return run(f"SELECT {picked} FROM {source}").to_arrow_table()
