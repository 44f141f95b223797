"""A law without a number of rows has no interval: bounds take it as it is, exactly; estimates refuse it by name.

A law times a number, whole or not, is that of so many rows where cells are read; estimators that draw rows refuse it.

Laws inside units are another matter: they are taken as known, and the interval comes from the units.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import umbel
from umbel.errors import DataError
from umbel.simulate.mixtures import design_main

CELLS = {"A": np.array([0, 0, 1, 1]), "Y": np.array([0, 1, 0, 1])}
LAW = np.array([0.4, 0.2, 0.1, 0.3])
FLAT, BOW = "A -> Y", "A -> Y; A <-> Y"
SCHOOLS = "plate pupil { A -> Y }; latent U; U -> { A Y }"
CLASSES = "classes U = 2; U -> { X Z T Y }; T -> Y"
TOTAL = "S = sum(A, B); A -> Y; B -> Y"


def mixture() -> dict[str, np.ndarray]:
    grid = np.indices((2, 2, 2, 2)).reshape(4, 16)
    return dict(zip(("X", "Z", "T", "Y"), grid, strict=True))


def study(counts: np.ndarray, road: str, home: Path | None = None) -> umbel.Study:
    cells = {**CELLS, "B": np.array([0, 1, 1, 0]), "n": counts}
    if road == SCHOOLS:
        cells = {name: np.tile(values, 8) for name, values in cells.items()}
        cells |= {"school": np.repeat(np.arange(8), 4), "n": cells["n"] / (8.0 if counts.sum() < 2 else 1.0)}
    if road == CLASSES:
        cells = mixture() | {"n": np.concatenate([counts, counts, counts, counts]) / (4.0 if counts.sum() < 2 else 1.0)}
    if home is not None:
        pq.write_table(pa.table(cells), home)
    return umbel.Study(cells if home is None else home, count="n", unit="school" if road == SCHOOLS else None)


ROADS = [
    (FLAT, "P(Y=1 | do(A=1))"),
    (CLASSES, "MTE(T, Y | U)"),
    (TOTAL, "E[Y | do(S=1 by shift(A))]"),
]


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize(("road", "question"), ROADS)
def test_estimates_refuse_a_law(road: str, question: str, file: bool, tmp_path: Path) -> None:
    home = tmp_path / "cells.parquet" if file else None
    with pytest.raises(DataError, match=r"it is a law, and without a number of rows .*evaluate"):
        umbel.solve(road, question, study(LAW, road, home))
    answer = umbel.solve(road, question, study(100 * LAW, road, home))
    assert answer.data or answer.refusal is not None


@pytest.mark.parametrize(("road", "question"), [(FLAT, "P(Y=1 | do(A=1))"), (TOTAL, "E[Y | do(S=1 by shift(A))]")])
def test_estimators_that_draw_rows_refuse_fractions(road: str, question: str) -> None:
    with pytest.raises(DataError, match="counts rows and is no whole number somewhere, and this estimator draws rows"):
        umbel.solve(road, question, study(100 * LAW + 0.5, road))


@pytest.mark.parametrize("file", [False, True])
def test_fractions_leave_the_number_and_doubt_the_interval(file: bool, tmp_path: Path) -> None:
    """Classes and bounds read the law: it may be given times any number, which is then taken for that of rows."""
    design = design_main(1.0)
    grid = np.indices(design.law.shape).reshape(4, -1)
    cells = {**dict(zip(("Z", "X", "Y", "T"), grid, strict=True)), "n": 1e6 / 3 * design.law.ravel()}
    if file:
        pq.write_table(pa.table(cells), tmp_path / "cells.parquet")
    rows = umbel.Study(tmp_path / "cells.parquet" if file else cells, count="n")
    answer = umbel.solve("U -> { X Z T Y }; Z -> T -> Y; classes U = 2", "MTE(T, Y | U)", rows)
    assert answer.classes is not None
    assert [one.effect for one in answer.classes] == pytest.approx([-0.75, 0.75], abs=1e-10)
    (doubt,) = (check for check in answer.checks if check.name == "whole counts")
    assert not doubt.passed and doubt.value == pytest.approx(1e6 / 3)
    assert "its sum for the number of rows" in doubt.advice


def test_bounds_take_a_law_exactly_and_doubt_fractions() -> None:
    found = umbel.solve(BOW, "P(Y=1 | do(A=1))", study(LAW, BOW)).bounds
    assert found is not None
    assert (found.lower, found.upper, found.interval) == (pytest.approx(0.3), pytest.approx(0.9), None)
    answer = umbel.solve(BOW, "P(Y=1 | do(A=1))", study(100.5 * LAW, BOW))
    assert answer.bounds is not None and answer.bounds.interval is not None
    assert (answer.bounds.lower, answer.bounds.upper) == (pytest.approx(0.3), pytest.approx(0.9))
    assert [check.name for check in answer.checks if not check.passed] == ["whole counts"]


def test_the_law_that_is_refused_is_answered_by_the_estimand() -> None:
    verdict = umbel.identify(FLAT, "P(Y | do(A))")
    assert verdict.identified
    found = verdict.estimand.evaluate(umbel.Table(("A", "Y"), LAW.reshape(2, 2)))
    assert found.array[1, 1] == pytest.approx(0.75)


def test_counted_rows_are_told_as_so_many() -> None:
    answer = umbel.solve(SCHOOLS, "E[Y | do(A=1)]", study(100 * LAW, SCHOOLS))
    assert answer.data[-1].rows == 800


def test_shares_inside_units_are_their_laws() -> None:
    shares, counts = (umbel.solve(SCHOOLS, "E[Y | do(A=1)]", study(one * LAW, SCHOOLS)) for one in (1.0, 100.0))
    assert shares.value == pytest.approx(counts.value)
    assert shares.estimate is not None
