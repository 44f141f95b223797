"""A plated model written from Definitions 1 to 4 of "Hierarchical causal models", enumerated by loops.

The second implementation: it shares no code with ``umbel.simulate``. A variable ``v`` that lives
inside ``k`` plates is drawn by a mechanism, which the thing around it drew by a mechanism, and so
on up to the population: *order* 0 is the variable's own value, order ``j`` the mechanism of order
``j - 1``, one of finitely many tables. Order ``j`` reads the parents of ``v`` that live where it
is drawn. A variable that reads members reads their law (Definition 5, infinitely many members):
here a softmax of the law's features, which grow with each plate in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from umbel.graph.mixed import Graph, bits
from umbel.numerics.tables import Table

Array = NDArray[np.float64]
Path = tuple[str, ...]
State = dict[str, int]


@dataclass(frozen=True)
class Blueprint:
    """A plated graph by names, with a hidden root in place of every ``<->``; parents come first."""

    path: dict[str, Path]
    parents: dict[str, tuple[str, ...]]
    hidden: frozenset[str]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Parents before children."""
        done: dict[str, None] = {}
        while len(done) < len(self.path):
            for name in self.path:
                if name not in done and all(parent in done for parent in self.parents[name]):
                    done[name] = None
        return tuple(done)

    def ancestors(self, of: Iterable[str]) -> frozenset[str]:
        """The names with all their causes."""
        seen: set[str] = set()
        stack = list(of)
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack.extend(self.parents[name])
        return frozenset(seen)

    def read_at(self, name: str, order: int) -> tuple[str, ...]:
        """What order ``order`` of a variable reads among the variables drawn where it is drawn."""
        around = self.path[name][: len(self.path[name]) - order]
        return tuple(parent for parent in self.parents[name] if self.path[parent] == around)

    def laws_read(self, name: str, order: int) -> tuple[str, ...]:
        """What it reads of plates inside: members of its own, or of a plate beside it."""
        around = self.path[name][: len(self.path[name]) - order]
        return tuple(
            parent
            for parent in self.parents[name]
            if len(self.path[parent]) > len(around) == common(self.path[parent], self.path[name])
        )


def common(one: Path, other: Path) -> int:
    """Number of plates that hold both."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def blueprint(graph: Graph) -> Blueprint:
    """Read a graph: a ``<->`` becomes a hidden root in the innermost plate that holds both ends."""
    path: dict[str, Path] = {}
    parents: dict[str, list[str]] = {}
    hidden = set(graph.names_of(graph.latent))
    for node, name in enumerate(graph.names):
        path[name] = tuple(graph.plates[plate].name for plate in graph.plate_path(node))
        parents[name] = list(graph.names_of(graph.parents[node]))
    for a, left in enumerate(graph.names):
        for b in bits(graph.siblings[a]):
            if a < b:
                right = graph.names[b]
                root = f"{left}<->{right}"
                path[root], parents[root] = path[left][: common(path[left], path[right])], []
                parents[left].append(root)
                parents[right].append(root)
                hidden.add(root)
    return Blueprint(path, {name: tuple(reads) for name, reads in parents.items()}, frozenset(hidden))


@dataclass(frozen=True)
class Do:
    """``A`` is drawn from ``table`` given ``reads``: shape (states of reads…, states of A)."""

    name: str
    reads: tuple[str, ...]
    table: Array

    @property
    def key(self) -> tuple[str, tuple[str, ...], bytes]:
        """What tells interventions apart."""
        return self.name, self.reads, self.table.tobytes()

    @staticmethod
    def hold(name: str, state: int, size: int) -> Do:
        """Every member at one state."""
        return Do(name, (), np.eye(size)[state])

    def law(self) -> Table:
        """As ``evaluate(laws=…)`` wants it: the treatment's axis first."""
        return Table((self.name, *self.reads), np.moveaxis(self.table, -1, 0))


