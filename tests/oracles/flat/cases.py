"""The named cases of the literature on identification, with their verdicts.

Collected from Shpitser and Pearl (JMLR 2008), Tian and Pearl (AAAI 2002), Richardson et al.
(2017), Tikka and Karvanen (JMLR 2017), Bareinboim et al. (2020), Robins (1986) and the test suites
of y0, ananke, cfid and causaleffect, which agree on every verdict here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One case: edges as text, sets of names, and whether ``P(y | do(x), z)`` is identified."""

    name: str
    edges: str
    x: tuple[str, ...]
    y: tuple[str, ...]
    identified: bool
    z: tuple[str, ...] = ()


def _case(name: str, edges: str, x: str, y: str, verdict: str, z: str = "") -> Case:
    def split(text: str) -> tuple[str, ...]:
        return tuple(text.split(",")) if text else ()

    return Case(name, edges, split(x), split(y), {"id": True, "not_id": False}[verdict], split(z))


NAPKIN = "W->Z->X->Y;W<->X;W<->Y"
TIAN = "Z2->Z1->Y;Z2->X->Z1;Z2->Z3->Y;Z2<->X;Z2<->Y;X<->Z3;X<->Y"
VERMA = "X1->X2->X3->X4;X1->X3;X2<->X4"
PEARL_2 = "Z1->Z2;Z1->Z3;Z2->X;Z3->X;X->W0->Y;Z4->Z3;Z4->Z5;Z5->Y;X->W1->W2->Y;Z3->Y;Z1<->X;Z2<->Z3;Z3<->Z5;Z4<->Y"
Y0_WRONG = "V0->V1;V0->V2;V0->V3;V0->V4;V1->V2;V1->V4;V2->V3;V3->V4;V1<->V2;V2<->V4"

CASES = (
    _case("bow (Shpitser and Pearl 1a)", "X->Y;X<->Y", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1b", "X->Z->Y;X<->Z", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1c", "X->Z->Y;X->Y;X<->Z", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1d", "X->Y;Z->Y;X<->Z;Z<->Y", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1e", "Z->X->Y;X<->Z;Z<->Y", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1f", "X->Z->Y;X<->Y;Z<->Y", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1g", "X->Z1->Y;Z2->Y;X<->Z2;Z1<->Z2", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 1h", "Z->X->W->Y;X<->Z;X<->Y;W<->Z;Y<->Z", "X", "Y", "not_id"),
    _case("Shpitser and Pearl 2a", "X->Y", "X", "Y", "id"),
    _case("Shpitser and Pearl 2b", "X->Y;X->Z->Y;Y<->Z", "X", "Y", "id"),
    _case("Shpitser and Pearl 2c", "X->Y;Z->X;Z->Y;Y<->Z", "X", "Y", "id"),
    _case("Shpitser and Pearl 2d, back-door", "X->Y;Z->X;Z->Y;X<->Z", "X", "Y", "id"),
    _case("Shpitser and Pearl 2e, front-door", "X->Z->Y;X<->Y", "X", "Y", "id"),
    _case("Shpitser and Pearl 2f", "X->Y;X->Z1->Y;Z1->Z2->Y;X<->Z2;Y<->Z1", "X", "Y", "id"),
    _case("Shpitser and Pearl 2g, Tian", TIAN, "X", "Y", "id"),
    _case("Shpitser and Pearl 3a", "W1->X->Y1;W2->Y2;W1<->W2;W1<->Y1;W1<->Y2;X<->W2", "X", "Y1,Y2", "id"),
    _case("3a with W1->W2", "W1->X->Y1;W2->Y2;W1->W2;W1<->W2;W1<->Y1;W1<->Y2;X<->W2", "X", "Y1,Y2", "not_id"),
    _case("napkin", NAPKIN, "X", "Y", "id"),
    _case("napkin variant of cfid", "W->Z->X->Y;Z->Y;Y<->X;X<->W", "X", "Y", "not_id"),
    _case("M-graph", "X->Y;X<->Z;Y<->Z", "X", "Y", "id"),
    _case("M-bias, given the collider", "X->Y;X<->Z;Y<->Z", "X", "Y", "not_id", "Z"),
    _case("instrument", "Z->X->Y;X<->Y", "X", "Y", "not_id"),
    _case("instrument, given it", "Z->X->Y;X<->Y", "X", "Y", "not_id", "Z"),
    _case("Shpitser and Pearl 6a", "X->Z->Y;X<->Z", "X", "Y", "id", "Z"),
    _case("Shpitser and Pearl 6b", "X->Z->Y;X<->Z;Z<->Y", "X", "Y", "not_id", "Z"),
    _case("cfid conditional 1", "A->X;A->Z;A->B;X->Z->Y;B->Y;X<->A;A<->Y;Y<->X;X<->B", "X", "Y", "id", "A"),
    _case("Pearl, identifiability 2", PEARL_2, "X", "Y", "id"),
    _case("Verma graph (Richardson et al. figure 3)", VERMA, "X3", "X4", "id"),
    _case("Verma graph, X2", VERMA, "X2", "X4", "id"),
    _case("Bareinboim et al. 1.8", "A->B;A->F;A->C;B->D;C->D;D->E;B<->D;C<->E", "B,C", "E", "not_id"),
    _case("Tikka and Karvanen figure 1", "W->X->Z->Y;W->Z;X<->Y", "X", "Y", "id"),
    _case("sequential treatment (Robins)", "A0->L->A1->Y;A0->A1;A0->Y;L->Y;L<->Y", "A0,A1", "Y", "id"),
    _case("sequential treatment, hidden cause of A0", "A0->L->A1->Y;A0<->L;L<->Y", "A0,A1", "Y", "id"),
    _case("bow then chain, joint treatment", "X->Z->Y;X<->Z;X<->Y", "X,Z", "Y", "not_id"),
    _case("y0, line 4", "X->M->Y;Z->X;Z->Y;Z<->X;M<->Y", "X", "Y", "id"),
    _case("y0, the estimand it gets wrong", Y0_WRONG, "V2", "V4", "id"),
)

UNCONDITIONAL = tuple(case for case in CASES if not case.z)
CONDITIONAL = tuple(case for case in CASES if case.z)
SINGLE = tuple(case for case in UNCONDITIONAL if len(case.x) == len(case.y) == 1)
