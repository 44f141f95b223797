"""The average effect from published summaries: the normal hierarchy, solved by quadrature.

Where each unit publishes an effect and its standard error and no rows (Weinstein and Blei, JMLR
27(37) 2026, Section 7.1 and Appendix L.1), the estimand "average over units of a within-unit
contrast" is the mean of a normal hierarchy. Its posterior, the predictive law of a new unit and
each unit's own effect come from one-dimensional quadrature: no sampler, no seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from umbel.data.study import Study
from umbel.data.summaries import UnitSummaries, read_summary
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.within import matching_factor
from umbel.model.query import Question
from umbel.numerics.hierarchy import HierarchyPosterior, default_scales, normal_hierarchy
from umbel.numerics.normal_mixture import NormalMixture
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

PAPER = "Weinstein and Blei. Hierarchical Causal Models. JMLR 27(37), 2026. Appendix L.1."
HALF_CAUCHY = "Gelman. Prior distributions for variance parameters. Bayesian Analysis 1(3), 2006."


@dataclass(frozen=True, slots=True)
class NormalHierarchy:
    """Units' effects are normal around their average; published errors are normal and known.

    ``nu ~ Normal(0, location)``, ``tau ~ HalfCauchy(scale)``, ``mu_i ~ Normal(nu, tau)``,
    ``effect_i ~ Normal(mu_i, se_i)``. Right when the published standard errors are, and when
    units are exchangeable. O(nodes * units), milliseconds.

    Parameters
    ----------
    location, scale
        Prior scales in the outcome's measure; None: from the data, see
        :func:`umbel.numerics.hierarchy.default_scales`. Data times ten gives ten times the answer.
    level
        Level of the intervals, which have equal tails.

    Examples
    --------
    >>> schools = {"effect": [28, 8, -3, 7, -1, 1, 18, 12], "se": [15, 10, 16, 11, 9, 11, 10, 18]}
    >>> study = Study(units=schools, summaries=({"of": "E[Y | A=1] - E[Y | A=0]", "value": "effect", "se": "se"},))
    >>> method = NormalHierarchy(location=5.0, scale=5.0, level=0.9)
    >>> found = method.from_summaries(read_summary(study, study.summaries[0]), term="average effect")
    >>> round(found.estimate.value, 3), round(found.estimate.se, 3)
    (4.397, 3.318)
    """

    location: float | None = None
    scale: float | None = None
    level: float = 0.95
    name: str = "normal hierarchy"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether one of the study's summaries is the within-unit part of the estimand."""
        if not study.summaries:
            return Refusal("The study holds no summaries.", "Give summaries=..., or use an estimator of rows.")
        found = matched_summary(target, study)
        return found if isinstance(found, Refusal) else Supported(score=10)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Posterior of the estimand; deterministic, ``rng`` is not used."""
        del rng, watch
        found = matched_summary(target, study)
        if isinstance(found, Refusal):
            return found
        index, factor = found
        data = read_summary(study, study.summaries[index])
        ignored = unused(study, "unit_weight", "cluster", "strata", "errors", "edges", "selected")
        result = self.from_summaries(data, term=target.term, factor=factor)
        return replace(result, checks=(*result.checks, *ignored))

    def from_summaries(self, data: UnitSummaries, *, term: str, factor: float = 1.0) -> Estimated:
        """Posterior of ``factor`` times the average of the summarised figure.

        Rows: the average, a new unit's own value, then each unit's.
        """
        effects, errors = factor * data.effects, abs(factor) * data.errors
        location, scale = default_scales(effects, errors)
        location = location if self.location is None else self.location
        scale = scale if self.scale is None else self.scale
        posterior = normal_hierarchy(effects, errors, location=location, scale=scale)
        rows = (
            self._row(term, posterior.average),
            self._row(f"{term}, in a new {data.unit}", posterior.new_unit, sd=posterior.new_unit_sd),
            *(self._row(term, posterior.unit(i), ((data.unit, label),)) for i, label in enumerate(data.labels)),
        )
        first = rows[0]
        return Estimated(
            Estimate(
                first.value,
                se=first.se,
                interval=(first.lower, first.upper),
                level=self.level,
                method=self.name,
                kind="posterior",
            ),
            rows,
            (*data.checks, _convergence(posterior)),
            prior_words(len(effects), (location, self.location), (scale, self.scale)),
            (PAPER, HALF_CAUCHY),
            len(effects),
        )

    def _row(
        self, term: str, law: NormalMixture, given: tuple[tuple[str, str], ...] = (), sd: float | None = None
    ) -> Row:
        tail = 0.5 * (1.0 - self.level)
        sd = law.sd if sd is None else sd
        return Row(
            term,
            given=given,
            value=law.mean,
            se=sd if math.isfinite(sd) else None,  # one unit alone: the predictive law has no variance
            lower=law.quantile(tail),
            upper=law.quantile(1.0 - tail),
        )


def prior_words(units: int, location: tuple[float, float | None], scale: tuple[float, float | None]) -> tuple[str, str]:
    """The model and its priors for people; each scale with what the user gave, if anything."""
    return (
        f"Effects of the {units} units are normal around their average, their standard errors known.",
        f"Priors: average ~ Normal(0, {_figure(location[0])}){_origin(location[1])}, "
        f"spread between units ~ HalfCauchy({_figure(scale[0])}){_origin(scale[1])}.",
    )


def matched_summary(target: Target, study: Study) -> tuple[int, float] | Refusal:
    """Which summary the estimand is the average of, and times what; a Refusal names all of them."""
    reasons: list[str] = []
    for index, summary in enumerate(study.summaries):
        factor = matching_factor(target, Question.parse(summary.of))
        if isinstance(factor, float):
            return index, factor
        reasons.append(factor.why)
    return Refusal(
        f"No summary of the study gives the estimand: {' '.join(dict.fromkeys(reasons))}",
        "A summary must be the contrast that the estimand averages over units, up to a factor.",
    )


def _convergence(posterior: HierarchyPosterior) -> Check:
    advice = "" if posterior.converged else "The quadrature did not settle: rescale the effects and standard errors."
    return Check("quadrature", posterior.converged, posterior.change, advice)


def _figure(number: float) -> str:
    return f"{number:.4g}"


def _origin(given: float | None) -> str:
    return "" if given is not None else " (from the data)"
