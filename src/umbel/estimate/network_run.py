"""One network made ready for its questions: rows and edges read, equations fitted, policies simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umbel.data.network import People, read_people
from umbel.data.study import Study
from umbel.estimate.estimator import Target
from umbel.estimate.network_model import Modelled, Wanted
from umbel.estimate.network_rules import Unmodelled
from umbel.numerics.automodel import Equation, Fit, Neighbourhood, Unfitted, fit_equation, stacked_covariance
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Schedule, drawn_scores, outcome_means

MOST_UPDATES = 4e9
"""Node updates that the drawn networks of an interval may cost; larger networks draw fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One network with its values and its fitted equations.

    Parameters
    ----------
    people, at
        The persons, and their network with the two ways to read neighbours.
    names
        Columns of ``values``.
    values
        Shape (persons, names), by place.
    fits
        In the order of the laws.
    """

    people: People
    at: Neighbourhood
    names: tuple[str, ...]
    values: Floats
    fits: tuple[Fit, ...]


def people_of(asked: Wanted, study: Study, target: Target) -> People:
    """The persons with all columns that are asked for.

    Raises
    ------
    DataError
        For persons and edges that are no network.
    Unmodelled
        For means over neighbours that weights below 0 leave without a meaning.
    """
    names = tuple(dict.fromkeys((*asked.names, *asked.conditions)))
    people = read_people(study, names, domains=target.domains)
    if asked.averages and float(people.network.links.data.min(initial=1.0)) < 0.0:
        raise Unmodelled("Weights below 0 have no mean over neighbours.", "Use sum(A.near), or weights above 0.")
    return people


def grounded(asked: Wanted, people: People, numbers: dict[str, Floats], equations: Sequence[Equation]) -> Ground:
    """Fit every equation by pseudo-likelihood.

    Raises
    ------
    Unmodelled
        For a law that the rows do not determine.
    """
    at = Neighbourhood.of(people.network)
    values = np.column_stack([numbers[name] for name in asked.names])[people.network.order]
    fits: list[Fit] = []
    for name, equation in zip(asked.targets, equations, strict=True):
        try:
            fits.append(fit_equation(at, values, equation))
        except Unfitted as fault:
            raise Unmodelled(
                f"The law of {name} given {', '.join(asked.reads(name))} cannot be fitted: {fault}.",
                "Leave a cause out of the graph, or give data in which it varies by itself.",
            ) from None
    return Ground(people, at, asked.names, values, tuple(fits))


def covariance_of(ground: Ground, draws: int, rng: np.random.Generator) -> Floats:
    """Covariance of all coefficients, one equation after another: a one-step parametric bootstrap.

    Scores of networks drawn from the fit move the coefficients by one Newton step each.
    """
    if not ground.fits:
        return np.zeros((0, 0))
    count = int(np.clip(MOST_UPDATES // (30 * len(ground.values)), 20, draws))
    scores = drawn_scores(ground.at, ground.values, ground.fits, draws=count, rng=rng)
    return stacked_covariance(ground.fits, scores)


def directions_of(covariance: Floats) -> Floats:
    """One standard error along each principal direction of the coefficients, shape (directions, coefficients).

    Directions, and not coefficients one by one, because regressors that go together leave single
    coefficients loose whose sum is firm.
    """
    if not len(covariance):
        return np.zeros((0, 0))
    sizes, directions = np.linalg.eigh(covariance)
    return np.asarray((directions * np.sqrt(np.maximum(sizes, 0.0))).T)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What is asked of one network, and one seed that all its simulations share."""

    ground: Ground
    model: Modelled
    asked: Wanted
    seed: int

    def means(self, fits: Sequence[Fit]) -> Floats:
        """What is asked under each policy, shape (policies,), from one run."""
        return np.asarray(self._once(fits, np.random.default_rng(self.seed)).mean(axis=1))

    def found(self, fits: Sequence[Fit]) -> Floats:
        """The same from independent copies, at least four of them: shape (policies, copies)."""
        rng = np.random.default_rng(self.seed)
        parts = [self._once(fits, rng)]
        while sum(part.shape[1] for part in parts) < 4:
            parts.append(self._once(fits, rng))
        return np.concatenate(parts, axis=1)

    def spread(self, fits: Sequence[Fit], directions: Floats) -> Floats:
        """How far each mean moves along each direction; the squares of a row sum to the mean's variance."""
        if not len(directions):
            return np.zeros((len(self.asked.weights), 1))
        return np.stack(
            [(self.means(moved(fits, step)) - self.means(moved(fits, -step))) / 2.0 for step in directions], axis=1
        )

    def _once(self, fits: Sequence[Fit], rng: np.random.Generator) -> Floats:
        size, among = len(self.ground.values), self.model.among
        fewest = min(size if one is None else int(one.sum()) for one in among)
        found = outcome_means(
            self.ground.at,
            self.ground.values,
            fits,
            self.model.policies,
            outcome=self.ground.names.index(self.asked.outcome),
            order=[self.ground.names.index(name) for name in self.asked.order],
            schedule=Schedule.for_size(size, len(self.model.policies), fewest=fewest),
            shares=shares_of(self.model, self.ground),
            rng=rng,
        )
        low, span = np.array(self.model.scales).T[:, :, None]
        return np.asarray(low + span * found)


def shares_of(model: Modelled, ground: Ground) -> Floats | None:
    """How much each person counts in each mean, shape (persons, means) by place; None: all alike."""
    if all(one is None for one in model.among):
        return None
    order = ground.at.network.order
    columns = [np.ones(len(order)) if one is None else one[order].astype(np.float64) for one in model.among]
    return np.stack([column / column.sum() for column in columns], axis=1)


def error_of(weights: Floats, spread: Floats, found: Floats) -> float:
    """Standard error of a combination: of the coefficients, and of the simulation as its copies show it."""
    noise = np.var(weights @ found, ddof=1) / found.shape[1]
    return float(np.sqrt(np.sum((weights @ spread) ** 2) + noise))


def moved(fits: Sequence[Fit], step: Floats) -> list[Fit]:
    """The fits with all their coefficients, one equation after another, moved by a step."""
    found, start = [], 0
    for fit in fits:
        stop = start + len(fit.coefficients)
        found.append(fit.moved(fit.coefficients + step[start:stop]))
        start = stop
    return found
