"""Regressions on one network, and what they say of a policy: pseudo-likelihood and simulation.

A person's variable follows its own parents, sums over neighbours, and perhaps the neighbours' values
of the same variable. Each such equation is fitted as if rows were independent (pseudo-likelihood,
Besag 1975; auto-g-computation, Tchetgen Tchetgen, Fulcher and Shpitser, JASA 116, 2021). The
coefficients are consistent; their usual errors are not valid, because rows are not independent:
:func:`stacked_covariance` takes the spread of the score from networks drawn from the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from umbel.numerics.network import Floats, Network

Kind = Literal["logistic", "linear"]


class Unfitted(ValueError):
    """An equation that the rows do not determine: collinear, constant or separated."""


@dataclass(frozen=True, slots=True)
class Equation:
    """What one variable answers to; numbers are columns of the table of values.

    Parameters
    ----------
    target
        The variable.
    own, near, means
        Its parents in the same person, and those in the neighbours: as sums and as means.
    coupled
        Whether it answers to the neighbours' values of itself.
    kind
        ``"logistic"`` for states 0 and 1, ``"linear"`` for numbers.
    """

    target: int
    own: tuple[int, ...]
    near: tuple[int, ...] = ()
    means: tuple[int, ...] = ()
    coupled: bool = False
    kind: Kind = "logistic"

    @property
    def reads(self) -> tuple[int, ...]:
        """Columns that it answers to, but for its target."""
        return (*self.own, *self.near, *self.means)

    @property
    def width(self) -> int:
        """Number of coefficients: 1, own parents, sums, means, coupling."""
        return 1 + len(self.own) + len(self.near) + len(self.means) + self.coupled


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An equation with its coefficients.

    Parameters
    ----------
    equation
        What was fitted.
    coefficients
        Shape (width,): intercept, own parents, sums, means, coupling.
    information
        Shape (width, width): curvature of the log pseudo-likelihood.
    scale
        Standard deviation of the residuals of a linear equation, 1 for a logistic one.
    """

    equation: Equation
    coefficients: Floats
    information: Floats
    scale: float

    @property
    def coupling(self) -> float:
        """Coefficient of the neighbours' values of the target, 0 where it has none."""
        return float(self.coefficients[-1]) if self.equation.coupled else 0.0

    def moved(self, coefficients: Floats) -> Fit:
        """The same equation with other coefficients."""
        return Fit(self.equation, coefficients, self.information, self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """A network with the two ways to read neighbours."""

    network: Network
    means: Any

    @staticmethod
    def of(network: Network) -> Neighbourhood:
        """Prepare the row-normalised links beside the plain ones."""
        return Neighbourhood(network, network.averaging)

    def around(self, values: Floats, *, averaged: bool = False) -> Floats:
        """Sums, or means, of the neighbours' values; shape (n, …) by place, as given."""
        links = self.means if averaged else self.network.links
        return np.asarray(links @ values.reshape(len(values), -1), dtype=np.float64).reshape(values.shape)


def features(at: Neighbourhood, values: Floats, equation: Equation) -> Floats:
    """The columns an equation multiplies, shape (n, width), from values of shape (n, variables)."""
    columns = [np.ones(len(values)), *(values[:, v] for v in equation.own)]
    columns += [at.around(values[:, v]) for v in equation.near]
    columns += [at.around(values[:, v], averaged=True) for v in equation.means]
    if equation.coupled:
        columns.append(at.around(values[:, equation.target]))
    return np.column_stack(columns)


def fit_equation(at: Neighbourhood, values: Floats, equation: Equation, *, rows: Any = None, steps: int = 50) -> Fit:
    """Maximise the pseudo-likelihood of one equation.

    Parameters
    ----------
    at
        The network.
    values
        Shape (n, variables), by place.
    equation
        What to fit.
    rows
        Which rows count: a boolean mask or a slice of places; None for all. The rows of one colour
        give the coding estimator, whose usual errors are valid.

    Raises
    ------
    Unfitted
        Where the columns are collinear or the outcome is separated.

    Notes
    -----
    O(n * width²) a Newton step.

    Examples
    --------
    >>> from umbel.numerics.network import build_network
    >>> ring = Neighbourhood.of(build_network(6, np.arange(6), np.array([1, 2, 3, 4, 5, 0])))
    >>> values = np.array([[0.0, 1], [1, 3], [2, 5], [0, 1], [1, 3], [2, 5]])
    >>> fit_equation(ring, values, Equation(1, (0,), kind="linear")).coefficients.round(6).tolist()
    [1.0, 2.0]
    """
    chosen = slice(None) if rows is None else rows
    design, target = features(at, values, equation)[chosen], values[chosen, equation.target]
    if np.linalg.matrix_rank(design.T @ design, hermitian=True) < equation.width:
        raise Unfitted("its regressors are collinear or constant")
    if equation.kind == "linear":
        found = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], dtype=np.float64)
        residual = target - design @ found
        scale = float(np.sqrt(residual @ residual / max(len(target) - equation.width, 1)))
        return Fit(equation, found, design.T @ design / max(scale, 1e-300) ** 2, scale)
    found = np.zeros(equation.width)
    for _ in range(steps):
        mean = expit(design @ found)
        information = (design * (mean * (1.0 - mean))[:, None]).T @ design
        gradient = design.T @ (target - mean)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        found = found + step * min(1.0, 5.0 / max(float(np.abs(design @ step).max()), 1e-300))
        if float(gradient @ step) < 1e-16 * len(target):
            if float(np.abs(design @ found).max()) < 30.0 or 0 < mean.min() <= mean.max() < 1:
                return Fit(equation, found, information, 1.0)
            break
    raise Unfitted("its regressors tell the states apart without error, so that coefficients run away")


