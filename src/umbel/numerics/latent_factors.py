"""Factors of a likelihood with one hidden class: what each says of a row, and how it is refitted.

A latent class model is a product of factors, each a law of one block of variables given a
configuration of others and the class. A factor knows its log density, its weighted fit (the M step),
and the score and curvature of its parameters on complete data; EM and Newton are written once, for
any list of factors. Laws of categories have one softmax coordinate per state; the direction in which
all of them grow alike changes nothing, and is taken out where systems are solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

TINY = 1e-300
"""Keeps the logarithm of an empty cell finite; it is multiplied by a posterior of 0."""

CANCELLED = 1e-6
"""Share of the absolute weights up to which signed ones have cancelled."""


class Factor(Protocol):
    """A law of one block of variables given its configuration and the class."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its parameters; the last axis is the class."""
        ...

    def log_density(self, values: Array) -> Array:
        """Log density of every row in every class, shape (rows, k)."""
        ...

    def fitted(self, weights: Array) -> Array:
        """Parameters that fit best to rows that weigh ``weights``, shape (rows, k), in each class."""
        ...

    def moved(self, values: Array, step: Array) -> Array:
        """Parameters after a step in free coordinates."""
        ...

    def free(self, values: Array) -> NDArray[np.bool_]:
        """Coordinates that are not at the edge of their range."""
        ...

    def score(self, values: Array, of_class: int) -> tuple[Codes, Array]:
        """Complete-data score in one class: indices (rows, m) into the coordinates, and entries (rows, m)."""
        ...

    def basis(self, rows: slice) -> Array:
        """What the score of some rows is linear in, whatever the parameters, shape (rows, b)."""
        ...

    def lift(self, values: Array, of_class: int) -> Array:
        """The complete-data score in one class from the basis, shape (b, coordinates)."""
        ...

    def curvature(self, values: Array, weights: Array) -> Array:
        """Expected negative second derivative on complete data, shape (coordinates, coordinates)."""
        ...

    def level(self, values: Array) -> Array:
        """Directions that change nothing, shape (coordinates, directions)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """A table of probabilities, shape (configurations, states, k).

    Parameters
    ----------
    configuration, state
        Shape (rows,): what each row has.
    configurations, states, classes
        Their numbers.
    """

    configuration: Codes
    state: Codes
    configurations: int
    states: int
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the table."""
        return (self.configurations, self.states, self.classes)

    def log_density(self, values: Array) -> Array:
        """Logarithm of each row's cell."""
        table = np.log(np.maximum(values, TINY)).reshape(-1, self.classes)
        return np.asarray(np.take(table, self.configuration * self.states + self.state, axis=0))

    def fitted(self, weights: Array) -> Array:
        """Weighted shares; uniform where a configuration has no weight."""
        cell = self.configuration * self.states + self.state
        size = self.configurations * self.states
        counts = np.stack([np.bincount(cell, weights[:, u], size) for u in range(self.classes)], axis=-1)
        table = counts.reshape(self.shape)
        total = table.sum(1, keepdims=True)
        return np.where(total > 0, table / np.where(total > 0, total, 1.0), 1.0 / self.states)

    def moved(self, values: Array, step: Array) -> Array:
        """The table after adding ``step`` to its logarithms."""
        grown = values * np.exp(np.clip(step, -30.0, 30.0))
        return np.asarray(grown / grown.sum(1, keepdims=True))

    def free(self, values: Array) -> NDArray[np.bool_]:
        """Cells with a probability that can still fall."""
        return np.asarray(values > 1e-12)

    def score(self, values: Array, of_class: int) -> tuple[Codes, Array]:
        """Indicator of the row's state minus the probabilities of its configuration."""
        at = (self.configuration[:, None] * self.states + np.arange(self.states)) * self.classes + of_class
        entries = -values[self.configuration, :, of_class]
        entries[np.arange(len(entries)), self.state] += 1.0
        return at, entries

    def basis(self, rows: slice) -> Array:
        """Indicators of the cells."""
        cell = self.configuration[rows] * self.states + self.state[rows]
        found = np.zeros((len(cell), self.configurations * self.states))
        found[np.arange(len(cell)), cell] = 1.0
        return found

    def lift(self, values: Array, of_class: int) -> Array:
        """An indicator of its cell, less the probabilities of its configuration."""
        found = np.zeros((self.configurations * self.states, *self.shape))
        for c in range(self.configurations):
            here = slice(c * self.states, (c + 1) * self.states)
            found[here, c, :, of_class] = np.eye(self.states) - values[c, :, of_class]
        return found.reshape(len(found), -1)

    def curvature(self, values: Array, weights: Array) -> Array:
        """One multinomial block per configuration and class."""
        size = values.size
        found = np.zeros((size, size))
        index = np.arange(size).reshape(self.shape)
        for u in range(self.classes):
            mass = np.bincount(self.configuration, weights[:, u], self.configurations)
            for c in range(self.configurations):
                p = values[c, :, u]
                found[np.ix_(index[c, :, u], index[c, :, u])] = mass[c] * (np.diag(p) - np.outer(p, p))
        return found

    def level(self, values: Array) -> Array:
        """All states of one configuration and class at once."""
        index = np.arange(values.size).reshape(self.shape)
        found = np.zeros((values.size, self.configurations * self.classes))
        for column, (c, u) in enumerate(np.ndindex(self.configurations, self.classes)):
            found[index[c, :, u], column] = 1.0
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Means and logarithms of variances, shape (configurations, 2, k).

    Parameters
    ----------
    configuration
        Shape (rows,).
    value
        Shape (rows,): the outcome.
    configurations, classes
        Their numbers.
    floor
        Smallest variance; a class of one row has none of its own.
    """

    configuration: Codes
    value: Array
    configurations: int
    classes: int
    floor: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Mean and log variance of each configuration and class."""
        return (self.configurations, 2, self.classes)

    def log_density(self, values: Array) -> Array:
        """Normal log density."""
        mean, spread = values[self.configuration, 0], values[self.configuration, 1]
        deviation = self.value[:, None] - mean
        return np.asarray(-0.5 * (deviation**2 * np.exp(-spread) + spread + np.log(2 * np.pi)))

    def fitted(self, weights: Array) -> Array:
        """Weighted means and variances, the variances no smaller than the floor.

        Signed weights of a start may cancel; a configuration that they leave without mass has those of all rows.
        """
        found = np.empty(self.shape)
        for u in range(self.classes):
            mass = np.bincount(self.configuration, weights[:, u], self.configurations)
            empty = mass <= CANCELLED * np.bincount(self.configuration, np.abs(weights[:, u]), self.configurations)
            mass = np.where(empty, 1.0, mass)
            mean = np.bincount(self.configuration, weights[:, u] * self.value, self.configurations) / mass
            mean = np.where(empty, self.value.mean(), mean)
            deviation = self.value - mean[self.configuration]
            square = np.bincount(self.configuration, weights[:, u] * deviation**2, self.configurations) / mass
            square = np.where(empty, self.value.var(), square)
            found[:, 0, u], found[:, 1, u] = mean, np.log(np.maximum(square, self.floor))
        return found

    def moved(self, values: Array, step: Array) -> Array:
        """Means and log variances after a step."""
        after = values + step
        after[:, 1] = np.clip(after[:, 1], np.log(self.floor), None)
        return after

    def free(self, values: Array) -> NDArray[np.bool_]:
        """Everything but variances at their floor."""
        found = np.ones(self.shape, dtype=bool)
        found[:, 1] = values[:, 1] > np.log(self.floor) + 1e-9
        return found

    def score(self, values: Array, of_class: int) -> tuple[Codes, Array]:
        """Derivatives by the mean and by the log variance of the row's configuration."""
        index = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        at = index[self.configuration, :, of_class]
        mean, spread = values[self.configuration, 0, of_class], values[self.configuration, 1, of_class]
        deviation, precision = self.value - mean, np.exp(-spread)
        return at, np.stack([deviation * precision, 0.5 * (deviation**2 * precision - 1.0)], axis=1)

    def basis(self, rows: slice) -> Array:
        """1, the standardised outcome and its square in the row's configuration."""
        deviation = (self.value[rows] - self.value.mean()) / self._scale
        found = np.zeros((len(deviation), self.configurations, 3))
        at = np.arange(len(deviation)), self.configuration[rows]
        found[at] = np.stack([np.ones_like(deviation), deviation, deviation**2], axis=1)
        return found.reshape(len(deviation), -1)

    @property
    def _scale(self) -> float:
        return float(self.value.std()) or 1.0

    def lift(self, values: Array, of_class: int) -> Array:
        """Polynomials of the standardised outcome: derivatives by the mean and by the log variance."""
        found = np.zeros((self.configurations, 3, *self.shape))
        scale, gap = self._scale, float(self.value.mean()) - values[:, 0, of_class]
        precision = np.exp(-values[:, 1, of_class])
        for c in range(self.configurations):
            found[c, :2, c, 0, of_class] = gap[c] * precision[c], scale * precision[c]
            found[c, 0, c, 1, of_class] = 0.5 * (gap[c] ** 2 * precision[c] - 1.0)
            found[c, 1:, c, 1, of_class] = scale * gap[c] * precision[c], 0.5 * scale**2 * precision[c]
        return found.reshape(3 * self.configurations, -1)

    def curvature(self, values: Array, weights: Array) -> Array:
        """Negative second derivatives, summed over the rows as they are."""
        index = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        found = np.zeros((index.size, index.size))
        for u in range(self.classes):
            precision = np.exp(-values[:, 1, u])
            deviation = self.value - values[self.configuration, 0, u]
            mass = np.bincount(self.configuration, weights[:, u], self.configurations)
            first = np.bincount(self.configuration, weights[:, u] * deviation, self.configurations)
            second = np.bincount(self.configuration, weights[:, u] * deviation**2, self.configurations)
            mean, spread = index[:, 0, u], index[:, 1, u]
            found[mean, mean] = mass * precision
            found[mean, spread] = found[spread, mean] = first * precision
            found[spread, spread] = 0.5 * second * precision
        return found

    def level(self, values: Array) -> Array:
        """None: every coordinate is identified."""
        return np.zeros((values.size, 0))
