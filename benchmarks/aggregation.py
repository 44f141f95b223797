"""Size of the well-definedness test, coverage of natural effects and of ranges: ``python -m benchmarks.aggregation``.

Designs: equally correlated parts (0.3), noise of standard deviation 2, or 2 |X1|; effects all 2 (the
effect of the total is well defined), or from 1.5 to 2.5. Writes ``benchmarks/results/aggregation.md``.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from umbel.estimate.macro_report import PartsData, joint_effects, report_of
from umbel.numerics.aggregation_inference import proportionality
from umbel.numerics.aggregation_linear import heterogeneity, natural_direction
from umbel.numerics.aggregation_sets import Box, Near, Shares
from umbel.numerics.influence import Sample

REPLICATES = 2000
CORRELATION = 0.3
NOISE = 2.0
SETS = (Shares(), Box(0.0, 0.5), Near(0.5))


@dataclass(frozen=True)
class Cell:
    """One design."""

    rows: int
    parts: int
    null: bool
    uneven: bool
    covariate: bool = False

    @property
    def name(self) -> str:
        """In words."""
        words = [f"n = {self.rows}", f"p = {self.parts}", "null" if self.null else "alternative"]
        words += ["uneven noise"] * self.uneven + ["covariate"] * self.covariate
        return ", ".join(words)

    @property
    def alpha(self) -> np.ndarray:
        """Effects of the parts."""
        return np.full(self.parts, 2.0) if self.null else np.linspace(1.5, 2.5, self.parts)

    @property
    def cov(self) -> np.ndarray:
        """Covariance of the parts."""
        spread = 0.25 if self.covariate else 0.0  # what they share through the covariate
        return (1 - CORRELATION) * np.eye(self.parts) + CORRELATION + spread

    def draw(self, rng: np.random.Generator) -> PartsData:
        """One data set."""
        z = rng.normal(size=self.rows) * self.covariate
        own = np.sqrt(1 - CORRELATION) * rng.normal(size=(self.rows, self.parts))
        x = own + np.sqrt(CORRELATION) * rng.normal(size=(self.rows, 1)) + 0.5 * z[:, None]
        noise = NOISE * rng.normal(size=self.rows) * (np.abs(x[:, 0]) if self.uneven else 1.0)
        y = 1.0 + x @ self.alpha + 1.5 * z + noise
        ones = np.ones(self.rows)
        covariates = z[:, None] if self.covariate else np.empty((self.rows, 0))
        names = tuple(f"X{j + 1}" for j in range(self.parts))
        return PartsData(names, np.ones(self.parts), x, y, covariates, Sample(ones, ones))


CELLS = (
    Cell(100, 5, True, False),
    Cell(300, 5, True, False),
    Cell(300, 5, True, True),
    Cell(300, 20, True, False),
    Cell(300, 20, True, True),
    Cell(1000, 20, True, True),
    Cell(100, 5, False, False),
    Cell(300, 5, False, True),
    Cell(300, 5, False, False, True),
)


@dataclass(frozen=True)
class Outcome:
    """Shares over replicates."""

    rejected: float
    classical: float
    natural: float
    index: float
    ranges: tuple[float, ...]
    lower: float
    upper: float


def study(cell: Cell, replicates: int, rng: np.random.Generator) -> Outcome:
    """Repeat one design."""
    weights = np.ones(cell.parts)
    truth = heterogeneity(cell.alpha, cell.cov, weights)
    natural = float(cell.alpha @ natural_direction(cell.cov, weights))
    half = 0.5 * truth.variance**0.5
    ordered = np.sort(cell.alpha)
    plan = np.zeros(cell.parts)
    plan[:2] = 0.5
    ends = ((ordered[0], ordered[-1]), (plan @ ordered, plan @ ordered[::-1]), (natural - half, natural + half))
    rows = []
    for _ in range(replicates):
        data = cell.draw(rng)
        found, fit = joint_effects(data)
        report = report_of(data.names, weights, found, sets=SETS, rng=rng)
        classical = proportionality(fit.alpha, fit.classical_cov(), weights, fit.degrees, "classical")
        low, high = report.natural_interval
        spread = report.spread.interval
        covered = [
            one.interval[0] <= end[0] + 1e-12 and end[1] - 1e-12 <= one.interval[1]
            for (_, one), end in zip(report.ranges, ends, strict=True)
        ]
        shares = report.ranges[0][1]
        rows.append(
            [
                report.test.rejects(),
                classical.rejects(),
                low <= natural <= high,
                spread[0] - 1e-12 <= truth.index <= spread[1] + 1e-12,
                *covered,
                shares.lower,
                shares.upper,
            ]
        )
    mean = np.array(rows, dtype=float).mean(axis=0)
    return Outcome(*mean[:4].tolist(), tuple(mean[4:7].tolist()), *mean[7:].tolist())


def main(replicates: int = REPLICATES) -> None:
    """Run every cell and write the table."""
    start = time.perf_counter()
    lines = [
        "# Totals: size of the test, coverage of natural effects and of ranges",
        "",
        f"{replicates:,} replicates a cell (Monte Carlo error at most "
        f"{100 * 0.5 / replicates**0.5:.1f} points, 0.5 at 5 %); two cores, shared. Test of no difference between",
        "realisations at 5 %: HC3 Wald F, and the classical F. Intervals at 95 %. Ranges: all parts move the same",
        "way; a box 0 to 0.5; within 0.5 standard units of natural. The last columns are the mean estimated ends of",
        "the first range (true: 2 to 2 under the null, 1.5 to 2.5 otherwise).",
        "",
        "| design | HC3 rejects | classical | natural covers | index covers | shares | box | near | lower | upper |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for at, cell in enumerate(CELLS):
        found = study(cell, replicates, np.random.default_rng([7, at]))
        numbers = [found.rejected, found.classical, found.natural, found.index, *found.ranges]
        cells = [f"{one:.3f}" for one in numbers] + [f"{found.lower:.2f}", f"{found.upper:.2f}"]
        lines.append(f"| {cell.name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)  # noqa: T201
    lines += ["", f"{time.perf_counter() - start:.0f} seconds. `python -m benchmarks.aggregation`", ""]
    Path(__file__).parent.joinpath("results", "aggregation.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATES)
