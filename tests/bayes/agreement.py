"""Draws against an exact law, by its distribution function; and how long the short runs of the tests are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from umbel.estimate.bayes_draws import Draws
from umbel.estimate.bayes_sampler import Nuts

NEEDS = "needs the extra: pip install 'umbel[bayes]'"
SEED = 20260101
SIGMAS = 4.0
"""Monte Carlo standard errors: a right run differs by more once in 16,000."""
SHORT = Nuts(chains=2, draws=2500, warmup=700)
POINTS = (0.05, 0.5, 0.95)


def agree(draws: Draws, quantile: Callable[[float], float]) -> None:
    """The share of draws below an exact quantile is its probability, within Monte Carlo error."""
    for probability in POINTS:
        below = float((draws.values <= quantile(probability)).mean())
        error = np.sqrt(probability * (1.0 - probability) / min(draws.ess, draws.ess_tail))
        assert below == pytest.approx(probability, abs=SIGMAS * error)
