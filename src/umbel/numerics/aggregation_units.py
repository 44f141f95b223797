"""Means of units' members as totals: who is treated when a school's share of treated pupils is set.

A share of treated members is a functional of the unit's law of treatment. Where members are treated
whatever their group, share and law are one and the same, and no realisation is needed; where treatment
goes with the group, the share leaves open *who* is treated. And the slope of unit means on unit means is
no member's effect: the gap to the slope inside units is context or confounding, which means alone do not
tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umbel.errors import DataError

Array = NDArray[np.float64]

SAME = 1e-9
"""Distance up to which a unit's share is the share that is asked about."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitPopulation:
    """Units whose members are in groups, treated at rates of their own.

    Parameters
    ----------
    groups
        Shape (groups,): share of each group among the members of any unit.
    rates
        Shape (units, groups): share of treated members in each group of each unit.
    outcomes
        Shape (units, groups, 2): mean outcome of untreated and of treated members.
    mass
        Shape (units,): how much each unit counts.

    Raises
    ------
    DataError
        For shapes that do not fit, and rates that are no shares.
    """

    groups: Array
    rates: Array
    outcomes: Array
    mass: Array

    @staticmethod
    def of(groups: ArrayLike, rates: ArrayLike, outcomes: ArrayLike, mass: ArrayLike | None = None) -> UnitPopulation:
        """Checked at the door.

        Examples
        --------
        >>> units = UnitPopulation.of([0.5, 0.5], [[0.4, 0.6]], [[[0.35, 0.7], [0.35, 0.4]]])
        >>> round(units.policy(units.neutral(0.5)), 4), round(units.policy(units.first(0.5, [0, 1])), 4)
        (0.45, 0.525)
        """
        p, r, k = (np.asarray(one, dtype=float) for one in (groups, rates, outcomes))
        w = np.ones(len(r)) if mass is None else np.asarray(mass, dtype=float)
        if r.ndim != 2 or p.shape != (r.shape[1],) or k.shape != (*r.shape, 2) or w.shape != (len(r),):
            raise DataError(f"Rates of shape {r.shape} ask for groups, outcomes and mass that fit; found {k.shape}.")
        if (r < 0).any() or (r > 1).any() or (p < 0).any() or abs(float(p.sum()) - 1) > 1e-9:
            raise DataError("Rates lie between 0 and 1, and shares of groups sum to 1.")
        if (w < 0).any() or w.sum() <= 0:
            raise DataError("Units have masses of at least 0, not all 0.")
        return UnitPopulation(p, r, k, w / w.sum())

    def shares(self) -> Array:
        """Share of treated members of each unit, shape (units,)."""
        return np.asarray(self.rates @ self.groups, dtype=np.float64)

    def neutral(self, share: float) -> Array:
        """Every group at the same rate."""
        return np.full(len(self.groups), _share(share))

    def first(self, share: float, order: Sequence[int]) -> Array:
        """Groups in order, each wholly before the next: ``[0, 1]`` treats group 0 first.

        Examples
        --------
        >>> units = UnitPopulation.of([0.5, 0.5], [[0.4, 0.6]], [[[0.35, 0.7], [0.35, 0.4]]])
        >>> units.first(0.7, [0, 1]).tolist()
        [1.0, 0.4]
        """
        if sorted(order) != list(range(len(self.groups))):
            raise DataError(f"An order names each of {len(self.groups)} groups once.")
        left, rates = _share(share), np.zeros(len(self.groups))
        for group in order:
            treated = min(left, float(self.groups[group]))
            rates[group] = treated / self.groups[group] if self.groups[group] > 0 else 0.0
            left -= treated
        return np.round(rates, 12)

    def policy(self, rates: ArrayLike) -> float:
        """Mean outcome when every unit treats its groups at given rates."""
        r = np.asarray(rates, dtype=float)
        mean = self.outcomes[:, :, 0] * (1 - r) + self.outcomes[:, :, 1] * r  # (units, groups)
        return float(self.mass @ mean @ self.groups)

    def natural(self, share: float) -> float:
        """Mean outcome when units treat as those do that have this share: ``Σ_q P(q | share) P(Y | do q)``.

        Raises
        ------
        DataError
            When no unit has the share.
        """
        here = np.abs(self.shares() - _share(share)) <= SAME
        if not self.mass[here].sum() > 0:
            raise DataError(f"No unit treats a share of {share:g}: the natural realisation is not defined there.")
        rates = self.mass[here] @ self.rates[here] / self.mass[here].sum()
        return self.policy(rates)  # the mean is linear in the rates

    def seen(self, share: float) -> float:
        """Mean outcome of the units that have this share: what a comparison of schools shows."""
        here = np.abs(self.shares() - _share(share)) <= SAME
        if not self.mass[here].sum() > 0:
            raise DataError(f"No unit treats a share of {share:g}.")
        mean = self.outcomes[..., 0] * (1 - self.rates) + self.outcomes[..., 1] * self.rates
        return float(self.mass[here] @ (mean[here] @ self.groups) / self.mass[here].sum())

    def reach(self, share: float) -> tuple[float, float]:
        """Least and largest mean outcome over who is treated at this share."""
        gain = self.mass @ (self.outcomes[:, :, 1] - self.outcomes[:, :, 0])
        order = np.argsort(gain, kind="stable").tolist()
        return self.policy(self.first(share, order)), self.policy(self.first(share, order[::-1]))


