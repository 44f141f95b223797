"""Studies that each answer a question by themselves: one is read, and the others are heard as to whether they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.config.problem import MethodSpec
from umbel.errors import InputError
from umbel.graph.mixed import Graph
from umbel.model.query import Question
from umbel.pipeline.answering import answer_of, estimated
from umbel.pipeline.opening import source_of, verdict_on
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.value import Row
from umbel.results.verdict import Identified

if TYPE_CHECKING:
    from umbel.data.study import Study

LEVEL = 0.01
"""Chance of a false alarm for each study that is heard."""


def with_other_studies(
    answer: Answer, verdict: Identified, graph: Graph, studies: Sequence[Study], method: MethodSpec
) -> Answer:
    """The Answer with one check for each study that is not read and answers by itself.

    Right where studies are samples drawn independently of each other. Costs an estimate for each.

    Parameters
    ----------
    answer
        With numbers.
    verdict, graph, studies, method
        What it answers, and from what.
    """
    from umbel.estimate.expansion import NotFlat, sources_of

    try:
        read = sources_of(verdict.estimand.body)
    except NotFlat:
        return answer
    if len(read) > 1:
        return answer
    checks = []
    for at, study in enumerate(studies):
        if at not in (read or {0}):
            other = _alone(verdict.question, graph, study, method)
            found = None if other is None else _compared(answer, other, at + 1)
            checks += [] if found is None else [found]
    return replace(answer, checks=(*answer.checks, *checks))


def _alone(question: Question, graph: Graph, study: Study, method: MethodSpec) -> Answer | None:
    """What one study says by itself; None where it says nothing."""
    try:
        verdict = verdict_on(graph, question, (source_of(graph, study),))
        if not isinstance(verdict, Identified):
            return None
        return estimated(answer_of(verdict, graph), verdict, graph, (study,), method=method, rng=None)
    except InputError:  # what it lacks is no fault: it is not read
        return None


def _compared(answer: Answer, other: Answer, number: int) -> Check | None:
    """The largest difference between rows of the same name, in standard errors."""
    theirs = {(row.term, row.given): row for row in other.rows()}
    gaps = []
    for row in answer.rows():
        twin = theirs.get((row.term, row.given))
        if twin is not None and (gap := _gap(row, twin)) is not None:
            gaps.append((gap, row, twin))
    if not gaps:
        return None
    gap, row, twin = max(gaps, key=lambda one: one[0])
    p = min(1.0, len(gaps) * math.erfc(gap / math.sqrt(2.0)))
    advice = f"Study {number} is not read; by itself it says {twin.value:.4g} where the answer is {row.value:.4g}"
    if p >= LEVEL:
        return Check(f"study {number} agrees", True, p, f"{advice}.")
    more = f", {gap:.1f} standard errors away: look whether both drew from one population, and measured alike."
    return Check(f"study {number} agrees", False, p, advice + more)


def _gap(one: Row, other: Row) -> float | None:
    """Distance of two numbers in standard errors of their difference."""
    if one.value is None or other.value is None or one.se is None or other.se is None:
        return None
    error = math.hypot(one.se, other.se)
    return abs(one.value - other.value) / error if error > 0.0 else None
