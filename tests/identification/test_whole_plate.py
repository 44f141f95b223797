"""A plate that holds every variable: the same verdict and value as the flat graph, read one level in."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import umbel
from tests.oracles.flat.cases import SINGLE, Case
from tests.oracles.flat.diagram import Diagram, random_diagram, read
from tests.oracles.flat.truth import Array, World, random_table, random_world
from umbel.numerics.tables import Table

EXACT = 1e-10
VARIED = 4
"""Mechanisms that differ between units; each in two ways, in every combination."""


def plated(diagram: Diagram) -> str:
    """The diagram as graph text inside one plate."""
    edges = [f"{a} -> {b}" for a, b in diagram.directed] + [f"{a} <-> {b}" for a, b in diagram.bidirected]
    hidden = [f"latent {name}" for name in diagram.latent]
    return "\n".join([f"plate member {{ {' '.join(diagram.names)} }}", *edges, *hidden])


def units_of(diagram: Diagram, rng: np.random.Generator) -> list[World]:
    """Units whose mechanisms vary independently of each other, all equally likely."""
    world = random_world(diagram, rng, visible=(2,))
    chosen = [str(name) for name in rng.permutation(diagram.names)[:VARIED]]
    options = [[world.mechanisms[name], _another(world, name, rng)] for name in chosen]
    return [world.under(dict(zip(chosen, types, strict=True))) for types in product(*options)]


def _another(world: World, name: str, rng: np.random.Generator) -> tuple[tuple[str, ...], Array]:
    reads, table = world.mechanisms[name]
    return reads, random_table(rng, table.shape)


def population(units: list[World]) -> Table:
    """The joint law of units and members, as a table of a finite population."""
    visible = units[0].visible
    return Table(("unit", *visible), np.stack([unit.law(visible) for unit in units]) / len(units))


def gap(diagram: Diagram, x: str, y: str, rng: np.random.Generator) -> float:
    verdict = umbel.identify(plated(diagram), f"P({y} | do({x} ~ q))")
    assert verdict.identified
    units = units_of(diagram, rng)
    law = random_table(rng, [2])
    found = verdict.estimand.evaluate(population(units), laws={x: Table((x,), law)}).array
    truth = np.mean([unit.under({x: ((), law)}).law([y]) for unit in units], axis=0)
    return float(np.abs(found - truth).max())


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case.name)
def test_the_named_cases_keep_verdict_and_value(case: Case, rng: np.random.Generator) -> None:
    diagram = read(case.edges)
    verdict = umbel.identify(plated(diagram), f"P({case.y[0]} | do({case.x[0]} ~ q))")
    assert not isinstance(verdict, umbel.Refused)
    assert verdict.identified is case.identified
    if case.identified:
        assert gap(diagram, case.x[0], case.y[0], rng) < EXACT


@pytest.mark.parametrize("seed", range(6))
def test_random_diagrams_keep_verdict_and_value(seed: int) -> None:
    rng = np.random.default_rng([5, seed])
    for _ in range(15):
        diagram = random_diagram(rng, int(rng.integers(3, 6)), int(rng.integers(0, 2)))
        x, y = map(str, rng.choice(diagram.visible, 2, replace=False))
        flat = umbel.identify(diagram.graph(), f"P({y} | do({x} ~ q))")
        nested = umbel.identify(plated(diagram), f"P({y} | do({x} ~ q))")
        assert nested.identified is flat.identified, (plated(diagram), x, y)
        if flat.identified:
            assert gap(diagram, x, y, rng) < EXACT, (plated(diagram), x, y)
