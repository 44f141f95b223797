"""The mean outcome of one network under policies: auto-g-computation.

Equations are fitted by pseudo-likelihood, a policy is put in their place, and the network is
simulated to equilibrium (Tchetgen Tchetgen, Fulcher and Shpitser, "Auto-g-computation of causal
effects on a network", JASA 116, 2021). All policies run on the same random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from umbel.data.network import People, read_people
from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.network_model import Unmodelled, Wanted, is_network_mean, modelled, wanted
from umbel.numerics.automodel import Fit, Neighbourhood, Unfitted, fit_equation, stacked_covariance
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Explosive, Policy, Schedule, drawn_scores, outcome_means
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row

REFERENCES = (
    "Tchetgen Tchetgen, Fulcher, Shpitser. Auto-g-computation of causal effects on a network. "
    "Journal of the American Statistical Association 116, 2021.",
)
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
            people = read_people(study, asked.names, domains=target.domains)
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
        run = _Run(at, values, model.policies, asked, int(rng.integers(2**63)))
        try:
            means = run.means(fits)
            spread = self._spread(run, fits, rng)
        except Unmodelled as fault:
            return Refusal(fault.why, fault.advice)
        except Explosive as fault:
            return Refusal(f"The fitted law of {asked.outcome}: {fault}.", "Ask over a shorter time, or drop the --.")
        low, span = model.scale
        weights = np.array(asked.weights)
        value = float(weights @ (low + span * means)) + asked.constant
        errors = abs(span) * np.linalg.norm(spread, axis=1)
        se = abs(span) * float(np.linalg.norm(weights @ spread))
        z = NormalDist().inv_cdf(0.5 + self.level / 2)
        rows = [Row(target.term, value=value, se=se, lower=value - z * se, upper=value + z * se)]
        if len(asked.weights) > 1:
            for k, words in enumerate(asked.texts):
                each, error = float(low + span * means[k]), float(errors[k])
                rows.append(Row(words, value=each, se=error, lower=each - z * error, upper=each + z * error))
        return Estimated(
            Estimate(value, se, (value - z * se, value + z * se), self.level, self.name),
            tuple(rows),
            (
                *people.checks,
                *_checks(people, fits, asked, model.numbers),
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
    policies: Sequence[Policy]
    asked: Wanted
    seed: int

    def means(self, fits: Sequence[Fit]) -> Floats:
        """Mean outcome under each policy, shape (policies,)."""
        found = outcome_means(
            self.at,
            self.values,
            fits,
            self.policies,
            outcome=self.asked.names.index(self.asked.outcome),
            order=[self.asked.names.index(name) for name in self.asked.order],
            schedule=Schedule.for_size(len(self.values), len(self.policies)),
            rng=np.random.default_rng(self.seed),
        )
        return np.asarray(found.mean(axis=1))


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
        "intervention reaches; simulation noise is not in it."
    )
    return tuple(words)
