"""Effects to be expected of one row, and the probabilities of its classes, through the question's own words."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.simulate.mixtures import MixtureDesign, design_b, design_c

GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = 2"
QUESTION = "E[Y | do(T=1), Z0, X1] - E[Y | do(T=0), Z0, X1]"
DESIGN = design_b()


def study(design: MixtureDesign, rows: int, seed: int) -> umbel.Study:
    drawn = design.rows(rows, rng=np.random.default_rng(seed))
    del drawn["U"]
    return umbel.Study(drawn)


def truth() -> np.ndarray:
    """P(u | Z0, X1) by ascending effect, shape (2, 2, k)."""
    law = DESIGN.joint.reshape(2, 2, 2, 2, 2, 2, 2).sum((1, 2, 4, 5))
    return np.asarray((law / law.sum(-1, keepdims=True))[..., np.argsort(DESIGN.effects)])


def test_every_value_of_the_proxies_has_its_row() -> None:
    answer = umbel.solve(GRAPH, QUESTION, study(DESIGN, 50_000, 0))
    chance, effects = truth(), np.sort(DESIGN.effects)
    assert answer.value is None and len(answer.rows()) == 4 + 8
    for row in answer.rows():
        at = dict(row.given)
        expected = chance[at["Z0"], at["X1"]]
        assert row.value is not None and row.se is not None
        if row.kind == "class":
            assert row.term == "P(U | Z0, X1)"
            assert row.value == pytest.approx(expected[int(at["U"]) - 1], abs=4.5 * row.se)
        else:
            assert row.term == QUESTION
            assert row.value == pytest.approx(expected @ effects, abs=4.5 * row.se)


def test_one_value_is_one_number() -> None:
    rows = study(DESIGN, 20_000, 1)
    whole = umbel.solve(GRAPH, QUESTION, rows)
    one = umbel.solve(GRAPH, "E[Y | do(T=1), X1=0, Z0=1] - E[Y | do(T=0), X1=0, Z0=1]", rows)
    (same,) = (row for row in whole.rows() if dict(row.given) == {"Z0": 1, "X1": 0})
    assert one.value == same.value and one.interval == (same.lower, same.upper)


def test_errors_are_those_of_repeated_samples() -> None:
    found = []
    for seed in range(40):
        answer = umbel.solve(GRAPH, QUESTION, study(DESIGN, 5000, 100 + seed))
        found.append([(row.value, row.se) for row in answer.rows()])
    values, errors = np.array(found)[..., 0], np.array(found)[..., 1]
    np.testing.assert_allclose(values.std(0, ddof=1), errors.mean(0), rtol=0.35)  # 40 draws know an sd to 11 %


def test_what_a_condition_may_not_be() -> None:
    refused = {
        "E[Y | do(T=1), Y2]": "is no proxy of U here",
        "E[Y | do(T=1), V]": "V is an effect of T",
    }
    graph = "U -> { Z X T Y }; Z -> T -> Y; T -> V; W -> Y2; classes U = 2"
    for question, why in refused.items():
        verdict = umbel.identify(graph, question)
        assert isinstance(verdict, umbel.Refused) and why in verdict.refusal.why
    strata = "U -> { Z X T Y }; { Z W } -> T -> Y; W -> { U Y }; classes U = 2"
    verdict = umbel.identify(strata, "E[Y | do(T=1), Z]")
    assert isinstance(verdict, umbel.Refused) and "Condition on W too" in verdict.refusal.advice
    assert umbel.identify(strata, "E[Y | do(T=1), Z, W]").verify()
    never = umbel.solve(GRAPH, "E[Y | do(T=1), Z0=7]", study(DESIGN, 2000, 0))
    assert never.refusal is not None and "Z0 is never 7" in never.refusal.why


def test_the_levels_are_tested_against_each_other() -> None:
    graph = "U -> { Z0 X0 T Y }; Z0 -> T -> Y; classes U = 2"
    for a, needed in ((0.0, False), (0.4, True)):
        answer = umbel.solve(graph, "MTE(T, Y | U)", study(design_c(a), 20_000, 3))
        (check,) = (one for one in answer.checks if one.name == "level 2 against level 3")
        assert check.value is not None and (check.value < 0.01) == needed
        assert ("are not needed" in check.advice) != needed
        (status,) = (one for one in answer.checks if one.name == "status")
        assert status.advice.startswith("ok")


def test_every_arm_has_its_row() -> None:
    rows = study(DESIGN, 20_000, 4)
    each = umbel.solve(GRAPH, "E[Y | do(T)]", rows)
    assert each.value is None and [row.given for row in each.rows()] == [(("T", 0),), (("T", 1),)]
    for row in each.rows():
        one = umbel.solve(GRAPH, f"E[Y | do(T={row.given[0][1]})]", rows)
        assert row.value == one.value and (row.lower, row.upper) == one.interval
    assert umbel.identify(GRAPH, "E[Y | do(T), Z0]").verify()
    beside = umbel.solve(GRAPH, "E[Y | do(T), Z0]", rows)
    effects = umbel.solve(GRAPH, "E[Y | do(T=1), Z0] - E[Y | do(T=0), Z0]", rows)
    assert [(row.term, row.given) for row in beside.rows() if row.kind == "class"] == [
        (row.term, row.given) for row in effects.rows() if row.kind == "class"
    ]
    value = {row.given: row.value for row in beside.rows() if row.kind == "estimate"}
    for row in effects.rows()[:2]:
        treated, control = value[("T", 1), row.given[0]], value[("T", 0), row.given[0]]
        assert treated is not None and control is not None
        assert row.value == pytest.approx(treated - control, abs=1e-9)
    # classes are named alike whatever is asked
    np.testing.assert_allclose(
        [row.value for row in beside.rows() if row.kind == "class"],
        [row.value for row in effects.rows() if row.kind == "class"],
        atol=1e-9,
    )


def test_new_rows_are_answered_in_their_order() -> None:
    answer = umbel.solve(GRAPH, QUESTION, study(DESIGN, 20_000, 6))
    new = {"Z0": [1, 0, 1], "X1": [0, 0, 0], "name": ["a", "b", "c"]}
    found = umbel.mixture.personal_answers(answer, new)
    held = {row.given: row for row in answer.rows()}
    for place, z in enumerate(new["Z0"]):
        row = (("Z0", z), ("X1", 0))
        one = held[row]
        assert found.effect[place] == one.value and found.error[place] == one.se
        assert tuple(found.interval[place]) == (one.lower, one.upper)
        chances = [held[*row, ("U", u)] for u in (1, 2)]
        assert found.posterior[place].tolist() == [chance.value for chance in chances]
        assert found.posterior_error[place].tolist() == [chance.se for chance in chances]
    other = umbel.Study({"z": [1, 0, 1], "x": [0, 0, 0]}, variables={"Z0": {"column": "z"}, "X1": {"column": "x"}})
    np.testing.assert_array_equal(umbel.mixture.personal_answers(answer, other).effect, found.effect)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ({"Z0": [1, 2], "X1": [0, 0]}, "Z0 is 2 in row 1 of data, and the rows that were fitted show 0, 1"),
        ({"Z0": [1, None], "X1": [0, 0]}, "Z0 is missing in row 1"),
        ({"Z0": ["high"], "X1": [0]}, "Z0 is 'high' in row 0"),
        ({"Z0": [1]}, "X1"),
    ],
)
def test_states_that_differ_are_named(new: dict[str, list[object]], message: str) -> None:
    answer = umbel.solve(GRAPH, QUESTION, study(DESIGN, 3000, 6))
    with pytest.raises(umbel.DataError, match=message):
        umbel.mixture.personal_answers(answer, new)


def test_other_answers_say_nothing_of_rows() -> None:
    answer = umbel.solve(GRAPH, "MTE(T, Y | U)", study(DESIGN, 3000, 6))
    with pytest.raises(umbel.DataError, match="nothing of single rows"):
        umbel.mixture.personal_answers(answer, {"Z0": [0], "X1": [0]})


def test_values_that_no_row_shows_together() -> None:
    """Both sides are independent given the class: the model answers where states never met."""
    rows = DESIGN.rows(100, rng=np.random.default_rng(7))
    seen = {name: column for name, column in rows.items() if name != "U"}
    names = ("Z0", "Z1", "X0", "X1")
    met = set(zip(*(seen[name].tolist() for name in names), strict=True))
    never = next(one for one in np.ndindex(2, 2, 2, 2) if one not in met)
    free = "E[Y | do(T=1), Z0, Z1, X0, X1] - E[Y | do(T=0), Z0, Z1, X0, X1]"
    told = ", ".join(f"{name}={value}" for name, value in zip(names, never, strict=True))
    every = umbel.solve(GRAPH, free, umbel.Study(seen))
    assert len([row for row in every.rows() if row.kind == "estimate"]) == len(met)
    new = {name: [value] for name, value in zip(names, never, strict=True)}
    with pytest.raises(umbel.DataError, match=f"Row 0 of data has {told}, which no row that was fitted shows together"):
        umbel.mixture.personal_answers(every, new)
    alone = umbel.solve(GRAPH, free.replace(", ".join(names), told), umbel.Study(seen))
    assert alone.value is not None and alone.interval is not None
    assert umbel.mixture.personal_answers(alone, new).effect.tolist() == [alone.value]
    chance = DESIGN.classes * DESIGN.z[2 * never[0] + never[1]] * DESIGN.x[2 * never[2] + never[3]]
    expected = float(chance @ DESIGN.effects / chance.sum())
    assert alone.estimate is not None and abs(alone.value - expected) < 4.5 * (alone.estimate.se or 0.0)


def test_pieces_are_no_numbers() -> None:
    """A proxy that was cut at its quantiles has pieces in words, so that 2 is no third piece in silence."""
    rows = DESIGN.rows(6000, rng=np.random.default_rng(8))
    u = rows.pop("U")
    real = dict(rows) | {"X1": 2 * u + np.random.default_rng(9).normal(size=6000)}
    whole = umbel.solve(GRAPH, QUESTION, umbel.Study(real))
    words = {str(dict(row.given)["X1"]) for row in whole.rows()}
    assert len(words) == 4 and sum(word.startswith("below ") for word in words) == 1
    one = umbel.solve(GRAPH, "E[Y | do(T=1), Z0=1, X1=2]", umbel.Study(real))
    assert one.refusal is not None and "X1 is never 2" in one.refusal.why
    with pytest.raises(umbel.DataError, match="X1 is 2 in row 0"):
        umbel.mixture.personal_answers(whole, {"Z0": [1.0], "X1": [2.0]})


def test_level_one_is_named_for_what_it_is() -> None:
    verdict = umbel.identify(GRAPH, QUESTION)
    assert verdict.identified and verdict.remarks[0].startswith("Level 3 of 4, mixture of treatment effects")
    assert "Level 1, effect given covariates" in verdict.remarks[1] and "P(U | Z0, X1)" in verdict.remarks[1]
    plain = umbel.identify(GRAPH, "MTE(T, Y | U)")
    assert plain.identified and len(plain.remarks) == 1
