"""Flat estimands of numbers with many values, by Monte Carlo through fitted kernels.

The last resort: every law of the estimand is learnt by a regression, bound variables are drawn,
and rows (or clusters) are resampled for the interval. No double robustness is claimed, and the
answer says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from umbel.data.rows import Rows
from umbel.data.study import Study
from umbel.estimate.bends import bends_of
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.expansion import (
    Average,
    Constant,
    Formula,
    Mix,
    NotFlat,
    Ratio,
    formula_of,
    names_of,
)
from umbel.estimate.flat import Case, Unanswered, blank_row, cases_of, refused_study, rows_of
from umbel.estimate.kernels import Kernels
from umbel.estimate.means import chained, with_means
from umbel.estimate.particles import Particles
from umbel.estimate.presence import visited
from umbel.expr.build import free, substituted
from umbel.expr.nodes import AtState, Expr, Held, Raw, Symbol
from umbel.numerics.influence import Sample
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

Array = NDArray[np.float64]

REFERENCES = ("Robins. A new approach to causal inference in mortality studies. Mathematical Modelling 7, 1986.",)

MOST_DRAWS = 100_000


@dataclass(frozen=True, slots=True)
class FittedKernels:
    """Monte Carlo through kernels that are fitted by ridge regressions.

    Right when every regression is: means of second degree with residuals of one law, log odds of
    second degree. O(draws * (laws + samples * laws)).

    Parameters
    ----------
    level
        Level of the interval.
    draws
        Draws of an outermost sum.
    inner
        Draws of a sum inside a quotient, per draw around it.
    samples
        Bootstrap samples.
    """

    level: float = 0.95
    draws: int = 4000
    inner: int = 50
    samples: int = 100
    name: str = "kernels"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether the estimand is flat."""
        refusal = refused_study(target, study)
        if refusal is not None:
            return refusal
        try:
            names_of(target.expr)
        except NotFlat as fault:
            return Refusal(str(fault), "Use an estimator of units.")
        return Supported(score=2)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Fit, draw, average; then again on resampled rows.

        Raises
        ------
        DataError
            When the table contradicts the problem.
        """
        try:
            rows = rows_of(target, study)
            cases = [_settled(case, rows) for case in cases_of(target, rows)]
            seed, other = (int(one) for one in rng.integers(2**31, size=2))
            kernels = Kernels(rows)
            twice = np.stack([self._values(cases, kernels, seed), self._values(cases, kernels, other)])
            values = twice.mean(axis=0)
            if not np.isfinite(values).all():
                raise Unanswered("The estimand is undefined at these values.", "Ask about values that occur.")
            found = np.empty((self.samples, len(cases)))
            for at in watch(range(self.samples), "bootstrap", self.samples):
                found[at] = self._values(cases, Kernels(_resampled(rows, rng)), seed)
        except Unanswered as fault:
            return fault.refusal
        return self._estimated(target, study, kernels, cases, twice, found)

    def _values(self, cases: Sequence[Case], kernels: Kernels, seed: int) -> Array:
        draws = max(self.draws, min(4 * kernels.rows.size, MOST_DRAWS))  # else luck would outweigh many rows
        particles = Particles(kernels, draws, self.inner, seed)
        return np.array([_value(case.expr, particles) for case in cases])

    def _estimated(
        self, target: Target, study: Study, kernels: Kernels, cases: Sequence[Case], twice: Array, found: Array
    ) -> Estimated:
        rows = kernels.rows
        values = twice.mean(axis=0)
        usable = found[np.isfinite(found).all(axis=1)]
        errors = usable.std(axis=0, ddof=1) if len(usable) > 1 else np.full(len(cases), np.nan)
        reach = float(stdtrit(rows.sample.degrees(), 0.5 + 0.5 * self.level))
        table = []
        for case, value, se in zip(cases, values.tolist(), errors.tolist(), strict=True):
            blank = blank_row(target, case)
            table.append(Row(blank.term, blank.given, "estimate", value, se, value - reach * se, value + reach * se))
        first = table[0]
        estimate = Estimate(None, level=self.level, method=self.name)
        if not target.axes:
            estimate = Estimate(first.value, first.se, (first.lower, first.upper), self.level, self.name)
        luck = float(np.max(np.abs(twice[0] - twice[1]) / 2.0 / np.maximum(errors, 1e-300)))
        lucky = f"Other draws move the estimate by {luck:.2g} standard errors: take more draws."
        lost = len(found) - len(usable)
        advice = f"{lost} of {len(found)} bootstrap samples gave no number." if lost else ""
        what = f"clusters of {rows.clustered}" if rows.clustered else "rows"
        return Estimated(
            estimate,
            tuple(table),
            (
                *rows.checks,
                *(one for need in target.requirements if (one := visited(need, rows)) is not None),
                *bends_of(kernels),
                Check("bootstrap", lost == 0, float(lost), advice),
                Check("Monte Carlo error", luck < 0.25, luck, "" if luck < 0.25 else lucky),
                *unused(study, "errors", "edges", "selected"),
            ),
            (
                "Every law of the estimand is learnt by a ridge regression of second degree (numbers: residuals of "
                "one law; states: log odds). The answer is right only if all of them are: nothing protects it.",
                f"The {100 * self.level:g}% interval is normal, from {len(found)} bootstrap samples of {what}.",
            ),
            REFERENCES,
            rows.source.units,
            (rows.source,),
        )


def _value(expr: Expr, particles: Particles) -> float:
    """The estimand's value: average by average where it can be taken apart, else as it stands."""
    try:
        formula = formula_of(expr)
    except NotFlat:
        return particles.value(with_means(chained(expr)))
    return _formula_value(formula, particles)


