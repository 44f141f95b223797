"""Effects of thousands of parts from blocks of rows: one pass, two for HC3, never the table whole.

Held are one matrix of parts by parts, a few vectors of rows, and a block. Costs in flops, n rows and p
parts: the Gram matrix n p²; HC3 another 2 n p² (leverages by a triangular solve, then the weighted Gram
matrix) and about 4 p³; known prices or single components 10 n p.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, cholesky, lapack, solve_triangular

from umbel.errors import DataError

Array = NDArray[np.float64]
Blocks = Callable[[], Iterable[Array]]
"""Opens the table anew: blocks of shape (rows, parts + covariates + outcomes)."""

COLLINEAR = 1e-10
"""Share of a column's variance, beyond what other columns tell, below which it counts as told."""


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Effects of the parts with their covariance, and what natural effects need.

    Parameters
    ----------
    alpha
        Shape (parts,).
    cov
        Shape (parts, parts); for components its diagonal alone, shape (parts,); None for known effects.
    cov_parts
        Shape (parts, parts); None where one pass of vectors was enough.
    with_total
        Shape (parts,): covariance of each part with the total.
    total, outcome, joint
        Shape (rows,): the total, the outcome, and ``alpha'X``; centred.
    scores
        Shape (rows,): what estimating ``alpha`` adds to the scores of the natural effect, where
        covariates make it another than the slope on the total; None otherwise.
    rows, degrees
        Numbers of rows and of residual degrees of freedom.
    """

    alpha: Array
    cov: Array | None
    cov_parts: Array | None
    with_total: Array
    total: Array
    outcome: Array
    joint: Array
    scores: Array | None
    rows: int
    degrees: float


def joint_stream(open_blocks: Blocks, weights: Array, covariates: int, *, robust: bool) -> Streamed:
    """Least squares of the outcome on all parts and covariates.

    Parameters
    ----------
    open_blocks
        Blocks of columns: parts, covariates, the outcome.
    weights
        Shape (parts,).
    covariates
        Their number.
    robust
        HC3, by a second pass; otherwise errors of one variance.

    Raises
    ------
    DataError
        For collinear columns, and fewer rows than coefficients.
    """
    p = len(weights)
    used = p + covariates
    sums = _one_pass(open_blocks, weights, covariates)
    upper, scale = _factored(sums.square)
    solved = solve_triangular(upper, sums.cross / scale, trans="T", check_finite=False)
    coefficients = solve_triangular(upper, solved, check_finite=False) / scale
    rest = max(sums.spread - float(solved @ solved), 0.0)
    degrees = float(sums.rows - used - 1)
    inverse, info = lapack.dpotri(upper, lower=0)
    assert info == 0
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    inverse /= np.outer(scale, scale)
    cov = rest / degrees * inverse[:p, :p]
    leverage = None
    if robust:
        cov, leverage = _sandwich(open_blocks, sums.mean, upper, scale, coefficients, inverse, sums.rows, p)
    cov_parts = full_parts(sums.square, p) / sums.rows
    with_total = cov_parts @ weights
    joint, scores = sums.outcome, None
    if covariates:
        steps = inverse[:, :p] @ (with_total / float(sums.total @ sums.total) * sums.rows)
        joint, scores = _natural_scores(open_blocks, sums.mean, coefficients, steps, sums.rows, p)
        scores = scores if leverage is None else scores / (1.0 - leverage)
    return Streamed(
        coefficients[:p], cov, cov_parts, with_total, sums.total, sums.outcome, joint, scores, sums.rows, degrees
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What one pass over the rows leaves: centred products, and the vectors that later passes need.

    Parameters
    ----------
    square
        Shape (parts + covariates, parts + covariates), the upper triangle alone.
    cross, spread
        Products of those columns with the outcome, and of the outcome with itself.
    mean
        Shape (columns,).
    total, outcome
        Shape (rows,), centred.
    """

    square: Array
    cross: Array
    spread: float
    mean: Array
    total: Array
    outcome: Array
    rows: int


