"""Hedges by their definition, and the two models that each of them stands for.

Shpitser and Pearl (AAAI 2006): a *C-forest* is a set of arrows and arcs in which the arcs are a
spanning tree and every node has at most one child; its roots have none. Two C-forests ``F`` and
``F'`` with the same roots are a *hedge* for ``P(y | do(x))`` when ``F'`` is part of ``F``, ``F``
meets ``x`` and ``F'`` does not, and the roots are ancestors of ``y`` where ``x`` is cut. From a
hedge their theorem 4 builds two models with one observed law and two effects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from tests.oracles.flat.diagram import Diagram, Edge


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes with the arrows and arcs chosen among them."""

    nodes: frozenset[str]
    arrows: frozenset[Edge]
    arcs: frozenset[Edge]

    @property
    def roots(self) -> frozenset[str]:
        return self.nodes - {tail for tail, _ in self.arrows}


def forests(diagram: Diagram, outer: Collection[str], inner: Collection[str]) -> tuple[Forest, Forest]:
    """The two C-forests of a pair of sets whose roots are all of the inner one."""
    tree = _spanning(diagram, inner, set())
    arrows: set[Edge] = set()
    reached = set(inner)
    while found := [(a, b) for a, b in diagram.directed if a in outer and a not in reached and b in reached]:
        arrows.add(found[0])
        reached.add(found[0][0])
    large = Forest(frozenset(outer), frozenset(arrows), frozenset(_spanning(diagram, outer, tree)))
    return large, Forest(frozenset(inner), frozenset(), frozenset(tree))


def _spanning(diagram: Diagram, nodes: Collection[str], tree: set[Edge]) -> set[Edge]:
    """Arcs among nodes that close no circle, added to those of a tree."""
    part = {node: node for node in nodes}
    chosen: set[Edge] = set()
    for a, b in (*tree, *diagram.bidirected):
        if a in part and b in part and part[a] != part[b]:
            chosen.add((a, b))
            old, new = part[a], part[b]
            part = {node: new if home == old else home for node, home in part.items()}
    return chosen


def is_forest(diagram: Diagram, forest: Forest) -> bool:
    """Whether it is a C-forest of the diagram."""
    children = Counter(tail for tail, _ in forest.arrows)
    return (
        forest.arrows <= set(diagram.directed)
        and forest.arcs <= set(diagram.bidirected)
        and forest.nodes >= {end for edge in forest.arrows | forest.arcs for end in edge}
        and max(children.values(), default=1) == 1
        and len(forest.arcs) == len(forest.nodes) - 1
        and _joined(forest) == forest.nodes
    )


def _joined(forest: Forest) -> frozenset[str]:
    seen = set(sorted(forest.nodes)[:1])
    while grown := {end for arc in forest.arcs if seen & set(arc) for end in arc} - seen:
        seen |= grown
    return frozenset(seen)


def is_hedge(diagram: Diagram, large: Forest, small: Forest, x: Collection[str], y: Collection[str]) -> bool:
    """Whether two forests are a hedge for ``P(y | do(x))`` in a diagram without latent names."""
    causes = set(y) - set(x)
    while grown := {tail for tail, head in diagram.directed if head in causes and tail not in x} - causes:
        causes |= grown
    return (
        is_forest(diagram, large)
        and is_forest(diagram, small)
        and large.roots == small.roots
        and small.nodes < large.nodes
        and small.arrows <= large.arrows
        and small.arcs <= large.arcs
        and not large.nodes.isdisjoint(x)
        and small.nodes.isdisjoint(x)
        and large.roots <= causes
    )


Bits = dict[str, tuple[int, int]]
"""Two bits of each variable: one for the forest, one for the way from its roots to the outcome."""


@dataclass(frozen=True, slots=True)
class Parity:
    """One of the two models: each bit is the parity of what it reads; the hidden coins are fair."""

    diagram: Diagram
    large: Forest
    small: Forest
    ways: Mapping[str, str]
    deaf: bool

    def laws(self, fixed: Collection[str], of: Iterable[str]) -> Counter[tuple[tuple[int, int], ...]]:
        """How many of the equally likely coins give each value of some variables; ``fixed`` are held at 0."""
        names = tuple(of)
        arcs = sorted(self.large.arcs)
        found: Counter[tuple[tuple[int, int], ...]] = Counter()
        for coins in product((0, 1), repeat=len(arcs)):
            bits = self._run(dict(zip(arcs, coins, strict=True)), fixed)
            found[tuple(bits[name] for name in names)] += 1
        return found

    def _run(self, coins: Mapping[Edge, int], fixed: Collection[str]) -> Bits:
        bits: Bits = {}
        for name in _in_order(self.diagram):
            if name in fixed:
                bits[name] = (0, 0)
                continue
            # In the second model the members of the small forest are deaf to the rest of the large one.
            heard = self.small if self.deaf and name in self.small.nodes else self.large
            own = sum(coin for arc, coin in coins.items() if name in arc and arc in heard.arcs)
            own += sum(bits[tail][0] for tail, head in heard.arrows if head == name)
            way = sum(self.passed(bits, tail) for tail, head in self.ways.items() if head == name)
            bits[name] = (own % 2, way % 2)
        return bits

    def passed(self, bits: Bits, name: str) -> int:
        """What a node hands on towards the outcome."""
        return bits[name][1] + (bits[name][0] if name in self.large.roots else 0)


def two_models(
    diagram: Diagram, large: Forest, small: Forest, x: Collection[str], y: Collection[str]
) -> tuple[Parity, Parity]:
    """The models of theorem 4."""
    ways: dict[str, str] = {}
    reached = set(y)
    while found := [(a, b) for a, b in diagram.directed if a not in reached and a not in x and b in reached]:
        ways[found[0][0]] = found[0][1]
        reached.add(found[0][0])
    used: set[str] = set()
    for root in large.roots:
        while root in ways and root not in used:
            used.add(root)
            root = ways[root]
    ways = {tail: head for tail, head in ways.items() if tail in used}
    first, second = (Parity(diagram, large, small, ways, deaf) for deaf in (False, True))
    return first, second


def _in_order(diagram: Diagram) -> list[str]:
    order: list[str] = []
    while len(order) < len(diagram.names):
        order += [n for n in diagram.names if n not in order and all(p in order for p in diagram.parents(n))]
    return order


def proves(diagram: Diagram, large: Forest, small: Forest, x: Collection[str], y: Collection[str]) -> bool:
    """Whether the two models agree on everything observed and differ on the effect."""
    first, second = two_models(diagram, large, small, x, y)
    return first.laws((), diagram.names) == second.laws((), diagram.names) and first.laws(x, y) != second.laws(x, y)
