"""A treatment that is a number: one slope per unit, given the covariates.

The partially linear model ``E[Y | A, Z] = h(Z) + slope * A`` (Robinson, Econometrica 56(4) 1988),
with both means learnt out of fold (Chernozhukov et al., The Econometrics Journal 21(1) 2018,
Eq. 4.4): no dose is common enough to be compared with another without such a model, so that the
model is named and its first doubt, a bend, is tested along several curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import NDArray
from scipy.special import chdtrc

from umbel.data.rows import Rows
from umbel.estimate.crossfit import Learners, folds_of, per_row
from umbel.estimate.features import features_of
from umbel.estimate.flat import Unanswered, outcome_values
from umbel.estimate.shapes import Sequential, Switched
from umbel.expr.nodes import Policy
from umbel.numerics.influence import Array, Influence, Sample, covariance, mean_of
from umbel.results.check import Check
from umbel.variable import State

Codes = NDArray[np.int64]

FAR = 3.5
"""Standard errors of a bend that is no luck, the largest of several."""
ORDERS = (3, 4, 5, 6)
"""Legendre polynomials of a treatment's rank: a wave that rises on both sides has no square in it."""
RARELY = 0.01
LEFT = 0.01
"""Share of a treatment's variance below which covariates all but settle it."""
NOTHING = 1e-9


