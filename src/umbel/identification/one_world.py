"""Counterfactuals that are effects: all of their events fit into one world.

``P(Y[A=1]=1 | X)`` is ``P(Y=1 | do(A=1), X)`` when A is no cause of X, because X is in every world
what it is anyway (exclusion). As an effect it is answered by every route that effects have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from umbel.graph.mixed import Graph
from umbel.graph.walks import closure, inputs
from umbel.model.formula import Constant
from umbel.model.policy import Family
from umbel.model.query import Drawn, Event, Expectation, Free, Held, Intervention, Probability, SetTo


def as_effect(graph: Graph, term: Probability | Expectation) -> Probability | Expectation:
    """The same term with ``do`` instead of subscripts where one world holds all of it.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> graph = Graph.parse("X -> A -> Y; X -> Y")
    >>> for text in ("E[Y[A=1] | X]", "E[Y[A=1] | A=0]"):
    ...     print(Question.of(as_effect(graph, Question.parse(text).body)))
    E[Y | do(A=1), X]
    E[Y[A=1] | A=0]
    """
    term = _points_held(term)
    events = (*term.outcomes, *term.given)
    names = [event.variable for event in events]
    settings = [item for event in events for item in event.world]
    plain = all(isinstance(item, Held | Free | Drawn) for item in settings)
    if not settings or len(set(names)) < len(names) or not plain:
        return term
    for world in dict.fromkeys(event.world for event in events):
        if any(item.name in names for item in world):
            continue
        kept = [matters(graph, event.variable, world) for event in events]
        if all(mine == matters(graph, event.variable, event.world) for mine, event in zip(kept, events, strict=True)):
            do = tuple(item for item in world if any(item in mine for mine in kept))
            idle = _idle(graph, names, settings, do)
            if idle is None:
                return term
            do += idle
            given = tuple(replace(event, world=()) for event in term.given)
            if isinstance(term, Expectation):
                return Expectation(replace(term.outcome, world=()), do, given)
            return Probability(tuple(replace(event, world=()) for event in term.outcomes), do, given)
    return term


def _points_held(term: Probability | Expectation) -> Probability | Expectation:
    """The same term where a law in a subscript that is always one value is that value."""
    given = tuple(map(_point_held, term.given))
    if isinstance(term, Expectation):
        return replace(term, outcome=_point_held(term.outcome), given=given)
    return replace(term, outcomes=tuple(map(_point_held, term.outcomes)), given=given)


def _point_held(event: Event) -> Event:
    world: list[Intervention] = []
    for item in event.world:
        match item:
            case Drawn(name, Family("Point", (Constant(value),))):
                world.append(Held(name, value))
            case SetTo(inner):
                world.append(SetTo(_point_held(inner)))
            case _:
                world.append(item)
    return replace(event, world=tuple(world)) if event.world else event


def _idle(
    graph: Graph, names: Sequence[str], settings: Sequence[Intervention], do: tuple[Intervention, ...]
) -> tuple[Intervention, ...] | None:
    """What is left free without reaching any event: still an axis of the answer; None where ``do`` cannot hold it."""
    idle = tuple(dict.fromkeys(item for item in settings if isinstance(item, Free) and item not in do))
    held = {item.name for item in do}
    if any(item.name in names or item.name in held for item in idle):
        return None
    reached = frozenset[Intervention]().union(*(matters(graph, name, (*do, *idle)) for name in names))
    return idle if reached.isdisjoint(idle) else None


def matters(graph: Graph, name: str, world: Sequence[Intervention]) -> frozenset[Intervention]:
    """The settings of a world that reach a variable, past all others."""
    made_of = list(inputs(graph))
    for item in world:
        made_of[graph.index(item.name)] = graph.mask(item.law.reads) if isinstance(item, Drawn) else 0
    reached = closure(1 << graph.index(name), made_of, graph.everything)
    return frozenset(item for item in world if reached >> graph.index(item.name) & 1)
