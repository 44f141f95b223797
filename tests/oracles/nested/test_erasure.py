"""The rule of edge erasure against ranks: a piece may stand for its mechanisms exactly when it says so.

A reader depends on some mechanisms only through a piece when every direction that leaves the
piece as it is leaves the reader's law as it is: the Jacobian of the piece has the rank of both
Jacobians together. At random tables this decides generically, so the rule must agree every time.
"""

from __future__ import annotations

import random
from itertools import product

import numpy as np
from numpy.typing import NDArray

from umbel.graph.mixed import Graph, bits
from umbel.graph.parse import parse_graph
from umbel.identification.nested import within_unit
from umbel.model.task import Task
from umbel.structure.pieces import piece, replaceable
from umbel.structure.plates import innermost

CASES = 300

Array = NDArray[np.float64]


def random_reader(dice: random.Random) -> Graph:
    """Three to five members, and a unit variable Y that reads some of them."""
    names = "ABCDE"[: dice.randint(3, 5)]
    edges = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if dice.random() < 0.5]
    read = dice.sample(names, dice.randint(1, 2))
    lines = [f"plate s {{ {' '.join(names)} }}", *(f"{a} -> {b}" for a, b in edges), *(f"{a} -> Y" for a in read)]
    return parse_graph("; ".join(lines))


def law_of(graph: Graph, factors: int, out: list[int], tables: dict[int, Array]) -> Array:
    """The product of some mechanisms, integrated down to ``out``."""
    operands: list[object] = []
    for node in bits(factors):
        operands += [tables[node], [*bits(graph.parents[node]), node]]
    return np.asarray(np.einsum(*operands, out, optimize="greedy"))


def jacobian(graph: Graph, moving: int, factors: int, out: list[int], tables: dict[int, Array]) -> Array:
    """How a law moves with each direction of some mechanisms; it is linear in each of them."""
    columns = []
    for node in bits(moving):
        shape = tables[node].shape
        for context in product(*(range(n) for n in shape[:-1])):
            direction = np.zeros(shape)
            direction[context] = [1.0, -1.0]
            columns.append(law_of(graph, factors, out, {**tables, node: direction}).reshape(-1))
    return np.stack(columns, axis=1)


def rank(matrix: Array) -> int:
    return int(np.linalg.matrix_rank(matrix, tol=1e-9))


def test_an_edge_goes_exactly_when_the_reader_reads_the_piece_alone() -> None:
    dice, rng = random.Random(7), np.random.default_rng(7)
    answers = {True: 0, False: 0}
    while sum(answers.values()) < CASES:
        graph = random_reader(dice)
        reader = graph.index("Y")
        plate = innermost(Task.of(graph, 1 << reader))
        out = plate.parents(reader)
        factors = plate.factors(out)
        inside = list(bits(factors))
        of = sum(1 << node for node in dice.sample(inside, dice.randint(1, min(2, len(inside)))))
        given = sum(1 << node for node in inside if not of >> node & 1 and dice.random() < 0.25)
        part = piece(plate, of, given, within_unit)
        if part.factors & (part.factors - 1) == 0 or part.factors & ~factors:
            continue
        tables = {
            node: rng.dirichlet([1.5, 1.5], size=[2] * graph.parents[node].bit_count()) for node in bits(plate.members)
        }
        small = jacobian(graph, part.factors, part.factors, [*bits(part.given), *bits(part.of)], tables)
        large = jacobian(graph, part.factors, factors, list(bits(out)), tables)
        allowed = rank(np.concatenate([small, large])) == rank(small)
        assert replaceable(plate, part, factors, out) == allowed, (graph.text(), graph.names_of(of), part)
        answers[allowed] += 1
    assert min(answers.values()) > CASES // 10
