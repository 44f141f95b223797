"""The best policy of a family, and an honest figure for what it gains.

The rows are split: one half chooses the parameters, the other says what the chosen policy is worth
and what it gains over no change, so that the gain is none of the optimiser's optimism (the
section 6 of Sherman, Arbour and Shpitser 2020 evaluates on the rows that chose). Chances stay in
[0, 1] at every value of the covariates that occurs, the average chance below a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from umbel.data.rows import Rows
from umbel.data.study import Study
from umbel.estimate.cell_formula import CellLaw, node_of
from umbel.estimate.estimator import Target, unused
from umbel.estimate.flat import Unanswered, refused_study, rows_of
from umbel.estimate.means import averaged_only, with_means
from umbel.expr.build import linear, rebuilt
from umbel.expr.nodes import Drawn, Expr, Policy
from umbel.model.formula import evaluate
from umbel.model.parameters import ParametricLaw, family_at, fixed
from umbel.model.weights import FamilyLaw
from umbel.numerics.influence import Influence, Sample, combined, covariance, interval
from umbel.numerics.maximise import Affine, Optimum, affine, largest, largest_linear
from umbel.numerics.tables import Array
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource, Estimate, Row
from umbel.results.value import Policy as Chosen

DEFAULT_BOX = (-10.0, 10.0)
"""Range of a parameter that nobody confined."""
STRAIGHT = 1e-9
"""Largest departure from a straight line that still is one, as a share of the values."""
REFERENCES = (
    "Sherman, Arbour and Shpitser. General identification of dynamic treatment regimes under interference. AISTATS "
    "2020, section 5.3.",
    "Athey and Wager. Policy learning with observational data. Econometrica 89(1), 2021.",
)


@dataclass(frozen=True, slots=True)
class Found:
    """The best policy with its numbers, and what a reader must know about them."""

    estimate: Estimate
    policy: Chosen
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    assumptions: tuple[str, ...]
    references: tuple[str, ...]
    data: tuple[DataSource, ...]


@dataclass(frozen=True, slots=True)
class BestPolicy:
    """Choose the parameters of ``max[k] …`` on one half of the rows, and evaluate them on the other.

    Right for every identified estimand on discrete rows. A value that is linear in the parameters
    costs one linear programme, any other some hundred evaluations for each parameter.

    Parameters
    ----------
    level
        Level of the intervals.
    box
        Triples of a parameter, its lowest and its highest value.
    budget
        Most that the treated may be on average, each treatment by itself; None: no limit.
    """

    level: float = 0.95
    box: tuple[tuple[str, float, float], ...] = ()
    budget: float | None = None

    def answer(self, target: Target, usual: Expr, study: Study, *, rng: np.random.Generator) -> Found | Refusal:
        """Split, choose, evaluate.

        Parameters
        ----------
        target
            The estimand with the parameters in its laws.
        usual
            The same without the policy.
        study
            Rows of discrete variables.
        rng
            Deals the rows to the halves, and drives the search.
        """
        return on_rows(target, usual, study, lambda rows: self._found(target, usual, study, rows, rng))

    def _found(
        self, target: Target, usual: Expr, study: Study, rows: Rows, rng: np.random.Generator
    ) -> Found | Refusal:
        names = tuple(dict.fromkeys(name for law in _laws(target.expr) for name in law.parameters))
        box = ranges(names, self.box)
        both = linear([(1.0, target.expr), (-1.0, usual)])
        choosing, judging = (_law(part, both) for part in halves(rows, rng))
        chances = _Chances(tuple(dict.fromkeys(policies_chosen(target.expr))), names, rows, self.budget)
        best = _chosen(target.expr, names, choosing, chances, box, rng)
        if best is None:
            return no_parameters(names, self.budget)
        k = dict(zip(names, _plain(best.at, chances).tolist(), strict=True))
        ours, theirs = (_value(expr, judging) for expr in (at_parameters(target.expr, k), usual))
        gain = combined([(1.0, ours), (-1.0, theirs)])
        first = best.value - _value(usual, choosing).value
        return self._told(target, study, rows, judging, k, (ours, theirs, gain), first, best)

    def _told(
        self,
        target: Target,
        study: Study,
        rows: Rows,
        second: CellLaw,
        k: Mapping[str, float],
        numbers: Sequence[Influence],
        first: float,
        best: Optimum,
    ) -> Found:
        sample = second.rows.sample
        errors = np.sqrt(np.maximum(np.diag(covariance(list(numbers), sample)), 0.0)).tolist()
        table = []
        for name, one, se in zip((target.term, "status quo", "gain"), numbers, errors, strict=True):
            low, high = interval(one.value, se, sample, self.level)
            table.append(Row(name, (), "policy", one.value, se, low, high))
        value, _, gain = table
        assert value.lower is not None and value.upper is not None and gain.lower is not None and gain.upper is not None
        optimism = first - numbers[2].value
        advice = f"The rows that chose the policy promise a gain of {first:.4g}; the others show what is reported."
        how = "one linear programme" if best.kind == "linear" else "a search, which may miss the very best"
        promise = Check("policy: promise of the choosing half", True, optimism, advice)
        checks = [*rows.checks, promise, *edge_of_range(k, self.box)]
        return Found(
            Estimate(value.value, value.se, (value.lower, value.upper), self.level, "best policy"),
            Chosen(tuple(k.items()), gain.value, (gain.lower, gain.upper)),
            tuple(table),
            (*checks, *unused(study)),
            (
                f"Half of the rows chose the parameters by {how}; value and gain come from the other half.",
                f"The {100 * self.level:g}% intervals are for the chosen policy, not for the best there is.",
            ),
            REFERENCES,
            (replace(rows.source, rows=int(rows.sample.counts.sum())),) if rows.source.rows is None else (rows.source,),
        )


def on_rows(target: Target, usual: Expr, study: Study, found: Callable[[Rows], Found | Refusal]) -> Found | Refusal:
    """What is found in the rows that policy and no change need together, or why they cannot be had."""
    both = replace(target, expr=linear([(1.0, target.expr), (-1.0, usual)]))
    refusal = refused_study(both, study)
    if refusal is not None:
        return refusal
    try:
        return found(rows_of(both, study))
    except Unanswered as fault:
        return fault.refusal


def ranges(names: Sequence[str], box: Sequence[tuple[str, float, float]]) -> Array:
    """Lowest and highest value of each parameter, shape (parameters, 2)."""
    confined = {name: (low, high) for name, low, high in box}
    return np.array([confined.get(name, DEFAULT_BOX) for name in names])


def no_parameters(names: Sequence[str], budget: float | None) -> Refusal:
    """The refusal of a family no member of which is a law within the budget."""
    limit = "" if budget is None else " within the budget"
    return Refusal(
        f"No parameters keep every chance between 0 and 1{limit}.",
        f"Widen the box of {', '.join(names)}, or write expit(…) around the formula.",
    )


def edge_of_range(k: Mapping[str, float], box: Sequence[tuple[str, float, float]]) -> tuple[Check, ...]:
    """A doubt about parameters that end where their default range does."""
    edge = [name for name in k if not any(one == name for one, _, _ in box) and abs(k[name]) > 0.99 * DEFAULT_BOX[1]]
    words = f"{', '.join(edge)} ends at the edge of the default range: give a box."
    return (Check("policy: range", False, None, words),) if edge else ()


def at_parameters(expr: Expr, values: Mapping[str, float]) -> Expr:
    """The estimand with its parameters at values."""
    if isinstance(expr, Drawn):
        law = expr.policy.law
        if not isinstance(law, ParametricLaw):
            return expr
        return Drawn(replace(expr.policy, law=FamilyLaw(family_at(law.family, values), law.text)), expr.of, expr.given)
    return rebuilt(expr, lambda child: at_parameters(child, values))


def policies_chosen(expr: Expr) -> Iterator[Policy]:
    """The policies that parameters decide, as often as they stand."""
    found: list[Policy] = []

    def note(at: Expr) -> Expr:
        if isinstance(at, Drawn) and isinstance(at.policy.law, ParametricLaw):
            found.append(at.policy)
        return rebuilt(at, note)

    note(expr)
    yield from found


def _laws(expr: Expr) -> Iterator[ParametricLaw]:
    for policy in policies_chosen(expr):
        assert isinstance(policy.law, ParametricLaw)
        yield policy.law


@dataclass(frozen=True, slots=True)
class _Chances:
    """What must be at least 0: chances, what they leave of 1, and what is left of the budget."""

    policies: tuple[Policy, ...]
    names: tuple[str, ...]
    rows: Rows
    budget: float | None

    def __call__(self, k: Array) -> Array:
        values = dict(zip(self.names, k.tolist(), strict=True))
        found: list[float] = []
        for policy in self.policies:
            law = policy.law
            assert isinstance(law, ParametricLaw)
            formulas = [fixed(formula, values) for formula in law.family.arguments]
            spent = 0.0
            for mass, covariates in self._cells(policy):
                chances = [evaluate(formula, covariates) for formula in formulas]
                found += [bound for chance in chances for bound in (chance, 1.0 - chance)]
                if len(chances) > 1:
                    found += [1e-9 - abs(sum(chances) - 1.0)]
                spent += mass * (chances[0] if len(chances) == 1 else sum(chances[1:]))
            if self.budget is not None:
                found.append(self.budget - spent)
        return np.array(found)

    def _cells(self, policy: Policy) -> Iterator[tuple[float, dict[str, float | int | str | bool]]]:
        """Covariates that occur, with their share of the rows."""
        columns = [self.rows.columns[one.name] for one in policy.given]
        for place in product(*(range(len(column.states)) for column in columns)):
            here = np.ones(self.rows.size, dtype=bool)
            for column, at in zip(columns, place, strict=True):
                here &= column.codes == at
            mass = float(self.rows.sample.mass[here].sum())
            if mass:
                yield mass, {one.name: c.states[at] for one, c, at in zip(policy.given, columns, place, strict=True)}


def _chosen(
    expr: Expr, names: tuple[str, ...], law: CellLaw, chances: _Chances, box: Array, rng: np.random.Generator
) -> Optimum | None:
    def goal(k: Array) -> float:
        return _number(at_parameters(expr, dict(zip(names, k.tolist(), strict=True))), law)

    low = affine(chances, box)
    if low is not None and largest_linear(_none(len(names)), low, box) is not None:
        line = _line(goal, low, box, rng)
        found = None if line is None else largest_linear(line, low, box)
        if found is not None and abs(goal(found.at) - found.value) <= STRAIGHT * max(1.0, abs(found.value)):
            return found
    return largest(goal, chances, box, rng=rng)


def _plain(at: Array, chances: _Chances) -> Array:
    """Parameters without the digits of rounding, where chances stay chances."""
    short = np.round(at, 7) + 0.0
    return short if (chances(short) >= 0).all() else at


def _none(count: int) -> Affine:
    return Affine(np.zeros(1), np.zeros((1, count)))


def _line(goal: Callable[[Array], float], low: Affine, box: Array, rng: np.random.Generator) -> Affine | None:
    """The value as an affine function, from points where chances are chances; None where it is none.

    The corners in many directions span what the parameters can reach, whatever its dimension.
    """
    corners = []
    for slope in rng.normal(size=(8 * len(box) + 8, 1, len(box))):
        found = largest_linear(Affine(np.zeros(1), slope), low, box)
        if found is not None:
            corners.append(found.at)
    if not corners:
        return None
    middle = np.mean(corners, axis=0)
    points = [middle, *(middle + share * (corner - middle) for share in (0.5, 0.9) for corner in corners)]
    values = np.array([goal(point) for point in points])
    if not np.isfinite(values).all():
        return None
    design = np.column_stack([np.ones(len(points)), np.stack(points)])
    weights, *_ = np.linalg.lstsq(design, values, rcond=None)
    if np.abs(design @ weights - values).max() > STRAIGHT * max(1.0, float(np.abs(values).max())):
        return None
    return Affine(weights[:1], weights[None, 1:])


def _law(rows: Rows, expr: Expr) -> CellLaw:
    return CellLaw.of(rows, [name for name in averaged_only(expr) if rows.columns[name].numeric])


def _number(expr: Expr, law: CellLaw) -> float:
    node = node_of(with_means(expr), law)
    return float(node.tensor.array) if not node.labels else float("nan")


def _value(expr: Expr, law: CellLaw) -> Influence:
    node = node_of(with_means(expr), law)
    if node.labels:
        raise Unanswered("The value leaves a variable free that the policy does not read.", "Ask for one policy.")
    found = law.influence(node)
    if not np.isfinite(found.value):
        raise Unanswered("Half of the rows lacks a combination that the formula visits.", "Give more rows.")
    return found


def halves(rows: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Two random halves; whole clusters where there are any.

    Raises
    ------
    Unanswered
        For too few rows.
    """
    sample = rows.sample
    if sample.clusters is not None:
        names, index = np.unique(sample.clusters, return_inverse=True)
        left = np.zeros(len(names), dtype=bool)
        left[rng.permutation(len(names))[: len(names) // 2]] = True
        counts = np.where(left[index.reshape(-1)], sample.counts, 0.0)
    elif (sample.counts == 1.0).all():
        counts = np.zeros(rows.size)
        counts[rng.permutation(rows.size)[: rows.size // 2]] = 1.0
    else:
        counts = rng.binomial(np.rint(sample.counts).astype(np.int64), 0.5).astype(np.float64)
    return _part(rows, counts), _part(rows, sample.counts - counts)


def _part(rows: Rows, counts: Array) -> Rows:
    kept = np.flatnonzero(counts > 0)
    if not len(kept):
        raise Unanswered("Too few rows to choose on one half and to evaluate on the other.", "Give more rows.")
    sample = rows.sample
    clusters = None if sample.clusters is None else sample.clusters[kept]
    strata = None if sample.strata is None else sample.strata[kept]
    return rows.taken(kept, Sample(counts[kept], sample.weights[kept], clusters, strata))
