"""AIPW against formulas written by hand, truths, and the design of the sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

import umbel
from umbel.config.problem import MethodSpec
from umbel.errors import InputError
from umbel.estimate.adjustment import AIPW
from umbel.estimate.estimator import Estimated, Estimator, Target
from umbel.estimate.ridge import Linear, Logistic
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.pipeline.answering import target_of
from umbel.results.step import Refusal
from umbel.results.verdict import Identified

Curve = Callable[[np.ndarray], np.ndarray]

EXACT = 1e-9
FAR = 4.0  # standard errors: about one false alarm in 16,000

BACK = "Z -> { A Y }; A -> Y"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
TRIAL = "A -> Y"


def target(graph: str, question: str) -> Target:
    parsed = Graph.parse(graph)
    verdict = identify_question(parsed, Question.parse(question))
    assert isinstance(verdict, Identified)
    return target_of(verdict, parsed)


def estimated(
    graph: str, question: str, study: umbel.Study, estimator: Estimator | None = None, seed: int = 0
) -> Estimated:
    one = estimator or AIPW()
    found = one.estimate(target(graph, question), study, rng=np.random.default_rng(seed))
    assert isinstance(found, Estimated), found
    return found


def confounded(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Effect 1 + Z, of mean 1."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    a = (rng.random(rows) < expit(0.8 * z)).astype(int)
    return {"Z": z, "A": a, "Y": a * (1.0 + z) + z + rng.normal(size=rows)}


def near(found: Estimated, truth: float, at: int = 0) -> None:
    row = found.rows[at]
    assert row.value is not None
    assert row.se is not None
    assert abs(row.value - truth) < FAR * row.se


def test_a_trial_is_the_difference_of_means() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 300)
    y = a + rng.normal(size=300)
    found = estimated(TRIAL, EFFECT, umbel.Study({"A": a, "Y": y}))
    arms = [y[a == value] for value in (1, 0)]
    assert found.estimate.value == pytest.approx(arms[0].mean() - arms[1].mean(), abs=EXACT)
    plain = sum(arm.var() / len(arm) for arm in arms)  # each arm's own variance, as Neyman's
    assert found.estimate.se == pytest.approx(np.sqrt(plain * 300 / 299), rel=1e-9)


def test_the_textbook_formula_with_given_nuisances() -> None:
    """With learners that ignore folds, AIPW is the formula of Robins, Rotnitzky and Zhao."""

    class Known:
        def __init__(self, function: object) -> None:
            self.function = function

        def fit(self, X: np.ndarray, y: np.ndarray) -> None:
            del X, y

        def predict(self, X: np.ndarray) -> np.ndarray:
            return self.function(X[:, 0])  # type: ignore[operator, no-any-return]

    data = confounded(400, 1)
    z, a, y = (data[name] for name in "ZAY")
    found = estimated(
        BACK, "E[Y | do(A=1)]", umbel.Study(data), AIPW(Known(lambda x: 0.5 + 2.0 * x), Known(lambda x: expit(0.8 * x)))
    )
    scores = 0.5 + 2.0 * z + a / expit(0.8 * z) * (y - 0.5 - 2.0 * z)
    assert found.estimate.value == pytest.approx(scores.mean(), abs=EXACT)
    assert found.estimate.se == pytest.approx(scores.std(ddof=1) / 20.0, abs=EXACT)


@pytest.mark.parametrize("wrong", ["nothing", "outcome", "treatment"])
def test_either_nuisance_may_be_wrong(wrong: str) -> None:
    class Level:
        def fit(self, X: np.ndarray, y: np.ndarray) -> Level:
            del X
            self.level = y.mean()
            return self

        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.full(len(X), self.level)

    learners = {wrong: Level()} if wrong != "nothing" else {}
    near(estimated(BACK, EFFECT, umbel.Study(confounded(8000, 2)), AIPW(**learners)), 1.0)
    both = estimated(BACK, EFFECT, umbel.Study(confounded(8000, 2)), AIPW(Level(), Level()))
    assert abs((both.estimate.value or 0.0) - 1.0) > 10 * (both.estimate.se or 1.0)


def test_a_row_per_value_a_ratio_and_a_law() -> None:
    data = confounded(6000, 3)
    study = umbel.Study(data)
    rows = estimated(BACK, "E[Y | do(A)]", study)
    assert [row.given for row in rows.rows] == [(("A", 0),), (("A", 1),)]
    assert rows.estimate.value is None
    near(rows, 0.0, 0)
    near(rows, 1.0, 1)
    shifted = umbel.Study({**data, "Y": data["Y"] + 2.0})
    near(estimated(BACK, "E[Y | do(A=1)] / E[Y | do(A=0)]", shifted), 1.5)
    near(estimated(BACK, "E[Y | do(A ~ Bernoulli(0.25))]", study), 0.25)
    # E[q(Z) (1 + 2 Z) + (1 - q(Z)) Z] with q = expit(Z), by quadrature
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    truth = weights @ (expit(points) * (1.0 + points) + points) / weights.sum()
    near(estimated(BACK, "E[Y | do(A ~ Bernoulli(expit(Z)))]", study), truth)


def test_probabilities_sum_to_one_and_words_are_states() -> None:
    rng = np.random.default_rng(4)
    z = rng.integers(0, 3, 3000)
    a = np.array(["low", "mid", "high"])[(rng.random(3000) * 3.0 + 0.5 * (z - 1)).clip(0.0, 2.9).astype(int)]
    y = np.array(["no", "yes"])[(rng.random(3000) < 0.2 + 0.2 * z + 0.2 * (a == "high")).astype(int)]
    study = umbel.Study({"Z": np.array(["x", "y", "z"])[z], "A": a, "Y": y})
    found = estimated(BACK, "P(Y | do(A))", study)
    assert len(found.rows) == 6
    by = {row.given: row.value for row in found.rows}
    for arm in ("low", "mid", "high"):
        assert by[("Y", "no"), ("A", arm)] + by[("Y", "yes"), ("A", arm)] == pytest.approx(1.0, abs=1e-6)  # type: ignore[operator]
    near(estimated(BACK, 'P(Y="yes" | do(A="high")) - P(Y="yes" | do(A="low"))', study), 0.2)


def test_conditions_several_treatments_and_treatments_in_turn() -> None:
    rng = np.random.default_rng(5)
    rows = 8000
    x, z = rng.integers(0, 2, rows), rng.normal(size=rows)
    a = (rng.random(rows) < expit(z)).astype(int)
    l = 0.5 * a + z + rng.normal(size=rows)  # noqa: E741
    b = (rng.random(rows) < expit(l - 0.5)).astype(int)
    y = a + 2.0 * b + l + x * a + rng.normal(size=rows)
    study = umbel.Study({"X": x, "Z": z, "A": a, "L": l, "B": b, "Y": y})
    turn = "Z -> { A L }; A -> L -> B; { A B L X } -> Y; A -> B"
    near(estimated(turn, "E[Y | do(A=1, B=1)]", study), 4.0)
    near(estimated(turn, "E[Y | do(A=1, B=1)] - E[Y | do(A=0, B=0)]", study), 4.0)
    near(estimated(turn, "E[Y | do(A=1, B=0), X=1]", study), 2.5)
    by = estimated(turn, "E[Y | do(A=1, B=0), X]", study)
    near(by, 1.5, 0)
    near(by, 2.5, 1)


@pytest.mark.parametrize(
    ("curve", "straight"),
    [
        (lambda a: np.sin(2.0 * a), False),  # odd: no square in it
        (lambda a: a**3, False),
        (lambda a: 1.0 * (a > 0.0), False),
        (lambda a: 2.0 * a, True),
    ],
)
@pytest.mark.parametrize("dose", [lambda a: a, lambda a: np.round(4.0 * a) / 4.0, lambda a: np.sinh(a)])
def test_curves_without_a_square_are_no_line(curve: Curve, straight: bool, dose: Curve) -> None:
    """A slope of sin(2 A) says 0.1 where the change from 0 to 1 is 0.9: the Answer must doubt it."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=4000)
    a = dose(0.7 * z + rng.normal(size=4000))
    y = curve(a) + np.sin(z) + 0.5 * rng.normal(size=4000)
    found = estimated(BACK, "E[Y | do(A=1)] - E[Y | do(A=0)]", umbel.Study({"Z": z, "A": a, "Y": y}))
    check = next(one for one in found.checks if one.name == "one slope: A")
    assert check.passed == straight


