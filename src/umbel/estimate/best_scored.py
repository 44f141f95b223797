"""The best policy of a family where covariates are numbers: doubly robust scores choose, and judge on other rows.

A row's scores say what it would be worth with the treatment and without, so that a policy is worth
the mean of what its chances make of them (Athey and Wager, Econometrica 89(1), 2021). One half of
the rows chooses by such scores; the other half is estimated afresh under the chosen policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from umbel.data.rows import Rows
from umbel.data.study import Study
from umbel.estimate.adjustment import AIPW
from umbel.estimate.array_formula import NoValue, column_of
from umbel.estimate.best import (
    REFERENCES,
    Found,
    at_parameters,
    edge_of_range,
    halves,
    no_parameters,
    on_rows,
    policies_chosen,
    ranges,
)
from umbel.estimate.estimator import Estimated, Target
from umbel.estimate.flat import Unanswered, matches, refused_study, rows_of
from umbel.estimate.means import averaged_only
from umbel.expr.build import linear, rebuilt
from umbel.expr.nodes import Drawn, Expr, Policy
from umbel.model.formula import Constant
from umbel.model.parameters import ParametricLaw, fixed
from umbel.model.policy import Family
from umbel.model.weights import FamilyLaw
from umbel.numerics.maximise import largest
from umbel.numerics.tables import Array
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Policy as Chosen


def reads_numbers(target: Target, usual: Expr, study: Study) -> bool:
    """Whether the estimand conditions on a number without states, which no table of cells holds."""
    both = replace(target, expr=linear([(1.0, target.expr), (-1.0, usual)]))
    if refused_study(both, study) is not None:
        return False
    averaged = set(averaged_only(both.expr))
    columns = rows_of(both, study).columns
    return any(not column.discrete for name, column in columns.items() if name not in averaged)


@dataclass(frozen=True, slots=True)
class BestOnScores:
    """Choose the parameters of ``max[k] …`` by doubly robust scores of one half, evaluate them on the other.

    Right where AIPW is, for one treatment of two states. O(folds * cost of the learners), and a
    search of some thousand means of rows.

    Parameters
    ----------
    level
        Level of the intervals.
    box
        Triples of a parameter, its lowest and its highest value.
    budget
        Most that the treated may be on average; None: no limit.
    """

    level: float = 0.95
    box: tuple[tuple[str, float, float], ...] = ()
    budget: float | None = None

    def answer(self, target: Target, usual: Expr, study: Study, *, rng: np.random.Generator) -> Found | Refusal:
        """Split, score, choose, evaluate.

        Parameters
        ----------
        target
            The estimand with the parameters in its laws.
        usual
            The same without the policy.
        study
            Rows, some of whose columns are numbers.
        rng
            Deals the rows to the halves and folds, and drives the search.
        """
        return on_rows(target, usual, study, lambda rows: self._found(target, usual, study, rows, rng))

    def _found(
        self, target: Target, usual: Expr, study: Study, rows: Rows, rng: np.random.Generator
    ) -> Found | Refusal:
        policy, names = _chosen_policy(target, rows)
        method = AIPW(level=self.level)
        supported = method.supports(replace(target, expr=with_chance(target.expr, 1.0)), study)
        if isinstance(supported, Refusal):
            return Refusal(f"Of rows with numbers the best policy is chosen by AIPW. {supported.why}", supported.advice)
        first, second = halves(rows, rng)
        seed = int(rng.integers(2**63))  # the same folds for all that is compared
        untreated, treated = (
            method.scored(replace(target, expr=with_chance(target.expr, one)), first, rng=np.random.default_rng(seed))
            for one in (0.0, 1.0)
        )
        scores = [one.numbers[0][1].value + one.numbers[0][1].scores for one in (untreated, treated)]
        task = _Chances(policy, names, rows, self.budget)

        def goal(k: Array) -> float:
            return treated.rows.sample.mean(scores[0] + task.of(k, treated.rows) * (scores[1] - scores[0]))

        box = ranges(names, self.box)
        best = largest(goal, task.room, box, rng=rng)
        if best is None:
            return no_parameters(names, self.budget)
        short = np.round(best.at, 4) + 0.0
        at = short if (task.room(short) >= 0).all() else best.at
        k = dict(zip(names, at.tolist(), strict=True))
        asked = [at_parameters(target.expr, k), usual, linear([(1.0, at_parameters(target.expr, k)), (-1.0, usual)])]
        found = [
            method.on_rows(replace(target, expr=expr), study, second, rng=np.random.default_rng(seed)) for expr in asked
        ]
        before = method.scored(replace(target, expr=usual), first, rng=np.random.default_rng(seed))
        return self._told(target, found, k, goal(at) - before.numbers[0][1].value, rows)

    def _told(
        self, target: Target, found: Sequence[Estimated], k: Mapping[str, float], promised: float, rows: Rows
    ) -> Found:
        table = [
            replace(one.rows[0], term=name, kind="policy")
            for name, one in zip((target.term, "status quo", "gain"), found, strict=True)
        ]
        value, gain = found[0].estimate, table[2]
        assert gain.value is not None and gain.lower is not None and gain.upper is not None
        advice = f"The rows that chose the policy promise a gain of {promised:.4g}; the others show what is reported."
        return Found(
            replace(value, method="best policy"),
            Chosen(tuple(k.items()), gain.value, (gain.lower, gain.upper)),
            tuple(table),
            (
                Check("policy: promise of the choosing half", True, promised - gain.value, advice),
                *edge_of_range(k, self.box),
                *found[2].checks,
            ),
            (
                *found[2].assumptions,
                "Half of the rows chose the parameters by a search over doubly robust scores, which may miss the very "
                "best; value and gain come from the other half.",
                f"The {100 * self.level:g}% intervals are for the chosen policy, not for the best there is.",
            ),
            tuple(dict.fromkeys((*REFERENCES, *found[2].references))),
            (replace(rows.source, rows=int(rows.sample.counts.sum())),) if rows.source.rows is None else (rows.source,),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Chances:
    """The chances that a policy gives rows, and what must be at least 0."""

    policy: Policy
    names: tuple[str, ...]
    rows: Rows
    budget: float | None

    def of(self, k: Array, rows: Rows) -> Array:
        """Shape (rows,)."""
        assert isinstance(self.policy.law, ParametricLaw)
        formula = fixed(self.policy.law.family.arguments[0], dict(zip(self.names, k.tolist(), strict=True)))
        found = column_of(
            formula, lambda name: rows.columns[name].values, lambda name, word: matches(rows.columns[name], name, word)
        )
        return np.broadcast_to(found, (rows.size,))

    def room(self, k: Array) -> Array:
        """The least chance, what the largest leaves of 1, and of the budget."""
        try:
            chance = self.of(k, self.rows)
        except NoValue:
            return np.array([-1.0])
        spent = [] if self.budget is None else [self.budget - self.rows.sample.mean(chance)]
        return np.array([float(chance.min()), 1.0 - float(chance.max()), *spent])


def _chosen_policy(target: Target, rows: Rows) -> tuple[Policy, tuple[str, ...]]:
    """The one policy that parameters decide, and the parameters.

    Raises
    ------
    Unanswered
        For several treatments, and one of other than two states.
    """
    policies = tuple(dict.fromkeys(policies_chosen(target.expr)))
    if len(policies) > 1:
        words = " and ".join(one.of.name for one in policies)
        raise Unanswered(
            f"The policies of {words} are chosen at once, and a covariate is a number with many values.",
            "Choose one at a time, or give every variable states.",
        )
    (policy,) = policies
    law = policy.law
    assert isinstance(law, ParametricLaw)
    if law.family.name != "Bernoulli" or len(rows.columns[policy.of.name].states) != 2:
        raise Unanswered(
            f"{policy.of.name} is chosen by {law.text}, and a covariate is a number with many values.",
            "Choose Bernoulli of a treatment with two states, or give every variable states.",
        )
    return policy, law.parameters


def with_chance(expr: Expr, share: float) -> Expr:
    """The estimand with everybody's chance in place of the chosen policy's."""
    if isinstance(expr, Drawn) and isinstance(expr.policy.law, ParametricLaw):
        family = Family("Bernoulli", (Constant(share),))
        return Drawn(replace(expr.policy, law=FamilyLaw(family, f"Bernoulli({share:g})")), expr.of, expr.given)
    return rebuilt(expr, lambda child: with_chance(child, share))
