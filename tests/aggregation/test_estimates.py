"""Effects of totals from rows: against known models, a second implementation, and each other."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

import umbel
from umbel.estimate.macro_report import PartsData, component_effects, joint_effects, known_effects, report_of
from umbel.numerics.aggregation_fit import fit_parts, slope_fit
from umbel.numerics.aggregation_linear import natural_direction
from umbel.numerics.influence import Sample

SHOPS = "Sales = sum(X1, X2); Revenue = weighted(X1: 3, X2: 1)"
CONFOUNDED = "Z -> {X1 X2 Y}; {X1 X2} -> Y; S = sum(X1, X2)"
SIGMAS = 4.0


def shops(rows: int = 3000, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"X1": 10 + 2 * rng.normal(size=rows), "X2": 20 + 3 * rng.normal(size=rows)}


def confounded(rows: int = 4000, seed: int = 1, alpha: tuple[float, float] = (3, 1)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    x1, x2 = z + rng.normal(size=rows), 0.5 * z + rng.normal(size=rows)
    return {"X1": x1, "X2": x2, "Z": z, "Y": alpha[0] * x1 + alpha[1] * x2 + 2 * z + rng.normal(size=rows)}


def close(answer: umbel.Answer, truth: float) -> None:
    assert answer.value is not None
    assert answer.estimate is not None
    assert answer.estimate.se is not None
    assert abs(answer.value - truth) <= SIGMAS * answer.estimate.se + 1e-9


@pytest.mark.parametrize(
    ("by", "truth"),
    [
        ("natural", 54.8462),
        ("shift(X2)", 53.0),
        ("perfect(X2)", 53.0),
        ("levers(X1, X2)", 56.0),
        ("shift(X1: 4, X2: 9)", 54.8462),
        ("point(X1: Sales, X2: 0)", 99.0),
    ],
)
def test_the_shops(by: str, truth: float) -> None:
    answer = umbel.solve(SHOPS, f"E[Revenue | do(Sales = 33 by {by})]", umbel.Study(shops()))
    close(answer, truth)
    assert answer.estimand is not None
    assert by.split("(")[0] in answer.estimand.strategy
    assert answer.estimate is not None
    assert answer.estimate.method == "totals"


@pytest.mark.parametrize(
    ("by", "truth"),
    # D = S w / w'Sw with S = [[2, .5], [.5, 1.25]]; given Z both parts have variance 1
    [("natural", (3 * 2.5 + 1.75) / 4.25), ("natural(Z)", 2.0), ("shift(X1)", 3.0), ("perfect(X1: 1, X2: 1)", 2.0)],
)
def test_adjusting_for_a_covariate(by: str, truth: float) -> None:
    question = f"E[Y | do(S = 1 by {by})] - E[Y | do(S = 0 by {by})]"
    close(umbel.solve(CONFOUNDED, question, umbel.Study(confounded())), truth)


def test_natural_and_adjusted_effects_differ_and_say_which() -> None:
    data = umbel.Study(confounded())
    one = umbel.solve(CONFOUNDED, "E[Y | do(S = 1 by natural)] - E[Y | do(S = 0 by natural)]", data)
    other = umbel.solve(CONFOUNDED, "E[Y | do(S = 1 by natural(Z))] - E[Y | do(S = 0 by natural(Z))]", data)
    assert one.value is not None
    assert other.value is not None
    assert abs(one.value - other.value) > 0.1
    assert one.estimand is not None
    assert other.estimand is not None
    assert "natural," in one.estimand.strategy
    assert "natural(Z)," in other.estimand.strategy


def test_without_a_realisation_no_number_but_a_range() -> None:
    answer = umbel.solve(SHOPS, "E[Revenue | do(Sales = 33)]", umbel.Study(shops()))
    assert answer.verdict == "refused"
    assert answer.value is None
    assert answer.bounds is not None
    assert answer.bounds.interval is not None
    low, high = answer.bounds.interval
    assert low is not None
    assert high is not None
    assert low < 53 < 59 < high
    assert high - low < 8
    assert answer.refusal is not None
    assert "by natural" in answer.refusal.advice
    assert not answer.checks[0]
    assert "range" in answer.summary()


def test_a_test_that_cannot_decide_gives_no_number() -> None:
    data = confounded(60, seed=3, alpha=(2.1, 2.0))
    answer = umbel.solve(CONFOUNDED, "E[Y | do(S = 1)] - E[Y | do(S = 0)]", umbel.Study(data))
    assert answer.value is None
    assert answer.checks[0].value is not None
    assert answer.checks[0].value > 0.05
    assert answer.bounds is not None


def test_where_every_realisation_agrees_a_number_is_given() -> None:
    data = confounded(8000, seed=0, alpha=(2.0, 2.0))
    answer = umbel.solve(CONFOUNDED, "E[Y | do(S = 1)] - E[Y | do(S = 0)]", umbel.Study(data))
    assert answer.verdict == "identified"
    close(answer, 2.0)
    assert any("none makes a difference within 10%" in line for line in answer.remarks)


def test_known_effects_that_are_proportional_need_no_test() -> None:
    graph = "Sales = sum(X1, X2); Revenue = weighted(X1: 2, X2: 2)"
    answer = umbel.solve(graph, "E[Revenue | do(Sales = 33)]", umbel.Study(shops()))
    close(answer, 66.0)
    assert any("by definition" in line for line in answer.remarks)


def test_components_as_outcomes() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3000, 2)) @ np.array([[1, 0.5], [0, 1]])
    y = x * [3.0, 1.0] + rng.normal(size=x.shape)
    data = {"X1": x[:, 0], "X2": x[:, 1], "Y1": y[:, 0], "Y2": y[:, 1]}
    graph = "X1 -> Y1; X2 -> Y2; X1 <-> X2; S = sum(X1, X2); R = sum(Y1, Y2)"
    question = "E[R | do(S = 1 by natural)] - E[R | do(S = 0 by natural)]"
    cov = np.array([[1, 0.5], [0.5, 1.25]])
    truth = float(np.array([3, 1]) @ natural_direction(cov, [1, 1]))
    close(umbel.solve(graph, question, umbel.Study(data)), truth)


def test_totals_alone_are_enough_for_the_natural_effect() -> None:
    data = shops()
    sums = {"Sales": data["X1"] + data["X2"], "Revenue": 3 * data["X1"] + data["X2"]}
    close(umbel.solve(SHOPS, "E[Revenue | do(Sales = 33 by natural)]", umbel.Study(sums)), 54.8462)


def test_a_total_that_is_not_its_parts_is_counted() -> None:
    data = shops(500)
    sales = data["X1"] + data["X2"]
    sales[:3] += 50.0
    answer = umbel.solve(SHOPS, "E[Revenue | do(Sales = 33 by natural)]", umbel.Study({**data, "Sales": sales}))
    (check,) = [one for one in answer.checks if one.name == "Sales is its parts"]
    assert not check
    assert check.value == 3.0
    assert "In 3 rows" in check.advice


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("E[Revenue | do(Sales = 330 by natural)]", "outside of the data"),
        ("E[Revenue | do(Sales = 330)]", "outside of the data"),
    ],
)
def test_values_that_never_occur(question: str, why: str) -> None:
    answer = umbel.solve(SHOPS, question, umbel.Study(shops()))
    assert answer.value is None
    words = (answer.refusal.why if answer.refusal else "") + " ".join(answer.remarks)
    assert why in words


def test_collinear_parts_are_named() -> None:
    data = confounded(200)
    data["X2"] = 2 * data["X1"]
    with pytest.raises(umbel.DataError, match="collinear"):
        umbel.solve(CONFOUNDED, "E[Y | do(S = 1 by shift(X1))]", umbel.Study(data))


def test_more_parts_than_rows_are_named() -> None:
    rng = np.random.default_rng(0)
    names = [f"X{j}" for j in range(12)]
    data = {name: rng.normal(size=10) for name in names} | {"Y": rng.normal(size=10)}
    graph = f"{{ {' '.join(names)} }} -> Y; S = sum({', '.join(names)})"
    with pytest.raises(umbel.DataError, match="need more than 13 rows"):
        umbel.solve(graph, "E[Y | do(S = 0.1 by shift(X1))]", umbel.Study(data))


def test_errors_are_those_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    data = confounded(150)
    x = np.column_stack([data["X1"], data["X2"]])
    ones = np.ones(150)
    fit = fit_parts(x, data["Y"], data["Z"][:, None], Sample(ones, ones))
    there = api.OLS(data["Y"], api.add_constant(np.column_stack([x, data["Z"]]))).fit(cov_type="HC3")
    assert fit.alpha == pytest.approx(there.params[1:3])
    # ours centres the scores of HC3 and divides by rows less one
    assert fit.cov() == pytest.approx(there.cov_params()[1:3, 1:3] * 150 / 149, rel=2e-2)
    classical = api.OLS(data["Y"], api.add_constant(np.column_stack([x, data["Z"]]))).fit()
    assert fit.classical_cov() == pytest.approx(classical.cov_params()[1:3, 1:3])


def test_the_natural_effect_is_the_slope_where_nothing_confounds() -> None:
    data = confounded(400)
    x = np.column_stack([data["X1"], data["X2"]])
    ones = np.ones(400)
    sample = Sample(ones, ones)
    fit = fit_parts(x, data["Y"], np.empty((400, 0)), sample)
    natural = fit.natural(np.ones(2))
    slope, _ = slope_fit(x.sum(axis=1), data["Y"], np.empty((400, 0)), sample)
    assert natural.value == pytest.approx(slope.value)
    assert natural.scores == pytest.approx(slope.scores, abs=0.15 * float(np.abs(slope.scores).max()))


def test_clusters_widen_errors() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(100, 2))
    x = np.repeat(base, 10, axis=0)
    y = x @ [3.0, 1.0] + np.repeat(rng.normal(size=100), 10) + 0.1 * rng.normal(size=1000)
    data = {"X1": x[:, 0], "X2": x[:, 1], "Y": y, "g": np.repeat(np.arange(100), 10)}
    graph = "{X1 X2} -> Y; S = sum(X1, X2)"
    question = "E[Y | do(S = 1 by natural)] - E[Y | do(S = 0 by natural)]"
    plain = umbel.solve(graph, question, umbel.Study(data))
    grouped = umbel.solve(graph, question, umbel.Study(data, cluster="g"))
    assert plain.estimate is not None
    assert grouped.estimate is not None
    assert plain.estimate.se is not None
    assert grouped.estimate.se is not None
    assert grouped.estimate.se > 2 * plain.estimate.se


def test_three_ways_to_the_effects_agree() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4000, 3)) + rng.normal(size=(4000, 1))
    each = x * [1.0, 2.0, 4.0] + rng.normal(size=x.shape)
    ones = np.ones(4000)
    data = PartsData(("a", "b", "c"), np.ones(3), x, each.sum(axis=1), np.empty((4000, 0)), Sample(ones, ones))
    joint, _ = joint_effects(data)
    single = component_effects(data, each)
    exact = known_effects(data, np.array([1.0, 2.0, 4.0]))
    for found in (joint, single):
        assert found.natural == pytest.approx(exact.natural, abs=0.1)
        assert found.alpha == pytest.approx(exact.alpha, abs=0.15)
    assert exact.natural_se < single.natural_se < joint.natural_se * 1.2
    report = report_of(data.names, data.weights, exact, rng=rng)
    assert report.verdict == "realisation-dependent"
    assert (report.ranges[0][1].lower, report.ranges[0][1].upper) == (1.0, 4.0)
    table = report.table()
    assert sum(float(row["share"]) for row in table) == pytest.approx(1.0)
    assert sum(float(row["contribution"]) for row in table) == pytest.approx(exact.natural)


def test_what_the_study_does_not_measure_is_not_adjusted_for() -> None:
    """Z and W both remove confounding; only Z is in the table."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=2000)
    x1, w = z + rng.normal(size=2000), z + rng.normal(size=2000)
    x2 = rng.normal(size=2000)
    graph = "Z -> X1; Z -> W -> Y; {X1 X2} -> Y; S = sum(X1, X2)"
    question = "E[Y | do(S = 1 by shift(X1))] - E[Y | do(S = 0 by shift(X1))]"
    study = umbel.Study({"X1": x1, "X2": x2, "Z": z, "Y": 3 * x1 + x2 + w})
    close(umbel.solve(graph, question, study), 3.0)
    blind = umbel.solve(graph, question, umbel.Study({"X1": x1, "X2": x2, "Y": 3 * x1 + x2 + w}))
    assert blind.verdict == "unidentified"


