"""Laws in subscripts: what a law draws becomes a variable of its own, whose mechanism is known.

``Y[A ~ q(Z)]`` is ``Y`` where ``A`` is set to the value that the law draws, which is a value in
another world like any other: that of a variable which reads ``Z``, shares no hidden cause and
causes nothing by itself. So policies in counterfactual worlds, alone or along some paths only, are
nested counterfactuals of a larger graph (Shpitser and Sherman, "Identification of personalized
effects associated with causal pathways", UAI 2018), and the known law is its factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.expr.nodes import Policy, Raw
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import topological_order
from umbel.model.policy import Family
from umbel.model.query import Drawn, Expectation, Probability, settings_of
from umbel.model.render_policy import law_text
from umbel.model.task import Sight
from umbel.model.weights import FamilyLaw


@dataclass(frozen=True, slots=True)
class Draws:
    """A graph with a node for each law of a term.

    Parameters
    ----------
    graph
        The user's graph; the new nodes stand last.
    nodes
        Names of the new nodes by what follows the law, in an order in which they can be drawn.
    laws
        The laws by these names.
    certain
        Whether one of them is always one value, given what it reads.
    """

    graph: Graph
    nodes: Mapping[str, str]
    laws: Mapping[str, Policy]
    certain: bool = False

    def seen_by(self, sights: Sequence[Sight]) -> tuple[Sight, ...]:
        """Sources to which the laws are known, as they are to everybody."""
        known = self.graph.mask(self.nodes.values())
        return tuple(replace(sight, seen=sight.seen | known) for sight in sights)


def drawing_order(graph: Graph, draws: Mapping[str, int]) -> tuple[int, ...]:
    """An order of the nodes in which what a law draws stands before whatever reads the variable that follows it."""
    parents = list(graph.parents)
    for name, draw in draws.items():
        for child in bits(graph.children[graph.index(name)]):
            parents[child] |= 1 << draw
    return tuple(topological_order(replace(graph, parents=tuple(parents)) if draws else graph))


def with_draws(graph: Graph, term: Probability | Expectation) -> Draws:
    """The graph with a node for each law that the term's subscripts name.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> term = Question.parse("P(Y[A ~ q(Z)]=1 | A=0)").body
    >>> with_draws(Graph.parse("Z -> A -> Y; Z -> Y"), term).graph.names
    ('Z', 'A', 'Y', 'A ~ q(Z)')
    """
    items = {item.name: item.law for item in settings_of(term) if isinstance(item, Drawn)}
    if not items:
        return Draws(graph, {}, {})
    parents = list(graph.parents)
    for name, law in items.items():
        parents[graph.index(name)] |= graph.mask(law.reads)
    order = topological_order(replace(graph, parents=tuple(parents)))
    nodes: dict[str, str] = {}
    laws: dict[str, Policy] = {}
    for name in sorted(items, key=lambda name: order.index(graph.index(name))):
        law = items[name]
        reads = graph.mask(law.reads)
        text = law_text(law)
        drawn = FamilyLaw(law, text) if isinstance(law, Family) else None
        node = f"{name} ~ {text}"
        while node in graph.names:
            node += "'"
        nodes[name] = node
        given = tuple(Raw(graph.names[other]) for other in bits(reads))
        laws[node] = Policy(Raw(name), given, drawn)
        graph = _with_node(graph, node, reads)
    certain = any(isinstance(law, Family) and law.name == "Point" for law in items.values())
    return Draws(graph, nodes, laws, certain)


def _with_node(graph: Graph, name: str, reads: int) -> Graph:
    near = bool(graph.near_parents)
    return replace(
        graph,
        names=(*graph.names, name),
        parents=(*graph.parents, reads),
        siblings=(*graph.siblings, 0),
        neighbours=(*graph.neighbours, 0),
        plate_of=(*graph.plate_of, -1) if graph.plate_of else (),
        near_parents=(*graph.near_parents, 0) if near else (),
        near_neighbours=(*graph.near_neighbours, 0) if graph.near_neighbours else (),
    )
