"""Question bodies changed term by term: the one walk that takes a body apart and puts it together again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from umbel.model.query import (
    Best,
    Body,
    Combination,
    Expectation,
    Intervention,
    Plain,
    Probability,
    Ratio,
    Term,
    combine,
)


def by_terms(body: Body, change: Callable[[Term], Plain]) -> Body:
    """The body with every term, numbers included, replaced by what ``change`` makes of it.

    Examples
    --------
    >>> from umbel.model.query import Number, Question
    >>> half = lambda term: term if isinstance(term, Number) else Number(0.5)
    >>> by_terms(Question.parse("2*P(Y=1) + 1").body, half)
    Number(value=2.0)
    """
    return Best(body.parameters, by_terms(body.body, change)) if isinstance(body, Best) else _plain(body, change)


def _plain(body: Plain, change: Callable[[Term], Plain]) -> Plain:
    match body:
        case Combination(parts):
            return combine((weight, _plain(part, change)) for weight, part in parts)
        case Ratio(numerator, denominator):
            return Ratio(by_terms(numerator, change), by_terms(denominator, change))
        case _:
            return change(body)


def by_settings(body: Body, change: Callable[[Intervention], Intervention | None]) -> Body:
    """The body with every intervention of a ``do`` replaced; None leaves it out.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> print(Question.of(by_settings(Question.parse("E[Y | do(A=1), X]").body, lambda item: None)))
    E[Y | X]
    """

    def changed(term: Term) -> Plain:
        if not isinstance(term, Probability | Expectation):
            return term
        items = (change(item) for item in term.do)
        return replace(term, do=tuple(item for item in items if item is not None))

    return by_terms(body, changed)
