"""From the rows of parts and an outcome to what can be said of their total: test, natural effect, ranges.

Section 2.1 and appendix C of Zhu, Budhathoki, Kübler and Janzing, for data: effects of the parts by least
squares, component by component, known prices, or doubly robust; nothing is printed without its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.numerics.aggregation_fit import PartsFit, fit_parts
from umbel.numerics.aggregation_inference import (
    PlanRange,
    SignFlip,
    SpreadEstimate,
    Test,
    exact_test,
    proportionality,
    sign_flip,
    spread_of,
    student,
)
from umbel.numerics.aggregation_linear import natural_direction
from umbel.numerics.aggregation_sets import Effects, PlanSet, Shares, range_of
from umbel.numerics.influence import Influence, Sample, covariance
from umbel.results.check import Check

Array = NDArray[np.float64]

Verdict = Literal["well-defined", "realisation-dependent", "inconclusive"]


@dataclass(frozen=True, slots=True, eq=False)
class PartsData:
    """Complete rows.

    Parameters
    ----------
    names, weights
        The parts, and their weights in the total.
    parts, outcome, covariates
        Shapes (rows, parts), (rows,), (rows, covariates).
    sample
        Counts, weights, clusters.
    """

    names: tuple[str, ...]
    weights: Array
    parts: Array
    outcome: Array
    covariates: Array
    sample: Sample


@dataclass(frozen=True, slots=True, eq=False)
class PartEffects:
    """Effects of the parts with what their errors follow from.

    Parameters
    ----------
    alpha, cov
        Shape (parts,); covariance, None where the effects are known.
    natural, natural_se
        The natural effect of one unit of the total, and its standard error.
    cov_parts
        Covariance of the parts.
    degrees
        Of freedom.
    kind
        What the errors are: ``"HC3"``, ``"clusters"``, ``"classical"``, ``"exact"``.
    rows
        Number of rows.
    """

    alpha: Array
    cov: Array | None
    natural: float
    natural_se: float
    cov_parts: Array
    degrees: float
    kind: str
    rows: float


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Whether the effect of a total is well defined, and what it is for each realisation.

    Parameters
    ----------
    verdict
        ``"realisation-dependent"`` where the test rejects; ``"well-defined"`` where every part's effect is
        shown to be within the margin of the natural one; ``"inconclusive"`` otherwise.
    names, weights
        The parts.
    test
        Of no difference between realisations.
    natural, natural_se, natural_interval
        Effect of one unit of the total by the natural realisation.
    spread
        The heterogeneity index; None where only one pass over single components was made.
    ranges
        Pairs of a set of plans and the range over it; of effects per unit of the total.
    flip
        How far from natural the sign changes.
    effects, effects_se
        Shape (parts,): effect of one unit of the total through each part alone, ``alpha / w``.
    direction
        Shape (parts,): how far each part moves with the total on average.
    margin, level
        Relative margin of equivalence; level of all intervals.
    checks
        Doubts.
    """

    verdict: Verdict
    names: tuple[str, ...]
    weights: Array
    test: Test
    natural: float
    natural_se: float
    natural_interval: tuple[float, float]
    spread: SpreadEstimate | None
    ranges: tuple[tuple[PlanSet, PlanRange], ...]
    flip: SignFlip | None
    effects: Array
    effects_se: Array
    direction: Array
    margin: float
    level: float
    checks: tuple[Check, ...]

    def table(self) -> tuple[dict[str, float | str], ...]:
        """One row per part: its share of a natural change, its effect, and what it adds to the natural effect."""
        share = self.weights * self.direction
        return tuple(
            {
                "part": name,
                "weight": float(self.weights[j]),
                "share": float(share[j]),
                "effect": float(self.effects[j]),
                "se": float(self.effects_se[j]),
                "contribution": float(share[j] * self.effects[j]),
            }
            for j, name in enumerate(self.names)
        )

    def effects_intervals(self) -> tuple[tuple[float, float], ...]:
        """Interval of each part's effect at ``level``, each by itself; of no width where an effect is known."""
        each = zip(self.effects.tolist(), self.effects_se.tolist(), strict=True)
        return tuple(student(effect, se, self.test.degrees[1], self.level) for effect, se in each)

    def __str__(self) -> str:
        low, high = self.natural_interval
        lines = [
            f"verdict      {self.verdict}",
            f"test         F = {self.test.statistic:.4g}, p = {self.test.p:.4g} ({self.test.kind})",
            f"natural      {self.natural:.4g}  [{low:.4g}, {high:.4g}]",
        ]
        if self.spread is not None:
            low, high = self.spread.interval
            lines.append(f"index        {self.spread.index:.4g}  [{low:.4g}, {high:.4g}]")
        if self.flip is not None:
            far, least = self.flip.radius, self.flip.least
            lines.append(f"sign flips   at {far:.4g} standard units from natural, at least {least:.4g}")
        for plans, one in self.ranges:
            ends = f"{one.lower:.4g} to {one.upper:.4g}  [{one.interval[0]:.4g}, {one.interval[1]:.4g}]"
            lines.append(f"range        {ends}: {plans.text}")
        return "\n".join(lines)


