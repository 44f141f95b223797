"""Bounds of effects through a unit's interferer, from units and their members.

Each unit shows what its members' outcome would be under the policy while its interferer stays as it
is: averaged over units, that is the effect with the interferer kept, and it is identified. The full
effect is bounded in the closed forms of :mod:`umbel.numerics.interferer`. Shares of treated members
are a unit's own law only where all its members are in the table; from a sample of them a unit counts
as below or above the policy where 999 samples in 1000 would agree, and never as exactly there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.study import Study
from umbel.estimate.units_seen import SeenTrial, SeenUnits, placed, read_trial, read_units
from umbel.model.interfered import Arm, Interfered
from umbel.numerics.interferer import SAME, natural, through_everything, through_interferer, through_states
from umbel.results.check import Check
from umbel.results.value import Bounds, BoundsKind, DataSource, Row, finite

Array = NDArray[np.float64]

SAMPLES = 500

REFERENCE = "Weinstein and Blei. Hierarchical Causal Models. JMLR 27(37), 2026. Figures A4a and A4f."


@dataclass(frozen=True, slots=True, eq=False)
class UnitBounds:
    """What the units say.

    Parameters
    ----------
    bounds
        Of the question; None where it may have any value.
    rows
        Bounds of every term, and the effects with the interferer kept.
    checks, remarks, data
        Doubts, what a reader should know, the tables that were read.
    """

    bounds: Bounds | None
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    remarks: tuple[str, ...]
    data: tuple[DataSource, ...]


def unit_bounds(
    asked: Interfered,
    question: str,
    study: Study,
    trials: Sequence[Study] = (),
    *,
    level: float,
    rng: np.random.Generator,
    whole: bool,
) -> UnitBounds:
    """Bounds, and the effect with the interferer kept, from one study of units.

    Parameters
    ----------
    asked, question
        What the graph says, and the question's text.
    study
        Rows of members, with one key.
    trials
        Studies of other units that set their shares, and measured the interferer.
    level
        Of the intervals, which come from resampling units.
    rng
        Source of the resampling.
    whole
        Whether a unit's rows are all its members, so that the share among them is the unit's own.

    Raises
    ------
    DataError
        For tables that contradict each other or the problem.
    """
    units, nested, population = read_units(asked, study, whole)
    set_ = [read_trial(asked, one, whole) for one in trials]
    found = _numbers(asked, units, [one for one, _ in set_])
    drawn = None
    if not population:
        again = [
            (
                units.weighing(_resampled(units.weights, rng)),
                [one if known else one.weighing(_resampled(one.weights, rng)) for one, known in set_],
            )
            for _ in range(SAMPLES)
        ]
        drawn = np.array([_numbers(asked, some, others) for some, others in again])
    texts = [question] if _single(asked) else [question, *(arm.text for arm in asked.arms)]
    rows: list[Row] = []
    for at, text in enumerate(texts):
        own = None if drawn is None else drawn[:, at]
        rows += _rows(text, asked.interferer, found[at], own, level)
    low, high = found[0, :2].tolist()
    bounds = None
    if not _silent(units, asked.arms, low, high):
        closed = units.exact and asked.sharp and not trials and _sharp(asked, units)
        kind: BoundsKind = "sharp" if closed else "outer"
        bounds = Bounds(low, high, kind, None, None if drawn is None else (rows[0].lower, rows[1].upper))
    shown = tuple(row for row in rows if row.value is not None)
    checks = (*nested.checks, *_checks(asked, units), *_agreement(asked, units, [one for one, _ in set_]))
    return UnitBounds(bounds, shown, checks, _remarks(asked, units), nested.sources)


def _single(asked: Interfered) -> bool:
    return len(asked.arms) == 1 and asked.arms[0].weight == 1.0


def _resampled(weights: Array, rng: np.random.Generator) -> Array:
    size = len(weights)
    return np.asarray(rng.multinomial(size, np.full(size, 1.0 / size)) * weights)


def _numbers(asked: Interfered, units: SeenUnits, trials: Sequence[SeenTrial]) -> Array:
    """Lower end, upper end and kept effect: of the question, then of each term; shape (1 + terms, 3)."""
    terms = np.array(
        [
            [*_ends(asked, units, trials, at), natural(units.outcomes[at], units.weights)]
            for at in range(len(asked.arms))
        ]
    )
    weights = np.array([arm.weight for arm in asked.arms])
    turned = np.where(weights[:, None] < 0, terms[:, [1, 0, 2]], terms)
    return np.concatenate([[weights @ turned], terms])


def _ends(asked: Interfered, units: SeenUnits, trials: Sequence[SeenTrial], at: int) -> tuple[float, float]:
    """Bounds of one term."""
    outcomes, weights, z = units.outcomes[at], units.weights, units.interferer.astype(np.float64)
    unknown = -np.inf, np.inf
    if units.span is None and (asked.hidden or np.isnan(outcomes).any()):
        return unknown
    floor, top = (0.0, 1.0) if units.span is None else units.span
    width = top - floor
    policy = asked.arms[at].policy[1][1]
    shares = placed(units, policy)
    scaled = [(np.where(np.isnan(outcomes), end, outcomes) - floor) / width for end in (floor, top)]
    binary = units.states == 2
    if asked.hidden:
        rises = z if binary and all(asked.rising) else None
        pairs = [through_everything(one, shares, weights, policy, interferer=rises) for one in scaled]
    elif len(np.unique(z)) < units.states:
        return unknown if units.span is None else units.span
    elif binary and (asked.rising[0] or trials):
        rising = asked.rising[0]
        sides = [(0.0, 1.0), *(one.chances(policy, monotone=rising) for one in trials)]
        known = max(low for low, _ in sides), min(high for _, high in sides)
        pairs = [through_interferer(one, z, weights, shares, policy, monotone=rising, known=known) for one in scaled]
    else:
        pairs = [
            through_states(one, units.interferer, weights, np.abs(shares - policy) <= SAME, units.states)
            for one in scaled
        ]
    return floor + width * pairs[0][0], floor + width * pairs[1][1]


def _rows(text: str, interferer: str, found: Array, drawn: Array | None, level: float) -> list[Row]:
    low, high, kept = (None if not np.isfinite(one) else float(one) for one in found)
    tail = (1.0 - level) / 2.0
    ends: list[float | None] = [None] * 4
    se = None
    if drawn is not None:
        at = [(0, tail), (1, 1.0 - tail), (2, tail), (2, 1.0 - tail)]
        ends = [finite(float(np.quantile(drawn[:, column], share))) for column, share in at]
        se = finite(float(drawn[:, 2].std(ddof=1)))
    return [
        Row(text, (), "lower", low, lower=ends[0]),
        Row(text, (), "upper", high, upper=ends[1]),
        Row(f"{text}, {interferer} kept as it is", (), "estimate", kept, se, ends[2], ends[3]),
    ]


def _silent(units: SeenUnits, arms: Sequence[Arm], low: float, high: float) -> bool:
    """Whether bounds say no more than the outcome's range."""
    if not np.isfinite([low, high]).all():
        return True
    if units.span is None:
        return False
    floor, top = units.span
    least = sum(min(arm.weight * floor, arm.weight * top) for arm in arms)
    most = sum(max(arm.weight * floor, arm.weight * top) for arm in arms)
    return low <= least + SAME and high >= most - SAME


