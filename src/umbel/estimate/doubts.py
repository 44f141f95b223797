"""What the data say about an estimand's positivity conditions: each a Check with a number and advice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.conditions import held_slots, held_table
from umbel.estimate.estimator import Target
from umbel.estimate.unit_data import LawValues, UnitData, law_features
from umbel.expr.build import leaves
from umbel.expr.estimand import Requirement
from umbel.expr.nodes import Expr, Held, Inside, Law, Meaning, Probability, Raw
from umbel.results.check import Check

Array = NDArray[np.float64]

FEWEST_UNITS = 5
"""Units with one combination of unit variables below which their share or line is mostly noise."""
FEWEST_MEMBERS = 50
"""Members of a unit from which its law, as a condition of a regression, is measured well enough."""
MOST_CELLS = 16


def positivity_checks(target: Target, settled: Sequence[Expr], data: UnitData) -> tuple[Check, ...]:
    """One Check per positivity condition of the estimand.

    Parameters
    ----------
    target
        Whose requirements they are.
    settled
        The estimand at each value of what the question leaves free.
    data
        Units.
    """
    checks: list[Check] = []
    for one in target.requirements:
        match one.leaf:
            case Inside():
                checks += _inside(one, one.leaf, data)
            case Probability() if one.kind == "support":
                checks += _support(one, one.leaf, settled, data)
            case Probability():
                checks += _combinations(one, one.leaf, data)
    return tuple(dict.fromkeys(checks))


def members_check(data: UnitData, *, learnt: bool) -> tuple[Check, ...]:
    """Whether units' laws are measured well enough to stand in a regression across units."""
    if not learnt:
        return ()
    size = float(np.median(data.sizes))
    enough = size >= FEWEST_MEMBERS
    advice = "" if enough else f"Half of the units have at most {size:g} members: regressions on their laws are biased."
    return (Check("members per unit", enough, size, advice),)


def whatever_is_unseen(number: Callable[[UnitData], float], data: UnitData) -> tuple[float, float] | None:
    """Bounds that hold whatever the members are like that a unit does not have.

    A unit without treated members says nothing of the treated: its value there may be anything
    between the smallest and the largest. Valid where the estimand is linear in units' laws, with
    one sign per cell; not proved sharp. None where nothing is missing.

    Parameters
    ----------
    number
        The estimate from given units.
    data
        Units.

    References
    ----------
    Manski, American Economic Review 80(2), 1990.
    """
    holes = [(law, cell) for law, values in data.laws.items() for cell in _cells_with_holes(values)]
    if not holes or len(holes) > MOST_CELLS:
        return None
    lowest = _filled(data, None)
    base = number(lowest)
    moves = [number(_filled(data, hole)) - base for hole in holes]
    found = base + sum(min(move, 0.0) for move in moves), base + sum(max(move, 0.0) for move in moves)
    return found if all(map(math.isfinite, found)) else None


def _inside(requirement: Requirement, leaf: Inside, data: UnitData) -> Iterator[Check]:
    law = leaf.law.meaning
    if not isinstance(law, Law) or law not in data.laws:
        return
    name = f"overlap: {label(law)}"
    values = data.laws[law]
    if values.observed is None:
        yield Check(name, True)
        return
    holes = np.isnan(values.observed).reshape(data.units, -1)
    share = float((data.weights @ holes).max())
    advice = f"{_sentence(requirement.text)}: up to {share:.1%} of units lack one." if share > 0.0 else ""
    yield Check(name, share == 0.0, share, advice)


def _combinations(requirement: Requirement, leaf: Probability, data: UnitData) -> Iterator[Check]:
    """How many units show the rarest combination of the unit variables that a factor conditions on."""
    meanings = [(slot.symbol if isinstance(slot, Held) else slot).meaning for slot in leaf.given]
    names = [one.name for one in meanings if isinstance(one, Raw) and one.name in data.columns]
    columns = [data.columns[name] for name in names]
    columns = [one for one in columns if len(one.states) <= FEWEST_UNITS]  # with more it is a feature
    if not columns:
        return
    shape = tuple(len(one.states) for one in columns)
    flat = np.ravel_multi_index(tuple(one.codes for one in columns), shape)
    rarest = int(np.bincount(flat, minlength=int(np.prod(shape))).min())
    enough = rarest >= FEWEST_UNITS
    advice = "" if enough else f"{_sentence(requirement.text)}: the rarest occurs in {rarest} of {data.units} units."
    yield Check(f"overlap: {', '.join(names)}", enough, float(rarest), advice)


def _support(requirement: Requirement, leaf: Probability, settled: Sequence[Expr], data: UnitData) -> Iterator[Check]:
    """Whether the law that an intervention sets lies among those that units show."""
    for meaning in dict.fromkeys(slot.symbol.meaning for slot in held_slots(leaf.given)):
        tail = min(_tails(meaning, settled, data), default=1.0)
        name = f"support: {label(meaning)}"
        advice = f"{_sentence(requirement.text)}: here none lies beyond it, and the answer extrapolates."
        yield Check(name, tail > 0.0, tail, "" if tail > 0.0 else advice)


def _tails(meaning: Meaning, settled: Sequence[Expr], data: UnitData) -> Iterator[float]:
    """For each place where the law is set: the share of units beyond it, the smaller side."""
    assert isinstance(meaning, Law)
    values = data.laws[meaning]
    for expr in settled:
        for leaf in leaves(expr):
            for slot in held_slots(leaf.given) if isinstance(leaf, Probability) else ():
                if slot.symbol.meaning == meaning:
                    table = held_table(meaning, slot.value, data)[None]
                    at = table[:, 1].reshape(1, -1) if values.averaged else law_features(table, False, True)
                    shown = values.features()
                    yield float(np.minimum((shown <= at).mean(axis=0), (shown >= at).mean(axis=0)).min())


def label(meaning: Meaning) -> str:
    """A law in words: ``Y given A``."""
    if isinstance(meaning, Raw):
        return meaning.name
    of, given = (", ".join(map(label, part)) for part in (meaning.of, meaning.given))
    return f"{of} given {given}" if given else of


def _cells_with_holes(values: LawValues) -> list[int]:
    if values.observed is None:
        return []
    return [int(cell) for cell in np.flatnonzero(np.isnan(values.observed).reshape(len(values.values), -1).any(axis=0))]


def _filled(data: UnitData, hole: tuple[Law, int] | None) -> UnitData:
    """Every hole at its lowest possible value, those of one cell at the highest."""
    laws = {}
    for law, values in data.laws.items():
        if values.observed is None or not np.isnan(values.observed).any():
            laws[law] = values
            continue
        low, high = (0.0, 1.0) if values.share else (np.nanmin(values.observed), np.nanmax(values.observed))
        flat = values.observed.reshape(len(values.values), -1).copy()
        for cell in range(flat.shape[1]):
            at = high if hole == (law, cell) else low
            flat[:, cell] = np.where(np.isnan(flat[:, cell]), at, flat[:, cell])
        laws[law] = replace(values, observed=flat.reshape(values.observed.shape))
    return replace(data, laws=laws)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
