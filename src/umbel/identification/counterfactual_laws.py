"""Laws of potential outcomes as kernels of the engine, at the values that the outcomes have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import final

from umbel.expr.build import all_symbols, product, substituted, total
from umbel.expr.nodes import AtState, Drawn, Expr, Held, Level, Policy, Raw, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.identification.counterfactual_graph import conflict_of, unknowns_of
from umbel.identification.doses import visited
from umbel.identification.engine import Effect, effect
from umbel.identification.flat import Posed, averaged, pinned
from umbel.identification.kernel import Names as Copies
from umbel.model.proof import EngineSource, Hedge, Reduction
from umbel.model.task import Sight, Treatment
from umbel.model.worlds import Conflict, Factor, Filler, Unknown


@final
class Laws:
    """What the engine says of factors; each is asked for once.

    Parameters
    ----------
    pose
        Graph and sources; their indices are those of the factors.
    user_graph, sights
        Where doses are known by index.
    level
        The level at which the observed laws are sampled.
    draws
        The laws of nodes that stand for what a law draws.
    """

    def __init__(
        self, pose: Posed, user_graph: Graph, sights: tuple[Sight, ...], level: Level, draws: Mapping[int, Policy]
    ) -> None:
        self.pose = pose
        self._draws = draws
        self._user_graph = user_graph
        self._sights = sights
        self._level = level
        self._copies = Copies(pose.meanings, level)
        self._kernels: dict[Factor, tuple[Expr, tuple[Reduction, ...]]] = {}
        self._bound = 0  # the highest copy in any kernel
        self._stuck: dict[Factor, Conflict | tuple[Hedge, ...]] = {}

    def known(self, factor: Factor) -> bool:
        """Whether a factor is identified."""
        if factor not in self._kernels and factor not in self._stuck:
            self._find(factor)
        return factor in self._kernels

    def conflicts(self, factors: Iterable[Factor]) -> tuple[Conflict, ...]:
        """Contradictions among factors that are not identified."""
        stuck = (self._stuck[factor] for factor in factors if not self.known(factor))
        return tuple(why for why in stuck if isinstance(why, Conflict))

    def hedges(self, factors: Iterable[Factor]) -> tuple[Hedge, ...]:
        """Hedges of factors that are not identified."""
        stuck = (self._stuck[factor] for factor in factors if not self.known(factor))
        return tuple(hedge for why in stuck if not isinstance(why, Conflict) for hedge in why)

    def reductions(self, factors: Iterable[Factor]) -> tuple[Reduction, ...]:
        """How the engine reached the kernels of identified factors."""
        return tuple(dict.fromkeys(each for f in factors if self.known(f) for each in self._kernels[f][1]))

    def expr(self, factors: Sequence[Factor]) -> Expr:
        """The product of identified factors, summed over their unknowns."""
        unknowns = unknowns_of([outcome for factor in factors for outcome in factor.outcomes])
        return total(map(self._symbol, unknowns), product(map(self._filled, factors)))

    def _find(self, factor: Factor) -> None:
        graph, district = self.pose.graph, factor.district
        conflict = conflict_of(graph, factor)
        if conflict is not None:
            self._stuck[factor] = conflict
            return
        if district.bit_count() == 1 and (node := district.bit_length() - 1) in self._draws:
            symbols = self._copies.symbols
            given = tuple(symbols[parent] for parent in bits(graph.parents[node]))
            self._kernels[factor] = Drawn(self._draws[node], symbols[node], given), ()
            return
        sources = tuple(self._reaching(source, factor) for source in self.pose.sources)
        rest = graph.everything & ~district
        found = effect(graph, district, rest, self.pose.meanings, sources=sources, names=self._copies)
        if isinstance(found, Effect):
            kernel = self._shown(found, sources)
            self._kernels[factor] = kernel, found.reductions
            self._bound = max(self._bound, *(symbol.copy for symbol in all_symbols(kernel)))
        else:
            self._stuck[factor] = found

    def _reaching(self, source: EngineSource, factor: Factor) -> EngineSource:
        """The source with the variables that it set at the very values that a factor visits."""
        limited = source.do & ~source.reached
        if not limited:
            return source
        fillers = factor.fillers(self.pose.graph)
        doses = dict(next(sight.doses for sight in self._sights if sight.index == source.index))
        names = [meaning.name for meaning in self.pose.meanings if isinstance(meaning, Raw)]
        place = {self._user_graph.index(name): at for at, name in enumerate(names)}
        by_place = {place[node]: values for node, values in doses.items() if node in place}
        reached = source.reached
        for node in bits(limited):
            filler = fillers.get(node)
            if isinstance(filler, AtState) and visited(Treatment(node, filler), by_place[node]):
                reached |= 1 << node
        pins = tuple(pin for pin in source.pins if not reached >> pin[0] & 1)
        return replace(source, reached=reached, pins=pins)

    def _shown(self, found: Effect, sources: Sequence[EngineSource]) -> Expr:
        """A kernel as the sources show it: what one of them held at a dose stands at that dose."""
        expr, symbols = found.body, self._copies.symbols
        for source in sources:
            if source.pins:
                expr = pinned(expr, source.index, {symbols[n]: Held(symbols[n], value) for n, value in source.pins})
        return expr

    def _symbol(self, unknown: Unknown) -> Symbol:
        """A copy of the variable that no kernel binds."""
        law = self._draws.get(unknown.node)
        return Symbol(law.of if law else self.pose.meanings[unknown.node], self._bound + 1 + unknown.name)

    def _filled(self, factor: Factor) -> Expr:
        meanings = self.pose.meanings
        fillers = factor.fillers(self.pose.graph)
        expr = self._kernels[factor][0]
        if self._level:
            expr = averaged(expr, [Symbol(meanings[node]) for node in fillers], self._level)
        return substituted(expr, {Symbol(meanings[node]): self._slot(node, at) for node, at in fillers.items()})

    def _slot(self, node: int, filler: Filler) -> Slot:
        match filler:
            case AtState():
                return Held(Symbol(self.pose.meanings[node]), filler)
            case Symbol():
                return filler
            case Unknown():
                return self._symbol(filler)
