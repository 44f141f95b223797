"""From Arrow columns to clean arrays: numbers as float64 with NaN, categories as codes of states.

The one form of the data layer: NaN, null, the empty text and declared codes are missing;
infinities are refused; integral floats are integers, so that a column with a hole names the same
states as one without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from umbel.errors import DataError, shown
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
SUM = 1e-6
"""Counts that sum to one this closely are probabilities."""
NUMERAL = re.compile(r"[+-]?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")


def numbers(column: Any, *, where: str, missing: Sequence[State] = ()) -> Array:
    """An Arrow column as float64; missing values are NaN.

    Raises
    ------
    DataError
        For text that is no number, for dates, and for infinities.

    Examples
    --------
    >>> numbers(pa.chunked_array([[1, -9, None]]), where="Y", missing=(-9,)).tolist()
    [1.0, nan, nan]
    """
    flat = _plain(column)
    kind = flat.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        words = {str(code) for code in missing if isinstance(code, str)} | {""}
        flat = pc.if_else(pc.is_in(flat, value_set=pa.array(sorted(words), kind)), pa.scalar(None, kind), flat)
        for word in pc.unique(flat).to_pylist():
            if word is not None and not _is_number(word):
                advice = f'If it means "missing", declare missing = ["{word}"].' if len(word) < 20 else ""
                raise DataError(f"{where} holds {shown(word)}, which is no number. {advice}".strip())
    elif not (pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or _is_numeric(kind)):
        raise DataError(f"{where} holds {kind}, and numbers are needed.")
    try:
        array = np.array(pc.cast(flat, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowException:
        raise DataError(f"{where} holds {kind}, and numbers are needed.") from None
    for code in missing:
        if not isinstance(code, str):
            array[array == code] = np.nan
    if np.isinf(array).any():
        raise DataError(f"{where} is infinite in row {int(np.isinf(array).argmax()) + 1}. Numbers must be finite.")
    return array


def is_law(counts: Array) -> bool:
    """Whether counts sum to one: probabilities, which do not say how many rows they come from."""
    return sums_to_one(float(np.nansum(counts))) and has_fractions(counts)


def sums_to_one(total: float) -> bool:
    """Whether counts of this sum are probabilities, unless there is one row."""
    return abs(total - 1.0) < SUM


def has_fractions(counts: Array) -> bool:
    """Whether a count is no whole number; NaN is passed over.

    Examples
    --------
    >>> has_fractions(np.array([3.0, 0.0, np.nan])), has_fractions(np.array([2.5]))
    (False, True)
    """
    return bool((counts[~np.isnan(counts)] % 1.0).any())


def law_refused(where: str) -> DataError:
    """The error for counts that sum to one, on roads that need a number of rows."""
    return DataError(
        f"{where} sums to 1: it is a law, and without a number of rows an estimate has no interval. Give counts; "
        "or put the law into the estimand, exactly: umbel.identify(…).estimand.evaluate(umbel.Table(…))."
    )


def categories(column: Any, *, missing: Sequence[State] = ()) -> tuple[Codes, tuple[State, ...]]:
    """An Arrow column as codes and the states they stand for, sorted; missing values are -1.

    Numbers that are text only for a word among the codes for missing ("NA") are read as numbers.

    Examples
    --------
    >>> codes, states = categories(pa.chunked_array([["b", "a", None, "b"]]))
    >>> codes.tolist(), states
    ([1, 0, -1, 1], ('a', 'b'))
    >>> categories(pa.chunked_array([["0", "NA", "1"]]), missing=("NA",))[1]
    (0, 1)
    """
    encoded = pc.dictionary_encode(_plain(column))
    values = [state_of(value) for value in encoded.dictionary.to_pylist()]
    if are_numerals(values, missing):
        values = [number_of(value) if value not in missing else None for value in values]
    kept = sorted({value for value in values if value is not None and value not in missing}, key=order_key)
    position = {state: index for index, state in enumerate(kept)}
    lookup = np.array([-1 if value is None else position.get(value, -1) for value in values] + [-1], dtype=np.int64)
    indices = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    return lookup[indices], tuple(kept)


def are_numerals(values: Iterable[State | None], missing: Sequence[State]) -> bool:
    """Whether every word is a number, and a word that stands for missing tells why they are words.

    Words like 007 are names: as numbers they would be others.

    Examples
    --------
    >>> are_numerals(["0", "1.5"], ("NA",)), are_numerals(["0", "1"], ()), are_numerals(["01"], ("NA",))
    (True, False, False)
    """
    if not any(isinstance(code, str) for code in missing):
        return False
    return all(
        value is None or value in missing or (isinstance(value, str) and NUMERAL.fullmatch(value) is not None)
        for value in values
    )


def number_of(value: State | None) -> State | None:
    """The number that a numeral writes; whole ones are integers."""
    whole = isinstance(value, str) and not set(value) & set(".eE")
    return None if value is None else int(value) if whole else state_of(float(value))


def state_of(value: Any) -> State | None:
    """A plain state from whatever a column holds; None when it is missing.

    Examples
    --------
    >>> state_of(2.0), state_of(float("nan")), state_of("")
    (2, None, None)
    >>> state_of(Decimal(99999999999999999999))
    99999999999999999999
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)  # exactly: as a float, keys of twenty digits would be one
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if math.isnan(number):
        return None
    return int(number) if number.is_integer() else number


def order_key(state: State) -> tuple[int, float, str]:
    """Numbers by size, then words by their letters: an order that no home of the data can change."""
    return (1, 0.0, state) if isinstance(state, str) else (0, float(state), "")


def listed(states: Iterable[State], most: int = 8) -> str:
    """States for a message."""
    words = [str(state) for state in states]
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")


def _plain(column: Any) -> Any:
    """One contiguous array, dictionaries decoded."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(flat, pa.ChunkedArray):
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], column.type)
    return flat.dictionary_decode() if pa.types.is_dictionary(flat.type) else flat


def _is_numeric(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
