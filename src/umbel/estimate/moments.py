"""Effects in latent classes, and averages over them, by maximum likelihood and by the bridge.

The estimator of every estimand that speaks of a latent class. It says how many classes the proxies
show, how well, whether the model fits, and refuses where the data contradict what the graph asks of
them (Mazaheri, Squires and Uhler, AISTATS 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.moments_bootstrap import ClassBootstrap, refitted
from umbel.estimate.moments_bridge import DRAWS, bridged
from umbel.estimate.moments_checks import (
    CONTRADICTED,
    checks_of,
    checks_of_rank,
    few_clusters,
    fit_check,
    normal_check,
    refusal_of_arm,
    refusal_of_fit,
    refusal_of_flat,
    refusal_of_one,
    refusal_of_rank,
    refused,
    status_check,
    views_check,
)
from umbel.estimate.moments_data import ClassData, read_views
from umbel.estimate.moments_fit import fit_test
from umbel.estimate.moments_model import (
    ClassFit,
    Features,
    contrast_weights,
    features_of,
    fit_classes,
    ranks,
    views_test,
)
from umbel.estimate.moments_only import DRAWS as MOMENT_DRAWS
from umbel.estimate.moments_only import by_moments, normal_test
from umbel.estimate.moments_personal import Asked, asked_of, at_values, impossible, personal_rows, spread_at_values
from umbel.estimate.moments_rows import Told, told_of_classes
from umbel.estimate.moments_scale import divided, multiplied, unit_of
from umbel.estimate.moments_spread import Drawn, Normal, Spread
from umbel.expr.unmixing import Unmixing
from umbel.numerics.latent_em import LatentFit
from umbel.numerics.latent_inference import ErrorKind, class_values, covariance
from umbel.numerics.operators import RankTest
from umbel.numerics.sparse_cells import SaturatedTest
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

Array = NDArray[np.float64]

REFERENCES = (
    "Mazaheri, Squires and Uhler. Synthetic potential outcomes and causal mixture identifiability. AISTATS, 2025.",
)
BRIDGE = ("Miao, Geng, Tchetgen Tchetgen. Identifying causal effects with proxy variables. Biometrika, 2018.",)


@dataclass(frozen=True, slots=True)
class LatentClasses:
    """Maximum likelihood from jointly diagonalised moments; the bridge where only the average is identified.

    Parameters
    ----------
    level
        Of the intervals.
    errors
        A bootstrap in place of the information or the sandwich; None for these.
    name
        What ``[method] name`` takes.
    """

    level: float = 0.95
    errors: ClassBootstrap | None = None
    name: str = "latent classes"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Every estimand with a latent class, from rows."""
        if not isinstance(target.unmixing, Unmixing):
            return Refusal(
                "The estimand speaks of no latent class.", "Leave out [method] name, or declare 'classes U = 2'."
            )
        if study.data is None:
            return Refusal("Latent classes need rows, and this study holds summaries.", "Give the rows as data.")
        return Supported(100)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Read the views, choose the number of classes, fit, test."""
        unmixing = target.unmixing
        assert isinstance(unmixing, Unmixing)
        data = read_views(study, unmixing, target.domains)
        if isinstance(data, Refusal):
            return data
        unit = unit_of(data, unmixing)
        data = divided(data, unit)
        if unmixing.contrast:
            answered = self._answered(target, unmixing, data, study, rng, watch)
            return answered if isinstance(answered, Refusal) else multiplied(answered, unit)
        found: list[Estimated] = []
        for state in data.states[unmixing.treatment]:
            one = self._answered(target, replace(unmixing, contrast=((1.0, state),)), data, study, rng, watch)
            if isinstance(one, Refusal):
                return one
            found.append(multiplied(one, unit))
        return self._tabled(target, unmixing, data, found)

    def _tabled(self, target: Target, unmixing: Unmixing, data: ClassData, found: Sequence[Estimated]) -> Estimated:
        """Answers at every state of the treatment as rows of one."""
        rows: list[Row] = []
        for state, one in zip(data.states[unmixing.treatment], found, strict=True):
            at = (unmixing.treatment, state)
            low, high = one.estimate.interval or (None, None)
            own = one.rows or (Row(target.term, (), "estimate", one.estimate.value, one.estimate.se, low, high),)
            rows += [replace(row, given=(at, *row.given)) for row in own if row.kind == "estimate"]
        rows += [row for row in found[0].rows if row.kind == "class"]  # the same at every state
        return replace(
            found[0], estimate=replace(found[0].estimate, value=None, se=None, interval=None), rows=tuple(rows)
        )

    def _answered(
        self,
        target: Target,
        unmixing: Unmixing,
        data: ClassData,
        study: Study,
        rng: np.random.Generator,
        watch: Watch,
    ) -> Estimated | Refusal:
        """One contrast of arms."""
        refusal = _absent(data, unmixing)
        if refusal is not None:
            return refusal
        features = features_of(data, unmixing)
        rank = ranks(data, unmixing, features)
        classes = unmixing.classes or rank.classes()
        if classes < 2:
            return refused(refusal_of_one(data, unmixing), checks_of_rank(data, unmixing, rank, 2))
        lost = refusal_of_arm(data, unmixing, rank, classes)
        if lost is not None:
            return refused(lost, checks_of_rank(data, unmixing, rank, classes))
        spare = (*few_clusters(data), *unused(study, "strata", "errors", "edges", "selected"))
        answer = _Answering(self, target, unmixing, data, features, rank, classes, spare)
        return answer.bridge(rng, watch) if unmixing.level == 4 else answer.classes_or_average(rng, watch)


def _absent(data: ClassData, unmixing: Unmixing) -> Refusal | None:
    """Arms that are asked for and never occur."""
    arms = data.states[unmixing.treatment]
    for _, state in unmixing.contrast:
        if state not in arms:
            shown = ", ".join(repr(one) for one in arms)
            return Refusal(
                f"{unmixing.treatment} is never {state!r} in {data.source.table}; its values are {shown}.",
                "Ask about values that occur.",
            )
    return None


@dataclass(frozen=True, slots=True)
class _Answering:
    """One question on its way to its numbers."""

    estimator: LatentClasses
    target: Target
    unmixing: Unmixing
    data: ClassData
    features: Features
    rank: RankTest
    classes: int
    doubts: tuple[Check, ...]

    def classes_or_average(self, rng: np.random.Generator, watch: Watch) -> Estimated | Refusal:
        """By likelihood; an average falls back on the bridge where the classes are contradicted."""
        unmixing = self.unmixing
        found = fit_classes(self.data, unmixing, self.features, self.classes, rng=rng)
        if isinstance(found, Refusal):
            return self._refused(found)
        test = fit_test(self.data, unmixing, found, rng=rng)
        shown = () if test is None else (fit_check(test, unmixing),)
        checks = (*checks_of(self.data, unmixing, self.rank, found, self.classes), *self.doubts, *shown)
        other = self._otherwise(found, test, checks, rng, watch)
        if other is not None:
            return other
        kind: ErrorKind = "expected" if self.data.whole else "observed"
        if self.data.clusters is not None or not self.data.counted:
            kind = "sandwich"
        errors = covariance(found.model, found.fit, found.values, kind=kind, clusters=self.data.independent)
        if errors is None:
            return refused(refusal_of_flat(unmixing, self.classes), checks)
        asked = self._asked(found) if unmixing.given else None
        if isinstance(asked, Refusal):
            return refused(asked, checks)
        spread: Spread | None
        if self.estimator.errors is not None:
            spread, ended = self._redrawn(found, asked, self.estimator.errors, rng, watch)
            checks = (*checks, ended)
            line = _bootstrap_words(self.data, self.estimator.level, self.estimator.errors.draws)
        else:
            line = _words(kind, self.estimator.level)
            spread = Normal(errors) if asked is None else self._spread_at(found, asked, kind)
        if spread is None:
            return refused(refusal_of_flat(unmixing, self.classes), checks)
        views = views_test(self.data, unmixing, found)
        checks = (status_check(checks), *checks, *(() if views is None else (views_check(views, unmixing),)))
        law = f"{unmixing.outcome} is normal within each class and arm, with a variance of its own"
        lines = (line,) if unmixing.outcome in self.data.codes else (line, law)
        if asked is not None:
            return self._at_values(found, asked, spread, checks, lines)
        return self._told(found.values.probabilities, found.values.means, spread, checks, lines)

    def _otherwise(
        self,
        found: ClassFit,
        test: SaturatedTest | None,
        checks: tuple[Check, ...],
        rng: np.random.Generator,
        watch: Watch,
    ) -> Estimated | Refusal | None:
        """What is said where the rows contradict the classes, or the outcome's law in them; None where neither."""
        unmixing = self.unmixing
        average = not unmixing.by_class and not unmixing.given
        if test is not None and test.p_value < CONTRADICTED:
            if average:
                return self.bridge(rng, watch, (fit_check(test, unmixing),))
            return refused(refusal_of_fit(unmixing, test, self.classes), checks)
        faint = None if average else refusal_of_rank(unmixing, self.rank, self.classes)
        if faint is not None:
            return refused(faint, checks)
        if unmixing.outcome not in self.data.codes:
            normal = normal_test(self.data, unmixing, found)
            if normal.p_value < CONTRADICTED:
                return self._without_law(rng, watch, normal_check(normal, unmixing), test)
        return None

    def _asked(self, found: ClassFit) -> Asked | Refusal:
        """The values of the proxies that are asked at, where the fit gives them a chance."""
        asked = asked_of(self.data, self.unmixing)
        if isinstance(asked, Refusal):
            return asked
        weights = contrast_weights(self.data, self.unmixing)
        value = at_values(self.data, self.unmixing, found, asked, found.fit, weights)
        return impossible(self.unmixing, value) or asked

    def _spread_at(self, found: ClassFit, asked: Asked, kind: ErrorKind) -> Spread | None:
        weights = contrast_weights(self.data, self.unmixing)
        return spread_at_values(self.data, self.unmixing, found, asked, weights=weights, kind=kind)

    def _redrawn(
        self, found: ClassFit, asked: Asked | None, errors: ClassBootstrap, rng: np.random.Generator, watch: Watch
    ) -> tuple[Spread, Check]:
        """Draws of what is asked, from refits."""
        data, unmixing, weights = self.data, self.unmixing, contrast_weights(self.data, self.unmixing)

        def told(fit: LatentFit) -> Array:
            if asked is not None:
                return at_values(data, unmixing, found, asked, fit, weights)
            values = class_values(found.model, fit, found.outcome)
            return np.concatenate([values.probabilities, values.means.ravel()])

        steps = watch(range(errors.draws), "bootstrap", errors.draws)
        draws, ended = refitted(data, unmixing, self.features, found, told, rng=rng, steps=steps)
        return Drawn(draws), ended

    def _without_law(
        self, rng: np.random.Generator, watch: Watch, normal: Check, test: SaturatedTest | None
    ) -> Estimated | Refusal:
        """Where the outcome is not normal: the bridge for averages, moments for classes."""
        unmixing = self.unmixing
        checks = (normal,) if test is None else (normal, fit_check(test, unmixing))
        if unmixing.given:
            refusal = Refusal(
                f"{unmixing.outcome} is not normal within classes of {unmixing.latent} ({normal.advice}), and effects "
                "at values of the proxies need its law.",
                f"Cut {unmixing.outcome} into states, or ask MTE({unmixing.treatment}, {unmixing.outcome} | "
                f"{unmixing.latent}).",
            )
            return self._refused(refusal, checks)
        if not unmixing.by_class:
            return self.bridge(rng, watch, checks)
        steps = watch(range(MOMENT_DRAWS), "bootstrap", MOMENT_DRAWS)
        found = by_moments(self.data, unmixing, self.classes, rng=rng, steps=steps)
        if isinstance(found, Refusal):
            return self._refused(found, checks)
        checks = (*checks, *self._of_rank())
        level = f"{100 * self.estimator.level:g}%"
        line = f"The {level} intervals are normal, their errors from a bootstrap of {MOMENT_DRAWS} draws."
        return self._told(
            found.probabilities, found.means, Normal(found.covariance), (status_check(checks), *checks), (line,)
        )

    def _of_rank(self) -> tuple[Check, ...]:
        return (*checks_of_rank(self.data, self.unmixing, self.rank, self.classes), *self.doubts)

    def _refused(self, refusal: Refusal, checks: tuple[Check, ...] = ()) -> Refusal:
        """With what the proxies show, where no fit says more."""
        return refused(refusal, (*checks, *self._of_rank()))

    def _at_values(
        self, found: ClassFit, asked: Asked, spread: Spread, checks: tuple[Check, ...], assumptions: tuple[str, ...]
    ) -> Estimated:
        """The expected effect at values of the proxies, with the probabilities of the classes there."""
        level, term = self.estimator.level, self.target.term
        weights = contrast_weights(self.data, self.unmixing)
        value = at_values(self.data, self.unmixing, found, asked, found.fit, weights)
        rows = personal_rows(self.unmixing, asked, value, spread, classes=self.classes, level=level, term=term)
        one, name = rows[0], self.estimator.name
        ends = (one.lower, one.upper)
        estimate = Estimate(None, None, None, level, name)
        if not self.target.axes:
            estimate = Estimate(one.value, one.se, ends, level, name)
        return self._estimated(Told(estimate, rows), checks, assumptions)

    def _told(
        self, chances: Array, means: Array, spread: Spread, checks: tuple[Check, ...], assumptions: tuple[str, ...]
    ) -> Estimated:
        """Classes, or the average over them."""
        told = told_of_classes(
            self.unmixing,
            self.data.states[self.unmixing.treatment],
            chances,
            means,
            spread,
            weights=contrast_weights(self.data, self.unmixing),
            term=self.target.term,
            level=self.estimator.level,
            method=self.estimator.name,
        )
        return self._estimated(told, checks, assumptions)

    def _estimated(self, told: Told, checks: tuple[Check, ...], assumptions: tuple[str, ...]) -> Estimated:
        return Estimated(
            told.estimate,
            told.rows,
            (*self.data.checks, *checks),
            assumptions,
            REFERENCES,
            None,
            (self.data.source,),
            told.classes,
        )

    def bridge(self, rng: np.random.Generator, watch: Watch, checks: tuple[Check, ...] = ()) -> Estimated | Refusal:
        """The average effect by the bridge."""
        level, weights = self.estimator.level, contrast_weights(self.data, self.unmixing)
        steps = watch(range(DRAWS), "bootstrap", DRAWS)
        found = bridged(self.data, self.unmixing, self.classes, rng=rng, steps=steps)
        if isinstance(found, Refusal):
            return self._refused(found, checks)
        ends = Normal(found.covariance).ends(found.means, lambda means: means @ weights[:, None], level)
        interval = float(ends.low[0]), float(ends.high[0])
        estimate = Estimate(float(weights @ found.means), float(ends.se[0]), interval, level, "bridge")
        checks = (*self.data.checks, *checks, *self._of_rank())
        line = f"The {100 * level:g}% interval is normal, its error from a bootstrap of {DRAWS} draws."
        return Estimated(estimate, (), checks, (line,), (*REFERENCES, *BRIDGE), None, (self.data.source,))


def _bootstrap_words(data: ClassData, level: float, draws: int) -> str:
    if data.clusters is not None:
        drawn = f"{int(data.clusters.max()) + 1:,} clusters of rows, each whole"
    else:
        drawn = "the rows"
    return (
        f"The {100 * level:g}% intervals are percentiles of {draws} bootstrap draws of {drawn}, classes of each draw "
        "matched to the estimate's."
    )


def _words(kind: ErrorKind, level: float) -> str:
    source = {
        "expected": "the expected information of the fitted law",
        "observed": "the observed information",
        "sandwich": "the sandwich of scores",
    }[kind]
    return f"The {100 * level:g}% intervals are normal, their errors from {source}."
