"""The plug-in estimator of nested estimands: laws inside units, models across them.

Weinstein and Blei (JMLR 27(37) 2026), Sections 4-5 and Appendix D: estimate each unit's laws from
its members, learn the factors that run across units, average. The engine reads the estimand
alone; the paper's three motifs are the cases with published numbers. Intervals come from
resampling units and never members, which would count the members' noise twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from umbel.data.friends import with_exposures
from umbel.data.levels import UnitColumn, Wanted
from umbel.data.nested import Nested, collect, counted
from umbel.data.study import Study
from umbel.estimate.conditions import Unsupported
from umbel.estimate.deeper import flattened
from umbel.estimate.doubts import members_check, positivity_checks, whatever_is_unseen
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.friends import laws_pushed, made_up_laws, over_units, pushed_in, reads_in
from umbel.estimate.models import PAPER, UnitModels
from umbel.estimate.program import Engine
from umbel.estimate.reading import Reading, policies_of, reading_of, states_said, unit_data
from umbel.estimate.settled import Given, settled_rows
from umbel.estimate.unit_data import LawValues, UnitData
from umbel.expr.build import leaves
from umbel.expr.nodes import Expr, NumericValue, Raw
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Interval, Row
from umbel.variable import Domain, State

REFERENCE = "Weinstein and Blei. Hierarchical Causal Models. JMLR 27(37), 2026. Sections 4-5, Appendix D."
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitsPlugIn:
    """Plug-in estimates of laws inside units and of factors across them.

    Right as units and members both grow in number. With few members per unit, laws that are only
    averaged over units stay unbiased (see :class:`~umbel.estimate.models.UnitModels`); laws that
    stand in a regression bias it (see the check "members per unit"). One evaluation is O(units),
    but for a binary outcome of the unit by the Gaussian process, which is O(units³).

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
    models: UnitModels = UnitModels()
    name: str = "units"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether the engine can read the estimand; tried on eight made-up units."""
        if study.data is None:
            return Refusal("The study holds summaries and no rows.", "Give the rows of the members as data.")
        try:
            target = replace(target, expr=_plain(target.expr))
            reading = reading_of(target)
            depth = reading.depth
            pushed = bool(pushed_in(target.expr))
            if pushed and study.edges is None:
                raise Unsupported(
                    "The question is pushed through friendships inside units, and the study names no edges.",
                    "Name the table of edges: edges = 'friends.csv', and unit = (key of units, key of members).",
                )
            left_open = any(one.law is None for one in policies_of(target.expr))  # refused below, by its name
            own_key = study.edges is not None and (pushed or left_open)
            if len(study.unit) not in ((depth, depth + 1) if own_key else (depth,)):
                has = counted(len(study.unit), "key column") if study.unit else "no key column"
                needs = counted(depth, "plate")
                raise Unsupported(f"The study has {has}, the estimand {needs} inside units.", "Name one key for each.")
            made_up = _made_up(reading, target.expr)
            _, first = settled_rows(target.expr, target.axes, made_up.states_of_all())[0]
            made_up = replace(made_up, pushed=made_up_laws(target.expr, made_up.states, made_up.units))
            engine = Engine(made_up, replace(self.models, outcome="logistic"))
            engine.number(first)
            if pushed and engine.fitted:
                raise Unsupported(
                    "The formula learns a factor across units, and units whose friendships differ are not alike.",
                    "Ask for an effect on members that is read inside units.",
                )
        except Unsupported as fault:
            return fault.refusal
        return Supported(score=5)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Plug-in estimate with a bootstrap interval over units.

        Raises
        ------
        DataError
            When the tables contradict each other or the problem.
        """
        try:
            target = replace(target, expr=_plain(target.expr))
            friends = None
            if reads := reads_in(target.expr):
                friends = with_exposures(study, reads, domains=target.domains)
                states = {name: Domain(values) for name, values in friends.states.items()}
                target, study = replace(target, domains={**target.domains, **states}), friends.study
            reading = reading_of(target)
            nested = collect(study, reading.wanted, reading.requests())
            data = unit_data(reading, nested)
            if friends is not None:
                data = replace(data, pushed=laws_pushed(target.expr, friends, nested, data.states))
                checks, sources = (*nested.checks, *friends.checks), (*nested.sources, friends.source)
                nested = replace(nested, checks=checks, sources=sources)
            rows = settled_rows(target.expr, target.axes, data.states_of_all())
            engine = Engine(data, self.models)
            values = np.array([engine.number(expr) for _, expr in rows])
            if np.isnan(values).any():
                return Refusal(
                    "Some combination of unit variables that the formula visits has too few units.",
                    "Ask for a coarser condition, or collect more units.",
                )
            sample = self._bootstrap(target, data, [expr for _, expr in rows], rng, watch)
        except Unsupported as fault:
            return fault.refusal
        return self._estimated(target, rows, values, sample, data, nested, study, frozenset(engine.regressed))

    def _bootstrap(
        self, target: Target, data: UnitData, exprs: list[Expr], rng: np.random.Generator, watch: Watch
    ) -> Array:
        """Estimates from resampled units, shape (draws, rows)."""
        costly = self.models.outcome == "process" and _outcome_of_unit(target, data)
        draws = self.draws if self.draws is not None else 40 if costly else 200
        found = np.empty((draws, len(exprs)))
        for draw in watch(range(draws), "bootstrap", draws):
            engine = Engine(data.resampled(rng), self.models)
            found[draw] = [engine.number(expr) for expr in exprs]
        return found

    def _estimated(
        self,
        target: Target,
        settled: tuple[tuple[Given, Expr], ...],
        values: Array,
        sample: Array,
        data: UnitData,
        nested: Nested,
        study: Study,
        regressed: frozenset[str],
    ) -> Estimated:
        rows = tuple(
            self._row(target.term, given, float(value), column, data.independent)
            for (given, _), value, column in zip(settled, values, sample.T, strict=True)
        )
        first = rows[0]
        estimate = Estimate(None, level=self.level, method=self.name)
        if not target.axes:
            ends: Interval | None = None if first.se is None else (first.lower, first.upper)
            estimate = replace(estimate, value=first.value, se=first.se, interval=ends)
        lost = int((~np.isfinite(sample)).any(axis=1).sum())
        advice = f"{lost} of {len(sample)} bootstrap samples lack a combination of unit variables." if lost else ""
        checks = (
            *nested.checks,
            *positivity_checks(target, [expr for _, expr in settled], data),
            *self._unseen(settled, data, regressed),
            *members_check(data, learnt="laws" in regressed),
            Check("bootstrap", lost == 0, float(lost), advice),
            *unused(study, "cluster", "strata", "errors", "edges", "selected"),
        )
        assumptions = self._assumptions(data, regressed, len(sample))
        return Estimated(estimate, rows, checks, assumptions, (REFERENCE,), data.independent, nested.sources)

    def _row(self, term: str, given: Given, value: float, sample: Array, units: int) -> Row:
        usable = sample[np.isfinite(sample)]
        if len(usable) < 2:
            return Row(term, given, value=value)
        se = float(usable.std(ddof=1))
        half = se * float(stdtrit(max(units - 1, 1), 0.5 + 0.5 * self.level))
        return Row(term, given, value=value, se=se, lower=value - half, upper=value + half)

    def _unseen(
        self, settled: tuple[tuple[Given, Expr], ...], data: UnitData, regressed: frozenset[str]
    ) -> Iterable[Check]:
        """How far the answer rests on units that lack members of some kind."""
        if regressed or self.models.shares == "smoothed" or len(settled) > 1:
            return
        bounds = whatever_is_unseen(lambda units: Engine(units, self.models).number(settled[0][1]), data)
        if bounds is not None:
            low, high = bounds
            advice = f"Whatever the members are like that units lack, the answer lies in [{low:.4g}, {high:.4g}]."
            yield Check("units that lack members", False, high - low, advice)

    def _assumptions(self, data: UnitData, regressed: frozenset[str], draws: int) -> tuple[str, ...]:
        found = []
        if self.models.shares == "smoothed":
            found.append("Laws inside units are estimated with one pseudo-count per state.")
        elif any(values.observed is not None and np.isnan(values.observed).any() for values in data.laws.values()):
            found.append(
                "What a unit without members of some kind would show changes smoothly with the share of such members: "
                "it is filled in from the other units."
            )
        if regressed:
            found.append(
                "Factors across units follow the regressions of the paper's Appendix D."
                if self.models == PAPER
                else "Across units, shares and chances follow logistic curves in what they are conditioned on "
                f"(ridge penalty {self.models.penalty:g}), other numbers straight lines."
            )
        whose = "units" if data.outer is None else "outermost units"
        return (*found, f"The interval is normal, from {draws} bootstrap samples of {whose}.")


