"""Eight schools from published summaries: numbers, rows, matching of figure and estimand."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.data.study import Study
from umbel.data.summaries import read_summary
from umbel.errors import DataError
from umbel.estimate.estimator import Estimated, Supported, Target
from umbel.estimate.summaries import NormalHierarchy
from umbel.estimate.within import matching_factor
from umbel.expr.build import linear, product, total
from umbel.expr.nodes import AtState, Expr, Held, Inside, Law, NumericValue, Probability, Raw, Symbol
from umbel.model.query import Question
from umbel.results.step import Refusal

EFFECTS = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
ERRORS = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]
SCHOOLS = {"school": list("ABCDEFGH"), "effect": EFFECTS, "se": ERRORS}
OF = "E[Y | A=1] - E[Y | A=0]"

A, Y, X = (Raw(name, ("student",)) for name in "AYX")
INNER = Law((Y,), (A,), ("student",), Probability((Symbol(Y),), (Symbol(A),), ("student",)))


def mean_at(state: int, law: Law = INNER, weight: float = 1.0) -> tuple[float, Expr]:
    """∫ P(Q[Y|A]) Σ_y y Q(y | A=state): the average over units of E[Y | A=state] (Eq. 38)."""
    held = Held(Symbol(A), AtState(state))
    inside = total((Symbol(Y),), product((NumericValue(Symbol(Y)), Inside(Symbol(law), (Symbol(Y),), (held,)))))
    return weight, total((Symbol(law),), product((Probability((Symbol(law),), (), ()), inside)))


EFFECT = Target("E[Y | do(A=1)] - E[Y | do(A=0)]", linear((mean_at(1), mean_at(0, weight=-1.0))))


def study(of: str = OF, **columns: object) -> Study:
    table = {**SCHOOLS, **columns}
    return Study(units=table, unit="school", summaries=({"of": of, "value": "effect", "se": "se"},))


def estimated(method: NormalHierarchy, target: Target = EFFECT, at: Study | None = None) -> Estimated:
    found = method.estimate(target, at or study(), rng=np.random.default_rng(0))
    assert isinstance(found, Estimated)
    return found


def test_eight_schools() -> None:
    """Appendix L.1 with the paper's priors; 5 % and 95 % are the ends of a 90 % interval."""
    found = estimated(NormalHierarchy(location=5.0, scale=5.0, level=0.9))
    assert found.estimate.value == pytest.approx(4.397, abs=0.001)
    assert found.estimate.se == pytest.approx(3.318, abs=0.001)
    assert found.estimate.interval == pytest.approx((-1.083, 9.817), abs=0.001)
    assert found.units == 8
    assert all(found.checks)


def test_rows_are_named() -> None:
    rows = estimated(NormalHierarchy(location=5.0, scale=5.0)).rows
    assert [row.term for row in rows[:2]] == [EFFECT.term, f"{EFFECT.term}, in a new school"]
    assert [row.given for row in rows[2:]] == [(("school", label),) for label in "ABCDEFGH"]
    assert rows[1].value == pytest.approx(rows[0].value)
    assert rows[1].se > rows[0].se
    assert rows[2].value == pytest.approx(6.212, abs=0.001)  # school A, pulled from 28 towards the others


@pytest.mark.parametrize("location", [None, 5.0])
def test_ten_times_the_data_is_ten_times_the_answer(location: float | None) -> None:
    factor = 10.0
    priors = (None, None) if location is None else (location, 5.0)
    scaled = (None, None) if location is None else (factor * location, factor * 5.0)
    one = estimated(NormalHierarchy(*priors))
    ten = estimated(
        NormalHierarchy(*scaled), at=study(effect=[factor * x for x in EFFECTS], se=[factor * x for x in ERRORS])
    )
    for low, high in zip(one.rows, ten.rows, strict=True):
        for name in ("value", "se", "lower", "upper"):
            assert getattr(high, name) == pytest.approx(factor * getattr(low, name), rel=1e-9)


def test_default_priors_are_named_with_their_origin() -> None:
    words = " ".join(estimated(NormalHierarchy()).assumptions)
    assert "(from the data)" in words and "HalfCauchy(" in words
    assert "(from the data)" not in " ".join(estimated(NormalHierarchy(location=5.0, scale=5.0)).assumptions)


def test_one_unit_has_no_predictive_sd() -> None:
    found = estimated(NormalHierarchy(location=5.0, scale=5.0), at=study(school=["A"], effect=[28.0], se=[15.0]))
    assert found.rows[1].se is None
    assert found.rows[1].lower < found.rows[0].value < found.rows[1].upper


