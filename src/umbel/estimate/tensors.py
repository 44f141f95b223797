"""Arrays whose axes have names: units, states of a symbol, cells of a law that a regression fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.expr.nodes import Symbol

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitAxis:
    """The axis of an independent draw of a unit."""

    number: int


@dataclass(frozen=True, slots=True)
class CellsOf:
    """The axis of the cells of a law that a regression generates."""

    law: Symbol


Label = UnitAxis | CellsOf | Symbol


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An array with one label per axis."""

    labels: tuple[Label, ...]
    array: Array


def product(tensors: list[Tensor], gone: tuple[Label, ...]) -> Tensor:
    """Multiply tensors and sum out labels, in the cheapest order."""
    labels = tuple(dict.fromkeys(label for tensor in tensors for label in tensor.labels))
    number = {label: index for index, label in enumerate(labels)}
    kept = tuple(label for label in labels if label not in gone)
    operands: list[Any] = []  # einsum's interleaved form has no type of its own
    for tensor in tensors:
        operands += [tensor.array, [number[label] for label in tensor.labels]]
    if not operands:
        return Tensor((), np.ones(()))
    return Tensor(kept, np.asarray(np.einsum(*operands, [number[label] for label in kept], optimize=True)))


def aligned(tensor: Tensor, labels: tuple[Label, ...]) -> Array:
    """The tensor's array with axes in the order of ``labels``, size one where it has none."""
    present = [label for label in labels if label in tensor.labels]
    array = np.transpose(tensor.array, [tensor.labels.index(label) for label in present])
    return array.reshape([array.shape[present.index(one)] if one in present else 1 for one in labels])


def shaped(found: Array, axis: int | None, running: tuple[tuple[Symbol, int], ...], last: Label, cells: int) -> Tensor:
    """Predictions (places, rows, cells) as a tensor: running variables, the unit axis, the cells."""
    sizes = tuple(size for _, size in running)
    labels: tuple[Label, ...] = tuple(symbol for symbol, _ in running)
    if axis is None:
        return Tensor((*labels, last), found.reshape((*sizes, cells)))
    return Tensor((*labels, UnitAxis(axis), last), found.reshape((*sizes, found.shape[1], cells)))
