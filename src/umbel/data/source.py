"""The door: whatever holds a table becomes one of four forms with exact column names.

A path becomes a :class:`FileTable`, a DuckDB relation a :class:`RelationTable`, a table of a
database a :class:`DatabaseTable`, and any other frame a :class:`FrameTable` through narwhals.
Names are matched exactly here and by position everywhere after, because SQL engines are blind to
case and some frames read a column called ``^.*$`` as a pattern. Only this module and the two
engines touch what a user hands in, hence ``Any`` in their signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umbel.errors import DataError, did_you_mean, shown

PARQUET = (".parquet", ".pq")
SNIFFED = 20_480
"""Rows from which DuckDB guesses a csv's types."""
CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt")


@dataclass(frozen=True, slots=True)
class FileTable:
    """A csv or parquet file, read by DuckDB where it lies.

    ``words``: DuckDB's names for columns of a csv that hold "yes" and "no", which it would read as
    true and false, and no other home does. ``comma``: numbers are written 2,5 between semicolons.
    """

    name: str
    columns: tuple[str, ...]
    path: str
    parquet: bool
    words: tuple[str, ...] = ()
    comma: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RelationTable:
    """A DuckDB relation that the user handed in; it stays in its own connection."""

    name: str
    columns: tuple[str, ...]
    relation: Any


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """A table of a DuckDB database file, opened read-only for each use."""

    name: str
    columns: tuple[str, ...]
    path: str
    table: str


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """A pandas, polars, pyarrow, PySpark or Ibis table, spoken to through narwhals."""

    name: str
    columns: tuple[str, ...]
    frame: Any


Table = FileTable | RelationTable | DatabaseTable | FrameTable


def open_table(home: Any, *, role: str, database: str | None = None) -> Table:
    """Bring what a user handed in to one form; reads names and types, never the rows.

    Parameters
    ----------
    home
        A path, a frame, a DuckDB relation, a mapping of columns, or a table's name in ``database``.
    role
        What the table is, for messages: ``"data"``, ``"units"``.
    database
        ``duckdb:///file.db``; then ``home`` is the name of one of its tables.

    Raises
    ------
    DataError
        When it is not there, is no table, or two of its columns share a name.
    """
    table: Table
    if database is not None:
        if not isinstance(home, str):
            raise DataError(f"With a database, {role} is the name of a table, not {_kind(home)}.")
        table = _database_table(home, database)
    elif isinstance(home, str | Path):
        table = _file_table(Path(home))
    elif isinstance(home, Mapping):
        table = _mapping_table(home, role)
    elif type(home).__module__.partition(".")[0] in ("duckdb", "_duckdb") and hasattr(home, "query"):
        table = RelationTable(role, tuple(home.columns), home)
    else:
        table = _frame_table(home, role)
    _distinct(table.columns, table.name)
    return table


def position(table: Table, column: str, *, reason: str) -> int:
    """Where a column stands, by its exact name; names that differ by case are named in the error.

    Examples
    --------
    >>> table = open_table({"School": [1, 2]}, role="units")
    >>> position(table, "School", reason="unit")
    0
    >>> position(table, "school", reason="unit")
    Traceback (most recent call last):
    umbel.errors.DataError: units has no column 'school' (unit). Possible: School. Did you mean 'School'?
    """
    if column in table.columns:
        return table.columns.index(column)
    close = [name for name in table.columns if name.casefold() == column.casefold()]
    hint = f"Possible: {', '.join(close)}. Did you mean {close[0]!r}?" if close else did_you_mean(column, table.columns)
    raise DataError(f"{table.name} has no column {shown(column)} ({reason}). {hint}")


def _kind(home: Any) -> str:
    return f"a {type(home).__module__.partition('.')[0]} {type(home).__name__}"


