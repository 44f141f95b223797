"""The named cases of the literature on counterfactuals, with their verdicts.

From Shpitser and Pearl (JMLR 2008) and the test suite of cfid, whose reading of them the rank
oracle confirms; cases in which published programs err; and the usual quantities of mediation and
attribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["yes", "no", "one", "zero", "undefined"]


@dataclass(frozen=True, slots=True)
class Case:
    """A graph, a question, what the observed world says of it, and what all experiments say."""

    name: str
    graph: str
    question: str
    observed: Outcome
    experiments: Outcome


def _case(name: str, graph: str, question: str, observed: Outcome, experiments: Outcome | None = None) -> Case:
    return Case(name, graph, question, observed, experiments or observed)


G1 = "X -> W -> Y; D -> Z -> Y; X <-> Y"
"""Shpitser and Pearl, Figure 9 (a)."""
G2 = G1 + "; X -> Y"
BOW = "X -> Y; X <-> Y"

CASES = (
    _case("Shpitser and Pearl, Figure 9", G1, "P(Y[X=0]=0, X=1, Z[D=0]=0, D=0)", "yes"),
    _case("Figure 9, the mediator as it was", G1, "P(Y[X=0]=0, X=1, Z[D=0]=0, D=0, W=0)", "no"),
    _case("Figure 9 with X -> Y", G2, "P(Y[X=0]=0, X=1, Z[D=0]=0, D=0)", "no"),
    _case("Figure 9, conditional", G1, "P(Y[X=0]=0 | X=1, Z[D=0]=0, D=0)", "yes"),
    _case("Figure 9 with X -> Y, conditional", G2, "P(Y[X=0]=0 | X=1, Z[D=0]=0, D=0)", "no"),
    _case("necessity and sufficiency", "X -> Y", "P(Y[X=0]=0, Y[X=1]=1)", "no"),
    _case("necessity and sufficiency, by name", "X -> Y", "PNS(X, Y)", "no"),
    _case("two worlds and a cause", "Z -> X -> Y", "P(Y[X=0]=0, Y[X=1]=1, Z=0)", "no"),
    _case("as it was and would be", BOW, "P(Y[X=0]=0, Y=0)", "no"),
    _case("one world of a district", "X -> Y <-> Z; X <-> Y; Z -> Y", "P(Y[X=0]=0)", "no", "yes"),
    _case("tautology", "X -> Y", "P(Y[Y=0]=0)", "one"),
    _case("contradiction", "X -> Y", "P(Y[Y=1]=0)", "zero"),
    _case("given a contradiction", "X -> Y", "P(X=0 | Y[Y=1]=0)", "undefined"),
    _case("consistency is contradicted", "X -> Z -> Y", "P(Z=0, Z[X=0]=1, X=0)", "zero"),
    _case("consistency says nothing", "X -> Z -> Y", "P(Z=0, Z[X=0]=1, X=1)", "no"),
    _case(
        "worlds that part within a district",
        "X -> Y; Y <-> A <-> B <-> Z; X -> Z",
        "P(Y[X=0]=0, A=0, B=0, Z[X=1]=0)",
        "no",
    ),
    _case("a cause in the district", "E -> S -> T -> W; E -> W; E <-> T; S <-> W", "P(W[E=0, T=0]=0, T=0)", "no"),
    _case("seen as good as set", "X -> Z -> Y; Y <-> Z", "P(Y[X=0]=0 | Z[X=0]=0)", "yes"),
    _case("seen as good as set, confounded", "X -> Z -> Y; Y <-> Z; Z <-> X", "P(Y[X=0]=0 | Z[X=0]=0)", "no", "yes"),
    _case(
        "a summed value contradicts (cfid says yes)",
        "V0 -> V2; V1 -> V2; V1 -> V3; V1 <-> V2; V0 <-> V3",
        "P(V2[V1=0]=0, V2=0 | V3=1)",
        "no",
    ),
    _case("subtraction, two states only", BOW, "P(X=0 | Y[X=1]=0)", "no"),
    _case("effect on the treated", "X -> A -> Y; X -> Y", "P(Y[A=1]=1 | A=0)", "yes"),
    _case("effect on the treated, confounded", "A -> Y; A <-> Y", "P(Y[A=1]=1 | A=0)", "no"),
    _case("effect on the treated, front door", "A -> M -> Y; A <-> Y", "P(Y[A=1]=1 | A=0)", "yes"),
    _case("those who took it anyway", "A -> Y; A <-> Y", "P(Y[A=1]=1 | A=1)", "yes"),
    _case("natural effect", "A -> M -> Y; A -> Y", "P(Y[A=1, M[A=0]]=1)", "yes"),
    _case("natural effect, adjusted", "A -> M -> Y; A -> Y; C -> { A M Y }", "P(Y[A=1, M[A=0]]=1)", "yes"),
    _case("natural effect, mediator confounded", "A -> M -> Y; A -> Y; M <-> Y", "P(Y[A=1, M[A=0]]=1)", "no"),
    _case("recanting witness", "A -> L -> M -> Y; L -> Y; A -> Y", "P(Y[A=1, M[A=0]]=1)", "no"),
    _case("path-specific, past the witness", "A -> L -> M -> Y; L -> Y; A -> Y", "P(Y[A=1, L[A=0]]=1)", "yes"),
    _case("a world in a world in a world", "A -> B -> C -> Y; A -> Y", "P(Y[A=1, C[B[A=0]]]=1)", "yes"),
    _case("necessity, unconfounded", "A -> Y", "PN(A, Y)", "no"),
    _case("what never happens to those it did not happen to", "A -> Y; A <-> Y", "P(Y[A=1]=0 | A=1, Y=1)", "zero"),
)
