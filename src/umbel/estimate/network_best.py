"""The best policy of a family on one network, and an honest figure for what it gains.

One network has no second half to be honest on: neighbours tie any two halves together. What is split
is the fit. Normal noise with the covariance of the coefficients is added to choose and taken away to
evaluate, which leaves two fits that are independent, each as precise as half of the persons would
make it (Rasines and Young, Biometrika 110, 2023; Leiner, Duan, Wasserman and Ramdas, JASA 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from umbel.data.rows import RowColumn
from umbel.data.study import Study
from umbel.estimate.best import Found, edge_of_range, no_parameters, ranges
from umbel.estimate.estimator import Target, unused
from umbel.estimate.network import REFERENCES, laws_assumed, model_checks
from umbel.estimate.network_model import modelled, together, wanted
from umbel.estimate.network_rules import Unmodelled, base, formula_of
from umbel.estimate.network_run import (
    Ground,
    Run,
    covariance_of,
    directions_of,
    error_of,
    grounded,
    moved,
    people_of,
    shares_of,
)
from umbel.expr.build import rebuilt
from umbel.expr.nodes import AtState, Expr, NetworkMean, Policy, Raw
from umbel.model.parameters import ParametricLaw, family_at
from umbel.model.weights import FamilyLaw
from umbel.numerics.automodel import Fit
from umbel.numerics.maximise import largest_of_many
from umbel.numerics.network import Floats
from umbel.numerics.spillover import MOST_CELLS, Explosive, Reader, Schedule, outcome_means
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row
from umbel.results.value import Policy as Chosen

SPLIT = (
    "Rasines and Young. Splitting strategies for post-selection inference. Biometrika 110(3), 2023.",
    "Leiner, Duan, Wasserman and Ramdas. Data fission: splitting a single data point. JASA 120, 2025.",
)
MOST_SEARCHED = 2e9
"""Node updates that the search may cost; larger networks are searched in fewer rounds."""
SEARCH_CELLS = 2**15
"""Nodes times copies at which the search tries a policy; a larger network has one copy."""


@dataclass(frozen=True, slots=True)
class BestOnNetwork:
    """Choose the parameters of ``max[k] …`` on one fit of a network, and evaluate them on another.

    Right for laws that are regressions given neighbours, in large networks: both fits are normal.
    Costs some five hundred simulations of the network for each parameter.

    Parameters
    ----------
    level
        Level of the intervals.
    box
        Triples of a parameter, its lowest and its highest value.
    budget
        Most that the treated may be on average, each treatment by itself; None: no limit.
    draws
        Networks that are drawn from the fit for the covariance, at most.
    """

    level: float = 0.95
    box: tuple[tuple[str, float, float], ...] = ()
    budget: float | None = None
    draws: int = 200

    def answer(self, target: Target, study: Study, *, rng: np.random.Generator) -> Found | Refusal:
        """Fit, split the fit, choose, evaluate.

        Parameters
        ----------
        target
            Means over one network with the parameters in their laws.
        study
            Persons and edges.
        rng
            Splits the fit, and drives search and simulation.
        """
        if study.edges is None:
            return Refusal(
                "The question is about persons of one network, and the study names no edges.",
                "Name the table of edges: edges = 'friends.csv', and the key of persons: unit = 'id'.",
            )
        try:
            return self._found(target, study, rng)
        except Unmodelled as fault:
            return Refusal(fault.why, fault.advice)
        except Explosive as fault:
            return Refusal(f"A fitted law: {fault}.", "Ask over a shorter time, or drop the --.")

    def _found(self, target: Target, study: Study, rng: np.random.Generator) -> Found | Refusal:
        if target.axes:
            words = " and ".join(str(one.meaning.name) for one in target.axes if isinstance(one.meaning, Raw))
            raise Unmodelled(f"The largest of several numbers is asked for, one for each {words}.", "Name one value.")
        names, policies = _parameters(target.expr)
        middle = dict.fromkeys(names, 0.0)
        asked = wanted(replace(target, expr=at_parameters(target.expr, middle)))
        moving = set(asked.targets) | set(asked.treatments)
        for _, policy in policies:
            for one in policy.given:
                if base(one.name) in moving:
                    raise Unmodelled(
                        f"The policy of {policy.of.name} reads {one.name}, which an intervention moves.",
                        "Choose among policies that read what no intervention reaches, or ask for one policy.",
                    )
        people = people_of(asked, study, target)
        columns = people.rows.columns
        model = modelled(asked, columns)
        ground = grounded(asked, people, model.numbers, model.equations)
        covariance = covariance_of(ground, self.draws, rng)
        noise = rng.standard_normal(len(covariance)) @ directions_of(covariance)
        choosing, judging = (moved(ground.fits, sign * noise) for sign in (1.0, -1.0))
        box = ranges(names, self.box)
        task = _Task(target, names, policies, ground, columns, self.budget, int(rng.integers(2**62)))
        rounds = int(np.clip(MOST_SEARCHED // (12 * len(names) * 20 * len(ground.values)), 8, 40))
        best = largest_of_many(
            lambda points: task.values(points, choosing), task.room, box, rng=rng, generations=rounds
        )
        if best is None:
            return no_parameters(names, self.budget)
        k = np.round(best.at, 4) if (task.room(np.round(best.at, 4)) >= 0).all() else best.at
        return self._told(task, dict(zip(names, k.tolist(), strict=True)), study, choosing, judging, covariance)

    def _told(
        self,
        task: _Task,
        k: Mapping[str, float],
        study: Study,
        choosing: Sequence[Fit],
        judging: Sequence[Fit],
        covariance: Floats,
    ) -> Found:
        ours, theirs = at_parameters(task.target.expr, k), without_chosen(task.target.expr)
        run, weights, constants = _both(task, ours, theirs)
        found = run.found(judging)
        spread = run.spread(judging, directions_of(2.0 * covariance))  # each fit of the split has twice the variance
        z = NormalDist().inv_cdf(0.5 + self.level / 2)
        table = []
        for name, weight, constant in zip((task.target.term, "status quo", "gain"), weights, constants, strict=True):
            middle, se = float(weight @ found.mean(axis=1)) + constant, error_of(weight, spread, found)
            table.append(Row(name, (), "policy", middle, se, middle - z * se, middle + z * se))
        value, _, gain = table
        first = float(weights[2] @ run.means(choosing)) + constants[2]
        assert gain.value is not None and gain.lower is not None and gain.upper is not None
        assert value.lower is not None and value.upper is not None
        advice = f"The fit that chose the policy promises a gain of {first:.4g}; the other shows what is reported."
        checks = [
            *task.ground.people.checks,
            Check("policy: promise of the choosing half", True, first - gain.value, advice),
            *edge_of_range(k, self.box),
            *model_checks(task.ground, run.asked, run.model),
            *unused(study, "weight", "count", "cluster", "strata"),
        ]
        return Found(
            Estimate(value.value, value.se, (value.lower, value.upper), self.level, "best policy"),
            Chosen(tuple(k.items()), gain.value, (gain.lower, gain.upper)),
            tuple(table),
            tuple(checks),
            (
                *laws_assumed(run.asked, task.ground.fits),
                "Normal noise with the covariance of the coefficients was added to choose the parameters by a search, "
                "which may miss the very best, and taken away for value and gain: two independent fits.",
                f"The {100 * self.level:g}% intervals are for the chosen policy, not for the best there is.",
            ),
            (*REFERENCES, *SPLIT),
            task.ground.people.sources,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What is made largest, and under what."""

    target: Target
    names: tuple[str, ...]
    policies: tuple[tuple[Raw, Policy], ...]
    ground: Ground
    columns: Mapping[str, RowColumn]
    budget: float | None
    seed: int

    def room(self, k: Floats) -> Floats:
        """What must be at least 0: the least chance, what the largest leaves of 1, and of the budget."""
        values = dict(zip(self.names, k.tolist(), strict=True))
        read = Reader(self.ground.at, lambda column: self.ground.values[:, column, None])
        place = {name: at for at, name in enumerate(self.ground.names)}
        found: list[float] = []
        for _, policy in self.policies:
            assert isinstance(policy.law, ParametricLaw)
            family = family_at(policy.law.family, values)
            try:
                chance = formula_of(read, policy, family, policy.law.text, self.columns, place)
            except Unmodelled:
                return np.array([-1.0])
            found += [float(chance.min()), 1.0 - float(chance.max())]
            if self.budget is not None:
                found.append(self.budget - float(chance.mean()))
        return np.array(found)

    def values(self, points: Floats, fits: Sequence[Fit]) -> Floats:
        """What is made largest at each of several points, on the same random numbers."""
        size = len(self.ground.values)
        together = max(1, MOST_CELLS // (size * max(1, SEARCH_CELLS // size)))
        each = len(wanted(self._at(points[0])).means)
        step = max(1, together // each)
        return np.concatenate([self._some(points[at : at + step], fits) for at in range(0, len(points), step)])

    def _some(self, points: Floats, fits: Sequence[Fit]) -> Floats:
        asked = [wanted(self._at(k)) for k in points]
        models = [modelled(one, self.columns) for one in asked]
        joint = replace(models[0], policies=tuple(p for one in models for p in one.policies))
        joint = replace(joint, among=tuple(a for one in models for a in one.among))
        copies = 1
        while 2 * copies * len(self.ground.values) <= SEARCH_CELLS:
            copies *= 2
        found = outcome_means(
            self.ground.at,
            self.ground.values,
            fits,
            joint.policies,
            outcome=self.ground.names.index(asked[0].outcome),
            order=[self.ground.names.index(name) for name in asked[0].order],
            schedule=Schedule(10, 10, min(copies, 64)),
            shares=shares_of(joint, self.ground),
            rng=np.random.default_rng(self.seed),
        ).mean(axis=1)
        values, start = [], 0
        for one, model in zip(asked, models, strict=True):
            low, span = np.array(model.scales).T
            stop = start + len(one.means)
            values.append(float(np.array(one.weights) @ (low + span * found[start:stop])) + one.constant)
            start = stop
        return np.array(values)

    def _at(self, k: Floats) -> Target:
        values = dict(zip(self.names, k.tolist(), strict=True))
        return replace(self.target, expr=at_parameters(self.target.expr, values))


def _both(task: _Task, ours: Expr, theirs: Expr) -> tuple[Run, list[Floats], list[float]]:
    """One run of policy and status quo, and how value, status quo and gain are made of its means."""
    first, second = (wanted(replace(task.target, expr=one)) for one in (ours, theirs))
    joint, rows = together([first, second])
    weights = [rows[0], rows[1], rows[0] - rows[1]]
    run = Run(task.ground, modelled(joint, task.columns), joint, task.seed + 1)  # not the noise that chose
    return run, weights, [first.constant, second.constant, first.constant - second.constant]


def at_parameters(expr: Expr, values: Mapping[str, float]) -> Expr:
    """Means with the parameters of their policies at values."""
    if isinstance(expr, NetworkMean):
        return replace(expr, set_to=tuple((of, _at_values(one, values)) for of, one in expr.set_to))
    return rebuilt(expr, lambda child: at_parameters(child, values))


def without_chosen(expr: Expr) -> Expr:
    """Means without the policies that parameters decide: the status quo, by the same laws."""
    if isinstance(expr, NetworkMean):
        return replace(expr, set_to=tuple((of, one) for of, one in expr.set_to if not _open(one)))
    return rebuilt(expr, without_chosen)


def _open(value: object) -> bool:
    return isinstance(value, Policy) and isinstance(value.law, ParametricLaw)


def _at_values(value: AtState | Policy, values: Mapping[str, float]) -> AtState | Policy:
    if isinstance(value, Policy) and isinstance(value.law, ParametricLaw):
        return replace(value, law=FamilyLaw(family_at(value.law.family, values), value.law.text))
    return value


def _parameters(expr: Expr) -> tuple[tuple[str, ...], tuple[tuple[Raw, Policy], ...]]:
    """Parameters in order, and the policies that they decide, each once."""
    found: dict[tuple[Raw, Policy], None] = {}

    def note(at: Expr) -> Expr:
        if isinstance(at, NetworkMean):
            found.update(((of, one), None) for of, one in at.set_to if isinstance(one, Policy) and _open(one))
        return rebuilt(at, note)

    note(expr)
    laws = [policy.law for _, policy in found if isinstance(policy.law, ParametricLaw)]
    return tuple(dict.fromkeys(name for law in laws for name in law.parameters)), tuple(found)
