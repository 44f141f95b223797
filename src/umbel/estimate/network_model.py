"""From means over a network to regressions and rules on columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import RowColumn
from umbel.estimate.estimator import Target
from umbel.estimate.network_rules import NEAR, Unmodelled, base, code_of, rule_of
from umbel.expr.build import leaves, rebuilt
from umbel.expr.nodes import AtState, Expr, Linear, NetworkLaw, NetworkMean, Number, Policy, Raw, Symbol
from umbel.expr.render import text
from umbel.numerics.automodel import Equation
from umbel.numerics.network import Floats
from umbel.numerics.spillover import Policy as Rules
from umbel.variable import State

Mask = NDArray[np.bool_]


def is_network_mean(expr: Expr) -> bool:
    """Whether an estimand speaks of one network.

    Examples
    --------
    >>> is_network_mean(NetworkMean(Raw("Y"), (), ()))
    True
    """
    return any(isinstance(leaf, NetworkMean) for leaf in leaves(expr))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an estimand asks of one network.

    Parameters
    ----------
    means, weights, constant
        The value is ``weights @ means + constant``.
    laws
        Every law that some mean needs, causes first.
    """

    means: tuple[NetworkMean, ...]
    weights: tuple[float, ...]
    constant: float
    laws: tuple[NetworkLaw, ...]

    @property
    def outcome(self) -> str:
        """The variable whose mean is asked."""
        return self.means[0].outcome.name

    @property
    def treatments(self) -> tuple[str, ...]:
        """What is set, each once."""
        return tuple(dict.fromkeys(of.name for mean in self.means for of, _ in mean.set_to))

    @property
    def targets(self) -> tuple[str, ...]:
        """Variables that have laws, causes first."""
        return tuple(law.of.name for law in self.laws)

    @property
    def texts(self) -> tuple[str, ...]:
        """Each mean as the estimand prints it."""
        return tuple(text(mean) for mean in self.means)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that are read."""
        read: list[Raw] = [*(mean.outcome for mean in self.means)]
        for law in self.laws:
            read += [law.of, *law.own, *law.near, *law.means]
        for mean in self.means:
            for of, value in mean.set_to:
                read += [of, *(value.given if isinstance(value, Policy) else ())]
        return tuple(dict.fromkeys(base(one.name) for one in read))

    @property
    def explained(self) -> frozenset[str]:
        """Columns that stand in regressions, as outcome or as treatment: all but what policies alone read."""
        read = [one for law in self.laws for one in (law.of, *law.own, *law.near, *law.means)]
        read += [mean.outcome for mean in self.means] + [of for mean in self.means for of, _ in mean.set_to]
        return frozenset(one.name for one in read)

    @property
    def averages(self) -> bool:
        """Whether anything reads a mean over neighbours."""
        read = (value.given for mean in self.means for _, value in mean.set_to if isinstance(value, Policy))
        return any(law.means for law in self.laws) or any(
            one.name.endswith(f"{NEAR})") for given in read for one in given
        )

    @property
    def conditions(self) -> tuple[str, ...]:
        """Variables that say whose mean is asked."""
        return tuple(dict.fromkeys(of.name for mean in self.means for of, _ in mean.among))

    @property
    def order(self) -> tuple[str, ...]:
        """Treatments and targets, each after what it answers to."""
        waiting = dict.fromkeys((*self.treatments, *self.targets))
        answers = {law.of.name: {one.name for one in (*law.own, *law.near, *law.means)} for law in self.laws}
        for mean in self.means:
            for of, value in mean.set_to:
                given = value.given if isinstance(value, Policy) else ()
                answers.setdefault(of.name, set()).update(base(one.name) for one in given)
        placed: list[str] = []
        while waiting:
            ready = [name for name in waiting if not answers.get(name, set()) & (waiting.keys() - {name})]
            assert ready, "checked with the question: laws read only what their treatment does not cause"
            placed += ready
            for name in ready:
                del waiting[name]
        return tuple(placed)

    def reads(self, target: str) -> tuple[str, ...]:
        """What a target answers to, in words."""
        law = next(law for law in self.laws if law.of.name == target)
        words = [one.name for one in law.own] + [one.name + NEAR for one in law.near]
        words += [f"mean({one.name}{NEAR})" for one in law.means]
        return (*words, *([target + NEAR] if law.settled else []))


class Nobody(Unmodelled):
    """A condition that no person meets."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked at one combination of values of the free variables."""

    given: tuple[tuple[str, State], ...]
    asked: Wanted


