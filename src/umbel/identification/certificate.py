"""An independent checker of hedges: six bit tests that share no code with the engine.

A hedge for ``P(y | do(x))`` is a pair of nested sets, the inner one among the outcome's
ancestors without the treatment, each connected by ``<->`` and each its own ancestral set towards
the inner one (Shpitser and Pearl 2006, in the district form of Tian and Pearl 2002). The checker
walks edges by itself, so that an error of the engine cannot repeat here.
"""

from __future__ import annotations

from umbel.graph.mixed import Graph
from umbel.model.proof import FlatProof


def is_proof(proof: FlatProof) -> bool:
    """Whether the hedges of a flat proof rule out every source for some one set of mechanisms.

    A source is out when it set a member of the inner set itself, or when a hedge stands among what
    it left random (Lee, Correa and Bareinboim 2019). Sources that do not show every node are
    beyond this argument, so a proof that has one only shows that this route ends.
    """
    graph, outcomes = proof.graph, proof.outcomes | proof.reads
    fixed = {source.index: source.do for source in proof.sources} or {0: 0}
    for inner in {hedge.inner for hedge in proof.hedges}:
        hedged = {
            hedge.source
            for hedge in proof.hedges
            if hedge.inner == inner
            and not hedge.outer & fixed.get(hedge.source, -1)
            and is_hedge(graph, hedge.outer, inner, outcomes, proof.treated)
        }
        if all(index in hedged or do & inner for index, do in fixed.items()):
            return True
    return False


def is_hedge(graph: Graph, outer: int, inner: int, outcomes: int, treated: int) -> bool:
    """Whether ``(outer, inner)`` proves that ``P(outcomes | do(treated))`` is not identified.

    Examples
    --------
    >>> bow = Graph.build(directed=[("X", "Y")], bidirected=[("X", "Y")])
    >>> is_hedge(bow, bow.mask(["X", "Y"]), bow.mask(["Y"]), bow.mask(["Y"]), bow.mask(["X"]))
    True
    >>> is_hedge(bow, bow.mask(["X", "Y"]), bow.mask(["X"]), bow.mask(["Y"]), bow.mask(["X"]))
    False
    """
    proper = bool(inner) and inner != outer and inner & ~outer == 0
    return (
        proper
        and not inner & treated
        and bool(outer & treated)
        and _connected(graph, outer)
        and _connected(graph, inner)
        and _reaches(graph, outer, inner)
        and _only_causes(graph, inner, outcomes, treated)
    )


def _connected(graph: Graph, within: int) -> bool:
    """Whether paths of ``<->`` inside the set join all of it."""
    seen = within & -within
    while True:
        grown = seen
        for node in range(len(graph.names)):
            if seen >> node & 1:
                grown |= graph.siblings[node] & within
        if grown == seen:
            return seen == within
        seen = grown


def _reaches(graph: Graph, outer: int, inner: int) -> bool:
    """Whether every member of the outer set has a directed path inside it to the inner set."""
    seen = inner
    while True:
        grown = seen
        for node in range(len(graph.names)):
            if outer >> node & 1 and any(
                seen >> child & 1 and graph.parents[child] >> node & 1 for child in range(len(graph.names))
            ):
                grown |= 1 << node
        if grown == seen:
            return seen == outer
        seen = grown


def _only_causes(graph: Graph, inner: int, outcomes: int, treated: int) -> bool:
    """Whether every member of the inner set causes the outcome by a path that avoids treatments."""
    seen = outcomes & ~treated
    while True:
        grown = seen
        for node in range(len(graph.names)):
            if grown >> node & 1:
                grown |= graph.parents[node] & ~treated
        if grown == seen:
            return inner & ~seen == 0
        seen = grown
