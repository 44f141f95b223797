"""Overlap: whether what is set occurs wherever the covariates are, and what rows are left once weighted.

Two figures decide. The share of the population whose probability of what is set is all but zero
(D'Amour et al., Journal of Econometrics 221(2) 2021, on why it grows with the covariates), and the
effective number of rows as set, (Σ w)² / Σ w² (Kish, Survey Sampling, 1965). Advice names the part
where probabilities are moderate, as Crump, Hotz, Imbens and Mitnik (Biometrika 96(1) 2009) trim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.crossfit import Mask
from umbel.numerics.influence import Sample
from umbel.results.check import Check

Array = NDArray[np.float64]

RARE = 0.01
"""Probabilities below this are raised to it, and the rows that have them are counted."""
MODERATE = 0.1, 0.9
FEWEST = 10.0
"""Effective rows below which an answer stands on a handful."""


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """One division by a probability, at every row.

    Parameters
    ----------
    words
        What is set.
    chance
        Its probability in each row before it was raised.
    population
        How much each row stands for the population that is averaged over; ones: the rows' own.
    weight
        Weight in the score of a row as set, zero for the others; None where there is no single one.
    """

    words: str
    chance: Array
    population: Array
    weight: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """All divisions of an estimate, gathered over folds."""

    sample: Sample
    known: dict[str, tuple[Array, Array, Array | None]] = field(default_factory=dict)

    def add(self, found: Iterable[Overlap], scored: Mask) -> None:
        """Take a fold's rows."""
        for one in found:
            if one.words not in self.known:
                blank = np.zeros(len(scored))
                self.known[one.words] = blank, blank.copy(), None if one.weight is None else blank.copy()
            chance, population, weight = self.known[one.words]
            chance[scored], population[scored] = one.chance[scored], one.population[scored]
            if weight is not None and one.weight is not None:
                weight[scored] = one.weight[scored]

    def checks(self) -> tuple[Check, ...]:
        """One check per thing that is set."""
        return tuple(overlap_check(words, *figures, self.sample) for words, figures in self.known.items())


def overlap_check(words: str, chance: Array, population: Array, weight: Array | None, sample: Sample) -> Check:
    """Whether what is set occurs often enough wherever the population is.

    Examples
    --------
    >>> sample, ones = Sample(np.ones(4), np.ones(4)), np.ones(4)
    >>> overlap_check("A = 1", np.array([0.5, 0.4, 0.001, 0.6]), ones, None, sample).value
    0.25
    """
    mass = sample.mass * population
    mass = mass / mass.sum()
    share = float(mass @ (chance < RARE))
    smallest = float(chance[mass > 0.0].min())
    middle = float(mass @ ((chance >= MODERATE[0]) & (chance <= MODERATE[1])))
    said = f"the smallest probability is {smallest:.2g}"
    effective = np.inf
    if weight is not None:
        found = sample.weights * weight
        effective = float((sample.counts @ found) ** 2 / (sample.counts @ found**2)) if found.any() else 0.0
        rows = float(sample.counts @ (weight > 0.0))
        said += f", and {rows:,.0f} rows as set count as {effective:,.{0 if effective >= FEWEST else 1}f} once weighted"
    if share <= RARE and effective >= FEWEST:
        return Check(f"overlap: {words}", True, share, f"{said[0].upper()}{said[1:]}.")
    low, high = MODERATE
    advice = f"{said[0].upper()}{said[1:]}: the answer stands on a handful."
    if share > RARE:
        advice = (
            f"For {share:.1%} of the population {words} has a probability below {RARE:g} given the covariates "
            f"({said}): its outcome is hardly ever seen there, and the answer leans on the outcome's model. Ask about "
            f"the part where it may go either way (between {low:g} and {high:g}: {middle:.1%}), or about those who "
            "have it."
        )
    return Check(f"overlap: {words}", False, share, advice)
