"""Exact evaluation of an estimand on discrete laws.

Every leaf is an array over symbols, read from the law of its source, and sums are eliminated one
symbol at a time. Laws inside units are states too: see :mod:`umbel.expr.populations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np

from umbel.errors import DataError, InputError, did_you_mean, shown
from umbel.expr.build import factors_of
from umbel.expr.nodes import (
    AtState,
    Certain,
    Drawn,
    Equilibrium,
    Expr,
    Held,
    Inside,
    Law,
    Linear,
    Meaning,
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
    Value,
)
from umbel.expr.populations import MEMBERS, Population, Populations, nearest
from umbel.expr.render import meaning_text
from umbel.numerics.equilibrium import TooManyStates, stationary
from umbel.numerics.labels import Domains, supplied_law
from umbel.numerics.recurrence import Unsettled
from umbel.numerics.tables import Array, Table, over
from umbel.numerics.tensors import Tensor, aligned, eliminated, multiplied

Scope = Populations | Population
"""Where an expression is evaluated: across the units of all sources, or inside those of one."""


def shared_of(scope: Scope) -> Populations:
    """All the sources."""
    return scope.shared if isinstance(scope, Population) else scope


def code_of(meaning: Meaning, value: Value, sources: Populations) -> int | None:
    """Code at which an intervention's value stands, None where no member shows it."""
    match value, meaning:
        case AtState(state), Raw():
            states = sources.states(meaning)
            if state not in states:
                hint = did_you_mean(str(state), map(str, states))
                raise InputError(f"{shown(meaning.name)} = {state!r} is no state of the table. {hint}")
            return states.index(state)
        case Policy(), Law():
            table = policy_table(value, sources)
            # The policy may read fewer variables than the law it replaces.
            axes = (value.of, *value.given)
            order = (*meaning.of, *meaning.given)
            full = Tensor(tuple(map(Symbol, axes)), table)
            wanted = aligned(full, tuple(map(Symbol, order)))
            return nearest(sources.atoms(meaning), wanted)
        case Certain(inner), Law(of=(only,)):
            assert not isinstance(inner, Symbol)
            at = code_of(only, inner, sources)
            if at is None:
                return None
            target = np.zeros(sources.atoms(meaning).shape[1:])
            target[at] = 1.0
            return nearest(sources.atoms(meaning), target)
        case _:
            raise AssertionError(f"{value} cannot stand for {meaning}")


def policy_table(policy: Policy, sources: Populations) -> Array:
    """Weights of an intervention's law: shape (states of the treatment, states of what it reads)."""
    name = policy.of.name
    states = sources.states(policy.of)
    read = [sources.states(meaning) for meaning in policy.given]
    if policy.law is None:
        reads = dict(zip((meaning.name for meaning in policy.given), read, strict=True))
        return supplied_law(name, reads, states, sources.laws)
    array = np.empty((len(states), *map(len, read)))
    for index in np.ndindex(*map(len, read)):
        covariates = {m.name: values[i] for m, values, i in zip(policy.given, read, index, strict=True)}
        array[(slice(None), *index)] = [policy.law.weight(state, states, covariates) for state in states]
    return array


def taken(array: Array, slots: Sequence[Slot], sources: Populations) -> Tensor[Symbol]:
    """Axes of ``array`` named by slots: held ones are indexed, the first axis is MEMBERS."""
    index: list[int | slice | None] = [slice(None)]
    symbols: list[Symbol] = [MEMBERS]
    for slot in slots:
        if isinstance(slot, Held) and isinstance(slot.value, Certain) and isinstance(slot.value.value, Symbol):
            array = swept(array, len(index), slot, slot.value.value, sources)
            index.append(slice(None))
            symbols.append(slot.value.value)
        elif isinstance(slot, Held):
            at = code_of(slot.symbol.meaning, slot.value, sources)
            if at is None:
                rest = [s for s in slots if isinstance(s, Symbol)]
                shape = [len(sources.states(s.meaning)) for s in rest]
                return Tensor((MEMBERS, *rest), np.full((array.shape[0], *shape), np.nan))
            index.append(at)
        else:
            index.append(slice(None))
            symbols.append(slot)
    return Tensor(tuple(symbols), array[tuple(index)])


def swept(array: Array, axis: int, slot: Held, symbol: Symbol, sources: Populations) -> Array:
    """One entry per state of a free treatment: the law held at certainty of each state in turn."""
    states = sources.states(symbol.meaning)
    codes = [code_of(slot.symbol.meaning, Certain(AtState(state)), sources) for state in states]
    parts = [np.full_like(array.take(0, axis), np.nan) if at is None else array.take(at, axis) for at in codes]
    return np.stack(parts, axis=axis)


