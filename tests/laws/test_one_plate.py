"""A flat graph put into one plate keeps its verdict and its value.

Where every variable stands in one plate and nothing beside it, ``do(X ~ q)`` asks the same of one
member of one unit as of one row of a flat table. Read flat, the law is pooled over units; read
nested, each unit identifies by itself. Both must give the truth, on the named cases.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.oracles.flat.cases import SINGLE, Case
from umbel.graph.mixed import Graph, bits
from umbel.graph.parse import parse_graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.numerics.tables import Table
from umbel.results.verdict import Identified

TOLERANCE = 1e-10

Array = NDArray[np.float64]


def in_one_plate(case: Case) -> Graph:
    names = " ".join(parse_graph(case.edges).names)
    return parse_graph(f"plate person {{ {names} }}; {case.edges}")


def joint(graph: Graph, roots: list[tuple[int, int]], tables: dict[int, Array], keep: list[int]) -> Array:
    """Law of some variables when each ``<->`` is a hidden root with a table of its own."""
    count = len(graph.names)
    operands: list[object] = []
    for node, table in tables.items():
        reads = [*bits(graph.parents[node])] if node < count else []
        reads += [count + i for i, root in enumerate(roots) if node in root]
        operands += [table, [*reads, node]]
    return np.asarray(np.einsum(*operands, keep, optimize="greedy"))


def random_tables(graph: Graph, roots: list[tuple[int, int]], rng: np.random.Generator) -> dict[int, Array]:
    tables = {}
    for node in range(len(graph.names) + len(roots)):
        reads = 0
        if node < len(graph.names):
            reads = graph.parents[node].bit_count() + sum(node in root for root in roots)
        weights = rng.uniform(0.2, 1.0, size=[2] * (reads + 1))
        tables[node] = weights / weights.sum(axis=-1, keepdims=True)
    return tables


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.name)
def test_verdict_and_value(case: Case) -> None:
    graph = parse_graph(case.edges)
    (x,), (y,) = case.x, case.y
    question = Question.parse(f"P({y} | do({x} ~ q))")
    nested = identify_question(in_one_plate(case), question)
    flat = identify_question(graph, question)
    assert nested.identified == flat.identified == case.identified
    hard = identify_question(in_one_plate(case), Question.parse(f"P({y} | do({x}))"))
    assert hard.identified == case.identified
    if not isinstance(nested, Identified) or not isinstance(flat, Identified):
        return
    assert isinstance(hard, Identified)
    rng = np.random.default_rng(5)
    roots = [(a, b) for a in range(len(graph.names)) for b in bits(graph.siblings[a]) if a < b]
    base, other = random_tables(graph, roots, rng), random_tables(graph, roots, rng)
    # Two mechanisms vary between units, independently, as unit noise does: four kinds of units.
    first, second = rng.choice(len(base), size=2, replace=False)
    weights = np.outer([0.4, 0.6], [0.3, 0.7]).reshape(-1)
    q = np.array([0.35, 0.65])
    treated, outcome = graph.index(x), graph.index(y)
    everyone = list(range(len(graph.names)))
    units, truth, held = [], np.zeros(2), np.zeros((2, 2))
    for kind, weight in enumerate(weights):
        tables = dict(base)
        if kind >= 2:
            tables[first] = other[first]
        if kind % 2:
            tables[second] = other[second]
        units.append(weight * joint(graph, roots, tables, everyone))
        for state in range(2):
            shape = tables[treated].shape
            at = np.broadcast_to(np.eye(2)[state], shape)
            after = joint(graph, roots, {**tables, treated: at}, [outcome])
            held[:, state] += weight * after
            truth += weight * q[state] * after
    population = Table(("unit", *graph.names), np.stack(units))
    pooled = Table(graph.names, np.sum(units, axis=0))
    laws = {x: Table((x,), q)}
    assert np.abs(nested.estimand.evaluate(population, laws=laws).array - truth).max() < TOLERANCE
    assert np.abs(flat.estimand.evaluate(pooled, laws=laws).array - truth).max() < TOLERANCE
    assert np.abs(hard.estimand.evaluate(population).array - held).max() < TOLERANCE
