"""Attacks on the positivity certificate: formulas that are right on paper and that no unit can show.

Each case says why. Identified ones meet the truth in populations that reach their law; those that
are not would need laws to vary that what is visible fixes.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles.nested.draw import Case, end_to_end
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Refused

TOLERANCE = 1e-10

VOID = {
    "a joint law that visible laws half fix: D varies, but the law of B is that of A times Q[B|A]": (
        "plate s { A B D }; latent U; U -> { A B Y }; A -> B -> Y; D -> Y",
        "P(Y | do(A ~ q))",
    ),
    "the same with the fixed half behind another member": (
        "plate s { A B C D }; latent U; U -> { A B C Y }; A -> B -> C -> Y; D -> Y",
        "P(Y | do(A ~ q))",
    ),
    "a front door through the joint law of A and Z, which fixes the law of A given Z": (
        "plate s { Z A }; latent U; U -> { A Y }; Z -> { A Y }; A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "two laws moved by one hidden mechanism, both read": (
        "plate s { Z A W }; latent U; U -> { A W V Y }; Z -> { A W }; A -> Y; W -> V -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument confounded with the treatment": (
        "plate s { Z A }; latent U; U -> { Z A Y }; Z -> A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument confounded with the outcome": (
        "plate s { Z A }; latent U, R; U -> { A Y }; R -> { Z Y }; Z -> A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument confounded with the treatment inside the unit": (
        "plate s { Z A }; Z -> A -> Y; A <-> Y; Z <-> A",
        "P(Y | do(A ~ q))",
    ),
    "a policy that reads what the treatment does not: no unit shows a law that varies with X": (
        "plate s { X A Y }; A -> { Z Y }; Z -> Y; X -> Y",
        "P(Y | do(A ~ q(X)))",
    ),
    "a law that is set without regard to C, read in a joint law that C mixes: a dimension is lost": (
        "plate s { A B C }; latent U; C -> { A B }; U -> { A B Y }; { A B } -> Y",
        "P(Y | do(A ~ q))",
    ),
    "a mediator without noise of its own: its law is a function of the treatment": (
        "plate s { M }; latent U; U -> { A Y }; A -> M -> Y; assume shared M",
        "P(Y | do(A))",
    ),
    "two mediators that one hidden variable moves, both its functions": (
        "plate s { M N }; latent U, R; U -> { A Y }; A -> { M N }; { M N } -> Y; R -> { M N }; assume shared M; "
        "assume shared N",
        "P(Y | do(A))",
    ),
}

SOUND = {
    "the half that was fixed has noise of its own": (
        "plate s { A B D Z }; latent U; U -> { A B Y }; Z -> B; A -> B -> Y; D -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument with a visible cause": (
        "plate s { Z A }; latent U; U -> { A Y }; V -> { Z Y }; Z -> A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument that is confounded with another cause of the outcome": (
        "plate s { Z A }; latent U, R; U -> { A Y }; R -> { Z V }; V -> Y; Z -> A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "an instrument behind a hidden member": (
        "plate s { H Z A }; latent U, H; U -> { A Y }; H -> Z -> A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "a hidden confounder inside the unit is the noise that an instrument would be": (
        "plate s { A B }; A <-> B; A -> Y",
        "P(Y | do(A ~ q))",
    ),
    "the policy reads what the treatment does not, and only the outcome hears of it": (
        "plate s { X A Y }; latent U; U -> { A Y }; A -> Y; X -> Y",
        "P(Y | do(A ~ q(X)))",
    ),
    "the policy reads a cause of a cause": (
        "plate s { X M A Y }; X -> M -> A; A -> { Z Y }; Z -> Y; X -> Y",
        "P(Y | do(A ~ q(X)))",
    ),
    "a mediator without noise, moved by a hidden variable of its own": (
        "plate s { M }; latent U, R; U -> { A Y }; A -> M -> Y; R -> M; assume shared M",
        "P(Y | do(A))",
    ),
    "a treatment outside the plate, a front door through a law": (
        "plate s { B }; latent U; U -> { A Y }; A -> B -> Y",
        "P(Y | do(A))",
    ),
    "a front door inside the unit and an interferer outside it": (
        "plate s { A M Y }; latent U; U -> { A Y }; A -> M -> Y; A <-> Y; A -> Z -> Y",
        "P(Y | do(A ~ q))",
    ),
    "confounders that join members with a unit variable": (
        "plate s { A B }; A <-> W; B <-> W; A -> B -> Y",
        "P(Y | do(A ~ q))",
    ),
    "a kernel inside the unit that leaves a variable free: the napkin": (
        "plate s { W Z X Y }; latent U; U -> { X Y }; W -> Z -> X -> Y; W <-> X; W <-> Y",
        "P(Y | do(X ~ q))",
    ),
    "a kernel across units that leaves a law free": (
        "plate s { Z A Y }; latent U, R; U -> { A Y }; R -> { A Y }; Z -> A -> V -> Y",
        "P(Y | do(A ~ q))",
    ),
}


def case_of(text: str, question: str) -> Case:
    (term,) = Question.parse(question).terms()
    (do,) = term.do
    return Case(text, question, do.name, "Y", tuple(getattr(getattr(do, "law", None), "reads", ())))


@pytest.mark.parametrize("why", VOID)
def test_no_formula_where_no_unit_could_show_it(why: str) -> None:
    case = case_of(*VOID[why])
    verdict = identify_question(case.graph, Question.parse(case.question))
    assert not verdict.identified


@pytest.mark.parametrize("why", SOUND)
def test_a_formula_that_units_show_is_right(why: str) -> None:
    case = case_of(*SOUND[why])
    verdict = identify_question(case.graph, Question.parse(case.question))
    assert isinstance(verdict, Identified)
    if "shared" not in case.text:  # the populations drawn here have noise everywhere
        assert end_to_end(verdict, case, np.random.default_rng(3)) < TOLERANCE
    assert verdict.verify()


def test_a_bogus_formula_would_differ_from_the_truth_where_it_is_defined() -> None:
    """The joint law of B and D read as if B varied: the formula of the same graph with noise in B."""
    text, question = SOUND["the half that was fixed has noise of its own"]
    case = case_of(text, question)
    verdict = identify_question(case.graph, Question.parse(case.question))
    assert isinstance(verdict, Identified)
    assert "Q[B,D]" not in verdict.estimand.text()


@pytest.mark.parametrize(
    "text", ["A -> M -> Y; A <-> Y; assume shared M", "plate s { A }; A -> Z -> Y; assume shared Z"]
)
def test_a_unit_variable_without_noise_is_refused(text: str) -> None:
    question = "P(Y | do(A ~ q))" if "plate" in text else "P(Y | do(A))"
    assert isinstance(identify_question(case_of(text, question).graph, Question.parse(question)), Refused)