@pytest.mark.parametrize(
    ("of", "factor"),
    [
        (OF, 1.0),
        ("E[Y | A=0] - E[Y | A=1]", -1.0),
        ("2*E[Y | A=1] - 2*E[Y | A=0]", 0.5),
        ("E[Y | A=1]", None),
        ("E[Y]", None),
        ("E[A | Y=1] - E[A | Y=0]", None),
        ("P(Y=1 | A=1) - P(Y=1 | A=0)", None),
    ],
)
def test_matching_up_to_a_factor(of: str, factor: float | None) -> None:
    found = matching_factor(EFFECT, Question.parse(of))
    if factor is None:
        assert isinstance(found, Refusal)
        assert of in found.why
    else:
        assert found == pytest.approx(factor)


def test_a_factor_scales_the_answer() -> None:
    half = estimated(NormalHierarchy(location=5.0, scale=5.0), at=study("2*E[Y | A=1] - 2*E[Y | A=0]"))
    plain = estimated(
        NormalHierarchy(location=5.0, scale=5.0),
        at=study(effect=[x / 2 for x in EFFECTS], se=[x / 2 for x in ERRORS]),
    )
    assert half.estimate.value == pytest.approx(plain.estimate.value, rel=1e-12)


def test_an_estimand_that_reads_more_is_refused() -> None:
    """Eq. (38) holds with X hidden; with X observed the estimand reads it, and the summary does not."""
    wider = Law((Y,), (A, X), ("student",), Probability((Symbol(Y),), (Symbol(A), Symbol(X)), ("student",)))
    target = Target("effect", linear((mean_at(1, wider), mean_at(0, wider, -1.0))))
    found = NormalHierarchy().supports(target, study())
    assert isinstance(found, Refusal)
    assert "reads X" in found.why
    assert isinstance(NormalHierarchy().supports(EFFECT, study()), Supported)


def test_a_question_with_a_row_per_value_is_refused() -> None:
    law = Inside(Symbol(INNER), (Symbol(Y),), (Symbol(A),))
    inside = total((Symbol(Y),), product((NumericValue(Symbol(Y)), law)))
    expr = total((Symbol(INNER),), product((Probability((Symbol(INNER),), (), ()), inside)))
    found = NormalHierarchy().supports(Target("E[Y | do(A)]", expr), study())
    assert isinstance(found, Refusal)
    assert "one row per value" in found.why


def test_a_study_of_rows_is_refused() -> None:
    rows = Study({"A": [0, 1], "Y": [1.0, 2.0]})
    assert isinstance(NormalHierarchy().supports(EFFECT, rows), Refusal)
    assert isinstance(NormalHierarchy().estimate(EFFECT, rows, rng=np.random.default_rng(0)), Refusal)


@pytest.mark.parametrize(
    "of", ["E[Y | do(A=1)]", "PNS(A, Y)", "P(Y | A=1)", "E[Y | A]", "E[Y[A=1]]", "max[k] E[Y | do(A ~ Bernoulli(k))]"]
)
def test_a_figure_that_cannot_be_read_inside_a_unit(of: str) -> None:
    with pytest.raises(DataError, match=r"inside each unit|summary"):
        matching_factor(EFFECT, Question.parse(of))


def test_units_without_a_figure_are_left_out_and_counted() -> None:
    at = study(effect=[28.0, None, float("nan"), *EFFECTS[3:]])
    data = read_summary(at, at.summaries[0])
    assert data.labels == tuple("ADEFGH")
    assert not data.checks[0].passed
    assert data.checks[0].value == 2.0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"se": [0.0, *ERRORS[1:]]}, "standard error of A .* is 0"),
        ({"se": [-1.0, *ERRORS[1:]]}, "Standard errors are positive"),
        ({"effect": ["28", "x", *map(str, EFFECTS[2:])]}, "holds 'x', which is no number"),
        ({"effect": [float("inf"), *EFFECTS[1:]]}, "infinite in row 1"),
        ({"effect": [None] * 8}, "No row of units"),
        ({"school": list("AACDEFGH")}, "two rows of unit 'A'"),
    ],
)
def test_wrong_figures(columns: dict[str, object], message: str) -> None:
    at = study(**columns)
    with pytest.raises(DataError, match=message):
        read_summary(at, at.summaries[0])


def test_counts_become_shares() -> None:
    at = Study(
        units={**SCHOOLS, "controls": [22.0] * 8, "treated": [28.0] * 8},
        unit="school",
        summaries=({"of": OF, "value": "effect", "se": "se"},),
        counts={"A": ["controls", "treated"]},
    )
    (name, shares), *_ = read_summary(at, at.summaries[0]).shares
    assert name == "A"
    np.testing.assert_allclose(shares, [[0.44, 0.56]] * 8)
