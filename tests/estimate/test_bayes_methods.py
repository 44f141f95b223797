"""The sampled methods as estimators: which estimands they know, what they refuse, what they return."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import umbel
from umbel.config.problem import MethodSpec
from umbel.data.study import Study
from umbel.errors import DataError, MissingExtra
from umbel.estimate.bayes_interference import SampledInterferenceEffect
from umbel.estimate.bayes_sampler import Nuts
from umbel.estimate.bayes_units import SampledSummaries
from umbel.estimate.choose import choose, estimators
from umbel.estimate.estimator import Estimated, Supported, Target
from umbel.gallery.catalogue import find
from umbel.gallery.example import DATA
from umbel.gallery.schools import APPENDIX_L2
from umbel.numerics.hierarchy import normal_hierarchy
from umbel.results.step import Refusal

INTERFERENCE = find("eight-schools-interference")
SHORT = Nuts(chains=2, draws=800, warmup=500)
ALL = "E[Gain | do(A = 1)]"
SAMPLER = pytest.mark.skipif(find_spec("numpyro") is None, reason="needs the extra bayes: numpyro")


def target(question: str = ALL, graph: str = INTERFERENCE.graph) -> Target:
    verdict = umbel.identify(graph, question)
    assert verdict.identified
    one = verdict.estimand
    return Target(question, one.body, {}, one.axes, one.requirements())


def schools(**change: Any) -> Study:
    parts: dict[str, Any] = {
        "units": DATA / "eight_schools.csv",
        "unit": "school",
        "summaries": ({"of": "E[Gain]", "value": "effect", "se": "se"},),
        "counts": {"A": ("controls", "treated")},
        "variables": {"S": "students", "C": "class_size", "Gain": "effect"},
    }
    return Study(**{**parts, **change})


@pytest.mark.parametrize(
    "graph",
    [
        INTERFERENCE.graph,
        "plate student { A }; latent U; U -> { A S Gain }; { A S } -> C; { C S } -> Gain; S -> A",
        "plate pupil { A }; A <-> Gain; S -> { A Gain C }; A -> C -> Gain",
    ],
)
def test_the_estimand_is_known_by_its_factors(graph: str) -> None:
    """However the graph is drawn: the same four factors, the same estimator."""
    assert isinstance(SampledInterferenceEffect().supports(target(graph=graph), schools()), Supported)


REFUSED = {
    "rows": (ALL, Study({"school": [1], "A": [1]}, unit="school"), "no summaries"),
    "a contrast": ("E[Gain | do(A = 1)] - E[Gain | do(A = 0)]", schools(), "not that of interference"),
    "every value": ("E[Gain | do(A)]", schools(), "not that of interference|no state that was counted"),
    "no summary of it": (ALL, schools(summaries=({"of": "E[S]", "value": "effect", "se": "se"},)), "No summary gives"),
    "no counts": (ALL, schools(counts={}), "no counts of A's two states"),
    "a state nobody counted": ("E[Gain | do(A = 3)]", schools(), "no state that was counted"),
    "an unspecified law": ("E[Gain | do(A ~ q)]", schools(), "unspecified"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    question, study, why = REFUSED[case]
    found = SampledInterferenceEffect().supports(target(question), study)
    assert isinstance(found, Refusal)
    assert re.search(why, found.why)


def test_other_estimands_are_not_taken_for_it() -> None:
    """The front door of figure 1b has a law in its place of the outcome's mean."""
    for figure, question in (("1b", "E[Y | do(A=1)]"), ("5c", "E[Y | do(A=1)]"), ("A3e", "E[Y | do(A=1)]")):
        assert isinstance(
            SampledInterferenceEffect().supports(target(question, find(figure).graph), schools()), Refusal
        )


def test_a_plain_solve_of_interference_is_sampled_by_the_default_form() -> None:
    chosen = choose(target(), schools(), estimators())
    assert isinstance(chosen, SampledInterferenceEffect)
    assert chosen.analysis is None


@pytest.mark.skipif(find_spec("numpyro") is not None, reason="numpyro is installed")
def test_a_missing_extra_is_named_with_its_command() -> None:
    with pytest.raises(MissingExtra, match=re.escape("pip install 'umbel[bayes]'")):
        SampledInterferenceEffect().estimate(target(), schools(), rng=np.random.default_rng(0))


