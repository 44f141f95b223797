"""How many kinds of units their views show: the rank of one view's dependence on the covariate.

Given the kind, the covariate is independent of a view beside it, within values of a third where the
graph asks for one, so that their cross moments have the rank of the number of kinds. Views that are
averages over members have variances of their own: the covariance of the test is that of units, drawn
whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.moments_checks import rank_check, strength_check
from umbel.estimate.moments_units_data import Units
from umbel.expr.unmixing import UnitUnmixing
from umbel.numerics.clustered_ranks import clustered_rank_test
from umbel.numerics.operators import RankTest
from umbel.numerics.unit_classes import ones_among
from umbel.results.check import Check

Array = NDArray[np.float64]

MOST_MEMBERS = 4
"""Members whose count is one view of the test: five features, which tell of up to five kinds."""


def units_rank(units: Units, unmixing: UnitUnmixing) -> RankTest:
    """Test how many kinds there are.

    Parameters
    ----------
    units
        Read for two kinds, or for the declared number.
    unmixing
        Which views there are.
    """
    beside = units.first if units.splits is None else units.first[units.alike]
    covariate, enough = _covariate(units, unmixing)
    mass = units.mass[enough]
    arms, arm = np.unique(units.within[enough], return_inverse=True)
    return clustered_rank_test(
        beside[enough], covariate, arm.reshape(-1), len(arms), np.arange(len(mass)), weights=mass
    )


def _covariate(units: Units, unmixing: UnitUnmixing) -> tuple[Array, NDArray[np.bool_]]:
    """Features of the covariate, and the units that show it often enough."""
    counts = units.counts
    everyone = np.ones(len(units.mass), dtype=bool)
    if unmixing.kind != "replicates" or counts is None or counts.shape[1] != 2:
        return units.covariate if counts is None else counts / counts.sum(1, keepdims=True), everyone
    asked = counts.sum(1)
    members = int(min(MOST_MEMBERS, np.median(asked)))
    enough = asked >= members
    return ones_among(counts[enough, 1], asked[enough], members), enough


def with_number(unmixing: UnitUnmixing, classes: int) -> UnitUnmixing:
    """The views for a number of kinds: a binary covariate of members takes as many of them."""
    return replace(unmixing, classes=classes, members=classes if unmixing.kind == "replicates" else unmixing.members)


def number_checks(units: Units, unmixing: UnitUnmixing, rank: RankTest, classes: int) -> tuple[Check, ...]:
    """The number of kinds that is used beside the one that is shown, and how clear the last one stands."""
    x = " and ".join(unmixing.covariates[:1])
    views = f"{x} and the views beside it, {', '.join(unmixing.views)},"
    within = np.unique(units.within)
    split = unmixing.arm is not None and len(within) > 1
    places = tuple(f" where {unmixing.arm} is {units.outer_states[code]!r}" if split else "" for code in within)
    number = rank_check(rank, views, classes, f"{len(units.mass):,} units")
    strength = strength_check(rank, classes, unmixing.latent, float(len(units.mass)), "units", places)
    return number, strength
