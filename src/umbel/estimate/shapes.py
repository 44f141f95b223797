"""What an average of products is, read off its laws: a sequence of settings, or a primal shape.

*Sequence*: ``Σ_Z P(Z) P(Y | Z, A=a)`` and every longer chain in which treatments are set between
variables (Robins 1986; the back-door formula is its shortest case). *Primal*: a treatment stands
at its set value in some laws and at its own value, summed out, in the others, as in the front
door (Bhattacharya, Nabi and Shpitser, JMLR 23(295) 2022, Section 4). Both say which variables
come before which, so that each law may be learnt given all that comes before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from umbel.estimate.expansion import Average, raw_name
from umbel.expr.nodes import AtState, Drawn, Held, NumericValue, Policy, Probability, Symbol
from umbel.variable import State

ADJUSTED = frozenset({"back-door", "randomised treatment"})
"""Strategies in which no hidden cause joins the treatment to anything that it affects: there the
variables that the formula reads, learnt given all that come before, give the same value."""

Setting = tuple[str, State | Policy]
"""A variable, and the state at which it is set or the law that it is drawn from."""

PRIMAL = frozenset({"front-door", "generalised front-door"})
"""Strategies in which no hidden cause joins the treatment to its own effects."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is averaged: a number, the indicator of events, or their product.

    Parameters
    ----------
    numeric
        Name of the variable whose value is averaged, None for a probability.
    events
        Variables and the states that count.
    """

    numeric: str | None
    events: tuple[tuple[str, State], ...]

    def names(self) -> tuple[str, ...]:
        """The variables it reads."""
        return (*(() if self.numeric is None else (self.numeric,)), *(name for name, _ in self.events))


@dataclass(frozen=True, slots=True)
class Stage:
    """Variables that come about together, after something was set.

    Parameters
    ----------
    settings
        What is set just before; empty for the observed law.
    variables
        What comes about then.
    """

    settings: tuple[Setting, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sequential:
    """An average over a chain of stages; ``exact`` when no condition was left out of a law."""

    stages: tuple[Stage, ...]
    outcome: Outcome
    exact: bool

    def history(self, stage: int) -> tuple[str, ...]:
        """Variables that came about before a stage."""
        return tuple(name for one in self.stages[:stage] for name in one.variables)

    def settings(self) -> tuple[Setting, ...]:
        """All that is set, in order."""
        return tuple(setting for one in self.stages for setting in one.settings)


@dataclass(frozen=True, slots=True)
class Block:
    """Variables that come about together; ``own``: under the treatment's own value, not the set one."""

    own: bool
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Primal:
    """An average in which the treatment stands at ``state`` in some blocks, at its own value in others."""

    treatment: str
    state: State
    baseline: tuple[str, ...]
    blocks: tuple[Block, ...]
    outcome: Outcome
    exact: bool

    def history(self, block: int) -> tuple[str, ...]:
        """Variables that came about before a block, the treatment aside."""
        return (*self.baseline, *(name for one in self.blocks[:block] for name in one.variables))


def shape_of(average: Average) -> Sequential | Primal | None:
    """The shape of an average; None where it has neither.

    O(laws²). The shape's value equals the average's in every law when ``exact``; otherwise in
    every model whose graph lets conditions be dropped as the estimand dropped them.

    Examples
    --------
    >>> import umbel
    >>> from umbel.estimate.expansion import formula_of
    >>> front = umbel.identify("X -> Z -> Y; X <-> Y", "E[Y | do(X=1)]").estimand
    >>> shape = shape_of(formula_of(front.body))
    >>> shape.treatment, shape.baseline, [(block.own, block.variables) for block in shape.blocks]
    ('X', (), [(False, ('Z',)), (True, ('Y',))])
    """
    laws = [one for one in average.factors if isinstance(one, Probability)]
    drawn = [one for one in average.factors if isinstance(one, Drawn)]
    numbers = [one.symbol for one in average.factors if isinstance(one, NumericValue)]
    if len(numbers) > 1 or not _each_once(average.bound, laws, drawn):
        return None
    outcome = _outcome(laws, numbers)
    if outcome is None:
        return None
    policies = {raw_name(one.of): one.policy for one in drawn}
    nodes = [_node(law, dict(outcome.events), policies) for law in laws]
    known = [node for node in nodes if node is not None]
    if len(known) < len(nodes) or any(isinstance(one.of, Held) for one in drawn):
        return None
    set_names = {name for node in known for name in node.settings}
    own = [name for node in known for name in node.variables if name in set_names]
    if own:
        return None if drawn else _primal(known, outcome, own)
    return _sequential(known, outcome)


