"""From a verdict to the Answer, and from an estimand and a study to its numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from umbel.config.problem import MethodSpec
from umbel.errors import ProblemError, did_you_mean, shown
from umbel.expr.build import leaves
from umbel.expr.nodes import Number
from umbel.graph.mixed import Graph
from umbel.graph.render import graph_text
from umbel.graph.separation import m_separated
from umbel.model.query import Best, Question
from umbel.pipeline.choosing import best_in
from umbel.pipeline.making import with_totals, without_friends
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import EstimandView, Refusal
from umbel.results.value import DataSource, Seconds
from umbel.results.verdict import Bounded, Identified, Refused, Unidentified, Verdict

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.crossfit import Learners
    from umbel.estimate.estimator import Estimated, Estimator, Independent, Names, Target, Watch
    from umbel.estimate.stacking import Stacked


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
                certificate=replace(verdict.certificate, remedies=verdict.remedies),
                steps=verdict.steps,
                remarks=verdict.remarks,
            )
        case Bounded():
            return replace(
                blank,
                verdict="bounded",
                certificate=verdict.certificate and replace(verdict.certificate, remedies=verdict.remedies),
                steps=verdict.steps,
                assumptions=(*assumptions, *verdict.assumptions),
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
    watch: Watch | None = None,
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
    watch
        Shows how far long work is; None: nobody looks on.
    """
    import numpy as np

    from umbel.estimate.choose import choose
    from umbel.estimate.estimator import Estimated, unwatched
    from umbel.estimate.ratios import on_log_scale
    from umbel.estimate.standing import contradicted, set_aside, status_of, with_another_model

    start = time.perf_counter()
    target = target_of(verdict, graph, studies)
    if isinstance(verdict.question.body, Best):
        return best_in(answer, verdict, target, studies, method=method, rng=rng)
    opened = _opened(target, studies, graph)
    if isinstance(opened, Refusal):
        return replace(answer, refusal=opened)
    target, study = opened.target, opened.study
    among = estimators_of(method)
    best = choose(target, study, among)
    if isinstance(best, Refusal):
        return replace(answer, refusal=best)
    given = np.random.default_rng(method.seed) if rng is None else rng
    look = unwatched if watch is None else watch
    found = best.estimate(target, study, rng=given, watch=look)
    if isinstance(found, Refusal):
        return replace(answer, refusal=found, checks=(*answer.checks, *found.checks))
    wrong = contradicted(found.checks)
    bent = with_another_model(best, target, study, among) if wrong else None
    other = bent.estimate(target, study, rng=given, watch=look) if bent is not None else None
    if bent is not None and isinstance(other, Estimated) and not contradicted(other.checks):
        found, best = replace(other, assumptions=(*other.assumptions, set_aside(best, wrong))), bent
    found = on_log_scale(opened.told(found), verdict.question, study)
    outermost, *others = study.tables()
    plain = (DataSource(outermost.name, units=found.units), *(DataSource(table.name) for table in others))
    return replace(
        answer,
        estimate=replace(found.estimate, seed=method.seed if rng is None else None),
        classes=found.classes,
        table=found.rows,
        remarks=(*answer.remarks, *opened.made, *_idle(verdict, studies), *_words(target, study)),
        checks=(*status_of(found.checks), *found.checks, *_no_spread(found, target), *_unread(best, method)),
        assumptions=(*answer.assumptions, *found.assumptions),
        references=found.references,
        data=found.data or plain,
        seconds=replace(answer.seconds, estimate=time.perf_counter() - start),
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """What estimators read: one study, with the estimand on it.

    Parameters
    ----------
    stacked
        Where several studies became one; None for one.
    made
        Which columns were made of others, in words.
    """

    target: Target
    study: Study
    stacked: Stacked | None
    made: tuple[str, ...]

    def told(self, found: Estimated) -> Estimated:
        """Numbers of the one study in words of the several."""
        return found if self.stacked is None else self.stacked.told(found)


def _opened(target: Target, studies: tuple[Study, ...], graph: Graph) -> _Opened | Refusal:
    """One study with the totals that its table lacks; several as one table."""
    from umbel.estimate.flat import with_unread_states
    from umbel.estimate.stacking import one_table

    if len(studies) == 1:
        study, made = with_totals(without_friends(studies[0], target, graph), target, graph)
        return _Opened(with_unread_states(target, (study,)), study, None, made)
    joined = one_table(with_unread_states(target, studies), studies)
    return joined if isinstance(joined, Refusal) else _Opened(joined.target, joined.study, joined, ())


def target_of(verdict: Identified, graph: Graph, studies: Sequence[Study] = ()) -> Target:
    """The estimand as an estimator reads it; rows that were kept by a variable break independences."""
    from umbel.estimate.estimator import Target

    plain = not graph.plates and not any(study.selected or study.unit for study in studies)

    estimand = verdict.estimand
    domains = {graph.names[node]: domain for node, domain in graph.facts.domains}
    term, axes, strategy = str(verdict.question), estimand.axes, estimand.strategy
    needs = estimand.requirements()
    vouch = _independences(graph) if plain else None
    return Target(term, estimand.body, domains, axes, needs, strategy, estimand.unmixing, estimand.macro, vouch)


def _independences(graph: Graph) -> Independent:
    """m-separation by names; what the graph does not name is independent of nothing."""

    def independent(one: Names, other: Names, given: Names) -> bool:
        if not one | other | given <= set(graph.names):
            return False
        x, y, z = (graph.mask(sorted(names)) for names in (one, other, given))
        return m_separated(graph, x & ~z, y & ~z, z)

    return independent


def _idle(verdict: Identified, studies: Sequence[Study]) -> tuple[str, ...]:
    """Studies that were given and are not read: nobody should believe that their rows count."""
    from umbel.estimate.expansion import sources_of

    if len(studies) == 1:
        return ()
    read = sources_of(verdict.estimand.body)
    idle = [str(at) for at in range(1, len(studies) + 1) if at - 1 not in read]
    who = f"study {idle[0]}" if len(idle) == 1 else f"studies {', '.join(idle)}"
    return (f"Nothing is read of {who}: rows of several studies are not pooled.",) if idle else ()


def _words(target: Target, study: Study) -> tuple[str, ...]:
    """What the columns are that the question names, in the words that came with them."""
    found = []
    for one in study.variables:
        if one.variable in Question.parse(target.term).names() and (one.label or one.measure):
            measure = f", in {one.measure}" if one.measure else ""
            found.append(f"{one.variable}: {one.label or one.column}{measure}.")
    return tuple(found)


def _no_spread(found: Estimated, target: Target) -> tuple[Check, ...]:
    """A doubt about an interval without width: rows that agree say little of others, the fewer they are."""
    error, exact = found.estimate.se, all(isinstance(leaf, Number) for leaf in leaves(target.expr))
    if error is None or found.estimate.value is None or exact or error > 1e-12 * max(1.0, abs(found.estimate.value)):
        return ()
    advice = "All rows that the answer rests on agree, so its interval has no width; that says little of other rows."
    return (Check("spread", False, error, advice),)


def _unread(estimator: Estimator, method: MethodSpec) -> tuple[Check, ...]:
    """Settings that the estimator has no use for: a doubt, never a silence."""
    settings = ("location", "scale", "analysis", "outcome", "treatment", "folds")
    given = [name for name in settings if getattr(method, name) is not None]
    unread = [name for name in given if not hasattr(estimator, name)]
    advice = f"The estimator '{estimator.name}' does not read {' and '.join(unread)}."
    return (Check("method", False, None, advice),) if unread else ()


def learners_of(method: MethodSpec) -> Learners:
    """The learners of nuisances that a ``[method]`` table names, or that a caller handed over.

    Raises
    ------
    ProblemError
        For an object that cannot be fitted, and fewer than two folds.
    """
    from umbel.estimate.crossfit import Learners
    from umbel.estimate.named_learners import learner_named

    found = []
    for role in ("outcome", "treatment"):
        given = getattr(method, role)
        if isinstance(given, str):
            given = learner_named(given)
        elif given is not None and not (hasattr(given, "fit") and not isinstance(given, type)):
            raise ProblemError(
                f"[method]: {role} is {shown(repr(given))}. Give an object with fit(X, y) and predict(X), "
                "such as a scikit-learn regressor, or one of the words 'ridge', 'forest', 'boosting'."
            )
        found.append(given)
    folds = 5 if method.folds is None else method.folds
    if folds < 2:
        raise ProblemError(f"[method]: folds is {folds}. Scoring rows by what never saw them takes 2 or more.")
    return Learners(found[0], found[1], folds)


def estimators_of(method: MethodSpec) -> tuple[Estimator, ...]:
    """The estimators that a ``[method]`` table admits, by its name or all."""
    from umbel.estimate.choose import estimators

    known = estimators(
        level=method.level,
        location=method.location,
        scale=method.scale,
        analysis=method.analysis,
        learners=learners_of(method),
        scan=method.scan,
    )
    if method.name is None:
        return known
    chosen = tuple(one for one in known if one.name == method.name)
    if not chosen:
        names = dict.fromkeys(one.name for one in known)
        raise ProblemError(f"[method]: there is no estimator {shown(method.name)}. {did_you_mean(method.name, names)}")
    return chosen