def test_a_number_as_treatment_has_one_slope_and_its_bend_is_seen() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(size=4000)
    a = 0.7 * z + rng.normal(size=4000)
    for bend, passed in ((0.0, True), (0.3, False)):
        y = 0.5 * a + bend * a**2 + np.sin(z) + rng.normal(size=4000)
        found = estimated(BACK, "E[Y | do(A=2)] - E[Y | do(A=0.5)]", umbel.Study({"Z": z, "A": a, "Y": y}))
        check = next(one for one in found.checks if one.name == "one slope: A")
        assert check.passed == passed
        if passed:
            near(found, 0.75)
            near(found, 0.5, 1)
            curve = estimated(BACK, "E[Y | do(A)]", umbel.Study({"Z": z, "A": a, "Y": y}))
            assert curve.rows[0].term == "slope of Y per unit of A"
            for at in range(1, 6):
                near(curve, 0.5 * dict(curve.rows[at].given)["A"], at)  # type: ignore[operator]


def test_a_number_drawn_from_a_law_is_met_at_the_laws_mean() -> None:
    rng = np.random.default_rng(18)
    z = rng.normal(size=3000)
    a = 0.7 * z + rng.normal(size=3000)
    study = umbel.Study({"Z": z, "A": a, "Y": 0.5 * a + z + rng.normal(size=3000)})
    drawn = estimated(BACK, "E[Y | do(A ~ Normal(0.6, 2))]", study)
    assert drawn.estimate == estimated(BACK, "E[Y | do(A=0.6)]", study).estimate
    near(drawn, 0.3)
    reads = estimated(BACK, "E[Y | do(A ~ Normal(1 + 2*Z, 1))] - E[Y | do(A=0)]", study)
    near(reads, 0.5)
    shifted = 0.5 * (1.0 + 2.0 * z.mean())  # the law reads this sample's covariates
    assert reads.estimate.value == pytest.approx(shifted, abs=0.1)
    with pytest.raises(InputError, match="is a law of states"):
        estimated(BACK, "E[Y | do(A ~ Bernoulli(0.5))]", study)


