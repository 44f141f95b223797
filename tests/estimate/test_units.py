"""The plug-in engine: hand-written estimators, exact populations, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

import umbel
from tests.estimate.nested import DEEP, FAST, HARD, PAPERS, SOFT, number, solved, study, target
from umbel.data.study import Study
from umbel.estimate.choose import choose, estimators
from umbel.estimate.estimator import Estimated, Supported
from umbel.estimate.models import UnitModels
from umbel.estimate.motifs import confounder_means, instrument_means, interference_means, pair_counts
from umbel.estimate.units import UnitsPlugIn
from umbel.gallery.catalogue import find
from umbel.numerics.tables import Table
from umbel.results.step import Refusal
from umbel.simulate.motifs import Draw, SubunitInstrument, UnitConfounder, UnitInterference
from umbel.variable import Domain


def by_hand(draw: Draw) -> float:
    if "Z" in draw.members:
        counts = pair_counts(draw.members["Z"], draw.members["A"])
        high, low = instrument_means(counts, draw.units["Y"], (0.75, 0.25))
    elif "Z" in draw.units:
        counts = pair_counts(draw.members["A"], draw.members["Y"])
        high, low = interference_means(counts, draw.units["Z"], (0.75, 0.25))
    else:
        high, low = confounder_means(pair_counts(draw.members["A"], draw.members["Y"]), (0.75, 0.25))
    return float(high - low)


@pytest.mark.parametrize("model", [UnitConfounder(0.5), UnitInterference(0.5), SubunitInstrument(0.5)])
def test_the_engine_is_the_hand_written_estimator(model: UnitConfounder | UnitInterference | SubunitInstrument) -> None:
    """From estimand and statistics alone, through identify and the tables, to 1e-9."""
    draw = model.draw(60, 40, rng=np.random.default_rng(1))
    assert solved(model.GRAPH, SOFT, study(draw), PAPERS) == pytest.approx(by_hand(draw), abs=1e-9)


MIXED = "E[Y | do(A ~ Bernoulli(0.2 + 0.5*X))]"
EXACT = {  # figures whose factors across units are all read from the units: nothing is learnt
    "1a": ("A Y", "", HARD),
    "3": ("X A Y", "", MIXED),
    "A3c": ("A Z Y", "", SOFT),
    "5a": ("A Y", "X", HARD),
    "11a": ("X A Y", "", SOFT),
    "11b": ("X A Y", "", SOFT),
    "A13": ("X A Y", "", MIXED),
}


def population(inner: list[str], outer: list[str], seed: int) -> tuple[Table, dict[str, object], dict[str, object]]:
    """Six units with random laws inside: the exact table, and rows that weigh the same."""
    rng = np.random.default_rng(seed)
    units, cells = 6, 2 ** len(inner)
    laws = rng.dirichlet(np.full(cells, 3.0), size=units)  # (units, cells)
    columns = {name: rng.permutation(np.arange(units) % 2) for name in outer}
    shape = (units, *([2] * len(inner)), *([2] * len(outer)))
    joint = np.zeros(shape)
    for unit in range(units):
        place = (unit, *([slice(None)] * len(inner)), *(int(columns[name][unit]) for name in outer))
        joint[place] = laws[unit].reshape([2] * len(inner)) / units
    states = np.indices([2] * len(inner)).reshape(len(inner), cells)
    rows: dict[str, object] = {"unit": np.repeat(np.arange(units), cells)}
    rows |= {name: np.tile(states[i], units) for i, name in enumerate(inner)}
    rows["n"] = (laws * 1e10).ravel()  # so many that the pseudo-counts vanish
    return Table(("unit", *inner, *outer), joint), rows, {"unit": np.arange(units), **columns}


@pytest.mark.parametrize("figure", EXACT)
def test_large_units_give_the_exact_value_of_the_population(figure: str) -> None:
    inner, outer, question = EXACT[figure]
    graph = find(figure).graph
    joint, rows, units = population(inner.split(), outer.split(), seed=3)
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    truth = float(verdict.estimand.evaluate(joint).array)
    at = Study(rows, units=units if outer else None, unit="unit", count="n")
    assert solved(graph, question, at) == pytest.approx(truth, abs=1e-8)


SUPPORTED = ("1a", "1b", "1c", "3", "5a", "5c", "A3a", "A3c", "A3g", "A3j", "A3m", "11a", "11b", "A13", "A14")


@pytest.mark.parametrize("figure", SUPPORTED)
def test_gallery_figures_that_can_be_estimated(figure: str) -> None:
    found = FAST.supports(target(find(figure).graph, SOFT), Study({"k": [1], "A": [1]}, unit="k"))
    assert isinstance(found, Supported)


@pytest.mark.parametrize("figure", ["A3e", "A3p"])
def test_a_law_that_is_learnt_and_conditioned_on_is_refused(figure: str) -> None:
    found = FAST.supports(target(find(figure).graph, SOFT), Study({"k": [1], "A": [1]}, unit="k"))
    assert isinstance(found, Refusal)
    assert "not linear" in found.why


def test_a_continuous_outcome_by_fixed_effects() -> None:
    """With the same slope in every unit, the plug-in is the mean of units' own differences."""
    rng = np.random.default_rng(5)
    a, school = rng.integers(0, 2, 600), np.repeat(np.arange(20), 30)
    y = 100.0 * rng.normal(size=20)[school] + 7.0 * a + rng.normal(size=600)
    differences = [y[(school == s) & (a == 1)].mean() - y[(school == s) & (a == 0)].mean() for s in range(20)]
    at = Study({"school": school, "A": a, "Y": y}, unit="school")
    graph = "plate pupil { A Y }; latent U; U -> { A Y }; A -> Y"
    assert solved(graph, HARD, at) == pytest.approx(np.mean(differences), abs=1e-9)
    weighted = Study(
        {"school": school, "A": a, "Y": y},
        units={"school": np.arange(20), "W": np.arange(20.0)},
        unit="school",
        unit_weight="W",
    )
    expected = np.average(differences, weights=np.arange(20.0))
    assert solved(graph, HARD, weighted) == pytest.approx(expected, abs=1e-9)


