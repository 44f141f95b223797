"""Members treated through an interferer of their unit: the populations of figures A4a and A4f, and samples."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import umbel
from umbel.config.problem import MethodSpec
from umbel.results.answer import Answer

DIGITS = 1e-4
A4A = "plate pupil { A Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y; states A = 2; states Y = 2; states Z = 2"
A4F = "plate pupil { A Y }; latent U; U -> { A W }; A -> { W Y }; W -> Y; states A = 2; states Y = 2; states W = 2"
RISING = "; assume monotone A -> Z; assume monotone Z -> Y"


def study_of(units: list[tuple[float, float, int, tuple[float, float]]], name: str) -> umbel.Study:
    """A population: (weight, share of the treated, interferer, outcome's chance without and with treatment)."""
    rows: dict[str, list[float]] = {"unit": [], "A": [], "Y": [], "n": []}
    for at, (_, share, _, chances) in enumerate(units):
        for a, y in itertools.product((0, 1), (0, 1)):
            part = (share if a else 1 - share) * (chances[a] if y else 1 - chances[a])
            for column, number in zip(rows.values(), (at, a, y, part), strict=True):
                column.append(number)
    weights = np.array([weight for weight, *_ in units])
    table = {
        "unit": list(range(len(units))),
        name: [value for _, _, value, _ in units],
        "w": (weights / weights.sum()).tolist(),
    }
    return umbel.Study(rows, units=table, unit="unit", count="n", unit_weight="w")


def schools() -> umbel.Study:
    """Figure A4a: outcome .15 + .15 A + .3 Z (1 - U/2) + .3 U; tutoring shares .2, .5, .8."""
    units = []
    for u, (at, share), z in itertools.product((0, 1), enumerate((0.2, 0.5, 0.8)), (0, 1)):
        chance = (0.6, 0.4)[u] * ((0.55, 0.3, 0.15), (0.15, 0.3, 0.55))[u][at]
        rises = ((0.2, 0.4, 0.6), (0.5, 0.7, 0.85))[u][at]
        base = 0.15 + 0.3 * z * (1 - 0.5 * u) + 0.3 * u
        units.append((chance * (rises if z else 1 - rises), share, z, (base, base + 0.15)))
    return study_of(units, "Z")


def wards(outcome: tuple[float, float]) -> umbel.Study:
    """Figure A4f: five shares, U behind the share and W; the outcome is W's alone."""
    units = []
    for u, centre in enumerate((0.35, 0.65)):
        shares = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
        heights = np.exp(-(((shares - centre) / 0.2) ** 2))
        for share, height in zip(shares.tolist(), heights / heights.sum(), strict=True):
            rises = 0.1 + 0.5 * share if u == 0 else 0.35 + 0.6 * share
            units += [(0.5 * height * (rises if w else 1 - rises), share, w, (outcome[w],) * 2) for w in (0, 1)]
    return study_of(units, "W")


def numbers(answer: Answer) -> tuple[float, float]:
    assert answer.bounds is not None and answer.bounds.lower is not None and answer.bounds.upper is not None
    return answer.bounds.lower, answer.bounds.upper


@pytest.mark.parametrize(
    ("policy", "kept", "plain", "monotone"),
    [
        (0.8, 0.4927, (0.1940, 0.8840), (0.4928, 0.7927)),
        (0.2, 0.4027, (0.1125, 0.7225), (0.1715, 0.4028)),
    ],
)
def test_a_confounded_interferer(
    policy: float, kept: float, plain: tuple[float, float], monotone: tuple[float, float]
) -> None:
    question = f"E[Y | do(A ~ Bernoulli({policy}))]"
    answer = umbel.solve(A4A, question, schools())
    assert answer.verdict == "bounded"
    assert answer.certificate is not None  # the "no" stands beside the bounds
    assert numbers(answer) == pytest.approx(plain, abs=DIGITS)
    assert answer.bounds is not None and answer.bounds.kind == "sharp" and answer.bounds.interval is None
    natural = [row for row in answer.rows() if row.kind == "estimate"]
    assert [row.value for row in natural] == [pytest.approx(kept, abs=DIGITS)]
    assert "Z kept as it is" in natural[0].term
    assert numbers(umbel.solve(A4A + RISING, question, schools())) == pytest.approx(monotone, abs=DIGITS)


def test_a_contrast_has_its_terms_beside_it() -> None:
    question = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"
    answer = umbel.solve(A4A, question, schools())
    values = {(row.term, row.kind): row.value for row in answer.rows()}
    assert numbers(answer) == pytest.approx((0.1940 - 0.7225, 0.8840 - 0.1125), abs=2 * DIGITS)
    assert values[f"{answer.question}, Z kept as it is", "estimate"] == pytest.approx(0.09, abs=DIGITS)
    assert values["E[Y | do(A ~ Bernoulli(0.8))], Z kept as it is", "estimate"] == pytest.approx(0.4927, abs=DIGITS)
    assert values["E[Y | do(A ~ Bernoulli(0.2))]", "upper"] == pytest.approx(0.7225, abs=DIGITS)


@pytest.mark.parametrize(("more", "wanted"), [("", (0.2107, 0.9315)), ("; assume monotone A -> W", (0.4545, 0.9250))])
def test_an_interferer_that_hidden_causes_reach(more: str, wanted: tuple[float, float]) -> None:
    answer = umbel.solve(A4F + more, "P(Y=1 | do(A ~ Bernoulli(0.7)))", wards((0.0, 1.0)))
    assert numbers(answer) == pytest.approx(wanted, abs=DIGITS)
    assert answer.bounds is not None and answer.bounds.kind == "sharp"


def test_between_the_shares_that_occur_only_the_two_means_are_left() -> None:
    answer = umbel.solve(A4F, "P(Y=1 | do(A ~ Bernoulli(0.6)))", wards((0.2, 0.9)))
    assert numbers(answer) == pytest.approx((0.2, 0.9), abs=DIGITS)
    nothing = umbel.solve(A4A, "E[Y | do(A ~ Bernoulli(0.6))]", schools())
    assert nothing.verdict == "unidentified" and nothing.bounds is None
    assert [row.kind for row in nothing.rows()].count("estimate") == 1


def sampled(rng: np.random.Generator, schools_: int, pupils: int) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    u = rng.random(schools_) < 0.4
    chances = np.array([[0.55, 0.3, 0.15], [0.15, 0.3, 0.55]])[u.astype(int)]
    share = np.array([0.2, 0.5, 0.8])[(rng.random((schools_, 1)) > chances.cumsum(axis=1)).sum(axis=1)]
    rises = np.where(u, 0.5, 0.2) + np.where(u, 7 / 12, 2 / 3) * (share - 0.2)
    z = (rng.random(schools_) < rises).astype(int)
    a = rng.random((schools_, pupils)) < share[:, None]
    base = 0.15 + 0.3 * z * (1 - 0.5 * u) + 0.3 * u
    y = rng.random((schools_, pupils)) < base[:, None] + 0.15 * a
    rows = {"unit": np.repeat(np.arange(schools_), pupils), "A": a.ravel().astype(int), "Y": y.ravel().astype(int)}
    return {name: one.tolist() for name, one in rows.items()}, {"unit": list(range(schools_)), "Z": z.tolist()}


def test_samples_of_members_never_show_a_units_own_share() -> None:
    rows, units = sampled(np.random.default_rng(1), 400, 40)
    question = "E[Y | do(A ~ Bernoulli(0.8))]"
    study = umbel.Study(rows, units=units, unit="unit")
    plain = umbel.solve(A4A, question, study)
    assert plain.verdict == "unidentified"  # without units at the policy's own share nothing is known
    (natural,) = [row for row in plain.rows() if row.kind == "estimate"]
    assert natural.value is not None and natural.lower is not None and natural.upper is not None
    assert natural.lower < 0.4927 < natural.upper
    rising = umbel.solve(A4A + RISING, question, study)
    low, high = numbers(rising)
    assert low < 0.549 < high
    assert rising.bounds is not None and rising.bounds.interval is not None
    below, above = rising.bounds.interval
    assert below is not None and above is not None and below <= low and above >= high
    everybody = umbel.solve(A4A + RISING, question, study, method=replace(MethodSpec(), members="all"))
    assert numbers(everybody)[0] >= low - 1e-9


def test_a_unit_without_one_arm_is_a_doubt() -> None:
    rows, units = sampled(np.random.default_rng(2), 200, 5)
    answer = umbel.solve(
        A4F.replace("W", "Z"), "E[Y | do(A ~ Bernoulli(0.5))]", umbel.Study(rows, units=units, unit="unit")
    )
    (doubt,) = [check for check in answer.checks if check.name == "positivity"]
    assert not doubt.passed
    assert not [row for row in answer.rows() if row.kind == "estimate"]
    assert answer.verdict == "bounded"


def test_a_problem_file_says_that_the_rows_are_everybody(tmp_path: Path) -> None:
    rows, units = sampled(np.random.default_rng(3), 100, 20)
    for name, table in (("pupils", rows), ("schools", units)):
        lines = [",".join(table), *(",".join(map(str, line)) for line in zip(*table.values(), strict=True))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    text = f"""
graph = "{A4A}"
question = "E[Y | do(A ~ Bernoulli(0.5))]"
[[study]]
table = "pupils.csv"
units = "schools.csv"
unit = "unit"
[method]
members = "all"
"""
    (tmp_path / "problem.toml").write_text(text, encoding="utf-8")
    assert umbel.Problem.load(tmp_path / "problem.toml").solve().verdict == "bounded"
    (tmp_path / "problem.toml").write_text(text.replace('"all"', '"some"'), encoding="utf-8")
    with pytest.raises(umbel.errors.InputError, match="members is 'some'"):
        umbel.Problem.load(tmp_path / "problem.toml")


@pytest.mark.parametrize(
    ("graph", "question"),
    [
        ("plate p { A Y }; latent U; U -> { A Z Y }; A -> { Z V Y }; { Z V } -> Y", "E[Y | do(A ~ Bernoulli(0.5))]"),
        ("plate p { A Y C }; latent U, C; C -> { A Y }; U -> { A Z Y }; A -> { Z Y }; Z -> Y", "E[Y | do(A=1)]"),
        ("plate p { A Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y", "E[Y | do(A ~ q)]"),
    ],
)
def test_other_forms_stay_as_they_were(graph: str, question: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Unidentified)
    assert not any("kept as it is" in remark for remark in verdict.remarks)


def test_the_summary_says_bounded() -> None:
    text = umbel.solve(A4A, "E[Y | do(A ~ Bernoulli(0.8))]", schools()).summary()
    assert "bounded: the assumptions confine the answer" in text
    assert "Z kept" in text


def trial(share: float, chance: float) -> umbel.Study:
    """Every unit at one share, set by hand; the interferer alone is measured."""
    rows = {"unit": [0, 0, 1, 1], "A": [0, 1, 0, 1], "n": [1 - share, share] * 2}
    units = {"unit": [0, 1], "W": [0, 1], "w": [1 - chance, chance]}
    return umbel.Study(rows, units=units, unit="unit", count="n", unit_weight="w", do="A")


def rises(share: float) -> float:
    return 0.5 * (0.1 + 0.5 * share) + 0.5 * (0.35 + 0.6 * share)


@pytest.mark.parametrize(
    ("more", "share", "wanted"),
    [
        ("; assume monotone A -> W", 0.5, (0.5000, 0.9250)),
        ("", 0.5, (0.2107, 0.9315)),  # without a shape, a trial at one share says nothing of another
        ("; assume monotone A -> W", 0.9, (0.4545, rises(0.9))),
        ("", 0.7, (rises(0.7), rises(0.7))),
    ],
)
def test_a_trial_at_one_share(more: str, share: float, wanted: tuple[float, float]) -> None:
    question = "P(Y=1 | do(A ~ Bernoulli(0.7)))"
    answer = umbel.solve(A4F + more, question, wards((0.0, 1.0)), trial(share, rises(share)))
    assert answer.verdict == "bounded" and answer.refusal is None
    assert numbers(answer) == pytest.approx(wanted, abs=DIGITS)


def test_a_trial_that_contradicts_the_shape_is_a_doubt() -> None:
    """At .9 fewer than at .1 have the interferer, and it is said to rise."""
    graph, question = A4F + "; assume monotone A -> W", "P(Y=1 | do(A ~ Bernoulli(0.7)))"
    fine, odd = (umbel.solve(graph, question, wards((0.0, 1.0)), trial(0.9, chance)) for chance in (rises(0.9), 0.1))
    verdicts = [[check.passed for check in one.checks if check.name == "compatibility"] for one in (fine, odd)]
    assert verdicts == [[True], [False]]
