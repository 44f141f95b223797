"""Rows that stand for many: a table of counts answers as its rows do, whatever the learners choose from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import umbel

CELLS = np.array(list(itertools.product((0, 1), repeat=3)))
NAMES = ("Z", "A", "Y")


@pytest.mark.parametrize("seed", range(4))
def test_counts_answer_as_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    law = rng.dirichlet(np.ones(8))
    table = law.reshape(2, 2, 2)  # Z, A, Y
    truth = sum(float(part.sum() * (part[1, 1] / part[1].sum() - part[0, 1] / part[0].sum())) for part in table)
    counts = rng.multinomial(40_000, law)
    columns = {name: CELLS[:, at] for at, name in enumerate(NAMES)}
    question = "E[Y | do(A=1)] - E[Y | do(A=0)]"
    counted = umbel.solve("Z -> { A Y }; A -> Y", question, umbel.Study({**columns, "n": counts}, count="n"))
    rows = {name: np.repeat(values, counts) for name, values in columns.items()}
    plain = umbel.solve("Z -> { A Y }; A -> Y", question, umbel.Study(rows))
    assert counted.estimate is not None and plain.estimate is not None
    assert counted.estimate.se is not None and plain.estimate.se is not None
    assert counted.estimate.se == pytest.approx(plain.estimate.se, rel=0.02)
    assert counted.value == pytest.approx(plain.value, abs=0.3 * plain.estimate.se)  # folds are drawn otherwise
    assert counted.value == pytest.approx(truth, abs=5 * plain.estimate.se)
