"""What a verdict says in words: the strategy's name, the steps, and remedies that really help."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

import umbel
from tests.oracles.flat.cases import NAPKIN, TIAN, VERMA
from tests.oracles.flat.diagram import random_diagram

STRATEGIES = [
    ("X -> Y", "randomised treatment"),
    ("X -> Y; X <-> Z <-> Y", "randomised treatment"),
    ("Z -> X -> Y; Z -> Y", "back-door"),
    ("Z -> X -> Y; Z -> Y; X <-> Z", "back-door"),
    ("X -> Z -> Y; X <-> Y", "front-door"),
    ("W -> X -> Z -> Y; W -> Z; X <-> Y", "front-door"),
    ("Z -> X -> Y", "back-door"),
    (NAPKIN, "district reduction"),
    (TIAN, "front-door"),
    ("X -> Y; X -> Z1 -> Y; Z1 -> Z2 -> Y; X <-> Z2; Y <-> Z1", "generalised front-door"),
    ("Y -> X", "no effect"),
]


@pytest.mark.parametrize(("graph", "strategy"), STRATEGIES, ids=[row[0] for row in STRATEGIES])
def test_the_name_by_which_readers_know_it(graph: str, strategy: str) -> None:
    verdict = umbel.identify(graph, "P(Y | do(X))")
    assert verdict.identified
    assert verdict.estimand.strategy == strategy


GIVEN = [
    ("W -> X -> M -> Y; W -> Y; W -> M; X <-> Y", "P(Y | do(X), W)", "front-door given the conditions"),
    ("W -> X -> Y; W -> Y; Z -> X; Z -> Y", "P(Y | do(X), W)", "back-door"),
    ("X -> Z -> Y; X <-> Z", "P(Y | do(X), Z)", "no effect given the conditions"),
]


@pytest.mark.parametrize(("graph", "question", "strategy"), GIVEN, ids=[row[2] for row in GIVEN])
def test_the_name_under_conditions(graph: str, question: str, strategy: str) -> None:
    """A condition that seeing and setting tell the same of is still no treatment."""
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    assert verdict.estimand.strategy == strategy
    assert verdict.verify()


def test_the_names_mean_what_they_say() -> None:
    """A back-door estimand is Σ P(y | x, z) P(z): one law of Y, given X, and laws that do not read X."""
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(500):
        diagram = random_diagram(rng, 4, 1)
        x, y = map(str, rng.choice(diagram.visible, 2, replace=False))
        verdict = umbel.identify(diagram.graph(), f"P({y} | do({x}))")
        if not verdict.identified or verdict.estimand.strategy != "back-door":
            continue
        seen += 1
        text = verdict.estimand.text()
        assert "/" not in text and "'" not in text, text
        assert not re.search(rf"P\({x}\b", text), f"the treatment's own law in {text}"
    assert seen >= 20


def test_steps_of_the_front_door() -> None:
    verdict = umbel.identify("X -> Z -> Y; X <-> Y", "P(Y | do(X))")
    assert isinstance(verdict, umbel.Identified)
    assert [(step.rule, step.detail) for step in verdict.steps] == [
        ("ancestors", "the causes of {Y} once {X} is set: {X, Z, Y} to {Z, Y}"),
        ("factor", "{Z} is a district: {Z, Y} to {Z}"),
        ("ancestral", "for {Z}: {X, Z, Y} to {X, Z}"),
        ("district", "for {Z}: {X, Z} to {Z}"),
        ("factor", "{Y} is a district: {Z, Y} to {Y}"),
        ("district", "for {Y}: {X, Z, Y} to {X, Y}"),
        ("ancestral", "for {Y}: {X, Y} to {Y}"),
        ("sum", "over {Z}: {Z, Y} to {Y}"),
    ]


def test_steps_lead_from_the_ancestral_margin_to_the_district() -> None:
    """Each move starts where the one before ended, and the last ends at its district."""
    for edges, question in ((NAPKIN, "P(Y | do(X))"), (TIAN, "P(Y | do(X))"), (VERMA, "P(X4 | do(X2))")):
        verdict = umbel.identify(edges, question)
        assert verdict.identified
        (road,) = verdict.proof.roads
        assert road.flat is not None
        for reduction in road.flat.reductions:
            places = [(move.before, move.after) for move in reduction.moves]
            assert all(after == before for (_, after), (before, _) in pairwise(places))
            assert all(after & ~before == 0 and after != before for before, after in places)
            if places:
                assert places[-1][1] == reduction.district


def changed(graph: str, remedy: str) -> str:
    """The graph after a remedy."""
    if found := re.fullmatch(r"measure (\w+)", remedy):
        return graph.replace(f"latent {found[1]}", found[1])
    if found := re.fullmatch(r"rule out the hidden cause of (\w+) and (\w+)", remedy):
        kept = [line for line in graph.split("; ") if set(line.split()) != {found[1], "<->", found[2]}]
        return "; ".join(kept)
    if found := re.fullmatch(r"rule out that (\w+) acts on (\w+)", remedy):
        return "; ".join(line for line in graph.split("; ") if line != f"{found[1]} -> {found[2]}")
    if found := re.fullmatch(r"randomise (\w+)", remedy):
        lines = [line for line in graph.split("; ") if not re.search(rf"(->|<->) {found[1]}$|^{found[1]} <->", line)]
        return "; ".join(lines)
    raise AssertionError(f"a remedy that nobody can follow: {remedy}")


CURABLE = [
    "X -> Y; X <-> Y",
    "latent U; U -> X; U -> Y; X -> Y",
    "X -> Z; Z -> Y; X <-> Z",
    "X -> Z; Z -> Y; X <-> Y; Z <-> Y",
    "X -> Y; Z -> Y; X <-> Z; Z <-> Y",
    "latent U; latent V; U -> X; U -> Y; V -> X; V -> Y; X -> Y",
]


@pytest.mark.parametrize("graph", CURABLE)
def test_each_remedy_turns_the_verdict(graph: str) -> None:
    verdict = umbel.identify(graph, "P(Y | do(X))")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.remedies
    for remedy in verdict.remedies:
        assert umbel.identify(changed(graph, remedy), "P(Y | do(X))").identified, remedy


def test_single_remedies_are_all_found() -> None:
    verdict = umbel.identify("X -> Z; Z -> Y; X <-> Z; X <-> Y", "P(Y | do(X))")
    assert isinstance(verdict, umbel.Unidentified)
    assert set(verdict.remedies) == {"rule out the hidden cause of X and Z", "randomise X"}


def test_a_certificate_names_the_hidden_causes() -> None:
    verdict = umbel.identify("X -> Z -> Y; X <-> Z", "P(Y | do(X))")
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.certificate.kind == "hedge"
    assert "X <-> Z" in verdict.certificate.text


def test_a_free_nuisance_variable_is_reported() -> None:
    """The napkin's formula reads Z, and is the same at each: in data a constraint to check."""
    verdict = umbel.identify(NAPKIN, "E[Y | do(X=1)] - E[Y | do(X=0)]")
    assert isinstance(verdict, umbel.Identified)
    assert verdict.estimand.free_nuisance == ("Z",)
    assert any("reads Z at any value" in remark for remark in verdict.remarks)
    for graph in ("Z -> X -> Y; Z -> Y", "X -> Z -> Y; X <-> Y"):
        plain = umbel.identify(graph, "P(Y | do(X))")
        assert isinstance(plain, umbel.Identified)
        assert plain.estimand.free_nuisance == () and not plain.remarks


