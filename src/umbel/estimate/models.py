"""Models across units: how a factor such as p(z | q^a) is learnt from units' laws.

One frozen dataclass holds the choices: logistic regression for a mechanism, a regression of a law
on laws, one of a unit's outcome. ``PAPER`` has those of Weinstein and Blei (JMLR 27(37) 2026),
Appendix D; the default ones stray less when units, or their members, are few.
Conditions that are categories split the units.
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
class UnitModels:
    """The regressions across units.

    Parameters
    ----------
    penalty
        Ridge penalty of logistic regressions. It shrinks effects, so it is as small as lets
        classes that can be told apart have a fit; the paper's software has 1.
    outcome
        For a binary outcome of the unit: ``"logistic"``, or a Gaussian ``"process"`` as in D.3,
        O(units³), which shrinks towards no effect until there are a thousand units.
    shares
        Laws that are read from the units themselves, and laws that are learnt: ``"observed"``
        shares are unbiased, and a unit without a member in a cell is filled in from the units that
        have some; ``"smoothed"`` ones have a pseudo-count in each cell, as in the paper.
    """

    penalty: float = 0.01
    outcome: Literal["process", "logistic"] = "logistic"
    shares: Literal["observed", "smoothed"] = "observed"

    def law(self, target: LawValues, features: Array, weights: Array) -> Predict | None:
        """Conditional mean of each cell of a law; None with too few units.

        Without features: the mean. As observed: a logistic curve for each share, a line for each
        mean. Smoothed shares of two states: a line for each cell's logit with a normal law of its
        residuals, all integrated back; more states, or means of numbers: a line for the value.
        """
        rows = len(features)
        if features.shape[1] == 0:
            shown = target.values if self.shares == "smoothed" else target.unbiased(weights)
            average = weights @ shown.reshape(rows, -1) / weights.sum()
            return lambda at: np.broadcast_to(average, (len(at), len(average)))
        design = np.column_stack([np.ones(rows), features])
        if rows < design.shape[1] + 1:
            return None
        root = np.sqrt(weights * rows / weights.sum())[:, None]
        if self.shares == "observed" and target.observed is not None:
            return self._cells(target, target.observed, features, weights)
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

    def _cells(self, target: LawValues, observed: Array, features: Array, weights: Array) -> Predict:
        """Each cell alone, fitted to the units that have members there: a logistic curve, or a line.

        Only the mean matters, and an observed share or mean has the right one whatever its unit's
        size; a logit of a smoothed share has not.
        """
        fits: list[Predict | None] = []
        for cell in observed.reshape(len(observed), -1).T:
            full = ~np.isnan(cell)
            if full.sum() < features.shape[1] + 2:
                fits.append(None)
                continue
            scale = weights[full] * full.sum() / weights[full].sum()
            fit = self._curve if target.share else _line
            fits.append(fit(cell[full], features[full], scale))

        def predict(at: Array) -> Array:
            unseen = np.full(len(at), target.unseen)
            found = np.stack([unseen if fit is None else fit(at) for fit in fits], axis=1)  # (rows, cells)
            if target.averaged:
                return found
            laws = found.reshape((len(at), observed.shape[1], -1))  # (rows, states, cells of the conditions)
            return np.asarray((laws / laws.sum(axis=1, keepdims=True)).reshape(found.shape), dtype=np.float64)

        return predict

    def _curve(self, shares: Array, features: Array, weights: Array) -> Predict:
        return fit_logistic(features, shares, weights=weights, penalty=self.penalty).predict

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
            line = _line(values, features, weights)
            return lambda at: line(at)[:, None]
        if self.outcome == "logistic":
            scale = weights * rows / weights.sum()
            logistic = fit_logistic(features, values, weights=scale, penalty=self.penalty)
            return lambda at: logistic.predict(at)[:, None]
        process = fit_gp(features, values)
        return lambda at: process.predict(at)[:, None]


def _line(values: Array, features: Array, weights: Array) -> Predict:
    """Weighted least squares with an intercept."""
    root = np.sqrt(weights)
    design = np.column_stack([np.ones(len(values)), features])
    line = np.linalg.lstsq(root[:, None] * design, root * values, rcond=None)[0]
    return lambda at: np.asarray(np.column_stack([np.ones(len(at)), at]) @ line, dtype=np.float64)


PAPER = UnitModels(penalty=1.0, outcome="process", shares="smoothed")
"""The choices of Appendix D, which its published tables were made with."""
