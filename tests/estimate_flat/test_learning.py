"""What learning adds to an error is kept where it is more than noise, and left out where it is noise."""

from __future__ import annotations

import numpy as np

from umbel.data.rows import read_rows
from umbel.data.study import Study
from umbel.estimate.crossfit import Learners, Learning, folds_of, per_row
from umbel.numerics.adjoint import Node, multiplied

ROWS = 2000


def learning(slope: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Influence of learning E[Y | Z] on the mean of ``(slope + noise) * prediction``, and Y's surprise times slope."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=ROWS)
    y = z + rng.normal(size=ROWS)
    rows = read_rows(Study({"Z": z, "Y": y}), ["Z", "Y"])
    weight = per_row(slope + rng.normal(size=ROWS))
    fold = np.arange(ROWS) % 5
    found = Learning(rows.sample.mass)
    for worker, scored in folds_of(rows, fold, Learners(), rng):
        mean: Node = worker.mean("Y", per_row(y), ("Z",), np.ones(ROWS, dtype=bool))
        found.add(worker, multiplied(weight, mean), scored)
    return found.total(), slope * (y - z)


def test_a_signal_is_kept_whole() -> None:
    total, truth = learning(slope=1.0)
    assert np.corrcoef(total, truth)[0, 1] > 0.99
    assert 0.95 < total.std() / truth.std() < 1.05
    assert abs(total.mean()) < 1e-12


def test_noise_is_left_out() -> None:
    raw = np.array([(learning(slope=0.0, seed=seed)[0] ** 2).mean() for seed in range(10)])
    plain = 4.0 / ROWS  # a level, a slope and a bend, each met by noise of variance 1, times surprises of variance 1
    assert raw.mean() < 0.5 * plain
