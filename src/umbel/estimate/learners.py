"""Learners: anything with ``fit`` and ``predict``.

A nuisance (a mean or a probability given covariates) is learnt by any object of this form: a
scikit-learn regressor or classifier, a pipeline, or a class of the user's own. Objects are copied
before they are fitted, so that the one that is passed in stays as it was.
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from umbel.errors import InputError, shown

Array = NDArray[np.float64]


class Learner(Protocol):
    """The form of scikit-learn's estimators: ``fit``, whose result (or the object itself) can ``predict``.

    ``predict(X)`` gives shape (rows,); a classifier's ``predict_proba`` is read instead where it
    has one. ``fit`` may leave out ``sample_weight`` as long as rows weigh the same. What was learnt
    may say how it leans on its targets, as the built-in ones do: ``sensitivity(X, gradient)``, the
    derivative of ``gradient @ predict(X)`` by each training row's target; then the influence of
    learning is part of the standard error.
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
        return self.predict(features)

    def predict(self, features: Array) -> Array:
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
        Shapes (rows, features), (rows,), (rows,); weights sum to the number of observations.
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
    >>> from umbel.estimate.ridge import Linear
    >>> fit = learnt(Linear(), x, 2.0 * x[:, 0], weights=np.ones(6), rng=np.random.default_rng(0))
    >>> fit(np.array([[10.0]])).round(3).tolist()
    [20.0]
    """
    model: Any = copy.deepcopy(learner)
    seed = int(rng.integers(2**31))  # drawn for every learner, so that a choice of learner moves no other draw
    settings = model.get_params() if hasattr(model, "get_params") else {}
    if "random_state" in settings and settings["random_state"] is None:
        model.set_params(random_state=seed)
    elif is_dataclass(model) and getattr(model, "random_state", seed) is None:
        model = replace(model, random_state=seed)  # type: ignore[type-var]
    given = {}
    takes = _takes_weights(model)
    if not np.allclose(weights, weights[0]) and not takes:
        raise InputError(
            f"{shown(type(model).__name__)}.fit takes no sample_weight, and rows weigh differently here. "
            "Use a learner that does."
        )
    if takes and not np.allclose(weights, 1.0):
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
