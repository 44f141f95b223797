"""What an engine asks of a question, and the arithmetic inside its laws."""

from __future__ import annotations

import math

import pytest

from umbel.model.formula import Constant, Formula, evaluate, reads
from umbel.model.named import spelled_out
from umbel.model.parse import parse_question
from umbel.model.policy import Family
from umbel.model.query import Combination, Drawn, Event, Expectation, Held, Named, Number, Question, combine
from umbel.model.render import body_text
from umbel.variable import State


def test_terms_come_once_in_order_and_numbers_are_left_out() -> None:
    question = parse_question("(E[Y | do(A=1)] - E[Y | do(A=0)]) / E[Y | do(A=0)] + 3")
    assert [str(Question.of(term)) for term in question.terms()] == ["E[Y | do(A=1)]", "E[Y | do(A=0)]"]


def test_names_come_once_without_parameters() -> None:
    question = parse_question("max[k] E[Y | do(A ~ Bernoulli(k*C)), Z=1] - PNS(A, W | V=1)")
    assert question.names() == ("Y", "A", "C", "Z", "W", "V")
    assert question.parameters == ("k",)
    assert parse_question("E[R | do(S = 3 by shift(X2))]").names() == ("R", "S", "X2")
    assert parse_question("P(Y[A=1, M[B=0]])").names() == ("Y", "A", "M", "B")
    assert parse_question("MTE(T, Y | U)").names() == ("T", "Y", "U")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P(Y[A=1]=1)", True),
        ("P(Y | Y[A=1]=1)", True),
        ("PNS(A, Y)", True),
        ("E[Y] - 2*PN(A, Y)", True),
        ("ATE(A, Y)", False),
        ("ETT(A, Y)", True),
        ("ATE(A, Y | Z[A=1]=1)", True),
        ("MTE(T, Y | U)", False),
        ("P(Y | do(A), X)", False),
    ],
)
def test_counterfactual(text: str, expected: bool) -> None:
    assert parse_question(text).is_counterfactual is expected


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("PNS", "P(Y[A=1]=1, Y[A=0]=0 | X=1)"),
        ("PN", "P(Y[A=0]=0 | A=1, Y=1, X=1)"),
        ("PS", "P(Y[A=1]=1 | A=0, Y=0, X=1)"),
        ("ATE", "E[Y | do(A=1), X=1] - E[Y | do(A=0), X=1]"),
        ("ETT", "E[Y[A=1] | A=1, X=1] - E[Y[A=0] | A=1, X=1]"),
    ],
)
def test_named_quantities_mean_what_they_are_defined_as(kind: str, meaning: str) -> None:
    given = (Event("X", 1),)
    assert body_text(spelled_out(Named(kind, "A", "Y", given))) == meaning
    assert spelled_out(Named(kind, "A", "Y", given)) == parse_question(meaning).body


def test_named_quantities_of_labels() -> None:
    body = spelled_out(Named("PNS", "Drug", "Alive"), low="no", high="yes", no=False, yes=True)
    assert body_text(body) == 'P(Alive[Drug="yes"]=true, Alive[Drug="no"]=false)'


def test_combinations_have_one_form() -> None:
    y, x = Expectation(Event("Y")), Expectation(Event("X"))
    assert combine([(1.0, y), (-1.0, y)]) == Number(0.0)
    assert combine([(1.0, y)]) == y
    assert combine([(2.0, y), (1.0, Number(3.0)), (1.0, x), (1.0, Number(-1.0))]) == Combination(
        ((2.0, y), (1.0, x), (1.0, Number(2.0)))
    )
    assert combine([(2.0, combine([(1.0, y), (-1.0, x)]))]) == Combination(((2.0, y), (-2.0, x)))


def formula(text: str) -> Formula:
    body = parse_question(f"E[Y | do(A ~ Point({text}))]").body
    assert isinstance(body, Expectation)
    (item,) = body.do
    assert isinstance(item, Drawn) and isinstance(item.law, Family)
    return item.law.arguments[0]


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("0.2 + 0.6*X", {"X": 0.5}, 0.5),
        ("1 - 2 - 3", {}, -4),
        ("8 / 4 / 2", {}, 1),
        ("2 - -X", {"X": 3}, 5),
        ("-X*Y", {"X": 3, "Y": 2}, -6),
        ("-(X + 1)", {"X": 3}, -4),
        ("--X", {"X": 3}, 3),
        ("(1 + 2)*3", {}, 9),
        ("expit(0)", {}, 0.5),
        ("expit(-1000) + expit(1000)", {}, 1),
        ("logit(expit(X))", {"X": 0.3}, 0.3),
        ("exp(log(X))", {"X": 7}, 7),
        ("min(X, 1) + max(X, 1, 5)", {"X": 3}, 6),
        ("sqrt(abs(X))", {"X": -16}, 4),
        ("X < 3", {"X": 2}, 1),
        ("(X >= 3)*(X <= 5)", {"X": 4}, 1),
        ('0.2 + 0.5*(Sex = "F")', {"Sex": "F"}, 0.7),
        ('Sex != "F"', {"Sex": "F"}, 0),
        ('"Birth weight" > 3', {"Birth weight": 4}, 1),
        ('3 < ("Birth weight")', {"Birth weight": 4}, 1),
        ("exp*max", {"exp": 2, "max": 3}, 6),  # a function's name without its bracket is a covariate
        ("X + true", {"X": 1}, 2),
    ],
)
def test_formulas_mean_what_arithmetic_says(text: str, at: dict[str, State], value: float) -> None:
    assert evaluate(formula(text), at) == pytest.approx(value, abs=1e-15)
    assert set(reads(formula(text))) == set(at)


def test_small_probabilities_stay_exact() -> None:
    assert evaluate(formula("expit(-40)"), {}) == pytest.approx(math.exp(-40), rel=1e-12)


def test_formulas_without_a_value_raise() -> None:
    for text in ("1/X", "log(X)", "sqrt(X - 1)", "logit(X)"):
        with pytest.raises((ArithmeticError, ValueError)):
            evaluate(formula(text), {"X": 0})
    with pytest.raises(TypeError, match="'F' is no number"):
        evaluate(formula("1 + X"), {"X": "F"})


def test_quotes_hold_a_label_where_only_a_label_fits() -> None:
    assert formula('"high"') == Constant("high")
    assert reads(formula('("high")')) == ("high",)
    assert reads(formula('"high" + 0')) == ("high",)


def test_nothing_counts_as_a_treatment_by_its_value() -> None:
    """True, 1 and 1.0 are one state to a dictionary; the text keeps what was written."""
    for text in ("P(Y | do(A=1))", "P(Y | do(A=1.0))", "P(Y | do(A=true))"):
        assert str(parse_question(text)) == text
    assert Held("A", 1) == Held("A", True)
