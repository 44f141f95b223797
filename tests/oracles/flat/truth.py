"""Truth by explicit enumeration: every state of a fully specified model, one by one.

Shares no code with the package's own simulation: no contraction, no elimination, no masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.oracles.flat.diagram import Diagram

Array = NDArray[np.float64]
Mechanism = tuple[tuple[str, ...], Array]
"""What a mechanism reads, and its table: shape (states of what it reads…, own states)."""


@dataclass(frozen=True, slots=True)
class World:
    """A fully specified discrete model: a mechanism for each name, in no particular order."""

    sizes: Mapping[str, int]
    mechanisms: Mapping[str, Mechanism]
    visible: tuple[str, ...]

    def states(self) -> NDArray[np.intp]:
        """Every state of the world, one per column, rows in the order of ``sizes``."""
        return np.indices(tuple(self.sizes.values())).reshape(len(self.sizes), -1)

    def weights(self) -> Array:
        """Probability of each column of :meth:`states`."""
        place = dict(zip(self.sizes, self.states(), strict=True))
        weight = np.ones(1)
        for name, (reads, table) in self.mechanisms.items():
            weight = weight * table[(*(place[read] for read in reads), place[name])]
        return weight

    def law(self, names: Sequence[str]) -> Array:
        """Joint law of some names, axes in their order."""
        rows = dict(zip(self.sizes, self.states(), strict=True))
        law = np.zeros(tuple(self.sizes[name] for name in names))
        np.add.at(law, tuple(rows[name] for name in names), self.weights())
        return law

    def under(self, changes: Mapping[str, Mechanism]) -> World:
        """The world in which interventions have replaced mechanisms."""
        return World(self.sizes, {**self.mechanisms, **changes}, self.visible)

    def effect(self, outcomes: Sequence[str], treated: Sequence[str], given: Sequence[str] = ()) -> Array:
        """``P(outcomes | do(treated), given)`` for every value: axes of outcomes, conditions, treatments."""
        shape = tuple(self.sizes[name] for name in treated)
        result = np.empty((*(self.sizes[name] for name in (*outcomes, *given)), *shape))
        for values in np.ndindex(*shape):
            fixed = {name: held(value, self.sizes[name]) for name, value in zip(treated, values, strict=True)}
            law = self.under(fixed).law([*outcomes, *given])
            below = law.sum(axis=tuple(range(len(outcomes))), keepdims=True) if given else 1.0
            result[(..., *values)] = law / below
        return result


def held(value: int, size: int) -> Mechanism:
    """The mechanism that holds a variable at a value."""
    return (), np.eye(size)[value]


def random_table(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Laws over the last axis, away from zero."""
    table = rng.uniform(0.1, 1.0, size=tuple(shape))
    return table / table.sum(axis=-1, keepdims=True)


def hidden_names(diagram: Diagram) -> tuple[str, ...]:
    """Latent names, and a name for the hidden root of each ``<->``."""
    return (*diagram.latent, *(f"{a} and {b}" for a, b in diagram.bidirected))


def random_world(
    diagram: Diagram,
    rng: np.random.Generator,
    *,
    visible: Sequence[int] = (2, 3),
    hidden: Mapping[str, int] | None = None,
    most: int = 60_000,
) -> World:
    """A random world of a diagram; a visible variable grows to more states while there is room.

    Hidden variables have the states that ``hidden`` gives them, otherwise two.
    """
    sizes = dict.fromkeys(diagram.names, visible[0])
    sizes |= dict.fromkeys(hidden_names(diagram), 2) | dict(hidden or {})
    parents = {name: list(diagram.parents(name)) for name in diagram.names}
    for a, b in diagram.bidirected:
        root = f"{a} and {b}"
        parents[root] = []
        parents[a].append(root)
        parents[b].append(root)
    for name in rng.permutation(diagram.visible):
        larger = int(rng.choice(visible))
        if np.prod(list(sizes.values()), dtype=float) / sizes[name] * larger <= most:
            sizes[name] = larger
    mechanisms = {
        name: (tuple(reads), random_table(rng, [*(sizes[read] for read in reads), sizes[name]]))
        for name, reads in parents.items()
    }
    return World(sizes, mechanisms, diagram.visible)
