"""Effects of a total by its realisation, from rows: linear in the parts, and so in how they are moved.

``E[Y | do(total = x by R)] = E[Y] + alpha'D_R (x - E[total])`` (Zhu, Budhathoki, Kübler and Janzing, section
3.1 and appendix C): each realisation is a direction, and the natural one is estimated beside the effects.
A total without a realisation gets its range over all of them instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from umbel.data.study import Study
from umbel.errors import DataError
from umbel.estimate.curvature import reach, straight
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.expansion import names_of
from umbel.estimate.flat import Unanswered, answered
from umbel.estimate.macro_report import Report, joint_effects, known_effects, report_of
from umbel.estimate.stacking import STUDY
from umbel.estimate.totals_data import TotalRows, read_total
from umbel.expr.macros import MacroForm, MacroTerm
from umbel.numerics.aggregation_fit import PartsFit, fit_parts, natural_effect
from umbel.numerics.aggregation_inference import PlanRange, share_range
from umbel.numerics.aggregation_sets import Shares
from umbel.numerics.influence import Array, Influence, combined, covariance, mean_of
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Bounds, DataSource, Row

REFERENCES = (
    "Zhu, Budhathoki, Kübler and Janzing. Meaningful causal aggregation and paradoxical confounding. "
    "Causal Learning and Reasoning, 2024.",
)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Where a free total is answered."""


@dataclass(frozen=True, slots=True)
class LinearTotals:
    """Least squares on the parts, with HC3 or clustered errors.

    Parameters
    ----------
    level
        Of the intervals.
    name
        What ``[method] name`` takes.
    """

    level: float = 0.95
    name: str = "totals"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Combinations of means of one outcome under one total."""
        form = target.macro
        if form is None:
            return Refusal("The estimand sets no total.", "Leave out [method] name.")
        if study.data is None or study.unit:
            return Refusal("Effects of totals are estimated from rows of one level.", "Give the rows as data.")
        if STUDY in names_of(target.expr):
            return Refusal("The estimand joins several studies.", "Give one study with parts, outcome and covariates.")
        lacking = _lacking(form, study)
        if lacking is not None:
            return lacking
        return Supported(100)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Read the rows, fit the parts, and move them."""
        del watch
        form = target.macro
        assert form is not None
        try:
            rows = read_total(study, form, target.domains)
            for term in form.terms:
                check_value(rows, term)
            if any(term.value is None for term in form.terms):
                return self._curve(target, study, rows, rng)
            numbers = [(Row(target.term), effect_of(rows, form))]
            return self._finished(target, study, rows, numbers, rng, single=True)
        except Unanswered as fault:
            return fault.refusal

    def _curve(self, target: Target, study: Study, rows: TotalRows, rng: np.random.Generator) -> Estimated:
        """A free total: its slope, and the line at quantiles of what occurs."""
        form = target.macro
        assert form is not None
        if len(form.terms) != 1:
            raise Unanswered(f"{form.total} is free in a sum of terms.", f"Ask for values: {form.total} = 1 by ….")
        (term,) = form.terms
        if term.kind == "point":
            raise Unanswered("point(…) needs the total's value.", f"Write {form.total} = 1 by point(…).")
        slope = slope_of(rows, form, term)
        numbers = [(Row(f"effect of one unit of {form.total}"), slope)]
        for at in np.quantile(rows.total, QUANTILES).tolist():
            at_value = replace(form, terms=(replace(term, value=at),))
            numbers.append((Row(target.term, ((form.total, at),)), effect_of(rows, at_value)))
        return self._finished(target, study, rows, numbers, rng, single=False)

    def _finished(
        self,
        target: Target,
        study: Study,
        rows: TotalRows,
        numbers: Sequence[tuple[Row, Influence]],
        rng: np.random.Generator,
        *,
        single: bool,
    ) -> Estimated:
        form = target.macro
        assert form is not None
        by_parts = [needs_parts(term, form) for term in form.terms]
        lines = straight(rows, form, by_parts=any(by_parts), by_total=not all(by_parts))
        checks = [*rows.checks, *differences(rows, form, self.level, rng), bend(rows, form), *lines, *reach(rows, form)]
        return answered(
            rows.rows,
            numbers,
            method=self.name,
            level=self.level,
            checks=checks,
            assumptions=words(form),
            references=REFERENCES,
            single=single,
            study=study,
        )


def _lacking(form: MacroForm, study: Study) -> Refusal | None:
    """What the table does not hold and the question needs."""
    parts = [name for name in form.parts if not study.holds(name)]
    needs = [term.text for term in form.terms if needs_parts(term, form)]
    if parts and needs:
        return Refusal(
            f"{needs[0]} is about the parts of {form.total}, and the study does not hold {', '.join(parts[:4])}.",
            "Give the parts' columns, or ask by natural.",
        )
    if parts and not study.holds(form.total):
        return Refusal(f"The study holds neither {form.total} nor its parts.", "Name its column in [variables.*].")
    if not study.holds(form.outcome) and not form.outcome_parts:
        return Refusal(f"The study does not hold {form.outcome}.", "Name its column in [variables.*].")
    return None


