"""Learners: anything with ``fit`` and ``predict``, and two built-in ones in NumPy.

A nuisance (a mean or a probability given covariates) is learnt by any object of this form: a
scikit-learn regressor or classifier, a pipeline, or a class of the user's own. Objects are copied
before they are fitted, so that the one that is passed in stays as it was.
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from umbel.errors import InputError, shown
from umbel.numerics.logistic import fit_logistic

Array = NDArray[np.float64]

PENALTIES = tuple(float(10.0**power) for power in range(-4, 5))
"""Penalties that the built-in learners choose from, times the number of rows over 1,000."""


class Learner(Protocol):
    """The form of scikit-learn's estimators: ``fit``, whose result (or the object itself) can ``predict``.

    ``predict(X)`` gives shape (rows,); a classifier's ``predict_proba`` is read instead where it
    has one. ``fit`` may leave out ``sample_weight`` as long as rows weigh the same.
    """

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from features, shape (rows, features), and a target, shape (rows,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A learnt function of features.

    Parameters
    ----------
    model
        The fitted copy of the user's object, or one of ours (any class, hence ``Any``).
    probability
        Whether predictions are probabilities of 1.
    """

    model: Any
    probability: bool

    def __call__(self, features: Array) -> Array:
        """Predictions at each row of features, shape (rows,)."""
        if self.probability and hasattr(self.model, "predict_proba"):
            classes = [float(one) for one in self.model.classes_]
            found = np.asarray(self.model.predict_proba(features), dtype=np.float64)
            return found[:, classes.index(1.0)] if 1.0 in classes else np.zeros(len(features))
        return np.asarray(self.model.predict(features), dtype=np.float64).reshape(-1)


def learnt(
    learner: Learner,
    features: Array,
    target: Array,
    *,
    weights: Array,
    rng: np.random.Generator,
    probability: bool = False,
) -> Fitted:
    """Fit a copy of a learner.

    Parameters
    ----------
    features, target, weights
        Shapes (rows, features), (rows,), (rows,).
    rng
        Seeds the copy where it has a ``random_state`` that is None.
    probability
        The target is 0 or 1 and its probability is wanted.

    Raises
    ------
    InputError
        When rows weigh differently and the learner's ``fit`` takes no ``sample_weight``.

    Examples
    --------
    >>> x = np.arange(6.0)[:, None]
    >>> fit = learnt(Linear(), x, 2.0 * x[:, 0], weights=np.ones(6), rng=np.random.default_rng(0))
    >>> fit(np.array([[10.0]])).round(3).tolist()
    [20.0]
    """
    model: Any = copy.deepcopy(learner)
    seed = int(rng.integers(2**31))  # drawn for every learner, so that a choice of learner moves no other draw
    settings = model.get_params() if hasattr(model, "get_params") else {}
    if "random_state" in settings and settings["random_state"] is None:
        model.set_params(random_state=seed)
    given = {}
    if not np.allclose(weights, weights[0]):
        if not _takes_weights(model):
            raise InputError(
                f"{shown(type(model).__name__)}.fit takes no sample_weight, and rows weigh differently here. "
                "Use a learner that does."
            )
        given["sample_weight"] = weights
    target = target.astype(np.int64) if hasattr(model, "predict_proba") and probability else target
    fitted = model.fit(features, target, **given)
    return Fitted(model if fitted is None else fitted, probability)