@runtime_checkable
class HasMean(Protocol):
    """A law of a number, which has a mean given covariates."""

    def mean(self, covariates: dict[str, State]) -> float:
        """Mean of what is drawn."""
        ...


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
        How many standard errors the outcome bends away from a line, along the curve that shows it best.
    uneven
        Probability of slopes that differ so much with the covariates, were they one; None without
        covariates.
    left
        Share of the treatment's variance that the covariates leave; None without covariates.
    ends
        Smallest and largest dose of the rows.
    """

    slope: Influence
    outcome: Influence
    dose: Influence
    bend: float
    uneven: float | None
    left: float | None
    ends: tuple[float, float]

    def checks(self, name: str, doses: Sequence[float]) -> tuple[Check, ...]:
        """Doubts about the line: a bend, slopes that differ, a treatment that hardly varies, doses beyond the rows."""
        bent = abs(self.bend) >= FAR
        found = [
            Check(
                f"one slope: {name}",
                not bent,
                self.bend,
                f"The outcome bends with {name}: one slope does not describe it. Give {name} states, and ask at them."
                if bent
                else "",
            ),
        ]
        if self.uneven is not None:
            differ = self.uneven < RARELY
            words = (
                f"The slope of {name} differs with the covariates: the one slope weighs rows by how much {name} varies "
                "beside them, and is no average over the population. Give it states, and ask at them."
            )
            found.append(Check(f"same slope everywhere: {name}", not differ, self.uneven, words if differ else ""))
        if self.left is not None:
            enough = self.left >= LEFT
            scarce = f"The covariates leave {self.left:.2%} of the variance of {name}: all leans on their models."
            found.append(Check(f"overlap: {name}", enough, self.left, "" if enough else scarce))
        beyond = [one for one in doses if not self.ends[0] <= one <= self.ends[1]]
        if beyond:
            low, high = self.ends
            words = (
                f"Rows have {name} from {low:.4g} to {high:.4g}: at {beyond[0]:g} the line is stretched beyond them."
            )
            found.append(Check(f"range: {name}", False, beyond[0], words))
        return tuple(found)

    def at(self, dose: Influence) -> Influence:
        """Mean of the outcome were ``dose`` the mean of the treatment: on a line its spread makes no difference."""
        gap = dose.value - self.dose.value
        moved = self.slope.value * (dose.scores - self.dose.scores)
        return Influence(
            self.outcome.value + gap * self.slope.value, self.outcome.scores + gap * self.slope.scores + moved
        )


def is_dose(shape: Sequential | Switched, rows: Rows) -> TypeGuard[Sequential]:
    """Whether a sequence sets one treatment, a number without states, after covariates at most."""
    settings = shape.settings()
    if isinstance(shape, Switched) or len(settings) != 1 or len(shape.stages) > 2:
        return False
    return not rows.columns[settings[0][0]].discrete and bool(shape.stages[-1].settings)


def dose_of(shape: Sequential, rows: Rows) -> Influence:
    """Mean of the treatment as a sequence sets it: one value, or drawn from a law that may read covariates.

    Raises
    ------
    Unanswered
        For words, and for laws without a mean.
    """
    ((name, value),) = shape.settings()
    if isinstance(value, Policy):
        means = _drawn_means(value, rows)
        if value.given:
            return mean_of(means, rows.sample)
        value = float(means[0])
    if not isinstance(value, int | float):
        raise Unanswered(f"{name} is a number, and is set to {value!r}.", "Set it to a number.")
    return Influence(float(value), np.zeros(rows.size))


def _drawn_means(policy: Policy, rows: Rows) -> Array:
    """Mean of the law that a treatment is drawn from, in each row."""
    name, law = policy.of.name, policy.law
    if law is None:
        raise Unanswered("The intervention's law q is unspecified.", f"Name it: do({name} ~ Normal(1, 0.5)).")
    if not isinstance(law, HasMean):
        raise Unanswered(f"{law.text} has no mean that is known here.", f"Name a law: do({name} ~ Normal(1, 0.5)).")
    columns = [rows.columns[one.name] for one in policy.given]
    names = [one.name for one in policy.given]
    if not names:
        return np.full(rows.size, law.mean({}))
    seen: dict[tuple[State, ...], float] = {}
    parts = [
        column.values.tolist() if column.codes is None else [column.states[code] for code in column.codes.tolist()]
        for column in columns
    ]
    found = np.empty(rows.size)
    for at, states in enumerate(zip(*parts, strict=True)):
        if states not in seen:
            seen[states] = law.mean(dict(zip(names, states, strict=True)))
        found[at] = seen[states]
    return found


def line_of(shape: Sequential, rows: Rows, fold: Codes, learners: Learners, rng: np.random.Generator) -> Line:
    """Fit the line of a sequence for which :func:`is_dose` holds; ``fold`` is the fold of each row."""
    ((name, _),) = shape.settings()
    names = shape.history(len(shape.stages) - 1)
    y = outcome_values(rows, shape.outcome.numeric, shape.outcome.events)
    a = rows.columns[name].values
    centre = rows.sample.mean(a)
    if a.min() == a.max():
        raise Unanswered(f"Every row has {name} = {a[0]:g}: nothing tells what another would do.", "Collect more rows.")
    curves = {"square": (a - centre) ** 2 / rows.sample.mean((a - centre) ** 2), **_waves(a)}
    left = np.empty((2 + len(curves), rows.size))  # outcome, dose and its curves less their means given covariates
    every = np.ones(rows.size, dtype=bool)
    for worker, scored in folds_of(rows, fold, learners, rng):
        outcome = worker.mean("outcome", per_row(y), names, every)
        doses = [worker.centre(key, per_row(values), names) for key, values in (("dose", a), *curves.items())]
        for at, (values, node) in enumerate(zip((y, a, *curves.values()), (outcome, *doses), strict=True)):
            left[at, scored] = (values - node.tensor.array)[scored]
    sample = rows.sample
    spread = sample.mean(left[1] ** 2)
    share = spread / sample.mean((a - centre) ** 2)
    if share < NOTHING:
        raise Unanswered(
            f"Given {', '.join(names)}, {name} does not vary: its effect cannot be told from theirs.",
            "Leave out a covariate that the graph can spare, or collect rows in which they differ.",
        )
    value = sample.mean(left[0] * left[1]) / spread
    rest = left[0] - value * left[1]
    slope = Influence(value, rest * left[1] / spread)
    bends = [_bend(rest, curve - left[1] * (sample.mean(curve * left[1]) / spread), sample) for curve in left[2:]]
    return Line(
        slope,
        mean_of(y, sample),
        mean_of(a, sample),
        max(bends, key=abs),
        _uneven(rest * left[1], left[1] ** 2 / spread, features_of(rows, names), sample) if names else None,
        share if names else None,
        (float(a.min()), float(a.max())),
    )


def _waves(a: Array) -> dict[str, Array]:
    """Curves of a treatment beyond its square, bounded whatever its tails."""
    _, code, size = np.unique(a, return_inverse=True, return_counts=True)
    middle = (2.0 * np.cumsum(size) - size) / len(a) - 1.0  # rank, from -1 to 1
    return {f"wave {order}": legval(middle, np.eye(order + 1)[order])[code] for order in ORDERS}


def _bend(rest: Array, across: Array, sample: Sample) -> float:
    """Standard errors from zero of what the line leaves along one curve."""
    moment = mean_of(rest * across, sample)
    error = float(np.sqrt(covariance([moment], sample)[0, 0]))
    return moment.value / error if error > 0.0 else 0.0


def _uneven(moments: Array, weights: Array, features: Array, sample: Sample) -> float | None:
    """Wald's test that the slope's moments are zero along every feature; its p."""
    kept = features[:, features.std(axis=0) > 0.0]
    if kept.shape[1] == 0 or kept.shape[1] > sample.draws() / 20.0:
        return None
    centred = kept - sample.mass @ (weights[:, None] * kept)  # what estimating the slope itself takes away
    found = [mean_of(moments * one, sample) for one in (centred / centred.std(axis=0)).T]
    spread = covariance(found, sample)
    values = np.array([one.value for one in found])
    statistic = float(values @ np.linalg.pinv(spread, hermitian=True) @ values)
    return float(chdtrc(np.linalg.matrix_rank(spread, hermitian=True), statistic))
