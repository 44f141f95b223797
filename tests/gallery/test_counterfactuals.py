"""Bounds in the gallery: what the papers print, and what their closed forms give."""

from __future__ import annotations

import pytest

from tests.oracles.bounds.closed_forms import Binary, manski, pn, pns
from umbel.gallery.catalogue import find
from umbel.pipeline.files import identify_problem, solve_problem
from umbel.results.answer import Answer

EXACT = 1e-6
PRINTED = {
    "drug": (0.3845, 0.3845),
    "drug-without-gender": (0.3395, 0.4295),
    "drug-women": (0.279, 0.279),
    "drug-men": (0.490, 0.490),
    "drug-observed": (0.0, 0.4295),
    "drug-trial": (0.2795, 0.4895),
    "no-assumptions": (-0.5705, 0.4295),
    "lipid": (0.392, 0.780),
    "legal-case": (1.0, 1.0),
}
ROUNDED = {"lipid": 1e-3}  # the paper rounds the cells to three digits before it computes


def solved(name: str) -> Answer:
    (answer,) = solve_problem(find(name).problem())
    return answer


def ends(answer: Answer) -> tuple[float, float]:
    assert answer.bounds is not None and answer.bounds.lower is not None and answer.bounds.upper is not None
    return answer.bounds.lower, answer.bounds.upper


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed(name: str) -> None:
    (verdict,) = identify_problem(find(name).problem())
    answer = solved(name)
    assert verdict.verdict == answer.verdict == find(name).verdict == "bounded"
    assert ends(answer) == pytest.approx(PRINTED[name], abs=ROUNDED.get(name, 1e-4))
    assert answer.bounds is not None and answer.bounds.kind == "sharp"
    assert answer.bounds.interval is not None
    low, high = answer.bounds.interval
    assert low is not None and high is not None
    assert low <= PRINTED[name][0] + 1e-3 and high >= PRINTED[name][1] - 1e-3
    assert all(check.passed for check in answer.checks)


def test_closed_forms() -> None:
    pooled = Binary(xy=0.3395, xY=0.3605, Xy=0.21, XY=0.09, y1=0.4895, y0=0.21)
    assert ends(solved("drug-without-gender")) == pytest.approx(pns(pooled, obs=True, rct=True), abs=EXACT)
    assert ends(solved("no-assumptions")) == pytest.approx(manski(pooled), abs=EXACT)
    women = Binary(xy=0.189, xY=0.511, Xy=0.21, XY=0.09, y1=0.489, y0=0.21)
    men = Binary(xy=0.49, xY=0.21, Xy=0.21, XY=0.09, y1=0.49, y0=0.21)
    parts = [pns(one, obs=True, rct=True) for one in (women, men)]
    halves = [0.5 * (one + other) for one, other in zip(*parts, strict=True)]  # Mueller, Li and Pearl
    assert ends(solved("drug")) == pytest.approx(halves, abs=EXACT)
    pain = Binary(xy=0.001, xY=0.499, Xy=0.014, XY=0.486, y1=0.016, y0=0.014)
    assert ends(solved("legal-case")) == pytest.approx(pn(pain), abs=EXACT)


def test_why_the_printed_interval_is_wider() -> None:
    """Leaving gender out merges groups that meet different bounds: the mean of points lies inside."""
    with_gender, without = ends(solved("drug")), ends(solved("drug-without-gender"))
    assert without[0] < with_gender[0] <= with_gender[1] < without[1]
