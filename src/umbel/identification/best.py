"""The best policy of a family: identified as the effect of any one of its policies is.

Whether ``E[Y | do(A ~ f_k)]`` is identified does not depend on ``k``, so one value stands for all
(Sherman, Arbour and Shpitser 2020, section 5.3). What is best is found in the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from umbel.expr.build import leaves, rebuilt
from umbel.expr.nodes import Drawn, Expr, NetworkMean, Policy
from umbel.graph.mixed import Graph
from umbel.model.parameters import ParametricLaw, at_values, chosen_laws, family_at, without_policies
from umbel.model.policy import Family
from umbel.model.query import Best, Probability, Question
from umbel.model.render_policy import law_text
from umbel.model.source import Experiment
from umbel.model.weights import FamilyLaw, PushedLaw
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Unidentified, Verdict

Ask = Callable[[Graph, Question, Sequence[Experiment]], Verdict]
ANY = 0.48719263
"""Stands for every value of a parameter while only the shape of the question matters; nobody writes it."""


def best_policy(graph: Graph, question: Question, sources: Sequence[Experiment], ask: Ask) -> Verdict:
    """The verdict on ``max[k] …``; the estimand keeps the parameters in its laws.

    Parameters
    ----------
    graph, question, sources
        As asked; the question is checked.
    ask
        Identifies a question without ``max``.
    """
    best = question.body
    assert isinstance(best, Best)
    laws = chosen_laws(best.body, best.parameters)
    if any(isinstance(term, Probability) and any(e.value is None for e in term.outcomes) for term in question.terms()):
        return Refused(
            question, Refusal("The largest of several numbers is asked for.", "Name one: max[k] P(Y=1 | …).")
        )
    if any(family.name not in ("Bernoulli", "Categorical") for family in laws.values()):
        return Refused(
            question,
            Refusal("The best point or normal law is not looked for.", "Choose a chance: do(A ~ Bernoulli((C > k)))."),
        )
    found = ask(graph, Question.of(at_values(best.body, dict.fromkeys(best.parameters, ANY))), sources)
    if isinstance(found, Refused):
        return replace(found, question=question)
    if isinstance(found, Unidentified):
        return replace(found, question=question)
    if not isinstance(found, Identified):
        return Refused(question, Refusal("Bounds are not made as large as can be.", "Ask for one policy."))
    if any(isinstance(leaf, Drawn) and isinstance(leaf.policy.law, PushedLaw) for leaf in leaves(found.estimand.body)):
        return Refused(
            question,
            Refusal("The best policy among friends inside units is not looked for.", "Ask for the effect of one."),
        )
    in_network = any(isinstance(leaf, NetworkMean) for leaf in leaves(found.estimand.body))
    usual = found if in_network else ask(graph, Question.of(without_policies(best.body, best.parameters)), sources)
    if not isinstance(usual, Identified):
        return Refused(
            question, Refusal("What happens without the policy is not identified.", "Ask for the effect of one policy.")
        )
    steps = tuple(_told(one, laws, best.parameters) for one in found.steps)
    step = Step("family", f"identified alike for every value of {', '.join(best.parameters)}; the data choose")
    body = parametric(found.estimand.body, laws, best.parameters)
    return replace(found, question=question, estimand=replace(found.estimand, body=body), steps=(*steps, step))


def _told(step: Step, laws: dict[str, Family], parameters: tuple[str, ...]) -> Step:
    """A step with the families as they were written."""
    detail = step.detail
    for family in laws.values():
        detail = detail.replace(law_text(family_at(family, dict.fromkeys(parameters, ANY))), law_text(family))
    law = None if step.law is None else parametric(step.law, laws, parameters)
    return replace(step, detail=detail, law=law)


def parametric(expr: Expr, laws: dict[str, Family], parameters: tuple[str, ...]) -> Expr:
    """The estimand with the families that parameters decide as they were written."""
    if isinstance(expr, Drawn):
        return Drawn(_as_written(expr.policy, laws, parameters), expr.of, expr.given)
    if isinstance(expr, NetworkMean):
        set_to = ((of, _as_written(v, laws, parameters) if isinstance(v, Policy) else v) for of, v in expr.set_to)
        return replace(expr, set_to=tuple(set_to))
    return rebuilt(expr, lambda child: parametric(child, laws, parameters))


def _as_written(policy: Policy, laws: dict[str, Family], parameters: tuple[str, ...]) -> Policy:
    family, known = laws.get(policy.of.name), policy.law
    at_any = None if family is None else family_at(family, dict.fromkeys(parameters, ANY))
    if family is None or not isinstance(known, FamilyLaw) or known.family != at_any:
        return policy
    return replace(policy, law=ParametricLaw(family, law_text(family), parameters))
