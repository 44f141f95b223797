"""Units as an estimator sees them: the laws inside each, their own variables, their weights.

Laws are what within-unit counts and moments estimate (Weinstein and Blei, JMLR 27(37) 2026,
Section 4): for categories the Beta(1, 1), in general Dirichlet(1, …, 1), posterior mean of each
share (Eq. 55); for numbers the mean in each cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from umbel.data.levels import UnitColumn
from umbel.data.statistics import Cells
from umbel.expr.nodes import Law, Policy
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LawValues:
    """One within-unit law in every unit.

    Parameters
    ----------
    values
        Shares, shape (units, states of the variable, states of each condition…), or, when
        ``averaged``, means, shape (units, states of each condition…).
    averaged
        The law enters through its mean alone.
    share
        Every value is a probability, so that logits are its natural scale.
    observed
        The same as observed, unbiased and without pseudo-counts; NaN where a unit has no member.
        None where there is no such thing.
    conditions
        Shape (units, cells of the conditions): smoothed shares of members in each.
    unseen
        Stands for what no unit shows. NaN, but for finding out whether an answer depends on it.
    """

    values: Array
    averaged: bool
    share: bool
    observed: Array | None = None
    conditions: Array | None = None
    unseen: float = math.nan

    def features(self) -> Array:
        """What regressions read: logits of shares against the first state, or means."""
        return law_features(self.values, self.averaged, self.share)

    def taken(self, units: Codes) -> LawValues:
        """The law in some units, in the order given."""
        observed = None if self.observed is None else self.observed[units]
        conditions = None if self.conditions is None else self.conditions[units]
        return LawValues(self.values[units], self.averaged, self.share, observed, conditions, self.unseen)

    def unbiased(self, weights: Array) -> Array:
        """Observed values, with those that a unit lacks filled in from the units that have them.

        A unit without treated members says nothing of the treated. What is filled in is the line
        and parabola of the others' observed values in the share of members in that cell, read at
        the unit's own: right when units' laws change smoothly with it down to the emptiest units.
        An unbiased mean needs the share of the sample, not of the population: given how many of a
        unit's members were treated, their observed mean is unbiased for the unit's own.

        Parameters
        ----------
        weights
            Shape (units,).
        """
        if self.observed is None or self.conditions is None:
            return self.values
        if not np.isnan(self.observed).any():
            return self.observed
        filled = self.observed.copy()
        cells = self.conditions.shape[1]
        flat = filled.reshape((len(filled), -1, cells))  # (units, states of the variable, cells)
        for cell in range(cells):
            empty = np.isnan(flat[:, 0, cell])
            if empty.any():
                found = _imputed(flat[:, :, cell], empty, self.conditions, cell, weights)
                flat[empty, :, cell] = self.unseen if found is None else found
        return filled


def law_features(values: Array, averaged: bool, share: bool) -> Array:
    """Features of a law, shape (units, cells): logits of shares, else the values themselves.

    Examples
    --------
    >>> law_features(np.array([[0.5, 0.5]]), False, True).tolist()
    [[0.0]]
    """
    rows = len(values)
    if averaged:
        flat = values.reshape(rows, -1)
        return np.asarray(logit(flat) if share else flat, dtype=np.float64)
    ratios = np.log(values[:, 1:]) - np.log(values[:, :1]) if share else values[:, 1:]
    return np.asarray(ratios.reshape(rows, -1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class UnitData:
    """All that the plug-in engine reads.

    Parameters
    ----------
    weights
        Shape (units,), summing to one.
    laws
        Each law that the estimand names.
    columns
        Variables of the unit.
    states
        States of the variables inside.
    sizes
        Shape (units,): members of each unit.
    outer
        Shape (units,): which outermost unit each belongs to; None where they are the outermost.
    pushed
        Laws of exposures, each shape (units, states): what is drawn, through a unit's own friendships.
    """

    weights: Array
    laws: Mapping[Law, LawValues]
    columns: Mapping[str, UnitColumn]
    states: Mapping[str, tuple[State, ...]]
    sizes: Array
    outer: Codes | None = None
    pushed: Mapping[Policy, Array] = field(default_factory=dict)

    @property
    def independent(self) -> int:
        """Number of outermost units, which are independent of each other."""
        return self.units if self.outer is None else int(self.outer.max()) + 1

    def resampled(self, rng: np.random.Generator) -> UnitData:
        """A bootstrap sample of outermost units, each with all that it holds."""
        drawn = rng.integers(0, self.independent, self.independent)
        if self.outer is None:
            return self.taken(drawn)
        order = np.argsort(self.outer, kind="stable")
        starts = np.searchsorted(self.outer[order], np.arange(self.independent + 1))
        return self.taken(np.concatenate([order[starts[one] : starts[one + 1]] for one in drawn]))

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.weights)

    def unseen(self, value: float) -> UnitData:
        """The same with another stand-in for what no unit shows."""
        return replace(self, laws={law: replace(one, unseen=value) for law, one in self.laws.items()})

    def states_of_all(self) -> dict[str, tuple[State, ...]]:
        """States of every variable, inside units and of them."""
        return {**self.states, **{name: column.states for name, column in self.columns.items()}}

    def taken(self, units: Codes) -> UnitData:
        """The data of some units, a unit as often as it is named: one bootstrap sample."""
        weights = self.weights[units]
        columns = {n: UnitColumn(c.depth, c.codes[units], c.states) for n, c in self.columns.items()}
        laws = {law: values.taken(units) for law, values in self.laws.items()}
        pushed = {policy: law[units] for policy, law in self.pushed.items()}
        return UnitData(weights / weights.sum(), laws, columns, self.states, self.sizes[units], pushed=pushed)


def _imputed(values: Array, empty: NDArray[np.bool_], conditions: Array, cell: int, weights: Array) -> Array | None:
    """What the other units' values (units, states) predict for the empty ones; None without others."""
    full = ~empty
    if not full.any():
        return None
    share = conditions[:, cell : cell + 1]
    others = np.delete(conditions, cell, axis=1)[:, :-1]  # the shares sum to one
    design = np.concatenate([np.ones_like(share), share, share**2, others], axis=1)
    while design.shape[1] > 1 and full.sum() < 3 * design.shape[1]:  # a few units: a line, then the mean
        design = design[:, :-1]
    root = np.sqrt(weights[full])[:, None]
    lines = np.linalg.lstsq(root * design[full], root * values[full], rcond=None)[0]
    least, most = values[full].min(axis=0), values[full].max(axis=0)
    return np.asarray(np.clip(design[empty] @ lines, least, most), dtype=np.float64)


