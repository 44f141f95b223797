"""Arrays with a label per axis, and sums of their products by eliminating one label at a time.

The labels are any hashable values; undefined (NaN) cells obey the arithmetic of ``tables``.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from umbel.numerics.tables import Array, times

Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Tensor(Generic[Label]):
    """An array with one label per axis."""

    labels: tuple[Label, ...]
    array: Array


def aligned(tensor: Tensor[Label], labels: Sequence[Label]) -> Array:
    """The tensor's array with axes in the order of ``labels``, size one where it has none."""
    present = [label for label in labels if label in tensor.labels]
    assert len(present) == len(tensor.labels), f"{tensor.labels} do not fit {labels}"
    array = np.transpose(tensor.array, [tensor.labels.index(label) for label in present])
    return array.reshape([array.shape[present.index(s)] if s in present else 1 for s in labels])


def multiplied(tensors: Sequence[Tensor[Label]]) -> Tensor[Label]:
    """Product of tensors, aligned by label."""
    result: Tensor[Label] = Tensor((), np.ones(()))
    for tensor in tensors:
        labels = tuple(dict.fromkeys((*result.labels, *tensor.labels)))
        a = aligned(result, labels)
        b = aligned(tensor, labels)
        result = Tensor(labels, times(a, b))
    return result


def eliminated(tensors: list[Tensor[Label]], bound: Sequence[Label]) -> Tensor[Label]:
    """Sum a product over bound labels, cheapest label first."""
    rest = list(bound)
    while rest:
        label = cheapest(rest, tensors)
        rest.remove(label)
        joined = multiplied([tensor for tensor in tensors if label in tensor.labels])
        tensors = [tensor for tensor in tensors if label not in tensor.labels]
        axis = joined.labels.index(label)
        labels = joined.labels[:axis] + joined.labels[axis + 1 :]
        tensors.append(Tensor(labels, joined.array.sum(axis=axis)))
    return multiplied(tensors)


def cheapest(labels: Sequence[Label], tensors: Sequence[Tensor[Label]]) -> Label:
    """The label whose elimination makes the smallest array."""
    return min(labels, key=lambda label: joined_size(label, tensors))


def joined_size(label: Label, tensors: Sequence[Tensor[Label]]) -> int:
    """Entries of the product of the tensors that read a label."""
    shape: dict[Label, int] = {}
    for tensor in tensors:
        if label in tensor.labels:
            shape.update(zip(tensor.labels, tensor.array.shape, strict=True))
    return math.prod(shape.values())
