"""Sources as masks of the user's graph: what each shows, and the doses as values of what they set.

A variable that no source shows is hidden, one that a source measures is not, whatever the graph
says. A single observational study of all rows needs no sight: the graph's latents say it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from umbel.errors import QuestionError, shown
from umbel.expr.nodes import AtState, Certain, Policy, Raw, Value
from umbel.graph.mixed import Graph
from umbel.model.formula import Constant
from umbel.model.policy import Family
from umbel.model.query import Drawn, Expectation, Question
from umbel.model.render_policy import law_text
from umbel.model.source import Experiment
from umbel.model.task import Sight
from umbel.model.weights import FamilyLaw
from umbel.variable import State


def sights_of(graph: Graph, sources: Sequence[Experiment]) -> tuple[Graph, tuple[Sight, ...]]:
    """The graph in which exactly what no source shows is latent, and each source on its masks.

    Examples
    --------
    >>> graph = Graph.build(directed=[("A", "W"), ("W", "Y")])
    >>> trial, registry = Experiment(do="A", observed="W"), Experiment()
    >>> [graph.names_of(sight.seen) for sight in sights_of(graph, (trial, registry))[1]]
    [('A', 'W'), ('A', 'W', 'Y')]
    """
    sights = tuple(_sight(graph, index, source) for index, source in enumerate(sources))
    seen = 0
    for sight in sights:
        seen |= sight.seen
    shown_graph = replace(graph, latent=graph.everything & ~seen) if graph.observed != seen else graph
    only = sights[0] if len(sights) == 1 else None
    if only is not None and not only.do and not only.kept_by:
        return shown_graph, ()
    return shown_graph, sights


def _sight(graph: Graph, index: int, source: Experiment) -> Sight:
    do = graph.mask(source.do)
    seen = do | (graph.observed if source.observed is None else graph.mask(source.observed))
    level = _assigned_depth(graph, source)
    limits = dict(source.doses)
    doses: list[tuple[int, tuple[Value, ...]]] = []
    for name in source.do:
        node = graph.index(name)
        depth = len(graph.plate_path(node))
        if name in limits:
            values = tuple(dict.fromkeys(_dose(graph, node, value) for value in limits[name]))
            if depth or not _every_state(graph, node, values):
                doses.append((node, values))
        elif depth and level >= depth:
            doses.append((node, ()))  # the one dose that was used, which nobody said
    return Sight(index, seen, do, tuple(doses), graph.mask(source.selected), level)


def _assigned_depth(graph: Graph, source: Experiment) -> int:
    """Number of plates around what was randomised: 0 for units, deep for members on their own."""
    plates = [plate.name for plate in graph.plates]
    if source.assigned is None:
        return len(plates)
    if source.assigned in plates:
        depth, at = 0, plates.index(source.assigned)
        while at >= 0:
            depth, at = depth + 1, graph.plates[at].outer
        return depth
    if close := get_close_matches(source.assigned, plates, n=1, cutoff=0.75):
        raise QuestionError(
            f"assigned={shown(source.assigned)} is no plate of the graph. Did you mean {shown(close[0])}? "
            "Any other word names the units."
        )
    return 0


def _every_state(graph: Graph, node: int, values: tuple[Value, ...]) -> bool:
    domain = dict(graph.facts.domains).get(node)
    return domain is not None and {AtState(state) for state in domain.states} <= set(values)


def _dose(graph: Graph, node: int, dose: State) -> Value:
    """A dose as a value: a state at unit level, a law of the members inside a plate."""
    if not graph.plate_path(node):
        return AtState(dose)
    domain = dict(graph.facts.domains).get(node)
    if domain is not None and dose in domain.states:
        return Certain(AtState(dose))
    law: Family | None = None
    if isinstance(dose, str) and "(" in dose:
        law = _family(graph.names[node], dose)
    elif isinstance(dose, float) and 0 < dose < 1:
        law = Family("Bernoulli", (Constant(dose),))
    if law is None:
        return Certain(AtState(dose))
    plates = tuple(graph.plates[plate].name for plate in graph.plate_path(node))
    return Policy(Raw(graph.names[node], plates), (), FamilyLaw(law, law_text(law)))


def _family(name: str, text: str) -> Family | None:
    """The family that a dose's text names, read by the question grammar."""
    body = Question.parse(f"E[Y | do(A ~ {text})]").body
    item = body.do[0] if isinstance(body, Expectation) else None
    if isinstance(item, Drawn) and isinstance(item.law, Family) and not item.law.reads:
        return item.law
    raise QuestionError(f"A dose of {shown(name)} is a constant law such as 'Bernoulli(0.5)', not {shown(text)}.")
