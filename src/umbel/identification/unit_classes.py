"""Effects that hierarchy alone cannot identify, through a latent class of the units.

The class is promoted to an observed variable of the unit; if the question is then identified, and
the members give views of the class, every law that mentions the class is a weighted mean of what is
observed, and the estimand stands. What looks like a view and is none is refused with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from umbel.expr.unmixing import UnitUnmixing
from umbel.graph.mixed import Graph
from umbel.model.query import Question
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Verdict
from umbel.structure.classes import NoRoles
from umbel.structure.unit_classes import unit_views


def through_unit_class(graph: Graph, question: Question, identify: Callable[[Graph], Verdict]) -> Verdict | None:
    """The verdict with one latent class promoted; None where the class is not what stands in the way.

    Parameters
    ----------
    graph
        With plates, and at least one ``classes``.
    question
        What was asked.
    identify
        Identifies the question in another graph.
    """
    for latent, _ in graph.facts.classes if graph.plates else ():
        if graph.plate_of[latent] >= 0:
            continue
        facts = replace(graph.facts, classes=tuple(pair for pair in graph.facts.classes if pair[0] != latent))
        promoted = identify(replace(graph, latent=graph.latent & ~(1 << latent), facts=facts))
        if not isinstance(promoted, Identified):
            continue
        found = unit_views(graph, latent, graph.mask(question.names()))
        if isinstance(found, NoRoles):
            return Refused(question, Refusal(found.why, found.advice))
        return _identified(promoted, found)
    return None


def _identified(promoted: Identified, found: UnitUnmixing) -> Identified:
    u, x = found.latent, ", ".join(found.covariates)
    views = ", ".join(found.views)
    steps = [Step("promote", f"the class {u} of a unit is read as if it were observed")]
    match found.kind:
        case "proxy":
            within = f" within values of {found.arm}" if found.arm else ""
            words = f"given {u}, {x} is independent of all that is read; {views} of each other{within}"
        case "covariates":
            words = f"given {u}, {x} and ({views}) are independent"
        case "replicates":
            asked = found.members if found.classes else "several"
            words = f"given {u}, {asked} members' values of {x} and ({views}) are independent"
    steps.append(Step("views", words))
    steps.append(Step("unmix", f"laws with {u} are means weighted by the dual of the law of {x} in each class"))
    number = f"{u} has {found.classes} classes" if found.classes else f"The data show how many classes {u} has"
    assumptions = [
        f"{number}, whose laws of {x} are linearly independent.",
        f"{u} is the only hidden variable behind more than one of the views.",
    ]
    if found.kind == "replicates":
        enough = f"{2 * found.classes} members" if found.classes else "twice as many members as classes"
        least = f"at least {found.members} members" if found.classes else f"as many members as {u} has classes"
        assumptions.append(f"Units of one class have one and the same law of {x} (tested from {enough}).")
        assumptions.append(f"Each unit shows {x} for {least}.")
    estimand = replace(promoted.estimand, strategy=f"kinds of units, {promoted.estimand.strategy}", unmixing=found)
    remark = f"Not identified without the classes of {u}: they are what makes it so."
    return replace(
        promoted,
        estimand=estimand,
        steps=(*steps, *promoted.steps),
        assumptions=(*assumptions, *promoted.assumptions),
        remarks=(remark, *promoted.remarks),
    )
