"""Means of members as totals: a school's share of treated pupils is a functional of its law of treatment.

Plates come first: the micro-variable is the unit's law of the part. For a binary part without causes among
the members, law and share are one and the same, so that no realisation is needed; otherwise the share
leaves open who is treated, which has to be named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import induced
from umbel.model.formula import Constant
from umbel.model.policy import Family, Natural, Perfect
from umbel.model.query import (
    Body,
    Drawn,
    Held,
    Intervention,
    Question,
    Realised,
)
from umbel.model.render_policy import realisation_text
from umbel.model.rewrite import by_settings
from umbel.model.source import Experiment
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Verdict

Ask = Callable[[Graph, Question, Sequence[Experiment]], Verdict]


def through_unit_means(graph: Graph, question: Question, sources: Sequence[Experiment], ask: Ask) -> Verdict | None:
    """The verdict where the question's totals are means of one plate's members; None for any other graph.

    Parameters
    ----------
    graph, question, sources
        As for :func:`umbel.identification.aggregation.through_totals`.
    ask
        Identifies a question in a graph without aggregates.
    """
    means: dict[str, int] = {}
    for one in graph.aggregates:
        outer, deeper = graph.plate_path(one.child), graph.plate_path(one.parts[0].node)
        alone = len(one.parts) == 1 and one.kind == "mean" and not one.parts[0].near
        if not alone or len(deeper) != len(outer) + 1 or deeper[: len(outer)] != outer:
            return None
        means[graph.names[one.child]] = one.parts[0].node
    names = set(question.names()) & set(means)
    gone = sum(1 << one.child for one in graph.aggregates)
    if any(graph.children[node] for node in bits(gone)):
        return None
    plain = induced(replace(graph, aggregates=()), graph.everything & ~gone)
    seen = [
        one if one.observed is None else replace_observed(one, tuple(n for n in one.observed if n in plain.names))
        for one in sources
    ]
    if not names:
        return ask(plain, question, seen)
    set_here = {item.name for term in question.terms() for item in getattr(term, "do", ()) if item.name in means}
    if names - set_here:
        name = min(names - set_here)
        why = f"{name} is a mean over members, and is asked about as it is seen: that is not answered yet."
        return Refused(question, Refusal(why, "Ask for what setting it does."))
    for name in sorted(names):
        refusal = _unclear(graph, question, name, means[name])
        if refusal is not None:
            return Refused(question, refusal)
    text, words = question.text, _words(question, means, graph)
    verdict = ask(plain, Question(text, _drawn(question.body, means, graph)), seen)
    if not isinstance(verdict, Identified):
        return replace(verdict, question=question)
    steps = tuple(
        Step("unit mean", f"{name} is set by the law of {graph.names[means[name]]}") for name in sorted(names)
    )
    estimand = replace(verdict.estimand, strategy=f"{words}, {verdict.estimand.strategy}")
    return replace(verdict, estimand=estimand, steps=(*steps, *verdict.steps))


def replace_observed(one: Experiment, observed: tuple[str, ...]) -> Experiment:
    """The same source without some columns."""
    return Experiment(one.do, observed, doses=dict(one.doses) or None, assigned=one.assigned, selected=one.selected)


def _unclear(graph: Graph, question: Question, name: str, part: int) -> Refusal | None:
    """Why setting the mean says too little; None where it says all."""
    shown = graph.names[part]
    domain = dict(graph.facts.domains).get(part)
    if domain is None or tuple(domain.states) != (0, 1):
        return Refusal(
            f"{name} is a mean of {shown}: a share, if {shown} is 0 or 1, and far from a law of {shown} otherwise.",
            f"Declare states {shown} = 2, or ask for a law: do({shown} ~ Normal(…)).",
        )
    inside = sum(1 << i for i, plate in enumerate(graph.plate_of) if plate == graph.plate_of[part])
    causes = (graph.parents[part] | graph.siblings[part]) & inside
    for term in question.terms():
        for item in getattr(term, "do", ()):
            if item.name != name:
                continue
            value = getattr(item, "value", None)
            if not isinstance(item, Held | Realised) or not isinstance(value, int | float) or not 0 <= value <= 1:
                return Refusal(f"{name} is a share and is set to a value from 0 to 1.", f"Ask for do({name} = 0.5).")
            by = item.by if isinstance(item, Realised) else None
            if isinstance(by, Perfect) or (not causes and isinstance(by, Natural | None)):
                continue
            given = ", ".join(graph.names_of(causes)) or "nothing"
            if isinstance(by, Natural):
                return Refusal(
                    f"By the natural realisation units treat as those do whose {name} is {value:g}: an average over "
                    f"laws of {shown} given {given}, which no estimator reads yet.",
                    "Compute it from units' rates with umbel.aggregate.UnitPopulation, or name a law.",
                )
            return Refusal(
                f"A share of {value:g} leaves open who is treated, since {shown} goes with {given} inside units.",
                f"Name it: do({name} = {value:g} by perfect({shown})) treats everyone alike; "
                f"do({shown} ~ Bernoulli(…)) with a formula of {given} says who is first.",
            )
    return None


def _words(question: Question, means: dict[str, int], graph: Graph) -> str:
    found: dict[str, None] = {}
    for term in question.terms():
        for item in getattr(term, "do", ()):
            if isinstance(item, Realised):
                found[f"{item.name} by {realisation_text(item.by)}"] = None
            elif item.name in means:
                found[f"{item.name}, whose value is the law of {graph.names[means[item.name]]}"] = None
    return ", ".join(found)


def _drawn(body: Body, means: dict[str, int], graph: Graph) -> Body:
    """Every set mean as the law of its part."""

    def change(item: Intervention) -> Intervention:
        if item.name in means and isinstance(item, Held | Realised) and isinstance(item.value, int | float):
            return Drawn(graph.names[means[item.name]], Family("Bernoulli", (Constant(float(item.value)),)))
        return item

    return by_settings(body, change)
