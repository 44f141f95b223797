"""An independent checker of the witnesses against a counterfactual: bit tests that share no code with the search.

Potential outcomes of one district that differ in what they read of a variable, or in what they
read of it and what it is, are shown together by no world, and hidden causes keep them from being
told apart (Correa, Lee and Bareinboim 2021, Definition 7 and Lemma 3).
"""

from __future__ import annotations

from itertools import pairwise

from umbel.graph.mixed import Graph
from umbel.identification.certificate import is_hedge
from umbel.model.proof import Worlds
from umbel.model.worlds import Conflict, Filler, PotentialOutcome


def are_witnesses(worlds: Worlds) -> bool:
    """Whether the conflicts and hedges of a "no" have the form that such witnesses must have."""
    asked = {outcome for factor in (*worlds.numerator, *worlds.denominator) for outcome in factor.outcomes}
    everything = worlds.graph.everything
    return (
        bool(worlds.conflicts or worlds.hedges)
        and all({each.first, each.second} <= asked and is_conflict(worlds.graph, each) for each in worlds.conflicts)
        and all(
            is_hedge(worlds.graph, hedge.outer, hedge.inner, hedge.inner, everything & ~hedge.inner)
            for hedge in worlds.hedges
        )
    )


def is_conflict(graph: Graph, conflict: Conflict) -> bool:
    """Whether two potential outcomes are joined by ``<->`` and differ in one variable.

    Examples
    --------
    >>> from umbel.expr.nodes import AtState
    >>> graph = Graph.build(directed=[("X", "Y")], bidirected=[("X", "Y")])
    >>> treated = PotentialOutcome(0, (), AtState(1))
    >>> outcome = PotentialOutcome(1, (AtState(0),), AtState(1))
    >>> is_conflict(graph, Conflict(outcome, treated, 0, (1, 0)))
    True
    >>> is_conflict(graph, Conflict(PotentialOutcome(1, (AtState(1),), AtState(1)), treated, 0, (1, 0)))
    False
    """
    first, second, path = conflict.first, conflict.second, conflict.path
    values = _read(graph, first, conflict.over), _read(graph, second, conflict.over)
    return (
        path[0] == first.node
        and path[-1] == second.node
        and all(graph.siblings[a] >> b & 1 for a, b in pairwise(path))
        and None not in values
        and values[0] != values[1]
    )


def _read(graph: Graph, outcome: PotentialOutcome, over: int) -> Filler | None:
    """What an outcome takes a variable to be: its own value, or what it reads; None for neither."""
    if outcome.node == over:
        return outcome.value
    parents = [node for node in range(len(graph.names)) if graph.parents[outcome.node] >> node & 1]
    return outcome.reads[parents.index(over)] if over in parents else None
