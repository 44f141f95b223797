"""An estimand by Monte Carlo: bound variables drawn from fitted kernels, the rest weighed.

A sum becomes an average over draws from the law that generates its variable; laws of values that
are already drawn become weights; a mean is the kernel's own. Draws come from fixed uniform numbers
per variable, so that both sides of a contrast, and every resample, meet the same luck.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.cell_formula import policy_table
from umbel.estimate.flat import Unanswered
from umbel.estimate.kernels import Kernels, codes_or_values
from umbel.estimate.means import as_mean
from umbel.expr.build import factors_of, free
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
    Probability,
    Product,
    Quotient,
    Raw,
    Slot,
    Sum,
    Symbol,
)
from umbel.numerics.equilibrium import TooManyStates, stationary
from umbel.numerics.recurrence import Unsettled

Array = NDArray[np.float64]

World = dict[Symbol, Array]
"""Values of symbols at particles: codes where a variable has states."""


@dataclass(frozen=True, slots=True, eq=False)
class Particles:
    """Evaluates estimands on fitted kernels.

    Parameters
    ----------
    kernels
        The laws.
    outer
        Draws of an outermost sum.
    inner
        Draws of a sum inside a quotient, for each particle around it.
    seed
        Of the uniform numbers.
    """

    kernels: Kernels
    outer: int
    inner: int
    seed: int

    def value(self, expr: Expr) -> float:
        """The number that an estimand without free symbols is.

        Raises
        ------
        Unanswered
            For a variable that no law generates where it is summed, and for unspecified laws.
        """
        return float(self._at(expr, {}, 1, self.outer)[0])

    def _at(self, expr: Expr, world: World, size: int, draws: int) -> Array:
        """Value at each particle, shape (size,); sums take ``draws`` draws per particle."""
        match expr:
            case Number(value):
                return np.full(size, value)
            case NumericValue(symbol):
                return self._numbers(symbol, world)
            case Probability():
                return self._weight(expr, world, size)
            case Drawn(policy, of, given):
                table = policy_table(policy, self.kernels.rows)
                places = [self._code(slot, world, size) for slot in (of, *given)]
                return np.asarray(table[tuple(places)], dtype=np.float64)
            case Product(factors):
                result = np.ones(size)
                for one in factors:
                    result = result * self._at(one, world, size, draws)
                return result
            case Linear(terms):
                return np.asarray(sum(w * self._at(term, world, size, draws) for w, term in terms))
            case Quotient(numerator, denominator):
                inner = draws if size == 1 else max(draws, self.inner)
                below = self._at(denominator, world, size, inner)
                with np.errstate(divide="ignore", invalid="ignore"):
                    return self._at(numerator, world, size, inner) / below
            case Sum(over, body):
                found = as_mean(expr)
                if found is not None and found[1].of == (found[0],):
                    return self._mean(found[0], found[1], world, size)
                return self._sum(over, body, world, size, draws)
            case Equilibrium():
                law = self._settled(expr, world, size)
                return np.asarray(law[(np.arange(size), *(self._code(slot, world, size) for slot in expr.of))])
            case Inside() | NetworkMean():
                raise AssertionError("laws inside units and networks are refused earlier")

    def _sum(self, over: tuple[Symbol, ...], body: Expr, world: World, size: int, draws: int) -> Array:
        """Average over draws; symbols with states that no law generates are summed one by one."""
        factors = list(factors_of(body))
        times = draws if any(self._generator(one, factors) for one in over) else 1
        inside = {symbol: np.repeat(values, times) for symbol, values in world.items()}
        pending = list(over)
        while pending:
            ready = [(s, law) for s in pending if (law := self._generator(s, factors)) and self._known(law, inside)]
            if not ready:
                return self._listed(pending, factors, inside, size, times)
            law = ready[0][1]
            factors.remove(law)
            drawn = self._drawn(law, inside, size * times)
            inside |= drawn
            pending = [symbol for symbol in pending if symbol not in drawn]
        # Inside a drawn world one more draw is enough: averages of products need no average within.
        value = self._at(Product(tuple(factors)), inside, size * times, 1)
        return np.asarray(value.reshape(size, times).mean(axis=1))

    def _listed(self, pending: Sequence[Symbol], factors: list[Expr], world: World, size: int, times: int) -> Array:
        """The rest of a sum, one state of the first pending symbol at a time."""
        symbol = pending[0]
        column = self.kernels.rows.columns[_name(symbol)]
        if not column.discrete:
            raise Unanswered(f"No fitted law generates {_name(symbol)}.", f"Give {_name(symbol)} states.")
        rest = tuple(pending[1:])
        body = Product(tuple(factors))
        total = np.zeros(size * times)
        for code in range(len(column.states)):
            at = {**world, symbol: np.full(size * times, float(code))}
            inner = self._sum(rest, body, at, size * times, 1) if rest else self._at(body, at, size * times, 1)
            total += inner
        return np.asarray(total.reshape(size, times).mean(axis=1))

    def _generator(self, symbol: Symbol, factors: Sequence[Expr]) -> Probability | Drawn | Equilibrium | None:
        """The law among factors that generates a symbol and holds nothing of what it generates."""
        for one in factors:
            if not isinstance(one, Probability | Equilibrium | Drawn):
                continue
            own = (one.of,) if isinstance(one, Drawn) else one.of
            if symbol in own and all(isinstance(slot, Symbol) for slot in own):
                return one
        return None

    def _known(self, law: Probability | Drawn | Equilibrium, world: World) -> bool:
        own = {law.of} if isinstance(law, Drawn) else set(law.of)
        return {one for one in free(law) if one not in own} <= set(world) and not own & set(world)

    def _drawn(self, law: Probability | Drawn | Equilibrium, world: World, size: int) -> World:
        """One draw of all that a law generates, at each particle."""
        if isinstance(law, Equilibrium):
            settled = self._settled(law, world, size)
            shape = settled.shape[1:]
            symbols = [slot for slot in law.of if isinstance(slot, Symbol)]
            ladder = settled.reshape(size, -1).cumsum(axis=1)
            place = (self._uniform(symbols[0], size)[:, None] > ladder[:, :-1]).sum(axis=1)
            codes = np.unravel_index(place, shape)
            return {symbol: code.astype(np.float64) for symbol, code in zip(symbols, codes, strict=True)}
        if isinstance(law, Drawn):
            assert isinstance(law.of, Symbol)
            table = policy_table(law.policy, self.kernels.rows)
            chances = np.moveaxis(table, 0, -1)[tuple(self._code(slot, world, size) for slot in law.given)]
            ladder = np.broadcast_to(chances, (size, table.shape[0])).cumsum(axis=1)
            code = (self._uniform(law.of, size)[:, None] > ladder[:, :-1]).sum(axis=1)
            return {law.of: code.astype(np.float64)}
        symbols = [slot for slot in law.of if isinstance(slot, Symbol)]
        if not law.given:  # rows themselves: no model
            rows = self.kernels.rows
            uniform = self._uniform(symbols[0], size)
            place = np.searchsorted(rows.sample.mass.cumsum(), uniform).clip(max=rows.size - 1)
            return {symbol: codes_or_values(rows.columns[_name(symbol)])[place] for symbol in symbols}
        names, values = self._conditions(law.given, world, size)
        found: World = {}
        for symbol in symbols:
            found[symbol] = self.kernels.drawn(_name(symbol), names, values, self._uniform(symbol, size))
            names, values = [*names, _name(symbol)], {**values, _name(symbol): found[symbol]}
        return found

    def _settled(self, expr: Equilibrium, world: World, size: int) -> Array:
        """The law in which a block settles at each particle, over what is read of it: shape (size, states…)."""
        columns = [self.kernels.rows.columns[_name(member)] for member in expr.members]
        if not all(column.discrete for column in columns):
            name = next(_name(m) for m, column in zip(expr.members, columns, strict=True) if not column.discrete)
            raise Unanswered(f"{name} stands in a block and has too many values.", f"Give {name} states.")
        shape = tuple(len(column.states) for column in columns)
        laws = np.empty((len(shape), size, *shape))
        for place in np.ndindex(*shape):
            at = dict(world)
            for member, code in zip(expr.members, place, strict=True):
                at[member] = np.full(size, float(code))
            for one, law in enumerate(expr.laws):
                laws[(one, slice(None), *place)] = self._at(law, at, size, 1)
        for one in range(len(shape)):  # fitted chances of several states may miss one by rounding
            laws[one] /= laws[one].sum(axis=one + 1, keepdims=True)
        try:
            found = stationary(list(laws))
        except (Unsettled, TooManyStates) as fault:
            names = ", ".join(map(_name, expr.members))
            raise Unanswered(
                f"The block {names} has no single equilibrium under these laws: {fault}.",
                "Give every state a small chance, such as .01, in each new law.",
            ) from None
        read = [_name(slot) for slot in expr.of]
        left = [_name(member) for member in expr.members if _name(member) in read]
        gone = tuple(at + 1 for at, member in enumerate(expr.members) if _name(member) not in read)
        return np.moveaxis(found.sum(axis=gone), range(1, 1 + len(left)), [1 + read.index(name) for name in left])

    def _weight(self, law: Probability, world: World, size: int) -> Array:
        """Probability or density of values that are known."""
        names, values = self._conditions(law.given, world, size)
        result = np.ones(size)
        for slot in law.of:
            values = {**values, _name(slot): self._place(slot, world, size)}
            result *= self.kernels.weight(_name(slot), names, values, size)
            names = [*names, _name(slot)]
        return result

    def _mean(self, symbol: Symbol, law: Probability, world: World, size: int) -> Array:
        if not self.kernels.rows.columns[_name(symbol)].numeric:
            raise Unanswered(f"{_name(symbol)} holds words, and its mean is asked for.", "Ask for P(...).")
        names, values = self._conditions(law.given, world, size)
        return self.kernels.mean(_name(symbol), names, values, size)

    def _conditions(self, given: Sequence[Slot], world: World, size: int) -> tuple[list[str], dict[str, Array]]:
        # Sorted, so that equal sets of conditions are one kernel.
        slots = sorted(given, key=_name)
        return [_name(slot) for slot in slots], {_name(slot): self._place(slot, world, size) for slot in slots}

    def _place(self, slot: Slot, world: World, size: int) -> Array:
        """Values of a slot at particles."""
        if isinstance(slot, Symbol):
            return world[slot]
        column = self.kernels.rows.columns[_name(slot)]
        assert isinstance(slot.value, AtState)
        state = slot.value.state
        if column.codes is None:
            if isinstance(state, str):
                raise Unanswered(f"{_name(slot)} is a number, and is set to {state!r}.", "Set it to a number.")
            return np.full(size, float(state))
        if state not in column.states:
            listed = ", ".join(map(str, column.states))
            raise Unanswered(f"No row has {_name(slot)} = {state}.", f"Ask for one of: {listed}.")
        return np.full(size, float(column.states.index(state)))

    def _code(self, slot: Slot, world: World, size: int) -> NDArray[np.int64]:
        if not self.kernels.rows.columns[_name(slot)].discrete:
            raise Unanswered(
                f"{_name(slot)} is a number with many values; laws of it, or that read it, are not estimated so.",
                "Give it states.",
            )
        return self._place(slot, world, size).astype(np.int64)

    def _numbers(self, symbol: Symbol, world: World) -> Array:
        column = self.kernels.rows.columns[_name(symbol)]
        if not column.numeric:
            raise Unanswered(f"{_name(symbol)} holds words, and its mean is asked for.", "Ask for P(...).")
        if column.codes is None:
            return world[symbol]
        return np.array([float(state) for state in column.states])[world[symbol].astype(np.int64)]

    def _uniform(self, symbol: Symbol, size: int) -> Array:
        """Evenly spread numbers in random order, the same for a symbol wherever it is drawn."""
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{_name(symbol)} {symbol.copy}".encode())])
        return np.asarray((rng.permutation(size) + rng.random(size)) / size, dtype=np.float64)


def _name(slot: Slot) -> str:
    meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
    assert isinstance(meaning, Raw)
    return meaning.name
