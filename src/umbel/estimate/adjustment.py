"""Doubly robust estimates of adjusted means, contrasts and ratios: AIPW with cross-fitting.

For estimands that set treatments one after the other and average over what comes between
(Σ_Z P(Z) E[Y | Z, A=a] is the shortest): each average is a mean of scores that stays right when
either the outcome's models or the treatment's are wrong. A treatment that is a number gets one
slope per unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows, read_rows
from umbel.data.study import Study
from umbel.estimate.crossfit import Learners
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unwatched
from umbel.estimate.expansion import Average, NotFlat, averages
from umbel.estimate.features import split
from umbel.estimate.flat import (
    ANY,
    Case,
    Unanswered,
    answered,
    blank_row,
    cases_of,
    defined,
    evaluated,
    probe,
    refused_study,
    rows_of,
    settled_at,
)
from umbel.estimate.learners import Learner
from umbel.estimate.presence import crowded, scarce, unseen
from umbel.estimate.scoring import cross_fitted, folds_in_words
from umbel.estimate.shape_reading import shape_of
from umbel.estimate.shapes import Sequential, Switched, trusted
from umbel.estimate.slopes import Line, dose_of, is_dose, line_of
from umbel.expr.nodes import Raw
from umbel.numerics.influence import Influence
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Row

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

REFERENCES = (
    "Robins, Rotnitzky and Zhao. Estimation of regression coefficients when some regressors are not always "
    "observed. JASA 89(427), 1994.",
    "Chernozhukov et al. Double/debiased machine learning for treatment and structural parameters. "
    "The Econometrics Journal 21(1), 2018.",
)
Chain = Sequential | Switched
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Where a free treatment that is a number is answered."""


