"""Cross-fitting: every row is scored by nuisances that were learnt without it.

Folds follow clusters where there are any, so that a row's own cluster never teaches its score;
rows that stand for several are split between folds (Chernozhukov et al., The Econometrics
Journal 21(1) 2018).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn, Rows
from umbel.errors import InputError, shown
from umbel.estimate.learners import Fitted, Learner, Linear, Logistic, learnt
from umbel.numerics.influence import Sample

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_DUMMIES = 5
"""States up to which a discrete number becomes one feature per state; beyond, it stays a number."""


@dataclass(frozen=True, slots=True)
class Learners:
    """What nuisances are learnt by.

    Parameters
    ----------
    outcome
        Means of outcomes given covariates; None: :class:`Logistic` for events, :class:`Linear`
        for numbers.
    treatment
        Probabilities of treatments given covariates; None: :class:`Logistic` (for a continuous
        treatment's mean :class:`Linear`).
    folds
        Number of folds.
    """

    outcome: Learner | None = None
    treatment: Learner | None = None
    folds: int = 5

    def words(self) -> str:
        """What an Answer says of them."""
        outcome = "ridge regressions" if self.outcome is None else type(self.outcome).__name__
        treatment = "ridge logistic regressions" if self.treatment is None else type(self.treatment).__name__
        return f"outcomes are learnt by {outcome}, treatments by {treatment}"


def features_of(rows: Rows, names: Sequence[str]) -> Array:
    """Features of variables, shape (rows, features): numbers as they are, words as one column per state.

    The first state is the reference.
    """
    columns = [rows.columns[name] for name in names]
    return encoded([(one, one.values if one.codes is None else one.codes) for one in columns], rows.size)


def encoded(parts: Sequence[tuple[RowColumn, Array | Codes]], size: int) -> Array:
    """Features of values of columns, which are codes where a column has states."""
    found: list[Array] = [np.empty((size, 0))]
    for column, values in parts:
        if column.codes is None:
            found.append(np.asarray(values[:, None], dtype=np.float64))
        elif not column.numeric or 2 < len(column.states) <= MOST_DUMMIES:
            found.append((values[:, None] == np.arange(1, len(column.states))).astype(np.float64))
        else:
            numbers = np.array([float(state) for state in column.states])
            found.append(numbers[values.astype(np.int64)][:, None])
    return np.concatenate(found, axis=1)


def split(rows: Rows, by: Sequence[str], folds: int, rng: np.random.Generator) -> tuple[Rows, Codes]:
    """Rows with the fold of each; a row that stands for several may come once in each fold.

    Parameters
    ----------
    by
        Discrete variables whose states are spread evenly over folds.
    """
    sample = rows.sample
    if sample.clusters is not None:
        groups = np.unique(sample.clusters)
        order = rng.permutation(len(groups))
        return rows, (order % folds)[np.searchsorted(groups, sample.clusters)]
    if sample.counts.max() > 1.0:
        base, rest = np.divmod(sample.counts, folds)
        extra = rng.random((rows.size, folds)).argsort(axis=1) < rest[:, None]
        counts = base[:, None] + extra  # (rows, folds)
        index, fold = np.nonzero(counts)
        strata = None if sample.strata is None else sample.strata[index]
        return rows.taken(index, Sample(counts[index, fold], sample.weights[index], None, strata)), fold
    cells = np.zeros(rows.size, dtype=np.int64)
    for name in by:
        codes = rows.columns[name].codes
        if codes is not None:
            cells = cells * (int(codes.max()) + 1) + codes
    order = np.lexsort((rng.random(rows.size), cells))
    codes = np.empty(rows.size, dtype=np.int64)
    codes[order] = np.arange(rows.size) % folds
    return rows, codes


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One fold: models are learnt from ``train`` rows and asked about all rows.

    Equal requests are learnt once: ``known`` keeps what was learnt, by its key; ``stuck`` counts
    the models that did not converge.
    """

    rows: Rows
    train: Mask
    learners: Learners
    rng: np.random.Generator
    known: dict[Hashable, Array] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)

    def mean(self, key: Hashable, target: Array, names: Sequence[str], among: Mask, *, behind: bool = False) -> Array:
        """Mean of a target given variables, learnt among some rows, at every row.

        ``key`` names the target and the rows; ``behind`` says that the target was learnt itself.
        NaN where no training row is among them.
        """
        place = (key, tuple(names), "mean")
        if place not in self.known:
            events = bool(np.isin(target[self.train & among], (0.0, 1.0)).all())
            learner: Learner = Logistic() if events else Linear()
            learner = learner if self.learners.outcome is None else self.learners.outcome
            if not events and behind and hasattr(learner, "predict_proba"):
                learner = Linear()  # a mean of what was learnt is a share: no business of a classifier
            _regressor(learner, events)
            self.known[place] = self._learnt(learner, target, names, among, events)
        return self.known[place]

    def chance(self, key: Hashable, event: Mask, names: Sequence[str], among: Mask) -> Array:
        """Probability of an event given variables, learnt among some rows, at every row."""
        place = (key, tuple(names), "chance")
        if place not in self.known:
            learner = Logistic() if self.learners.treatment is None else self.learners.treatment
            found = self._learnt(learner, event.astype(np.float64), names, among, True)
            self.known[place] = np.clip(found, 0.0, 1.0)
        return self.known[place]

    def centre(self, key: Hashable, target: Array, names: Sequence[str]) -> Array:
        """Mean of a continuous treatment (or its square) given variables, at every row."""
        place = (key, tuple(names), "centre")
        if place not in self.known:
            every = np.ones(self.rows.size, dtype=bool)
            learner = Linear() if self.learners.treatment is None else self.learners.treatment
            _regressor(learner, False)
            self.known[place] = self._learnt(learner, target, names, every, False)
        return self.known[place]

    def _learnt(self, learner: Learner, target: Array, names: Sequence[str], among: Mask, events: bool) -> Array:
        rows = np.flatnonzero(self.train & among)
        if len(rows) == 0:
            return np.full(self.rows.size, np.nan)
        sample = self.rows.sample
        weights = sample.counts[rows] * sample.weights[rows]
        level = float(weights @ target[rows] / weights.sum())
        if not names or (target[rows] == target[rows[0]]).all():
            return np.full(self.rows.size, level)
        features = features_of(self.rows, names)
        fit: Fitted = learnt(learner, features[rows], target[rows], weights=weights, rng=self.rng, probability=events)
        if not getattr(fit.model, "converged", True):
            self.stuck.append(type(learner).__name__)
        return fit(features)


def _regressor(learner: Learner, events: bool) -> None:
    if not events and hasattr(learner, "predict_proba"):
        raise InputError(
            f"{shown(type(learner).__name__)} is a classifier, and what it must learn is a number. Give a regressor."
        )


def folds_of(rows: Rows, fold: Codes, learners: Learners, rng: np.random.Generator) -> Iterator[tuple[Fold, Mask]]:
    """Every fold with the rows that it scores; a single fold is scored by what it teaches itself."""
    several = bool(fold.max() > 0)
    for number in range(int(fold.max()) + 1):
        yield Fold(rows, fold != number if several else fold == number, learners, rng), fold == number
