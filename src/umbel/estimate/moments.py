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
from scipy.stats import norm

from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.moments_bridge import DRAWS, bridged
from umbel.estimate.moments_checks import (
    CONTRADICTED,
    checks_of,
    doubtful_rank,
    fit_check,
    normal_check,
    rank_check,
    refusal_of_arm,
    refusal_of_rank,
    status_check,
    views_check,
)
from umbel.estimate.moments_data import ClassData, read_views
from umbel.estimate.moments_model import (
    ClassFit,
    Features,
    features_of,
    fit_classes,
    fit_test,
    pieces_test,
    ranks,
    views_test,
)
from umbel.estimate.moments_only import DRAWS as MOMENT_DRAWS
from umbel.estimate.moments_only import by_moments, normal_test
from umbel.estimate.moments_personal import asked_of, personal_rows
from umbel.expr.unmixing import Unmixing
from umbel.numerics.latent_inference import ErrorKind, covariance
from umbel.numerics.sparse_cells import SaturatedTest
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, LatentClass, Row

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
    name
        What ``[method] name`` takes.
    """

    level: float = 0.95
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
        if unmixing.contrast:
            return self._answered(target, unmixing, data, study, rng, watch)
        found: list[Estimated] = []
        for state in data.states[unmixing.treatment]:
            one = self._answered(target, replace(unmixing, contrast=((1.0, state),)), data, study, rng, watch)
            if isinstance(one, Refusal):
                return one
            found.append(one)
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
        classes = unmixing.classes or ranks(features).classes()
        if classes < 2:
            return Refusal(
                f"{', '.join(unmixing.z)} and {', '.join(unmixing.x)} show one class of {unmixing.latent}: they are "
                f"independent within the values of {unmixing.treatment}.",
                f"Measure proxies that depend on each other through {unmixing.latent}.",
            )
        lost = refusal_of_arm(data, unmixing, features, classes)
        if lost is not None:
            return lost
        spare = unused(study, "errors", "edges", "selected")
        answer = _Answering(self, target, unmixing, data, features, classes, spare)
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
    classes: int
    doubts: tuple[Check, ...]

    def classes_or_average(self, rng: np.random.Generator, watch: Watch) -> Estimated | Refusal:
        """By likelihood; an average falls back on the bridge where the classes are contradicted."""
        unmixing = self.unmixing
        found = fit_classes(self.data, unmixing, self.features, self.classes, rng=rng)
        if isinstance(found, Refusal):
            return found
        test = fit_test(self.data, unmixing, found) or pieces_test(self.data, unmixing, self.classes, rng=rng)
        if test is not None and test.p_value < CONTRADICTED:
            if not unmixing.by_class and not unmixing.given:
                return self.bridge(rng, watch, (fit_check(test, unmixing),))
            return Refusal(
                f"The data contradict {self.classes} classes with these proxies: likelihood ratio {test.statistic:.1f} "
                f"on {test.freedom} degrees of freedom, p = {test.p_value:.1g}. Some proxy depends on another, on "
                f"{unmixing.outcome} or on {unmixing.treatment} beyond {unmixing.latent}, or there are more classes.",
                f"Ask for the average effect, which needs less: ATE({unmixing.treatment}, {unmixing.outcome}); "
                "or declare more classes.",
            )
        faint = refusal_of_rank(self.features, unmixing, self.classes)
        if faint is not None and (unmixing.by_class or unmixing.given):
            return faint
        if unmixing.outcome not in self.data.codes:
            normal = normal_test(self.data, unmixing, found)
            if normal.p_value < CONTRADICTED:
                return self._without_law(rng, watch, normal_check(normal, unmixing), test)
        kind: ErrorKind = "expected" if self.data.whole else "observed"
        if self.data.clusters is not None or not self.data.counted:
            kind = "sandwich"
        errors = covariance(found.model, found.fit, found.values, kind=kind, clusters=self.data.independent)
        if errors is None:
            return Refusal(
                f"The likelihood is flat: the data do not tell {self.classes} classes of {unmixing.latent} apart.",
                "Declare fewer classes, or measure stronger proxies.",
            )
        checks = (*checks_of(self.data, unmixing, self.features, found, self.classes), *self.doubts)
        if test is not None:
            checks = (*checks, fit_check(test, unmixing))
        views = views_test(self.data, unmixing, found)
        checks = (status_check(checks), *checks)
        if views is not None:
            checks = (*checks, views_check(views, unmixing))
        lines = [_words(kind, self.estimator.level)]
        if unmixing.outcome not in self.data.codes:
            lines.append(f"{unmixing.outcome} is normal within each class and arm, with a variance of its own")
        if unmixing.given:
            return self._at_values(found, kind, checks, tuple(lines))
        return self._from_fit(found.values.probabilities, found.values.means, errors, checks, tuple(lines))

    def _without_law(
        self, rng: np.random.Generator, watch: Watch, normal: Check, test: SaturatedTest | None
    ) -> Estimated | Refusal:
        """Where the outcome is not normal: the bridge for averages, moments for classes."""
        unmixing = self.unmixing
        if unmixing.given:
            return Refusal(
                f"{unmixing.outcome} is not normal within classes of {unmixing.latent} ({normal.advice}), and effects "
                "at values of the proxies need its law.",
                f"Cut {unmixing.outcome} into states, or ask MTE({unmixing.treatment}, {unmixing.outcome} | "
                f"{unmixing.latent}).",
            )
        checks = (normal,) if test is None else (normal, fit_check(test, unmixing))
        if not unmixing.by_class:
            return self.bridge(rng, watch, checks)
        steps = watch(range(MOMENT_DRAWS), "bootstrap", MOMENT_DRAWS)
        found = by_moments(self.data, unmixing, self.classes, rng=rng, steps=steps)
        if isinstance(found, Refusal):
            return found
        rank = rank_check(ranks(self.features), unmixing, self.classes)
        checks = (*checks, rank, *doubtful_rank(self.features, unmixing, self.classes), *self.doubts)
        level = f"{self.estimator.level:.0%}"
        line = f"The {level} intervals are normal, their errors from a bootstrap of {MOMENT_DRAWS} draws"
        return self._from_fit(
            found.probabilities, found.means, found.covariance, (status_check(checks), *checks), (line,)
        )

    def _at_values(
        self, found: ClassFit, kind: ErrorKind, checks: tuple[Check, ...], assumptions: tuple[str, ...]
    ) -> Estimated | Refusal:
        """The expected effect at values of the proxies, with the probabilities of the classes there."""
        unmixing, level = self.unmixing, self.estimator.level
        asked = asked_of(self.data, unmixing)
        if isinstance(asked, Refusal):
            return asked
        rows = personal_rows(
            self.data, unmixing, found, asked, weights=self._contrast(), kind=kind, level=level, term=self.target.term
        )
        if isinstance(rows, Refusal):
            return rows
        first = rows[0]
        ends = None if self.target.axes else (first.lower, first.upper)
        value, se = (None, None) if self.target.axes else (first.value, first.se)
        return Estimated(
            Estimate(value, se, ends, level, self.estimator.name),
            rows,
            (*self.data.checks, *checks),
            assumptions,
            REFERENCES,
            None,
            (self.data.source,),
        )

    def _contrast(self) -> Array:
        """Weights of the arms, shape (arms,)."""
        arms = self.data.states[self.unmixing.treatment]
        weights = np.zeros(len(arms))
        for weight, state in self.unmixing.contrast:
            weights[arms.index(state)] += weight
        return weights

    def _from_fit(
        self, chances: Array, means: Array, errors: Array, checks: tuple[Check, ...], assumptions: tuple[str, ...]
    ) -> Estimated:
        unmixing, k, level = self.unmixing, self.classes, self.estimator.level
        arms = self.data.states[unmixing.treatment]
        weights = self._contrast()
        effects = weights @ means
        of_effects = np.zeros((k, k + len(arms) * k))
        for u in range(k):
            of_effects[u, k + u :: k] = weights
        deviations = np.sqrt(np.maximum(np.diag(of_effects @ errors @ of_effects.T), 0.0))
        rows: list[Row] = []
        if unmixing.by_class:
            for u in range(k):
                rows.append(self._row(self.target.term, u, effects[u], deviations[u]))
            for u in range(k):
                rows.append(self._row(f"P({unmixing.latent})", u, chances[u], float(np.sqrt(max(errors[u, u], 0.0)))))
            for arm, state in enumerate(arms):
                for u in range(k):
                    at = k + arm * k + u
                    term = f"E[{unmixing.outcome} | do({unmixing.treatment}={state}), {unmixing.latent}]"
                    rows.append(self._row(term, u, means[arm, u], float(np.sqrt(max(errors[at, at], 0.0)))))
            estimate = Estimate(None, level=level, method=self.estimator.name)
        else:
            gradient = np.concatenate([effects, np.kron(weights, chances)])
            value, se = float(chances @ effects), float(np.sqrt(max(gradient @ errors @ gradient, 0.0)))
            estimate = Estimate(value, se, self._interval(value, se), level, self.estimator.name)
        classes = None
        if abs(weights.sum()) < 1e-12:  # a contrast, and no mean
            each = zip(chances.tolist(), effects.tolist(), deviations.tolist(), strict=True)
            classes = tuple(LatentClass(chance, effect, self._interval(effect, se)) for chance, effect, se in each)
        return Estimated(
            estimate,
            tuple(rows),
            (*self.data.checks, *checks),
            assumptions,
            REFERENCES,
            None,
            (self.data.source,),
            classes,
        )

    def bridge(self, rng: np.random.Generator, watch: Watch, checks: tuple[Check, ...] = ()) -> Estimated | Refusal:
        """The average effect by the bridge."""
        unmixing, level = self.unmixing, self.estimator.level
        found = bridged(self.data, unmixing, self.classes, rng=rng, steps=watch(range(DRAWS), "bootstrap", DRAWS))
        if isinstance(found, Refusal):
            return found
        weights = self._contrast()
        value = float(weights @ found.means)
        se = float(weights @ found.covariance @ weights) ** 0.5
        estimate = Estimate(value, se, self._interval(value, se), level, "bridge")
        rank = rank_check(ranks(self.features), unmixing, self.classes)
        checks = (*self.data.checks, *checks, rank, *doubtful_rank(self.features, unmixing, self.classes), *self.doubts)
        line = f"The {level:.0%} interval is normal, its error from a bootstrap of {DRAWS} draws"
        return Estimated(estimate, (), checks, (line,), (*REFERENCES, *BRIDGE), None, (self.data.source,))

    def _row(self, term: str, of_class: int, value: float, se: float) -> Row:
        low, high = self._interval(float(value), float(se))
        return Row(term, ((self.unmixing.latent, of_class + 1),), "class", float(value), float(se), low, high)

    def _interval(self, value: float, se: float) -> tuple[float, float]:
        half = float(norm.ppf(0.5 + self.estimator.level / 2)) * se
        return value - half, value + half


def _words(kind: ErrorKind, level: float) -> str:
    source = {
        "expected": "the expected information of the fitted law",
        "observed": "the observed information",
        "sandwich": "the sandwich of scores",
    }[kind]
    return f"The {level:.0%} intervals are normal, their errors from {source}"