def _takes_weights(model: Any) -> bool:
    try:
        parameters = inspect.signature(model.fit).parameters
    except (TypeError, ValueError):
        return False
    kinds = {one.kind for one in parameters.values()}
    return "sample_weight" in parameters or inspect.Parameter.VAR_KEYWORD in kinds


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Features as the built-in learners see them: centred, scaled, with squares and products."""

    centre: Array
    scale: Array
    pairs: NDArray[np.int64]
    second_centre: Array
    second_scale: Array

    @staticmethod
    def of(features: Array, weights: Array, interactions: bool, most: int) -> _Scaled:
        mass = weights / weights.sum()
        centre = mass @ features
        scale = np.sqrt(mass @ (features - centre) ** 2)
        scale = np.where(scale > 1e-12, scale, 1.0)
        width = features.shape[1]
        pairs = np.array([(j, k) for j in range(width) for k in range(j, width)], dtype=np.int64).reshape(-1, 2)
        if not interactions or width + len(pairs) > most:
            pairs = pairs[:0]
        plain = _Scaled(centre, scale, pairs, np.zeros(len(pairs)), np.ones(len(pairs)))
        second = plain(features)[:, width:]
        second_centre = mass @ second
        spread = np.sqrt(mass @ (second - second_centre) ** 2)
        # The square of a column of zeros and ones says nothing new, and a constant nothing at all.
        first = (features - centre) / scale
        new = np.array([j != k or len(np.unique(first[:1000, j])) > 2 for j, k in pairs.tolist()], dtype=bool).reshape(
            -1
        ) & (spread > 1e-9)
        return _Scaled(centre, scale, pairs[new], second_centre[new], spread[new])

    def __call__(self, features: Array) -> Array:
        first = (features - self.centre) / self.scale
        second = first[:, self.pairs[:, 0]] * first[:, self.pairs[:, 1]]
        return np.column_stack([first, (second - self.second_centre) / self.second_scale])


def _most_features(rows: int) -> int:
    """Features up to which pairs are worth their noise."""
    return max(10, rows // 20)


@dataclass(frozen=True, slots=True)
class Linear:
    """Ridge regression with squares and products of features, its penalty by generalised cross-validation.

    Right when the mean is near a polynomial of second degree; O(rows * features²).

    Parameters
    ----------
    interactions
        Add squares and products, where there are at least 20 rows for each feature.
    """

    interactions: bool = True

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> FittedLinear:
        """Learn a mean."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        scaled = _Scaled.of(X, weights, self.interactions, _most_features(len(y)))
        mass = weights / weights.sum()
        design, level = scaled(X), float(mass @ y)
        root = np.sqrt(mass)[:, None]
        u, d, vt = np.linalg.svd(root * design, full_matrices=False)
        along = u.T @ (root[:, 0] * (y - level))
        total = float(mass @ (y - level) ** 2)
        best, slopes = np.inf, np.zeros(design.shape[1])
        for penalty in (0.0, *PENALTIES):
            shrink = np.where(d > 1e-9 * max(d.max(initial=0.0), 1e-300), d**2 / (d**2 + 1e-3 * penalty), 0.0)
            left = max(total - float((along**2) @ (1.0 - (1.0 - shrink) ** 2)), 0.0)
            used = 1.0 + float(shrink.sum())
            if used >= 0.9 * len(y):
                continue
            score = left / (1.0 - used / len(y)) ** 2
            if score < best - 1e-12 * total:
                best = score
                with np.errstate(divide="ignore", invalid="ignore"):
                    slopes = vt.T @ np.where(shrink > 0.0, shrink * along / d, 0.0)
        return FittedLinear(scaled, level, slopes)


@dataclass(frozen=True, slots=True, eq=False)
class FittedLinear:
    """What :class:`Linear` learnt."""

    scaled: _Scaled
    level: float
    slopes: Array

    def predict(self, X: Array) -> Array:
        """The mean at each row."""
        return np.asarray(self.level + self.scaled(X) @ self.slopes, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Logistic:
    """Ridge logistic regression with squares and products, its penalty by Akaike's criterion.

    Right when the log odds are near a polynomial of second degree; O(rows * features²).

    Parameters
    ----------
    interactions
        Add squares and products, where there are at least 20 rows for each feature.
    """

    interactions: bool = True

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> FittedLogistic:
        """Learn a probability; the target is 0 or 1, or a share between them."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight * len(y) / sample_weight.sum()
        events = float(weights @ np.minimum(y, 1.0))
        scaled = _Scaled.of(X, weights, self.interactions, _most_features(int(min(events, len(y) - events)) * 2))
        design = scaled(X)
        best, found = np.inf, FittedLogistic(scaled, _logit(events / len(y)), np.zeros(design.shape[1]), True)
        if design.shape[1] == 0:
            return found
        for penalty in PENALTIES[2::2]:
            size = penalty * len(y) * 1e-3
            fit = fit_logistic(design, y, weights=weights, penalty=size, steps=40)
            linear = fit.intercept + design @ fit.slopes
            spread = weights * _variance(linear)
            inner = (design * spread[:, None]).T @ design
            used = float(np.trace(np.linalg.solve(inner + size * np.eye(len(inner)), inner)))
            score = -2.0 * float(weights @ (y * linear - np.logaddexp(0.0, linear))) + 2.0 * used
            if score < best:
                best, found = score, FittedLogistic(scaled, fit.intercept, fit.slopes, fit.converged)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class FittedLogistic:
    """What :class:`Logistic` learnt."""

    scaled: _Scaled
    intercept: float
    slopes: Array
    converged: bool

    def predict(self, X: Array) -> Array:
        """The probability of 1 at each row."""
        linear = self.intercept + self.scaled(X) @ self.slopes
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * linear)), dtype=np.float64)


def _variance(linear: Array) -> Array:
    mean = 0.5 * (1.0 + np.tanh(0.5 * linear))
    return np.asarray(mean * (1.0 - mean), dtype=np.float64)


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-9), 1.0 - 1e-9)
    return float(np.log(bounded / (1.0 - bounded)))
