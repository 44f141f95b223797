"""The literature's named cases: each verdict, each estimand against enumeration, each hedge thrice."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.flat import hedge as definition
from tests.oracles.flat.cases import CASES, CONDITIONAL, SINGLE, UNCONDITIONAL, Case
from tests.oracles.flat.diagram import read
from tests.oracles.flat.engine import identify, observed
from tests.oracles.flat.rank import Query, can_move
from tests.oracles.flat.truth import held, random_world
from umbel.expr.estimand import Estimand
from umbel.identification.certificate import is_hedge

EXACT = 1e-10
"""Enumeration in float64 of a few thousand states leaves errors near 1e-15."""
MOST_STATES = 20_000
WORLDS = 4
"""Worlds per case; an error of an estimand survives one of them with probability zero."""

identified = pytest.mark.parametrize("case", [c for c in UNCONDITIONAL if c.identified], ids=lambda case: case.name)
single = pytest.mark.parametrize("case", [c for c in SINGLE if c.identified], ids=lambda case: case.name)
unidentified = pytest.mark.parametrize("case", [c for c in UNCONDITIONAL if not c.identified], ids=lambda c: c.name)
lost = pytest.mark.parametrize("case", [c for c in SINGLE if not c.identified], ids=lambda case: case.name)


def test_every_case_is_there() -> None:
    assert (len(UNCONDITIONAL), len(CONDITIONAL)) == (31, 5)


@identified
def test_an_identified_case_is_exact(case: Case, rng: np.random.Generator) -> None:
    diagram = read(case.edges)
    estimand = identify(diagram, case.y, case.x)
    assert isinstance(estimand, Estimand)
    for _ in range(WORLDS):
        world = random_world(diagram, rng)
        found = estimand.evaluate(observed(world))
        assert found.axes == (*case.y, *case.x)
        assert np.abs(found.array - world.effect(case.y, case.x)).max() < EXACT


@single
def test_the_question_is_answered_exactly_and_proves_itself(case: Case, rng: np.random.Generator) -> None:
    diagram = read(case.edges)
    (x,), (y,) = case.x, case.y
    verdict = umbel.identify(case.edges, f"P({y} | do({x}))")
    assert verdict.identified
    world = random_world(diagram, rng)
    assert np.abs(verdict.estimand.evaluate(observed(world)).array - world.effect([y], [x])).max() < EXACT
    assert verdict.verify()


@unidentified
def test_an_unidentified_case_has_hedges_that_prove_it(case: Case) -> None:
    diagram = read(case.edges)
    graph = diagram.graph()
    hedges = identify(diagram, case.y, case.x)
    assert isinstance(hedges, tuple) and hedges
    for hedge in hedges:
        assert is_hedge(graph, hedge.outer, hedge.inner, graph.mask(case.y), graph.mask(case.x))
        large, small = definition.forests(diagram, graph.names_of(hedge.outer), graph.names_of(hedge.inner))
        assert definition.is_hedge(diagram, large, small, case.x, case.y)
        assert definition.proves(diagram, large, small, case.x, case.y)


@lost
def test_the_question_is_told_why_not(case: Case) -> None:
    verdict = umbel.identify(case.edges, f"P({case.y[0]} | do({case.x[0]}))")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.certificate.kind == "hedge"
    assert verdict.verify()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rank_oracle_agrees_with_the_literature(case: Case, rng: np.random.Generator) -> None:
    """The oracle is tested too: it must know these verdicts without an algorithm for them."""
    diagram = read(case.edges)
    query = Query(case.y, {name: held(0, 2) for name in case.x}, case.z)
    assert can_move(diagram, query, rng, tries=1 if case.identified else 40) is not case.identified


@pytest.mark.parametrize("states", [2, 3], ids=["binary", "ternary"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_question_as_it_stands(case: Case, states: int, rng: np.random.Generator) -> None:
    """Conditions, several treatments and several outcomes too, from text to number, for two states and for three."""
    diagram = read(case.edges)
    if states ** len(diagram.visible) > MOST_STATES:
        states = 2  # thirteen variables: three states each are beyond enumeration
    conditions = "".join(f", {name}" for name in case.z)
    verdict = umbel.identify(case.edges, f"P({', '.join(case.y)} | do({', '.join(case.x)}){conditions})")
    assert verdict.identified is case.identified
    assert verdict.verify()
    if verdict.identified:
        world = random_world(diagram, rng, visible=(states,))
        found = verdict.estimand.evaluate(observed(world))
        truth = world.effect(case.y, case.x, case.z)
        axes = [found.axes.index(name) for name in (*case.y, *case.z, *case.x)]
        assert np.abs(np.transpose(found.array, axes) - truth).max() < EXACT
