"""Effects under conditions: which may be dropped, and for which seeing is as good as setting.

``P(y | do(x), z)``: a condition that the graph holds independent of the outcome goes (rule 1 of
Pearl's do-calculus), one whose seeing is as good as its setting joins the treatments (rule 2), and
the rest is divided by: ``P(y, z | do(x)) / P(z | do(x))``. When no exchange is left this is
complete (Shpitser and Pearl, "Identification of conditional interventional distributions", 2006).
Policies change the graph first: their treatment reads what they read, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_connected
from umbel.graph.surgery import without_edges_into, without_edges_out_of
from umbel.model.proof import NO_EXCHANGE, Exchange


def exchanged(graph: Graph, outcomes: int, held: int, given: int, policies: Mapping[int, int]) -> Exchange:
    """Sort the conditions of an effect into dropped, moved and kept.

    Cost O(conditions squared) passes of separation.

    Parameters
    ----------
    graph
        An ADMG.
    outcomes, held, given
        Disjoint masks; ``held`` are the treatments set to values.
    policies
        Random treatments with the mask of what each reads.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Z"), ("Z", "Y")], bidirected=[("X", "Z")])
    >>> graph.names_of(exchanged(graph, graph.mask("Y"), graph.mask("X"), graph.mask("Z"), {}).moved)
    ('Z',)
    """
    return exchanged_in(without_edges_into(after_policies(graph, policies), held), outcomes, held, given, given)


def exchanged_in(cut: Graph, outcomes: int, held: int, given: int, movable: int) -> Exchange:
    """The same in a graph that has been cut already; only members of ``movable`` are set instead of seen."""
    if not given:
        return NO_EXCHANGE
    dropped = moved = 0
    left = given
    changed = True
    while changed:
        changed = False
        for node in bits(left):
            bit = 1 << node
            known = held | moved | left & ~bit
            if not m_connected(cut, bit, known) & outcomes:
                dropped |= bit
            elif movable & bit and not m_connected(without_edges_out_of(cut, bit), bit, known) & outcomes:
                moved |= bit
                cut = without_edges_into(cut, bit)
            else:
                continue
            left &= ~bit
            changed = True
    return Exchange(dropped, moved, left)


def after_policies(graph: Graph, policies: Mapping[int, int]) -> Graph:
    """The graph in which each random treatment reads what its policy reads, and nothing else."""
    if not policies:
        return graph
    treated = sum(1 << node for node in policies)
    cut = without_edges_into(graph, treated)
    return replace(cut, parents=tuple(policies.get(node, reads) for node, reads in enumerate(cut.parents)))
