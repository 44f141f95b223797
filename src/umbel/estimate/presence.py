"""What rows show of the combinations that an estimand conditions on: too few, or none, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.data.values import listed
from umbel.estimate.flat import Unanswered, meeting
from umbel.estimate.shapes import Primal, Sequential, Setting, Switched
from umbel.expr.estimand import Requirement
from umbel.expr.nodes import AtState, Held, Inside, Policy, Raw
from umbel.results.check import Check
from umbel.variable import State

Array = NDArray[np.float64]

CROWD = 20
"""Rows that a state of a covariate should have on average."""
FEW = 5
"""Rows below which a combination that is conditioned on says little."""


def visited(requirement: Requirement, rows: Rows) -> Check | None:
    """Rows in the rarest combination that a law conditions on, where the rest of it occurs at all.

    None where a condition is a number without states, or inside a unit.
    """
    names, held = _conditions(requirement)
    if not names or any(not rows.columns[name].discrete for name in names):
        return None
    margin, rest = _margins(names, held, rows)
    rarest = float(margin[rest > 0.0].min())
    shown = [f"{name} = {held[name]}" if name in held else name for name in names]
    advice = f"The rarest combination of {', '.join(shown)} has {rarest:g} rows: {requirement.text}."
    return Check(f"overlap: {', '.join(shown)}", rarest >= FEW, rarest, "" if rarest >= FEW else advice)


def unseen(requirements: Iterable[Requirement], rows: Rows) -> Unanswered | None:
    """The first combination that is conditioned on and never occurs, by name; None where none is found."""
    needs = tuple(requirements)
    return _empty(needs, rows, beside=True) or _empty(needs, rows, beside=False)


def _empty(requirements: Iterable[Requirement], rows: Rows, *, beside: bool) -> Unanswered | None:
    """``beside``: only where the rest of it occurs."""
    for requirement in requirements:
        names, held = _conditions(requirement)
        if not names or any(not rows.columns[name].discrete for name in names):
            continue
        missing = [name for name, state in held.items() if state not in rows.columns[name].states]
        if missing:
            return _none_of([(missing[0], held[missing[0]])])
        margin, rest = _margins(names, held, rows)
        empty = np.argwhere((margin == 0.0) & ((rest > 0.0) | (not beside)))
        if len(empty):
            free = [name for name in names if name not in held]
            states = {name: rows.columns[name].states[at] for name, at in zip(free, empty[0].tolist(), strict=True)}
            return _none_of([(name, (held | states)[name]) for name in names])
    return None


def scarce(shapes: Iterable[object], rows: Rows) -> Unanswered | None:
    """The settings that the fewest rows show, where they are too few to learn from and to score."""
    fewest: tuple[float, tuple[Setting, ...]] | None = None
    for settings in dict.fromkeys(one for shape in shapes for one in _events(shape)):
        plain = [(name, state) for name, state in settings if not isinstance(state, Policy)]
        if any(not rows.columns[name].discrete for name, _ in plain):
            continue
        seen = float(rows.sample.counts @ meeting(plain, rows))
        if fewest is None or seen < fewest[0]:
            fewest = seen, tuple(plain)
    if fewest is None or not fewest[1] or fewest[0] > 2.0 * FEW:
        return None
    if fewest[0] == 0.0:
        return _none_of(fewest[1])
    verb = "row has" if fewest[0] == 1.0 else "rows have"
    return Unanswered(
        f"Only {fewest[0]:g} {verb} {_words(fewest[1])}: too few to learn from some and score the others.",
        "Collect more rows, join rare states, or take fewer covariates.",
    )


def crowded(names: Iterable[str], rows: Rows) -> tuple[Check, ...]:
    """Whether covariates of words leave rows enough to each of their states.

    Raises
    ------
    Unanswered
        For one with more than half as many states as there are rows: a name of the row, no covariate.
    """
    found = []
    for name in names:
        column, draws = rows.columns[name], float(rows.sample.counts.sum())
        if not column.discrete or column.numeric:
            continue
        size = len(column.states)
        advice = f"{name} has {size:,} states in {draws:,.0f} rows"
        if size > 2 and size > 0.5 * draws:
            raise Unanswered(f"{advice}: rows that share one are too few to adjust for it.", "Join its states.")
        if size > draws / CROWD:
            found.append(Check(f"states: {name}", False, float(size), f"{advice}: join rare ones, or trust it less."))
    return tuple(found)


def _events(shape: object) -> list[tuple[Setting, ...]]:
    if isinstance(shape, Sequential):
        return [tuple(s for one in shape.stages[: at + 1] for s in one.settings) for at in range(len(shape.stages))]
    if isinstance(shape, Switched):
        return [shape.joint, *((*shape.where, *stage.settings) for stage in shape.stages)]
    if isinstance(shape, Primal):
        return [(*shape.where, (shape.treatment, shape.state))]
    return []


def _none_of(settings: Sequence[Setting]) -> Unanswered:
    return Unanswered(
        f"No row has {_words(settings)}, which the formula visits.",
        "Ask about values that occur together, join rare states, or collect more rows.",
    )


def _words(settings: Sequence[Setting]) -> str:
    return listed([f"{name} = {state}" for name, state in settings])


def _conditions(requirement: Requirement) -> tuple[list[str], dict[str, State]]:
    """Variables that a law conditions on, sorted, and the states at which some are held."""
    if isinstance(requirement.leaf, Inside):
        return [], {}
    names: set[str] = set()
    held: dict[str, State] = {}
    for slot in requirement.leaf.given:
        meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
        assert isinstance(meaning, Raw)
        names.add(meaning.name)
        if isinstance(slot, Held) and isinstance(slot.value, AtState):
            held[meaning.name] = slot.value.state
    return sorted(names), held


def _margins(names: Sequence[str], held: dict[str, State], rows: Rows) -> tuple[Array, Array]:
    """Rows in each combination of the free conditions with what is held, and without it."""
    free = [name for name in names if name not in held]
    shape = tuple(len(rows.columns[name].states) for name in free)
    cells = np.zeros(rows.size, dtype=np.int64)
    for name, size in zip(free, shape, strict=True):
        codes = rows.columns[name].codes
        assert codes is not None
        cells = cells * size + codes
    own = rows.sample.counts * meeting([(name, held[name]) for name in names if name in held], rows)
    total = int(np.prod(shape, dtype=np.int64))
    margin, rest = (np.bincount(cells, weights, total).astype(np.float64) for weights in (own, rows.sample.counts))
    return margin.reshape(shape), rest.reshape(shape)
