"""McCormick relaxations of multilinear programs, tightened by the equations that products inherit.

A term is contracted law by law. The message ``m`` from the laws so far meets the next law ``x`` in
products ``w[k, s] = m_k x_s``; these obey every equation of ``x`` times ``m_k``, every equation of
the messages times ``x_s`` (Sherali and Adams, SIAM J. Discrete Mathematics 3, 1990), and, with
bounds ``l <= m_k <= h``, ``l x_s <= w[k, s] <= h x_s`` (McCormick, Mathematical Programming 10, 1976).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix

from umbel.numerics.highs import MOST_PIVOTED, loaded, run, without_optimum
from umbel.numerics.multilinear import Factor, Polynomial, Term
from umbel.numerics.polytope import Polytope

Array = NDArray[np.float64]
Where = NDArray[np.intp]

MOST_PROJECTED = 4_000_000
"""Entries of the equations up to which identities between messages are looked for."""
MOST_PRODUCTS = 1500
"""Products of a term that a relaxation should not exceed where another order of laws has fewer."""
SLACK = 1e-7
"""By which message bounds are widened: a message that is a number would leave products no room for rounding."""
MOST_ORDERED = 6
"""Laws in a term up to which every order is weighed."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Equations of one law: ``rows x = right``, ``sum x = 1``."""

    rows: Array
    right: Array

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """``w[k, s] = message_k x_s`` in the relaxation.

    Parameters
    ----------
    law
        Which ``x``.
    first
        Column of ``w[0, 0]``; they lie in rows.
    messages
        Linear forms of earlier columns: shape (messages, basis), over ``basis``.
    basis
        Columns that the forms read.
    """

    law: int
    first: int
    messages: Array
    basis: Where


@dataclass(slots=True)
class _Sheet:
    """The linear program under construction: equations as triples, objective, column count."""

    laws: Sequence[Law]
    columns: int = 0
    start: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    cols: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    cost: dict[int, float] = field(default_factory=dict)
    products: list[Products] = field(default_factory=list)

    def equation(self, columns: Iterable[int], values: Iterable[float], right: float) -> None:
        """Append one equation."""
        row, before = len(self.right), len(self.cols)
        self.cols += [int(column) for column in columns]
        self.rows += [row] * (len(self.cols) - before)
        self.values += [float(value) for value in values]
        self.right.append(right)

    def law(self, law: Law) -> None:
        """The columns of a law, with its own equations."""
        self.start.append(self.columns)
        own = range(self.columns, self.columns + law.states)
        self.columns += law.states
        self.equation(own, [1.0] * law.states, 1.0)
        for row, right in zip(law.rows, law.right, strict=True):
            at = np.nonzero(row)[0]
            self.equation(at + own.start, row[at], float(right))

    def multiply(self, messages: Array, basis: Where, law: int) -> Products:
        """Products of messages with a law, and the equations that they inherit from both."""
        its = self.laws[law]
        made = Products(law, self.columns, messages, basis)
        count = len(messages)
        before = len(self.right)
        if before * self.columns <= MOST_PROJECTED:
            self._identities(made, its, before)
        self.columns += count * its.states
        for k, message in enumerate(messages):
            own = np.arange(its.states) + made.first + k * its.states
            read = np.nonzero(message)[0]
            for row, right in ((np.ones(its.states), 1.0), *zip(its.rows, its.right, strict=True)):
                at = np.nonzero(row)[0]
                self.equation([*own[at], *basis[read]], [*row[at], *(-float(right) * message[read])], 0.0)
        self.products.append(made)
        return made

    def _identities(self, made: Products, its: Law, equations: int) -> None:
        """What the messages sum to by the equations so far, times each state of the law."""
        count = len(made.messages)
        before = np.zeros((equations, self.columns))
        rows, cols, values = (np.asarray(one) for one in (self.rows, self.cols, self.values))
        own = rows < equations
        np.add.at(before, (rows[own], cols[own]), values[own])
        wide = np.zeros((count, self.columns))
        wide[:, made.basis] = made.messages
        weights, *_ = np.linalg.lstsq(before.T, wide.T, rcond=None)
        rest = wide - weights.T @ before
        spread, vectors = np.linalg.eigh(rest @ rest.T)
        constants = weights.T @ np.asarray(self.right[:equations])
        for vector in vectors[:, spread < 1e-14].T:
            at = np.nonzero(np.abs(vector) > 1e-10)[0]
            number = float(vector @ constants)  # sum over_k m_k = number
            for s in range(its.states):
                columns = [*(made.first + at * its.states + s), self.start[made.law] + s]
                self.equation(columns, [*vector[at], -number], 0.0)


