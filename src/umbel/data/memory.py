"""Narwhals as the engine: pandas, polars, pyarrow, PySpark and Ibis tables, by position.

Inside a group-by aggregation only ``len``, ``sum``, ``min``, ``max`` and ``mean`` of bare columns
mean the same in every home; whatever else is needed is derived with ``with_columns`` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from umbel.data.plan import CODES, Field, Groups, Plan, Tally, pairs
from umbel.data.source import FrameTable
from umbel.data.sql import assembled
from umbel.errors import DataError, shown
from umbel.numerics.cells import Array


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
    if not positions:  # a lazy frame cannot be asked for nothing
        return pa.table({})
    frame = picked(table, positions)
    if isinstance(frame, nw.LazyFrame):
        return frame.collect("pyarrow").to_native()
    return pa.table({f"c{index}": _arrow(frame, f"c{index}", table.columns[index], table.name) for index in positions})


def tally(table: FrameTable, fields: Sequence[Field]) -> tuple[int, tuple[Tally, ...]]:
    """Number of rows, and each column at a glance.

    Raises
    ------
    DataError
        For a text in a column of numbers.
    """
    frame = _cleaned(table, [(field, f"v{index}") for index, field in enumerate(fields)])
    derived, wanted = [], [nw.len().alias("rows")]
    for index, field in enumerate(fields):
        value = nw.col(f"v{index}")
        derived.append(value.is_null().cast(nw.Int64).alias(f"n{index}"))
        wanted.append(nw.col(f"n{index}").sum())
        if field.number:
            derived.append(nw.when(~value.is_in(list(CODES))).then(value).alias(f"i{index}"))
            wanted += [value.mean().alias(f"m{index}")]
            wanted += [value.min().alias(f"l{index}"), value.max().alias(f"h{index}")]
            wanted += [nw.col(f"i{index}").min().alias(f"il{index}"), nw.col(f"i{index}").max().alias(f"ih{index}")]
    found = _row(frame.with_columns(*derived).select(*wanted) if derived else frame.select(nw.len().alias("rows")))
    tallies = []
    for index, field in enumerate(fields):
        missing = int(found[f"n{index}"] or 0)
        ends = [_figure(found[f"{end}{index}"]) for end in ("m", "l", "h", "il", "ih")] if field.number else []
        tallies.append(Tally(missing, *ends))
    return int(found["rows"]), tuple(tallies)


def grouped(table: FrameTable, plan: Plan, centre: Array | None) -> Groups:
    """Rows by group with sums of deviations from ``centre``; None: from each group's own means."""
    width = len(plan.values)
    keys = [f"k{index}" for index in range(len(plan.keys))] or ["k"]
    frame = _kept(table, plan)
    if not plan.keys:
        frame = frame.with_columns(nw.lit(0).alias("k"))
    if width and centre is None:
        means = frame.group_by(*keys).agg(*(nw.col(f"v{j}").mean().alias(f"m{j}") for j in range(width)))
        frame = frame.join(means, on=keys, how="inner")
        frame = frame.with_columns(*((nw.col(f"v{j}") - nw.col(f"m{j}")).alias(f"d{j}") for j in range(width)))
    elif width:
        assert centre is not None
        frame = frame.with_columns(*((nw.col(f"v{j}") - float(centre[j])).alias(f"d{j}") for j in range(width)))
    if width:
        weight = nw.col("w") if plan.weights else nw.lit(1.0)
        products = [(nw.col(f"d{j}") * nw.col(f"d{k}") * weight).alias(f"s{j}_{k}") for j, k in pairs(width)]
        frame = frame.with_columns(*products, *((nw.col(f"d{j}") * weight).alias(f"s{j}") for j in range(width)))
    sums = [*(f"s{j}" for j in range(width)), *(f"s{j}_{k}" for j, k in pairs(width))]
    totals = [nw.len().alias("rows"), *(nw.col(name).sum().alias(name) for name in sums)]
    totals += [nw.col("w").sum().alias("weight")] if plan.weights else []
    totals += [nw.col(f"m{j}").min().alias(f"m{j}") for j in range(width)] if centre is None else []
    found = _collected(frame.group_by(*keys).agg(*totals))
    columns = ["rows", "weight" if plan.weights else "rows", *sums]
    columns += [f"m{j}" for j in range(width)] if centre is None else []
    figures = [np.asarray(found.get_column(name).to_numpy(), dtype=np.float64) for name in columns]
    arrow = [found.get_column(f"k{index}").to_arrow() for index in range(len(plan.keys))]
    return assembled(arrow, figures, width, centre)


def idle(table: FrameTable, weights: Sequence[Field]) -> int:
    """Number of rows of which some weight is zero."""
    names = [f"w{index}" for index in range(len(weights))]
    zero = [(nw.col(name) == 0).alias(name) for name in names]
    frame = _cleaned(table, list(zip(weights, names, strict=True))).select(nw.any_horizontal(*zero, ignore_nulls=True))
    return len(_collected(frame.filter(nw.col(names[0]))))


def fractions(table: FrameTable, field: Field) -> int:
    """Number of rows in which a number is not whole."""
    frame = _cleaned(table, [(field, "v")]).with_columns((nw.col("v") % 1).alias("rest"))
    return len(_collected(frame.filter(nw.col("rest") > 0)))


