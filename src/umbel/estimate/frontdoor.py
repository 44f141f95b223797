"""Doubly robust estimates where a treatment is confounded but none of its effects shares the cause.

The front door and its kin: augmented primal inverse probability weighting (APIPW), cross-fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows, read_rows
from umbel.data.study import Study
from umbel.estimate.crossfit import Learners
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unwatched
from umbel.estimate.expansion import Average, Constant, Formula, Mix, NotFlat, Ratio, averages
from umbel.estimate.features import split
from umbel.estimate.flat import (
    ANY,
    Unanswered,
    answered,
    blank_row,
    cases_of,
    defined,
    evaluated,
    probe,
    refused_study,
    rows_of,
)
from umbel.estimate.learners import Learner
from umbel.estimate.presence import crowded, scarce, unseen
from umbel.estimate.scoring import cross_fitted, folds_in_words
from umbel.estimate.shape_reading import shape_of
from umbel.estimate.shapes import Primal, Sequential, Switched, trusted
from umbel.expr.build import substituted
from umbel.expr.nodes import AtState, Drawn, Held, NumericValue, Probability, Raw, Symbol
from umbel.results.step import Refusal
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

REFERENCES = (
    "Bhattacharya, Nabi and Shpitser. Semiparametric inference for causal effects in graphical models with hidden "
    "variables. JMLR 23(295), 2022.",
)


@dataclass(frozen=True, slots=True)
class APIPW:
    """Augmented primal inverse probability weighting of primal averages.

    Right when all means, or all probabilities of the treatment, are learnt well; efficient when
    both are. O(folds * states of the treatment * blocks * cost of the learners).

    Parameters
    ----------
    outcome, treatment
        Learners of means and of probabilities, as for :class:`~umbel.estimate.adjustment.AIPW`.
    folds
        Folds of the cross-fit.
    level
        Level of the intervals.
    """

    outcome: Learner | None = None
    treatment: Learner | None = None
    folds: int = 5
    level: float = 0.95
    name: str = "apipw"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether every average is a sequence or a primal shape, of treatments with states."""
        refusal = refused_study(target, study)
        if refusal is not None:
            return refusal
        try:
            formula = at_states(probe(target), lambda name: (ANY,))
        except NotFlat as fault:
            return Refusal(str(fault), "Give every variable states, for the estimator 'cells'.")
        shapes = [_shape(one, target) for one in averages(formula)]
        treated = {shape.treatment for shape in shapes if isinstance(shape, Primal)}
        if None in shapes or not treated:
            return Refusal(
                "The estimand is no front door: a treatment set in some laws and summed out in others.",
                "Leave the choice of the estimator open.",
            )
        columns = read_rows(study, sorted(treated), domains=target.domains).columns
        many = [name for name, column in sorted(columns.items()) if not column.discrete]
        if many:
            return Refusal(f"{many[0]} is a number with many values.", "Give it states.")
        return Supported(score=9)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Read the rows, cross-fit, and average the scores.

        Raises
        ------
        DataError
            When the table contradicts the problem.
        InputError
            When a learner cannot learn what it is given.
        """
        try:
            return self._numbers(target, study, rows_of(target, study), rng, watch)
        except Unanswered as fault:
            return fault.refusal

    def _numbers(self, target: Target, study: Study, rows: Rows, rng: np.random.Generator, watch: Watch) -> Estimated:
        cases = cases_of(target, rows)
        formulas = [at_states(case.formula, lambda name: rows.columns[name].states) for case in cases]
        wanted = dict.fromkeys(one for formula in formulas for one in averages(formula))
        shapes = {one: shape for one in wanted if (shape := _shape(one, target)) is not None}
        treated = dict.fromkeys(shape.treatment for shape in shapes.values() if isinstance(shape, Primal))
        learnt_from = dict.fromkeys(
            name
            for shape in shapes.values()
            for name in shape.history(len(shape.blocks if isinstance(shape, Primal) else shape.stages) - 1)
        )
        many = crowded(tuple(learnt_from), rows)
        rows, fold = split(rows, tuple(treated), self.folds, rng)
        learners = Learners(self.outcome, self.treatment, self.folds)
        known, checks = cross_fitted(shapes, rows, fold, learners, rng=rng, watch=watch)

        def missing() -> Unanswered | None:
            return scarce(shapes.values(), rows) or unseen(target.requirements, rows)

        numbers = [
            (blank_row(target, case), defined(evaluated(formula, known, rows.size), missing))
            for case, formula in zip(cases, formulas, strict=True)
        ]
        words = f"For the front door {learners.words()}, cross-fitted in {folds_in_words(self.folds, rows)}."
        return answered(
            rows,
            numbers,
            method=self.name,
            level=self.level,
            checks=(*checks, *many),
            assumptions=tuple(line for line in (words, learners.doubt()) if line),
            references=REFERENCES,
            single=not target.axes,
            study=study,
        )


def at_states(formula: Formula, states: Callable[[str], tuple[State, ...]]) -> Formula:
    """The formula with laws that read nothing turned into averages at each state, by weight.

    ``states`` gives the states of a variable; while they are unknown, any single one.
    """
    match formula:
        case Average():
            drawn = [one for one in formula.factors if isinstance(one, Drawn) and not one.given]
            if not drawn or not isinstance(drawn[0].of, Symbol):
                return formula
            own = states(drawn[0].policy.of.name)
            law = drawn[0].policy.law
            if law is None:
                raise Unanswered("The intervention's law q is unspecified.", "Name it: do(A ~ Bernoulli(0.5)).")
            weights = [1.0] if own == (ANY,) else [law.weight(state, own, {}) for state in own]
            parts = [(w, at_states(_held(formula, drawn[0], s), states)) for w, s in zip(weights, own, strict=True)]
            return Mix(tuple((weight, part) for weight, part in parts if weight))
        case Constant():
            return formula
        case Mix(terms):
            return Mix(tuple((weight, at_states(term, states)) for weight, term in terms))
        case Ratio(numerator, denominator):
            return Ratio(at_states(numerator, states), at_states(denominator, states))


def _held(average: Average, drawn: Drawn, state: State) -> Average:
    """The average with a drawn treatment held at one state."""
    symbol = drawn.of
    assert isinstance(symbol, Symbol)
    held = Held(Symbol(Raw(drawn.policy.of.name, symbol.meaning.level), symbol.copy), AtState(state))
    factors = []
    for one in average.factors:
        if one is not drawn:
            changed = substituted(one, {symbol: held})
            assert isinstance(changed, Probability | Drawn | NumericValue)
            factors.append(changed)
    return Average(tuple(one for one in average.bound if one != symbol), tuple(factors))


def _shape(average: Average, target: Target) -> Sequential | Switched | Primal | None:
    shape = shape_of(average, target.independent)
    return shape if shape is not None and trusted(shape, target.strategy) else None
