"""Discrete laws with named axes, and the arithmetic that undefined cells obey.

A cell that conditions on an event of probability zero is NaN; it stays harmless wherever the
estimand multiplies it by zero, and shows as NaN wherever the answer really depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError, did_you_mean, shown
from umbel.variable import State

Array = NDArray[np.float64]
Word = TypeVar("Word", bound=State)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A discrete law (or a table of values) with one named axis per variable.

    Parameters
    ----------
    axes
        Names, one per dimension of ``array``. With plates the first axis is ``"unit"``, then one
        for each plate that holds a plate: a finite population, each unit with its mass.
    array
        Numbers, shape ``(states of axes[0], …)``; kept as read-only float64.
    states
        Labels of the states of an axis, in order; 0, 1, … where none are given.

    Raises
    ------
    DataError
        For axes that repeat or do not match the array.

    Examples
    --------
    >>> joint = Table(("A", "Y"), [[0.3, 0.2], [0.1, 0.4]])
    >>> joint.marginal(("Y",)).array.round(3).tolist()
    [0.4, 0.6]
    """

    axes: tuple[str, ...]
    array: Array
    states: Mapping[str, tuple[State, ...]]

    def __init__(
        self, axes: Sequence[str], array: ArrayLike, states: Mapping[str, Sequence[State]] | None = None
    ) -> None:
        try:
            values = np.array(array, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("A table holds numbers, and rows of one length along each axis.") from None
        names = tuple(axes)
        if len(set(names)) != len(names):
            raise DataError(f"A table names the axis {shown(_repeated(names))} twice. Each axis has its own name.")
        if values.ndim != len(names):
            raise DataError(f"A table of {values.ndim} dimensions has {len(names)} axes: {', '.join(names)}.")
        values.setflags(write=False)
        labels = {name: tuple(states[name]) for name in states} if states else {}
        for name, given in labels.items():
            if name not in names:
                raise DataError(f"States are given for {shown(name)}. {did_you_mean(name, names)}")
            if len(given) != values.shape[names.index(name)]:
                size = values.shape[names.index(name)]
                raise DataError(f"Axis {shown(name)} has {size} entries and {len(given)} states.")
            if len(set(given)) != len(given):
                raise DataError(f"Axis {shown(name)} has the state {_repeated(given)!r} twice.")
        object.__setattr__(self, "axes", names)
        object.__setattr__(self, "array", values)
        object.__setattr__(self, "states", labels)

    def place(self, axis: str) -> int:
        """Which dimension of the array an axis is; a :class:`DataError` lists what was possible."""
        if axis not in self.axes:
            raise DataError(f"{shown(axis)} is no axis of the table. {did_you_mean(axis, self.axes)}")
        return self.axes.index(axis)

    def size(self, axis: str) -> int:
        """Number of states of an axis."""
        return int(self.array.shape[self.place(axis)])

    def states_of(self, axis: str) -> tuple[State, ...]:
        """States of an axis in order: its labels, or 0, 1, …"""
        return self.states.get(axis) or tuple(range(self.size(axis)))

    def marginal(self, axes: Sequence[str]) -> Table:
        """Sum out every other axis; axes in the order asked."""
        if len(set(axes)) != len(axes):
            raise DataError(f"A marginal names the axis {shown(_repeated(axes))} twice. Each axis has its own name.")
        keep = [self.place(name) for name in axes]
        rest = tuple(i for i in range(len(self.axes)) if i not in keep)
        summed = self.array.sum(axis=rest)
        left = [i for i in range(len(self.axes)) if i in keep]
        ordered = np.transpose(summed, [left.index(i) for i in keep])
        return Table(tuple(axes), ordered, {name: self.states[name] for name in axes if name in self.states})


def _repeated(names: Sequence[Word]) -> Word:
    return next(name for i, name in enumerate(names) if name in names[:i])


def times(a: Array, b: Array) -> Array:
    """Product in which zero times undefined is zero; broadcasts."""
    out: Array = a * b
    if np.isnan(out).any():
        out = np.where((a == 0) | (b == 0), 0.0, out)
    return out


def over(a: Array, b: Array) -> Array:
    """Quotient in which anything over zero is undefined (NaN); broadcasts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Array = a / b
    return np.where(b == 0, np.nan, out)


def grouped(values: Array, tolerance: float = 1e-7) -> tuple[NDArray[np.intp], Array]:
    """Group equal rows: the code of each row, and one representative row per code.

    Rows are equal when every entry agrees up to ``tolerance`` (chains of close values join, so no
    rounding boundary can split a group). NaN equals NaN.

    Parameters
    ----------
    values
        Shape (rows, entries).

    Returns
    -------
    codes, atoms
        Shapes (rows,) and (groups, entries).
    """
    rows, entries = values.shape
    codes = np.zeros((rows, max(entries, 1)), dtype=np.intp)
    for column in range(entries):
        entry = np.where(np.isnan(values[:, column]), -1e9, values[:, column])
        order = np.argsort(entry, kind="stable")
        steps = np.diff(entry[order]) > tolerance
        codes[order[1:], column] = np.cumsum(steps)
    _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    return inverse.reshape(-1), values[first]


MOST_LABELS = 50
"""NumPy's einsum has 52 letters for the labels of one product; more are summed out one by one."""
Factor = tuple[Array, Sequence[int]]
"""An array with the label of each of its axes."""


def contract(factors: Sequence[Factor], out: Sequence[int]) -> Array:
    """Product of labelled arrays, summed down to the labels of ``out``.

    Examples
    --------
    >>> contract([(np.array([0.5, 0.5]), [0]), (np.array([[1.0, 0.0], [0.5, 0.5]]), [0, 1])], [1]).tolist()
    [0.75, 0.25]
    """
    labels = {label: i for i, label in enumerate(dict.fromkeys(label for _, axes in factors for label in axes))}
    if len(labels) > MOST_LABELS:
        return contract(_one_label_less(factors, out), out)
    # NumPy's own types do not know this calling form: arrays and label lists in turn.
    operands: list[Any] = []
    for array, axes in factors:
        operands += [array, [labels[label] for label in axes]]
    return np.asarray(np.einsum(*operands, [labels[label] for label in out], optimize="greedy"), dtype=np.float64)


def _one_label_less(factors: Sequence[Factor], out: Sequence[int]) -> list[Factor]:
    """Sum out the label whose factors make the smallest table together."""
    sizes = {label: size for array, axes in factors for label, size in zip(axes, array.shape, strict=True)}
    beside = {
        label: dict.fromkeys(other for _, axes in factors if label in axes for other in axes if other != label)
        for label in sizes
        if label not in out
    }
    if not beside:
        raise DataError(f"A table of {len(sizes)} axes is more than {MOST_LABELS}. Ask for fewer variables at once.")
    gone = min(beside, key=lambda label: math.prod(sizes[other] for other in beside[label]))
    touched = [one for one in factors if gone in one[1]]
    rest: list[Factor] = [one for one in factors if gone not in one[1]]
    left = list(beside[gone])
    return [(contract(touched, left), left), *rest]
