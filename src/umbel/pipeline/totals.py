"""A total that was set without a realisation: the range over realisations, and the test of whether it matters.

A number is given only where data show that every realisation has the same effect, within a margin that the
Answer names; otherwise the refusal stands, with the range and its interval beside it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.model.policy import Natural
from umbel.model.query import (
    Body,
    Held,
    Question,
    Realised,
)
from umbel.model.rewrite import by_settings
from umbel.pipeline.answering import answer_of, estimated
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import Row
from umbel.results.verdict import Identified, Refused

if TYPE_CHECKING:
    from umbel.data.study import Study
    from umbel.estimate.totals import TotalRange
    from umbel.pipeline.bounding import Asked


def range_in(answer: Answer, verdict: Refused, asked: Asked) -> Answer:
    """What a study says of a macro question that names no realisation.

    Parameters
    ----------
    answer
        The refusal's Answer.
    verdict
        With the question in numbers.
    asked
        Graph, question, studies and method.
    """
    from umbel.estimate.totals import range_of_total

    form = verdict.macro
    if form is None or len(asked.studies) != 1:
        return answer
    start = time.perf_counter()
    method = asked.method
    found = range_of_total(form, asked.studies[0], level=method.level, rng=asked.randomness())
    if isinstance(found, Refusal):
        return replace(answer, remarks=(*answer.remarks, f"{found.why} {found.advice}"))
    seconds = replace(answer.seconds, estimate=time.perf_counter() - start)
    if found.report.verdict == "well-defined":
        return _settled(answer, asked.graph, asked.question, asked.studies, found, asked)
    return replace(
        answer,
        bounds=found.bounds.at_level(method.level),
        table=_rows(answer.question, found),
        remarks=(*answer.remarks, *_remarks(found)),
        checks=(_check(found), *found.checks),
        assumptions=(*answer.assumptions, *found.assumptions),
        references=found.references,
        data=(found.source,),
        seconds=seconds,
    )


def _check(found: TotalRange) -> Check:
    report = found.report
    advice = {
        "well-defined": "",
        "realisation-dependent": "The parts' effects are not proportional to their weights: realisations differ.",
        "inconclusive": (
            f"The rows do not show that realisations differ, nor that they agree within {report.margin:.0%}: collect "
            "more, or name a realisation."
        ),
    }[report.verdict]
    return Check("one effect for every realisation", report.verdict == "well-defined", report.test.p, advice)


def _remarks(found: TotalRange) -> tuple[str, ...]:
    report = found.report
    low, high = report.natural_interval
    assert report.spread is not None  # rows were held whole
    index_low, index_high = report.spread.interval
    return (
        f"By the natural realisation one unit of the total does {report.natural:.4g} "
        f"({100 * report.level:.4g}% interval {low:.4g} to {high:.4g}).",
        f"Of the parts' joint effect the total leaves open the share {report.spread.index:.3g} "
        f"({100 * report.level:.4g}% interval {index_low:.3g} to {index_high:.3g}).",
        "The range is over realisations in which all parts move the total the same way; its ends are drawn in by what "
        "they owe to noise, its interval covers both true ends.",
    )


def _rows(question: str, found: TotalRange) -> tuple[Row, ...]:
    """Both ends, and each part by itself."""
    low, high = found.bounds.interval or (None, None)
    rows = [
        Row(question, kind="lower", value=found.bounds.lower, lower=low),
        Row(question, kind="upper", value=found.bounds.upper, upper=high),
    ]
    report = found.report
    numbers = (report.names, report.effects.tolist(), report.effects_se.tolist(), report.effects_intervals())
    for name, effect, se, (lower, upper) in zip(*numbers, strict=True):
        rows.append(Row(f"one unit of the total through {name}", value=effect, se=se, lower=lower, upper=upper))
    return tuple(rows)


def _settled(
    answer: Answer, graph: Graph, question: Question, studies: tuple[Study, ...], found: TotalRange, asked: Asked
) -> Answer:
    """Every realisation has the effect of the natural one, within the margin: that number is the answer."""
    verdict = identify_question(graph, Question(question.text, _natural(question.body)))
    if not isinstance(verdict, Identified):
        return answer
    base = answer_of(
        verdict, graph, title=answer.title, assumptions=answer.assumptions, seconds=answer.seconds.identify
    )
    done = estimated(base, verdict, graph, studies, method=asked.method, rng=asked.rng)
    exact = found.report.test.kind == "exact"
    how = "by definition" if exact else f"within {found.report.margin:.0%} of the natural one"
    remark = f"No realisation was named, and none makes a difference {how}: the number holds for each of them."
    checks = tuple(one for one in done.checks if one.name != "one effect for every realisation")
    return replace(done, question=answer.question, remarks=(*done.remarks, remark), checks=(_check(found), *checks))


def _natural(body: Body) -> Body:
    """The same question with every total realised naturally."""
    return by_settings(
        body, lambda item: Realised(item.name, item.value, Natural()) if isinstance(item, Held) else item
    )
