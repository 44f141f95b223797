"""Laws in counterfactual subscripts: random questions, their truth by enumeration, and their ranks.

``Y[A ~ q(Z)] = y`` is a mixture over what the law draws and over what it reads in that world, so
its truth, and the gradient of its truth, are sums over plain counterfactuals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

import umbel
from tests.oracles.counterfactual.check import known
from tests.oracles.counterfactual.draw import random_question
from tests.oracles.counterfactual.rank import MOVES, RANK, Study, gradient
from tests.oracles.counterfactual.response import Happening, ResponseModel, random_response_model
from tests.oracles.flat.diagram import Diagram
from umbel.numerics.tables import Table


@dataclass(frozen=True, slots=True)
class Asked:
    """``P(happenings | given)``; in one world, ``lawful``, a treatment follows a law of ``reads``."""

    diagram: Diagram
    treated: str
    reads: tuple[str, ...]
    lawful: tuple[Happening, ...]
    plain: tuple[Happening, ...]
    given: tuple[Happening, ...]

    def text(self) -> str:
        law = f"{self.treated} ~ q" + (f"({', '.join(self.reads)})" if self.reads else "")
        parts = []
        for one in self.lawful:
            inner = ", ".join(
                [law, *(Happening(one.name, (item,)).text()[len(one.name) + 1 : -1] for item in one.world)]
            )
            parts.append(f"{one.name}[{inner}]={one.value}")
        bar = " | " if self.given else ""
        events = [*parts, *(one.text() for one in self.plain)]
        return f"P({', '.join(events)}{bar}{', '.join(one.text() for one in self.given)})"

    def mixture(self, law: np.ndarray) -> Iterator[tuple[float, tuple[Happening, ...]]]:
        """Weights, and the plain events that they weigh; ``law[reads…, treated]``."""
        world = self.lawful[0].world
        for state in range(law.shape[-1]):
            set_to = tuple(replace(one, world=((self.treated, state), *one.world)) for one in self.lawful)
            for at in product(range(law.shape[-1]), repeat=len(self.reads)):
                read = tuple(_in_world(name, world, value) for name, value in zip(self.reads, at, strict=True))
                yield float(law[(*at, state)]), (*set_to, *read, *self.plain)


def _in_world(name: str, world: tuple[tuple[str, int | Happening], ...], value: int) -> Happening:
    return Happening(name, world, value)


def drawn(rng: np.random.Generator) -> Asked:
    while True:
        base = random_question(rng, conditions=bool(rng.integers(2)))
        diagram = base.diagram
        treated = str(rng.choice(diagram.visible))
        below = diagram.descendants(treated)
        reads = tuple(n for n in diagram.visible if n not in below and rng.uniform() < 0.4)[:2]
        names = [n for n in diagram.visible if n != treated]
        if not names or any(one.value is None for one in (*base.happenings, *base.given)):
            continue
        others = tuple((n, int(rng.integers(2))) for n in names if rng.uniform() < 0.2)
        asked = [n for n in names if n not in dict(others)]
        if not asked:
            continue
        chosen = [str(n) for n in rng.permutation(asked)[: int(rng.integers(1, 3))]]
        lawful = tuple(Happening(n, others, int(rng.integers(2))) for n in sorted(chosen))
        plain = base.happenings[: int(rng.integers(0, 2))]
        return Asked(diagram, treated, reads, lawful, plain, base.given)


def chance(asked: Asked, law: np.ndarray, model: ResponseModel) -> float:
    return sum(weight * model.chance(events, asked.given) for weight, events in asked.mixture(law))


def moves(asked: Asked, law: np.ndarray, model: ResponseModel, studies: tuple[Study, ...]) -> float:
    """Share of the answer's gradient outside the row space of what the studies show."""
    weights, types, states = model.weights(), model.types(), law.shape[-1]
    rows = []
    for study in studies:
        names = [name for name in study.names(asked.diagram) if name not in study.sets]
        shape = (states,) * len(names)
        for world in study.worlds(states) if names else ():
            cells = np.ravel_multi_index(tuple(model.value(name, world, types) for name in names), shape)
            rows.append(gradient(model, weights, cells, states ** len(names)))
    below = model.holds(asked.given)
    total = 0.0
    wanted = np.zeros((1, 1))
    for weight, events in asked.mixture(law):
        holds = model.holds((*events, *asked.given))
        if holds.any():
            mass = weight * float(weights[:, holds].sum())
            wanted = wanted + mass * gradient(model, weights, np.where(holds, 0, -1), 1)
            total += mass
    if not below.any() or not total:
        return 0.0
    wanted = wanted / total - gradient(model, weights, np.where(below, 0, -1), 1)
    length = float(np.linalg.norm(wanted))
    if rows:
        _, values, directions = np.linalg.svd(np.concatenate(rows), full_matrices=False)
        space = directions[values > RANK * values[0]]
        wanted = wanted - wanted @ space.T @ space
    return float(np.linalg.norm(wanted)) / length if length > RANK else 0.0


def ask(asked: Asked, studies: tuple[Study, ...], rng: np.random.Generator) -> tuple[str, float]:
    """The verdict as a word, and the error of the estimand; fails where a model refutes the verdict."""
    experiments = [umbel.Experiment(do=study.sets) for study in studies] or None
    verdict = umbel.identify(asked.diagram.graph(), asked.text(), experiments=experiments)
    if isinstance(verdict, umbel.Refused):
        return ("undefined" if "undefined" in verdict.refusal.why else "refused"), 0.0
    assert verdict.steps and verdict.verify(rng=rng), asked.text()
    sources = studies or (Study(),)
    reads = asked.reads
    law = rng.dirichlet([2.0, 2.0], size=(2,) * len(reads))
    shown = [
        moves(asked, law, random_response_model(asked.diagram, rng, roots=roots), sources) > MOVES
        for roots in (2, 3, 4)
    ]
    if not verdict.identified:
        return ("no" if any(shown) else "no, with two states not shown"), 0.0
    assert not any(shown), asked.text()
    model = random_response_model(asked.diagram, rng)
    tables = [known(model, study) for study in sources]
    names = (asked.treated, *reads)
    q = {asked.treated: Table(names, np.moveaxis(law, -1, 0))} if "~" in verdict.estimand.text() + "~" else None
    found = verdict.estimand.evaluate(tables if studies else tables[0], laws=q)
    truth = chance(asked, law, model)
    return "yes", 0.0 if np.isnan(truth) else abs(float(found.array) - truth)
