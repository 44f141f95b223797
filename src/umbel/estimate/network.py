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

from umbel.data.study import Study
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unused, unwatched
from umbel.estimate.network_model import (
    Modelled,
    Wanted,
    cases_of,
    is_network_mean,
    modelled,
    together,
    wanted,
    whose,
)
from umbel.estimate.network_rules import Unmodelled
from umbel.estimate.network_run import Ground, Run, covariance_of, directions_of, error_of, grounded, people_of
from umbel.numerics.automodel import Fit, Neighbourhood, Unfitted, fit_equation
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Explosive, Reader
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row
from umbel.variable import State

REFERENCES = (
    "Tchetgen Tchetgen, Fulcher and Shpitser. Auto-g-computation of causal effects on a network. "
    "Journal of the American Statistical Association 116, 2021.",
)
FEWEST = 30
"""Persons below which a mean over some of them is doubted: it says little of others like them."""
INTERVAL = (
    "The interval: a one-step parametric bootstrap on networks drawn from the fit, given the edges and what no "
    "intervention reaches, with the noise that independent simulations show."
)


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
            people = people_of(wanted(target), study, target)
            cases = cases_of(target, people.rows.columns)
            asked, weights = together([case.asked for case in cases])
            model = modelled(asked, people.rows.columns)
            ground = grounded(asked, people, model.numbers, model.equations)
            run = Run(ground, model, asked, int(rng.integers(2**63)))
            found = run.found(ground.fits)
            spread = run.spread(ground.fits, directions_of(covariance_of(ground, self.draws, rng)))
        except Unmodelled as fault:
            return Refusal(fault.why, fault.advice)
        except Explosive as fault:
            return Refusal(f"The fitted law of {asked.outcome}: {fault}.", "Ask over a shorter time, or drop the --.")
        rows = [
            self._row(target.term, case.given, weight, case.asked.constant, spread, found)
            for case, weight in zip(cases, weights, strict=True)
        ]
        estimate = Estimate(None, level=self.level, method=self.name)
        if not target.axes:
            first = rows[0]
            assert first.lower is not None and first.upper is not None
            estimate = Estimate(first.value, first.se, (first.lower, first.upper), self.level, self.name)
            if len(asked.means) > 1:
                each = zip(asked.texts, np.eye(len(asked.means)), strict=True)
                rows += [self._row(words, (), one, 0.0, spread, found) for words, one in each]
        return Estimated(
            estimate,
            tuple(rows),
            (
                *people.checks,
                *model_checks(ground, asked, model),
                *unused(study, "weight", "count", "cluster", "strata"),
            ),
            (*laws_assumed(asked, ground.fits), INTERVAL),
            REFERENCES,
            people.network.size,
            people.sources,
        )

    def _row(
        self,
        term: str,
        given: tuple[tuple[str, State], ...],
        weights: Floats,
        constant: float,
        spread: Floats,
        found: Floats,
    ) -> Row:
        """A combination of means with its interval."""
        value, se = float(weights @ found.mean(axis=1)) + constant, error_of(weights, spread, found)
        z = NormalDist().inv_cdf(0.5 + self.level / 2)
        return Row(term, given, value=value, se=se, lower=value - z * se, upper=value + z * se)


def model_checks(ground: Ground, asked: Wanted, model: Modelled) -> Iterator[Check]:
    """Doubts about treatments, equations and whose mean is asked."""
    for name in asked.treatments:
        shares = np.unique(model.numbers[name], return_counts=True)[1] / len(model.numbers[name])
        if len(shares) == 2:
            advice = f"The rarer value of {name} is held by {shares.min():.1%} of the persons."
            yield Check("overlap", bool(shares.min() >= 0.05), float(shares.min()), advice)
    network = ground.people.network
    most = int(network.degrees.max(initial=0))
    for name, fit in zip(asked.targets, ground.fits, strict=True):
        if fit.equation.coupled and fit.equation.kind == "logistic":
            pull = abs(fit.coupling) * float(np.abs(network.links).sum(axis=1).max()) / 4.0
            advice = (
                f"The most connected person, with {most} neighbours, is pulled by {pull:.2f}; below 1 the equilibrium "
                f"of {name} is the only one whatever it starts from (Dobrushin's condition)."
            )
            yield Check("one equilibrium", pull < 1.0, pull, advice)
    yield from _ranges(ground.at, ground.values, asked, model)
    yield from _few(asked, model)
    for name, fit in zip(asked.targets, ground.fits, strict=True):
        yield _popularity(ground.at, ground.values, name, fit)


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
    told: dict[str, Check] = {}
    for mean, one in zip(asked.means, model.among, strict=True):
        if one is not None:
            count, words = int(one.sum()), whose(mean)
            advice = f"{count:,} of {len(one):,} persons have {words}."
            told[words] = Check("persons asked about", count >= FEWEST, count, advice)
    yield from told.values()


def _popularity(at: Neighbourhood, values: Floats, name: str, fit: Fit) -> Check:
    """Whether a law answers to the number of neighbours too, which sums over them would stand in for."""
    degrees = at.network.degrees.astype(np.float64)
    equation = replace(fit.equation, own=(*fit.equation.own, values.shape[1]))
    try:
        wider = fit_equation(at, np.column_stack([values, degrees]), equation)
    except Unfitted:
        return Check(f"neighbours of {name}", True, None, "All have as many neighbours, or sums say how many.")
    place = len(equation.own)
    variance = float(np.linalg.inv(wider.information)[place, place])
    if not variance > 0.0:
        return Check(f"neighbours of {name}", True, None, "Sums over neighbours all but say how many there are.")
    ratio = abs(float(wider.coefficients[place])) / float(np.sqrt(variance))
    advice = (
        f"Beside its causes, {name} goes with the number of neighbours, by {ratio:.1f} standard errors of independent "
        "rows; above 3, sums over neighbours stand in for it. Use mean(A.near), or give that number a column."
    )
    return Check(f"neighbours of {name}", ratio <= 3.0, ratio, advice)


def laws_assumed(asked: Wanted, fits: Sequence[Fit]) -> tuple[str, ...]:
    """The regression models, in words."""
    words = []
    for name, fit in zip(asked.targets, fits, strict=True):
        kind = "a logistic" if fit.equation.kind == "logistic" else "a linear"
        errors = "" if fit.equation.kind == "logistic" else ", with normal errors of one size"
        words.append(f"{name} follows {kind} regression on {', '.join(asked.reads(name)) or 'nothing'}{errors}.")
    return tuple(words)
