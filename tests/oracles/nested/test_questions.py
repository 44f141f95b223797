"""Whole questions about plated graphs: contrasts, values, named laws, laws that read covariates.

The verdict's own estimand, as it was put together from its terms, against enumeration.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.oracles.nested.brute import Array, Do, Model, blueprint, random_model
from umbel.graph.parse import parse_graph
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified

TOLERANCE = 1e-10
CONFOUNDER = "plate s { A Y }; latent U; U -> { A Y }; A -> Y"
INTERFERENCE = "plate s { A Y }; latent U; U -> { A Y }; A -> { Y Z }; Z -> Y"
COVARIATE = "plate s { X A Y }; latent U; U -> { X A Y }; X -> { A Y }; A -> Y"
OUTSIDE = "plate s { B Y }; latent U; U -> { A Y }; A -> B -> Y"


def bernoulli(p: float) -> Array:
    return np.array([1 - p, p])


def mean(model: Model, do: Do) -> float:
    return float(model.law("Y", do)[1])


def hold(state: int) -> Do:
    return Do.hold("A", state, 2)


def drawn(p: float) -> Do:
    return Do("A", (), bernoulli(p))


SOME = Do("A", ("X",), np.stack([bernoulli(0.2), bernoulli(0.8)]))
EXPIT = Do("A", ("X",), np.stack([bernoulli(1 / (1 + np.exp(0.5 - x))) for x in (0.0, 1.0)]))

Truth = Callable[[Model], float | Array]

QUESTIONS: dict[str, tuple[str, Truth]] = {
    "E[Y | do(A=1)] - E[Y | do(A=0)]": (CONFOUNDER, lambda m: mean(m, hold(1)) - mean(m, hold(0))),
    "2*E[Y | do(A=1)] - 0.5": (CONFOUNDER, lambda m: 2 * mean(m, hold(1)) - 0.5),
    "E[Y | do(A=1)] / E[Y | do(A=0)]": (CONFOUNDER, lambda m: mean(m, hold(1)) / mean(m, hold(0))),
    "P(Y=1 | do(A ~ Bernoulli(0.75)))": (CONFOUNDER, lambda m: mean(m, drawn(0.75))),
    "P(Y | do(A))": (CONFOUNDER, lambda m: np.stack([m.law("Y", hold(0)), m.law("Y", hold(1))], axis=-1)),
    "E[Y | do(A)]": (CONFOUNDER, lambda m: np.array([mean(m, hold(0)), mean(m, hold(1))])),
    "E[Y | do(A ~ Categorical(0.4, 0.6))]": (CONFOUNDER, lambda m: mean(m, drawn(0.6))),
    "E[Y | do(A ~ Point(1))] - E[Y]": (
        CONFOUNDER,
        lambda m: mean(m, hold(1)) - float(m.law("Y")[1]),
    ),
    "E[Y | do(A ~ Bernoulli(0.75))] - E[Y | do(A ~ Bernoulli(0.25))]": (
        INTERFERENCE,
        lambda m: mean(m, drawn(0.75)) - mean(m, drawn(0.25)),
    ),
    "E[Y | do(A ~ Bernoulli(0.2 + 0.6*X))]": (COVARIATE, lambda m: mean(m, SOME)),
    "E[Y | do(A ~ Bernoulli(expit(X - 0.5)))] - E[Y | do(A=0)]": (
        COVARIATE,
        lambda m: mean(m, EXPIT) - mean(m, hold(0)),
    ),
    "E[Y | do(A=1)] - E[Y | do(A=0)] ": (OUTSIDE, lambda m: mean(m, hold(1)) - mean(m, hold(0))),
    "P(Y=1 | do(A=1))": (OUTSIDE, lambda m: mean(m, hold(1))),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_the_truth(question: str) -> None:
    text, truth = QUESTIONS[question]
    graph = parse_graph(text)
    verdict = identify_question(graph, Question.parse(question))
    assert isinstance(verdict, Identified)
    assert verdict.verify()
    # Some units draw A from each of the laws that interference has to meet.
    atoms = {"A": np.stack([bernoulli(0.75), bernoulli(0.25)])} if text == INTERFERENCE else {}
    for seed in range(3):
        model = random_model(blueprint(graph), np.random.default_rng(seed), atoms=atoms)
        found = verdict.estimand.evaluate(model.table()).array
        assert np.abs(found - truth(model)).max() < TOLERANCE
