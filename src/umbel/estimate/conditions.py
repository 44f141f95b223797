"""What a factor across units conditions on, as features and strata of a regression.

Laws become features; categories of the unit split the units into strata; a unit variable with
many values is a feature. Each condition is read from the units themselves, stands at one value
for all (an intervention), or runs over its states.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import UnitColumn
from umbel.estimate.models import Predict
from umbel.estimate.unit_data import LawValues, UnitData, law_features
from umbel.expr.nodes import AtState, Certain, Held, Law, Policy, Raw, Slot, Symbol, Value
from umbel.model.weights import PushedLaw
from umbel.results.step import Refusal
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_STRATA = 6
"""States up to which a unit variable splits the units; beyond, its value is a feature."""


class Unsupported(Exception):
    """Raised while walking an estimand, turned into a Refusal at the engine's one door."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(why, advice)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The conditions of one cell of a prediction: one row per unit, or one row in all.

    Parameters
    ----------
    features
        Shape (rows, features).
    strata
        Shape (rows, categories).
    """

    features: Array
    strata: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """Conditions of one factor.

    Parameters
    ----------
    observed
        What the units show: what models are fitted to.
    axis
        The unit axis that some condition is read from; None where all stand still.
    running
        Unit variables that run over their states, with the number of states.
    places
        One place per combination of running states, in C order.
    """

    observed: Place
    axis: int | None
    running: tuple[tuple[Symbol, int], ...]
    places: tuple[Place, ...]

    def predicted(self, fit: Callable[[Codes], Predict | None], cells: int, models: Models) -> Array:
        """Predictions at every place, shape (places, rows, cells); NaN where nothing can be learnt.

        ``fit`` gets the indices of a stratum's units; ``models`` keeps what it returned.
        """
        result = np.full((len(self.places), len(self.places[0].features), cells), np.nan)
        for at, place in zip(result, self.places, strict=True):
            for stratum in sorted(set(map(tuple, place.strata.tolist()))):
                if stratum not in models:
                    members = np.flatnonzero((self.observed.strata == np.array(stratum, dtype=np.int64)).all(axis=1))
                    models[stratum] = fit(members) if len(members) else None
                model = models[stratum]
                if model is not None:
                    rows = (place.strata == np.array(stratum, dtype=np.int64)).all(axis=1)
                    at[rows] = model(place.features[rows])
        return result


def conditions_of(
    given: Sequence[Slot], data: UnitData, units: Mapping[Symbol, int], *, observed: bool = False
) -> Conditions:
    """Read the conditions of a factor.

    Parameters
    ----------
    given
        The factor's conditions.
    units
        The unit axis of every symbol that is read from the units.
    observed
        Laws are read as observed shares, which keep identities between laws (the share of treated
        is the average of the shares at each value of the instrument); else as smoothed logits.

    Raises
    ------
    Unsupported
        For a condition on a law that a regression generates, or on units of two axes.
    """
    axes = sorted({units[slot] for slot in given if isinstance(slot, Symbol) and slot in units})
    if len(axes) > 1:
        raise Unsupported("A factor conditions on laws of two different units.", "Ask for another estimator.")
    symbols = [slot for slot in given if isinstance(slot, Symbol)]
    running = [(symbol, len(_column(symbol, data).states)) for symbol in symbols if _runs(symbol, units)]
    parts = [_part(slot, data, units, observed) for slot in given]
    rows = data.units if axes else 1
    places = [
        _joined(
            [part({symbol: code for (symbol, _), code in zip(running, combo, strict=True)}, rows) for part in parts],
            rows,
        )
        for combo in itertools.product(*(range(size) for _, size in running))
    ]
    shown = _joined([_observed(slot, data, observed) for slot in given], data.units)
    return Conditions(shown, axes[0] if axes else None, tuple(running), tuple(places))


Part = tuple[Array, Codes]
Models = dict[tuple[int, ...], Predict | None]
"""Fitted models by stratum."""

Reader = Callable[[dict[Symbol, int], int], Part]


def _runs(symbol: Symbol, units: Mapping[Symbol, int]) -> bool:
    return isinstance(symbol.meaning, Raw) and symbol not in units


def _part(slot: Slot, data: UnitData, units: Mapping[Symbol, int], observed: bool) -> Reader:
    """How one condition is read at a place."""
    symbol = slot.symbol if isinstance(slot, Held) else slot
    if isinstance(slot, Held):
        fixed = _held(symbol, slot.value, data, observed)
        return lambda combo, rows: (np.repeat(fixed[0], rows, axis=0), np.repeat(fixed[1], rows, axis=0))
    if symbol in units:
        own = _observed(slot, data, observed)
        return lambda combo, rows: own
    if isinstance(symbol.meaning, Law):
        raise Unsupported(
            "The estimand is not linear in a law that a regression would generate.",
            "This estimator follows such laws through their means only.",
        )
    return lambda combo, rows: _category(np.full(rows, combo[symbol], dtype=np.int64), symbol, data)


def _observed(slot: Slot, data: UnitData, observed: bool) -> Part:
    """What the units show of a condition: features and strata, one row per unit."""
    symbol = slot.symbol if isinstance(slot, Held) else slot
    if isinstance(symbol.meaning, Law):
        values = data.laws[symbol.meaning]
        plain = law_features(values.unbiased(data.weights), values.averaged, False) if observed else values.features()
        return plain, np.empty((data.units, 0), dtype=np.int64)
    return _category(_column(symbol, data).codes, symbol, data)


def _category(codes: Codes, symbol: Symbol, data: UnitData) -> Part:
    """A unit variable: strata, or a feature when it has many values."""
    states = _column(symbol, data).states
    if len(states) <= MOST_STRATA or any(isinstance(state, str) for state in states):
        return np.empty((len(codes), 0)), codes[:, None]
    values = np.array([float(state) for state in states])
    centre, spread = values.mean(), values.std()
    return ((values - centre) / spread)[codes][:, None], np.empty((len(codes), 0), dtype=np.int64)


def _held(symbol: Symbol, value: Value, data: UnitData, observed: bool) -> Part:
    """An intervened condition: one row of features, or one category."""
    if isinstance(symbol.meaning, Law):
        values = data.laws[symbol.meaning]
        table = _unmixed(held_table(symbol.meaning, value, data)[None], values)
        share = values.share and not observed
        return law_features(table, values.averaged, share), np.empty((1, 0), dtype=np.int64)
    column = _column(symbol, data)
    if not isinstance(value, AtState) or value.state not in column.states:
        raise Unsupported(
            f"No unit shows the value at which {symbol.meaning.name} is held.", "Ask for one that occurs."
        )
    return _category(np.array([column.states.index(value.state)], dtype=np.int64), symbol, data)


def _unmixed(table: Array, values: LawValues) -> Array:
    """An intervention's law as an observed one looks: a mean where only means are kept."""
    if not values.averaged:
        return table
    if table.shape[1] != 2:
        raise Unsupported("An intervention on a law of numbers is not estimated here.", "Declare its states.")
    return table[:, 1]


