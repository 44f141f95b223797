"""Evaluate a nested estimand on units: a formula in, a number out, and no graph anywhere.

Every symbol is bound in one of three ways. A law or unit variable that a root factor generates
(``P(Q[A])``, or ``P(Q[Y|A] | Q[X])`` where it conditions on all that is bound there) is read from
the units: its axis is the unit itself, the empirical law. A variable with states has its states
as axis. A law that a regression generates enters through its conditional mean, which is enough as
long as the estimand is linear in it; where it is not, the program is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.conditions import Conditions, Models, Unsupported, conditions_of, one_hot, policy_weights
from umbel.estimate.models import UnitModels
from umbel.estimate.tensors import CellsOf, Label, Tensor, UnitAxis, aligned, product, shaped
from umbel.estimate.unit_data import LawValues, UnitData
from umbel.expr.build import factors_of, free
from umbel.expr.nodes import (
    AtState,
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
)

Array = NDArray[np.float64]


@dataclass(slots=True)
class Scope:
    """What is bound on the way to a node.

    Parameters
    ----------
    units
        The unit axis of each symbol that is read from the units.
    leaves
        Factors that units stand for; they are 1.
    borrowed
        Unit axes onto which an inner sum has bound more; shared between scopes, so that a second
        such sum is seen: the product of two of them would not be the product of their means.
    """

    units: dict[Symbol, int]
    leaves: dict[Probability, int]
    borrowed: set[int]
    fresh: list[int]

    def inner(self) -> Scope:
        """A scope that may bind more without the outer one seeing it."""
        return Scope(dict(self.units), dict(self.leaves), self.borrowed, self.fresh)


@dataclass(frozen=True, slots=True)
class Engine:
    """Data and models; :meth:`number` evaluates an estimand.

    ``fitted`` keeps models by what they are of and given, so that both sides of a contrast share
    them: an intervention changes where a model is read and not how it is fitted. ``filled`` keeps
    laws whose holes have been filled in, ``regressed`` what regressions read: ``"laws"`` of units,
    or ``"numbers"``. A ``trial`` replaces what no unit shows by made-up numbers.
    """

    data: UnitData
    models: UnitModels
    fitted: dict[tuple[Meaning, ...], Models] = field(default_factory=dict)
    filled: dict[Meaning, Array] = field(default_factory=dict)
    regressed: set[str] = field(default_factory=set)
    trial: bool = False

    def number(self, expr: Expr) -> float:
        """The estimand's value; NaN where a factor cannot be learnt from these units.

        Raises
        ------
        Unsupported
            For an estimand that this engine cannot read.
        """
        found = self.value(expr, Scope({}, {}, set(), [0]))
        if found.labels:
            raise Unsupported("The question leaves a variable free.", "Ask for one value of it.")
        if not np.isnan(found.array) or self.trial:
            return float(found.array)
        # Something is unknown; it may be a value that the question does not visit.
        one, other = (Engine(self.data.unseen(value), self.models, trial=True).number(expr) for value in (0.25, 0.75))
        return one if math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) else math.nan

    def value(self, expr: Expr, scope: Scope) -> Tensor:
        """A node as a tensor over what is free in it."""
        match expr:
            case Number(value):
                return Tensor((), np.array(value))
            case Probability():
                return self.factor(expr, scope)
            case Inside(law, of, given):
                return self.inside(law, of, given, scope)
            case Drawn(policy, of) if policy in self.data.pushed:
                return self.through_friends(policy, of, scope)
            case Drawn(policy, of, given):
                table = policy_weights(policy, self.data)
                return self.picked(table, (), (of, *given))
            case Equilibrium():
                raise Unsupported("The estimand settles a block of units in equilibrium.", "Give rows without a key.")
            case NetworkMean():
                raise AssertionError("networks have an estimator of their own")
            case NumericValue(symbol):
                return self.numeric(symbol, scope)
            case Product(factors):
                return product([self.value(one, scope) for one in factors], ())
            case Sum(over, body):
                return self.total(over, body, scope)
            case Linear(terms):
                return self.combination(terms, scope)
            case Quotient(numerator, denominator):
                return self.ratio(numerator, denominator, scope)
            case _:
                assert_never(expr)

    def combination(self, terms: tuple[tuple[float, Expr], ...], scope: Scope) -> Tensor:
        """A linear combination; inner sums of different terms never multiply, so each may borrow."""
        branches = [Scope(scope.units, scope.leaves, set(scope.borrowed), scope.fresh) for _ in terms]
        parts = [(w, self.value(term, branch)) for (w, term), branch in zip(terms, branches, strict=True)]
        scope.borrowed.update(*(branch.borrowed for branch in branches))
        labels = tuple(dict.fromkeys(label for _, part in parts for label in part.labels))
        return Tensor(labels, sum((w * aligned(part, labels) for w, part in parts), np.zeros(())))

    def ratio(self, numerator: Expr, denominator: Expr, scope: Scope) -> Tensor:
        """A quotient of two numbers; NaN where the denominator is zero."""
        above, below = self.value(numerator, scope.inner()), self.value(denominator, scope.inner())
        if above.labels or below.labels:
            raise Unsupported("The estimand is a quotient of laws of units.", "Condition on fewer variables.")
        return Tensor((), above.array / below.array if below.array else np.array(np.nan))

    def total(self, over: tuple[Symbol, ...], body: Expr, scope: Scope) -> Tensor:
        """A sum: symbols are bound, factors evaluated, axes contracted."""
        outer = set(scope.leaves.values())
        scope = scope.inner()
        self.bind(over, body, scope, outer)
        created = sorted(set(scope.leaves.values()) - outer)
        tensors = self.means(over, list(factors_of(body)), scope)
        tensors += [Tensor((UnitAxis(number),), self.data.weights) for number in created]
        gone: list[Label] = [UnitAxis(number) for number in created]
        for symbol in over:
            if symbol not in scope.units:
                gone.append(CellsOf(symbol) if isinstance(symbol.meaning, Law) else symbol)
        return product(tensors, tuple(gone))

    def bind(self, over: tuple[Symbol, ...], body: Expr, scope: Scope, outer: set[int]) -> None:
        """Bind what root factors generate to unit axes, until nothing more can be."""
        pending = [s for s in over if isinstance(s.meaning, Law) or not s.meaning.level]
        borrowing: set[int] = set()
        changed = True
        while changed:
            changed = False
            for symbol in list(pending):
                leaf = generator(body, symbol)
                number = None if leaf is None else self.axis(leaf, scope)
                if leaf is None or number is None:
                    continue
                scope.leaves[leaf], scope.units[symbol] = number, number
                borrowing |= {number} & outer
                pending.remove(symbol)
                changed = True
        if borrowing & scope.borrowed:
            raise Unsupported("Two inner integrals condition on the same unit.", "Ask for another estimator.")
        scope.borrowed.update(borrowing)

    def axis(self, leaf: Probability, scope: Scope) -> int | None:
        """The unit axis of what a factor generates; None when it must be learnt."""
        if leaf in scope.leaves:
            return scope.leaves[leaf]
        if any(isinstance(slot, Held) for slot in (*leaf.of, *leaf.given)) or leaf.level:
            return None
        if not leaf.given:
            scope.fresh[0] += 1
            return scope.fresh[0]
        numbers = {scope.units.get(slot) for slot in leaf.given if isinstance(slot, Symbol)}
        if len(numbers) != 1 or None in numbers:
            return None
        (number,) = numbers
        bound = {symbol for symbol, at in scope.units.items() if at == number}
        return number if bound == set(leaf.given) else None  # the chain rule: the joint law of one unit

    def means(self, over: tuple[Symbol, ...], factors: list[Expr], scope: Scope) -> list[Tensor]:
        """Factors as tensors; a variable and its law, averaged, become the conditional mean."""
        tensors: list[Tensor] = []
        for value in [one for one in factors if isinstance(one, NumericValue) and one.symbol in over]:
            symbol = value.symbol
            if sum(symbol in free(one) for one in factors) != 2:
                continue  # another factor reads the variable itself
            for factor in factors:
                if isinstance(factor, Inside) and factor.of == (symbol,) and self.law(factor.law).averaged:
                    tensors.append(self.inside(factor.law, (), factor.given, scope))
                    factors = [one for one in factors if one not in (value, factor)]
                    break
                if isinstance(factor, Probability) and factor.of == (symbol,) and factor not in scope.leaves:
                    tensors.append(self.learnt_mean(factor, scope))
                    factors = [one for one in factors if one not in (value, factor)]
                    break
        return tensors + [self.value(one, scope) for one in factors]

    def factor(self, leaf: Probability, scope: Scope) -> Tensor:
        """A law across units: 1 where the units stand for it, else learnt."""
        if leaf in scope.leaves:
            return Tensor((), np.ones(()))
        if leaf.level:
            raise Unsupported("The estimand samples members rather than units.", "Use an estimator of rows.")
        if len(leaf.of) != 1:
            raise Unsupported("Several laws would have to be learnt at once.", "Ask for another estimator.")
        symbol = leaf.of[0].symbol if isinstance(leaf.of[0], Held) else leaf.of[0]
        return self.learnt_law(symbol, leaf, scope) if isinstance(symbol.meaning, Law) else self.learnt(leaf, scope)

    def learnt_law(self, symbol: Symbol, leaf: Probability, scope: Scope) -> Tensor:
        """Conditional mean of a within-unit law: axes of its conditions, then its cells."""
        target = self.law(symbol)
        cells = int(np.prod(target.values.shape[1:]))
        at = self.conditions(leaf, scope)
        found = at.predicted(
            lambda units: self.models.law(target.taken(units), at.observed.features[units], self.data.weights[units]),
            cells,
            self.known(leaf),
        )
        return shaped(found, at.axis, at.running, CellsOf(symbol), cells)

    def learnt(self, leaf: Probability, scope: Scope) -> Tensor:
        """Probabilities of a unit variable's states given laws and other unit variables."""
        slot = leaf.of[0]
        symbol = slot.symbol if isinstance(slot, Held) else slot
        assert isinstance(symbol.meaning, Raw)
        column = self.data.columns[symbol.meaning.name]
        states = len(column.states)
        at = self.conditions(leaf, scope)
        if states > 2 and at.observed.features.shape[1]:
            raise Unsupported(
                f"{symbol.meaning.name} has {states} states and depends on laws.", "Only two states are estimated."
            )
        found = at.predicted(
            lambda units: self.models.mechanism(
                column.codes[units], states, at.observed.features[units], self.data.weights[units]
            ),
            states,
            self.known(leaf),
        )
        tensor = shaped(found, at.axis, at.running, symbol, states)
        if isinstance(slot, Held):
            assert isinstance(slot.value, AtState)
            chosen = one_hot(slot.value.state, column.states, symbol.meaning.name)
            return product([tensor, Tensor((symbol,), chosen)], (symbol,))
        return tensor

    def learnt_mean(self, leaf: Probability, scope: Scope) -> Tensor:
        """Conditional mean of a unit's outcome given laws and other unit variables."""
        (symbol,) = (slot for slot in leaf.of if isinstance(slot, Symbol))
        assert isinstance(symbol.meaning, Raw)
        values = self.data.columns[symbol.meaning.name].values
        if np.isnan(values).any():
            raise Unsupported(f"{symbol.meaning.name} holds words, and its mean is asked for.", "Ask for P(...).")
        at = self.conditions(leaf, scope, observed=self.models.shares == "observed")
        found = at.predicted(
            lambda units: self.models.mean(values[units], at.observed.features[units], self.data.weights[units]),
            1,
            self.known(leaf, "mean"),
        )
        tensor = shaped(found, at.axis, at.running, symbol, 1)
        return Tensor(tensor.labels[:-1], tensor.array[..., 0])

    def inside(self, law: Symbol, of: tuple[Slot, ...], given: tuple[Slot, ...], scope: Scope) -> Tensor:
        """A within-unit law at its arguments: the unit's own, or the cells that a regression fills."""
        if law in scope.units:
            return self.picked(self.shown(law), (UnitAxis(scope.units[law]),), (*of, *given))
        shape = self.law(law).values.shape[1:]
        cells = int(np.prod(shape))
        return self.picked(np.eye(cells).reshape((cells, *shape)), (CellsOf(law),), (*of, *given))

    def through_friends(self, policy: Policy, of: Slot, scope: Scope) -> Tensor:
        """The law of an exposure in the unit whose members' law stands beside it."""
        axes = set(scope.units.values())
        if len(axes) != 1:
            raise Unsupported(
                "The formula does not say whose friendships are meant.",
                "Leave out covariates of members; in place of a condition on units, give those units' rows alone.",
            )
        return self.picked(self.data.pushed[policy], (UnitAxis(*axes),), (of,))

    def picked(self, array: Array, lead: tuple[Label, ...], slots: tuple[Slot, ...]) -> Tensor:
        """An array whose last axes are states of the slots: held ones are picked."""
        if array.ndim != len(lead) + len(slots):
            raise Unsupported("A law of numbers is asked for its probabilities.", "Ask for a mean, or declare states.")
        labels, index = list(lead), [slice(None)] * len(lead)
        places: list[slice | int] = list(index)
        for slot in slots:
            if isinstance(slot, Symbol):
                labels.append(slot)
                places.append(slice(None))
            else:
                meaning = slot.symbol.meaning
                if not isinstance(slot.value, AtState) or not isinstance(meaning, Raw):
                    raise Unsupported("A law inside a unit is held at a law.", "Ask for another estimator.")
                places.append(int(one_hot(slot.value.state, self.data.states[meaning.name], meaning.name).argmax()))
        return Tensor(tuple(labels), array[tuple(places)])

    def numeric(self, symbol: Symbol, scope: Scope) -> Tensor:
        """The numbers that a variable's states are."""
        assert isinstance(symbol.meaning, Raw)
        name = symbol.meaning.name
        if symbol in scope.units:
            return Tensor((UnitAxis(scope.units[symbol]),), self.data.columns[name].values)
        states = self.data.states[name] if symbol.meaning.level else self.data.columns[name].states
        if any(isinstance(state, str) for state in states):
            raise Unsupported(f"{name} holds words, and its mean is asked for.", "Ask for P(...).")
        return Tensor((symbol,), np.array([float(state) for state in states]))

    def conditions(self, leaf: Probability, scope: Scope, *, observed: bool = False) -> Conditions:
        """What a factor conditions on, and a note of whether something is regressed on it."""
        found = conditions_of(leaf.given, self.data, scope.units, observed=observed)
        if found.observed.features.shape[1]:
            laws = any(isinstance((s.symbol if isinstance(s, Held) else s).meaning, Law) for s in leaf.given)
            self.regressed.add("laws" if laws else "numbers")
        return found

    def known(self, leaf: Probability, kind: str = "law") -> Models:
        """The models fitted so far for a factor, by stratum."""
        meanings = tuple((slot.symbol if isinstance(slot, Held) else slot).meaning for slot in (*leaf.of, *leaf.given))
        return self.fitted.setdefault((Raw(kind), *meanings), {})

    def shown(self, symbol: Symbol) -> Array:
        """A law as the units show it, for where they are read and nothing is learnt from them."""
        values = self.law(symbol)
        if self.models.shares == "smoothed":
            return values.values
        if symbol.meaning not in self.filled:
            self.filled[symbol.meaning] = values.unbiased(self.data.weights)
        return self.filled[symbol.meaning]

    def law(self, symbol: Symbol) -> LawValues:
        """The observed values of a law."""
        assert isinstance(symbol.meaning, Law)
        return self.data.laws[symbol.meaning]


def generator(body: Expr, symbol: Symbol) -> Probability | None:
    """The factor that generates a symbol, wherever it stands inside a sum's body."""
    return next((leaf for leaf in _laws(body, symbol) if symbol in leaf.of), None)


def _laws(expr: Expr, symbol: Symbol) -> Iterator[Probability]:
    match expr:
        case Probability():
            yield expr
        case Product(factors):
            for one in factors:
                yield from _laws(one, symbol)
        case Sum(over, body):
            if symbol not in over:
                yield from _laws(body, symbol)
        case Linear(terms):
            for _, one in terms:
                yield from _laws(one, symbol)
        case Quotient(numerator, denominator):
            yield from _laws(numerator, symbol)
            yield from _laws(denominator, symbol)
        case Equilibrium(_, _, laws):
            for one in laws:
                yield from _laws(one, symbol)
        case Number() | Inside() | Drawn() | NetworkMean() | NumericValue():
            return
        case _:
            assert_never(expr)
