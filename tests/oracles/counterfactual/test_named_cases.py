"""The named counterfactuals: each verdict, each estimand against enumeration, each "no" against ranks."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.cases import CASES, Case
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.identification.counterfactual import counterfactual_effect
from umbel.model.query import Probability, Question
from umbel.model.task import Sight
from umbel.results.step import Refusal

named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def outcome_of(verdict: object) -> str:
    if isinstance(verdict, umbel.Refused):
        assert "undefined" in verdict.refusal.why
        return "undefined"
    if isinstance(verdict, umbel.Unidentified):
        return "no"
    assert isinstance(verdict, umbel.Identified)
    return {"0": "zero", "1": "one"}.get(verdict.estimand.text(), "yes")


@named
def test_the_observed_world(case: Case) -> None:
    verdict = identify_question(Graph.parse(case.graph), Question.parse(case.question))
    assert outcome_of(verdict) == case.observed
    if not isinstance(verdict, umbel.Refused):
        for seed in range(3):
            assert verdict.verify(rng=np.random.default_rng(seed))
    if isinstance(verdict, umbel.Unidentified):
        assert verdict.certificate.kind in ("conflict", "hedge")
        assert verdict.certificate.text


@named
def test_all_experiments(case: Case) -> None:
    body = Question.parse(case.question).body
    if not isinstance(body, Probability):
        return
    graph = Graph.parse(case.graph)
    nodes = range(len(graph.names))
    settings = chain.from_iterable(combinations(nodes, size) for size in range(len(graph.names)))
    sights = tuple(Sight(i, graph.observed, sum(1 << node for node in some)) for i, some in enumerate(settings))
    found = counterfactual_effect(graph, body, sights)
    if case.experiments == "undefined":
        assert isinstance(found, Refusal)
    else:
        assert not isinstance(found, Refusal)
        assert (found.expr is None) == (case.experiments == "no")


@named
def test_every_experiment_by_one_word(case: Case) -> None:
    verdict = umbel.identify(case.graph, case.question, experiments="all")
    if isinstance(verdict, umbel.Bounded):
        assert case.experiments == "no"
    else:
        assert outcome_of(verdict) == case.experiments


def test_every_experiment_of_a_large_graph() -> None:
    """Too many sets to name them all: those around the districts of the question are enough."""
    graph = "; ".join(f"W{i} -> X; W{i} -> Y" for i in range(8)) + "; X -> Y; X <-> Y; X -> Z; Y <-> Z"
    assert not umbel.identify(graph, "P(Y[X=1]=1, Z[X=1]=0 | W0=1)").identified
    verdict = umbel.identify(graph, "P(Y[X=1]=1, Z[X=1]=0 | W0=1)", experiments="all")
    assert verdict.identified
    assert not umbel.identify(graph, "P(Y[X=1]=1, Z[X=0]=0 | W0=1)", experiments="all").identified


@pytest.mark.parametrize("question", ["P(Y[A]=1, X=0)", "P(A=1, Y[A]=1)", "E[Y[A]]", "P(X=1, Y[A, X=0]=1)"])
def test_a_free_subscript_that_reaches_nothing_is_an_axis(question: str) -> None:
    verdict = umbel.identify("A -> B; X -> Y", question)
    assert isinstance(verdict, umbel.Identified)
    assert [str(getattr(symbol.meaning, "name", "")) for symbol in verdict.estimand.axes] == ["A"]
    assert verdict.verify()


def test_too_many_response_functions_keep_the_verdict() -> None:
    verdict = umbel.identify("{A B C D E F} -> Y; A <-> Y", "P(Y[A=1]=1, Y[A=0]=0)")
    assert isinstance(verdict, umbel.Unidentified)
    assert "response functions" in verdict.remarks[-1]
    assert verdict.verify()
