"""Sums of quotients brought over one denominator, and laws summed over all states of a variable.

So the effect among those whom an instrument moves reads as it is known: the difference that the
instrument makes to the outcome over the difference that it makes to the treatment (Wald 1940;
Imbens and Angrist, "Identification and estimation of local average treatment effects", 1994).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from umbel.expr.build import factors_of, linear, product, quotient
from umbel.expr.nodes import (
    AtState,
    Expr,
    Held,
    Linear,
    NumericValue,
    Probability,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
)
from umbel.variable import State

States = Mapping[str, tuple[State, ...]]
"""Declared states by name."""


def gathered(expr: Expr, states: States) -> Expr:
    """The same value, with terms that share a denominator over one.

    Parameters
    ----------
    expr
        An estimand; anything but a sum of quotients is left as it is.
    states
        Declared states: laws of all of them add up to a law without the variable.

    Examples
    --------
    >>> from umbel.expr.render import text
    >>> x, y = Symbol(Raw("X")), Symbol(Raw("Y"))
    >>> one, other = (Probability((Held(x, AtState(state)), y)) for state in (0, 1))
    >>> below = Probability((x,))
    >>> text(gathered(Linear(((1.0, Quotient(one, below)), (1.0, Quotient(other, below)))), {"X": (0, 1)}))
    'P(Y) / P(X)'
    """
    if not isinstance(expr, Linear):
        return expr
    over: dict[Expr, list[tuple[float, Expr]]] = {}
    rest: list[tuple[float, Expr]] = []
    for weight, term in expr.terms:
        if isinstance(term, Quotient):
            over.setdefault(term.denominator, []).append((weight, term.numerator))
        else:
            rest.append((weight, term))
    if all(len(parts) < 2 for parts in over.values()):
        return expr
    for below, parts in over.items():
        terms = _added_up([one for weight, part in parts for one in _spread(weight, part)], states)
        above = linear(sorted(terms, key=lambda pair: pair[0] < 0))  # a difference starts with what is added
        rest.append((1.0, quotient(above, below)))
    return linear(rest)


def _spread(weight: float, expr: Expr) -> Iterator[tuple[float, Expr]]:
    """``Σ_y y (a - b)`` as ``Σ_y y a`` and ``- Σ_y y b``."""
    match expr:
        case Linear(terms):
            for inner, term in terms:
                yield from _spread(weight * inner, term)
        case Sum(over, body):
            factors = list(factors_of(body))
            at = next((i for i, factor in enumerate(factors) if isinstance(factor, Linear)), -1)
            if at < 0:
                yield weight, expr
                return
            inner_sum = factors.pop(at)
            assert isinstance(inner_sum, Linear)
            for inner, term in inner_sum.terms:
                yield weight * inner, Sum(over, product([*factors[:at], term, *factors[at:]]))
        case _:
            yield weight, expr


def _added_up(terms: list[tuple[float, Expr]], states: States) -> list[tuple[float, Expr]]:
    """Terms that differ in the state of one variable, all states there: one term without it."""
    for at, (weight, term) in enumerate(terms):
        for symbol, state in _held(term):
            assert isinstance(symbol.meaning, Raw)
            declared = states.get(symbol.meaning.name, ())
            if state not in declared:
                continue
            wanted = {other: _moved(term, symbol, other) for other in declared if other != state}
            places = {
                other: next((i for i, pair in enumerate(terms) if i != at and pair == (weight, same)), -1)
                for other, same in wanted.items()
            }
            if -1 in places.values() or not places:
                continue
            gone = {at, *places.values()}
            left = [pair for i, pair in enumerate(terms) if i not in gone]
            return _added_up([(weight, _moved(term, symbol, None)), *left], states)
    return terms


def _law(term: Expr) -> Probability | None:
    """The one law of a term: itself, or what an expectation is of."""
    if isinstance(term, Sum):
        laws = [factor for factor in factors_of(term.body) if not isinstance(factor, NumericValue)]
        return laws[0] if len(laws) == 1 and isinstance(laws[0], Probability) else None
    return term if isinstance(term, Probability) else None


def _held(term: Expr) -> list[tuple[Symbol, State]]:
    """What a term's law is of at one state, beside something else."""
    law = _law(term)
    if law is None or len(law.of) < 2:
        return []
    found = [
        (slot.symbol, slot.value.state)
        for slot in law.of
        if isinstance(slot, Held) and isinstance(slot.value, AtState) and isinstance(slot.symbol.meaning, Raw)
    ]
    return [(symbol, state) for symbol, state in found if symbol.meaning not in {_meaning(slot) for slot in law.given}]


def _meaning(slot: Slot) -> object:
    return (slot.symbol if isinstance(slot, Held) else slot).meaning


def _moved(term: Expr, symbol: Symbol, state: State | None) -> Expr:
    """The term with one variable of its law at another state; None: without it."""
    law = _law(term)
    assert law is not None
    of: list[Slot] = []
    for slot in law.of:
        if not (isinstance(slot, Held) and slot.symbol == symbol):
            of.append(slot)
        elif state is not None:
            of.append(Held(symbol, AtState(state)))
    changed = replace(law, of=tuple(of))
    if not isinstance(term, Sum):
        return changed
    return Sum(term.over, product([changed if factor == law else factor for factor in factors_of(term.body)]))