def score(at: Neighbourhood, values: Floats, fit: Fit) -> Floats:
    """Gradient of the log pseudo-likelihood at the fit, shape (width,), on other values."""
    design = features(at, values, fit.equation)
    linear = design @ fit.coefficients
    mean = expit(linear) if fit.equation.kind == "logistic" else linear
    return np.asarray(design.T @ (values[:, fit.equation.target] - mean) / fit.scale**2, dtype=np.float64)


def coding_covariance(at: Neighbourhood, values: Floats, fit: Fit) -> tuple[Floats, Floats]:
    """Coefficients and covariance by the coding estimator: the colour with the most rows alone.

    Persons of one colour are independent given everybody else, so that the usual covariance holds;
    it is wide, because the other colours' rows are conditions only.

    Returns
    -------
    tuple
        Coefficients, shape (width,), and covariance, shape (width, width).
    """
    bounds = at.network.bounds
    colour = int(np.argmax(np.diff(bounds)))
    coded = fit_equation(at, values, fit.equation, rows=slice(bounds[colour], bounds[colour + 1]))
    return coded.coefficients, np.asarray(np.linalg.inv(coded.information), dtype=np.float64)


def stacked_covariance(fits: Sequence[Fit], scores: Floats) -> Floats:
    """Covariance of all coefficients, one equation after another, from scores drawn from the fit.

    Parameters
    ----------
    fits
        The equations.
    scores
        Shape (draws, total width): total scores on networks drawn from the fitted model.

    Returns
    -------
    Array
        Godambe's sandwich: inverse information, covariance of the scores, inverse information;
        shape (total width, total width).
    """
    size = scores.shape[1]
    bread, at = np.zeros((size, size)), 0
    for fit in fits:
        stop = at + fit.equation.width
        bread[at:stop, at:stop] = np.linalg.inv(fit.information)
        at = stop
    meat = scores.T @ scores / len(scores)  # the expected score at the fit is zero
    return np.asarray(bread @ meat @ bread, dtype=np.float64)
