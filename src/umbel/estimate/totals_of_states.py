"""Effects of a total whose parts have few values: by cells, with the word that another realisation differs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from umbel.data.study import Study
from umbel.estimate.cells import DiscretePlugIn
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unwatched
from umbel.estimate.flat import Unanswered
from umbel.estimate.total_states import made_of_states
from umbel.estimate.totals import differences
from umbel.estimate.totals_data import read_total
from umbel.results.step import Refusal


@dataclass(frozen=True, slots=True)
class TotalsOfStates:
    """The estimand of a natural realisation or a point, on the rows' own law; no line is assumed.

    Right as rows grow, whatever the shape of the outcome's mean. O(rows + cells).

    Parameters
    ----------
    level
        Of the intervals.
    name
        That of the estimator by cells, which does the work.
    """

    level: float = 0.95
    name: str = "cells"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether the parts and covariates have states whose combinations occur often enough."""
        if made_of_states(target, study):
            return Supported(110)
        return Refusal("The parts of the total have too many values for the rows.", "Leave out [method] name.")

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Count, evaluate, differentiate; then compare the parts' effects, as for every total.

        Raises
        ------
        DataError
            When the table contradicts the problem.
        """
        found = DiscretePlugIn(level=self.level).estimate(target, study, rng=rng, watch=watch)
        if isinstance(found, Refusal) or target.macro is None:
            return found
        try:
            told = differences(read_total(study, target.macro, target.domains), target.macro, self.level, rng)
        except Unanswered:
            told = ()
        return replace(found, checks=(*found.checks, *told))
