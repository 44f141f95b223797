"""Kinds of units end to end: replicates, two covariates, a mediator, a unit's own outcome, a unit's own treatment."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

import umbel
from umbel.simulate.mixture_units import KindsOfSchools

PURE = "; assume shared X"
A4A = "plate pupil { A Y X }; U -> { A Z Y X }; A -> { Z Y }; Z -> Y; classes U = 2"
A4F = "plate pupil { A Y X V }; U -> { A W X V }; A -> { W Y }; W -> Y; classes U = 2"
A4C = "plate pupil { Z A X V }; latent U1; U1 -> { A Z }; U2 -> { A Y X V }; Z -> A -> Y; classes U2 = 2"
A4H = "plate pupil { W Y X }; latent U2; U1 -> { A Y X }; U2 -> { W Y }; A -> W -> Y; classes U1 = 2"
SOFT = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"
ATOMS = np.array([0.2, 0.5, 0.8])
GIVEN = np.array([[0.55, 0.3, 0.15], [0.15, 0.3, 0.55]])
PUPILS = 60


def drawn(units: int, asked: int, rng: np.random.Generator, impurity: float = 0.0) -> dict[str, np.ndarray]:
    """Kinds, shares, and how many of ``asked`` members show X and V."""
    u = (rng.random(units) < 0.4).astype(int)
    share = ATOMS[(rng.random(units)[:, None] > GIVEN[u].cumsum(1)).sum(1)]
    one = np.where(u == 1, 0.75, 0.25)
    if impurity:
        size = 1 / impurity - 1
        one = rng.beta(one * size, (1 - one) * size)
    other = np.where(u == 1, 0.7, 0.2)
    return {"u": u, "share": share, "x": rng.binomial(asked, one), "v": rng.binomial(asked, other)}


def asked_rows(x: np.ndarray, v: np.ndarray, asked: int) -> pandas.DataFrame:
    """Members who were asked for X alone, and others for V alone."""
    units = np.arange(len(x))
    parts = []
    for name, ones in (("X", x), ("V", v)):
        for state, count in ((1, ones), (0, asked - ones)):
            parts.append(pandas.DataFrame({"school": units, name: float(state), "n": count}))
    found = pandas.concat(parts)
    return found[found.n > 0]


def members(share: np.ndarray, chance: np.ndarray, rng: np.random.Generator, names: str = "AY") -> pandas.DataFrame:
    """Counts of members by a binary variable and a binary outcome with ``chance`` (units, 2)."""
    treated = rng.binomial(PUPILS, share)
    sizes = np.stack([PUPILS - treated, treated], axis=1)
    ones = rng.binomial(sizes, chance)
    units = np.arange(len(share))
    cells = [(a, y, ones[:, a] if y else sizes[:, a] - ones[:, a]) for a in (0, 1) for y in (0, 1)]
    found = pandas.concat(
        [pandas.DataFrame({"school": units, names[0]: float(a), names[1]: float(y), "n": n}) for a, y, n in cells]
    )
    return found[found.n > 0]


def a4f(units: int, asked: int, seed: int, impurity: float = 0.0) -> tuple[umbel.Study, float]:
    """W = 1 with .1 + .5 q in one kind and .35 + .6 q in the other; Y with .2 + .2 A + .4 W."""
    rng = np.random.default_rng(seed)
    d = drawn(units, asked, rng, impurity)
    w = (rng.random(units) < np.where(d["u"] == 1, 0.35 + 0.6 * d["share"], 0.1 + 0.5 * d["share"])).astype(int)
    chance = np.stack([0.2 + 0.4 * w, 0.4 + 0.4 * w], axis=1)
    rows = pandas.concat([members(d["share"], chance, rng), asked_rows(d["x"], d["v"], asked)])
    table = pandas.DataFrame({"school": np.arange(units), "W": w})
    truth = 0.2 * 0.6 + 0.4 * 0.6 * (0.6 * 0.5 + 0.4 * 0.6)
    return umbel.Study(rows, units=table, unit="school", count="n"), truth


def a4c(units: int, asked: int, seed: int) -> tuple[umbel.Study, float]:
    """The school's own outcome with .2 + .3 q + .3 U (+ .1 q U)."""
    rng = np.random.default_rng(seed)
    d = drawn(units, asked, rng)
    y = (rng.random(units) < 0.2 + 0.3 * d["share"] + d["u"] * (0.3 + 0.1 * d["share"])).astype(int)
    z = np.full((units, 2), 0.5)
    rows = members(d["share"], z, rng, "AZ")
    rows = pandas.concat([rows, asked_rows(d["x"], d["v"], asked)])
    table = pandas.DataFrame({"school": np.arange(units), "Y": y})
    return umbel.Study(rows, units=table, unit="school", count="n"), 0.6 * (0.3 + 0.4 * 0.1)


