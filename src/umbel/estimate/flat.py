"""What every estimator of flat estimands does alike: one case per value of a free variable, and the answer.

An estimand becomes a formula of averages per case; an estimator gives each average its value and
influence; the delta method and the sample's design do the rest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn, Rows, read_rows
from umbel.data.study import Study
from umbel.data.values import NUMERAL, listed
from umbel.estimate.estimator import Estimated, Target, unused
from umbel.estimate.expansion import (
    Average,
    Constant,
    Formula,
    Mix,
    NotFlat,
    formula_of,
    level_of,
    names_of,
    sources_of,
)
from umbel.estimate.total_states import with_total
from umbel.expr.build import substituted
from umbel.expr.nodes import AtState, Expr, Held, Raw, Symbol
from umbel.numerics.influence import Array, Influence, combined, covariance, interval, quotient
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Estimate, Row
from umbel.variable import Domain, State

FEW_CLUSTERS = 20
LEAST = 2.5
MANY = 20
"""Equal draws that so many rows must be worth for an error at all."""
LARGEST = 1e100
"""Squares of sums of squares of larger numbers overflow."""
ANY = "any value"
"""Stands for a value of a free variable while only the shape of an estimand is looked at."""


class Unanswered(Exception):
    """Raised while estimating, turned into a Refusal at the estimator's one door."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(why, advice)


@dataclass(frozen=True, slots=True)
class Case:
    """The estimand at one combination of values of its free variables."""

    given: tuple[tuple[str, State], ...]
    expr: Expr

    @property
    def formula(self) -> Formula:
        """The estimand as a formula of averages."""
        return formula_of(self.expr)


def refused_study(target: Target, study: Study) -> Refusal | None:
    """Why no estimator of rows answers from such a study; None when one may."""
    if study.data is None:
        return Refusal("The study holds summaries and no rows.", "Give its rows as data.")
    try:
        level = level_of(target.expr)
        sources = sources_of(target.expr)
        names = names_of(target.expr)
    except NotFlat as fault:
        return Refusal(str(fault), "Use an estimator of units.")
    if len(level) > 1:
        return Refusal("The estimand samples members of several plates.", "Estimates of one plate are built so far.")
    if names and not level and study.unit:  # a constant weighs nobody
        return Refusal(
            "The question is about units and the study's rows are their members: rows would weigh units by their size.",
            "Give the units' table as data, without a key.",
        )
    if level and len(study.unit) != 1:
        return Refusal(f"The estimand samples {level[0]} members and the study names no key.", "Give unit=....")
    if sources - {0}:
        return Refusal("The estimand joins several studies.", "Give one study.")
    absent = [name for name in read_of(target, study) if not study.holds(name)]
    if absent:
        return Refusal(f"The study does not hold {', '.join(absent)}.", "Name their columns in [variables.*].")
    return None


def probe(target: Target) -> Formula:
    """The shape of the estimand, whatever the values of its free variables.

    Raises
    ------
    NotFlat
        For an estimand that is no formula of averages of products.
    """
    return formula_of(settled_at(target.expr, dict.fromkeys(target.axes, ANY)))


def settled_at(expr: Expr, values: Mapping[Symbol, State]) -> Expr:
    """The estimand with free symbols at values."""
    return substituted(expr, {symbol: Held(symbol, AtState(state)) for symbol, state in values.items()})


def rows_of(target: Target, study: Study) -> Rows:
    """The rows that an estimand reads."""
    level = level_of(target.expr)
    names = read_of(target, study)
    if not names:  # a constant needs no row, but its answer says which table it stands on
        assert study.data is not None
        names = (study.data.columns[0],)
    rows = read_rows(study, names, domains=target.domains, plate=level[0] if level else None)
    return rows if target.macro is None else with_total(rows, target.macro)


def read_of(target: Target, study: Study) -> tuple[str, ...]:
    """The variables to read: of a total that has parts in the table, the parts too, or instead."""
    names, form = names_of(target.expr), target.macro
    if form is None or form.total not in names or not all(study.holds(part) for part in form.parts):
        return names
    own = [name for name in names if name != form.total or study.holds(form.total)]
    return tuple(dict.fromkeys((*own, *form.parts)))


