"""Macro-interventions as questions: verdicts, estimands that name the realisation, proofs by enumeration."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import GraphError, QuestionError

SHOPS = "Sales = sum(X1, X2); Revenue = weighted(X1: 3, X2: 1)"
CONFOUNDED = "Z -> {X1 X2 Y}; {X1 X2} -> Y; S = sum(X1, X2)"
HIDDEN = CONFOUNDED + "; latent Z"
FRONT = "U -> {X1 X2 Y}; latent U; {X1 X2} -> M -> Y; S = sum(X1, X2)"
COMPONENTS = "X1 -> Y1; X2 -> Y2; X1 <-> X2; S = weighted(X1: 2, X2: -1); R = sum(Y1, Y2)"
THREE = "C -> X1; Z -> {X1 X2 Y}; {X1 X2 X3} -> Y; S = mean(X1, X2, X3)"
TOLERANCE = 1e-10

REALISATIONS = ("natural", "shift(X2)", "shift(X1: 0.5, X2: 0.5)", "perfect(X2)", "levers(X1, X2)")

FORMULAS = [
    (SHOPS, "E[Revenue | do(Sales = 33 by natural)]", "E[Revenue | Sales = 33]", "Sales by natural, "),
    (
        SHOPS,
        "E[Revenue | do(Sales = 33 by shift(X2))]",
        "Σ_{X1, X2, Sales} P(X1, X2, Sales) (Σ_{X2'} [X2' ~ X2 + (33 - Sales)] E[Revenue | X1, X2'])",
        "Sales by shift(X2), ",
    ),
    (
        SHOPS,
        "E[Revenue | do(Sales = 33 by point(X1: Sales - 2, X2: 2))]",
        "E[Revenue | X1 = 31, X2 = 2]",
        "Sales by point(X1: Sales - 2, X2: 2), ",
    ),
    (
        CONFOUNDED,
        "E[Y | do(S = 3 by natural)]",
        "Σ_{X1, X2} P(X1, X2 | S = 3) (Σ_{Z} E[Y | X1, X2, Z] P(Z))",
        "S by natural, back-door",
    ),
    (CONFOUNDED, "E[Y | do(S = 3 by natural(Z))]", "Σ_{Z} E[Y | S = 3, Z] P(Z)", "S by natural(Z), back-door"),
    (
        FRONT,
        "E[Y | do(S = 3 by natural)]",
        "Σ_{X1, X2} P(X1, X2 | S = 3) (Σ_{M} P(M | X1, X2) (Σ_{X1', X2'} E[Y | X1', X2', M] P(X1', X2')))",
        "S by natural, front-door",
    ),
    ("Z -> {X1 X2 Y}; S = sum(X1, X2); S -> Y", "E[Y | do(S = 3)]", "Σ_{Z} E[Y | S = 3, Z] P(Z)", "back-door"),
    (SHOPS + "; X1 <-> X2", "E[Revenue | do(X1 = 1)]", "E[X2] + 3", "no effect"),
]


@pytest.mark.parametrize(("graph", "question", "formula", "strategy"), FORMULAS)
def test_estimands_name_the_realisation(graph: str, question: str, formula: str, strategy: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Identified)
    assert verdict.estimand.text() == formula
    assert verdict.estimand.strategy.startswith(strategy)


@pytest.mark.parametrize("text", ["do(Sales = 33)", "do(Sales)", "do(Sales ~ Normal(33, 1))"])
def test_without_a_realisation_there_is_no_effect(text: str) -> None:
    verdict = umbel.identify(SHOPS, f"E[Revenue | {text}]")
    assert isinstance(verdict, umbel.Refused)
    assert "needs a realisation" in verdict.refusal.why
    assert "by natural)" in verdict.refusal.advice
    assert umbel.solve(SHOPS, f"E[Revenue | {text}]").value is None


@pytest.mark.parametrize("by", ["natural", "perfect(X2)", "point(X1: S, X2: 0)", "shift(X2)"])
def test_an_open_back_door_is_a_no(by: str) -> None:
    verdict = umbel.identify(HIDDEN, f"E[Y | do(S = 3 by {by})]")
    assert isinstance(verdict, umbel.Unidentified)
    assert isinstance(verdict.remedies, tuple)
    assert verdict.verify()


@pytest.mark.parametrize("by", [*REALISATIONS, "natural(Z)", "point(X1: S, X2: 0)"])
@pytest.mark.parametrize("graph", [SHOPS, CONFOUNDED, FRONT, COMPONENTS, THREE])
def test_estimands_meet_the_truth(graph: str, by: str) -> None:
    total, outcome = ("Sales", "Revenue") if graph is SHOPS else ("S", "R") if graph is COMPONENTS else ("S", "Y")
    if (by == "natural(Z)" and "Z ->" not in graph) or ("point" in by and graph in (THREE, COMPONENTS)):
        return
    question = f"E[{outcome} | do({total} = 1 by {by.replace('X1: S', 'X1: ' + total)})]"
    verdict = umbel.identify(graph, question)
    if graph is FRONT and ("shift" in by or "levers" in by):
        assert isinstance(verdict, umbel.Unidentified)
        return
    assert isinstance(verdict, umbel.Identified)
    check = verdict.verify(rng=np.random.default_rng(5))
    assert check
    assert check.value is not None
    assert check.value < TOLERANCE
    assert "realisations" in check.advice


def test_a_trial_of_the_parts_beside_what_usually_happens() -> None:
    """The natural law from one study, what the parts do from another."""
    question = "E[Y | do(S = 3 by natural)]"
    verdict = umbel.identify(HIDDEN, question, experiments=[(), ("X1", "X2")])
    assert isinstance(verdict, umbel.Identified)
    assert verdict.estimand.text() == "Σ_{X1, X2} P_1(X1, X2 | S = 3) E_2[Y | X1, X2]"
    assert verdict.verify()
    alone = umbel.identify(HIDDEN, question, experiments=[("X1", "X2")])
    assert isinstance(alone, umbel.Refused)
    assert "together with nothing set" in alone.refusal.why


def test_a_wrong_estimand_is_caught() -> None:
    """Adjusting when the natural law was meant, and the other way round, is another number."""
    from dataclasses import replace

    from umbel.simulate import macros

    natural = umbel.identify(CONFOUNDED, "E[Y | do(S = 3 by natural)]")
    within = umbel.identify(CONFOUNDED, "E[Y | do(S = 3 by natural(Z))]")
    assert isinstance(natural, umbel.Identified)
    assert isinstance(within, umbel.Identified)
    world = macros.World.drawn(natural.proof.graph, "S", np.random.default_rng(0))
    term = replace(natural.estimand.macro.terms[0], value=world.value)  # type: ignore[union-attr]
    one, other = world.truth(term, "Y"), world.truth(replace(term, within=("Z",)), "Y")
    assert abs(one - other) > 1e-4


@pytest.mark.parametrize(
    ("graph", "question", "error", "words"),
    [
        ("X1 -> X2 -> Y; S = sum(X1, X2)", "E[Y | do(S = 3 by natural)]", GraphError, "Assumption 1"),
        (CONFOUNDED, "E[Y | do(S = 3 by point(X1: 1, X2: 1))]", QuestionError, "puts S at 2"),
        (SHOPS, "E[Revenue | do(Sales = 3 by shift(X1: 1, X2: -1))]", QuestionError, "weigh to zero"),
        (CONFOUNDED, "E[Y | do(S = 3 by natural(X1))]", QuestionError, "given what it sets"),
        (CONFOUNDED, "E[Y | do(S = 3 by point(X1: Z, X2: 3 - Z))]", QuestionError, "may read 'S' alone"),
    ],
)
def test_what_has_no_meaning_raises(graph: str, question: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        umbel.identify(graph, question)


@pytest.mark.parametrize("question", ["ATE(Sales, Revenue)", "PNS(Sales, Revenue)", "P(Revenue[Sales=1])"])
def test_named_quantities_have_no_place_for_a_realisation(question: str) -> None:
    """The total has no arrow to the revenue, and still it is no "no effect"."""
    assert isinstance(umbel.identify(SHOPS, question), umbel.Refused)


def test_a_total_as_a_part_is_named_by_its_own_parts() -> None:
    graph = "S = sum(X1, X2); T = sum(S, X3); {X1 X2 X3} -> Y"
    assert umbel.identify(graph, "E[Y | do(T = 3 by natural)]").identified
    refused = umbel.identify(graph, "E[Y | do(T = 3 by shift(S))]")
    assert isinstance(refused, umbel.Refused)
    assert "X1, X2, X3" in refused.refusal.advice


def test_questions_that_set_no_total() -> None:
    assert umbel.identify(SHOPS, "P(Revenue)").identified
    assert umbel.identify(CONFOUNDED, "P(Y | do(X1))").identified
    assert not umbel.identify(HIDDEN, "P(Y | do(X1))").identified
    verdict = umbel.identify("A -> {Y1 Y2}; R = mean(Y1, Y2)", "P(R | do(A))")
    assert isinstance(verdict, umbel.Identified)
    assert verdict.estimand.text() == "P(R | A)"
    assert verdict.verify()


def test_an_outcome_that_the_total_does_not_reach() -> None:
    verdict = umbel.identify(CONFOUNDED, "E[Z | do(S = 3 by natural)]")
    assert isinstance(verdict, umbel.Identified)
    assert verdict.estimand.text() == "E[Z]"
