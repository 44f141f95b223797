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
from umbel.model.render import number_text
from umbel.variable import State

CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Moved:
    """The law of a part that is moved by ``step`` times what its total lacks: certain, given all parts.

    Parameters
    ----------
    part, parts, weights
        The part that moves; all of them with their weights.
    step
        How far it moves for one unit of the total.
    total
        Name of the total.
    value
        Where the total is set; None: at its own symbol, which the law then reads.

    Examples
    --------
    >>> law = Moved("X2", ("X1", "X2"), (1.0, 1.0), 1.0, "Sales", 3.0)
    >>> law.text, law.weight(2, (0, 1, 2), {"X1": 1, "X2": 0})
    ('X2 + (3 - Sales)', 1.0)
    """

    part: str
    parts: tuple[str, ...]
    weights: tuple[float, ...]
    step: float
    total: str
    value: float | None

    @property
    def text(self) -> str:
        """In the reader's words: what the unit had, and what is added."""
        if self.step == 0:
            return self.part
        gap = (
            f"({self.total} set - {self.total})"
            if self.value is None
            else f"({number_text(self.value)} - {self.total})"
        )
        sign, size = ("-" if self.step < 0 else "+"), abs(self.step)
        return f"{self.part} {sign} {'' if size == 1 else number_text(size) + ' '}{gap}"

    def weight(self, state: State, states: tuple[State, ...], covariates: dict[str, State]) -> float:
        """One at the state that the part is moved to; NaN where that is no state of the table."""
        had = [covariates[name] for name in self.parts]
        aim = covariates[self.total] if self.value is None else self.value
        if any(isinstance(one, str) for one in (*had, aim, state)):
            raise QuestionError(f"The states of {shown(self.part)} are labels; a total moves parts that are numbers.")
        numbers = [float(one) for one in had]
        lacking = float(aim) - math.fsum(w * x for w, x in zip(self.weights, numbers, strict=True))
        target = numbers[self.parts.index(self.part)] + self.step * lacking
        near = [one for one in states if abs(float(one) - target) <= CLOSE * max(1.0, abs(target))]
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