@dataclass
class Model:
    """A fully specified plated model.

    Parameters
    ----------
    plan
        The graph.
    sizes
        States of each variable.
    tables
        ``tables[v][j]``: the possible mechanisms of order ``j``, shape (mechanisms, states of
        what it reads…, states it draws); one mechanism at the population's level.
    slopes
        For variables that read laws, by name and order: how the logits move with the features,
        shape (mechanisms, states of what it reads…, features, states).
    """

    plan: Blueprint
    sizes: dict[str, int]
    tables: dict[str, list[Array]]
    slopes: dict[tuple[str, int], Array]
    _memo: dict[object, list[tuple[float, State]]] = field(default_factory=dict)

    def draw(self, name: str, order: int, mechanism: int, state: State, path: Path, do: Do | None) -> Array:
        """Weights of one draw: a variable's value, or the mechanism of one order."""
        if do is not None and name == do.name and order == 0:
            return np.asarray(do.table[tuple(state[read] for read in do.reads)])
        at = (mechanism, *(state[read] for read in self.plan.read_at(name, order)))
        table = self.tables[name][order][at]
        if (name, order) not in self.slopes:
            return np.asarray(table)
        features = self.features(path, state, self.plan.laws_read(name, order), do)
        logits = np.log(table) + features @ self.slopes[name, order][at]
        weights = np.exp(logits - logits.max())
        return np.asarray(weights / weights.sum())

    def causes(self, of: Iterable[str], do: Do | None) -> frozenset[str]:
        """What must be drawn for some variables, after the intervention."""
        if do is None:
            return self.plan.ancestors(of)
        parents = {**self.plan.parents, do.name: do.reads}
        return Blueprint(self.plan.path, parents, self.plan.hidden).ancestors(of)

    def things(self, path: Path, around: State, wanted: frozenset[str], do: Do | None) -> list[tuple[float, State]]:
        """Every kind of thing in a plate, given what the thing around it drew: weight and draws.

        The draws hold a value for each variable of the plate, and for each deeper variable the
        index of its next mechanism.
        """
        depth = len(path)
        names = [v for v in self.plan.order if v in wanted and self.plan.path[v][:depth] == path]
        order_of = {name: len(self.plan.path[name]) - depth for name in names}
        if do is not None:  # the treated variable's own mechanisms play no role
            names = [v for v in names if v != do.name or order_of[v] == 0]
            if do.name in names:
                names.remove(do.name)
                last = max((names.index(read) + 1 for read in do.reads), default=0)
                names.insert(last, do.name)
        key = (path, tuple(around.get(v, 0) for v in names), wanted, do and do.key)
        if key in self._memo:
            return self._memo[key]
        found: list[tuple[float, State]] = [(1.0, {})]
        for name in names:
            grown = []
            for weight, state in found:
                law = self.draw(name, order_of[name], around.get(name, 0), state, path, do)
                grown += [(weight * p, {**state, name: i}) for i, p in enumerate(law) if p > 0]
            found = grown
        self._memo[key] = found
        return found

    def features(self, path: Path, state: State, reads: tuple[str, ...], do: Do | None) -> Array:
        """The law of some members of one thing, as numbers that tell laws apart."""
        parts = [np.zeros(0)]
        depth = len(path)
        for plate in sorted({self.plan.path[read][depth] for read in reads}):
            below = tuple(read for read in reads if self.plan.path[read][depth] == plate)
            inner = (*path, plate)
            here = [read for read in below if self.plan.path[read] == inner]
            deeper = tuple(read for read in below if self.plan.path[read] != inner)
            total: Array | float = 0.0
            for weight, member in self.things(inner, state, self.causes(below, do), do):
                vector = np.ones(1)
                for read in here:
                    vector = np.kron(vector, np.eye(self.sizes[read])[member[read]])
                if deeper:
                    f = self.features(inner, member, deeper, do)
                    vector = np.kron(vector, np.concatenate([[1.0], f, np.outer(f, f).reshape(-1)]))
                total = total + weight * vector
            parts.append(np.asarray(total))
        return np.concatenate(parts)

    def law(self, outcome: str, do: Do | None = None) -> Array:
        """The truth: law of one variable, of one member of one … of one unit."""
        wanted = self.causes([outcome], do)
        result = np.zeros(self.sizes[outcome])
        for weight, state in self.nested((), {}, self.plan.path[outcome], wanted, do):
            result[state[outcome]] += weight
        return result

    def nested(
        self, path: Path, around: State, goal: Path, wanted: frozenset[str], do: Do | None
    ) -> Iterator[tuple[float, State]]:
        """Draws of one thing of the plate ``goal``, from the population down."""
        for weight, state in self.things(path, around, wanted, do):
            if path == goal:
                yield weight, state
            else:
                inner = goal[: len(path) + 1]
                yield from ((weight * w, s) for w, s in self.nested(inner, state, goal, wanted, do))

    def table(self) -> Table:
        """What is observed: a finite population, one row per kind of unit (and of class, …)."""
        plan = self.plan
        shown = [name for name in plan.order if name not in plan.hidden]
        wanted = frozenset(plan.order)
        plates = sorted({plan.path[name] for name in plan.order}, key=len)
        chain = max(plates, key=len)
        rows: list[tuple[float, list[State]]] = [(1.0, [])]
        shape: list[int] = []
        for path in [chain[:depth] for depth in range(max(len(chain), 1))]:
            grown, widest = [], 0
            for weight, states in rows:
                kinds = self.things(path, states[-1] if states else {}, wanted, None)
                widest = max(widest, len(kinds))
                grown.append([(weight * w, [*states, s]) for w, s in kinds])
            rows = [row for kinds in grown for row in kinds + [(0.0, kinds[0][1])] * (widest - len(kinds))]
            shape.append(widest)
        cells = np.stack([self._cells(weight, states, shown, chain) for weight, states in rows])
        names = ["unit", *chain[:-1], *shown]
        return Table(names, cells.reshape((*shape, *(self.sizes[name] for name in shown))))

    def _cells(self, weight: float, states: list[State], shown: list[str], chain: Path) -> Array:
        """Joint mass of the shown variables in one row."""
        plan = self.plan
        cells = np.full([self.sizes[name] for name in shown], weight)
        outer = {name: states[len(plan.path[name])][name] for name in shown if len(plan.path[name]) < len(states)}
        inner = [name for name in shown if name not in outer]
        groups: dict[Path, list[str]] = {}
        for name in inner:
            groups.setdefault(plan.path[name], []).append(name)
        for path, names in groups.items():
            joint = np.zeros([self.sizes[name] for name in names])
            around = states[len(path) - 1]
            for w, state in self.things(path, around, plan.ancestors(names), None):
                joint[tuple(state[name] for name in names)] += w
            axes = [shown.index(name) for name in names]
            cells = cells * joint.reshape([self.sizes[n] if i in axes else 1 for i, n in enumerate(shown)])
        for name, value in outer.items():
            one = np.eye(self.sizes[name])[value]
            at = shown.index(name)
            cells = cells * one.reshape([-1 if i == at else 1 for i in range(len(shown))])
        return cells


