"""Learners by a word in a problem file, by an object in Python, and what neither may be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

import umbel
from tests.estimate_flat.test_adjustment import BACK, EFFECT, FAR, confounded
from umbel.config.problem import load_problem
from umbel.estimate.named_learners import Boosting, Forest
from umbel.pipeline.files import solve_problem

PROBLEM = """
graph = "Z -> { A Y }; A -> Y"
question = "E[Y | do(A=1)] - E[Y | do(A=0)]"
[[study]]
table = "rows.csv"
[method]
"""


def from_file(folder: Path, method: str, rows: int = 300) -> umbel.Answer:
    data = confounded(rows, 1)
    table = np.column_stack([data[name] for name in "ZAY"])
    np.savetxt(folder / "rows.csv", table, delimiter=",", header="Z,A,Y", comments="")
    (folder / "problem.toml").write_text(PROBLEM + method, encoding="utf-8")
    (answer,) = solve_problem(load_problem(folder / "problem.toml"))
    return answer


@pytest.mark.parametrize(("word", "said"), [("forest", "random forests"), ("boosting", "boosted trees")])
def test_a_word_names_a_learner(word: str, said: str, tmp_path: Path) -> None:
    answer = from_file(tmp_path, f'outcome = "{word}"\ntreatment = "{word}"\nfolds = 2')
    assert answer.estimate is not None and answer.estimate.se is not None
    assert abs((answer.value or 0.0) - 1.0) < FAR * answer.estimate.se
    text = " ".join(answer.assumptions)
    assert f"outcomes are learnt by {said}, treatments by {said}, cross-fitted in 2 folds" in text
    assert "what learning them" in text  # the interval does not count it
    again = from_file(tmp_path, f'outcome = "{word}"\ntreatment = "{word}"\nfolds = 2')
    assert again.estimate == answer.estimate


def test_ridge_is_what_is_taken_unasked(tmp_path: Path) -> None:
    assert from_file(tmp_path, 'outcome = "ridge"').estimate == from_file(tmp_path, "").estimate


def test_words_that_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(umbel.InputError, match="there is no learner 'forrest'"):
        from_file(tmp_path, 'outcome = "forrest"')
    with pytest.raises(umbel.ProblemError, match="folds is 1"):
        from_file(tmp_path, "folds = 1")


def test_objects_in_python() -> None:
    study = umbel.Study(confounded(1500, 2))
    method = umbel.MethodSpec(outcome=GradientBoostingRegressor(max_depth=2), treatment=LogisticRegression())
    answer = umbel.solve(BACK, EFFECT, study, method=method)
    assert answer.estimate is not None and answer.estimate.se is not None
    assert abs((answer.value or 0.0) - 1.0) < FAR * answer.estimate.se
    assert any("GradientBoostingRegressor, treatments by LogisticRegression" in one for one in answer.assumptions)
    for wrong in (LogisticRegression, 3, np.mean):
        with pytest.raises(umbel.ProblemError, match=r"Give an object with fit\(X, y\)"):
            umbel.solve(BACK, EFFECT, study, method=umbel.MethodSpec(outcome=wrong))


def test_what_an_estimator_does_not_read_is_said() -> None:
    rng = np.random.default_rng(3)
    data = {name: rng.integers(0, 2, 400) for name in "WZXY"}
    napkin = "W -> Z -> X -> Y; W <-> X; W <-> Y"
    answer = umbel.solve(napkin, "P(Y=1 | do(X=1))", umbel.Study(data), method=umbel.MethodSpec(outcome="forest"))
    assert any(check.advice == "The estimator 'cells' does not read outcome." for check in answer.checks)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    method = umbel.MethodSpec(outcome="forest")
    with pytest.raises(umbel.MissingExtra, match=r"pip install 'umbel\[learn\]'"):
        umbel.solve(BACK, EFFECT, umbel.Study(confounded(50, 4)), method=method)


@pytest.mark.parametrize("learner", [Forest(trees=20), Boosting(rounds=20)])
def test_either_learns_numbers_and_events(learner: Forest | Boosting) -> None:
    x = np.random.default_rng(5).normal(size=(600, 2))
    for target in (x[:, 0], (x[:, 0] > 0.0).astype(float)):
        found = learner.fit(x, target).predict(x)
        assert np.corrcoef(found, target)[0, 1] > 0.8
    assert found.min() >= 0.0
    assert found.max() <= 1.0
