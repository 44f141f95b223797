"""The average of a published figure over units, by sampling: Appendix L.1 as an estimator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from umbel.data.study import Study
from umbel.data.summaries import read_summary
from umbel.estimate.bayes import REFERENCES, sampled_hierarchy
from umbel.estimate.bayes_draws import Draws
from umbel.estimate.bayes_sampler import Nuts
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.summaries import matched_summary, prior_words
from umbel.numerics.hierarchy import default_scales
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row


@dataclass(frozen=True, slots=True)
class SampledSummaries:
    """The normal hierarchy of published figures, by NUTS: ``[method] name = "bayes"``.

    The same model as :class:`~umbel.estimate.summaries.NormalHierarchy`, which is exact and needs
    no sampler; this one shows what the sampler is worth. Needs the extra ``bayes``.

    Parameters
    ----------
    location, scale
        Prior scales in the outcome's measure; None: from the data.
    level
        Level of the intervals, which have equal tails.
    sampler
        Chains, draws, warmup.
    """

    location: float | None = None
    scale: float | None = None
    level: float = 0.95
    sampler: Nuts = Nuts()
    name: str = "bayes"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether one of the study's summaries is the within-unit part of the estimand."""
        if not study.summaries:
            return Refusal("The study holds no summaries.", "Give summaries=..., or use an estimator of rows.")
        found = matched_summary(target, study)
        return found if isinstance(found, Refusal) else Supported(score=1)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Posterior draws of the average, of a new unit's own value and of each unit's.

        Raises
        ------
        MissingExtra
            When numpyro is not installed.
        """
        found = matched_summary(target, study)
        if isinstance(found, Refusal):
            return found
        index, factor = found
        data = read_summary(study, study.summaries[index])
        effects, errors = factor * data.effects, abs(factor) * data.errors
        location, scale = default_scales(effects, errors)
        location = location if self.location is None else self.location
        scale = scale if self.scale is None else self.scale
        sampled = sampled_hierarchy(
            effects, errors, location=location, scale=scale, sampler=self.sampler, rng=rng, watch=watch
        )
        rows = (
            draws_row(target.term, sampled.average, self.level),
            draws_row(f"{target.term}, in a new {data.unit}", sampled.new_unit, self.level),
            *(
                replace(draws_row(target.term, unit, self.level), given=((data.unit, label),))
                for unit, label in zip(sampled.units, data.labels, strict=True)
            ),
        )
        return Estimated(
            draws_estimate(sampled.average, self.level, self.name),
            rows,
            (
                *data.checks,
                *sampled.checks,
                *unused(study, "unit_weight", "cluster", "strata", "errors", "edges", "selected"),
            ),
            prior_words(len(effects), (location, self.location), (scale, self.scale)),
            REFERENCES,
            len(effects),
        )


def draws_row(term: str, draws: Draws, level: float) -> Row:
    """One number of the posterior, with its mean, standard deviation and equal-tailed interval.

    A predictive law of a unit has no variance when the spread's prior is a half-Cauchy and units
    are few; the sample's is shown all the same, as a description of the draws.
    """
    lower, upper = draws.interval(level)
    return Row(term, value=draws.mean, se=draws.sd, lower=lower, upper=upper)


def draws_estimate(draws: Draws, level: float, method: str) -> Estimate:
    """The number that was asked for, from its draws."""
    return Estimate(
        draws.mean, se=draws.sd, interval=draws.interval(level), level=level, method=method, kind="posterior"
    )
