"""umbel.aggregate: the test, index, ranges and plans; blocks of rows against rows held whole."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import umbel
from benchmarks.aggregation import CELLS, study
from umbel import aggregate
from umbel.errors import DataError
from umbel.numerics.aggregation_inference import spread_of
from umbel.numerics.aggregation_sets import Effects, knapsack, limits_of, range_of

PARTS = ("A", "B", "C")


def table(rows: int = 600, seed: int = 0, alpha: tuple[float, ...] = (3.0, 1.0, 2.0)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    x = rng.normal(size=(rows, 3)) + 0.5 * z[:, None] + 5
    y = x @ np.array(alpha) + 2 * z + rng.normal(size=rows)
    return {**{name: x[:, j] for j, name in enumerate(PARTS)}, "Z": z, "Y": y}


def test_ten_replicates_of_the_study() -> None:
    for cell in (CELLS[1], CELLS[6]):
        found = study(cell, 10, np.random.default_rng(0))
        assert min(found.ranges) >= 0.9
        assert found.natural >= 0.8
        assert (found.rejected <= 0.3) == cell.null


@pytest.mark.study
def test_sizes_and_coverage() -> None:
    for at, cell in enumerate(CELLS):
        found = study(cell, 2000, np.random.default_rng([7, at]))
        if cell.null:
            most = 0.08 if cell.rows / cell.parts >= 50 else 0.10
            assert 0.03 <= found.rejected <= most, cell.name
        assert 0.93 <= found.natural <= 0.97, cell.name
        assert min(found.ranges) >= 0.95, cell.name
        assert found.index >= 0.93, cell.name


def test_the_report() -> None:
    report = aggregate.well_defined(
        table(),
        list(PARTS),
        "Y",
        adjust=["Z"],
        sets=[aggregate.Shares(), aggregate.Box(0, 0.6), aggregate.Near(0.5), aggregate.Gamma(2.0)],
    )
    assert report.verdict == "realisation-dependent"
    assert report.test.kind == "HC3"
    shares, box, near, gamma = (one for _, one in report.ranges)
    assert shares.interval[0] < 1 < 3 < shares.interval[1]
    assert box.interval[0] < 1.4 < 2.6 < box.interval[1]
    assert shares.lower < box.lower < box.upper < shares.upper
    assert box.highest == pytest.approx([0.6, 0.0, 0.4], abs=1e-9)
    assert near.lower < report.natural < near.upper
    assert gamma.lower < 0 < gamma.upper
    assert report.spread is not None
    assert report.flip is not None
    assert report.flip.least <= report.flip.radius
    text = str(report)
    assert "natural" in text
    assert "all parts move the total the same way" in text


@pytest.mark.parametrize("seed", range(30))
def test_boxes_and_levers_against_corners(seed: int) -> None:
    """A box's ends are at corners with one part in between: enumerated."""
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 5))
    alpha, weights = rng.normal(size=p), rng.uniform(0.3, 2.0, size=p) * rng.choice([1, 1, -1], size=p)
    low = -rng.uniform(0.0, 1.0, size=p)
    high = low + rng.uniform(1.5, 3.0, size=p)
    best = -np.inf
    for free in range(p):
        for corner in itertools.product((0, 1), repeat=p - 1):
            plan = np.zeros(p)
            rest = [j for j in range(p) if j != free]
            for j, up in zip(rest, corner, strict=True):
                plan[j] = high[j] if up else low[j]
            plan[free] = (1 - weights[rest] @ plan[rest]) / weights[free]
            if low[free] - 1e-12 <= plan[free] <= high[free] + 1e-12:
                best = max(best, float(alpha @ plan))
    if not np.isfinite(best):
        with pytest.raises(DataError, match="never by 1"):
            limits_of(low, high, weights)
        return
    (plan,) = knapsack(alpha[None, :], low, high, weights)
    assert weights @ plan == pytest.approx(1.0)
    assert alpha @ plan == pytest.approx(best)


def test_ends_of_an_ellipsoid_lie_on_it() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    s, alpha, w = root @ root.T, rng.normal(size=4), np.array([1.0, 2.0, 1.0, 0.5])
    spread = spread_of(alpha, None, s, w, np.inf, np.inf, 0.95)
    natural = s @ w / (w @ s @ w)
    known = Effects(alpha, None, w, np.inf, s, float(alpha @ natural), (0.0, 0.0), spread.variance, (0.0, 0.0))
    found = range_of(aggregate.Near(0.7), known, 0.95, rng)
    for plan, end in ((found.lowest, found.lower), (found.highest, found.upper)):
        assert w @ plan == pytest.approx(1.0)
        step = plan - natural
        assert step @ np.linalg.solve(s, step) == pytest.approx(0.49)
        assert alpha @ plan == pytest.approx(end)
    # nothing else at that distance does better
    for _ in range(500):
        step = rng.normal(size=4)
        step -= w * (w @ step) / (w @ w)
        step *= 0.7 / np.sqrt(step @ np.linalg.solve(s, step))
        assert alpha @ (natural + step) <= found.upper + 1e-9


