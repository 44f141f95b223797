"""Graphs on which published code goes wrong, each with the number that shows it.

The faults were found by running y0's hierarchical module: effects through hidden interferers
dropped, edges erased that are still needed, mechanisms that are not minimal, a treatment that
is not in the graph accepted, verdicts that depend on the order of steps, positivity ignored.
"""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.nested.brute import Do, blueprint, random_model
from tests.oracles.nested.draw import Case, end_to_end
from umbel.errors import QuestionError
from umbel.identification.ask import identify_question
from umbel.model.query import Question
from umbel.results.verdict import Identified, Unidentified

TOLERANCE = 1e-10
SOFT = "P(Y | do(A ~ q))"
HIDDEN_INTERFERER = "plate s { A Y }; latent U, Z; U -> { A Y }; A -> { Z Y }; Z -> Y"
ERASED_EDGE = "plate s { Z A }; latent U; U -> { A Y }; Z -> { A Y }; A -> Y"


def verdict_of(case: Case) -> Identified | Unidentified:
    verdict = identify_question(case.graph, Question.parse(case.question))
    assert isinstance(verdict, Identified | Unidentified)
    return verdict


def identified(case: Case) -> Identified:
    verdict = verdict_of(case)
    assert isinstance(verdict, Identified)
    assert end_to_end(verdict, case, np.random.default_rng(0)) < TOLERANCE
    return verdict


def unidentified(case: Case) -> Unidentified:
    verdict = verdict_of(case)
    assert isinstance(verdict, Unidentified)
    return verdict


def test_a_hidden_interferer_is_not_dropped() -> None:
    """Without projection the answer would be that of the unit confounder, which misses what Z does."""
    verdict = unidentified(Case(HIDDEN_INTERFERER, SOFT, "A", "Y"))
    assert "measure Z" in verdict.remedies
    assert "measure U" in verdict.remedies
    assert not any("Theorem 12" in remark for remark in verdict.remarks)
    identified(Case(HIDDEN_INTERFERER.replace("U, Z", "U"), SOFT, "A", "Y"))


def test_the_unit_confounder_formula_is_wrong_where_an_interferer_hides() -> None:
    """The number that dropping Z gives, against the truth."""
    case = Case(HIDDEN_INTERFERER, SOFT, "A", "Y")
    dropped = identified(Case("plate s { A Y }; latent U; U -> { A Y }; A -> Y", SOFT, "A", "Y"))
    few, many = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    atoms = {"A": np.stack([few, many]), "Y": np.stack([[few, few], [many, many]])}
    do, gaps = Do("A", (), many), []
    for seed in range(5):
        model = random_model(blueprint(case.graph), np.random.default_rng(seed), atoms=atoms)
        wrong = dropped.estimand.evaluate(model.table(), laws={"A": do.law()}).array
        gaps.append(np.abs(wrong - model.law("Y", do)).max())
    assert max(gaps) > 0.02


def test_an_interferer_that_nobody_confounds_may_hide() -> None:
    """Figure A14: no U, so the law of A is as good as randomised."""
    identified(Case("plate s { X A Y }; latent Z; X -> { A Y }; A -> { Z Y }; Z -> Y", SOFT, "A", "Y"))


def test_an_edge_is_erased_only_where_nothing_else_needs_it() -> None:
    """Y reads Z beside A, so the law of Z cannot be left out: no instrument is left."""
    unidentified(Case(ERASED_EDGE, SOFT, "A", "Y"))
    identified(Case(ERASED_EDGE.replace("{ A Y }; A -> Y", "A -> Y"), SOFT, "A", "Y"))


def test_a_mechanism_is_minimal() -> None:
    """B reaches A only through X, so the law of A given X integrates Z alone, and Y keeps the law of X."""
    case = Case(
        "plate s { B X Z A }; latent U; U -> { A Y }; B -> X -> A; Z -> A; { A X } -> Y",
        "P(Y | do(A ~ q(X)))",
        "A",
        "Y",
        ("X",),
    )
    verdict = identified(case)
    assert "Q[X|B]" in verdict.estimand.text()
    assert any("Q[A|do X] stands for the mechanisms of Z, A" in step.detail for step in verdict.steps)


def test_a_treatment_outside_the_graph_is_an_error() -> None:
    with pytest.raises(QuestionError, match="Treatment"):
        umbel.identify("plate s { A Y }; A -> Y", "P(Y | do(Treatment ~ q))")


def test_a_treatment_that_is_no_cause_has_no_effect() -> None:
    verdict = umbel.identify("plate s { A Y W }; latent U; U -> { A Y }; A -> W", "E[Y | do(A=1)] - E[Y | do(A=0)]")
    assert isinstance(verdict, Identified)
    assert verdict.estimand.strategy == "no effect"
    table = random_model(blueprint(umbel.Graph.parse("plate s { A Y W }; A -> W; A <-> Y")), np.random.default_rng(0))
    assert float(verdict.estimand.evaluate(table.table()).array) == 0.0


@pytest.mark.parametrize("members", ["Z A Y", "Y A Z", "A Z Y", "Y Z A"])
def test_the_verdict_does_not_depend_on_the_order_of_steps(members: str) -> None:
    """Figure A3m needs two laws, which y0 can augment in one order only."""
    text = f"plate s {{ {members} }}; latent U; U -> {{ A W Y }}; Z -> A; A -> {{ W Y }}; W -> Y"
    identified(Case(text, SOFT, "A", "Y"))


def test_an_instrument_left_in_would_leave_no_unit_to_read() -> None:
    """Figure 1c without marginalisation reads P(Y | Q[A], Q[A|Z], Q[Z]), whose first law the others fix."""
    case = Case("plate s { Z A }; latent U; U -> { A Y }; Z -> A -> Y", SOFT, "A", "Y")
    verdict = identified(case)
    assert "Q[Z]" not in verdict.estimand.text()
    assert any(step.rule == "marginalise" for step in verdict.steps)


def test_a_confounder_among_members_is_another_thing_than_one_of_the_unit() -> None:
    verdict = unidentified(Case("plate s { A Y }; A -> Y; A <-> Y", SOFT, "A", "Y"))
    assert "rule out the hidden cause of A and Y" in verdict.remedies
    identified(Case("plate s { A Y }; latent U; U -> { A Y }; A -> Y", SOFT, "A", "Y"))


def test_names_may_have_any_length() -> None:
    text = 'plate pupil { Tutoring "Final score" }; latent School; School -> { Tutoring "Final score" }'
    verdict = umbel.identify(f'{text}; Tutoring -> "Final score"', 'P("Final score" | do(Tutoring ~ q))')
    assert verdict.identified
