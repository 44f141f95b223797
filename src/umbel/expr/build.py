"""Smart constructors: every estimand is built through these, so that it is born simple.

Rules (each an identity wherever both sides are defined): products flatten and drop ones; a sum
pulls out what does not read its symbols; a symbol summed out of the one law that generates it
disappears; equal factors cancel in a quotient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import eq
from typing import assert_never

from umbel.expr.nodes import (
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Linear,
    Meaning,
    NetworkMean,
    Number,
    NumericValue,
    Probability,
    Product,
    Quotient,
    Slot,
    Sum,
    Symbol,
)

ONE = Number(1.0)
ZERO = Number(0.0)


def slots(leaf: Probability | Inside | Drawn) -> tuple[Slot, ...]:
    """Argument positions of a leaf, what it generates first."""
    match leaf:
        case Probability(of, given):
            return of + given
        case Inside(_, of, given):
            return of + given
        case Drawn(_, of, given):
            return (of, *given)


def free(expr: Expr) -> frozenset[Symbol]:
    """Symbols that an expression reads and does not bind."""
    match expr:
        case Number():
            return frozenset()
        case NetworkMean(state=state, among=among):
            return frozenset(one for one in (state, *(value for _, value in among)) if isinstance(one, Symbol))
        case NumericValue(symbol):
            return frozenset((symbol,))
        case Probability() | Drawn():
            return frozenset(slot for slot in slots(expr) if isinstance(slot, Symbol))
        case Inside(law):
            return frozenset((law, *(slot for slot in slots(expr) if isinstance(slot, Symbol))))
        case Equilibrium(of, members, laws):
            outside = frozenset().union(*map(free, laws)) - frozenset(members)
            return outside | frozenset(slot for slot in of if isinstance(slot, Symbol))
        case Product(factors):
            return frozenset().union(*map(free, factors))
        case Quotient(numerator, denominator):
            return free(numerator) | free(denominator)
        case Sum(over, body):
            return free(body) - frozenset(over)
        case Linear(terms):
            return frozenset().union(*(free(term) for _, term in terms))
        case _:
            assert_never(expr)


def factors_of(expr: Expr) -> tuple[Expr, ...]:
    """The factors of a product; a single factor for anything else, none for one."""
    if isinstance(expr, Product):
        return expr.factors
    return () if expr == ONE else (expr,)


def product(factors: Iterable[Expr]) -> Expr:
    """Product with nested products flattened and ones dropped.

    Examples
    --------
    >>> product([ONE, ONE])
    Number(value=1.0)
    """
    flat = tuple(factor for each in factors for factor in factors_of(each))
    if ZERO in flat:
        return ZERO
    return flat[0] if len(flat) == 1 else Product(flat) if flat else ONE


def total(over: Iterable[Symbol], body: Expr) -> Expr:
    """Sum with factors pulled out and summed-out laws dropped.

    A symbol that the body does not read is a mistake of the caller, since it would multiply by
    the number of its states.
    """
    symbols = dict.fromkeys(over)
    if isinstance(body, Sum):
        symbols |= dict.fromkeys(body.over)
        body = body.body
    factors = [(factor, free(factor)) for factor in factors_of(body)]
    unread = [symbol for symbol in symbols if not any(symbol in reads for _, reads in factors)]
    assert not unread, f"sum over {unread}, which nothing reads"
    changed = True
    while changed:
        changed = False
        for symbol in list(symbols):
            at = [place for place, (_, reads) in enumerate(factors) if symbol in reads]
            if len(at) == 1 and (left := _without(symbol, factors[at[0]][0])) is not None:
                factors[at[0] : at[0] + 1] = [(factor, free(factor)) for factor in left]
                del symbols[symbol]
                changed = True
    if not symbols:
        return product(factor for factor, _ in factors)
    inside = [factor for factor, reads in factors if not reads.isdisjoint(symbols)]
    outside = [factor for factor, reads in factors if reads.isdisjoint(symbols)]
    return product([*outside, Sum(tuple(symbols), product(inside))])


def _without(symbol: Symbol, factor: Expr) -> tuple[Expr, ...] | None:
    """The one factor that reads a symbol, with the symbol summed out of it; None when it must stay."""
    match factor:
        case Probability(of, given, level, source) if symbol in of and symbol not in given:
            rest = tuple(slot for slot in of if slot != symbol)
            return (Probability(rest, given, level, source),) if rest else ()
        case Drawn(_, of, given) if symbol == of and symbol not in given:
            return ()
        case Equilibrium(of, members, laws) if symbol in of:
            rest = tuple(slot for slot in of if slot != symbol)
            return (Equilibrium(rest, members, laws),) if rest else ()
        case Sum(inner, part):
            # Inside the nested sum the symbol may meet the one law that generates it.
            return (total((*inner, symbol), part),)
        case Quotient(top, bottom) if symbol not in free(bottom):
            return factors_of(quotient(total((symbol,), top), bottom))
        case _:
            return None


def quotient(numerator: Expr, denominator: Expr) -> Expr:
    """Quotient with equal factors cancelled, whatever their bound copies are called.

    What is divided by zero stays so, and is undefined.
    """
    return _cancelled(numerator, denominator, alike)


def _cancelled(numerator: Expr, denominator: Expr, same: Callable[[Expr, Expr], bool]) -> Expr:
    above, below = list(factors_of(numerator)), []
    for factor in factors_of(denominator):
        twin = next((place for place, other in enumerate(above) if same(other, factor)), -1)
        if twin < 0 or factor == ZERO:
            below.append(factor)
        else:
            del above[twin]
    bottom = product(below)
    return product(above) if bottom == ONE else Quotient(product(above), bottom)


def alike(one: Expr, other: Expr) -> bool:
    """Whether two expressions are the same but for the names of bound copies."""
    if one == other:
        return True
    return isinstance(one, Sum | Quotient) and type(one) is type(other) and settled(one) == settled(other)


def linear(terms: Iterable[tuple[float, Expr]]) -> Expr:
    """Linear combination with equal terms merged; a single term with coefficient one is itself."""
    weights: dict[Expr, float] = {}
    for coefficient, term in terms:
        if term != ZERO:
            weights[term] = weights.get(term, 0.0) + coefficient
    kept = tuple((coefficient, term) for term, coefficient in weights.items() if coefficient)
    if len(kept) > 1 and (shared := _under_one_sum(kept)) is not None:
        return shared
    if not kept:
        return ZERO
    return kept[0][1] if len(kept) == 1 and kept[0][0] == 1 else Linear(kept)


def _under_one_sum(terms: tuple[tuple[float, Expr], ...]) -> Expr | None:
    """``Σ c a - Σ c b`` as ``Σ c (a - b)``: where all terms are sums over the same symbols."""
    first = terms[0][1]
    if not isinstance(first, Sum):
        return None
    bodies = [list(factors_of(term.body)) for _, term in terms if isinstance(term, Sum) and term.over == first.over]
    if len(bodies) != len(terms):
        return None
    common: list[Expr] = []
    for factor in tuple(bodies[0]):
        if all(factor in body for body in bodies):  # as often as it occurs in every term
            common.append(factor)
            for body in bodies:
                body.remove(factor)
    if all(isinstance(factor, NumericValue) for factor in common):
        return None  # a difference of expectations reads better than an expectation of differences
    inner = linear((weight, product(body)) for (weight, _), body in zip(terms, bodies, strict=True))
    return ZERO if inner == ZERO else Sum(first.over, product((*common, inner)))


def expectation(symbol: Symbol, expr: Expr) -> Expr:
    """``Σ_Y Y expr`` with the sum moved to the one law that generates ``Y``, where there is one."""
    match expr:
        case Sum(over, body) if symbol not in over:
            return Sum(over, expectation(symbol, body))
        case Product(factors):
            reading = [factor for factor in factors if symbol in free(factor)]
            if len(reading) == 1:
                inner = expectation(symbol, reading[0])
                return product(inner if factor is reading[0] else factor for factor in factors)
        case Quotient(numerator, denominator) if symbol not in free(denominator):
            return quotient(expectation(symbol, numerator), denominator)
        case _:
            pass
    return Sum((symbol,), product((NumericValue(symbol), expr)))


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The same node with ``change`` applied to its children."""
    match expr:
        case Product(factors):
            return product(map(change, factors))
        case Quotient(numerator, denominator):
            # Settled twins are equal: comparing them up to names again would take exponential time.
            return _cancelled(change(numerator), change(denominator), eq)
        case Sum(over, body):
            return Sum(over, change(body))
        case Linear(terms):
            return linear((coefficient, change(term)) for coefficient, term in terms)
        case Equilibrium(of, members, laws):
            return Equilibrium(of, members, tuple(map(change, laws)))
        case Number() | Probability() | Inside() | Drawn() | NetworkMean() | NumericValue():
            return expr
        case _:
            assert_never(expr)


