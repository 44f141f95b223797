"""APIPW and Monte Carlo where no covariate closes the back door: truths, twins, and what is said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel
from tests.estimate_flat.test_adjustment import estimated, near, target
from umbel.config.problem import MethodSpec
from umbel.estimate.cells import DiscretePlugIn
from umbel.estimate.frontdoor import APIPW
from umbel.estimate.montecarlo import FittedKernels
from umbel.results.step import Refusal

EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
FRONT = "C -> { A M Y }; A -> M -> Y; A <-> Y"


def front(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Effect 0.7 of A on Y, all of it through M."""
    rng = np.random.default_rng(seed)
    c, u = rng.normal(size=rows), rng.normal(size=rows)
    a = (rng.random(rows) < expit(0.7 * c + 0.8 * u)).astype(int)
    m = 0.7 * a + 0.4 * c + rng.normal(size=rows)
    return {"C": c, "A": a, "M": m, "Y": m + u + c + rng.normal(size=rows)}


class Level:
    """A learner that learns the mean and nothing else."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Level:
        del X
        self.level = y.mean()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.level)


@pytest.mark.parametrize("wrong", ["nothing", "outcome", "treatment"])
def test_either_half_may_be_wrong(wrong: str) -> None:
    learners = {wrong: Level()} if wrong != "nothing" else {}
    near(estimated(FRONT, EFFECT, umbel.Study(front(8000, 1)), APIPW(**learners)), 0.7)


def test_both_halves_wrong_is_wrong() -> None:
    found = estimated(FRONT, EFFECT, umbel.Study(front(8000, 1)), APIPW(Level(), Level())).estimate
    assert abs((found.value or 0.0) - 0.7) > 10 * (found.se or 1.0)


@pytest.mark.parametrize(
    ("graph", "question"),
    [
        (FRONT, EFFECT),
        (FRONT, "E[Y | do(A=1)] / E[Y | do(A=0)]"),
        (FRONT, "E[Y | do(A=1), C=1]"),
        (FRONT, "P(Y=1, M=1 | do(A=1))"),
        (FRONT, "E[Y | do(A ~ Bernoulli(0.3))]"),
        ("A -> M -> N -> Y; A <-> N; M <-> Y; C -> { A M N Y }", "E[Y | do(A=1)]"),  # own and set blocks in turn
        ("C -> { A M N Y }; A -> M -> { N Y }; N -> Y; A <-> N", "E[Y | do(A=1)]"),  # a set block behind an own one
    ],
)
def test_on_coins_it_agrees_with_the_estimand_on_cells(graph: str, question: str) -> None:
    """Saturated learners make both the same, to first order; so are their influence functions."""
    rng = np.random.default_rng(2)
    rows = 20_000
    c, u, v = rng.integers(0, 2, rows), rng.random(rows), rng.random(rows)
    a = (rng.random(rows) < 0.2 + 0.2 * c + 0.4 * u).astype(int)
    m = (rng.random(rows) < 0.2 + 0.4 * a + 0.1 * c + 0.2 * v).astype(int)
    n = (rng.random(rows) < 0.2 + 0.3 * m + 0.1 * c + 0.3 * u).astype(int)
    shared = 0.5 if graph.endswith("A <-> N") else (u + v) / 2  # that graph's last law shares no cause
    y = (rng.random(rows) < 0.1 + 0.2 * n + 0.2 * m + 0.2 * c + 0.25 * shared).astype(int)
    study = umbel.Study({"C": c, "A": a, "M": m, "N": n, "Y": y})
    both = [estimated(graph, question, study, one).estimate for one in (APIPW(), DiscretePlugIn())]
    assert both[0].value == pytest.approx(both[1].value, abs=0.1 * both[1].se)  # type: ignore[operator]
    assert both[0].se == pytest.approx(both[1].se, rel=0.1)  # laws with fewer conditions are learnt better


def test_three_doses() -> None:
    rng = np.random.default_rng(3)
    rows = 9000
    u = rng.normal(size=rows)
    a = np.digitize(u + rng.normal(size=rows), [-0.7, 0.7])
    m = 0.5 * a + rng.normal(size=rows)
    y = m + u + rng.normal(size=rows)
    found = estimated("A -> M -> Y; A <-> Y", "E[Y | do(A)]", umbel.Study({"A": a, "M": m, "Y": y}), APIPW())
    for at in range(3):
        near(found, 0.5 * at, at)


def test_a_mediator_that_tells_the_treatment_is_a_doubt() -> None:
    data = front(3000, 4)
    data["M"] = data["M"] + 12.0 * data["A"]
    found = estimated(FRONT, EFFECT, umbel.Study(data), APIPW())
    check = next(one for one in found.checks if one.name.startswith("overlap: every A beside"))
    assert not check.passed


def test_the_choice_follows_the_estimand_and_the_data() -> None:
    data = front(300, 5)
    coins = {name: (column > 0.3).astype(int) for name, column in data.items()}
    dose = {**data, "A": data["C"] + np.random.default_rng(0).normal(size=300)}
    napkin = "W -> Z -> X -> Y; W <-> X; W <-> Y"
    for graph, study, method in (
        (FRONT, data, "apipw"),
        (FRONT, coins, "apipw"),
        (FRONT, dose, "kernels"),
        (napkin, dict(zip("WZXY", coins.values(), strict=True)), "cells"),
        (napkin, dict(zip("WZXY", (data["C"], *list(coins.values())[1:]), strict=True)), "kernels"),
    ):
        treated = "X" if graph == napkin else "A"
        answer = umbel.solve(graph, f"E[Y | do({treated}=1)]", umbel.Study(study))
        assert answer.estimate is not None, answer.refusal
        assert answer.estimate.method == method
    refused = umbel.solve(FRONT, "E[Y | do(A=1)]", umbel.Study(data), method=MethodSpec(name="aipw"))
    assert refused.refusal is not None


def test_kernels_find_the_truth_and_claim_no_protection() -> None:
    rng = np.random.default_rng(6)
    rows = 2500
    u = rng.normal(size=rows)
    a = u + rng.normal(size=rows)
    m = 0.7 * a + rng.normal(size=rows)
    study = umbel.Study({"A": a, "M": m, "Y": m + u + rng.normal(size=rows)})
    one = FittedKernels(samples=40)
    found = estimated("A -> M -> Y; A <-> Y", "E[Y | do(A=1.5)] - E[Y | do(A=0.5)]", study, one)
    near(found, 0.7)
    assert any("nothing protects it" in line for line in found.assumptions)
    assert found == estimated("A -> M -> Y; A <-> Y", "E[Y | do(A=1.5)] - E[Y | do(A=0.5)]", study, one)


def test_kernels_follow_a_napkin_of_numbers() -> None:
    rng = np.random.default_rng(7)
    rows = 3000
    u, v = rng.normal(size=(2, rows))
    w = u + v + rng.normal(size=rows)
    z = 0.5 * w + rng.normal(size=rows)
    x = (rng.random(rows) < expit(z + u)).astype(int)
    study = umbel.Study({"W": w, "Z": z, "X": x, "Y": x + v + rng.normal(size=rows)})
    napkin = "W -> Z -> X -> Y; W <-> X; W <-> Y"
    near(estimated(napkin, "E[Y | do(X=1)] - E[Y | do(X=0)]", study, FittedKernels(samples=30)), 1.0)


def test_kernels_agree_with_cells_on_coins() -> None:
    """Where every model is right, both estimate the same number."""
    rng = np.random.default_rng(8)
    z, u = rng.integers(0, 2, 5000), rng.random(5000)
    a = (rng.random(5000) < 0.3 + 0.4 * z).astype(int)
    m = (rng.random(5000) < 0.2 + 0.5 * a + 0.1 * u).astype(int)
    study = umbel.Study({"Z": z, "A": a, "M": m, "Y": (rng.random(5000) < 0.2 + 0.3 * m + 0.3 * z).astype(int)})
    graph = "Z -> { A Y }; A -> M -> Y"
    for question in (EFFECT, "E[Y | do(A ~ Bernoulli(0.2 + 0.5*Z))]", "P(Y | do(A))"):
        both = [estimated(graph, question, study, one).rows for one in (FittedKernels(samples=20), DiscretePlugIn())]
        for mine, exact in zip(*both, strict=True):
            assert mine.value == pytest.approx(exact.value, abs=0.5 * (exact.se or 0.0))


def test_clusters_are_resampled_whole() -> None:
    rng = np.random.default_rng(9)
    cluster = np.repeat(np.arange(60), 15)
    a = rng.normal(size=900)
    m = a + rng.normal(size=900)
    y = m + 2.0 * rng.normal(size=60)[cluster]
    data = {"A": a, "M": m, "Y": y, "psu": cluster}
    plain, whole = (
        estimated("A -> M -> Y; A <-> Y", "E[Y | do(A=1)]", umbel.Study(data, cluster=by), FittedKernels(samples=40))
        for by in (None, "psu")
    )
    assert (whole.estimate.se or 0.0) > 1.5 * (plain.estimate.se or 0.0)
    assert any("clusters of psu" in line for line in whole.assumptions)


def test_what_kernels_cannot_draw_is_refused() -> None:
    data = front(200, 10)
    for question, words in (
        ("E[Y | do(A=5)]", "No row has A = 5"),
        ("P(Y | do(A=1))", "Y has too many values"),
    ):
        found = FittedKernels(samples=5).estimate(
            target(FRONT, question), umbel.Study(data), rng=np.random.default_rng(0)
        )
        assert isinstance(found, Refusal)
        assert words in found.why
