"""What a declared list of states adds: sums over it, subtraction, and mechanisms known to be monotone.

Three identities, each about the law of some potential outcomes. A summed value takes each of its
states in turn. An outcome that has a value is the certain event less its other values. And where
``V`` never falls when ``A`` rises, ``V[A=1] = 1`` and ``V[A=0] = 0`` is ``V[A=1] = 1`` less
``V[A=0] = 1`` (Tian and Pearl, "Probabilities of causation", 2000). So a law that no single world
shows may be a difference of laws that some worlds show, and factors that none shows may cancel.
The search is sound and bounded; without declared states it has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from umbel.expr.nodes import AtState, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.identification.counterfactual_graph import components, conflicts_of, factors_of
from umbel.identification.unnest import Names
from umbel.model.worlds import Conflict, Factor, Filler, PotentialOutcome, Unknown, Use
from umbel.variable import State

Component = frozenset[PotentialOutcome]
"""A law by itself: potential outcomes that share unknowns or hidden causes."""

Polynomial = Mapping[frozenset[Component], float]
"""A sum of multiples of products of laws."""

DEEPEST = 3
"""Subtractions inside subtractions; known examples need two."""
MOST_PRODUCTS = 500
"""Products of laws that one law may become."""
MOST_LAWS = 300
"""Laws that are looked at before the search gives up."""


@dataclass(frozen=True, slots=True)
class States:
    """What is declared of a graph's variables.

    Parameters
    ----------
    graph
        The ADMG of the potential outcomes.
    states
        States of the nodes whose states are declared, in order.
    monotone
        Pairs of a parent and a node whose mechanism never falls when the parent rises.
    names
        The unknowns of the question.
    order
        The order in which its values come about.
    """

    graph: Graph
    states: Mapping[int, tuple[State, ...]]
    monotone: frozenset[tuple[int, int]]
    names: Names
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A numerator and a denominator of laws, and the identities that led to them."""

    above: Polynomial
    below: Polynomial
    uses: tuple[Use, ...] = ()


def rewritten(
    known: Callable[[Component], bool], declared: States, above: Sequence[Factor], below: Sequence[Factor]
) -> Ratio | None:
    """The ratio of two laws in laws that are all known; None where the search finds none.

    Parameters
    ----------
    known
        Whether a law is identified as it stands.
    declared
        States and monotone mechanisms.
    above, below
        The factors of the two laws.
    """
    if not declared.states:
        return None
    search = _Rewriting(known, declared)
    top, bottom = (search.product(map(_content, components(side))) for side in (above, below))
    ratio = _cancelled(top, bottom)
    laws = {law for side in (ratio.above, ratio.below) for product in side for law in product}
    return Ratio(ratio.above, ratio.below, tuple(search.uses)) if all(map(known, laws)) else None


def _content(group: Sequence[Factor]) -> Component:
    return frozenset(outcome for factor in group for outcome in factor.outcomes)


def _cancelled(above: Polynomial, below: Polynomial) -> Ratio:
    """The ratio without the laws that stand in every product on both sides."""
    if above == below and above:
        return Ratio({frozenset(): 1.0}, {frozenset(): 1.0})
    shared = frozenset.intersection(*above, *below) if above and below else frozenset()
    return Ratio(
        {product - shared: weight for product, weight in above.items()},
        {product - shared: weight for product, weight in below.items()},
    )


@final
class _Rewriting:
    """Laws as polynomials of known laws, as far as that goes; what is not known stays as it is.

    Monotone mechanisms and sums over states are always used on what contradicts itself. A
    subtraction is, where it leads to known laws alone.
    """

    def __init__(self, known: Callable[[Component], bool], declared: States) -> None:
        self._known = known
        self._declared = declared
        self._left = MOST_LAWS
        self._done: dict[tuple[Component, int], Polynomial] = {}
        self.uses: dict[Use, None] = {}

    def product(self, laws: Iterable[Component], depth: int = DEEPEST) -> Polynomial:
        """A product of laws."""
        result: dict[frozenset[Component], float] = {frozenset(): 1.0}
        for law in sorted(laws, key=rank):
            result = _times(result, self.law(law, depth))
        return result

    def law(self, law: Component, depth: int) -> Polynomial:
        """One law; the same law again where nothing helps."""
        if (law, depth) not in self._done:
            self._done[law, depth] = {frozenset((law,)): 1.0}  # while it is looked for, and if it is not found
            found = self._found(law, depth)
            if found is not None:
                self._done[law, depth] = found
        return self._done[law, depth]

    def _found(self, law: Component, depth: int) -> Polynomial | None:
        self._left -= 1
        if self._left < 0 or self._known(law):
            return None
        ordered_by: Polynomial | None = None  # by a monotone mechanism, though not in known laws
        for use, once in _moves(law, self._declared):
            if use.kind != "monotone" and ordered_by is not None:
                return ordered_by
            if once is None or (use.kind == "subtract" and not depth):
                continue
            result = self._all(once, depth - (use.kind == "subtract"))
            if use.kind == "monotone" and result is not None and not all(map(self._known, _laws(result))):
                self.uses[use] = None
                ordered_by = ordered_by or result
                continue
            if result is None or (use.kind == "subtract" and not all(map(self._known, _laws(result)))):
                continue
            self.uses[use] = None
            return result
        return ordered_by

    def _all(self, polynomial: Polynomial, depth: int) -> Polynomial | None:
        """Every law in a polynomial rewritten; None where that grows too long."""
        result: dict[frozenset[Component], float] = {}
        for laws, weight in polynomial.items():
            for product, inner in self.product(laws, depth).items():
                result[product] = result.get(product, 0.0) + weight * inner
        if len(result) > MOST_PRODUCTS:
            return None
        return {product: weight for product, weight in result.items() if weight}


