"""Weights of families on the states of a discrete treatment."""

from __future__ import annotations

import pytest

from umbel.errors import QuestionError
from umbel.model.parse import parse_question
from umbel.model.policy import Family
from umbel.model.query import Drawn, Expectation
from umbel.model.weights import FamilyLaw
from umbel.variable import State


def law(text: str) -> FamilyLaw:
    body = parse_question(f"E[Y | do(A ~ {text})]").body
    assert isinstance(body, Expectation)
    (item,) = body.do
    assert isinstance(item, Drawn) and isinstance(item.law, Family)
    return FamilyLaw(item.law, text)


@pytest.mark.parametrize(
    ("text", "states", "at", "weights"),
    [
        ("Bernoulli(0.75)", (0, 1), {}, (0.25, 0.75)),
        ("Bernoulli(0.25*X)", ("off", "on"), {"X": 2}, (0.5, 0.5)),
        ("Categorical(0.2, 0.3, 0.5)", ("a", "b", "c"), {}, (0.2, 0.3, 0.5)),
        ("Point(1)", (0, 1), {}, (0, 1)),
        ("Point(true)", (0, 1), {}, (0, 1)),
        ('Point("low")', ("low", "high"), {}, (1, 0)),
        ("Point(X < 60)", (0, 1), {"X": 59}, (0, 1)),
    ],
)
def test_weights(text: str, states: tuple[State, ...], at: dict[str, State], weights: tuple[float, ...]) -> None:
    assert tuple(law(text).weight(state, states, at) for state in states) == pytest.approx(weights)


@pytest.mark.parametrize(
    ("text", "at", "part"),
    [
        ("Bernoulli(X)", {"X": 2}, "gives the probability 2 at X = 2; it lies in"),
        ("Bernoulli(1/X)", {"X": 0}, "Bernoulli(1/X) has no value at X = 0"),
        ("Point(X)", {"X": 2}, "is no state of the table. States: 0, 1."),
        ("Normal(0, 1)", {}, "has no weights on 2 states"),
    ],
)
def test_laws_without_weights(text: str, at: dict[str, State], part: str) -> None:
    with pytest.raises(QuestionError) as caught:
        law(text).weight(1, (0, 1), at)
    assert part in str(caught.value)
