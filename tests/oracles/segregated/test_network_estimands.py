"""Estimands of one network, worked out by hand on a line of three persons, against the engine's answer for the copies.

``verify()`` asks whether the copies are identified; here the laws that the estimand names are taken from the joint
law of a random model with hidden causes, multiplied, and summed.
"""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import GraphError
from umbel.expr.nodes import NetworkLaw, NetworkMean
from umbel.graph.mixed import Graph
from umbel.graph.segregated import anterior
from umbel.graph.surgery import induced
from umbel.identification.ask import identify_question
from umbel.model.query import Event, Expectation, Held, Question
from umbel.results.verdict import Identified
from umbel.simulate.discrete import random_model
from umbel.structure.copies import on_a_line, person_name

PERSONS = 3
CLOSE = 1e-9
"""Between two ways of summing the same law."""


def random_template(rng: np.random.Generator) -> str:
    """Variables of a person with arrows, arrows of neighbours, answers, and hidden causes of both kinds."""
    names = ["C", "A", "Y"] if rng.random() < 0.6 else ["A", "M", "Y"]
    words = list(names)
    for later, name in enumerate(names):
        for cause in names[:later]:
            words += [f"{cause} -> {name}"] * (rng.random() < 0.6) + [f"{cause}.near -> {name}"] * (rng.random() < 0.3)
        words += [f"{name} -- {name}.near"] * (rng.random() < 0.15)
    if rng.random() < 0.5:
        words.append("latent U")
        for name in names:
            words += [f"U -> {name}"] * (rng.random() < 0.4) + [f"U.near -> {name}"] * (rng.random() < 0.15)
    return "network person { " + "; ".join(words) + " }"


def by_hand(mean: NetworkMean, joint: umbel.Table, asked: str) -> float:
    """Sum over persons' states of what is not reached, times the laws, where everybody is treated."""
    axes, array = list(joint.axes), joint.array

    def share(of: list[str], given: list[str]) -> np.ndarray:
        def over(kept: list[str]) -> np.ndarray:
            return array.sum(axis=tuple(k for k, name in enumerate(axes) if name not in kept), keepdims=True)

        return over([*of, *given]) / over(given)

    def read(law: NetworkLaw, person: int) -> list[str]:
        around = [other for other in (person - 1, person + 1) if 0 <= other < PERSONS]
        own = [person_name(one.name, person) for one in law.own]
        return own + [person_name(one.name, other) for one in (*law.near, *law.means) for other in around]

    made = {law.of.name for law in mean.laws} | {of.name for of, _ in mean.set_to}
    weight = share([name for name in axes if name.split(" of ")[0] not in made], [])
    for law in mean.laws:
        persons = range(PERSONS)
        copies = [person_name(law.of.name, person) for person in persons]
        if law.settled:
            weight = weight * share(copies, sorted({name for person in persons for name in read(law, person)}))
        else:
            for person in persons:
                weight = weight * share([copies[person]], read(law, person))
    weight = np.broadcast_to(weight, array.shape)
    for of, _ in mean.set_to:
        for person in range(PERSONS):
            weight = np.take(weight, [1], axis=axes.index(person_name(of.name, person)))
    outcome = axes.index(person_name(mean.outcome.name, PERSONS // 2))
    assert asked == axes[outcome]
    totals = weight.sum(axis=tuple(k for k in range(weight.ndim) if k != outcome))
    return float(totals @ np.arange(len(totals)))


def compared(graph: Graph, mean: NetworkMean, rng: np.random.Generator) -> float:
    """How far the estimand is from the engine's answer for the person in the middle; infinite where it has none."""
    copies = on_a_line(graph, PERSONS)
    middle = person_name("Y", PERSONS // 2)
    asked = Expectation(Event(middle), tuple(Held(person_name("A", person), 1) for person in range(PERSONS)))
    question = Question.of(asked)
    part = induced(copies, anterior(copies, copies.mask(question.names())))
    found = identify_question(part, question)
    if not isinstance(found, Identified):
        return np.inf
    joint = random_model(copies, rng=rng).table()
    kept = [joint.axes.index(name) for name in joint.axes if name in part.names]
    smaller = umbel.Table(
        tuple(joint.axes[k] for k in kept),
        joint.array.sum(axis=tuple(k for k in range(joint.array.ndim) if k not in kept)),
    )
    return abs(by_hand(mean, joint, middle) - float(found.estimand.evaluate(smaller).array))


@pytest.mark.parametrize("seed", range(4))
def test_every_estimand_is_what_the_copies_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    identified = 0
    for _ in range(25):
        text = random_template(rng)
        graph = Graph.parse(text)
        try:
            verdict = umbel.identify(graph, "E[Y | do(A=1)]")
        except GraphError:
            continue
        if isinstance(verdict, Identified) and isinstance(verdict.estimand.body, NetworkMean):
            identified += 1
            assert compared(graph, verdict.estimand.body, rng) < CLOSE, text
    assert identified >= 8
