"""From a question for the best policy and a study to the Answer: parameters, value, honest gain."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.config.problem import MethodSpec
from umbel.errors import ProblemError, did_you_mean, shown
from umbel.identification.ask import identify_question
from umbel.model.parameters import without_policies
from umbel.model.query import Best, Question
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.verdict import Identified

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.estimator import Target


def _unread(method: MethodSpec) -> tuple[Check, ...]:
    """Settings that choosing a policy has no use for: a doubt, never a silence."""
    settings = ("name", "location", "scale", "analysis", "outcome", "treatment", "folds")
    given = [name for name in settings if getattr(method, name) is not None]
    given += ["scan"] if method.scan else []
    advice = f"The best policy has a method of its own; it does not read {' and '.join(given)}."
    return (Check("method", False, None, advice),) if given else ()


def best_in(
    answer: Answer,
    verdict: Identified,
    target: Target,
    studies: tuple[Study, ...],
    *,
    method: MethodSpec,
    rng: np.random.Generator | None,
) -> Answer:
    """The Answer with the best policy's parameters and what it gains, or why there are none.

    Raises
    ------
    ProblemError
        For a box of a parameter that the question does not name.
    """
    import numpy as np

    from umbel.estimate.best import BestPolicy
    from umbel.estimate.best_scored import BestOnScores, reads_numbers
    from umbel.estimate.network_best import BestOnNetwork
    from umbel.estimate.network_model import is_network_mean

    best = verdict.question.body
    assert isinstance(best, Best)
    for name, _, _ in method.box:
        if name not in best.parameters:
            raise ProblemError(
                f"[method]: box names {shown(name)}, and max[…] does not. {did_you_mean(name, best.parameters)}"
            )
    start = time.perf_counter()
    if len(studies) > 1:
        refusal = Refusal("The best policy is not looked for in several studies yet.", "Give one study.")
        return replace(answer, refusal=refusal)
    given = np.random.default_rng(method.seed) if rng is None else rng
    if is_network_mean(target.expr):
        network = BestOnNetwork(level=method.level, box=method.box, budget=method.budget)
        found = network.answer(target, studies[0], rng=given)
    else:
        usual = identify_question(verdict.proof.graph, Question.of(without_policies(best.body, best.parameters)))
        assert isinstance(usual, Identified), "looked at with the question"
        wide = reads_numbers(target, usual.estimand.body, studies[0])
        chooser = (BestOnScores if wide else BestPolicy)(level=method.level, box=method.box, budget=method.budget)
        found = chooser.answer(target, usual.estimand.body, studies[0], rng=given)
    if isinstance(found, Refusal):
        return replace(answer, refusal=found)
    return replace(
        answer,
        estimate=replace(found.estimate, seed=method.seed if rng is None else None),
        policy=found.policy,
        table=found.rows,
        checks=(*found.checks, *_unread(method)),
        assumptions=(*answer.assumptions, *found.assumptions),
        references=found.references,
        data=found.data,
        seconds=replace(answer.seconds, estimate=time.perf_counter() - start),
    )
