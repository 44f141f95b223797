"""Laws in counterfactual subscripts: random questions against enumeration and ranks, and named ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.draw import random_studies
from tests.oracles.counterfactual.laws import ask, drawn

EXACT = 1e-10
"""Enumeration in float64 of a few thousand rows leaves errors near 1e-15."""


@pytest.mark.parametrize("several", [False, True], ids=["one study", "several studies"])
def test_laws_in_subscripts(several: bool) -> None:
    rng = np.random.default_rng([71, several])
    seen: Counter[str] = Counter()
    for _ in range(80):
        asked = drawn(rng)
        word, gap = ask(asked, random_studies(rng, asked.diagram) if several else (), rng)
        assert gap < EXACT, asked.text()
        seen[word] += 1
    assert seen["yes"] >= 25 and seen["no"] >= 3, seen
    assert not seen["nothing moves"], seen


GRAPH = "Z -> A -> M -> Y; A -> Y; Z -> { M Y }"
NAMED = [
    ("P(Y[A ~ q(Z)]=1)", "yes"),
    ("P(Y[A ~ q(Z)]=1 | A=0)", "yes"),
    ("E[Y[A ~ q(Z), M[A=0]]]", "yes"),
    ("E[Y[A=1, M[A ~ q(Z)]]] - E[Y[A=1, M[A=0]]]", "yes"),
    ("P(Y[A ~ Bernoulli(expit(0.3 - Z))]=1, A=0)", "yes"),
    ("P(Y[A ~ Point(1)]=1 | A=1)", "yes"),
    ("P(Y[A ~ Point(1 - Z)]=1 | A=1)", "yes"),
    ("P(Y[A ~ q]=1, Y[A=0]=0)", "no"),
    ("P(Y[A ~ q]=1, Y[A ~ Bernoulli(0.5)]=1)", "two laws"),
    ("P(Y[A ~ q(Z)]=1, M[A ~ q(Z), Z=1]=0)", "left open"),
]


@pytest.mark.parametrize(("question", "outcome"), NAMED, ids=[question for question, _ in NAMED])
def test_named_laws(question: str, outcome: str) -> None:
    """Policies along some paths only, for those who were treated otherwise (Shpitser and Sherman 2018)."""
    verdict = umbel.identify(GRAPH, question)
    if isinstance(verdict, umbel.Refused):
        assert outcome in verdict.refusal.why
        return
    assert verdict.identified is (outcome == "yes")
    assert verdict.verify()


def test_one_world_of_laws_is_an_effect() -> None:
    one = umbel.identify(GRAPH, "P(Y[A ~ q(Z)]=1)")
    other = umbel.identify(GRAPH, "P(Y=1 | do(A ~ q(Z)))")
    assert isinstance(one, umbel.Identified) and isinstance(other, umbel.Identified)
    assert one.estimand.text() == other.estimand.text()


@pytest.mark.parametrize("text", ["P(Y[A ~ q(Z), B=1]=1 | A=0)", "E[Y[A=1, M[A ~ Bernoulli(0.5)]]]"])
def test_questions_with_laws_in_subscripts_round_trip(text: str) -> None:
    assert umbel.Question.parse(str(umbel.Question.parse(text))) == umbel.Question.parse(text)


def test_laws_that_read_what_they_change_are_wrong() -> None:
    with pytest.raises(umbel.QuestionError, match="cycle"):
        umbel.identify(GRAPH, "P(Y[A ~ q(M)]=1 | A=0)")