def _one_pass(open_blocks: Blocks, weights: Array, covariates: int) -> _Sums:
    p = len(weights)
    used = p + covariates
    gram = np.zeros((used + 1, used + 1), order="F")
    first = np.zeros(used + 1)
    centre: Array | None = None
    totals: list[Array] = []
    outcomes: list[Array] = []
    rows = 0
    for block in open_blocks():
        if centre is None:
            centre = block.mean(axis=0)  # digits are kept by centring before squaring
        block = block - centre
        gram = blas.dsyrk(1.0, block.T, beta=1.0, c=gram, overwrite_c=1)  # upper triangle
        first += block.sum(axis=0)
        totals.append(block[:, :p] @ weights)
        outcomes.append(block[:, -1].copy())
        rows += len(block)
    if centre is None or rows <= used + 1:
        raise DataError(f"{p} parts and {covariates} covariates need more than {used + 1} rows; there are {rows}.")
    mean = first / rows
    gram -= rows * np.outer(mean, mean)
    total, outcome = np.concatenate(totals), np.concatenate(outcomes)
    return _Sums(
        np.asfortranarray(gram[:used, :used]),
        gram[:used, used].copy(),
        float(gram[used, used]),
        centre + mean,
        total - total.mean(),
        outcome - outcome.mean(),
        rows,
    )