def test_a_share_of_nobody_is_no_beta_share() -> None:
    columns = {"k": [1, 2], "e": [1.0, 2.0], "s": [1.0, 1.0], "n0": [0, 4], "n1": [5, 5], "S": [5, 9], "C": [1, 2]}
    summary = ({"of": "E[Gain]", "value": "e", "se": "s"},)
    study = Study(units=columns, unit="k", summaries=summary, counts={"A": ("n0", "n1")})
    with pytest.raises(DataError, match="treated and untreated members in every unit"):
        SampledInterferenceEffect().estimate(target(), study, rng=np.random.default_rng(0))


@SAMPLER
def test_two_numbers_by_name() -> None:
    seen: list[int] = []

    def watch(steps: Any, what: str, total: int) -> Any:
        assert (what, total) == ("sampling", 2)
        for step in steps:
            seen.append(step)
            yield step

    method = SampledInterferenceEffect(analysis=APPENDIX_L2, level=0.9, sampler=SHORT)
    found = method.estimate(target(), schools(), rng=np.random.default_rng(0), watch=watch)
    assert isinstance(found, Estimated)
    assert [row.term for row in found.rows] == ["average effect", "predictive effect of a new school"]
    average, new = found.rows
    # six Monte Carlo errors of 1,600 draws that are worth some 700
    assert (average.value, average.se) == (pytest.approx(2.9, abs=3.0), pytest.approx(12.9, abs=2.5))
    assert (new.value, new.se) == (pytest.approx(2.8, abs=4.5), pytest.approx(19.5, abs=4.0))
    assert found.estimate.kind == "posterior"
    check = next(one for one in found.checks if one.name == "observed treatment shares")
    assert not check.passed and "extends the fitted lines" in check.advice
    assert any("Appendix L.2" in one for one in found.assumptions)
    assert seen == [0, 1]


@SAMPLER
def test_eight_schools_by_sampling_meets_quadrature() -> None:
    example = find("eight-schools")
    method = MethodSpec(name="bayes", level=0.9, location=5.0, scale=5.0)
    study = Study(
        units=DATA / "eight_schools.csv",
        unit="school",
        summaries=({"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"},),
    )
    answer = umbel.solve(example.graph, example.question, study, method=method)
    assert answer.estimate is not None and answer.estimate.method == "bayes"
    effects = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    errors = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    exact = normal_hierarchy(effects, errors, location=5.0, scale=5.0).average
    assert answer.value == pytest.approx(exact.mean, abs=4 * exact.sd / np.sqrt(3000))
    assert answer.estimate.se == pytest.approx(exact.sd, rel=0.1)


def test_figures_of_the_units_are_read_beside_the_summary() -> None:
    """A unit without a size is left out of everything, and counted."""
    columns = {"k": [1, 2, 3], "e": [1.0, 2.0, 4.0], "s": [1.0, 1.0, 2.0], "n0": [2, 4, 6], "n1": [5, 5, 6]}
    summary = ({"of": "E[Gain]", "value": "e", "se": "s"},)
    study = Study(
        units={**columns, "S": [None, 9, 12], "C": [1, 2, 3]}, unit="k", summaries=summary, counts={"A": ("n0", "n1")}
    )
    assert isinstance(SampledInterferenceEffect().supports(target(), study), Supported)
    from umbel.data.summaries import read_summary

    found = read_summary(study, study.summaries[0], more=("S", "C"))
    assert dict(found.numbers)["S"].tolist() == [9.0, 12.0]
    assert found.labels == ("2", "3")
    assert not found.checks[0].passed


def test_the_sampled_hierarchy_knows_the_same_estimands_as_the_exact_one() -> None:
    study = Study(
        units={"effect": [1.0], "se": [1.0]},
        summaries=({"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"},),
    )
    wanted = target("E[Y | do(A=1)] - E[Y | do(A=0)]", find("eight-schools").graph)
    assert isinstance(SampledSummaries().supports(wanted, study), Supported)
    assert choose(wanted, study, estimators()).name == "normal hierarchy"  # type: ignore[union-attr]
