"""What a policy does on one network, by simulation from fitted equations (auto-g-computation).

Policies are compared on the same random numbers: the difference of two policies has far less Monte
Carlo noise than either value. A policy that leaves a treatment alone keeps it as observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from umbel.numerics.automodel import Fit, Neighbourhood, score
from umbel.numerics.chromatic import Bytes, Singles, chances
from umbel.numerics.network import Floats


@dataclass(frozen=True, slots=True)
class Reader:
    """What a rule may read in one chain: a column's values, shape (n, copies), and their sums around each node."""

    at: Neighbourhood
    own: Callable[[int], Floats]

    def around(self, column: int) -> Floats:
        """Sums over neighbours, shape (n, copies)."""
        return self.at.around(self.own(column))


@dataclass(frozen=True, slots=True)
class Rule:
    """How a policy sets one treatment: to 1 with the chance that ``law`` gives, or to that number itself."""

    law: Callable[[Reader], Floats]
    drawn: bool = True


Policy = Mapping[int, Rule]
"""A rule for each treatment that the policy sets, by column."""

MOST_CELLS = 2**23
"""Nodes times chains that are held at once, a hundred megabytes."""


class Explosive(ValueError):
    """A linear equation whose neighbours amplify each other without end."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how often to simulate: sweeps thrown away, sweeps kept, independent copies."""

    burn: int = 20
    keep: int = 40
    copies: int = 1

    @staticmethod
    def for_size(nodes: int, chains: int, *, fewest: int | None = None) -> Schedule:
        """As many copies, a power of two up to 64, as bring a small network to 2^18 draws a chain.

        ``fewest``: of whom a mean is asked, where that is not everybody.
        """
        copies, fewest = 1, nodes if fewest is None else fewest
        while copies < 64 and 2 * copies * fewest <= 2**18 and 2 * copies * nodes * chains <= MOST_CELLS:
            copies *= 2
        return Schedule(copies=copies)


def outcome_means(
    at: Neighbourhood,
    values: Floats,
    fits: Sequence[Fit],
    policies: Sequence[Policy],
    *,
    outcome: int,
    order: Sequence[int],
    schedule: Schedule,
    shares: Floats | None = None,
    rng: np.random.Generator,
) -> Floats:
    """The mean outcome over the network's persons, or some of them, under each policy.

    Parameters
    ----------
    at, values
        The network and its observed values, shape (n, variables), by place.
    fits
        Equations of the variables between treatments and outcome.
    policies
        What is set, one mapping for each chain; an empty one is the status quo.
    outcome
        Column of the outcome.
    order
        Columns of all treatments and targets, causes first.
    schedule
        Sweeps and copies.
    shares
        Shape (n, policies), by place: how much each person counts in each policy's mean, columns
        that sum to one; None: everybody alike.
    rng
        Source of randomness, shared by all policies.

    Returns
    -------
    Array
        Shape (policies, copies); copies are independent.

    Raises
    ------
    Explosive
        For a linear outcome whose coupling has no equilibrium.
    """
    shape = (len(values), len(policies), schedule.copies)
    state: dict[int, Singles] = {}
    equations = {fit.equation.target: fit for fit in fits}
    for column in order:
        ruled = [(k, policy[column]) for k, policy in enumerate(policies) if column in policy]
        fit = equations.get(column)
        moved = fit is not None and not state.keys().isdisjoint(fit.equation.reads)
        if not ruled and not moved:
            continue
        if fit is not None and moved:
            field = _field(at, values, state, fit, shape)
            if column == outcome and not ruled:
                return _settled_mean(at, field, fit, schedule, shares, rng)
            drawn = _drawn(at, field, fit, schedule, rng)
        else:
            drawn = np.repeat(values[:, column, None].astype(np.float32), shape[1] * shape[2], axis=1).reshape(shape)
        if ruled:
            noise = rng.random((shape[0], shape[2]), dtype=np.float32)
            for k, rule in ruled:
                law = rule.law(Reader(at, partial(_column, state, values, k, shape[2])))
                drawn[:, k] = noise < law if rule.drawn else law
        state[column] = drawn
    untouched: Floats = np.broadcast_to(state.get(outcome, values[:, outcome, None, None]), shape)
    return _averaged(untouched, shares)


def _averaged(values: Floats | Singles, shares: Floats | None) -> Floats:
    """Means over persons, shape (chains, copies), of values of shape (n, chains, copies)."""
    if shares is None:
        return np.asarray(values.mean(axis=0, dtype=np.float64))
    return np.asarray(np.einsum("nkc,nk->kc", values, shares))


def _column(state: Mapping[int, Singles], values: Floats, chain: int, copies: int, v: int) -> Floats:
    """A variable's values in one chain, shape (n, copies)."""
    if v in state:
        return state[v][:, chain].astype(np.float64)
    return np.broadcast_to(values[:, v, None], (len(values), copies))


