"""Maximum likelihood of mixture proportions by a primal-dual interior point, and its tilted kin.

``max sum_j n_j log (A x)_j - penalty * q x`` over laws ``x``: concave, so that a duality gap certifies
the answer (Lindsay, "Mixture Models", 1995, theorem 21). Newton's equations are solved in the space
of the patterns: O(patterns^2 states) a step, some ten steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 80
CENTRE = 0.1
STRIDE = 0.995


@dataclass(frozen=True, slots=True, eq=False)
class Likeliest:
    """A maximum: the law, the probabilities of the patterns, the log likelihood, its gap.

    Parameters
    ----------
    law
        Shape (states,).
    patterns
        ``A law``, shape (patterns,).
    value
        ``sum n log(A law)``, without the penalty.
    gap
        An upper bound on what the maximised function could still gain, in nats.
    """

    law: Array
    patterns: Array
    value: float
    gap: float


def likeliest(
    rows: Array, counts: Array, *, tilt: Array | None = None, start: Array | None = None, tolerance: float = 1e-11
) -> Likeliest:
    """The law under which the counts are most likely, less a linear penalty.

    Parameters
    ----------
    rows
        ``A``, shape (patterns, states), entries 0 and 1.
    counts
        ``n``, shape (patterns,), not negative; patterns without counts do not matter.
    tilt
        The penalty times ``q``, shape (states,); None: none.
    start
        An interior law to start from, shape (states,).
    tolerance
        Gap per count at which to stop.

    Examples
    --------
    >>> found = likeliest(np.eye(2), np.array([3.0, 1.0]))
    >>> found.law.round(6).tolist(), found.gap < 1e-8
    ([0.75, 0.25], True)
    """
    seen = counts > 0
    matrix, weight = rows[seen], counts[seen] / max(counts.sum(), 1e-300)
    scale = float(counts.sum())
    states = rows.shape[1]
    slope = np.zeros(states) if tilt is None or not scale else tilt / scale
    if not seen.any():
        law = np.full(states, 1.0 / states) if start is None else start
        return Likeliest(law, rows @ law, 0.0, 0.0)
    law = np.full(states, 1.0 / states)
    if start is not None:
        law = 0.99 * np.maximum(start, 0.0) + 0.01 * law
    pattern = matrix @ law
    gradient = matrix.T @ (weight / pattern) - slope
    price = float(gradient.max()) + 0.1  # the multiplier of sum x = 1
    slack = price - gradient
    for _ in range(STEPS):
        gap = float(law @ slack)
        if gap < tolerance:
            break
        target = CENTRE * gap / states
        # Newton on: gradient(x) + s - price = 0, x s = target, sum x = 1.
        dual = price - slack - gradient
        ratio = slack / law
        right = -dual + target / law - slack
        step = _solved(matrix, weight / pattern**2, ratio, np.vstack([right, np.ones(states)]))
        shift = (float(step[0].sum()) - (1.0 - float(law.sum()))) / float(step[1].sum())
        move = step[0] - shift * step[1]
        slide = target / law - slack - ratio * move
        length = min(_longest(law, move), _longest(slack, slide))
        law, slack, price = law + length * move, slack + length * slide, price + length * shift
        pattern = matrix @ law
        if pattern.min() <= 0:
            break
        gradient = matrix.T @ (weight / pattern) - slope
    law = np.maximum(law, 0.0) / np.maximum(law, 0.0).sum()
    pattern = matrix @ law
    gradient = matrix.T @ (weight / pattern) - slope
    gap = max(float(gradient.max() - law @ gradient), 0.0)  # concavity: nothing gains more than this
    value = float(counts[seen] @ np.log(pattern))
    return Likeliest(law, rows @ law, value, gap * scale)


def _longest(at: Array, move: Array) -> float:
    """The longest step, at most 1, that keeps every entry positive."""
    falling = move < 0
    if not falling.any():
        return 1.0
    return float(min(1.0, STRIDE * np.min(-at[falling] / move[falling])))


def _solved(matrix: Array, curve: Array, ratio: Array, right: Array) -> Array:
    """Solve ``(A' diag(curve) A + diag(ratio)) x = b`` for each row of ``right`` (Woodbury when states are many)."""
    patterns, states = matrix.shape
    if states <= patterns:
        full = (matrix.T * curve) @ matrix
        full[np.diag_indices(states)] += ratio
        return np.asarray(np.linalg.solve(full, right.T).T)
    inverse = 1.0 / ratio
    scaled = matrix * inverse
    small = scaled @ matrix.T
    small[np.diag_indices(patterns)] += 1.0 / curve
    plain = right * inverse
    inner = np.linalg.solve(small, matrix @ plain.T)
    return np.asarray(plain - inner.T @ scaled)
