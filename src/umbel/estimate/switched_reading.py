"""Read a switched shape off laws: one treatment that stands at different states in different laws."""

from __future__ import annotations

from collections.abc import Sequence

from umbel.estimate.expansion import raw_name
from umbel.estimate.shapes import Outcome, Setting, Stage, Switched
from umbel.expr.nodes import AtState, Held, Probability, Symbol
from umbel.variable import State


def switched_of(laws: Sequence[Probability], outcome: Outcome) -> Switched | None:
    """The switched shape of laws that generate each of their symbols once; None where they have none.

    It is exact: every law reads all that comes before it, so that the value is that of the laws
    whatever the graph.
    """
    events = dict(outcome.events)
    treatment = _treatment(laws, events)
    if treatment is None:
        return None
    joint = treatment in events
    left = tuple((name, state) for name, state in outcome.events if name != treatment)
    where = _where(laws[0], events, treatment)
    if where is None or any(_where(law, events, treatment) != where for law in laws):
        return None
    if outcome.numeric is None and not left:
        return None
    waiting = list(laws)
    stages: list[Stage] = []
    known: set[str] = set()
    while waiting:
        law = next((one for one in waiting if _before(one, treatment) - set(where) == known), None)
        if law is None:
            return None
        waiting.remove(law)
        names = tuple(name for slot in law.of if (name := raw_name(slot)) != treatment)
        setting = _setting(law, treatment)
        if joint and len(names) < len(law.of):
            if stages or setting is not None:
                return None  # the treatment's own law is read after others
            setting = (treatment, events[treatment])
        elif joint and not stages:
            return None
        if setting is None and any(stage.settings for stage in stages):
            return None  # a law that forgets the treatment
        settings = () if setting is None else (setting,)
        if stages and stages[-1].settings == settings:
            stages[-1] = Stage(settings, (*stages[-1].variables, *names))
        else:
            stages.append(Stage(settings, names))
        known |= set(names)
    if len(stages) < 2:
        return None
    return Switched(treatment, tuple(stages), Outcome(outcome.numeric, left), joint, tuple(sorted(where.items())))


def _treatment(laws: Sequence[Probability], events: dict[str, State]) -> str | None:
    """The one variable that stands at more than one state."""
    found: dict[str, set[State]] = {name: {state} for name, state in events.items()}
    for law in laws:
        for slot in law.given:
            if isinstance(slot, Held) and isinstance(slot.value, AtState):
                found.setdefault(raw_name(slot), set()).add(slot.value.state)
    several = [name for name, states in found.items() if len(states) > 1]
    return several[0] if len(several) == 1 else None


def _before(law: Probability, treatment: str) -> set[str]:
    return {raw_name(slot) for slot in law.given} - {treatment}


def _where(law: Probability, events: dict[str, State], treatment: str) -> dict[str, State] | None:
    """Conditions at states that are no events; None where a condition is of no form that is known."""
    found: dict[str, State] = {}
    for slot in law.given:
        name = raw_name(slot)
        if isinstance(slot, Symbol):
            if name == treatment:
                return None
        elif not isinstance(slot.value, AtState):
            return None
        elif name != treatment and name not in events:
            found[name] = slot.value.state
        elif name != treatment and events[name] != slot.value.state:
            return None
    return found


def _setting(law: Probability, treatment: str) -> Setting | None:
    for slot in law.given:
        if raw_name(slot) == treatment and isinstance(slot, Held) and isinstance(slot.value, AtState):
            return treatment, slot.value.state
    return None