def _share(share: float) -> float:
    if not 0 <= share <= 1:
        raise DataError(f"A share lies between 0 and 1, not at {share:g}.")
    return float(share)


@dataclass(frozen=True, slots=True)
class EcologicalGap:
    """Slopes of unit means on unit means, and inside units.

    Parameters
    ----------
    between, between_se
        Slope across units.
    within, within_se
        Slope inside units, with errors by unit.
    gap, gap_se
        Their difference: a context effect or confounding between units; means alone do not tell which.
    reliability
        Median share of the variance of a unit's mean that is no noise of its few members: the slope
        across units is attenuated by about this factor.
    """

    between: float
    between_se: float
    within: float
    within_se: float
    gap: float
    gap_se: float
    reliability: float


def ecological_gap(unit: ArrayLike, x: ArrayLike, y: ArrayLike) -> EcologicalGap:
    """The slope across unit means beside the slope inside units, every unit counting by its members.

    Parameters
    ----------
    unit, x, y
        Shape (members,): the unit of each, and two numbers.

    Returns
    -------
    EcologicalGap
        Both slopes and their difference, with errors by unit.

    Raises
    ------
    DataError
        With fewer than three units, or no spread inside units.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> school = np.repeat(np.arange(200), 20)
    >>> level = rng.normal(size=200)[school]
    >>> x = level + rng.normal(size=4000)
    >>> found = ecological_gap(school, x, 0.5 * x + level + 0.1 * rng.normal(size=4000))
    >>> round(found.within, 2), round(found.between, 1)
    (0.5, 1.5)
    """
    _, code = np.unique(np.asarray(unit), return_inverse=True)
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.shape != code.shape or b.shape != code.shape:
        raise DataError("unit, x and y have one entry per member.")
    size = np.bincount(code).astype(float)
    if len(size) < 3:
        raise DataError(f"{len(size)} units show no slope across units: give at least 3.")
    mean_x, mean_y = np.bincount(code, weights=a) / size, np.bincount(code, weights=b) / size
    dx, dy = a - mean_x[code], b - mean_y[code]
    inside = float(dx @ dx)
    if inside <= 0:
        raise DataError("The members of each unit are alike in x: there is no slope inside units.")
    within = float(dx @ dy) / inside
    centred = mean_x - size @ mean_x / size.sum()
    across = float(size @ centred**2)
    between = float(size @ (centred * mean_y)) / across
    rest = mean_y - size @ mean_y / size.sum() - between * centred
    count = len(size)
    # Scores of both slopes, summed by unit: one covariance for slopes and gap.
    one = np.bincount(code, weights=dx * (dy - within * dx)) / inside
    two = size * centred * rest / across
    scale = count / (count - 1.0)
    errors = [float(np.sqrt(scale * (score @ score))) for score in (two, one, two - one)]
    noise = inside / max(float(size.sum()) - count, 1.0)
    spread = max(float(np.var(mean_x, ddof=1)) - noise * float(np.mean(1 / size)), 0.0)
    reliability = float(np.median(spread / (spread + noise / size))) if spread > 0 else 0.0
    return EcologicalGap(between, errors[0], within, errors[1], between - within, errors[2], reliability)


@dataclass(frozen=True, slots=True)
class MeanRealisations:
    """Mean of a quadratic outcome when every unit's mean is set: by how the members get there.

    Parameters
    ----------
    natural
        Members as in the units that have that mean.
    translate
        All members of a unit moved alike.
    point
        All members given the mean.
    scale
        Members scaled in proportion; None where means are on both sides of zero.
    """

    natural: float
    translate: float
    point: float
    scale: float | None


def mean_realisations(means: ArrayLike, spreads: ArrayLike, mass: ArrayLike, at: float) -> MeanRealisations:
    """``E[X²]`` when units' means are set to ``at``: members follow the units that have it, move together, are alike,
    or are scaled in proportion.

    Parameters
    ----------
    means, spreads, mass
        Shape (units,): mean and standard deviation of the members, and how much the unit counts.
    at
        A mean that occurs.

    Returns
    -------
    MeanRealisations
        ``scale`` is None where means are on both sides of zero: a ratio through zero has no meaning.

    Examples
    --------
    >>> found = mean_realisations([1.0, 3.0], [1.0, 3.0], [0.5, 0.5], 3.0)
    >>> found.natural, found.translate, found.point, found.scale
    (18.0, 14.0, 9.0, 18.0)
    """
    u, s, w = (np.asarray(one, dtype=float) for one in (means, spreads, mass))
    w = w / w.sum()
    here = np.abs(u - at) <= SAME
    if not w[here].sum() > 0:
        raise DataError(f"No unit has the mean {at:g}: the natural realisation is not defined there.")
    natural = at**2 + float(w[here] @ s[here] ** 2 / w[here].sum())
    translate = at**2 + float(w @ s**2)
    crosses = u[w > 0].min() <= 0 <= u[w > 0].max()
    scale = None if crosses else at**2 * (1 + float(w @ (s / u) ** 2))
    return MeanRealisations(natural, translate, at**2, scale)
