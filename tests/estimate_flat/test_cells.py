"""The estimand on discrete rows: its value is the exact evaluator's, its scores are derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.estimate_flat.test_shapes import identified, random_graph
from umbel.data.rows import read_rows
from umbel.estimate.cell_formula import CellLaw, node_of
from umbel.estimate.cells import DiscretePlugIn
from umbel.estimate.expansion import names_of
from umbel.estimate.means import averaged_only, with_means
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.numerics.adjoint import Node, divided, gradients, leaf, multiplied, summed
from umbel.numerics.tables import Table
from umbel.pipeline.answering import target_of
from umbel.results.verdict import Identified

EXACT = 1e-9
STEP = 1e-5

NAPKIN = "W -> Z -> X -> Y; W <-> X; W <-> Y"


def drawn(names: str, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Dependent coins, every combination among them."""
    rng = np.random.default_rng(seed)
    hidden = rng.random(rows)
    return {
        name: (rng.random(rows) < 0.2 + 0.6 * (hidden * (at + 1) % 1.0)).astype(int) for at, name in enumerate(names)
    }


def empirical(columns: dict[str, np.ndarray], weights: np.ndarray) -> Table:
    names = tuple(columns)
    cells = np.ravel_multi_index(list(columns.values()), (2,) * len(names))
    return Table(names, np.bincount(cells, weights, 2 ** len(names)).reshape((2,) * len(names)))


QUESTIONS = [
    (NAPKIN, "P(Y=1 | do(X=1))"),
    (NAPKIN, "E[Y | do(X=1)] - E[Y | do(X=0)]"),
    ("X -> Z -> Y; X <-> Y", "E[Y | do(X=1)] / E[Y | do(X=0)]"),
    ("C -> {A M Y}; A -> M -> Y; A <-> Y", "E[Y | do(A=1)] - E[Y | do(A=0)]"),
    ("Z -> {A Y}; A -> Y", "E[Y | do(A ~ Bernoulli(0.2 + 0.5*Z))]"),
    ("X1 -> X2 -> X3 -> X4; X1 -> X3; X2 <-> X4", "P(X4=1 | do(X2=1))"),
]


@pytest.mark.parametrize(("graph", "question"), QUESTIONS)
def test_value_and_scores(graph: str, question: str) -> None:
    verdict = identified(graph, question)
    names = names_of(verdict.estimand.body)
    columns = (
        drawn("".join(names), 3000, 0)
        if all(len(n) == 1 for n in names)
        else dict(zip(names, drawn("abcdefgh"[: len(names)], 3000, 0).values(), strict=True))
    )
    answer = umbel.solve(graph, question, umbel.Study(columns), method=umbel.config.problem.MethodSpec(name="cells"))
    weights = np.full(3000, 1 / 3000)
    exact = float(verdict.estimand.evaluate(empirical(columns, weights)).array)
    assert answer.value == pytest.approx(exact, abs=EXACT)
    # the standard error, from derivatives of the exact evaluator at each row's cell
    cells = np.ravel_multi_index(list(columns.values()), (2,) * len(names))
    slopes = {}
    for cell in np.unique(cells):
        toward = (cells == cell) / (cells == cell).sum() - weights
        up, down = (
            float(verdict.estimand.evaluate(empirical(columns, weights + side * STEP * toward)).array)
            for side in (1.0, -1.0)
        )
        slopes[cell] = (up - down) / (2 * STEP)
    scores = np.array([slopes[cell] for cell in cells])
    assert answer.estimate is not None
    if "W" not in names or "P(W)" not in verdict.estimand.text():  # the napkin's free variable has fixed weights here
        assert answer.estimate.se == pytest.approx(scores.std(ddof=1) / np.sqrt(3000), rel=1e-5)


def test_random_estimands_equal_the_exact_evaluator() -> None:
    rng = np.random.default_rng(5)
    met = 0
    for _ in range(250):
        graph = random_graph(rng)
        last = len(graph.names) - 1
        verdict = identify_question(graph, Question.parse(f"E[V{last} | do(V{rng.integers(0, max(1, last - 1))}=1)]"))
        if not isinstance(verdict, Identified) or verdict.estimand.strategy == "no effect":
            continue
        names = names_of(verdict.estimand.body)
        table = Table(names, rng.dirichlet(np.full(2 ** len(names), 2.0)).reshape((2,) * len(names)))
        cells = np.indices((2,) * len(names)).reshape(len(names), -1)
        study = umbel.Study({**dict(zip(names, cells, strict=True)), "share": table.array.ravel()}, weight="share")
        found = DiscretePlugIn().estimate(target_of(verdict, graph), study, rng=rng)
        exact = float(verdict.estimand.evaluate(table).array)
        assert found.rows[0].value == pytest.approx(exact, abs=EXACT), verdict.estimand.text()  # type: ignore[union-attr]
        met += 1
    assert met > 80


