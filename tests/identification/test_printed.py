"""What readers see of the best known graphs: the strategy's name and the estimand, as papers print it."""

from __future__ import annotations

import pytest

import umbel

PRINTED = [
    ("no confounding", "X -> Y", "P(Y | do(X))", "randomised treatment", "P(Y | X)"),
    ("back-door", "Z -> X -> Y; Z -> Y", "P(Y | do(X))", "back-door", "Σ_{Z} P(Y | X, Z) P(Z)"),
    (
        "two confounders",
        "Z -> X -> Y; Z -> Y; W -> X; W -> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{Z, W} P(Y | X, Z, W) P(Z, W)",
    ),
    ("a cause of the treatment alone", "Z -> X -> Y", "P(Y | do(X))", "back-door", "P(Y | X)"),
    ("M-graph", "X -> Y; X <-> Z; Z <-> Y", "P(Y | do(X))", "randomised treatment", "P(Y | X)"),
    (
        "butterfly",
        "A -> X; A -> Z; B -> Z; B -> Y; Z -> X; Z -> Y; X -> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{Z, B} P(Y | X, Z, B) P(Z, B)",
    ),
    (
        "butterfly, one wing hidden",
        "A -> X; A -> Z; Z <-> Y; Z -> X; Z -> Y; X -> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{A, Z} P(Y | X, A, Z) P(A, Z)",
    ),
    (
        "Pearl (1995) figure 4",
        "X1 -> X3 -> X; X1 -> X4; X2 -> X4; X2 -> X5 -> Y; X4 -> X; X4 -> Y; X -> X6 -> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{X4, X5} P(Y | X, X4, X5) P(X4, X5)",
    ),
    ("front-door", "X -> M -> Y; X <-> Y", "P(Y | do(X))", "front-door", "Σ_{M} P(M | X) (Σ_{X'} P(Y | X', M) P(X'))"),
    (
        "front-door under a covariate",
        "W -> X -> M -> Y; W -> Y; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{M} P(M | X) (Σ_{X'} P(Y | X', M) P(X'))",
    ),
    (
        "front-door, a covariate of all",
        "W -> X -> M -> Y; W -> Y; W -> M; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{W, M} P(M | X, W) P(W) (Σ_{X'} P(Y | X', W, M) P(X' | W))",
    ),
    (
        "front-door, two mediators in a row",
        "X -> M1 -> M2 -> Y; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{M2} P(M2 | X) (Σ_{X'} P(Y | X', M2) P(X'))",
    ),
    (
        "front-door, two mediators side by side",
        "X -> M1 -> Y; X -> M2 -> Y; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{M1, M2} P(M1 | X) P(M2 | X) (Σ_{X'} P(Y | X', M1, M2) P(X'))",
    ),
    (
        "front-door, mediators joined",
        "X -> M1 -> M2; M1 -> Y; M2 -> Y; X -> M2; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{M1, M2} P(M1, M2 | X) (Σ_{X'} P(Y | X', M1, M2) P(X'))",
    ),
    (
        "napkin",
        "W -> Z -> X -> Y; W <-> X; W <-> Y",
        "P(Y | do(X))",
        "district reduction",
        "[Σ_{W} P(X, Y | W, Z) P(W)] / [Σ_{W} P(X | W, Z) P(W)]",
    ),
    (
        "Tian (Shpitser and Pearl 2g)",
        "Z2 -> Z1 -> Y; Z2 -> X -> Z1; Z2 -> Z3 -> Y; Z2 <-> X; Z2 <-> Y; X <-> Z3; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{Z2, Z1} P(Z1 | X, Z2) P(Z2) (Σ_{X'} P(Y | X', Z2, Z1) P(X' | Z2))",
    ),
    (
        "Verma, late",
        "X1 -> X2 -> X3 -> X4; X1 -> X3; X2 <-> X4",
        "P(X4 | do(X3))",
        "back-door",
        "Σ_{X1, X2} P(X4 | X3, X1, X2) P(X1, X2)",
    ),
    (
        "Verma, early",
        "X1 -> X2 -> X3 -> X4; X1 -> X3; X2 <-> X4",
        "P(X4 | do(X2))",
        "front-door",
        "Σ_{X1, X3} P(X3 | X2, X1) P(X1) (Σ_{X2'} P(X4 | X2', X1, X3) P(X2' | X1))",
    ),
    ("Verma, in a chain", "A -> B -> C -> D; B <-> D", "P(D | do(C))", "back-door", "Σ_{B} P(D | C, B) P(B)"),
    ("effect of an instrument", "Z -> X -> Y; X <-> Y", "P(Y | do(Z))", "randomised treatment", "P(Y | Z)"),
    (
        "sequential, two times",
        "A0 -> L -> A1 -> Y; A0 -> A1; A0 -> Y; L -> Y; L <-> Y",
        "P(Y | do(A0, A1))",
        "g-formula",
        "Σ_{L} P(Y | A0, A1, L) P(L | A0)",
    ),
    (
        "sequential, three times",
        (
            "A0 -> L1 -> A1 -> L2 -> A2 -> Y; A0 -> A1 -> A2; A0 -> Y; A1 -> Y; L1 -> Y; L2 -> Y;"
            " L1 <-> L2; L2 <-> Y; L1 <-> Y"
        ),
        "P(Y | do(A0, A1, A2))",
        "g-formula",
        "Σ_{L1, L2} P(Y | A0, A1, A2, L1, L2) P(L2 | A0, A1, L1) P(L1 | A0)",
    ),
    ("total effect", "X -> M -> Y; X -> Y", "P(Y | do(X))", "randomised treatment", "P(Y | X)"),
    (
        "controlled direct effect",
        "X -> M -> Y; X -> Y; C -> M; C -> Y",
        "P(Y | do(X, M))",
        "back-door",
        "Σ_{C} P(Y | X, M, C) P(C)",
    ),
    (
        "controlled direct effect, confounder caused",
        "X -> M -> Y; X -> Y; X -> C; C -> M; C -> Y",
        "P(Y | do(X, M))",
        "g-formula",
        "Σ_{C} P(Y | X, M, C) P(C | X)",
    ),
    (
        "Tikka and Karvanen (2017) figure 1",
        "W -> X -> Z -> Y; W -> Z; X <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{W, Z} P(Z | X, W) P(W) (Σ_{X'} P(Y | X', W, Z) P(X' | W))",
    ),
    (
        "Shpitser and Pearl 2f",
        "X -> Y; X -> Z1 -> Y; Z1 -> Z2 -> Y; X <-> Z2; Y <-> Z1",
        "P(Y | do(X))",
        "generalised front-door",
        "Σ_{Z1, Z2} P(Y | X, Z1, Z2) P(Z1 | X) (Σ_{X'} P(Z2 | X', Z1) P(X'))",
    ),
    (
        "Shpitser and Pearl 3a",
        "W1 -> X -> Y1; W2 -> Y2; W1 <-> W2; W1 <-> Y1; W1 <-> Y2; X <-> W2",
        "P(Y1, Y2 | do(X))",
        "district reduction",
        "P(Y2) (Σ_{W1} P(Y1 | X, W1) P(W1))",
    ),
    (
        "Pearl, identifiability 2",
        (
            "Z1 -> Z2; Z1 -> Z3; Z2 -> X; Z3 -> X; X -> W0 -> Y; Z4 -> Z3; Z4 -> Z5; Z5 -> Y;"
            " X -> W1 -> W2 -> Y; Z3 -> Y; Z1 <-> X; Z2 <-> Z3; Z3 <-> Z5; Z4 <-> Y"
        ),
        "P(Y | do(X))",
        "back-door",
        "Σ_{Z3, Z4, Z5} P(Y | X, Z3, Z4, Z5) P(Z3, Z4, Z5)",
    ),
    (
        "mediator confounded",
        "X -> M -> Y; Z -> X; Z -> Y; Z <-> X; M <-> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{Z} P(Y | X, Z) P(Z)",
    ),
    (
        "five in a row",
        "V0 -> V1; V0 -> V2; V0 -> V3; V0 -> V4; V1 -> V2; V1 -> V4; V2 -> V3; V3 -> V4; V1 <-> V2; V2 <-> V4",
        "P(V4 | do(V2))",
        "front-door",
        "Σ_{V0, V3} P(V3 | V2, V0) P(V0) (Σ_{V2'} P(V4 | V2', V0, V3) P(V2' | V0))",
    ),
    (
        "front-door given a confounder",
        "A -> X; A -> Z; A -> B; X -> Z -> Y; B -> Y; X <-> A; A <-> Y; Y <-> X; X <-> B",
        "P(Y | do(X), A)",
        "front-door",
        "Σ_{Z} P(Z | X, A) (Σ_{X'} P(Y | X', A, Z) P(X' | A))",
    ),
    ("given the mediator", "X -> Z -> Y; X <-> Z", "P(Y | do(X), Z)", "no effect given the conditions", "P(Y | Z)"),
    (
        "sequential, first treatment no cause",
        "A0 -> L -> A1 -> Y; A0 <-> L; L <-> Y",
        "P(Y | do(A0, A1))",
        "back-door",
        "Σ_{L} P(Y | A1, L) P(L)",
    ),
    (
        "front-door contrast",
        "X -> M -> Y; X <-> Y",
        "E[Y | do(X=1)] - E[Y | do(X=0)]",
        "front-door",
        "Σ_{M} (P(M | X = 1) - P(M | X = 0)) (Σ_{X'} E[Y | X', M] P(X'))",
    ),
    (
        "back-door contrast",
        "Z -> X -> Y; Z -> Y",
        "E[Y | do(X=1)] - E[Y | do(X=0)]",
        "back-door",
        "Σ_{Z} (E[Y | X = 1, Z] - E[Y | X = 0, Z]) P(Z)",
    ),
    (
        "contrast given a covariate",
        "Z -> X -> Y; Z -> Y; W -> Y; W -> X",
        "E[Y | do(X=1), W] - E[Y | do(X=0), W]",
        "back-door",
        "Σ_{Z} (E[Y | X = 1, Z, W] - E[Y | X = 0, Z, W]) P(Z)",
    ),
    (
        "napkin contrast",
        "W -> Z -> X -> Y; W <-> X; W <-> Y",
        "E[Y | do(X=1)] - E[Y | do(X=0)]",
        "district reduction",
        (
            "[Σ_{W} E[Y | X = 1, W, Z] P(X = 1 | W, Z) P(W)] / [Σ_{W} P(X = 1 | W, Z) P(W)] "
            "- [Σ_{W} E[Y | X = 0, W, Z] P(X = 0 | W, Z) P(W)] / [Σ_{W} P(X = 0 | W, Z) P(W)]"
        ),
    ),
    (
        "effect given a covariate",
        "W -> X -> Y; W -> Y; Z -> X; Z -> Y",
        "P(Y | do(X), W)",
        "back-door",
        "Σ_{Z} P(Y | X, W, Z) P(Z)",
    ),
    (
        "policy that reads a covariate",
        "W -> X -> Y; W -> Y; Z -> X; Z -> Y",
        "P(Y | do(X ~ q(W)))",
        "back-door",
        "Σ_{W, X, Z} P(Y | X, W, Z) q(X | W) P(W, Z)",
    ),
    (
        "front-door policy",
        "X -> M -> Y; X <-> Y",
        "P(Y | do(X ~ q))",
        "front-door",
        "Σ_{X, M} P(M | X) q(X) (Σ_{X'} P(Y | X', M) P(X'))",
    ),
    (
        "effect on the treated, front-door",
        "X -> M -> Y; X <-> Y",
        "P(Y[X=1]=1 | X=0)",
        "counterfactual factors",
        "Σ_{M} P(Y = 1 | X = 0, M) P(M | X = 1)",
    ),
    (
        "effect on the treated",
        "Z -> X -> Y; Z -> Y",
        "P(Y[X=1]=1 | X=0)",
        "counterfactual factors",
        "Σ_{Z} P(Y = 1 | X = 1, Z) P(Z | X = 0)",
    ),
    (
        "natural direct effect",
        "X -> M -> Y; X -> Y; C -> X; C -> M; C -> Y",
        "E[Y[X=1, M[X=0]]] - E[Y[X=0]]",
        "counterfactual factors, back-door",
        "(Σ_{M, C} E[Y | X = 1, M, C] P(M | X = 0, C) P(C)) - (Σ_{C} E[Y | X = 0, C] P(C))",
    ),
    (
        "two front doors",
        "X1 -> M1 -> Y; X2 -> M2 -> Y; X1 <-> Y; X2 <-> Y",
        "P(Y | do(X1, X2))",
        "front-door",
        "Σ_{M1, M2} P(M1 | X1) P(M2 | X2) (Σ_{X1', X2'} P(Y | X1', X2', M1, M2) P(X1') P(X2'))",
    ),
    (
        "front-door given the covariate",
        "W -> X -> M -> Y; W -> Y; W -> M; X <-> Y",
        "P(Y | do(X), W)",
        "front-door given the conditions",
        "Σ_{M} P(M | X, W) (Σ_{X'} P(Y | X', W, M) P(X' | W))",
    ),
    (
        "front-door behind an instrument",
        "Z -> X -> M -> Y; X <-> Y; Z <-> X",
        "P(Y | do(X))",
        "front-door",
        "Σ_{M} P(M | X) (Σ_{X'} P(Y | X', M) P(X'))",
    ),
    (
        "mediator and covariate",
        "X -> W -> Y; Z -> X; Z -> W; X <-> Z; Z <-> Y",
        "P(Y | do(X))",
        "front-door",
        "Σ_{W, Z} P(W | X, Z) P(Z) (Σ_{X'} P(Y | X', W, Z) P(X' | Z))",
    ),
    (
        "confounder's effect",
        "Z1 -> X -> Y; Z1 -> Z2 -> Y; Z1 <-> Z2; X -> Z3 -> Y",
        "P(Y | do(X))",
        "back-door",
        "Σ_{Z2} P(Y | X, Z2) P(Z2)",
    ),
]


