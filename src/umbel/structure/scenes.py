"""Counterfactual events as scenes: which copies of the variables decide them, shared between worlds.

Two worlds share every variable whose causes they leave alike: copies are told apart by what they
read and by nothing else, so that a twin network (Balke and Pearl, 1994) is as small as it can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from umbel.errors import QuestionError, shown
from umbel.graph.mixed import Graph, bits
from umbel.model.programme import Copy, Fixed, Scene
from umbel.model.query import Event, Held, Intervention, SetTo
from umbel.variable import Domain, State

Slot = int | Fixed


@dataclass(slots=True)
class _Stage:
    """Copies made so far; filled while one event is read and then frozen into a Scene."""

    graph: Graph
    domains: Sequence[Domain]
    copies: list[tuple[int, tuple[Slot, ...]]] = field(default_factory=list)
    place: dict[tuple[int, tuple[Slot, ...]], int] = field(default_factory=dict)

    def slot(self, node: int, world: Mapping[int, Slot], memo: dict[int, Slot]) -> Slot:
        """What a variable is in a world: held, or a copy."""
        if node in world:
            return world[node]
        if node not in memo:
            reads = tuple(self.slot(parent, world, memo) for parent in bits(self.graph.parents[node]))
            key = (node, reads)
            if key not in self.place:
                self.place[key] = len(self.copies)
                self.copies.append(key)
            memo[node] = self.place[key]
        return memo[node]

    def world(self, items: Sequence[Intervention]) -> dict[int, Slot]:
        """A subscript as what it holds; nested events become copies of another world."""
        found: dict[int, Slot] = {}
        for item in items:
            node = self.graph.index(item.name)
            match item:
                case Held(_, value):
                    found[node] = Fixed(code(self.graph, self.domains, node, value))
                case SetTo(event):
                    found[node] = self.slot(node, self.world(event.world), {})
                case _:
                    raise QuestionError(f"The intervention on {shown(item.name)} holds no value, so it has no bounds.")
        return found


def scene(graph: Graph, domains: Sequence[Domain], events: Sequence[Event], do: Sequence[Intervention] = ()) -> Scene:
    """The joint event that every one of ``events`` happens.

    Parameters
    ----------
    graph, domains
        The visible variables and their states.
    events
        Each with a value; one without a world of its own stands in the world ``do``.
    do
        The world of the whole term.

    Examples
    --------
    >>> graph = Graph.parse("A -> Y; A <-> Y")
    >>> two = Domain.of_size(2)
    >>> found = scene(graph, [two, two], [Event("Y", 1, (Held("A", 1),)), Event("Y", 0, (Held("A", 0),))])
    >>> [copy.value for copy in found.copies]
    [1, 0]
    """
    stage = _Stage(graph, domains)
    demanded: dict[int, int] = {}
    for event in events:
        node = graph.index(event.variable)
        assert event.value is not None
        wanted = code(graph, domains, node, event.value)
        world = stage.world(event.world or do)
        at = stage.slot(node, world, {})
        known = at.code if isinstance(at, Fixed) else demanded.setdefault(at, wanted)
        if known != wanted:
            return Scene(impossible=True)
    copies = tuple(Copy(node, reads, demanded.get(at)) for at, (node, reads) in enumerate(stage.copies))
    return Scene(_needed(copies))


def code(graph: Graph, domains: Sequence[Domain], node: int, value: State) -> int:
    """Position of a value among the states of its variable; labels and numbers compare as written."""
    states = domains[node].states
    if value not in states:
        words = ", ".join(map(str, states))
        raise QuestionError(f"{shown(str(value))} is no state of {graph.names[node]}. Its states: {words}.")
    return states.index(value)


def _needed(copies: tuple[Copy, ...]) -> tuple[Copy, ...]:
    """Without copies that nothing demands: values that only held subscripts replaced."""
    used: set[int] = set()
    for at in range(len(copies) - 1, -1, -1):
        if copies[at].value is not None or at in used:
            used |= {at, *(read for read in copies[at].reads if isinstance(read, int))}
    place = {old: new for new, old in enumerate(sorted(used))}
    return tuple(
        Copy(
            copies[old].node,
            tuple(place[read] if isinstance(read, int) else read for read in copies[old].reads),
            copies[old].value,
        )
        for old in sorted(used)
    )
