"""Shapes written out as estimands with every condition kept: what the estimators really average."""

from __future__ import annotations

from umbel.estimate.shapes import Outcome, Primal, Sequential, Switched
from umbel.expr.build import product, total
from umbel.expr.nodes import AtState, Drawn, Expr, Held, NumericValue, Policy, Probability, Raw, Slot, Symbol


def symbol(name: str, copy: int = 0) -> Symbol:
    return Symbol(Raw(name), copy)


def written(shape: Sequential | Switched | Primal) -> Expr:
    """The average that a shape stands for."""
    if isinstance(shape, Switched):
        return _switched(shape)
    return _sequential(shape) if isinstance(shape, Sequential) else _primal(shape)


def _law(names: tuple[str, ...], given: list[Slot], outcome: Outcome) -> Probability:
    states = dict(outcome.events)
    of = tuple(Held(symbol(name), AtState(states[name])) if name in states else symbol(name) for name in names)
    return Probability(of, tuple(given))


def _slot(name: str, outcome: Outcome) -> Slot:
    states = dict(outcome.events)
    return Held(symbol(name), AtState(states[name])) if name in states else symbol(name)


def _closed(factors: list[Expr], bound: list[str], outcome: Outcome, copies: tuple[Symbol, ...] = ()) -> Expr:
    if outcome.numeric is not None:
        factors = [*factors, NumericValue(symbol(outcome.numeric))]
    states = dict(outcome.events)
    return total((*(symbol(name) for name in bound if name not in states), *copies), product(factors))


def _sequential(shape: Sequential) -> Expr:
    factors: list[Expr] = []
    settings: list[Slot] = []
    bound: list[str] = []
    for at, stage in enumerate(shape.stages):
        for name, value in stage.settings:
            if isinstance(value, Policy):
                factors.append(Drawn(value, symbol(name), tuple(symbol(one.name) for one in value.given)))
                settings.append(symbol(name))
                bound.append(name)
            else:
                settings.append(Held(symbol(name), AtState(value)))
        before = [_slot(name, shape.outcome) for name in shape.history(at)]
        factors.append(_law(stage.variables, [*before, *settings], shape.outcome))
        bound += stage.variables
    return _closed(factors, bound, shape.outcome)


def _switched(shape: Switched) -> Expr:
    factors: list[Expr] = []
    bound: list[str] = []
    where = _held(shape.where)
    for at, stage in enumerate(shape.stages):
        before = [_slot(name, shape.outcome) for name in shape.history(at)]
        law = _law(stage.variables, [*before, *where, *_held(stage.settings)], shape.outcome)
        factors.append(Probability((*law.of, *_held(shape.joint)), law.given) if at == 0 else law)
        bound += stage.variables
    return _closed(factors, bound, shape.outcome)


def _held(settings: tuple[tuple[str, object], ...]) -> list[Slot]:
    return [Held(symbol(name), AtState(value)) for name, value in settings]  # type: ignore[arg-type]


def _primal(shape: Primal) -> Expr:
    own = symbol(shape.treatment, 1)
    where: list[Slot] = [Held(symbol(name), AtState(state)) for name, state in shape.where]
    baseline = [_slot(name, shape.outcome) for name in shape.baseline]
    factors: list[Expr] = [Probability((own,), (*baseline, *where))]
    if shape.baseline:
        factors.append(_law(shape.baseline, where, shape.outcome))
    bound = list(shape.baseline)
    for at, block in enumerate(shape.blocks):
        value: Slot = own if block.own else Held(symbol(shape.treatment), AtState(shape.state))
        before = [_slot(name, shape.outcome) for name in shape.history(at)]
        factors.append(_law(block.variables, [*before, value, *where], shape.outcome))
        bound += block.variables
    return _closed(factors, bound, shape.outcome, (own,))
