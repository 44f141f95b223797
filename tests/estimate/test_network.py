"""Policies on one network, from rows and edges to an Answer: truth, coverage, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel
from umbel.numerics.automodel import Neighbourhood
from umbel.numerics.chromatic import chances
from umbel.numerics.network import build_network

GRAPH = "network person { C -> A -> Y; C -> Y; C.near -> Y; A.near -> Y; Y -- Y.near }"
GAIN = "E[Y | do(A ~ Bernoulli(expit(2*C)))] - E[Y]"
TRUE = (-1.2, 0.8, 0.5, 0.25, -0.1, 0.2)


def friends(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(n, 1)
    kept = np.random.default_rng(seed).random(len(first)) < 4.0 / (n - 1)
    return first[kept], second[kept]


def field(at: Neighbourhood, c: np.ndarray, a: np.ndarray) -> np.ndarray:
    return TRUE[0] + TRUE[1] * a + TRUE[2] * c + TRUE[3] * at.around(a) + TRUE[4] * at.around(c)


def population(n: int, seed: int) -> tuple[umbel.Study, Neighbourhood, np.ndarray, np.ndarray]:
    """A study, its network, and C and A by place."""
    first, second = friends(n, seed)
    at = Neighbourhood.of(build_network(n, first, second))
    rng = np.random.default_rng(seed)
    c = rng.normal(size=n)
    a = (rng.random(n) < expit(0.5 * c)).astype(float)
    kept = chances(at.network, field(at, c, a)[:, None], TRUE[5], burn=50, keep=1, rng=rng)
    y = next(state[:, 0, 0].astype(float) for state, _ in kept)
    back = at.network.outward
    study = umbel.Study({"C": back(c), "A": back(a), "Y": back(y)}, edges={"a": first, "b": second})
    return study, at, c, a


def true_gain(at: Neighbourhood, c: np.ndarray, a: np.ndarray) -> float:
    """By the true laws: persons with the treatments they had beside persons under the policy, on one noise."""
    rng = np.random.default_rng(9)
    drawn = (rng.random((len(c), 256)) < expit(2 * c)[:, None]).astype(float)
    both = np.stack([field(at, c[:, None], drawn), np.repeat(field(at, c, a)[:, None], 256, axis=1)], axis=1)
    total = [chance.mean(axis=(0, 2)) for _, chance in chances(at.network, both, TRUE[5], copies=256, rng=rng)]
    found = np.mean(total, axis=0)
    return float(found[0] - found[1])


def test_the_interval_holds_the_true_gain_in_repeated_networks() -> None:
    hits, errors = 0, []
    for seed in range(12):
        study, at, c, a = population(400, seed)
        answer = umbel.solve(GRAPH, GAIN, study)
        assert answer.estimate is not None
        low, high = answer.estimate.interval
        truth = true_gain(at, c, a)
        hits += low <= truth <= high
        errors.append((answer.estimate.value - truth) / answer.estimate.se)
    assert hits >= 9
    assert abs(np.mean(errors)) < 0.9
    assert 0.6 < np.std(errors) < 1.5


def test_the_same_seed_gives_the_same_bits_and_rows_stand_in_for_each_term() -> None:
    study, *_ = population(200, 3)
    one, two = (umbel.solve(GRAPH, GAIN, study) for _ in range(2))
    assert one.estimate == two.estimate
    assert one.table is not None and len(one.table) == 3
    assert one.estimate.value == pytest.approx(one.table[1].value - one.table[2].value)
    assert {check.name for check in one.checks} >= {"overlap", "one equilibrium"}


def test_keys_in_any_order_give_the_same_answer() -> None:
    study, at, c, a = population(150, 4)
    del study
    order, back = np.random.default_rng(0).permutation(150), at.network.outward
    first, second = friends(150, 4)
    y = (np.arange(150) % 3 == 0).astype(int)
    columns = {"id": np.array([f"p{k}" for k in range(150)]), "C": back(c), "A": back(a), "Y": y}
    edges = {"from": columns["id"][first], "to": columns["id"][second]}
    graph = "network person { C -> A -> Y; A.near -> Y }"  # nothing settles: the answer has no simulation noise
    asked = "E[Y | do(A=1)] - E[Y | do(A=0)]"
    plain = umbel.solve(graph, asked, umbel.Study(columns, unit="id", edges=edges))
    shuffled = {name: column[order] for name, column in columns.items()}
    again = umbel.solve(graph, asked, umbel.Study(shuffled, unit="id", edges=edges))
    assert plain.estimate.value == pytest.approx(again.estimate.value, abs=1e-9)


def test_a_line_without_coupling_is_least_squares() -> None:
    rng = np.random.default_rng(1)
    first, second = friends(300, 1)
    at = Neighbourhood.of(build_network(300, first, second))
    a = (rng.random(300) < 0.5).astype(float)
    around = at.network.outward(at.around(a[at.network.order]))
    y = 1.0 + 2.0 * a + 0.5 * around + rng.normal(size=300)
    study = umbel.Study({"A": a, "Y": y}, edges={"a": first, "b": second})
    answer = umbel.solve("network person { A -> Y; A.near -> Y }", "E[Y | do(A=1)] - E[Y | do(A=0)]", study)
    design = np.column_stack([np.ones(300), a, around])
    slopes = np.linalg.lstsq(design, y, rcond=None)[0]
    degree = 2 * len(first) / 300
    assert answer.estimate.value == pytest.approx(slopes[1] + slopes[2] * degree, abs=1e-6)
    residual = y - design @ slopes
    covariance = np.linalg.inv(design.T @ design) * (residual @ residual) / 297
    direction = np.array([0.0, 1.0, degree])
    assert answer.estimate.se == pytest.approx(float(np.sqrt(direction @ covariance @ direction)), rel=0.2)


def test_an_exposure_is_a_mean_and_a_policy_may_read_neighbours_and_words() -> None:
    rng = np.random.default_rng(2)
    first, second = friends(200, 2)
    sex = np.where(rng.random(200) < 0.5, "f", "m")
    a = (rng.random(200) < 0.5).astype(int)
    y = (rng.random(200) < 0.3 + 0.4 * a).astype(int)
    study = umbel.Study({"Sex": sex, "A": a, "Y": y}, edges={"a": first, "b": second})
    graph = "network person { Sex -> A -> Y; Peers = mean(A.near); Peers -> Y; Sex -> Y }"
    answer = umbel.solve(graph, 'E[Y | do(A ~ Bernoulli((Sex = "f")))]', study)
    assert "mean(A.near)" in answer.estimand.text
    assert 0.3 < answer.estimate.value < 0.7
    study = umbel.Study({"Sex": (sex == "m") * 1, "A": a, "Y": y}, edges={"a": first, "b": second})
    nearby = umbel.solve(graph, "E[Y | do(A ~ Bernoulli(expit(Sex.near)))] - E[Y | do(A=0)]", study)
    assert nearby.estimate is not None and nearby.estimate.value > 0


@pytest.mark.parametrize(
    ("graph", "question", "change", "why"),
    [
        (GRAPH, "E[Y | do(A ~ q(C))]", {}, "left open"),
        (GRAPH, "E[Y | do(A ~ Bernoulli(C))]", {}, "probability"),
        (GRAPH, "E[Y | do(A ~ Bernoulli(1 / (C - C)))]", {}, "no finite number"),
        (GRAPH, "E[Y | do(A=7)]", {}, "No person has A = 7"),
        (GRAPH, GAIN, {"edges": None}, "names no edges"),
        (GRAPH, GAIN, {"A": "same"}, "A is 1 for everybody"),
        ("C -> A -> Y; C -> Y", "E[Y | do(A=1)]", {}, "the graph has none"),
    ],
)
def test_what_cannot_be_estimated_is_refused_by_name(graph: str, question: str, change: dict, why: str) -> None:
    _, at, c, a = population(60, 5)
    first, second = friends(60, 5)
    columns = {"C": c, "A": np.ones(60) if "A" in change else a, "Y": (np.arange(60) % 2).astype(float)}
    edges = None if "edges" in change else {"a": first, "b": second}
    answer = umbel.solve(graph, question, umbel.Study(columns, edges=edges))
    assert answer.estimate is None
    assert why in answer.refusal.why
    assert at.network.size == 60


def test_regressors_that_go_together_leave_no_mean_without_error() -> None:
    # Along a line whose persons are treated in turn, friends' treatments say one's own: single coefficients are
    # loose, and steps along them one by one had run into corners where nothing moves, with errors of zero.
    line = np.arange(40)
    study = umbel.Study({"A": line % 2, "Y": line % 3 % 2}, edges={"a": line[:-1], "b": line[1:]})
    graph = "network person { A -> Y; A.near -> Y; Y -- Y.near }"
    answer = umbel.solve(graph, "E[Y | do(A ~ Bernoulli(0.3))] - E[Y | do(A=1)]", study)
    assert answer.table is not None
    assert all(row.se > 0.05 for row in answer.table)


def test_a_policy_reads_the_states_of_neighbours_as_the_table_codes_them() -> None:
    """Pairs of friends: with C in 1 and 2, what the other has is C.near itself; words have no sum."""
    rng = np.random.default_rng(0)
    c, noise = rng.integers(0, 2, 400), rng.normal(size=400)
    a = (rng.random(400) < 0.3 + 0.4 * c) * 1
    rows = {"C": c, "A": a, "Y": a + 2 * c + noise}
    edges = {"from": np.arange(0, 400, 2), "to": np.arange(1, 400, 2)}
    graph = "network person { C -> A -> Y; C -> Y; A.near -> Y }"

    def value(law: str, coded: object) -> umbel.Answer:
        return umbel.solve(graph, f"E[Y | do(A ~ Bernoulli({law}))]", umbel.Study(rows | {"C": coded}, edges=edges))

    plain = value("0.4*C.near + 0.2*C", c)
    assert value("0.4*(C.near - 1) + 0.2*(C - 1)", c + 1).value == pytest.approx(plain.value, abs=1e-9)
    words = np.array(["low", "high"])[c]
    for law in ("0.2*C", "0.2*C.near"):
        answer = value(law, words)
        assert answer.value is None
        assert answer.refusal is not None
        assert "C holds words" in answer.refusal.why


def test_clusters_that_a_network_does_not_read_are_a_doubt() -> None:
    first, second = friends(200, 3)
    a = np.arange(200) % 2
    rows = {"A": a, "Y": a + np.random.default_rng(1).normal(size=200), "village": np.arange(200) // 10}
    study = umbel.Study(rows, edges={"a": first, "b": second}, cluster="village")
    answer = umbel.solve("network person { A -> Y; A.near -> Y }", "E[Y | do(A=1)]", study)
    assert [check.advice for check in answer.checks if check.name == "design"] == [
        "This estimator does not read what the study declares as cluster."
    ]


def test_a_policy_reads_the_mean_of_neighbours_as_the_table_codes_them() -> None:
    """An exposure in a policy is the mean over neighbours, of codes 1 and 2 too; a column of its name is not read."""
    rng = np.random.default_rng(4)
    first, second = friends(300, 4)
    x = rng.integers(0, 2, 300)
    a = (rng.random(300) < 0.3 + 0.4 * x) * 1
    rows = {"X": x, "A": a, "Y": a + x + rng.normal(size=300)}
    edges = {"from": first, "to": second}
    graph = "network person { X -> A -> Y; X -> Y; Peers = mean(X.near); Peers -> A; A.near -> Y }"

    def value(law: str, coded: np.ndarray) -> float:
        asked = f"E[Y | do(A ~ Bernoulli({law}))]"
        return umbel.solve(graph, asked, umbel.Study(rows | {"X": coded, "Peers": 7 * x}, edges=edges)).value

    degree, total = np.zeros(300), np.zeros(300)
    for one, other in ((first, second), (second, first)):
        np.add.at(degree, one, 1)
        np.add.at(total, one, x[other])
    near = np.zeros(300)
    for one, other in ((first, second), (second, first)):
        np.add.at(near, one, a[other])
    slopes = np.linalg.lstsq(np.column_stack([np.ones(300), x, a, near]), rows["Y"], rcond=None)[0]
    for coded in (x, x + 1):
        mean = np.where(degree > 0, (total / np.maximum(degree, 1)) + (coded - x)[0], 0.0)
        chance = 0.4 * mean
        around = np.zeros(300)
        for one, other in ((first, second), (second, first)):
            np.add.at(around, one, chance[other])
        truth = slopes[0] + slopes[1] * x.mean() + slopes[2] * chance.mean() + slopes[3] * around.mean()
        assert value("0.4*Peers", coded) == pytest.approx(truth, abs=0.02)  # simulated: 64 draws of 300 treatments


def test_shares_and_conditions_are_means_of_ones_and_of_some_persons() -> None:
    """Nothing is drawn here: what is asked is an average of the fitted chances, to rounding."""
    rng = np.random.default_rng(6)
    first, second = friends(400, 6)
    x, a = rng.integers(0, 3, 400), rng.integers(0, 2, 400)
    y = (rng.random(400) < 0.2 + 0.1 * x + 0.4 * a) * 1
    edges = {"from": first, "to": second}
    graph = "network person { X -> A -> Y; X -> Y; A.near -> Y; W -> Y }"
    rows = {"X": x, "A": a, "Y": y, "W": rng.integers(0, 2, 400)}

    def value(question: str, **change: object) -> float:
        answer = umbel.solve(graph, question, umbel.Study(rows | change, edges=edges))
        assert answer.value is not None, answer.refusal
        return answer.value

    everybody = value("E[Y | do(A=1)]")
    assert value("P(Y=1 | do(A=1))") == pytest.approx(everybody, abs=1e-12)
    assert value("P(Y=0 | do(A=1))") == pytest.approx(1 - everybody, abs=1e-12)
    assert value('P(Y="no" | do(A=1))', Y=np.array(["no", "yes"])[y]) == pytest.approx(1 - everybody, abs=1e-12)
    assert value("P(Y=2 | do(A=1))", Y=y + 1) == pytest.approx(everybody, abs=1e-12)
    assert value("E[Y | do(A=1)]", Y=y + 1) == pytest.approx(1 + everybody, abs=1e-12)
    some = [value(f"E[Y | do(A=1), X={k}]") for k in range(3)]
    shares = np.bincount(x) / 400
    assert shares @ some == pytest.approx(everybody, abs=1e-12)
    assert some[2] > some[0] + 0.1
    both = [value(f"P(Y=1 | do(A=1), X={k}, W={w})") for k in range(3) for w in range(2)]
    counts = np.array([((x == k) & (rows["W"] == w)).mean() for k in range(3) for w in range(2)])
    assert counts @ both == pytest.approx(everybody, abs=1e-12)


def test_what_is_left_free_has_a_row_for_each_value_that_occurs() -> None:
    rng = np.random.default_rng(6)
    first, second = friends(300, 6)
    x, a = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    w = np.where(x == 2, 0, rng.integers(0, 2, 300))  # nobody has X = 2 and W = 1
    rows = {"X": x, "A": a, "Y": (rng.random(300) < 0.2 + 0.1 * x + 0.4 * a) * 1, "W": w}
    study = umbel.Study(rows, edges={"from": first, "to": second})
    graph = "network person { X -> A -> Y; X -> Y; A.near -> Y; W -> A }"

    def single(question: str) -> tuple[float, float]:
        answer = umbel.solve(graph, question, study)
        return answer.estimate.value, answer.estimate.se

    def table(question: str) -> dict[tuple[object, ...], tuple[float, float]]:
        answer = umbel.solve(graph, question, study)
        assert answer.estimate is not None and answer.estimate.value is None
        return {tuple(value for _, value in row.given): (row.value, row.se) for row in answer.table}

    for asked, question in {
        "P(Y | do(A=1))": "P(Y={} | do(A=1))",
        "E[Y | do(A=1), X]": "E[Y | do(A=1), X={}]",
        "P(Y=1 | do(A=1), X) - P(Y=1 | do(A=0), X)": "P(Y=1 | do(A=1), X={0}) - P(Y=1 | do(A=0), X={0})",
    }.items():
        found = table(asked)
        assert len(found) == (2 if "P(Y |" in asked else 3)
        for (value,), numbers in found.items():
            assert numbers == pytest.approx(single(question.format(value)), abs=1e-9)
    assert set(table("E[Y | do(A=1), X, W]")) == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)}
    wide = umbel.solve(graph, "E[Y | do(A=1), X]", umbel.Study(rows | {"X": x + 0.5}, edges=study.edges.frame))
    assert wide.refusal is not None and "X is a number without states" in wide.refusal.why


def test_a_condition_names_persons_whose_neighbours_are_everybodys() -> None:
    """With coupled outcomes, by truth: the mean among those with C above 0, on the true laws."""
    study, at, c, a = population(600, 11)
    del study
    back = at.network.outward
    rng = np.random.default_rng(11)
    kept = chances(at.network, field(at, c, a)[:, None], TRUE[5], burn=50, keep=1, rng=rng)
    y = next(state[:, 0, 0].astype(float) for state, _ in kept)
    first, second = friends(600, 11)
    rows = {"C": back(c), "High": (back(c) > 0) * 1, "A": back(a), "Y": back(y)}
    graph = GRAPH.replace("{", "{ C -> High;")
    answer = umbel.solve(
        graph, "P(Y=1 | do(A=1), High=1) - P(Y=1 | do(A=0), High=1)", umbel.Study(rows, edges={"a": first, "b": second})
    )
    fields = np.stack([np.repeat(field(at, c, np.full(600, k))[:, None], 64, axis=1) for k in (1.0, 0.0)], axis=1)
    total = [chance[c > 0].mean(axis=(0, 2)) for _, chance in chances(at.network, fields, TRUE[5], copies=64, rng=rng)]
    truth = np.mean(total, axis=0)
    assert abs(answer.value - (truth[0] - truth[1])) < 3 * answer.estimate.se
    assert answer.table is not None and answer.table[1].term.endswith("| High = 1)")


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("E[Y | do(A=1), High=7]", "No person has High = 7"),
        ("E[Y | do(A=1), C=0.5]", "C is a number without states"),
        ("P(Y=7 | do(A=1))", "No person has Y = 7"),
        ("P(C=1 | do(A=1))", "C has not two states"),
        ("E[Y | do(A=1), High=1, Low=1]", "No person has High = 1 and Low = 1"),
    ],
)
def test_shares_and_conditions_that_nobody_has_are_named(question: str, why: str) -> None:
    _, at, c, a = population(60, 5)
    first, second = friends(60, 5)
    rows = {"C": c, "A": a, "Y": np.arange(60) % 2, "High": (c > 0) * 1, "Low": (c <= 0) * 1}
    graph = GRAPH.replace("{", "{ C -> High; C -> Low;")
    answer = umbel.solve(graph, question, umbel.Study(rows, edges={"a": first, "b": second}))
    assert answer.refusal is not None and why in answer.refusal.why
    assert at.network.size == 60


def test_values_that_nobody_has_are_a_doubt() -> None:
    rng = np.random.default_rng(8)
    first, second = friends(100, 8)
    a = rng.normal(size=100)
    study = umbel.Study({"A": a, "Y": a + rng.normal(size=100)}, edges={"a": first, "b": second})
    graph = "network person { A -> Y; A.near -> Y }"
    (inside, outside) = (umbel.solve(graph, f"E[Y | do(A={value})]", study) for value in (0.5, 50))
    assert not [check for check in inside.checks if check.name == "range of A"]
    (check,) = [check for check in outside.checks if check.name == "range of A"]
    assert not check.passed and check.value == 1.0


def test_a_policy_compares_words_that_no_regression_reads() -> None:
    """Three villages that only the policy looks at: who is treated is known, so the answer is the fitted line's."""
    rng = np.random.default_rng(12)
    first, second = friends(300, 12)
    village, a = np.array(["east", "north", "west"])[rng.integers(0, 3, 300)], rng.integers(0, 2, 300)
    y = 1.0 + 2.0 * a + rng.normal(size=300)
    graph = "network person { Village -> A -> Y; A.near -> Y }"
    study = umbel.Study({"Village": village, "A": a, "Y": y}, edges={"a": first, "b": second})
    answer = umbel.solve(graph, 'E[Y | do(A ~ Bernoulli((Village = "north")))]', study)
    near, treated, there = np.zeros(300), np.zeros(300), (village == "north") * 1.0
    for one, other in ((first, second), (second, first)):
        np.add.at(near, one, a[other])
        np.add.at(treated, one, there[other])
    slopes = np.linalg.lstsq(np.column_stack([np.ones(300), a, near]), y, rcond=None)[0]
    assert answer.value == pytest.approx(slopes @ [1.0, there.mean(), treated.mean()], abs=1e-6)
    summed = umbel.solve(graph, "E[Y | do(A ~ Bernoulli(0.1*Village))]", study)
    assert summed.refusal is not None and "Village holds words" in summed.refusal.why
    some = umbel.solve(graph, 'P(Y=1 | do(A=1), Village="west")', study)
    assert some.refusal is not None and "not two states" in some.refusal.why
    west = umbel.solve(graph, 'E[Y | do(A=1), Village="west"]', study)
    (check,) = [one for one in west.checks if one.name == "persons asked about"]
    assert check.advice == f"{(village == 'west').sum()} of 300 persons have Village = west."


def test_a_trial_of_persons_is_read_as_what_chance_set() -> None:
    """A hidden cause of treatment and outcome: refused as observed, and in a trial the line without it."""
    rng = np.random.default_rng(13)
    first, second = friends(200, 13)
    a = rng.integers(0, 2, 200)
    rows, edges = {"A": a, "Y": a + rng.normal(size=200)}, {"a": first, "b": second}
    graph = "network person { A <-> Y; A -> Y; A.near -> Y }"
    asked = "E[Y | do(A=1)] - E[Y | do(A=0)]"
    assert "A <-> Y" in umbel.solve(graph, asked, umbel.Study(rows, edges=edges)).refusal.why
    trial = umbel.solve(graph, asked, umbel.Study(rows, edges=edges, do="A"))
    plain = umbel.solve("network person { A -> Y; A.near -> Y }", asked, umbel.Study(rows, edges=edges))
    assert trial.estimate.value == plain.estimate.value
    left = umbel.solve(graph, "E[Y | do(A=1)] - E[Y]", umbel.Study(rows, edges=edges, do="A"))
    assert left.refusal is not None and "leaves A as it is" in left.refusal.why
