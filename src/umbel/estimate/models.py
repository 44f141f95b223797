"""Models across units: how a factor such as p(z | q^a) is learnt from units' laws.

One frozen dataclass holds the choices of Weinstein and Blei (JMLR 27(37) 2026), Appendix D:
penalised logistic regression for a mechanism, linear regression of logits for a law, a
Gaussian-process classifier for the outcome. Conditions that are categories split the units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from umbel.estimate.unit_data import LawValues
from umbel.numerics.gp import fit_gp
from umbel.numerics.logistic import fit_logistic

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Predict = Callable[[Array], Array]
"""From features, shape (rows, features), to predictions, shape (rows, cells)."""

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class PaperModels:
    """The regressions of Appendix D.

    Parameters
    ----------
    penalty
        Ridge penalty of logistic regressions; the paper's software has 1.
    outcome
        For a binary outcome of the unit: ``"process"`` as in D.3, O(units³), or ``"logistic"``.
    """

    penalty: float = 1.0
    outcome: Literal["process", "logistic"] = "process"

    def law(self, target: LawValues, features: Array, weights: Array) -> Predict | None:
        """Conditional mean of each cell of a law; None with too few units.

        Without features: the mean. Shares of two states: a line for each cell's logit with a
        normal law of its residuals, all integrated back. More states, or means of numbers: a line
        for the value itself.
        """
        rows = len(features)
        if features.shape[1] == 0:
            average = weights @ target.values.reshape(rows, -1) / weights.sum()
            return lambda at: np.broadcast_to(average, (len(at), len(average)))
        design = np.column_stack([np.ones(rows), features])
        if rows < design.shape[1] + 1:
            return None
        root = np.sqrt(weights * rows / weights.sum())[:, None]
        binary = target.share and (target.averaged or target.values.shape[1] == 2)
        flat = target.features() if binary else target.values.reshape(rows, -1)  # (rows, cells)
        lines = np.linalg.lstsq(root * design, root * flat, rcond=None)[0]
        if not binary:
            return lambda at: np.column_stack([np.ones(len(at)), at]) @ lines
        residual = root * (flat - design @ lines)
        spread = np.sqrt((residual**2).sum(axis=0) / (rows - design.shape[1]))  # (cells,)

        def predict(at: Array) -> Array:
            centre = np.column_stack([np.ones(len(at)), at]) @ lines  # (rows, cells)
            ones = expit(centre[..., None] + spread[:, None] * NODES) @ WEIGHTS
            return ones if target.averaged else np.concatenate([1.0 - ones, ones], axis=1)

        return predict

    def mechanism(self, codes: Codes, states: int, features: Array, weights: Array) -> Predict | None:
        """Probabilities of a unit variable's states; None where they cannot be learnt.

        Without features: shares. Two states: penalised logistic regression.
        """
        if features.shape[1] == 0:
            shares = np.bincount(codes, weights=weights, minlength=states) / weights.sum()
            return lambda at: np.broadcast_to(shares, (len(at), states))
        if states > 2:
            return None
        scale = weights * len(weights) / weights.sum()
        fit = fit_logistic(features, (codes == 1).astype(np.float64), weights=scale, penalty=self.penalty)
        return lambda at: np.stack([1.0 - fit.predict(at), fit.predict(at)], axis=1)

    def mean(self, values: Array, features: Array, weights: Array) -> Predict | None:
        """Conditional mean of a unit's outcome; None with too few units."""
        rows = len(values)
        if features.shape[1] == 0:
            average = float(weights @ values / weights.sum())
            return lambda at: np.full((len(at), 1), average)
        if rows < features.shape[1] + 2:
            return None
        if not np.isin(values, (0.0, 1.0)).all():
            root = np.sqrt(weights)
            design = np.column_stack([np.ones(rows), features])
            line = np.linalg.lstsq(root[:, None] * design, root * values, rcond=None)[0]
            return lambda at: (np.column_stack([np.ones(len(at)), at]) @ line)[:, None]
        if self.outcome == "logistic":
            scale = weights * rows / weights.sum()
            logistic = fit_logistic(features, values, weights=scale, penalty=self.penalty)
            return lambda at: logistic.predict(at)[:, None]
        process = fit_gp(features, values)
        return lambda at: process.predict(at)[:, None]
