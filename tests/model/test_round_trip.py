"""Text to question and back, over random questions and over each line that the documentation shows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.model.questions import questions
from umbel.model.parse import parse_question
from umbel.model.query import Question
from umbel.model.render import body_text, question_latex

# The grammar's examples, each with its canonical text where that differs.
EXAMPLES = {
    "P(Y | do(A), X)": None,
    "E[Y | do(A=1)] - E[Y | do(A=0)]": None,
    "E[Y | do(A=1), Region]": None,
    "E[Y | do(A ~ Bernoulli(0.75))]": None,
    "E[Y | do(A ~ Bernoulli(expit(0.2 + 0.6*X)))]": None,
    "P(Y | do(A ~ q))": None,
    "P(Y | do(A ~ q(X)))": None,
    "P(Y2, Y3 | do(A1 ~ q(C), A2 ~ q))": None,
    'P(Y[A=1]=1, Y[A=0]=0 | Sex="F")': None,
    "P(Y[A=1, M[A=0]])": None,
    "PNS(A, Y)": None,
    "PN(A, Y | X=1)": None,
    "PS(A, Y)": None,
    "ATE(A, Y)": None,
    "E[Revenue | do(Sales = 33 by natural)]": None,
    "E[Revenue | do(Sales = 33 by shift(X2))]": None,
    "E[Revenue | do(Sales=33 by shift(X1: .5, X2: .5))]": "E[Revenue | do(Sales = 33 by shift(X1: 0.5, X2: 0.5))]",
    "E[Revenue | do(Sales by point(X1: Sales - 3, X2: 3))]": None,
    "E[Revenue | do(Sales = 33 by levers(X1, X2))]": None,
    "E[Revenue | do(Sales = 33 by perfect(X1))]": None,
    "MTE(T, Y | U)": None,
    "max[k1, k2] E[Y | do(A ~ Bernoulli(k1*C1 + k2*C2))]": None,
    "E[Y | do(A ~ Bernoulli(0.75))] - E[Y | do(A ~ Bernoulli(0.25))]": None,
    "E[Y | do(A ~ Normal(0.5*X, 2))]": None,
    "E[Y | do(A ~ Categorical(0.2, 0.3, 0.5))]": None,
    'E[Y | do(A ~ Point("high"))]': None,
    "E[Y | do(A ~ Point(Score < 60))]": None,
    "E[E | do(P=1)]": None,
    "P(P | do(E))": None,
    "P(do | do(do=true), max)": None,
    "E[Y|do(A=1)]/E[Y|do(A=0)]": "E[Y | do(A=1)] / E[Y | do(A=0)]",
    "2*(E[Y] - 3*E[X])/4 + 1": "0.5*E[Y] - 1.5*E[X] + 1",
    "(E[Y] - E[X])/(E[Z] - 1)": "(E[Y] - E[X]) / (E[Z] - 1)",
    "-(P(Y)/P(X)) - P(Z)": "-(P(Y) / P(X)) - P(Z)",
    "P(Y | X, do(A), do(B=1))": "P(Y | do(A, B=1), X)",
    'P("Birth weight" | do("2nd dose" = -1.5))': 'P("Birth weight" | do("2nd dose"=-1.5))',
    "P(\n  Y  # the outcome\n| do(A)\n)": "P(Y | do(A))",
    'P("do"[A=1], do=1)': None,
    "E[Y.near | do(A.near=1)]": None,
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_of_the_grammar(text: str) -> None:
    question = parse_question(text)
    assert question.text == text
    assert body_text(question.body) == str(question) == (EXAMPLES[text] or text)
    assert parse_question(str(question)) == question


@settings(max_examples=400)
@given(questions())
def test_text_and_back(question: Question) -> None:
    again = parse_question(question.text)
    assert again == question
    assert hash(again) == hash(question)
    assert str(again) == question.text


def test_equal_questions_are_equal_whatever_their_text() -> None:
    assert Question.parse("E[Y]-E[X]") == Question.parse("E[Y]*1 - (E[X] + 2) + 4/2")
    assert Question.parse("E[Y] + E[Y]") == Question.parse("2 * E[Y]")
    assert Question.parse("P(Y|X,do(A))") == Question.parse("P( Y | do(A), X )")


IN_LATEX = {
    "E[Y | do(A=1)] - 3": r"E[Y \mid \mathrm{do}(A = 1)] - 3",
    "2*P(Y) + 1": r"2\, P(Y) + 1",
    "(E[Y] - 1) / E[X2]": r"\frac{E[Y] - 1}{E[X_{2}]}",
    "-(P(Y) / P(X))": r"-\frac{P(Y)}{P(X)}",
    'P(Y1[A=true]=1 | Sex="F")': r"P({Y_{1}}_{A = \text{true}} = 1 \mid \text{Sex} = \text{F})",
    "MTE(A, Y | U)": r"\mathrm{MTE}(A, Y \mid U)",
    "max[k1] E[Y | do(A ~ Bernoulli(k1*C))]": r"\max_{k_{1}} E[Y \mid \mathrm{do}(A \sim \text{Bernoulli(k1*C)})]",
}


@pytest.mark.parametrize("text", IN_LATEX)
def test_questions_as_papers_set_them(text: str) -> None:
    assert question_latex(parse_question(text)) == IN_LATEX[text]
