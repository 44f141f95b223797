"""A treatment that is a number: one slope per unit, given the covariates.

The partially linear model ``E[Y | A, Z] = h(Z) + slope * A`` (Robinson, Econometrica 56(4) 1988),
with both means learnt out of fold (Chernozhukov et al., The Econometrics Journal 21(1) 2018,
Eq. 4.4): no dose is common enough to be compared with another without such a model, so that the
model is named and its first doubt, a bend, is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.estimate.crossfit import Learners, folds_of, per_row
from umbel.estimate.flat import outcome_values
from umbel.estimate.shapes import Sequential, Switched
from umbel.expr.nodes import Policy
from umbel.numerics.influence import Influence, covariance, mean_of

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """An outcome's mean as a line in the treatment.

    Parameters
    ----------
    slope
        Change of the mean per unit of the treatment.
    outcome, dose
        Means of the outcome and of the treatment as they were observed.
    bend
        How many standard errors the outcome bends away from a line.
    """

    slope: Influence
    outcome: Influence
    dose: Influence
    bend: float

    def at(self, dose: float) -> Influence:
        """Mean of the outcome were everyone's treatment ``dose``."""
        gap = dose - self.dose.value
        scores = self.outcome.scores + gap * self.slope.scores - self.slope.value * self.dose.scores
        return Influence(self.outcome.value + gap * self.slope.value, scores)


def is_dose(shape: Sequential | Switched, rows: Rows) -> TypeGuard[Sequential]:
    """Whether a sequence sets one treatment, a number without states, after covariates at most."""
    settings = shape.settings()
    if isinstance(shape, Switched) or len(settings) != 1 or isinstance(settings[0][1], Policy) or len(shape.stages) > 2:
        return False
    return not rows.columns[settings[0][0]].discrete and bool(shape.stages[-1].settings)


def line_of(shape: Sequential, rows: Rows, fold: Codes, learners: Learners, rng: np.random.Generator) -> Line:
    """Fit the line of a sequence for which :func:`is_dose` holds; ``fold`` is the fold of each row."""
    ((name, _),) = shape.settings()
    names = shape.history(len(shape.stages) - 1)
    y = outcome_values(rows, shape.outcome.numeric, shape.outcome.events)
    a = rows.columns[name].values
    centre = rows.sample.mean(a)
    square = (a - centre) ** 2 / rows.sample.mean((a - centre) ** 2)
    left = np.empty((3, rows.size))  # outcome, dose and squared dose less their means given covariates
    every = np.ones(rows.size, dtype=bool)
    for worker, scored in folds_of(rows, fold, learners, rng):
        outcome = worker.mean("outcome", per_row(y), names, every)
        doses = [worker.centre(key, per_row(values), names) for key, values in (("dose", a), ("square", square))]
        for at, (values, node) in enumerate(zip((y, a, square), (outcome, *doses), strict=True)):
            left[at, scored] = (values - node.tensor.array)[scored]
    sample = rows.sample
    spread = sample.mean(left[1] ** 2)
    value = sample.mean(left[0] * left[1]) / spread
    rest = left[0] - value * left[1]
    slope = Influence(value, rest * left[1] / spread)
    across = left[2] - left[1] * (sample.mean(left[2] * left[1]) / spread)
    bend = mean_of(rest * across, sample)
    error = float(np.sqrt(covariance([bend], sample)[0, 0]))
    return Line(slope, mean_of(y, sample), mean_of(a, sample), bend.value / error if error > 0.0 else 0.0)