def _sharp(asked: Interfered, units: SeenUnits) -> bool:
    """Where the closed form is the exact interval: one term, or no shape that ties the terms together."""
    shaped = any(asked.rising)
    full = not any(np.isnan(one).any() for one in units.outcomes)
    return full and (not shaped or (not asked.hidden and len(asked.arms) == 1))


def _checks(asked: Interfered, units: SeenUnits) -> tuple[Check, ...]:
    lacking = max(float(np.isnan(one).mean()) for one in units.outcomes)
    advice = ""
    if lacking:
        advice = (
            f"{lacking:.0%} of the units lack members of an arm that the policy needs: their outcomes are taken to lie "
            f"anywhere in the bounds, and the effect with {asked.interferer} kept is not given."
        )
    return (Check("positivity", not lacking, lacking, advice),)


def _agreement(asked: Interfered, units: SeenUnits, trials: Sequence[SeenTrial]) -> tuple[Check, ...]:
    """Whether the trials leave room for what the other units show of the interferer under each policy."""
    if not trials or asked.hidden or units.states != 2:
        return ()
    z, gap = units.interferer.astype(np.float64), 0.0
    for arm in asked.arms:
        policy, rising = arm.policy[1][1], asked.rising[0]
        seen = through_interferer(z, z, units.weights, placed(units, policy), policy, monotone=rising)
        sides = [seen, *(one.chances(policy, monotone=rising) for one in trials)]
        gap = max(gap, max(low for low, _ in sides) - min(high for _, high in sides))
    advice = (
        f"The studies contradict each other, or that {asked.interferer} rises with {asked.treatment}, by {gap:.3g}."
    )
    return (Check("compatibility", gap <= SAME, gap, "" if gap <= SAME else advice),)


def _remarks(asked: Interfered, units: SeenUnits) -> tuple[str, ...]:
    found = [
        f"'{asked.interferer} kept as it is' is the effect while each unit's {asked.interferer} stays at its natural "
        "value; it is identified. The full effect also moves it."
    ]
    if not units.exact:
        found.append(
            f"The units' rows are taken as samples of their members, so that no unit is known to be at the policy's "
            f'own share of {asked.treatment}. `[method] members = "all"` says that the rows are everybody.'
        )
    if not asked.sharp:
        found.append("Other observed variables of the unit are not used: the bounds hold without them.")
    if asked.hidden and any(asked.rising) and not all(asked.rising):
        found.append("A monotone effect is used where both are declared, on the interferer and of it.")
    return tuple(found)
