"""Several studies at once: verdicts against ranks, estimands against enumeration in every study."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.oracles.flat.diagram import Diagram, random_diagram, read
from tests.oracles.flat.engine import posed
from tests.oracles.flat.rank import Query, Study, can_move
from tests.oracles.flat.reference import Reference
from tests.oracles.flat.truth import World, held, random_world
from umbel.expr.build import free, settled
from umbel.expr.nodes import Expr, Raw, Symbol
from umbel.numerics.tables import Table

KEPT = "rows kept"
"""The variable that is 1 in the rows that were kept."""
EXACT = 1e-9
"""Dividing by a condition's probability costs a digit."""


def measured(world: World, study: Study) -> Table:
    """What a study shows: its treatments set evenly, the rest as the world has it."""
    trial = world.under({name: ((), np.full(2, 0.5)) for name in study.do})
    names = [name for name in world.visible if name in study.seen]
    if study.kept:
        law = trial.law([*names, study.kept])[..., 1]
        return Table(names, law / law.sum())
    return Table(names, trial.law(names))


def gap(
    diagram: Diagram, expr: Expr, y: list[str], x: list[str], studies: list[Study], rng: np.random.Generator
) -> float:
    """Error of an estimand in one world, for every value of what it formally reads beside the question."""
    world = random_world(diagram, rng, visible=(2,))
    known = Reference([measured(world, study) for study in studies], states=2)
    asked = [Symbol(Raw(name)) for name in (*y, *x)]
    simple = settled(expr)
    beside = sorted(free(simple) - set(asked), key=repr)
    found = known.table(simple, [*asked, *beside])
    truth = world.effect(y, x)
    return float(np.abs(found - truth.reshape(truth.shape + (1,) * len(beside))).max())


def drawn(rng: np.random.Generator, hidden: float) -> tuple[Diagram, list[str], list[str], list[Study]]:
    """A diagram, outcomes, treatments, and one to three studies that each miss some variables."""
    while True:
        diagram = random_diagram(rng, int(rng.integers(3, 6)), int(rng.integers(0, 2)))
        counts = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        if sum(counts) <= len(diagram.visible) and len(diagram.bidirected) + len(diagram.latent) <= 6:
            break
    names = iter(str(name) for name in rng.permutation(diagram.visible))
    x, y = ([next(names) for _ in range(count)] for count in counts)
    studies = []
    for _ in range(int(rng.integers(1, 4))):
        do = [name for name in diagram.visible if rng.uniform() < 0.3][:2]
        seen = [name for name in diagram.visible if name in do or rng.uniform() >= hidden]
        studies.append(Study(seen if len(seen) > len(do) else diagram.visible, do))
    return diagram, y, x, studies


@pytest.mark.parametrize("seed", range(5))
def test_studies_of_everything(seed: int) -> None:
    """Sound and complete: general identification with arbitrary experiments (Lee et al. 2019)."""
    rng = np.random.default_rng([7, seed])
    seen: Counter[bool] = Counter()
    for _ in range(60):
        diagram, y, x, studies = drawn(rng, hidden=0.0)
        road = posed(diagram, y, x, studies=studies)
        seen[road.expr is not None] += 1
        query = Query(y, {name: held(0, 2) for name in x})
        moved = can_move(diagram, query, rng, studies=studies, tries=1 if road.expr else 40)
        assert moved is (road.expr is None), (diagram, query, studies)
        if road.expr is not None:
            assert gap(diagram, road.expr, y, x, studies, rng) < EXACT, (diagram, query, studies)
    assert min(seen[True], seen[False]) >= 5


@pytest.mark.parametrize("seed", range(5))
def test_studies_of_some_variables(seed: int) -> None:
    """Sound: whatever is called identified stands still and is exact."""
    rng = np.random.default_rng([8, seed])
    identified = 0
    for _ in range(100):
        diagram, y, x, studies = drawn(rng, hidden=0.3)
        road = posed(diagram, y, x, studies=studies)
        if road.expr is None:
            continue
        identified += 1
        query = Query(y, {name: held(0, 2) for name in x})
        assert not can_move(diagram, query, rng, studies=studies, tries=1), (diagram, query, studies)
        assert gap(diagram, road.expr, y, x, studies, rng) < EXACT, (diagram, query, studies)
    assert identified >= 10


@pytest.mark.parametrize("seed", range(5))
def test_studies_that_kept_some_rows(seed: int) -> None:
    """Sound: a node below what decided which rows were kept is 1 in every row (Bareinboim and Tian 2015)."""
    rng = np.random.default_rng([11, seed])
    identified = 0
    for _ in range(80):
        diagram, y, x, whole = drawn(rng, hidden=0.2)
        kept_by = [name for name in diagram.visible if rng.uniform() < 0.35] or [y[0]]
        studies = [replace(study, kept=KEPT if rng.uniform() < 0.7 else "") for study in whole]
        road = posed(diagram, y, x, studies=studies, kept_by=kept_by)
        if road.expr is None:
            continue
        identified += 1
        arrows = (*diagram.directed, *((name, KEPT) for name in kept_by))
        sampled = Diagram((*diagram.names, KEPT), arrows, diagram.bidirected, diagram.latent)
        query = Query(y, {name: held(0, 2) for name in x})
        assert not can_move(sampled, query, rng, studies=studies, tries=1), (diagram, query, studies, kept_by)
        assert gap(sampled, road.expr, y, x, studies, rng) < EXACT, (diagram, query, studies, kept_by)
    assert identified >= 10


def test_rows_kept_by_the_outcome() -> None:
    """P(Y) of rows that Y decided on is another law, though Y alone is its district."""
    diagram = read("X->Y")
    kept = [Study(("X", "Y"), kept=KEPT)]
    assert posed(diagram, ["Y"], ["X"], studies=kept, kept_by=["Y"]).expr is None
    assert posed(diagram, ["Y"], ["X"], studies=kept, kept_by=["X"]).expr is not None


def test_what_a_study_set_varies_elsewhere() -> None:
    """P(Y) from a study that set its cause Z, with Z left out of the question: another law (found by ranks)."""
    diagram = read("Z->Y;Z<->Y;W->Y")
    trial = Study(("W", "Z", "Y"), ("Z",))
    other = Study(("W",))
    assert posed(diagram, ["Y"], ["W"], studies=[trial, other]).expr is None
    assert posed(diagram, ["Y"], ["W", "Z"], studies=[trial, other]).expr is not None


def test_an_experiment_on_the_treatment_answers_the_bow() -> None:
    diagram = read("X->Y;X<->Y")
    assert posed(diagram, ["Y"], ["X"], studies=[Study(("X", "Y"))]).expr is None
    assert posed(diagram, ["Y"], ["X"], studies=[Study(("X", "Y")), Study(("X", "Y"), ("X",))]).expr is not None