def test_an_outcome_that_is_only_averaged_may_be_any_number() -> None:
    columns = drawn("WZX", 2000, 1)
    y = 3.0 * columns["X"] + columns["W"] + np.random.default_rng(2).normal(size=2000)
    answer = umbel.solve(NAPKIN, "E[Y | do(X=1)]", umbel.Study({**columns, "Y": y}))
    assert answer.estimate is not None
    assert answer.estimate.method == "cells"
    w, z, x = columns["W"], columns["Z"], columns["X"]
    values = []
    for at in (0, 1):
        share = [(w == k).mean() for k in (0, 1)]
        take = [(x[(w == k) & (z == at)] == 1).mean() for k in (0, 1)]
        mean = [y[(w == k) & (z == at) & (x == 1)].mean() for k in (0, 1)]
        values.append(np.dot(np.multiply(share, take), mean) / np.dot(share, take))
    assert answer.value == pytest.approx(np.dot([(z == at).mean() for at in (0, 1)], values), abs=EXACT)


def test_a_constraint_of_the_graph_is_tested() -> None:
    """In the napkin the answer is the same at every value of Z, unless Z acts on Y by itself."""
    rng = np.random.default_rng(3)
    rows = 20_000
    u, v = rng.random(rows), rng.random(rows)
    w = (0.5 * u + 0.5 * v + 0.2 * rng.normal(size=rows) > 0.5).astype(int)
    z = (rng.random(rows) < 0.3 + 0.4 * w).astype(int)
    x = (rng.random(rows) < 0.2 + 0.3 * z + 0.4 * u).astype(int)
    for own, passed in ((0.0, True), (0.4, False)):
        y = (rng.random(rows) < 0.1 + 0.3 * x + 0.2 * v + own * z).astype(int)
        answer = umbel.solve(NAPKIN, "P(Y=1 | do(X=1))", umbel.Study({"W": w, "Z": z, "X": x, "Y": y}))
        check = next(one for one in answer.checks if one.name.startswith("constraint"))
        assert check.passed == passed
        if passed:
            assert answer.estimate is not None
            assert abs(answer.value - 0.5) < 4 * answer.estimate.se  # type: ignore[operator]


def test_what_never_occurs_is_a_refusal_and_what_is_rare_a_doubt() -> None:
    columns = drawn("WZX", 500, 1) | {"Y": np.zeros(500, dtype=int)}
    columns["Y"][::2] = 1
    never = columns | {"X": columns["X"] * (1 - columns["W"])}  # no row with W = 1 and X = 1
    front = "X -> Z -> Y; X <-> Y; W -> {X Z Y}"
    study = umbel.Study(never)
    answer = umbel.solve(front, "P(Y=1 | do(X=1))", study, method=umbel.config.problem.MethodSpec(name="cells"))
    assert answer.refusal is not None
    assert "No row has W = 1, X = 1" in answer.refusal.why
    rare = {name: np.append(column, value) for (name, column), value in zip(never.items(), (1, 0, 1, 1), strict=True)}
    rare = {name: np.append(column, value) for (name, column), value in zip(rare.items(), (1, 1, 1, 0), strict=True)}
    answer = umbel.solve(
        front, "P(Y=1 | do(X=1))", umbel.Study(rare), method=umbel.config.problem.MethodSpec(name="cells")
    )
    assert answer.value is not None
    assert any(check.name.startswith("overlap") and not check.passed for check in answer.checks)


def test_gradients_are_exact_where_cells_are_empty() -> None:
    p = leaf("ab", np.array([[0.5, 0.0], [0.5, 0.0]]))
    given_b: Node = divided(p, summed(p, ["a"]))  # the second column is undefined
    weight = leaf("b", np.array([1.0, 0.0]))
    top = summed(multiplied(multiplied(given_b, weight), leaf("a", np.array([1.0, 2.0]))), ["a", "b"])
    assert float(top.tensor.array) == 1.5
    assert np.isfinite(gradients(top)[p][:, 0]).all()


def test_means_are_found_where_they_stand() -> None:
    expr = identified(NAPKIN, "E[Y | do(X=1)]").estimand.body
    assert averaged_only(expr) == ("Y",)
    assert averaged_only(identified("A -> Y -> B; A -> B", "E[B | do(A=1)]").estimand.body) == ("B",)
    rows = read_rows(umbel.Study(drawn("WZXY", 200, 4)), ["W", "X", "Y", "Z"])
    plain, lean = (node_of(one, CellLaw.of(rows, ())) for one in (expr, with_means(expr)))
    assert lean.tensor.array == pytest.approx(plain.tensor.array, abs=EXACT)
