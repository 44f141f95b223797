"""Bounds from programs against closed forms, and against the numbers that papers print."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from tests.oracles.bounds import closed_forms as forms
from umbel import bound
from umbel.errors import DataError
from umbel.numerics.tables import Table
from umbel.results.value import Bounds

EXACT = 1e-6
PRINTED = 1e-5  # five decimals in the paper's own rounding

BINARIES = {"pooled": forms.POOLED, "second": forms.SECOND, "third": forms.THIRD}


def close(found: Bounds, wanted: forms.Interval, tolerance: float = EXACT) -> None:
    assert found.kind == "sharp"
    assert (found.lower, found.upper) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("one", BINARIES.values(), ids=BINARIES)
@pytest.mark.parametrize(("obs", "rct"), [(True, False), (False, True), (True, True)])
def test_necessity_and_sufficiency(one: forms.Binary, obs: bool, rct: bool) -> None:
    found = bound.pns(one.obs if obs else None, one.rct if rct else None)
    close(found, forms.pns(one, obs=obs, rct=rct))


@pytest.mark.parametrize("one", BINARIES.values(), ids=BINARIES)
def test_necessity_alone_and_sufficiency_alone(one: forms.Binary) -> None:
    close(bound.pn(one.obs, one.rct), forms.pn(one))
    close(bound.ps(one.obs, one.rct), forms.ps(one))
    close(bound.pn(one.obs), forms.Interval(0.0, 1.0))
    close(bound.ps(one.obs), forms.Interval(0.0, 1.0))


@pytest.mark.parametrize(
    ("one", "printed"),
    [
        (forms.POOLED, ((0, 0.4295), (0.2795, 0.4895), (0.3395, 0.4295), (1, 1), (0, 1), (-0.5705, 0.4295))),
        (forms.SECOND, ((0, 0.7), (0.2, 0.35), (0.2, 0.35), (0.75, 1), (0.1, 0.3), (-0.3, 0.7))),
        (forms.THIRD, ((0, 0.8), (0.5, 0.6), (0.5, 0.6), (0.8, 1), (0.545455, 0.636364), (-0.2, 0.8))),
    ],
    ids=BINARIES,
)
def test_the_numbers_themselves(one: forms.Binary, printed: tuple[tuple[float, float], ...]) -> None:
    found = [
        bound.pns(one.obs),
        bound.pns(rct=one.rct),
        bound.pns(one.obs, one.rct),
        bound.pn(one.obs, one.rct),
        bound.ps(one.obs, one.rct),
        bound.ate(one.obs),
    ]
    for ours, theirs in zip(found, printed, strict=True):
        assert (ours.lower, ours.upper) == pytest.approx(theirs, abs=EXACT)


@pytest.mark.parametrize("one", BINARIES.values(), ids=BINARIES)
def test_manski(one: forms.Binary) -> None:
    close(bound.ate(one.obs), forms.manski(one))


@pytest.mark.parametrize(
    ("table", "printed"),
    [
        (forms.LIPID, (0.392, 0.780)),
        (forms.FIRST_RANDOM, (-0.270295, 0.585851)),
        (forms.SECOND_RANDOM, (-0.346957, 0.424231)),
    ],
    ids=["lipid", "first", "second"],
)
def test_balke_pearl(table: list[list[list[float]]], printed: tuple[float, float]) -> None:
    found = bound.ate_by_instrument(table)
    close(found, forms.balke_pearl(table), PRINTED)  # the published cells are rounded to six decimals
    assert (found.lower, found.upper) == pytest.approx(printed, abs=PRINTED)


def test_the_instrumental_inequality_is_feasibility() -> None:
    broken = [[[0.9, 0.0], [0.1, 0.0]], [[0.0, 0.9], [0.0, 0.1]]]  # P(x=0, y=0 | z=0) + P(x=0, y=1 | z=1) > 1
    with pytest.raises(DataError, match="cannot give what table 1 alone says"):
        bound.ate_by_instrument(broken)


@pytest.mark.parametrize(
    ("name", "printed", "pooled"),
    [
        ("two", (0.10304, 0.39247), (0.05287, 0.43639)),
        ("three", (0.13517, 0.39947), (0.03565, 0.40451)),
    ],
)
def test_a_covariate_that_is_no_effect(name: str, printed: forms.Interval, pooled: forms.Interval) -> None:
    strata = forms.STRATA[name]
    scaled = [(weight, np.array(one.obs) / np.sum(one.obs), np.array(one.rct)) for weight, one in strata]
    found = bound.pns(
        obs=np.array([weight * obs for weight, obs, _ in scaled]), rct=np.array([rct for *_, rct in scaled])
    )
    assert (found.lower, found.upper) == pytest.approx(forms.mueller_li_pearl(strata), abs=2e-4)  # four-digit cells
    assert (found.lower, found.upper) == pytest.approx(printed, abs=2e-4)
    together = bound.pns(
        obs=sum(weight * obs for weight, obs, _ in scaled), rct=sum(weight * rct for weight, _, rct in scaled)
    )
    assert (together.lower, together.upper) == pytest.approx(pooled, abs=2e-4)
    assert together.lower is not None and found.lower is not None
    assert together.lower <= found.lower


DRUG = {"T": [1, 1, 0, 0] * 2, "G": ["f"] * 4 + ["m"] * 4, "S": [1, 0] * 4}
OBSERVED = umbel.Study({**DRUG, "n": [378, 1022, 420, 180, 980, 420, 420, 180]}, count="n")
TRIAL = umbel.Study({**DRUG, "n": [489, 511, 210, 790, 490, 510, 210, 790]}, count="n", do="T")
STUDIES = {"O": (OBSERVED,), "I": (TRIAL,), "O+I": (OBSERVED, TRIAL)}
WITH_GENDER = "G -> T -> S <- G; T <-> S"
WITHOUT = "T -> S; T <-> S"
TABLE = 1e-4

# Zaffalon et al. (2023), Table 1: females, males, everyone with gender in the model, and without it.
ROWS = {
    "O": ((0, 0.279), (0, 0.58), (0, 0.4295), (0, 0.4295)),
    "I": ((0.279, 0.489), (0.28, 0.49), (0.2795, 0.4895), (0.2795, 0.4895)),
    "O+I": ((0.279, 0.279), (0.490, 0.490), (0.3845, 0.3845), (0.3395, 0.4295)),
}


@pytest.mark.parametrize("data", ROWS)
def test_table_one_in_both_readings(data: str) -> None:
    asked = [
        (WITH_GENDER, 'PNS(T, S | G="f")'),
        (WITH_GENDER, 'PNS(T, S | G="m")'),
        (WITH_GENDER, "PNS(T, S)"),
        (WITHOUT, "PNS(T, S)"),
    ]
    for (graph, question), wanted in zip(asked, ROWS[data], strict=True):
        answer = umbel.solve(graph, question, *STUDIES[data])
        assert answer.verdict == "bounded"
        assert answer.bounds is not None
        assert answer.bounds.kind == "sharp"
        assert (answer.bounds.lower, answer.bounds.upper) == pytest.approx(wanted, abs=TABLE)
        assert answer.bounds.interval is not None
        low, high = answer.bounds.interval
        assert low is not None and high is not None
        assert low <= wanted[0] + TABLE and high >= wanted[1] - TABLE


def test_a_ratio_and_an_inequality_are_one_more_row_of_the_program() -> None:
    one = forms.SECOND
    table = Table(("A", "Y"), one.obs)
    monotone = bound.query("A -> Y; A <-> Y; assume monotone A -> Y", "PNS(A, Y)", table)
    declared = bound.query(
        "A -> Y; A <-> Y", "PNS(A, Y)", table, where=[bound.Inequality("P(Y[A=1]=0, Y[A=0]=1)", upper=0.0)]
    )
    assert (monotone.lower, monotone.upper) == pytest.approx((declared.lower, declared.upper), abs=EXACT)
    # Monotone: PNS is the effect, which is never negative and reaches the bound of the observed table.
    assert (monotone.lower, monotone.upper) == pytest.approx((0.0, one.xy + one.XY), abs=EXACT)
