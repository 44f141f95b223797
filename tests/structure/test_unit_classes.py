"""Kinds of units: graphs that a class of the units identifies, and the false friends that look alike."""

from __future__ import annotations

import pytest

import umbel

SOFT = "P(Y | do(A ~ q))"
A4A = "plate pupil {{ A Y {inside} }}; U -> {{ A Z Y {driven} }}; A -> {{ Z Y }}; Z -> Y; classes U = {k}"
A4F = "plate pupil {{ A Y {inside} }}; U -> {{ A W {driven} }}; A -> {{ W Y }}; W -> Y; classes U = {k}"
A4H = (
    "plate pupil {{ W Y {inside} }}; latent U2; U1 -> {{ A Y {driven} }}; U2 -> {{ W Y }}; "
    "A -> W -> Y; classes U1 = {k}"
)
A4C = (
    "plate pupil {{ Z A {inside} }}; latent U1; U1 -> {{ A Z }}; U2 -> {{ A Y {driven} }}; "
    "Z -> A -> Y; classes U2 = {k}"
)
PURE = "; assume shared X"

IDENTIFIED = [
    (A4A, SOFT, "X", "X", "", "proxy", 1, "Σ_{U, Z} P(U) P(Z | U, Q[A] = q) P(Q[Y|A] | U, Z)"),
    (A4A, SOFT, "", "X", "", "proxy", 1, "Σ_{U, Z} P(U)"),
    (A4F, SOFT, "X", "X", PURE, "replicates", None, "Σ_{U, W} P(U) P(W | U, Q[A] = q) P(Q[Y|A] | W)"),
    (A4F, SOFT, "X V", "X V", "", "covariates", 1, "Σ_{U, W} P(U)"),
    (A4H, "P(Y | do(A))", "X", "X", "", "proxy", 1, "Σ_{U1} P(U1)"),
    (A4C, SOFT, "X", "X", PURE, "replicates", None, "Σ_{U2} P(U2) P(Y | U2, Q[A] = q)"),
]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("row", IDENTIFIED, ids=lambda row: f"{row[5]} {row[7]}")
def test_promoted_estimands_are_exact(row: tuple[str, str, str, str, str, str, int | None, str], k: int) -> None:
    graph, question, inside, driven, facts, kind, members, formula = row
    text = graph.format(inside=inside, driven=driven, k=k) + facts
    verdict = umbel.identify(text, question)
    assert verdict.identified, verdict
    assert formula in verdict.estimand.text()
    unmixing = verdict.estimand.unmixing
    assert unmixing is not None and unmixing.kind == kind  # type: ignore[union-attr]
    assert unmixing.members == (k if members is None else members)  # type: ignore[union-attr]
    assert verdict.verify()
    name = unmixing.latent
    bare = umbel.identify(text.replace(f"classes {name} = {k}", f"latent {name}"), question)
    assert not bare.identified


FALSE_FRIENDS = [
    # replicates of treatment and outcome alone
    (A4A.format(inside="", driven="", k=2), "they are one view of U"),
    # classes within each value of the interferer, and no match across them
    (A4A.format(inside="", driven="", k=2) + "; assume shared Y", "two labellings fit alike"),
    # the same where the class does not reach the outcome: its laws show no class
    (A4F.format(inside="", driven="", k=2) + "; assume shared Y", "they are one view of U"),
    # the class does not reach the outcome: treatment and interferer are one view
    (A4F.format(inside="", driven="", k=2), "they are one view of U"),
    # a treatment that shows the class has no overlap
    (A4A.format(inside="X", driven="X", k=2) + "; assume shared A", "no variation of its own"),
    # a covariate that follows from the treatment is no proxy
    (A4A.format(inside="X", driven="X", k=2) + "; A -> X", "they are one view of U"),
    # one impure covariate where no other view is left
    (A4F.format(inside="X", driven="X", k=2), "Write 'assume shared X'"),
]


@pytest.mark.parametrize(("graph", "why"), FALSE_FRIENDS, ids=[why for _, why in FALSE_FRIENDS])
def test_false_friends_are_refused(graph: str, why: str) -> None:
    verdict = umbel.identify(graph, SOFT)
    assert isinstance(verdict, umbel.Refused)
    assert why in f"{verdict.refusal.why} {verdict.refusal.advice}"


def test_a_class_that_does_not_help_leaves_the_proof_of_the_no() -> None:
    graph = "plate pupil { A Y }; latent V; V -> { A Z Y }; A -> { Z Y }; Z -> Y; U -> A; classes U = 2"
    assert isinstance(umbel.identify(graph, SOFT), umbel.Unidentified)
