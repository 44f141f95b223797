"""Averages of scores whose nuisances were cross-fitted, with the influence of what was learnt for them.

What :mod:`~umbel.estimate.adjustment` and :mod:`~umbel.estimate.frontdoor` do alike, whatever the shapes of the
averages: each fold's models score the rows that they were not learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.estimate.crossfit import Fold, Learners, Learning, folds_of
from umbel.estimate.estimator import Watch
from umbel.estimate.expansion import Average
from umbel.estimate.flat import meeting
from umbel.estimate.overlap import Overlaps
from umbel.estimate.primal import primal_scores
from umbel.estimate.sequences import Scored, sequence_scores
from umbel.estimate.shapes import Primal, Sequential, Switched
from umbel.estimate.switched import switched_scores
from umbel.numerics.influence import Influence, mean_of, quotient
from umbel.results.check import Check

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Shape = Sequential | Switched | Primal
"""What an average of a doubly robust estimate may be."""


def cross_fitted(
    shapes: Mapping[Average, Shape],
    rows: Rows,
    fold: Codes,
    learners: Learners,
    *,
    rng: np.random.Generator,
    watch: Watch,
) -> tuple[dict[Average, Influence], tuple[Check, ...]]:
    """Every average, and what the chances of settings say about overlap; O(folds * cost of the learners).

    Parameters
    ----------
    fold
        The fold that scores each row, shape (rows,).
    """
    scores = {one: np.zeros(rows.size) for one in shapes}
    learning = {one: Learning(rows.sample.mass) for one in shapes}
    overlaps = Overlaps(rows.sample)
    stuck = 0
    total = int(fold.max()) + 1
    workers = folds_of(rows, fold, learners, rng)
    for _, (worker, scored) in zip(watch(range(total), "folds", total), workers, strict=True):
        for one, shape in shapes.items():
            found = _scored(shape, worker)
            scores[one][scored] = found.scores.tensor.array[scored]
            learning[one].add(worker, found.scores, scored)
            overlaps.add(found.overlaps, scored)
        stuck += len(worker.stuck)
    known = {one: learnt_mean(scores[one], learning[one].total(), shape, rows) for one, shape in shapes.items()}
    checks = overlaps.checks()
    return known, (*checks, convergence_check(stuck)) if checks else ()  # without overlap nothing was learnt


def _scored(shape: Shape, worker: Fold) -> Scored:
    match shape:
        case Primal():
            return primal_scores(shape, worker)
        case Switched():
            return switched_scores(shape, worker)
        case Sequential():
            return sequence_scores(shape, worker)
        case _:
            assert_never(shape)


def learnt_mean(scores: Array, learning: Array, shape: Shape, rows: Rows) -> Influence:
    """The mean of scores among the rows that a shape is about, with the influence of what was learnt for them."""
    plain = mean_of(scores, rows.sample)
    found = Influence(plain.value, plain.scores + learning)
    if isinstance(shape, Sequential) or not shape.where:
        return found
    return quotient(found, mean_of(meeting(shape.where, rows).astype(np.float64), rows.sample))


def convergence_check(stuck: int) -> Check:
    """Whether every model that was learnt came to rest."""
    advice = f"{stuck} models did not converge: their classes can be told apart, or the steps did not suffice."
    return Check("convergence", stuck == 0, float(stuck), advice if stuck else "")


def folds_in_words(folds: int, rows: Rows) -> str:
    """How the rows were parted, as an Answer says it."""
    return f"{folds} folds" + (f" of whole clusters of {rows.clustered}" if rows.clustered else "")
