"""The mean outcome of one network under policies: auto-g-computation.

Equations are fitted by pseudo-likelihood, a policy is put in their place, and the network is
simulated to equilibrium (Tchetgen Tchetgen, Fulcher and Shpitser, "Auto-g-computation of causal
effects on a network", JASA 116, 2021). All policies run on the same random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from umbel.data.network import People, read_people
from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.network_model import Modelled, Unmodelled, Wanted, is_network_mean, modelled, wanted
from umbel.numerics.automodel import Fit, Neighbourhood, Unfitted, fit_equation, stacked_covariance
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Explosive, Reader, Schedule, drawn_scores, outcome_means
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

REFERENCES = (
    "Tchetgen Tchetgen, Fulcher, Shpitser. Auto-g-computation of causal effects on a network. "
    "Journal of the American Statistical Association 116, 2021.",
)
FEWEST = 30
"""Persons below which a mean over some of them is doubted: it says little of others like them."""
MOST_UPDATES = 4e9
"""Node updates that the drawn networks of an interval may cost; larger networks draw fewer."""


@dataclass(frozen=True, slots=True)
class NetworkSimulation:
    """Auto-g-computation on one network.

    Parameters
    ----------
    level
        Of the interval.
    draws
        Networks that are drawn from the fit for the interval, at most.
    name
        The word that ``[method] name`` takes.
    """

    level: float = 0.95
    draws: int = 200
    name: str = "network"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Means over one network, from a study with edges."""
        if not is_network_mean(target.expr):
            return Refusal("The estimand is no mean over one network.", "Leave out [method] name.")
        if study.edges is None:
            return Refusal(
                "The question is about persons of one network, and the study names no edges.",
                "Name the table of edges: edges = 'friends.csv', and the key of persons: unit = 'id'.",
            )
        return Supported()

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Fit, simulate under each policy, and draw networks for the interval."""
        del watch
        try:
            asked = wanted(target)
            names = tuple(dict.fromkeys((*asked.names, *asked.conditions)))
            people = read_people(study, names, domains=target.domains)
            model = modelled(asked, people.rows.columns)
        except Unmodelled as fault:
            return Refusal(fault.why, fault.advice)
        at = Neighbourhood.of(people.network)
        values = np.column_stack([model.numbers[name] for name in asked.names])[people.network.order]
        fits: list[Fit] = []
        for name, equation in zip(asked.targets, model.equations, strict=True):
            try:
                fits.append(fit_equation(at, values, equation))
            except Unfitted as fault:
                return Refusal(
                    f"The law of {name} given {', '.join(asked.reads(name))} cannot be fitted: {fault}.",
                    "Leave a cause out of the graph, or give data in which it varies by itself.",
                )
        if any(law.means for law in asked.laws) and float(people.network.links.data.min(initial=1.0)) < 0.0:
            return Refusal("Weights below 0 have no mean over neighbours.", "Use sum(A.near), or weights above 0.")
        run = _Run(at, values, model, asked, int(rng.integers(2**63)))
        try:
            found = run.found(fits)
            spread = self._spread(run, fits, rng)
        except Unmodelled as fault:
            return Refusal(fault.why, fault.advice)
        except Explosive as fault:
            return Refusal(f"The fitted law of {asked.outcome}: {fault}.", "Ask over a shorter time, or drop the --.")
        weights, z = np.array(asked.weights), NormalDist().inv_cdf(0.5 + self.level / 2)
        value = float(weights @ found.mean(axis=1)) + asked.constant
        se = _error(weights, spread, found)
        rows = [Row(target.term, value=value, se=se, lower=value - z * se, upper=value + z * se)]
        if len(asked.weights) > 1:
            for k, words in enumerate(asked.texts):
                each, error = float(found[k].mean()), _error(np.eye(len(weights))[k], spread, found)
                rows.append(Row(words, value=each, se=error, lower=each - z * error, upper=each + z * error))
        return Estimated(
            Estimate(value, se, (value - z * se, value + z * se), self.level, self.name),
            tuple(rows),
            (
                *people.checks,
                *_checks(people, fits, asked, model.numbers),
                *_ranges(at, values, asked, model),
                *_few(asked, model),
                *(_popularity(at, values, name, fit) for name, fit in zip(asked.targets, fits, strict=True)),
                *unused(study, "weight", "count", "cluster", "strata"),
            ),
            _assumptions(asked, fits),
            REFERENCES,
            people.network.size,
            people.sources,
        )

    def _spread(self, run: _Run, fits: Sequence[Fit], rng: np.random.Generator) -> Floats:
        """How far each mean moves by one standard error along each principal direction of the coefficients.

        A one-step parametric bootstrap: scores of networks drawn from the fit move the coefficients
        by one Newton step each. Directions, and not coefficients one by one, because regressors that
        go together leave single coefficients loose whose sum is firm. Shape (means, directions); the
        squares of a row sum to the mean's variance.
        """
        if not fits:
            return np.zeros((len(run.asked.weights), 1))
        draws = int(np.clip(MOST_UPDATES // (30 * len(run.values)), 20, self.draws))
        covariance = stacked_covariance(fits, drawn_scores(run.at, run.values, fits, draws=draws, rng=rng))
        sizes, directions = np.linalg.eigh(covariance)
        steps = (directions * np.sqrt(np.maximum(sizes, 0.0))).T
        return np.stack(
            [(run.means(_moved(fits, step)) - run.means(_moved(fits, -step))) / 2.0 for step in steps], axis=1
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One network, its policies, and one seed that all simulations share."""

    at: Neighbourhood
    values: Floats
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

    def _once(self, fits: Sequence[Fit], rng: np.random.Generator) -> Floats:
        among = self.model.among
        fewest = min(len(self.values) if one is None else int(one.sum()) for one in among)
        found = outcome_means(
            self.at,
            self.values,
            fits,
            self.model.policies,
            outcome=self.asked.names.index(self.asked.outcome),
            order=[self.asked.names.index(name) for name in self.asked.order],
            schedule=Schedule.for_size(len(self.values), len(self.model.policies), fewest=fewest),
            shares=self._shares(),
            rng=rng,
        )
        low, span = np.array(self.model.scales).T[:, :, None]
        return np.asarray(low + span * found)

    def _shares(self) -> Floats | None:
        among, size = self.model.among, len(self.values)
        if all(one is None for one in among):
            return None
        columns = [np.ones(size) if one is None else one[self.at.network.order].astype(np.float64) for one in among]
        return np.stack([column / column.sum() for column in columns], axis=1)


