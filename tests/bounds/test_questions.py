"""Every kind of question, from every kind of data, through problem files: the road of a user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

import umbel
from umbel.config.problem import MethodSpec
from umbel.errors import InputError
from umbel.results.answer import Answer

BOW = "A -> Y; A <-> Y"
SEEN = [[500, 100], [200, 200]]  # treatment by outcome
TRIAL = [[850, 150], [130, 70]]  # arms of different sizes
EXACT = 1e-6

# Response types of A (2) and of Y (4, by its value under A=0 and A=1): eight states.
TYPES = [(a, low, high) for a in (0, 1) for low in (0, 1) for high in (0, 1)]


def by_hand(question: str, data: str) -> tuple[float, float]:
    """The interval by a program written out here, over all eight types, with scipy."""
    top = {
        "PNS(A, Y)": lambda a, low, high: float(low == 0 and high == 1),
        "PN(A, Y)": lambda a, low, high: float(a == 1 and high == 1 and low == 0),
        "PS(A, Y)": lambda a, low, high: float(a == 0 and low == 0 and high == 1),
        "ATE(A, Y)": lambda a, low, high: float(high - low),
        "ETT(A, Y)": lambda a, low, high: float(a == 1) * (high - low),
        "P(Y[A=1]=1 | Y[A=0]=0)": lambda a, low, high: float(low == 0 and high == 1),
        "P(Y[A=1]=1, Y[A=0]=0, A=1)": lambda a, low, high: float(a == 1 and low == 0 and high == 1),
        "P(Y[A=1]=1 | A=0, Y=1)": lambda a, low, high: float(a == 0 and low == 1 and high == 1),
    }[question]
    below = {
        "PN(A, Y)": lambda a, low, high: float(a == 1 and high == 1),
        "PS(A, Y)": lambda a, low, high: float(a == 0 and low == 0),
        "ETT(A, Y)": lambda a, low, high: float(a == 1),
        "P(Y[A=1]=1 | Y[A=0]=0)": lambda a, low, high: float(low == 0),
        "P(Y[A=1]=1 | A=0, Y=1)": lambda a, low, high: float(a == 0 and low == 1),
    }.get(question, lambda a, low, high: 1.0)
    rows, right = [], []
    if "O" in data:
        for a in (0, 1):
            for y in (0, 1):
                rows.append([float(own == a and (low, high)[a] == y) for own, low, high in TYPES])
                right.append(SEEN[a][y] / np.sum(SEEN))
    if "I" in data:
        for a in (0, 1):
            rows.append([float((low, high)[a] == 1) for _, low, high in TYPES])
            right.append(TRIAL[a][1] / sum(TRIAL[a]))
    # Charnes and Cooper: y = t theta, with the denominator held at 1.
    matrix = [[*row, -number] for row, number in zip([*rows, [1.0] * 8], [*right, 1.0], strict=True)]
    matrix.append([*(below(*one) for one in TYPES), 0.0])
    sides = [0.0] * (len(rows) + 1) + [1.0]
    cost = np.array([*(top(*one) for one in TYPES), 0.0])
    ends = [linprog(sign * cost, A_eq=matrix, b_eq=sides, method="highs").fun * sign for sign in (1, -1)]
    return ends[0], ends[1]


def written(folder: Path, data: str, form: str, question: str, more: str = "") -> Answer:
    """The answer to a problem file whose studies are tables of counts or of rows."""
    text = f'graph = "{BOW}"\nquestion = "{question}"\n{more}\n'
    for name, cells, do in (("O", SEEN, ""), ("I", TRIAL, 'do = ["A"]')):
        if name not in data:
            continue
        lines = [(a, y, cells[a][y]) for a in (0, 1) for y in (0, 1)]
        if form == "counts":
            body = "A,Y,n\n" + "\n".join(f"{a},{y},{count}" for a, y, count in lines)
        else:
            body = "A,Y\n" + "\n".join(f"{a},{y}" for a, y, count in lines for _ in range(count))
        (folder / f"{name}.csv").write_text(body + "\n", encoding="utf-8")
        count = 'count = "n"' if form == "counts" else ""
        text += f'[[study]]\ntable = "{name}.csv"\n{count}\n{do}\n'
    (folder / "problem.toml").write_text(text, encoding="utf-8")
    return umbel.Problem.load(folder / "problem.toml").solve()


QUESTIONS = [
    "PNS(A, Y)",
    "PN(A, Y)",
    "PS(A, Y)",
    "ATE(A, Y)",
    "ETT(A, Y)",
    "P(Y[A=1]=1 | Y[A=0]=0)",
    "P(Y[A=1]=1, Y[A=0]=0, A=1)",
    "P(Y[A=1]=1 | A=0, Y=1)",
]


@pytest.mark.parametrize("data", ["O", "I", "OI"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_from_every_data(question: str, data: str, tmp_path: Path) -> None:
    low, high = by_hand(question, data)
    for form in ("counts", "rows") if question in ("PNS(A, Y)", "ETT(A, Y)") else ("counts",):
        answer = written(tmp_path, data, form, question)
        if answer.verdict == "identified":  # the effect, once a trial is there
            assert question == "ATE(A, Y)" and "I" in data
            assert answer.value == pytest.approx(low, abs=1e-5) and high == pytest.approx(low, abs=EXACT)
            assert answer.interval is not None
            continue
        assert answer.verdict == "bounded" and answer.bounds is not None
        assert (answer.bounds.lower, answer.bounds.upper) == pytest.approx((low, high), abs=EXACT)
        assert answer.bounds.kind == "sharp"
        assert answer.bounds.interval is not None
        below, above = answer.bounds.interval
        assert below is not None and above is not None
        assert below <= low + EXACT and above >= high - EXACT
        assert answer.steps[-1].rule == "engine"
        assert answer.checks


def test_states_that_only_the_data_name_are_an_assumption_of_the_answer(tmp_path: Path) -> None:
    answer = written(tmp_path, "O", "counts", "ATE(A, Y)")
    assert "Y has no states but those in the data: 0, 1." in answer.assumptions


def test_an_outcome_of_many_values_leaves_the_no_with_its_reason() -> None:
    rng = np.random.default_rng(0)
    rows = {"A": [0, 1] * 50, "Y": rng.normal(size=100).tolist()}
    answer = umbel.solve(BOW, "ATE(A, Y)", umbel.Study(rows))
    assert answer.verdict == "unidentified"
    assert any(remark.startswith("Not bounded") for remark in answer.remarks)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"P(Y[A=1]=0, Y[A=0]=1) <= 0.0"', (0.0, 0.7)),
        ('"P(Y[A=1]=1) <= 0.25"', (0.0, 0.25)),
        ('["P(Y[A=0]=1) >= 0.4", "0.2 <= P(Y[A=1]=1) <= 0.5"]', (0.0, 0.4)),
    ],
)
def test_inequalities_of_a_problem_file(text: str, wanted: tuple[float, float], tmp_path: Path) -> None:
    answer = written(tmp_path, "O", "counts", "PNS(A, Y)", f"where = {text}")
    assert answer.bounds is not None
    assert (answer.bounds.lower, answer.bounds.upper) == pytest.approx(wanted, abs=EXACT)
    assert any(line.startswith("It is given that") for line in answer.assumptions)


def test_monotone_effects_narrow_to_the_effect(tmp_path: Path) -> None:
    studies = [
        umbel.Study({"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [500, 100, 200, 200]}, count="n"),
    ]
    answer = umbel.solve(f"{BOW}; assume monotone A -> Y", "PNS(A, Y)", *studies)
    assert answer.bounds is not None
    assert (answer.bounds.lower, answer.bounds.upper) == pytest.approx((0.0, 0.7), abs=EXACT)
    risen = umbel.solve(f"{BOW}; assume monotone A -> Y", "E[Y[A=0]]", *studies)
    assert risen.bounds is not None and risen.bounds.upper == pytest.approx(0.3, abs=EXACT)  # P(Y=1)


@pytest.mark.parametrize("text", ["P(Y[A=1]=1) < 0.2", "0.3 <= 0.4", "P(Y[A=1]=1)", "P(Y[Q=1]=1) <= 0.3"])
def test_inequalities_that_say_nothing_are_errors(text: str) -> None:
    with pytest.raises(InputError) as caught:
        umbel.Problem(BOW, "PNS(A, Y)", where=[text])
    assert "\n" not in str(caught.value)


SMALL = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [500, 100, 200, 200]}


def by_name(name: str) -> Answer:
    method = replace(MethodSpec(), name=name)
    return umbel.solve(BOW, "PNS(A, Y)", umbel.Study(SMALL, count="n"), method=method)


def test_diagnostics_have_names() -> None:
    bootstrap, runs = by_name("bootstrap"), by_name("credible")
    assert bootstrap.bounds is not None and bootstrap.bounds.kind == "sharp"
    assert bootstrap.bounds.interval is not None
    assert runs.bounds is not None and runs.bounds.kind == "inner"
    assert runs.bounds.interval is not None
    (told,) = [check for check in runs.checks if check.name == "credible interval"]
    assert "diagnostic" in told.advice and told.value is not None
    with pytest.raises(InputError, match="bounds have no method"):
        by_name("unit")


def test_two_words_are_states_in_their_order() -> None:
    rows = {"A": ["t", "t", "c", "c"], "Y": ["ok", "bad"] * 2, "n": [40, 60, 20, 80]}
    graph = f"{BOW}; states A = {{ c < t }}; states Y = {{ bad < ok }}"
    answer = umbel.solve(graph, "PNS(A, Y)", umbel.Study(rows, count="n"))
    assert answer.bounds is not None
    assert (answer.bounds.lower, answer.bounds.upper) == pytest.approx((0.0, 0.6), abs=EXACT)


def test_an_inequality_that_noise_contradicts_is_met_by_the_nearest_law() -> None:
    """P(Y[A=1]=1) is .5 and said to be at most .5: half of all trials show more."""
    trial = umbel.Study({"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1], "n": [500, 500, 480, 520]}, count="n", do="A")
    near = umbel.Problem(BOW, "PNS(A, Y)", [trial], where=["P(Y[A=1]=1) <= 0.5"]).solve()
    assert near.verdict == "bounded" and near.bounds is not None
    assert near.bounds.upper == pytest.approx(0.5, abs=0.01)
    assert near.bounds.interval is not None
    far = umbel.Problem(BOW, "PNS(A, Y)", [trial], where=["P(Y[A=1]=1) <= 0.3"]).solve()
    assert far.verdict == "unidentified"
    assert far.certificate is not None and "P(Y[A=1]=1) <= 0.3" in far.certificate.text


def test_intervals_beside_inequalities_hold_the_bounds() -> None:
    """A population in which the inequality binds: the interval of samples holds its bounds."""
    law = np.array([0.4, 0.1, 0.2, 0.3])
    rows = {"A": [0, 0, 1, 1], "Y": [0, 1, 0, 1]}
    limit = ["P(Y[A=1]=0, Y[A=0]=1) <= 0.05"]

    def solved(counts: np.ndarray) -> Answer:
        study = umbel.Study({**rows, "n": counts}, count="n")
        return umbel.Problem(BOW, "P(Y[A=0]=1)", [study], where=limit).solve()

    truth = solved(law).bounds
    assert truth is not None and truth.lower is not None and truth.upper is not None
    rng, held = np.random.default_rng(5), 0
    for _ in range(20):
        bounds = solved(rng.multinomial(500, law)).bounds
        assert bounds is not None and bounds.interval is not None
        low, high = bounds.interval
        assert low is not None and high is not None
        held += low <= truth.lower + EXACT and high >= truth.upper - EXACT
    assert held >= 18
