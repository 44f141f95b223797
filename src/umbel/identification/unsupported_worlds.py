"""Which counterfactual questions have no meaning as asked, or none that is built yet."""

from __future__ import annotations

from collections import Counter

from umbel.expr.nodes import Level
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors
from umbel.model.query import Expectation, Free, Held, Probability, SetTo, names_of_term, settings_of
from umbel.results.step import Refusal


def unsupported_worlds(graph: Graph, term: Probability | Expectation) -> Refusal | None:
    """Why a term about several worlds is refused; None when it is not.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> term = Question.parse("P(Y[A=1], Y[A=0])").body
    >>> unsupported_worlds(Graph.parse("A -> Y"), term).why
    'Y is free in two worlds at once, and both would be the axis Y.'
    """
    for item in settings_of(term):
        if not isinstance(item, Held | Free | SetTo):
            return Refusal(
                f"A counterfactual sets {item.name} to values, not to laws or by levers, so far.",
                f"Set it to a value: {item.name}=1.",
            )
    free = Counter(event.variable for event in (*term.outcomes, *term.given) if event.value is None)
    set_free = {item.name for item in settings_of(term) if isinstance(item, Free)}
    for name, count in free.items():
        if count > 1 or name in set_free:
            return Refusal(
                f"{name} is free in two worlds at once, and both would be the axis {name}.",
                f"Give it a value in one of them: {name}[…]=1.",
            )
    if level_of(graph, graph.mask(names_of_term(term))) is None:
        return Refusal(
            "Counterfactuals that reach from the members of a plate to their unit are not answered yet.",
            "Ask for an effect: P(Y | do(A)), or put the question to a graph without plates.",
        )
    return None


def level_of(graph: Graph, asked: int) -> Level | None:
    """The level of one draw that shows all ancestors of what is asked; None where none does.

    Where no variable reads a plate that it stands outside of, one member of each plate, with its
    units, obeys the graph without the plates, in every world: the units' noise and its own are
    the noise of its mechanisms.
    """
    relevant = ancestors(graph, asked)
    paths = {graph.plate_path(node) for node in bits(relevant)}
    deepest = max(paths, key=len, default=())
    if any(path != deepest[: len(path)] for path in paths):
        return None
    for node in bits(relevant):
        depth = len(graph.plate_path(node))
        if any(len(graph.plate_path(parent)) > depth for parent in bits(graph.parents[node])):
            return None
    return tuple(graph.plates[plate].name for plate in deepest)
