"""Read a switched shape off laws: settings that differ from law to law."""

from __future__ import annotations

from collections.abc import Sequence

from umbel.estimate.estimator import Independent, Names
from umbel.estimate.expansion import raw_name
from umbel.estimate.shapes import Outcome, Stage, Switched
from umbel.expr.nodes import AtState, Held, Probability, Symbol
from umbel.variable import State

Settings = dict[str, State]


def switched_of(
    laws: Sequence[Probability], outcome: Outcome, independent: Independent | None = None
) -> Switched | None:
    """The switched shape of laws that generate each of their symbols once; None where they have none.

    Every law reads all that comes before it, or the graph holds it independent of the rest: what is
    learnt given all that comes before then has the value of the laws.
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
    stages = _ordered(laws, ranked, set(where), joint, independent or _nobody)
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
    laws: Sequence[Probability],
    settings: Sequence[Settings],
    where: set[str],
    joint: Settings,
    independent: Independent,
) -> tuple[Stage, ...] | None:
    """Laws in an order in which each may be learnt given all before it; joint events come about in the first stage."""
    waiting = list(zip(laws, settings, strict=True))
    stages: list[Stage] = []
    known: set[str] = set()  # what came before, and the joint events once they have come about
    while waiting:
        ready = []
        for law, own in waiting:
            before = {name for slot in law.given if (name := raw_name(slot)) not in own and name not in where}
            if before <= known:
                same = bool(stages) and stages[-1].settings == tuple(own.items())
                ready.append((len(known - before - set(joint)), not same, law, own, before))
        if not ready:
            return None
        _, apart, law, own, before = min(ready, key=lambda one: one[:2])
        waiting.remove((law, own))
        names = tuple(raw_name(slot) for slot in law.of)
        begun = set(joint) & known
        kept = tuple(own.items())
        given = frozenset(before | set(own) | where)
        if not apart and len(stages) == 1 and begun - before:
            # Beside events that have come about, a variable joins the first stage only if it is free of them.
            apart = not independent(frozenset(names), frozenset(known - before), given)
        if set(names) & set(joint) and (apart if stages else False):
            return None  # a switched variable's own law is read after others
        if apart and begun & before:
            return None  # reads the event beside other settings
        left = frozenset(known - before - (begun if apart else set()))
        if left and not independent(frozenset(names), left, given):
            return None
        fresh = tuple(name for name in names if name not in joint)
        if apart:
            stages.append(Stage(kept, fresh))
        else:
            stages[-1] = Stage(kept, (*stages[-1].variables, *fresh))
        known |= set(names)
    return tuple(stages) if set(joint) <= known else None


def _nobody(one: Names, other: Names, given: Names) -> bool:
    """No graph vouches for anything."""
    del one, other, given
    return False
