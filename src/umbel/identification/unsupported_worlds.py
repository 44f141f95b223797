"""Which counterfactual questions have no meaning as asked, or none that is built yet."""

from __future__ import annotations

from collections import Counter

from umbel.expr.nodes import Level
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, closure
from umbel.model.policy import Policy
from umbel.model.query import Drawn, Expectation, Free, Held, Probability, SetTo, names_of_term, settings_of
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
    laws: dict[str, Policy] = {}
    for item in settings_of(term):
        if not isinstance(item, Held | Free | SetTo | Drawn):
            return Refusal(
                f"A counterfactual sets {item.name} to values or laws, not by levers, so far.",
                f"Set it to a value: {item.name}=1.",
            )
        if isinstance(item, Drawn) and graph.plates:
            return Refusal(
                f"A law of {item.name} in a subscript is answered in graphs without plates, so far.",
                f"Set it to a value: {item.name}=1, or ask for an effect: do({item.name} ~ …).",
            )
        if isinstance(item, Drawn) and laws.setdefault(item.name, item.law) != item.law:
            return Refusal(
                f"{item.name} follows two laws in one term, and how the two draws go together is left open.",
                "Ask for one law in each term.",
            )
    if _circular(graph, term):
        return Refusal(
            "Laws that read each other's treatments settle in an equilibrium, which has no worlds beside it.",
            "Let the laws read each other in one direction, or ask for an effect: do(…).",
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


def _circular(graph: Graph, term: Probability | Expectation) -> bool:
    """Whether laws of one world read each other's treatments, by themselves or through what these cause."""
    parents = list(graph.parents)
    drawn = [item for item in settings_of(term) if isinstance(item, Drawn)]
    for item in drawn:
        parents[graph.index(item.name)] |= graph.mask(item.law.reads)
    return any(
        closure(graph.mask(item.law.reads), parents, graph.everything) >> graph.index(item.name) & 1 for item in drawn
    )


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