def wanted(target: Target) -> Wanted:
    """Take a combination of means apart.

    Raises
    ------
    Unmodelled
        For means of several outcomes, and laws that are left open.
    """
    expr = target.expr
    terms: Sequence[tuple[float, Expr]] = expr.terms if isinstance(expr, Linear) else ((1.0, expr),)
    means: dict[NetworkMean, float] = {}
    constant = 0.0
    for weight, term in terms:
        if isinstance(term, NetworkMean):
            means[term] = means.get(term, 0.0) + weight
        elif isinstance(term, Number):
            constant += weight * term.value
    if len({mean.outcome for mean in means}) > 1:
        raise Unmodelled("The question compares means of different outcomes.", "Ask for one outcome at a time.")
    laws: dict[NetworkLaw, None] = {}
    for mean in means:
        laws |= dict.fromkeys(mean.laws)
        for of, value in mean.set_to:
            if isinstance(value, Policy) and value.law is None:
                raise Unmodelled(f"The law of {of.name} is left open.", f"Name it: do({of.name} ~ Bernoulli(0.5)).")
    return Wanted(tuple(means), tuple(means.values()), constant, _causes_first(laws))


def together(several: Sequence[Wanted]) -> tuple[Wanted, Floats]:
    """Several combinations of means as one, whose weights are rows of shape (combinations, means)."""
    means = tuple(dict.fromkeys(mean for one in several for mean in one.means))
    weights = np.zeros((len(several), len(means)))
    for row, one in zip(weights, several, strict=True):
        for mean, weight in zip(one.means, one.weights, strict=True):
            row[means.index(mean)] += weight
    return replace(several[0], means=means, weights=(1.0,) * len(means), constant=0.0), weights


def cases_of(target: Target, columns: Mapping[str, RowColumn]) -> tuple[Case, ...]:
    """The estimand at each combination of states of its free variables; itself where there are none.

    Raises
    ------
    Unmodelled
        For a free variable that is a number without states, and conditions that nobody meets.
    """
    states: list[tuple[State, ...]] = []
    for axis in target.axes:
        assert isinstance(axis.meaning, Raw)
        name = axis.meaning.name
        if columns[name].codes is None:
            raise Unmodelled(
                f"{name} is a number without states, and has no row for each of its values.",
                f"Ask for a mean of {name}, or give a column that puts its values into groups.",
            )
        states.append(columns[name].states)
    names = [axis.meaning.name for axis in target.axes if isinstance(axis.meaning, Raw)]
    found = []
    for values in product(*states):
        expr = at_values(target.expr, dict(zip(target.axes, values, strict=True)))
        case = Case(tuple(zip(names, values, strict=True)), wanted(replace(target, expr=expr, axes=())))
        try:
            for mean in case.asked.means:
                _among(mean, columns)
        except Nobody:
            if not states:
                raise
            continue  # a row for each combination that occurs
        found.append(case)
    if not found:
        raise Nobody("No person has what the conditions name.", "Leave out a condition.")
    return tuple(found)


def at_values(expr: Expr, values: Mapping[Symbol, State]) -> Expr:
    """Means over a network with free variables at values."""
    if not isinstance(expr, NetworkMean):
        return rebuilt(expr, lambda child: at_values(child, values))

    def kept(value: AtState | Symbol) -> AtState | Symbol:
        return AtState(values[value]) if isinstance(value, Symbol) else value

    state = None if expr.state is None else kept(expr.state)
    return replace(expr, state=state, among=tuple((of, kept(value)) for of, value in expr.among))


def _causes_first(laws: Mapping[NetworkLaw, None]) -> tuple[NetworkLaw, ...]:
    """Laws so that none reads what a later one makes."""
    waiting, placed = dict(laws), list[NetworkLaw]()
    while waiting:
        made = {law.of.name for law in waiting}
        ready = [law for law in waiting if not made & {one.name for one in (*law.own, *law.near, *law.means)}]
        placed += ready
        for law in ready:
            del waiting[law]
    return tuple(placed)


@dataclass(frozen=True, slots=True, eq=False)
class Modelled:
    """Columns as numbers, an equation for each target, rules for each mean.

    Parameters
    ----------
    numbers
        Shape (persons,) each: variables of two states as 0 and 1.
    equations
        In the order of the targets.
    policies
        One for each mean.
    scales
        One pair for each mean: what is asked is ``pair[0] + pair[1] * mean of the outcome's numbers``.
    among
        One for each mean: whose it is, shape (persons,); None: everybody's.
    """

    numbers: dict[str, Floats]
    equations: tuple[Equation, ...]
    policies: tuple[Rules, ...]
    scales: tuple[tuple[float, float], ...]
    among: tuple[Mask | None, ...]