@dataclass(frozen=True, slots=True)
class _Node:
    """One law: what it generates, what must come before it, and what it reads as set."""

    variables: tuple[str, ...]
    before: frozenset[str]
    settings: dict[str, State | Policy]


def _each_once(bound: Sequence[Symbol], laws: Sequence[Probability], drawn: Sequence[Drawn]) -> bool:
    """Whether each bound symbol is generated by one law, and no law reads what is not."""
    generated = [slot for law in laws for slot in law.of if isinstance(slot, Symbol)]
    generated += [one.of for one in drawn if isinstance(one.of, Symbol)]
    read = {slot for law in laws for slot in law.given if isinstance(slot, Symbol)}
    names = [raw_name(slot) for law in laws for slot in law.of]
    return (
        len(set(generated)) == len(generated)
        and set(generated) == set(bound)
        and read <= set(bound)
        and len(set(names)) == len(names)
    )


def _outcome(laws: Sequence[Probability], numbers: Sequence[Symbol]) -> Outcome | None:
    """What is averaged; None for a law that is asked for at an intervention's law."""
    events: dict[str, State] = {}
    for law in laws:
        for slot in law.of:
            if isinstance(slot, Held):
                if not isinstance(slot.value, AtState):
                    return None
                events[raw_name(slot)] = slot.value.state
    if not numbers and not events:
        return None
    return Outcome(raw_name(numbers[0]) if numbers else None, tuple(events.items()))


def _node(law: Probability, events: dict[str, State], policies: dict[str, Policy]) -> _Node | None:
    """A law as a node; None where a condition is held at a law, or at another state than its event."""
    before: set[str] = set()
    settings: dict[str, State | Policy] = {}
    for slot in law.given:
        name = raw_name(slot)
        if isinstance(slot, Symbol):
            if name in policies:
                settings[name] = policies[name]
            else:
                before.add(name)
        elif not isinstance(slot.value, AtState):
            return None
        elif name not in events:
            settings[name] = slot.value.state
        elif events[name] == slot.value.state:
            before.add(name)
        else:
            return None
    return _Node(tuple(map(raw_name, law.of)), frozenset(before), settings)


def _sequential(nodes: list[_Node], outcome: Outcome) -> Sequential | None:
    """Laws in the order in which settings accumulate; None where they do not.

    A law such as ``P(V | A=a, M)`` may be of a V that A does not affect, learnt after its effect
    M. What is then learnt from V alone need not be independent of A given all that came before,
    so that no order of full histories may stand for it.
    """
    waiting = list(nodes)
    above: dict[str, dict[str, State | Policy]] = {}  # all that is set before each variable
    stages: list[Stage] = []
    known: set[str] = set()
    current: dict[str, State | Policy] = {}
    mixed: set[str] = set()
    exact = True
    while waiting:
        ready = [node for node in waiting if node.before <= known]
        if not ready:
            return None
        totals = [_accumulated(node, above) for node in ready]
        if None in totals:
            return None
        sizes = [(len(total or ()), len(node.before)) for node, total in zip(ready, totals, strict=True)]
        chosen = sizes.index(min(sizes))
        node, total = ready[chosen], totals[chosen]
        assert total is not None
        if not current.items() <= total.items():
            return None
        fresh = tuple((name, value) for name, value in total.items() if name not in current)
        if fresh or not stages:
            stages.append(Stage(fresh, ()))
        stages[-1] = Stage(stages[-1].settings, (*stages[-1].variables, *node.variables))
        exact &= node.before == known and node.settings == total
        late = {name for name in node.before if above[name]}
        if node.settings != total and late & mixed and not set(node.variables) & set(outcome.names()):
            return None
        if late if node.settings == total else late & mixed:
            mixed |= set(node.variables)
        known |= set(node.variables)
        above |= dict.fromkeys(node.variables, total)
        current = total
        waiting.remove(node)
    return Sequential(tuple(stages), outcome, exact)


