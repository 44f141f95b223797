"""DuckDB as the engine: files, database tables and relations, by position and never by name.

Every query reads from a source whose columns are renamed by position (``c0``, ``c1``, …), because
SQL is blind to the case of names: ``sum("A")`` and ``sum("a")`` would be one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np

from umbel.data.plan import CODES, Field, Groups, Plan, Tally, pairs
from umbel.data.source import DatabaseTable, FileTable, RelationTable, quoted
from umbel.errors import DataError, shown
from umbel.numerics.cells import Array

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
            case FileTable(_, _, path, parquet, words, comma):
                # Types come from the whole file: a text in the last row must not surprise a sampler.
                reader = f"read_parquet({_literal(path)})" if parquet else _csv(path, words, comma)
                with duckdb.connect() as connection:
                    connection.execute("SET enable_progress_bar = false")
                    yield connection.sql, f"{reader} AS t({names})"
    except duckdb.Error as fault:
        first = str(fault).strip().split("\n", 1)[0]
        raise DataError(f"{table.name} cannot be read: {shown(first, 160)}") from None


def fetch(table: SqlTable, positions: Sequence[int]) -> Any:
    """Whole columns as an Arrow table, named ``c<position>``; for tables of units, not of rows."""
    with session(table) as (run, source):
        kinds = _kinds(run, source)
        picked = ", ".join(f"{_exact(f'c{index}', kinds[index])} AS c{index}" for index in positions) or "1 AS one"
        return run(f"SELECT {picked} FROM {source}").to_arrow_table()


def tally(table: SqlTable, fields: Sequence[Field]) -> tuple[int, tuple[Tally, ...]]:
    """Number of rows, and each column at a glance; one scan.

    Raises
    ------
    DataError
        For a text in a column of numbers, and for infinities.
    """
    with session(table) as (run, source):
        kinds = _kinds(run, source)
        parts = ["count(*)"]
        for index, field in enumerate(fields):
            raw = f"c{field.position}"
            parts.append(f"count(v{index})")
            if field.number:
                inner = f"v{index} NOT IN ({', '.join(map(str, CODES))})"
                parts += [f"avg(v{index})", f"min(v{index})", f"max(v{index})"]
                parts += [f"min(v{index}) FILTER ({inner})", f"max(v{index}) FILTER ({inner})"]
                text = kinds[field.position] == "VARCHAR"
                bad = f"v{index} IS NULL AND {raw} NOT IN ({_words(field)}) AND TRY_CAST({raw} AS DOUBLE) IS NULL"
                parts.append(f"min({raw}) FILTER ({bad})" if text else "NULL")
        cleaned = ", ".join(f"{_clean(field, kinds)} AS v{index}" for index, field in enumerate(fields))
        raws = ", ".join(dict.fromkeys(f"c{field.position}" for field in fields))
        door = f"SELECT {', '.join(filter(None, (cleaned, raws))) or '1 AS one'} FROM {source}"
        figures = list(run(f"SELECT {', '.join(parts)} FROM ({door})").fetchall()[0])
    rows = int(figures.pop(0))
    return rows, tuple(_tally(field, rows, figures) for field in fields)


def _tally(field: Field, rows: int, figures: list[Any]) -> Tally:
    missing = rows - int(figures.pop(0))
    if not field.number:
        return Tally(missing)
    *ends, word = (figures.pop(0) for _ in range(6))
    if word is not None:
        advice = f'If it means "missing", declare missing = ["{word}"].' if len(word) < 20 else ""
        raise DataError(f"{field.name} holds {shown(word)}, which is no number. {advice}".strip())
    return Tally(missing, *ends)


def grouped(table: SqlTable, plan: Plan, centre: Array | None) -> Groups:
    """Rows by group with sums of deviations from ``centre``; None: from each group's own means.

    One scan where a centre is given or nothing is averaged, else two.
    """
    width = len(plan.values)
    keys = [f"k{index}" for index in range(len(plan.keys))]
    with session(table) as (run, source):
        kept = _kept(plan, _kinds(run, source), source)
        by = ", ".join(keys)
        weight = "w" if plan.weights else "1"
        sums = [f"sum({weight} * d{j})" for j in range(width)]
        sums += [f"sum({weight} * d{j} * d{k})" for j, k in pairs(width)]
        aggregates = ["count(*)", "sum(w)" if plan.weights else "count(*)", *sums]
        if width and centre is None:
            means = ", ".join(f"avg(v{j}) AS m{j}" for j in range(width))
            groups = f"SELECT {', '.join(filter(None, (by, means)))} FROM kept GROUP BY {by or '()'}"
            join = " AND ".join(f"kept.{key} = means.{key}" for key in keys) or "true"
            differences = ", ".join(f"v{j} - m{j} AS d{j}" for j in range(width))
            rest = "".join(f", m{j}" for j in range(width))
            columns = ", ".join([*(f"kept.{key}" for key in keys), *(["w"] if plan.weights else []), differences])
            inner = f"SELECT {columns}{rest} FROM kept JOIN means ON {join}"
            head = f"WITH kept AS MATERIALIZED ({kept}), means AS ({groups})"
            aggregates += [f"any_value(m{j})" for j in range(width)]
        else:
            at = [0.0] * width if centre is None else [float(x) for x in centre]
            differences = "".join(f", v{j} - ({at[j]!r})::DOUBLE AS d{j}" for j in range(width))
            inner, head = f"SELECT *{differences} FROM kept", f"WITH kept AS ({kept})"
        picked = ", ".join([*keys, *(f"{what} AS a{i}" for i, what in enumerate(aggregates))])
        # Without keys an aggregate has one row even where nothing is left; HAVING drops it.
        query = f"{head} SELECT {picked} FROM ({inner}) GROUP BY {by or '()'} HAVING count(*) > 0"
        found = run(query).to_arrow_table()
    figures = [_floats(found.column(f"a{i}")) for i in range(len(aggregates))]
    return assembled([found.column(key) for key in keys], figures, width, centre)


def assembled(keys: Sequence[Any], figures: Sequence[Array], width: int, centre: Array | None) -> Groups:
    """Groups from columns of figures: rows, weight, sums, the triangle of products, centres."""
    rows, counts, *rest = figures
    size = len(rows)
    first = np.stack(rest[:width], axis=1) if width else np.empty((size, 0))
    second = np.empty((size, width, width))
    for (j, k), column in zip(pairs(width), rest[width:], strict=False):
        second[:, j, k] = second[:, k, j] = column
    if centre is None:
        centre = np.stack(rest[-width:], axis=1) if width else np.empty((size, 0))
    return Groups(tuple(keys), rows, counts, first, second, centre)


def idle(table: SqlTable, weights: Sequence[Field]) -> int:
    """Number of rows of which some weight is zero."""
    with session(table) as (run, source):
        kinds = _kinds(run, source)
        zero = " OR ".join(f"({_clean(field, kinds)}) = 0" for field in weights)
        return int(run(f"SELECT count(*) FROM {source} WHERE {zero}").fetchall()[0][0])


def fractions(table: SqlTable, field: Field) -> int:
    """Number of rows in which a number is not whole."""
    with session(table) as (run, source):
        value = _clean(field, _kinds(run, source))
        return int(run(f"SELECT count(*) FROM (SELECT {value} AS v FROM {source}) WHERE v % 1 > 0").fetchall()[0][0])


def batches(table: SqlTable, plan: Plan, size: int) -> Iterator[tuple[Any, Array, Array]]:
    """Complete rows as a stream: Arrow keys, values (rows, values), weights (rows,)."""
    with session(table) as (run, source):
        relation = run(_kept(plan, _kinds(run, source), source))
        open_reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        for batch in open_reader(size):
            values = [_floats(batch.column(f"v{j}")) for j in range(len(plan.values))]
            weights = _floats(batch.column("w")) if plan.weights else np.ones(batch.num_rows)
            stacked = np.stack(values, axis=1) if values else np.empty((batch.num_rows, 0))
            yield tuple(batch.column(f"k{i}") for i in range(len(plan.keys))), stacked, weights


def _kept(plan: Plan, kinds: Sequence[str], source: str) -> str:
    """A query for the complete rows that count: keys k0…, values v0…, weight w."""
    named = [(field, f"k{index}") for index, field in enumerate(plan.keys)]
    named += [(field, f"v{index}") for index, field in enumerate(plan.values)]
    named += [(field, f"w{index}") for index, field in enumerate(plan.weights)]
    cleaned = ", ".join(f"{_clean(field, kinds)} AS {name}" for field, name in named) or "1 AS one"
    complete = " AND ".join(f"{name} IS NOT NULL" for _, name in named) or "true"
    product = " * ".join(f"w{index}" for index in range(len(plan.weights)))
    weight, counts = (f", {product} AS w", f" AND {product} > 0") if product else ("", "")
    return f"SELECT *{weight} FROM (SELECT {cleaned} FROM {source}) WHERE {complete}{counts}"


def _clean(field: Field, kinds: Sequence[str]) -> str:
    """The column with everything that means missing turned to NULL, numbers as DOUBLE."""
    raw, kind = f"c{field.position}", kinds[field.position]
    text = kind == "VARCHAR" or kind.startswith("ENUM")
    if text and not field.number:
        return f"CASE WHEN {raw}::VARCHAR IN ({_words(field)}) THEN NULL ELSE {raw}::VARCHAR END"
    if text:
        number = f"CASE WHEN {raw}::VARCHAR IN ({_words(field)}) THEN NULL ELSE TRY_CAST({raw} AS DOUBLE) END"
    elif field.number:
        if not is_numeric(kind):
            raise DataError(f"{field.name} holds {kind.lower()}, and numbers are needed.")
        number = f"{raw}::DOUBLE"
    elif kind in ("FLOAT", "DOUBLE"):
        number = raw
    else:
        number = _exact(raw, kind) if is_numeric(kind) else f"{raw}::VARCHAR"
    # even() keeps NaN and carries no statistics: DuckDB trusts a parquet file's minimum and maximum,
    # which ignore NaN, and folds a bare isnan() to false (duckdb issue 25521).
    holes = f"isnan(even({number}))" if text or field.number or kind in ("FLOAT", "DOUBLE") else "false"
    if field.figures() and (field.number or is_numeric(kind)):
        holes += f" OR {number} IN ({', '.join(map(repr, field.figures()))})"
    return number if holes == "false" else f"CASE WHEN {holes} THEN NULL ELSE {number} END"


def _exact(raw: str, kind: str) -> str:
    """Whole numbers beyond 64 bits, which DuckDB hands out as DOUBLE: keys that differ would be one."""
    if kind == "BIGNUM":
        return f"{raw}::VARCHAR"
    return f"{raw}::DECIMAL(38, 0)" if kind in ("HUGEINT", "UHUGEINT") else raw


def _kinds(run: Run, source: str) -> list[str]:
    return [str(kind) for kind in run(f"SELECT * FROM {source}").types]


def is_numeric(kind: str) -> bool:
    """Whether a type of DuckDB holds numbers, or truth values."""
    return kind in ("FLOAT", "DOUBLE", "BOOLEAN") or "INT" in kind or kind.startswith("DECIMAL")


def _words(field: Field) -> str:
    return ", ".join(map(_literal, field.words()))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _csv(path: str, words: Sequence[str], comma: bool) -> str:
    types = f", types={{{', '.join(f'{_literal(name)}: ' + _literal('VARCHAR') for name in words)}}}" if words else ""
    point = ", decimal_separator=','" if comma else ""
    return f"read_csv({_literal(path)}, sample_size=-1, header=true{types}{point})"


def _floats(column: Any) -> Array:
    return np.asarray(column.to_numpy(zero_copy_only=False) if _is_array(column) else column.to_numpy(), np.float64)


def _is_array(column: Any) -> bool:
    return not hasattr(column, "chunks")
