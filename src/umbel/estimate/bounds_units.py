"""Bounds of effects through a unit's interferer, from units and their members.

Each unit shows what its members' outcome would be under the policy while its interferer stays as it
is: averaged over units, that is the effect with the interferer kept, and it is identified. The full
effect is bounded in the closed forms of :mod:`umbel.numerics.interferer`. Shares of treated members
are a unit's own law only where all its members are in the table; from a sample of them a unit counts
as below or above the policy where 999 samples in 1000 would agree, and never as exactly there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import Wanted
from umbel.data.nested import Nested, collect
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.model.interfered import Arm, Interfered
from umbel.numerics.interferer import SAME, natural, through_everything, through_interferer, through_states
from umbel.results.check import Check
from umbel.results.value import Bounds, BoundsKind, DataSource, Row, finite
from umbel.variable import Domain

Array = NDArray[np.float64]

SAMPLES = 500
SURE = 3.29
"""Standard errors beyond which a unit's own share lies on one side of the policy's."""
WHOLE = 1e-6
"""Weights that sum to one this closely are a population's."""

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


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """Units as arrays.

    ``outcomes``: per arm, each unit's mean under the policy, NaN where nobody shows a needed part;
    ``treated`` and ``members``: the share of the treated, and of how many; ``exact``: whether that share
    is the unit's own; ``span``: the outcome's range.
    """

    outcomes: tuple[Array, ...]
    treated: Array
    members: Array
    interferer: NDArray[np.int64]
    states: int
    weights: Array
    exact: bool
    span: tuple[float, float] | None

    def weighing(self, weights: Array) -> _Units:
        """The same units with other weights; those without any are left out."""
        kept = weights > 0
        return replace(
            self,
            outcomes=tuple(one[kept] for one in self.outcomes),
            treated=self.treated[kept],
            members=self.members[kept],
            interferer=self.interferer[kept],
            weights=weights[kept],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Units whose shares were set: the shares seen, of how many members, the interferer, weights."""

    treated: Array
    members: Array
    interferer: NDArray[np.int64]
    weights: Array
    exact: bool

    def weighing(self, weights: Array) -> _Trial:
        """The same units with other weights; those without any are left out."""
        kept = weights > 0
        return _Trial(self.treated[kept], self.members[kept], self.interferer[kept], weights[kept], self.exact)

    def chances(self, policy: float, *, monotone: bool) -> tuple[float, float]:
        """Between which numbers ``P(Z(policy) = 1)`` lies: each share below bounds it from below, when Z rises."""
        low, high = 0.0, 1.0
        placed = _placed(self, policy)
        for share in np.unique(placed[~np.isnan(placed)]):
            own = placed == share
            chance = float(self.weights[own] @ self.interferer[own] / self.weights[own].sum())
            same = abs(share - policy) <= SAME
            if same or (monotone and share < policy):
                low = max(low, chance)
            if same or (monotone and share > policy):
                high = min(high, chance)
        return low, high


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
    units, nested, population = _read(asked, study, whole)
    set_ = [_read_trial(asked, one, whole) for one in trials]
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
    return UnitBounds(bounds, shown, (*nested.checks, *_checks(asked, units)), _remarks(asked, units), nested.sources)


def _single(asked: Interfered) -> bool:
    return len(asked.arms) == 1 and asked.arms[0].weight == 1.0


def _resampled(weights: Array, rng: np.random.Generator) -> Array:
    size = len(weights)
    return np.asarray(rng.multinomial(size, np.full(size, 1.0 / size)) * weights)


def _numbers(asked: Interfered, units: _Units, trials: Sequence[_Trial]) -> Array:
    """Lower end, upper end and kept effect: of the question, then of each term; shape (1 + terms, 3)."""
    terms = np.array(
        [[*_ends(asked, units, trials, at), natural(units.outcomes[at], units.weights)] for at in range(len(asked.arms))]
    )
    weights = np.array([arm.weight for arm in asked.arms])
    turned = np.where(weights[:, None] < 0, terms[:, [1, 0, 2]], terms)
    return np.concatenate([[weights @ turned], terms])


def _ends(asked: Interfered, units: _Units, trials: Sequence[_Trial], at: int) -> tuple[float, float]:
    """Bounds of one term."""
    outcomes, weights, z = units.outcomes[at], units.weights, units.interferer.astype(np.float64)
    unknown = -np.inf, np.inf
    if units.span is None and (asked.hidden or np.isnan(outcomes).any()):
        return unknown
    floor, top = (0.0, 1.0) if units.span is None else units.span
    width = top - floor
    policy = asked.arms[at].policy[1][1]
    shares = _placed(units, policy)
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


def _placed(units: _Units | _Trial, policy: float) -> Array:
    """Shares as they count: a unit's own, or what a sample of members leaves no doubt of."""
    if units.exact:
        return units.treated
    # Wilson's interval: its ends are inside (0, 1), so that nobody's share is known to be all or none.
    square = SURE**2 / units.members
    centre = (units.treated + square / 2.0) / (1.0 + square)
    spread = np.sqrt(square * (units.treated * (1.0 - units.treated) + square / 4.0)) / (1.0 + square)
    below, above = centre + spread < policy, centre - spread > policy
    if policy in (0.0, 1.0):
        below, above = np.full(len(below), policy == 1.0), np.full(len(below), policy == 0.0)
    return np.where(below, policy - 1.0, np.where(above, policy + 1.0, np.nan))


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


def _silent(units: _Units, arms: Sequence[Arm], low: float, high: float) -> bool:
    """Whether bounds say no more than the outcome's range."""
    if not np.isfinite([low, high]).all():
        return True
    if units.span is None:
        return False
    floor, top = units.span
    least = sum(min(arm.weight * floor, arm.weight * top) for arm in arms)
    most = sum(max(arm.weight * floor, arm.weight * top) for arm in arms)
    return low <= least + SAME and high >= most - SAME


def _sharp(asked: Interfered, units: _Units) -> bool:
    """Where the closed form is the exact interval: one term, or no shape that ties the terms together."""
    shaped = any(asked.rising)
    full = not any(np.isnan(one).any() for one in units.outcomes)
    return full and (not shaped or (not asked.hidden and len(asked.arms) == 1))


def _checks(asked: Interfered, units: _Units) -> tuple[Check, ...]:
    lacking = max(float(np.isnan(one).mean()) for one in units.outcomes)
    advice = ""
    if lacking:
        advice = (
            f"{lacking:.0%} of the units lack members of an arm that the policy needs: their outcomes are taken to lie "
            f"anywhere in the bounds, and the effect with {asked.interferer} kept is not given."
        )
    return (Check("positivity", not lacking, lacking, advice),)


def _remarks(asked: Interfered, units: _Units) -> tuple[str, ...]:
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


def _read(asked: Interfered, study: Study, whole: bool) -> tuple[_Units, Nested, bool]:
    """The study as units, and whether it is a population: weights and counts that sum to one."""
    treatment, outcome, interferer = asked.treatment, asked.outcome, asked.interferer
    arms = Domain(tuple(state for state, _ in asked.arms[0].policy))
    wanted = [Wanted(treatment, 1, arms), Wanted(outcome, 1, asked.domains[1]), Wanted(interferer, 0, asked.domains[2])]
    mean = asked.value is None
    request = Request((treatment,), (outcome,)) if mean else Request((treatment, outcome))
    nested = collect(study, wanted, [request])
    cells = nested.cells[0]
    with np.errstate(invalid="ignore"):
        if mean:
            counts, values = cells.counts, cells.means[..., 0]
        else:
            if asked.value not in cells.states[1]:
                raise DataError(
                    f"{shown(outcome)} has no state {shown(str(asked.value))} in the data. "
                    f"Its states: {', '.join(map(str, cells.states[1]))}."
                )
            counts = cells.counts.sum(axis=2)
            values = cells.counts[:, :, cells.states[1].index(asked.value)] / counts
        members = counts.sum(axis=1)
        outcomes = tuple(_under(arm, values) for arm in asked.arms)
    weights, population = _weights(study, nested, members)
    column = nested.columns[interferer]
    units = _Units(
        outcomes,
        counts[:, 1] / members,
        members,
        column.codes,
        len(column.states),
        weights,
        whole or population,
        _span(asked, nested),
    )
    return units, nested, population


def _read_trial(asked: Interfered, study: Study, whole: bool) -> tuple[_Trial, bool]:
    """A study that set shares, and whether it is a population."""
    treatment, interferer = asked.treatment, asked.interferer
    arms = Domain(tuple(state for state, _ in asked.arms[0].policy))
    wanted = [Wanted(treatment, 1, arms), Wanted(interferer, 0, asked.domains[2])]
    nested = collect(study, wanted, [Request((treatment,))])
    counts = nested.cells[0].counts
    members = counts.sum(axis=1)
    weights, population = _weights(study, nested, members)
    column = nested.columns[interferer]
    return _Trial(counts[:, 1] / members, members, column.codes, weights, whole or population), population


def _weights(study: Study, nested: Nested, members: Array) -> tuple[Array, bool]:
    """Weights of the units that sum to one, and whether these units are a population: all sums are one."""
    own = study.unit_weight is not None and abs(float(nested.unit_weights.sum()) - 1.0) < WHOLE
    population = own and study.count is not None and bool(np.abs(members - 1.0).max() < WHOLE)
    return nested.unit_weights / nested.unit_weights.sum(), population


def _under(arm: Arm, values: Array) -> Array:
    """Each unit's mean under a policy, shape (units,); an arm that the policy never uses is not needed."""
    parts = [chance * values[:, at] for at, (_, chance) in enumerate(arm.policy) if chance]
    return np.asarray(sum(parts[1:], parts[0]))


def _span(asked: Interfered, nested: Nested) -> tuple[float, float] | None:
    """The outcome's range: a probability's, that of its states, 0 to 1 where it takes no other value."""
    if asked.value is not None:
        return 0.0, 1.0
    declared = asked.domains[1]
    if declared is not None:
        numbers = [float(state) for state in declared.states if not isinstance(state, str)]
        return (min(numbers), max(numbers)) if len(numbers) == len(declared) and len(numbers) > 1 else None
    cells = nested.cells[0]
    seen = cells.counts > 0
    mean, second = cells.means[..., 0][seen], cells.comoments[..., 0, 0][seen] / cells.counts[seen]
    within = nested.ranges[asked.outcome] == (0.0, 1.0)
    return (0.0, 1.0) if within and np.allclose(second, mean * (1.0 - mean), atol=1e-9) else None
