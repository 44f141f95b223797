"""Micro-realisations as numbers: how far each part moves when its total is set.

A shift of the total by one is a shift of the parts by ``D`` with ``w'D = 1`` (Zhu, Budhathoki, Kübler and
Janzing, appendix C.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from umbel.errors import QuestionError, shown
from umbel.model.formula import evaluate, reads
from umbel.model.policy import Levers, Perfect, Point, Shift
from umbel.model.render_policy import number_text
from umbel.variable import State

CLOSE = 1e-9
ROUNDED = 1e-6
"""Relative distance up to which a moved part is at a state: tables hold rounded totals."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The law of a part that is moved by ``step`` times what its total lacks: certain, given part and total.

    Parameters
    ----------
    part
        The part that moves.
    step
        How far it moves for one unit of the total.
    total
        Name of the total.
    value
        Where the total is set. None: at its own symbol; the law then reads the parts in its place.
    parts, weights
        All parts with their weights, for a total that is free.

    Examples
    --------
    >>> law = Moved("X2", 1.0, "Sales", 3.0)
    >>> law.text, law.weight(2, (0, 1, 2), {"X2": 0, "Sales": 1})
    ('X2 + (3 - Sales)', 1.0)
    """

    part: str
    step: float
    total: str
    value: float | None
    parts: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Names that the law depends on."""
        return (self.part, self.total) if self.value is not None else (*self.parts, self.total)

    @property
    def text(self) -> str:
        """In the reader's words: what the unit had, and what is added."""
        aim = f"{self.total} set" if self.value is None else number_text(self.value)
        sign, size = ("-" if self.step < 0 else "+"), abs(self.step)
        return f"{self.part} {sign} {'' if size == 1 else number_text(size) + ' '}({aim} - {self.total})"

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """One at the state that the part is moved to; NaN where that is no state of the table."""
        if any(isinstance(one, str) for one in (*covariates.values(), state)):
            raise QuestionError(f"The states of {shown(self.part)} are labels; a total moves parts that are numbers.")
        numbers = {name: float(one) for name, one in covariates.items()}
        if self.value is None:
            lacking = numbers[self.total] - math.fsum(
                w * numbers[name] for w, name in zip(self.weights, self.parts, strict=True)
            )
        else:
            lacking = self.value - numbers[self.total]
        target = numbers[self.part] + self.step * lacking
        near = [one for one in states if abs(float(one) - target) <= ROUNDED * max(1.0, abs(target))]
        if not near:
            return math.nan
        return 1.0 if state == near[0] else 0.0


def direction_of(by: Shift | Perfect | Levers, parts: Sequence[str], weights: Sequence[float]) -> tuple[float, ...]:
    """How far each part moves for one unit of the total.

    ``shift`` and ``perfect`` name proportions, which are scaled so that ``w'D = 1``; ``levers`` names the
    parts that move, each by the least that is needed: ``D = w / w'w`` among them.

    Raises
    ------
    QuestionError
        For proportions that leave the total where it is.

    Examples
    --------
    >>> direction_of(Shift((("X2", 1.0),)), ("X1", "X2"), (1.0, 1.0))
    (0.0, 1.0)
    >>> direction_of(Levers(("X1", "X2")), ("X1", "X2"), (3.0, 1.0))
    (0.3, 0.1)
    """
    if isinstance(by, Levers):
        share = {name: weights[list(parts).index(name)] for name in by.names}
    else:
        share = dict(by.weights)
    raw = [share.get(name, 0.0) for name in parts]
    moved = math.fsum(w * d for w, d in zip(weights, raw, strict=True))
    if abs(moved) <= CLOSE * max(map(abs, raw), default=0.0):
        raise QuestionError(
            "This realisation leaves the total where it is: its proportions weigh to zero. Change them."
        )
    return tuple(d / moved for d in raw)


def point_of(by: Point, total: str, value: float, parts: Sequence[str], weights: Sequence[float]) -> tuple[float, ...]:
    """Where each part is set.

    Raises
    ------
    QuestionError
        For formulas that read more than the total, and points off the fibre: that do not sum to it.

    Examples
    --------
    >>> from umbel.model.formula import Constant
    >>> point_of(Point((("X1", Constant(33)), ("X2", Constant(0)))), "Sales", 33.0, ("X1", "X2"), (1.0, 1.0))
    (33.0, 0.0)
    """
    found = dict(by.values)
    other = sorted({name for formula in found.values() for name in reads(formula)} - {total})
    if other:
        raise QuestionError(
            f"point(…) reads {shown(other[0])}. It may read {shown(total)} alone: use shift or natural."
        )
    at = tuple(float(evaluate(found[name], {total: value})) for name in parts)
    reached = math.fsum(w * x for w, x in zip(weights, at, strict=True))
    if not abs(reached - value) <= 1e-6 * max(1.0, abs(value)):
        raise QuestionError(
            f"point(…) is no realisation of {total} = {number_text(value)}: it puts {total} at {number_text(reached)}."
        )
    return at