def a4h(units: int, asked: int, seed: int) -> tuple[umbel.Study, float]:
    """A by the first kind; the share of W by A and a second hidden kind; Y by W and both kinds."""
    rng = np.random.default_rng(seed)
    d = drawn(units, asked, rng)
    other = rng.random(units) < 0.5
    a = (rng.random(units) < np.where(d["u"] == 1, 0.7, 0.3)).astype(int)
    share = 0.2 + 0.4 * a + 0.2 * other
    base = 0.1 + 0.4 * d["u"] + 0.1 * other
    rows = members(share, np.stack([base, base + 0.3], axis=1), rng, "WY")
    rows = pandas.concat([rows, asked_rows(d["x"], d["v"], asked)])
    table = pandas.DataFrame({"school": np.arange(units), "A": a})
    return umbel.Study(rows, units=table, unit="school", count="n"), 0.4 * 0.3


CASES = [
    ("replicates, mediated", A4F + PURE, SOFT, lambda seed: a4f(4000, 4, seed)),
    ("covariates, mediated", A4F, SOFT, lambda seed: a4f(4000, 4, seed)),
    ("replicates, direct", A4C.replace(" V", "") + PURE, SOFT, lambda seed: a4c(4000, 4, seed)),
    ("covariates, direct", A4C, SOFT, lambda seed: a4c(4000, 4, seed)),
    ("proxy, composed", A4H, "E[Y | do(A=1)] - E[Y | do(A=0)]", lambda seed: a4h(4000, 1, seed)),
]


