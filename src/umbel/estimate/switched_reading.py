"""Read a switched shape off laws: settings that differ from law to law."""

from __future__ import annotations

from collections.abc import Sequence

from umbel.estimate.expansion import raw_name
from umbel.estimate.shapes import Outcome, Stage, Switched
from umbel.expr.nodes import AtState, Held, Probability, Symbol
from umbel.variable import State

Settings = dict[str, State]


def switched_of(laws: Sequence[Probability], outcome: Outcome) -> Switched | None:
    """The switched shape of laws that generate each of their symbols once; None where they have none.

    It is exact: every law reads all that comes before it, so that the value is that of the laws
    whatever the graph.
    """
    events = dict(outcome.events)
    read = [_settings(law, events) for law in laws]
    known = [one for one in read if one is not None]
    if len(known) < len(read):
        return None
    where = {name: state for name, state in known[0].items() if all(one.get(name) == state for one in known)}
    rest = [{name: state for name, state in one.items() if name not in where} for one in known]
    joint = {name: state for name, state in events.items() if any(name in one for one in rest)}
    left = tuple((name, state) for name, state in outcome.events if name not in joint)
    switching = _switching(rest, joint)
    if not switching or (outcome.numeric is None and not left):
        return None
    if any(raw_name(slot) in joint | where and isinstance(slot, Symbol) for law in laws for slot in law.given):
        return None
    ranked = [dict(sorted(one.items(), key=lambda pair: (pair[0] not in switching, pair[0]))) for one in rest]
    stages = _ordered(laws, ranked, set(where), joint)
    if stages is None or len(stages) < 2:
        return None
    fixed = tuple(sorted(where.items()))
    return Switched(stages, Outcome(outcome.numeric, left), tuple(sorted(joint.items())), fixed)


def _settings(law: Probability, events: Settings) -> Settings | None:
    """Conditions at states that are not the events' own; None where one is held at no state."""
    found: Settings = {}
    for slot in law.given:
        if isinstance(slot, Held):
            if not isinstance(slot.value, AtState):
                return None
            if events.get(raw_name(slot)) != slot.value.state:
                found[raw_name(slot)] = slot.value.state
    return found


def _switching(settings: Sequence[Settings], joint: Settings) -> set[str]:
    """Variables that stand at two states."""
    found: dict[str, set[State]] = {}
    for one in (*settings, joint):
        for name, state in one.items():
            found.setdefault(name, set()).add(state)
    return {name for name, states in found.items() if len(states) > 1}


def _ordered(
    laws: Sequence[Probability], settings: Sequence[Settings], where: set[str], joint: Settings
) -> tuple[Stage, ...] | None:
    """Laws in an order in which each reads all before it; joint events come about in the first."""
    waiting = list(zip(laws, settings, strict=True))
    stages: list[Stage] = []
    known: set[str] = set()
    while waiting:
        ready = [
            (law, own)
            for law, own in waiting
            if {name for slot in law.given if (name := raw_name(slot)) not in own and name not in where} == known
        ]
        if not ready:
            return None
        law, own = ready[0]
        waiting.remove(ready[0])
        names = tuple(raw_name(slot) for slot in law.of)
        if set(names) & set(joint) and (stages or not set(joint) <= set(names)):
            return None  # a switched variable's own law is read after others
        names = tuple(name for name in names if name not in joint)
        kept = tuple(own.items())
        if stages and stages[-1].settings == kept and not (joint and len(stages) == 1):
            stages[-1] = Stage(kept, (*stages[-1].variables, *names))
        else:
            stages.append(Stage(kept, names))
        known |= set(names)
    return tuple(stages)
