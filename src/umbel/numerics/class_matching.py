"""Which class of one fit is which of another: labels are arbitrary, and close classes swap ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[np.float64]


def matched(here: Array, there: Array, scale: Array | None = None) -> NDArray[np.int64]:
    """The order of the classes ``there`` that lies nearest to those ``here``.

    Nearest in squared distance over all features together, so that no rank of one feature decides.

    Parameters
    ----------
    here, there
        Shape (features, k): probabilities and means.
    scale
        Shape (features,): the unit of each feature; ones by default.

    Examples
    --------
    >>> matched(np.array([[0.4, 0.6], [1.0, 1.1]]), np.array([[0.61, 0.39], [1.04, 1.06]])).tolist()
    [1, 0]
    """
    unit = np.ones(len(here)) if scale is None else scale
    distance = (((here[:, :, None] - there[:, None, :]) / unit[:, None, None]) ** 2).sum(0)
    return np.asarray(linear_sum_assignment(distance)[1])
