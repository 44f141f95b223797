"""What proxies say of one row: the probability of each class, and the effect that is to be expected.

``P(u | proxies, strata)`` by Bayes' rule from the fitted laws, the effects of the classes averaged
over it. Errors by the delta method, from the same information as those of the classes: they are of
the parameters, and the row's own class stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.values import listed
from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit
from umbel.estimate.moments_spread import Normal, Spread
from umbel.expr.unmixing import Unmixing
from umbel.numerics.latent_em import LatentFit
from umbel.numerics.latent_inference import ErrorKind
from umbel.numerics.latent_personal import covariance_of
from umbel.results.step import Refusal
from umbel.results.value import Row
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_ROWS = 1000
"""Combinations of values that are answered, a row each."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Combinations of values that rows show.

    Parameters
    ----------
    values
        One tuple of states per combination, in the order of the conditions.
    codes
        For each condition: shape (combinations,).
    stratum
        Shape (combinations,).
    """

    values: tuple[tuple[State, ...], ...]
    codes: dict[str, Codes]
    stratum: Codes


def asked_of(data: ClassData, unmixing: Unmixing) -> Asked | Refusal:
    """The combinations that are asked for and occur."""
    names = tuple(name for name, _ in unmixing.given)
    keep = data.weights > 0
    for name, value in unmixing.given:
        if value is None:
            continue
        if value not in data.states[name]:
            shown = listed(data.states[name])
            return Refusal(f"{name} is never {value!r} in {data.source.table}; its values are {shown}.", "Ask there.")
        keep = keep & (data.codes[name] == data.states[name].index(value))
    joint, _ = data.joint(names)
    seen, first = np.unique(joint[keep], return_index=True)
    if not len(seen):
        return _unseen(data, unmixing)
    if len(seen) > MOST_ROWS:
        return Refusal(
            f"{', '.join(names)} show {len(seen):,} combinations of values, more than {MOST_ROWS:,}.",
            "Condition on fewer variables, or give values: E[Y | do(T=1), Z=0].",
        )
    entries = np.flatnonzero(keep)[first]
    codes = {name: data.codes[name][entries] for name in names}
    values = tuple(tuple(data.states[name][codes[name][i]] for name in names) for i in range(len(entries)))
    return Asked(values, codes, data.joint(unmixing.strata)[0][entries])


def _unseen(data: ClassData, unmixing: Unmixing) -> Asked | Refusal:
    """Values that no row shows together: the model speaks of them where all are named, and strata occur."""
    names = [name for name, _ in unmixing.given]
    values = tuple(value for _, value in unmixing.given if value is not None)
    stratum, codes = np.zeros(1, dtype=np.int64), {}
    if len(values) == len(names):
        codes = {name: np.array([data.states[name].index(value)]) for name, value in zip(names, values, strict=True)}
        for name in unmixing.strata:
            stratum = stratum * len(data.states[name]) + codes[name]
    if not codes or stratum[0] not in data.joint(unmixing.strata)[0][data.weights > 0]:
        return Refusal(f"No row shows those values of {', '.join(names)} together.", "Ask at values that occur.")
    return Asked((values,), codes, stratum)


def impossible(unmixing: Unmixing, value: Array) -> Refusal | None:
    """A refusal where no class shows the values that are asked for."""
    if np.isfinite(value).all():
        return None
    names = ", ".join(name for name, _ in unmixing.given)
    why = f"No class of {unmixing.latent} shows those values of {names} together: nothing is known of such rows."
    return Refusal(why, "Ask at values that occur.")


def at_values(
    data: ClassData, unmixing: Unmixing, found: ClassFit, asked: Asked, fit: LatentFit, weights: Array
) -> Array:
    """Expected effects of the combinations, then probabilities of the classes in each, by a fit.

    Parameters
    ----------
    data, unmixing, found
        What was fitted.
    asked
        The combinations.
    fit
        Whose parameters are used: the estimate's, or a draw's.
    weights
        Shape (arms,): the contrast.
    """
    return _quantities(data, unmixing, found, asked, weights, fit.prior, fit.values)


def spread_at_values(
    data: ClassData, unmixing: Unmixing, found: ClassFit, asked: Asked, *, weights: Array, kind: ErrorKind
) -> Normal | None:
    """Covariance of the same by the delta method; None where the likelihood is flat."""

    def quantities(prior: Array, values: tuple[Array, ...]) -> Array:
        return _quantities(data, unmixing, found, asked, weights, prior, values)

    errors = covariance_of(found.model, found.fit, found.values, quantities, kind=kind, clusters=data.independent)
    return None if errors is None else Normal(errors)


def personal_rows(
    unmixing: Unmixing, asked: Asked, value: Array, spread: Spread, *, classes: int, level: float, term: str
) -> tuple[Row, ...]:
    """A row per combination with the expected effect, then one per combination and class with its probability.

    Parameters
    ----------
    unmixing, asked
        The question, and the combinations.
    value, spread
        From :func:`at_values`, and how far off it may be.
    classes
        k.
    level, term
        Of the intervals; the question's text.
    """
    ends = spread.own(value, level)
    names = [name for name, _ in unmixing.given]
    of_class = f"P({unmixing.latent} | {', '.join(names)})"
    rows, combinations = [], len(asked.values)
    numbers = list(zip(value.tolist(), ends.se.tolist(), ends.low.tolist(), ends.high.tolist(), strict=True))
    for i, states in enumerate(asked.values):
        rows.append(Row(term, tuple(zip(names, states, strict=True)), "estimate", *numbers[i]))
    for i, states in enumerate(asked.values):
        for u in range(classes):
            at = (*zip(names, states, strict=True), (unmixing.latent, u + 1))
            rows.append(Row(of_class, at, "class", *numbers[combinations + i * classes + u]))
    return tuple(rows)


def _quantities(
    data: ClassData,
    unmixing: Unmixing,
    found: ClassFit,
    asked: Asked,
    weights: Array,
    prior: Array,
    values: tuple[Array, ...],
) -> Array:
    """Expected effects, then probabilities of the classes, of every combination."""
    chance = prior[asked.stratum]  # (combinations, k)
    for one, value in zip(unmixing.factors, values, strict=True):
        told = [name for name in one.of if name in asked.codes]
        if one.side == "y" or not told:  # of the rest nothing is asked: its law sums to one
            continue
        sizes = [len(data.states[name]) for name in one.of]
        law = value.reshape(value.shape[0], *sizes, value.shape[2])
        law = law.sum(axis=tuple(1 + i for i, name in enumerate(one.of) if name not in asked.codes))
        configuration = np.zeros(len(asked.stratum), dtype=np.int64)
        for name in one.given:
            configuration = configuration * len(data.states[name]) + asked.codes[name]
        chance = chance * law[(configuration, *(asked.codes[name] for name in told))]
    with np.errstate(invalid="ignore"):  # not a number where no class shows the values
        chance = chance / chance.sum(1, keepdims=True)
    outcome = values[found.outcome.factor]
    numbers = found.outcome.values
    cells = outcome[:, 0] if numbers is None else np.einsum("cyu,y->cu", outcome, numbers)
    effects = np.einsum("t,tcu->cu", weights, cells[found.outcome.configuration[:, asked.stratum]])
    return np.concatenate([(chance * effects).sum(1), chance.ravel()])
