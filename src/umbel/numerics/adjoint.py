"""Exact gradients of formulas of laws: sums, products and quotients, linearised node by node.

A :class:`Node` is a labelled array with the nodes it was made from; one backward sweep gives the
derivative of a number with respect to every entry of every leaf, at the cost of a few evaluations
(no step size, no truncation). Undefined cells (0/0) follow the arithmetic of ``tables``: what is
multiplied by zero has no influence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from umbel.numerics.equilibrium import slopes, stationary
from umbel.numerics.tables import Array, over, times
from umbel.numerics.tensors import Tensor, aligned, cheapest

Pull = Callable[[Array], tuple[Array, ...]]
"""From the gradient of a node to the gradients of its parents, each in its parent's shape."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An array of a formula, and how its gradient passes to its parents.

    Parameters
    ----------
    tensor
        The value, with a label per axis.
    parents
        What it was made from; none for a leaf or a constant.
    pull
        Passes the gradient on.
    """

    tensor: Tensor[Hashable]
    parents: tuple[Node, ...] = ()
    pull: Pull | None = None

    @property
    def labels(self) -> tuple[Hashable, ...]:
        """One label per axis."""
        return self.tensor.labels


def leaf(labels: Sequence[Hashable], array: Array) -> Node:
    """A node that a gradient is asked for, or a constant.

    Examples
    --------
    >>> p = leaf("a", np.array([0.25, 0.75]))
    >>> square = summed(multiplied(p, p), ["a"])
    >>> gradients(square)[p].tolist()
    [0.5, 1.5]
    """
    return Node(Tensor(tuple(labels), np.asarray(array, dtype=np.float64)))


def multiplied(a: Node, b: Node) -> Node:
    """Product, aligned by label."""
    labels = tuple(dict.fromkeys((*a.labels, *b.labels)))
    left, right = aligned(a.tensor, labels), aligned(b.tensor, labels)

    def pull(gradient: Array) -> tuple[Array, ...]:
        return _onto(times(gradient, right), labels, a), _onto(times(gradient, left), labels, b)

    return Node(Tensor(labels, times(left, right)), (a, b), pull)


def divided(a: Node, b: Node) -> Node:
    """Quotient, aligned by label; undefined over zero."""
    labels = tuple(dict.fromkeys((*a.labels, *b.labels)))
    left, right = aligned(a.tensor, labels), aligned(b.tensor, labels)
    value = over(left, right)

    def pull(gradient: Array) -> tuple[Array, ...]:
        scaled = np.where(gradient == 0.0, 0.0, over(gradient, right))
        return _onto(scaled, labels, a), _onto(-times(scaled, value), labels, b)

    return Node(Tensor(labels, value), (a, b), pull)


def summed(a: Node, gone: Sequence[Hashable]) -> Node:
    """Sum over labels that ``a`` has."""
    axes = tuple(at for at, label in enumerate(a.labels) if label in gone)
    kept = tuple(label for label in a.labels if label not in gone)
    shape = a.tensor.array.shape

    def pull(gradient: Array) -> tuple[Array, ...]:
        return (np.broadcast_to(np.expand_dims(gradient, axes), shape),)

    return Node(Tensor(kept, np.asarray(a.tensor.array.sum(axis=axes))), (a,), pull)


def added(terms: Sequence[tuple[float, Node]]) -> Node:
    """Linear combination, aligned by label."""
    labels = tuple(dict.fromkeys(label for _, node in terms for label in node.labels))
    value = sum((weight * aligned(node.tensor, labels) for weight, node in terms), np.zeros(()))

    def pull(gradient: Array) -> tuple[Array, ...]:
        return tuple(_onto(weight * gradient, labels, node) for weight, node in terms)

    return Node(Tensor(labels, np.asarray(value)), tuple(node for _, node in terms), pull)


def raised(a: Node, low: float) -> Node:
    """Entries below ``low`` raised to it; what is raised has no slope."""
    below = a.tensor.array < low

    def pull(gradient: Array) -> tuple[Array, ...]:
        return (np.where(below, 0.0, gradient),)

    return Node(Tensor(a.labels, np.where(below, low, a.tensor.array)), (a,), pull)


def picked(a: Node, at: dict[Hashable, int]) -> Node:
    """The slice of ``a`` at one state of some labels."""
    index = tuple(at.get(label, slice(None)) for label in a.labels)
    kept = tuple(label for label in a.labels if label not in at)
    shape = a.tensor.array.shape

    def pull(gradient: Array) -> tuple[Array, ...]:
        full = np.zeros(shape)
        full[index] = gradient
        return (full,)

    return Node(Tensor(kept, np.asarray(a.tensor.array[index])), (a,), pull)


def relabelled(a: Node, labels: Sequence[Hashable]) -> Node:
    """The same array under other labels, in order."""
    return Node(Tensor(tuple(labels), a.tensor.array), (a,), lambda gradient: (gradient,))


def contracted(nodes: Sequence[Node], gone: Sequence[Hashable]) -> Node:
    """Product of nodes summed over labels, eliminated one at a time, the cheapest first."""
    rest, waiting = list(gone), list(nodes)
    while rest:
        label = cheapest(rest, [node.tensor for node in waiting])
        rest.remove(label)
        reading = [node for node in waiting if label in node.labels]
        waiting = [node for node in waiting if label not in node.labels]
        waiting.append(summed(_product(reading), [label]))
    return _product(waiting)


def settled(laws: Sequence[Node], members: Sequence[Hashable], scan: Sequence[int] | None = None) -> Node:
    """Where a block settles, from one conditional law per member; ``scan`` as in :func:`stationary`.

    Labels that are no members come first in the result, then the members in order.
    """
    outside = tuple(dict.fromkeys(label for law in laws for label in law.labels if label not in members))
    labels = (*outside, *members)
    arrays = [aligned(law.tensor, labels) for law in laws]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    stacked = [np.broadcast_to(array, shape).reshape(-1, *shape[len(outside) :]) for array in arrays]
    found = stationary(stacked, scan)

    def pull(gradient: Array) -> tuple[Array, ...]:
        parts = slopes(stacked, found, gradient.reshape(found.shape), scan)
        return tuple(_onto(part.reshape(shape), labels, law) for part, law in zip(parts, laws, strict=True))

    return Node(Tensor(labels, found.reshape(shape)), tuple(laws), pull)


def gradients(top: Node) -> dict[Node, Array]:
    """Derivatives of a number (a node without labels) with respect to every node below it."""
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(top, False)]
    while stack:  # depth first, parents before what was made from them
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(parent, False) for parent in node.parents]
    found: dict[Node, Array] = {top: np.ones(())}
    for node in reversed(order):
        if node.pull is not None:
            for parent, part in zip(node.parents, node.pull(found[node]), strict=True):
                found[parent] = found[parent] + part if parent in found else part
    return found


def _product(nodes: Sequence[Node]) -> Node:
    if not nodes:
        return leaf((), np.ones(()))
    result = nodes[0]
    for node in nodes[1:]:
        result = multiplied(result, node)
    return result


def _onto(array: Array, labels: tuple[Hashable, ...], node: Node) -> Array:
    """A gradient over more labels summed onto those of a node, in the node's order."""
    full = np.broadcast_to(array, [_size(label, labels, array, node) for label in labels])
    kept = [label for label in labels if label in node.labels]
    down = full.sum(axis=tuple(at for at, label in enumerate(labels) if label not in node.labels))
    return np.asarray(np.transpose(down, [kept.index(label) for label in node.labels]))


def _size(label: Hashable, labels: tuple[Hashable, ...], array: Array, node: Node) -> int:
    own = array.shape[labels.index(label) - len(labels)] if array.ndim == len(labels) else 1
    there = node.tensor.array.shape[node.labels.index(label)] if label in node.labels else 1
    return max(own, there)
