"""A second evaluator of estimands: one value at a time, straight from the definition.

Slow and plain, so that it can be read: no arrays are aligned, nothing is eliminated. Undefined is
None; zero times undefined is zero. It also reads several sources, each with a law of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product as combinations
from typing import assert_never

import numpy as np

from umbel.expr.build import free
from umbel.expr.nodes import (
    AtState,
    Drawn,
    Expr,
    Held,
    Inside,
    Linear,
    Number,
    NumericValue,
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
)
from umbel.numerics.tables import Table

Scope = Mapping[Symbol, int]
"""Index of the state at which each symbol stands."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Laws by source, and the tables of unspecified policies by treatment; ``states``: of what no source shows."""

    sources: Sequence[Table]
    policies: Mapping[str, Table] = field(default_factory=dict)
    states: int = 0

    def size(self, symbol: Symbol) -> int:
        if self.states and not any(_name(symbol) in table.axes for table in self.sources):
            return self.states
        return next(table for table in self.sources if _name(symbol) in table.axes).size(_name(symbol))

    def at(self, slot: Slot, scope: Scope) -> tuple[str, int]:
        """Which variable a slot speaks of, and the index at which it stands."""
        if isinstance(slot, Symbol):
            return _name(slot), scope[slot]
        assert isinstance(slot, Held) and isinstance(slot.value, AtState)
        name = _name(slot.symbol)
        table = next(table for table in self.sources if name in table.axes)
        return name, table.states_of(name).index(slot.value.state)

    def mass(self, source: int, where: Sequence[tuple[str, int]]) -> float:
        """Probability of an event in a source: all entries that agree with it, added up."""
        table = self.sources[source]
        index: list[int | slice] = [slice(None)] * len(table.axes)
        for name, state in where:
            place = table.axes.index(name)
            if index[place] not in (slice(None), state):
                return 0.0
            index[place] = state
        return float(table.array[tuple(index)].sum())

    def value(self, expr: Expr, scope: Scope) -> float | None:
        """The value where every free symbol stands at an index; None: undefined."""
        match expr:
            case Number(value):
                return value
            case NumericValue(symbol):
                states = self.sources[0].states_of(_name(symbol))
                return float(states[scope[symbol]])
            case Probability(of, given, _, source):
                below = [self.at(slot, scope) for slot in given]
                above = [self.at(slot, scope) for slot in of]
                return _over(self.mass(source, above + below), self.mass(source, below))
            case Drawn(policy, of, given):
                if policy.law is not None:
                    name, at = self.at(of, scope)
                    states = next(table for table in self.sources if name in table.axes).states_of(name)
                    assert not given
                    return policy.law.weight(states[at], states, {})
                table = self.policies[policy.of.name]
                where = dict(self.at(slot, scope) for slot in (of, *given))
                return float(table.array[tuple(where[name] for name in table.axes)])
            case Product(factors):
                return _product([self.value(factor, scope) for factor in factors])
            case Quotient(numerator, denominator):
                return _over(self.value(numerator, scope), self.value(denominator, scope))
            case Sum(over, body):
                values = combinations(*(range(self.size(symbol)) for symbol in over))
                terms = [self.value(body, {**scope, **dict(zip(over, at, strict=True))}) for at in values]
                return None if None in terms else sum(term for term in terms if term is not None)
            case Linear(terms):
                parts = [_product([weight, self.value(term, scope)]) for weight, term in terms]
                return None if None in parts else sum(part for part in parts if part is not None)
            case Inside():
                raise AssertionError("flat estimands hold no laws")
            case _:
                assert_never(expr)

    def table(self, expr: Expr, axes: Sequence[Symbol]) -> np.ndarray:
        """The value for every state of ``axes``; NaN where undefined. Other free symbols are a mistake."""
        assert free(expr) <= set(axes)
        shape = [self.size(symbol) for symbol in axes]
        result = np.full(shape, np.nan)
        for at in np.ndindex(*shape):
            value = self.value(expr, dict(zip(axes, at, strict=True)))
            result[at] = np.nan if value is None else value
        return result


def _name(symbol: Symbol) -> str:
    assert isinstance(symbol.meaning, Raw)
    return symbol.meaning.name


def _product(values: Sequence[float | None]) -> float | None:
    if 0 in values:
        return 0.0
    return None if None in values else float(np.prod([value for value in values if value is not None]))


def _over(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
