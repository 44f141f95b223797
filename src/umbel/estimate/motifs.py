"""The paper's own plug-in estimators of its three motifs, on arrays.

Weinstein and Blei (JMLR 27(37) 2026), Appendix D, written out by hand: one function per formula,
each reading within-unit counts and nothing else. They are kept under the paper's name as oracles
of the general engine and as the methods that its tables were made with; for small units better
estimators exist (Beta(1, 1) pseudo-counts bias D.1 by about -1/sqrt(members)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from umbel.numerics.gp import fit_gp
from umbel.numerics.logistic import fit_logistic

Array = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def pair_counts(condition: NDArray[np.int8], outcome: NDArray[np.int8]) -> Array:
    """Counts of two binary members' variables in each unit; one pass over the rows.

    Parameters
    ----------
    condition, outcome
        Shape (units, members): 0 or 1.

    Returns
    -------
    Array
        Shape (units, 2, 2): condition, then outcome.

    Examples
    --------
    >>> pair_counts(np.array([[0, 1, 1]], dtype=np.int8), np.array([[1, 0, 1]], dtype=np.int8)).tolist()
    [[[0.0, 1.0], [1.0, 1.0]]]
    """
    members = condition.shape[1]
    treated = np.count_nonzero(condition, axis=1)
    positive = np.count_nonzero(outcome, axis=1)
    both = np.count_nonzero(condition & outcome, axis=1)
    rows = [members - treated - positive + both, positive - both, treated - both, both]
    return np.stack(rows, axis=1).reshape(-1, 2, 2).astype(np.float64)


def smoothed(counts: Array) -> Array:
    """Posterior mean of a share under a Beta(1, 1) prior (Eq. 55); ``counts[..., 1]`` are the ones.

    Examples
    --------
    >>> smoothed(np.array([0.0, 2.0])).item()
    0.75
    """
    return np.asarray((counts[..., 1] + 1.0) / (counts.sum(axis=-1) + 2.0), dtype=np.float64)


def confounder_means(counts: Array, shares: Sequence[float]) -> Array:
    """D.1: E[Y | do(A ~ Bernoulli(share))] under a hidden confounder of the unit (Eq. 23).

    Parameters
    ----------
    counts
        Shape (units, 2, 2): A, then Y.
    shares
        The interventions; one mean each.
    """
    given = smoothed(counts)  # (units, a)
    return np.array([float((given @ np.array([1.0 - share, share])).mean()) for share in shares])


def interference_means(counts: Array, z: Array, shares: Sequence[float], *, penalty: float = 1.0) -> Array:
    """D.2: the same where treated members act on all through the unit's binary Z (Eq. 26, 27).

    p(z | q^a) by logistic regression with a ridge penalty, p(q^{y|a} | q^a, z) by one linear
    regression of logits for each a and z, and a normal law of its residuals integrated by
    Gauss-Hermite where the paper draws 100 samples. NaN where one value of Z has fewer than
    three units, which a line with its spread needs.

    Parameters
    ----------
    counts
        Shape (units, 2, 2): A, then Y.
    z
        Shape (units,): 0 or 1.
    penalty
        The paper's software has 1; 0 removes most of the bias at small sizes.
    """
    treated = logit(smoothed(counts.sum(axis=2)))  # (units,)
    given = logit(smoothed(counts))  # (units, a)
    if min((z == 0).sum(), (z == 1).sum()) < 3:
        return np.full(len(shares), np.nan)
    fit = fit_logistic(treated[:, None], np.asarray(z, dtype=np.float64), penalty=penalty)
    chances = fit.predict(logit(np.array(shares))[:, None])  # (shares,)
    inner = np.array([[_regressed_mean(treated, given[:, a], z == state) for a in (0, 1)] for state in (0, 1)])
    return np.array(
        [
            float(np.array([1.0 - chance, chance]) @ inner @ np.array([1.0 - share, share]))
            for share, chance in zip(shares, chances, strict=True)
        ]
    )


def _regressed_mean(feature: Array, outcome: Array, chosen: NDArray[np.bool_]) -> float:
    """Average over all units of E[expit(outcome) | feature], a line fitted to the chosen units."""
    design = np.column_stack([np.ones(len(feature)), feature])
    line = np.linalg.lstsq(design[chosen], outcome[chosen], rcond=None)[0]
    residual = outcome[chosen] - design[chosen] @ line
    spread = np.sqrt(float(residual @ residual) / (chosen.sum() - 2))
    return float((expit((design @ line)[:, None] + spread * NODES) @ WEIGHTS).mean())


def instrument_means(
    counts: Array, y: Array, shares: Sequence[float], *, outcome: Literal["process", "line"] = "process"
) -> Array:
    """D.3: E[Y | do(A ~ Bernoulli(share))] for a unit's Y and an instrument Z inside (Eq. 31).

    Parameters
    ----------
    counts
        Shape (units, 2, 2): Z, then A.
    y
        Shape (units,): 0 or 1.
    outcome
        ``"process"``: a Gaussian-process classifier of y on the logits of q^a and q^{a|z}, as in
        the paper, O(units³). ``"line"``: least squares of y on the shares themselves.
    """
    features = np.column_stack([smoothed(counts.sum(axis=1)), smoothed(counts)])  # q^a, q^{a|0}, q^{a|1}
    outcomes = np.asarray(y, dtype=np.float64)
    predict = _line(features, outcomes) if outcome == "line" else _process(features, outcomes)
    means = []
    for share in shares:
        at = features.copy()
        at[:, 0] = share
        means.append(float(predict(at).mean()))
    return np.array(means)


def _line(features: Array, outcome: Array) -> Callable[[Array], Array]:
    design = np.column_stack([np.ones(len(outcome)), features])
    line = np.linalg.lstsq(design, outcome, rcond=None)[0]
    return lambda at: np.column_stack([np.ones(len(at)), at]) @ line


def _process(features: Array, outcome: Array) -> Callable[[Array], Array]:
    fit = fit_gp(logit(features), outcome)
    return lambda at: fit.predict(logit(at))
