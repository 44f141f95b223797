"""What rows cannot carry is refused by name, or doubted by a check; never a number that looks sound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import umbel

GRAPH = "Z -> { A Y }; A -> Y"
EFFECT = "E[Y | do(A=1)] - E[Y | do(A=0)]"
VERMA = "X1 -> X2 -> X3 -> X4; X1 -> X3; X2 <-> X4"

Rows = dict[str, np.ndarray]


def plain(rows: int = 400, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    a = (rng.random(rows) < expit(z)).astype(int)
    return {"Z": z, "A": a, "Y": a + z + rng.normal(size=rows)}


def doses(rows: int = 1500, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    a = z + rng.normal(size=rows)
    return {"Z": z, "A": a, "Y": a + z + rng.normal(size=rows)}


def solved(
    data: Rows, question: str = EFFECT, graph: str = GRAPH, method: str | None = None, **design: str
) -> umbel.Answer:
    return umbel.solve(graph, question, umbel.Study(data, **design), method=umbel.MethodSpec(name=method))  # type: ignore[arg-type]


def only(data: Rows, treated: int) -> Rows:
    return {**data, "A": (np.arange(len(data["A"])) < treated).astype(int)}


GROUPS = np.random.default_rng(1).integers(0, 3, 400)
HOLE = {"Z": GROUPS, "A": np.where(GROUPS == 2, 0, np.arange(400) % 2), "Y": np.arange(400) // 7 % 2}

REFUSED = [
    (plain() | {"A": np.ones(400, dtype=int)}, EFFECT, GRAPH, None, {}, "No row has A = 0"),
    (plain(), "E[Y | do(A=2)]", GRAPH, None, {}, "No row has A = 2"),
    (plain() | {"A": np.where(plain()["A"], "yes", "no")}, 'E[Y | do(A="x")]', GRAPH, None, {}, "No row has A = x"),
    (only(plain(), 1), EFFECT, GRAPH, None, {}, "Only 1 row has A = 1"),
    (plain(2, 5), EFFECT, GRAPH, None, {}, "A = "),
    (plain() | {"Y": plain()["Y"] * 1e200}, EFFECT, GRAPH, None, {}, "its squares overflow"),
    (plain() | {"Z": np.array([f"id {at}" for at in range(400)])}, EFFECT, GRAPH, None, {}, "400 states in 400 rows"),
    (plain() | {"Y": np.where(plain()["Y"] > 0, "good", "bad")}, EFFECT, GRAPH, None, {}, "Y holds words"),
    (plain() | {"c": np.zeros(400, dtype=int)}, EFFECT, GRAPH, None, {"cluster": "c"}, "There is one cluster of c"),
    (plain() | {"Y": plain()["A"] * 1.0}, "E[Y | do(A=1)] / E[Y | do(A=0)]", GRAPH, None, {}, "denominator"),
    (HOLE, "P(Y=1 | do(A=1))", GRAPH, "cells", {}, "No row has A = 1, Z = 2"),
    (HOLE, "E[Y | do(A=1), Z=2]", GRAPH, None, {}, "No row has A = 1, Z = 2"),
    (doses() | {"A": np.full(1500, 1.5)}, "E[Y | do(A=2)]", GRAPH, None, {}, "Every row has A = 1.5"),
    (doses() | {"A": 2.0 * doses()["Z"]}, EFFECT, GRAPH, None, {}, "Given Z, A does not vary"),
]


@pytest.mark.parametrize(("data", "question", "graph", "method", "design", "words"), REFUSED)
def test_refused_by_name(
    data: Rows, question: str, graph: str, method: str | None, design: dict[str, str], words: str
) -> None:
    answer = solved(data, question, graph, method, **design)
    assert answer.refusal is not None, answer.estimate
    assert words in answer.refusal.why
    assert answer.refusal.advice
    assert answer.estimate is None


def failed(answer: umbel.Answer) -> dict[str, str]:
    assert answer.estimate is not None, answer.refusal
    return {check.name: check.advice for check in answer.checks if not check.passed}


def test_doubts_about_states() -> None:
    assert "treat" not in failed(solved(plain()))
    many = plain() | {"Z": np.random.default_rng(2).integers(0, 60, 400).astype(str)}
    assert "states: Z" in failed(solved(many))
    assert "overlap: A = 1" in failed(solved(HOLE, "P(Y=1 | do(A=1))"))
    assert "overlap: A = 1, Z" in failed(solved(HOLE, "P(Y=1 | do(A=1))", method="kernels"))
    few = {"c": np.arange(400) % 5}
    assert "clusters" in failed(solved(plain() | few, cluster="c"))
    strata = {"s": np.minimum(np.arange(400), 3)}
    assert failed(solved(plain() | strata, strata="s"))["strata"].startswith("3 strata hold one draw")


def test_doubts_about_doses() -> None:
    rng = np.random.default_rng(3)
    fine = doses()
    assert not failed(solved(fine))
    assert "range: A" in failed(solved(fine, "E[Y | do(A=50)] - E[Y | do(A=0)]"))
    uneven = fine | {"Y": fine["A"] * (1.0 + fine["Z"]) + rng.normal(size=1500)}
    assert "same slope everywhere: A" in failed(solved(uneven, method="aipw"))
    bent = solved(uneven)  # a model of second degree holds these slopes, and takes over
    assert bent.estimate is not None and bent.estimate.method == "kernels"
    assert bent.estimate.value == pytest.approx(1 + fine["Z"].mean(), abs=4 * (bent.estimate.se or 0))
    assert any("'aipw' was set aside" in one for one in bent.assumptions)
    settled = fine | {"A": fine["Z"] + 0.03 * rng.normal(size=1500)}
    assert "overlap: A" in failed(solved(settled))


def test_the_slopes_test_keeps_its_level() -> None:
    found = [solved(doses(400, seed)) for seed in range(60)]
    values = [check.value for one in found for check in one.checks if check.name == "same slope everywhere: A"]
    assert sum(value < 0.1 for value in values if value is not None) <= 14  # 6 expected; more than 14 once in 1,000


def test_scales_move_the_answer_and_nothing_else() -> None:
    data = plain()
    base = solved(data).estimate
    for scale in (1e-12, 1e12):
        other = solved(data | {"Y": data["Y"] * scale}).estimate
        assert base is not None and other is not None
        assert other.value == pytest.approx(base.value * scale, rel=1e-9)  # type: ignore[operator]
        assert other.se == pytest.approx(base.se * scale, rel=1e-9)  # type: ignore[operator]
    moved = solved(data | {"Z": data["Z"] * 1e9 + 1e12}).estimate
    assert moved is not None and base is not None
    assert moved.value == pytest.approx(base.value, rel=1e-4)


def test_constants_are_no_fault() -> None:
    assert solved(plain() | {"Z": np.zeros(400)}).estimate is not None
    flat = solved(plain() | {"Y": np.zeros(400)}).estimate
    assert flat is not None and (flat.value, flat.se) == (0.0, 0.0)
    front = solved({"A": np.arange(40) % 2, "M": np.zeros(40), "Y": np.arange(40.0)}, graph="A -> M -> Y; A <-> Y")
    assert front.estimate is not None and front.value == pytest.approx(0.0, abs=1e-9)


def test_a_hole_in_a_nested_formula_has_a_name() -> None:
    rng = np.random.default_rng(4)
    data = {name: rng.integers(0, 2, 60) for name in ("X1", "X3", "X4")}
    data |= {"X2": (np.arange(60) == 0).astype(int)}
    for method, words in (("cells", "No row has X1 = 0, X2 = 1"), (None, "Only 1 row has X2 = 1")):
        answer = solved(data, "P(X4=1 | do(X2=1))", VERMA, method)
        assert answer.refusal is not None
        assert words in answer.refusal.why
