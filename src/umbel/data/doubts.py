"""What may be wrong with rows that can still be read: each doubt a Check with a number and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from umbel.data.plan import CODES, Field, Plan, Tally
from umbel.data.values import Codes, listed
from umbel.errors import DataError
from umbel.results.check import Check
from umbel.variable import Domain, State

WORDS = ("na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "?", ".", "-", "-9", "999")
"""Words that often stand for missing; in lower case."""

FEWEST_DRAWS = 15.0
"""Equal draws that weights must be worth before an error is read off them."""


def weights_are_positive(fields: Sequence[tuple[Field, Tally]]) -> None:
    """Counts and weights below zero mean nothing.

    Raises
    ------
    DataError
        Naming the column and its smallest value.
    """
    for field, one in fields:
        if one.low is not None and one.low < 0:
            raise DataError(f"{field.name} weighs rows and is {one.low:g} somewhere. Weights are not negative.")


def of_rows(plan: Plan, rows: int, kept: int, tallies: Mapping[Field, Tally], *, idle: int = 0) -> tuple[Check, ...]:
    """Rows that were left out, and numbers that look like codes for missing.

    ``idle`` rows weigh nothing: what they hold or lack makes no difference.
    """
    dropped = rows - kept - idle
    worst = sorted((-tallies[field].missing, field.name) for field in plan.fields() if tallies[field].missing)
    advice = ""
    if dropped:
        named = "; ".join(f"{name} is missing in {-count}" for count, name in worst[:4])
        advice = (
            f"{dropped} of {rows} rows are incomplete and were left out ({named}). The rest speaks for them only where "
            "what is missing has nothing to do with the answer."
        )
    checks = [Check("complete rows", dropped == 0, float(dropped), advice)]
    if idle:
        checks.append(Check("weights", True, float(idle), f"{idle} of {rows} rows have weight 0 and count nothing."))
    checks += [check for field in plan.values for check in _suspected(field, tallies[field])]
    return tuple(checks)


def suspected_codes(one: Tally) -> tuple[float, ...]:
    """Usual codes (-9, 999) that lie outside all other values of a column of numbers, by a tenth of their range."""
    if one.inner_low is None or one.inner_high is None or one.low is None or one.high is None:
        return ()
    near = 0.1 * (one.inner_high - one.inner_low)
    ends = ((one.low, one.low < one.inner_low - near), (one.high, one.high > one.inner_high + near))
    return tuple(value for value, outside in ends if value in CODES and outside)


def suspected_states(states: Sequence[State]) -> tuple[State, ...]:
    """States that are usual words or codes for missing.

    Examples
    --------
    >>> suspected_states([0, 1, 99]), suspected_states(["no", "yes", "NA"])
    ((99,), ('NA',))
    """
    found = []
    for state in states:
        others = [float(one) for one in states if not isinstance(one, str) and one != state]
        word = isinstance(state, str) and state.strip().lower() in WORDS
        code = not isinstance(state, str | bool) and float(state) in CODES and _outside(float(state), others)
        if word or code:
            found.append(state)
    return tuple(found)


def of_uneven(effective: float) -> tuple[Check, ...]:
    """Whether weights leave so few rows, or clusters, that an error is read off almost nothing.

    ``effective`` is how many equal draws the weights are worth (Kish, Survey Sampling, 1965).
    """
    if effective >= FEWEST_DRAWS:
        return ()
    advice = (
        f"A few rows carry nearly all of the weight: they count as {effective:.3g} draws, too few to tell an error, "
        "and the interval may be far too short. Look at the largest weights."
    )
    return (Check("uneven weights", False, effective, advice),)


def of_fractions(where: str, total: float) -> Check:
    """What counts of rows that are no whole numbers leave open: how many rows there were."""
    advice = (
        f"{where} counts rows and is no whole number somewhere. The number is that of the law which it gives; the "
        "interval takes its sum for the number of rows. Where each row was drawn by itself and stands for others, "
        "name it as weight."
    )
    return Check("whole counts", False, total, advice)


def _suspected(field: Field, one: Tally) -> list[Check]:
    found = []
    for value in suspected_codes(one):
        advice = (
            f"{field.name} holds {value:g}, far from its other values ({one.inner_low:g} to {one.inner_high:g}): "
            f"if it means missing, declare missing = [{value:g}]."
        )
        found.append(Check("missing codes", False, value, advice))
    return found


def of_states(split: Mapping[str, tuple[Codes, Domain]], found: Mapping[str, tuple[State, ...]]) -> tuple[Check, ...]:
    """Declared states that no row shows, and states that look like codes for missing."""
    checks = []
    for name, (_, domain) in split.items():
        unseen = [state for state in domain.states if state not in found[name]]
        if unseen:
            advice = f"No row has {name} = {listed(unseen)}. Nothing can be learnt there."
            checks.append(Check("states seen", False, float(len(unseen)), advice))
        for state in suspected_states(domain.states):
            quoted = f'"{state}"' if isinstance(state, str) else f"{state:g}"
            advice = f"{name} has a state {quoted}: if it means missing, declare missing = [{quoted}]."
            checks.append(Check("missing codes", False, None if isinstance(state, str) else float(state), advice))
    return tuple(checks)


def _outside(code: float, others: Sequence[float]) -> bool:
    """Far from the other states: further than they are from each other."""
    if not others:
        return False
    low, high = min(others), max(others)
    return code < low - max(1.0, high - low) or code > high + max(1.0, high - low)


def of_crossing(unit: Sequence[str], members: Codes, states: Sequence[tuple[State, ...]]) -> tuple[Check, ...]:
    """Inner keys of which a few appear under several outer units: perhaps levels that cross.

    Classes numbered 1, 2, 3 anew in each school repeat nearly everywhere and are no doubt.
    """
    checks = []
    for level in range(1, members.shape[1]):
        pairs = np.unique(members[:, [level - 1, level]], axis=0)
        labels, times = np.unique(pairs[:, 1], return_counts=True)
        several = int((times > 1).sum())
        if 0 < several < 0.5 * len(labels):
            example = states[level][int(labels[int(times.argmax())])]
            advice = (
                f"{several} of {len(labels)} values of {unit[level]} appear under several of {unit[level - 1]} "
                f"({example!r} is one) and are taken as different. If they are the same, the levels cross."
            )
            checks.append(Check("levels nest", False, float(several), advice))
    return tuple(checks)
