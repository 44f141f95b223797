"""Random diagrams: verdicts against ranks, estimands against enumeration, hedges against pairs of models.

Latent nodes stand anywhere, so they have parents: the rank oracle and the enumeration know them as
they are, the engine after projection. ``pytest -m study`` runs many more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

import umbel
from tests.oracles.flat import hedge as definition
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.engine import diagram_of, identify, observed
from tests.oracles.flat.rank import Query, can_move
from tests.oracles.flat.truth import held, random_world
from umbel.expr.estimand import Estimand
from umbel.graph.surgery import latent_projection
from umbel.identification.certificate import is_hedge
from umbel.model.proof import Hedge

EXACT = 1e-10
"""Enumeration in float64 of a few thousand states leaves errors near 1e-15."""
BATCH = 50
"""Diagrams per test, so that a failure names a seed that is quickly run again."""
MOST_HIDDEN = 8
"""Hidden variables that the rank oracle can enumerate beside seven visible ones."""


def drawn(rng: np.random.Generator) -> Diagram:
    """A random diagram of 3 to 7 visible variables, mostly small."""
    while True:
        size = int(rng.choice([3, 4, 5, 6, 7], p=[0.2, 0.3, 0.25, 0.15, 0.1]))
        diagram = random_diagram(rng, size, int(rng.integers(0, 3)))
        if len(diagram.latent) + len(diagram.bidirected) <= MOST_HIDDEN:
            return diagram


def pair(diagram: Diagram, rng: np.random.Generator) -> tuple[str, str]:
    """A treatment and an outcome, mostly a cause and its effect."""
    pairs = [(x, y) for x in diagram.visible for y in diagram.visible if x != y]
    causal = [(x, y) for x, y in pairs if y in diagram.descendants(x)]
    chosen = causal if causal and rng.uniform() < 0.9 else pairs
    return chosen[int(rng.integers(len(chosen)))]


def check_single(diagram: Diagram, rng: np.random.Generator) -> bool:
    """One treatment, one outcome, asked as a question. Gives the verdict."""
    x, y = pair(diagram, rng)
    graph = diagram.graph()
    verdict = umbel.identify(graph, f"P({y} | do({x}))")
    query = Query([y], {x: held(0, 2)})
    if verdict.identified:
        assert not can_move(diagram, query, rng, tries=1), (diagram, x, y)
        world = random_world(diagram, rng)
        found = verdict.estimand.evaluate(observed(world))
        assert found.axes == (y, x)
        assert np.abs(found.array - world.effect([y], [x])).max() < EXACT, (diagram, x, y)
    else:
        assert isinstance(verdict, umbel.Unidentified)
        assert can_move(diagram, query, rng), (diagram, x, y)
        (road,) = verdict.proof.roads
        assert road.flat is not None and road.flat.hedges
        for hedge in road.flat.hedges:
            check_hedge(diagram_of(road.flat.graph), hedge, [x], [y])
    assert verdict.verify(rng=rng), (diagram, x, y)
    other, names = shuffled(diagram, rng)
    again = umbel.identify(other.graph(), f'P("{names[y]}" | do("{names[x]}"))')
    assert again.identified == verdict.identified, (diagram, x, y)
    return verdict.identified


def check_hedge(diagram: Diagram, hedge: Hedge, x: Sequence[str], y: Sequence[str]) -> None:
    """The package's checker, the definition, and the two models that the hedge stands for."""
    graph = diagram.graph()
    assert is_hedge(graph, hedge.outer, hedge.inner, graph.mask(y), graph.mask(x)), (diagram, x, y)
    large, small = definition.forests(diagram, graph.names_of(hedge.outer), graph.names_of(hedge.inner))
    assert definition.is_hedge(diagram, large, small, x, y), (diagram, x, y)
    assert definition.proves(diagram, large, small, x, y), (diagram, x, y)


def check_several(diagram: Diagram, rng: np.random.Generator) -> bool:
    """One or two treatments and outcomes, put to the engine itself. Gives the verdict."""
    treatments, outcomes = (int(rng.integers(1, 3)) for _ in range(2))
    names = [str(name) for name in rng.permutation(diagram.visible)]
    x, y = names[:treatments], names[treatments : treatments + outcomes]
    found = identify(diagram, y, x)
    query = Query(y, {name: held(0, 2) for name in x})
    if isinstance(found, Estimand):
        assert not can_move(diagram, query, rng, tries=1), (diagram, x, y)
        world = random_world(diagram, rng)
        assert np.abs(found.evaluate(observed(world)).array - world.effect(y, x)).max() < EXACT, (diagram, x, y)
    else:
        assert can_move(diagram, query, rng), (diagram, x, y)
        assert found
        for hedge in found:
            check_hedge(diagram_of(latent_projection(diagram.graph())), hedge, x, y)
    return isinstance(found, Estimand)


def shuffled(diagram: Diagram, rng: np.random.Generator) -> tuple[Diagram, dict[str, str]]:
    """The same diagram under names that sort otherwise, listed in another order."""
    names = {name: f"{rng.integers(100):02} {name}" for name in diagram.names}
    return diagram.renamed(names, [names[str(name)] for name in rng.permutation(diagram.names)]), names


@pytest.mark.parametrize("seed", range(11))
def test_single_effects(seed: int) -> None:
    rng = np.random.default_rng([1, seed])
    seen = Counter(check_single(drawn(rng), rng) for _ in range(BATCH))
    assert min(seen[True], seen[False]) >= 5


@pytest.mark.parametrize("seed", range(5))
def test_joint_effects(seed: int) -> None:
    rng = np.random.default_rng([2, seed])
    seen = Counter(check_several(drawn(rng), rng) for _ in range(BATCH))
    assert min(seen[True], seen[False]) >= 5


@pytest.mark.study
@pytest.mark.parametrize("seed", range(200))
def test_many_effects(seed: int) -> None:
    rng = np.random.default_rng([3, seed])
    for _ in range(BATCH):
        check_single(drawn(rng), rng)
        check_several(drawn(rng), rng)


def test_large_diagrams_are_exact(rng: np.random.Generator) -> None:
    """Ten visible variables: more than the rank oracle takes, still few enough to enumerate."""
    identified = 0
    for _ in range(40):
        diagram = random_diagram(rng, 10, 1, density=0.5)
        if len(diagram.bidirected) > 8:
            continue
        x, y = pair(diagram, rng)
        found = identify(diagram, [y], [x])
        if isinstance(found, Estimand):
            identified += 1
            world = random_world(diagram, rng, visible=(2,))
            assert np.abs(found.evaluate(observed(world)).array - world.effect([y], [x])).max() < EXACT
        else:
            for hedge in found:
                check_hedge(diagram_of(latent_projection(diagram.graph())), hedge, [x], [y])
    assert identified >= 10
