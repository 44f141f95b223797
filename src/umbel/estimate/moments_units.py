"""Effects through kinds of units: one covariate of the members unmixes the class, moments do the rest.

For estimands in which a unit variable stands between the members' treatment and their outcome, and
a class of the unit confounds them: ``∑_u P(u) ∑_z P(z | u, Q[A] = q) E[Q[Y|A] at q | u, z]``. No law
of the covariate, the doses or the outcomes is assumed (Weinstein and Blei, JMLR 27(37) 2026, for the
units; Mazaheri, Squires and Uhler, AISTATS 2025, for the classes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from umbel.data.levels import Wanted
from umbel.data.nested import Nested, collect
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.errors import DataError
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.expr.build import leaves
from umbel.expr.nodes import DrawnLaw, Expr, Held, Law, Linear, NumericValue, Policy, Probability, Raw
from umbel.expr.unmixing import UnitUnmixing
from umbel.numerics.unit_classes import UnitWeights, bandwidth, nearness, through_mediator, unit_weights
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource, Estimate

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

DRAWS = 400
DOSES = 4
"""Pieces into which doses are cut as a view of the class."""
STRENGTH = 8.0
REFERENCES = (
    "Weinstein, Blei. Hierarchical causal models. JMLR 27(37), 2026.",
    "Mazaheri, Squires, Uhler. Synthetic potential outcomes and causal mixture identifiability. AISTATS, 2025.",
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Names of a mediated effect, and its weighted doses."""

    treatment: str
    mediator: str
    outcome: str
    terms: tuple[tuple[float, DrawnLaw], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """What the units show, one entry per unit that shows everything."""

    states: tuple[int | float | str | bool, ...]
    shares: Array  # (units, states of the treatment)
    means: Array  # (units, states of the treatment)
    members: Array  # (units,)
    mediator: Codes
    covariate: Array  # (units, states of the covariate): shares among the members that were asked
    mass: Array
    checks: tuple[Check, ...]
    source: DataSource


@dataclass(frozen=True, slots=True)
class KindsOfUnits:
    """Weighted moments of units, with a Bayesian bootstrap over them.

    Parameters
    ----------
    level
        Of the intervals.
    name
        What ``[method] name`` takes.
    """

    level: float = 0.95
    name: str = "kinds of units"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Mediated effects of a members' treatment, with the mediator among the views."""
        unmixing = target.unmixing
        if not isinstance(unmixing, UnitUnmixing):
            return Refusal("The estimand speaks of no class of units.", "Leave out [method] name.")
        pattern = _pattern(target.expr)
        if unmixing.kind != "proxy" or pattern is None or unmixing.arm != pattern.mediator:
            return Refusal(
                f"This effect is identified through classes of {unmixing.latent}, and no estimator evaluates it yet.",
                "Evaluate the estimand on a law with the class, or ask for E[Y | do(A ~ Bernoulli(0.8))].",
            )
        if study.data is None or len(study.unit) != 1:
            return Refusal("Kinds of units need rows of members with one key column.", "Give data and unit=....")
        return Supported(100)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Weigh the units by class, then average."""
        unmixing, pattern = target.unmixing, _pattern(target.expr)
        assert isinstance(unmixing, UnitUnmixing) and pattern is not None
        units = _read(study, pattern, unmixing, target)
        if isinstance(units, Refusal):
            return units
        try:
            whole = _value(units, pattern, unmixing.classes, units.mass)
            if whole is None:
                return Refusal(
                    f"The views of {unmixing.latent} have complex roots: its classes are not told apart.",
                    "Ask more members for the covariate, or collect more units.",
                )
            draws = []
            for _ in watch(range(DRAWS), "bootstrap", DRAWS):
                found = _value(units, pattern, unmixing.classes, units.mass * rng.exponential(size=len(units.mass)))
                if found is not None:
                    draws.append(found[0])
        except DataError as fault:
            why, _, advice = str(fault).rpartition(". ")
            return Refusal(f"{why}.", advice)
        value, weights = whole
        tail = (1 - self.level) / 2
        low, high = np.quantile(draws, [tail, 1 - tail]).tolist()
        se = (high - low) / (2 * float(norm.ppf(1 - tail)))  # ratios have long tails: no moment of the draws
        checks = (*units.checks, *_checks(units, pattern, unmixing, weights, len(draws)))
        words = f"The {self.level:.0%} interval holds that share of {DRAWS} bootstrap draws of the units"
        return Estimated(
            Estimate(value, se, (low, high), self.level, self.name),
            (),
            (*checks, *unused(study, "weight", "cluster", "strata", "errors", "edges", "selected")),
            (words,),
            REFERENCES,
            len(units.mass),
            (units.source,),
        )


def _pattern(expr: Expr) -> _Pattern | None:
    """A combination of mediated means under known laws; None when the estimand is of another shape."""
    parts = expr.terms if isinstance(expr, Linear) else ((1.0, expr),)
    names: set[tuple[str, str, str]] = set()
    terms: list[tuple[float, DrawnLaw]] = []
    for weight, part in parts:
        found = _mediated(part)
        if found is None:
            return None
        *key, law = found
        names.add((key[0], key[1], key[2]))
        terms.append((weight, law))
    if len(names) != 1:
        return None
    return _Pattern(*next(iter(names)), tuple(terms))


def _mediated(part: Expr) -> tuple[str, str, str, DrawnLaw] | None:
    """Treatment, mediator, outcome and law of one term."""
    held = [
        (leaf, slot)
        for leaf in leaves(part)
        if isinstance(leaf, Probability)
        for slot in leaf.given
        if isinstance(slot, Held) and isinstance(slot.symbol.meaning, Law)
    ]
    numeric = {leaf.symbol.meaning for leaf in leaves(part) if isinstance(leaf, NumericValue)}
    if len(held) != 1:
        return None
    leaf, slot = held[0]
    law, (of,) = slot.symbol.meaning, leaf.of if len(leaf.of) == 1 else (None,)
    if not isinstance(law, Law) or not isinstance(slot.value, Policy) or slot.value.law is None or law.given:
        return None
    if of is None or isinstance(of, Held) or not isinstance(of.meaning, Raw):
        return None
    outcomes = {
        one.meaning.of[0]
        for other in leaves(part)
        if isinstance(other, Probability)
        for one in other.of
        if not isinstance(one, Held) and isinstance(one.meaning, Law) and one.meaning.given == law.of
    }
    outcome = next(iter(outcomes), None)
    treatment = law.of[0]
    if len(outcomes) != 1 or not isinstance(outcome, Raw) or not isinstance(treatment, Raw):
        return None
    if numeric and numeric != {outcome}:
        return None
    return treatment.name, of.meaning.name, outcome.name, slot.value.law


def _read(study: Study, pattern: _Pattern, unmixing: UnitUnmixing, target: Target) -> _Units | Refusal:
    """Laws inside each unit, its mediator, and its members' covariate, which few of them may show."""
    domains, (x,) = target.domains, unmixing.covariates
    wanted = [
        Wanted(pattern.treatment, 1, domains.get(pattern.treatment)),
        Wanted(pattern.outcome, 1),
        Wanted(pattern.mediator, 0, domains.get(pattern.mediator)),
    ]
    own = any(study.column(x).column in table.columns for table in study.units)
    if own:
        wanted.append(Wanted(x, 0, domains.get(x)))
    nested = collect(study, wanted, [Request((pattern.treatment,), (pattern.outcome,))])
    cells = nested.cells[0]
    keys = {key: i for i, key in enumerate(nested.keys)}
    if own:
        column = nested.columns[x]
        covariate = np.eye(len(column.states))[column.codes]
    else:
        asked = collect(study, [Wanted(x, 1, domains.get(x))], [Request((x,))])
        covariate = np.full((len(keys), asked.cells[0].counts.shape[1]), np.nan)
        for key, counts in zip(asked.keys, asked.cells[0].counts, strict=True):
            if key in keys and counts.sum() > 0:
                covariate[keys[key]] = counts / counts.sum()
    return _kept(nested, covariate, pattern, cells.counts, cells.means[..., 0], cells.states[0])


def _kept(
    nested: Nested,
    covariate: Array,
    pattern: _Pattern,
    counts: Array,
    means: Array,
    states: tuple[int | float | str | bool, ...],
) -> _Units | Refusal:
    """Units that show every arm and the covariate."""
    if len(states) < 2:
        return Refusal(
            f"{pattern.treatment} is {states[0]!r} in every row: an arm is missing.", "Collect rows of both arms."
        )
    whole = np.isfinite(means).all(1)
    shown = np.isfinite(covariate).all(1)
    keep = whole & shown
    if not keep.any():
        return Refusal("No unit shows every arm and the covariate.", "Ask some members of each unit for it.")
    checks = list(nested.checks)
    for name, here in (("units with every arm", whole), ("units with the covariate", shown)):
        share = float(here.mean())
        advice = f"{int((~here).sum())} units were left out." if share < 1 else ""
        checks.append(Check(name, share >= 0.95, share, advice))
    column = nested.columns[pattern.mediator]
    size = counts.sum(1)
    return _Units(
        states,
        (counts / size[:, None])[keep],
        means[keep],
        size[keep],
        column.codes[keep],
        covariate[keep],
        nested.unit_weights[keep],
        tuple(checks),
        nested.sources[-1],
    )


def _doses(units: _Units) -> Array:
    """Indicators of the pieces of the last state's share."""
    share = units.shares[:, -1]
    edges = np.unique(np.quantile(share, np.arange(1, DOSES) / DOSES))
    codes = np.searchsorted(edges, share, side="right")
    _, codes = np.unique(codes, return_inverse=True)
    return np.eye(int(codes.max()) + 1)[codes.reshape(-1)]


def _value(units: _Units, pattern: _Pattern, classes: int, mass: Array) -> tuple[float, UnitWeights] | None:
    """The estimate with units of a given mass."""
    found = unit_weights(_doses(units), units.covariate, units.means, units.mediator, classes, mass=mass)
    if found is None:
        return None
    total = 0.0
    for weight, law in pattern.terms:
        q = np.array([law.weight(state, units.states, {}) for state in units.states])
        noise = float(np.sqrt((q * (1 - q)).max() / np.median(units.members)))
        gap = np.sqrt(((units.shares - q) ** 2).sum(1) / 2)
        near = nearness(gap, 0.0, width=bandwidth(units.shares[:, -1], noise))
        total += weight * through_mediator(found.weights, mass, near, units.mediator, units.means @ q)
    return total, found


def _checks(
    units: _Units, pattern: _Pattern, unmixing: UnitUnmixing, weights: UnitWeights, finished: int
) -> tuple[Check, ...]:
    """Strength of the views, doses near the ones that are set, draws that were numbers."""
    rows = np.bincount(units.mediator)
    least = weights.operators.arm_singular[:, -1]
    strength = float((least * np.sqrt(rows)).min())
    advice = f"Least whitened singular value {float(least.min()):.3g}."
    if strength < STRENGTH:
        advice += f" Classes of {unmixing.latent} are weakly told apart: ask more members, or collect more units."
    checks = [Check("strength of the proxies", strength >= STRENGTH, float(least.min()), advice)]
    for _, law in pattern.terms:
        q = np.array([law.weight(state, units.states, {}) for state in units.states])
        noise = 3 * float(np.sqrt((q * (1 - q)).max() / np.median(units.members)))
        gap = np.sqrt(((units.shares - q) ** 2).sum(1) / 2)
        share = float((gap <= max(noise, 0.02)).mean())
        words = f"{share:.1%} of the units have a law of {pattern.treatment} close to {law.text}."
        checks.append(Check(f"units near {law.text}", share >= 0.02, share, words))
    if finished < DRAWS:
        words = f"{DRAWS - finished} bootstrap draws had complex roots and were left out: the error is too small."
        checks.append(Check("bootstrap", finished >= 0.95 * DRAWS, finished / DRAWS, words))
    return tuple(checks)
