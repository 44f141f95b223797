"""EMCC where records factorise: each component by itself, all restarts at once, gaps certified.

The paper's algorithm with three changes: SQUAREM, a certificate in place of "the likelihood stands
still", and starts tilted towards both ends of the question, tilted again from what they found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.bounds_arrays import Block, Patterns
from umbel.numerics.causal_em import causal_em, starts
from umbel.numerics.multilinear import Polynomial, slope, value

Array = NDArray[np.float64]

TILTS = (10.0, 12.0, 15.0, 20.0)
"""Tilt of each round of restarts: later rounds know better where the ends lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Restarts:
    """What the restarts found.

    Parameters
    ----------
    values
        The question in each restart's model, shape (restarts,).
    gaps
        What each restart's likelihood could still gain at most, in nats, shape (restarts,).
    """

    values: Array
    gaps: Array

    def interval(self, gap: float) -> tuple[float, float] | None:
        """Least and largest value among the restarts that converged; None when none did."""
        kept = self.values[self.gaps <= gap]
        return (float(kept.min()), float(kept.max())) if kept.size else None


def restarted(
    numerator: Polynomial,
    denominator: Polynomial,
    blocks: Sequence[Block],
    patterns: Sequence[Patterns],
    *,
    restarts: int,
    rng: np.random.Generator,
    gap: float = 1e-3,
    steps: int = 3000,
    tilted: bool = True,
) -> Restarts:
    """Run EM in rounds of restarts; each is tilted by what the one before found at the ends.

    Parameters
    ----------
    numerator, denominator
        The question.
    blocks, patterns
        Components, and what the studies say of each.
    restarts
        Over all rounds.
    rng
        Source of starts.
    gap, steps
        When a restart stops: at this certified gap, in nats, shared by the components.
    tilted
        Whether starts are tilted; the paper's are not.
    """
    middle = [np.full(block.states, 1.0 / block.states) for block in blocks]
    share = gap / max(len(blocks), 1)
    values, gaps = np.zeros(0), np.zeros(0)
    best, ends = (np.inf, -np.inf), (middle, middle)
    sizes = [len(part) for part in np.array_split(np.arange(restarts), len(TILTS))] if tilted else [restarts]
    for number, tilt in zip(sizes, TILTS, strict=False):
        if not number:
            continue
        laws, left = [], np.zeros(number)
        for at, (block, its) in enumerate(zip(blocks, patterns, strict=True)):
            begun = rng.dirichlet(np.ones(block.states), size=number)
            if tilted:  # even restarts towards the lower end, odd ones towards the upper
                low, high = (_direction(numerator, denominator, end, at, block.states) for end in ends)
                begun = starts(block.states, number, rng=rng, direction=low, tilt=tilt)
                other = starts(block.states, number, rng=rng, direction=high, tilt=tilt)
                begun[1::2] = other[1::2]
            runs = causal_em(its.rows, its.counts, np.maximum(begun, 1e-12), gap=share, steps=steps)
            laws.append(runs.laws)
            left += runs.gaps
        found = np.array([_value(numerator, denominator, [law[run] for law in laws]) for run in range(number)])
        reached = np.where(left <= gap, found, np.nan)
        if np.isfinite(reached).any():
            lowest, highest = int(np.nanargmin(reached)), int(np.nanargmax(reached))
            if reached[lowest] < best[0]:
                best, ends = (float(reached[lowest]), best[1]), ([law[lowest] for law in laws], ends[1])
            if reached[highest] > best[1]:
                best, ends = (best[0], float(reached[highest])), (ends[0], [law[highest] for law in laws])
        values, gaps = np.concatenate([values, found]), np.concatenate([gaps, left])
    return Restarts(values, gaps)


def _value(numerator: Polynomial, denominator: Polynomial, laws: Sequence[Array]) -> float:
    return value(numerator, laws) / max(value(denominator, laws), 1e-300)


def _direction(top: Polynomial, bottom: Polynomial, laws: Sequence[Array], at: int, states: int) -> Array:
    """Slope of the question, up to a positive factor."""
    return slope(top, laws, at, states) - _value(top, bottom, laws) * slope(bottom, laws, at, states)