def _contracted(sheet: _Sheet, term: Term, which: int) -> None:
    """Add a term to the objective, with a set of products for each law after the first."""
    found = orders(term)
    _, factors = found[min(which, len(found) - 1)]
    known = list(term.known)
    labels: list[int] = []
    message = np.ones((1,))  # shape (labels…, basis)
    basis = np.zeros(0, dtype=np.intp)  # empty: the message is a number
    for at, factor in enumerate(factors):
        later = {label for one in factors[at + 1 :] for label in one.labels}
        last = at == len(factors) - 1
        touched = set(labels) | set(factor.labels)
        now = [one for one in known if last or set(one.labels) & touched]
        known = [one for one in known if one not in now]
        later |= {label for one in known for label in one.labels}
        axes = [*labels, *factor.labels, *(label for one in now for label in one.labels)]
        out = [label for label in dict.fromkeys(axes) if label in later]
        states = sheet.laws[factor.law].states
        if not basis.size:
            made = _einsum([(message[..., 0], labels), *((one.table, one.labels) for one in now)], factor, out, None)
            message, basis = made, np.arange(states) + sheet.start[factor.law]
        else:
            flat = message.reshape(-1, basis.size)
            alive = np.abs(flat).max(axis=1) > 0
            distinct, owner = np.unique(flat[alive], axis=0, return_inverse=True)
            hot = np.zeros((len(flat), len(distinct)))
            hot[np.nonzero(alive)[0], owner.reshape(-1)] = 1.0
            hot = hot.reshape((*message.shape[:-1], len(distinct)))
            products = sheet.multiply(distinct, basis, factor.law)
            numbers = [(one.table, one.labels) for one in now]
            message = _einsum(numbers, factor, out, (hot, labels))
            message = message.reshape((*message.shape[:-2], len(distinct) * states))
            basis = np.arange(len(distinct) * states) + products.first
        labels = out
    for column, coefficient in zip(basis, message.reshape(-1), strict=True):
        sheet.cost[int(column)] = sheet.cost.get(int(column), 0.0) + term.weight * float(coefficient)


def orders(term: Term) -> list[tuple[int, tuple[Factor, ...]]]:
    """Orders of the laws with their products, promising ones first: many tighten a relaxation, too many slow it."""
    sizes = {label: size for one in term.factors for label, size in zip(one.labels, one.table.shape[1:], strict=True)}
    ranked: dict[int, tuple[tuple[bool, int], tuple[Factor, ...]]] = {}
    for order in itertools.permutations(term.factors) if len(term.factors) <= MOST_ORDERED else [term.factors]:
        cost, open_labels = 0, set[int]()
        for at, factor in enumerate(order):
            cost += factor.table.shape[0] * math.prod(sizes[label] for label in open_labels) if at else 0
            later = {label for one in order[at + 1 :] for label in one.labels}
            later |= {label for one in term.known for label in one.labels}
            open_labels = (open_labels | set(factor.labels)) & later
        rank = (cost > MOST_PRODUCTS, cost if cost > MOST_PRODUCTS else -cost)
        ranked.setdefault(cost, (rank, tuple(order)))
    return [(cost, order) for cost, (_, order) in sorted(ranked.items(), key=lambda one: one[1][0])]


