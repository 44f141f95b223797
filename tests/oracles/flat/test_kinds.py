"""Every flat kind of question through the public door: a few dozen of each, on every run.

Thousands of each: ``python -m benchmarks.oracle_identification``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from tests.oracles.flat.kinds import KINDS, Posed, ask

EXACT = 1e-10
"""Enumeration in float64 of a few thousand rows leaves errors near 1e-15."""
QUESTIONS = 40


@pytest.mark.parametrize(("kind", "draw", "whole"), KINDS, ids=[kind[0] for kind in KINDS])
def test_verdicts_and_estimands(kind: str, draw: Callable[[np.random.Generator], Posed], whole: bool) -> None:
    rng = np.random.default_rng([51, len(kind)])
    seen: Counter[bool] = Counter()
    for _ in range(QUESTIONS):
        found = ask(draw(rng), rng)
        assert not found.wrong, found
        assert found.proved or not whole, found
        assert found.gap < EXACT, found
        seen[found.identified] += 1
    assert seen[True] >= 10 and seen[False] >= 3, (kind, seen)