@pytest.mark.parametrize(
    ("graph", "question", "strategy", "text"), [row[1:] for row in PRINTED], ids=[r[0] for r in PRINTED]
)
def test_what_is_printed(graph: str, question: str, strategy: str, text: str) -> None:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    assert (verdict.estimand.strategy, verdict.estimand.text()) == (strategy, text)
    assert verdict.verify()


HEDGED = [
    ("bow", "X -> Y; X <-> Y", "P(Y | do(X))"),
    ("instrument", "Z -> X -> Y; X <-> Y", "P(Y | do(X))"),
    ("butterfly, wings hidden", "X -> Y; X <-> Z; Z <-> Y; Z -> X; Z -> Y", "P(Y | do(X))"),
    ("M-bias, given the collider", "X -> Y; X <-> Z; Z <-> Y", "P(Y | do(X), Z)"),
]


@pytest.mark.parametrize(("graph", "question"), [row[1:] for row in HEDGED], ids=[row[0] for row in HEDGED])
def test_a_no_names_its_causes_and_what_would_help(graph: str, question: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Unidentified)
    assert verdict.certificate.kind == "hedge" and verdict.verify()
    assert verdict.certificate.text.startswith("Hidden causes join X to ")
    assert verdict.remedies[0] == "randomise X"


INSTRUMENT = "Z -> X -> Y; X <-> Y; states Z = 2; states X = 2; assume monotone Z -> X"
MOVED = "X[Z=1]=1, X[Z=0]=0"


