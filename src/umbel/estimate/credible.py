"""The credible interval of restarts: what it says if EM's results were uniform on the true interval.

They are not: EM ends where its start leads it, and most starts lie in the middle. In simulations
thirty restarts, nominally right in 87 % of models, were right in 6 to 20 %. Read it as a diagnostic of
the restarts, never as a guarantee.
"""

from __future__ import annotations

import numpy as np

from umbel.errors import DataError


def credible_probability(lower: float, upper: float, runs: int, *, margin: float = 0.1) -> float:
    """Probability that the true interval lies within the runs' own, widened by ``margin`` at each end.

    Assumes runs that are independent and uniform on the true interval, and a flat prior on
    intervals within [0, 1].

    Parameters
    ----------
    lower, upper
        Least and largest value of the runs.
    runs
        How many; at least 3.
    margin
        Widening at each end, as a share of ``upper - lower``.

    Returns
    -------
    float
        Between 0 and 1.

    References
    ----------
    Zaffalon, Antonucci, Cabañas, Huber and Azzimonti, "Bounding counterfactuals under selection bias",
    PGM 2022.

    Examples
    --------
    >>> round(credible_probability(0.3, 0.5, 30), 3)
    0.867
    """
    if runs < 3 or not 0 <= lower <= upper <= 1:
        raise DataError(f"Runs from {lower:g} to {upper:g}, {runs} of them: at least 3 are needed, within 0 and 1.")
    length = upper - lower
    power = 2.0 - runs
    if not length:
        return 1.0
    above = 1.0 + (1 + 2 * margin) ** power - 2 * (1 + margin) ** power
    with np.errstate(under="ignore"):
        tail = float(np.exp(-power * np.log(length)))  # L^(n - 2)
    below = 1.0 - tail - (runs - 2) * (1 - length) * tail
    return min(above / below, 1.0) if below > 0 else 1.0
