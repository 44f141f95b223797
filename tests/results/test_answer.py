"""The Answer against its own schema, on every rung and with numbers that are not finite."""

from __future__ import annotations

import json
import math
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Certificate, EstimandView, Refusal, Step
from umbel.results.value import Bounds, DataSource, Estimate, LatentClass, Policy, Row, Seconds

SCHEMA = json.loads(files("umbel.results").joinpath("answer.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

IDENTIFIED = Answer(
    title="Tutoring",
    graph="A -> Y",
    question="E[Y | do(A=1)]",
    verdict="identified",
    estimand=EstimandView("E[Y | A=1]", r"E[Y \mid A=1]", "back-door"),
    steps=(Step("collapse", "student"),),
    assumptions=("no hidden cause",),
    estimate=Estimate(0.2, se=0.1, interval=(0.0, 0.4), level=0.95, method="units"),
    checks=(Check("positivity", passed=True, value=0.12),),
    data=(DataSource("students.parquet", rows=90000, units=300),),
    references=("Weinstein and Blei, JMLR 27(37), 2026.",),
    seconds=Seconds(identify=0.001, estimate=0.8),
)
CASES = {
    "identified": IDENTIFIED,
    "identified, no data": Answer(question="P(Y | do(A))", verdict="identified"),
    "bounded": Answer(question="PNS(A, Y)", verdict="bounded", bounds=Bounds(0.34, 0.43, "sharp", (0.34, 0.43))),
    "unidentified": Answer(
        question="P(Y | do(A))", verdict="unidentified", certificate=Certificate("hedge", "…", ("randomise A",))
    ),
    "refused": Answer(question="P(Y | do(A))", verdict="refused", refusal=Refusal("…", "name a realisation")),
    "classes": Answer(question="MTE(T, Y | U)", verdict="identified", classes=(LatentClass(0.35, 0.3, (0.2, 0.4)),)),
    "policy": Answer(
        question="max[k1] E[Y | do(A ~ Bernoulli(k1))]", verdict="identified", policy=Policy((("k1", 0.5),), 0.015)
    ),
    "rows": Answer(
        question="E[Y | do(A=1), R]", verdict="identified", table=(Row("E[Y | do(A=1)]", (("R", "north"),), value=0.2),)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_rung_validates(name: str) -> None:
    VALIDATOR.validate(CASES[name].to_dict())
    json.dumps(CASES[name].to_dict(), allow_nan=False)


def test_several_questions_are_a_list() -> None:
    VALIDATOR.validate([answer.to_dict() for answer in CASES.values()])


def test_schema_is_itself_valid_and_closed() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert not VALIDATOR.is_valid({**IDENTIFIED.to_dict(), "surprise": 1})
    assert not VALIDATOR.is_valid({**IDENTIFIED.to_dict(), "verdict": "perhaps"})


number = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 5))
pair = st.one_of(st.none(), st.tuples(number, number))


@given(number, number, pair, pair, number)
def test_no_nan_or_infinity_ever(a: float | None, b: float | None, p: tuple, q: tuple, c: float | None) -> None:
    answer = Answer(
        question="P(Y)",
        verdict="identified",
        estimate=Estimate(a, b, p, c, "m"),
        bounds=Bounds(a, b, "outer", p, q),
        classes=(LatentClass(a, b, p),),
        policy=Policy((("k", a),), b, q),
        checks=(Check("x", True, c),),
        seconds=Seconds(a, b),
    )
    text = json.dumps(answer.to_dict(), allow_nan=False)
    VALIDATOR.validate(json.loads(text))


def test_value_and_interval_only_when_a_number_is_identified() -> None:
    assert (IDENTIFIED.value, IDENTIFIED.interval) == (0.2, (0.0, 0.4))
    for name in ("identified, no data", "bounded", "unidentified", "refused"):
        assert (CASES[name].value, CASES[name].interval) == (None, None)
    undefined = Answer(question="P(Y)", verdict="identified", estimate=Estimate(math.nan, interval=(0.0, 1.0)))
    assert (undefined.value, undefined.interval) == (None, None)


def test_rows_and_frames() -> None:
    frame = CASES["bounded"].to_frame()
    assert list(frame["kind"]) == ["lower", "upper"]
    assert list(frame["value"]) == [0.34, 0.43]
    frame = CASES["rows"].to_frame()
    assert list(frame["given R"]) == ["north"]
    assert CASES["refused"].rows() == ()


def test_cite_names_umbel_first() -> None:
    assert IDENTIFIED.cite().splitlines()[1:] == ["Weinstein and Blei, JMLR 27(37), 2026."]