def test_rows_that_are_counts_weigh_as_the_rows_they_stand_for() -> None:
    rng = np.random.default_rng(7)
    a, y, z = (rng.integers(0, 2, 500) for _ in range(3))
    table, counts = np.unique(np.stack([z, a, y], axis=1), axis=0, return_counts=True)
    long, short = {"A": a, "Y": y}, {"A": table[:, 1], "Y": table[:, 2], "n": counts}
    plain = estimated(TRIAL, EFFECT, umbel.Study(long)).estimate
    counted = estimated(TRIAL, EFFECT, umbel.Study(short, count="n")).estimate
    assert (counted.value, counted.se) == pytest.approx((plain.value, plain.se), abs=EXACT)
    adjusted = estimated(BACK, EFFECT, umbel.Study({**short, "Z": table[:, 0]}, count="n")).estimate
    whole = estimated(BACK, EFFECT, umbel.Study({**long, "Z": z})).estimate
    assert adjusted.value == pytest.approx(whole.value, abs=0.2 * whole.se)  # type: ignore[operator]
    assert adjusted.se == pytest.approx(whole.se, rel=0.05)


def test_sampling_weights_move_the_mean_and_widen_its_error() -> None:
    rng = np.random.default_rng(8)
    y, w = rng.normal(size=2000), rng.uniform(0.2, 3.0, 2000)
    y += w
    found = estimated("Y", "E[Y]", umbel.Study({"Y": y, "w": w}, weight="w")).estimate
    mean = w @ y / w.sum()
    assert found.value == pytest.approx(mean, abs=EXACT)
    assert found.se == pytest.approx(np.sqrt((w**2 * (y - mean) ** 2).sum()) / w.sum(), rel=1e-3)


