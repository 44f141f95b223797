"""Fully specified discrete models of a flat graph: draw one, intervene, enumerate it exactly.

The truth that tests and ``verify()`` stand on. Latents are explicit; each ``<->`` becomes a
hidden root with states of its own. Mechanisms that read each other, as those of a block do, are
run to their equilibrium.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from umbel.graph.mixed import Graph, bits
from umbel.numerics.tables import Array, Factor, Table, contract
from umbel.numerics.tensors import Tensor, aligned, cheapest, eliminated, joined_size, multiplied
from umbel.simulate.segregated import block_tables, loops, mechanism_reads, settled

MOST_CELLS = 2**22
"""Largest array of a law: 32 MB."""
MOST_CONTRACTED = 22
"""Most nodes that are contracted at once: 2 ** 22 states in the worst case; more are eliminated one by one."""


class TooLarge(Exception):
    """A law has too many states to enumerate."""


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteModel:
    """A discrete structural model with explicit hidden roots.

    Parameters
    ----------
    names
        Node names; hidden roots of ``<->`` come last.
    sizes
        Number of states of each node.
    parents
        What each mechanism reads, as node indices.
    tables
        ``tables[v]`` has shape (sizes of parents[v]…, sizes[v]) and sums to one over its last axis.
    hidden
        Mask of nodes that nobody observes.
    scan
        Order of the nodes in a sweep, for those that read each other; None: random scan.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    parents: tuple[tuple[int, ...], ...]
    tables: tuple[Array, ...]
    hidden: int
    scan: tuple[int, ...] | None = None

    def joint(self, nodes: Sequence[int]) -> Array:
        """Joint law of some nodes, axes in the order given. Cost: variable elimination.

        Raises
        ------
        TooLarge
            When an array on the way would have more than :data:`MOST_CELLS` entries.
        """
        needed = _ancestors(self.parents, nodes)
        factors = self._factors(needed)
        if math.prod(self.sizes[node] for node in nodes) > MOST_CELLS:
            raise TooLarge
        if len(needed) <= MOST_CONTRACTED:
            return contract(factors, list(nodes))
        tensors = [Tensor(tuple(axes), table) for table, axes in factors]
        rest = [node for node in needed if node not in nodes]
        while rest:
            node = cheapest(rest, tensors)
            if joined_size(node, tensors) > MOST_CELLS:
                raise TooLarge
            rest.remove(node)
            apart = [tensor for tensor in tensors if node not in tensor.labels]
            tensors = [*apart, eliminated([tensor for tensor in tensors if node in tensor.labels], [node])]
        return aligned(multiplied(tensors), list(nodes))

    def _factors(self, needed: Sequence[int]) -> list[Factor]:
        """Mechanisms, and in place of those that read each other the law they settle in."""
        circular = loops(self.parents, needed)
        inside = {node for loop in circular for node in loop}
        found: list[Factor] = [(self.tables[n], [*self.parents[n], n]) for n in needed if n not in inside]
        return found + [settled(loop, self.parents, self.tables, self.sizes, self.scan) for loop in circular]

    def table(self) -> Table:
        """The observed law as a :class:`~umbel.numerics.tables.Table`."""
        visible = [node for node in range(len(self.names)) if not self.hidden >> node & 1]
        return Table([self.names[node] for node in visible], self.joint(visible))

    def intervened(self, node: int, reads: Sequence[int], table: Array) -> DiscreteModel:
        """The model with one mechanism replaced: shape (sizes of reads…, size of the node)."""
        parents, tables = list(self.parents), list(self.tables)
        parents[node], tables[node] = tuple(reads), table
        return replace(self, parents=tuple(parents), tables=tuple(tables))


def _ancestors(parents: Sequence[Sequence[int]], nodes: Sequence[int]) -> list[int]:
    seen: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(parents[node])
    return sorted(seen)


def random_law(shape: Sequence[int], rng: np.random.Generator, *, floor: float = 0.1) -> Array:
    """Random conditional laws over the last axis, every entry at least about ``floor`` / states."""
    weights = rng.uniform(floor, 1.0, size=tuple(shape))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def hidden_names(graph: Graph) -> tuple[str, ...]:
    """Latent names, and the names that :func:`random_model` gives to the hidden roots of ``<->``."""
    arcs = ((a, b) for a in range(len(graph.names)) for b in bits(graph.siblings[a] & ~((2 << a) - 1)))
    return (*graph.names_of(graph.latent), *(root_name(graph, a, b) for a, b in arcs))


def root_name(graph: Graph, a: int, b: int) -> str:
    """What the hidden common cause of ``a <-> b`` is called."""
    return f"{graph.names[a]}<->{graph.names[b]}"


def random_model(
    graph: Graph, *, rng: np.random.Generator, sizes: Mapping[str, int] | None = None, within: int | None = None
) -> DiscreteModel:
    """A random model of a graph; binary where ``sizes`` is silent. Blocks fit one joint law each.

    Parameters
    ----------
    graph
        Plates, if any, are ignored: each node is one variable.
    rng
        Source of the tables.
    sizes
        Number of states by name.
    within
        Restrict to an anterior mask; other nodes are left out of every table.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Y")], bidirected=[("X", "Y")])
    >>> model = random_model(graph, rng=np.random.default_rng(0))
    >>> model.table().axes
    ('X', 'Y')

    Raises
    ------
    TooLarge
        When a mechanism would have more than :data:`MOST_CELLS` entries.
    """
    keep = graph.everything if within is None else within
    names = list(graph.names)
    parents = [list(bits(graph.parents[node] & keep)) for node in range(len(names))]
    hidden = graph.latent
    for a in bits(keep):
        for b in bits(graph.siblings[a] & keep & ~((2 << a) - 1)):
            root = len(names)
            names.append(root_name(graph, a, b))
            parents.append([])
            parents[a].append(root)
            parents[b].append(root)
            hidden |= 1 << root
    members = [node for node in bits(keep) if graph.neighbours[node] & keep]
    for node in members:
        parents[node] = list(mechanism_reads(graph, node, keep))
    given = sizes or {}
    counts = tuple(given.get(name, 2) for name in names)
    shapes = [[*(counts[p] for p in parents[node]), counts[node]] for node in range(len(names))]
    if any(math.prod(shape) > MOST_CELLS for shape in shapes):
        raise TooLarge
    tables = [random_law(shape, rng) for shape in shapes]
    if members:
        for node, table in block_tables(graph, dict(enumerate(counts)), keep, rng).items():
            tables[node] = table
    return DiscreteModel(tuple(names), counts, tuple(map(tuple, parents)), tuple(tables), hidden)
