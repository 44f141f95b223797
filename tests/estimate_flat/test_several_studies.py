"""Several studies in one estimate: sums by hand, a bootstrap that resamples each study, models wrong in turn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel
from umbel.estimate.ridge import Linear, Logistic

FAR = 4.0
GRAPH = "latent U; U -> { A Y }; X -> { A Y }; A -> Y"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"

Rows = dict[str, np.ndarray]


def states(size: int, share: float, trial: bool, rng: np.random.Generator) -> Rows:
    x, u = (rng.random(size) < one for one in (share, 0.5))
    a = rng.random(size) < (0.5 if trial else 0.2 + 0.4 * u + 0.2 * x)
    y = rng.random(size) < 0.1 + 0.15 * a * (1 + x) + 0.3 * u + 0.1 * x
    return {name: one.astype(int) for name, one in zip("XAY", (x, a, y), strict=True)}


def numbers(size: int, mean: float, trial: bool, rng: np.random.Generator) -> Rows:
    """Effect 1 + X."""
    x, u = mean + rng.normal(size=size), rng.normal(size=size)
    a = rng.random(size) < (0.5 if trial else expit(u + x))
    return {"X": x, "A": a.astype(int), "Y": a * (1.0 + x) + u + x + rng.normal(size=size)}


def carried(trial: Rows, survey: Rows, method: umbel.MethodSpec | None = None) -> umbel.Answer:
    studies = umbel.Study(trial, do=["A"], selected=["X"]), umbel.Study(survey)
    return umbel.solve(GRAPH, EFFECT, *studies, method=method or umbel.MethodSpec())


def by_hand(trial: Rows, survey: Rows) -> float:
    total = 0.0
    for x in (0, 1):
        arms = [trial["Y"][(trial["X"] == x) & (trial["A"] == a)].mean() for a in (1, 0)]
        total += (survey["X"] == x).mean() * (arms[0] - arms[1])
    return total


def resampled(rows: Rows, rng: np.random.Generator) -> Rows:
    at = rng.integers(0, len(rows["X"]), len(rows["X"]))
    return {name: one[at] for name, one in rows.items()}


def test_a_trial_carried_to_a_survey_is_the_sum_by_hand_and_its_bootstrap() -> None:
    rng = np.random.default_rng(0)
    trial, survey = states(700, 0.3, True, rng), states(400, 0.7, False, rng)
    answer = carried(trial, survey, umbel.MethodSpec(name="cells"))
    assert answer.estimate is not None
    assert answer.value == pytest.approx(by_hand(trial, survey), abs=1e-9)
    drawn = []
    for _ in range(2000):  # each study by itself: their sizes are given
        both = [resampled(one, rng) for one in (trial, survey)]
        drawn.append(by_hand(*both))
    assert answer.estimate.se == pytest.approx(np.std(drawn), rel=0.06)
    assert [one.rows for one in answer.data] == [700, 400]
    assert any("independently of each other" in line for line in answer.assumptions)


class Level:
    def fit(self, X: np.ndarray, y: np.ndarray) -> Level:
        del X
        self.level = float(y.mean())
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.level)


@pytest.mark.parametrize("wrong", ["nothing", "outcome", "treatment"])
def test_either_nuisance_may_be_wrong(wrong: str) -> None:
    rng = np.random.default_rng(1)
    trial, survey = numbers(8000, 0.0, True, rng), numbers(3000, 0.8, False, rng)
    line, log = Linear(interactions=False), Logistic(interactions=False)
    method = umbel.MethodSpec(
        outcome=Level() if wrong == "outcome" else line, treatment=Level() if wrong == "treatment" else log
    )
    answer = carried(trial, survey, method)
    assert answer.estimate is not None and answer.estimate.se is not None
    assert answer.estimate.method == "aipw"
    assert abs((answer.value or 0.0) - 1.8) < FAR * answer.estimate.se
    both = carried(trial, survey, umbel.MethodSpec(outcome=Level(), treatment=Level()))
    assert abs((both.value or 0.0) - 1.8) > 0.5


def test_doubly_robust_and_plug_in_agree_on_states() -> None:
    rng = np.random.default_rng(2)
    trial, survey = states(2000, 0.3, True, rng), states(1000, 0.7, False, rng)
    scores, cells = (carried(trial, survey, umbel.MethodSpec(name=name)).estimate for name in ("aipw", "cells"))
    assert scores is not None and cells is not None and cells.se is not None
    assert scores.value == pytest.approx(cells.value, abs=0.1 * cells.se)
    assert scores.se == pytest.approx(cells.se, rel=0.03)


def test_counts_weights_and_clusters_stay_with_their_study() -> None:
    rng = np.random.default_rng(3)
    trial, survey = states(900, 0.3, True, rng), states(500, 0.7, False, rng)
    table, counts = np.unique(np.stack([survey[k] for k in "XAY"], axis=1), axis=0, return_counts=True)
    short = {**dict(zip("XAY", table.T, strict=True)), "n": counts}
    method = umbel.MethodSpec(name="cells")
    plain = carried(trial, survey, method)
    counted = umbel.solve(
        GRAPH, EFFECT, umbel.Study(trial, do=["A"], selected=["X"]), umbel.Study(short, count="n"), method=method
    )
    assert counted.estimate is not None and plain.estimate is not None
    assert (counted.value, counted.estimate.se) == pytest.approx((plain.value, plain.estimate.se), rel=1e-9)
    weight = np.where(survey["X"] == 1, 3.0, 1.0)
    weighted = umbel.solve(
        GRAPH,
        EFFECT,
        umbel.Study(trial, do=["A"], selected=["X"]),
        umbel.Study({**survey, "w": weight}, weight="w"),
        method=method,
    )
    share = weight[survey["X"] == 1].sum() / weight.sum()
    arms = {x: [trial["Y"][(trial["X"] == x) & (trial["A"] == a)].mean() for a in (1, 0)] for x in (0, 1)}
    truth = sum(w * (arms[x][0] - arms[x][1]) for x, w in ((1, share), (0, 1 - share)))
    assert weighted.value == pytest.approx(truth, abs=1e-9)
    clustered = umbel.solve(
        GRAPH,
        EFFECT,
        umbel.Study({**trial, "site": np.arange(900) // 30}, do=["A"], selected=["X"], cluster="site"),
        umbel.Study(survey),
        method=method,
    )
    assert clustered.value == pytest.approx(plain.value, abs=1e-9)
    assert any("clusters of site" in line for line in clustered.assumptions)


def test_one_study_that_suffices_is_read_alone() -> None:
    rng = np.random.default_rng(4)
    trial, survey = numbers(500, 0.0, True, rng), numbers(500, 0.8, False, rng)
    answer = umbel.solve(GRAPH, EFFECT, umbel.Study(trial, do=["A"]), umbel.Study(survey))
    alone = umbel.solve(GRAPH, EFFECT, umbel.Study(trial, do=["A"]))
    assert answer.estimate == alone.estimate
    assert "Study 1 alone is read." in answer.assumptions


def test_studies_that_cannot_be_joined() -> None:
    rng = np.random.default_rng(5)
    trial, survey = numbers(300, 0.0, True, rng), numbers(300, 0.8, False, rng)
    words = {**survey, "X": np.where(survey["X"] > 0.8, "old", "young")}
    with pytest.raises(umbel.DataError, match="'X' holds words in one study and numbers in another"):
        carried(trial, words)
    for wording in (np.where(survey["X"] > 0.8, "old", "young"), np.where(survey["X"] > 0.8, "1", "0 years")):
        with pytest.raises(umbel.DataError, match="'X' holds words in one study and numbers in another"):
            carried({**trial, "X": (trial["X"] > 0).astype(int)}, {**survey, "X": wording})


def test_true_in_one_study_is_1_in_the_other() -> None:
    """0 and 1 beside false and true, in either order, are one variable with one estimate."""
    rng = np.random.default_rng(6)
    trial, survey = states(600, 0.3, True, rng), states(900, 0.7, False, rng)
    plain = carried(trial, survey)
    for one, other in (
        ({**trial, "X": trial["X"] == 1}, survey),
        (trial, {**survey, "X": survey["X"] == 1}),
        ({**trial, "X": trial["X"] == 1}, {**survey, "X": survey["X"] == 1}),
    ):
        assert carried(one, other).value == pytest.approx(plain.value, abs=1e-12)
    three = {**survey, "X": np.where(np.arange(900) == 0, 2, survey["X"])}
    assert carried({**trial, "X": trial["X"] == 1}, three).value == pytest.approx(carried(trial, three).value)
