"""Means in an estimand: ``Σ_Y Y …`` moved to the one law that generates Y.

``Σ_Y Y [Σ_W P(W) P(Y | W)] / D`` needs the mean of Y given W and no other feature of its law, so
that an outcome with many values needs no states.
"""

from __future__ import annotations

from umbel.expr.build import factors_of, free, leaves, slots
from umbel.expr.nodes import (
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Linear,
    NumericValue,
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
)


def averaged_only(expr: Expr) -> tuple[str, ...]:
    """Variables that an estimand reads through their mean alone.

    Examples
    --------
    >>> import umbel
    >>> averaged_only(umbel.identify("Z -> {A Y}; A -> Y", "E[Y | do(A=1)]").estimand.body)
    ('Y',)
    """
    lean = with_means(expr)
    return tuple(sorted(_means_of(lean) - _read_of(lean)))


class _NotAMean(Exception):
    """A numeric value that multiplies more than the one law that generates it."""


def with_means(expr: Expr) -> Expr:
    """The estimand with every ``Σ_Y Y …`` moved to the one law that generates Y, where it can be."""
    try:
        return _moved(expr)
    except _NotAMean:
        return expr


def _moved(expr: Expr) -> Expr:
    match expr:
        case Sum(over, body):
            factors = list(factors_of(_moved(body)))
            values = [one for one in factors if isinstance(one, NumericValue) and one.symbol in over]
            for value in values:
                factors.remove(value)
                reading = [at for at, one in enumerate(factors) if value.symbol in free(one)]
                if len(reading) != 1:
                    raise _NotAMean
                factors[reading[0]] = _mean_in(value, factors[reading[0]])
            rest = tuple(one for one in over if one not in {value.symbol for value in values})
            joined: Expr = factors[0] if len(factors) == 1 else Product(tuple(factors))
            return Sum(rest, joined) if rest else joined
        case Product(factors):
            return Product(tuple(map(_moved, factors)))
        case Quotient(numerator, denominator):
            return Quotient(_moved(numerator), _moved(denominator))
        case Linear(terms):
            return Linear(tuple((weight, _moved(term)) for weight, term in terms))
        case _:
            return expr


def _mean_in(value: NumericValue, expr: Expr) -> Expr:
    """``Σ_Y Y expr`` for an expression that is linear in the law of Y."""
    symbol = value.symbol
    match expr:
        case Probability(of, given) if symbol in of and symbol not in given:
            return Sum((symbol,), Product((value, expr)))
        case Product(factors):
            reading = [at for at, one in enumerate(factors) if symbol in free(one)]
            if len(reading) == 1:
                changed = list(factors)
                changed[reading[0]] = _mean_in(value, factors[reading[0]])
                return Product(tuple(changed))
        case Sum(over, body):
            return Sum(over, _mean_in(value, body))
        case Quotient(numerator, denominator) if symbol not in free(denominator):
            return Quotient(_mean_in(value, numerator), denominator)
        case Linear(terms) if all(symbol in free(term) for _, term in terms):
            return Linear(tuple((weight, _mean_in(value, term)) for weight, term in terms))
        case _:
            pass
    raise _NotAMean


def chained(expr: Expr) -> Expr:
    """Laws of several variables as chains of laws of one; what is held comes first, what is averaged last.

    A joint law without conditions, of symbols alone, stays: rows themselves are draws of it.
    """
    return _chained(expr, frozenset(leaf.symbol for leaf in leaves(expr) if isinstance(leaf, NumericValue)))


def _chained(expr: Expr, averaged: frozenset[Symbol]) -> Expr:
    match expr:
        case Probability(of, given, level, source) if len(of) > 1 and (
            given or any(isinstance(slot, Held) for slot in of)
        ):
            order = sorted(of, key=lambda slot: (isinstance(slot, Symbol), slot in averaged))
            laws = (Probability((slot,), (*given, *order[:at]), level, source) for at, slot in enumerate(order))
            return Product(tuple(laws))
        case Sum(over, body):
            return Sum(over, _chained(body, averaged))
        case Product(factors):
            return Product(tuple(part for one in factors for part in factors_of(_chained(one, averaged))))
        case Quotient(numerator, denominator):
            return Quotient(_chained(numerator, averaged), _chained(denominator, averaged))
        case Linear(terms):
            return Linear(tuple((weight, _chained(term, averaged)) for weight, term in terms))
        case _:
            return expr


def as_mean(expr: Expr) -> tuple[Symbol, Probability] | None:
    """The variable and law of ``Σ_Y Y P(Y, … | …)``."""
    match expr:
        case Sum((symbol,), Product((NumericValue(value), Probability() as law))) if value == symbol in law.of:
            return symbol, law
        case _:
            return None


def _means_of(expr: Expr) -> set[str]:
    found = as_mean(expr)
    if found is not None:
        return {_name(found[0])}
    return {name for child in _children(expr) for name in _means_of(child)}


def _read_of(expr: Expr) -> set[str]:
    """Variables that are read as states."""
    found = as_mean(expr)
    if found is not None:
        symbol, law = found
        return {_name(slot) for slot in slots(law) if slot != symbol}
    if isinstance(expr, Probability | Drawn):
        return {_name(slot) for slot in slots(expr)}
    if isinstance(expr, NumericValue):
        return {_name(expr.symbol)}
    return {name for child in _children(expr) for name in _read_of(child)}


def _children(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case Product(factors):
            return factors
        case Sum(_, body):
            return (body,)
        case Quotient(numerator, denominator):
            return (numerator, denominator)
        case Linear(terms):
            return tuple(term for _, term in terms)
        case Equilibrium(_, _, laws):
            return laws
        case _:
            return ()


def _name(slot: Slot) -> str:
    meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
    assert isinstance(meaning, Raw)
    return meaning.name
