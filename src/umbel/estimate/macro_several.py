"""Several totals, from data: may a chain or a back-door be drawn between them?

Lemma 10, Lemma 11 and Theorem 4.1 of Zhu, Budhathoki, Kübler and Janzing. The graph over totals alone never
decides: a total does not block its parts. Where the parts are measured the condition on them is tested;
where they are not it is assumed, and said to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import pinvh
from scipy.special import fdtrc

from umbel.numerics.aggregation_fit import fit_parts
from umbel.numerics.aggregation_inference import student
from umbel.numerics.independence import Independence, fisher_z
from umbel.numerics.influence import Influence, Sample, covariance

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class IrrelevanceTest:
    """Whether the cause of the cause tells nothing more (12), and the arrow to draw where it does.

    Parameters
    ----------
    test
        Of no dependence of the first and last total given the middle one.
    verdict
        ``"chain"`` where the dependence is shown to be weaker than the margin, ``"arrow"`` where the test
        rejects, ``"undecided"`` otherwise. The micro chain must not be confounded: totals cannot show that.
    arrow, interval
        Coefficient of the arrow from the first total to the last, given the middle one.
    """

    test: Independence
    verdict: Literal["chain", "arrow", "undecided"]
    arrow: float
    interval: tuple[float, float]


def irrelevance_test(first: Array, middle: Array, last: Array, *, margin: float, level: float) -> IrrelevanceTest:
    """Lemma 10 from data: whether the first total tells something of the last that the middle one does not; O(rows).

    Parameters
    ----------
    first, middle, last
        Shape (rows,): totals of cause, mediator and outcome.
    margin
        Partial correlation below which the dependence counts as none.
    level
        Of the interval; the test's size is the rest.

    Returns
    -------
    IrrelevanceTest
        The test, its verdict, and the arrow with its interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> first = rng.normal(size=500)
    >>> middle = first + rng.normal(size=500)
    >>> irrelevance_test(first, middle, middle + first + rng.normal(size=500), margin=0.1, level=0.95).verdict
    'arrow'
    """
    test = fisher_z(first, last, middle, margin=margin, level=level)
    ones = np.ones(len(first))
    sample = Sample(ones, ones)
    fit = fit_parts(first[:, None], last, middle[:, None], sample)
    arrow = fit.effect(np.ones(1))
    se = float(np.sqrt(covariance([arrow], sample)[0, 0]))
    verdict: Literal["chain", "arrow", "undecided"] = "undecided"
    if test.equivalent:
        verdict = "chain"
    elif test.p < 1 - level:
        verdict = "arrow"
    return IrrelevanceTest(test, verdict, arrow.value, student(arrow.value, se, fit.degrees, level))


@dataclass(frozen=True, slots=True)
class MacroBackdoor:
    """The effect of one unit of a total, adjusted for other totals: by the realisation ``natural(B)``.

    Parameters
    ----------
    effect, se, interval
        Slope of the outcome on the total given the other totals.
    condition
        ``"holds"`` is never shown: ``"rejected"``, ``"not rejected"``, or ``"assumed"`` where the parts of
        the other totals are not measured, (15).
    p
        Of the test of (15) in its linear form; None where it is assumed.
    adjusted_for_parts
        The same effect of the parts, adjusted for the parts of the other totals: what to use where (15) is
        rejected. None where they are not measured.
    """

    effect: float
    se: float
    interval: tuple[float, float]
    condition: Literal["rejected", "not rejected", "assumed"]
    p: float | None
    adjusted_for_parts: float | None


def macro_backdoor(
    parts: Array, weights: Array, outcome: Array, totals: Array, others: Array | None, *, level: float
) -> MacroBackdoor:
    """Theorem 4.1 from data.

    The condition says that the parts of the treated total tell nothing of the outcome had they been set, once
    the other totals are known. In a linear model that is that their effects are the same whether the other
    totals are adjusted for or all of their parts (Lemma 11: ``T Cov(X | total) delta = 0``): a Hausman test.
    O(rows parts²).

    Parameters
    ----------
    parts, weights
        Shapes (rows, parts), (parts,): of the treated total.
    outcome
        Shape (rows,).
    totals
        Shape (rows, other totals).
    others
        Shape (rows, parts of the other totals); None where they are not measured.
    level
        Of the interval; the test's size is the rest.

    Returns
    -------
    MacroBackdoor
        The effect of one unit of the total, and whether the condition behind it is rejected.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> others = rng.normal(size=(500, 2))
    >>> parts = others + rng.normal(size=(500, 2))
    >>> y = parts.sum(axis=1) + others.sum(axis=1) + rng.normal(size=500)
    >>> found = macro_backdoor(parts, np.ones(2), y, others.sum(axis=1)[:, None], others, level=0.95)
    >>> round(found.effect, 1), found.condition
    (1.0, 'not rejected')
    """
    ones = np.ones(len(outcome))
    sample = Sample(ones, ones)
    total = parts @ weights
    slope = fit_parts(total[:, None], outcome, totals, sample)
    effect = slope.effect(np.ones(1))
    se = float(np.sqrt(covariance([effect], sample)[0, 0]))
    interval = student(effect.value, se, slope.degrees, level)
    if others is None:
        return MacroBackdoor(effect.value, se, interval, "assumed", None, None)
    short = fit_parts(parts, outcome, totals, sample)
    long = fit_parts(parts, outcome, others, sample)
    eye = np.eye(len(weights))
    gaps = []
    for row in eye:
        one, two = short.effect(row), long.effect(row)
        gaps.append(Influence(one.value - two.value, one.scores - two.scores))
    cov = covariance(gaps, sample)
    values = np.array([one.value for one in gaps])
    statistic = float(values @ pinvh(cov) @ values) / len(values)
    p = float(fdtrc(len(values), long.degrees, statistic))
    left = parts - _fitted(totals, parts)
    moved = left @ weights
    direction = left.T @ moved / float(moved @ moved)
    rejected = p < 1 - level
    return MacroBackdoor(
        effect.value, se, interval, "rejected" if rejected else "not rejected", p, float(long.alpha @ direction)
    )


def _fitted(given: Array, values: Array) -> Array:
    design = np.column_stack([np.ones(len(values)), given])
    return np.asarray(design @ np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)