def test_what_a_formula_can_do_without_is_left_out() -> None:
    """A covariate of the front door that no confounder needs: the shorter formula, and a step that says so."""
    verdict = umbel.identify("W -> X -> M -> Y; W -> Y; X <-> Y", "P(Y | do(X))")
    assert isinstance(verdict, umbel.Identified)
    assert "W" not in {meaning.name for need in verdict.estimand.needs() for meaning in (*need.of, *need.given)}
    assert (verdict.steps[0].rule, verdict.steps[0].detail) == ("leave out", "{W}: a formula without is shorter")
    assert verdict.verify()
    needed = umbel.identify("W -> X -> M -> Y; W -> M; X <-> Y", "P(Y | do(X))")
    assert isinstance(needed, umbel.Identified)
    assert needed.steps[0].rule != "leave out"


@pytest.mark.parametrize(
    ("graph", "question", "told"),
    [
        ("Z -> { A Y }; A -> Y", "E[Y | do(A=1)]", (True, True)),
        ("Z -> { A Y }; A -> Y", "ETT(A, Y)", (True, True)),
        ("plate p { A Y }; A -> Y", "P(Y | do(A ~ q))", (True, False)),  # positivity has a line of its own there
        ("A -> Y", "E[Y]", (False, False)),
        ("A -> Y; X -> A", "E[X | do(A=1)]", (False, False)),  # no effect
    ],
)
def test_what_every_number_rests_on_is_said(graph: str, question: str, told: tuple[bool, bool]) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Identified)
    words = " ".join(verdict.assumptions)
    assert ("do not act on each other" in words, "(positivity)" in words) == told
