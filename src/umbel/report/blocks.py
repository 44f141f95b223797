"""The numbers of an Answer as tables of words: what text and page both show, decided once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from umbel.report.digits import DUST, decimals_of, interval, number, percent
from umbel.results.answer import Answer
from umbel.results.value import Bounds, Estimate, LatentClass, Policy, Row

MEET = 1e-6
"""Bounds this close are one value."""

Span = tuple[float | None, float | None, float | None]
"""Lower end, value and upper end of a line that can be drawn; None where there is none."""


@dataclass(frozen=True, slots=True)
class Block:
    """One table: its title, the heads of its columns, its lines, and what each line would be as a drawing."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    spans: tuple[Span, ...]


def blocks_of(answer: Answer) -> Iterator[Block]:
    """Each table of numbers, the answer itself first.

    Examples
    --------
    >>> found = Estimate(2.0142, se=0.0488, interval=(1.9186, 2.1098), level=0.95, method="aipw")
    >>> next(blocks_of(Answer(question="ATE(A, Y)", verdict="identified", estimate=found))).lines
    (('2.0142', '0.0488', '[1.9186, 2.1098]'),)
    """
    estimate, bounds = answer.estimate, answer.bounds
    level = None if estimate is None else estimate.level
    single = estimate is not None and estimate.value is not None
    if estimate is not None and single:
        yield _estimate(estimate)
    if bounds is not None:
        yield _bounds(bounds)
    if answer.classes is not None and not any(row.kind == "class" for row in answer.table):
        yield _classes(answer.classes, level)
    if answer.policy is not None:
        yield _policy(answer.policy, level)
    # what stands above already is not repeated
    told = ("lower", "upper") if bounds is not None else ("estimate",) if single else ()
    shown = [row for row in answer.table if row.given or row.term != answer.question or row.kind not in told]
    if shown:
        title = "Rows" if estimate is None or single else _title(estimate, "s")
        yield _rows(title, shown, width_words(level if bounds is None else bounds.level))


def width_words(level: float | None) -> str:
    """What an interval is called: ``95% interval``."""
    return "interval" if level is None else f"{percent(level)} interval"


def _title(estimate: Estimate, plural: str = "") -> str:
    word = "Posterior" if estimate.kind == "posterior" else f"Estimate{plural}"
    return f"{word} ({estimate.method})" if estimate.method else word


def _error(value: float | None, se: float | None, at: int | None) -> str:
    """A standard error; what rounding alone left of a value is shown as zero."""
    rounding = value is not None and se is not None and se < DUST * abs(value)
    return "0" if rounding else number(se, at)


def _estimate(estimate: Estimate) -> Block:
    """A posterior is read by its quantiles, a confidence interval as a pair."""
    at = decimals_of([estimate.value], se=estimate.se, pair=estimate.interval)
    found = (number(estimate.value, at), _error(estimate.value, estimate.se, at))
    low, high = estimate.interval or (None, None)
    spans = ((low, estimate.value, high),)
    if estimate.kind == "posterior" and estimate.level is not None:
        tail = (1 - estimate.level) / 2
        quantiles = ("mean", "sd", percent(tail), percent(1 - tail))
        return Block(_title(estimate), quantiles, ((*found, number(low, at), number(high, at)),), spans)
    heads = ("value", "se", width_words(estimate.level))
    return Block(_title(estimate), heads, ((*found, interval(estimate.interval, at)),), spans)


def _bounds(bounds: Bounds) -> Block:
    low, high = bounds.lower, bounds.upper
    meet = low is not None and high is not None and high - low <= MEET
    title = f"Bounds ({bounds.kind}; they meet in one value)" if meet else f"Bounds ({bounds.kind})"
    at = decimals_of([low, high], pair=bounds.interval)
    ends = (number(low, at), number(high, at))
    if bounds.interval is None:
        return Block(title, ("lower", "upper"), (ends,), ((low, None, high),))
    heads = ("lower", "upper", width_words(bounds.level))
    return Block(title, heads, ((*ends, interval(bounds.interval, at)),), ((low, None, high),))


def _classes(classes: Iterable[LatentClass], level: float | None) -> Block:
    lines, spans = [], []
    for one in classes:
        at = decimals_of([one.effect], pair=one.interval)
        lines.append((number(one.probability), number(one.effect, at), interval(one.interval, at)))
        low, high = one.interval or (None, None)
        spans.append((low, one.effect, high))
    return Block("Classes", ("probability", "effect", width_words(level)), tuple(lines), tuple(spans))


def _policy(policy: Policy, level: float | None) -> Block:
    at = decimals_of([policy.gain], pair=policy.interval)
    line = (*(number(k) for _, k in policy.k), number(policy.gain, at), interval(policy.interval, at))
    low, high = policy.interval or (None, None)
    heads = (*(name for name, _ in policy.k), "gain", width_words(level))
    return Block("Policy", heads, (line,), ((low, policy.gain, high),))


def _rows(title: str, rows: Sequence[Row], width: str) -> Block:
    keys = sorted({name for row in rows for name, _ in row.given})
    kinds = len({row.kind for row in rows}) > 1
    errors = any(row.se is not None for row in rows)
    heads = ("term", *keys, *(("kind",) if kinds else ()), "value", *(("se",) if errors else ()), width)
    lines = []
    for row in rows:
        given = dict(row.given)
        known = [*(str(given.get(key, "")) for key in keys), *([row.kind] if kinds else [])]
        ends = None if row.lower is None and row.upper is None else (row.lower, row.upper)
        at = decimals_of([row.value], se=row.se, pair=ends)
        error = [_error(row.value, row.se, at)] if errors else []
        lines.append((row.term, *known, number(row.value, at), *error, interval(ends, at)))
    return Block(title, heads, tuple(lines), tuple((row.lower, row.value, row.upper) for row in rows))
