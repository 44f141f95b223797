"""Units with few members, or with none of some kind; and plates inside plates."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.estimate.nested import DEEP, FAST, HARD, PAPERS, SOFT, number, solved, study, target
from umbel.data.nested import collect
from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported
from umbel.estimate.models import PAPER, UnitModels
from umbel.estimate.motifs import pair_counts
from umbel.estimate.program import Engine
from umbel.estimate.reading import reading_of, unit_data
from umbel.estimate.units import UnitsPlugIn
from umbel.results.step import Refusal
from umbel.simulate.motifs import Draw, SubunitInstrument, UnitConfounder, UnitInterference


@pytest.mark.parametrize("members", [5, 20])
def test_units_with_few_members_do_not_bias_an_average(members: int) -> None:
    """Laws that nobody tuned on: the treated fraction and both arms wave with a hidden number."""
    rng = np.random.default_rng(11)
    units = 20_000
    u = rng.random(units)
    share, low = 0.15 + 0.7 * u, 0.2 + 0.3 * u**2
    high = low + 0.1 + 0.3 * np.sin(2.0 * u)
    a = (rng.random((units, members)) < share[:, None]).astype(np.int8)
    y = (rng.random((units, members)) < np.where(a, high[:, None], low[:, None])).astype(np.int8)
    at = study(Draw({"A": a, "Y": y}, {}))
    truth = float((high - low).mean())
    new, paper = (solved(UnitConfounder.GRAPH, HARD, at, method) for method in (FAST, PAPERS))
    error = 4.0 * 0.5 / np.sqrt(units * members / 4)  # four standard errors of a difference of shares
    assert new == pytest.approx(truth, abs=error)
    assert abs(paper - truth) > 3 * error


def test_bounds_hold_whatever_the_unseen_members_are_like() -> None:
    """Arms that are empty in the data exist outside it: the truth stays within the bounds."""
    draw = UnitConfounder(0.5).draw(3000, 5, rng=np.random.default_rng(0))
    found = FAST.estimate(target(UnitConfounder.GRAPH, HARD), study(draw), rng=np.random.default_rng(0))
    assert isinstance(found, Estimated)
    check = next(one for one in found.checks if one.name == "units that lack members")
    low, high = (float(x) for x in re.findall(r"[-.\d]+(?=[,\]])", check.advice)[-2:])
    assert low < UnitConfounder(0.5).effect() < high
    # by hand: each arm's mean with its empty units at 0, and at 1
    counts = pair_counts(draw.members["A"], draw.members["Y"])
    totals = counts.sum(axis=2)
    least = np.where(totals > 0, counts[:, :, 1] / np.maximum(totals, 1), 0.0).mean(axis=0)
    most = least + (totals == 0).mean(axis=0)
    assert [low, high] == pytest.approx([least[1] - most[0], most[1] - least[0]], abs=1e-3)
    assert any("smoothly" in one for one in found.assumptions)


def test_a_regression_of_observed_shares_strays_less_than_the_papers() -> None:
    """D.2 at 100 units of 100 members, where the paper's estimator is nearly one spread too small."""
    rng = np.random.default_rng(0)
    model, wanted = UnitInterference(1.5), target(UnitInterference.GRAPH, SOFT)
    reading = reading_of(wanted)
    found = []
    for _ in range(40):
        data = unit_data(reading, collect(study(model.draw(100, 100, rng=rng)), reading.wanted, reading.requests()))
        found.append([Engine(data, models).number(wanted.expr) for models in (UnitModels(), PAPER)])
    bias, spread = np.mean(found, axis=0) - model.effect(), np.std(found, axis=0)
    assert abs(bias[0]) < 0.012 + 3 * spread[0] / np.sqrt(40)
    assert bias[1] < -0.03


def test_a_law_of_three_states_stays_a_law_when_it_is_learnt() -> None:
    rng = np.random.default_rng(0)
    draw = UnitInterference().draw(60, 30, rng=rng)
    three = Draw({"A": draw.members["A"], "Y": draw.members["Y"] * rng.integers(1, 3, (60, 30))}, draw.units)
    found = FAST.estimate(target(UnitInterference.GRAPH, "P(Y | do(A=1))"), study(three), rng=rng)
    assert isinstance(found, Estimated)
    assert sum(row.value for row in found.rows if row.value is not None) == pytest.approx(1.0, abs=1e-9)


def test_an_instrument_inside_small_units() -> None:
    """D.3 at 100 units of 20 members: the paper's classifier sees hardly half of the effect."""
    rng = np.random.default_rng(0)
    model = SubunitInstrument(0.2)
    found = [[solved(model.GRAPH, SOFT, at, way) for way in (FAST, PAPERS)] for at in _draws(model, 20, rng)]
    bias, spread = np.mean(found, axis=0) - model.effect(), np.std(found, axis=0)
    assert abs(bias[0]) < 0.08 + 3 * spread[0] / np.sqrt(20)
    assert bias[1] < -0.09