def _file_table(path: Path) -> FileTable:
    name = path.name
    if not path.is_file():
        where = "is a folder" if path.is_dir() else "does not exist"
        there = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
        tables = [one.name for one in there if one.is_file() and one.name.lower().endswith((*PARQUET, *CSV))]
        near = did_you_mean(name, tables) if tables else "No table lies there."
        raise DataError(f"The table {shown(str(path))} {where}. {near}")
    lower = name.lower()
    if lower.endswith(PARQUET):
        return FileTable(name, _parquet_columns(path), str(path), parquet=True)
    if lower.endswith(CSV):
        return _csv_table(name, path)
    raise DataError(f"{shown(name)} is of no kind that is read here. Possible: .csv, .tsv, .parquet.")


def _parquet_columns(path: Path) -> tuple[str, ...]:
    import pyarrow
    import pyarrow.parquet

    try:
        return tuple(pyarrow.parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError) as fault:
        raise DataError(f"{shown(path.name)} is no readable parquet file: {_first_line(fault)}") from None


def _csv_table(name: str, path: Path) -> FileTable:
    """The header as it stands: DuckDB finds the dialect, and would rename ``a`` beside ``A``."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            found = connection.execute(
                "SELECT Delimiter, Quote, Escape, SkipRows, HasHeader, Columns FROM sniff_csv(?)", [str(path)]
            ).fetchone()
            if found is None:
                raise DataError(f"{shown(path.name)} is empty.")
            delimiter, quote, escape, skip, header, columns = found
            if not header:
                raise DataError(f"{shown(path.name)} has no header line. Its first line must name the columns.")
            sql = (
                "SELECT * FROM read_csv(?, header=false, all_varchar=true, delim=?, quote=?, escape=?, skip=?,"
                " null_padding=true, auto_detect=false, columns=?) LIMIT 1"
            )
            shape = {f"c{index}": "VARCHAR" for index in range(len(columns))}
            quote = '"' if quote in ("", "(empty)") else quote
            escape = quote if escape in ("", "(empty)") else escape  # versions differ in what they take it for
            line = connection.execute(sql, [str(path), delimiter, quote, escape, skip, shape]).fetchone()
            words = _words(connection, path, columns)
            comma = delimiter == ";" and _decimal_comma(connection, path, columns)
    except duckdb.Error as fault:
        if not _is_utf8(path):
            raise DataError(f"{shown(path.name)} is not UTF-8 text. Save it with that encoding.") from None
        raise DataError(f"{shown(path.name)} is no readable csv file: {_first_line(fault)}") from None
    names = tuple("" if name is None else str(name) for name in line or ())
    if "" in names:
        raise DataError(f"{shown(path.name)} has a column without a name (number {names.index('') + 1}).")
    return FileTable(name, tuple(one.removeprefix("\ufeff") for one in names), str(path), False, words, comma)


def _decimal_comma(connection: Any, path: Path, columns: Any) -> bool:
    """Whether some column's every text is a number with a comma (DuckDB's own types, hence ``Any``).

    They would be read as words, and their mean be refused for a reason that nobody sees.
    """
    shape = ", ".join(f"c{index}" for index in range(len(columns)))
    read = f"SELECT * FROM read_csv(?, header=true, all_varchar=true) AS t({shape}) LIMIT {SNIFFED}"
    for place in [place for place, one in enumerate(columns) if str(one["type"]) == "VARCHAR"]:
        # some of these have a comma: where all were whole, DuckDB would have read numbers
        number = f"regexp_full_match(trim(c{place}), '[-+]?[0-9]+(,[0-9]+)?')"
        sql = f"SELECT bool_and({number}) FROM ({read}) WHERE c{place} <> ''"
        row = connection.execute(sql, [str(path)]).fetchone()
        if row is not None and row[0]:
            return True
    return False


def _is_utf8(path: Path) -> bool:
    """Whether a text file is UTF-8; asked when DuckDB could not read it, which does not say why."""
    if path.name.lower().endswith(".gz"):
        return True
    try:
        with path.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _words(connection: Any, path: Path, columns: Any) -> tuple[str, ...]:
    """Columns that DuckDB would misread, and that stay text (its own types, hence ``Any``).

    Other words than true and false, which it takes for these; whole numbers of so many digits that
    it takes them for floats, where keys that differ are one.
    """
    names = [str(one["name"]) for one in columns]
    short = "NOT regexp_full_match(c, '[0-9]{39,}')"
    plain = {"BOOLEAN": "lower(trim(c)) IN ('true', 'false', '')", "DOUBLE": short, "BIGNUM": short}
    found = []
    for place in [place for place, one in enumerate(columns) if str(one["type"]) in plain]:
        shape = ", ".join(f"c{index}" for index in range(len(names)))
        read = f"SELECT c{place} AS c FROM read_csv(?, header=true, all_varchar=true) AS t({shape}) LIMIT {SNIFFED}"
        sql = f"SELECT count(*) FROM ({read}) WHERE NOT ({plain[str(columns[place]['type'])]})"
        row = connection.execute(sql, [str(path)]).fetchone()
        if row is not None and row[0]:
            found.append(names[place])
    return tuple(found)


def _database_table(table: str, url: str) -> DatabaseTable:
    import duckdb

    scheme, _, rest = url.partition("://")
    if scheme != "duckdb":  # the rest of the address may hold a password: it is never shown
        raise DataError(f"Databases of kind {shown(scheme)} are not read yet. Possible: duckdb:///file.db.")
    path = rest.removeprefix("/") if not rest.startswith("//") else rest[1:]
    if not Path(path).is_file():
        raise DataError(f"The database {shown(path)} does not exist.")
    try:
        with duckdb.connect(path, read_only=True) as connection:
            tables = [str(row[0]) for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            tables += [str(row[0]) for row in connection.execute("SELECT view_name FROM duckdb_views()").fetchall()]
            if table not in tables:
                raise DataError(f"{Path(path).name} has no table {shown(table)}. {did_you_mean(table, tables)}")
            columns = tuple(connection.sql(f"SELECT * FROM {quoted(table)}").columns)
    except duckdb.Error as fault:
        raise DataError(f"{Path(path).name} is no readable DuckDB database: {_first_line(fault)}") from None
    return DatabaseTable(table, columns, path, table)


def _mapping_table(home: Mapping[Any, Any], role: str) -> FrameTable:
    import numpy as np
    import pyarrow

    columns = {str(name): values for name, values in home.items()}
    try:
        arrays = {
            name: pyarrow.array(values if isinstance(values, np.ndarray) else list(values))
            for name, values in columns.items()
        }
        frame = pyarrow.table(arrays)
    except OverflowError:
        raise DataError(f"{role} holds whole numbers beyond 64 bits. Make that column text.") from None
    except (pyarrow.ArrowException, TypeError, ValueError) as fault:
        raise DataError(f"{role} is no table: {_first_line(fault)}") from None
    return _frame_table(frame, role)


def _frame_table(home: Any, role: str) -> FrameTable:
    import narwhals as nw

    if hasattr(type(home), "iloc") and hasattr(home, "columns"):  # pandas alone may hold names twice, or no text
        _distinct(_names(home.columns, role), role)
    try:
        frame = nw.from_native(home)
    except TypeError:
        raise DataError(
            f"{role} is {_kind(home)}, which is no table that is read here. "
            "Possible: a path, a pandas, polars or pyarrow table, a DuckDB relation, a dict of columns."
        ) from None
    names = _names(frame.columns if isinstance(frame, nw.DataFrame) else frame.collect_schema().names(), role)
    return FrameTable(role, names, frame)


def _names(names: Iterable[Any], role: str) -> tuple[str, ...]:
    listed = tuple(names)
    for name in listed:
        if not isinstance(name, str):
            raise DataError(f"{role} has a column called {name!r}, which is no text. Give columns names.")
    return listed


def _distinct(names: tuple[str, ...], table: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{table} has two columns called {shown(name)}. Rename one of them.")
        seen.add(name)


def quoted(name: str) -> str:
    """A name as SQL reads it literally.

    Examples
    --------
    >>> print(quoted('5" gun'))
    "5"" gun"
    """
    return '"' + name.replace('"', '""') + '"'


def _first_line(fault: Exception) -> str:
    return shown(str(fault).strip().split("\n", 1)[0], 120)