def substituted(expr: Expr, replacement: dict[Symbol, Slot]) -> Expr:
    """Replace free symbols in their slots; the caller keeps bound copies apart.

    A law symbol that is itself read (``Inside``) can only be replaced by a symbol.
    """
    if not replacement:
        return expr

    def slot(at: Slot) -> Slot:
        return replacement.get(at, at) if isinstance(at, Symbol) else at

    def name(symbol: Symbol) -> Symbol:
        new = replacement.get(symbol, symbol)
        assert isinstance(new, Symbol), f"{symbol} is read as a value and cannot be held"
        return new

    match expr:
        case Probability(of, given, level, source):
            return Probability(tuple(map(slot, of)), tuple(map(slot, given)), level, source)
        case Inside(law, of, given):
            return Inside(name(law), tuple(map(slot, of)), tuple(map(slot, given)))
        case Drawn(policy, of, given):
            return Drawn(policy, slot(of), tuple(map(slot, given)))
        case Equilibrium(of, members, laws):
            outside = {old: new for old, new in replacement.items() if old not in members}
            return Equilibrium(tuple(map(slot, of)), members, tuple(substituted(law, outside) for law in laws))
        case NumericValue(symbol):
            return NumericValue(name(symbol))
        case Sum(over, body):
            inner = {old: new for old, new in replacement.items() if old not in over}
            return Sum(over, substituted(body, inner))
        case _:
            return rebuilt(expr, lambda child: substituted(child, replacement))


