"""The examples of totals: verdicts, formulas, numbers of the paper; and a real composite."""

from __future__ import annotations

import numpy as np
import pytest

from umbel import aggregate
from umbel.gallery.aggregation import EXAMPLES, PRICES
from umbel.gallery.catalogue import find
from umbel.gallery.example import Example
from umbel.pipeline.opening import open_studies
from umbel.pipeline.problem import problems_of
from umbel.results.answer import Answer
from umbel.results.verdict import Identified


def solved(example: Example) -> Answer:
    spec = example.problem()
    return problems_of(spec, open_studies(spec))[0].solve()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_what_the_paper_says(example: Example) -> None:
    spec = example.problem()
    problem = problems_of(spec, open_studies(spec))[0]
    verdict, answer = problem.identify(), problem.solve()
    assert answer.verdict == example.verdict
    if example.formula:
        assert answer.estimand is not None
        assert answer.estimand.text == example.formula
        assert isinstance(verdict, Identified)
        assert verdict.verify()


def test_three_shops_three_revenues() -> None:
    values = [solved(find(name)).value for name in ("shop-a", "shop-b", "shop-c")]
    assert values == pytest.approx([54.8462, 53.0, 99.0], abs=1e-4)  # the table has the paper's moments


def test_a_refusal_gives_the_range() -> None:
    for name, ends in (("shops-without", (53.0, 59.0)), ("cholesterol", (-3.0, 2.0))):
        answer = solved(find(name))
        assert answer.value is None
        assert answer.bounds is not None
        assert answer.bounds.interval is not None
        low, high = answer.bounds.interval
        assert low is not None
        assert high is not None
        assert low < ends[0] < ends[1] < high


def test_shampoo_by_the_hundred() -> None:
    shop = aggregate.shampoo(400, 400, rng=np.random.default_rng(0))
    prices = dict(zip(shop.names, shop.prices.tolist(), strict=True))
    report = aggregate.well_defined(shop.table(), shop.names, "Revenue", method=aggregate.Known(prices))
    assert report.verdict == "realisation-dependent"
    assert abs(report.natural - shop.natural()) < 4 * report.natural_se
    assert report.ranges[0][1].interval == (shop.prices.min(), shop.prices.max())
    answer = solved(find("shampoo"))
    assert answer.value is not None
    assert 50 * min(PRICES) < answer.value < 50 * max(PRICES)


def test_public_capital() -> None:
    """Munnell's states: highways, water and other capital add up to the total; differences, years, clusters."""
    data = pytest.importorskip("linearmodels.datasets.munnell").load()
    data = data.rename(columns=str.lower).sort_values(["st_abb", "yr"])
    logs = {name: data[name].to_numpy(float) for name in ("hwy", "water", "util", "p_cap", "pc", "emp", "gsp")}
    same = data["st_abb"].to_numpy()[1:] == data["st_abb"].to_numpy()[:-1]
    change = {name: np.diff(one)[same] for name, one in logs.items()}
    years = data["yr"].to_numpy()[1:][same]
    table = {**change, **{f"y{year}": (years == year).astype(float) for year in np.unique(years)[1:]}}
    table["state"] = data["st_abb"].to_numpy()[1:][same]
    adjust = ["pc", "emp", *(name for name in table if name[0] == "y")]
    report = aggregate.well_defined(
        table, ["hwy", "water", "util"], "gsp", adjust=adjust, cluster="state", total_column="p_cap"
    )
    assert any(check.name == "p_cap is its parts" for check in report.checks)
    assert report.verdict == "inconclusive"
    assert report.test.p > 0.5
    assert report.natural_interval[0] < 0.228 < report.natural_interval[1]
