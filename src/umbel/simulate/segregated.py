"""Blocks in fully specified models: members that answer each other, settled exactly.

A mechanism that reads what depends on it stands in a loop. Such a loop is run to its equilibrium:
the stationary law of Gibbs sampling over the members' own mechanisms (Lauritzen and Richardson
2002). Loops are found in the mechanisms themselves, never in a graph, so that what becomes of a
block under a policy is enumerated without any theory of identification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod

import numpy as np

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure
from umbel.numerics.equilibrium import stationary
from umbel.numerics.tables import Array, Factor

Weight = tuple[tuple[int, ...], tuple[int, ...], Array]
"""Members of one block, all nodes of the weight (parents first), and its logarithm."""


def loops(parents: Sequence[Sequence[int]], among: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The sets of nodes whose mechanisms read each other, directly or not; two nodes at least.

    Examples
    --------
    >>> loops([(1,), (0, 2), ()], [0, 1, 2])
    ((0, 1),)
    """
    within = sum(1 << node for node in among)
    up = [sum(1 << other for other in reads) for reads in parents]
    down = [0] * len(up)
    for node, mask in enumerate(up):
        for other in bits(mask):
            down[other] |= 1 << node
    found: list[tuple[int, ...]] = []
    seen = 0
    for node in sorted(among):
        if seen >> node & 1 or not up[node]:
            continue
        loop = closure(1 << node, up, within) & closure(1 << node, down, within)
        if loop.bit_count() > 1:
            found.append(tuple(bits(loop)))
            seen |= loop
    return tuple(found)


def settled(
    members: Sequence[int],
    parents: Sequence[Sequence[int]],
    tables: Sequence[Array],
    sizes: Sequence[int],
    scan: Sequence[int] | None = None,
) -> Factor:
    """The law in which a loop settles, given what it reads from outside: its array, and the node of each axis.

    Parameters
    ----------
    members
        The loop.
    parents, tables, sizes
        Of all nodes; ``tables[v]`` has axes (parents[v]…, v).
    scan
        Nodes in the order of a sweep, others among them; None, or none of the loop: random scan.
    """
    outside = sorted({node for member in members for node in parents[member]} - set(members))
    axes = [*outside, *members]
    full = [sizes[node] for node in axes]
    laws: list[Array] = []
    for member in members:
        own = [*parents[member], member]
        table = np.transpose(tables[member], [own.index(node) for node in axes if node in own])
        table = table.reshape([sizes[node] if node in own else 1 for node in axes])
        laws.append(np.broadcast_to(table, full).reshape(-1, *full[len(outside) :]))
    order = [list(members).index(node) for node in scan or () if node in members]
    assert len(order) in (0, len(members)), "a sweep visits every member of a block, or leaves the block alone"
    return stationary(laws, order or None).reshape(full), axes


def block_tables(graph: Graph, sizes: Mapping[int, int], keep: int, rng: np.random.Generator) -> dict[int, Array]:
    """Random mechanisms of the members of blocks that fit one joint law: axes (parents and neighbours…, member).

    Each is a conditional of a Markov random field: a positive weight for every member with its
    parents, every pair with the parents they share, every triangle.
    """
    members = [node for node in bits(keep) if graph.neighbours[node] & keep]
    weights: list[Weight] = []

    def weighed(parents: int, *clique: int) -> None:
        nodes = (*bits(parents & keep), *clique)
        weights.append((clique, nodes, np.log(rng.uniform(0.15, 1.0, size=[sizes[node] for node in nodes]))))

    for node in members:
        weighed(graph.parents[node], node)
    for a, b in combinations(members, 2):
        if graph.neighbours[a] >> b & 1:
            weighed(graph.parents[a] & graph.parents[b], a, b)
    for a, b, c in combinations(members, 3):
        if graph.neighbours[a] >> b & graph.neighbours[b] >> c & graph.neighbours[c] >> a & 1:
            weighed(0, a, b, c)
    return {node: _conditional(node, mechanism_reads(graph, node, keep), weights, sizes) for node in members}


def mechanism_reads(graph: Graph, node: int, keep: int) -> tuple[int, ...]:
    """What the mechanism of a member of a block reads: its parents and neighbours."""
    return tuple(bits((graph.parents[node] | graph.neighbours[node]) & keep))


def _conditional(node: int, reads: Sequence[int], weights: Sequence[Weight], sizes: Mapping[int, int]) -> Array:
    axes = [*reads, node]
    shape = [sizes[at] for at in axes]
    total = np.zeros(shape)
    for clique, nodes, array in weights:
        if node in clique:
            order = [nodes.index(at) for at in axes if at in nodes]
            total = total + np.transpose(array, order).reshape([sizes[at] if at in nodes else 1 for at in axes])
    found = np.exp(total - total.max(axis=-1, keepdims=True))
    assert prod(found.shape) == prod(shape)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))
