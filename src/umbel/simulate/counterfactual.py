"""Structural models with explicit noise, and several worlds of one of them enumerated together.

A law ``P(v | parents)`` says nothing about what v would have been otherwise; a function of the
parents and of noise does (Pearl, "Causality", 2nd edition 2009, chapter 7). Here the noise of a
mechanism is a hidden variable of its own, its *type*: which function of the parents it is. Worlds
stand beside each other in one model, with their own copies of what interventions change and with
types and hidden causes shared (Balke and Pearl, UAI 1994). Counterfactuals are then ordinary
joint laws, enumerated exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from umbel.model.query import Drawn, Event, Free, Held, Intervention, SetTo
from umbel.numerics.tables import Array
from umbel.simulate.discrete import DiscreteModel, random_law
from umbel.variable import State

MOST_TYPES = 32
"""Types of one mechanism: every function of two binary parents, or of one of three states; a random choice of more."""


def structural(
    model: DiscreteModel,
    rng: np.random.Generator,
    types: int = MOST_TYPES,
    monotone: Sequence[tuple[int, int]] = (),
) -> DiscreteModel:
    """A random structural model with a model's variables: each mechanism a function of parents and type.

    Parentless variables stay as they are. The law of a type reads the parentless hidden parents of
    its mechanism; every other parent is an argument of the function. Constant functions are among
    the types, so that every value occurs whatever the parents are.

    Parameters
    ----------
    model
        Its nodes keep their indices; types are appended.
    types
        Most functions of one mechanism.
    monotone
        Pairs of a parent and a node whose mechanism never falls when the parent rises.

    Examples
    --------
    >>> from umbel.graph.mixed import Graph
    >>> from umbel.simulate.discrete import random_model
    >>> rng = np.random.default_rng(0)
    >>> structural(random_model(Graph.parse("X -> Y; X <-> Y"), rng=rng), rng).names
    ('X', 'Y', 'X<->Y', 'type of X', 'type of Y')
    """
    names, sizes = list(model.names), list(model.sizes)
    parents, tables = list(model.parents), list(model.tables)
    hidden = model.hidden
    for node, reads in enumerate(model.parents):
        if not reads:
            continue
        causes = tuple(p for p in reads if model.hidden >> p & 1 and not model.parents[p])
        arguments = tuple(p for p in reads if p not in causes)
        rising = [axis for axis, parent in enumerate(arguments, start=1) if (parent, node) in monotone]
        functions = _functions([sizes[p] for p in arguments], sizes[node], types, rising, rng)
        kind = len(names)
        names.append(f"type of {names[node]}")
        sizes.append(len(functions))
        parents.append(causes)
        tables.append(random_law([*(sizes[p] for p in causes), len(functions)], rng))
        hidden |= 1 << kind
        parents[node] = (kind, *arguments)
        tables[node] = np.eye(sizes[node])[functions]
    return replace(
        model, names=tuple(names), sizes=tuple(sizes), parents=tuple(parents), tables=tuple(tables), hidden=hidden
    )


def _functions(
    arguments: Sequence[int], size: int, most: int, rising: Sequence[int], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Functions of the arguments, never falling along some axes: shape (functions, states of the arguments…)."""
    cells = int(np.prod(arguments, dtype=np.intp))
    if size**cells <= most:
        table = np.indices((size,) * cells).reshape(cells, -1).T
    else:
        constant = np.repeat(np.arange(size)[:, None], cells, axis=1)
        table = np.concatenate([constant, rng.integers(size, size=(max(most - size, 0), cells))])
    table = table.reshape(len(table), *arguments)
    for axis in rising:
        table = np.maximum.accumulate(table, axis=axis)
    return np.unique(table, axis=0)


Laws = Mapping[Drawn, tuple[tuple[int, ...], Array]]
"""What laws in subscripts put in place of mechanisms: the nodes that they read, and tables, own states last."""


