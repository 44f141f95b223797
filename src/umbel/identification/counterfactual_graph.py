"""The graph of potential outcomes: its factors by district, what a sum joins, and contradictions.

The joint law of potential outcomes splits over the districts of their variables, whatever worlds
they live in, because only hidden common causes join mechanisms (Correa, Lee and Bareinboim 2021,
Theorem 3). A factor is a kernel of the observed world exactly when one world could show all of it:
one potential outcome of each variable, each parent at one value, and a parent in the district at
the value that it takes there (ibid., Definition 7). Summed values are told apart from every state:
some value of the sum would contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import districts, shortest_path
from umbel.model.worlds import Conflict, Factor, PotentialOutcome, Unknown


def factors_of(graph: Graph, outcomes: Sequence[PotentialOutcome]) -> tuple[Factor, ...]:
    """Split potential outcomes by the districts of their variables."""
    mask = 0
    for outcome in outcomes:
        mask |= 1 << outcome.node
    return tuple(
        Factor(part, tuple(outcome for outcome in outcomes if part >> outcome.node & 1))
        for part in districts(graph, mask)
    )


def unknowns_of(outcomes: Iterable[PotentialOutcome]) -> tuple[Unknown, ...]:
    """The summed values among potential outcomes, each once."""
    found = dict.fromkeys(filler for each in outcomes for filler in (each.value, *each.reads))
    return tuple(filler for filler in found if isinstance(filler, Unknown))


def components(factors: Sequence[Factor]) -> tuple[tuple[Factor, ...], ...]:
    """Groups of factors that no summed value joins: each group is a law by itself."""
    groups: list[tuple[set[Unknown], list[Factor]]] = []
    for factor in factors:
        unknowns = set(unknowns_of(factor.outcomes))
        joined = [group for group in groups if not group[0].isdisjoint(unknowns)]
        groups = [group for group in groups if group[0].isdisjoint(unknowns)]
        members = [member for group in joined for member in group[1]]
        groups.append((unknowns.union(*(group[0] for group in joined)), [*members, factor]))
    return tuple(tuple(members) for _, members in groups)


def uncancelled(above: Sequence[Factor], below: Sequence[Factor]) -> tuple[tuple[Factor, ...], tuple[Factor, ...]]:
    """What stays of a ratio of two laws.

    A condition that shares no unknown and no hidden cause with what is asked tells nothing about
    it, or is as good as set: both show as a group that numerator and denominator have in common.
    """
    sides = [{_content(group): group for group in components(side)} for side in (above, below)]
    shared = set(sides[0]) & set(sides[1])
    first, second = (
        tuple(factor for content, group in side.items() if content not in shared for factor in group) for side in sides
    )
    return first, second


def _content(group: Iterable[Factor]) -> frozenset[PotentialOutcome]:
    return frozenset(outcome for factor in group for outcome in factor.outcomes)


def conflict_of(graph: Graph, factor: Factor) -> Conflict | None:
    """Two of a factor's potential outcomes that no single world shows together; None where one shows all.

    Examples
    --------
    >>> from umbel.expr.nodes import AtState
    >>> graph = Graph.build(directed=[("X", "Y")], bidirected=[("X", "Y")])
    >>> one, zero = AtState(1), AtState(0)
    >>> pair = PotentialOutcome(0, (), one), PotentialOutcome(1, (zero,), one)
    >>> conflict_of(graph, Factor(0b11, pair)).path
    (1, 0)
    """
    return next(conflicts_of(graph, factor), None)


def conflicts_of(graph: Graph, factor: Factor) -> Iterator[Conflict]:
    """Every pair of a factor's potential outcomes that no single world shows together: one variable twice first."""
    outcomes = factor.outcomes
    reads = {each: dict(zip(bits(graph.parents[each.node]), each.reads, strict=True)) for each in outcomes}
    for first, second in combinations(outcomes, 2):
        if first.node == second.node:
            over = next(parent for parent, filler in reads[first].items() if filler != reads[second][parent])
            yield Conflict(first, second, over, (first.node,))
    for first in outcomes:
        for second in outcomes:
            if first.node != second.node and reads[first].get(second.node, second.value) != second.value:
                yield Conflict(first, second, second.node, _joined(graph, factor.district, first.node, second.node))
    for first, second in combinations(outcomes, 2):
        for over in sorted(reads[first].keys() & reads[second].keys()) if first.node != second.node else ():
            if not factor.district >> over & 1 and reads[first][over] != reads[second][over]:
                yield Conflict(first, second, over, _joined(graph, factor.district, first.node, second.node))


def _joined(graph: Graph, within: int, start: int, end: int) -> tuple[int, ...]:
    return shortest_path(start, end, [siblings & within for siblings in graph.siblings])
