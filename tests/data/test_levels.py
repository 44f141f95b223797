"""Outer levels: keys that join, variables at their level, and every contradiction named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from umbel.data.nested import Nested, Wanted, collect
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.results.check import Check
from umbel.variable import Domain

PUPILS = {
    "school": ["x", "x", "y", "y", "z", "z"],
    "A": [0, 1, 0, 1, 1, 1],
    "Y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "size": [10, 10, 20, 20, 30, 30],
}
SCHOOLS = {"school": ["z", "x", "y"], "Z": [1, 0, 1], "W": [0.5, 2.0, 1.0]}
WANTED = [Wanted("A", 1), Wanted("Y", 1)]
REQUEST = [Request(("A",), ("Y",))]


def doubts(found: Nested) -> dict[str, Check]:
    return {check.name: check for check in found.checks if not check.passed}


def test_a_unit_variable_from_its_own_table_is_aligned_by_key() -> None:
    found = collect(Study(PUPILS, units=SCHOOLS, unit="school"), [*WANTED, Wanted("Z", 0)], REQUEST)
    assert found.keys == (("x",), ("y",), ("z",))
    assert found.columns["Z"].values.tolist() == [0.0, 1.0, 1.0]
    assert not doubts(found)


def test_a_unit_variable_from_a_joined_table() -> None:
    found = collect(Study(PUPILS, unit="school"), [*WANTED, Wanted("size", 0)], REQUEST)
    assert found.columns["size"].values.tolist() == [10.0, 20.0, 30.0]


def test_a_joined_variable_may_have_holes_but_not_two_values() -> None:
    holes = {**PUPILS, "size": [None, 10, 20, None, 30, 30]}
    found = collect(Study(holes, unit="school"), [*WANTED, Wanted("size", 0)], REQUEST)
    assert found.columns["size"].values.tolist() == [10.0, 20.0, 30.0]
    varies = {**PUPILS, "size": [10, 11, 20, 20, 30, 30]}
    with pytest.raises(DataError, match=r"'size' of data varies within school 'x' \(10, 11\)"):
        collect(Study(varies, unit="school"), [*WANTED, Wanted("size", 0)], REQUEST)


def test_unit_weights() -> None:
    study = Study(PUPILS, units=SCHOOLS, unit="school", unit_weight="W")
    assert collect(study, WANTED, REQUEST).unit_weights.tolist() == [2.0, 1.0, 0.5]
    wrong = Study(PUPILS, units={**SCHOOLS, "W": [1, -1, 1]}, unit="school", unit_weight="W")
    with pytest.raises(DataError, match="not all numbers >= 0"):
        collect(wrong, WANTED, REQUEST)


def test_units_without_rows_and_units_with_holes_are_counted() -> None:
    schools = {"school": ["z", "x", "y", "empty"], "Z": [1, None, 1, 0]}
    found = collect(Study(PUPILS, units=schools, unit="school"), [*WANTED, Wanted("Z", 0)], REQUEST)
    assert found.keys == (("y",), ("z",))
    assert found.columns["Z"].values.tolist() == [1.0, 1.0]
    assert found.cells[0].counts.tolist() == [[1.0, 1.0], [0.0, 2.0]]
    assert doubts(found)["units have rows"].value == 1.0
    assert doubts(found)["complete units"].value == 1.0


CONTRADICTIONS = {
    "orphans": ({"school": ["x", "y"], "Z": [1, 0]}, r"1 of 3 units of data have no row in units: z"),
    "two rows": ({"school": ["x", "y", "z", "x"], "Z": [1, 0, 1, 1]}, "two rows of school 'x'"),
    "no key": ({"school": ["x", "y", None], "Z": [1, 0, 1]}, "no 'school' in row 3"),
    "kinds": ({"school": [1, 2, 3], "Z": [1, 0, 1]}, "'school' is text in data and numbers in units"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_keys_that_do_not_join(case: str) -> None:
    schools, message = CONTRADICTIONS[case]
    study = Study(PUPILS, units=schools, unit="school")
    with pytest.raises(DataError, match=message) as caught:
        collect(study, [*WANTED, Wanted("Z", 0)], REQUEST)
    assert "\n" not in str(caught.value)


def test_keys_join_across_integers_and_integral_floats() -> None:
    pupils = {"school": [1.0, 2.0, float("nan")], "A": [0, 1, 1], "Y": [1.0, 2.0, 3.0]}
    found = collect(
        Study(pupils, units={"school": [2, 1], "Z": [0, 1]}, unit="school"), [*WANTED, Wanted("Z", 0)], REQUEST
    )
    assert found.keys == ((1,), (2,))
    assert found.columns["Z"].values.tolist() == [1.0, 0.0]
    assert doubts(found)["complete rows"].value == 1.0


def three_levels(classes: list[object]) -> Study:
    rows = {
        "school": ["x", "x", "x", "x", "y", "y"],
        "class": classes,
        "A": [0, 1, 0, 1, 0, 1],
        "Y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
    keys = sorted(set(zip(rows["school"], classes, strict=True)))
    table = {"school": [s for s, _ in keys], "class": [c for _, c in keys], "teacher": list(range(len(keys)))}
    units = {"school": {"school": ["y", "x"], "Z": [5, 7]}, "class": table}
    return Study(rows, units=units, unit=["school", "class"])


def test_three_levels() -> None:
    wanted = [Wanted("A", 2), Wanted("Y", 2), Wanted("teacher", 1), Wanted("Z", 0)]
    found = collect(three_levels([1, 1, 2, 2, 1, 1]), wanted, REQUEST)
    assert found.keys == (("x", 1), ("x", 2), ("y", 1))
    assert [level.tolist() for level in found.levels] == [[0, 0, 1], [0, 1, 2]]
    assert found.columns["teacher"].values.tolist() == [0.0, 1.0, 2.0]
    assert found.columns["Z"].values.tolist() == [7.0, 5.0]
    assert not doubts(found)


def test_levels_that_may_cross_are_a_doubt() -> None:
    rows = {"school": ["x", "x", "x", "y", "y", "y"], "class": ["a", "b", "c", "c", "d", "e"], "A": [0, 1] * 3}
    found = collect(Study(rows, unit=["school", "class"]), [Wanted("A", 2)], [Request(("A",))])
    assert "levels cross" in doubts(found)["levels nest"].advice


def test_too_few_keys() -> None:
    with pytest.raises(DataError, match=r"inside 1 plate and the study names no key column. Give unit ="):
        collect(Study(PUPILS), WANTED, REQUEST)


def test_a_subunit_variable_must_stand_in_the_rows() -> None:
    study = Study(PUPILS, units=SCHOOLS, unit="school")
    with pytest.raises(DataError, match="data has no column 'Z'"):
        collect(study, [*WANTED, Wanted("Z", 1)], [Request(("Z",))])
    with pytest.raises(DataError, match="No table of its level has the column 'Q'"):
        collect(study, [*WANTED, Wanted("Q", 0)], REQUEST)


def test_undeclared_states_are_errors_and_unseen_ones_doubts() -> None:
    study = Study(PUPILS, unit="school")
    with pytest.raises(DataError, match="holds 1, which is none of its states: 0, 2"):
        collect(study, [Wanted("A", 1, Domain((0, 2)))], [Request(("A",))])
    found = collect(study, [Wanted("A", 1, Domain((0, 1, 2)))], [Request(("A",))])
    assert "A = 2" in doubts(found)["states seen"].advice
    labelled = Study({**PUPILS, "A": ["no", "yes", "no", "yes", "yes", "yes"]}, unit="school")
    with pytest.raises(DataError, match="holds 'no', which is none of its states: 0, 1"):
        collect(labelled, [Wanted("A", 1, Domain((0, 1)))], [Request(("A",))])


@pytest.mark.parametrize(("code", "suspected"), [(-9.0, True), (999.0, True), (9.0, True), (7.0, False), (99.0, True)])
def test_suspected_codes_among_numbers(code: float, suspected: bool) -> None:
    study = Study({**PUPILS, "Y": [1.0, 2.0, 3.0, 4.0, 5.0, code]}, unit="school")
    found = collect(study, WANTED, REQUEST)
    assert ("missing codes" in doubts(found)) is suspected
    declared = Study(
        {**PUPILS, "Y": [1.0, 2.0, 3.0, 4.0, 5.0, code]}, unit="school", variables={"Y": {"missing": [code]}}
    )
    after = doubts(collect(declared, WANTED, REQUEST))
    assert "missing codes" not in after and after["complete rows"].value == 1.0


def test_a_code_inside_the_range_is_no_suspect() -> None:
    study = Study({**PUPILS, "Y": [1.0, 2.0, 9.0, 4.0, 15.0, 99.0]}, unit="school")
    assert (
        doubts(collect(Study({**PUPILS, "Y": [1.0, 2.0, 9.0, 4.0, 15.0, 6.0]}, unit="school"), WANTED, REQUEST)) == {}
    )
    assert "missing codes" in doubts(collect(study, WANTED, REQUEST))


@pytest.mark.parametrize("state", ["NA", "?", "missing", -9])
def test_suspected_codes_among_states(state: object) -> None:
    values = [0, 1, 0, 1, 1, state] if isinstance(state, int) else ["no", "yes", "no", "yes", "yes", state]
    found = collect(Study({**PUPILS, "A": values}, unit="school"), WANTED, REQUEST)
    assert "missing" in doubts(found)["missing codes"].advice


WRONG_ROWS = {
    "text": ({"Y": ["1", "2", "x", "4", "5", "6"]}, r"'Y' of data holds 'x', which is no number.*missing = \[\"x\"\]"),
    "infinite": ({"Y": [1.0, 2.0, float("inf"), 4.0, 5.0, 6.0]}, "holds an infinity"),
    "huge": ({"Y": [1e200, -1e200, 1e200, 4.0, 5.0, 6.0]}, "squares are infinite"),
    "all missing": ({"Y": [None] * 6}, "data has no row complete in"),
    "dates": ({"Y": list(np.array(["2020-01-01"] * 6, dtype="datetime64[D]").tolist())}, "numbers are needed"),
}


@pytest.mark.parametrize("case", WRONG_ROWS)
@pytest.mark.parametrize("home", ["frame", "csv"])
def test_wrong_rows(case: str, home: str, tmp_path: Path) -> None:
    columns, message = WRONG_ROWS[case]
    raw = {**PUPILS, **columns}
    data: object = raw
    if home == "csv":
        data = tmp_path / "data.csv"
        names = list(raw)
        lines = [",".join(names)] + [
            ",".join("" if x is None else str(x) for x in row) for row in zip(*raw.values(), strict=True)
        ]
        data.write_text("\n".join(lines) + "\n")
        message = message.replace("data", "data.csv")
    with pytest.raises(DataError, match=message) as caught:
        collect(Study(data, unit="school"), WANTED, REQUEST)
    assert "\n" not in str(caught.value)


def test_negative_weights() -> None:
    with pytest.raises(DataError, match="weighs rows and is -1"):
        collect(Study({**PUPILS, "n": [1, 1, -1, 1, 1, 1]}, unit="school", count="n"), WANTED, REQUEST)


def test_no_rows() -> None:
    empty = {name: np.array([], dtype=float) for name in ("school", "A", "Y")}
    with pytest.raises(DataError, match="data is empty"):
        collect(Study(empty, unit="school"), WANTED, REQUEST)
