"""The order in which readers expect an estimand: effects before causes, treatments first among conditions.

Papers write ``Σ_z P(y | x, z) P(z)``, the g-formula and the front-door with the latest variable
first. Products commute and conditions have no order, so only the reading changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from umbel.expr.build import leaves, slots
from umbel.expr.nodes import (
    Drawn,
    Expr,
    Held,
    Inside,
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


def ordered(expr: Expr, places: Mapping[str, tuple[int, int]], treated: frozenset[str]) -> Expr:
    """The same estimand in reading order; one that speaks of laws inside units is left as it is.

    Parameters
    ----------
    expr
        Any estimand.
    places
        Where each variable stands in the graph's list of names, and how many causes its longest chain has.
    treated
        The treatments: they come first among conditions.

    Examples
    --------
    >>> from umbel.expr.render import text
    >>> x, y, z = (Symbol(Raw(name)) for name in "XYZ")
    >>> back_door = Sum((z,), Product((Probability((z,)), Probability((y,), (z, x)))))
    >>> text(ordered(back_door, {"Z": (0, 0), "X": (1, 1), "Y": (2, 2)}, frozenset("X")))
    'Σ_{Z} P(Y | X, Z) P(Z)'
    """
    if any(isinstance(leaf, Inside) for leaf in leaves(expr)):
        return expr
    if any(not isinstance(_symbol(slot).meaning, Raw) for leaf in leaves(expr) for slot in _slots(leaf)):
        return expr
    return _Order(places, treated).of(expr)


def _slots(leaf: Expr) -> tuple[Slot, ...]:
    return slots(leaf) if isinstance(leaf, Probability | Inside | Drawn) else ()


def _symbol(slot: Slot) -> Symbol:
    return slot.symbol if isinstance(slot, Held) else slot


class _Order:
    """Keys of sorting for one graph."""

    def __init__(self, places: Mapping[str, tuple[int, int]], treated: frozenset[str]) -> None:
        self.places = places
        self.treated = treated

    def of(self, expr: Expr) -> Expr:
        """The expression with its parts in order; equal keys keep theirs."""
        match expr:
            case Probability(of, given, level, source):
                return Probability(tuple(sorted(of, key=self.place)), tuple(sorted(given, key=self.key)), level, source)
            case Product(factors):
                return Product(tuple(sorted(map(self.of, factors), key=self.turn)))
            case Sum(over, body):
                return Sum(tuple(sorted(over, key=self.place)), self.of(body))
            case Quotient(numerator, denominator):
                return Quotient(self.of(numerator), self.of(denominator))
            case Linear(terms):
                return Linear(tuple((weight, self.of(term)) for weight, term in terms))
            case _:
                return expr

    def place(self, slot: Slot) -> tuple[int, int]:
        """As the graph lists them, copies last."""
        symbol = _symbol(slot)
        assert isinstance(symbol.meaning, Raw)
        return self.places[symbol.meaning.name][0], symbol.copy

    def key(self, slot: Slot) -> tuple[bool, int, int]:
        """Treatments first."""
        meaning = _symbol(slot).meaning
        assert isinstance(meaning, Raw)
        return meaning.name not in self.treated, *self.place(slot)

    def turn(self, factor: Expr) -> tuple[bool, int, int]:
        """Laws of late variables first, then what is composed."""
        depth, place = self.latest(factor)
        return not self.is_plain(factor), -depth, place

    def is_plain(self, factor: Expr) -> bool:
        """Whether a factor reads as one law: an expectation does, and a difference of laws."""
        match factor:
            case Sum((symbol,), Product((NumericValue(one), Probability()) | (Probability(), NumericValue(one)))):
                return one == symbol
            case Linear(terms):
                return all(self.is_plain(term) for _, term in terms)
            case Sum() | Quotient() | Product():
                return False
            case _:
                return True

    def latest(self, factor: Expr) -> tuple[int, int]:
        """Depth and place of the latest variable that a factor is a law of; values stand before laws."""
        if isinstance(factor, NumericValue):
            return len(self.places) + 1, 0
        found = [
            self.places[meaning.name][::-1]
            for leaf in leaves(factor)
            if isinstance(leaf, Probability | Drawn)
            for slot in (leaf.of if isinstance(leaf, Probability) else (leaf.of,))
            if isinstance(meaning := _symbol(slot).meaning, Raw)
        ]
        return max(found, default=(-1, 0))
