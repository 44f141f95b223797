"""Units as an estimator sees them: the laws inside each, their own variables, their weights.

Laws are what within-unit counts and moments estimate (Weinstein and Blei, JMLR 27(37) 2026,
Section 4): for categories the Beta(1, 1), in general Dirichlet(1, …, 1), posterior mean of each
share (Eq. 55); for numbers the mean in each cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from umbel.data.levels import UnitColumn
from umbel.data.statistics import Cells
from umbel.expr.nodes import Law
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
    """

    values: Array
    averaged: bool
    share: bool

    def features(self) -> Array:
        """What regressions read: logits of shares against the first state, or means."""
        return law_features(self.values, self.averaged, self.share)

    def taken(self, units: Codes) -> LawValues:
        """The law in some units, in the order given."""
        return LawValues(self.values[units], self.averaged, self.share)


def law_features(values: Array, averaged: bool, share: bool) -> Array:
    """Features of a law, shape (units, cells): the coordinates in which it is regressed.

    Examples
    --------
    >>> law_features(np.array([[0.5, 0.5]]), False, True).tolist()
    [[0.0]]
    """
    rows = len(values)
    if averaged:
        flat = values.reshape(rows, -1)
        return np.asarray(logit(flat) if share else flat, dtype=np.float64)
    ratios = np.log(values[:, 1:]) - np.log(values[:, :1])
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
    """

    weights: Array
    laws: Mapping[Law, LawValues]
    columns: Mapping[str, UnitColumn]
    states: Mapping[str, tuple[State, ...]]
    sizes: Array

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.weights)

    def taken(self, units: Codes) -> UnitData:
        """The data of some units, a unit as often as it is named: one bootstrap sample."""
        weights = self.weights[units]
        columns = {n: UnitColumn(c.depth, c.codes[units], c.states) for n, c in self.columns.items()}
        laws = {law: values.taken(units) for law, values in self.laws.items()}
        return UnitData(weights / weights.sum(), laws, columns, self.states, self.sizes[units])


def shares_of(cells: Cells, of: int) -> LawValues:
    """A law of categories from counts: ``cells`` split by conditions first, then ``of`` variables.

    Every share is (count + 1) / (total + states), never 0 or 1.
    """
    counts = cells.counts
    conditions = counts.ndim - 1 - of
    shape = counts.shape
    flat = counts.reshape((*shape[: 1 + conditions], -1))  # (units, conditions…, states)
    values = (flat + 1.0) / (flat.sum(axis=-1, keepdims=True) + flat.shape[-1])
    return LawValues(np.moveaxis(values, -1, 1), averaged=False, share=True)


def means_of(cells: Cells, *, binary: bool, weights: Array) -> tuple[LawValues, Array]:
    """A law that enters through its mean, and the share of units without a row in each cell.

    A binary variable's mean is smoothed as a share; any other mean is the cell's own, and a unit
    without rows there gets the average of the units that have some (so that averaging over units
    is averaging over those).
    """
    counts, means = cells.counts, cells.means[..., 0]
    empty = counts == 0
    lacking = np.tensordot(weights, empty.astype(np.float64), axes=(0, 0))
    if binary:
        ones = np.where(empty, 0.0, np.nan_to_num(means) * counts)
        return LawValues((ones + 1.0) / (counts + 2.0), averaged=True, share=True), lacking
    present = weights.reshape((-1, *([1] * (counts.ndim - 1)))) * ~empty
    with np.errstate(invalid="ignore"):
        average = (present * np.nan_to_num(means)).sum(axis=0) / present.sum(axis=0)
    return LawValues(np.where(empty, average, means), averaged=True, share=False), lacking