def shares_of(cells: Cells, of: int) -> LawValues:
    """A law of categories from counts: ``cells`` split by conditions first, then ``of`` variables.

    Every share is (count + 1) / (total + states), never 0 or 1.
    """
    counts = cells.counts
    conditions = counts.ndim - 1 - of
    shape = counts.shape
    flat = counts.reshape((*shape[: 1 + conditions], -1))  # (units, conditions…, states)
    totals = flat.sum(axis=-1, keepdims=True)
    values = (flat + 1.0) / (totals + flat.shape[-1])
    with np.errstate(invalid="ignore"):
        observed = np.moveaxis(flat / totals, -1, 1)
    return LawValues(np.moveaxis(values, -1, 1), False, True, observed, _occupied(totals[..., 0]))


def _occupied(totals: Array) -> Array:
    """Smoothed shares of members in each cell of the conditions, shape (units, cells)."""
    flat = totals.reshape(len(totals), -1)
    return np.asarray((flat + 1.0) / (flat.sum(axis=1, keepdims=True) + flat.shape[1]), dtype=np.float64)


def means_of(cells: Cells, *, binary: bool, weights: Array) -> LawValues:
    """A law that enters through its mean, and the share of units without a row in each cell.

    A binary variable's mean is smoothed as a share; any other mean is the cell's own, and a unit
    without rows there gets the average of the units that have some (so that averaging over units
    is averaging over those).
    """
    counts, means = cells.counts, cells.means[..., 0]
    empty = counts == 0
    observed = np.where(empty, np.nan, means)
    if binary:
        ones = np.where(empty, 0.0, np.nan_to_num(means) * counts)
        smoothed = (ones + 1.0) / (counts + 2.0)
        return LawValues(smoothed, True, True, observed, _occupied(counts))
    present = weights.reshape((-1, *([1] * (counts.ndim - 1)))) * ~empty
    with np.errstate(invalid="ignore"):
        average = (present * np.nan_to_num(means)).sum(axis=0) / present.sum(axis=0)
    filled = np.where(empty, average, means)
    return LawValues(filled, True, False, observed, _occupied(counts))
