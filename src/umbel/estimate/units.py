"""The plug-in estimator of nested estimands: laws inside units, models across them.

Weinstein and Blei (JMLR 27(37) 2026), Sections 4-5 and Appendix D: estimate each unit's laws from
its members, learn the factors that run across units, average. The engine reads the estimand
alone; the paper's three motifs are the cases with published numbers. Intervals come from
resampling units and never members, which would count the members' noise twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from umbel.data.levels import UnitColumn
from umbel.data.nested import collect
from umbel.data.study import Study
from umbel.estimate.conditions import Unsupported, held_slots, held_table
from umbel.estimate.estimator import Estimated, Supported, Target, unused
from umbel.estimate.models import PaperModels
from umbel.estimate.program import Engine
from umbel.estimate.reading import Reading, reading_of, unit_data
from umbel.estimate.unit_data import LawValues, UnitData, law_features
from umbel.expr.build import leaves
from umbel.expr.nodes import Law, Probability
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

PAPER = "Weinstein and Blei. Hierarchical Causal Models. JMLR 27(37), 2026. Sections 4-5, Appendix D."


@dataclass(frozen=True, slots=True)
class UnitsPlugIn:
    """Plug-in estimates of laws inside units and of factors across them.

    Right as units and members both grow in number; with few members per unit the plug-in is
    biased by about one over the root of their number (see the check "members per unit"). One
    evaluation is O(units), but for a binary outcome of the unit, where the paper's
    Gaussian-process classifier is O(units³).

    Parameters
    ----------
    level
        Level of the interval.
    draws
        Bootstrap samples of units; None: 200, or 40 where each costs O(units³).
    models
        Models across units.
    """

    level: float = 0.95
    draws: int | None = None
    models: PaperModels = PaperModels()
    name: str = "units"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether the engine can read the estimand; tried on eight made-up units."""
        if study.data is None:
            return Refusal("The study holds summaries and no rows.", "Give the rows of the members as data.")
        try:
            reading = reading_of(target)
            if len(study.unit) != 1:
                what = "no key column" if not study.unit else "several outer levels"
                raise Unsupported(f"The study has {what}, the estimand one plate inside units.", "Name it: unit=....")
            Engine(_made_up(reading), replace(self.models, outcome="logistic")).number(target.expr)
        except Unsupported as fault:
            return fault.refusal
        return Supported(score=5)

    def estimate(self, target: Target, study: Study, *, rng: np.random.Generator) -> Estimated | Refusal:
        """Plug-in estimate with a bootstrap interval over units.

        Raises
        ------
        DataError
            When the tables contradict each other or the problem.
        """
        try:
            reading = reading_of(target)
            nested = collect(study, reading.wanted, reading.requests())
            data, lacking = unit_data(reading, nested)
            value = Engine(data, self.models).number(target.expr)
            if math.isnan(value):
                return Refusal(
                    "Some combination of unit variables that the formula visits has too few units.",
                    "Ask for a coarser condition, or collect more units.",
                )
            sample = self._bootstrap(target, data, rng)
        except Unsupported as fault:
            return fault.refusal
        ignored = unused(study, "cluster", "strata", "errors", "edges", "selected")
        checks = (*nested.checks, *_checks(target, data, lacking), *ignored)
        return replace(self._estimated(target, value, sample, data, checks), data=nested.sources)

    def _bootstrap(self, target: Target, data: UnitData, rng: np.random.Generator) -> np.ndarray:
        costly = self.models.outcome == "process" and any(_outcome_of_unit(target, data))
        draws = self.draws if self.draws is not None else 40 if costly else 200
        found = np.empty(draws)
        for draw in range(draws):
            units = rng.integers(0, data.units, data.units)
            found[draw] = Engine(data.taken(units), self.models).number(target.expr)
        return found

    def _estimated(
        self, target: Target, value: float, sample: np.ndarray, data: UnitData, checks: tuple[Check, ...]
    ) -> Estimated:
        usable = sample[np.isfinite(sample)]
        se = float(usable.std(ddof=1)) if len(usable) > 1 else None
        half = None if se is None else se * float(stdtrit(max(data.units - 1, 1), 0.5 + 0.5 * self.level))
        interval = None if half is None else (value - half, value + half)
        lost = len(sample) - len(usable)
        advice = f"{lost} of {len(sample)} bootstrap samples lack a combination of unit variables." if lost else ""
        lower, upper = interval or (None, None)
        return Estimated(
            Estimate(value, se=se, interval=interval, level=self.level, method=self.name),
            (Row(target.term, value=value, se=se, lower=lower, upper=upper),),
            (*checks, Check("bootstrap", lost == 0, float(lost), advice)),
            (
                "Laws inside units are estimated with one pseudo-count per state; factors across units by the "
                "regressions of the paper's Appendix D.",
                f"The interval is normal, from {len(sample)} bootstrap samples of units.",
            ),
            (PAPER,),
            data.units,
        )


