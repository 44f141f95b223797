"""The test of fit where rows come in clusters: its size, its power, and where it must agree with the plain one."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from benchmarks.class_numbers import Case
from umbel.numerics.clustered_fit import clustered_test
from umbel.numerics.latent_inference import parameters_of
from umbel.numerics.mixture_cells import fit_cells
from umbel.numerics.sparse_cells import SaturatedTest, saturated_test
from umbel.simulate.mixtures import design_b, design_d3

GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = 2"
SATURATED = f"{GRAPH}; Z0 <-> Z1; X0 <-> X1"


def both(rows: dict[str, np.ndarray], k: int, weights: np.ndarray | None = None) -> tuple[SaturatedTest, SaturatedTest]:
    """The plain test, and that of clusters."""
    shape = (4, 4, 2, 2)
    cell = np.ravel_multi_index((2 * rows["Z0"] + rows["Z1"], 2 * rows["X0"] + rows["X1"], rows["Y"], rows["T"]), shape)
    weight = np.ones(len(cell)) if weights is None else weights
    counts = np.bincount(cell, weight, int(np.prod(shape))).reshape(shape)
    found = fit_cells(counts, np.arange(2.0), k)
    many = parameters_of(found.model, found.fit)
    plain = saturated_test(found.model, found.fit, many)
    own = clustered_test(found.model, found.fit, many, cell, rows["cluster"], weight)
    assert plain is not None and own is not None
    return plain, own


def rates(case: Case, replicates: int) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    tests = [both(case.draw(rng)[0], len(case.design.classes)) for _ in range(replicates)]
    return tuple(float(np.mean([one[side].p_value < 0.05 for one in tests])) for side in (0, 1))  # type: ignore[return-value]


def test_ten_replicates() -> None:
    plain, own = rates(Case(design_b(), 60, 50, 1.0), 10)
    assert plain >= 0.4 and own <= 0.2


@pytest.mark.study
@pytest.mark.parametrize(
    "case",
    [
        Case(design_b(), 40, 75),
        Case(design_b(), 150, 20, 1.0),
        Case(design_b(), 100, 30, None),
        Case(design_d3(), 100, 60),
    ],
)
def test_two_hundred_replicates(case: Case) -> None:
    assert rates(case, 200)[1] <= 0.08


def test_independent_rows_have_no_design_effect() -> None:
    rows = design_b().rows(5000, rng=np.random.default_rng(2)) | {"cluster": np.arange(5000)}
    plain, own = both(dict(rows), 2)
    assert own.design == pytest.approx(1.0, abs=0.001)
    assert own.statistic == pytest.approx(plain.statistic, rel=0.001)
    assert own.p_value == pytest.approx(plain.p_value, abs=0.03)


def test_repeated_rows_are_divided_out() -> None:
    rows = design_b().rows(3000, rng=np.random.default_rng(3)) | {"cluster": np.arange(3000)}
    thrice = {name: np.repeat(column, 3) for name, column in rows.items()}
    once, own = both(dict(rows), 2)[1], both(thrice, 2)[1]
    assert own.design == pytest.approx(3 * once.design, rel=1e-6)
    assert own.statistic == pytest.approx(once.statistic, rel=1e-4)
    assert own.p_value == pytest.approx(once.p_value, abs=0.02)
    weighed = both(dict(rows), 2, np.full(3000, 3.0))[1]
    assert weighed.design == pytest.approx(3 * once.design, rel=1e-6)


def test_spaced_clusters_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Case(design_b(), 1500, 6, 1.0).draw(np.random.default_rng(7))[0]
    whole = both(rows, 2)[1]
    monkeypatch.setattr("umbel.numerics.clustered_fit.ENTRIES", 500 * 64)
    assert both(rows, 2)[1].design == pytest.approx(whole.design, rel=0.1)


class TestAnswers:
    """The same end to end: naming clusters no longer hides a contradiction, and causes none."""

    rows = design_b().clustered_rows([50] * 80, concentration=1.0, rng=np.random.default_rng(4))

    def seen(self, **changes: np.ndarray) -> umbel.Study:
        return umbel.Study({n: c for n, c in (self.rows | changes).items() if n != "U"}, cluster="cluster")

    def test_a_true_model_stands(self) -> None:
        answer = umbel.solve(SATURATED, "MTE(T, Y | U)", self.seen())
        (check,) = (one for one in answer.checks if one.name == "fit")
        assert check.passed and "design effect" in check.advice and answer.classes is not None

    def test_a_false_one_is_refused(self) -> None:
        many = design_b().clustered_rows([50] * 200, concentration=1.0, rng=np.random.default_rng(4))
        toss = np.random.default_rng(5).random(10_000) < 0.5
        linked = many | {"X0": np.where(toss, many["Z0"], many["X0"])}
        study = umbel.Study({n: c for n, c in linked.items() if n != "U"}, cluster="cluster")
        answer = umbel.solve(GRAPH, "MTE(T, Y | U)", study)
        assert answer.refusal is not None and "contradict" in answer.refusal.why
        average = umbel.solve(GRAPH, "ATE(T, Y)", study)
        assert average.estimate is not None and average.estimate.method == "bridge"

    def test_a_normal_outcome_stays_normal(self) -> None:
        rng = np.random.default_rng(6)
        u, t = self.rows["U"], self.rows["T"]
        shift = rng.normal(size=80)[self.rows["cluster"]]
        real = u + t * (0.5 + u) + 0.6 * shift + 0.8 * rng.normal(size=4000)
        answer = umbel.solve(SATURATED, "MTE(T, Y | U)", self.seen(Y=real))
        assert any("normal within each class" in line for line in answer.assumptions)
        skewed = umbel.solve(SATURATED, "MTE(T, Y | U)", self.seen(Y=u + t * (0.5 + u) + rng.exponential(size=4000)))
        assert any(one.name == "normal within classes" and not one.passed for one in skewed.checks)