def test_the_effect_among_those_whom_an_instrument_moves() -> None:
    """Imbens and Angrist (1994): Wald's ratio, by its name."""
    verdict = umbel.identify(INSTRUMENT, f"E[Y[X=1] | {MOVED}] - E[Y[X=0] | {MOVED}]")
    assert verdict.identified
    assert verdict.estimand.strategy == "instrument"
    assert verdict.estimand.text() == "[E[Y | Z = 1] - E[Y | Z = 0]] / [P(X = 1 | Z = 1) - P(X = 1 | Z = 0)]"
    assert verdict.verify()


def test_wald_s_ratio_needs_the_instrument_to_move_one_way() -> None:
    graph = INSTRUMENT.replace("; assume monotone Z -> X", "")
    assert not umbel.identify(graph, f"E[Y[X=1] | {MOVED}] - E[Y[X=0] | {MOVED}]").identified


def test_each_arm_among_those_whom_an_instrument_moves() -> None:
    for state, low, high in ((1, 0, 1), (0, 1, 0)):
        verdict = umbel.identify(INSTRUMENT, f"P(Y[X={state}] | {MOVED})")
        assert verdict.identified and verdict.verify()
        assert verdict.estimand.text() == (
            f"[P(X = {state}, Y | Z = {high}) - P(X = {state}, Y | Z = {low})] / [P(X = 1 | Z = 1) - P(X = 1 | Z = 0)]"
        )


def test_terms_over_one_denominator() -> None:
    verdict = umbel.identify("X -> Y", "E[Y | do(X=2)] / E[Y | do(X=0)] - E[Y | do(X=1)] / E[Y | do(X=0)]")
    assert verdict.identified and verdict.verify()
    assert verdict.estimand.text() == "[E[Y | X = 2] - E[Y | X = 1]] / E[Y | X = 0]"
