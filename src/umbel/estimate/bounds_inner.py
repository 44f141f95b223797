"""Inner bounds by EM, as the Answer needs them: which restarts count, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from umbel.estimate.bounds_arrays import Block, Records, patterns_of, polynomial_of
from umbel.estimate.bounds_em import inner
from umbel.estimate.bounds_found import EXACT, GAP, INNER, UNSAMPLED, BoundsFound, BoundsMethod
from umbel.estimate.bounds_restarts import restarted
from umbel.estimate.credible import credible_probability
from umbel.model.programme import Programme
from umbel.results.check import Check
from umbel.results.value import Bounds

WEIGHT = 1000.0
"""Records that a population weighs as, so that a gap in nats means the same as for samples."""
MARGIN, FEWEST = 0.1, 3
"""Widening of the credible interval at each end, and the restarts that it needs."""
NEAR = 0.1
"""Nats by which a restart may miss the best likelihood of sampled records and still count."""
NEAR_RECORD = 1e-6
"""The same for each record, where records are so many that EM stands still before it is that near."""
NEAR_POPULATION = 1e-4
"""The same for a record of a population: 0.1 nats in a thousand of them."""


def by_restarts(
    programme: Programme,
    blocks: tuple[Block, ...],
    studies: Sequence[Records],
    rng: np.random.Generator,
    method: BoundsMethod,
) -> BoundsFound:
    """Inner bounds of complete records, each component by itself."""
    numerator, denominator = (polynomial_of(one, blocks) for one in (programme.numerator, programme.denominator))
    heavy = [replace(one, counts=WEIGHT * one.counts) if one.population else one for one in studies]
    patterns = [patterns_of(block, heavy) for block in blocks]
    tilted = method.intervals != "credible"  # the credible interval is of the paper's own restarts
    found = restarted(numerator, denominator, blocks, patterns, restarts=method.restarts, rng=rng, tilted=tilted)
    share = float((found.gaps <= GAP).mean())
    ends = found.interval(GAP) or found.interval(np.inf)
    assert ends is not None
    advice = f"{share:.0%} of {method.restarts} restarts came within {GAP:g} nats of the largest likelihood."
    check = Check("convergence", share >= 0.5, share, advice)
    bounds = Bounds(*ends, "inner", ends)
    if tilted:
        return BoundsFound(bounds, "causal EM", (check,), (), _remarks(programme, studies))
    runs = int((found.gaps <= GAP).sum())
    interval, credible = _credible(programme, ends, runs)
    return BoundsFound(
        replace(bounds, interval=interval), "causal EM", (check, credible), (), (INNER, *programme.remarks)
    )


def _remarks(programme: Programme, studies: Sequence[Records]) -> tuple[str, ...]:
    population = bool(studies) and all(one.population for one in studies)
    return (INNER, EXACT if population else UNSAMPLED, *programme.remarks)


def _credible(programme: Programme, ends: tuple[float, float], runs: int) -> tuple[tuple[float, float], Check]:
    """The runs' interval, widened, with the probability that it would have were the runs uniform."""
    weights = [weight for weight, _ in programme.numerator.parts]
    least = programme.numerator.constant + sum(weight for weight in weights if weight < 0)
    most = programme.numerator.constant + sum(weight for weight in weights if weight > 0)
    low, high = (min(max((end - least) / (most - least), 0.0), 1.0) for end in ends)
    wide = MARGIN * (ends[1] - ends[0])
    interval = max(ends[0] - wide, least), min(ends[1] + wide, most)
    if runs < FEWEST:
        return interval, Check("credible interval", False, None, f"Only {runs} restarts converged.")
    chance = credible_probability(low, high, runs, margin=MARGIN)
    advice = (
        f"Were the {runs} restarts uniform on the true interval, it would lie within theirs, widened by {MARGIN:.0%} "
        f"at each end, with probability {chance:.3f}. They are not: in simulations a nominal 0.87 was 0.06 to 0.20. "
        "A diagnostic of the restarts; the default method gives certified ends."
    )
    return interval, Check("credible interval", False, chance, advice)


def by_em(
    programme: Programme,
    blocks: tuple[Block, ...],
    studies: Sequence[Records],
    rng: np.random.Generator,
    method: BoundsMethod,
) -> BoundsFound:
    """Inner bounds of records that tie components together, or of independent causes within one."""
    numerator, denominator = (polynomial_of(one, blocks) for one in (programme.numerator, programme.denominator))
    found = inner(numerator, denominator, blocks, studies, restarts=method.restarts, rng=rng)
    total = sum(one.total for one in studies)
    near = NEAR_POPULATION * total if any(one.population for one in studies) else max(NEAR, NEAR_RECORD * total)
    reached = float(found.likelihoods.max()) - found.likelihoods <= near
    values = found.values[reached]
    low, high = float(values.min()), float(values.max())
    share = float(reached.mean())
    check = Check(
        "convergence",
        share >= 0.5,
        share,
        f"{share:.0%} of {method.restarts} restarts reached the best likelihood found.",
    )
    return BoundsFound(Bounds(low, high, "inner", (low, high)), "causal EM", (check,), (), _remarks(programme, studies))
