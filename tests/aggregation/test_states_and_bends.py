"""Parts with few values are read off cells, not lines; and lines that miss a bend are doubted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import umbel
from umbel.numerics.aggregation_inference import _quadratic_interval

GRAPH = "C -> { A B Y }; { A B } -> Y; S = sum(A, B)"
CELLS = itertools.product(range(2), range(2), range(3))
PARTS = dict(zip(CELLS, range(3, 15), strict=True))
"""Rows, in thousands, for each covariate and parts."""


def outcome(c: int, a: int, b: int) -> float:
    """A mean that no line follows: the parts help each other only together."""
    return 0.1 + 0.1 * c + 0.6 * a * (b == 1) - 0.05 * (b == 2)


def study(*, total: bool) -> umbel.Study:
    rows = [(c, a, b, y) for c, a, b in PARTS for y in (0, 1)]
    counts = []
    for c, a, b, y in rows:
        up = outcome(c, a, b)
        counts.append(round(PARTS[c, a, b] * 1000 * (up if y else 1 - up)))
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("C", "A", "B", "Y"))}
    made = {"S": [a + b for _, a, b, _ in rows]} if total else {}
    return umbel.Study(columns | made | {"n": counts}, count="n")


def natural(value: int, *, within: bool) -> float:
    """The parts' law given the total (and C), every combination in turn."""
    all_, share = sum(PARTS.values()), {c: sum(PARTS[c, a, b] for a in (0, 1) for b in (0, 1, 2)) for c in (0, 1)}
    cells = [(a, b) for a in (0, 1) for b in (0, 1, 2) if a + b == value]
    if within:
        found = 0.0
        for c in (0, 1):
            mass = sum(PARTS[c, a, b] for a, b in cells)
            found += share[c] / all_ * sum(PARTS[c, a, b] / mass * outcome(c, a, b) for a, b in cells)
        return found
    mass = sum(PARTS[c, a, b] for c in (0, 1) for a, b in cells)
    return sum(
        (PARTS[0, a, b] + PARTS[1, a, b]) / mass * sum(share[c] / all_ * outcome(c, a, b) for c in (0, 1))
        for a, b in cells
    )


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize("value", [0, 1, 2, 3])
def test_natural_realisations_of_states_follow_no_line(value: int, total: bool) -> None:
    for realisation, within in (("natural", False), ("natural(C)", True)):
        answer = umbel.solve(GRAPH, f"E[Y | do(S={value} by {realisation})]", study(total=total))
        assert answer.value == pytest.approx(natural(value, within=within), abs=2e-4)
        assert answer.estimate is not None and answer.estimate.method == "cells"


def test_points_are_means_of_cells_or_refused() -> None:
    seen = umbel.solve(GRAPH, "E[Y | do(S=2 by point(A: 1, B: S - 1))]", study(total=False))
    share = sum(PARTS[1, a, b] for a in (0, 1) for b in (0, 1, 2)) / sum(PARTS.values())
    assert seen.value == pytest.approx(0.7 + 0.1 * share, abs=2e-4)
    never = umbel.solve(GRAPH, "E[Y | do(S=0 by point(A: 1, B: S - 1))]", study(total=False))
    assert never.value is None
    assert never.refusal is not None and "B = -1" in never.refusal.why


def test_moved_parts_have_no_cells() -> None:
    problem = umbel.Problem(
        GRAPH, "E[Y | do(S=2 by shift(B))]", [study(total=True)], method=umbel.MethodSpec(name="cells")
    )
    answer = problem.solve()
    assert answer.value is None and answer.refusal is not None


def test_few_rows_for_each_combination_keep_the_line() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 7, 60), rng.integers(0, 7, 60)
    rows = umbel.Study({"A": a, "B": b, "Y": 2.0 * a + 2.0 * b + rng.normal(size=60)})
    answer = umbel.solve("{ A B } -> Y; S = sum(A, B)", "E[Y | do(S=6 by natural)]", rows)
    assert answer.estimate is not None and answer.estimate.method == "totals"


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("realisation", ["shift(B)", "point(A: 1, B: S - 1)", "natural"])
def test_products_that_leave_no_square_of_the_total_are_doubted(realisation: str, bent: bool) -> None:
    rng = np.random.default_rng(1)
    c = rng.normal(size=3000)
    a, b = c + rng.normal(size=3000), rng.normal(size=3000)
    y = a + b + c + bent * (a**2 - b**2 + a * c) + rng.normal(size=3000)
    rows = umbel.Study({"A": a, "B": b, "C": c, "Y": y})
    answer = umbel.solve("C -> { A Y }; { A B } -> Y; S = sum(A, B)", f"E[Y | do(S=1 by {realisation})]", rows)
    failed = {check.name for check in answer.checks if not check.passed}
    assert ("lines in the parts" in failed) is bent


@pytest.mark.parametrize(("value", "beyond"), [(1.0, False), (3.5, True)])
@pytest.mark.parametrize("realisation", ["shift(B)", "perfect(B)", "point(A: 0, B: S)"])
def test_parts_moved_to_where_none_was_are_told(realisation: str, value: float, beyond: bool) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0, 1, 400), rng.uniform(-1, 3, 400)
    rows = umbel.Study({"A": a, "B": b, "Y": a + 2 * b + rng.normal(size=400)})
    question = f"E[Y | do(S={value} by {realisation})]"
    answer = umbel.solve("{ A B } -> Y; S = sum(A, B)", question, rows)
    checks = {check.name: check for check in answer.checks}
    assert checks["values that occur"].passed is not beyond
    assert ("moves B beyond" in checks["values that occur"].advice) is beyond


def test_lines_are_rarely_doubted() -> None:
    doubted = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a, b = rng.exponential(size=300), rng.integers(0, 2, 300)
        rows = umbel.Study({"A": a, "B": b, "Y": a - 2.0 * b + rng.standard_t(5, size=300)})
        answer = umbel.solve("{ A B } -> Y; S = sum(A, B)", "E[Y | do(S=1 by shift(A))]", rows)
        doubted += sum(check.name == "lines in the parts" and not check.passed for check in answer.checks)
    assert doubted <= 3


@pytest.mark.parametrize("free", [1.0, 1.3, 2.0])
def test_spreads_hundreds_of_errors_from_nothing_have_an_interval(free: float) -> None:
    """The series of the noncentral F distribution gives up there, and the whole answer went with it."""
    first = 8e-4
    for spread in np.linspace(0.3, 3.0, 28):
        rough = spread / np.sqrt(spread / first)  # an error in the normal limit, but for a factor near 2
        low, high = _quadratic_interval(spread, first, first**2 / free, 19990.0, 0.95)
        assert spread - 8 * rough < low < spread < high < spread + 8 * rough
