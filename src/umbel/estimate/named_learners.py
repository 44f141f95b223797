"""Learners of scikit-learn by a word, for those who write problem files.

A mean of numbers needs a regressor and a probability a classifier; each of these takes whichever
its target calls for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.errors import InputError, MissingExtra, did_you_mean, shown
from umbel.estimate.learners import Fitted, Learner

Array = NDArray[np.float64]

SMALLEST_LEAF = 5


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest (Breiman, Machine Learning 45(1) 2001), of scikit-learn.

    Parameters
    ----------
    trees
        Number of trees.
    random_state
        Seed; None: drawn from the estimator's generator.
    """

    trees: int = 100
    random_state: int | None = None
    words: str = "random forests"

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Fitted:
        """Learn a mean, or the probability of 1 where the target is 0 or 1."""
        ensemble = _ensemble()
        leaf = max(SMALLEST_LEAF, len(y) // 200)
        events = _events(y)
        kind: Any = ensemble.RandomForestClassifier if events else ensemble.RandomForestRegressor
        model = kind(self.trees, min_samples_leaf=leaf, random_state=self.random_state)
        return Fitted(model.fit(X, y.astype(np.int64) if events else y, sample_weight=sample_weight), events)


@dataclass(frozen=True, slots=True)
class Boosting:
    """Gradient-boosted trees on histograms (Friedman, The Annals of Statistics 29(5) 2001), of scikit-learn.

    Parameters
    ----------
    rounds
        Number of trees at most; a tenth of the rows stops the growth before.
    random_state
        Seed; None: drawn from the estimator's generator.
    """

    rounds: int = 150
    random_state: int | None = None
    words: str = "boosted trees"

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Fitted:
        """Learn a mean, or the probability of 1 where the target is 0 or 1."""
        ensemble = _ensemble()
        events = _events(y)
        kind: Any = ensemble.HistGradientBoostingClassifier if events else ensemble.HistGradientBoostingRegressor
        rare = min(int(y.sum()), int(len(y) - y.sum())) if events else len(y)
        model = kind(
            learning_rate=0.05,
            max_iter=self.rounds,
            max_leaf_nodes=8,
            early_stopping=rare >= 50,  # with less, a tenth holds too few to tell
            random_state=self.random_state,
        )
        return Fitted(model.fit(X, y.astype(np.int64) if events else y, sample_weight=sample_weight), events)


WORDS: dict[str, Callable[[], Learner | None]] = {"ridge": lambda: None, "forest": Forest, "boosting": Boosting}
"""What ``[method] outcome`` and ``treatment`` may say; "ridge" is the built-in default."""


def learner_named(word: str) -> Learner | None:
    """The learner that a word names; None for the built-in ones.

    Raises
    ------
    InputError
        For another word, with what was possible.
    MissingExtra
        When scikit-learn is not installed.

    Examples
    --------
    >>> learner_named("ridge") is None
    True
    """
    if word not in WORDS:
        raise InputError(f"[method]: there is no learner {shown(word)}. {did_you_mean(word, list(WORDS))}")
    found = WORDS[word]()
    if found is not None:
        _ensemble()
    return found


def _events(y: Array) -> bool:
    return bool(np.isin(y, (0.0, 1.0)).all())


def _ensemble() -> Any:
    try:
        from sklearn import ensemble
    except ImportError:
        raise MissingExtra("scikit-learn", "learn") from None
    return ensemble
