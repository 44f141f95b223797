"""How to bound, and what was found: the values that every engine of bounds hands over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.compatibility import ALL, Disagreement
from umbel.results.check import Check
from umbel.results.value import Bounds

Array = NDArray[np.float64]

GAP = 1e-3
"""Certified likelihood gap, in nats, at which a restart counts as converged."""
EXACT = "The tables are laws, not samples of them: nothing is left to sampling, and no interval is given."
UNSAMPLED = "No sampling interval is given beside inner bounds: they say how far models were found to go."
INNER = "Inner bounds: the models found lie within the true interval, which may be wider."

REFERENCES = (
    "Zaffalon, Antonucci, Huber and Cabañas. Learning to bound counterfactual inference in structural "
    "causal models from observational and randomised data. 2023.",
    "Balke and Pearl. Counterfactual probabilities: computational methods, bounds and applications. UAI 1994.",
)


@dataclass(frozen=True, slots=True)
class BoundsMethod:
    """How to bound.

    Parameters
    ----------
    level
        Of the sampling interval.
    engine
        "programs" (exact or certified), "scip" (certified by SCIP, the extra ``certify``) or "em" (causal
        expectation maximisation, inner).
    restarts
        Of EM.
    seconds
        Time for certifying each end of a multilinear question.
    despite_incompatibility
        Bounds of the nearest compatible law, where studies contradict the model.
    bootstrap
        Samples at most for each test of compatibility; 0: not tested.
    intervals
        "region" (the likelihood region), or a diagnostic: "bootstrap" (of the face of likeliest
        laws), "credible" (of EM's restarts).
    """

    level: float = 0.95
    engine: Literal["programs", "scip", "em"] = "programs"
    restarts: int = 60
    seconds: float = 20.0
    despite_incompatibility: bool = False
    bootstrap: int = ALL
    intervals: Literal["region", "bootstrap", "credible"] = "region"


DEFAULTS = BoundsMethod()
"""Programs, the likelihood region, 95 %."""


@dataclass(frozen=True, slots=True, eq=False)
class BoundsFound:
    """Bounds, how they were reached, and doubts about them.

    Parameters
    ----------
    bounds
        The numbers.
    engine
        What found them.
    checks
        Compatibility, convergence.
    witnesses
        Laws of every component at the attained ends; empty for EM.
    remarks
        What a reader should know.
    """

    bounds: Bounds
    engine: str
    checks: tuple[Check, ...] = ()
    witnesses: tuple[tuple[Array, ...], ...] = field(default=())
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incompatible:
    """No model of the graph made these data: which component, which studies.

    ``text`` is the certificate in words; ``remedies`` what could be changed; ``checks`` every test.
    """

    text: str
    remedies: tuple[str, ...]
    disagreements: tuple[Disagreement, ...] = ()
    checks: tuple[Check, ...] = ()