def batches(table: FrameTable, plan: Plan, size: int) -> Iterator[tuple[Any, Array, Array]]:
    """Complete rows as a stream: Arrow keys, values (rows, values), weights (rows,)."""
    frame = _collected(_kept(table, plan))
    for start in range(0, len(frame), size):
        part = frame[start : start + size]
        values = [np.asarray(part.get_column(f"v{j}").to_numpy(), np.float64) for j in range(len(plan.values))]
        weights = np.asarray(part.get_column("w").to_numpy(), np.float64) if plan.weights else np.ones(len(part))
        stacked = np.stack(values, axis=1) if values else np.empty((len(part), 0))
        yield tuple(part.get_column(f"k{i}").to_arrow() for i in range(len(plan.keys))), stacked, weights


def _kept(table: FrameTable, plan: Plan) -> Any:
    """The complete rows that count: keys k0…, values v0…, weight w."""
    named = [(field, f"k{index}") for index, field in enumerate(plan.keys)]
    named += [(field, f"v{index}") for index, field in enumerate(plan.values)]
    named += [(field, f"w{index}") for index, field in enumerate(plan.weights)]
    frame = _cleaned(table, named)
    for _, name in named:
        frame = frame.filter(~nw.col(name).is_null())
    if plan.weights:
        product = nw.col("w0")
        for index in range(1, len(plan.weights)):
            product = product * nw.col(f"w{index}")
        frame = frame.with_columns(product.alias("w")).filter(nw.col("w") > 0)
    return frame


def _cleaned(table: FrameTable, named: Sequence[tuple[Field, str]]) -> Any:
    """Each field under its name, with everything that means missing turned to null."""
    frame = picked(table, list(dict.fromkeys(field.position for field, _ in named)) or [0])
    schema = frame.collect_schema()
    columns = []
    for field, name in named:
        raw, kind = f"c{field.position}", schema[f"c{field.position}"]
        if isinstance(kind, nw.Object) and isinstance(frame, nw.DataFrame):
            # pandas holds text, booleans with holes and mixtures alike as objects: Arrow tells them apart
            plain = _arrow(frame, raw, table.columns[field.position], table.name)
            fresh = nw.new_series(raw, plain.to_pylist(), _object_kind(plain), backend=frame.implementation)
            frame = frame.with_columns(fresh)
            kind = fresh.dtype
        if field.number and kind == nw.String:
            frame = _parsed(frame, raw, field)
            kind = nw.Float64()
        columns.append(_clean(nw.col(raw), kind, field).alias(name))
    return frame.with_columns(*columns).select(*(name for _, name in named)) if columns else frame


def _clean(value: Any, kind: Any, field: Field) -> Any:
    if kind in (nw.Categorical, nw.Enum):
        value, kind = _as_words(value), nw.String
    if kind == nw.String:
        return nw.when(~value.is_in(field.words())).then(value)
    if field.number:
        if not (kind.is_numeric() or kind in (nw.Boolean, nw.Unknown)):  # unknown: a column of nothing but nulls
            raise DataError(f"{field.name} holds {str(kind).lower()}, and numbers are needed.")
        value = value.cast(nw.Int64) if kind == nw.Boolean else value
        # pyarrow refuses to cast an integer beyond 2**53; dividing gives float64 in every home
        value = value / 1 if kind.is_integer() else value.cast(nw.Float64)
        kind = nw.Float64()
    elif kind == nw.Boolean:
        return value
    elif not kind.is_numeric():
        return _as_words(value)
    if kind.is_float():
        value = nw.when(~value.is_nan()).then(value)
    codes = field.figures()
    if kind.is_integer():  # polars compares integers with integers only
        codes = [int(code) for code in codes if code.is_integer()]
    if codes:
        value = nw.when(~value.is_in(codes)).then(value)
    return value


def _as_words(value: Any) -> Any:
    """Values as text, where a hole stays a hole: pandas before 3 would write it as the word ``nan``."""
    return nw.when(~value.is_null()).then(value.cast(nw.String))


def _parsed(frame: Any, raw: str, field: Field) -> Any:
    """A column of text as numbers; the first text that is none is named."""
    value = nw.when(~nw.col(raw).is_in(field.words())).then(nw.col(raw))
    frame = frame.with_columns(value.alias(raw))
    words = _collected(frame.select(raw).filter(~nw.col(raw).is_null()).unique()).get_column(raw).to_list()
    for word in sorted(words):
        try:
            float(word)
        except ValueError:
            advice = f'If it means "missing", declare missing = ["{word}"].' if len(word) < 20 else ""
            raise DataError(f"{field.name} holds {shown(word)}, which is no number. {advice}".strip()) from None
    return frame.with_columns(nw.col(raw).cast(nw.Float64))


def _arrow(frame: Any, column: str, name: str, table: str) -> Any:
    try:
        return frame.get_column(column).to_arrow()
    except OverflowError:
        raise DataError(f"Column {shown(name)} of {table} holds whole numbers beyond 64 bits. Make it text.") from None
    except (pa.ArrowException, TypeError):
        raise DataError(f"Column {shown(name)} of {table} mixes kinds of values. Make it numbers or text.") from None


def _object_kind(plain: Any) -> Any:
    kind = plain.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return nw.Float64() if plain.null_count or not pa.types.is_boolean(kind) else nw.Boolean()
    return nw.String()


def _collected(frame: Any) -> Any:
    return frame.collect("pyarrow") if isinstance(frame, nw.LazyFrame) else frame


def _row(frame: Any) -> dict[str, Any]:
    collected = _collected(frame)
    return {name: collected.get_column(name).to_list()[0] for name in collected.columns}


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return None if np.isnan(number) else number
