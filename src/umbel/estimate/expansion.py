"""A flat estimand as a formula of averages: linear combinations and ratios of sums of products.

``Σ_Z P(Z) (E[Y | Z, A=1] - E[Y | Z, A=0])`` is a difference of two averages, each one sum over a
product of laws. Estimators give every average its value and its influence on each row; the formula
around them is the delta method's business.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from umbel.expr.build import free, slots, substituted
from umbel.expr.nodes import (
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Law,
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

Factor = Probability | Drawn | NumericValue


class NotFlat(Exception):
    """Raised while an estimand is taken apart: it is no formula of averages of products."""


@dataclass(frozen=True, slots=True)
class Average:
    """One sum over a product of laws.

    Parameters
    ----------
    bound
        Symbols that are summed out, each with a copy of its own.
    factors
        Laws, interventions' laws and the numeric outcome.
    """

    bound: tuple[Symbol, ...]
    factors: tuple[Factor, ...]

    def expr(self) -> Expr:
        """The average as an estimand."""
        body: Expr = self.factors[0] if len(self.factors) == 1 else Product(self.factors)
        return Sum(self.bound, body) if self.bound else body


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that needs no data."""

    value: float


@dataclass(frozen=True, slots=True)
class Mix:
    """A linear combination."""

    terms: tuple[tuple[float, Formula], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient."""

    numerator: Formula
    denominator: Formula


Formula = Average | Constant | Mix | Ratio


def formula_of(expr: Expr) -> Formula:
    """Take an estimand apart; its free symbols must be settled first.

    Raises
    ------
    NotFlat
        For laws inside units, and for quotients that a sum runs over.

    Examples
    --------
    >>> import umbel
    >>> ratio = umbel.identify("Z -> {A Y}; A -> Y", "E[Y | do(A=1)] / E[Y | do(A=0)]")
    >>> found = formula_of(ratio.estimand.body)
    >>> type(found).__name__, [symbol.meaning.name for symbol in found.numerator.bound]
    ('Ratio', ['Z', 'Y'])
    """
    match expr:
        case Quotient(numerator, denominator):
            return Ratio(formula_of(numerator), formula_of(denominator))
        case Linear(terms):
            return _mixed((weight, formula_of(term)) for weight, term in terms)
        case Sum(over, body) if (lifted := _lifted(over, body)) is not None:
            return formula_of(lifted)
        case _:
            return _mixed(
                (weight, Average(bound, factors) if factors else Constant(1.0))
                for weight, bound, factors in _expanded(expr, itertools.count(1000))
            )


def averages(formula: Formula) -> tuple[Average, ...]:
    """Every average of a formula once, in order."""
    match formula:
        case Average():
            return (formula,)
        case Constant():
            return ()
        case Mix(terms):
            return tuple(dict.fromkeys(one for _, term in terms for one in averages(term)))
        case Ratio(numerator, denominator):
            return tuple(dict.fromkeys((*averages(numerator), *averages(denominator))))


def names_of(expr: Expr) -> tuple[str, ...]:
    """Names of the variables that an estimand reads, sorted.

    Raises
    ------
    NotFlat
        For laws inside units.
    """
    found: set[str] = set()
    for one in _symbols(expr):
        if isinstance(one.meaning, Law):
            raise NotFlat("The estimand reads laws inside units.")
        found.add(one.meaning.name)
    return tuple(sorted(found))


def equilibria(expr: Expr) -> Iterable[Equilibrium]:
    """Every place where the law that a block settles in is read."""
    match expr:
        case Equilibrium():
            yield expr
        case Product(factors):
            for one in factors:
                yield from equilibria(one)
        case Sum(_, body):
            yield from equilibria(body)
        case Linear(terms):
            for _, one in terms:
                yield from equilibria(one)
        case Quotient(numerator, denominator):
            yield from equilibria(numerator)
            yield from equilibria(denominator)
        case _:
            return


def level_of(expr: Expr) -> tuple[str, ...]:
    """The level at which all laws of an estimand are sampled.

    Raises
    ------
    NotFlat
        Where they differ.
    """
    found = {leaf.level for leaf in _laws(expr)}
    if len(found) > 1:
        raise NotFlat("The estimand reads laws of several levels.")
    return found.pop() if found else ()


def sources_of(expr: Expr) -> frozenset[int]:
    """The studies that the laws come from."""
    return frozenset(leaf.source for leaf in _laws(expr))


def _laws(expr: Expr) -> Iterable[Probability]:
    match expr:
        case Probability():
            yield expr
        case Product(factors):
            for one in factors:
                yield from _laws(one)
        case Sum(_, body):
            yield from _laws(body)
        case Linear(terms):
            for _, one in terms:
                yield from _laws(one)
        case Quotient(numerator, denominator):
            yield from _laws(numerator)
            yield from _laws(denominator)
        case Equilibrium(_, _, laws):
            for one in laws:
                yield from _laws(one)
        case _:
            return


def _symbols(expr: Expr) -> Iterable[Symbol]:
    match expr:
        case Probability() | Inside() | Drawn():
            if isinstance(expr, Inside):
                yield expr.law
            for slot in slots(expr):
                yield slot.symbol if isinstance(slot, Held) else slot
        case NumericValue(symbol):
            yield symbol
        case Product(factors):
            for one in factors:
                yield from _symbols(one)
        case Sum(over, body):
            yield from over
            yield from _symbols(body)
        case Linear(terms):
            for _, one in terms:
                yield from _symbols(one)
        case Quotient(numerator, denominator):
            yield from _symbols(numerator)
            yield from _symbols(denominator)
        case Equilibrium(_, members, laws):
            yield from members
            for one in laws:
                yield from _symbols(one)
        case Number():
            return


def _lifted(over: tuple[Symbol, ...], body: Expr) -> Expr | None:
    """``Σ_Y Y N(Y) / D`` as ``(Σ_Y Y N(Y)) / D``, where D does not read what is summed."""
    factors = body.factors if isinstance(body, Product) else (body,)
    quotients = [one for one in factors if isinstance(one, Quotient)]
    if not quotients or any(not free(one.denominator).isdisjoint(over) for one in quotients):
        return None
    above = [one.numerator if isinstance(one, Quotient) else one for one in factors]
    below = [one.denominator for one in quotients]
    return Quotient(Sum(over, _joined(above)), _joined(below))


def _joined(factors: list[Expr]) -> Expr:
    flat = [part for one in factors for part in (one.factors if isinstance(one, Product) else (one,))]
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def _mixed(terms: Iterable[tuple[float, Formula]]) -> Formula:
    flat: list[tuple[float, Formula]] = []
    for weight, term in terms:
        if isinstance(term, Mix):
            flat += [(weight * inner, part) for inner, part in term.terms]
        else:
            flat.append((weight, term))
    kept = [(weight, term) for weight, term in flat if weight]
    if len(kept) == 1 and kept[0][0] == 1.0:
        return kept[0][1]
    if all(isinstance(term, Constant) for _, term in kept):
        return Constant(sum(weight * term.value for weight, term in kept if isinstance(term, Constant)))
    return Mix(tuple(kept))


Monomial = tuple[float, tuple[Symbol, ...], tuple[Factor, ...]]


def _expanded(expr: Expr, fresh: itertools.count[int]) -> list[Monomial]:
    """A sum of products; bound symbols are renamed wherever two parts use the same copy."""
    match expr:
        case Number(value):
            return [(value, (), ())] if value else []
        case Probability() | Drawn() | NumericValue():
            return [(1.0, (), (expr,))]
        case Linear(terms):
            return [
                (weight * inner, bound, factors)
                for weight, term in terms
                for inner, bound, factors in _expanded(term, fresh)
            ]
        case Product(parts):
            result: list[Monomial] = [(1.0, (), ())]
            for part in parts:
                result = [_times(one, other, fresh) for one in result for other in _expanded(part, fresh)]
            return result
        case Sum(over, body):
            found = []
            for weight, bound, factors in _expanded(body, fresh):
                read = frozenset().union(*map(free, factors)) if factors else frozenset()
                if not read.issuperset(over):
                    raise NotFlat("A sum runs over a variable that a part of it does not read.")
                found.append((weight, (*over, *bound), factors))
            return found
        case _:
            raise NotFlat("The estimand is no sum of products of laws.")


def _times(one: Monomial, other: Monomial, fresh: itertools.count[int]) -> Monomial:
    """Product of two sums: the second's bound symbols get copies that the first does not read."""
    taken = {symbol for factor in one[2] for symbol in _symbols(factor)} | set(one[1])
    renamed: dict[Symbol, Slot] = {
        symbol: Symbol(symbol.meaning, next(fresh)) for symbol in other[1] if symbol in taken
    }
    # A bound symbol of the first that the second reads free would be captured: rename the first's.
    read = {symbol for factor in other[2] for symbol in _symbols(factor)} - set(other[1])
    moved: dict[Symbol, Slot] = {symbol: Symbol(symbol.meaning, next(fresh)) for symbol in one[1] if symbol in read}
    return (
        one[0] * other[0],
        (*(_renamed(symbol, moved) for symbol in one[1]), *(_renamed(symbol, renamed) for symbol in other[1])),
        (*(_changed(factor, moved) for factor in one[2]), *(_changed(factor, renamed) for factor in other[2])),
    )


def _renamed(symbol: Symbol, names: Mapping[Symbol, Slot]) -> Symbol:
    found = names.get(symbol, symbol)
    assert isinstance(found, Symbol)
    return found


def _changed(factor: Factor, names: dict[Symbol, Slot]) -> Factor:
    found = substituted(factor, names)
    assert isinstance(found, Probability | Drawn | NumericValue)
    return found


def raw_name(slot: Slot) -> str:
    """The variable's name of a slot of a flat law."""
    meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
    assert isinstance(meaning, Raw)
    return meaning.name
