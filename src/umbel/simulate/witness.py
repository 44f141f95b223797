"""A "no" proved by example: two models that agree on the observed law and differ on the question.

The two differ in one mechanism outside the blocks. The observed law is linear in that mechanism,
so the changes that leave it alone are a null space, exact up to rounding; the question moves along
one of them or it does not. The graph is first stripped of every edge that the "no" does without,
which is fair, since a model of the smaller graph is one of the larger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from umbel.errors import InputError
from umbel.graph.classes import Fails
from umbel.graph.mixed import Graph
from umbel.graph.segregated import under_laws
from umbel.identification.nested import solve_given
from umbel.model.proof import Proof
from umbel.model.query import Question
from umbel.model.task import Task
from umbel.numerics.tables import Array
from umbel.simulate.discrete import DiscreteModel, TooLarge
from umbel.simulate.truth import Draw, drawn, value_of

SAME = 1e-12
"""Largest difference between two observed laws that are one: rounding leaves 1e-16."""
DIFFERENT = 1e-4
"""Smallest difference between two answers that is taken for one."""
INSIDE = 0.02
"""How far from 0 and 1 chances stay where they are changed."""
STATES = (2, 3, 4, 6, 2, 3, 4, 6, 3, 4)
"""States of hidden causes, one random model each: some answers move little in most models."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two models.

    Parameters
    ----------
    graph
        The part of the graph that they use.
    first, second
        Draws of it that differ in one mechanism.
    observed
        Largest difference between their observed laws.
    answers
        Largest difference between their answers to the question.
    """

    graph: Graph
    first: Draw
    second: Draw
    observed: float
    answers: float


def differing_pair(proof: Proof, question: Question, rng: np.random.Generator) -> Pair | None:
    """Two models that prove a "no"; None where none was found.

    Parameters
    ----------
    proof
        Of a verdict on one observational study of all that is not latent.
    question
        What was asked.
    """
    stuck = [road.task for road in proof.roads if road.expr is None]
    if not stuck or stuck[0].sources:
        return None
    for backwards in (False, True):
        graph = stripped(proof.graph, stuck[0], backwards=backwards)
        found = _pair_in(graph, question, rng)
        if found is not None:
            return found
    return None


def _pair_in(graph: Graph, question: Question, rng: np.random.Generator) -> Pair | None:
    best: Pair | None = None
    for hidden in STATES:
        draw = drawn(graph, question, (), rng, hidden=hidden, thirds=0.0)
        if draw is None:
            return None
        for node, table in enumerate(draw.model.tables):
            if not _may_change(graph, draw.model, node):
                continue
            try:
                found = _changed(graph, draw, question, node, table)
            except (TooLarge, InputError):
                continue
            if found is not None and (best is None or found.answers > best.answers):
                best = found
        if best is not None:
            return best
    return None


def stripped(graph: Graph, task: Task, *, backwards: bool = False) -> Graph:
    """The graph without every edge that a "no" does without, one after the other, from either end."""
    nodes = range(len(graph.names))[:: -1 if backwards else 1]
    reads = {one.node: one.reads for one in task.treatments}
    for a in nodes:
        for b in nodes:
            for without in (_without_arrow, _without_line, _without_arc):
                kept = without(graph, a, b)
                if kept == graph or isinstance(under_laws(kept, reads), Fails):  # less may not settle
                    continue
                if solve_given(replace(task, graph=kept)).expr is None:
                    graph = kept
    return graph


def _without_arrow(graph: Graph, a: int, b: int) -> Graph:
    return replace(graph, parents=_cut(graph.parents, b, a))


def _without_line(graph: Graph, a: int, b: int) -> Graph:
    return replace(graph, neighbours=_cut(_cut(graph.neighbours, a, b), b, a))


def _without_arc(graph: Graph, a: int, b: int) -> Graph:
    return replace(graph, siblings=_cut(_cut(graph.siblings, a, b), b, a))


def _cut(masks: tuple[int, ...], node: int, other: int) -> tuple[int, ...]:
    return (*masks[:node], masks[node] & ~(1 << other), *masks[node + 1 :])


def _may_change(graph: Graph, model: DiscreteModel, node: int) -> bool:
    """Whether a mechanism stands outside blocks and reads what nobody sees."""
    name = model.names[node]
    inside = name in graph.names and graph.neighbours[graph.index(name)]
    return not inside and any(model.hidden >> parent & 1 for parent in model.parents[node])


def _with_table(model: DiscreteModel, node: int, table: Array) -> DiscreteModel:
    return replace(model, tables=(*model.tables[:node], table, *model.tables[node + 1 :]))


def _observed(model: DiscreteModel) -> Array:
    visible = [node for node in range(len(model.names)) if not model.hidden >> node & 1]
    return model.joint(visible)


def _changed(graph: Graph, draw: Draw, question: Question, node: int, table: Array) -> Pair | None:
    """Change one mechanism as far as it goes without changing the observed law."""
    model = draw.model
    columns = []
    for at in np.ndindex(table.shape):
        unit = np.zeros(table.shape)
        unit[at] = 1.0
        columns.append(_observed(_with_table(model, node, unit)).ravel())
    sums = np.repeat(np.eye(table[..., 0].size), table.shape[-1], axis=1)
    _, sizes, directions = np.linalg.svd(np.vstack([np.stack(columns, axis=1), sums]))
    rank = int((sizes > 1e-10 * sizes[0]).sum())
    still = directions[rank:]  # (changes, entries): the observed law and all sums stand still
    if not len(still):
        return None

    def answer(entries: Array) -> Array:
        moved = _with_table(model, node, entries.reshape(table.shape))
        return np.nan_to_num(value_of(question.body, replace(draw, model=moved)).array)

    base = table.ravel()
    step = 1e-4
    slopes = np.stack([(answer(base + step * one) - answer(base - step * one)).ravel() for one in still])
    way = still.T @ slopes[:, int(np.abs(slopes).sum(axis=0).argmax())]
    if np.abs(way).max() < 1e-9:
        return None
    with np.errstate(divide="ignore"):
        room = np.where(way > 0, (1 - INSIDE - base) / way, (INSIDE - base) / way)
    far = float(np.where(np.abs(way) > 1e-9, room, np.inf).min())
    if far <= 0:
        return None
    second = replace(draw, model=_with_table(model, node, (base + far * way).reshape(table.shape)))
    observed = float(np.abs(_observed(second.model) - _observed(model)).max())
    answers = float(np.abs(answer(base + far * way) - answer(base)).max())
    return Pair(graph, draw, second, observed, answers) if observed < SAME and answers > DIFFERENT else None
