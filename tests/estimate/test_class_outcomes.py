"""Real outcomes whose law within classes is normal, skewed or heavy: the numbers stay right, or are refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import umbel

GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; Z0 -> T -> Y; classes U = 2"
ROWS = 20_000
Law = Callable[[np.ndarray, np.random.Generator], np.ndarray]
LAWS: dict[str, Law] = {
    "normal": lambda mean, rng: mean + rng.normal(size=ROWS),
    "exponential": lambda mean, rng: rng.exponential(mean),
    "lognormal": lambda mean, rng: mean * np.exp(rng.normal(size=ROWS) - 0.5),
    "uniform": lambda mean, rng: mean + rng.uniform(-2, 2, size=ROWS),
}


def drawn(law: Law, seed: int) -> dict[str, np.ndarray]:
    """Means 1, 1.5 in the class of share .6 and 2, 3.5 in the other: effects .5 and 1.5."""
    rng = np.random.default_rng(seed)
    u = rng.random(ROWS) < 0.4
    z = rng.random((ROWS, 2)) < np.where(u, 0.8, 0.2)[:, None]
    x = rng.random((ROWS, 2)) < np.where(u, 0.75, 0.2)[:, None]
    t = rng.random(ROWS) < 0.3 + 0.3 * z[:, 0] + 0.1 * u
    y = law(1 + u + t * (0.5 + u), rng)
    columns = {"Z0": z[:, 0], "Z1": z[:, 1], "X0": x[:, 0], "X1": x[:, 1], "T": t}
    return {name: column.astype(int) for name, column in columns.items()} | {"Y": y}


@pytest.mark.parametrize("name", LAWS)
def test_effects_whatever_the_law(name: str) -> None:
    answer = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(drawn(LAWS[name], 0)))
    assert answer.classes is not None
    for one, effect, share in zip(answer.classes, (0.5, 1.5), (0.6, 0.4), strict=True):
        assert one.interval is not None and one.interval[0] is not None and one.interval[1] is not None
        se = (one.interval[1] - one.interval[0]) / 3.92
        assert one.effect == pytest.approx(effect, abs=4 * se) and se < 0.12
        assert one.probability == pytest.approx(share, abs=0.05)
    failed = {check.name for check in answer.checks if not check.passed}
    assert ("normal within classes" in failed) == (name != "normal")
    average = umbel.solve(GRAPH, "ATE(T, Y)", umbel.Study(drawn(LAWS[name], 0)))
    assert average.estimate is not None and average.estimate.se is not None
    assert (average.estimate.method == "bridge") == (name != "normal")
    assert average.value == pytest.approx(0.9, abs=4 * average.estimate.se)


def test_the_independences_are_tested_in_pieces() -> None:
    rows = drawn(LAWS["normal"], 1)
    plain = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows))
    (check,) = (one for one in plain.checks if one.name == "fit")
    assert check.passed
    linked = np.where(np.random.default_rng(2).random(ROWS) < 0.5, rows["Z0"], rows["X0"])
    answer = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows | {"X0": linked}))
    assert answer.refusal is not None and "contradict" in answer.refusal.why


def test_the_effect_of_one_row_needs_the_law() -> None:
    answer = umbel.solve(GRAPH, "E[Y | do(T=1), Z0]", umbel.Study(drawn(LAWS["exponential"], 0)))
    assert answer.refusal is not None and "is not normal within classes" in answer.refusal.why
    fine = umbel.solve(GRAPH, "E[Y | do(T=1), Z0]", umbel.Study(drawn(LAWS["normal"], 0)))
    chance = np.array([0.4 * 0.2 / (0.4 * 0.2 + 0.6 * 0.8), 0.4 * 0.8 / (0.4 * 0.8 + 0.6 * 0.2)])
    for row, p in zip(fine.rows()[:2], chance, strict=True):
        assert row.se is not None and row.value == pytest.approx(1.5 + 2 * p, abs=4 * row.se)


def test_sampling_weights_are_no_rows() -> None:
    rows = drawn(LAWS["normal"], 3)
    rows["Y"] = (rows["Y"] > 1.7).astype(int)
    weights = np.random.default_rng(4).uniform(0.2, 5, size=ROWS)
    plain = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows))
    weighed = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows | {"w": weights}, weight="w"))
    assert plain.classes is not None and weighed.classes is not None
    assert all(check.passed for check in weighed.checks), weighed.checks
    for one, other in zip(plain.classes, weighed.classes, strict=True):
        ends = [(value[1] or 0.0) - (value[0] or 0.0) for value in (one.interval or (), other.interval or ())]  # type: ignore[misc]
        assert ends[1] > 1.1 * ends[0]  # Kish: the root of 1 + the squared variation of the weights, 1.13
        assert other.effect == pytest.approx(one.effect, abs=ends[1])


def test_a_treatment_of_many_values_has_no_arms() -> None:
    rows = drawn(LAWS["normal"], 5)
    dose = rows["T"] + np.random.default_rng(6).normal(size=ROWS)
    answer = umbel.solve(GRAPH, "MTE(T, Y | U)", umbel.Study(rows | {"T": dose}))
    assert answer.refusal is not None and "T is a number with many values" in answer.refusal.why


def test_what_is_held_in_pieces_is_doubted() -> None:
    rng = np.random.default_rng(7)
    rows = drawn(LAWS["normal"], 7) | {"W": rng.normal(size=ROWS)}
    graph = GRAPH.replace("; classes", "; W -> { T Y }; classes")
    answer = umbel.solve(graph, "ATE(T, Y)", umbel.Study(rows))
    (check,) = (one for one in answer.checks if one.name == "pieces")
    assert not check.passed and "held fixed in pieces only" in check.advice
