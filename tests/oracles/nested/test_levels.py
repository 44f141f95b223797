"""Three levels: pupils in classes in schools, enumerated school by school, class by class.

A class is to its school what a pupil is to a class, so laws nest: a school has a law of its
classes' laws. ``do(A ~ q)`` gives every class the same law, so what a school reads of it is
certainty: the populations below hold schools in which all classes have it, where that is read.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.oracles.nested.brute import Array, Do, Model, blueprint, random_model
from umbel.graph.parse import parse_graph
from umbel.graph.walks import ancestors
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Unidentified

TOLERANCE = 1e-10
Q = np.array([0.3, 0.7])
FLIPPED = Q[::-1]
MODELS = 3

# Graph, treatment, outcome. The unit is the school.
INTERIOR = {
    "spillover in the classroom, confounded at school level": (
        "plate class { plate pupil { A Y } W }; latent U; U -> { A W Y }; A -> { W Y }; W -> Y",
        "A",
        "Y",
    ),
    "the same with a confounder of each class": (
        "plate class { plate pupil { A Y } W K }; latent U, K; U -> { A W Y }; K -> { A Y }; A -> { W Y }; W -> Y",
        "A",
        "Y",
    ),
    "the same with a covariate of pupils": (
        "plate class { plate pupil { A X Y } W }; latent U; U -> { A X W Y }; X -> { A Y }; A -> { W Y }; W -> Y",
        "A",
        "Y",
    ),
    "a confounder of the school": (
        "plate class { plate pupil { A Y } }; latent U; U -> { A Y }; A -> Y",
        "A",
        "Y",
    ),
    "an outcome of the class, pupils with an instrument that nothing needs": (
        "plate class { plate pupil { Z A } W }; latent U; U -> { A W }; Z -> A -> W",
        "A",
        "W",
    ),
    "a treatment of classes": (
        "plate class { plate pupil { Y } T }; latent U; U -> { T Y }; T -> Y",
        "T",
        "Y",
    ),
    "a treatment of classes, pupils with a mediator, a confounder at both levels": (
        "plate class { plate pupil { M Y } T }; latent U; U -> { T M Y }; T -> M -> Y; M <-> Y",
        "T",
        "Y",
    ),
    "teachers behind tutoring": (
        "plate class { plate pupil { A Y } T }; latent U; U -> { T Y }; T -> { A Y }; A -> Y",
        "A",
        "Y",
    ),
    "a confounder of pupils, removed inside each class by a front door": (
        "plate class { plate pupil { A M Y } W }; latent U; U -> { A W Y }; A -> M -> Y; A <-> Y; A -> W -> Y",
        "A",
        "Y",
    ),
}
CERTAIN = {
    "an interferer of the school": (
        "plate class { plate pupil { A Y } K }; latent K; K -> { A Y }; A -> { S Y }; S -> Y",
        "A",
        "Y",
    ),
    "an interferer and a confounder of the school": (
        "plate class { plate pupil { A Y } }; latent U; U -> { A Y }; A -> { S Y }; S -> Y",
        "A",
        "Y",
    ),
    "an outcome of the school": (
        "plate class { plate pupil { A } }; V -> { A S }; A -> S",
        "A",
        "S",
    ),
}
UNIDENTIFIED = {
    "a confounded interferer of the school": (
        "plate class { plate pupil { A Y } }; latent U; U -> { A S Y }; A -> { S Y }; S -> Y",
        "A",
        "Y",
    ),
    "a confounded interferer of the class": (
        "plate class { plate pupil { A Y } W K }; latent K; K -> { A W Y }; A -> { W Y }; W -> Y",
        "A",
        "Y",
    ),
    "a hidden interferer of the class under a confounder of the class": (
        "plate class { plate pupil { A Y } W K }; latent K, W; K -> { A Y }; A -> { W Y }; W -> Y",
        "A",
        "Y",
    ),
    "a confounder of pupils": (
        "plate class { plate pupil { A Y } }; A -> Y; A <-> Y",
        "A",
        "Y",
    ),
    "a front door through a law that visible laws half fix": (
        "plate class { plate pupil { A B D } }; latent U; U -> { A B S }; A -> B -> S; D -> S",
        "A",
        "S",
    ),
}


def asked(text: str, treatment: str, outcome: str) -> Identified | Unidentified:
    verdict = identify_question(parse_graph(text), Question.parse(f"P({outcome} | do({treatment} ~ q))"))
    assert isinstance(verdict, Identified | Unidentified)
    return verdict


def gap(verdict: Identified, model: Model, treatment: str, outcome: str) -> float:
    do = Do(treatment, (), Q)
    found = verdict.estimand.evaluate(model.table(), laws={treatment: do.law()}).array
    return float(np.abs(found - model.law(outcome, do)).max())


def reaching_q(model: Model, treatment: str) -> Model:
    """Some of what draws the treatment draws it from q, whatever it reads."""
    tables = model.tables[treatment][0]
    tables[0] = np.broadcast_to(Q, tables[0].shape)
    return model


def certain(model: Model, treatment: str) -> Model:
    """In some schools every class draws the treatment from q."""
    tables = model.tables[treatment][1]
    tables[0] = np.broadcast_to(np.eye(tables.shape[-1])[0], tables[0].shape)
    return model


@pytest.mark.parametrize("name", INTERIOR)
def test_what_classes_show(name: str) -> None:
    text, treatment, outcome = INTERIOR[name]
    verdict = asked(text, treatment, outcome)
    assert isinstance(verdict, Identified)
    assert verdict.verify()
    for seed in range(MODELS):
        model = reaching_q(random_model(blueprint(parse_graph(text)), np.random.default_rng(seed)), treatment)
        assert gap(verdict, model, treatment, outcome) < TOLERANCE


@pytest.mark.parametrize("name", CERTAIN)
def test_what_schools_show(name: str) -> None:
    text, treatment, outcome = CERTAIN[name]
    verdict = asked(text, treatment, outcome)
    assert isinstance(verdict, Identified)
    assert verdict.verify()
    assert "δ(q)" in verdict.estimand.text()
    for seed in range(MODELS):
        model = reaching_q(random_model(blueprint(parse_graph(text)), np.random.default_rng(seed)), treatment)
        assert gap(verdict, certain(model, treatment), treatment, outcome) < TOLERANCE


@pytest.mark.parametrize("name", UNIDENTIFIED)
def test_what_no_level_shows(name: str) -> None:
    assert not asked(*UNIDENTIFIED[name]).identified


def test_classes_identify_what_schools_alone_do_not() -> None:
    """Figure A4a: without the classes the interferer is confounded."""
    text, treatment, outcome = INTERIOR["spillover in the classroom, confounded at school level"]
    merged = text.replace("plate class { plate pupil { A Y } W }", "plate pupil { A Y }")
    assert asked(text, treatment, outcome).identified
    assert not asked(merged, treatment, outcome).identified


def test_leaving_a_level_out_errs() -> None:
    """What the estimand of pupils in schools gives when classes are there: another number."""
    text, treatment, outcome = INTERIOR["spillover in the classroom, confounded at school level"]
    flat = asked("plate pupil { A Y }; latent U; U -> { A Y }; A -> Y", treatment, outcome)
    assert isinstance(flat, Identified)
    few, many = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    atoms = {"A": np.stack([Q, FLIPPED]), "Y": np.stack([[few, few], [many, many]])}
    errors = []
    for seed in range(MODELS):
        model = random_model(blueprint(parse_graph(text)), np.random.default_rng(seed), atoms=atoms)
        model.slopes["W", 0] *= 4.0
        table = model.table()
        pooled = type(table)(("unit", *table.axes[2:]), table.array.sum(axis=1))
        do = Do(treatment, (), Q)
        found = flat.estimand.evaluate(pooled, laws={treatment: do.law()}).array
        errors.append(float(np.abs(found - model.law(outcome, do)).max()))
    assert max(errors) > 1e-2


def swapped(high: float, low: float) -> Array:
    """Two laws given two states, and the same with the states exchanged."""
    rows = np.array([[1 - low, low], [1 - high, high]])
    return np.stack([rows, rows[::-1]])


def test_a_front_door_through_the_law_of_pupils_in_each_class() -> None:
    """K confounds A and W in each class; B carries the effect, and its law is moved by noise of its own."""
    text = "plate class { plate pupil { A B } W K }; latent K, U; A -> B -> W; K -> { A W }; U -> { A W }"
    verdict = asked(text, "A", "W")
    assert isinstance(verdict, Identified)
    for seed in range(MODELS):
        model = random_model(
            blueprint(parse_graph(text)),
            np.random.default_rng(seed),
            atoms={"A": np.stack([Q, FLIPPED]), "B": swapped(0.8, 0.1)},
        )
        assert gap(verdict, model, "A", "W") < TOLERANCE


def test_a_front_door_through_the_law_of_classes_in_each_school() -> None:
    """U confounds A and S; W of the classes carries the effect. The law of W takes the same two values
    whichever law all classes have, so that schools overlap."""
    text = "plate class { plate pupil { A } W }; latent U; U -> { A S }; A -> W -> S"
    verdict = asked(text, "A", "S")
    assert isinstance(verdict, Identified)
    for seed in range(MODELS):
        model = random_model(
            blueprint(parse_graph(text)), np.random.default_rng(seed), atoms={"A": np.stack([Q, FLIPPED])}
        )
        model.tables["A"][1][:] = np.eye(2)
        logits = np.linalg.solve(np.stack([Q, FLIPPED]), np.array([[0.5, -1.5], [-1.5, 0.5]]))
        model.tables["W"][0][:] = 0.5
        model.slopes["W", 0][:] = 0.0
        model.slopes["W", 0][..., 1] = logits.T  # (mechanisms, features)
        assert gap(verdict, model, "A", "S") < TOLERANCE


def random_text(dice: random.Random) -> tuple[str, str, str] | None:
    pupils = list("ABC"[: dice.randint(1, 3)])
    classes = [f"K{i}" for i in range(dice.randint(0, 2))]
    schools = [f"S{i}" for i in range(dice.randint(0, 1))]
    order = [*pupils, *classes, *schools]
    if len(order) < 2:
        return None
    dice.shuffle(order)
    edges = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :] if dice.random() < 0.5]
    hidden = [[f"H{i}" for i in range(dice.randint(0, 1))], [f"U{i}" for i in range(dice.randint(0, 2))]]
    for name in [*hidden[0], *hidden[1]]:
        edges += [(name, child) for child in dice.sample(order, min(len(order), dice.choice([2, 3])))]
    treatment, outcome = dice.sample([*pupils, *classes], 1)[0], dice.choice(order)
    lines = [f"plate class {{ plate pupil {{ {' '.join(pupils)} }} {' '.join([*classes, *hidden[0]])} }}"]
    lines += [f"latent {name}" for name in [*hidden[0], *hidden[1]]]
    lines += [*schools, *(f"{a} -> {b}" for a, b in edges)]
    text = "; ".join(lines)
    graph = parse_graph(text)
    if treatment == outcome or not ancestors(graph, graph.mask([outcome])) >> graph.index(treatment) & 1:
        return None
    return text, treatment, outcome


def compared(text: str, treatment: str, outcome: str, seed: int) -> bool:
    """Whether an identified estimand was defined in one of the populations; it must be right there."""
    verdict = asked(text, treatment, outcome)
    if not isinstance(verdict, Identified):
        return False
    plan = blueprint(parse_graph(text))
    found = []
    for shape in (reaching_q, certain):
        model = reaching_q(random_model(plan, np.random.default_rng(seed)), treatment)
        if (treatment, 0) in model.slopes:
            model.slopes[treatment, 0][0] = 0.0
        if shape is certain:
            if len(plan.path[treatment]) < 2:
                continue
            model = certain(model, treatment)
        error = gap(verdict, model, treatment, outcome)
        if not np.isnan(error):
            assert error < 1e-9, f"{text} | {treatment} -> {outcome}: {verdict.estimand.text()}"
            found.append(error)
    return bool(found)


def test_random_graphs_of_three_levels() -> None:
    dice, count = random.Random(3), 0
    for seed in range(150):
        drawn = random_text(dice)
        count += drawn is not None and compared(*drawn, seed)
    assert count >= 20


@pytest.mark.study
@pytest.mark.parametrize("batch", range(10))
def test_a_thousand_graphs_of_three_levels(batch: int) -> None:
    """``pytest -m study tests/oracles/nested``."""
    dice = random.Random(100 + batch)
    for seed in range(300):
        drawn = random_text(dice)
        if drawn is not None:
            compared(*drawn, seed)
