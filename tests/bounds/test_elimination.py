"""Questions of long graphs: contracted by variable elimination, where listing both worlds would never end."""

from __future__ import annotations

import itertools
from functools import reduce

import numpy as np
import pytest

from umbel.estimate.bounds_arrays import blocks_of, polynomial_of
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.query import Question
from umbel.numerics.multilinear import slope, value
from umbel.numerics.tables import contract

ROUNDING = 1e-12


@pytest.mark.parametrize("nodes", [15, 40])
def test_a_chain_is_a_product_of_steps_of_two_worlds(nodes: int) -> None:
    """PNS of a chain: pairs of values, one per world, walk from (0, 1) to (0, 1) in 4 x 4 steps."""
    names = [f"V{at}" for at in range(nodes)]
    graph, question = Graph.parse(" -> ".join(names)), Question.parse(f"PNS({names[0]}, {names[-1]})")
    ((_, programme),) = programmes(graph, question, {})
    blocks = blocks_of(programme)
    polynomial = polynomial_of(programme.numerator, blocks)
    rng = np.random.default_rng(nodes)
    laws = [rng.dirichlet(np.ones(block.states)) for block in blocks]
    steps = []
    for block, law in zip(blocks, laws, strict=True):
        if block.component.nodes == (0,):
            continue
        (answers,) = block.answers  # (functions, value of the parent)
        step = np.zeros((4, 4))
        for (a, b), chances in itertools.product(itertools.product((0, 1), repeat=2), enumerate(law)):
            function, chance = chances
            step[2 * a + b, 2 * answers[function, a] + answers[function, b]] += chance
        steps.append((block.component.nodes, step))
    walked = reduce(np.matmul, [step for _, step in sorted(steps, key=lambda one: one[0])])
    assert value(polynomial, laws) == pytest.approx(walked[1, 1], abs=ROUNDING)
    for law in (1, len(blocks) - 1):
        if law in polynomial.laws:
            direction = slope(polynomial, laws, law, blocks[law].states)
            assert direction @ laws[law] == pytest.approx(walked[1, 1], abs=ROUNDING)


@pytest.mark.parametrize("links", [5, 70])
def test_many_labels_are_summed_out_one_by_one(links: int) -> None:
    rng = np.random.default_rng(links)
    steps = [rng.random((2, 2)) for _ in range(links)]
    found = contract([(step, [at, at + 1]) for at, step in enumerate(steps)], [0, links])
    assert found == pytest.approx(reduce(np.matmul, steps), rel=1e-12)