def with_unread_states(target: Target, studies: Sequence[Study]) -> Target:
    """The target with the states of free variables that its laws leave out, which are rows of the answer all the same.

    Raises
    ------
    DataError
        When a table contradicts the problem.
    """
    try:
        read = set(names_of(target.expr)) | set(target.domains)
    except NotFlat:
        return target
    found = dict(target.domains)
    for name in (axis.meaning.name for axis in target.axes if isinstance(axis.meaning, Raw)):
        holders = [one for one in studies if one.data is not None and not one.unit and one.holds(name)]
        if name not in read and holders:
            column = read_rows(holders[0], (name,)).columns[name]
            if column.discrete:
                found[name] = Domain(column.states)
    return replace(target, domains=found)


def cases_of(target: Target, rows: Rows, *, continuous: bool = False) -> tuple[Case, ...]:
    """One case per combination of states of the free variables, in the order of the axes.

    Parameters
    ----------
    continuous
        A free treatment that is a number without states stays out; the estimator speaks for it.

    Raises
    ------
    Unanswered
        For a free variable that is a number without states.
    """
    axes = []
    for axis in target.axes:
        assert isinstance(axis.meaning, Raw)
        name = axis.meaning.name
        column = rows.columns.get(name)
        states = target.domains[name].states if column is None and name in target.domains else None
        if column is not None and column.discrete:
            states = column.states
        if states is not None:
            axes.append((axis, states))
        elif column is None:  # no law of the estimand reads it
            raise Unanswered(f"{name} makes no difference to the answer.", f"Leave it out, or ask for one: {name}=....")
        elif not continuous:
            raise Unanswered(f"{name} has too many values for one row each.", f"Ask for one value: {name}=....")
    found = []
    for combo in itertools.product(*(states for _, states in axes)):
        values = {axis: state for (axis, _), state in zip(axes, combo, strict=True)}
        given = tuple((axis.meaning.name, state) for axis, state in values.items() if isinstance(axis.meaning, Raw))
        found.append(Case(given, settled_at(target.expr, values)))
    return tuple(found)


def evaluated(formula: Formula, known: Mapping[Average, Influence], size: int) -> Influence:
    """A formula's value and influence from those of its averages."""
    match formula:
        case Average():
            return known[formula]
        case Constant(value):
            return Influence(value, np.zeros(size))
        case Mix(terms):
            return combined([(weight, evaluated(term, known, size)) for weight, term in terms])
        case _:
            below = evaluated(formula.denominator, known, size)
            if below.value == 0.0:
                raise Unanswered("The denominator of the ratio is estimated as zero.", "Ask for a difference.")
            return quotient(evaluated(formula.numerator, known, size), below)


def answered(
    rows: Rows,
    found: Sequence[tuple[Row, Influence]],
    *,
    method: str,
    level: float,
    checks: Sequence[Check],
    assumptions: Sequence[str],
    references: Sequence[str],
    single: bool,
    study: Study,
) -> Estimated:
    """The numbers with standard errors and intervals.

    Parameters
    ----------
    found
        A blank row and the influence of each number.
    single
        Whether the first is the one number that was asked for.
    """
    design_checks = _draws(rows)
    errors = np.sqrt(np.maximum(np.diag(covariance([one for _, one in found], rows.sample)), 0.0))
    table = []
    for (blank, influence), se in zip(found, errors.tolist(), strict=True):
        low, high = interval(influence.value, se, rows.sample, level)
        table.append(Row(blank.term, blank.given, value=influence.value, se=se, lower=low, upper=high))
    first = table[0]
    estimate = Estimate(None, level=level, method=method)
    if single:
        estimate = Estimate(first.value, first.se, (first.lower, first.upper), level, method)
    design = f"clusters of {rows.clustered}" if rows.clustered else "rows"
    line = f"The {100 * level:g}% interval is Student's, from the influence of {design} on the estimate."
    return Estimated(
        estimate,
        tuple(table),
        (*rows.checks, *design_checks, *checks, *unused(study, "errors", "edges", "selected")),
        (*assumptions, line),
        tuple(references),
        rows.source.units,
        (rows.source,),
    )