@pytest.mark.parametrize(
    "question",
    ["E[Y | do(S=1)]", "E[Y | do(S=1 by natural)]", "E[Y | do(S by natural)]", "P(Y | do(S=1))", "E[Y | do(S)]"],
)
def test_answers_are_valid_json(question: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
    data = confounded(200)
    answer = umbel.solve(
        "{X1 X2} -> Y; S = sum(X1, X2)", question, umbel.Study({k: data[k] for k in ("X1", "X2", "Y")})
    )
    jsonschema.Draft202012Validator(schema).validate(answer.to_dict())
    assert answer.summary()


@pytest.mark.parametrize("by", ["natural", "natural(Z)", "shift(X1)"])
def test_rows_that_are_counts_are_that_many_rows(by: str) -> None:
    data, rng = confounded(60), np.random.default_rng(0)
    counts = rng.integers(1, 4, size=60)
    question = f"E[Y | do(S = 1 by {by})]"
    one = umbel.solve(CONFOUNDED, question, umbel.Study({**data, "n": counts}, count="n"))
    other = umbel.solve(
        CONFOUNDED, question, umbel.Study({key: np.repeat(value, counts) for key, value in data.items()})
    )
    assert one.value == pytest.approx(other.value)
    assert one.interval == pytest.approx(other.interval)


def test_an_open_study_names_its_own_cluster() -> None:
    study = umbel.Study({"A": [0.0, 1.0, 2.0], "B": [1.0, 0.0, 1.0], "Y": [1.0, 1.0, 2.0], "C": [0, 0, 1]})
    for asked in (
        lambda: umbel.aggregate.substitution(study, ["A", "B"], "Y", {"A": 1, "B": -1}, cluster="C"),
        lambda: umbel.aggregate.existence(study, ["A", "B"], "Y", confounders=[], cluster="C"),
    ):
        with pytest.raises(umbel.DataError, match="name its cluster there"):
            asked()