def needs_parts(term: MacroTerm, form: MacroForm) -> bool:
    """Whether a realisation's effect cannot be read off the total alone."""
    return term.kind != "natural" or bool(set(form.adjust) - set(term.within))


def check_value(rows: TotalRows, term: MacroTerm) -> None:
    """A total that no row comes near is not answered by a line through the others.

    Raises
    ------
    Unanswered
        With the range of the data.
    """
    low, high = float(rows.total.min()), float(rows.total.max())
    if term.value is not None and not low <= term.value <= high:
        raise Unanswered(
            f"The total {term.value:g} lies outside of the data, which reach from {low:g} to {high:g}.",
            "Ask about a value that occurs.",
        )


def effect_of(rows: TotalRows, form: MacroForm) -> Influence:
    """The question's number with its scores."""
    size = len(rows.total)
    pairs: list[tuple[float, Influence]] = [(1.0, Influence(form.constant, np.zeros(size)))]
    pairs += [(term.coefficient, _mean(rows, form, term)) for term in form.terms]
    return combined(pairs)


def _mean(rows: TotalRows, form: MacroForm, term: MacroTerm) -> Influence:
    """``E[Y | do(total = x by R)]``."""
    sample = rows.rows.sample
    outcome = mean_of(rows.outcome, sample)
    if term.kind == "point":
        parts = rows.needed()
        at = np.array(term.point)
        fit = part_fit(rows, form)
        away = at - sample.mass @ parts
        moved = known(form, away, len(rows.total)) if fit is None else fit.effect(away)
        alpha = np.array(form.known) if fit is None else fit.alpha
        own = (parts - sample.mass @ parts) @ alpha
        return Influence(outcome.value + moved.value, outcome.scores + moved.scores - own)
    slope = slope_of(rows, form, term)
    total = mean_of(rows.total, sample)
    assert term.value is not None
    gap = term.value - total.value
    return Influence(
        outcome.value + gap * slope.value, outcome.scores + gap * slope.scores - slope.value * total.scores
    )


def slope_of(rows: TotalRows, form: MacroForm, term: MacroTerm) -> Influence:
    """Effect of one unit of the total under a realisation."""
    sample = rows.rows.sample
    weights = np.array(form.weights)
    if term.kind == "natural":
        within = rows.covariates(term.within)
        if not needs_parts(term, form):  # Theorems 3.1 and 4.1: what is seen is what is done
            return fit_parts(rows.total[:, None], rows.outcome, within, sample).effect(np.ones(1))
        fit = part_fit(rows, form, term.within)
        alpha = np.array(form.known) if fit is None else fit.alpha
        return natural_effect(rows.needed(), weights, alpha, fit, within, sample)
    direction = np.array(term.direction)
    fit = part_fit(rows, form)
    return known(form, direction, len(rows.total)) if fit is None else fit.effect(direction)


def part_fit(rows: TotalRows, form: MacroForm, further: tuple[str, ...] = ()) -> PartsFit | None:
    """The fit of the outcome on the parts; None where their effects are known."""
    if form.known is not None:
        return None
    names = tuple(dict.fromkeys((*form.adjust, *further)))
    return fit_parts(rows.needed(), rows.outcome, rows.covariates(names), rows.rows.sample)


def known(form: MacroForm, direction: Array, size: int) -> Influence:
    """An effect that is known by definition: no row bears on it."""
    return Influence(float(np.array(form.known) @ direction), np.zeros(size))


def words(form: MacroForm) -> tuple[str, ...]:
    """What the method adds to the graph's assumptions."""
    lines = []
    if form.known is not None:
        lines.append(f"{form.outcome} is a known map of the parts of {form.total}.")
    else:
        given = f", given {', '.join(form.adjust)}" if form.adjust else ""
        lines.append(f"The mean of {form.outcome} is linear in the parts of {form.total}{given}.")
    kinds = dict.fromkeys(term.kind for term in form.terms)
    if "natural" in kinds:
        lines.append("The parts' means are linear in the total: the natural realisation is a line.")
    return tuple(lines)


