"""Smart constructors and renamings keep the value of every expression, zero cells included."""

from __future__ import annotations

from math import isclose
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.expr.expressions import SIZES, SYMBOLS, expressions, laws, ordered, scopes
from tests.oracles.flat.reference import Reference
from umbel.expr.build import (
    ONE,
    ZERO,
    all_symbols,
    expectation,
    free,
    leaves,
    linear,
    product,
    quotient,
    remeant,
    settled,
    substituted,
    total,
)
from umbel.expr.nodes import (
    AtState,
    Expr,
    Held,
    Linear,
    NumericValue,
    Probability,
    Product,
    Quotient,
    Raw,
    Sum,
    Symbol,
)

EXAMPLES = settings(max_examples=100)
ROUNDING = 1e-9


def agree(simple: Expr, plain: Expr, at: Reference) -> bool:
    """Whether the simple form has the plain form's value wherever the plain form has one.

    A simplification may define more: ``Σ_Z P(Z | X)`` is 1, undefined where X never occurs.
    """
    assert free(simple) <= free(plain), "a simplification reads nothing new"
    for scope in scopes(free(plain)):
        wanted, found = at.value(plain, scope), at.value(simple, scope)
        if wanted is not None and (found is None or not close(found, wanted)):
            return False
    return True


def close(found: float | None, wanted: float | None) -> bool:
    """Equal up to rounding; undefined equals undefined."""
    if found is None or wanted is None:
        return found is wanted
    return isclose(found, wanted, rel_tol=ROUNDING, abs_tol=ROUNDING)


@EXAMPLES
@given(st.lists(expressions, max_size=4), laws())
def test_product(factors: list[Expr], at: Reference) -> None:
    assert agree(product(factors), Product(tuple(factors)), at)


@EXAMPLES
@given(expressions, expressions, expressions, laws())
def test_quotient(above: Expr, below: Expr, shared: Expr, at: Reference) -> None:
    simple = quotient(product([shared, above]), product([below, shared]))
    assert agree(simple, Quotient(Product((shared, above)), Product((below, shared))), at)


@EXAMPLES
@given(st.data(), laws())
def test_total(data: st.DataObject, at: Reference) -> None:
    body = data.draw(expressions)
    over = data.draw(some_of(ordered(free(body))))
    assert agree(total(over, body), Sum(tuple(over), body), at)


@EXAMPLES
@given(st.data(), laws())
def test_total_of_a_product(data: st.DataObject, at: Reference) -> None:
    body = product(data.draw(st.lists(expressions, min_size=2, max_size=4)))
    over = data.draw(some_of(ordered(free(body))))
    assert agree(total(over, body), Sum(tuple(over), body), at)


@EXAMPLES
@given(st.data(), laws())
def test_linear(data: st.DataObject, at: Reference) -> None:
    parts = data.draw(st.lists(expressions, min_size=1, max_size=3))
    weights = data.draw(st.lists(st.sampled_from((-1.0, 1.0, 2.0, -0.5)), min_size=3, max_size=6))
    terms = tuple((weight, data.draw(st.sampled_from(parts))) for weight in weights)
    assert agree(linear(terms), Linear(terms), at)


@EXAMPLES
@given(st.data(), laws())
def test_linear_of_sums_with_common_factors(data: st.DataObject, at: Reference) -> None:
    """A contrast is put under one sum: also where factors repeat, or come in another order."""
    pool = data.draw(st.lists(expressions, min_size=2, max_size=3))
    bodies = [Product(tuple(data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4)))) for _ in range(2)]
    shared = ordered(free(bodies[0]) & free(bodies[1]))
    over = tuple(data.draw(some_of(shared))) if shared else ()
    sums = [Sum(over, product(body.factors)) if over else body for body in bodies]
    terms = tuple(zip(data.draw(st.sampled_from(((1.0, -1.0), (0.5, 2.0), (1.0, 1.0)))), sums, strict=True))
    assert agree(linear(terms), Linear(terms), at)


@EXAMPLES
@given(expressions, st.sampled_from(SYMBOLS), laws())
def test_expectation(body: Expr, symbol: Symbol, at: Reference) -> None:
    assert agree(expectation(symbol, body), Sum((symbol,), Product((NumericValue(symbol), body))), at)


@EXAMPLES
@given(expressions, laws())
def test_settled_keeps_the_value(body: Expr, at: Reference) -> None:
    assert agree(settled(body), body, at)


@EXAMPLES
@given(expressions, st.randoms(use_true_random=False))
def test_settled_does_not_see_the_names_of_bound_copies(body: Expr, rng: Any) -> None:
    other = renamed(body, rng)
    assert free(other) == free(body)
    assert settled(other) == settled(body)


@EXAMPLES
@given(expressions, st.randoms(use_true_random=False), laws())
def test_bound_copies_may_be_renamed(body: Expr, rng: Any, at: Reference) -> None:
    assert agree(renamed(body, rng), body, at)