def _laws(polynomial: Polynomial) -> set[Component]:
    return {law for product in polynomial for law in product}


def _times(one: Polynomial, other: Polynomial) -> dict[frozenset[Component], float]:
    result: dict[frozenset[Component], float] = {}
    for first, weight in one.items():
        for second, factor in other.items():
            result[first | second] = result.get(first | second, 0.0) + weight * factor
    return result


def ordered(law: Component) -> list[PotentialOutcome]:
    """A law's outcomes in an order that no hash decides."""
    return sorted(law, key=lambda outcome: outcome.rank)


def rank(law: Component) -> list[tuple[object, ...]]:
    """What to sort laws by."""
    return [outcome.rank for outcome in ordered(law)]


def _moves(law: Component, declared: States) -> Iterator[tuple[Use, Polynomial | None]]:
    """The law as a polynomial of others, in each way that may settle one of its conflicts; None: not that way."""
    graph = declared.graph
    outcomes = tuple(ordered(law))
    conflicts = [found for factor in factors_of(graph, outcomes) for found in conflicts_of(graph, factor)]
    for conflict in conflicts:
        pair = _monotone(conflict, declared)
        if pair is not None:
            use = Use("monotone", conflict.first.node, conflict.over)
            yield use, _difference(outcomes, *pair, declared)
            yield use, _difference_below(outcomes, *pair, declared)
    for conflict in conflicts:
        for unknown in _unknowns(graph, conflict):
            if unknown.node in declared.states:
                yield Use("sum", unknown.node), _split(outcomes, unknown, declared)
    for conflict in conflicts:
        for outcome in dict.fromkeys((conflict.second, conflict.first)):
            if outcome.node in declared.states and isinstance(outcome.value, AtState):
                yield Use("subtract", outcome.node), _complement(outcomes, outcome, declared)


def _unknowns(graph: Graph, conflict: Conflict) -> tuple[Unknown, ...]:
    """The summed values that two potential outcomes disagree about, or have."""
    fillers: list[Filler] = []
    for outcome in (conflict.first, conflict.second):
        parents = list(bits(graph.parents[outcome.node]))
        fillers += [outcome.reads[parents.index(conflict.over)]] if conflict.over in parents else []
        fillers.append(outcome.value)
    return tuple(dict.fromkeys(filler for filler in fillers if isinstance(filler, Unknown)))


def _split(outcomes: Sequence[PotentialOutcome], unknown: Unknown, declared: States) -> Polynomial | None:
    """A summed value at each of its states in turn."""
    parts = [(1.0, closed(outcomes, declared, {unknown: AtState(state)})) for state in declared.states[unknown.node]]
    return _polynomial(parts, declared)


def _complement(outcomes: Sequence[PotentialOutcome], at: PotentialOutcome, declared: States) -> Polynomial | None:
    """What holds without one outcome, less what holds with its other values."""
    rest = [outcome for outcome in outcomes if outcome != at]
    parts = [(1.0, closed(rest, declared))]
    for state in declared.states[at.node]:
        if AtState(state) != at.value:
            parts.append((-1.0, closed([*rest, PotentialOutcome(at.node, at.reads, AtState(state))], declared)))
    return _polynomial(parts, declared)


def _monotone(conflict: Conflict, declared: States) -> tuple[PotentialOutcome, PotentialOutcome] | None:
    """The two outcomes of a conflict, the one that is never the lower first, where facts order them."""
    first, second = conflict.first, conflict.second
    if second.node != first.node or len(declared.states.get(first.node, ())) != 2:
        return None
    if isinstance(first.value, AtState) and isinstance(second.value, AtState):
        for upper, lower in ((first, second), (second, first)):
            if _rises(upper, lower, declared):
                return upper, lower
    return None