def _einsum(
    numbers: Sequence[tuple[Array, Sequence[int]]],
    factor: Factor,
    out: Sequence[int],
    message: tuple[Array, Sequence[int]] | None,
) -> Array:
    """Numbers, a factor and perhaps a message contracted to ``out``, then messages, then states."""
    state, which = -1, -2
    operands = [(table, list(labels)) for table, labels in numbers]
    operands.append((factor.table, [state, *factor.labels]))
    final = [*out, state]
    if message is not None:
        operands.append((message[0], [*message[1], which]))
        final = [*out, which, state]
    names = {label: at for at, label in enumerate(dict.fromkeys(label for _, axes in operands for label in axes))}
    parts: list[Any] = []  # NumPy's own types do not know this calling form
    for table, axes in operands:
        parts += [table, [names[label] for label in axes]]
    return np.asarray(np.einsum(*parts, [names[label] for label in final], optimize="greedy"))


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """The relaxation with its messages' bounds as data."""

    laws: Sequence[Law]
    start: tuple[int, ...]
    columns: int
    products: tuple[Products, ...]
    matrix: coo_matrix
    right: Array
    cost: Array
    constant: float
    sides: Where  # (bound rows,): message of each pair of rows
    tails: Where  # (bound rows,): column of w
    heads: Where  # (bound rows,): column of x
    bounded: bool = True

    @staticmethod
    def of(polynomial: Polynomial, laws: Sequence[Law], which: int) -> Relaxation:
        """The relaxation of a polynomial, laws contracted in the order ``which`` of :func:`orders`."""
        sheet = _Sheet(laws)
        for law in laws:
            sheet.law(law)
        for term in polynomial.terms:
            _contracted(sheet, term, which)
        shape = (len(sheet.right), sheet.columns)
        matrix = coo_matrix((sheet.values, (sheet.rows, sheet.cols)), shape=shape)
        cost = np.zeros(sheet.columns)
        for column, weight in sheet.cost.items():
            cost[column] += weight
        sides, tails, heads = [], [], []
        message = 0
        for made in sheet.products:
            states = laws[made.law].states
            for k in range(len(made.messages)):
                sides.append(np.full(states, message))
                tails.append(np.arange(states) + made.first + k * states)
                heads.append(np.arange(states) + sheet.start[made.law])
                message += 1
        joined = [np.concatenate(one).astype(np.intp) if one else np.zeros(0, np.intp) for one in (sides, tails, heads)]
        return Relaxation(
            laws,
            tuple(sheet.start),
            sheet.columns,
            tuple(sheet.products),
            matrix,
            np.asarray(sheet.right),
            cost,
            polynomial.constant,
            joined[0],
            joined[1],
            joined[2],
        )

    def forms(self) -> list[tuple[Array, Where]]:
        """Each message as coefficients and columns."""
        return [(message, made.basis) for made in self.products for message in made.messages]

    def without_bounds(self) -> Relaxation:
        """The equations alone: a smaller program, and often tight already."""
        none = np.zeros(0, dtype=np.intp)
        return replace(self, sides=none, tails=none, heads=none, bounded=False)

    def box(self, laws: Sequence[Law], ends: float) -> tuple[Array, Array]:
        """Bounds of every message: over its own law where it reads one, else over the equations while time lasts."""
        forms = self.forms()
        low, high = np.zeros(len(forms)), np.ones(len(forms))
        polytopes = {at: Polytope(law.rows, law.right) for at, law in enumerate(laws)}
        model = self.without_bounds()._model(low[:0], high[:0])
        for at, (message, basis) in enumerate(forms):
            own = self.start.index(int(basis[0])) if int(basis[0]) in self.start else None
            if own is not None and laws[own].states == len(basis):
                low[at], high[at] = polytopes[own].minimum(message).value, polytopes[own].maximum(message).value
                continue
            for sign, side in ((1.0, low), (-1.0, high)):
                if time.monotonic() > ends:
                    break
                cost = np.zeros(self.columns)
                cost[basis] = sign * message
                model.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), cost)
                model.setOptionValue("time_limit", model.getRunTime() + max(ends - time.monotonic(), 0.01))
                if run(model):
                    side[at] = sign * model.getInfo().objective_function_value
        return np.maximum(low - SLACK, 0.0), high + SLACK

    def solve(self, low: Array, high: Array, seconds: float = np.inf) -> tuple[float, Array | None]:
        """The relaxation's least value within message bounds, and its point.

        Without a point the value is infinite: where nothing meets the bounds; or minus infinite,
        where the program did not end in time.
        """
        model = self._model(low, high)
        model.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), self.cost)
        model.setOptionValue("time_limit", max(seconds, 0.01))
        if run(model):
            point = np.asarray(model.getSolution().col_value)
            return float(model.getInfo().objective_function_value) + self.constant, point
        return without_optimum(model), None

    def _model(self, low: Array, high: Array) -> highspy.Highs:
        equations, pairs = len(self.right), len(self.tails)
        above = np.arange(pairs) + equations
        below = above + pairs
        forms = self.forms() if self.bounded else []
        low, high = (low, high) if self.bounded else (np.zeros(0), np.zeros(0))
        bounds = np.arange(len(forms)) + equations + 2 * pairs
        rows = [self.matrix.row, above, above, below, below]
        cols = [self.matrix.col, self.tails, self.heads, self.tails, self.heads]
        data = [self.matrix.data, np.ones(pairs), -low[self.sides], np.ones(pairs), -high[self.sides]]
        for at, (message, basis) in enumerate(forms):
            read = np.nonzero(message)[0]
            rows.append(np.full(len(read), bounds[at]))
            cols.append(basis[read])
            data.append(message[read])
        count = equations + 2 * pairs + len(forms)
        whole = coo_matrix(
            (np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(count, self.columns)
        ).tocsc()
        infinite = np.full(pairs, np.inf)
        found = loaded(
            whole,
            np.concatenate([self.right, np.zeros(pairs), -infinite, low]),
            np.concatenate([self.right, infinite, np.zeros(pairs), high]),
            np.zeros(self.columns),
            np.full(self.columns, np.inf),
            np.zeros(self.columns),
        )
        if self.columns > MOST_PIVOTED:
            found.setOptionValue("solver", "ipm")
        return found

    def laws_at(self, point: Array) -> list[Array]:
        """The laws of a relaxed point."""
        found = []
        for first, law in zip(self.start, self.laws, strict=True):
            own = np.maximum(point[first : first + law.states], 0.0)
            found.append(own / own.sum())
        return found

    def worst(self, point: Array, low: Array, high: Array) -> tuple[int, float]:
        """The message whose products are furthest from true products, and where to split its bounds."""
        numbers = np.array([float(message @ point[basis]) for message, basis in self.forms()])
        errors = np.abs(point[self.tails] - numbers[self.sides] * point[self.heads])
        score = np.bincount(self.sides, errors, minlength=len(numbers))
        width = high - low
        score = np.where(width > 1e-7, score, -1.0)
        at = int(score.argmax())
        middle = 0.5 * (low[at] + high[at])
        inside = min(max(numbers[at], low[at] + 0.2 * width[at]), high[at] - 0.2 * width[at])
        return at, float(0.5 * middle + 0.5 * inside)