def joint_effects(data: PartsData, *, classical: bool = False) -> tuple[PartEffects, PartsFit]:
    """Least squares of the outcome on all parts and covariates; HC3, or by cluster, or one variance.

    Raises
    ------
    DataError
        For collinear parts, and fewer rows than coefficients.
    """
    fit = fit_parts(data.parts, data.outcome, data.covariates, data.sample)
    natural = fit.natural(data.weights)
    cov = fit.classical_cov() if classical else fit.cov()
    se = error_of(natural, data.sample)
    kind = "classical" if classical else "HC3" if data.sample.clusters is None else "clusters"
    rows = float(data.sample.counts.sum())
    return PartEffects(fit.alpha, cov, natural.value, se, fit.cov_parts(), fit.degrees, kind, rows), fit


def component_effects(data: PartsData, outcomes: Array) -> PartEffects:
    """Each part's effect on its own component of the outcome: one slope each.

    Parameters
    ----------
    outcomes
        Shape (rows, parts): what each part brings about, with its weight in the outcome.
    """
    influences = []
    for j in range(len(data.weights)):
        fit = fit_parts(data.parts[:, [j]], outcomes[:, j], data.covariates, data.sample)
        influences.append(fit.effect(np.ones(1)))
    alpha = np.array([one.value for one in influences])
    cov = covariance(influences, data.sample)
    direction, own = _directions(data, alpha)
    scores = np.sum([d * one.scores for d, one in zip(direction, influences, strict=True)], axis=0)
    natural = Influence(float(alpha @ direction), scores + own)
    degrees = data.sample.degrees() - 1.0 - data.covariates.shape[1]
    kind = "HC3" if data.sample.clusters is None else "clusters"
    se = error_of(natural, data.sample)
    rows = float(data.sample.counts.sum())
    return PartEffects(alpha, cov, natural.value, se, _cov(data), max(degrees, 1.0), kind, rows)


def known_effects(data: PartsData, alpha: Array) -> PartEffects:
    """Effects that are known, as prices are: only the natural direction is estimated."""
    direction, own = _directions(data, alpha)
    value = float(alpha @ direction)
    rows = float(data.sample.counts.sum())
    return PartEffects(
        alpha,
        None,
        value,
        error_of(Influence(value, own), data.sample),
        _cov(data),
        data.sample.degrees(),
        "exact",
        rows,
    )


def _cov(data: PartsData) -> Array:
    mass = data.sample.mass
    centred = data.parts - mass @ data.parts
    return np.asarray((centred * mass[:, None]).T @ centred, dtype=np.float64)