def all_symbols(expr: Expr) -> frozenset[Symbol]:
    """Every symbol that occurs, bound or free."""
    match expr:
        case Sum(over, body):
            return all_symbols(body) | frozenset(over)
        case Product(factors):
            return frozenset().union(*map(all_symbols, factors))
        case Quotient(numerator, denominator):
            return all_symbols(numerator) | all_symbols(denominator)
        case Linear(terms):
            return frozenset().union(*(all_symbols(term) for _, term in terms))
        case Probability() | Drawn() | Inside():
            held = frozenset(slot.symbol for slot in slots(expr) if isinstance(slot, Held))
            return free(expr) | held
        case Equilibrium(of, members, laws):
            held = frozenset(slot.symbol for slot in of if isinstance(slot, Held))
            return frozenset().union(free(expr), members, held, *map(all_symbols, laws))
        case Number() | NetworkMean() | NumericValue():
            return free(expr)
        case _:
            assert_never(expr)


def leaves(expr: Expr) -> tuple[Expr, ...]:
    """Leaves from left to right."""
    match expr:
        case Product(factors):
            return reduce(lambda seen, factor: seen + leaves(factor), factors, ())
        case Quotient(numerator, denominator):
            return leaves(numerator) + leaves(denominator)
        case Sum(_, body):
            return leaves(body)
        case Linear(terms):
            return reduce(lambda seen, term: seen + leaves(term[1]), terms, ())
        case Equilibrium(_, _, laws):
            return reduce(lambda seen, law: seen + leaves(law), laws, ())
        case _:
            return (expr,)


def settled(expr: Expr) -> Expr:
    """Rename bound copies to the smallest numbers that shadow nothing in scope.

    Engines bind fresh copies; readers want ``X`` again wherever it is free to be used, and a
    prime only where it would shadow.
    """

    def walk(at: Expr, scope: frozenset[Symbol], names: dict[Symbol, Slot]) -> Expr:
        if isinstance(at, Sum):
            taken = set(scope) | {
                target for symbol in free(at) if isinstance(target := names.get(symbol, symbol), Symbol)
            }
            inner = {old: new for old, new in names.items() if old not in at.over}
            over: list[Symbol] = []
            for symbol in at.over:
                copy = 0
                while Symbol(symbol.meaning, copy) in taken:
                    copy += 1
                fresh = Symbol(symbol.meaning, copy)
                taken.add(fresh)
                over.append(fresh)
                inner[symbol] = fresh
            return Sum(tuple(over), walk(at.body, frozenset(taken), inner))
        if isinstance(at, Product | Quotient | Linear):
            return rebuilt(at, lambda child: walk(child, scope, names))
        return substituted(at, {old: new for old, new in names.items() if old in free(at)})

    held = frozenset(
        slot.symbol
        for leaf in leaves(expr)
        if isinstance(leaf, Probability | Inside | Drawn)
        for slot in slots(leaf)
        if isinstance(slot, Held)
    )
    return walk(expr, free(expr) | held, {})


def remeant(expr: Expr, change: Callable[[Meaning], Meaning]) -> Expr:
    """The same expression about other things: every meaning replaced, copies and values kept."""

    def symbol(old: Symbol) -> Symbol:
        return Symbol(change(old.meaning), old.copy)

    def slot(at: Slot) -> Slot:
        return symbol(at) if isinstance(at, Symbol) else Held(symbol(at.symbol), at.value)

    match expr:
        case Probability(of, given, level, source):
            return Probability(tuple(map(slot, of)), tuple(map(slot, given)), level, source)
        case Inside(law, of, given):
            return Inside(symbol(law), tuple(map(slot, of)), tuple(map(slot, given)))
        case Drawn(policy, of, given):
            return Drawn(policy, slot(of), tuple(map(slot, given)))
        case Equilibrium(of, members, laws):
            renamed = tuple(remeant(law, change) for law in laws)
            return Equilibrium(tuple(map(slot, of)), tuple(map(symbol, members)), renamed)
        case NumericValue(old):
            return NumericValue(symbol(old))
        case Sum(over, body):
            return Sum(tuple(map(symbol, over)), remeant(body, change))
        case _:
            return rebuilt(expr, lambda child: remeant(child, change))
