"""How much a second study narrows the bounds of PNS: the benchmark of Zaffalon et al. (2023), section 6.2.

    python -m benchmarks.bounds_integration [--models 130] [--workers 2] [--seconds 1.5] [--minutes 60]

Random models of 5 to 15 nodes (Erdős–Rényi graphs, Boolean variables, exogenous variables of at most
64 states); PNS of the first variable for the last from the observational study (O), from a trial of
the first variable (I), and from both. Writes benchmarks/results/bounds_integration.md and the two
panels of their Figure 3, bounds_integration.svg.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from benchmarks.bounds_figure import Panel, figure
from benchmarks.bounds_shared import DATA, MACHINE, RESULTS, table, write
from umbel.estimate.bounds import bound
from umbel.estimate.bounds_arrays import Records, blocks_of, patterns_of, polynomial_of
from umbel.estimate.bounds_found import BoundsFound, BoundsMethod
from umbel.estimate.bounds_restarts import Restarts, restarted
from umbel.estimate.credible import credible_probability
from umbel.report.progress import bar
from umbel.simulate.boolean import random_boolean

FIRST_SEED = 10_000
SMALLEST, LARGEST = 5, 15
RUNS = (10, 30, 100)
"""Restarts of EM in the right panel."""
STEPS = 300
"""Steps of EM at most, as in the published runs; starts are not tilted."""
POINT = 1e-3
"""Shorter intervals with both studies count as identified, and are left out of the shrink as in the paper."""
MARGIN = 0.1
PUBLISHED = {"O added to I": 0.13, "I added to O": 0.18}


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    Parameters
    ----------
    seed, nodes
        What drew it.
    kinds
        Kind of bounds per data set.
    lengths
        Length of the attained interval per data set.
    gap
        Largest difference of attained and certified ends.
    inside
        Whether the truth lies in every interval.
    em_lengths
        Length of EM's interval with 100 restarts per data set.
    nominal, covered
        Per number of restarts: what the credible interval claims, and whether it is so.
    seconds
        Of the exact bounds.
    processor
        Seconds of the processor for the whole model.
    """

    seed: int
    nodes: int
    kinds: dict[str, str]
    lengths: dict[str, float]
    gap: float
    inside: bool
    em_lengths: dict[str, float]
    nominal: dict[int, float]
    covered: dict[int, bool]
    seconds: float
    processor: float

    def shrink(self, added: str, *, em: bool = False) -> float:
        """How much of the interval of one study the other takes away; NaN where there is none to take."""
        before = "I" if added == "O added to I" else "O"
        lengths = self.em_lengths if em else self.lengths
        if self.lengths["O+I"] <= POINT or lengths[before] <= POINT:
            return math.nan
        return 1 - min(lengths["O+I"] / lengths[before], 1.0)


def one_model(seed: int, nodes: int, seconds: float) -> Row:
    """Exact bounds and EM of one random model, from population laws that weigh 1000 and 2000 records."""
    started = time.process_time()
    rng = np.random.default_rng(seed)
    model = random_boolean(nodes, rng=rng)
    programme, studies, truth = model.programme(), model.studies(), model.truth()
    kinds, lengths, em_lengths = {}, {}, {}
    gap, inside = 0.0, True
    begun = time.perf_counter()
    for name, which in DATA.items():
        found = bound(programme, [studies[one] for one in which], rng=rng, method=BoundsMethod(seconds=seconds))
        assert isinstance(found, BoundsFound)
        bounds = found.bounds
        assert bounds.attained is not None and bounds.lower is not None and bounds.upper is not None
        low, high = bounds.attained
        assert low is not None and high is not None
        kinds[name], lengths[name] = bounds.kind, high - low
        gap = max(gap, low - bounds.lower, bounds.upper - high)
        inside &= bounds.lower - 1e-6 <= truth <= bounds.upper + 1e-6
    spent = time.perf_counter() - begun
    blocks = blocks_of(programme)
    weighed = [Records(one.codes, (2000 if one.do else 1000) * one.counts / one.total, one.do) for one in studies]
    top, bottom = polynomial_of(programme.numerator, blocks), polynomial_of(programme.denominator, blocks)
    nominal, covered = {}, {}
    for name, which in DATA.items():
        patterns = [patterns_of(block, [weighed[one] for one in which]) for block in blocks]
        runs = restarted(top, bottom, blocks, patterns, restarts=max(RUNS), rng=rng, tilted=False, steps=STEPS)
        em_lengths[name] = float(np.ptp(runs.values))
        if name == "O+I":
            for count in RUNS:
                nominal[count], covered[count] = credible(runs, count, (low, high))
    return Row(
        seed, nodes, kinds, lengths, gap, inside, em_lengths, nominal, covered, spent, time.process_time() - started
    )


