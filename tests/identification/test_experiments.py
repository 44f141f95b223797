"""Random studies as users describe them: what each set, at which doses, what it measured, which rows it kept.

Every identified answer is compared with enumeration on the tables that such studies would show: a
dose that nobody used has no rows, so an estimand that read it would be undefined.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.truth import World, random_world
from umbel.numerics.tables import Table

EXACT = 1e-10
"""Enumeration in float64 leaves errors near 1e-15; dividing by a small probability costs some digits."""
STATES = 3


def drawn_study(diagram: Diagram, rng: np.random.Generator) -> umbel.Experiment:
    """One study, of any kind."""
    do = tuple(name for name in diagram.visible if rng.uniform() < 0.35)[:2]
    doses = {}
    for name in do:
        if rng.uniform() < 0.4:
            few = sorted(int(i) for i in rng.permutation(STATES)[: int(rng.integers(1, STATES))])
            doses[name] = tuple(few)
    rest = [name for name in diagram.visible if name not in do and rng.uniform() < 0.75]
    observed = None if rng.uniform() < 0.4 or not rest else tuple(rest)
    selected = tuple(name for name in diagram.visible if rng.uniform() < 0.3)[:2] if rng.uniform() < 0.3 else ()
    return umbel.Experiment(do, observed, doses or None, selected=selected)


def shown(world: World, study: umbel.Experiment, rng: np.random.Generator) -> Table:
    """The table of a study in a world."""
    lots = {}
    for name in study.do:
        used = dict(study.doses).get(name, range(STATES))
        weights = np.array([rng.uniform(0.5, 1.0) * (state in used) for state in range(STATES)])
        lots[name] = ((), weights / weights.sum())
    under = world.under(lots)
    seen = world.visible if study.observed is None else {*study.do, *study.observed}
    names = [name for name in world.visible if name in seen]
    kept = [name for name in study.selected if name not in names]
    law = under.law([*names, *kept])
    if study.selected:
        shape = [STATES if name in study.selected else 1 for name in (*names, *kept)]
        law = law * rng.uniform(0.05, 1.0, size=shape)
    law = law.sum(axis=tuple(range(len(names), law.ndim)))
    return Table(names, law / law.sum())


def posed(diagram: Diagram, rng: np.random.Generator) -> tuple[str, dict[str, int], list[str], list[str]]:
    """A question: its text, what it sets, its outcomes, its conditions."""
    names = iter(str(name) for name in rng.permutation(diagram.visible))
    y = [next(names) for _ in range(int(rng.integers(1, 3)))]
    x = {next(names): int(rng.integers(STATES)) for _ in range(int(rng.integers(1, 3)))}
    z = [name for name in [next(names, "")] if name and rng.uniform() < 0.3]
    do = ", ".join(f"{name}={value}" for name, value in x.items())
    return f"P({', '.join(y)} | do({do}){''.join(f', {name}' for name in z)})", x, y, z


def judged(diagram: Diagram, rng: np.random.Generator) -> str:
    """The verdict on one random problem, after every comparison."""
    studies = [drawn_study(diagram, rng) for _ in range(int(rng.integers(1, 4)))]
    text, x, y, z = posed(diagram, rng)
    where = (diagram, studies, text)
    try:
        verdict = umbel.identify(diagram.graph(), text, studies)
    except umbel.QuestionError as error:
        assert "measures" in str(error) or "does not measure" in str(error), where
        return "unmeasured"
    if not verdict.identified:
        assert verdict.verify(rng=rng) if isinstance(verdict, umbel.Unidentified) else True, where
        return type(verdict).__name__
    world = random_world(diagram, rng, visible=(STATES,), most=10**7)
    tables = [shown(world, study, rng) for study in studies]
    found = verdict.estimand.evaluate(tables)
    truth = world.effect(y, list(x), z)[(..., *x.values())]
    truth = np.transpose(truth, [[*y, *z].index(name) for name in found.axes])
    gap = np.abs(found.array - truth).max()
    assert gap < EXACT, (*where, verdict.estimand.text(), gap)
    assert verdict.verify(rng=rng), where
    return "Identified"


@pytest.mark.parametrize("seed", range(4))
def test_random_studies(seed: int) -> None:
    rng = np.random.default_rng([12, seed])
    seen = Counter(judged(drawn(rng), rng) for _ in range(60))
    assert min(seen["Identified"], seen["Unidentified"]) >= 8, seen


@pytest.mark.study
@pytest.mark.parametrize("seed", range(20))
def test_many_random_studies(seed: int) -> None:
    rng = np.random.default_rng([13, seed])
    for _ in range(200):
        judged(drawn(rng), rng)


def drawn(rng: np.random.Generator) -> Diagram:
    """A diagram small enough to enumerate with three states each."""
    while True:
        diagram = random_diagram(rng, int(rng.integers(4, 6)), int(rng.integers(0, 2)))
        if len(diagram.bidirected) + len(diagram.latent) <= 5:
            return diagram


def test_every_experiment() -> None:
    """``experiments="all"``: whatever the question sets was set by somebody, at every value."""
    graph = "X -> M -> Y; X <-> M <-> Y; X <-> Y"
    assert not umbel.identify(graph, "P(Y | do(X))").identified
    for question in ("P(Y | do(X))", "E[Y | do(X=1)] - E[Y | do(X=0)]", "P(Y | do(X, M))", "ATE(X, Y)"):
        verdict = umbel.identify(graph, question, experiments="all")
        assert verdict.identified
        assert verdict.verify()


def test_experiments_are_checked() -> None:
    with pytest.raises(umbel.QuestionError, match="leaves nothing observed"):
        umbel.identify("X -> Y", "P(Y | do(X))", experiments=[])
    with pytest.raises(umbel.QuestionError, match="say 'all'"):
        umbel.identify("X -> Y", "P(Y | do(X))", experiments="every")
    with pytest.raises(umbel.InputError, match="Did you mean"):
        umbel.identify("Dose -> Y", "P(Y | do(Dose))", experiments=[("Dos",)])