def _rises(upper: PotentialOutcome, lower: PotentialOutcome, declared: States) -> bool:
    """Whether one outcome reads what the other does, but for parents that raise it."""
    for parent, above, below in zip(bits(declared.graph.parents[upper.node]), upper.reads, lower.reads, strict=True):
        order = declared.states.get(parent, ())
        if above == below:
            continue
        if (parent, upper.node) not in declared.monotone or not (
            isinstance(above, AtState) and isinstance(below, AtState)
        ):
            return False
        if order.index(above.state) < order.index(below.state):
            return False
    return True


def _difference(
    outcomes: Sequence[PotentialOutcome], upper: PotentialOutcome, lower: PotentialOutcome, declared: States
) -> Polynomial | None:
    """Both outcomes by one at a time, where ``upper`` is never below ``lower``."""
    low, high = map(AtState, declared.states[upper.node])
    without = {each: [outcome for outcome in outcomes if outcome != each] for each in (upper, lower)}
    if upper.value == low:  # then both are low, or it never happens
        return _polynomial([(1.0, closed(without[lower], declared))] if lower.value == low else [], declared)
    if lower.value == high:
        return _polynomial([(1.0, closed(without[upper], declared))], declared)
    raised = PotentialOutcome(lower.node, lower.reads, high)
    rest = [outcome for outcome in outcomes if outcome not in (upper, lower)]
    return _polynomial([(1.0, closed(without[lower], declared)), (-1.0, closed([*rest, raised], declared))], declared)


def _difference_below(
    outcomes: Sequence[PotentialOutcome], upper: PotentialOutcome, lower: PotentialOutcome, declared: States
) -> Polynomial | None:
    """The same from the other side: ``V[A=1] = 1, V[A=0] = 0`` is ``V[A=0] = 0`` less ``V[A=1] = 0``."""
    low, high = map(AtState, declared.states[upper.node])
    if (upper.value, lower.value) != (high, low):
        return None
    without = [outcome for outcome in outcomes if outcome != upper]
    sunk = PotentialOutcome(upper.node, upper.reads, low)
    rest = [outcome for outcome in without if outcome != lower]
    return _polynomial([(1.0, closed(without, declared)), (-1.0, closed([*rest, sunk], declared))], declared)


class Nothing(Enum):
    """Why potential outcomes have no joint law of their own."""

    IMPOSSIBLE = "they contradict each other"
    TIED = "they hold a free variable at one state"


Joint = tuple[PotentialOutcome, ...] | Nothing


def _polynomial(parts: Sequence[tuple[float, Joint]], declared: States) -> Polynomial | None:
    """Joint laws, each as the product of its components; None where one of them is tied."""
    result: dict[frozenset[Component], float] = {}
    for weight, joint in parts:
        if joint is Nothing.TIED:
            return None
        if not isinstance(joint, Nothing):
            product = frozenset(map(_content, components(factors_of(declared.graph, joint))))
            result[product] = result.get(product, 0.0) + weight
    return {product: weight for product, weight in result.items() if weight}


def closed(
    outcomes: Sequence[PotentialOutcome], declared: States, values: Mapping[Unknown, Filler] | None = None
) -> Joint:
    """Potential outcomes with some unknowns given values, equal ones merged.

    A summed value that nothing reads is summed out, and unknowns get the names that the question
    has for them, so that equal laws are equal.
    """
    at: dict[Unknown, Filler] = dict(values or {})
    found: list[PotentialOutcome] = []
    for node in declared.order:
        groups: dict[tuple[Filler, ...], list[Filler]] = {}
        for outcome in outcomes:
            if outcome.node == node:
                reads = tuple(_now(filler, at) for filler in outcome.reads)
                groups.setdefault(reads, []).append(outcome.value)
        for reads, wanted in groups.items():
            fixed = {now for value in wanted if not isinstance(now := _now(value, at), Unknown)}
            if len(fixed) > 1:
                return Nothing.TIED if any(isinstance(now, Symbol) for now in fixed) else Nothing.IMPOSSIBLE
            name = declared.names.setdefault((node, reads), Unknown(len(declared.names), node))
            value = next(iter(fixed), name)
            at |= {old: value for old in wanted if isinstance(old, Unknown)}
            found.append(PotentialOutcome(node, reads, value))
    while True:
        read = {filler for outcome in found for filler in outcome.reads}
        kept = [outcome for outcome in found if not isinstance(outcome.value, Unknown) or outcome.value in read]
        if len(kept) == len(found):
            return tuple(found)
        found = kept


def _now(filler: Filler, at: Mapping[Unknown, Filler]) -> Filler:
    return at.get(filler, filler) if isinstance(filler, Unknown) else filler