def _formula_value(formula: Formula, particles: Particles) -> float:
    match formula:
        case Average():
            return particles.value(with_means(chained(formula.expr())))
        case Constant(value):
            return value
        case Mix(terms):
            return sum(weight * _formula_value(term, particles) for weight, term in terms)
        case Ratio(numerator, denominator):
            below = _formula_value(denominator, particles)
            return _formula_value(numerator, particles) / below if below else float("nan")


def _settled(case: Case, rows: Rows) -> Case:
    """The case with variables on which it does not depend held at their commonest, or middle, value."""
    fixed: dict[Symbol, Held] = {}
    for symbol in sorted(free(case.expr), key=str):
        assert isinstance(symbol.meaning, Raw)
        column = rows.columns[symbol.meaning.name]
        if column.codes is None:
            order = np.argsort(column.values, kind="stable")
            middle = np.searchsorted(rows.sample.mass[order].cumsum(), 0.5)
            state: float | int | str = float(column.values[order][min(int(middle), rows.size - 1)])
        else:
            state = column.states[int(np.bincount(column.codes, rows.sample.mass).argmax())]
        fixed[symbol] = Held(symbol, AtState(state))
    return replace(case, expr=substituted(case.expr, dict(fixed)))


def _resampled(rows: Rows, rng: np.random.Generator) -> Rows:
    """Rows drawn with replacement; whole clusters, within strata, where there are any."""
    sample = rows.sample
    times = np.zeros(rows.size)
    groups = sample.clusters
    strata = np.zeros(rows.size, dtype=np.int64) if sample.strata is None else sample.strata
    for stratum in np.unique(strata):
        here = np.flatnonzero(strata == stratum)
        if groups is None:
            total = sample.counts[here].sum()
            times[here] = rng.multinomial(int(total), sample.counts[here] / total)
        else:
            found, index = np.unique(groups[here], return_inverse=True)
            drawn = rng.multinomial(len(found), np.full(len(found), 1.0 / len(found)))
            times[here] = drawn[index.reshape(-1)] * sample.counts[here]
    kept = np.flatnonzero(times)
    clusters = None if groups is None else groups[kept]
    left = None if sample.strata is None else sample.strata[kept]
    return rows.taken(kept, Sample(times[kept], sample.weights[kept], clusters, left))
