"""Graph classes as predicates with a witness: what a graph is, and if it is not, the walk that shows it.

A class is never a subclass: one frozen graph may be a DAG and a chain graph at once, and each
algorithm asks for what it needs. Every predicate returns :class:`Holds` or :class:`Fails`; their
truth value answers the question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import Walk, cycle, directed_walk, partially_directed_cycle


@dataclass(frozen=True, slots=True)
class Holds:
    """The graph is of the class. True."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Fails:
    """The graph is not of the class. False.

    Parameters
    ----------
    why
        One sentence with the offending walk in words.
    walk
        The walk itself; its nodes index the graph that was asked about.
    """

    why: str
    walk: Walk

    def __bool__(self) -> bool:
        return False


def is_dag(graph: Graph) -> Holds | Fails:
    """Directed edges only, and no cycle of them.

    Examples
    --------
    >>> is_dag(Graph.build(directed=[("A", "B")], bidirected=[("A", "B")])).why
    'A DAG has no bidirected edge, and here is A <-> B.'
    """
    return _judged(graph, "A DAG", _no_bidirected, _no_undirected, _no_directed_cycle)


def is_admg(graph: Graph) -> Holds | Fails:
    """An acyclic directed mixed graph: ``->`` and ``<->``, and no directed cycle.

    Examples
    --------
    >>> bool(is_admg(Graph.build(directed=[("A", "B")], bidirected=[("A", "B")])))
    True
    """
    return _judged(graph, "An ADMG", _no_undirected, _no_directed_cycle)


def is_chain_graph(graph: Graph) -> Holds | Fails:
    """A chain graph of Lauritzen, Wermuth and Frydenberg: ``->`` and ``--``, no partially directed cycle.

    Examples
    --------
    >>> is_chain_graph(Graph.build(directed=[("A", "B")], undirected=[("A", "B")])).why
    'A chain graph has no partially directed cycle, and here is A -> B -- A.'
    """
    return _judged(graph, "A chain graph", _no_bidirected, _no_mixed_cycle)


def is_segregated(graph: Graph) -> Holds | Fails:
    """No node with both ``--`` and ``<->``, and no partially directed cycle.

    ADMGs and chain graphs are segregated graphs.

    References
    ----------
    Shpitser, "Segregated graphs and marginals of chain graph models", NeurIPS 2015.

    Examples
    --------
    >>> graph = Graph.build(undirected=[("A", "B")], bidirected=[("B", "C")])
    >>> is_segregated(graph).why
    'A segregated graph has no variable with both -- and <->, and here is A -- B <-> C.'
    """
    return _judged(graph, "A segregated graph", _no_mixed_node, _no_mixed_cycle)


def is_hierarchical(graph: Graph) -> Holds | Fails:
    """A hierarchical causal model: nested plates over an acyclic graph without ``--`` and networks.

    Bidirected edges stand for hidden causes in the innermost plate that holds both ends. A graph
    without plates is hierarchical with one subunit per unit.

    References
    ----------
    Weinstein and Blei, JMLR 27(37), 2026, section 2.

    Examples
    --------
    >>> bool(is_hierarchical(Graph.parse("plate student { A Y }; U -> { A Y }; A -> Y")))
    True
    """
    return _judged(graph, "A hierarchical model", _no_near_cause, _no_undirected, _no_directed_cycle)


def _judged(graph: Graph, kind: str, *conditions: Callable[[Graph, str], Fails | None]) -> Holds | Fails:
    """The first condition that fails, or that all hold."""
    for condition in conditions:
        failure = condition(graph, kind)
        if failure is not None:  # a failure is false, so "or" would pass over it
            return failure
    return Holds()


def _no_bidirected(graph: Graph, kind: str) -> Fails | None:
    for v, siblings in enumerate(graph.siblings):
        if siblings:
            return _fails(graph, f"{kind} has no bidirected edge", Walk((v, next(bits(siblings))), ("<->",)))
    return None


def _no_undirected(graph: Graph, kind: str) -> Fails | None:
    for masks, mark in ((graph.neighbours, "--"), (graph.near_neighbours, ".near --")):
        for v, beside in enumerate(masks):
            if beside:
                return _fails(graph, f"{kind} has no undirected edge", Walk((v, next(bits(beside))), (mark,)))
    return None


def _no_near_cause(graph: Graph, kind: str) -> Fails | None:
    found = [(next(bits(near)), v) for v, near in enumerate(graph.near_parents) if near]
    found += [(part.node, a.child) for a in graph.aggregates for part in a.parts if part.near]
    if not found:
        return None
    return _fails(graph, f"{kind} has no edge between members of a plate", Walk(found[0], (".near ->",)))


def _no_mixed_node(graph: Graph, kind: str) -> Fails | None:
    for v, siblings in enumerate(graph.siblings):
        beside = graph.neighbours[v] | graph.near_neighbours[v]
        if siblings and beside:
            left, right = next(bits(beside)), next(bits(siblings))
            mark = "--" if graph.neighbours[v] >> left & 1 else ".near --"
            return _fails(graph, f"{kind} has no variable with both -- and <->", Walk((left, v, right), (mark, "<->")))
    return None


def _no_directed_cycle(graph: Graph, kind: str) -> Fails | None:
    closed = cycle(graph)
    return _fails(graph, f"{kind} has no directed cycle", directed_walk(graph, closed)) if closed else None


def _no_mixed_cycle(graph: Graph, kind: str) -> Fails | None:
    walk = partially_directed_cycle(graph)
    return _fails(graph, f"{kind} has no partially directed cycle", walk) if walk else None


def _fails(graph: Graph, why: str, walk: Walk) -> Fails:
    return Fails(f"{why}, and here is {walk.text(graph.names)}.", walk)
