"""A question that leaves variables free asks for one number per value: the estimand at each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from umbel.estimate.conditions import Unsupported
from umbel.expr.build import rebuilt
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Linear,
    NetworkMean,
    Number,
    NumericValue,
    Policy,
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
    Value,
)
from umbel.variable import State

MOST_ROWS = 1000
"""More numbers than anyone reads: such a question is about a continuous variable."""

Given = tuple[tuple[str, State], ...]


def settled_rows(
    expr: Expr, axes: Sequence[Symbol], states: Mapping[str, tuple[State, ...]]
) -> tuple[tuple[Given, Expr], ...]:
    """The estimand at every combination of values of its free variables, in the question's order.

    Parameters
    ----------
    expr
        The estimand.
    axes
        Its free variables.
    states
        States of every variable.

    Raises
    ------
    Unsupported
        For more than a thousand combinations.
    """
    names = []
    for symbol in axes:
        assert isinstance(symbol.meaning, Raw), "a question names variables"
        names.append(symbol.meaning.name)
    size = 1
    for name in names:
        size *= len(states[name])
    if size > MOST_ROWS:
        raise Unsupported(
            f"The question asks for one row per value of {', '.join(names)}: {size} of them.",
            "Ask for single values or a mean, or declare its states.",
        )
    rows = []
    for values in itertools.product(*(states[name] for name in names)):
        at = dict(zip(axes, values, strict=True))
        rows.append((tuple(zip(names, values, strict=True)), settled_at(expr, at)))
    return tuple(rows)


def settled_at(expr: Expr, at: Mapping[Symbol, State]) -> Expr:
    """The expression with free symbols standing at values, in laws and interventions alike.

    Examples
    --------
    >>> y, a = Symbol(Raw("Y")), Symbol(Raw("A"))
    >>> settled_at(Probability((y,), (a,)), {a: 1}).given[0].value
    AtState(state=1)
    """
    if not at:
        return expr

    def slot(one: Slot) -> Slot:
        if isinstance(one, Held):
            return Held(one.symbol, _value(one.value, at))
        return Held(one, AtState(at[one])) if one in at else one

    match expr:
        case Probability(of, given):
            return replace(expr, of=tuple(map(slot, of)), given=tuple(map(slot, given)))
        case Inside(_, of, given):
            return replace(expr, of=tuple(map(slot, of)), given=tuple(map(slot, given)))
        case Drawn(_, of, given):
            return replace(expr, of=slot(of), given=tuple(map(slot, given)))
        case Equilibrium(of, members, laws):
            outside = {symbol: state for symbol, state in at.items() if symbol not in members}
            return Equilibrium(tuple(map(slot, of)), members, tuple(settled_at(law, outside) for law in laws))
        case NumericValue(symbol) if symbol in at:
            state = at[symbol]
            if isinstance(state, str):
                raise Unsupported(f"The question reads {state!r} as a number.", "Ask for a probability.")
            return Number(float(state))
        case Sum(over, body):
            return Sum(over, settled_at(body, {symbol: state for symbol, state in at.items() if symbol not in over}))
        case Number() | NetworkMean() | NumericValue() | Product() | Quotient() | Linear():
            return rebuilt(expr, lambda child: settled_at(child, at))
        case _:
            assert_never(expr)


def _value(value: Value, at: Mapping[Symbol, State]) -> Value:
    match value:
        case Certain(Symbol() as symbol):
            return Certain(AtState(at[symbol])) if symbol in at else value
        case Certain() | AtState() | Policy():
            return value
        case _:
            assert_never(value)