def _draws(model: SubunitInstrument, count: int, rng: np.random.Generator) -> list[Study]:
    return [study(model.draw(100, 20, rng=rng)) for _ in range(count)]


def test_a_stratum_of_units_is_averaged_without_bias() -> None:
    """Figure 5a beside a cause of the unit: no regression, so observed shares and no pseudo-counts."""
    rows = {"u": np.repeat([0, 1, 2, 3], 4), "A": [0, 0, 1, 1] * 4, "Y": [0, 0, 1, 1, 0, 1, 1, 1] * 2}
    units = {"u": np.arange(4), "Z": [0, 1, 0, 1]}
    graph = "plate member { A Y }; latent U; U -> { A Y }; A -> Y; Z -> Y"
    found = FAST.estimate(target(graph, HARD), Study(rows, units=units, unit="u"), rng=np.random.default_rng(0))
    assert number(found) == pytest.approx((1.0 + 0.5) / 2)
    assert isinstance(found, Estimated)
    assert not any(check.name == "members per unit" for check in found.checks)


def test_a_mean_is_a_line_in_a_number_of_the_unit() -> None:
    """Z has many values: each arm's mean is a line in it, fitted to the units that have that arm."""
    rng = np.random.default_rng(0)
    z = np.arange(24.0)
    rows = {"u": np.repeat(np.arange(24), 4), "A": np.tile([0, 0, 1, 1], 24)}
    rows["Y"] = 3.0 * z[rows["u"]] + rows["A"] * (1.0 + 0.5 * z[rows["u"]]) + rng.normal(size=96)
    rows["A"][rows["u"] == 0] = 1  # a unit whose members were all treated
    graph = "plate member { A Y }; latent U; U -> { A Y }; A -> Y; Z -> Y; Z -> A"
    at = Study(rows, units={"u": np.arange(24), "Z": z}, unit="u")
    found = FAST.estimate(target(graph, HARD), at, rng=rng)
    assert isinstance(found, Estimated)
    cells = pd.DataFrame(rows).groupby(["u", "A"])["Y"].mean().unstack()
    arms = cells.to_numpy()  # NaN where a unit has no such member
    lines = [np.polyfit(z[np.isfinite(arm)], arm[np.isfinite(arm)], 1) for arm in arms.T]
    by_hand = np.mean(np.polyval(lines[1], z) - np.polyval(lines[0], z))
    assert number(found) == pytest.approx(by_hand, abs=1e-9)
    assert any("straight lines" in one for one in found.assumptions)
    assert not any(check.name in ("members per unit", "units that lack members") for check in found.checks)


def test_labels_need_no_declaration() -> None:
    rows = {"u": [1, 1, 2, 2], "A": ["old", "new", "old", "new"], "Y": [0, 1, 0, 0]}
    question = 'E[Y | do(A="new")] - E[Y | do(A="old")]'
    wanted = target(UnitConfounder.GRAPH, question)
    assert isinstance(FAST.supports(wanted, Study(rows, unit="u")), Supported)
    assert solved(UnitConfounder.GRAPH, question, Study(rows, unit="u")) == pytest.approx(0.5)
    unheard = target(UnitConfounder.GRAPH, 'E[Y | do(A="nu")]')
    absent = FAST.estimate(unheard, Study(rows, unit="u"), rng=np.random.default_rng(0))
    assert isinstance(absent, Refusal)
    assert "occurs nowhere" in absent.why


def test_pupils_in_classes_in_schools() -> None:
    """A school's classes share its weight, and schools are resampled with all their classes."""
    rng = np.random.default_rng(0)
    classes = [1, 1, 2, 4, 6]
    rows: dict[str, list[float]] = {"school": [], "class": [], "A": [], "Y": []}
    effects, means = [], []
    for school, count in enumerate(classes):
        differences = []
        for klass in range(count):
            a = np.array([0, 0, 1, 1, 1])
            y = 10.0 * school + a * (school + klass) + rng.normal(size=5)
            differences.append(y[2:].mean() - y[:2].mean())
            for name, values in (("school", [school] * 5), ("class", [klass] * 5), ("A", a), ("Y", y)):
                rows[name] += list(values)
        effects += differences
        means.append(np.mean(differences))
    at = Study(rows, unit=["school", "class"])
    found = UnitsPlugIn(draws=400).estimate(target(DEEP, HARD), at, rng=rng)
    assert isinstance(found, Estimated)
    assert number(found) == pytest.approx(np.mean(means), abs=1e-9)  # and not np.mean(effects)
    assert number(found) != pytest.approx(np.mean(effects), abs=1e-3)
    assert found.units == 5
    # the spread of a mean of five schools, three times the sd of a sd from 400 draws
    assert found.estimate.se == pytest.approx(np.std(means) / np.sqrt(5), rel=3 / np.sqrt(2 * 400))
