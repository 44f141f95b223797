"""Variables in equilibrium at the public door: named errors, refusals with the walk, kinds of questions."""

from __future__ import annotations

import pytest

import umbel


@pytest.mark.parametrize(
    ("graph", "question", "words"),
    [
        ("A -- B; B <-> C", "P(B | do(A=1))", "A -- B <-> C"),
        ("A -- A", "P(A)", "an edge from 'A' to itself"),
        ("A -> B -- A", "P(B | do(A=1))", "A -> B -- A"),
        ("A -> B; B -- C; C -> A", "P(B | do(A=1))", "A -> B -- C -> A"),
    ],
)
def test_graphs_that_are_not_segregated_are_errors(graph: str, question: str, words: str) -> None:
    with pytest.raises(umbel.GraphError, match=words):
        umbel.identify(graph, question)


@pytest.mark.parametrize(
    ("graph", "question", "walk"),
    [
        ("A -> M -> Y", "P(Y | do(A ~ q(M)))", "A -> M -> A"),
        ("A -> M -> Y", "P(M | do(A ~ q(Y)))", "A -> M -> Y -> A"),
        ("V1 -- V3; V3 -- V2; V2 -> Y", "P(Y | do(V2 ~ q(V1)))", "V1 -> V2 -> V3 -- V1"),
        ("A -- B", "P(B | do(A ~ q(A)))", "A -> A"),
        ("A -- B; A -> C", "P(B | do(A ~ q(C)))", "A -> C -> A"),
    ],
)
def test_policies_that_no_order_settles_are_errors_with_the_cycle(graph: str, question: str, walk: str) -> None:
    with pytest.raises(umbel.QuestionError, match=f"these laws make a cycle: {walk}"):
        umbel.identify(graph, question)


@pytest.mark.parametrize(
    ("graph", "question", "words"),
    [
        ("latent U; U -> { A Y }; A -- B; B -> Y", "P(Y | do(A=1))", "U -> A -- B"),
        ("latent H; H -- A; A -> Y", "P(Y | do(A=1))", "H -- A"),
        ("A -- B; B -> Y", "PNS(A, Y)", "Several worlds"),
        ("A -- B; B -> Y", "P(Y[A=1]=1, Y[A=0]=0)", "Several worlds"),
        ("plate pupil { A -- B }; B -> Y", "P(Y | do(A=1))", "A has a value for each pupil"),
        ("A -- B; B -> Y; Z = sum(A, C)", "E[Y | do(Z=1 by natural)]", "Z is a total and A stands in an equilibrium"),
    ],
)
def test_what_is_not_answered_is_refused_by_name(graph: str, question: str, words: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Refused)
    assert words in verdict.refusal.why
    assert verdict.refusal.advice


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("P(B | do(A=1))", "P(B | A = 1)"),
        ("P(Y | do(A))", "Σ_{B} P(Y | B) P(B | A)"),
        ("ATE(A, Y)", "Σ_{B} E[Y | B] (P(B | A = 1) - P(B | A = 0))"),
        ("P(Y | do(A=1), B)", "P(Y | B)"),
        ("P(A, B)", "P(A, B)"),
        ("P(Y | A)", "P(Y | A)"),
        ("P(B | do(A ~ q(B)))", "P*(B; q(A | B), P(B | A))"),
        ("P(Y | do(A ~ q(B), B ~ q(A)))", "Σ_{B} P(Y | B) P*(B; q(A | B), q(B | A))"),
    ],
)
def test_questions_of_every_kind(question: str, text: str) -> None:
    verdict = umbel.identify("A -- B; B -> Y", question)
    assert verdict.identified
    assert verdict.estimand.text() == text
    assert verdict.verify()


def test_a_block_that_does_not_matter_changes_nothing() -> None:
    plain = umbel.identify("X -> Z -> Y; X <-> Y", "P(Y | do(X))")
    beside = umbel.identify("X -> Z -> Y; X <-> Y; Y -> M; M -- N", "P(Y | do(X))")
    assert plain.identified and beside.identified
    assert plain.estimand.text() == beside.estimand.text()


@pytest.mark.parametrize("experiments", ([(), ("A",)], "all"))
def test_trials_serve_districts_beside_blocks(experiments: list[tuple[str, ...]] | str) -> None:
    graph = "A -> Z -> B; B -- D; D -> Y; A <-> Z"
    assert not umbel.identify(graph, "P(Y | do(A=1))").identified
    verdict = umbel.identify(graph, "P(Y | do(A=1))", experiments=experiments)
    assert verdict.identified
    assert verdict.verify()


def test_a_trial_on_a_member_shows_no_law_of_it_in_its_block() -> None:
    verdict = umbel.identify("A -- B; B -> Y", "P(Y | do(A=1))", experiments=[("B",)])
    assert isinstance(verdict, umbel.Unidentified)
    assert "No source shows" in verdict.certificate.text


def test_estimands_with_an_equilibrium_in_every_form() -> None:
    verdict = umbel.identify("A -- B; B -> Y; C -> A", "E[Y | do(A ~ Bernoulli(0.2 + 0.5*B))]")
    assert verdict.identified
    estimand = verdict.estimand
    assert estimand.text() == "Σ_{B} P*(B; [A ~ Bernoulli(0.2 + 0.5*B)], P(B | A)) E[Y | B]"
    assert "P^{*}" in estimand.latex()
    assert "equilibrium" in str(estimand.to_json())
    assert {need.of[0].name for need in estimand.needs()} == {"B", "Y"}  # type: ignore[union-attr]
    assert {step.rule for step in verdict.steps} >= {"policy", "equilibrium", "sum"}


def test_conditions_that_tell_nothing_or_may_be_set_are_exchanged() -> None:
    bow = "V0 -> { V1 V2 V3 }; V2 -> { V1 V4 }; V0 <-> V2; V1 -- { V3 V4 }; V3 -- V4"
    assert not umbel.identify(bow, "P(V3, V2 | do(V0=1))").identified
    verdict = umbel.identify(bow, "P(V3 | do(V0=1), V2)")  # seeing V2 is as good as setting it
    assert verdict.identified
    assert verdict.verify()


def test_conditions_in_a_block_under_new_laws_are_divided_by() -> None:
    verdict = umbel.identify("A -- B; B -- C", "P(C | do(A ~ q(B)), B)")
    assert verdict.identified
    assert "P*(B" in verdict.estimand.text()  # its law may obey no graph
    assert verdict.verify()