def _draws(rows: Rows) -> tuple[Check, ...]:
    """Whether there are independent draws enough to tell an error.

    Raises
    ------
    Unanswered
        Where there is one alone.
    """
    sample = rows.sample
    alone, total = sample.alone(), sample.draws()
    if total < 2.0 or alone == sample.layers():
        what = f"cluster of {rows.clustered}" if rows.clustered else "row"
        where = " in each stratum" if sample.strata is not None else ""
        raise Unanswered(f"There is one {what}{where}: nothing tells how far an estimate is off.", "Collect more.")
    effective = sample.effective()
    if effective < LEAST and total >= MANY:
        raise Unanswered(
            f"One row carries nearly all of the weight: the rows count as {effective:.2g}, and nothing tells how far "
            "an estimate is off.",
            "Look at the largest weights; trim them, or leave them out.",
        )
    checks = []
    if rows.clustered:
        few = f"{total:.0f} clusters of {rows.clustered} tell little of the error: take the interval as rough."
        checks.append(Check("clusters", total >= FEW_CLUSTERS, total, few if total < FEW_CLUSTERS else ""))
    if alone:
        checks.append(
            Check("strata", False, float(alone), f"{alone} strata hold one draw: their spread is not counted.")
        )
    return tuple(checks)


def blank_row(target: Target, case: Case) -> Row:
    """The row of a case without its numbers."""
    return Row(target.term, case.given)


def defined(influence: Influence, why: Callable[[], Unanswered | None] = lambda: None) -> Influence:
    """The influence, where it is a number; ``why`` looks for what is missing where it is none.

    Raises
    ------
    Unanswered
        Where it is none: something that the formula visits never occurs.
    """
    if not math.isfinite(influence.value) or not np.isfinite(influence.scores).all():
        raise why() or Unanswered(
            "Some combination of values that the formula visits never occurs in the rows.",
            "Ask about values that occur, join rare states, or collect more rows.",
        )
    return influence


def outcome_values(rows: Rows, numeric: str | None, events: Sequence[tuple[str, State]]) -> Array:
    """What is averaged, per row: a number times the indicators of events.

    Raises
    ------
    Unanswered
        For the mean of words, and for the probability of one value of a number without states.
    """
    result = np.ones(rows.size)
    if numeric is not None:
        if not rows.columns[numeric].numeric:
            words = (state for state in rows.columns[numeric].states if isinstance(state, str))
            numerals = all(NUMERAL.fullmatch(state.strip()) for state in words)
            advice = "Its words are numbers: make the column numbers." if numerals else "Ask for P(...)."
            raise Unanswered(f"{numeric} holds words, and its mean is asked for.", advice)
        result = rows.columns[numeric].values.copy()
        largest = float(np.abs(result).max())
        if largest > LARGEST:
            raise Unanswered(f"{numeric} reaches {largest:.3g}: its squares overflow.", "Measure it in larger units.")
    for name, state in events:
        result *= matches(rows.columns[name], name, state)
    return result


def matches(column: RowColumn, name: str, state: State) -> Array:
    """Whether each row has a state: 1.0 or 0.0.

    Raises
    ------
    Unanswered
        For a number without states, and for a state that no row has.
    """
    if column.codes is None:
        raise Unanswered(
            f"{name} is a number with many values, of which one alone says nothing.",
            f"Ask for its mean, or give {name} states.",
        )
    if state not in column.states:
        raise Unanswered(f"No row has {name} = {state}.", f"Ask for one of: {listed(column.states)}.")
    return np.asarray(column.codes == column.states.index(state), dtype=np.float64)


def meeting(where: Sequence[tuple[str, State]], rows: Rows) -> NDArray[np.bool_]:
    """Which rows meet all conditions, shape (rows,).

    Raises
    ------
    Unanswered
        For a number without states, and for a state that no row has.
    """
    result = np.ones(rows.size, dtype=bool)
    for name, state in where:
        result &= matches(rows.columns[name], name, state) > 0.0
    return result
