"""Units whose members were treated, as arrays: outcomes under policies, shares, the interferer.

A share among the members seen is a unit's own only where the rows are all its members. From a sample of
them a unit counts as below or above a policy where 999 samples in 1000 would agree, and never as at it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import Wanted
from umbel.data.nested import Nested, collect
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.errors import DataError, shown
from umbel.model.interfered import Arm, Interfered
from umbel.numerics.interferer import SAME
from umbel.variable import Domain

Array = NDArray[np.float64]

SURE = 3.29
"""Standard errors beyond which a unit's own share lies on one side of the policy's."""
WHOLE = 1e-6
"""Weights that sum to one this closely are a population's."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenUnits:
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

    def weighing(self, weights: Array) -> SeenUnits:
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
class SeenTrial:
    """Units whose shares were set: the shares seen, of how many members, the interferer, weights."""

    treated: Array
    members: Array
    interferer: NDArray[np.int64]
    weights: Array
    exact: bool

    def weighing(self, weights: Array) -> SeenTrial:
        """The same units with other weights; those without any are left out."""
        kept = weights > 0
        return SeenTrial(self.treated[kept], self.members[kept], self.interferer[kept], weights[kept], self.exact)

    def chances(self, policy: float, *, monotone: bool) -> tuple[float, float]:
        """Between which numbers ``P(Z(policy) = 1)`` lies: each share below bounds it from below, when Z rises."""
        low, high = 0.0, 1.0
        at = placed(self, policy)
        for share in np.unique(at[~np.isnan(at)]):
            own = at == share
            chance = float(self.weights[own] @ self.interferer[own] / self.weights[own].sum())
            same = abs(share - policy) <= SAME
            if same or (monotone and share < policy):
                low = max(low, chance)
            if same or (monotone and share > policy):
                high = min(high, chance)
        return low, high


def placed(units: SeenUnits | SeenTrial, policy: float) -> Array:
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


def read_units(asked: Interfered, study: Study, whole: bool) -> tuple[SeenUnits, Nested, bool]:
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
    units = SeenUnits(
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


def read_trial(asked: Interfered, study: Study, whole: bool) -> tuple[SeenTrial, bool]:
    """A study that set shares, and whether it is a population."""
    treatment, interferer = asked.treatment, asked.interferer
    arms = Domain(tuple(state for state, _ in asked.arms[0].policy))
    wanted = [Wanted(treatment, 1, arms), Wanted(interferer, 0, asked.domains[2])]
    nested = collect(study, wanted, [Request((treatment,))])
    counts = nested.cells[0].counts
    members = counts.sum(axis=1)
    weights, population = _weights(study, nested, members)
    column = nested.columns[interferer]
    return SeenTrial(counts[:, 1] / members, members, column.codes, weights, whole or population), population


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
