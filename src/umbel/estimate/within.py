"""Is an estimand the average over units of a within-unit figure that a study publishes?

Both sides are functions of the within-unit laws alone, so they are compared by value: on random
finite populations the estimand must be one and the same multiple of the figure's average. That
sees through every way of writing the estimand; a false match has probability zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import numpy as np

from umbel.errors import DataError, InputError
from umbel.estimate.estimator import Target
from umbel.expr.build import all_symbols, free, leaves
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Expr,
    Held,
    Inside,
    Law,
    Meaning,
    NumericValue,
    Policy,
    Probability,
    Value,
)
from umbel.model.query import (
    Best,
    Body,
    ClassEffects,
    Combination,
    Event,
    Expectation,
    Named,
    Number,
    Question,
    Ratio,
    names_of_event,
)
from umbel.model.query import Probability as Chance
from umbel.numerics.tables import Table
from umbel.results.step import Refusal
from umbel.variable import State

POPULATIONS, UNITS = 3, 4
AGREE = 1e-9
"""Both sides are sums of a few dozen products: 1e-12 apart when equal, of order one when not."""

States = dict[str, tuple[State, ...]]


def matching_factor(target: Target, figure: Question) -> float | Refusal:
    """The factor by which the estimand is the average over units of ``figure``.

    Parameters
    ----------
    target
        The estimand.
    figure
        Read inside each unit: ``E[Y | A=1] - E[Y | A=0]``.

    Returns
    -------
    float or Refusal
        0.5 for a shift of half the treatment, say; a Refusal when there is no such factor.

    Raises
    ------
    DataError
        When the figure cannot be read inside a unit: it holds ``do``, a subscript, a free value.
    """
    _check_figure(figure)
    if free(target.expr):
        return Refusal("The question asks for one row per value.", "Ask for one value, or a contrast of two.")
    needed = sorted(_names(target.expr))
    unknown = [name for name in needed if name not in figure.names()]
    if unknown:
        return Refusal(f"The estimand reads {unknown[0]}, which '{figure.text}' does not.", "Publish it by unit.")
    states = _states(target, figure)
    rng = np.random.default_rng(0)  # any populations do; these are the same ones every time
    ratios: list[float] = []
    for _ in range(POPULATIONS):
        joint = _population(states, rng)
        try:
            wanted = float(evaluate(target.expr, joint, ()).array)
        except InputError as fault:
            return Refusal(f"The estimand cannot be compared with '{figure.text}': {fault}", "Rewrite the summary.")
        given = np.mean([_number(figure.body, joint, unit) for unit in range(UNITS)])
        ratios.append(wanted / float(given))
    factor = ratios[0]
    if not np.isfinite(factor) or max(abs(ratio - factor) for ratio in ratios) > AGREE * max(1.0, abs(factor)):
        return Refusal(f"The estimand is no multiple of the average of '{figure.text}'.", "Publish its own contrast.")
    return float(np.round(factor, 12))


def _population(states: States, rng: np.random.Generator) -> Table:
    """Units of equal mass with random joint laws of their members."""
    shape = tuple(len(values) for values in states.values())
    laws = rng.dirichlet(np.ones(int(np.prod(shape))), size=UNITS)  # (units, cells)
    return Table(("unit", *states), laws.reshape((UNITS, *shape)) / UNITS, states)


def _names(expr: Expr) -> set[str]:
    return {name for symbol in all_symbols(expr) for name in _raw(symbol.meaning)}


def _raw(meaning: Meaning) -> Iterator[str]:
    if isinstance(meaning, Law):
        for part in (*meaning.of, *meaning.given):
            yield from _raw(part)
        yield from _names(meaning.formula)
    else:
        yield meaning.name


def _states(target: Target, figure: Question) -> States:
    """States to try: the declared ones, else 0, 1 and whatever either side mentions."""
    mentioned: dict[str, list[State]] = {name: [0, 1] for name in figure.names()}
    for leaf in leaves(target.expr):
        if isinstance(leaf, NumericValue):
            for name in _raw(leaf.symbol.meaning):
                mentioned.setdefault(name, [0, 1]).append(2.5)  # a third value: a mean is not a probability
        if isinstance(leaf, Probability | Inside | Drawn):
            slots = (leaf.of, *leaf.given) if isinstance(leaf, Drawn) else (*leaf.of, *leaf.given)
            for slot in slots:
                if isinstance(slot, Held):
                    for name in _raw(slot.symbol.meaning):
                        mentioned.setdefault(name, [0, 1]).extend(_values(slot.value))
    for term in figure.terms():
        if isinstance(term, Chance | Expectation):
            for event in (*term.outcomes, *term.given):
                if event.value is not None:
                    mentioned[event.variable].append(event.value)
        if isinstance(term, Expectation):
            mentioned[term.outcome.variable].append(2.5)
    declared = {name: domain.states for name, domain in target.domains.items()}
    return {name: declared.get(name) or tuple(dict.fromkeys(values)) for name, values in mentioned.items()}


def _values(value: Value) -> tuple[State, ...]:
    match value:
        case AtState(state):
            return (state,)
        case Certain(inner):
            return _values(inner) if isinstance(inner, AtState | Policy | Certain) else ()
        case Policy():
            return ()
        case _:
            assert_never(value)


def _check_figure(figure: Question) -> None:
    how = "A summary is read inside each unit: write it like E[Y | A=1] - E[Y | A=0]."
    for term in figure.terms():
        if not isinstance(term, Chance | Expectation):
            raise DataError(f"The summary '{figure.text}' is a counterfactual. {how}")
        if term.do:
            raise DataError(f"The summary '{figure.text}' holds do(...). {how}")
        events = (*term.outcomes, *term.given)
        if any(len(list(names_of_event(event))) > 1 for event in events):
            raise DataError(f"The summary '{figure.text}' holds a subscript. {how}")
        free = [e for e in events if e.value is None and not (isinstance(term, Expectation) and e is term.outcome)]
        if free:
            raise DataError(f"The summary '{figure.text}' leaves {free[0].variable} without a value. {how}")


def _number(body: Body, joint: Table, unit: int) -> float:
    """A figure's value inside one unit."""
    match body:
        case Number(value):
            return value
        case Combination(parts):
            return sum(weight * _number(part, joint, unit) for weight, part in parts)
        case Ratio(numerator, denominator):
            return _number(numerator, joint, unit) / _number(denominator, joint, unit)
        case Chance(outcomes, _, given):
            below = joint.array[unit] * _holds(given, joint)
            return float((below * _holds(outcomes, joint)).sum() / below.sum())
        case Expectation(outcome, _, given):
            below = joint.array[unit] * _holds(given, joint)
            values = np.array([float(state) for state in joint.states_of(outcome.variable)])
            return float((below * _along(values, outcome.variable, joint)).sum() / below.sum())
        case Best() | Named() | ClassEffects():
            raise DataError("A summary is a mean, a probability, or a contrast of them.")
        case _:
            assert_never(body)


def _holds(events: tuple[Event, ...], joint: Table) -> np.ndarray:
    mask = np.ones(joint.array.shape[1:])
    for event in events:
        states = joint.states_of(event.variable)
        mask = mask * _along(np.array([float(state == event.value) for state in states]), event.variable, joint)
    return mask


def _along(values: np.ndarray, name: str, joint: Table) -> np.ndarray:
    """Values of one variable, shaped to multiply a unit's array of cells."""
    axis = joint.axes.index(name) - 1
    return values.reshape([-1 if i == axis else 1 for i in range(joint.array.ndim - 1)])