def test_units_without_an_arm_are_filled_in_and_counted() -> None:
    """With three units only the mean can be fitted: the third unit's empty arm is that of the others."""
    rows = {"s": [1, 1, 2, 2, 3], "A": [0, 1, 0, 1, 1], "Y": [10.0, 11.0, 20.0, 24.0, 1.5]}
    found = FAST.estimate(target(UnitConfounder.GRAPH, HARD), Study(rows, unit="s"), rng=np.random.default_rng(0))
    assert number(found) == pytest.approx((11 + 24 + 1.5) / 3 - (10 + 20) / 2)
    assert isinstance(found, Estimated)
    check = next(one for one in found.checks if one.name.startswith("overlap"))
    assert not check.passed and check.value == pytest.approx(1 / 3)


def test_labels_probabilities_and_codes() -> None:
    """Labelled states: P(Y="yes" | do(A="new")) reads the law at its label."""
    rng = np.random.default_rng(0)
    draw = UnitConfounder(0.2).draw(30, 50, rng=rng)
    rows = draw.rows()
    named = {
        "unit": rows["unit"],
        "A": np.array(["old", "new"])[rows["A"]],
        "Y": np.array(["no", "yes"])[rows["Y"]],
    }
    states = {"A": Domain(("old", "new")), "Y": Domain(("no", "yes"))}
    graph = "plate member { A Y }; latent U; U -> { A Y }; A -> Y; states A = { old < new }; states Y = { no < yes }"
    one = target(graph, 'P(Y="yes" | do(A="new"))', **states)
    found = PAPERS.estimate(one, Study(named, unit="unit"), rng=np.random.default_rng(0))
    counts = pair_counts(draw.members["A"], draw.members["Y"])
    assert number(found) == pytest.approx(confounder_means(counts, (1.0,))[0], abs=1e-12)


def test_the_same_rng_gives_the_same_answer() -> None:
    at = study(UnitInterference().draw(40, 30, rng=np.random.default_rng(2)))
    one, two = (
        UnitsPlugIn(draws=20).estimate(target(UnitInterference.GRAPH, SOFT), at, rng=np.random.default_rng(7))
        for _ in range(2)
    )
    assert one == two


def test_the_standard_error_is_the_spread_over_replicates() -> None:
    rng = np.random.default_rng(8)
    wanted = target(UnitConfounder.GRAPH, HARD)
    values, errors = [], []
    for _ in range(30):
        at = study(UnitConfounder(0.5).draw(80, 60, rng=rng))
        found = UnitsPlugIn(draws=60).estimate(wanted, at, rng=rng)
        assert isinstance(found, Estimated)
        values.append(number(found))
        errors.append(found.estimate.se)
    # sd of a sd from 30 replicates is 13 %, so three of them
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.4)


def test_extrapolation_is_a_failed_check() -> None:
    """Nobody treats 98 % of members: p(z | q^a) is read outside what units show."""
    rng = np.random.default_rng(9)
    share = rng.uniform(0.2, 0.6, 50)
    a = (rng.random((50, 40)) < share[:, None]).astype(np.int8)
    z = (rng.random(50) < share).astype(np.int8)
    y = (rng.random((50, 40)) < 0.3 + 0.2 * a + 0.2 * z[:, None]).astype(np.int8)
    at = study(Draw({"A": a, "Y": y}, {"Z": z}))
    checks = {}
    for question in ("E[Y | do(A ~ Bernoulli(0.98))]", "E[Y | do(A ~ Bernoulli(0.4))]", "E[Y | do(A=1)]"):
        found = FAST.estimate(target(UnitInterference.GRAPH, question), at, rng=rng)
        assert isinstance(found, Estimated)
        checks[question] = next(check for check in found.checks if check.name == "support: A").passed
    assert list(checks.values()) == [False, True, False]