def leaf(expr: Probability | Inside | Drawn, scope: Scope, lead: int) -> Tensor[Symbol]:
    """A leaf as a tensor; the first axis is MEMBERS."""
    sources = shared_of(scope)
    match expr:
        case Probability(of, given, level, source):
            meanings = [slot.symbol.meaning if isinstance(slot, Held) else slot.meaning for slot in of + given]
            joint = scope.of(source).law_joint(meanings, level, lead)
            below = joint.sum(axis=tuple(range(1, 1 + len(of))), keepdims=True)
            return taken(over(joint, below), of + given, sources)
        case Inside(law, of, given):
            assert isinstance(law.meaning, Law)
            tensor = taken(sources.atoms(law.meaning), of + given, sources)
            return Tensor((law, *tensor.labels[1:]), tensor.array)
        case Drawn(policy, of, given):
            return taken(policy_table(policy, sources)[None], (of, *given), sources)


def evaluate_expr(expr: Expr, scope: Scope, lead: int) -> Tensor[Symbol]:
    """Evaluate on the members that ``lead`` leading axes index, all at once."""
    match expr:
        case Number(value):
            return Tensor((), np.array(value))
        case NumericValue(symbol):
            return Tensor((symbol,), numeric_states(symbol, shared_of(scope)))
        case Probability() | Inside() | Drawn():
            tensor = leaf(expr, scope, lead)
            if tensor.array.shape[0] == 1 and tensor.labels[0] == MEMBERS:
                return Tensor(tensor.labels[1:], tensor.array[0])
            return tensor
        case Equilibrium():
            return settled_law(expr, [evaluate_expr(law, scope, lead) for law in expr.laws], shared_of(scope))
        case NetworkMean():
            raise DataError("The mean over one network is no function of a joint law. Estimate it from the network.")
        case Product(factors):
            return multiplied([evaluate_expr(factor, scope, lead) for factor in factors])
        case Quotient(numerator, denominator):
            above, below = (evaluate_expr(part, scope, lead) for part in (numerator, denominator))
            symbols = tuple(dict.fromkeys((*above.labels, *below.labels)))
            return Tensor(symbols, over(aligned(above, symbols), aligned(below, symbols)))
        case Sum(bound, body):
            return eliminated([evaluate_expr(factor, scope, lead) for factor in factors_of(body)], bound)
        case Linear(terms):
            parts = [(weight, evaluate_expr(term, scope, lead)) for weight, term in terms]
            symbols = tuple(dict.fromkeys(symbol for _, part in parts for symbol in part.labels))
            return Tensor(symbols, sum((w * aligned(part, symbols) for w, part in parts), np.zeros(())))
        case _:
            assert_never(expr)


def settled_law(expr: Equilibrium, laws: Sequence[Tensor[Symbol]], sources: Populations) -> Tensor[Symbol]:
    """A block's settled law from the laws of its members."""
    outside = tuple(dict.fromkeys(label for law in laws for label in law.labels if label not in expr.members))
    symbols = (*outside, *expr.members)
    arrays = [aligned(law, symbols) for law in laws]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    inner = shape[len(outside) :]
    stacked = [np.broadcast_to(array, shape).reshape(-1, *inner) for array in arrays]
    found = settled_block(expr, stacked, sources.scan).reshape(shape)
    read = {slot.symbol.meaning if isinstance(slot, Held) else slot.meaning: slot for slot in expr.of}
    gone = tuple(at for at, symbol in enumerate(symbols) if symbol in expr.members and symbol.meaning not in read)
    found = found.sum(axis=gone)
    kept = [symbol for at, symbol in enumerate(symbols) if at not in gone]
    tensor = taken(found[None], [read[one.meaning] if one in expr.members else one for one in kept], sources)
    return Tensor(tensor.labels[1:], tensor.array[0])


def settled_block(expr: Equilibrium, laws: Sequence[Array], scan: Sequence[str] | None) -> Array:
    """Where a block settles, shape (batch, states of each member…); a block that cannot settle is an error.

    Raises
    ------
    DataError
        With the remedy, where the laws leave the block no single equilibrium.
    """
    names = [meaning_text(member.meaning) for member in expr.members]
    block = f"The block {', '.join(names)} has no single equilibrium under these laws"
    try:
        return stationary(laws, scan_of(expr, scan))
    except Unsettled as fault:
        raise DataError(f"{block}: {fault}. Give every state a small chance, such as .01, in each new law.") from None
    except TooManyStates as fault:
        raise DataError(
            f"The block {', '.join(names)} has {fault}, too many to solve exactly. Ask about fewer members."
        ) from None


