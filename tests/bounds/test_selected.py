"""Rows kept by a variable: against programs over all types written out here, and against a grid of rates."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linprog

import umbel
from umbel.results.answer import Answer

EXACT = 1e-6
ONE = "latent U; U -> { A Y S }; A -> Y -> S; states A = 2; states Y = 2; states S = 2"
TWO = "A -> Y -> S; A <-> Y; states A = 2; states Y = 2; states S = 2"

# Types: A, then Y under A=0 and A=1, then S under Y=0 and Y=1.
TYPES = list(itertools.product((0, 1), repeat=5))
LAW = np.random.default_rng(7).dirichlet(np.full(len(TYPES), 0.4))


def world(kind: tuple[int, ...], a: int | None = None) -> tuple[int, int, int]:
    treated = kind[0] if a is None else a
    y = kind[1 + treated]
    return treated, y, kind[3 + y]


def table(*, kept: bool, trial: bool = False) -> umbel.Study:
    """The law of one study as a table whose counts sum to one: A, Y, S; only S = 1 when selected."""
    cells: dict[tuple[int, int, int], float] = {}
    for kind, chance in zip(TYPES, LAW, strict=True):
        for a in (0, 1) if trial else (None,):
            seen = world(kind, a)
            if not kept or seen[2] == 1:
                cells[seen] = cells.get(seen, 0.0) + chance
    total = sum(cells.values())
    columns = list(zip(*[(*cell, chance / total) for cell, chance in cells.items()], strict=True))
    rows = dict(zip(("A", "Y", "S", "n"), map(list, columns), strict=True))
    return umbel.Study(rows, count="n", do="A" if trial else (), selected="S" if kept else ())


def by_hand(top: Callable[..., float], below: Callable[..., float], studies: str) -> tuple[float, float]:
    """Charnes and Cooper over theta and over the rates of the kept, which are linear in theta."""
    rows = []
    for kept, trial in {"k": [(True, False)], "kt": [(True, False), (False, True)]}[studies]:
        for a in (0, 1) if trial else (None,):
            seen = [world(kind, a) for kind in TYPES]
            share = float(LAW @ [not kept or one[2] == 1 for one in seen])
            for cell in sorted(set(seen)):
                if kept and cell[2] == 0:
                    continue
                chance = float(LAW @ [one == cell for one in seen]) / share
                if kept:
                    rows.append([(one == cell) - chance * (one[2] == 1) for one in seen])
                else:
                    rows.append([(one == cell) - chance for one in seen])
    sides = [0.0] * len(rows) + [1.0]
    rows.append([below(*kind) for kind in TYPES])
    cost = np.array([top(*kind) for kind in TYPES], dtype=float)
    ends = [linprog(sign * cost, A_eq=rows, b_eq=sides, method="highs").fun * sign for sign in (1, -1)]
    return ends[0], ends[1]


QUESTIONS: dict[str, tuple[Callable[..., float], Callable[..., float]]] = {
    "PNS(A, Y)": (lambda a, low, high, *s: float(high == 1 and low == 0), lambda *kind: 1.0),
    "PN(A, Y)": (
        lambda a, low, high, *s: float(a == 1 and high == 1 and low == 0),
        lambda a, low, high, *s: float(a == 1 and high == 1),
    ),
    "P(Y[A=0]=1, S=1)": (lambda *kind: float(kind[1] == 1 and world(kind)[2] == 1), lambda *kind: 1.0),
    "P(Y[A=0]=1 | A=1, S=1)": (
        lambda *kind: float(kind[0] == 1 and kind[1] == 1 and world(kind)[2] == 1),
        lambda *kind: float(kind[0] == 1 and world(kind)[2] == 1),
    ),
}


def ends(answer: Answer) -> tuple[float, float]:
    assert answer.verdict == "bounded" and answer.bounds is not None
    assert answer.bounds.lower is not None and answer.bounds.upper is not None
    return answer.bounds.lower, answer.bounds.upper


@pytest.mark.parametrize("studies", ["k", "kt"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_one_component_is_a_linear_program(question: str, studies: str) -> None:
    tables = [table(kept=True)] + [table(kept=False, trial=True)] * (studies == "kt")
    answer = umbel.solve(ONE, question, *tables)
    assert answer.bounds is not None and answer.bounds.kind == "sharp"
    assert answer.steps[-1].detail == "linear program of selected rows"
    assert ends(answer) == pytest.approx(by_hand(*QUESTIONS[question], studies), abs=EXACT)


def test_samples_get_an_interval() -> None:
    rng = np.random.default_rng(0)
    study = table(kept=True)
    assert study.data is not None
    cells = [(a, y, 1) for a in (0, 1) for y in (0, 1)]
    seen = [world(kind) for kind in TYPES]
    chances = np.array([LAW @ [one == cell for one in seen] for cell in cells])
    counts = rng.multinomial(2000, chances / chances.sum())
    rows = {name: [cell[at] for cell in cells] for at, name in enumerate("AYS")} | {"n": counts.tolist()}
    answer = umbel.solve(
        ONE, "P(Y[A=0]=1 | A=1, S=1)", umbel.Study(rows, count="n", selected="S"), table(kept=False, trial=True)
    )
    low, high = ends(answer)
    assert answer.bounds is not None and answer.bounds.interval is not None
    below, above = answer.bounds.interval
    assert below is not None and above is not None
    assert below <= low <= high <= above
    assert below < by_hand(*QUESTIONS["P(Y[A=0]=1 | A=1, S=1)"], "kt")[1] + 0.1


def test_several_components_are_bounded_from_inside() -> None:
    """S follows Y alone: at each pair of rates the law of A and Y is known, and Tian and Pearl's bounds hold."""
    law = np.array([[0.3, 0.2], [0.1, 0.4]])  # P(A, Y)
    rates = np.array([0.3, 0.8])
    kept = law * rates / (law * rates).sum()
    best = [np.inf, -np.inf]
    for one, other in itertools.product(np.linspace(0.01, 1, 100), repeat=2):
        whole = kept / np.array([one, other])
        whole = whole / whole.sum()
        best = [min(best[0], 0.0), max(best[1], whole[0, 0] + whole[1, 1])]
    rows = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "S": [1] * 4, "n": (1000 * kept).round().ravel().tolist()}
    answer = umbel.solve(TWO, "PNS(A, Y)", umbel.Study(rows, count="n", selected="S"))
    low, high = ends(answer)
    assert answer.bounds is not None and answer.bounds.kind == "inner"
    assert best[0] - 1e-3 <= low <= high <= best[1] + 1e-3
    assert high - low >= 0.9 * (best[1] - best[0])


