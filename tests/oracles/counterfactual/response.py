"""Structural models as response functions, enumerated row by row: the truth about several worlds.

Every variable draws a *type*, a function from its parents' values to its own; the law of the type
reads the hidden roots that the variable shares with others. Given the types of all variables,
every world is computed, not drawn, so an event in any number of worlds, nested or not, is a set of
rows. No identification, no graph algorithm and no code of the package is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.oracles.flat.diagram import Diagram

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Happening:
    """``name[world] = value``; None: left free. A world sets names to a state or to another happening's value."""

    name: str
    world: tuple[tuple[str, int | Happening], ...] = ()
    value: int | None = None

    def text(self) -> str:
        """As a question writes it."""
        inner = ", ".join(f"{name}={to}" if isinstance(to, int) else to.text() for name, to in self.world)
        return self.name + (f"[{inner}]" if inner else "") + ("" if self.value is None else f"={self.value}")


@dataclass(frozen=True, slots=True, eq=False)
class ResponseModel:
    """A fully specified structural model.

    Parameters
    ----------
    diagram
        Its ``<->`` are the hidden roots, in their order.
    sizes
        States of each name.
    functions
        ``functions[name][type, parents…]`` is the state that a type takes.
    laws
        ``laws[name][roots…, type]``, the roots being those that end in the name.
    roots
        Law of each root.
    """

    diagram: Diagram
    sizes: Mapping[str, int]
    functions: Mapping[str, Indices]
    laws: Mapping[str, Array]
    roots: tuple[Array, ...]

    def ends(self, name: str) -> list[int]:
        """Roots that end in a name."""
        return [i for i, arc in enumerate(self.diagram.bidirected) if name in arc]

    def types(self) -> dict[str, Indices]:
        """Every combination of types: one row each."""
        shape = tuple(len(self.functions[name]) for name in self.diagram.names)
        return dict(zip(self.diagram.names, np.indices(shape).reshape(len(shape), -1), strict=True))

    def hidden(self) -> list[Indices]:
        """Every combination of the roots' states."""
        shape = tuple(len(root) for root in self.roots)
        return list(np.indices(shape).reshape(len(shape), -1)) if shape else []

    def place(self, name: str) -> Indices | int:
        """For each combination of the roots' states, the row of the name's law."""
        ends, hidden = self.ends(name), self.hidden()
        shape = self.laws[name].shape[:-1]
        return np.ravel_multi_index(tuple(hidden[i] for i in ends), shape) if ends else np.zeros(1, dtype=np.intp)

    def weights(self) -> Array:
        """Probability of roots and types together: shape (combinations of roots, rows)."""
        weight = np.ones((1, 1))
        for root, states in zip(self.roots, self.hidden(), strict=True):
            weight = weight * root[states][:, None]
        for name, types in self.types().items():
            law = self.laws[name].reshape(-1, self.laws[name].shape[-1])
            weight = weight * law[self.place(name)][:, types]
        return weight

    def value(self, name: str, world: Sequence[tuple[str, int | Happening]], types: Mapping[str, Indices]) -> Indices:
        """State of a name in a world, row by row."""
        setting = dict(world).get(name)
        if isinstance(setting, Happening):
            return self.value(setting.name, setting.world, types)
        if setting is not None:
            return np.full(len(types[name]), setting)
        parents = (self.value(parent, world, types) for parent in self.diagram.parents(name))
        result: Indices = self.functions[name][(types[name], *parents)]
        return result

    def observed(self) -> Array:
        """Law of the visible names, axes in their order."""
        law = np.zeros(tuple(self.sizes[name] for name in self.diagram.visible))
        types = self.types()
        cells = tuple(self.value(name, (), types) for name in self.diagram.visible)
        np.add.at(law, cells, self.weights().sum(axis=0))
        return law

    def holds(self, happenings: Sequence[Happening]) -> NDArray[np.bool_]:
        """The rows in which all of them happen; those that are free always do."""
        types = self.types()
        rows = np.ones(len(next(iter(types.values()))), dtype=np.bool_)
        for each in happenings:
            if each.value is not None:
                rows &= self.value(each.name, each.world, types) == each.value
        return rows

    def chance(self, happenings: Sequence[Happening], given: Sequence[Happening] = ()) -> float:
        """``P(happenings | given)``; NaN where the conditions never happen."""
        weights = self.weights().sum(axis=0)
        below = weights[self.holds(given)].sum()
        above = weights[self.holds((*happenings, *given))].sum()
        return float(above / below) if below > 0 else float("nan")


def random_response_model(
    diagram: Diagram,
    rng: np.random.Generator,
    *,
    states: int = 2,
    roots: int = 2,
    types: int | None = None,
    latent: int | None = None,
) -> ResponseModel:
    """A random model: every function of two states, or a random choice of ``types`` of them.

    A choice holds the constant functions, so that every value occurs whatever the parents are.
    ``latent``: states of the latent names, where they are others.
    """
    sizes = {name: latent or states if name in diagram.latent else states for name in diagram.names}
    functions: dict[str, Indices] = {}
    laws: dict[str, Array] = {}
    for name in diagram.names:
        shape = tuple(sizes[parent] for parent in diagram.parents(name))
        cells, own = int(np.prod(shape)), sizes[name]
        if types is None or own**cells <= types:
            table = np.array(list(np.ndindex(*(own,) * cells)), dtype=np.intp)
        else:
            constant = np.repeat(np.arange(own)[:, None], cells, axis=1)
            table = np.concatenate([constant, rng.integers(own, size=(types - own, cells))])
        functions[name] = table.reshape(len(table), *shape)
        ends = sum(name in arc for arc in diagram.bidirected)
        law = rng.uniform(0.1, 1.0, size=(*(roots,) * ends, len(table)))
        laws[name] = law / law.sum(axis=-1, keepdims=True)
    draws = tuple(rng.uniform(0.2, 1.0, size=roots) for _ in diagram.bidirected)
    return ResponseModel(diagram, sizes, functions, laws, tuple(draw / draw.sum() for draw in draws))
