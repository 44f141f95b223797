"""Rows as features of learners, and rows as folds.

Folds follow clusters where there are any, so that a row's own cluster never teaches its score;
rows that stand for several are split between folds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn, Rows
from umbel.numerics.influence import Sample

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_DUMMIES = 5
"""States up to which a discrete number becomes one feature per state; beyond, it stays a number."""


def features_of(rows: Rows, names: Sequence[str]) -> Array:
    """Features of variables, shape (rows, features): numbers as they are, words as one column per state.

    The first state is the reference.
    """
    columns = [rows.columns[name] for name in names]
    return encoded([(one, one.values if one.codes is None else one.codes) for one in columns], rows.size)


def encoded(parts: Sequence[tuple[RowColumn, Array | Codes]], size: int) -> Array:
    """Features of values of columns, which are codes where a column has states."""
    found: list[Array] = [np.empty((size, 0))]
    for column, values in parts:
        if column.codes is None:
            found.append(np.asarray(values[:, None], dtype=np.float64))
        elif not column.numeric or 2 < len(column.states) <= MOST_DUMMIES:
            found.append((values[:, None] == np.arange(1, len(column.states))).astype(np.float64))
        else:
            numbers = np.array([float(state) for state in column.states])
            found.append(numbers[values.astype(np.int64)][:, None])
    return np.concatenate(found, axis=1)


def split(rows: Rows, by: Sequence[str], folds: int, rng: np.random.Generator) -> tuple[Rows, Codes]:
    """Rows with the fold of each; a row that stands for several may come once in each fold.

    Parameters
    ----------
    by
        Discrete variables whose states are spread evenly over folds.
    """
    sample = rows.sample
    if sample.clusters is not None:
        groups = np.unique(sample.clusters)
        order = rng.permutation(len(groups))
        return rows, (order % folds)[np.searchsorted(groups, sample.clusters)]
    if sample.counts.max() > 1.0:
        base, rest = np.divmod(sample.counts, folds)
        extra = rng.random((rows.size, folds)).argsort(axis=1) < rest[:, None]
        counts = base[:, None] + extra  # (rows, folds)
        index, fold = np.nonzero(counts)
        strata = None if sample.strata is None else sample.strata[index]
        return rows.taken(index, Sample(counts[index, fold], sample.weights[index], None, strata)), fold
    cells = np.zeros(rows.size, dtype=np.int64)
    for name in by:
        codes = rows.columns[name].codes
        if codes is not None:
            cells = cells * (int(codes.max()) + 1) + codes
    order = np.lexsort((rng.random(rows.size), cells))
    codes = np.empty(rows.size, dtype=np.int64)
    codes[order] = np.arange(rows.size) % folds
    return rows, codes
