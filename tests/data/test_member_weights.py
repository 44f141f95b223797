"""Sampling weights of members say whom each speaks for; how many members a unit shows is another matter."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.data.levels import Wanted
from umbel.data.nested import collect
from umbel.data.statistics import Request
from umbel.data.study import Study

SPILL = "plate pupil { A Y }; latent U; U -> { A Y }; A -> { Y Z }; Z -> Y"
EFFECT = "E[Y | do(A ~ Bernoulli(0.7))] - E[Y | do(A ~ Bernoulli(0.3))]"


def schools(weight: float) -> tuple[dict[str, list[float]], dict[str, list[int]]]:
    """Six pupils in each of 200 schools, all of one weight; a school's share of treated moves its Z."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[float]] = {"s": [], "A": [], "Y": [], "w": []}
    z = []
    for school in range(200):
        treated = rng.random(6) < 1 / (1 + np.exp(-rng.normal()))
        z.append(int(rng.random() < treated.mean()))
        rows["s"] += [school] * 6
        rows["A"] += treated.astype(int).tolist()
        rows["Y"] += (rng.random(6) < 0.2 + 0.3 * treated + 0.4 * z[-1]).astype(int).tolist()
        rows["w"] += [weight] * 6
    return rows, {"s": list(range(200)), "Z": z}


def test_the_scale_of_weights_is_no_number_of_members() -> None:
    """Six pupils who stand for thousands are six: their school's share is known no better."""
    rows, units = schools(1.0)
    plain = umbel.solve(SPILL, EFFECT, Study(rows, units=units, unit="s"))
    assert plain.value is not None
    for weight in (0.001, 2.5, 1000.0):
        rows, units = schools(weight)
        found = umbel.solve(SPILL, EFFECT, Study(rows, units=units, unit="s", weight="w"))
        assert found.value == pytest.approx(plain.value, abs=1e-9)
        assert [(one.name, one.passed) for one in found.checks] == [(one.name, one.passed) for one in plain.checks]


def test_a_unit_counts_as_the_rows_that_would_tell_as_much() -> None:
    rows = {"s": [1, 1, 1, 2, 2], "A": [0, 1, 1, 0, 1], "Y": [1.0, 2.0, 5.0, 3.0, 4.0], "w": [1.0, 1.0, 2.0, 7.0, 7.0]}
    rows |= {"n": [2, 1, 1, 1, 1]}
    study = Study(rows, unit="s", weight="w", count="n")
    cells = collect(study, [Wanted("A", 1), Wanted("Y", 1)], [Request(("A",), ("Y",))]).cells[0]
    effective = 5.0**2 / (2 + 1 + 4)  # (Σ w)² / Σ w²
    assert cells.counts == pytest.approx(np.array([[2 / 5 * effective, 3 / 5 * effective], [1.0, 1.0]]))
    assert cells.means[0, 1, 0] == pytest.approx((2.0 + 2 * 5.0) / 3)
    assert cells.comoments[0, 1, 0, 0] == pytest.approx(effective / 5 * (1 * 4.0 + 2 * 1.0))
