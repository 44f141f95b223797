"""What an estimand asks of nested data: which laws, by which statistics, and back into arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from umbel.data.levels import Wanted
from umbel.data.nested import Nested
from umbel.data.statistics import Cells, Request
from umbel.estimate.conditions import Unsupported
from umbel.estimate.deeper import shares
from umbel.estimate.estimator import Target
from umbel.estimate.unit_data import LawValues, UnitData, means_of, shares_of
from umbel.expr.build import all_symbols, leaves, slots
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Expr,
    Held,
    Inside,
    Law,
    Meaning,
    NumericValue,
    Policy,
    Probability,
    Raw,
    Symbol,
)
from umbel.numerics.tables import Table
from umbel.variable import State

Array = NDArray[np.float64]

ONE_PLATE = "Estimates read the laws of one plate and average over what is around it."


@dataclass(frozen=True, slots=True)
class Reading:
    """The statistics of an estimand.

    Parameters
    ----------
    laws
        Each law, whether it enters through its mean, and whether it is an ordinary conditional.
    wanted
        Every variable with its level.
    """

    laws: tuple[tuple[Law, bool, bool], ...]
    wanted: tuple[Wanted, ...]

    @property
    def depth(self) -> int:
        """Number of plates around what the laws are of."""
        return len(self.laws[0][0].plate)

    def requests(self) -> tuple[Request, ...]:
        """One request per law, in order; conditions come first, then what the law is of."""
        return tuple(_request(*one) for one in self.laws)


def reading_of(target: Target) -> Reading:
    """Find the laws and variables that an estimand reads.

    Raises
    ------
    Unsupported
        For levels deeper than one plate, laws of several variables, laws of laws.
    """
    laws = tuple(sorted(dict.fromkeys(_laws(target.expr)), key=_order))
    if not laws:
        raise Unsupported("The estimand reads no law inside units.", "Use an estimator of rows.")
    plates = {law.plate for law in laws}
    if len(plates) > 1:
        raise Unsupported("The estimand reads laws of several plates.", ONE_PLATE)
    names: dict[str, int] = {}
    for law in laws:
        names |= dict.fromkeys((raw.name for raw in _raws(law)), len(law.plate))
    for symbol in sorted(all_symbols(target.expr), key=str):
        if isinstance(symbol.meaning, Raw):
            names.setdefault(symbol.meaning.name, len(symbol.meaning.level))
    wanted = tuple(Wanted(name, names[name], target.domains.get(name)) for name in sorted(names))
    if any(0 < one.depth < len(laws[0].plate) for one in wanted):
        raise Unsupported("The estimand reads a variable between its unit and its innermost plate.", ONE_PLATE)
    return Reading(tuple((law, _averaged(law, target.expr), _ordinary(law)) for law in laws), wanted)


def states_said(expr: Expr) -> dict[str, tuple[State, ...]]:
    """The values of variables that an estimand speaks of."""
    found: dict[str, list[State]] = {}
    for leaf in leaves(expr):
        for slot in slots(leaf) if isinstance(leaf, Probability | Inside | Drawn) else ():
            if isinstance(slot, Held):
                value = slot.value.value if isinstance(slot.value, Certain) else slot.value
                meaning = slot.symbol.meaning
                of = meaning.of[0] if isinstance(meaning, Law) else meaning
                if isinstance(value, AtState) and isinstance(of, Raw):
                    found.setdefault(of.name, []).append(value.state)
    return {name: tuple(dict.fromkeys(states)) for name, states in found.items()}


def unit_data(reading: Reading, nested: Nested) -> UnitData:
    """Arrays for the engine."""
    weights = shares(nested.levels, nested.unit_weights)
    weights = weights / weights.sum()
    laws: dict[Law, LawValues] = {}
    states: dict[str, tuple[State, ...]] = {}
    for (law, averaged, ordinary), cells in zip(reading.laws, nested.cells, strict=True):
        states |= dict(zip(cells.request.by, cells.states, strict=True))
        if not ordinary:
            laws[law] = _identified(law, cells)
        elif averaged:
            (name,) = cells.request.of
            laws[law] = means_of(cells, binary=_binary(cells, nested.ranges[name]), weights=weights)
        else:
            laws[law] = shares_of(cells, len(law.of))
    sizes = nested.cells[0].counts.reshape(nested.units, -1).sum(axis=1)
    outer = nested.levels[0]
    columns = {name: replace(column, codes=column.codes[outer]) for name, column in nested.columns.items()}
    return UnitData(weights, laws, columns, states, sizes, outer if len(nested.levels) > 1 else None)


def _request(law: Law, averaged: bool, ordinary: bool) -> Request:
    if not ordinary:
        return Request(tuple(sorted({raw.name for raw in _raws(law)})))
    given = tuple(one.name for one in law.given if isinstance(one, Raw))
    of = tuple(one.name for one in law.of if isinstance(one, Raw))
    return Request(given, of) if averaged else Request((*given, *of))


def _laws(expr: Expr) -> Iterator[Law]:
    for leaf in leaves(expr):
        if isinstance(leaf, Inside) and isinstance(leaf.law.meaning, Law):
            yield leaf.law.meaning
        if isinstance(leaf, Probability):
            for slot in (*leaf.of, *leaf.given):
                meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
                if isinstance(meaning, Law):
                    yield meaning


def _raws(law: Law) -> Iterator[Raw]:
    meanings: list[Meaning] = [*law.of, *law.given]
    meanings += [symbol.meaning for symbol in all_symbols(law.formula)]
    for meaning in meanings:
        if isinstance(meaning, Law):
            raise Unsupported(
                "The estimand reads laws of laws.", "Estimates of one plate inside units are built so far."
            )
        yield meaning


def _averaged(law: Law, expr: Expr) -> bool:
    """Whether a law is read only as the mean of its variable."""
    if len(law.of) != 1:
        raise Unsupported("The estimand reads a law of several variables at once.", "Ask for another estimator.")
    (of,) = law.of
    numeric = False
    for leaf in leaves(expr):
        if isinstance(leaf, NumericValue) and leaf.symbol.meaning == of:
            numeric = True
        elif isinstance(leaf, Drawn) and of in (leaf.policy.of, *leaf.policy.given):
            return False
        elif isinstance(leaf, Inside):
            if any(_meaning(slot) == of for slot in leaf.given):
                return False
            if leaf.law.meaning == law and any(isinstance(slot, Held) for slot in leaf.of):
                return False
        elif isinstance(leaf, Probability) and any(_meaning(slot) == law for slot in leaf.given):
            return False
    return numeric and _ordinary(law)


def _meaning(slot: Symbol | Held) -> Meaning:
    return (slot.symbol if isinstance(slot, Held) else slot).meaning


def _ordinary(law: Law) -> bool:
    """Whether a law's formula is a conditional of the observed members' joint law, in value."""
    names = sorted({raw.name for raw in _raws(law)})
    joint = Table(names, np.random.default_rng(0).dirichlet(np.ones(2 ** len(names))).reshape((2,) * len(names)))
    axes = tuple(Symbol(meaning) for meaning in (*law.of, *law.given))
    found = evaluate(law.formula, joint, axes).array
    plain = joint.marginal([symbol.meaning.name for symbol in axes if isinstance(symbol.meaning, Raw)]).array
    plain = plain / plain.sum(axis=tuple(range(len(law.of))), keepdims=True)
    return bool(np.allclose(found, plain, atol=1e-10))


def _identified(law: Law, cells: Cells) -> LawValues:
    """A law identified inside each unit, from the unit's smoothed joint law."""
    names = cells.request.by
    shape = cells.counts.shape
    smoothed = (cells.counts + 1.0) / (cells.counts.sum(axis=tuple(range(1, len(shape))), keepdims=True) + shape[1])
    axes = tuple(Symbol(meaning) for meaning in (*law.of, *law.given))
    tables = [
        evaluate(law.formula, Table(names, one, dict(zip(names, cells.states, strict=True))), axes) for one in smoothed
    ]
    return LawValues(np.stack([table.array for table in tables]), averaged=False, share=True)


def _binary(cells: Cells, ends: tuple[float, float]) -> bool:
    """Whether a number is 0 or 1 in every row: within [0, 1], and equal to its square on average."""
    if ends[0] < 0.0 or ends[1] > 1.0:
        return False
    means, counts = np.nan_to_num(cells.means[..., 0]), cells.counts
    squares = cells.comoments[..., 0, 0] + counts * means**2
    return bool(np.allclose(squares, counts * means, rtol=1e-9, atol=1e-9))


def _label(law: Law) -> str:
    of = ", ".join(one.name for one in law.of if isinstance(one, Raw))
    given = ", ".join(one.name for one in law.given if isinstance(one, Raw))
    return f"{of} given {given}" if given else of


def _order(law: Law) -> tuple[str, ...]:
    return (_label(law), str(law.formula))


def policies_of(expr: Expr) -> tuple[Policy, ...]:
    """The intervention laws that an estimand names."""
    found = [leaf.policy for leaf in leaves(expr) if isinstance(leaf, Drawn)]
    for leaf in leaves(expr):
        if isinstance(leaf, Probability):
            found += [s.value for s in leaf.given if isinstance(s, Held) and isinstance(s.value, Policy)]
    return tuple(dict.fromkeys(found))