@dataclass(frozen=True, slots=True, eq=False)
class AIPWNumbers:
    """What was scored: the rows as folds order them, a blank row with an influence for each number, doubts, shapes."""

    rows: Rows
    numbers: tuple[tuple[Row, Influence], ...]
    checks: tuple[Check, ...]
    shapes: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class AIPW:
    """Augmented inverse probability weighting of sequential averages.

    Right when, for every average, the outcome's means or the treatments' probabilities are learnt
    well; efficient when both are, each with an error that vanishes faster than rows^(-1/4).
    O(folds * cost of the learners).

    Parameters
    ----------
    outcome, treatment
        Learners of means and of probabilities: any object with ``fit`` and ``predict``, such as a
        scikit-learn regressor or classifier; None: ridge regressions with squares and products.
    folds
        Folds of the cross-fit.
    level
        Level of the intervals.

    Examples
    --------
    >>> import umbel
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=500)
    >>> a = (rng.random(500) < 1 / (1 + np.exp(-z))).astype(int)
    >>> y = a + z + rng.normal(size=500)
    >>> effect = "E[Y | do(A=1)] - E[Y | do(A=0)]"
    >>> answer = umbel.solve("Z -> {A Y}; A -> Y", effect, umbel.Study({"Z": z, "A": a, "Y": y}))
    >>> answer.estimate.method, round(answer.value, 1)
    ('aipw', 1.0)
    """

    outcome: Learner | None = None
    treatment: Learner | None = None
    folds: int = 5
    level: float = 0.95
    name: str = "aipw"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether every average of the estimand is a sequence of settings."""
        refusal = refused_study(target, study)
        if refusal is not None:
            return refusal
        try:
            found = _shapes(averages(probe(target)), target)
        except NotFlat as fault:
            return Refusal(str(fault), "Give every variable states, for the estimator 'cells'.")
        if found is None:
            return Refusal(
                "The estimand does more than set treatments and average over what came before.",
                "Leave the choice of the estimator open.",
            )
        joint = {name for one in found.values() if len(one.settings()) > 1 for name, _ in one.settings()}
        columns = read_rows(study, sorted(joint), domains=target.domains).columns if joint else {}
        many = [name for name in sorted(columns) if not columns[name].discrete]
        if many:  # a slope is fitted for one treatment alone
            return Refusal(
                f"{many[0]} is a number with many values, and is not the only variable that is set or conditioned on.",
                f"Give {many[0]} states, or take the estimator 'kernels'.",
            )
        return Supported(score=10)

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
            rows = rows_of(target, study)
            dose = _free_dose(target, rows)
            if dose is not None:
                return self._curve(target, study, rows, dose, rng)
            return self.on_rows(target, study, rows, rng=rng, watch=watch)
        except Unanswered as fault:
            return fault.refusal

    def on_rows(
        self, target: Target, study: Study, rows: Rows, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated:
        """As :meth:`estimate`, of some rows of the study.

        Raises
        ------
        Unanswered
            Where :meth:`estimate` would return a Refusal.
        """
        found = self.scored(target, rows, rng=rng, watch=watch)
        return answered(
            found.rows,
            found.numbers,
            method=self.name,
            level=self.level,
            checks=found.checks,
            assumptions=self._words(found.shapes, found.rows),
            references=REFERENCES if found.shapes else (),
            single=not target.axes,
            study=study,
        )

    def scored(self, target: Target, rows: Rows, *, rng: np.random.Generator, watch: Watch = unwatched) -> AIPWNumbers:
        """Every number with its score of each row.

        Raises
        ------
        Unanswered
            As :meth:`on_rows` does.
        """
        cases = cases_of(target, rows)
        wanted = tuple(dict.fromkeys(one for case in cases for one in averages(case.formula)))
        shapes = _shapes(wanted, target) or {}
        wide = tuple(shapes.values())
        many = crowded(_adjusted(wide), rows)
        rows, fold = self._split(rows, shapes, rng)
        lines = self._lines(shapes, rows, fold, rng)
        plain = {one: shape for one, shape in shapes.items() if not is_dose(shape, rows)}
        known, checks = cross_fitted(plain, rows, fold, self._learners(), rng=rng, watch=watch)
        for one, shape in shapes.items():
            if is_dose(shape, rows):
                known[one] = lines[_free_of_dose(shape)].at(dose_of(shape, rows))

        def missing() -> Unanswered | None:
            return scarce(wide, rows) or unseen(target.requirements, rows)

        numbers = [
            (blank_row(target, case), defined(evaluated(case.formula, known, rows.size), missing)) for case in cases
        ]
        numbers += [(_slope_row(shape), line.slope) for shape, line in lines.items()]
        doubts = [
            one for shape, line in lines.items() for one in line.checks(shape.settings()[0][0], _doses(shapes, rows))
        ]
        return AIPWNumbers(rows, tuple(numbers), (*checks, *many, *doubts), wide)

    def _split(self, rows: Rows, shapes: dict[Average, Chain], rng: np.random.Generator) -> tuple[Rows, Codes]:
        """Folds, spread evenly over treatments; one fold where nothing is learnt from covariates."""
        learns = any(shape.history(len(shape.stages) - 1) for shape in shapes.values())
        by = dict.fromkeys(name for shape in shapes.values() for name, _ in shape.settings())
        return split(rows, tuple(by), self.folds if learns else 1, rng)

    def _lines(
        self, shapes: dict[Average, Chain], rows: Rows, fold: Codes, rng: np.random.Generator
    ) -> dict[Sequential, Line]:
        found: dict[Sequential, Line] = {}
        for shape in shapes.values():
            if is_dose(shape, rows) and _free_of_dose(shape) not in found:
                found[_free_of_dose(shape)] = line_of(shape, rows, fold, self._learners(), rng)
        return found

    def _curve(self, target: Target, study: Study, rows: Rows, dose: str, rng: np.random.Generator) -> Estimated:
        """A free treatment that is a number: its slope, and the line at quantiles of what occurs."""
        if len(target.axes) > 1:
            raise Unanswered(f"{dose} has too many values for one row each.", f"Ask at values, as {dose}=1.")
        case = Case((), settled_at(target.expr, dict.fromkeys(target.axes, ANY)))
        wanted = averages(case.formula)
        shapes = _shapes(wanted, target) or {}
        shape = shapes.get(wanted[0]) if len(wanted) == 1 and case.formula == wanted[0] else None
        if shape is None or not is_dose(shape, rows):
            raise Unanswered(f"{dose} has too many values for one row each.", f"Ask at values, as {dose}=1.")
        rows, fold = self._split(rows, shapes, rng)
        line = line_of(shape, rows, fold, self._learners(), rng)
        numbers = [(_slope_row(shape), line.slope)]
        for at in np.quantile(rows.columns[dose].values, QUANTILES, method="inverted_cdf").tolist():
            numbers.append((Row(target.term, ((dose, at),)), defined(line.at(Influence(at, np.zeros(rows.size))))))
        return answered(
            rows,
            numbers,
            method=self.name,
            level=self.level,
            checks=line.checks(dose, ()),
            assumptions=self._words((shape,), rows),
            references=REFERENCES,
            single=False,
            study=study,
        )

    def _learners(self) -> Learners:
        return Learners(self.outcome, self.treatment, self.folds)

    def _words(self, shapes: Iterable[Chain], rows: Rows) -> tuple[str, ...]:
        found = list(shapes)
        lines: list[str] = []
        adjusted = _adjusted(found)
        dosed = all(is_dose(one, rows) for one in found)
        if adjusted:
            by = folds_in_words(self.folds, rows)
            lines.append(f"Given {', '.join(adjusted)}, {self._learners().words(dosed)}, cross-fitted in {by}.")
            lines += [doubt] if (doubt := self._learners().doubt()) else []
        for shape in found:
            if is_dose(shape, rows):
                ((name, _),) = shape.settings()
                lines.append(f"The outcome's mean is a line in {name}, with one slope whatever the covariates.")
        return tuple(dict.fromkeys(lines))


def _shapes(wanted: Sequence[Average], target: Target) -> dict[Average, Chain] | None:
    """The sequence that each average is; None where one is not."""
    found: dict[Average, Chain] = {}
    for one in wanted:
        shape = shape_of(one, target.independent)
        if not isinstance(shape, Sequential | Switched) or not trusted(shape, target.strategy):
            return None
        found[one] = shape
    return found


def _free_dose(target: Target, rows: Rows) -> str | None:
    """A free variable that is a number without states."""
    for axis in target.axes:
        if not isinstance(axis.meaning, Raw) or axis.meaning.name not in rows.columns:
            continue
        if not rows.columns[axis.meaning.name].discrete:
            return axis.meaning.name
    return None


def _free_of_dose(shape: Sequential) -> Sequential:
    """The sequence whatever the dose: what lines are kept by."""
    ((name, _),) = shape.settings()
    return replace(shape, stages=(*shape.stages[:-1], replace(shape.stages[-1], settings=((name, ANY),))))


def _adjusted(shapes: Iterable[Chain]) -> tuple[str, ...]:
    """The variables that nuisances are learnt from, in order."""
    return tuple(dict.fromkeys(name for one in shapes for name in one.history(len(one.stages) - 1)))


def _doses(shapes: dict[Average, Chain], rows: Rows) -> list[float]:
    """The mean of every dose that is asked about."""
    return [dose_of(shape, rows).value for shape in shapes.values() if is_dose(shape, rows)]


def _slope_row(shape: Sequential) -> Row:
    ((name, _),) = shape.settings()
    outcome = shape.outcome.numeric or ", ".join(f"{one} = {state}" for one, state in shape.outcome.events)
    return Row(f"slope of {outcome} per unit of {name}")
