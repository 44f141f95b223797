"""Reports on totals of thousands of parts: from blocks of rows, never the table whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.blocks import blocks
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.estimate.macro_report import PartEffects, Report, report_of, verdict_of
from umbel.numerics.aggregation_fit import slope_fit
from umbel.numerics.aggregation_inference import (
    SpreadEstimate,
    Test,
    exact_test,
    separate_test,
    share_range,
    sign_flip,
    spread_along,
    student,
)
from umbel.numerics.aggregation_sets import PlanSet, Shares
from umbel.numerics.aggregation_stream import (
    Streamed,
    component_stream,
    joint_stream,
    known_stream,
)
from umbel.numerics.influence import Influence, Sample, covariance
from umbel.results.check import Check

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where the blocks come from.

    Parameters
    ----------
    study
        Rows in a file or database.
    parts, weights
        Names and weights of the micro-variables.
    outcomes
        Columns of the outcome with their weights.
    adjust
        Covariates, numbers all.
    holes
        Rows with holes, block by block of the last pass.
    """

    study: Study
    parts: tuple[str, ...]
    weights: Array
    outcomes: tuple[tuple[str, float], ...]
    adjust: tuple[str, ...] = ()
    holes: list[int] = field(default_factory=list)

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Blocks of some columns; how many rows had holes is kept for the report."""
        self.holes.clear()
        for block, holes in blocks(self.study, names):
            self.holes.append(holes)
            yield block

    def told(self, report: Report) -> Report:
        """The report with the rows that were left out."""
        count = float(sum(self.holes))
        advice = f"{count:g} rows have holes and were left out." if count else ""
        return replace(report, checks=(Check("complete rows", count == 0, count, advice), *report.checks))

    def joint(self) -> Iterator[Array]:
        """Parts, covariates, the outcome as one column."""
        p, k = len(self.parts), len(self.adjust)
        names = [*self.parts, *self.adjust, *(name for name, _ in self.outcomes)]
        share = np.array([weight for _, weight in self.outcomes])
        for block in self.read(names):
            if len(share) == 1 and share[0] == 1.0:
                yield block
            else:
                yield np.column_stack([block[:, : p + k], block[:, p + k :] @ share])

    def alone(self) -> Iterator[Array]:
        """The parts."""
        yield from self.read(self.parts)

    def components(self) -> Iterator[Array]:
        """The parts, then each one's component of the outcome."""
        yield from self.read([*self.parts, *(name for name, _ in self.outcomes)])


def large_joint(
    source: Source,
    *,
    robust: bool,
    sets: Sequence[PlanSet],
    level: float,
    margin: float,
    rng: np.random.Generator,
) -> Report:
    """Least squares on all parts: one pass with the classical test, two with HC3."""
    found = joint_stream(source.joint, source.weights, len(source.adjust), robust=robust)
    assert found.cov is not None and found.cov_parts is not None
    natural, se = _natural(found)
    kind = "HC3" if robust else "classical"
    effects = PartEffects(found.alpha, found.cov, natural, se, found.cov_parts, found.degrees, kind, float(found.rows))
    report = report_of(source.parts, source.weights, effects, sets=sets, level=level, margin=margin, rng=rng)
    return source.told(report)


def large_known(source: Source, alpha: Array, *, level: float, margin: float) -> Report:
    """Known effects: one pass."""
    found = known_stream(source.alone, source.weights, alpha)
    slope, se = _slope(found.total, found.joint)
    along = slope**2 * float(found.total.var())
    spread = spread_along(max(float(found.joint.var()) - along, 0.0), along, float(found.rows), level)
    return source.told(_assembled(source, found, exact_test(alpha, source.weights), slope, se, spread, level, margin))


def large_components(source: Source, *, level: float, margin: float) -> Report:
    """Each part on its own component: one pass."""
    if len(source.outcomes) != len(source.parts) or source.adjust:
        raise DataError("Single components need one outcome for each part, and no covariates: ask for a joint fit.")
    share = np.array([weight for _, weight in source.outcomes])
    found = component_stream(source.components, source.weights, share)
    assert found.cov is not None
    slope, se = _slope(found.total, found.outcome)
    test = separate_test(found.alpha, found.cov, source.weights, slope, found.degrees)
    return source.told(_assembled(source, found, test, slope, se, None, level, margin))


def _slope(total: Array, outcome: Array) -> tuple[float, float]:
    """The natural effect where nothing confounds: the slope on the total, with HC3."""
    ones = np.ones(len(total))
    sample = Sample(ones, ones)
    slope, _ = slope_fit(total, outcome, np.empty((len(total), 0)), sample)
    return slope.value, float(np.sqrt(covariance([slope], sample)[0, 0]))


def _natural(found: Streamed) -> tuple[float, float]:
    """The natural effect ``alpha'D`` with its error; without covariates it is the slope on the total."""
    if found.scores is None:
        return _slope(found.total, found.outcome)
    spread = float(found.total.var())
    slope = float(found.alpha @ found.with_total) / spread
    second = (found.joint - slope * found.total) * found.total / spread
    ones = np.ones(found.rows)
    one = Influence(slope, found.scores + second)
    return slope, float(np.sqrt(covariance([one], Sample(ones, ones))[0, 0]))


def _assembled(
    source: Source,
    found: Streamed,
    test: Test,
    slope: float,
    se: float,
    spread: SpreadEstimate | None,
    level: float,
    margin: float,
) -> Report:
    """A report from vectors alone."""
    weights = source.weights
    variances = None if found.cov is None else found.cov / weights**2
    shares = share_range(found.alpha / weights, variances, found.degrees, level, np.random.default_rng(0))
    interval = student(slope, se, found.degrees, level)
    checks = () if found.cov is not None else (Check("known effects", True, None, ""),)
    return Report(
        verdict_of(test, shares, slope, margin=margin, level=level, known=found.cov is None),
        source.parts,
        weights,
        test,
        slope,
        se,
        interval,
        spread,
        ((Shares(), shares),),
        None if spread is None else sign_flip(slope, interval, spread),
        found.alpha / weights,
        np.zeros_like(found.alpha) if variances is None else np.sqrt(variances),
        found.with_total / float(found.total.var()),
        margin,
        level,
        checks,
    )
