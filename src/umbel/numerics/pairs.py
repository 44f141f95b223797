"""Certified least value of ``x' Q y`` over two polytopes: products of states, then branch and bound.

With ``W`` for the products of the states, every equation of ``x`` holds times each ``y_t`` and every
equation of ``y`` times each ``x_s`` (Sherali and Adams, SIAM J. Discrete Mathematics 3, 1990); the
program is often tight. Where it is not, the range of a linear form of ``x`` is halved, and
``u x <= m`` times ``y_t`` is a row more (McCormick, Mathematical Programming 10, 1976); the forms are
those of the singular vectors of ``Q``, so that few matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.sparse import csc_matrix, eye, hstack, kron, vstack

from umbel.numerics.branching import Certified, Descend, searched
from umbel.numerics.highs import MOST_PIVOTED, loaded, run, without_optimum
from umbel.numerics.polytope import merged
from umbel.numerics.relaxation import Law

Array = NDArray[np.float64]

MOST_COLUMNS = 20_000
"""Products of states up to which the program is built."""
INDEPENDENT = 1e-9
"""Size, next to the largest, below which an equation counts as implied by others."""
ROUNDED = 12
"""Decimals to which columns of the table are compared when equal ones are merged."""
MARGIN = 0.2
"""A split leaves at least this share of the range on each side."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """``sign * (u x) <= sign * middle`` on one side (0: ``x``, 1: ``y``), times every state of the other."""

    side: int
    form: Array
    sign: float
    middle: float


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A part of the domain: its cuts, the last basis, the products at its optimum."""

    cuts: tuple[Cut, ...]
    basis: highspy.HighsBasis
    point: Array


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The program over ``(x, y, W)``.

    Parameters
    ----------
    shape
        States of ``x`` and of ``y``.
    matrix, right
        Its equations.
    cost
        Per column.
    """

    shape: tuple[int, int]
    matrix: csc_matrix
    right: Array
    cost: Array

    @staticmethod
    def of(table: Array, first: Law, second: Law) -> Pairs:
        """The program of ``x' table y``."""
        wide, tall = table.shape
        blocks, right = [], 0
        for law, side in ((first, 0), (second, 1)):
            rows, values = _independent(law)
            other = eye(tall if side == 0 else wide)
            products = kron(csc_matrix(rows), other) if side == 0 else kron(other, csc_matrix(rows))
            column = csc_matrix(-values[:, None])
            factor = kron(column, other) if side == 0 else kron(other, column)
            nothing = csc_matrix((factor.shape[0], wide if side == 0 else tall))
            blocks.append(hstack([nothing, factor, products] if side == 0 else [factor, nothing, products]))
            right += factor.shape[0]
        total = csc_matrix(np.concatenate([np.ones(wide), np.zeros(tall + wide * tall)])[None, :])
        matrix = vstack([*blocks, total]).tocsc()
        return Pairs(
            (wide, tall),
            matrix,
            np.append(np.zeros(right), 1.0),
            np.concatenate([np.zeros(wide + tall), table.reshape(-1)]),
        )

    def solve(
        self, cuts: Sequence[Cut], basis: highspy.HighsBasis | None, seconds: float
    ) -> tuple[float, _Node | None]:
        """Least value under cuts; without a node infinite where nothing meets them, else not solved in time."""
        free = np.full(len(self.cost), np.inf)
        solver = loaded(self.matrix, self.right, self.right, np.zeros(len(self.cost)), free, self.cost)
        solver.setOptionValue("time_limit", max(seconds, 0.01))
        if basis is None and len(self.cost) > MOST_PIVOTED:
            solver.setOptionValue("solver", "ipm")
        for cut in cuts:
            rows = self._rows(cut)
            count = rows.shape[0]
            lower = np.full(count, -np.inf)
            starts, where = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
            solver.addRows(count, lower, np.zeros(count), rows.nnz, starts, where, rows.data)
        if basis is not None:
            status = list(basis.row_status)
            fresh = solver.getNumRow() - len(status)
            grown = highspy.HighsBasis()
            grown.col_status = list(basis.col_status)
            grown.row_status = [*status, *([highspy.HighsBasisStatus.kBasic] * fresh)]
            grown.valid = True
            solver.setBasis(grown)
        if run(solver):
            point = np.asarray(solver.getSolution().col_value)
            return float(solver.getInfo().objective_function_value), _Node(tuple(cuts), solver.getBasis(), point)
        return without_optimum(solver), None

    def _rows(self, cut: Cut) -> csc_matrix:
        """``sign * (u W - middle y) <= 0``, or its mirror image."""
        wide, tall = self.shape
        form = csc_matrix(cut.sign * cut.form[None, :])
        bound = -cut.sign * cut.middle
        if cut.side == 0:
            return hstack([csc_matrix((tall, wide)), bound * eye(tall), kron(form, eye(tall))]).tocsr()
        return hstack([bound * eye(wide), csc_matrix((wide, tall)), kron(eye(wide), form)]).tocsr()


