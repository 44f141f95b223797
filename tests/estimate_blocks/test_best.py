"""The best policy of a family: against the exact optimum, and its honest gain against the exact one."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import umbel
from umbel.graph.mixed import Graph
from umbel.model.parameters import at_values
from umbel.model.query import Best, Question
from umbel.simulate.discrete import random_model

SCHEMA = Path(umbel.__file__).parent / "results" / "answer.schema.json"
GRAPH = "{ C1 C2 } -> A; { C1 C2 A } -> Y"
LINEAR = "max[k0, k1, k2] E[Y | do(A ~ Bernoulli(k0 + k1*C1 + k2*C2))]"
ELECTION = "{ Cl Cr } -> { Al Ar }; { Cl Cr Al Ar } -> { Yl Yr }; Yl -- Yr; Al -- Ar"


def population(graph: str, seed: int) -> umbel.Table:
    return random_model(Graph.parse(graph), rng=np.random.default_rng(seed)).table()


def rows_of(joint: umbel.Table, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    places = np.unravel_index(rng.choice(joint.array.size, size=count, p=joint.array.ravel()), joint.array.shape)
    return dict(zip(joint.axes, places, strict=True))


def exact(graph: str, question: str, k: dict[str, float | None], joint: umbel.Table) -> float:
    body = Question.parse(question).body
    assert isinstance(body, Best)
    verdict = umbel.identify(graph, Question.of(at_values(body.body, {name: float(v or 0.0) for name, v in k.items()})))
    assert verdict.identified
    return float(verdict.estimand.evaluate(joint).array)


def test_the_family_is_identified_as_its_members_are() -> None:
    verdict = umbel.identify(GRAPH, LINEAR)
    assert verdict.identified
    assert "[A ~ Bernoulli(k0 + k1*C1 + k2*C2)]" in verdict.estimand.text()
    assert not any("0.487" in str(step) for step in verdict.steps)
    assert verdict.verify()
    assert not umbel.identify("A -> Y; A <-> Y", "max[k] E[Y | do(A ~ Bernoulli(k))]").identified
    with pytest.raises(umbel.QuestionError, match="no weights until k0, k1, k2 are chosen"):
        verdict.estimand.evaluate(population(GRAPH, 5))


def test_many_rows_find_the_best_there_is() -> None:
    joint = population(GRAPH, 5)
    answer = umbel.solve(GRAPH, LINEAR, umbel.Study(rows_of(joint, 40_000, np.random.default_rng(0))))
    assert answer.policy is not None
    plain = answer.to_dict()
    assert set(plain["policy"]) == {"k", "gain", "interval"}  # type: ignore[arg-type]
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(plain)
    assert "Policy" in answer.summary()
    found = exact(GRAPH, LINEAR, dict(answer.policy.k), joint)
    # The value is linear in the chances, so some corner of their polytope is best: all chances in {0, 1/2, 1}.
    best = -1.0
    for chances in product((0.0, 0.5, 1.0), repeat=3):
        k = dict(zip(("k0", "k1", "k2"), (chances[0], chances[1] - chances[0], chances[2] - chances[0]), strict=True))
        if 0 <= k["k0"] + k["k1"] + k["k2"] <= 1:
            best = max(best, exact(GRAPH, LINEAR, k, joint))
    assert found == pytest.approx(best, abs=1e-6)


def test_a_budget_and_a_box_are_kept() -> None:
    joint = population(GRAPH, 5)
    rows = rows_of(joint, 4000, np.random.default_rng(1))
    method = umbel.MethodSpec(budget=0.3, box=(("k2", 0.0, 0.1),))
    answer = umbel.solve(GRAPH, LINEAR, umbel.Study(rows), method=method)
    assert answer.policy is not None
    k = {name: float(value or 0.0) for name, value in answer.policy.k}
    spent = np.mean(k["k0"] + k["k1"] * rows["C1"] + k["k2"] * rows["C2"])
    assert spent <= 0.3 + 1e-9
    assert 0 <= k["k2"] <= 0.1


CURVE = "max[k0, k1] E[Y | do(A ~ Bernoulli(expit(k0 + k1*C1)))]"
THRESHOLD = "max[k0] E[Y | do(A ~ Bernoulli((C1 > k0)))]"


def test_other_families_are_searched() -> None:
    joint = population(GRAPH, 5)
    study = umbel.Study(rows_of(joint, 20_000, np.random.default_rng(2)))
    curve, threshold = (umbel.solve(GRAPH, question, study).policy for question in (CURVE, THRESHOLD))
    assert curve is not None and threshold is not None
    line = "max[k0, k1] E[Y | do(A ~ Bernoulli(k0 + k1*C1))]"
    rules = [exact(GRAPH, line, {"k0": a, "k1": b - a}, joint) for a, b in product((0.0, 1.0), repeat=2)]
    assert exact(GRAPH, CURVE, dict(curve.k), joint) == pytest.approx(max(rules), abs=0.01)
    steps = [exact(GRAPH, THRESHOLD, {"k0": k}, joint) for k in (-0.5, 0.5, 1.5)]
    assert exact(GRAPH, THRESHOLD, dict(threshold.k), joint) == pytest.approx(max(steps), abs=0.01)


def test_the_best_answer_to_the_other_candidate() -> None:
    joint = population(ELECTION, 2)
    question = "max[k0, k1] E[Yl | do(Al ~ Bernoulli(k0 + k1*Ar))]"
    method = umbel.MethodSpec(box=(("k0", 0.05, 0.95), ("k1", -0.9, 0.9)))
    answer = umbel.solve(
        ELECTION, question, umbel.Study(rows_of(joint, 12_000, np.random.default_rng(3))), method=method
    )
    assert answer.policy is not None
    found = exact(ELECTION, question, dict(answer.policy.k), joint)
    grid = [
        exact(ELECTION, question, {"k0": a, "k1": b - a}, joint)
        for a, b in product(np.linspace(0.05, 0.95, 4), np.linspace(0.0, 1.0, 4))
    ]
    assert found >= max(grid) - 0.01


def coverage(count: int, seed: int) -> tuple[float, float]:
    joint, rng = population(GRAPH, 9), np.random.default_rng(seed)
    usual = float(joint.marginal(("Y",)).array[1])
    held, promised = [], []
    for _ in range(count):
        answer = umbel.solve(GRAPH, LINEAR, umbel.Study(rows_of(joint, 1600, rng)), rng=rng)
        assert answer.policy is not None and answer.policy.interval is not None and answer.policy.gain is not None
        truth = exact(GRAPH, LINEAR, dict(answer.policy.k), joint) - usual
        low, high = answer.policy.interval
        held.append(bool(low <= truth <= high))
        promise = next(check for check in answer.checks if check.name == "policy: promise of the choosing half")
        promised.append(float(promise.value or 0.0))
    return float(np.mean(held)), float(np.mean(promised))


def test_the_gain_is_honest() -> None:
    held, _ = coverage(20, 0)
    assert held >= 0.75  # four standard errors below 95


@pytest.mark.study
def test_the_gain_is_honest_in_two_hundred_draws() -> None:
    held, promised = coverage(200, 1)
    assert 0.90 <= held <= 0.98, held
    assert promised > 0  # the half that chose promises too much


def test_what_makes_no_sense_is_named() -> None:
    rows = rows_of(population(GRAPH, 5), 200, np.random.default_rng(4))
    with pytest.raises(umbel.ProblemError, match="box names 'k9'"):
        umbel.solve(GRAPH, LINEAR, umbel.Study(rows), method=umbel.MethodSpec(box=(("k9", 0.0, 1.0),)))
    for question, why in (
        ("max[k] P(Y | do(A ~ Bernoulli(k)))", "largest of several numbers"),
        ("max[k] E[Y | do(A ~ Normal(k, 1))]", "point or normal law"),
    ):
        verdict = umbel.identify(GRAPH, question)
        assert isinstance(verdict, umbel.Refused)
        assert why in verdict.refusal.why
    with pytest.raises(umbel.QuestionError, match="two families"):
        umbel.identify(GRAPH, "max[k] E[Y | do(A ~ Bernoulli(k))] - E[Y | do(A ~ Bernoulli(1 - k))]")
    answer = umbel.solve(
        GRAPH,
        "max[k] E[Y | do(A ~ Bernoulli(0.5 + k))]",
        umbel.Study(rows),
        method=umbel.MethodSpec(box=(("k", 2.0, 3.0),)),
    )
    assert answer.refusal is not None and "between 0 and 1" in answer.refusal.why


def test_settings_that_choosing_does_not_read_are_a_doubt() -> None:
    rows = rows_of(population(GRAPH, 5), 1000, np.random.default_rng(5))
    answer = umbel.solve(GRAPH, LINEAR, umbel.Study(rows), method=umbel.MethodSpec(name="aipw", folds=3))
    assert any(not check.passed and "does not read name and folds" in check.advice for check in answer.checks)