def _accumulated(node: _Node, above: dict[str, dict[str, State | Policy]]) -> dict[str, State | Policy] | None:
    """All that is set before a law; None where one variable is set at two states."""
    total: dict[str, State | Policy] = {}
    for part in (*(above[name] for name in sorted(node.before)), node.settings):
        for name, value in part.items():
            if total.setdefault(name, value) != value:
                return None
    return total


def _primal(nodes: list[_Node], outcome: Outcome, own: list[str]) -> Primal | None:
    """Laws in an order that starts with the baseline and the treatment itself."""
    values = {value for node in nodes for value in node.settings.values()}
    names = {name for node in nodes for name in node.settings}
    if len(values) != 1 or names != set(own) or len(own) != 1:
        return None
    treatment, state = own[0], values.pop()
    assert not isinstance(state, Policy)
    (source,) = (node for node in nodes if treatment in node.variables)
    if source.variables != (treatment,) or source.settings:
        return None
    baseline, exact = _baseline([node for node in nodes if node is not source], treatment)
    if not source.before <= set(baseline):
        return None
    exact &= source.before == set(baseline)
    waiting = [node for node in nodes if node is not source and not set(node.variables) <= set(baseline)]
    known = {*baseline, treatment}
    blocks: list[Block] = []
    while waiting:
        ready = [node for node in waiting if node.before <= known]
        if not ready:
            return None
        same = [node for node in ready if blocks and _reads_own(node, treatment) in (None, blocks[-1].own)]
        node = min(same or ready, key=lambda one: len(one.before))
        reads = _reads_own(node, treatment)
        if reads and node.settings:
            return None
        if reads is None and not blocks:
            return None
        if not blocks or (reads is not None and blocks[-1].own != reads):
            blocks.append(Block(bool(reads), ()))
        blocks[-1] = Block(blocks[-1].own, (*blocks[-1].variables, *node.variables))
        exact &= node.before | {treatment} == known and reads is not None
        known |= set(node.variables)
        waiting.remove(node)
    return Primal(treatment, state, baseline, tuple(blocks), outcome, exact)


def _baseline(nodes: list[_Node], treatment: str) -> tuple[tuple[str, ...], bool]:
    """Variables whose laws never read the treatment, in order; whether each reads all before it."""
    found: list[str] = []
    exact = True
    while True:
        ready = [
            node
            for node in nodes
            if not set(node.variables) <= set(found) and not node.settings and node.before <= set(found)
        ]
        if not ready:
            return tuple(found), exact
        node = min(ready, key=lambda one: len(one.before))
        exact &= node.before == set(found)
        found += node.variables


def _reads_own(node: _Node, treatment: str) -> bool | None:
    """Whether a law reads the treatment's own value (True), the set one (False) or neither (None)."""
    return True if treatment in node.before else False if node.settings else None


def trusted(shape: Sequential | Primal, strategy: str) -> bool:
    """Whether a shape's value is the estimand's: always when exact, else by the graph's word.

    Parameters
    ----------
    strategy
        The estimand's strategies, parted by ", ".

    Examples
    --------
    >>> stages = (Stage((), ("Z1", "Z2")), Stage((("A", 1),), ("Y",)))
    >>> dropped = Sequential(stages, Outcome("Y", ()), exact=False)
    >>> trusted(dropped, "back-door"), trusted(dropped, "district reduction")
    (True, False)
    """
    if shape.exact:
        return True
    names = set(strategy.split(", "))
    if isinstance(shape, Primal):
        return names <= ADJUSTED | PRIMAL
    return names <= ADJUSTED and len(shape.settings()) == 1