def test_clusters_and_strata() -> None:
    rng = np.random.default_rng(9)
    cluster = np.repeat(np.arange(100), 20)
    y = rng.normal(size=100)[cluster] + rng.normal(size=2000)
    study = umbel.Study({"Y": y, "psu": cluster}, cluster="psu")
    found = estimated("Y", "E[Y]", study)
    totals = np.bincount(cluster, y - y.mean())
    assert found.estimate.se == pytest.approx(np.sqrt((totals**2).sum() * 100 / 99) / 2000, rel=1e-9)
    assert any("clusters of psu" in line for line in found.assumptions)
    stratum = (y > np.median(y)).astype(int)
    split = estimated("Y", "E[Y]", umbel.Study({"Y": y, "s": stratum}, strata="s"))
    within = sum(y[stratum == s].var(ddof=1) * (stratum == s).sum() for s in (0, 1))
    assert split.estimate.se == pytest.approx(np.sqrt(within) / 2000, rel=1e-9)


def test_overlap_that_fails_is_said() -> None:
    rng = np.random.default_rng(10)
    z = rng.normal(size=3000)
    a = (rng.random(3000) < expit(4.0 * z)).astype(int)
    found = estimated(BACK, EFFECT, umbel.Study({"Z": z, "A": a, "Y": z + a}))
    failing = [check for check in found.checks if check.name.startswith("overlap") and not check.passed]
    assert len(failing) == 2
    assert "leans on the outcome's model" in failing[0].advice
    assert "rows as set count as" in failing[0].advice


def test_overlap_of_the_treated_is_about_the_treated() -> None:
    """Many who are never treated do no harm to an effect on the treated; many who always are do."""
    rng = np.random.default_rng(17)
    z = rng.normal(size=3000)
    for slope, level, passed in ((2.0, -4.0, True), (3.0, 3.0, False)):
        a = (rng.random(3000) < expit(level + slope * z)).astype(int)
        data = umbel.Study({"Z": z, "A": a, "Y": z + a + rng.normal(size=3000)})
        found = estimated(BACK, "E[Y[A=1] | A=1] - E[Y[A=0] | A=1]", data)
        (check,) = (one for one in found.checks if one.name.startswith("overlap"))
        assert check.name == "overlap: A = 0 for those with A = 1"
        assert check.passed == passed
        near(found, 1.0)


def test_learners_of_scikit_learn_and_what_they_cannot_do() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    linear = pytest.importorskip("sklearn.linear_model")
    data = confounded(1500, 11)
    forest = ensemble.RandomForestRegressor(20, min_samples_leaf=20)
    one = AIPW(forest, linear.LogisticRegression())
    first, again = (estimated(BACK, EFFECT, umbel.Study(data), one) for _ in range(2))
    near(first, 1.0)
    assert first.estimate == again.estimate  # the forest is seeded from rng
    assert forest.random_state is None
    with pytest.raises(InputError, match="is a classifier, and what it must learn is a number"):
        estimated(BACK, EFFECT, umbel.Study(data), AIPW(outcome=linear.LogisticRegression()))
    weighted = umbel.Study({**data, "w": np.arange(1500) % 3 + 1.0}, weight="w")
    neighbours = pytest.importorskip("sklearn.neighbors").KNeighborsRegressor(50)
    with pytest.raises(InputError, match="takes no sample_weight"):
        estimated(BACK, EFFECT, weighted, AIPW(outcome=neighbours))


def test_same_seed_same_bits_and_no_row_order_in_a_mean() -> None:
    study = umbel.Study(confounded(500, 12))
    once, twice = (estimated(BACK, EFFECT, study, seed=3).estimate for _ in range(2))
    assert once == twice
    assert once != estimated(BACK, EFFECT, study, seed=4).estimate