def test_em_counts_who_was_left_out_of_each_arm_of_a_trial() -> None:
    """Arms share no rate of the kept: counted as one, more than everybody was left out, and EM ran to a corner."""
    studies = [table(kept=True, trial=True), table(kept=False)]
    sharp = ends(umbel.solve(ONE, "PNS(A, Y)", *studies))
    found = umbel.Problem(ONE, "PNS(A, Y)", studies, method=umbel.MethodSpec(name="em")).solve()
    low, high = ends(found)
    assert found.bounds is not None and found.bounds.kind == "inner"
    assert sharp[0] - 5e-3 <= low <= high <= sharp[1] + 5e-3
    assert high - low >= 0.8 * (sharp[1] - sharp[0])


@pytest.mark.parametrize("graph", [ONE, ONE.replace("; states S = 2", "")], ids=["declared", "undeclared"])
@pytest.mark.parametrize("column", [True, False], ids=["column", "no column"])
def test_who_was_kept_needs_no_column_and_no_states(graph: str, column: bool) -> None:
    """All rows were kept, so that the selection variable is one value or left out; it counts all the same."""
    cells = {world(kind): 0.0 for kind in TYPES if world(kind)[2] == 1}
    for kind, chance in zip(TYPES, LAW, strict=True):
        if world(kind)[2] == 1:
            cells[world(kind)] += chance
    total = sum(cells.values())
    a, y, s = map(list, zip(*cells, strict=True))
    rows: dict[str, list[float]] = {"A": a, "Y": y, "n": [one / total for one in cells.values()]}
    given = umbel.Study(rows | ({"S": s} if column else {}), count="n", selected="S")
    assert ends(umbel.solve(graph, "PNS(A, Y)", given)) == pytest.approx(
        by_hand(*QUESTIONS["PNS(A, Y)"], "k"), abs=EXACT
    )
