"""The graph of potential outcomes: its factors by district, what a sum joins, and contradictions.

The joint law of potential outcomes splits over the districts of their variables, whatever worlds
they live in, because only hidden common causes join mechanisms (Correa, Lee and Bareinboim 2021,
Theorem 3). A factor is a kernel of the observed world exactly when one world could show all of it:
one potential outcome of each variable, each parent at one value, and a parent in the district at
the value that it takes there (ibid., Definition 7). Summed values are told apart from every state:
some value of the sum would contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import districts, shortest_path
from umbel.model.worlds import Conflict, Factor, Filler, PotentialOutcome, Unknown


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


def uncancelled(
    above: Sequence[Factor], below: Sequence[Factor]
) -> tuple[tuple[Factor, ...], tuple[Factor, ...], tuple[PotentialOutcome, ...]]:
    """What stays of a ratio of two laws, and the potential outcomes that cancel.

    A condition that shares no unknown and no hidden cause with what is asked tells nothing about
    it, or is as good as set: both show as a group that numerator and denominator have in common.
    """
    sides = [{_content(group): group for group in components(side)} for side in (above, below)]
    shared = [content for content in sides[0] if content in sides[1]]
    kept = [
        tuple(factor for content, group in side.items() if content not in shared for factor in group) for side in sides
    ]
    gone = tuple(outcome for content in shared for factor in sides[0][content] for outcome in factor.outcomes)
    return kept[0], kept[1], gone


def _content(group: Iterable[Factor]) -> frozenset[PotentialOutcome]:
    return frozenset(outcome for factor in group for outcome in factor.outcomes)


def conflict_of(graph: Graph, factor: Factor) -> Conflict | None:
    """Two of a factor's potential outcomes that no single world shows together.

    Examples
    --------
    >>> from umbel.expr.nodes import AtState
    >>> graph = Graph.build(directed=[("X", "Y")], bidirected=[("X", "Y")])
    >>> one, zero = AtState(1), AtState(0)
    >>> pair = PotentialOutcome(0, (), one), PotentialOutcome(1, (zero,), one)
    >>> conflict_of(graph, Factor(0b11, pair)).path
    (1, 0)
    """
    own: dict[int, PotentialOutcome] = {}
    for outcome in factor.outcomes:
        first = own.setdefault(outcome.node, outcome)
        if first is not outcome:
            parents = bits(graph.parents[outcome.node])
            over = next(p for p, a, b in zip(parents, first.reads, outcome.reads, strict=True) if a != b)
            return Conflict(first, outcome, over, (outcome.node,))
    read: dict[int, tuple[PotentialOutcome, Filler]] = {}
    for outcome in factor.outcomes:
        for parent, filler in zip(bits(graph.parents[outcome.node]), outcome.reads, strict=True):
            other, value = (own[parent], own[parent].value) if parent in own else read.get(parent, (outcome, filler))
            if value != filler:
                return Conflict(outcome, other, parent, _joined(graph, factor.district, outcome.node, other.node))
            read.setdefault(parent, (outcome, filler))
    return None


def _joined(graph: Graph, within: int, start: int, end: int) -> tuple[int, ...]:
    return shortest_path(start, end, [siblings & within for siblings in graph.siblings])
