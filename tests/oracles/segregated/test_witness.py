"""Every "no" in a segregated graph is backed by two models: one observed law, two answers.

The models are compared here by enumeration alone, without the code that found them.
"""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.segregated.draw import question_text, random_outcomes, random_policy, segregated_graph, treated_model
from tests.oracles.segregated.figures import FIGURE_2, TABLE_2
from umbel.numerics.tables import Table
from umbel.simulate.truth import Draw
from umbel.simulate.witness import differing_pair

SAME, DIFFERENT = 1e-12, 1e-4
CI, STUDY = 900, 9_000
"""Random questions asked; about one in forty is a "no"."""

HEDGE = "A -> Z -> B; B -- D; D -> Y; W -> A; W <-> Z; A <-> Z"
"""What A does not identifiably cause acts on the outcome through a block."""


def _law(draw: Draw, names: tuple[str, ...], laws: dict[str, Table]) -> np.ndarray:
    model = treated_model(draw.model, laws)
    return model.joint([model.names.index(name) for name in names])


def _gaps(graph: str, text: str, outcomes: tuple[str, ...], rng: np.random.Generator) -> tuple[float, float]:
    verdict = umbel.identify(graph, text)
    assert isinstance(verdict, umbel.Unidentified), text
    pair = differing_pair(verdict.proof, verdict.question, rng)
    assert pair is not None, (graph, text)
    states = pair.first.states
    laws = dict(pair.first.laws)
    for term in verdict.question.terms():
        for item in getattr(term, "do", ()):
            if item.name not in laws:  # set to the state 1
                own = states[item.name]
                laws[item.name] = Table((item.name,), np.eye(len(own))[own.index(1)])
    models = [one.model for one in (pair.first, pair.second)]
    visible = tuple(name for node, name in enumerate(models[0].names) if not models[0].hidden >> node & 1)
    seen = [model.joint([model.names.index(name) for name in visible]) for model in models]
    asked = [_law(one, outcomes, laws) for one in (pair.first, pair.second)]
    assert all(table.min() > 0 and table.max() <= 1 for model in models for table in model.tables)
    return float(np.abs(seen[0] - seen[1]).max()), float(np.abs(asked[0] - asked[1]).max())


@pytest.mark.parametrize(
    ("graph", "text", "outcomes"),
    [
        (FIGURE_2, "P(Y1 | do(A1 ~ q))", ("Y1",)),
        (FIGURE_2, "P(Y1 | do(A1=1))", ("Y1",)),
        (FIGURE_2, question_text(("Y1",), TABLE_2), ("Y1",)),
        ("A -> Y; A <-> Y; A -> M; M -- N", "P(Y, N | do(A=1))", ("Y", "N")),
        ("A -> Y; A <-> Y", "P(Y | do(A=1))", ("Y",)),
        (HEDGE, "P(Y | do(A=1))", ("Y",)),
    ],
    ids=["figure 2", "figure 2, set", "table 2", "bow beside a block", "bow", "hedge"],
)
def test_a_no_has_two_models(graph: str, text: str, outcomes: tuple[str, ...]) -> None:
    observed, answers = _gaps(graph, text, outcomes, np.random.default_rng(0))
    assert observed < SAME
    assert answers > DIFFERENT


def test_verify_says_so() -> None:
    check = umbel.identify(FIGURE_2, "P(Y1 | do(A1 ~ q))").verify()
    assert check and check.name == "two models" and check.value is not None and check.value > DIFFERENT


def _random_noes(seed: int, count: int) -> int:
    found = 0
    for at in range(count):
        rng = np.random.default_rng([9, seed, at])
        graph = segregated_graph(rng, int(rng.integers(4, 7)))
        reads = random_policy(graph, rng)
        if reads is None:
            continue
        outcomes = random_outcomes(graph, reads, rng)
        text = question_text(outcomes, reads)
        if not umbel.identify(graph, text).identified:
            observed, answers = _gaps(graph.text(), text, outcomes, rng)
            assert observed < SAME and answers > DIFFERENT, (graph.text(), text)
            found += 1
    return found


def test_random_noes_have_two_models() -> None:
    assert _random_noes(0, CI) >= 15


@pytest.mark.study
def test_hundreds_of_random_noes_have_two_models() -> None:
    assert _random_noes(1, STUDY) >= 200
