"""Random estimands and random laws for the tests of the estimand language."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.oracles.flat.reference import Reference
from umbel.expr.build import free
from umbel.expr.nodes import (
    AtState,
    Drawn,
    Expr,
    Held,
    Linear,
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
)
from umbel.numerics.tables import Table

VARIABLES = (Raw("A"), Raw("B"), Raw("C"))
SIZES = {"A": 2, "B": 3, "C": 2}
COPIES = 2
SYMBOLS = tuple(Symbol(variable, copy) for variable in VARIABLES for copy in range(COPIES))
POLICY = Policy(VARIABLES[0], (VARIABLES[1],), None)


@st.composite
def slots(draw: Any, variable: Raw) -> Slot:
    """A slot that speaks of one variable: a copy of it, now and then held at a state."""
    symbol = Symbol(variable, draw(st.integers(0, COPIES - 1)))
    if draw(st.integers(0, 5)):
        return symbol
    return Held(Symbol(variable), AtState(draw(st.integers(0, SIZES[variable.name] - 1))))


@st.composite
def leaves(draw: Any) -> Expr:
    """A law, a policy's weight, a number or the value of a variable."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return Number(float(draw(st.sampled_from((0, 0.5, 1, 2)))))
    if kind == 1:
        return NumericValue(draw(st.sampled_from(SYMBOLS)))
    if kind == 2:
        return Drawn(POLICY, draw(slots(VARIABLES[0])), (draw(slots(VARIABLES[1])),))
    chosen = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=3, unique=True))
    split = draw(st.integers(1, len(chosen)))
    made = [draw(slots(variable)) for variable in chosen]
    return Probability(tuple(made[:split]), tuple(made[split:]))


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    @st.composite
    def sums(draw: Any) -> Expr:
        body = draw(inner)
        read = sorted(free(body), key=lambda symbol: (symbol.meaning.name, symbol.copy))
        over = draw(st.lists(st.sampled_from(read), max_size=2, unique=True)) if read else []
        return Sum(tuple(over), body) if over else body

    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    weights = st.sampled_from((1.0, 0.25, 2.0))
    return st.one_of(
        sums(),
        sums(),
        several.map(Product),
        st.builds(Quotient, inner, inner),
        st.lists(st.tuples(weights, inner), min_size=1, max_size=3).map(lambda terms: Linear(tuple(terms))),
    )


expressions: st.SearchStrategy[Expr] = st.recursive(leaves(), _grown, max_leaves=5)
"""Expressions of every form, made of bare nodes: nothing is simplified, and binders may shadow each other."""


@st.composite
def laws(draw: Any, zeros: bool = True) -> Reference:
    """A joint law of the three variables, with cells and events of probability zero; and a policy."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    joint = rng.uniform(0.1, 1.0, size=tuple(SIZES.values()))
    if zeros:
        joint[rng.uniform(size=joint.shape) < draw(st.sampled_from((0.0, 0.3, 0.6)))] = 0.0
        if draw(st.booleans()):
            joint[:, draw(st.integers(0, 2)), :] = 0.0
    if not joint.sum():
        joint[0, 0, 0] = 1.0
    weights = rng.uniform(0.1, 1.0, size=(SIZES["A"], SIZES["B"]))
    policy = Table(("A", "B"), weights / weights.sum(axis=0))
    return Reference([Table(tuple(SIZES), joint / joint.sum())], {"A": policy})


def scopes(symbols: frozenset[Symbol], most: int = 12) -> list[dict[Symbol, int]]:
    """Some of the ways to put every symbol at a state: all of them where they are few."""
    axes = ordered(symbols)
    shape = tuple(SIZES[symbol.meaning.name] for symbol in axes)
    count = int(np.prod(shape))
    chosen = range(count) if count <= most else np.random.default_rng(count).choice(count, most, replace=False)
    return [dict(zip(axes, map(int, np.unravel_index(place, shape)), strict=True)) for place in chosen]


def ordered(symbols: frozenset[Symbol]) -> list[Symbol]:
    """Symbols in an order that no hash decides."""
    return sorted(symbols, key=lambda symbol: (symbol.meaning.name, symbol.copy))