def bend(rows: TotalRows, form: MacroForm) -> Check:
    """Whether the outcome bends away from a line in the total."""
    sample = rows.rows.sample
    centred = rows.total - sample.mean(rows.total)
    design = np.column_stack([centred, rows.covariates(form.adjust)])
    size = float(np.sqrt(sample.mean(centred**2)))
    if size <= 0.0:
        raise Unanswered("The total does not vary in the rows.", "Collect rows in which it does.")
    if len(np.unique(rows.total)) < 3:
        return Check("line in the total", True, None, "The total has two values: a line is all there is.")
    square = (centred / size) ** 2
    try:
        one = fit_parts(square[:, None], rows.outcome, design, sample).effect(np.ones(1))
    except DataError:
        return Check("line in the total", True, None, "")
    error = float(np.sqrt(covariance([one], sample)[0, 0]))
    bent = one.value / error if error > 0.0 else 0.0
    advice = f"{form.outcome} bends away from a line in {form.total} by {abs(bent):.1f} standard errors."
    return Check("line in the total", abs(bent) < 3.0, bent, advice)


def differences(rows: TotalRows, form: MacroForm, level: float, rng: np.random.Generator) -> tuple[Check, ...]:
    """Whether another realisation would have another effect: known to every reader of one."""
    if rows.parts is None or len(form.parts) + len(form.adjust) + 2 >= len(rows.total):
        return ()
    try:
        report = report_on(rows, form, level, rng)
    except DataError:
        return ()
    if report.verdict == "well-defined":
        return (Check("one effect for every realisation", True, report.test.p, ""),)
    low, high = report.ranges[0][1].interval
    advice = (
        f"One unit of {form.total} does between {low:.4g} and {high:.4g} ({100 * level:g}% interval), depending on "
        "which parts bring it about: the answer is for this realisation alone."
    )
    return (Check("one effect for every realisation", False, report.test.p, advice),)


def report_on(rows: TotalRows, form: MacroForm, level: float, rng: np.random.Generator) -> Report:
    """The report of :mod:`umbel.estimate.macro_report` on a form's parts."""
    data = rows.data(form)
    if form.known is not None:
        found = known_effects(data, np.array(form.known))
    else:
        found, _ = joint_effects(data)
    return report_of(form.parts, np.array(form.weights), found, sets=(Shares(),), level=level, rng=rng)


@dataclass(frozen=True, slots=True, eq=False)
class TotalRange:
    """What data say of a question that names no realisation.

    Parameters
    ----------
    report
        Test, natural effect, index, ranges.
    bounds
        Of the number that was asked for, over realisations in which all parts move the same way.
    """

    report: Report
    bounds: Bounds
    checks: tuple[Check, ...]
    assumptions: tuple[str, ...]
    source: DataSource
    references: tuple[str, ...] = REFERENCES


def range_of_total(
    form: MacroForm, study: Study, *, level: float = 0.95, rng: np.random.Generator
) -> TotalRange | Refusal:
    """The range of a macro question over realisations, with the test of whether it matters.

    Parameters
    ----------
    form
        The question in numbers; its terms name no realisation.
    study
        Rows of the parts, the outcome and the covariates.
    level
        Of the intervals and the test.
    """
    if study.data is None or study.unit or any(not study.holds(name) for name in form.parts):
        return Refusal("The range over realisations needs rows of the parts.", "Give the parts' columns.")
    lacking = _lacking(form, study)
    if lacking is not None:
        return lacking
    try:
        rows = read_total(study, form, {})
        for term in form.terms:
            check_value(rows, term)
        if any(term.value is None for term in form.terms):
            raise Unanswered(f"{form.total} is free.", f"Ask about values: do({form.total} = 1).")
        report = report_on(rows, form, level, rng)
        found = _ends(rows, form, report.test.degrees[1], level, rng)
    except Unanswered as fault:
        return fault.refusal
    lower, upper = sorted((found.lower, found.upper))
    bounds = Bounds(lower, upper, "outer", interval=found.interval)
    line = f"Every part of {form.total} moves the total the same way; the parts move from where each unit has them."
    return TotalRange(
        report,
        bounds,
        (*rows.checks, bend(rows, form), *report.checks, *unused(study, "errors", "edges", "selected")),
        (*words(form), line),
        rows.rows.source,
    )


def _ends(rows: TotalRows, form: MacroForm, degrees: float, level: float, rng: np.random.Generator) -> PlanRange:
    """Each part alone as a realisation of the whole question, and the range over mixtures of them."""
    numbers = []
    for place, weight in enumerate(form.weights):
        alone = tuple(1.0 / weight if j == place else 0.0 for j in range(len(form.weights)))
        terms = tuple(replace(term, kind="shift", direction=alone) for term in form.terms)
        numbers.append(effect_of(rows, replace(form, terms=terms)))
    values = np.array([one.value for one in numbers])
    cov = covariance(numbers, rows.rows.sample)
    if np.sqrt(np.diag(cov)).max() <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return share_range(values, None, degrees, level, rng)
    finite = degrees if np.isfinite(degrees) else rows.rows.sample.degrees()
    return share_range(values, cov, finite, level, rng)