def test_too_few_units_for_a_stratum_is_a_refusal() -> None:
    draw = UnitInterference().draw(20, 30, rng=np.random.default_rng(3))
    at = study(Draw(draw.members, {"Z": np.zeros(20, dtype=np.int8)}))
    wanted = target(UnitInterference.GRAPH, SOFT, Z=Domain((0, 1)))
    found = FAST.estimate(wanted, at, rng=np.random.default_rng(0))
    assert isinstance(found, Refusal)
    assert "too few units" in found.why


REFUSED = {
    "unspecified law": (UnitConfounder.GRAPH, "E[Y | do(A ~ q)]", Study({"u": [1], "A": [1]}, unit="u"), "unspecified"),
    "no key": (UnitConfounder.GRAPH, HARD, Study({"A": [1]}), "no key column"),
    "flat": ("X -> Y <- A; X -> A", HARD, Study({"A": [1]}), "no law inside units"),
    "too few keys": (DEEP, HARD, Study({"u": [1], "A": [1]}, unit="u"), "1 key column, the estimand 2 plates"),
    "too many keys": (
        UnitConfounder.GRAPH,
        HARD,
        Study({"u": [1], "c": [1], "A": [1]}, unit=["u", "c"]),
        "2 key columns, the estimand 1 plate",
    ),
    "a variable between": (
        "plate class { K; plate pupil { A Y } }; latent U; U -> { A Y }; K -> { A Y }; A -> Y",
        HARD,
        Study({"u": [1], "c": [1], "A": [1]}, unit=["u", "c"]),
        "laws of laws|several plates|between",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    graph, question, at, why = REFUSED[case]
    found = FAST.supports(target(graph, question), at)
    assert isinstance(found, Refusal)
    assert re.search(why, found.why)


def test_the_estimator_that_fits_is_chosen() -> None:
    rows = study(UnitConfounder().draw(5, 5, rng=np.random.default_rng(0)))
    summary = Study(
        units={"effect": [1.0], "se": [1.0]},
        summaries=({"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"},),
    )
    wanted = target(UnitConfounder.GRAPH, HARD)
    assert choose(wanted, rows, estimators()).name == "units"  # type: ignore[union-attr]
    assert choose(wanted, summary, estimators()).name == "normal hierarchy"  # type: ignore[union-attr]
    flat = FAST.supports(target("X -> Y <- A", HARD), rows)
    assert isinstance(flat, Refusal) and "no law inside units" in flat.why


def test_logistic_outcome_instead_of_the_process() -> None:
    """A unit outcome that is logistic in the logit of q^a, with a category beside it (figure 5c)."""
    rng = np.random.default_rng(4)
    units, members = 3000, 400
    x, v = rng.integers(0, 2, units), rng.normal(0.0, 1.0, units)
    a = (rng.random((units, members)) < expit(v)[:, None]).astype(np.int8)
    y = (rng.random(units) < expit(-0.5 + v + 0.7 * x)).astype(np.int8)
    method = replace(FAST, models=UnitModels(penalty=0.0, outcome="logistic"))
    at = study(Draw({"A": a}, {"X": x.astype(np.int8), "Y": y}))
    truth = np.mean([expit(-0.5 + logit(0.75) + 0.7 * k) - expit(-0.5 + logit(0.25) + 0.7 * k) for k in (0, 1)])
    assert solved(find("5c").graph, SOFT, at, method) == pytest.approx(truth, abs=0.06)  # four standard errors


def test_a_design_that_is_not_read_is_a_doubt() -> None:
    rows = {**UnitConfounder().draw(6, 20, rng=np.random.default_rng(0)).rows()}
    rows["psu"] = rows["unit"] // 2
    found = FAST.estimate(
        target(UnitConfounder.GRAPH, HARD), Study(rows, unit="unit", cluster="psu"), rng=np.random.default_rng(0)
    )
    assert isinstance(found, Estimated)
    assert "cluster" in next(check for check in found.checks if check.name == "design").advice


def test_one_row_per_value_of_what_the_question_leaves_free() -> None:
    at = study(UnitInterference().draw(60, 30, rng=np.random.default_rng(0)))
    wanted = target(UnitInterference.GRAPH, "P(Y | do(A))")
    found = FAST.estimate(wanted, at, rng=np.random.default_rng(0))
    assert isinstance(found, Estimated)
    assert found.estimate.value is None
    rows = {row.given: row.value for row in found.rows}
    assert list(rows) == [(("Y", y), ("A", a)) for y in (0, 1) for a in (0, 1)]
    for a in (0, 1):
        one = solved(UnitInterference.GRAPH, f"P(Y=1 | do(A={a}))", at)
        assert rows[(("Y", 1), ("A", a))] == pytest.approx(one, abs=1e-12)
        assert rows[(("Y", 0), ("A", a))] == pytest.approx(1.0 - one, abs=1e-9)


def test_a_ratio_of_effects_is_the_ratio_of_their_estimates() -> None:
    at = study(UnitConfounder().draw(40, 30, rng=np.random.default_rng(0)))
    above, below = (solved(UnitConfounder.GRAPH, f"E[Y | do(A={a})]", at) for a in (1, 0))
    found = solved(UnitConfounder.GRAPH, "E[Y | do(A=1)] / E[Y | do(A=0)]", at)
    assert found == pytest.approx(above / below, abs=1e-12)
