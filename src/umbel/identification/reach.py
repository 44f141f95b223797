"""What sources leave out of reach: doses that were not used, rows that were not kept.

Where an effect would be identified if a trial had used every dose, or kept every row, the question
has no answer as it was asked, but a nearby one has: that is a refusal with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from umbel.expr.nodes import AtState, Certain, Policy, Symbol, Value
from umbel.expr.render import state_text
from umbel.graph.mixed import bits
from umbel.identification.nested import flat_route, solve_given
from umbel.model.task import Sight, Task
from umbel.results.step import Refusal


def out_of_reach(task: Task) -> Refusal | None:
    """Why a task that is not identified would be, if one source went further; None when none would do."""
    for at, sight in enumerate(task.sources):
        for further, refusal in _further(task, sight):
            sources = (*task.sources[:at], further, *task.sources[at + 1 :])
            again = replace(task, sources=sources)
            if solve_given(again).expr is not None or (task.graph.plates and flat_route(again) is not None):
                return refusal
    return None


def _further(task: Task, sight: Sight) -> Iterator[tuple[Sight, Refusal]]:
    """A source with each of its limits lifted, and what to say of that limit."""
    names, study = task.graph.names, f"Source {sight.index + 1}"
    for node, doses in sight.doses:
        rest = tuple(pair for pair in sight.doses if pair[0] != node)
        at = " and ".join(map(dose_text, doses))
        if doses:
            why = f"{study} set {names[node]} to {at} alone, and the question visits other values."
            advice = f"Ask at {'this dose' if len(doses) == 1 else 'these doses'}, or add a source at the others."
            if task.graph.plate_of[node] < 0:
                advice += (
                    f" If these are all the states of {names[node]}, say so in the graph: states {names[node]} = …"
                )
        else:
            why = f"{study} set {names[node]} inside each unit at one share, which is not given: it shows no other law."
            advice = "Give the share, doses=(0.5,), and ask at it."
        yield replace(sight, doses=rest), Refusal(why, advice)
    if sight.kept_by:
        kept = ", ".join(names[node] for node in bits(sight.kept_by))
        hidden = ", ".join(names[node] for node in bits(sight.kept_by & ~sight.seen))
        why = f"{study} kept its rows by {kept}" + (f", and {hidden} is hidden in it." if hidden else ".")
        advice = f"Measure {hidden} in it" if hidden else "Measure what else decides about the outcome in it"
        yield (
            replace(sight, kept_by=0),
            Refusal(f"{why} Its laws are not those of all rows.", f"{advice}, or use all rows."),
        )


def dose_text(value: Value | Symbol) -> str:
    """A dose as the user wrote it.

    Examples
    --------
    >>> dose_text(Certain(AtState(1)))
    '1'
    """
    match value:
        case AtState(state):
            return state_text(state)
        case Certain(inner):
            return dose_text(inner)
        case Policy(law=law):
            return law.text if law is not None else "q"
        case Symbol():
            return "every value"
