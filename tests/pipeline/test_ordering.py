"""Words that nobody put in order: no number may hang on the alphabet."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import ProblemError, QuestionError

RNG = np.random.default_rng(7)
C = RNG.integers(0, 2, 400)
TREATED = (RNG.random(400) < 0.3 + 0.4 * C) * 1
Y = (RNG.random(400) < 0.2 + 0.3 * TREATED * C + 0.1 * C) * 1
DRUG = np.array(["placebo", "drug"])[TREATED]  # the alphabet has the drug first
WORDS = {"C": C, "A": DRUG, "Y": Y}
NUMBERS = {"C": C, "A": TREATED, "Y": Y}
GRAPH = "C -> A -> Y; C -> Y"
ORDER = "; states A = { placebo < drug }"


@pytest.mark.parametrize(
    ("graph", "question"),
    [
        (GRAPH, "E[Y | do(A ~ Bernoulli(0.2 + 0.5*C))]"),
        (GRAPH, "E[Y | do(A ~ Bernoulli(0.7))] - E[Y]"),
        (GRAPH, "max[k] E[Y | do(A ~ Bernoulli(k))]"),
        (GRAPH, "ATE(A, Y)"),
        ("A -> Y; A <-> Y", "PNS(A, Y)"),
        ("A -> Y; A <-> Y", "PN(A, Y) - PS(A, Y)"),
    ],
)
def test_words_need_an_order(graph: str, question: str) -> None:
    with pytest.raises(QuestionError, match=r"'A' holds words \(drug, placebo\).*`states A = \{ drug < placebo \}`"):
        umbel.solve(graph, question, umbel.Study(WORDS))


def test_declared_words_give_the_numbers_of_numbers() -> None:
    policy = "E[Y | do(A ~ Bernoulli(0.2 + 0.5*C))]"
    numbers = umbel.solve(GRAPH, policy, umbel.Study(NUMBERS))
    assert umbel.solve(GRAPH + ORDER, policy, umbel.Study(WORDS)).value == numbers.value
    here = {"A": {"column": "A", "states": ["placebo", "drug"]}}
    assert umbel.solve(GRAPH, policy, umbel.Study(WORDS, variables=here)).value == numbers.value

    bow = "A -> Y; A <-> Y"
    words = umbel.solve(bow + ORDER, "PN(A, Y)", umbel.Study(WORDS)).bounds
    plain = umbel.solve(bow, "PN(A, Y)", umbel.Study(NUMBERS)).bounds
    assert words is not None
    assert plain is not None
    assert (words.lower, words.upper) == pytest.approx((plain.lower, plain.upper), abs=1e-9)


def test_words_that_the_question_names_need_none() -> None:
    found = umbel.solve("A -> Y; A <-> Y", 'P(Y=1 | do(A="drug"))', umbel.Study(WORDS)).bounds
    assert found is not None


@pytest.mark.parametrize("study", [(umbel.Study(NUMBERS),), dict(NUMBERS), "rows.csv"])
def test_what_is_no_study_is_an_error_of_one_line(study: object) -> None:
    with pytest.raises(ProblemError, match=r"A study is an umbel\.Study"):
        umbel.solve(GRAPH, "E[Y | do(A=1)]", study)  # type: ignore[arg-type]


@pytest.mark.parametrize("condition", ['(G = "x")', '(G != "x")', 'min(1, 2*(G = "x"))'])
def test_a_word_that_no_row_has_is_no_condition(condition: str) -> None:
    rows = {"G": ["f", "m"] * 20, "A": [0, 0, 1, 1] * 10, "Y": [0, 1, 1, 1, 0] * 8}
    question = f"E[Y | do(A ~ Bernoulli(0.3 + 0.4*{condition}))]"
    with pytest.raises(QuestionError, match="No row has G = 'x'"):
        umbel.solve("G -> Y; A -> Y", question, umbel.Study(rows))
    answer = umbel.solve("G -> Y; A -> Y", question.replace('"x"', '"f"').replace("2*", "0.2*"), umbel.Study(rows))
    assert answer.estimate is not None
