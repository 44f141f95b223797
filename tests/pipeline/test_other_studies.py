"""A study that is not read is heard all the same: where it answers by itself, the Answer says whether it agrees."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import ProblemError

BOW, EFFECT = "A -> Y; A <-> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]"


def trial(seed: int, effect: float, size: int = 300) -> umbel.Study:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, size)
    return umbel.Study({"A": a, "Y": (rng.random(size) < 0.5 + effect * (a - 0.5)) * 1}, do="A")


def heard(*studies: umbel.Study, question: str = EFFECT) -> list[umbel.Check]:
    answer = umbel.solve(BOW, question, *studies)
    assert answer.estimate is not None
    return [one for one in answer.checks if one.name.endswith("agrees")]


def test_trials_that_contradict_each_other_are_a_doubt() -> None:
    """The second trial was left out in silence, though it said the contrary."""
    first, second = heard(trial(0, 0.3), trial(1, -0.3), trial(2, 0.3))
    assert (first.name, first.passed) == ("study 2 agrees", False)
    assert "look whether both drew from one population" in first.advice
    assert (second.name, second.passed) == ("study 3 agrees", True)


def test_trials_that_agree_pass_as_often_as_they_should() -> None:
    failed = sum(not heard(trial(2 * seed, 0.2), trial(2 * seed + 1, 0.2))[0].passed for seed in range(60))
    assert failed <= 4  # 0.6 expected; more than 4 less than once in 2,000


def test_a_study_that_does_not_answer_is_not_heard() -> None:
    rng = np.random.default_rng(5)
    a = rng.integers(0, 2, 200)
    observed = umbel.Study({"A": a, "Y": a})
    assert not heard(trial(0, 0.3), observed)


def test_one_row_per_value_is_compared_row_by_row() -> None:
    (check,) = heard(trial(0, 0.3), trial(1, -0.3), question="E[Y | do(A)]")
    assert not check.passed


@pytest.mark.parametrize("graph", [BOW, "A -> Y"])
def test_a_method_that_nothing_has_is_an_error(graph: str) -> None:
    """Where bounds stand in for a number, a misspelt name ended as "not identified"."""
    rows = umbel.Study({"A": [0, 1, 0, 1], "Y": [0, 1, 1, 1]})
    with pytest.raises(ProblemError, match="there is no estimator 'aipv'"):
        umbel.solve(graph, "P(Y=1 | do(A=1))", rows, method=umbel.MethodSpec(name="aipv"))
