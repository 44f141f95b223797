"""What proxies say of one row: the probability of each class, and the effect that is to be expected.

``P(u | proxies, strata)`` by Bayes' rule from the fitted laws, the effects of the classes averaged
over it. Errors by the delta method, from the same information as those of the classes: they are of
the parameters, and the row's own class stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from umbel.data.values import listed
from umbel.estimate.moments_data import ClassData
from umbel.estimate.moments_model import ClassFit
from umbel.expr.unmixing import Unmixing
from umbel.numerics.latent_em import moved
from umbel.numerics.latent_inference import ClassValues, ErrorKind, covariance
from umbel.results.step import Refusal
from umbel.results.value import Row
from umbel.variable import State

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_ROWS = 1000
"""Combinations of values that are answered, a row each."""
STEP = 1e-5
"""Of central differences in softmax coordinates, whose error is its square."""


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
        return Refusal(f"No row shows those values of {', '.join(names)} together.", "Ask at values that occur.")
    if len(seen) > MOST_ROWS:
        return Refusal(
            f"{', '.join(names)} show {len(seen):,} combinations of values, more than {MOST_ROWS:,}.",
            "Condition on fewer variables, or give values: E[Y | do(T=1), Z=0].",
        )
    entries = np.flatnonzero(keep)[first]
    codes = {name: data.codes[name][entries] for name in names}
    values = tuple(tuple(data.states[name][codes[name][i]] for name in names) for i in range(len(entries)))
    return Asked(values, codes, data.joint(unmixing.strata)[0][entries])


def personal_rows(
    data: ClassData,
    unmixing: Unmixing,
    found: ClassFit,
    asked: Asked,
    *,
    weights: Array,
    kind: ErrorKind,
    level: float,
    term: str,
) -> tuple[Row, ...] | Refusal:
    """A row per combination with the expected effect, then one per combination and class with its probability.

    Parameters
    ----------
    data, unmixing, found
        What was fitted.
    asked
        The combinations.
    weights
        Shape (arms,): the contrast.
    kind, level
        Where errors come from; of the intervals.
    term
        The question's text.
    """
    model, fit, k = found.model, found.fit, found.model.classes
    value = _quantities(data, unmixing, found, asked, weights, fit.prior, fit.values)
    gradient = np.empty((sum(model.sizes), len(value)))
    for i in range(len(gradient)):
        step = np.zeros(len(gradient))
        step[i] = STEP
        ahead, behind = moved(model, fit, step), moved(model, fit, -step)
        there = _quantities(data, unmixing, found, asked, weights, *ahead)
        gradient[i] = (there - _quantities(data, unmixing, found, asked, weights, *behind)) / (2 * STEP)
    still = np.zeros((model.strata, len(value)))
    here = ClassValues(found.values.probabilities, found.values.means, gradient, still)
    errors = covariance(model, fit, here, kind=kind, clusters=data.independent)
    if errors is None:
        return Refusal("The likelihood is flat: classes are not told apart.", "Declare fewer classes.")
    deviation = np.sqrt(np.maximum(np.diag(errors), 0.0))
    half = float(norm.ppf(0.5 + level / 2)) * deviation
    names = [name for name, _ in unmixing.given]
    of_class = f"P({unmixing.latent} | {', '.join(names)})"
    rows, combinations = [], len(asked.values)
    for i, states in enumerate(asked.values):
        at = tuple(zip(names, states, strict=True))
        ends = float(value[i] - half[i]), float(value[i] + half[i])
        rows.append(Row(term, at, "estimate", float(value[i]), float(deviation[i]), *ends))
    for i, states in enumerate(asked.values):
        for u in range(k):
            j = combinations + i * k + u
            at = (*zip(names, states, strict=True), (unmixing.latent, u + 1))
            ends = float(value[j] - half[j]), float(value[j] + half[j])
            rows.append(Row(of_class, at, "class", float(value[j]), float(deviation[j]), *ends))
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
    chance = chance / chance.sum(1, keepdims=True)
    outcome = values[found.outcome.factor]
    numbers = found.outcome.values
    cells = outcome[:, 0] if numbers is None else np.einsum("cyu,y->cu", outcome, numbers)
    effects = np.einsum("t,tcu->cu", weights, cells[found.outcome.configuration[:, asked.stratum]])
    return np.concatenate([(chance * effects).sum(1), chance.ravel()])
