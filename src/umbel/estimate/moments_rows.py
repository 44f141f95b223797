"""From numbers of classes to rows of an Answer: effects by class, probabilities, means, or the average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.moments_spread import Ends, Spread
from umbel.expr.unmixing import Unmixing
from umbel.results.value import Estimate, LatentClass, Row
from umbel.variable import State

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """What an Answer takes over."""

    estimate: Estimate
    rows: tuple[Row, ...] = ()
    classes: tuple[LatentClass, ...] | None = None


def told_of_classes(
    unmixing: Unmixing,
    states: tuple[State, ...],
    chances: Array,
    means: Array,
    spread: Spread,
    *,
    weights: Array,
    term: str,
    level: float,
    method: str,
) -> Told:
    """One row per class, or the average over them.

    Parameters
    ----------
    unmixing, states
        The question, and the states of the treatment.
    chances, means
        Shape (k,) and (arms, k).
    spread
        Of both, flattened one after the other.
    weights
        Shape (arms,): the contrast.
    term
        The question's text.
    level, method
        Of the intervals; the estimator's name.
    """
    k, arms = len(chances), len(states)
    point = np.concatenate([chances, means.ravel()])

    def effects(one: Array) -> Array:
        return np.asarray(np.einsum("t,...tu->...u", weights, one[..., k:].reshape(*one.shape[:-1], arms, k)))

    def average(one: Array) -> Array:
        return np.asarray((one[..., :k] * effects(one)).sum(-1, keepdims=True))

    of_effects = spread.ends(point, effects, level)
    own = spread.own(point, level)
    if unmixing.by_class:
        rows = _rows(unmixing, term, effects(point), of_effects)
        rows += _rows(unmixing, f"P({unmixing.latent})", chances, _part(own, slice(0, k)))
        for arm, state in enumerate(states):
            at = slice(k + arm * k, k + (arm + 1) * k)
            mean = f"E[{unmixing.outcome} | do({unmixing.treatment}={state}), {unmixing.latent}]"
            rows += _rows(unmixing, mean, means[arm], _part(own, at))
        estimate = Estimate(None, level=level, method=method)
    else:
        rows = []
        ends = spread.ends(point, average, level)
        interval = float(ends.low[0]), float(ends.high[0])
        estimate = Estimate(float(average(point)[0]), float(ends.se[0]), interval, level, method)
    classes = None
    if abs(weights.sum()) < 1e-12:  # a contrast, and no mean
        each = zip(
            chances.tolist(), effects(point).tolist(), of_effects.low.tolist(), of_effects.high.tolist(), strict=True
        )
        classes = tuple(LatentClass(chance, effect, (low, high)) for chance, effect, low, high in each)
    return Told(estimate, tuple(rows), classes)


def _part(ends: Ends, at: slice) -> Ends:
    return Ends(ends.se[at], ends.low[at], ends.high[at])


def _rows(unmixing: Unmixing, term: str, values: Array, ends: Ends) -> list[Row]:
    columns = zip(values.tolist(), ends.se.tolist(), ends.low.tolist(), ends.high.tolist(), strict=True)
    return [
        Row(term, ((unmixing.latent, u),), "class", value, se, low, high)
        for u, (value, se, low, high) in enumerate(columns, start=1)
    ]
