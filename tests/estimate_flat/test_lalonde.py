"""The lalonde tables: the trial's answer, and honest ones without its controls."""

from __future__ import annotations

import csv

import causaldata
import numpy as np
import pyarrow.parquet as pq
import pytest

from umbel.gallery.catalogue import find
from umbel.gallery.example import DATA
from umbel.pipeline.files import solve_problem
from umbel.results.answer import Answer

TRIAL = 1794.34  # Dehejia and Wahba (1999), Table 3: the difference of means, 1,794 dollars
ERROR = 670.99  # each arm's own variance; the paper's 633 pools them
COLUMNS = ("treat", "age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "re78")


def solved(name: str) -> Answer:
    (answer,) = solve_problem(find(name).problem())
    assert answer.verdict == "identified"
    assert answer.estimate is not None
    assert answer.estimate.method == "aipw"
    return answer


def test_the_trial_gives_the_published_difference() -> None:
    answer = solved("lalonde-trial")
    assert answer.estimate is not None
    assert answer.value == pytest.approx(TRIAL, abs=0.01)
    assert answer.estimate.se == pytest.approx(ERROR, rel=2e-3)


def test_of_the_trainees_the_survey_says_what_the_trial_says() -> None:
    answer = solved("lalonde-cps")
    assert answer.interval is not None
    assert answer.interval[0] < TRIAL < answer.interval[1]
    (check,) = (one for one in answer.checks if one.name.startswith("overlap"))
    assert check.name == "overlap: treat = 0 for those with treat = 1"
    assert check.passed
    assert "15,992 rows as set count as" in check.advice


def test_of_everyone_the_answer_says_that_it_extrapolates() -> None:
    answer = solved("lalonde-cps-everyone")
    check = next(one for one in answer.checks if one.name == "overlap: treat = 1")
    assert not check.passed
    assert check.value is not None
    assert check.value > 0.8
    assert "185 rows as set count as" in check.advice
    assert abs((answer.value or 0.0) - TRIAL) > 2000.0


def test_the_tables_are_those_of_the_package() -> None:
    trial, survey = (getattr(causaldata, name).load_pandas().data for name in ("nsw_mixtape", "cps_mixtape"))
    with (DATA / "lalonde_trial.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    both = pq.read_table(DATA / "lalonde_cps.parquet")
    trained = trial[trial["treat"] == 1]
    for name in COLUMNS:
        assert [float(row[name]) for row in rows] == pytest.approx(list(trial[name]), rel=1e-6)
        mine = np.sort(both[name].to_numpy())
        theirs = np.sort(np.concatenate([trained[name], survey[name]]))
        assert mine == pytest.approx(theirs, rel=1e-6)
