"""Events in several worlds by listing every exogenous state: no sharing of copies, no elimination.

Reads components and questions and nothing else of the machinery: for each joint state of all
exogenous variables the structural equations are followed in each world.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from umbel.model.programme import Programme
from umbel.model.query import Event, Held, SetTo


def follow(programme: Programme, states: Sequence[tuple[int, ...]], held: Mapping[int, int]) -> list[int]:
    """Values of every variable when each component is in its state and some variables are held."""
    values = [0] * len(programme.names)
    order = sorted(
        (
            (mechanism, state)
            for component, state in zip(programme.components, states, strict=True)
            for mechanism in component.mechanisms
        ),
        key=lambda pair: pair[0].node,
    )
    for mechanism, state in order:
        if mechanism.node in held:
            values[mechanism.node] = held[mechanism.node]
            continue
        which = 0
        for root in mechanism.roots:
            component = next(one for one in programme.components if mechanism in one.mechanisms)
            which = which * component.roots[root] + state[root]
        at = 0
        for parent in mechanism.parents:
            at = at * programme.sizes[parent] + values[parent]
        values[mechanism.node] = mechanism.functions[which][at]
    return values


def happens(programme: Programme, states: Sequence[tuple[int, ...]], event: Event) -> bool:
    """Whether an event happens in a unit with these states."""
    return value_of(programme, states, event) == event.value


def value_of(programme: Programme, states: Sequence[tuple[int, ...]], event: Event) -> int:
    held = {}
    for item in event.world:
        node = programme.names.index(item.name)
        if isinstance(item, Held):
            held[node] = int(item.value)
        else:
            assert isinstance(item, SetTo)
            held[node] = value_of(programme, states, item.event)
    return follow(programme, states, held)[programme.names.index(event.variable)]


def probability(programme: Programme, laws: Sequence[np.ndarray], events: Sequence[Event]) -> float:
    """Probability that all events happen, by enumeration."""
    total = 0.0
    spaces = [list(itertools.product(*map(range, one.roots))) for one in programme.components]
    for picked in itertools.product(*(range(len(space)) for space in spaces)):
        states = [space[at] for space, at in zip(spaces, picked, strict=True)]
        if all(happens(programme, states, event) for event in events):
            total += float(np.prod([law[at] for law, at in zip(laws, picked, strict=True)]))
    return total