def test_units_weigh_the_same_where_a_plate_is_asked_about() -> None:
    """A flat route through a plate: one pupil of one school, schools weighing the same."""
    rng = np.random.default_rng(13)
    school = np.repeat(np.arange(200), rng.integers(2, 30, 200))
    size = np.bincount(school)[school]
    level = 0.1 * np.bincount(school)  # larger schools do better, which must not count twice
    a = rng.integers(0, 2, len(school))
    y = level[school] + a * 1.0 + rng.normal(size=len(school))
    study = umbel.Study({"school": school, "A": a, "Y": y}, unit="school")
    found = AIPW().estimate(_flat_plate(), study, rng=rng)
    assert isinstance(found, Estimated)
    means = np.array([y[(school == one) & (a == 1)].mean() for one in range(200) if ((school == one) & (a == 1)).any()])
    weights = 1.0 / size[a == 1]
    assert found.estimate.value == pytest.approx(weights @ y[a == 1] / weights.sum(), abs=EXACT)
    assert found.estimate.value == pytest.approx(means.mean(), abs=0.1)
    assert found.units == 200


def _flat_plate() -> Target:
    from umbel.expr.nodes import AtState, Held, NumericValue, Probability, Product, Raw, Sum, Symbol

    y, a = Symbol(Raw("Y", ("student",))), Symbol(Raw("A", ("student",)))
    law = Probability((y,), (Held(a, AtState(1)),), ("student",))
    return Target("E[Y | do(A=1)]", Sum((y,), Product((NumericValue(y), law))))


def test_a_treatment_without_effect_is_exactly_nothing() -> None:
    found = estimated("Z -> Y; A", EFFECT, umbel.Study({"A": [0, 1], "Z": [1, 0], "Y": [0.5, 1.5]}))
    assert (found.estimate.value, found.estimate.se) == (0.0, 0.0)


def test_what_cannot_be_answered_is_refused_with_advice() -> None:
    study = umbel.Study(confounded(200, 14))
    for question, words in (
        ("E[Y | do(A=2)]", "No row has A = 2"),
        ("P(Y | do(A))", "Y has too many values"),
        ("P(Y=1 | do(A=1))", "Y is a number with many values"),
        ("E[Y | do(A ~ q)]", "law q is unspecified"),
    ):
        found = AIPW().estimate(target(BACK, question), study, rng=np.random.default_rng(0))
        assert isinstance(found, Refusal)
        assert words in found.why
        assert found.advice
    front = AIPW().supports(
        target("X -> Z -> Y; X <-> Y", "E[Y | do(X=1)]"), umbel.Study({"X": [0], "Z": [0], "Y": [0]})
    )
    assert isinstance(front, Refusal)
    absent = AIPW().supports(target(BACK, EFFECT), umbel.Study({"A": [0], "Y": [0]}))
    assert isinstance(absent, Refusal)
    assert "does not hold Z" in absent.why


def test_a_method_is_chosen_by_the_estimand_and_by_name() -> None:
    data = {**confounded(300, 15)}
    assert umbel.solve(BACK, EFFECT, umbel.Study(data)).estimate.method == "aipw"  # type: ignore[union-attr]
    refused = umbel.solve(BACK, EFFECT, umbel.Study(data), method=MethodSpec(name="cells"))
    assert refused.refusal is not None
    kernels = umbel.solve(BACK, EFFECT, umbel.Study(data), method=MethodSpec(name="kernels"))
    assert kernels.estimate is not None
    assert abs((kernels.value or 0.0) - 1.0) < FAR * (kernels.estimate.se or 0.0)


def test_built_in_learners_find_what_they_are_for() -> None:
    rng = np.random.default_rng(16)
    x = rng.normal(size=(4000, 3))
    y = 1.0 + x[:, 0] * x[:, 1] - x[:, 2] ** 2
    assert Linear().fit(x, y).predict(x) == pytest.approx(y, abs=1e-6)
    noisy = Linear().fit(x, rng.normal(size=4000)).predict(x)
    assert np.abs(noisy).max() < 0.5  # nothing to learn: the penalty wins
    chance = expit(0.5 + x[:, 0] - x[:, 1] * x[:, 2])
    found = Logistic().fit(x, (rng.random(4000) < chance).astype(float)).predict(x)
    assert np.abs(found - chance).mean() < 0.03
