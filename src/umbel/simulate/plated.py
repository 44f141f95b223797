"""Finite populations of units with members: laws inside units take finitely many values.

A plated model draws each member's mechanism ``Q[v | pa(v)]`` from a few tables (*atoms*), given
the unit's variables; unit variables read the law of the members that they depend on. So truth
and observed population are enumerated exactly. For a formula that conditions on a law, the atoms
must reach it: :func:`reaching_atoms` solves for the tables of a hidden mechanism so that a piece
(Eq. 71) takes the same few values whatever the visible mechanisms are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.optimize import linprog

from umbel.graph.mixed import Graph, bits
from umbel.model.task import Collapse, Piece
from umbel.numerics.tables import Array, Factor, Table, contract, grouped
from umbel.simulate.discrete import random_law


@dataclass(frozen=True, slots=True, eq=False)
class PlatedModel:
    """A finite population over one plate.

    Parameters
    ----------
    graph
        Explicit: no ``<->`` among members; every node that matters is in ``nodes``.
    members
        Mask of the plate's variables.
    nodes
        Mask of all nodes of the model.
    sizes
        States of each raw variable.
    atoms
        For each member: its possible mechanisms, shape (atoms, sizes of its member parents…, size).
    weights
        For each member: law of its atoms given its unit parents, shape (sizes…, atoms).
    readers
        For each unit variable: coefficients of its response to what it reads; see
        :meth:`unit_law`.
    """

    graph: Graph
    members: int
    nodes: int
    sizes: tuple[int, ...]
    atoms: Mapping[int, Array]
    weights: Mapping[int, Array]
    readers: Mapping[int, tuple[Array, Array]]

    def inside(self, node: int) -> tuple[int, ...]:
        """Member parents of a node."""
        return tuple(bits(self.graph.parents[node] & self.members & self.nodes))

    def outside(self, node: int) -> tuple[int, ...]:
        """Unit parents of a node."""
        return tuple(bits(self.graph.parents[node] & ~self.members & self.nodes))

    def unit_law(self, node: int, replaced: Mapping[int, tuple[tuple[int, ...], Array]]) -> tuple[Array, list[int]]:
        """Law of a unit variable given its unit parents and the atoms it reads, and its axes.

        A logistic response to the joint law of the members it reads; ``replaced`` gives treated
        members their intervened mechanism (what it reads, table).
        """
        base, slope = self.readers[node]
        reads = self.inside(node)
        outside = list(self.outside(node))
        if not reads:
            return _softmax(base), [*outside, node]
        law, axes = self.law_of(reads, replaced)
        flat = law.reshape((*law.shape[: len(axes)], -1))  # (atoms…, joint states of what it reads)
        response = np.tensordot(flat, slope, axes=(-1, 0))  # (atoms…, states)
        shape = (*base.shape[:-1], *(1,) * len(axes), base.shape[-1])
        return _softmax(base.reshape(shape) + response), [*outside, *axes, node]

    def law_of(
        self, of: Sequence[int], replaced: Mapping[int, tuple[tuple[int, ...], Array]]
    ) -> tuple[Array, list[int]]:
        """Law of some members in one unit: axes atoms of the mechanisms behind them, then states."""
        count = len(self.sizes)
        behind = self._behind(of, replaced)
        factors: list[Factor] = []
        axes: list[int] = []
        for member in behind:
            if member in replaced:
                reads, table = replaced[member]
                factors.append((table, [*reads, member]))
            else:
                factors.append((self.atoms[member], [count + member, *self.inside(member), member]))
                axes.append(member)
        law = contract(factors, [count + a for a in axes] + list(of))
        return np.asarray(law, dtype=np.float64), axes

    def _behind(self, of: Sequence[int], replaced: Mapping[int, tuple[tuple[int, ...], Array]]) -> list[int]:
        seen: set[int] = set()
        stack = list(of)
        while stack:
            member = stack.pop()
            if member not in seen:
                seen.add(member)
                stack.extend(replaced[member][0] if member in replaced else self.inside(member))
        return sorted(seen)

    def units(
        self, replaced: Mapping[int, tuple[tuple[int, ...], Array]], held: Mapping[int, int]
    ) -> tuple[Array, list[int]]:
        """Joint law of unit variables and atoms; axes are node indices (a member's axis: its atom)."""
        factors: list[Factor] = []
        axes: list[int] = []
        for node in bits(self.nodes):
            if self.members >> node & 1:
                if node in replaced:
                    continue
                factors.append((self.weights[node], [*self.outside(node), node]))
            elif node in held:
                factors.append((np.eye(self.sizes[node])[held[node]], [node]))
            else:
                table, order = self.unit_law(node, replaced)
                factors.append((table, order))
            axes.append(node)
        joint = contract(factors, axes)
        return np.asarray(joint, dtype=np.float64), axes

    def joint(
        self,
        nodes: Sequence[int],
        replaced: Mapping[int, tuple[tuple[int, ...], Array]] | None = None,
        held: Mapping[int, int] | None = None,
    ) -> Array:
        """Joint law of some variables of one member and its unit after an intervention: the truth."""
        replaced, held = replaced or {}, held or {}
        joint, axes = self.units(replaced, held)
        inside = [node for node in nodes if self.members >> node & 1]
        count = len(self.sizes)
        factors: list[Factor] = [(joint, axes)]
        if inside:
            law, atoms = self.law_of(inside, replaced)
            factors.append((law, [*atoms, *(count + node for node in inside)]))
        return contract(factors, [count + node if node in inside else node for node in nodes])

    def outcome(
        self,
        node: int,
        replaced: Mapping[int, tuple[tuple[int, ...], Array]] | None = None,
        held: Mapping[int, int] | None = None,
    ) -> Array:
        """Law of one variable (of one member of one unit) after an intervention: the truth."""
        return self.joint([node], replaced, held)

    def dealt(self, node: int, law: Array) -> PlatedModel:
        """The population after a lot decided one variable.

        ``law``: weights of a unit variable's states; for a member the laws that units were dealt,
        shape (laws, sizes of its member parents…, size), each as often.
        """
        if self.members >> node & 1:
            outside = [self.sizes[p] for p in self.outside(node)]
            weights = np.full((*outside, len(law)), 1.0 / len(law))
            return replace(self, atoms={**self.atoms, node: law}, weights={**self.weights, node: weights})
        base, slope = self.readers[node]
        with np.errstate(divide="ignore"):
            lot = np.broadcast_to(np.log(law), base.shape)
        return replace(self, readers={**self.readers, node: (lot, np.zeros_like(slope))})

    def table(self, *, seen: int | None = None, kept: tuple[Sequence[int], Array] = ((), np.ones(()))) -> Table:
        """The observed population: one row per unit type, its members' law, its unit variables.

        Parameters
        ----------
        seen
            Mask of what is measured; None: all that is not latent.
        kept
            Unit variables by which rows were kept, and how often for each of their states.
        """
        graph = self.graph
        shows = ~graph.latent if seen is None else seen
        joint, axes = self.units({}, {})
        if kept[0]:
            joint = contract([(joint, axes), (kept[1], list(kept[0]))], axes)
        shown = [a for a in axes if self.members >> a & 1 or shows >> a & 1]
        weights = contract([(joint, axes)], shown)
        members = [a for a in shown if self.members >> a & 1]
        units = [a for a in shown if not self.members >> a & 1]
        visible = [a for a in members if shows >> a & 1]
        # Every mechanism has an axis, also one that no visible member reads.
        count = len(self.sizes)
        factors: list[Factor] = [(weights, [count + a for a in shown])]
        if visible:
            law, atoms = self.law_of(visible, {})
            factors.append((law, [count + a for a in atoms] + visible))
        for unit in units:
            factors.append((np.eye(self.sizes[unit]), [count + unit, unit]))
        order = [count + a for a in shown] + visible + units
        full = contract(factors, order)
        rows = int(np.prod(weights.shape))
        names = ["unit", *(graph.names[a] for a in visible), *(graph.names[a] for a in units)]
        return Table(names, full.reshape((rows, *full.shape[len(shown) :])))


def _softmax(logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def random_plated(
    graph: Graph,
    members: int,
    nodes: int,
    *,
    rng: np.random.Generator,
    sizes: Sequence[int],
    atoms: Mapping[int, Array] | None = None,
    count: int = 2,
) -> PlatedModel:
    """A random plated model; mechanisms in ``atoms`` are taken as given."""
    given = dict(atoms or {})
    weights: dict[int, Array] = {}
    readers: dict[int, tuple[Array, Array]] = {}
    for node in bits(nodes):
        outside = [sizes[p] for p in bits(graph.parents[node] & ~members & nodes)]
        inside = [sizes[p] for p in bits(graph.parents[node] & members & nodes)]
        if members >> node & 1:
            if node not in given:
                given[node] = random_law([count, *inside, sizes[node]], rng)
            weights[node] = random_law([*outside, len(given[node])], rng, floor=0.2)
        else:
            base = rng.normal(0.0, 1.0, size=(*outside, sizes[node]))
            slope = rng.normal(0.0, 3.0, size=(int(np.prod(inside)), sizes[node]))
            readers[node] = (base, slope)
    return PlatedModel(graph, members, nodes, tuple(sizes), given, weights, readers)


def piece_table(part: Piece, graph: Graph, members: int, tables: Mapping[int, Array]) -> Array:
    """Eq. (71) on tables: the product of the piece's mechanisms, integrated down to its outputs.

    Shape: states of ``given`` in order, then of ``of``.
    """
    factors: list[Factor] = []
    for node in bits(part.factors):
        factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
    return contract(factors, [*bits(part.given), *bits(part.of)])


def reaching_atoms(
    part: Piece,
    hidden: int,
    record: Collapse,
    atoms: Mapping[int, Array],
    sizes: Sequence[int],
    rng: np.random.Generator,
    count: int = 4,
    ignored: int = 0,
    apart: int = 0,
    policy: int = 0,
) -> tuple[Array, Array] | None:
    """Tables of a hidden mechanism under which a piece takes the same few values everywhere.

    For every combination of the other mechanisms' atoms the piece must equal one of two levels;
    which one is a random function of the combination, the constant functions among them, so that
    given any combination both levels occur. Neither level varies with members of ``ignored``: a
    policy that does not read them sets no other law. The levels may differ between tables of the
    mechanisms in ``apart``, for formulas that condition on these; they are such that the first
    table of the mechanisms in ``policy``, the intervention's law, can reach them.

    Returns
    -------
    atoms, levels
        The hidden mechanism's tables (atoms, inside parents…, size) and the piece's two values;
        None when the linear system has no solution: draw the other mechanisms again.
    """
    graph, members = record.graph, record.members
    others = [node for node in bits(part.factors) if node != hidden]
    shape = [sizes[p] for p in bits(graph.parents[hidden] & members)] + [sizes[hidden]]
    unknowns = int(np.prod(shape))
    rows: list[Array] = []
    choices = list(product(*(range(len(atoms[node])) for node in others)))
    kinds = [tuple(i for node, i in zip(others, choice, strict=True) if apart >> node & 1) for choice in choices]
    for choice in choices:
        tables = {node: atoms[node][i] for node, i in zip(others, choice, strict=True)}
        factors: list[Factor] = []
        for node in others:
            factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
        hidden_axes = [*bits(graph.parents[hidden] & members), hidden]
        fresh = len(sizes)
        # The piece is linear in the hidden table: one coefficient for each of its entries.
        unit = np.eye(unknowns).reshape((unknowns, *shape))
        factors.append((unit, [fresh, *hidden_axes]))
        rows.append(contract(factors, [*bits(part.given), *bits(part.of), fresh]))
    start, other = (random_law(shape, rng, floor=0.05) for _ in range(2))
    led = [row for row, choice in zip(rows, choices, strict=True) if not _beyond(others, choice, policy)]
    led_kinds = [kind for kind, choice in zip(kinds, choices, strict=True) if not _beyond(others, choice, policy)]
    levels = _levels(part, led, led_kinds, [start, 0.6 * start + 0.4 * other], ignored)
    # Combinations that leave the piece the same room cannot ask for different levels.
    alike, rooms = grouped(np.stack([row.reshape(-1) for row in rows]))
    functions = [np.zeros(len(rows), dtype=int), np.ones(len(rows), dtype=int)]
    functions += [rng.integers(0, 2, size=len(rooms))[alike] for _ in range(count - 2)]
    solved: list[Array] = []
    for function in functions:
        table = _solved_table(rows, [levels[kind][i] for kind, i in zip(kinds, function, strict=True)], shape, rng)
        if table is not None:
            solved.append(table)
        elif len(solved) < 2:  # one table for each level is the least
            return None
    return np.stack(solved), levels[kinds[0]]


def _beyond(nodes: list[int], choice: tuple[int, ...], policy: int) -> bool:
    """Whether a choice takes another than the first table of a mechanism in ``policy``."""
    return any(policy >> node & 1 and i for node, i in zip(nodes, choice, strict=True))


def _levels(
    part: Piece, rows: list[Array], kinds: list[tuple[int, ...]], starts: list[Array], ignored: int
) -> dict[tuple[int, ...], Array]:
    """The values of a piece that two tables give on average, for each kind of row."""
    flat = tuple(axis for axis, node in enumerate(bits(part.given)) if ignored >> node & 1)
    levels = {}
    for kind in sorted(set(kinds)):
        alike = [row for row, other in zip(rows, kinds, strict=True) if other == kind]
        means = [np.mean([row @ start.reshape(-1) for row in alike], axis=0) for start in starts]
        levels[kind] = np.stack([np.broadcast_to(m.mean(axis=flat, keepdims=True), m.shape) for m in means])
    return levels


def _solved_table(rows: list[Array], targets: list[Array], shape: list[int], rng: np.random.Generator) -> Array | None:
    unknowns = int(np.prod(shape))
    left = np.concatenate([row.reshape((-1, unknowns)) for row in rows])
    right = np.concatenate([target.reshape(-1) for target in targets])
    contexts = unknowns // shape[-1]
    sums = np.kron(np.eye(contexts), np.ones((1, shape[-1])))
    bound = 0.02 / shape[-1]
    result = linprog(
        rng.uniform(size=unknowns),
        A_eq=np.concatenate([left, sums]),
        b_eq=np.concatenate([right, np.ones(contexts)]),
        bounds=(bound, 1.0),
        method="highs",
    )
    if result.status != 0:
        return None
    table = np.asarray(result.x, dtype=np.float64)
    # One Newton step of least squares removes the solver's tolerance of 1e-9.
    matrix = np.concatenate([left, sums])
    gap = np.concatenate([right, np.ones(contexts)]) - matrix @ table
    table = table + np.linalg.lstsq(matrix, gap, rcond=None)[0]
    return np.asarray(table.reshape(shape)) if (table > 0).all() else None
