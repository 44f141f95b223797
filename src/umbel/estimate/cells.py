"""Any flat estimand on discrete rows: the estimand itself, evaluated on the rows' own law.

Right whatever the estimand's shape, as long as every combination that it visits occurs; its
influence function is the exact derivative, so that standard errors need no resampling. Where the
estimand leaves a variable free on which its value does not depend, the values are compared: a
test of the graph that the data can fail.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from umbel.data.rows import Rows
from umbel.data.study import Study
from umbel.estimate.cell_formula import CellLaw, node_of
from umbel.estimate.estimator import Estimated, Supported, Target, Watch, unwatched
from umbel.estimate.expansion import NotFlat, averages
from umbel.estimate.flat import (
    Case,
    Unanswered,
    answered,
    blank_row,
    cases_of,
    defined,
    probe,
    refused_study,
    rows_of,
)
from umbel.estimate.means import averaged_only, with_means
from umbel.estimate.presence import unseen, visited
from umbel.estimate.settling import settling_checks
from umbel.estimate.shape_reading import shape_of
from umbel.estimate.shapes import Sequential, Switched, trusted
from umbel.estimate.total_states import moves
from umbel.expr.build import free
from umbel.expr.nodes import Raw, Symbol
from umbel.numerics.adjoint import picked
from umbel.numerics.influence import Influence, combined, covariance
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Row

Array = NDArray[np.float64]

MOVED = "Leave out [method] name, or ask by natural or by point(...)."

REFERENCES = (
    "Bickel, Klaassen, Ritov and Wellner. Efficient and Adaptive Estimation for Semiparametric Models. 1993, "
    "Section 3.3: the influence function of a function of cell probabilities is its derivative.",
)


@dataclass(frozen=True, slots=True)
class DiscretePlugIn:
    """The estimand on the empirical law of discrete rows, with exact influence-function errors.

    Right as rows grow, for every identified estimand; biased by about the number of cells over
    the number of rows. O(rows + cells * laws).

    Parameters
    ----------
    level
        Level of the intervals.
    scan
        Members of blocks in the order in which each in turn answers the others; None: at random.

    Examples
    --------
    >>> import umbel
    >>> rng = np.random.default_rng(0)
    >>> rows = {name: rng.integers(0, 2, 400) for name in "WZXY"}
    >>> napkin = "W -> Z -> X -> Y; W <-> X; W <-> Y"
    >>> answer = umbel.solve(napkin, "P(Y=1 | do(X=1))", umbel.Study(rows))
    >>> answer.estimate.method, 0.3 < answer.value < 0.7
    ('cells', True)
    """

    level: float = 0.95
    scan: tuple[str, ...] | None = None
    name: str = "cells"

    def supports(self, target: Target, study: Study) -> Supported | Refusal:
        """Whether every variable has states, or is an outcome that is only averaged."""
        refusal = refused_study(target, study)
        if refusal is not None:
            return refusal
        if moves(target.expr):
            return Refusal("Parts that move from where they are have no cells to be read off.", MOVED)
        if _is_plain(target):  # another estimator is for it, and the rows need not be read to know
            return Supported(score=5)
        lean = with_means(target.expr)
        rows = rows_of(target, study)
        many = [n for n in rows.columns if not rows.columns[n].discrete and n not in averaged_only(lean)]
        if many:
            return Refusal(
                f"{many[0]} is a number with many values, and no doubly robust form of the estimand is known.",
                f"Give {many[0]} states, or take the estimator 'kernels'.",
            )
        return Supported(score=8)

    def estimate(
        self, target: Target, study: Study, *, rng: np.random.Generator, watch: Watch = unwatched
    ) -> Estimated | Refusal:
        """Count the rows, evaluate, and differentiate.

        Raises
        ------
        DataError
            When the table contradicts the problem.
        """
        try:
            return self._numbers(target, study, rows_of(target, study))
        except Unanswered as fault:
            return fault.refusal

    def _numbers(self, target: Target, study: Study, rows: Rows) -> Estimated:
        averaged = [name for name in averaged_only(target.expr) if rows.columns[name].numeric]
        axes = {axis.meaning.name for axis in target.axes if isinstance(axis.meaning, Raw)}
        law = replace(CellLaw.of(rows, [name for name in averaged if name not in axes]), scan=self.scan)
        numbers: list[tuple[Row, Influence]] = []
        checks: list[Check] = []
        for case in cases_of(target, rows):
            found, tests = _value(case, law)
            numbers.append((blank_row(target, case), defined(found, lambda: unseen(target.requirements, rows))))
            checks += tests
        checks += [one for need in target.requirements if (one := visited(need, rows)) is not None]
        checks += settling_checks(target, rows, law)
        return answered(
            rows,
            numbers,
            method=self.name,
            level=self.level,
            checks=tuple(dict.fromkeys(checks)),
            assumptions=("The estimand is evaluated on the rows' own law, without models.",),
            references=REFERENCES,
            single=not target.axes,
            study=study,
        )


def _is_plain(target: Target) -> bool:
    """Whether every average sets one treatment once at most, which other estimators answer whatever it is."""
    try:
        shapes = [shape_of(one, target.independent) for one in averages(probe(target))]
    except NotFlat:
        return False
    plain = (isinstance(one, Sequential | Switched) and trusted(one, target.strategy) for one in shapes)
    return all(plain) and all(len(one.settings()) < 2 for one in shapes if isinstance(one, Sequential | Switched))


def _value(case: Case, law: CellLaw) -> tuple[Influence, tuple[Check, ...]]:
    """One case's value; symbols that it does not depend on are compared and averaged over."""
    expr = with_means(case.expr)
    top = node_of(expr, law)
    nuisance = [label for label in top.labels if isinstance(label, Symbol)]
    if not nuisance:
        return law.influence(top), ()
    assert set(nuisance) <= free(expr)
    names = [symbol.meaning.name for symbol in nuisance if isinstance(symbol.meaning, Raw)]
    mass = law.mass.tensor.array.sum(axis=tuple(at for at, name in enumerate(law.names) if name not in names))
    order = [[name for name in law.names if name in names].index(name) for name in names]
    mass = np.transpose(mass, order)
    found: list[tuple[float, Influence]] = []
    for place in itertools.product(*map(range, mass.shape)):
        one = picked(top, dict(zip(nuisance, place, strict=True)))
        if mass[place] > 0.0 and np.isfinite(one.tensor.array):
            found.append((float(mass[place]), law.influence(one)))
    total = sum(weight for weight, _ in found)
    if not found:
        return Influence(float("nan"), np.full(law.rows.size, np.nan)), ()
    value = combined([(weight / total, one) for weight, one in found])
    return value, (_constraint([one for _, one in found], names, law),)


def _constraint(found: Sequence[Influence], names: Sequence[str], law: CellLaw) -> Check:
    """Wald's test that values which the graph says are equal are equal; ``value`` is its p."""
    label = f"constraint: the value does not depend on {', '.join(names)}"
    if len(found) < 2:
        return Check(label, True, None, "Only one value can be compared.")
    gaps = [combined([(1.0, one), (-1.0, found[0])]) for one in found[1:]]
    spread = covariance(gaps, law.rows.sample)
    values = np.array([gap.value for gap in gaps])
    statistic = float(values @ np.linalg.pinv(spread, hermitian=True) @ values)
    p = float(chdtrc(np.linalg.matrix_rank(spread, hermitian=True), statistic))
    advice = f"The graph makes the answer the same at every value of {', '.join(names)}; the rows speak against it."
    return Check(label, p > 0.01, p, "" if p > 0.01 else advice)
