"""Smaller estimands of the same value: laws joined, common factors cancelled, idle conditions dropped.

Three identities, from the inside out: ``P(a | b, c) P(b | c) = P(a, b | c)``,
``P(a, b | c) / P(b | c) = P(a | b, c)``, and ``P(a | b, c) = P(a | b)`` where the graph says so
(Tikka and Karvanen, "Simplifying probabilistic expressions in causal inference", JMLR 2017). Laws
inside units are left as they are: units show them, and a joint density of theirs is no simpler.
"""

from __future__ import annotations

from collections.abc import Callable

from umbel.expr.build import alike, factors_of, free, linear, product, quotient, slots, total
from umbel.expr.nodes import (
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Law,
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

Separated = Callable[[int, tuple[Meaning, ...], Meaning, tuple[Meaning, ...]], bool]
"""Whether, in a source, some variables are independent of another given the rest."""


def simplified(expr: Expr, separated: Separated | None = None) -> Expr:
    """The same value with fewer symbols; cost about quadratic in the number of factors.

    Parameters
    ----------
    expr
        Bound copies are unlike each other and unlike free symbols.
    separated
        What the graph says of the laws that are read; without it no condition is dropped.

    Examples
    --------
    >>> from umbel.expr.nodes import Raw
    >>> from umbel.expr.render import text
    >>> a, b = Symbol(Raw("A")), Symbol(Raw("B"))
    >>> text(simplified(Product((Probability((a,), (b,)), Probability((b,))))))
    'P(B, A)'
    """
    match expr:
        case Probability():
            return _without_idle(expr, separated) if separated else expr
        case Product(factors):
            found = [simplified(factor, separated) for factor in factors]
            return product(joined(multiplied_out(found)))
        case Sum(over, body):
            inner = simplified(body, separated)
            summed = total([symbol for symbol in over if symbol in free(inner)], inner)
            # A sum may have shortened a law, which may now join another or lose a condition.
            return summed if isinstance(summed, Sum) and summed.body == inner else simplified(summed, separated)
        case Quotient(numerator, denominator):
            return divided(simplified(numerator, separated), simplified(denominator, separated))
        case Linear(terms):
            return linear((weight, simplified(term, separated)) for weight, term in terms)
        case Number() | Inside() | Drawn() | Equilibrium() | NetworkMean() | NumericValue():
            return expr


def joined(factors: list[Expr]) -> list[Expr]:
    """Factors with laws that chain to one joint law in its place.

    The order is kept: the joint law stands where the first of the two stood.
    """
    result = list(factors)
    place = 0
    whole = _by_whole(result)
    while place < len(result):
        law = result[place]
        for other in whole.get(frozenset(law.given), ()) if isinstance(law, Probability) and law.given else ():
            if other != place and (both := _joint(law, result[other])) is not None:
                result[min(place, other)] = both
                del result[max(place, other)]
                whole = _by_whole(result)
                place = -1
                break
        place += 1
    return result


def _by_whole(factors: list[Expr]) -> dict[frozenset[Slot], list[int]]:
    """Places of laws by all that they speak of: what a law that chains to them is given."""
    found: dict[frozenset[Slot], list[int]] = {}
    for place, factor in enumerate(factors):
        if isinstance(factor, Probability):
            found.setdefault(frozenset(slots(factor)), []).append(place)
    return found


def multiplied_out(factors: list[Expr]) -> list[Expr]:
    """Factors of which none stands below a quotient beside it: ``(a / b) b`` is ``a``."""
    result = list(factors)
    for place, factor in enumerate(result):
        if not isinstance(factor, Quotient):
            continue
        above, below = list(factors_of(factor.numerator)), list(factors_of(factor.denominator))
        for part in list(below):
            at = next((i for i, other in enumerate(result) if i != place and alike(other, part)), -1)
            if at >= 0:
                below.remove(part)
                rest = [other for i, other in enumerate(result) if i not in (at, place)]
                whole = quotient(product(above), product(below)) if below else product(above)
                return multiplied_out([*rest, *factors_of(whole)])
    return result


def _joint(first: Expr, second: Expr) -> Expr | None:
    """``P(a | b, c) P(b | c)`` as one law; None where they do not chain."""
    if not isinstance(first, Probability) or not isinstance(second, Probability):
        return None
    if (first.level, first.source) != (second.level, second.source) or not first.given:
        return None
    if set(first.given) != {*second.of, *second.given} or not set(first.of).isdisjoint(second.given):
        return None
    if len(first.given) != len(second.of) + len(second.given) or _of_laws(first) or _of_laws(second):
        return None
    return Probability((*second.of, *first.of), second.given, first.level, first.source)


def _of_laws(leaf: Probability) -> bool:
    return any(isinstance(_symbol(slot).meaning, Law) for slot in slots(leaf))


def _symbol(slot: Slot) -> Symbol:
    return slot.symbol if isinstance(slot, Held) else slot


def divided(numerator: Expr, denominator: Expr) -> Expr:
    """A quotient with factors cancelled that are equal up to the names of bound copies."""
    above, below = list(factors_of(numerator)), list(factors_of(denominator))
    for factor in list(below):
        same = next((one for one in above if alike(one, factor)), None)
        if same is not None:
            above.remove(same)
            below.remove(factor)
    for i, law in enumerate(above):
        for part in below:
            if (rest := _conditional(law, part)) is not None:
                above[i] = rest
                below.remove(part)
                return divided(product(above), product(below))
    for i, one in enumerate(above):
        for part in below:
            if isinstance(one, Sum) and (inner := _divided_inside(one, part)) is not None:
                above[i] = inner
                below.remove(part)
                return divided(product(above), product(below))
    return quotient(product(above), product(below))


def _divided_inside(one: Sum, part: Expr) -> Expr | None:
    """``Σ_z f P(z, x) / P(x)`` as ``Σ_z f P(z | x)``; None where no law of the sum takes it."""
    if not free(part).isdisjoint(one.over):
        return None
    factors = list(factors_of(one.body))
    for i, factor in enumerate(factors):
        if (rest := _conditional(factor, part)) is not None:
            factors[i] = rest
            return total(one.over, product(factors))
    return None


def _conditional(law: Expr, part: Expr) -> Expr | None:
    """``P(a, b | c) / P(b | c)`` as one law; None where it is none."""
    if not isinstance(law, Probability) or not isinstance(part, Probability):
        return None
    if (law.level, law.source, set(law.given)) != (part.level, part.source, set(part.given)):
        return None
    if not set(part.of) < set(law.of):
        return None
    rest = tuple(slot for slot in law.of if slot not in part.of)
    return Probability(rest, (*part.of, *law.given), law.level, law.source)


def _without_idle(leaf: Probability, separated: Separated) -> Probability:
    """The law without conditions that tell nothing about what it is of."""
    given = leaf.given
    if len(given) == 0:
        return leaf
    of = tuple(_symbol(slot).meaning for slot in leaf.of)
    for slot in given:
        rest = tuple(_symbol(other).meaning for other in given if other != slot)
        if separated(leaf.source, of, _symbol(slot).meaning, rest):
            given = tuple(other for other in given if other != slot)
    return leaf if given == leaf.given else Probability(leaf.of, given, leaf.level, leaf.source)
