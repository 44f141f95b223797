"""Fitted kernels: laws of one variable given others, learnt from rows, to be drawn from and weighed.

A variable with states is learnt by one ridge logistic regression per state; a number by a ridge
regression whose residuals keep their own law, whatever the conditions. Both are assumptions that
an answer must name: nothing protects it when they fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn, Rows
from umbel.estimate.features import encoded
from umbel.estimate.ridge import FittedLinear, FittedLogistic, Linear, Logistic

Array = NDArray[np.float64]

Values = Mapping[str, Array]
"""Values of variables at particles, shape (particles,): codes where a variable has states."""


@dataclass(frozen=True, slots=True, eq=False)
class StateKernel:
    """The law of a variable with states: one probability per state, normalised."""

    given: tuple[str, ...]
    models: tuple[FittedLogistic, ...]
    shares: Array

    def chances(self, features: Array) -> Array:
        """Shape (particles, states)."""
        if not self.given:
            return np.tile(self.shares, (len(features), 1))
        if len(self.models) == 1:
            one = self.models[0].predict(features)
            return np.stack([1.0 - one, one], axis=1)
        found = np.stack([model.predict(features) for model in self.models], axis=1)
        return np.asarray(found / found.sum(axis=1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class NumberKernel:
    """The law of a number: a mean, and residuals sorted with their mass."""

    given: tuple[str, ...]
    model: FittedLinear | None
    level: float
    residuals: Array
    mass: Array
    spread: float

    def mean(self, features: Array) -> Array:
        """Shape (particles,)."""
        return np.full(len(features), self.level) if self.model is None else self.model.predict(features)


Kernel = StateKernel | NumberKernel


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """All kernels that an estimand needs, learnt as they are asked for and kept.

    Parameters
    ----------
    rows
        What they are learnt from.
    """

    rows: Rows
    known: dict[tuple[str, tuple[str, ...]], Kernel] = field(default_factory=dict)

    def kernel(self, name: str, given: Sequence[str]) -> Kernel:
        """The law of one variable given others."""
        key = (name, tuple(given))
        if key not in self.known:
            self.known[key] = self._learnt(name, tuple(given))
        return self.known[key]

    def drawn(self, name: str, given: Sequence[str], values: Values, uniform: Array) -> Array:
        """One draw per particle, from uniform numbers: the same numbers give the same draws."""
        kernel, features = self.kernel(name, given), self._features(given, values, len(uniform))
        if isinstance(kernel, StateKernel):
            ladder = kernel.chances(features).cumsum(axis=1)
            return np.asarray((uniform[:, None] > ladder[:, :-1]).sum(axis=1), dtype=np.float64)
        place = np.searchsorted(kernel.mass, uniform).clip(max=len(kernel.mass) - 1)
        return np.asarray(kernel.mean(features) + kernel.residuals[place], dtype=np.float64)

    def weight(self, name: str, given: Sequence[str], values: Values, size: int) -> Array:
        """Probability, or density, of each particle's value of a variable given the others."""
        kernel, features = self.kernel(name, given), self._features(given, values, size)
        at = values[name]
        if isinstance(kernel, StateKernel):
            return kernel.chances(features)[np.arange(size), at.astype(np.int64)]
        scaled = (at - kernel.mean(features)) / kernel.spread
        return np.asarray(np.exp(-0.5 * scaled**2) / (kernel.spread * np.sqrt(2.0 * np.pi)), dtype=np.float64)

    def mean(self, name: str, given: Sequence[str], values: Values, size: int) -> Array:
        """Mean of a variable given the others, at each particle."""
        kernel, features = self.kernel(name, given), self._features(given, values, size)
        if isinstance(kernel, NumberKernel):
            return kernel.mean(features)
        numbers = np.array([float(state) for state in self.rows.columns[name].states])
        return np.asarray(kernel.chances(features) @ numbers, dtype=np.float64)

    def _features(self, given: Sequence[str], values: Values, size: int) -> Array:
        return encoded([(self.rows.columns[name], values[name]) for name in given], size)

    def _learnt(self, name: str, given: tuple[str, ...]) -> Kernel:
        rows = self.rows
        column = rows.columns[name]
        features = self._features(given, {one: codes_or_values(rows.columns[one]) for one in given}, rows.size)
        weights = rows.sample.counts * rows.sample.weights
        mass = weights / weights.sum()
        weights = mass * rows.sample.counts.sum()  # a learner sees how many they stand for
        if column.codes is not None:
            shares = np.bincount(column.codes, mass, len(column.states)).astype(np.float64)
            targets = [(column.codes == at).astype(np.float64) for at in range(len(column.states))]
            wanted = targets[1:] if len(targets) == 2 else targets
            models = tuple(Logistic().fit(features, one, weights) for one in wanted) if given else ()
            return StateKernel(given, models, shares)
        model = Linear().fit(features, column.values, weights) if given else None
        level = float(mass @ column.values)
        left = column.values - (level if model is None else model.predict(features))
        order = np.argsort(left, kind="stable")
        spread = float(np.sqrt(mass @ left**2))
        return NumberKernel(given, model, level, left[order], mass[order].cumsum(), max(spread, 1e-300))


def codes_or_values(column: RowColumn) -> Array:
    """A column as particles hold it."""
    return column.values if column.codes is None else column.codes.astype(np.float64)
