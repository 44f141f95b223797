"""The gallery's mixtures: tables that a seed gives again, and answers that meet what is known of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import pytest

from benchmarks.mixture_tables import TABLES, design_table, insurance_table, school_tables
from umbel.gallery.catalogue import find
from umbel.gallery.example import DATA
from umbel.pipeline.files import solve_problem
from umbel.results.answer import Answer


def table(name: str) -> list[list[str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.reader(file))


def as_words(rows: Sequence[Sequence[int]]) -> list[list[str]]:
    return [[str(value) for value in row] for row in rows]


def solved(name: str) -> Answer:
    return solve_problem(find(name).problem())[0]


@pytest.mark.parametrize(("name", "design", "names"), TABLES, ids=[name for name, _, _ in TABLES])
def test_tables_are_draws_of_the_designs(name: str, design: object, names: tuple[str, ...]) -> None:
    header, cells = design_table(design, names)  # type: ignore[arg-type]
    assert table(name) == [header, *as_words(cells)]


def test_schools_are_a_draw_of_the_model() -> None:
    pupils, units = school_tables()
    assert table("kinds_of_schools_pupils.csv")[1:] == as_words(pupils)
    assert table("kinds_of_schools.csv")[1:] == as_words(units)


def test_the_insurance_table_is_that_of_statsmodels() -> None:
    pytest.importorskip("statsmodels")
    assert table("insurance.csv")[1:] == as_words(insurance_table())


CLASSES = [
    ("classes-main", (-0.75, 0.75)),
    ("classes-close", (0.1, 0.3)),
    ("classes-opposite", (-0.3, 0.5)),
    ("classes-transition", (0.2, 0.5)),
    ("classes-three", (-0.5, 0.15, 0.7)),
]


@pytest.mark.parametrize(("name", "effects"), CLASSES, ids=[name for name, _ in CLASSES])
def test_designs_are_recovered(name: str, effects: tuple[float, ...]) -> None:
    answer = solved(name)
    assert answer.estimand is not None and answer.estimand.text == find(name).formula
    assert answer.classes is not None
    for one, effect in zip(answer.classes, effects, strict=True):
        assert one.interval is not None and one.interval[0] is not None and one.interval[1] is not None
        half = (one.interval[1] - one.interval[0]) / 2
        assert one.effect == pytest.approx(effect, abs=1.7 * half)


def test_kinds_of_schools() -> None:
    answer = solved("kinds-of-schools")
    assert answer.estimand is not None and answer.estimand.text == find("kinds-of-schools").formula
    assert answer.interval is not None and answer.interval[0] is not None and answer.interval[1] is not None
    assert answer.interval[0] < 0.183 < answer.interval[1] < 0.337
    assert answer.interval[0] > 0.09


def test_insurance_agrees_with_the_experiment_on_average_and_has_no_classes() -> None:
    average = solved("insurance-average")
    assert average.value == pytest.approx(-0.0804, abs=5e-5)
    assert average.estimate is not None and average.estimate.method == "bridge"
    classes = solved("insurance-classes")
    assert classes.classes is None and classes.refusal is not None
    assert "likelihood ratio 555.6 on 26 degrees of freedom" in classes.refusal.why
