"""Class effects end to end: a graph, MTE(T, Y | U), and rows."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

import umbel
from umbel.errors import QuestionError
from umbel.numerics.mixture_cells import fit_cells
from umbel.simulate.mixtures import MixtureDesign, design_a, design_a5, design_b, design_d3, design_main

GRAPH_B = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = 2"
SATURATED_B = f"{GRAPH_B}; Z0 <-> Z1; X0 <-> X1"
NORMAL = 4.5
"""Standard errors; the seeds are fixed."""


def rows_of(design: MixtureDesign, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    rows = design.rows(size, rng=np.random.default_rng(seed))
    del rows["U"]
    return dict(rows)


def test_the_answer_has_classes_in_order() -> None:
    answer = umbel.solve(GRAPH_B, "MTE(T, Y | U)", umbel.Study(rows_of(design_b(), 20_000)))
    assert answer.verdict == "identified" and answer.classes is not None
    shares, effects = design_b().truth()
    for one, share, effect in zip(answer.classes, shares, effects, strict=True):
        assert one.interval is not None and one.interval[0] is not None and one.interval[1] is not None
        half = (one.interval[1] - one.interval[0]) / 2
        assert one.effect == pytest.approx(effect, abs=NORMAL / 1.96 * half)
        assert one.probability == pytest.approx(share, abs=0.03)
    assert {row.kind for row in answer.rows()} == {"class"}
    assert all(check.passed for check in answer.checks)
    schema = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(answer.to_dict())


def test_the_saturated_graph_gives_the_saturated_fit() -> None:
    design = design_b()
    rows = rows_of(design, 5000)
    counts = np.zeros(design.law.shape)
    np.add.at(counts, (2 * rows["Z0"] + rows["Z1"], 2 * rows["X0"] + rows["X1"], rows["Y"], rows["T"]), 1.0)
    direct = fit_cells(counts, design.values, 2)
    answer = umbel.solve(SATURATED_B, "MTE(T, Y | U)", umbel.Study(rows))
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], direct.effects, atol=1e-7)
    average = umbel.solve(SATURATED_B, "ATE(T, Y)", umbel.Study(rows))
    assert average.value == pytest.approx(direct.average_effect, abs=1e-7)


def test_cells_rows_and_files_agree(tmp_path: object) -> None:
    import pandas

    frame = pandas.DataFrame(rows_of(design_b(), 3000))
    path = f"{tmp_path}/rows.csv"
    frame.to_csv(path, index=False)
    counted = frame.value_counts().reset_index(name="n")
    homes = [
        umbel.Study(frame),
        umbel.Study(path),
        umbel.Study(counted, count="n"),
        umbel.Study(frame.assign(w=1), weight="w"),
    ]
    found = [umbel.solve(GRAPH_B, "MTE(T, Y | U)", home).classes for home in homes]
    for classes in found:
        assert classes is not None
        np.testing.assert_allclose([c.effect for c in classes], [c.effect for c in found[0] or ()], atol=1e-7)


def test_the_number_of_classes_is_tested() -> None:
    graph = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U"
    answer = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(rows_of(design_d3(), 20_000)))
    assert answer.classes is not None and len(answer.classes) == 3


def test_five_levels_of_the_outcome() -> None:
    design = design_a5()
    rows = rows_of(design, 50_000)
    rows["Y"] = design.values[rows["Y"]]
    graph = "U -> { Z0 X0 X1 T Y }; Z0 -> T -> Y; classes U = 2; states Y = { -2 < -1 < 0 < 1 < 2 }"
    answer = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(rows))
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], design.truth()[1], atol=0.15)


def test_real_outcomes_are_normal_within_classes() -> None:
    design = design_b()
    rows = design.rows(8000, rng=np.random.default_rng(3))
    noise = np.random.default_rng(4).normal(size=8000)
    u, t = rows.pop("U"), rows["T"]
    real = {**rows, "Y": 1.0 * u + t * (0.5 + u) + noise}
    answer = umbel.solve(GRAPH_B, "MTE(T, Y | U)", umbel.Study(real))
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], [0.5, 1.5], atol=0.15)
    assert any("normal within each class" in line for line in answer.assumptions)


def test_continuous_proxies_are_cut() -> None:
    design = design_b()
    rows = design.rows(20_000, rng=np.random.default_rng(5))
    u = rows.pop("U")
    noise = np.random.default_rng(6).normal(size=(2, 20_000))
    real = {
        "T": rows["T"],
        "Y": rows["Y"],
        "Z0": rows["Z0"],
        "Z1": rows["Z1"],
        "X0": 2 * u + noise[0],
        "X1": rows["X1"],
    }
    answer = umbel.solve(GRAPH_B, "MTE(T, Y | U)", umbel.Study(real))
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], design.truth()[1], atol=0.08)
    assert any(check.name == "pieces" for check in answer.checks)


def test_clusters_widen_intervals() -> None:
    rows = rows_of(design_b(), 4000)
    twice = {name: np.repeat(column, 2) for name, column in rows.items()}
    plain = umbel.solve(GRAPH_B, "ATE(T, Y)", umbel.Study(rows))
    paired = umbel.solve(
        GRAPH_B, "ATE(T, Y)", umbel.Study(twice | {"pair": np.repeat(np.arange(4000), 2)}, cluster="pair")
    )
    assert plain.estimate is not None and paired.estimate is not None
    assert paired.value == pytest.approx(plain.value, abs=1e-7)
    assert paired.estimate.se == pytest.approx(plain.estimate.se, rel=0.03)


def test_the_bridge_where_proxies_act_on_the_outcome() -> None:
    graph = "U -> { Z0 X0 T Y }; Z0 -> T -> Y; X0 -> Y; classes U = 2"
    answer = umbel.solve(graph, "ATE(T, Y)", umbel.Study(rows_of(design_main(1.0, 0.5), 20_000)))
    assert answer.estimate is not None and answer.estimate.method == "bridge"
    assert answer.classes is None
    assert answer.value == pytest.approx(0.0, abs=NORMAL * (answer.estimate.se or 0.0))
    refused = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(rows_of(design_main(1.0, 0.5), 1000)))
    assert refused.verdict == "refused" and refused.classes is None


def test_strata_are_standardised() -> None:
    rng = np.random.default_rng(8)
    size = 40_000
    w = rng.random(size) < 0.4
    u = rng.random(size) < np.where(w, 0.7, 0.4)
    z, x = rng.random(size) < np.where(u, 0.8, 0.2), rng.random(size) < np.where(u, 0.75, 0.15)
    t = rng.random(size) < 0.3 + 0.2 * z + 0.2 * w
    y = rng.random(size) < 0.2 + 0.2 * w + t * np.where(u, 0.4, 0.1) + 0.1 * u
    data = {name: column.astype(int) for name, column in {"Z": z, "X": x, "T": t, "Y": y, "W": w}.items()}
    graph = "U -> { Z X T Y }; { Z W } -> T -> Y; W -> { U Y }; classes U = 2"
    answer = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(data))
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], [0.1, 0.4], atol=0.06)
    average = umbel.solve(graph, "ATE(T, Y)", umbel.Study(data))
    assert average.value == pytest.approx(0.1 + 0.3 * (0.4 * 0.7 + 0.6 * 0.4), abs=0.03)


def common_cause(seed: int, size: int = 80_000) -> dict[str, np.ndarray]:
    """W acts on both proxies against the class, so that without it they seem almost independent."""
    rng = np.random.default_rng(seed)
    w, u = rng.random(size) < 0.5, rng.random(size) < 0.4
    z = rng.random(size) < np.where(u, 0.525, 0.175) + 0.3 * w
    x = rng.random(size) < np.where(u, 0.14, 0.49) + 0.25 * w
    t = rng.random(size) < 0.2 + 0.3 * z + 0.3 * u
    y = rng.random(size) < 0.2 + 0.3 * u + np.where(u, 0.4, -0.1) * t
    return {name: one.astype(int) for name, one in {"Z": z, "X": x, "T": t, "Y": y, "W": w}.items()}


@pytest.mark.parametrize("number", [" = 2", ""])
def test_classes_are_counted_within_strata(number: str) -> None:
    """What strata do to both sides is no class, and hides none."""
    graph = f"U -> {{ Z X T Y }}; Z -> T -> Y; W -> {{ Z X }}; classes U{number}"
    study = umbel.Study(common_cause(0))
    answer = umbel.solve(graph, "MTE(T, Y | U)", study)
    assert answer.classes is not None
    np.testing.assert_allclose([one.effect for one in answer.classes], [-0.1, 0.4], atol=0.1)
    assert not [check for check in answer.checks if not check.passed and check.name != "fit" and check.name != "status"]
    rows = common_cause(1) | {"cluster": np.arange(80_000)}
    clustered = umbel.solve(graph, "MTE(T, Y | U)", umbel.Study(rows, cluster="cluster"))
    assert clustered.classes is not None
    np.testing.assert_allclose([one.effect for one in clustered.classes], [-0.1, 0.4], atol=0.1)


class TestRefusals:
    rows = rows_of(design_b(), 2000)

    def answer(
        self, changes: dict[str, np.ndarray], graph: str = GRAPH_B, question: str = "MTE(T, Y | U)"
    ) -> umbel.Answer:
        return umbel.solve(graph, question, umbel.Study(self.rows | changes))

    def test_an_arm_that_never_occurs(self) -> None:
        answer = self.answer({"T": np.ones(2000, dtype=int)})
        assert answer.refusal is not None and "an arm is missing" in answer.refusal.why

    def test_an_arm_of_another_name(self) -> None:
        with pytest.raises(QuestionError, match="'T' is 1 or 2 in the data"):
            self.answer({"T": self.rows["T"] + 1})

    @pytest.mark.parametrize("question", ["MTE(T, Y | U)", "ATE(T, Y)"])
    def test_a_class_that_is_never_treated(self, question: str) -> None:
        rng = np.random.default_rng(0)
        u = rng.random(20_000) < 0.4
        z, x = rng.random(20_000) < np.where(u, 0.8, 0.2), rng.random(20_000) < np.where(u, 0.75, 0.2)
        t = (rng.random(20_000) < 0.3 + 0.3 * z) & ~u
        y = rng.random(20_000) < 0.2 + 0.3 * u + 0.2 * t
        rows = {name: column.astype(int) for name, column in {"Z": z, "X": x, "T": t, "Y": y}.items()}
        answer = umbel.solve("U -> { Z X T Y }; Z -> T -> Y; classes U = 2", question, umbel.Study(rows))
        assert answer.refusal is not None and "where it is 1 fewer" in answer.refusal.why

    @pytest.mark.parametrize("name", ["Z0", "X1", "Y"])
    def test_a_constant(self, name: str) -> None:
        answer = self.answer({name: np.zeros(2000, dtype=int)})
        assert answer.refusal is not None and f"{name} is 0 in every row" in answer.refusal.why

    def test_what_is_no_number(self) -> None:
        with pytest.raises(umbel.errors.DataError, match="inf"):
            self.answer({"Y": np.where(np.arange(2000) == 5, np.inf, self.rows["Y"])})

    def test_rows_that_count_nothing(self) -> None:
        with pytest.raises(umbel.errors.DataError, match=r"counts 0 times|no row"):
            umbel.solve(GRAPH_B, "MTE(T, Y | U)", umbel.Study(self.rows | {"n": np.zeros(2000)}, count="n"))

    def test_more_classes_than_features(self) -> None:
        graph = "U -> { Z0 X0 X1 T Y }; Z0 -> T -> Y; classes U = 3"
        answer = self.answer({}, graph)
        assert answer.refusal is not None and "3 classes need 3 independent features" in answer.refusal.why

    def test_more_classes_than_the_data_show(self) -> None:
        answer = self.answer({}, GRAPH_B.replace("= 2", "= 4"))
        assert answer.refusal is not None and "show 2 classes" in answer.refusal.why

    def test_independent_proxies(self) -> None:
        rng = np.random.default_rng(1)
        noise = {name: rng.integers(0, 2, 2000) for name in ("Z0", "Z1", "X0", "X1")}
        answer = self.answer(noise, GRAPH_B.replace("= 2", ""))
        assert answer.refusal is not None and "show one class" in answer.refusal.why

    def test_proxies_that_depend_on_each_other(self) -> None:
        rows = rows_of(design_b(), 20_000)
        linked = np.where(np.random.default_rng(2).random(20_000) < 0.5, rows["Z0"], rows["X0"])
        answer = umbel.solve(GRAPH_B, "MTE(T, Y | U)", umbel.Study(rows | {"X0": linked}))
        assert answer.refusal is not None and "contradict" in answer.refusal.why
        average = umbel.solve(GRAPH_B, "ATE(T, Y)", umbel.Study(rows | {"X0": linked}))
        assert average.estimate is not None and average.estimate.method == "bridge"
        assert any(check.name == "fit" and not check.passed for check in average.checks)


def test_a_hard_design_is_called_weak() -> None:
    answer = umbel.solve(
        "U -> { Z0 X0 X1 T Y }; Z0 -> T -> Y; classes U = 2", "MTE(T, Y | U)", umbel.Study(rows_of(design_a(), 1000))
    )
    assert answer.classes is None or any(
        check.name == "strength of the proxies" and not check for check in answer.checks
    )


@pytest.mark.parametrize("power", [-30, 17, 30])
@pytest.mark.parametrize("question", ["MTE(T, Y | U)", "ATE(T, Y)", "E[Y | do(T)]"])
def test_the_outcome_may_have_any_unit(power: int, question: str) -> None:
    """Incomes in cents: their curvature is small beside that of probabilities, and no flat likelihood."""
    rng = np.random.default_rng(3)
    rows = design_b().rows(3000, rng=rng)
    u = rows.pop("U")
    y = 1.0 * u + rows["T"] * (0.5 + u) + rng.normal(size=3000)
    y = y / 2 ** round(np.log2(np.std(y)))
    plain = umbel.solve(GRAPH_B, question, umbel.Study({**rows, "Y": y}))
    other = umbel.solve(GRAPH_B, question, umbel.Study({**rows, "Y": y * 2.0**power}))
    assert plain.rows() and len(plain.rows()) == len(other.rows())
    for one, two in zip(plain.rows(), other.rows(), strict=True):
        scale = 1.0 if one.term.startswith("P(") else 2.0**power
        assert one.value is not None and one.se is not None and one.upper is not None
        assert two.value == pytest.approx(one.value * scale, rel=1e-9)
        assert two.se == pytest.approx(one.se * scale, rel=1e-9)
        assert two.upper == pytest.approx(one.upper * scale, rel=1e-9)
    for a, b in zip(plain.classes or (), other.classes or (), strict=True):
        assert a.effect is not None and b.effect == pytest.approx(a.effect * 2.0**power, rel=1e-9)
        assert b.probability == pytest.approx(a.probability, rel=1e-9)
