"""Random whole questions, from text to number: several outcomes, treatments, conditions, policies, values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.engine import observed
from tests.oracles.flat.rank import Query, Study, can_move
from tests.oracles.flat.truth import Mechanism, World, held, random_table, random_world
from umbel.identification.flat import is_identified
from umbel.numerics.tables import Table

EXACT = 1e-9
"""Dividing by a condition's probability costs a digit."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One term and what it means: values by name, None for every value."""

    y: dict[str, int | None]
    x: dict[str, int | None]
    z: dict[str, int | None]
    policies: dict[str, Mechanism] = field(default_factory=dict)

    @property
    def text(self) -> str:
        def event(name: str, value: int | None) -> str:
            return name if value is None else f"{name}={value}"

        do = [event(name, value) for name, value in self.x.items()]
        do += [
            f"{name} ~ q({', '.join(reads)})" if reads else f"{name} ~ q" for name, (reads, _) in self.policies.items()
        ]
        after = [f"do({', '.join(do)})"] if do else []
        after += [event(name, value) for name, value in self.z.items()]
        return f"P({', '.join(event(*item) for item in self.y.items())}{' | ' * bool(after)}{', '.join(after)})"

    def truth(self, world: World) -> np.ndarray:
        """Axes of free outcomes and conditions, then of free treatments."""
        x = dict(self.x)
        whole = world.under(self.policies).effect(list(self.y), list(x), list(self.z))
        values = [*self.y.values(), *self.z.values(), *x.values()]
        return whole[tuple(slice(None) if value is None else value for value in values)]

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(name for part in (self.y, self.z, self.x) for name, value in part.items() if value is None)

    @property
    def query(self) -> Query:
        changes = {name: held(0 if value is None else value, 2) for name, value in self.x.items()}
        return Query(list(self.y), {**changes, **self.policies}, list(self.z))


def drawn(rng: np.random.Generator) -> tuple[Diagram, Asked]:
    """A diagram and a question about it."""
    while True:
        diagram = random_diagram(rng, int(rng.integers(3, 7)), int(rng.integers(0, 3)))
        counts = int(rng.integers(1, 3)), int(rng.integers(0, 3)), int(rng.integers(0, 2))
        if sum(counts) <= len(diagram.visible) and len(diagram.bidirected) + len(diagram.latent) <= 7:
            break
    names = iter(str(name) for name in rng.permutation(diagram.visible))
    y, x, z = (
        {next(names): (int(rng.integers(2)) if rng.uniform() < 0.3 else None) for _ in range(count)} for count in counts
    )
    policies: dict[str, Mechanism] = {}
    if x and rng.uniform() < 0.4:
        name = next(iter(x))
        del x[name]
        free = [other for other in diagram.visible if other not in diagram.descendants(name) and other not in x]
        reads = tuple(other for other in free if rng.uniform() < 0.4)
        policies[name] = (reads, random_table(rng, [2] * (len(reads) + 1)))
    return diagram, Asked(y, x, z, policies)


def value(verdict: umbel.Identified, asked: Asked, world: World) -> np.ndarray:
    laws = {name: Table((name, *reads), np.moveaxis(table, -1, 0)) for name, (reads, table) in asked.policies.items()}
    found = verdict.estimand.evaluate(observed(world), laws=laws)
    assert set(found.axes) == set(asked.axes)
    assert found.axes[: sum(v is None for v in asked.y.values())] == tuple(n for n, v in asked.y.items() if v is None)
    return np.transpose(found.array, [found.axes.index(name) for name in asked.axes])


@pytest.mark.parametrize("seed", range(8))
def test_random_questions(seed: int) -> None:
    rng = np.random.default_rng([9, seed])
    seen: Counter[bool] = Counter()
    for _ in range(40):
        diagram, asked = drawn(rng)
        verdict = umbel.identify(diagram.graph(), asked.text)
        assert not isinstance(verdict, umbel.Refused), (diagram, asked.text)
        seen[verdict.identified] += 1
        moved = can_move(diagram, asked.query, rng, tries=1 if verdict.identified else 40)
        assert moved is not verdict.identified, (diagram, asked.text)
        if verdict.identified:
            world = random_world(diagram, rng, visible=(2,))
            assert np.abs(value(verdict, asked, world) - asked.truth(world)).max() < EXACT, (diagram, asked.text)
        assert verdict.verify(rng=rng), (diagram, asked.text)
        assert all(is_identified(road.task) is (road.expr is not None) for road in verdict.proof.roads if road.flat)
    assert min(seen[True], seen[False]) >= 3


@pytest.mark.parametrize("seed", range(4))
def test_random_experiments(seed: int) -> None:
    """Experiments on everything, beside observation or without: general identification, complete."""
    rng = np.random.default_rng([10, seed])
    seen: Counter[bool] = Counter()
    for _ in range(100):
        diagram, asked = drawn(rng)
        if asked.policies or asked.z:
            continue
        sets = [
            tuple(name for name in diagram.visible if rng.uniform() < 0.3)[:2] for _ in range(int(rng.integers(1, 4)))
        ]
        verdict = umbel.identify(diagram.graph(), asked.text, experiments=sets)
        studies = [Study(diagram.visible, do) for do in sets]
        moved = can_move(diagram, asked.query, rng, studies=studies, tries=1 if verdict.identified else 40)
        assert moved is not verdict.identified, (diagram, asked.text, sets)
        seen[verdict.identified] += 1
        assert verdict.verify(rng=rng), (diagram, asked.text, sets)
        assert all(is_identified(road.task) is (road.expr is not None) for road in verdict.proof.roads if road.flat)
    assert min(seen[True], seen[False]) >= 3
