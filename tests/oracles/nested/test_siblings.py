"""Two plates side by side: pupils and teachers of one school, each of whom may read the law of the others."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.oracles.nested.brute import Do, Model, blueprint, random_model
from umbel.graph.parse import parse_graph
from umbel.graph.walks import ancestors
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified

TOLERANCE = 1e-9
LARGEST = 9
Q = np.array([0.3, 0.7])


def random_text(dice: random.Random) -> tuple[str, str, str]:
    pupils = list("ABC"[: dice.randint(1, 3)])
    teachers = [f"T{i}" for i in range(dice.randint(1, 2))]
    units = [f"V{i}" for i in range(dice.randint(0, 2))]
    order = [*pupils, *teachers, *units]
    dice.shuffle(order)
    edges = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :] if dice.random() < 0.5]
    hidden = [["H"] if dice.random() < 0.3 else [], ["G"] if dice.random() < 0.3 else []]
    latents = [*hidden[0], *hidden[1], *(f"U{i}" for i in range(dice.randint(0, 2)))]
    for name in latents:
        edges += [(name, child) for child in dice.sample(order, min(len(order), dice.choice([2, 3])))]
    lines = [
        f"plate pupil {{ {' '.join(pupils + hidden[0])} }}",
        f"plate teacher {{ {' '.join(teachers + hidden[1])} }}",
    ]
    lines += [f"latent {name}" for name in latents] + units + [f"{a} -> {b}" for a, b in edges]
    if dice.random() < 0.4:
        lines.append(" <-> ".join(dice.sample(order, 2)))
    treatment, outcome = dice.sample(order, 2)
    return "; ".join(lines), treatment, outcome


def models(text: str, treatment: str, seed: int) -> list[Model]:
    """One with mechanisms of all kinds, one whose members read no members: laws overlap more."""
    found = []
    for simple in (False, True):
        model = random_model(blueprint(parse_graph(text)), np.random.default_rng(seed))
        for name, path in model.plan.path.items():
            table = model.tables[name][0]
            if path and name == treatment:
                table[0] = np.broadcast_to(Q, table[0].shape)
            elif path and simple:
                table[:] = table.mean(axis=tuple(range(1, table.ndim - 1)), keepdims=True)
        found.append(model)
    return found


def compared(text: str, treatment: str, outcome: str, seed: int) -> bool:
    """Whether an identified effect was defined in a population; it must be right there."""
    graph = parse_graph(text)
    plan = blueprint(graph)
    if not ancestors(graph, graph.mask([outcome])) >> graph.index(treatment) & 1 or len(plan.order) > LARGEST:
        return False
    inside = bool(plan.path[treatment])
    question = f"P({outcome} | do({treatment} ~ q))" if inside else f"P({outcome} | do({treatment}))"
    verdict = identify_question(graph, Question.parse(question))
    if not isinstance(verdict, Identified):
        return False
    defined = False
    for model in models(text, treatment, seed):
        do = Do(treatment, (), Q)
        found = verdict.estimand.evaluate(model.table(), laws={treatment: do.law()} if inside else {}).array
        truth = model.law(outcome, do)
        if not inside:
            truth = np.stack([model.law(outcome, Do.hold(treatment, state, 2)) for state in range(2)], axis=-1)
        if not np.isnan(found).any():
            defined = True
            assert np.abs(found - truth).max() < TOLERANCE, f"{text} | {question}: {verdict.estimand.text()}"
    return defined


def test_random_siblings() -> None:
    dice = random.Random(4)
    assert sum(compared(*random_text(dice), seed) for seed in range(200)) >= 25


@pytest.mark.study
@pytest.mark.parametrize("batch", range(5))
def test_many_siblings(batch: int) -> None:
    """``pytest -m study tests/oracles/nested``."""
    dice = random.Random(50 + batch)
    for seed in range(400):
        compared(*random_text(dice), seed)
