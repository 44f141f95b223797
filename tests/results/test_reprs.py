"""What a notebook or a prompt shows of a value: one readable line, never the machinery."""

from __future__ import annotations

import pytest

import umbel
from umbel.gallery.catalogue import EXAMPLES

BACK_DOOR = "Z -> { A Y }; A -> Y"
DATA = {"A": [0, 1] * 20, "Y": list(range(40)), "Z": [0, 0, 1, 1] * 10}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_graphs_and_questions_show_the_call_that_makes_them(example) -> None:
    graph, question = umbel.Graph.parse(example.graph), umbel.Question.parse(example.question)
    if repr(graph).startswith("Graph.parse"):
        assert eval(repr(graph), {"Graph": umbel.Graph}) == graph  # our own text
    assert eval(repr(question), {"Question": umbel.Question}) == question
    assert "\n" not in repr(graph) + repr(question)


def test_a_large_graph_shows_its_size() -> None:
    graph = umbel.Graph.build(directed=[(f"X{i}", f"X{i + 1}") for i in range(1000)])
    assert repr(graph) == "<Graph of 1,001 variables and 1,000 arrows>"


@pytest.mark.parametrize(
    ("graph", "question", "shown"),
    [
        (BACK_DOOR, "P(Y | do(A))", "<Identified (back-door): P(Y | do(A)) = Σ_{Z} P(Y | A, Z) P(Z)>"),
        ("A -> Y; A <-> Y", "P(Y | do(A))", "<Unidentified (hedge): P(Y | do(A)). Hidden causes join A to Y"),
        ("A -> Y; A <-> Y", "PNS(A, Y)", "<Bounded (linear programme): PNS(A, Y); the numbers come from data>"),
        ("S = sum(A, B); A -> Y; B -> Y", "E[Y | do(S=1)]", "<Refused: E[Y | do(S=1)]. The effect of S needs"),
    ],
)
def test_verdicts_are_one_line(graph: str, question: str, shown: str) -> None:
    verdict = umbel.identify(graph, question)
    assert repr(verdict).startswith(shown) and str(verdict) == repr(verdict) and "\n" not in repr(verdict)


def test_an_estimand_is_a_formula_in_notebooks() -> None:
    verdict = umbel.identify(BACK_DOOR, "P(Y | do(A))")
    assert isinstance(verdict, umbel.Identified)
    assert repr(verdict.estimand) == "<Estimand (back-door): Σ_{Z} P(Y | A, Z) P(Z)>"
    assert verdict.estimand._repr_latex_() == r"$\displaystyle \sum_{Z} P(Y \mid A, Z) P(Z)$"


def test_answers_are_one_line() -> None:
    study = umbel.Study(DATA)
    assert repr(umbel.solve("A -> Y", "E[Y | do(A=1)]", study)) == (
        "<Answer, identified: E[Y | do(A=1)] = 20.00, 95% interval [14.72, 25.28]>"
    )
    assert repr(umbel.solve("A -> Y", "P(Y | do(A))")) == "<Answer, identified: P(Y | do(A))>"
    assert repr(umbel.solve("A -> Z; A <-> Z", "ATE(A, Z)", study)).startswith("<Answer, bounded: ATE(A, Z) in [")
    assert "No row has A = 7" in repr(umbel.solve("A -> Y", "E[Y | do(A=7)]", study))


def test_a_method_shows_what_was_changed() -> None:
    assert repr(umbel.MethodSpec()) == "MethodSpec()"
    assert repr(umbel.MethodSpec(name="aipw", level=0.9)) == "MethodSpec(name='aipw', level=0.9)"


NETWORKX = "A graph is text or an umbel.Graph, and here is DiGraph. Write umbel.Graph.from_networkx(graph)."
WRONG = {
    "graph": (lambda: umbel.solve(3, "P(Y)"), "A graph is text or an umbel.Graph, and here is int."),
    "question": (lambda: umbel.identify("A -> Y", None), "A question is text or an umbel.Question, and here is None"),
    "method": (
        lambda: umbel.solve("A -> Y", "P(Y | do(A))", method="aipw"),
        "method is 'aipw'; it must be an umbel.MethodSpec(name=..., level=...).",
    ),
    "rng": (
        lambda: umbel.Problem("A -> Y", "P(Y | do(A))").solve(rng=3),
        "rng is 3; it must be a generator: numpy.random.default_rng(0).",
    ),
    "level": (lambda: umbel.MethodSpec(level=95), "level is 95; it must lie between 0 and 1."),
    "seed": (lambda: umbel.MethodSpec(seed=-1), "seed is -1; it must be a whole number from 0 on."),
    "members": (lambda: umbel.MethodSpec(members="some"), "members is 'some'. Possible: sample, all."),
    "a series": (
        lambda: umbel.Study(pytest.importorskip("pandas").Series([1, 2])),
        "data is a pandas Series, which is no table",
    ),
    "large keys": (lambda: umbel.Study({"A": [2**70]}), "data holds whole numbers beyond 64 bits."),
    "networkx": (
        lambda: umbel.identify(pytest.importorskip("networkx").DiGraph([("A", "Y")]), "P(Y | do(A))"),
        NETWORKX,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_handed_in_wrongly_is_named(case: str) -> None:
    call, words = WRONG[case]
    with pytest.raises(umbel.InputError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_lazy_polars_frame_is_read() -> None:
    polars = pytest.importorskip("polars")
    plain = umbel.solve("A -> Y", "E[Y | do(A=1)]", umbel.Study(DATA))
    assert umbel.solve("A -> Y", "E[Y | do(A=1)]", umbel.Study(polars.LazyFrame(DATA))).value == plain.value