@final
class Beside:
    """Worlds of one structural model beside each other, grown by the events that are asked of it.

    Parameters
    ----------
    base
        The model: a mechanism with parents is a function of them.
    states
        States of every variable that a world sets.
    free
        The state at which each variable stands that a world sets to "every value".
    laws
        What a world's law puts in place of a mechanism: the nodes that it reads, and a table.

    Examples
    --------
    >>> from umbel.graph.mixed import Graph
    >>> from umbel.model.query import Question
    >>> from umbel.simulate.discrete import random_model
    >>> rng = np.random.default_rng(0)
    >>> base = structural(random_model(Graph.parse("X -> Y"), rng=rng), rng)
    >>> worlds = Beside(base, {"X": (0, 1)})
    >>> x, y = (worlds.place(event) for event in Question.parse("P(X, Y[X=1])").body.outcomes)
    >>> bool(np.allclose(worlds.model().joint([x, y])[1], base.joint([0, 1])[1]))  # consistency, where X is 1 anyway
    True
    """

    def __init__(
        self,
        base: DiscreteModel,
        states: Mapping[str, Sequence[State]],
        free: Mapping[str, State] | None = None,
        laws: Laws | None = None,
    ) -> None:
        self.base = base
        self._laws = laws or {}
        self._states = states
        self._free = free or {}
        self._copies: dict[Hashable, int] = {}
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._parents: list[tuple[int, ...]] = []
        self._tables: list[Array] = []

    def place(self, event: Event) -> int:
        """Where an event's variable stands in its world: a node of :meth:`model` of its own."""
        node = self._place(event)
        size = self._sizes[node]
        return self._node(len(self._sizes), f"seen {len(self._sizes)}", size, (node,), np.eye(size))

    def copy(self, node: int) -> int:
        """Where a variable of the base stands in the world that nobody touched."""
        return self._value(node, {})

    def model(self) -> DiscreteModel:
        """All worlds as one model."""
        return DiscreteModel(tuple(self._names), tuple(self._sizes), tuple(self._parents), tuple(self._tables), 0)

    def _place(self, event: Event) -> int:
        names = self.base.names
        drawn = {names.index(item.name): item for item in event.world if isinstance(item, Drawn)}
        world = {names.index(item.name): self._set(item) for item in event.world if not isinstance(item, Drawn)}
        return self._value(names.index(event.variable), world, drawn)

    def _set(self, item: Intervention) -> int:
        match item:
            case SetTo(event):
                return self._place(event)
            case Held(name, value):
                return self._constant(name, value)
            case Free(name):
                return self._constant(name, self._free[name])
            case _:
                raise AssertionError(f"{item} cannot stand in a subscript")

    def _constant(self, name: str, value: State) -> int:
        states = self._states[name]
        at = states.index(value)
        return self._node((name, at), f"{name} set to {value}", len(states), (), np.eye(len(states))[at])

    def _value(self, node: int, world: dict[int, int], drawn: Mapping[int, Drawn] | None = None) -> int:
        """Where a variable stands in a world; the world keeps what has been found."""
        if node not in world:
            base = self.base
            item = (drawn or {}).get(node)
            reads, table = self._laws[item] if item else (base.parents[node], base.tables[node])
            parents = tuple(self._value(parent, world, drawn) for parent in reads)
            key = item or node, parents
            world[node] = self._node(key, base.names[node], base.sizes[node], parents, table)
        return world[node]

    def _node(self, key: Hashable, name: str, size: int, parents: tuple[int, ...], table: Array) -> int:
        """A node, the same for the same key: a mechanism at the same parents gives the same value."""
        if key not in self._copies:
            self._copies[key] = len(self._sizes)
            self._names.append(name)
            self._sizes.append(size)
            self._parents.append(parents)
            self._tables.append(table)
        return self._copies[key]


def events_law(
    base: DiscreteModel,
    events: Sequence[Event],
    states: Mapping[str, Sequence[State]],
    free: Mapping[str, State] | None = None,
    laws: Laws | None = None,
) -> Array:
    """Joint law of the variables of some events, each in its world: one axis per event, values ignored.

    Raises
    ------
    TooLarge
        When the worlds together have too many states to enumerate.
    """
    worlds = Beside(base, states, free, laws)
    places = [worlds.place(event) for event in events]
    return worlds.model().joint(places)