def credible(runs: Restarts, count: int, exact: tuple[float, float]) -> tuple[float, bool]:
    """The credibility of the first restarts, and whether the widened interval holds the exact one."""
    values = np.clip(runs.values[:count], 0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    room = MARGIN * (high - low) + 1e-9
    probability = credible_probability(low, high, count, margin=MARGIN)
    return probability, low - room <= exact[0] and exact[1] <= high + room


def all_models(arguments: argparse.Namespace) -> Iterator[Row]:
    """Rows as they are ready, several at a time, as many as there are minutes for."""
    spread = LARGEST - SMALLEST + 1
    ends = time.monotonic() + 60 * arguments.minutes
    pool = ProcessPoolExecutor(arguments.workers)
    jobs = [
        pool.submit(one_model, FIRST_SEED + at, SMALLEST + at % spread, arguments.seconds)
        for at in range(arguments.models)
    ]
    done = as_completed(jobs)
    for _ in bar(range(len(jobs)), "models", len(jobs)):
        yield next(done).result()
        if time.monotonic() > ends:
            break
    pool.shutdown(cancel_futures=True)


def report(rows: Sequence[Row], seconds: float, workers: int) -> str:
    """The table, and the figure beside it."""
    lines: list[list[object]] = []
    panels = []
    for added, published in PUBLISHED.items():
        values = [one for row in rows if not math.isnan(one := row.shrink(added))]
        em = [one for row in rows if not math.isnan(one := row.shrink(added, em=True))]
        some = [one for one in values if one > POINT]
        lines.append([added, len(values), mean(values), len(some), mean(some), mean(em), published])
        panels.append((added, values))
    sizes = []
    for nodes in sorted({row.nodes for row in rows}):
        own = [row for row in rows if row.nodes == nodes]
        sharp = sum(kind == "sharp" for row in own for kind in row.kinds.values())
        sizes.append([nodes, len(own), f"{sharp} of {3 * len(own)}", max(row.gap for row in own), mean_seconds(own)])
    credibility = [
        [count, mean([row.nominal[count] for row in kept(rows)]), mean([row.covered[count] for row in kept(rows)])]
        for count in RUNS
    ]
    drawn = figure(
        Panel("Shrink of the interval of PNS", panels, published=list(PUBLISHED.values())),
        [(count, claimed, true) for count, claimed, true in credibility],
    )
    (RESULTS / "bounds_integration.svg").write_text(drawn, encoding="utf-8")
    heads = ["what", "models", "mean shrink", "of which shrink", "their mean", "mean by EM", "published"]
    text = table("Bounds of PNS from one study and from two", heads, lines)
    text += "\n" + table(
        "Sizes", ["nodes", "models", "sharp bounds", "largest gap", "s for O, I and O+I"], sizes
    ).replace("# ", "## ", 1)
    text += "\n" + table("Credibility of EM's interval, O+I", ["restarts", "claimed", "true"], credibility).replace(
        "# ", "## ", 1
    )
    processor = sum(row.processor for row in rows)
    outside = sum(not row.inside for row in rows)
    return text + (
        f"\n{len(rows)} models, O, I and O+I each, in {seconds:.0f} s with {workers} processes on a machine with other "
        f"work, {processor:.0f} s of the processor in all; the truth lies outside {outside} of the intervals.\n\n"
        "Shrink is 1 - length(O+I) / length(one study), from attained ends on population laws, over models that both "
        "studies leave unidentified. By EM: 100 untilted restarts of 300 steps, on which the published means stand.\n\n"
        "Claimed: the credible interval's probability that EM's interval, a tenth longer at each end, holds the exact "
        f"one; true: how often it does. {MACHINE}\n"
    )


def kept(rows: Sequence[Row]) -> list[Row]:
    """Models that both studies leave unidentified."""
    return [row for row in rows if row.lengths["O+I"] > POINT]


def mean(values: Sequence[float]) -> float:
    """Mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def mean_seconds(rows: Sequence[Row]) -> float:
    """Mean seconds of the exact bounds."""
    return mean([row.seconds for row in rows])


def main() -> None:
    """Run, and write table and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=130)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5, help="for certifying an end")
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no model is begun")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    rows = sorted(all_models(arguments), key=lambda row: row.seed)
    write("integration", report(rows, time.perf_counter() - begun, arguments.workers))


if __name__ == "__main__":
    main()