@pytest.mark.parametrize(("graph", "question", "draw"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_effects_are_found(graph: str, question: str, draw: object) -> None:
    errors = []
    for seed in range(2):
        study, truth = draw(seed)  # type: ignore[operator]
        answer = umbel.solve(graph, question, study)
        assert answer.estimate is not None and answer.estimate.method == "kinds of units", answer
        assert answer.value is not None and answer.estimate.se is not None
        errors.append((answer.value - truth) / answer.estimate.se)
        assert 0.001 < answer.estimate.se < 0.08
    assert np.abs(errors).max() < 3.5 and abs(np.mean(errors)) < 2.6, errors


def test_replicates_are_tested_for_purity() -> None:
    graph = A4F.replace(" V", "") + PURE
    pure = umbel.solve(graph, SOFT, a4f(6000, 6, 2)[0])
    (check,) = (one for one in pure.checks if one.name == "purity")
    assert check.passed and check.value is not None
    untested = umbel.solve(graph, SOFT, a4f(2000, 3, 1)[0])
    (check,) = (one for one in untested.checks if one.name == "purity")
    assert not check.passed and "takes 4 members" in check.advice
    study, truth = a4f(6000, 8, 1, impurity=0.15)
    impure = umbel.solve(graph, SOFT, study)
    assert impure.refusal is not None and "differ in their law of X" in impure.refusal.why
    assert "second covariate" in impure.refusal.advice
    three_views = umbel.solve(A4F, SOFT, study)
    assert three_views.value is not None and three_views.estimate is not None and three_views.estimate.se is not None
    assert abs(three_views.value - truth) < 3.5 * three_views.estimate.se


def test_one_proxy_needs_no_pure_kinds() -> None:
    """The same schools with impure kinds: the dose and the outcomes are the two other views."""
    schools = KindsOfSchools().sample(6000, rng=np.random.default_rng(0), pupils=100, asked=8, impurity=0.1)
    treated = np.rint(100 * schools.share)
    sizes = np.stack([100 - treated, treated], axis=1)
    ones = np.rint(np.nan_to_num(schools.scores) * sizes)
    rows = pandas.concat(
        [
            pandas.DataFrame({"school": np.arange(6000), "A": float(a), "Y": float(y), "n": ones[:, a] if y else left})
            for a in (0, 1)
            for y, left in ((1, 0), (0, sizes[:, a] - ones[:, a]))
        ]
    )
    rows = pandas.concat([rows[rows.n > 0], asked_rows(schools.covariate, schools.covariate, 8).drop(columns="V")])
    rows = rows[rows[["A", "X"]].notna().any(axis=1)]
    units = pandas.DataFrame({"school": np.arange(6000), "Z": schools.climate})
    answer = umbel.solve(A4A, SOFT, umbel.Study(rows, units=units, unit="school", count="n"))
    assert answer.value is not None and answer.estimate is not None and answer.estimate.se is not None
    assert abs(answer.value - 0.183) < 3.5 * answer.estimate.se


def test_the_chance_of_a_state_is_no_mean() -> None:
    study, _ = a4f(3000, 4, 0)
    one, zero, mean = (
        umbel.solve(A4F, question, study)
        for question in (
            "P(Y=1 | do(A ~ Bernoulli(0.8)))",
            "P(Y=0 | do(A ~ Bernoulli(0.8)))",
            "E[Y | do(A ~ Bernoulli(0.8))]",
        )
    )
    assert one.value is not None and zero.value is not None
    assert one.value == pytest.approx(mean.value, abs=1e-9)
    assert one.value + zero.value == pytest.approx(1.0, abs=1e-9)


def test_a_mediator_of_many_values_is_refused() -> None:
    rng = np.random.default_rng(0)
    d = drawn(300, 4, rng)
    rows = pandas.concat([members(d["share"], np.full((300, 2), 0.5), rng), asked_rows(d["x"], d["v"], 4)])
    table = pandas.DataFrame({"school": np.arange(300), "W": rng.normal(size=300)})
    answer = umbel.solve(A4F, SOFT, umbel.Study(rows, units=table, unit="school", count="n"))
    assert answer.refusal is not None and "W has 300 values" in answer.refusal.why


def test_a_binary_treatment_tells_three_kinds_apart() -> None:
    """A4h with three kinds: two values of the treatment are no view of three, the means and the covariate are."""
    kinds, other = np.array([0.3, 0.3, 0.4]), np.array([0.6, 0.4])
    treated = np.array([0.2, 0.5, 0.8])
    share = np.array([[0.2, 0.4], [0.6, 0.8]])  # of W, by A and the other hidden kind
    chance = np.array([[[0.1, 0.3], [0.2, 0.3]], [[0.5, 0.4], [0.6, 0.4]], [[0.3, 0.9], [0.4, 0.9]]])  # (u, u2, w)
    shows = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]])
    u, v, a, x = (axis.ravel() for axis in np.indices((3, 2, 2, 3)))
    law = kinds[u] * other[v] * np.where(a, treated[u], 1 - treated[u]) * shows[u, x]
    table = pandas.DataFrame({"school": np.arange(len(u)), "A": a, "X": x, "w": law})
    rows = []
    for w in (0, 1):
        for y in (0, 1):
            inside = share[a, v] if w else 1 - share[a, v]
            of_y = chance[u, v, w] if y else 1 - chance[u, v, w]
            rows.append(pandas.DataFrame({"school": table.school, "W": w, "Y": y, "n": np.rint(1e6 * inside * of_y)}))
    copies = 30
    tables = [table.assign(school=table.school + i * len(table)) for i in range(copies)]
    members = [one.assign(school=one.school + i * len(table)) for i in range(copies) for one in rows]
    study = umbel.Study(pandas.concat(members), units=pandas.concat(tables), unit="school", count="n", unit_weight="w")
    graph = A4H.replace("classes U1 = 2", "classes U1 = 3")
    answer = umbel.solve(graph, "E[Y | do(A=1)] - E[Y | do(A=0)]", study)
    truth = sum(
        sign * kinds @ (other * (share[arm] * chance[:, :, 1] + (1 - share[arm]) * chance[:, :, 0])).sum(1)
        for arm, sign in ((1, 1), (0, -1))
    )
    assert answer.value == pytest.approx(truth, abs=1e-10)
