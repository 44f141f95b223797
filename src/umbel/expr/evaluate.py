"""Exact evaluation of an estimand on discrete laws.

The joint law of a nested population is turned into codes from the inside out: the laws of the
members of a unit are computed by their own formulas, equal laws share a code, and one level out
such a code is the state of one more discrete variable. Every leaf is then an array over symbols,
and sums are eliminated one symbol at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, InputError, did_you_mean, shown
from umbel.expr.build import factors_of
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Expr,
    Held,
    Inside,
    Law,
    Level,
    Linear,
    Meaning,
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
    Value,
)
from umbel.numerics.labels import Domains, labelled, supplied_law
from umbel.numerics.tables import Array, Table, grouped, over
from umbel.numerics.tensors import Tensor, aligned, eliminated, multiplied
from umbel.variable import State

MEMBERS = Symbol(Raw("", ("members",)))
"""The axis of the units (or classes, …) whose inner laws are being computed all at once."""


@dataclass(slots=True)
class Population:
    """One source's joint law, with the codes of inner laws as they are asked for.

    Parameters
    ----------
    joint
        Axes: ``unit``, then the plates that are indexed, then raw variables.
    indexed
        Plate names among the axes, in order; members of deeper plates are mass, not rows.
    """

    joint: Table
    nested: bool
    indexed: tuple[str, ...]
    laws: Mapping[str, Table]
    atoms: dict[Law, tuple[NDArray[np.intp], Array]] = field(default_factory=dict)

    def depth(self, level: Level) -> int | None:
        """Number of leading axes that index the members of a level; None when they are mass."""
        if not self.nested:
            return None
        return 1 + len(level) if level == self.indexed[: len(level)] else None

    def states(self, meaning: Meaning) -> tuple[State, ...]:
        """States of a raw variable, or the codes of a law."""
        if isinstance(meaning, Law):
            return tuple(range(len(self.codes(meaning)[1])))
        if meaning.name not in self.joint.axes:
            hint = did_you_mean(meaning.name, self.joint.axes)
            raise DataError(f"The estimand reads {shown(meaning.name)}, which is no axis of the table. {hint}")
        return self.joint.states_of(meaning.name)

    def raw_joint(self, names: Sequence[str], lead: int) -> Array:
        """Joint mass with ``lead`` leading axes kept and flattened, then one axis per name."""
        joint = self.joint
        for name in names:
            self.states(Raw(name))
        keep = [*range(lead), *(joint.axes.index(name) for name in names)]
        rest = tuple(i for i in range(len(joint.axes)) if i not in keep)
        left = [i for i in range(len(joint.axes)) if i in keep]
        summed = np.transpose(joint.array.sum(axis=rest), [left.index(i) for i in keep])
        members = math.prod(joint.array.shape[:lead])
        return summed.reshape((members, *summed.shape[lead:]))

    def mass(self, lead: int) -> Array:
        """Mass of each member: shape (members,)."""
        members: Array = self.joint.array.reshape((math.prod(self.joint.array.shape[:lead]), -1))
        return np.asarray(members.sum(axis=1))

    def codes(self, meaning: Meaning) -> tuple[NDArray[np.intp], Array]:
        """Code of each member at the meaning's level, and what each code stands for."""
        if isinstance(meaning, Raw):
            lead = self.depth(meaning.level)
            assert lead is not None
            table = self.raw_joint([meaning.name], lead)
            code = table.argmax(axis=1)
            spread = np.abs(table.sum(axis=1) - table.max(axis=1)).max(initial=0.0)
            if spread > 1e-9:
                raise DataError(
                    f"{shown(meaning.name)} varies within its unit in the table; "
                    "in the graph it stands outside the plate. Declare it inside the plate, or fix the table."
                )
            return code, np.arange(table.shape[1], dtype=np.float64)[:, None]
        if meaning not in self.atoms:
            lead = self.depth(meaning.level)
            assert lead is not None
            # Members without mass have no law; give them the law of the first with mass.
            tensor = evaluate_expr(meaning.formula, self, lead)
            order = (*(Symbol(m) for m in meaning.of), *(Symbol(m) for m in meaning.given))
            array = aligned(tensor, (MEMBERS, *order))
            shape = (math.prod(self.joint.array.shape[:lead]), *(len(self.states(s.meaning)) for s in order))
            array = np.broadcast_to(array, shape)
            code, rows = grouped(array.reshape((shape[0], -1)))
            self.atoms[meaning] = code, rows.reshape((len(rows), *shape[1:]))
        return self.atoms[meaning]

    def law_joint(self, meanings: Sequence[Meaning], level: Level, lead: int) -> Array:
        """Joint mass of meanings among the members of ``level``, one array per outer member.

        Shape (outer members, states of meanings[0], …), where ``lead`` axes index the outer ones.
        """
        at = self.depth(level)
        if at is None:
            if bad := [m for m in meanings if isinstance(m, Law)]:
                raise DataError(f"The table has no axis for the members of {'.'.join(bad[0].level) or 'unit'}.")
            return self.raw_joint([m.name for m in meanings if isinstance(m, Raw)], lead)
        mass = self.mass(at)
        members = math.prod(self.joint.array.shape[:lead])
        flat = np.repeat(np.arange(members), len(mass) // members)
        shape = [members]
        for meaning in meanings:
            code = self.codes(meaning)[0]
            # A variable of an outer level has one code for all members inside.
            code = np.repeat(code, len(mass) // len(code))
            size = len(self.states(meaning))
            flat = flat * size + code
            shape.append(size)
        counts: Array = np.bincount(flat, weights=mass, minlength=math.prod(shape)).astype(np.float64)
        return counts.reshape(shape)

    def code_of(self, meaning: Meaning, value: Value) -> int | None:
        """Code at which an intervention's value stands, None where no member shows it."""
        match value, meaning:
            case AtState(state), Raw():
                states = self.states(meaning)
                if state not in states:
                    hint = did_you_mean(str(state), map(str, states))
                    raise InputError(f"{shown(meaning.name)} = {state!r} is no state of the table. {hint}")
                return states.index(state)
            case Policy(), Law():
                table = policy_table(value, self)
                # The policy may read fewer variables than the law it replaces.
                axes = (value.of, *value.given)
                order = (*meaning.of, *meaning.given)
                full = Tensor(tuple(map(Symbol, axes)), table)
                wanted = aligned(full, tuple(map(Symbol, order)))
                return nearest(self.codes(meaning)[1], wanted)
            case Certain(inner), Law(of=(only,)):
                assert not isinstance(inner, Symbol)
                at = self.code_of(only, inner)
                if at is None:
                    return None
                target = np.zeros(self.codes(meaning)[1].shape[1:])
                target[at] = 1.0
                return nearest(self.codes(meaning)[1], target)
            case _:
                raise AssertionError(f"{value} cannot stand for {meaning}")


def nearest(atoms: Array, target: Array, tolerance: float = 1e-7) -> int | None:
    """Index of the atom that equals the target."""
    gap = np.abs(atoms - target).reshape((len(atoms), -1)).max(axis=1)
    gap[np.isnan(gap)] = np.inf
    best = int(np.argmin(gap))
    return best if gap[best] <= tolerance else None


def policy_table(policy: Policy, population: Population) -> Array:
    """Weights of an intervention's law: shape (states of the treatment, states of what it reads)."""
    name = policy.of.name
    states = population.states(policy.of)
    read = [population.states(meaning) for meaning in policy.given]
    if policy.law is None:
        reads = dict(zip((meaning.name for meaning in policy.given), read, strict=True))
        return supplied_law(name, reads, states, population.laws)
    array = np.empty((len(states), *map(len, read)))
    for index in np.ndindex(*map(len, read)):
        covariates = {m.name: values[i] for m, values, i in zip(policy.given, read, index, strict=True)}
        array[(slice(None), *index)] = [policy.law.weight(state, states, covariates) for state in states]
    return array


def taken(array: Array, slots: Sequence[Slot], population: Population) -> Tensor[Symbol]:
    """Axes of ``array`` named by slots: held ones are indexed, the first axis is MEMBERS."""
    index: list[int | slice | None] = [slice(None)]
    symbols: list[Symbol] = [MEMBERS]
    for slot in slots:
        if isinstance(slot, Held) and isinstance(slot.value, Certain) and isinstance(slot.value.value, Symbol):
            array = swept(array, len(index), slot, slot.value.value, population)
            index.append(slice(None))
            symbols.append(slot.value.value)
        elif isinstance(slot, Held):
            at = population.code_of(slot.symbol.meaning, slot.value)
            if at is None:
                rest = [s for s in slots if isinstance(s, Symbol)]
                shape = [len(population.states(s.meaning)) for s in rest]
                return Tensor((MEMBERS, *rest), np.full((array.shape[0], *shape), np.nan))
            index.append(at)
        else:
            index.append(slice(None))
            symbols.append(slot)
    return Tensor(tuple(symbols), array[tuple(index)])


def swept(array: Array, axis: int, slot: Held, symbol: Symbol, population: Population) -> Array:
    """One entry per state of a free treatment: the law held at certainty of each state in turn."""
    states = population.states(symbol.meaning)
    codes = [population.code_of(slot.symbol.meaning, Certain(AtState(state))) for state in states]
    parts = [np.full_like(array.take(0, axis), np.nan) if at is None else array.take(at, axis) for at in codes]
    return np.stack(parts, axis=axis)


def leaf(expr: Probability | Inside | Drawn, population: Population, lead: int) -> Tensor[Symbol]:
    """A leaf as a tensor; the first axis is MEMBERS."""
    match expr:
        case Probability(of, given, level):
            meanings = [slot.symbol.meaning if isinstance(slot, Held) else slot.meaning for slot in of + given]
            joint = population.law_joint(meanings, level, lead)
            below = joint.sum(axis=tuple(range(1, 1 + len(of))), keepdims=True)
            return taken(over(joint, below), of + given, population)
        case Inside(law, of, given):
            assert isinstance(law.meaning, Law)
            atoms = population.codes(law.meaning)[1]
            tensor = taken(atoms, of + given, population)
            return Tensor((law, *tensor.labels[1:]), tensor.array)
        case Drawn(policy, of, given):
            return taken(policy_table(policy, population)[None], (of, *given), population)


def evaluate_expr(expr: Expr, population: Population, lead: int) -> Tensor[Symbol]:
    """Evaluate on the members that ``lead`` leading axes index, all at once."""
    match expr:
        case Number(value):
            return Tensor((), np.array(value))
        case NumericValue(symbol):
            return Tensor((symbol,), numeric_states(symbol, population))
        case Probability() | Inside() | Drawn():
            tensor = leaf(expr, population, lead)
            if tensor.array.shape[0] == 1 and tensor.labels[0] == MEMBERS:
                return Tensor(tensor.labels[1:], tensor.array[0])
            return tensor
        case Product(factors):
            return multiplied([evaluate_expr(factor, population, lead) for factor in factors])
        case Quotient(numerator, denominator):
            above, below = (evaluate_expr(part, population, lead) for part in (numerator, denominator))
            symbols = tuple(dict.fromkeys((*above.labels, *below.labels)))
            return Tensor(symbols, over(aligned(above, symbols), aligned(below, symbols)))
        case Sum(bound, body):
            return eliminated([evaluate_expr(factor, population, lead) for factor in factors_of(body)], bound)
        case Linear(terms):
            parts = [(weight, evaluate_expr(term, population, lead)) for weight, term in terms]
            symbols = tuple(dict.fromkeys(symbol for _, part in parts for symbol in part.labels))
            return Tensor(symbols, sum((w * aligned(part, symbols) for w, part in parts), np.zeros(())))
        case _:
            assert_never(expr)


def numeric_states(symbol: Symbol, population: Population) -> Array:
    """States of a variable as numbers."""
    states = population.states(symbol.meaning)
    if not all(isinstance(state, int | float) for state in states):
        assert isinstance(symbol.meaning, Raw)
        raise InputError(f"The states of {shown(symbol.meaning.name)} are labels: an expectation needs numbers.")
    return np.array([float(state) for state in states])


def evaluate(
    expr: Expr,
    joint: Table,
    axes: Sequence[Symbol],
    *,
    plates: Sequence[str] | None = None,
    laws: Mapping[str, Table] | None = None,
    domains: Domains = (),
) -> Table:
    """Evaluate an estimand exactly on a discrete joint law.

    Free symbols that are no axis of the answer (its value does not depend on them, in the model)
    are averaged over their observed law.

    Parameters
    ----------
    expr
        The estimand.
    joint
        The observed joint law; with plates its first axes index units and inner plates.
    axes
        The answer's axes: outcomes first, then free treatments and conditions.
    plates
        All plates' names; those among the joint's axes index rows. None: not known, and a first
        axis ``"unit"`` means that there are some.
    laws
        Tables of unspecified laws ``q``, keyed by treatment; first axis the treatment.
    domains
        The states that the graph declares.

    Returns
    -------
    Table
        NaN where the estimand conditions on an event of probability zero.
    """
    if not isinstance(joint, Table):
        raise DataError(f"A joint law is a Table with named axes, not a {type(joint).__name__}.")
    if not np.isfinite(joint.array).all() or (joint.array < 0).any() or joint.array.sum() <= 0:
        raise DataError("A joint law has finite, non-negative entries with a positive sum.")
    law = labelled(Table(joint.axes, joint.array / joint.array.sum(), joint.states), domains)
    nested = (plates is None or bool(plates)) and joint.axes[:1] == ("unit",)
    indexed = tuple(name for name in joint.axes[1:] if name in (plates or ())) if nested else ()
    return answered(expr, Population(law, nested, indexed, laws or {}), axes)


def answered(expr: Expr, population: Population, axes: Sequence[Symbol]) -> Table:
    """An estimand's value in a population, with the axes asked for."""
    tensor = evaluate_expr(expr, population, 0)
    nuisance = [symbol for symbol in tensor.labels if symbol not in axes]
    assert all(isinstance(symbol.meaning, Raw) for symbol in nuisance), f"laws that no sum binds: {nuisance}"
    if nuisance:
        tensor = averaged(tensor, nuisance, population)
    shape = [len(population.states(symbol.meaning)) for symbol in axes]
    array = np.broadcast_to(aligned(tensor, axes), shape)
    names = [symbol.meaning.name if isinstance(symbol.meaning, Raw) else str(symbol.meaning) for symbol in axes]
    states = {name: population.joint.states[name] for name in names if name in population.joint.states}
    return Table(names, array, states)


def averaged(tensor: Tensor[Symbol], nuisance: Sequence[Symbol], population: Population) -> Tensor[Symbol]:
    """Average over symbols on which the value does not depend, where it is defined."""
    weights = population.law_joint([symbol.meaning for symbol in nuisance], nuisance[0].meaning.level, 0)[0]
    symbols = (*(symbol for symbol in tensor.labels if symbol not in nuisance), *nuisance)
    array = aligned(tensor, symbols)
    defined = np.where(np.isnan(array), 0.0, weights)
    last = tuple(range(array.ndim - len(nuisance), array.ndim))
    mean = over((np.nan_to_num(array) * defined).sum(axis=last), defined.sum(axis=last))
    return Tensor(symbols[: -len(nuisance)], mean)