def _independent(law: Law) -> tuple[Array, Array]:
    """Equations that no others imply, that the law sums to 1 among them."""
    rows = np.vstack([np.ones((1, law.states)), law.rows])
    right = np.append(1.0, law.right)
    _, triangle, order = qr(rows.T, pivoting=True, mode="economic")
    sizes = np.abs(np.diag(triangle))
    kept = np.sort(order[: int((sizes > INDEPENDENT * sizes[0]).sum())])
    return rows[kept], right[kept]


def paired(
    table: Array,
    first: Law,
    second: Law,
    *,
    attained: float,
    descend: Descend,
    gap: float = 5e-4,
    seconds: float = 20.0,
) -> Certified:
    """Bound ``x' table y`` from below, over two laws that meet their equations.

    Parameters
    ----------
    table
        Shape (states of first, states of second).
    first, second
        Equations of each.
    attained
        A value that is attained.
    descend
        Attains a value from given laws.
    gap, seconds
        When to stop.

    Examples
    --------
    >>> coin = Law(np.zeros((0, 2)), np.zeros(0))
    >>> paired(np.array([[0.0, 1.0], [1.0, 0.5]]), coin, coin, attained=0.0, descend=lambda laws: (0.0, laws)).value
    0.0
    """
    ends = time.monotonic() + seconds
    rounded = np.round(table, ROUNDED)
    rows, _ = merged(first.rows, rounded.T)
    columns, _ = merged(second.rows, rounded)
    small = table[np.ix_(rows, columns)]
    outside = float(table.min())
    if small.size > MOST_COLUMNS:
        return Certified.of(outside, 0, attained, gap)
    laws = (Law(first.rows[:, rows], first.right), Law(second.rows[:, columns], second.right))
    program = Pairs.of(small, *laws)
    floor, root = program.solve((), None, seconds)
    if root is None:
        return Certified.of(outside, 1, attained, gap)
    left, sizes, right = np.linalg.svd(small, full_matrices=False)

    def reach(node: _Node) -> tuple[float, tuple[Array, ...]]:
        x, y = _laws(node.point, program.shape)
        return descend((_spread(x, rows, first.states), _spread(y, columns, second.states)))

    def halve(node: _Node) -> Iterator[tuple[float, _Node | None]]:
        for cut in _split(node, program, left, sizes, right):
            yield program.solve((*node.cuts, cut), node.basis, ends - time.monotonic())

    found = searched(
        root, max(floor, outside), attained=attained, reach=reach, halve=halve, gap=gap, ends=ends, outside=outside
    )
    return replace(found, nodes=found.nodes + 1)


def _laws(point: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    wide, tall = shape
    return point[:wide], point[wide : wide + tall]


def _spread(law: Array, kept: NDArray[np.intp], states: int) -> Array:
    full = np.zeros(states)
    full[kept] = np.maximum(law, 0.0)
    return np.asarray(full / full.sum())


def _split(node: _Node, program: Pairs, left: Array, sizes: Array, right: Array) -> tuple[Cut, Cut]:
    """Halve the form whose products are furthest from products of the laws, in what they cost."""
    wide, tall = program.shape
    x, y = _laws(node.point, program.shape)
    products = node.point[wide + tall :].reshape(wide, tall)
    missing = products - np.outer(x, y)
    cost = -sizes * np.einsum("sk,st,kt->k", left, missing, right)
    at = int(cost.argmax())
    # Within the products, the form of x is spread over the states of y; the side that spreads less is split.
    spreads = []
    for side, form, law, table in ((0, left[:, at], x, products), (1, right[at], y, products.T)):
        own = form @ table  # (states of the other,)
        other = table.sum(axis=0)
        means = np.divide(own, other, out=np.full_like(own, form @ law), where=other > 1e-9)
        spreads.append((side, form, float(form @ law), float(means.min()), float(means.max())))
    side, form, middle, low, high = max(spreads, key=lambda one: (one[4] - one[3]) / max(np.ptp(one[1]), 1e-12))
    middle = min(max(middle, low + MARGIN * (high - low)), high - MARGIN * (high - low))
    return Cut(side, form, 1.0, middle), Cut(side, form, -1.0, middle)
