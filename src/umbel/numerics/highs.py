"""Linear programs as HiGHS takes them: silent, on one thread, from sparse conditions.

The one place that fills a HiGHS model field by field; what is solved, and from which basis, is the caller's.
"""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

Array = NDArray[np.float64]

TOLERANCE = 1e-9
"""Feasibility of HiGHS: two decimal orders below the 1e-6 that closed forms are held to."""

MOST_PIVOTED = 1500
"""Columns up to which the simplex method is faster than an interior point with crossover."""


def loaded(matrix: csc_matrix, below: Array, above: Array, low: Array, high: Array, cost: Array) -> highspy.Highs:
    """A HiGHS model of the least ``cost x`` with ``below <= matrix x <= above``, ``low <= x <= high``.

    Parameters
    ----------
    matrix
        Shape (conditions, columns).
    below, above
        Shapes (conditions,).
    low, high, cost
        Shapes (columns,).

    Examples
    --------
    >>> one, two = np.ones(1), np.ones(2)
    >>> model = loaded(csc_matrix(two[None, :]), one, one, 0 * two, two, np.array([3.0, 2.0]))
    >>> run(model), model.getInfo().objective_function_value
    (True, 2.0)
    """
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = matrix.shape
    model.row_lower_, model.row_upper_ = below, above
    model.col_lower_, model.col_upper_ = low, high
    model.col_cost_ = cost
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = matrix.data
    found: highspy.Highs = highspy.Highs()  # type: ignore[no-untyped-call]
    found.setOptionValue("output_flag", False)
    found.setOptionValue("threads", 1)
    found.setOptionValue("primal_feasibility_tolerance", TOLERANCE)
    found.passModel(model)
    return found


def run(model: highspy.Highs) -> bool:
    """Solve; True when an optimum was found."""
    model.run()
    return bool(model.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def without_optimum(model: highspy.Highs) -> float:
    """What a run that found no optimum tells of the least value.

    Infinite where nothing meets the conditions; minus infinite, so nothing, where the run did not end in time.
    """
    return np.inf if model.getModelStatus() == highspy.HighsModelStatus.kInfeasible else -np.inf
