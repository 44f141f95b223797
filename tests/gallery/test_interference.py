"""The elections and Figure 2: verdicts, formulas as corrected, and numbers near the models they were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.gallery.catalogue import find
from umbel.gallery.example import Example
from umbel.gallery.interference import EXAMPLES, FIGURE_1B, FIGURE_1C
from umbel.graph.mixed import Graph
from umbel.pipeline.files import solve_problem
from umbel.simulate.discrete import random_model


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_verdict_and_formula(example: Example) -> None:
    verdict = umbel.identify(example.graph, example.question)
    assert verdict.identified == (example.verdict == "identified")
    if verdict.identified:
        assert verdict.estimand.text() == example.formula
    assert verdict.verify()


@pytest.mark.parametrize(("name", "graph"), [("election", FIGURE_1B), ("election-best-response", FIGURE_1C)])
def test_the_answer_covers_the_model_that_the_races_come_from(name: str, graph: str) -> None:
    example = find(name)
    joint = random_model(Graph.parse(graph), rng=np.random.default_rng(2)).table()
    verdict = umbel.identify(graph, example.question)
    assert verdict.identified
    truth = float(verdict.estimand.evaluate(joint).array)
    answer = solve_problem(example.problem())
    answer = answer if isinstance(answer, umbel.Answer) else answer[0]
    assert answer.value is not None and answer.estimate is not None
    assert abs(answer.value - truth) < 4 * answer.estimate.se
    checks = {check.name for check in answer.checks}
    assert ("block: order of answering" in checks) == (name == "election-best-response")


def test_the_village_has_an_answer_with_its_doubts_told() -> None:
    (answer,) = solve_problem(find("village-insurance").problem())
    assert answer.estimate is not None and answer.estimate.method == "network"
    low, high = answer.estimate.interval
    assert low < 0.0 < high
    assert all(check.passed for check in answer.checks)


def test_friends_at_school_pass_on_what_tutors_teach() -> None:
    """The model of the tables says 0.36 by enumeration; without the friendships the same rows say 0.15."""
    example = find("friends-in-schools")
    (answer,) = solve_problem(example.problem())
    assert answer.estimate is not None and answer.estimate.method == "units"
    low, high = answer.estimate.interval
    assert low < 0.36 < high
    table = str(example.problem().folder / "friends_pupils.csv")
    alone = umbel.solve(
        "latent School; plate pupil { Tutored -> Passed }; School -> { Tutored Passed }",
        example.question,
        umbel.Study(table, unit="school"),
    )
    low, high = alone.estimate.interval
    assert low < 0.15 < high < 0.36
