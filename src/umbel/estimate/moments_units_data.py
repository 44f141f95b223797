"""What units show of their class: shares and means inside each, the variable beside them, and the covariates.

The covariate may be a column of the units, or one of the members that few of them show: it is then
read by itself, so that the others keep their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import UnitColumn, Wanted
from umbel.data.nested import Nested, collect
from umbel.data.statistics import Request
from umbel.data.study import Study
from umbel.data.values import listed
from umbel.estimate.estimator import Target
from umbel.estimate.moments_units_pattern import Pattern
from umbel.expr.unmixing import UnitUnmixing
from umbel.numerics.unit_classes import Splits, split_members
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.value import DataSource
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
PIECES = 4
"""Pieces into which doses and real outcomes are cut as a view of the class."""


FEW = 5
"""Units at each value of the unit's variable, for each class, below which nothing is estimated."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """One entry per unit that shows everything.

    Parameters
    ----------
    states
        Of the member variable whose share is read.
    shares, means
        Shape (units, states): its share, and the mean outcome at each state.
    members
        Shape (units,).
    outer
        Shape (units,): codes of the unit's variable; zeros where there is none.
    outer_states
        Its states.
    within
        Shape (units,): the view within whose values the others are independent; zeros for none.
    outcome
        Shape (units,): the unit's own outcome, or the mean over its members.
    first, second
        Features of two views beside the covariate, shape (units, …); of one member's covariate or another one.
    covariate
        Shape (units, features): indicators of the covariate, or shares among the members that were asked.
    splits
        Views among members, for replicates, one row per kind of unit that looks alike; ``first`` then too.
    alike
        Shape (units,): the row of ``splits`` that each unit has.
    counts
        Shape (units, states): members by their covariate; None for a column of the units.
    mass
        Shape (units,).
    checks, source
        Doubts; the table that was read.
    """

    states: tuple[State, ...]
    shares: Array
    means: Array
    members: Array
    outer: Codes
    outer_states: tuple[State, ...]
    within: Codes
    outcome: Array
    first: Array
    second: Array
    covariate: Array
    splits: Splits | None
    alike: Codes
    counts: Array | None
    mass: Array
    checks: tuple[Check, ...]
    source: DataSource


@dataclass(frozen=True, slots=True, eq=False)
class _Covariate:
    """A covariate aligned with the units; NaN where a unit does not show it."""

    features: Array
    counts: Array | None


def read_units(study: Study, pattern: Pattern, unmixing: UnitUnmixing, target: Target) -> Units | Refusal:
    """Read the units for the stated number of classes; a Refusal where one shows what no estimate can use."""
    domains = target.domains
    inside = pattern.kind != "direct"
    wanted = [Wanted(pattern.inner, 1, domains.get(pattern.inner))]
    wanted.append(Wanted(pattern.outcome, int(inside), domains.get(pattern.outcome) if pattern.event else None))
    if pattern.outer:
        wanted.append(Wanted(pattern.outer, 0, domains.get(pattern.outer)))
    own = [x for x in unmixing.covariates if any(study.column(x).column in table.columns for table in study.units)]
    wanted += [Wanted(x, 0, domains.get(x)) for x in own]
    if not inside:
        request = Request((pattern.inner,))
    elif pattern.event is None:
        request = Request((pattern.inner,), (pattern.outcome,))
    else:
        request = Request((pattern.inner, pattern.outcome))
    nested = collect(study, wanted, [request])
    covariates = [_covariate(study, nested, x, x in own, target) for x in unmixing.covariates]
    read = _read(nested, pattern)
    if isinstance(read, Refusal):
        return read
    counts, means, outcome = read
    if counts.shape[1] < 2:
        state = nested.cells[0].states[0][0]
        return Refusal(f"{pattern.inner} is {state!r} in every row: an arm is missing.", "Collect rows of both arms.")
    return _assembled(nested, pattern, unmixing, covariates, counts, means, outcome)


def _read(nested: Nested, pattern: Pattern) -> tuple[Array, Array, Array] | Refusal:
    """Counts by state of the inner variable, mean outcomes there, and the outcome of each unit."""
    cells = nested.cells[0]
    if pattern.kind == "direct":
        column = nested.columns[pattern.outcome]
        if pattern.event is None:
            return cells.counts, np.zeros_like(cells.counts), column.values
        if pattern.event not in column.states:
            return _no_event(pattern, column.states)
        return cells.counts, np.zeros_like(cells.counts), (column.codes == column.states.index(pattern.event)) * 1.0
    if pattern.event is None:
        counts, means = cells.counts, cells.means[..., 0]
    else:
        if pattern.event not in cells.states[1]:
            return _no_event(pattern, cells.states[1])
        counts = cells.counts.sum(2)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = cells.counts[:, :, cells.states[1].index(pattern.event)] / counts
    total = np.nansum(np.where(counts > 0, counts * np.nan_to_num(means), 0.0), axis=1)
    return counts, means, total / counts.sum(1)


def _no_event(pattern: Pattern, states: tuple[State, ...]) -> Refusal:
    return Refusal(
        f"{pattern.outcome} is never {pattern.event!r}; its values are {listed(states)}.", "Ask for one of them."
    )


def _covariate(study: Study, nested: Nested, x: str, own: bool, target: Target) -> _Covariate:
    if own:
        column = nested.columns[x]
        return _Covariate(np.eye(len(column.states))[column.codes], None)
    asked = collect(study, [Wanted(x, 1, target.domains.get(x))], [Request((x,))])
    place = {key: i for i, key in enumerate(nested.keys)}
    counts = np.zeros((len(place), asked.cells[0].counts.shape[1]))
    for key, row in zip(asked.keys, asked.cells[0].counts, strict=True):
        if key in place:
            counts[place[key]] = row
    with np.errstate(invalid="ignore", divide="ignore"):
        return _Covariate(counts / counts.sum(1, keepdims=True), counts)


def _assembled(
    nested: Nested,
    pattern: Pattern,
    unmixing: UnitUnmixing,
    covariates: list[_Covariate],
    counts: Array,
    means: Array,
    outcome: Array,
) -> Units | Refusal:
    """Units that show all views, and the features of those."""
    shown = _showing(unmixing, covariates)
    if isinstance(shown, Refusal):
        return shown
    whole = np.isfinite(means).all(1) & np.isfinite(outcome)
    keep = whole & shown
    if not keep.any():
        return Refusal(
            f"No unit shows every view of {unmixing.latent}.",
            f"Ask {_needed(unmixing)} members of each unit for {unmixing.covariates[0]}.",
        )
    checks = (*nested.checks, _left_out("units with every arm", whole), _left_out("units with the covariate", shown))
    size = counts.sum(1)[keep]
    shares = (counts / counts.sum(1)[:, None])[keep]
    column = nested.columns[pattern.outer] if pattern.outer else None
    outer = np.zeros(len(size), dtype=np.int64) if column is None else column.codes[keep]
    refusal = None if column is None else _crowded(unmixing, pattern.outer, column, outer)
    if refusal is not None:
        return refusal
    members = None if covariates[0].counts is None else np.rint(covariates[0].counts[keep])
    splits = _split(unmixing, members) if unmixing.kind == "replicates" else None
    if isinstance(splits, Refusal):
        return splits
    first, second = _views(pattern, unmixing, shares, means[keep], outer, column, outcome[keep], covariates, keep)
    alike = np.arange(len(size))
    if splits is not None:
        rows, alike = np.unique(np.concatenate([first, splits.shares], axis=1), axis=0, return_inverse=True)
        first, splits = rows[:, : first.shape[1]], replace(splits, shares=rows[:, first.shape[1] :])
    return Units(
        nested.cells[0].states[0],
        shares,
        means[keep],
        size,
        outer,
        () if column is None else column.states,
        outer if unmixing.arm == pattern.outer else np.zeros_like(outer),
        outcome[keep],
        first,
        second,
        covariates[0].features[keep],
        splits,
        alike.reshape(-1),
        members,
        nested.unit_weights[keep],
        checks,
        nested.sources[-1],
    )


def _needed(unmixing: UnitUnmixing) -> int:
    """Members of a unit that have to show the covariate."""
    return unmixing.members if unmixing.kind == "replicates" else 1


def _showing(unmixing: UnitUnmixing, covariates: list[_Covariate]) -> Mask | Refusal:
    """Which units show every covariate, in as many members as are needed."""
    shown: Mask = np.all([np.isfinite(one.features).all(1) for one in covariates], axis=0)
    if unmixing.kind != "replicates":
        return shown
    x, counts = unmixing.covariates[0], covariates[0].counts
    if counts is None:
        return Refusal(
            f"{x} is a column of the units, and {_needed(unmixing)} members of each are needed as separate views.",
            f"Give {x} in the rows of the members.",
        )
    enough: Mask = counts.sum(1) >= _needed(unmixing)
    return shown & enough


def _left_out(name: str, here: Mask) -> Check:
    share = float(here.mean())
    return Check(name, share >= 0.95, share, f"{int((~here).sum())} units were left out." if share < 1 else "")


def _crowded(unmixing: UnitUnmixing, outer: str, column: UnitColumn, codes: Codes) -> Refusal | None:
    """A value of the unit's own variable with too few units to find classes within."""
    assert unmixing.classes is not None, "read for a number"
    least = int(np.bincount(codes, minlength=len(column.states)).min())
    if least >= FEW * unmixing.classes:
        return None
    return Refusal(
        f"{outer} has {len(column.states)} values and some of them {least} units: classes of "
        f"{unmixing.latent} are found within each.",
        f"Join values of {outer}, or collect more units.",
    )