def _directions(data: PartsData, alpha: Array) -> tuple[Array, Array]:
    """The natural direction, and the scores of ``alpha'D`` that its estimation adds."""
    mass = data.sample.mass
    direction = natural_direction(_cov(data), data.weights)
    centred = data.parts - mass @ data.parts
    total = centred @ data.weights
    spread = float(mass @ total**2)
    rest = centred @ alpha - float(alpha @ direction) * total
    return direction, rest * total / spread


def error_of(influence: Influence, sample: Sample) -> float:
    """Standard error of one estimate."""
    return float(np.sqrt(max(0.0, float(covariance([influence], sample)[0, 0]))))


def verdict_of(test: Test, shares: PlanRange, natural: float, *, margin: float, level: float, known: bool) -> Verdict:
    """What the test and the range over all realisations say together.

    Parameters
    ----------
    shares
        The range of effects per unit of the total, over every plan that moves all parts the same way.
    natural
        The natural effect.
    margin
        Share of it within which the range must lie for the effect to count as well defined.
    known
        Whether the parts' effects are known, so that no test means no difference.
    """
    if test.rejects(1 - level):
        return "realisation-dependent"
    close = max(shares.interval[1] - natural, natural - shares.interval[0]) <= margin * abs(natural)
    return "well-defined" if close or known else "inconclusive"


def report_of(
    names: Sequence[str],
    weights: Array,
    found: PartEffects,
    *,
    sets: Sequence[PlanSet] = (Shares(),),
    level: float = 0.95,
    margin: float = 0.1,
    checks: Sequence[Check] = (),
    rng: np.random.Generator,
) -> Report:
    """Put test, natural effect, index and ranges together.

    Parameters
    ----------
    names, weights
        The parts; weights that are not zero.
    found
        Their effects.
    sets
        Sets of realisations to range over.
    level
        Of every interval.
    margin
        The effect counts as well defined when every part's effect is shown to be within this share of
        the natural effect.
    """
    alpha, cov, degrees = found.alpha, found.cov, found.degrees
    test = exact_test(alpha, weights) if cov is None else proportionality(alpha, cov, weights, degrees, found.kind)
    half = (1 + level) / 2  # two statements that hold together at the level
    spread = spread_of(alpha, cov, found.cov_parts, weights, degrees, found.rows, level)
    joint = spread_of(alpha, cov, found.cov_parts, weights, degrees, found.rows, half)
    natural_interval = student(found.natural, found.natural_se, degrees, level)
    wide = student(found.natural, found.natural_se, degrees, half)
    effects = Effects(
        alpha,
        cov,
        weights,
        degrees,
        found.cov_parts,
        found.natural,
        wide,
        spread.variance,
        joint.variance_interval,
    )
    ranges = tuple((one, range_of(one, effects, level, rng)) for one in sets)
    plain = next((one for plans, one in ranges if plans == Shares()), None)
    plain = plain or range_of(Shares(), effects, level, rng)
    se = np.zeros_like(alpha) if cov is None else np.sqrt(np.diag(cov))
    return Report(
        verdict_of(test, plain, found.natural, margin=margin, level=level, known=cov is None),
        tuple(names),
        weights,
        test,
        found.natural,
        found.natural_se,
        natural_interval,
        spread,
        ranges,
        sign_flip(found.natural, wide, joint),
        alpha / weights,
        se / np.abs(weights),
        natural_direction(found.cov_parts, weights),
        margin,
        level,
        (*checks, *_doubts(found, len(weights))),
    )


def _doubts(found: PartEffects, parts: int) -> tuple[Check, ...]:
    if found.cov is None:
        return ()
    share = parts / max(found.rows, 1.0)
    advice = f"{parts} parts for {found.rows:g} rows: with more than one part for 20 rows the test's size is rough."
    return (Check("rows for each part", share <= 0.05, 1.0 / share, "" if share <= 0.05 else advice),)