def _field(
    at: Neighbourhood, values: Floats, state: Mapping[int, Singles], fit: Fit, shape: tuple[int, int, int]
) -> Floats:
    """What pulls the target of an equation, its own coupling left out: shape (n, chains, copies)."""
    equation, weights = fit.equation, iter(fit.coefficients[1:])
    fixed, field = np.full(len(values), fit.coefficients[0]), np.zeros(shape)
    reads: list[tuple[int, Callable[[Floats], Floats]]] = [(v, lambda own: own) for v in equation.own]
    reads += [(v, at.around) for v in equation.near]
    reads += [(v, partial(at.around, averaged=True)) for v in equation.means]
    for v, read in reads:
        weight = next(weights)
        if v in state:
            field += weight * read(state[v])  # type: ignore[arg-type]
        else:
            fixed += weight * read(values[:, v])
    field += fixed[:, None, None]
    return field


def _settled_mean(
    at: Neighbourhood, field: Floats, fit: Fit, schedule: Schedule, shares: Floats | None, rng: np.random.Generator
) -> Floats:
    """Mean over nodes of the expected outcome, shape (chains, copies)."""
    if fit.equation.kind == "linear":
        return _averaged(_linear_equilibrium(at, field, fit.coupling), shares)
    if not fit.equation.coupled:
        return _averaged(expit(field), shares)
    total, kept = np.zeros(field.shape[1:]), 0
    for _, chance in _swept(at, field, fit, schedule, rng):
        total += _averaged(chance, shares)
        kept += 1
    return total / kept


def _drawn(at: Neighbourhood, field: Floats, fit: Fit, schedule: Schedule, rng: np.random.Generator) -> Singles:
    """A draw of an equation's target, shape (n, chains, copies); chains share their noise."""
    n, _, copies = field.shape
    if fit.equation.kind == "linear":
        noise = fit.scale * rng.standard_normal((n, 1, copies))
        return _linear_equilibrium(at, field + noise, fit.coupling).astype(np.float32)
    if not fit.equation.coupled:
        return np.asarray(rng.random((n, 1, copies)) < expit(field), dtype=np.float32)
    state = None
    for state, _ in _swept(at, field, fit, Schedule(schedule.burn, 1), rng):  # noqa: B007
        pass
    assert state is not None
    return state.astype(np.float32)


def _swept(
    at: Neighbourhood, field: Floats, fit: Fit, schedule: Schedule, rng: np.random.Generator
) -> Iterator[tuple[Bytes, Singles]]:
    """The chains of a coupled logistic equation."""
    copies = field.shape[2]
    return chances(at.network, field, fit.coupling, copies=copies, burn=schedule.burn, keep=schedule.keep, rng=rng)


def _linear_equilibrium(at: Neighbourhood, field: Floats, coupling: float, *, steps: int = 500) -> Floats:
    """Solve ``m = field + coupling * sum of neighbours' m``, by repeating it."""
    if not coupling:
        return field
    mean, enough = field, 1e-12 * max(1.0, float(np.abs(field).max(initial=0.0)))
    for _ in range(steps):
        following = field + coupling * at.around(mean)
        change = float(np.abs(following - mean).max(initial=0.0))
        mean = following
        if change < enough:
            return mean
        if not change < 1e24 * enough:  # beyond a million million times the field it will not come back
            break
    raise Explosive(f"the neighbours' coefficient {coupling:.4g} has no equilibrium on this network")


def drawn_scores(
    at: Neighbourhood, values: Floats, fits: Sequence[Fit], *, draws: int, burn: int = 30, rng: np.random.Generator
) -> Floats:
    """Total scores of all equations on networks drawn from the fit, given what has no equation.

    Parameters
    ----------
    at, values, fits
        As for :func:`outcome_means`.
    draws
        How many networks.
    burn
        Sweeps before a coupled variable is read.
    rng
        Source of randomness.

    Returns
    -------
    Array
        Shape (draws, total width): one equation after another, for
        :func:`~umbel.numerics.automodel.stacked_covariance`.
    """
    rows: list[Floats] = []
    most = max(1, MOST_CELLS // max(len(values), 1))
    while len(rows) < draws:
        copies = 1 << (min(most, draws - len(rows), 64).bit_length() - 1)
        state: dict[int, Singles] = {}
        shape = (len(values), 1, copies)
        for fit in fits:
            field = _field(at, values, state, fit, shape)
            state[fit.equation.target] = _drawn(at, field, fit, Schedule(burn, 1), rng)
        for copy in range(copies):
            table = values.copy()
            for v, drawn in state.items():
                table[:, v] = drawn[:, 0, copy]
            rows.append(np.concatenate([score(at, table, fit) for fit in fits]))
    return np.array(rows)
