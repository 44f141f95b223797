"""An estimand on the empirical law of discrete rows, with its exact influence function.

The rows become the mass of each cell (and, for an outcome that is only averaged, its total in
each cell); the estimand is evaluated on them as it stands, node by node, and one backward sweep
gives the derivative with respect to every cell. A row's influence is the derivative at its cell,
less the mean: the efficient influence function where nothing is assumed of the law.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.estimate.flat import Unanswered
from umbel.estimate.means import as_mean
from umbel.expr.build import factors_of
from umbel.expr.nodes import (
    AtState,
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Linear,
    NetworkMean,
    Number,
    NumericValue,
    Policy,
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
)
from umbel.numerics.adjoint import (
    Node,
    added,
    contracted,
    divided,
    gradients,
    leaf,
    picked,
    relabelled,
    settled,
    summed,
)
from umbel.numerics.equilibrium import TooManyStates
from umbel.numerics.influence import Influence
from umbel.numerics.recurrence import Unsettled

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class CellLaw:
    """The empirical law of some rows.

    Parameters
    ----------
    rows
        The rows.
    names
        Discrete variables, one axis each.
    cells
        Shape (rows,): the flat cell of each row.
    mass
        Mass of each cell, labelled by names.
    totals
        For each averaged variable, its value times the mass, cell by cell.
    scan
        Members of blocks in the order of a sweep; None: random scan.
    """

    rows: Rows
    names: tuple[str, ...]
    cells: Codes
    mass: Node
    totals: dict[str, Node]
    scan: tuple[str, ...] | None = None

    @staticmethod
    def of(rows: Rows, averaged: Sequence[str]) -> CellLaw:
        """Count the rows.

        Raises
        ------
        Unanswered
            For a variable without states that is not only averaged, and for too many cells.
        """
        names = tuple(name for name in rows.columns if name not in averaged)
        for name in names:
            if not rows.columns[name].discrete:
                raise Unanswered(f"{name} is a number with many values.", "Give it states, or leave the choice open.")
        for name in averaged:
            if not rows.columns[name].numeric:
                raise Unanswered(f"{name} holds words, and its mean is asked for.", "Ask for P(...).")
        shape = tuple(len(rows.columns[name].states) for name in names)
        if math.prod(shape) > MOST_CELLS:
            raise Unanswered(
                f"{' x '.join(names)} has {math.prod(shape):,} cells, more than {MOST_CELLS:,}.", "Join rare states."
            )
        cells = np.zeros(rows.size, dtype=np.int64)
        for name, size in zip(names, shape, strict=True):
            codes = rows.columns[name].codes
            assert codes is not None
            cells = cells * size + codes
        mass = rows.sample.mass

        def counted(weights: Array) -> Node:
            return leaf(names, np.bincount(cells, weights, math.prod(shape)).astype(np.float64).reshape(shape))

        totals = {name: counted(mass * rows.columns[name].values) for name in averaged}
        return CellLaw(rows, names, cells, counted(mass), totals)

    def influence(self, top: Node) -> Influence:
        """A number with the influence of each row."""
        found = gradients(top)
        scores = np.zeros(self.rows.size)
        for node, values in ((self.mass, None), *((node, name) for name, node in self.totals.items())):
            slope = found.get(node)
            if slope is not None:
                # A cell without rows has no row to influence, whatever its slope.
                slope = np.where(self.mass.tensor.array > 0.0, slope, 0.0)
                at = np.ravel(np.broadcast_to(slope, self.mass.tensor.array.shape))[self.cells]
                scores += at if values is None else at * self.rows.columns[values].values
        return Influence(float(top.tensor.array), scores - self.rows.sample.mean(scores))


def node_of(expr: Expr, law: CellLaw) -> Node:
    """An estimand as a node over its free symbols; pass it through :func:`~umbel.estimate.means.with_means` first.

    Raises
    ------
    Unanswered
        For states that no row has, and for unspecified laws.
    """
    match expr:
        case Number(value):
            return leaf((), np.array(value))
        case NumericValue(symbol):
            return leaf((symbol,), _numbers(symbol, law.rows))
        case Probability():
            return _law_node(expr, law)
        case Drawn(policy, of, given):
            slots_of = (of, *given)
            return _at(leaf(tuple(map(_name, slots_of)), policy_table(policy, law.rows)), slots_of, law.rows)
        case Equilibrium():
            return _equilibrium_node(expr, law)
        case NetworkMean():
            raise AssertionError("networks have an estimator of their own")
        case Product(factors):
            return contracted([node_of(one, law) for one in factors], ())
        case Quotient(numerator, denominator):
            return divided(node_of(numerator, law), node_of(denominator, law))
        case Sum(over, body):
            found = as_mean(expr)
            if found is not None and _name(found[0]) in law.totals:
                return _mean_node(*found, law)
            return contracted([node_of(one, law) for one in factors_of(body)], over)
        case Linear(terms):
            return added([(weight, node_of(term, law)) for weight, term in terms])
        case Inside():
            raise AssertionError("laws inside units are refused earlier")
        case _:
            assert_never(expr)


def _equilibrium_node(expr: Equilibrium, law: CellLaw) -> Node:
    """Where a block settles, with its exact slope in the law of each member."""
    try:
        node = settled([node_of(one, law) for one in expr.laws], expr.members, _scan(expr, law.scan))
    except (Unsettled, TooManyStates) as fault:
        names = ", ".join(map(_name, expr.members))
        raise Unanswered(
            f"The block {names} has no single equilibrium under these laws: {fault}.",
            "Give every state a small chance, such as .01, in each new law, or ask about fewer members.",
        ) from None
    read = {_name(slot) for slot in expr.of}
    node = summed(node, [one for one in expr.members if _name(one) not in read])
    inside = frozenset(expr.members)
    node = relabelled(node, [_name(one) if isinstance(one, Symbol) and one in inside else one for one in node.labels])
    return _placed(node, {_name(slot): slot for slot in expr.of}, law.rows)


def _scan(expr: Equilibrium, scan: tuple[str, ...] | None) -> list[int] | None:
    """Members in the order in which a scan names them; None for random scan, and where it names none of them."""
    names = [_name(one) for one in expr.members]
    absent = [name for name in names if name not in (scan or ())]
    if scan is None or absent == names:
        return None
    if absent:
        raise Unanswered(f"The scan leaves out {absent[0]}, a member of a block.", f"Name {', '.join(names)}.")
    return [names.index(name) for name in dict.fromkeys(scan) if name in names]


def _law_node(expr: Probability, law: CellLaw) -> Node:
    joint = _margin(law.mass, (*expr.of, *expr.given))
    if not expr.given:
        return _at(joint, expr.of, law.rows)
    below = _margin(law.mass, expr.given)
    return _at(divided(joint, below), (*expr.of, *expr.given), law.rows)


def _mean_node(symbol: Symbol, expr: Probability, law: CellLaw) -> Node:
    rest = tuple(slot for slot in expr.of if slot != symbol)
    total = _margin(law.totals[_name(symbol)], (*rest, *expr.given))
    if not expr.given:
        return _at(total, rest, law.rows)
    return _at(divided(total, _margin(law.mass, expr.given)), (*rest, *expr.given), law.rows)


def _margin(node: Node, at: Sequence[Slot]) -> Node:
    names = [_name(slot) for slot in at]
    return summed(node, [label for label in node.labels if label not in names])


def _at(node: Node, at: Sequence[Slot], rows: Rows) -> Node:
    """A node over variables as one over symbols, held ones picked."""
    return _placed(node, {_name(slot): slot for slot in at}, rows)


def _placed(node: Node, slots: Mapping[str, Slot], rows: Rows) -> Node:
    """Axes that carry names as the slots of these names; other axes stay."""
    names: dict[Hashable, Slot] = dict(slots.items())
    fixed: dict[Hashable, int] = {}
    for name, slot in slots.items():
        if isinstance(slot, Held):
            column = rows.columns[name]
            assert isinstance(slot.value, AtState)
            if slot.value.state not in column.states:
                listed = ", ".join(map(str, column.states))
                raise Unanswered(f"No row has {name} = {slot.value.state}.", f"Ask for one of: {listed}.")
            fixed[name] = column.states.index(slot.value.state)
    left = picked(node, fixed) if fixed else node
    return relabelled(left, [names.get(label, label) for label in left.labels])


def _numbers(symbol: Symbol, rows: Rows) -> Array:
    column = rows.columns[_name(symbol)]
    if not column.numeric:
        raise Unanswered(f"{_name(symbol)} holds words, and its mean is asked for.", "Ask for P(...).")
    return np.array([float(state) for state in column.states])


def policy_table(policy: Policy, rows: Rows) -> Array:
    """Weights of a named law, shape (states of the treatment, states of each covariate…)."""
    if policy.law is None:
        raise Unanswered("The intervention's law q is unspecified.", "Name it: do(A ~ Bernoulli(0.5)).")
    states = rows.columns[policy.of.name].states
    read = [rows.columns[one.name].states for one in policy.given]
    table = np.empty((len(states), *map(len, read)))
    for place in np.ndindex(*map(len, read)):
        known = {one.name: values[at] for one, values, at in zip(policy.given, read, place, strict=True)}
        table[(slice(None), *place)] = [policy.law.weight(state, states, known) for state in states]
    return table


def _name(slot: Slot) -> str:
    meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
    assert isinstance(meaning, Raw)
    return meaning.name
