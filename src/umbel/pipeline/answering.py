"""From a verdict to the Answer, and from an estimand and a study to its numbers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from umbel.config.problem import MethodSpec
from umbel.errors import ProblemError, did_you_mean, shown
from umbel.graph.mixed import Graph
from umbel.graph.render import graph_text
from umbel.results.answer import Answer
from umbel.results.step import EstimandView, Refusal
from umbel.results.value import DataSource, Seconds
from umbel.results.verdict import Identified, Refused, Unidentified, Verdict

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.estimator import Estimator


def answer_of(
    verdict: Verdict, graph: Graph, *, title: str = "", assumptions: tuple[str, ...] = (), seconds: float | None = None
) -> Answer:
    """The verdict as an Answer without numbers.

    Parameters
    ----------
    verdict, graph
        What was found, and in which graph.
    title, assumptions
        The user's own words.
    seconds
        How long identification took.
    """
    blank = Answer(
        title=title,
        graph=graph_text(graph),
        question=verdict.question.text,
        verdict="refused",
        assumptions=assumptions,
        seconds=Seconds(identify=seconds),
    )
    match verdict:
        case Identified():
            estimand = verdict.estimand
            return replace(
                blank,
                verdict="identified",
                estimand=EstimandView(estimand.text(), estimand.latex(), estimand.strategy),
                steps=verdict.steps,
                assumptions=(*assumptions, *verdict.assumptions),
                remarks=verdict.remarks,
            )
        case Unidentified():
            return replace(
                blank,
                verdict="unidentified",
                certificate=verdict.certificate,
                steps=verdict.steps,
                remarks=verdict.remarks,
            )
        case Refused():
            return replace(blank, refusal=verdict.refusal)
        case _:
            assert_never(verdict)


def estimated(
    answer: Answer,
    verdict: Identified,
    graph: Graph,
    studies: tuple[Study, ...],
    *,
    method: MethodSpec,
    rng: np.random.Generator | None,
) -> Answer:
    """The Answer with numbers from the estimator that fits best, or with the reason why none does.

    Parameters
    ----------
    answer
        The verdict's Answer, without numbers.
    verdict, graph
        The estimand, and the states of its variables.
    studies
        At least one.
    method
        What the user chose.
    rng
        None: from the method's seed, which the Answer then reports.
    """
    import numpy as np

    from umbel.estimate.estimator import Supported, Target

    start = time.perf_counter()
    if len(studies) > 1:
        refusal = Refusal("Several studies in one estimate are not answered yet.", "Give one study.")
        return replace(answer, refusal=refusal)
    study = studies[0]
    domains = {graph.names[node]: domain for node, domain in graph.facts.domains}
    target = Target(str(verdict.question), verdict.estimand.body, domains)
    fits = [(one, one.supports(target, study)) for one in _estimators(method)]
    fitting = [(fit.score, one) for one, fit in fits if isinstance(fit, Supported)]
    if not fitting:
        reasons = [fit for _, fit in fits if isinstance(fit, Refusal)]
        return replace(answer, refusal=reasons[0])
    best = max(fitting, key=lambda pair: pair[0])[1]
    found = best.estimate(target, study, rng=np.random.default_rng(method.seed) if rng is None else rng)
    if isinstance(found, Refusal):
        return replace(answer, refusal=found)
    outermost, *others = study.tables()
    return replace(
        answer,
        estimate=replace(found.estimate, seed=method.seed if rng is None else None),
        table=found.rows,
        checks=found.checks,
        assumptions=(*answer.assumptions, *found.assumptions),
        references=found.references,
        data=(DataSource(outermost.name, units=found.units), *(DataSource(table.name) for table in others)),
        seconds=replace(answer.seconds, estimate=time.perf_counter() - start),
    )


def _estimators(method: MethodSpec) -> tuple[Estimator, ...]:
    """The estimators that a ``[method]`` table admits, by its name or all."""
    from umbel.estimate.summaries import NormalHierarchy

    known: tuple[Estimator, ...] = (NormalHierarchy(location=method.location, scale=method.scale, level=method.level),)
    if method.name is None:
        return known
    chosen = tuple(one for one in known if one.name == method.name)
    if not chosen:
        names = [one.name for one in known]
        raise ProblemError(f"[method]: there is no estimator {shown(method.name)}. {did_you_mean(method.name, names)}")
    return chosen