def test_gamma_is_the_tilted_normal() -> None:
    """The largest mean of a standard normal whose density may be doubled or halved: by quadrature."""
    for gamma in (1.5, 2.0, 4.0):
        grid = np.linspace(-10, 10, 400_001)
        density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
        step = grid[1] - grid[0]
        found = aggregate.reach(
            np.linspace(-10, 10, 2001),
            np.interp(np.linspace(-10, 10, 2001), grid, density) * 0.01 / (density.sum() * step),
            gamma,
        )
        assert aggregate.Gamma(gamma).radius == pytest.approx(found.upper, abs=2e-3)


def test_levers_are_mixed() -> None:
    levers = aggregate.Levers(((1.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    report = aggregate.well_defined(table(4000), list(PARTS), "Y", adjust=["Z"], sets=[levers])
    _, found = report.ranges[0]
    assert found.interval[0] < 2.0 < found.interval[1]  # (3 + 1) / 2, and 2: no lever differs
    with pytest.raises(DataError, match="a row for each of 3 parts"):
        aggregate.well_defined(table(), list(PARTS), "Y", sets=[aggregate.Levers(((1.0,), (1.0,)))])


def test_substitution() -> None:
    found = aggregate.substitution(table(4000), list(PARTS), "Y", {"A": 1, "B": -1}, adjust=["Z"])
    assert abs(found.value - 2.0) < 4 * found.se
    with pytest.raises(DataError, match="change the total by 1"):
        aggregate.substitution(table(), list(PARTS), "Y", {"A": 1})
    with pytest.raises(DataError, match="D is no part"):
        aggregate.substitution(table(), list(PARTS), "Y", {"D": 1, "A": -1})


def test_doubly_robust_effects_take_curved_confounding() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=3000)
    x = rng.normal(size=(3000, 2)) + (z**2)[:, None]
    y = x @ [3.0, 1.0] + 4 * z**2 + rng.normal(size=3000)
    data = {"A": x[:, 0], "B": x[:, 1], "Z": z, "Y": y}
    plain = aggregate.well_defined(data, ["A", "B"], "Y", adjust=["Z"])
    robust = aggregate.well_defined(data, ["A", "B"], "Y", adjust=["Z"], method=aggregate.DoublyRobust())
    assert abs(plain.effects - [3, 1]).max() > 1
    assert (abs(robust.effects - [3, 1]) < 4 * robust.effects_se + 0.02).all()


@pytest.mark.parametrize(
    ("alpha", "verdict"), [((5.0, 1.0), "exists"), ((1.0, 1.0), "none"), ((2.95, 1.0), "undetermined")]
)
def test_three_answers_to_condition_9(alpha: tuple[float, float], verdict: str) -> None:
    """The promotion example with noise in the parts, so that prices and promotions can be told apart."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(800, 2))
    x = z + 0.1 * rng.normal(size=(800, 2))
    y = x @ np.array(alpha) + z.sum(axis=1)
    data = {"X1": x[:, 0], "X2": x[:, 1], "Z1": z[:, 0], "Z2": z[:, 1], "Y": y}
    found = aggregate.existence(data, ["X1", "X2"], "Y", confounders=["Z1", "Z2"])
    assert found.verdict == verdict


def test_promotions_that_are_sales_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(100, 2))
    data = {"X1": z[:, 0], "X2": z[:, 1], "Z1": z[:, 0], "Z2": z[:, 1], "Y": z @ [4.0, 2.0]}
    with pytest.raises(DataError, match="collinear"):
        aggregate.existence(data, ["X1", "X2"], "Y", confounders=["Z1", "Z2"])


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], np.ndarray]:
    """A parquet file of more parts than are held whole."""
    rng = np.random.default_rng(0)
    rows, p = 1500, 410
    z = rng.normal(size=rows)
    x = rng.normal(size=(rows, p)) + 0.3 * z[:, None] + 3
    alpha = np.linspace(1.0, 2.0, p)
    each = x * alpha + rng.normal(size=(rows, p))
    names = [f"X{j}" for j in range(p)]
    columns = {name: x[:, j] for j, name in enumerate(names)}
    columns |= {f"Y{j}": each[:, j] for j in range(p)} | {"Y": each.sum(axis=1) + 2 * z, "Z": z}
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=400)
    return path, names, alpha


@pytest.mark.parametrize("adjust", [(), ("Z",)])
@pytest.mark.parametrize("classical", [True, False])
def test_blocks_agree_with_rows_held_whole(
    wide: tuple[Path, list[str], np.ndarray], classical: bool, adjust: tuple[str, ...]
) -> None:
    path, names, _ = wide
    method = aggregate.Joint(classical)
    streamed = aggregate.well_defined(path, names, "Y", adjust=adjust, method=method)
    held = pq.read_table(path).to_pydict()
    whole = aggregate.well_defined(
        {key: np.array(value) for key, value in held.items()}, names, "Y", adjust=adjust, method=method
    )
    assert streamed.effects == pytest.approx(whole.effects)
    assert streamed.effects_se == pytest.approx(whole.effects_se, rel=1e-6 if classical else 2e-2)
    assert streamed.natural == pytest.approx(whole.natural)
    assert streamed.natural_se == pytest.approx(whole.natural_se, rel=0.35)  # slope, or joint scores over leverage
    assert streamed.test.statistic == pytest.approx(whole.test.statistic, rel=1e-6 if classical else 2e-2)


def test_blocks_of_known_effects_and_components(wide: tuple[Path, list[str], np.ndarray]) -> None:
    path, names, alpha = wide
    prices = dict(zip(names, alpha.tolist(), strict=True))
    known = aggregate.well_defined(path, names, "Y", method=aggregate.Known(prices))
    held = {key: np.array(value) for key, value in pq.read_table(path, columns=names).to_pydict().items()}
    whole = aggregate.well_defined(held, names, "Y", method=aggregate.Known(prices))
    assert known.natural == pytest.approx(whole.natural)
    assert known.natural_se == pytest.approx(whole.natural_se, rel=0.01)
    assert known.spread is not None
    assert whole.spread is not None
    assert known.spread.index == pytest.approx(whole.spread.index)
    assert known.ranges[0][1].interval == (1.0, 2.0)
    single = aggregate.well_defined(
        path, names, "Y", method=aggregate.Components({name: f"Y{j}" for j, name in enumerate(names)})
    )
    assert single.effects == pytest.approx(alpha, abs=0.2)
    assert single.ranges[0][1].interval[0] < 1.0 < 2.0 < single.ranges[0][1].interval[1]
    assert single.verdict == "realisation-dependent"


def test_rows_with_holes_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"X{j}" for j in range(401)]
    columns = {name: rng.normal(size=900) for name in names}
    columns["X3"][:7] = np.nan
    path = tmp_path / "holes.parquet"
    pq.write_table(pa.table(columns), path)
    report = aggregate.well_defined(path, names, "Y", method=aggregate.Known(dict.fromkeys(names, 2.0)))
    (check,) = [one for one in report.checks if one.name == "complete rows"]
    assert check.value == 7.0
    assert report.verdict == "well-defined"


@pytest.mark.parametrize(
    ("total", "words"),
    [
        ({"A": 0.0, "B": 0.0}, "All weights are zero"),
        ({"A": np.nan, "B": 1.0}, "part 1 is no number"),
        ({"A": 1.0, "B": 0.0}, "'B' weighs 0"),
        (["A"], "at least two"),
        (["A", "A", "B"], "twice"),
    ],
)
def test_totals_that_are_none(total: dict[str, float] | list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        aggregate.well_defined(table(), total, "Y")


def test_further_bad_input() -> None:
    with pytest.raises(DataError, match="leave out B, C"):
        aggregate.well_defined(table(), list(PARTS), "Y", method=aggregate.Known({"A": 1.0}))
    with pytest.raises(DataError, match="column"):
        aggregate.well_defined(table(), ["A", "Q"], "Y")
    data = table()
    data["T"] = data["A"] + data["B"] + data["C"]
    data["T"][:5] += 1.0
    report = aggregate.well_defined(data, list(PARTS), "Y", total_column="T")
    assert any("In 5 rows" in check.advice for check in report.checks)
    assert umbel.aggregate is aggregate


def test_an_outcome_is_no_part_of_its_own_total() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 50))
    with pytest.raises(DataError, match="'Y' is named as a part of the total"):
        aggregate.well_defined({"X": rows[0], "Y": rows[1]}, ["X", "Y"], "Y")


@pytest.mark.parametrize(("name", "what"), [("Y", "the outcome"), ("X", "a part of the total")])
def test_a_covariate_is_neither_part_nor_outcome(name: str, what: str) -> None:
    """Adjusting for the outcome gave an effect of zero, with an interval of no width."""
    rows = dict(zip(("X", "W", "Y"), np.random.default_rng(0).normal(size=(3, 50)), strict=True))
    with pytest.raises(DataError, match=f"adjust names '{name}', {what}"):
        aggregate.well_defined(rows, ["X", "W"], "Y", adjust=[name])