def _split(unmixing: UnitUnmixing, members: Array | None) -> Splits | Refusal:
    """Members of a unit parted into views of their own."""
    assert members is not None and unmixing.classes is not None, "units show their members' covariate"
    found = split_members(members, unmixing.classes)
    if found is not None:
        return found
    return Refusal(
        f"{unmixing.covariates[0]} has {members.shape[1]} states, too few for {unmixing.classes} classes of "
        f"{unmixing.latent}.",
        "Measure a covariate with more states, or declare fewer classes.",
    )


def _views(
    pattern: Pattern,
    unmixing: UnitUnmixing,
    shares: Array,
    means: Array,
    outer: Codes,
    column: UnitColumn | None,
    outcome: Array,
    covariates: list[_Covariate],
    keep: Mask,
) -> tuple[Array, Array]:
    """Features of the two views beside the covariate."""
    states = 1 if column is None else len(column.states)
    if unmixing.kind == "proxy":
        if pattern.kind == "composed" and states < (unmixing.classes or 2):
            # a treatment of fewer values than classes tells them apart as the third view; the means stay
            # as they are, because how far they err depends on the treatment, and their mean does not
            return np.column_stack([np.ones(len(means)), means]), np.eye(states)[outer][:, 1:]
        if pattern.kind == "composed":
            return np.eye(states)[outer], means
        return _indicators(_pieces(shares[:, -1])), means if pattern.kind == "mediated" else outcome[:, None]
    beside = _pieces(outcome) if pattern.kind == "direct" else outer
    rest = _indicators(_pieces(shares[:, -1]) * (int(beside.max()) + 1) + beside)
    second = covariates[-1].features[keep][:, 1:]
    return rest, second


def _pieces(values: Array) -> Codes:
    """Codes of the pieces that quantiles cut."""
    distinct = np.unique(values)
    if len(distinct) <= PIECES:
        return np.searchsorted(distinct, values).astype(np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, PIECES) / PIECES))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def _indicators(codes: Codes) -> Array:
    _, again = np.unique(codes, return_inverse=True)
    return np.asarray(np.eye(int(again.max()) + 1)[again.reshape(-1)])
