"""Plates inside plates: a law of laws that is only averaged is an average over the inner units.

Pupils in classes in schools: the estimand draws a school, in it a class, in that the law of its
pupils. Where nothing else is asked of the law of classes in a school, that is a draw of a class, a
school's classes sharing the school's weight (Weinstein and Blei, JMLR 27(37) 2026, Section 3).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from umbel.expr.build import all_symbols, factors_of, free, rebuilt
from umbel.expr.nodes import Expr, Inside, Law, Probability, Product, Sum, Symbol

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


def flattened(expr: Expr) -> Expr:
    """Every law of laws that is only averaged is replaced by the law that it is of.

    Examples
    --------
    >>> import umbel
    >>> graph = "plate class { plate pupil { A Y } }; latent U; U -> { A Y }; A -> Y"
    >>> body = umbel.identify(graph, "E[Y | do(A=1)]").estimand.body
    >>> from umbel.expr.render import text
    >>> print(text(flattened(body)))
    ∫_{Q[Y|A]} P(Q[Y|A]) E_Q[Y | A = 1]
    """
    if not any(_is_deep(symbol) for symbol in all_symbols(expr)):
        return expr
    if isinstance(expr, Sum):
        over, body = expr.over, flattened(expr.body)
        for symbol in [one for one in over if _is_deep(one)]:
            inner = _without(symbol, body)
            if inner is not None:
                over, body = tuple(one for one in over if one != symbol), inner
        return Sum(over, body) if over else body
    return rebuilt(expr, flattened)


def shares(levels: tuple[Codes, ...], outermost: Array) -> Array:
    """Weights of the innermost units: each member of a level shares that of the one it belongs to.

    Parameters
    ----------
    levels
        For each level, outermost first: shape (units,), the member that each innermost unit is in.
    outermost
        Shape (members of the first level,).

    Examples
    --------
    >>> shares((np.array([0, 0, 1]), np.array([0, 1, 2])), np.array([1.0, 1.0])).tolist()
    [0.5, 0.5, 1.0]
    """
    weights = outermost
    for outer, inner in pairwise(levels):
        members, first = np.unique(inner, return_index=True)  # (members of the inner level,)
        parent = outer[first]
        children = np.bincount(parent, minlength=len(weights))
        assert len(members) == len(parent)
        weights = weights[parent] / children[parent]
    return np.asarray(weights[levels[-1]], dtype=np.float64)


def _is_deep(symbol: Symbol) -> bool:
    """Whether a symbol is a law of laws, unconditional."""
    meaning = symbol.meaning
    return isinstance(meaning, Law) and not meaning.given and all(isinstance(one, Law) for one in meaning.of)


def _without(symbol: Symbol, body: Expr) -> Expr | None:
    """The body in which the law of laws is drawn and read once; None where it does more."""
    factors = factors_of(body)
    reading = [one for one in factors if symbol in free(one)]
    drawn = [one for one in reading if isinstance(one, Probability) and one.of == (symbol,) and not one.given]
    read = [one for one in reading if isinstance(one, Inside) and one.law == symbol and not one.given]
    if len(reading) != 2 or len(drawn) != 1 or len(read) != 1 or drawn[0].level:
        return None
    plain = Probability(read[0].of)
    found = tuple(plain if one is read[0] else one for one in factors if one is not drawn[0])
    return found[0] if len(found) == 1 else Product(found)
