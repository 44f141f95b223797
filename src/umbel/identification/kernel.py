"""Kernels and their two moves: the ancestral and the district reduction.

A kernel ``q_T(T | rest)`` is known by its random set ``T``. Two moves lead to smaller kernels
(Tian and Pearl 2002; the same moves as fixing in Richardson, Evans, Robins and Shpitser 2017):
*ancestral*, sum out what is no ancestor of the target, and *district*, divide out other
districts. The verdict needs only the sets; the expression follows the same moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from umbel.expr.build import all_symbols, free, leaves, product, quotient, slots, substituted, total
from umbel.expr.nodes import Drawn, Expr, Inside, Level, Meaning, Probability, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, district, topological_order
from umbel.model.proof import Move


def moves(graph: Graph, target: int, start: int) -> Iterator[Move]:
    """Reduce the kernel of ``start`` towards ``target`` until neither rule applies.

    ``target`` is connected by ``<->`` inside itself; the last ``after`` equals ``target`` exactly
    when the kernel of the target is identified. Cost O(n) moves of O(n) words.
    """
    current = start
    while current != target:
        smaller = ancestors(graph, target, current)
        if smaller != current:
            yield Move("ancestral", current, smaller)
            current = smaller
            continue
        smaller = district(graph, target, current)
        if smaller == current:
            return
        yield Move("district", current, smaller)
        current = smaller


def reduced(graph: Graph, target: int, start: int) -> int:
    """The smallest random set that the moves reach: ``target`` itself when it is identified."""
    current = start
    for move in moves(graph, target, start):
        current = move.after
    return current


def pillow(graph: Graph, node: int, before: int, fixed: int = 0) -> int:
    """What ``node`` depends on among its predecessors: its district there and their parents.

    No ``<->`` reaches a fixed node: nothing random is left in it.
    """
    within = before | 1 << node
    own = district(graph, 1 << node, within & ~fixed)
    reads = own
    for member in bits(own):
        reads |= graph.parents[member] & within
    return reads & ~(1 << node)


class Names:
    """Symbols of the nodes, and fresh copies of them for sums; ``after``: fresh beside those of an expression."""

    def __init__(self, meanings: Sequence[Meaning], level: Level = (), *, after: Expr | None = None) -> None:
        self.symbols = tuple(map(Symbol, meanings))
        self.level = level
        self._copies = 0 if after is None else max((symbol.copy for symbol in all_symbols(after)), default=0)

    def bound(self, nodes: int, expr: Expr) -> Expr:
        """Sum an expression over nodes, each under a copy that occurs nowhere else."""
        self._copies += 1
        reads = free(expr)
        fresh = {
            self.symbols[node]: Symbol(self.symbols[node].meaning, self._copies)
            for node in bits(nodes)
            if self.symbols[node] in reads
        }
        return total(fresh.values(), substituted(expr, dict(fresh))) if fresh else expr


def kernel(
    graph: Graph,
    target: int,
    start: int,
    names: Names,
    fixed: int,
    order: Sequence[int],
    source: int = 0,
    random: int | None = None,
) -> Expr:
    """The expression of an identified kernel, by the same moves as :func:`moves`.

    Parameters
    ----------
    graph
        An ADMG; ``start`` is ancestral in it (without ``fixed``).
    target, start
        Masks: where to go, and the random set of the observed law to begin with.
    names
        Symbols of the nodes.
    fixed
        Mask of the source's own interventions: read by the factors, never random.
    order
        A topological order that covers ``start``.
    source
        Index of the source whose law is read.
    random
        A union of districts of ``start`` to begin with instead of all of it: the rest is
        conditioned on.

    Notes
    -----
    A kernel is kept in *chain form*, a factor ``q(i | predecessors)`` for each node, for as long
    as possible: the district move then keeps the district's factors, and the ancestral move drops
    factors that nothing else reads. Only a sum that cannot be dropped ends the chain form; the
    next district move restores it by telescoping marginals.
    """
    random = start if random is None else random
    start_chain: dict[int, Expr] = {}
    before = fixed
    for node in order:
        if random >> node & 1:
            reads = pillow(graph, node, before, fixed)
            given = tuple(names.symbols[i] for i in order if reads >> i & 1)
            given += tuple(names.symbols[i] for i in bits(reads & fixed) if i not in order)
            start_chain[node] = Probability((names.symbols[node],), given, names.level, source)
        before |= 1 << node
    chain: dict[int, Expr] | None = start_chain
    whole: Expr | None = None
    for move in moves(graph, target, random):
        if move.rule == "ancestral":
            chain, whole = _summed(chain, whole, move, names)
        else:
            chain = _divided(chain, whole, move, names, order)
    if chain is not None:
        return product(chain.values())
    assert whole is not None
    return whole


def _summed(
    chain: dict[int, Expr] | None, whole: Expr | None, move: Move, names: Names
) -> tuple[dict[int, Expr] | None, Expr | None]:
    """Sum out what the ancestral move removes."""
    removed = move.before & ~move.after
    if chain is None:
        assert whole is not None
        return None, names.bound(removed, whole)
    rest = dict(chain)
    dropped = True
    while removed and dropped:
        dropped = False
        for node in bits(removed):
            if not any(names.symbols[node] in free(factor) for other, factor in rest.items() if other != node):
                del rest[node]
                removed &= ~(1 << node)
                dropped = True
    if not removed:
        return rest, None
    return None, names.bound(removed, product(rest.values()))


def _divided(
    chain: dict[int, Expr] | None, whole: Expr | None, move: Move, names: Names, order: Sequence[int]
) -> dict[int, Expr]:
    """Keep the factors of a district, in chain form."""
    if chain is not None:
        return {node: factor for node, factor in chain.items() if move.after >> node & 1}
    assert whole is not None
    result: dict[int, Expr] = {}
    later = move.before
    for node in order:
        if move.before >> node & 1:
            upto = later
            later &= ~(1 << node)
            if move.after >> node & 1:
                result[node] = quotient(names.bound(later, whole), names.bound(upto, whole))
    return result


def size(expr: Expr) -> int:
    """Number of symbols a reader meets: the measure of a simple estimand."""
    return sum(len(slots(leaf)) + 1 for leaf in leaves(expr) if isinstance(leaf, Probability | Inside | Drawn))


def smallest(build: Callable[[Sequence[int]], Expr], graph: Graph, within: int, first: int = 0) -> Expr:
    """Build over two topological orders (ties up, ties down) and keep the smaller expression.

    ``first`` is an ancestral part of ``within`` that comes before everything else.
    """
    head = topological_order(graph, first) if first else ()
    order = head + topological_order(graph, within & ~first)
    best = build(order)
    other = head + _reversed_ties(graph, within & ~first)
    if other != order:
        candidate = build(other)
        if size(candidate) < size(best):
            best = candidate
    return best


def _reversed_ties(graph: Graph, within: int) -> tuple[int, ...]:
    """Topological order that delays nodes: children-first from the sinks, reversed."""
    rest, order = within, []
    while rest:
        sinks = [node for node in bits(rest) if not graph.children[node] & rest]
        order.append(sinks[0])
        rest &= ~(1 << sinks[0])
    return tuple(reversed(order))
