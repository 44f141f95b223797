"""Ten replicates of the study of bias and coverage; five hundred are a command of their own."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.flat_estimators import Design, designs, studied

REPLICATES = 10
FAR = 4.0  # standard errors of the mean over replicates


@pytest.mark.parametrize("design", designs(), ids=lambda design: design.name)
def test_ten_replicates(design: Design) -> None:
    found = studied(design, REPLICATES, seed=7)
    assert abs(found.errors.mean()) < FAR * found.reported.mean() / np.sqrt(REPLICATES)
    assert found.covered.sum() >= 6  # 95 % intervals miss five of ten once in 17,000 studies
    assert 0.5 < found.reported.mean() / found.errors.std(ddof=1) < 2.5
