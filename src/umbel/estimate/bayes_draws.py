"""Posterior draws of a number, how far they can be trusted, and the doubts as Checks.

A sampler's answer is a set of draws with a Monte Carlo error of its own. Both diagnostics are the
rank-normalised ones of Vehtari et al. (Bayesian Analysis 16(2) 2021): they see chains that differ
in spread, and heavy tails such as those of a half-Cauchy scale do not fool them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from umbel.errors import MissingExtra
from umbel.results.check import Check

Array = NDArray[np.float64]

RHAT = 1.01
"""Largest r-hat that passes (Vehtari et al. 2021, Section 4)."""
ESS = 400.0
"""Smallest effective sample size at which the diagnostics themselves are stable (the same)."""
DIVERGENT = 1e-3
"""Largest share of divergent draws that passes: a few in ten thousand move no figure by its error."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws of one number from its posterior, with what they are worth.

    Build it with :func:`draws_of`, which measures the last three.

    Parameters
    ----------
    values
        Shape (chains, draws), read-only.
    rhat
        Split, rank-normalised r-hat of level and spread: 1 when the chains agree.
    ess
        Effective number of independent draws, for the mean.
    ess_tail
        The same for the 5 % and 95 % points, the worse of both.

    Examples
    --------
    >>> draws = Draws(np.array([[1.0, 3.0], [2.0, 2.0]]), rhat=1.0, ess=4.0, ess_tail=4.0)
    >>> draws.mean, draws.interval(0.5)
    (2.0, (1.75, 2.25))
    """

    values: Array
    rhat: float
    ess: float
    ess_tail: float

    @property
    def mean(self) -> float:
        """Posterior mean."""
        return float(self.values.mean())

    @property
    def sd(self) -> float:
        """Posterior standard deviation."""
        return float(self.values.std())

    @property
    def error(self) -> float:
        """Monte Carlo standard error of ``mean``: what another seed may change."""
        return self.sd / math.sqrt(self.ess)

    def quantile(self, probability: float) -> float:
        """The value below which this share of the draws lies."""
        return float(np.quantile(self.values, probability))

    def interval(self, level: float) -> tuple[float, float]:
        """Interval with equal tails that holds ``level`` of the draws."""
        tail = 0.5 * (1.0 - level)
        return self.quantile(tail), self.quantile(1.0 - tail)


def read_only(values: Array) -> Array:
    """A float64 copy that nobody can write to."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def draws_of(values: Array) -> Draws:
    """Keep draws and measure them.

    O(N log N). Right for any continuous law: ranks replace values, so no moment need exist.

    Parameters
    ----------
    values
        Shape (chains, draws), at least four draws in each chain.

    Raises
    ------
    MissingExtra
        When numpyro, whose diagnostics these are, is not installed.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter, Bürkner, Bayesian Analysis 16(2) 2021.
    """
    diagnostics = _diagnostics()
    halves = _split(values)
    normal = _normal_scores(halves)
    folded = _normal_scores(np.abs(halves - np.median(halves)))
    low, high = np.quantile(values, (0.05, 0.95))
    with np.errstate(divide="ignore", invalid="ignore"):  # draws that never move: nan, and the Check fails
        rhat = max(float(diagnostics.gelman_rubin(scores)) for scores in (normal, folded))
        ess = float(diagnostics.effective_sample_size(normal))
        tails = [float(diagnostics.effective_sample_size((halves <= q).astype(np.float64))) for q in (low, high)]
    return Draws(read_only(values), rhat, ess, min(tails))


def convergence(draws: Mapping[str, Draws], diverging: NDArray[np.bool_]) -> tuple[Check, ...]:
    """Did the sampler reach the posterior: r-hat, effective sample size, divergences.

    Parameters
    ----------
    draws
        Every number that is reported or that the report is made of, by name.
    diverging
        Which draws ended in a divergence, shape (chains, draws).

    Examples
    --------
    >>> settled = Draws(np.zeros((4, 500)), rhat=1.001, ess=900.0, ess_tail=700.0)
    >>> stuck = Draws(np.zeros((4, 500)), rhat=1.2, ess=30.0, ess_tail=20.0)
    >>> [bool(check) for check in convergence({"average": settled}, np.zeros((4, 500), dtype=bool))]
    [True, True, True]
    >>> convergence({"average": settled, "spread": stuck}, np.zeros((4, 500), dtype=bool))[0].advice
    'The chains disagree about spread (r-hat 1.200, at most 1.01 is good). Ask for more warmup and draws.'
    """
    worst = max(draws, key=lambda name: _or_infinite(draws[name].rhat))
    fewest = min(draws, key=lambda name: _effective(draws[name]))
    rhat, ess = draws[worst].rhat, _effective(draws[fewest])
    count, total = int(diverging.sum()), int(diverging.size)
    agree, enough, smooth = rhat <= RHAT, ess >= ESS, count <= DIVERGENT * total
    return (
        Check(
            "r-hat",
            agree,
            rhat,
            ""
            if agree
            else f"The chains disagree about {worst} (r-hat {rhat:.3f}, at most {RHAT} is good). "
            "Ask for more warmup and draws.",
        ),
        Check(
            "effective sample size",
            enough,
            ess,
            ""
            if enough
            else f"The draws of {fewest} are worth {ess:.0f} independent ones ({ESS:.0f} are good). "
            "Ask for more draws.",
        ),
        Check(
            "divergences",
            smooth,
            float(count),
            ""
            if smooth
            else f"{count} of {total} draws diverged: part of the posterior was not reached. "
            "Ask for an acceptance nearer to 1.",
        ),
    )


def to_arviz(posterior: Mapping[str, Array], diverging: NDArray[np.bool_]) -> Any:  # the type is the extra's own
    """Draws as ArviZ holds them: an xarray DataTree with groups posterior and sample_stats.

    Parameters
    ----------
    posterior
        Arrays of shape (chains, draws, ...), by name.
    diverging
        Shape (chains, draws).

    Raises
    ------
    MissingExtra
        When arviz-base is not installed.
    """
    try:
        from arviz_base import from_dict
    except ModuleNotFoundError:
        raise MissingExtra("arviz-base", "bayes") from None
    return from_dict({"posterior": dict(posterior), "sample_stats": {"diverging": diverging}})


def _diagnostics() -> Any:  # a module of the extra
    try:
        from numpyro import diagnostics
    except ModuleNotFoundError:
        raise MissingExtra("numpyro", "bayes") from None
    return diagnostics


def _split(values: Array) -> Array:
    """Each chain's first and second half as two chains: a drift shows as a disagreement."""
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, values.shape[1] - half :]])  # (2 chains, half)


def _normal_scores(values: Array) -> Array:
    ranks = rankdata(values).reshape(values.shape)
    return np.asarray(ndtri((ranks - 0.375) / (values.size + 0.25)), dtype=np.float64)


def _effective(draws: Draws) -> float:
    return min(size if math.isfinite(size) else 0.0 for size in (draws.ess, draws.ess_tail))


def _or_infinite(number: float) -> float:
    return number if math.isfinite(number) else math.inf
