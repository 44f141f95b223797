"""Text for people: complete, narrow enough, and free of other people's markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.graph.mixed import Aggregate, Facts, Graph, Part
from umbel.report.digits import decimals_of, interval, number
from umbel.report.text import answer_text
from umbel.report.words import graph_words
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Certificate, EstimandView, Step
from umbel.results.value import Bounds, DataSource, Estimate, Row
from umbel.variable import Domain, Plate

ANSWER = Answer(
    title="Eight schools",
    question="E[Y[A=1]] - E[Y | do(A=0)]",
    verdict="identified",
    estimand=EstimandView("∫ p(q) (q[1] - q[0]) dq", r"\int", "unit confounder"),
    steps=(Step("collapse", "each school becomes the laws of its students, q[A] and q[Y | A]"),) * 2,
    assumptions=("students of one school are exchangeable",),
    estimate=Estimate(4.39682, 3.3177, (-1.0832, 9.8172), 0.9, "quadrature", "posterior"),
    checks=(Check("positivity", True, 0.25), Check("overlap", False, None, "no school tutored everyone")),
    data=(DataSource("eight_schools.csv", units=8),),
    references=("Rubin, J. Educ. Stat. 6, 1981.",),
)


def test_a_posterior_reads_as_a_table() -> None:
    text = ANSWER.summary()
    assert re.search(r"mean +sd +5% +95%\n +4\.40 +3\.32 +-1\.08 +9\.82", text)


@pytest.mark.parametrize(
    "words",
    [
        "Eight schools",
        "E[Y[A=1]] - E[Y | do(A=0)]",
        "q[1] - q[0]",
        "passed positivity (0.25)",
        "FAILED",
        "Rubin",
        "8 units",
    ],
)
def test_everything_is_there_and_brackets_survive(words: str) -> None:
    assert words in ANSWER.summary()


@given(st.text(max_size=300), st.integers(0, 120))
def test_any_words_fit_any_width(words: str, width: int) -> None:
    answer = replace(
        ANSWER,
        question=words,
        verdict="unidentified",
        certificate=Certificate("hedge", words, (words,)),
        table=(Row(words, (("R", words),), value=1.0, lower=0.0, upper=2.0),),
    )
    text = answer_text(answer, width=width)
    assert all(char.isprintable() or char == "\n" for char in text)
    # wide characters take two columns, so lengths only bound from above
    assert all(len(line) <= max(width, 40) for line in text.split("\n"))


def test_escape_codes_never_reach_the_terminal() -> None:
    assert "\x1b" not in answer_text(replace(ANSWER, question="P(Y)\x1b[31m"))


def test_no_colour_in_plain_text() -> None:
    assert "\x1b" not in str(ANSWER)


def test_a_no_claims_no_more_than_its_proof() -> None:
    proof = Answer(question="P(Y)", verdict="unidentified", certificate=Certificate("hedge", "…"))
    route = replace(proof, certificate=Certificate("route", "…"))
    assert "the assumptions leave the answer open" in proof.summary()
    assert "not identified by this route" in route.summary()


def test_numbers() -> None:
    assert [number(x) for x in (0.1 + 0.2, 1e-9, 123456.0, 1e12, -0.0316)] == [
        "0.3",
        "1e-09",
        "123456",
        "1e+12",
        "-0.0316",
    ]


@pytest.mark.parametrize(
    ("value", "se", "shown"),
    [
        (2.01423, 0.04878, "2.0142 0.0488 [1.9186, 2.1098]"),
        (1794.34, 670.1, "1794 670 [481, 3108]"),
        (-0.12749, 0.09888, "-0.1275 0.0989 [-0.3213, 0.0663]"),
        (3.0, 0.0, "3 0 [3, 3]"),
        (1e-9, 2e-10, "1e-09 2e-10 [6.08e-10, 1.392e-09]"),
    ],
)
def test_a_value_and_its_error_stand_at_the_same_decimals(value: float, se: float, shown: str) -> None:
    pair = (value - 1.96 * se, value + 1.96 * se)
    at = decimals_of([value], se=se, pair=pair)
    assert f"{number(value, at)} {number(se, at)} {interval(pair, at)}" == shown


def test_bounds_say_their_level_and_whether_they_meet() -> None:
    drug = Answer(
        question="PNS(A, Y)",
        verdict="bounded",
        bounds=Bounds(0.3845, 0.3845, "sharp", interval=(1e-22, 0.40771)).at_level(0.9),
    )
    text = drug.summary()
    assert "Bounds (sharp; they meet in one value)" in text
    assert re.search(r"lower +upper +90% interval\n +0\.385 +0\.385 +\[0\.000, 0\.408\]", text)
    known = replace(drug, bounds=Bounds(0.3, 0.4, "sharp"))
    assert re.search(r"lower +upper\n +0\.3 +0\.4$", known.summary())


def test_many_steps_are_cut_where_there_are_numbers() -> None:
    many = replace(ANSWER, steps=ANSWER.steps * 10)
    assert "… and 8 more, in the Answer's steps and its JSON" in many.summary()
    assert "… and" not in replace(many, estimate=None).summary()


def test_a_check_tells_its_number_once() -> None:
    checks = (Check("rows", True, 0.0), Check("overlap", False, 0.9, "nine in ten"), Check("rank", False, 0.0))
    text = replace(ANSWER, checks=checks).summary()
    assert re.search(r"passed rows\n +FAILED overlap: nine in ten\n +FAILED rank \(0\)\n", text)


def test_causes_of_the_same_variables_share_a_sentence() -> None:
    graph = Graph.build(directed=[("X", "A"), ("Z", "A"), ("X", "Y"), ("Z", "Y"), ("A", "Y")])
    assert graph_words(graph)[1:] == ("X and Z cause A and Y.", "A causes Y.")


def test_each_edge_and_fact_has_its_sentence() -> None:
    graph = Graph(
        names=("U", "A", "Y", "Sales"),
        parents=(0, 0b1, 0b11, 0),
        siblings=(0, 0b100, 0b010, 0),
        neighbours=(0, 0, 0b1000, 0b0100),
        plates=(Plate("school"), Plate("student", 0)),
        plate_of=(-1, 1, 1, 0),
        latent=0b1,
        aggregates=(Aggregate(3, "weighted", (Part(1, 2.0), Part(2, 1.0))),),
        near_parents=(0, 0, 0b010, 0),
        facts=Facts(0b10, ((1, 2),), ((0, 2),), ((2, Domain(("low", "high"))),)),
    )
    assert graph_words(graph) == (
        "Each unit: U (hidden).",
        "Each school in a unit: Sales.",
        "Each student in a school: A, Y.",
        "U causes A and Y.",
        "A causes Y.",
        "A of the neighbours causes Y.",
        "Sales is the sum of 2 times A and 1 times Y.",
        "A and Y share a hidden cause.",
        "Y and Sales are in equilibrium.",
        "A has no unit-level noise beyond its parents.",
        "Y never falls when A rises.",
        "U has 2 classes.",
        "Y takes low and high; low is the reference.",
    )


def test_a_large_graph_is_cut() -> None:
    graph = Graph.build(directed=[(f"X{i}", f"X{i + 1}") for i in range(1000)])
    words = graph_words(graph)
    assert len(words) == 41
    assert words[-1] == "… and 961 more sentences."


@pytest.mark.parametrize("width", [40, 56, 80, 120])
def test_no_number_is_broken_at_any_width(width: int) -> None:
    rows = tuple(
        Row("E[Y | do(A=1)] - E[Y | do(A=0)]", (("school", name),), value=6.2123, se=5.59, lower=-1.54, upper=16.11)
        for name in ("north", "south")
    )
    text = answer_text(replace(ANSWER, table=rows), width=width)
    assert len(re.findall(r"\[-1\.54,\s+16\.11\]", text)) == 2
    assert len(re.findall(r"\b6\.21\b", text)) == len(re.findall(r"\b5\.59\b", text)) == 2
    assert all(len(line) <= width for line in text.split("\n"))


def test_what_rounding_left_is_no_error() -> None:
    exact = replace(ANSWER, estimate=Estimate(99.0, 9.5e-17, (99.0, 99.0), 0.95, "totals"))
    assert re.search(r"value +se +95% interval\n +99 +0 +\[99, 99\]", exact.summary())
    small = replace(ANSWER, estimate=Estimate(3e-15, 1e-15, (1e-15, 5e-15), 0.95, "aipw"))
    assert re.search(r"3e-15 +1e-15", small.summary())