def _error(weights: Floats, spread: Floats, found: Floats) -> float:
    """Standard error of a combination: of the coefficients, and of the simulation as its copies show it."""
    noise = np.var(weights @ found, ddof=1) / found.shape[1]
    return float(np.sqrt(np.sum((weights @ spread) ** 2) + noise))


def _moved(fits: Sequence[Fit], step: Floats) -> list[Fit]:
    """The fits with all their coefficients, one equation after another, moved by a step."""
    moved, start = [], 0
    for fit in fits:
        stop = start + len(fit.coefficients)
        moved.append(fit.moved(fit.coefficients + step[start:stop]))
        start = stop
    return moved


def _checks(people: People, fits: Sequence[Fit], asked: Wanted, numbers: dict[str, Floats]) -> tuple[Check, ...]:
    """Whether treatments vary, and whether neighbours' answers have one equilibrium for sure."""
    found = []
    for name in asked.treatments:
        shares = np.unique(numbers[name], return_counts=True)[1] / len(numbers[name])
        if len(shares) == 2:
            advice = f"The rarer value of {name} is held by {shares.min():.1%} of the persons."
            found.append(Check("overlap", bool(shares.min() >= 0.05), float(shares.min()), advice))
    most = int(people.network.degrees.max(initial=0))
    for name, fit in zip(asked.targets, fits, strict=True):
        if fit.equation.coupled and fit.equation.kind == "logistic":
            pull = abs(fit.coupling) * float(np.abs(people.network.links).sum(axis=1).max()) / 4.0
            advice = (
                f"The most connected person, with {most} neighbours, is pulled by {pull:.2f}; below 1 the equilibrium "
                f"of {name} is the only one whatever it starts from (Dobrushin's condition)."
            )
            found.append(Check("one equilibrium", pull < 1.0, pull, advice))
    return tuple(found)


def _ranges(at: Neighbourhood, values: Floats, asked: Wanted, model: Modelled) -> Iterator[Check]:
    """Whether a treatment is set to values that nobody has, where only the model speaks."""
    for place, name in enumerate(asked.names):
        rules = [policy[place] for policy in model.policies if place in policy and not policy[place].drawn]
        if not rules:
            continue
        read = Reader(at, lambda column: values[:, column, None])
        low, high = float(values[:, place].min()), float(values[:, place].max())
        beyond = max(float(np.mean((law < low) | (law > high))) for law in (rule.law(read) for rule in rules))
        if beyond:
            words = f"{beyond:.1%} of the persons get a value of {name} that nobody has; there the model alone speaks."
            yield Check(f"range of {name}", False, beyond, words)


def _few(asked: Wanted, model: Modelled) -> Iterator[Check]:
    """Whom a condition leaves."""
    for words, one in zip(asked.texts, model.among, strict=True):
        if one is not None:
            count = int(one.sum())
            told = f"{words} is the mean over {count:,} of {len(one):,} persons."
            yield Check("persons asked about", count >= FEWEST, count, told)


def _popularity(at: Neighbourhood, values: Floats, name: str, fit: Fit) -> Check:
    """Whether a law answers to the number of neighbours too, which sums over them would stand in for."""
    degrees = at.network.degrees.astype(np.float64)
    equation = replace(fit.equation, own=(*fit.equation.own, values.shape[1]))
    try:
        wider = fit_equation(at, np.column_stack([values, degrees]), equation)
    except Unfitted:
        return Check(f"neighbours of {name}", True, None, "All have as many neighbours, or sums say how many.")
    place = len(equation.own)
    ratio = abs(float(wider.coefficients[place])) / float(np.sqrt(np.linalg.inv(wider.information)[place, place]))
    advice = (
        f"Beside its causes, {name} goes with the number of neighbours, by {ratio:.1f} standard errors of independent "
        "rows; above 3, sums over neighbours stand in for it. Use mean(A.near), or give that number a column."
    )
    return Check(f"neighbours of {name}", ratio <= 3.0, ratio, advice)


def _assumptions(asked: Wanted, fits: Sequence[Fit]) -> tuple[str, ...]:
    """The regression models, in words."""
    words = []
    for name, fit in zip(asked.targets, fits, strict=True):
        kind = "a logistic" if fit.equation.kind == "logistic" else "a linear"
        errors = "" if fit.equation.kind == "logistic" else ", with normal errors of one size"
        words.append(f"{name} follows {kind} regression on {', '.join(asked.reads(name)) or 'nothing'}{errors}.")
    words.append(
        "The interval: a one-step parametric bootstrap on networks drawn from the fit, given the edges and what no "
        "intervention reaches, with the noise that independent simulations show."
    )
    return tuple(words)
