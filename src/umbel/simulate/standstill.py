"""A "no" proved by comparison: a direction in which all that is observed stands still and the answer moves.

Near a generic model, a quantity is a function of what is observed only if its gradient lies in the
row space of the observed law's Jacobian. Where it does not, two models exist, as close as one
likes, that agree on everything observed and differ on the question. That is rigorous up to the
rounding of a rank, for every number of states, and it knows nothing of identification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from umbel.expr.nodes import AtState
from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import without_edges_into, without_edges_out_of
from umbel.graph.walks import ancestors
from umbel.identification.counterfactual import counterfactual_effect
from umbel.model.proof import Worlds
from umbel.model.query import Event, Expectation, Free, Held, Probability, Question, names_of_term, settings_of
from umbel.numerics.tables import Array, over
from umbel.results.step import Refusal
from umbel.simulate.counterfactual import Beside
from umbel.simulate.discrete import TooLarge
from umbel.simulate.truth import Draw, drawn, laws_in
from umbel.variable import State

RANK = 1e-9
"""Singular values below this share of the largest are rounding."""
MOVES = 1e-6
"""A gradient leaves the row space when more than this share of it does: rounding leaves 1e-11."""
MODELS = ((2, 0.3), (3, 0.0), (2, 1.0), (3, 0.3), (4, 0.0), (3, 1.0), (5, 0.3), (2, 1.0), (4, 1.0), (3, 1.0))
"""One random model each: states of hidden causes, and the share of variables with three states.

With few hidden states, these show in their effects; with two visible ones, subtraction identifies
what is lost with more.
"""
LONGEST = 4
"""Longest path of hidden causes whose effect such models show: the states needed double with each step."""
MOST_CELLS = 300
"""Cells of one observed law, up to which its Jacobian is computed."""


def moves(worlds: Worlds, rng: np.random.Generator) -> float | None:
    """How far a counterfactual moves while everything observed stands still: the largest share found.

    Returns
    -------
    float or None
        Share of the gradient outside the observed laws' row space, above :data:`MOVES` in at least
        one model exactly when the quantity is shown not to be identified. None where laws are too
        large or are not laws of states, and where hidden causes would need very many.
    """
    worlds = shrunk(worlds)
    if max((len(conflict.path) for conflict in worlds.conflicts), default=0) > LONGEST:
        return None
    best: float | None = None
    for hidden, thirds in MODELS:
        draw = drawn(worlds.user_graph, Question.of(worlds.term), worlds.sights, rng, hidden=hidden, thirds=thirds)
        laws = [None] if draw is None else list(_observed(worlds, draw))
        if draw is None or None in laws:
            continue
        try:
            share = _share(worlds, draw, [law for law in laws if law is not None])
        except TooLarge:
            continue
        best = share if best is None else max(best, share)
        if best > MOVES:
            break
    return best


def shrunk(worlds: Worlds) -> Worlds:
    """The same question in a graph with as few edges as keep the "no".

    Every model of the smaller graph is one of the larger, so that what moves there moves here.
    """
    kept = worlds
    named = worlds.user_graph.mask(names_of_term(worlds.term))
    for node in bits(ancestors(worlds.user_graph, named) & ~named):
        alone = without_edges_out_of(without_edges_into(kept.user_graph, 1 << node), 1 << node)
        kept = _still_no(kept, alone) or kept
    for node in range(len(kept.user_graph.names)):
        for other in bits(kept.user_graph.parents[node]):
            kept = _still_no(kept, _without(kept.user_graph, other, node)) or kept
        for other in bits(kept.user_graph.siblings[node] & ~((2 << node) - 1)):
            kept = _still_no(kept, _without(kept.user_graph, other, node)) or kept
    return kept


def _without(graph: Graph, a: int, b: int) -> Graph:
    """The graph without the edges between two nodes."""
    keep = [~(1 << b) if node == a else ~(1 << a) if node == b else -1 for node in range(len(graph.names))]
    parents = tuple(mask & own for mask, own in zip(graph.parents, keep, strict=True))
    siblings = tuple(mask & own for mask, own in zip(graph.siblings, keep, strict=True))
    return replace(graph, parents=parents, siblings=siblings)


def _still_no(worlds: Worlds, graph: Graph) -> Worlds | None:
    found = counterfactual_effect(graph, worlds.term, worlds.sights)
    return None if isinstance(found, Refusal) or found.expr is not None else found


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
    worst = 0.0
    for wanted in _wanted(worlds.term, draw):
        length = float(np.linalg.norm(wanted))
        if length > RANK:
            worst = max(worst, float(np.linalg.norm(wanted - wanted @ space.T @ space)) / length)
    return worst


def _wanted(term: Probability | Expectation, draw: Draw) -> Iterator[Array]:
    """Gradients of the logarithms of a term's probabilities, for every value of what is free; not of zeros."""
    events = (*term.outcomes, *term.given)
    set_free = list(dict.fromkeys(item.name for item in settings_of(term) if isinstance(item, Free)))
    left_free = [event.variable for event in events if event.value is None]
    for setting in product(*(draw.states[name] for name in set_free)):
        free = dict(zip(set_free, setting, strict=True))
        joint = gradient(draw, events, free)
        conditions = gradient(draw, term.given, free) if term.given else None
        for values in product(*(draw.states[name] for name in left_free)):
            at = dict(zip(left_free, values, strict=True))
            wanted: Array = joint[_cell(draw, events, at)]
            if conditions is not None:
                wanted = wanted - conditions[_cell(draw, term.given, at)]
            if not np.isnan(wanted).any():
                yield wanted


def _cell(draw: Draw, events: Sequence[Event], at: Mapping[str, State]) -> int:
    """Which cell of the events' law a term names."""
    states = [draw.states[event.variable] for event in events]
    values = [at[event.variable] if event.value is None else event.value for event in events]
    index = tuple(own.index(value) for own, value in zip(states, values, strict=True))
    return int(np.ravel_multi_index(index, tuple(map(len, states))))


def gradient(draw: Draw, events: Sequence[Event], free: Mapping[str, State]) -> Array:
    """Derivatives of the logarithms of a law's cells: shape (cells, parameters), NaN in empty cells.

    Parameters are the logits of the laws of hidden causes, of parentless variables, and of the
    mechanisms' types: everything in a structural model that is not a function.
    """
    base = draw.model
    worlds = Beside(base, draw.states, free, laws_in(Probability(tuple(events)), draw))
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