def held_table(law: Law, value: Value, data: UnitData) -> Array:
    """Weights of an intervention's law, shape (states, states of each condition…), never 0 or 1.

    A certain law is what the average unit would show if all its members had that value, smoothed
    as observed laws are.
    """
    (of,) = law.of
    assert isinstance(of, Raw)
    states = data.states[of.name]
    shape = (len(states), *(len(data.states[one.name]) for one in law.given if isinstance(one, Raw)))
    match value:
        case Policy():
            table = policy_weights(value, data)
            order = [one.name for one in value.given]
            names = [one.name for one in law.given if isinstance(one, Raw)]
            table = np.moveaxis(
                table, range(1, table.ndim), [1 + sorted(order, key=names.index).index(n) for n in order]
            )
            index = tuple(slice(None) if name in order else None for name in names)
            full = np.broadcast_to(table[(slice(None), *index)], shape)
        case Certain(AtState(state)):
            full = np.broadcast_to(one_hot(state, states, of.name).reshape((-1, *([1] * (len(shape) - 1)))), shape)
        case _:
            raise Unsupported("An intervention that runs over every value is not estimated here.", "Name its value.")
    edge = 1.0 / (float(data.sizes @ data.weights) + len(states))
    return np.clip(full, edge, 1.0 - edge)


def policy_weights(policy: Policy, data: UnitData) -> Array:
    """Weights of a named law, shape (states of the treatment, states of each covariate…)."""
    if policy.law is None:
        raise Unsupported("The intervention's law q is unspecified.", "Name it: do(A ~ Bernoulli(0.5)).")
    if isinstance(policy.law, PushedLaw):
        raise Unsupported(
            f"What units make of the law of {policy.of.name} would be learnt across friendships of other shapes.",
            "Ask for an effect on members.",
        )
    states = data.states[policy.of.name]
    covariates = [data.states[one.name] for one in policy.given]
    table = np.empty((len(states), *map(len, covariates)))
    for place in np.ndindex(*table.shape[1:]):
        known = {one.name: values[i] for one, values, i in zip(policy.given, covariates, place, strict=True)}
        table[(slice(None), *place)] = [policy.law.weight(state, states, known) for state in states]
    return table


def one_hot(state: State, states: tuple[State, ...], name: str) -> Array:
    """Certainty of one state."""
    if state not in states:
        raise Unsupported(f"{name} = {state!r} occurs nowhere in the data.", f"Values that occur: {states}.")
    return np.array([float(one == state) for one in states])


def _column(symbol: Symbol, data: UnitData) -> UnitColumn:
    assert isinstance(symbol.meaning, Raw)
    return data.columns[symbol.meaning.name]


def _joined(parts: Sequence[Part], rows: int) -> Place:
    features = [part[0] for part in parts] or [np.empty((rows, 0))]
    strata = [part[1] for part in parts] or [np.empty((rows, 0), dtype=np.int64)]
    return Place(np.concatenate(features, axis=1), np.concatenate(strata, axis=1))


def held_slots(given: Sequence[Slot]) -> Iterator[Held]:
    """Conditions on an intervened law."""
    for slot in given:
        if isinstance(slot, Held) and isinstance(slot.symbol.meaning, Law):
            yield slot