@EXAMPLES
@given(expressions)
def test_settled_once_is_settled(body: Expr) -> None:
    once = settled(body)
    assert settled(once) == once


@EXAMPLES
@given(expressions)
def test_settled_never_shadows(body: Expr) -> None:
    """No sum binds a symbol that is free, held or bound around it: what readers see is unambiguous."""
    once = settled(body)
    held = {slot.symbol for leaf in leaves(once) for slot in (*getattr(leaf, "given", ()),) if isinstance(slot, Held)}
    assert not_shadowed(once, frozenset(free(once) | held))


@EXAMPLES
@given(st.data(), laws())
def test_a_held_symbol_stands_at_its_state(data: st.DataObject, at: Reference) -> None:
    body = data.draw(expressions)
    read = [s for s in ordered(free(body)) if not any(s == leaf.symbol for leaf in numeric(body))]
    if not read:
        return
    symbol = data.draw(st.sampled_from(read))
    state = data.draw(st.integers(0, SIZES[symbol.meaning.name] - 1))
    fixed = substituted(body, {symbol: Held(Symbol(symbol.meaning), AtState(state))})
    assert symbol not in free(fixed)
    for scope in scopes(free(body)):
        if scope[symbol] == state:
            found, wanted = at.value(fixed, scope), at.value(body, scope)
            assert wanted is None or close(found, wanted)


@EXAMPLES
@given(expressions, laws())
def test_remeant_exchanges_variables(body: Expr, at: Reference) -> None:
    """A and C have two states each: exchanging them in expression and law changes no value."""
    change = {"A": "C", "C": "A"}

    def other(meaning: Any) -> Raw:
        return Raw(change.get(meaning.name, meaning.name))

    joint = at.sources[0]
    swapped = Reference([type(joint)(("C", "B", "A"), joint.array)], {})
    if any(hasattr(leaf, "policy") for leaf in leaves(body)):
        return
    for scope in scopes(free(body)):
        image = {Symbol(other(symbol.meaning), symbol.copy): state for symbol, state in scope.items()}
        found, wanted = swapped.value(remeant(body, other), image), at.value(body, scope)
        assert wanted is None or close(found, wanted)


@EXAMPLES
@given(expressions)
def test_every_symbol_is_listed(body: Expr) -> None:
    assert free(body) <= all_symbols(body)


def test_one_and_zero() -> None:
    law = Probability((SYMBOLS[0],))
    assert product([]) == product([ONE, ONE]) == ONE
    assert product([law, ZERO]) == ZERO
    assert product([law, ONE]) == law
    assert quotient(law, law) == ONE
    assert linear([(1.0, law), (-1.0, law)]) == ZERO
    assert quotient(ZERO, ZERO) == Quotient(ZERO, ZERO), "undefined, not one"
    assert total([SYMBOLS[0]], law) == ONE


def test_a_contrast_of_equal_sums_is_zero_in_any_order() -> None:
    a, b = SYMBOLS[0], SYMBOLS[3]
    one, two = Probability((a,)), Probability((b,), (a,))
    gap = linear([(1.0, Sum((a,), Product((one, two)))), (-1.0, Sum((a,), Product((two, one))))])
    assert gap == ZERO


def some_of(symbols: list[Symbol]) -> st.SearchStrategy[list[Symbol]]:
    if not symbols:
        return st.just([])
    return st.lists(st.sampled_from(symbols), min_size=1, max_size=3, unique=True)


def numeric(body: Expr) -> list[NumericValue]:
    return [leaf for leaf in leaves(body) if isinstance(leaf, NumericValue)]


def renamed(body: Expr, rng: Any) -> Expr:
    """Every sum binds copies that occur nowhere else, numbered in no order."""
    numbers = rng.sample(range(100, 1000), 100)

    def walk(at: Expr, names: dict[Symbol, Symbol]) -> Expr:
        match at:
            case Sum(over, inner):
                fresh = {symbol: Symbol(symbol.meaning, numbers.pop()) for symbol in over}
                return Sum(tuple(fresh.values()), walk(inner, names | fresh))
            case Product(factors):
                return Product(tuple(walk(factor, names) for factor in factors))
            case Quotient(above, below):
                return Quotient(walk(above, names), walk(below, names))
            case Linear(terms):
                return Linear(tuple((weight, walk(term, names)) for weight, term in terms))
            case _:
                return substituted(at, dict(names))

    return walk(body, {})


def not_shadowed(at: Expr, scope: frozenset[Symbol]) -> bool:
    match at:
        case Sum(over, body):
            return scope.isdisjoint(over) and not_shadowed(body, scope | frozenset(over))
        case Product(factors):
            return all(not_shadowed(factor, scope) for factor in factors)
        case Quotient(above, below):
            return not_shadowed(above, scope) and not_shadowed(below, scope)
        case Linear(terms):
            return all(not_shadowed(term, scope) for _, term in terms)
        case _:
            return True