def _outcome_of_unit(target: Target, data: UnitData) -> list[bool]:
    """For each factor that conditions on laws: whether it is of a unit's binary variable."""
    return [
        len(data.columns[slot.meaning.name].states) == 2  # type: ignore[union-attr]
        for leaf in leaves(target.expr)
        if isinstance(leaf, Probability) and leaf.given
        for slot in leaf.of
        if getattr(getattr(slot, "meaning", None), "name", None) in data.columns
    ]


def _checks(target: Target, data: UnitData, lacking: tuple[tuple[str, float], ...]) -> tuple[Check, ...]:
    checks = []
    for label, share in lacking:
        advice = (
            f"Up to {share:.1%} of units have no member that tells {label}: there the estimate leans on the others."
        )
        checks.append(Check(f"overlap: {label}", share == 0.0, share, advice if share else ""))
    size = float(np.median(data.sizes))
    advice = "" if size >= 50 else f"Half of the units have at most {size:g} members: the plug-in is biased there."
    checks.append(Check("members per unit", size >= 50, size, advice))
    return (*checks, *_support(target, data))


def _support(target: Target, data: UnitData) -> list[Check]:
    """Whether the law that an intervention sets lies among those that units show."""
    worst: dict[str, float] = {}
    for leaf in leaves(target.expr):
        if isinstance(leaf, Probability):
            for slot in held_slots(leaf.given):
                assert isinstance(slot.symbol.meaning, Law)
                values = data.laws[slot.symbol.meaning]
                table = held_table(slot.symbol.meaning, slot.value, data)[None]
                at = law_features(table, False, True) if not values.averaged else table[:, 1].reshape(1, -1)
                shown = values.features()
                below, above = (shown <= at).mean(axis=0), (shown >= at).mean(axis=0)
                tail = float(np.minimum(below, above).min())
                name = ", ".join(getattr(one, "name", "") for one in slot.symbol.meaning.of)
                worst[name] = min(worst.get(name, 1.0), tail)
    checks = []
    for name, tail in sorted(worst.items()):
        advice = f"No unit lies beyond the law that the intervention sets for {name}: the answer extrapolates."
        checks.append(Check(f"support: {name}", tail > 0.0, tail, "" if tail > 0.0 else advice))
    return checks


def _made_up(reading: Reading) -> UnitData:
    """A few random units with binary variables: enough to see whether the engine can read."""
    rng = np.random.default_rng(0)
    units = 8
    states = {one.variable: (0, 1) if one.states is None else one.states.states for one in reading.wanted}
    laws = {}
    for law, averaged, _ in reading.laws:
        sizes = [len(states[one.name]) for one in (*law.of, *law.given)]  # type: ignore[union-attr]
        shares = np.moveaxis(rng.dirichlet(np.full(sizes[0], 5.0), (units, *sizes[1:])), -1, 1)
        laws[law] = (
            LawValues(rng.uniform(0.2, 0.8, (units, *sizes[1:])), True, True)
            if averaged
            else LawValues(shares, False, True)
        )
    columns = {
        one.variable: UnitColumn(0, np.arange(units) % len(states[one.variable]), states[one.variable])
        for one in reading.wanted
        if one.depth == 0
    }
    inner = {one.variable: states[one.variable] for one in reading.wanted if one.depth}
    return UnitData(np.full(units, 1.0 / units), laws, columns, inner, np.full(units, 100.0))