def modelled(asked: Wanted, columns: Mapping[str, RowColumn]) -> Modelled:
    """Choose a regression for each law and a rule for each treatment.

    Raises
    ------
    Unmodelled
        For words in more than two states, a constant column that is to be explained, a state that
        a treatment does not have, and a policy that is no probability somewhere.
    """
    explained = asked.explained
    numbers = {
        name: _numbers(name, columns[name]) if name in explained else _as_read(columns[name]) for name in asked.names
    }
    place = {name: at for at, name in enumerate(asked.names)}
    equations = []
    for law in asked.laws:
        kind = "logistic" if len(columns[law.of.name].states) == 2 else "linear"
        own, near, means = (tuple(place[one.name] for one in group) for group in (law.own, law.near, law.means))
        equations.append(Equation(place[law.of.name], own, near, means, law.settled, kind))  # type: ignore[arg-type]
    policies = tuple(
        {place[of.name]: rule_of(of.name, value, columns, place) for of, value in mean.set_to} for mean in asked.means
    )
    scales = tuple(_scale(mean, columns[asked.outcome]) for mean in asked.means)
    among = tuple(_among(mean, columns) for mean in asked.means)
    return Modelled(numbers, tuple(equations), policies, scales, among)


def _numbers(name: str, column: RowColumn) -> Floats:
    if len(column.states) == 2 and column.codes is not None:
        return column.codes.astype(np.float64)
    if not column.numeric:
        raise Unmodelled(
            f"{name} has the states {', '.join(map(str, column.states))}: words in more than two states.",
            f"Replace {name} by columns of 0 and 1, one for each state but one.",
        )
    if len(column.states) == 1:
        raise Unmodelled(f"{name} is {column.states[0]} for everybody.", f"Leave {name} out of the graph.")
    return column.values.astype(np.float64)


def _as_read(column: RowColumn) -> Floats:
    """What policies alone read: numbers, or codes of words, which they may compare."""
    plain = column.codes is None or (column.numeric and len(column.states) != 2)
    return (column.values if plain else column.codes).astype(np.float64)  # type: ignore[union-attr]


def _scale(mean: NetworkMean, column: RowColumn) -> tuple[float, float]:
    name = mean.outcome.name
    if mean.state is not None:
        assert isinstance(mean.state, AtState), "free variables are settled first"
        if len(column.states) != 2:
            raise Unmodelled(
                f"{name} has not two states, and a share of one of them is asked for.",
                f"Ask for its mean, E[{name} | …], or give a column of 0 and 1.",
            )
        return ((0.0, 1.0), (1.0, -1.0))[1 - int(code_of(name, mean.state.state, column.states))]
    if len(column.states) != 2:
        return 0.0, 1.0
    low, high = column.states
    if isinstance(low, str) or isinstance(high, str):
        raise Unmodelled(f"{name} holds words, and its mean is asked for.", f'Ask for a share: P({name}="{high}" | …).')
    return float(low), float(high) - float(low)


def _among(mean: NetworkMean, columns: Mapping[str, RowColumn]) -> Mask | None:
    """Whose mean is asked; None: everybody's."""
    if not mean.among:
        return None
    chosen = np.ones(len(columns[mean.outcome.name].values), dtype=bool)
    for of, value in mean.among:
        assert isinstance(value, AtState), "free variables are settled first"
        column = columns[of.name]
        if column.codes is None:
            raise Unmodelled(
                f"{of.name} is a number without states, and a condition names one of its values.",
                f"Give a column of 0 and 1 that says whom you mean, such as {of.name} above a limit.",
            )
        if value.state not in column.states:
            known = ", ".join(map(str, column.states))
            raise Unmodelled(f"No person has {of.name} = {value.state}.", f"Ask for one of: {known}.")
        chosen &= column.codes == column.states.index(value.state)
    if not chosen.any():
        raise Nobody(f"No person has {whose(mean)}.", "Leave out a condition.")
    return chosen


def whose(mean: NetworkMean) -> str:
    """Whose mean is asked, in words."""
    return " and ".join(f"{of.name} = {value.state}" for of, value in mean.among if isinstance(value, AtState))
