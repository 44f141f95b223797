"""Questions as polynomials against enumeration; certified ends against attained ones and the truth."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles.bounds.enumeration import probability
from umbel.errors import ProblemError, QuestionError
from umbel.estimate.bounds import BoundsFound, BoundsMethod, bound
from umbel.estimate.bounds_arrays import Records, blocks_of, patterns_of, polynomial_of
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.equations import Equations
from umbel.model.query import Probability, Question
from umbel.numerics.multilinear import slope, value
from umbel.simulate.boolean import random_boolean
from umbel.variable import Domain

ROUNDING = 1e-10
AGREE = 1e-3

CASES = {
    "necessity": ("A -> Y; A <-> Y", "P(Y[A=0]=0, A=1, Y=1)"),
    "mediator": ("A -> M -> Y; A -> Y; M <-> Y", "P(Y[A=1, M[A=0]]=1, Y[A=0]=0)"),
    "nested in the factual world": ("A -> M -> Y; A <-> M; A -> Y", "P(Y[M[A=1]]=1, A=0, M=0)"),
    "four worlds": ("A -> Y <- B; A <-> Y; A <-> B", "P(Y[A=0, B=0]=0, Y[A=1, B=0]=1, Y[A=0, B=1]=1)"),
    "two components": ("A -> M -> Y; A <-> Y; W -> M", "P(Y[A=1]=1, Y[A=0]=0, W=1)"),
    "shared past": ("Z -> A -> Y <- Z; A <-> Y", "P(Y[A=1]=1, Y[A=0]=0, Z=1)"),
}


@pytest.mark.parametrize("case", CASES)
def test_questions_are_the_polynomials_that_enumeration_gives(case: str) -> None:
    graph, question = Graph.parse(CASES[case][0]), Question.parse(CASES[case][1])
    ((_, programme),) = programmes(graph, question, {}, whole=True)
    rng = np.random.default_rng(1)
    blocks = blocks_of(programme)
    polynomial = polynomial_of(programme.numerator, blocks)
    assert isinstance(question.body, Probability)
    for _ in range(2):
        laws = [rng.dirichlet(np.ones(block.states)) for block in blocks]
        truth = probability(programme, laws, question.body.outcomes)
        assert value(polynomial, laws) == pytest.approx(truth, abs=ROUNDING)
        for at, block in enumerate(blocks):
            if at in polynomial.laws:
                direction = slope(polynomial, laws, at, block.states)
                assert direction @ laws[at] == pytest.approx(truth, abs=ROUNDING)


def test_three_states_and_monotone_functions() -> None:
    graph = Graph.parse("A -> Y; A <-> Y; assume monotone A -> Y")
    three = {"A": Domain.of_size(3), "Y": Domain.of_size(3)}
    ((_, programme),) = programmes(graph, Question.parse("P(Y[A=2]=2, Y[A=0]=0)"), three)
    (component,) = programme.components
    functions = component.mechanisms[1].functions
    assert len(functions) == 10  # sequences y(0) <= y(1) <= y(2) of three states
    assert all(list(function) == sorted(function) for function in functions)
    ((_, impossible),) = programmes(graph, Question.parse("P(Y[A=2]=0, Y[A=0]=1)"), three)
    blocks = blocks_of(impossible)
    laws = [np.full(block.states, 1 / block.states) for block in blocks]
    assert value(polynomial_of(impossible.numerator, blocks), laws) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("first", range(8))
def test_attained_and_certified_ends_agree_and_hold_the_truth(first: int) -> None:
    model = random_boolean(7, rng=np.random.default_rng(first))
    programme = model.programme()
    observed, trial = model.studies()
    widths = []
    for studies in ([observed], [trial], [observed, trial]):
        found = bound(programme, studies, rng=np.random.default_rng(0), method=BoundsMethod(seconds=8.0))
        assert isinstance(found, BoundsFound)
        bounds = found.bounds
        assert bounds.kind == "sharp"
        assert bounds.attained is not None and bounds.lower is not None and bounds.upper is not None
        low, high = bounds.attained
        assert low is not None and high is not None
        assert low - bounds.lower <= AGREE and bounds.upper - high <= AGREE
        assert bounds.lower - 1e-6 <= model.truth() <= bounds.upper + 1e-6
        widths.append(bounds.upper - bounds.lower)
        _witnesses_are_models(programme, studies, found)
    assert widths[2] <= min(widths[:2]) + AGREE


def _witnesses_are_models(programme: object, studies: list[Records], found: BoundsFound) -> None:
    """Witness laws give every observed table, and the attained values."""
    blocks = blocks_of(programme)  # type: ignore[arg-type]
    polynomial = polynomial_of(programme.numerator, blocks)  # type: ignore[attr-defined]
    for end, laws in zip(found.bounds.attained or (), found.witnesses, strict=True):
        assert value(polynomial, laws) == pytest.approx(end, abs=1e-6)
        for block, law in zip(blocks, laws, strict=True):
            patterns = patterns_of(block, studies)
            assert patterns.rows @ law == pytest.approx(patterns.saturated, abs=1e-6)


def test_equations_that_do_not_fit_are_errors() -> None:
    graph = Graph.parse("X -> Y; latent U; U -> { X Y }")
    question = Question.parse("PNS(X, Y)")
    good = {
        "states": {"X": 2, "Y": 2},
        "exogenous": {"U": 4},
        "equations": {
            "X": {"inputs": ["U"], "table": [0, 1, 0, 1]},
            "Y": {"inputs": ["X", "U"], "table": [[0, 0, 1, 1], [0, 1, 1, 0]]},
        },
    }
    ((_, programme),) = programmes(graph, question, {}, equations=Equations.from_dict(good))
    assert programme.components[0].roots == (4,)
    with pytest.raises(ProblemError, match="reads 'Y', which is no parent"):
        bad = {**good, "equations": {"X": {"inputs": ["Y"], "table": [0, 1]}}}
        programmes(graph, question, {}, equations=Equations.from_dict(bad))
    with pytest.raises(ProblemError, match="value 7"):
        Equations.from_dict({"states": {"X": 2}, "equations": {"X": {"inputs": [], "table": 7}}})
    with pytest.raises(ProblemError, match="4 entries were expected"):
        Equations.from_dict({**good, "equations": {"X": {"inputs": ["U"], "table": [0, 1]}}})


def test_an_equation_that_cannot_produce_a_record_shows_it() -> None:
    graph = Graph.parse("X -> Y; latent U; U -> { X Y }")
    always = {"inputs": ["X", "U"], "table": [[0, 0], [1, 1]]}  # Y is X
    given = Equations.from_dict(
        {
            "states": {"X": 2, "Y": 2},
            "exogenous": {"U": 2},
            "equations": {"X": {"inputs": ["U"], "table": [0, 1]}, "Y": always},
        }
    )
    ((_, programme),) = programmes(graph, Question.parse("PNS(X, Y)"), {}, equations=given)
    codes = np.array([[0, 0], [1, 1], [1, 0]])
    found = bound(programme, [Records(codes, np.array([5.0, 5.0, 1.0]))], rng=np.random.default_rng(0))
    assert not isinstance(found, BoundsFound)
    assert "X=1, Y=0" in found.text


def test_a_model_too_large_says_its_size() -> None:
    graph = Graph.parse("A -> Y; B -> Y; C -> Y; D -> Y; E -> Y; A <-> Y")
    with pytest.raises(QuestionError, match="32 configurations of its parents"):
        programmes(graph, Question.parse("PNS(A, Y)"), {})