def _factored(square: Array) -> tuple[Array, Array]:
    """The Cholesky factor of an upper triangle in units of its columns' sizes, and those sizes."""
    full = np.triu(square) + np.triu(square, 1).T
    scale = np.sqrt(np.maximum(np.diag(full), np.finfo(float).tiny))
    try:
        upper = cholesky(full / np.outer(scale, scale), overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        upper = np.zeros((1, 1))
    if float(np.diag(upper).min()) ** 2 < COLLINEAR:
        raise DataError(
            "The parts are collinear, given the covariates: their effects cannot be told apart. Join parts that move "
            "together, or give known effects."
        )
    return upper, scale


def _natural_scores(
    open_blocks: Blocks, mean: Array, coefficients: Array, steps: Array, rows: int, p: int
) -> tuple[Array, Array]:
    """``alpha'X`` of each row, and the score of moving the parts naturally: one more pass of vectors."""
    used = len(coefficients)
    both = np.zeros((used, 3))
    both[:p, 0], both[:, 1], both[:, 2] = coefficients[:p], coefficients, steps
    joint, scores = np.empty(rows), np.empty(rows)
    at = 0
    for block in open_blocks():
        centred = block - mean
        found = centred[:, :used] @ both
        here = slice(at, at + len(block))
        joint[here] = found[:, 0]
        scores[here] = rows * found[:, 2] * (centred[:, used] - found[:, 1])
        at += len(block)
    return joint, scores


def full_parts(square: Array, p: int) -> Array:
    """The parts' block of an upper triangle, both halves."""
    part = square[:p, :p]
    return np.asarray(np.triu(part) + np.triu(part, 1).T, dtype=np.float64)


def _sandwich(
    open_blocks: Blocks,
    mean: Array,
    upper: Array,
    scale: Array,
    coefficients: Array,
    inverse: Array,
    rows: int,
    p: int,
) -> tuple[Array, Array]:
    """HC3: the covariance of the parts' effects, and each row's leverage."""
    used = len(coefficients)
    meat = np.zeros((used, used), order="F")
    leverages = np.empty(rows)
    at = 0
    for block in open_blocks():
        centred = block - mean
        x = np.asfortranarray(centred[:, :used].T)  # (used, rows of the block)
        error = centred[:, used] - coefficients @ x
        half = solve_triangular(upper, x / scale[:, None], trans="T", check_finite=False, overwrite_b=True)
        leverage = 1.0 / rows + np.einsum("ij,ij->j", half, half)
        leverage = np.minimum(leverage, 1.0 - 1e-8)
        error /= 1.0 - leverage
        leverages[at : at + len(error)] = leverage
        at += len(error)
        x *= error
        meat = blas.dsyrk(1.0, x, beta=1.0, c=meat, overwrite_c=1)
    full = np.triu(meat) + np.triu(meat, 1).T
    bread = inverse[:p]
    return np.asarray(bread @ full @ bread.T, dtype=np.float64), leverages


def known_stream(open_blocks: Blocks, weights: Array, alpha: Array) -> Streamed:
    """Known effects: one pass, and only the direction of natural changes is estimated."""
    p = len(weights)
    centre: Array | None = None
    first, second = np.zeros(p), np.zeros(p)
    totals: list[Array] = []
    joints: list[Array] = []
    both = np.column_stack([weights, alpha])
    for block in open_blocks():
        if centre is None:
            centre = block[:, :p].mean(axis=0)
        part = block[:, :p] - centre
        pair = part @ both
        totals.append(pair[:, 0].copy())
        joints.append(pair[:, 1].copy())
        first += part.sum(axis=0)
        second += part.T @ pair[:, 0]
    if centre is None:
        raise DataError("The table has no complete row.")
    total, joint = np.concatenate(totals), np.concatenate(joints)
    rows = len(total)
    with_total = second / rows - first / rows * total.mean()
    total -= total.mean()
    joint -= joint.mean()
    return Streamed(alpha, None, None, with_total, total, joint, joint, None, rows, float(rows - 1))


def component_stream(open_blocks: Blocks, weights: Array, outcome_weights: Array) -> Streamed:
    """Each part's slope for its own component, with heteroskedastic errors (HC1), in one pass.

    Moments up to the fourth are kept about the first block's means. Blocks hold the parts, then their
    components.
    """
    p = len(weights)
    centre: Array | None = None
    sums = np.zeros((11, p))
    totals: list[Array] = []
    outcomes: list[Array] = []
    with_total = np.zeros(p)
    rows = 0
    for block in open_blocks():
        if centre is None:
            centre = block.mean(axis=0)
        x, y = block[:, :p] - centre[:p], block[:, p : 2 * p] - centre[p : 2 * p]
        total = x @ weights
        totals.append(total)
        outcomes.append(y @ outcome_weights)
        with_total += x.T @ total
        xx, xy, yy = x * x, x * y, y * y
        for row, term in enumerate((x, y, xx, xy, yy)):
            sums[row] += term.sum(axis=0)
        for row, (one, other) in enumerate(((xx, x), (xx, y), (x, yy), (xx, xx), (xx, xy), (xx, yy)), start=5):
            sums[row] += np.einsum("ij,ij->j", one, other)
        rows += len(block)
    if centre is None or rows < 4:
        raise DataError("Slopes of single components need at least 4 complete rows.")
    alpha, se = _slopes(sums / rows, rows)
    total, outcome = np.concatenate(totals), np.concatenate(outcomes)
    with_total = with_total / rows - sums[0] / rows * total.mean()
    total -= total.mean()
    outcome -= outcome.mean()
    effects = alpha * outcome_weights
    cov = (se * np.abs(outcome_weights)) ** 2
    return Streamed(effects, cov, None, with_total, total, outcome, outcome, None, rows, float(rows - 2))


def _slopes(moments: Array, rows: int) -> tuple[Array, Array]:
    """Slopes and HC1 errors from raw moments: x, y, xx, xy, yy, xxx, xxy, xyy, xxxx, xxxy, xxyy."""
    x, y, xx, xy, yy, xxx, xxy, xyy, x4, xxxy, xxyy = moments
    sxx, sxy = xx - x * x, xy - x * y
    if (sxx <= 0).any():
        raise DataError("A part does not vary: its slope has no meaning. Leave it out.")
    b = sxy / sxx
    # E[(x - mx)² (dy - b dx)²] with dx = x - mx, dy = y - my, opened up in raw moments.
    x4c = x4 - 4 * x * xxx + 6 * x**2 * xx - 3 * x**4
    x3y = xxxy - 3 * x * xxy + 3 * x**2 * xy - x**3 * y - y * (xxx - 3 * x * xx + 2 * x**3)
    x2y2 = xxyy - 2 * x * xyy + x**2 * yy - 2 * y * (xxy - 2 * x * xy + x**2 * y) + y**2 * (xx - x**2)
    meat = np.maximum(x2y2 - 2 * b * x3y + b**2 * x4c, 0.0)
    return b, np.sqrt(meat / (rows - 2)) / sxx
