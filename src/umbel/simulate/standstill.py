"""A "no" proved by comparison: a direction in which all that is observed stands still and the answer moves.

Near a generic model, a quantity is a function of what is observed only if its gradient lies in the
row space of the observed law's Jacobian. Where it does not, two models exist, as close as one
likes, that agree on everything observed and differ on the question. That is rigorous up to the
rounding of a rank, for every number of states, and it knows nothing of identification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

import numpy as np

from umbel.expr.nodes import AtState
from umbel.graph.mixed import bits
from umbel.model.proof import Worlds
from umbel.model.query import Event, Free, Held, Question, settings_of
from umbel.numerics.tables import Array, over
from umbel.simulate.counterfactual import Beside
from umbel.simulate.truth import Draw, drawn
from umbel.variable import State

RANK = 1e-9
"""Singular values below this share of the largest are rounding."""
MOVES = 1e-6
"""A gradient leaves the row space when more than this share of it does: rounding leaves 1e-11."""
DRAWS = 8
"""Random models, some of three states: with two, subtraction identifies what is lost with more."""
MOST_CELLS = 2048
"""Cells of one observed law, up to which its Jacobian is computed."""


def moves(worlds: Worlds, rng: np.random.Generator) -> float | None:
    """How far a counterfactual moves while everything observed stands still: the largest share found.

    Returns
    -------
    float or None
        Share of the gradient outside the observed laws' row space, above :data:`MOVES` in at least
        one model exactly when the quantity is shown not to be identified. None where the observed
        laws are too large, or are not laws of states.
    """
    best: float | None = None
    for _ in range(DRAWS):
        draw = drawn(worlds.user_graph, Question.of(worlds.term), worlds.sights, rng)
        laws = None if draw is None else list(_observed(worlds, draw))
        if draw is None or laws is None or any(law is None for law in laws):
            continue
        share = _share(worlds, draw, [law for law in laws if law is not None])
        best = share if best is None else max(best, share)
        if best > MOVES:
            break
    return best


def _observed(worlds: Worlds, draw: Draw) -> Iterator[tuple[Event, ...] | None]:
    """The events whose joint laws the sources show; None for a law that cannot be enumerated."""
    graph = worlds.user_graph
    visible = [name for name in draw.states if not graph.latent >> graph.index(name) & 1]
    if not worlds.sights:
        yield _law(visible, (), draw)
    for sight in worlds.sights:
        doses = dict(sight.doses)
        choices = []
        for node in bits(sight.do):
            name = graph.names[node]
            values = doses.get(node, tuple(map(AtState, draw.states.get(name, ()))))
            if sight.kept_by or not all(isinstance(value, AtState) for value in values):
                yield None
                return
            if name in draw.states:
                choices.append([Held(name, value.state) for value in values if isinstance(value, AtState)])
        seen = [name for name in visible if sight.seen >> graph.index(name) & 1]
        for world in product(*choices):
            yield _law([name for name in seen if name not in {item.name for item in world}], world, draw)


def _law(names: Sequence[str], world: tuple[Held, ...], draw: Draw) -> tuple[Event, ...] | None:
    if prod(len(draw.states[name]) for name in names) > MOST_CELLS:
        return None
    return tuple(Event(name, None, world) for name in names)


def _share(worlds: Worlds, draw: Draw, laws: Sequence[tuple[Event, ...]]) -> float:
    """The largest share, over the values of what is free, of the answer's gradient outside the row space."""
    observed = np.concatenate([gradient(draw, events, {}) for events in laws if events])
    _, sizes, directions = np.linalg.svd(observed, full_matrices=False)
    space = directions[sizes > RANK * sizes[0]]
    term = worlds.term
    events = (*term.outcomes, *term.given)
    free = [item.name for item in settings_of(term) if isinstance(item, Free)]
    free += [event.variable for event in events if event.value is None]
    names = list(dict.fromkeys(free))
    worst = 0.0
    for values in product(*(draw.states[name] for name in names)):
        at = dict(zip(names, values, strict=True))
        wanted = _cell(draw, events, at)
        if wanted is None:
            continue  # impossible in this model
        if term.given and (below := _cell(draw, term.given, at)) is not None:
            wanted = wanted - below
        length = float(np.linalg.norm(wanted))
        if length > RANK:
            worst = max(worst, float(np.linalg.norm(wanted - wanted @ space.T @ space)) / length)
    return worst


def _cell(draw: Draw, events: Sequence[Event], at: Mapping[str, State]) -> Array | None:
    """The gradient of the logarithm of the events' probability; None where it is zero."""
    states = [draw.states[event.variable] for event in events]
    index = [
        own.index(at[event.variable] if event.value is None else event.value)
        for own, event in zip(states, events, strict=True)
    ]
    row: Array = gradient(draw, events, at)[np.ravel_multi_index(index, list(map(len, states)))]
    return None if np.isnan(row).any() else row


def gradient(draw: Draw, events: Sequence[Event], free: Mapping[str, State]) -> Array:
    """Derivatives of the logarithms of a law's cells: shape (cells, parameters), NaN in empty cells.

    Parameters are the logits of the laws of hidden causes, of parentless variables, and of the
    mechanisms' types: everything in a structural model that is not a function.
    """
    base = draw.model
    worlds = Beside(base, draw.states, free)
    places = [worlds.place(event) for event in events]
    random = [node for node, table in enumerate(base.tables) if ((table > 0) & (table < 1)).any()]
    copies = [worlds.copy(node) for node in random]
    model = worlds.model()
    parts = []
    for node in copies:
        table = model.tables[node].reshape(-1, model.sizes[node])
        joint = model.joint([*places, *model.parents[node], node]).reshape(-1, *table.shape)
        centred = joint - joint.sum(axis=-1, keepdims=True) * table
        parts.append(centred.reshape(len(joint), -1))
    mass = model.joint(places).reshape(-1, 1)
    return over(np.concatenate(parts, axis=1), mass)