def random_tables(shape: Iterable[int], rng: np.random.Generator, floor: float = 0.15) -> Array:
    """Random laws over the last axis, all states possible."""
    weights = rng.uniform(floor, 1.0, size=tuple(shape))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def random_model(
    plan: Blueprint,
    rng: np.random.Generator,
    *,
    sizes: Mapping[str, int] | None = None,
    atoms: Mapping[str, Array] | None = None,
    count: int = 2,
) -> Model:
    """A random model; ``atoms``: mechanisms of order 0 that are given, (mechanisms, reads…, states)."""
    states = {name: (sizes or {}).get(name, 2) for name in plan.order}
    tables: dict[str, list[Array]] = {}
    slopes: dict[tuple[str, int], Array] = {}
    for name in plan.order:
        depth = len(plan.path[name])
        drawn = states[name]
        tables[name] = []
        for order in range(depth + 1):
            reads = [states[read] for read in plan.read_at(name, order)]
            given = (atoms or {}).get(name) if order == 0 else None
            kinds = 1 if order == depth else count if given is None else len(given)
            table = random_tables((kinds, *reads, drawn), rng) if given is None else given
            tables[name].append(table)
            if laws := plan.laws_read(name, order):
                size = _feature_count(plan, states, laws, depth - order)
                slopes[name, order] = rng.normal(0.0, 3.0, size=(*table.shape[:-1], size, drawn))
            drawn = len(table)
    return Model(plan, states, tables, slopes)


def _feature_count(plan: Blueprint, states: Mapping[str, int], reads: tuple[str, ...], depth: int) -> int:
    total = 0
    for plate in {plan.path[read][depth] for read in reads}:
        below = tuple(read for read in reads if plan.path[read][depth] == plate)
        here = int(np.prod([states[read] for read in below if len(plan.path[read]) == depth + 1]))
        deeper = tuple(read for read in below if len(plan.path[read]) > depth + 1)
        inner = _feature_count(plan, states, deeper, depth + 1) if deeper else 0
        total += here * (1 + inner + inner * inner if deeper else 1)
    return total
