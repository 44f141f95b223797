"""Declared inequalities on probabilities of the question language, as values and as text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from umbel.errors import QuestionError, shown
from umbel.model.query import Best, Number, Question, combine

_SIGN = re.compile(r"(<=|>=|<|>)")


@dataclass(frozen=True, slots=True)
class Inequality:
    """What the user knows beside the graph: ``lower <= of <= upper``.

    Parameters
    ----------
    of
        A linear combination of probabilities and expectations, as question text.
    lower, upper
        Its limits.

    Examples
    --------
    >>> Inequality("P(Y[A=1]=0, Y[A=0]=1)", upper=0.1).lower
    -inf
    """

    of: str
    lower: float = -math.inf
    upper: float = math.inf

    @staticmethod
    def parse(text: str) -> Inequality:
        """Read ``left <= right``, ``left >= right`` or ``number <= middle <= number``.

        Raises
        ------
        QuestionError
            For another form; the terms themselves raise as questions do.

        Examples
        --------
        >>> Inequality.parse("P(Y[A=1]=0, Y[A=0]=1) <= 0.1")
        Inequality(of='P(Y[A=1]=0, Y[A=0]=1)', lower=-inf, upper=0.1)
        >>> Inequality.parse("P(Y[A=1]=1) >= P(Y[A=0]=1)")
        Inequality(of='P(Y[A=1]=1) - P(Y[A=0]=1)', lower=0.0, upper=inf)
        """
        parts = _SIGN.split(text)
        signs, sides = set(parts[1::2]), parts[0::2]
        if len(sides) not in (2, 3) or len(signs) != 1 or not signs <= {"<=", ">="}:
            raise QuestionError(
                f"{shown(text)} is no inequality. Write 'P(...) <= 0.1', 'P(...) >= P(...)' or '0.1 <= P(...) <= 0.3'."
            )
        if signs == {">="}:
            sides.reverse()
        numbers = [_number(side) for side in sides]
        if len(sides) == 3:
            low, _, high = numbers
            if low is None or high is None:
                raise QuestionError(f"{shown(text)} needs numbers at both ends.")
            return Inequality(_plain(sides[1]), low, high)
        below, above = sides
        if numbers[1] is not None:
            return Inequality(_plain(below), upper=numbers[1])
        if numbers[0] is not None:
            return Inequality(_plain(above), lower=numbers[0])
        pairs = ((weight, Question.parse(side).body) for weight, side in ((1.0, above), (-1.0, below)))
        both = combine((weight, body) for weight, body in pairs if not isinstance(body, Best))
        return Inequality(str(Question.of(both)), lower=0.0)

    def __str__(self) -> str:
        low = "" if self.lower == -math.inf else f"{self.lower:g} <= "
        high = "" if self.upper == math.inf else f" <= {self.upper:g}"
        return f"{low}{self.of}{high}"


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _plain(text: str) -> str:
    """The terms of a side in their own spelling; a side without any is refused."""
    question = Question.parse(text)
    if isinstance(question.body, Number):
        raise QuestionError(f"{shown(text)} names no probability.")
    return str(question)
