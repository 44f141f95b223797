"""Laws in counterfactual subscripts: random questions against enumeration and ranks.

``Y[A ~ q(Z)] = y`` is a mixture over what the law draws and over what it reads in that world, so
its truth, and the gradient of its truth, are sums over plain counterfactuals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.check import known
from tests.oracles.counterfactual.draw import random_question, random_studies
from tests.oracles.counterfactual.rank import MOVES, RANK, Study, gradient
from tests.oracles.counterfactual.response import Happening, ResponseModel, random_response_model
from tests.oracles.flat.diagram import Diagram
from umbel.numerics.tables import Table

EXACT = 1e-10
"""Enumeration in float64 of a few thousand rows leaves errors near 1e-15."""


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
        for state in range(2):
            set_to = tuple(replace(one, world=((self.treated, state), *one.world)) for one in self.lawful)
            for at in product(range(2), repeat=len(self.reads)):
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
    weights, types = model.weights(), model.types()
    rows = []
    for study in studies:
        names = [name for name in study.names(asked.diagram) if name not in study.sets]
        shape = (2,) * len(names)
        for world in study.worlds(2) if names else ():
            cells = np.ravel_multi_index(tuple(model.value(name, world, types) for name in names), shape)
            rows.append(gradient(model, weights, cells, 2 ** len(names)))
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


def ask(asked: Asked, studies: tuple[Study, ...], rng: np.random.Generator) -> str:
    experiments = [umbel.Experiment(do=study.sets) for study in studies] or None
    verdict = umbel.identify(asked.diagram.graph(), asked.text(), experiments=experiments)
    if isinstance(verdict, umbel.Refused):
        return "undefined" if "undefined" in verdict.refusal.why else "refused"
    assert verdict.steps and verdict.verify(rng=rng), asked.text()
    sources = studies or (Study(),)
    reads = asked.reads
    law = rng.dirichlet([2.0, 2.0], size=(2,) * len(reads))
    shown = [
        moves(asked, law, random_response_model(asked.diagram, rng, roots=roots), sources) > MOVES
        for roots in (2, 3, 4)
    ]
    if not verdict.identified:
        return "no" if any(shown) else "no, with two states not shown"
    assert not any(shown), asked.text()
    model = random_response_model(asked.diagram, rng)
    tables = [known(model, study) for study in sources]
    names = (asked.treated, *reads)
    q = {asked.treated: Table(names, np.moveaxis(law, -1, 0))} if "~" in verdict.estimand.text() + "~" else None
    found = verdict.estimand.evaluate(tables if studies else tables[0], laws=q)
    truth = chance(asked, law, model)
    assert np.isnan(truth) or abs(float(found.array) - truth) < EXACT, (asked.text(), found.array, truth)
    return "yes"


@pytest.mark.parametrize("several", [False, True], ids=["one study", "several studies"])
def test_laws_in_subscripts(several: bool) -> None:
    rng = np.random.default_rng([71, several])
    seen: Counter[str] = Counter()
    for _ in range(80):
        asked = drawn(rng)
        seen[ask(asked, random_studies(rng, asked.diagram) if several else (), rng)] += 1
    assert seen["yes"] >= 25 and seen["no"] >= 3, seen
    assert seen["no, with two states not shown"] <= 2, seen


GRAPH = "Z -> A -> M -> Y; A -> Y; Z -> { M Y }"
NAMED = [
    ("P(Y[A ~ q(Z)]=1)", "yes"),
    ("P(Y[A ~ q(Z)]=1 | A=0)", "yes"),
    ("E[Y[A ~ q(Z), M[A=0]]]", "yes"),
    ("E[Y[A=1, M[A ~ q(Z)]]] - E[Y[A=1, M[A=0]]]", "yes"),
    ("P(Y[A ~ Bernoulli(expit(0.3 - Z))]=1, A=0)", "yes"),
    ("P(Y[A ~ q]=1, Y[A=0]=0)", "no"),
    ("P(Y[A ~ q]=1, Y[A ~ Bernoulli(0.5)]=1)", "two laws"),
    ("P(Y[A ~ q(Z)]=1, M[A ~ q(Z), Z=1]=0)", "left open"),
]


@pytest.mark.parametrize(("question", "outcome"), NAMED, ids=[question for question, _ in NAMED])
def test_named_laws(question: str, outcome: str) -> None:
    """Policies along some paths only, for those who were treated otherwise (Shpitser and Sherman 2018)."""
    verdict = umbel.identify(GRAPH, question)
    if isinstance(verdict, umbel.Refused):
        assert outcome in verdict.refusal.why
        return
    assert verdict.identified is (outcome == "yes")
    assert verdict.verify()


def test_one_world_of_laws_is_an_effect() -> None:
    one = umbel.identify(GRAPH, "P(Y[A ~ q(Z)]=1)")
    other = umbel.identify(GRAPH, "P(Y=1 | do(A ~ q(Z)))")
    assert isinstance(one, umbel.Identified) and isinstance(other, umbel.Identified)
    assert one.estimand.text() == other.estimand.text()


@pytest.mark.parametrize("text", ["P(Y[A ~ q(Z), B=1]=1 | A=0)", "E[Y[A=1, M[A ~ Bernoulli(0.5)]]]"])
def test_questions_with_laws_in_subscripts_round_trip(text: str) -> None:
    assert umbel.Question.parse(str(umbel.Question.parse(text))) == umbel.Question.parse(text)


def test_laws_that_read_what_they_change_are_wrong() -> None:
    with pytest.raises(umbel.QuestionError, match="cycle"):
        umbel.identify(GRAPH, "P(Y[A ~ q(M)]=1 | A=0)")