def scan_of(expr: Equilibrium, scan: Sequence[str] | None) -> tuple[int, ...] | None:
    """Members in the order in which a scan names them; None for random scan, and where it names none of them."""
    if scan is None:
        return None
    names = [member.meaning.name for member in expr.members if isinstance(member.meaning, Raw)]
    absent = [name for name in names if name not in scan]
    if absent == names:
        return None
    if absent:
        raise InputError(f"The scan leaves out {shown(absent[0])}, a member of a block. Name {', '.join(names)}.")
    return tuple(names.index(name) for name in dict.fromkeys(scan) if name in names)


def numeric_states(symbol: Symbol, sources: Populations) -> Array:
    """States of a variable as numbers."""
    states = sources.states(symbol.meaning)
    if not all(isinstance(state, int | float) for state in states):
        assert isinstance(symbol.meaning, Raw)
        raise InputError(f"The states of {shown(symbol.meaning.name)} are labels: an expectation needs numbers.")
    return np.array([float(state) for state in states])


def evaluate(
    expr: Expr,
    joint: Table | list[Table] | tuple[Table, ...],
    axes: Sequence[Symbol],
    *,
    plates: Sequence[str] | None = None,
    laws: Mapping[str, Table] | None = None,
    domains: Domains = (),
    scan: Sequence[str] | None = None,
) -> Table:
    """Evaluate an estimand exactly on a discrete joint law.

    Free symbols that are no axis of the answer (its value does not depend on them, in the model)
    are averaged over their observed law.

    Parameters
    ----------
    expr
        The estimand.
    joint
        The observed joint law; with plates its first axes index units and inner plates. With
        several sources their laws, in order; what a source set is among its axes, under any law
        that gives mass to every value that it was set to.
    axes
        The answer's axes: outcomes first, then free treatments and conditions.
    plates
        All plates' names; those among the joint's axes index rows. None: not known, and a first
        axis ``"unit"`` means that there are some.
    laws
        Tables of unspecified laws ``q``, keyed by treatment; first axis the treatment.
    domains
        The states that the graph declares.
    scan
        Members of blocks in the order of a sweep; None: random scan.

    Returns
    -------
    Table
        NaN where the estimand conditions on an event of probability zero.
    """
    tables = tuple(joint) if isinstance(joint, list | tuple) else (joint,)
    if not tables:
        raise DataError("No table was given. Give one per source, in their order.")
    for table in tables:
        if not isinstance(table, Table):
            raise DataError(f"A joint law is a Table with named axes, not a {type(table).__name__}.")
        if not np.isfinite(table.array).all() or (table.array < 0).any() or table.array.sum() <= 0:
            raise DataError("A joint law has finite, non-negative entries with a positive sum.")
    sources = Populations.opened(tables, plates, laws or {}, domains, evaluate_expr)
    sources.scan = None if scan is None else tuple(scan)
    return answered(expr, sources, axes)


def answered(expr: Expr, sources: Populations, axes: Sequence[Symbol]) -> Table:
    """An estimand's value in given populations, with the axes asked for."""
    tensor = evaluate_expr(expr, sources, 0)
    nuisance = [symbol for symbol in tensor.labels if symbol not in axes]
    assert all(isinstance(symbol.meaning, Raw) for symbol in nuisance), f"laws that no sum binds: {nuisance}"
    if nuisance:
        tensor = averaged(tensor, nuisance, sources)
    states = [sources.states(symbol.meaning) for symbol in axes]
    array = np.broadcast_to(aligned(tensor, axes), list(map(len, states)))
    names = [symbol.meaning.name if isinstance(symbol.meaning, Raw) else str(symbol.meaning) for symbol in axes]
    labels = {name: own for name, own in zip(names, states, strict=True) if sources.has_labels(name)}
    return Table(names, array, labels)


def averaged(tensor: Tensor[Symbol], nuisance: Sequence[Symbol], sources: Populations) -> Tensor[Symbol]:
    """Average over symbols on which the value does not depend, where it is defined."""
    meanings = [symbol.meaning for symbol in nuisance]
    weights = sources.showing(meanings).law_joint(meanings, nuisance[0].meaning.level, 0)[0]
    symbols = (*(symbol for symbol in tensor.labels if symbol not in nuisance), *nuisance)
    array = aligned(tensor, symbols)
    defined = np.where(np.isnan(array), 0.0, weights)
    last = tuple(range(array.ndim - len(nuisance), array.ndim))
    mean = over((np.nan_to_num(array) * defined).sum(axis=last), defined.sum(axis=last))
    return Tensor(symbols[: -len(nuisance)], mean)
