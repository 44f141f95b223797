"""Laws that meet linear conditions, and the linear programs over them: hot-started, exact to 1e-9.

``{x >= 0, sum x = 1, A x = p, lower <= G x <= upper}``, with one model kept between objectives so
that every further program starts from the last basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from umbel.numerics.highs import TOLERANCE, loaded, run

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class End:
    """An end of an interval, with the point that attains it, shape (states,)."""

    value: float
    point: Array


class Polytope:
    """The laws that meet linear conditions; O(rows x columns) memory.

    Final, and the one object here with state inside: HiGHS keeps its basis between programs.

    Parameters
    ----------
    rows, right
        ``A`` and ``p``, shapes (conditions, states) and (conditions,).
    inequalities, lower, upper
        ``G`` and its two sides, shapes (limits, states), (limits,), (limits,).

    Examples
    --------
    >>> laws = Polytope(np.array([[1.0, 1.0, 0.0]]), np.array([0.4]))
    >>> laws.feasible, round(laws.maximum(np.array([1.0, 0.0, 0.0])).value, 6)
    (True, 0.4)
    """

    def __init__(
        self,
        rows: Array,
        right: Array,
        *,
        inequalities: Array | None = None,
        lower: Array | None = None,
        upper: Array | None = None,
    ) -> None:
        states = rows.shape[1]
        limits = np.zeros((0, states)) if inequalities is None else inequalities
        low = np.zeros(0) if lower is None else lower
        high = np.zeros(0) if upper is None else upper
        matrix = np.vstack([np.ones((1, states)), rows, limits])
        below = np.concatenate([[1.0], right, low])
        above = np.concatenate([[1.0], right, high])
        self._solver = solver(matrix, below, above, np.zeros(states), np.full(states, np.inf))
        self._states = states
        self.feasible = run(self._solver)

    def minimum(self, objective: Array) -> End:
        """The least value of a linear function, shape (states,); only for a feasible polytope."""
        self._solver.changeColsCost(self._states, np.arange(self._states, dtype=np.int32), objective)
        if not run(self._solver):  # a basis gone stale: from the beginning
            self._solver.clearSolver()
            run(self._solver)
        point = np.maximum(np.asarray(self._solver.getSolution().col_value, dtype=np.float64), 0.0)
        return End(float(objective @ point), point)

    def maximum(self, objective: Array) -> End:
        """The largest value of a linear function."""
        end = self.minimum(-objective)
        return End(-end.value, end.point)


def solver(matrix: Array, below: Array, above: Array, low: Array, high: Array) -> highspy.Highs:
    """A silent HiGHS model of ``below <= matrix x <= above``, ``low <= x <= high``, cost 0."""
    found = loaded(csc_matrix(matrix), below, above, low, high, np.zeros(matrix.shape[1]))
    found.setOptionValue("dual_feasibility_tolerance", TOLERANCE)
    return found


def ratio(laws: Polytope, top: Array, bottom: Array, *, rows: Array, right: Array) -> tuple[End, End] | None:
    """Least and largest ratio ``top x / bottom x`` over laws with a positive denominator.

    Charnes and Cooper, "Programming with linear fractional functionals", Naval Research Logistics
    9, 1962: with ``y = t x`` and ``bottom y = 1`` it is one linear program an end.

    Parameters
    ----------
    laws
        Where to find out whether the denominator can be positive at all.
    top, bottom
        Shapes (states,).
    rows, right
        The conditions of ``laws``.

    Returns
    -------
    tuple or None
        The two ends with their laws; None when the denominator is 0 throughout.
    """
    if laws.maximum(bottom).value <= TOLERANCE:
        return None
    states = rows.shape[1]
    full = np.vstack([np.ones((1, states)), rows])
    scaled = np.hstack([full, -np.concatenate([[1.0], right])[:, None]])
    matrix = np.vstack([scaled, np.append(bottom, 0.0)[None, :]])
    side = np.append(np.zeros(len(full)), 1.0)
    model = solver(matrix, side, side, np.zeros(states + 1), np.full(states + 1, np.inf))
    ends = []
    for sign in (1.0, -1.0):
        model.changeColsCost(states + 1, np.arange(states + 1, dtype=np.int32), sign * np.append(top, 0.0))
        if not run(model):
            return None
        point = np.asarray(model.getSolution().col_value, dtype=np.float64)
        law = np.maximum(point[:-1], 0.0)
        law = law / law.sum()
        ends.append(End(float(top @ law) / float(bottom @ law), law))
    return ends[0], ends[1]


def merged(*blocks: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns that every block has alike, as one: a representative of each, and whose it is.

    Parameters
    ----------
    blocks
        Shapes (…, states): conditions and objectives.

    Returns
    -------
    kept, owner
        Shapes (columns,) and (states,): ``block[:, kept]`` are the distinct columns, and column
        ``s`` of a block is ``block[:, kept][:, owner[s]]``.

    Examples
    --------
    >>> kept, owner = merged(np.array([[1.0, 0.0, 1.0]]))
    >>> kept.tolist(), owner.tolist()
    ([1, 0], [1, 0, 1])
    """
    columns = np.vstack(blocks).T
    _, kept, owner = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    return kept, owner.reshape(-1)