def _outcome_of_unit(target: Target, data: UnitData) -> bool:
    """Whether the mean of a unit's own binary variable is asked for."""
    read = [leaf.symbol.meaning for leaf in leaves(target.expr) if isinstance(leaf, NumericValue)]
    columns = [data.columns.get(one.name) for one in read if isinstance(one, Raw)]
    return any(column is not None and len(column.states) == 2 for column in columns)


def _plain(expr: Expr) -> Expr:
    """Sums side by side; where friendships count, the mean over units as such."""
    found = flattened(expr)
    return over_units(found) if pushed_in(found) else found


def _made_up(reading: Reading, expr: Expr) -> UnitData:
    """A few random units: enough to see whether the engine can read the estimand."""
    rng = np.random.default_rng(0)
    units = 8
    said = states_said(expr)
    states = {one.variable: _imagined(one, said.get(one.variable, ())) for one in reading.wanted}
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


def _imagined(wanted: Wanted, said: tuple[State, ...]) -> tuple[State, ...]:
    """States of a variable before its rows are seen: the declared ones, or those that are spoken of."""
    if wanted.states is not None:
        return wanted.states.states
    words = any(isinstance(state, str) for state in said)
    return tuple(dict.fromkeys((*said, "another", "and another") if words else (0, 1, *said)))
