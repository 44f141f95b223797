"""Unnesting: events in several worlds become potential outcomes, each under its parents' values.

Three facts about structural models do all of it. *Composition*: a variable in a world has the
value that its mechanism gives at its parents' values there. *Nesting*: a world may set a variable
to the value that it has in another. *Consistency*: two potential outcomes of one variable under
the same parents' values are one. So a single pass in topological order simplifies subscripts,
sums over ancestors, merges worlds that agree, and finds impossible events (Correa, Lee and
Bareinboim 2021, Theorems 1 and 2; Shpitser and Pearl 2008, Lemmas 24 and 25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from umbel.expr.nodes import AtState, Meaning, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import topological_order
from umbel.model.query import Drawn, Event, Free, Held, Intervention, SetTo
from umbel.model.worlds import Filler, PotentialOutcome, Unknown


@dataclass(frozen=True, slots=True)
class Place:
    """A variable in a world.

    Parameters
    ----------
    node
        Its index.
    world
        Pairs of a variable that is set and what it is set to, by index.
    """

    node: int
    world: tuple[tuple[int, Setting], ...] = ()


Setting = AtState | Symbol | Place
"""A state, each state in turn, or the value that the variable has in another world."""

Asked = tuple[Place, AtState | Symbol]
"""An event: a variable in a world, and its value."""

Ties = tuple[tuple[Symbol, AtState], ...]
"""Free variables that are held at one state."""

Names = dict[tuple[int, tuple[Filler, ...]], Unknown]
"""The unknown value of each potential outcome, the same in every law of one question."""


@dataclass(frozen=True, slots=True)
class Unnested:
    """Events as potential outcomes.

    Parameters
    ----------
    outcomes
        Their joint law, summed over the unknowns in it, is the events' probability.
    ties
        Free variables that the events hold at one state: elsewhere the probability is 0.
    """

    outcomes: tuple[PotentialOutcome, ...]
    ties: Ties


def placed(graph: Graph, meanings: Sequence[Meaning], event: Event, draws: Mapping[str, int]) -> Asked:
    """An event of the question language on the indices of a graph.

    ``draws``: the node that stands for what a law draws, by the variable that follows it; in an
    order in which each law reads only what those before it may change.
    """
    node = graph.index(event.variable)
    value = Symbol(meanings[node]) if event.value is None else AtState(event.value)
    return _place(graph, meanings, event, draws), value


def _place(graph: Graph, meanings: Sequence[Meaning], event: Event, draws: Mapping[str, int]) -> Place:
    drawn = {item.name for item in event.world if isinstance(item, Drawn)}
    settings = {
        graph.index(item.name): _setting(graph, meanings, item, draws) for item in event.world if item.name not in drawn
    }
    for name, draw in draws.items():
        if name in drawn:
            settings[graph.index(name)] = Place(draw, tuple(sorted(settings.items(), key=lambda pair: pair[0])))
    return Place(graph.index(event.variable), tuple(sorted(settings.items(), key=lambda pair: pair[0])))


def _setting(graph: Graph, meanings: Sequence[Meaning], item: Intervention, draws: Mapping[str, int]) -> Setting:
    match item:
        case Held(_, value):
            return AtState(value)
        case Free(name):
            return Symbol(meanings[graph.index(name)])
        case SetTo(event):
            return _place(graph, meanings, event, draws)
        case _:
            raise AssertionError(f"{item} cannot stand in a subscript")


def unnested(
    graph: Graph, asked: Sequence[Asked], names: Names, tied: Ties = (), *, order: Sequence[int] | None = None
) -> Unnested | None:
    """Potential outcomes of events; None for events that contradict each other.

    Cost O(variables x worlds) places.

    Parameters
    ----------
    graph
        An ADMG.
    asked
        The events; a variable is free in one of them at most.
    names
        Grows with the unknowns that are met.
    tied
        Free variables that stand at one state from the start.
    order
        A topological order in which what a variable is set to stands before what reads it; None:
        any, since only other worlds' values of the same variable are.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Y")])
    >>> y, x = (Place(1, ((0, AtState(0)),)), AtState(1)), (Place(0), AtState(0))
    >>> for outcome in unnested(graph, [y, x], {}).outcomes:
    ...     print(graph.names[outcome.node], outcome.reads, outcome.value)
    X () AtState(state=0)
    Y (AtState(state=0),) AtState(state=1)
    """
    ties = dict(tied)
    events: dict[Place, list[AtState | Symbol]] = {}
    for place, value in asked:
        at = followed(place)
        if isinstance(at, Place):
            events.setdefault(at, []).append(value)
        elif not _tied([at, value], ties):
            return None
    needed = _needed(graph, events)
    fillers: dict[Place, Filler] = {}
    outcomes: list[PotentialOutcome] = []
    for node in order or topological_order(graph):
        groups: dict[tuple[Filler, ...], list[Place]] = {}
        for place in needed.get(node, ()):
            settings = (followed(Place(parent, place.world)) for parent in bits(graph.parents[node]))
            groups.setdefault(tuple(_filler(at, fillers, ties) for at in settings), []).append(place)
        known = [[value for place in places for value in events.get(place, ())] for places in groups.values()]
        if not all(_tied(values, ties) for values in known):
            return None
        for (reads, places), values in zip(groups.items(), known, strict=True):
            filler: Filler
            if values:
                filler = _filler(values[0], fillers, ties)
            else:
                filler = names.setdefault((node, reads), Unknown(len(names), node))
            fillers |= dict.fromkeys(places, filler)
            outcomes.append(PotentialOutcome(node, reads, filler))
    return Unnested(tuple(outcomes), tuple(ties.items()))


def _filler(at: Setting, fillers: Mapping[Place, Filler], ties: Mapping[Symbol, AtState]) -> Filler:
    match at:
        case Place():
            return fillers[at]
        case Symbol():
            return ties.get(at, at)
        case AtState():
            return at
        case _:
            assert_never(at)


def followed(place: Place) -> Setting:
    """What decides a variable's value: the place itself, or what its world sets it to, to the end."""
    at: Setting = place
    while isinstance(at, Place):
        own = at.node
        setting = next((setting for node, setting in at.world if node == own), None)
        if setting is None:
            return at
        at = setting
    return at


def _needed(graph: Graph, events: Mapping[Place, object]) -> dict[int, list[Place]]:
    """The places whose values decide the events, by variable; each is free of its own world."""
    found = dict.fromkeys(events)
    stack = list(events)
    while stack:
        place = stack.pop()
        for parent in bits(graph.parents[place.node]):
            at = followed(Place(parent, place.world))
            if isinstance(at, Place) and at not in found:
                found[at] = None
                stack.append(at)
    by_node: dict[int, list[Place]] = {}
    for place in found:
        by_node.setdefault(place.node, []).append(place)
    return by_node


def _tied(values: Sequence[AtState | Symbol], ties: dict[Symbol, AtState]) -> bool:
    """Hold values of one variable equal; False where two states differ."""
    found = (ties.get(value) if isinstance(value, Symbol) else value for value in values)
    states = {state for state in found if state is not None}
    for state in states:
        ties |= {value: state for value in values if isinstance(value, Symbol)}
    return len(states) <= 1
