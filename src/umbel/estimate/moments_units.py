"""Effects through kinds of units: covariates of the members unmix the class, moments do the rest.

For estimands in which a class of the unit confounds, and one member's covariate (beside two further
views), several members' or two covariates tell the classes apart. No law of the covariate, the doses
or the outcomes is assumed (Weinstein and Blei, JMLR 27(37) 2026, for the units; Mazaheri, Squires and
Uhler, AISTATS 2025, for the classes; Rabani, Schulman and Swamy 2014, for replicates).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from umbel.data.study import Study
from umbel.errors import DataError
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.moments_checks import CONTRADICTED, LEVEL, refused, status_check
from umbel.estimate.moments_units_data import Units, read_units
from umbel.estimate.moments_units_number import number_checks, units_rank, with_number
from umbel.estimate.moments_units_pattern import Pattern, pattern_of
from umbel.expr.unmixing import UnitUnmixing
from umbel.numerics.unit_classes import (
    UnitWeights,
    bandwidth,
    nearness,
    purity,
    through_mediator,
    unit_weights,
    weights_of,
    within_classes,
)
from umbel.results.check import Check, p_words
from umbel.results.step import Refusal
from umbel.results.value import Estimate

Array = NDArray[np.float64]

DRAWS = 400
REFERENCES = (
    "Weinstein and Blei. Hierarchical causal models. JMLR 27(37), 2026.",
    "Mazaheri, Squires and Uhler. Synthetic potential outcomes and causal mixture identifiability. AISTATS, 2025.",
)


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
        """Effects of three shapes, unmixed by views that fit them."""
        unmixing = target.unmixing
        if not isinstance(unmixing, UnitUnmixing):
            return Refusal("The estimand speaks of no class of units.", "Leave out [method] name.")
        pattern = pattern_of(target.expr, unmixing)
        if pattern is None or target.axes or not _fits(pattern, unmixing):
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
        unmixing = target.unmixing
        assert isinstance(unmixing, UnitUnmixing)
        pattern = pattern_of(target.expr, unmixing)
        assert pattern is not None
        found = _numbered(study, pattern, unmixing, target)
        if isinstance(found, Refusal):
            return found
        units, unmixing, classes, numbers = found
        pure = _purity(units, unmixing, classes)
        if isinstance(pure, Refusal):
            return refused(pure, numbers)
        shown = (*numbers, *pure)
        try:
            whole = _value(units, pattern, classes, units.mass)
            if whole is None:
                complex_roots = Refusal(
                    f"The views of {unmixing.latent} have complex roots: its classes are not told apart.",
                    "Ask more members for the covariate, or collect more units.",
                )
                return refused(complex_roots, (*shown, Check("roots", False, None, complex_roots.why)))
            draws = []
            for _ in watch(range(DRAWS), "bootstrap", DRAWS):
                drawn = _value(units, pattern, classes, units.mass * rng.exponential(size=len(units.mass)))
                if drawn is not None:
                    draws.append(drawn[0])
        except DataError as fault:
            why, _, advice = str(fault).rpartition(". ")
            return refused(Refusal(f"{why}.", advice), shown)
        value, _ = whole
        if not np.isfinite(value) or len(draws) < DRAWS // 2:
            weak = Refusal(
                f"Classes of {unmixing.latent} are told apart too weakly: half of the bootstrap draws have no answer.",
                "Ask more members for the covariate, or collect more units.",
            )
            return refused(weak, (*shown, *_finished(len(draws))))
        tail = (1 - self.level) / 2
        low, high = np.quantile(draws, [tail, 1 - tail]).tolist()
        se = (high - low) / (2 * float(norm.ppf(1 - tail)))  # ratios have long tails: no moment of the draws
        doubts = (*shown, *_near(units, pattern), *_finished(len(draws)))
        checks = (*units.checks, status_check(doubts), *doubts)
        words = f"The {100 * self.level:g}% interval holds that share of {DRAWS} bootstrap draws of the units."
        return Estimated(
            Estimate(value, se, (low, high), self.level, self.name),
            (),
            (*checks, *unused(study, "weight", "cluster", "strata", "errors", "edges", "selected")),
            (words,),
            REFERENCES,
            len(units.mass),
            (units.source,),
        )


def _fits(pattern: Pattern, unmixing: UnitUnmixing) -> bool:
    """Whether the views that the shape reads are those that unmix the class."""
    if unmixing.kind != "proxy":
        return pattern.kind != "composed"
    match pattern.kind:
        case "mediated":
            return unmixing.arm == pattern.outer
        case "composed":
            return unmixing.arm is None
        case "direct":
            return False


def _purity(units: Units, unmixing: UnitUnmixing, classes: int) -> tuple[Check, ...] | Refusal:
    """Whether units of one class have one law of the covariate, where members are views of their own."""
    if unmixing.kind != "replicates" or units.counts is None:
        return ()
    (x,), needed = unmixing.covariates, 2 * classes
    asked = units.counts.sum(1)
    many = asked >= needed
    if units.counts.shape[1] != 2 or many.sum() < 100:
        words = f"Not tested: that takes {needed} members of a binary {x} in at least 100 units."
        return (Check("purity", False, None, words),)
    test = purity(units.counts[many, 1], asked[many], classes)
    words = f"Determinant of the moments of {x} {test.determinant:.2g}, z = {test.z:.1f}, {p_words(test.p_value)}."
    if test.p_value < CONTRADICTED:
        impure = Refusal(
            f"Units of one class of {unmixing.latent} differ in their law of {x}: z = {test.z:.1f}. Members of a unit "
            "are then no independent views of its class.",
            f"Drop 'assume shared {x}' and measure a second covariate that {unmixing.latent} drives: three views need "
            "no pure classes; or declare more classes.",
        )
        return replace(impure, checks=(Check("purity", False, test.p_value, words),))
    return (Check("purity", test.p_value >= LEVEL, test.p_value, words),)


def _value(units: Units, pattern: Pattern, classes: int, mass: Array) -> tuple[float, UnitWeights] | None:
    """The estimate with units of a given mass."""
    if units.splits is None:
        found = unit_weights(units.first, units.covariate, units.second, units.within, classes, mass=mass)
        covariate = units.covariate
    else:
        splits = units.splits
        n, s = splits.shares.shape
        share = (splits.shares * np.bincount(units.alike, mass, n)[:, None]).ravel()
        found = unit_weights(
            np.repeat(units.first, s, axis=0),
            np.tile(splits.first, (n, 1)),
            np.tile(splits.second, (n, 1)),
            np.zeros(n * s, dtype=np.int64),
            classes,
            mass=share,
        )
        covariate = splits.covariate[units.alike]
    if found is None:
        return None
    weights = weights_of(covariate, found)
    total = 0.0
    for weight, law in pattern.laws:
        q = np.array([law.weight(state, units.states, {}) for state in units.states])
        noise = float(np.sqrt((q * (1 - q)).max() / np.median(units.members)))
        gap = np.sqrt(((units.shares - q) ** 2).sum(1) / 2)
        near = nearness(gap, 0.0, width=bandwidth(units.shares[:, -1], noise))
        if pattern.kind == "direct":
            total += weight * within_classes(weights, mass, near, units.outcome)
            continue
        response = np.ones_like(weights) if pattern.pooled else None
        total += weight * through_mediator(weights, mass, near, units.outer, units.means @ q, response=response)
    for weight, state in pattern.arms:
        if state not in units.outer_states:
            raise DataError(f"{pattern.outer} is never {state!r} in the units. Ask about values that occur.")
        arm_is = (units.outer == units.outer_states.index(state)).astype(np.float64)
        total += weight * within_classes(weights, mass, arm_is, units.outcome)
    return total, found


def _numbered(
    study: Study, pattern: Pattern, unmixing: UnitUnmixing, target: Target
) -> tuple[Units, UnitUnmixing, int, tuple[Check, ...]] | Refusal:
    """The units, read for the stated number of classes or for the one that a test finds."""
    stated = unmixing if unmixing.classes is not None else with_number(unmixing, 2)
    units = read_units(study, pattern, stated, target)
    if isinstance(units, Refusal):
        return units
    rank = units_rank(units, unmixing)
    classes = unmixing.classes or rank.classes()
    if classes < 2:
        one = Refusal(
            f"{unmixing.covariates[0]} and what stands beside it, {', '.join(unmixing.views)}, show one class of "
            f"{unmixing.latent}: they are independent.",
            f"Measure a covariate that depends on {unmixing.latent}, or ask more members.",
        )
        return refused(one, number_checks(units, unmixing, rank, 2))
    numbers = number_checks(units, unmixing, rank, classes)
    if unmixing.classes is None and classes > 2:
        stated = with_number(unmixing, classes)
        again = read_units(study, pattern, stated, target)
        if isinstance(again, Refusal):
            return refused(again, numbers)
        units = again
    return units, stated, classes, numbers


def _near(units: Units, pattern: Pattern) -> tuple[Check, ...]:
    """Doses near the ones that are set."""
    checks = []
    for _, law in pattern.laws:
        q = np.array([law.weight(state, units.states, {}) for state in units.states])
        noise = 3 * float(np.sqrt((q * (1 - q)).max() / np.median(units.members)))
        gap = np.sqrt(((units.shares - q) ** 2).sum(1) / 2)
        share = float((gap <= max(noise, 0.02)).mean())
        words = f"{share:.1%} of the units have a law of {pattern.inner} close to {law.text}."
        checks.append(Check(f"units near {law.text}", share >= 0.02, share, words))
    return tuple(checks)


def _finished(draws: int) -> tuple[Check, ...]:
    """Draws that were numbers, where some were not."""
    if draws == DRAWS:
        return ()
    words = f"{DRAWS - draws} bootstrap draws had complex roots and were left out: the error is too small."
    return (Check("bootstrap", draws >= 0.95 * DRAWS, draws / DRAWS, words),)
