"""Counterfactuals: the probability of events in several worlds, given others.

``P(events | conditions)`` is the ratio of two laws of potential outcomes. Both are unnested, split
into factors by district, and freed of what they share; every factor that is left must be one that
a single world shows, and then it is a kernel ``Q[D]`` of the ordinary engine, at the values that
its potential outcomes have. This is the identification of Correa, Lee and Bareinboim (NeurIPS
2021), which contains ID* and IDC* (Shpitser and Pearl, "Complete identification methods for the
causal hierarchy", JMLR 2008) and nested counterfactuals, with contradictions looked for among
summed values too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from umbel.expr.build import ZERO, all_symbols, product, quotient, substituted, total
from umbel.expr.nodes import AtState, Drawn, Expr, Held, Level, Policy, Raw, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.identification.counterfactual_graph import conflict_of, factors_of, uncancelled, unknowns_of
from umbel.identification.doses import visited
from umbel.identification.engine import Effect, effect
from umbel.identification.flat import Posed, averaged, pinned, posed
from umbel.identification.forms import tidied
from umbel.identification.kernel import Names as Copies
from umbel.identification.sources import targets
from umbel.identification.unnest import Asked, Names, Unnested, placed, unnested
from umbel.identification.unsupported_worlds import level_of, unsupported_worlds
from umbel.model.formula import Constant
from umbel.model.policy import Family
from umbel.model.proof import EngineSource, Hedge, Reduction, Worlds
from umbel.model.query import Event, Expectation, Probability, names_of_term
from umbel.model.render import law_text
from umbel.model.task import Sight, Task, Treatment
from umbel.model.weights import FamilyLaw
from umbel.model.worlds import Conflict, Factor, Filler, Unknown
from umbel.results.step import Refusal

Term = Probability | Expectation


def counterfactual_effect(graph: Graph, term: Term, sights: tuple[Sight, ...] = ()) -> Worlds | Refusal:
    """Identify the law of events in several worlds, given others.

    Sound, and complete for variables of any number of states where every source shows every node:
    with two states, subtraction identifies a little more.

    Parameters
    ----------
    graph
        The user's graph; the term fits it.
    term
        Subscripts name the worlds; without any, ``do`` does.
    sights
        What is known; empty: one observational study of all that is not latent.

    Returns
    -------
    Worlds or Refusal
        ``expr`` is the probability, with a symbol for each free variable, the outcome of an
        expectation among them; exactly 0 for events that contradict each other. A refusal for
        conditions that contradict each other (undefined), and for structures not built yet.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> graph = Graph.parse("X -> W -> Y; D -> Z -> Y; X <-> Y")
    >>> term = Question.parse("P(Y[X=0]=0 | X=1, Z[D=0]=0, D=0)").body
    >>> found = counterfactual_effect(graph, term)
    >>> from umbel.expr.build import settled
    >>> from umbel.expr.render import text
    >>> text(settled(found.expr))
    'Σ_{W} P(Y = 0 | X = 1, W, Z = 0) P(W | X = 0)'
    """
    refusal = unsupported_worlds(graph, term)
    if refusal is not None:
        return refusal
    whole = Task.of(graph, graph.mask(names_of_term(term)))
    pose = posed(replace(whole, sources=sights))
    needed = pose.graph.mask(names_of_term(term))
    level = level_of(graph, whole.outcomes) or ()
    stuck: Worlds | None = None
    for target, sources in targets(pose.graph, pose.sources, needed):
        found = _Search(graph, term, sights, replace(pose, graph=target, sources=sources), level).run()
        if isinstance(found, Refusal) or found.expr is not None:
            return found
        stuck = stuck or found
    assert stuck is not None
    return stuck


@dataclass(frozen=True, slots=True)
class _Search:
    """One term in one target graph."""

    user_graph: Graph
    term: Term
    sights: tuple[Sight, ...]
    pose: Posed
    level: Level

    def run(self) -> Worlds | Refusal:
        graph, term = self.pose.graph, self.term
        names: Names = {}
        conditions = self._asked(term.given)
        below = unnested(graph, conditions, names)
        if below is None:
            return Refusal(
                "The conditions contradict each other, so their probability is 0 and the question is undefined.",
                "Drop one of the conditions.",
            )
        if below.ties:
            name = graph.names[self.pose.meanings.index(below.ties[0][0].meaning)]
            return Refusal(
                f"The conditions hold {name} at one value and leave it free, so other values are undefined.",
                f"Name {name} once among the conditions.",
            )
        above = unnested(graph, [*self._asked(term.outcomes), *conditions], names)
        if above is None:
            return self._worlds(expr=ZERO)
        if above.ties:  # elsewhere the answer is 0, so that the conditions matter at these states alone
            below = unnested(graph, conditions, names, above.ties)
            assert below is not None
        numerator, denominator, _ = uncancelled(factors_of(graph, above.outcomes), factors_of(graph, below.outcomes))
        return self._identified(above, numerator, denominator)

    def _asked(self, events: Sequence[Event]) -> list[Asked]:
        graph, meanings = self.pose.graph, self.pose.meanings
        return [placed(graph, meanings, replace(event, world=event.world or self.term.do)) for event in events]

    def _worlds(
        self,
        numerator: tuple[Factor, ...] = (),
        denominator: tuple[Factor, ...] = (),
        *,
        expr: Expr | None = None,
        reductions: tuple[Reduction, ...] = (),
    ) -> Worlds:
        pose = self.pose
        return Worlds(
            self.user_graph,
            self.term,
            pose.graph,
            pose.meanings,
            numerator,
            denominator,
            expr,
            reductions,
            sights=self.sights,
            sources=pose.sources if self.sights else (),
        )

    def _identified(self, above: Unnested, numerator: tuple[Factor, ...], denominator: tuple[Factor, ...]) -> Worlds:
        """Every factor by the engine, or the witnesses against those that fail."""
        pose = self.pose
        factors = dict.fromkeys((*numerator, *denominator))
        conflicts: list[Conflict] = []
        hedges: list[Hedge] = []
        reductions: dict[Reduction, None] = {}
        kernels: dict[Factor, Expr] = {}
        copies = Copies(pose.meanings, self.level)
        for factor in factors:
            conflict = conflict_of(pose.graph, factor)
            if conflict is not None:
                conflicts.append(conflict)
                continue
            sources = tuple(self._reaching(source, factor) for source in pose.sources)
            found = _kernel(pose, factor, sources, copies)
            if isinstance(found, Effect):
                kernels[factor] = _shown(found, sources, copies)
                reductions |= dict.fromkeys(found.reductions)
            else:
                hedges += found
        worlds = self._worlds(numerator, denominator, reductions=tuple(reductions))
        if conflicts or hedges:
            complete = (
                all(_whole(source) for source in pose.sources)
                and not self.user_graph.plates
                and not pose.graph.facts.monotone
            )
            return replace(worlds, conflicts=tuple(conflicts), hedges=tuple(hedges), complete=complete)
        used = max((symbol.copy for kernel in kernels.values() for symbol in all_symbols(kernel)), default=0)
        filled = _Filled(pose, kernels, used + 1, self.level)
        expr = quotient(filled.law(numerator), filled.law(denominator))
        expr = tidied(expr, pose.graph, pose.meanings, pose.sources)
        return replace(worlds, expr=product([expr, *map(_point, above.ties)]))

    def _reaching(self, source: EngineSource, factor: Factor) -> EngineSource:
        """The source with the variables that it set at the very values that a factor visits."""
        limited = source.do & ~source.reached
        if not limited:
            return source
        fillers = factor.fillers(self.pose.graph)
        doses = dict(next(sight.doses for sight in self.sights if sight.index == source.index))
        names = [meaning.name for meaning in self.pose.meanings if isinstance(meaning, Raw)]
        place = {self.user_graph.index(name): at for at, name in enumerate(names)}
        by_place = {place[node]: values for node, values in doses.items() if node in place}
        reached = source.reached
        for node in bits(limited):
            filler = fillers.get(node)
            if isinstance(filler, AtState) and visited(Treatment(node, filler), by_place[node]):
                reached |= 1 << node
        pins = tuple(pin for pin in source.pins if not reached >> pin[0] & 1)
        return replace(source, reached=reached, pins=pins)


def _kernel(
    pose: Posed, factor: Factor, sources: tuple[EngineSource, ...], copies: Copies
) -> Effect | tuple[Hedge, ...]:
    graph, district = pose.graph, factor.district
    return effect(graph, district, graph.everything & ~district, pose.meanings, sources=sources, names=copies)


def _shown(found: Effect, sources: tuple[EngineSource, ...], copies: Copies) -> Expr:
    """A kernel as the sources show it: what one of them held at a dose stands at that dose."""
    expr = found.body
    for source in sources:
        if source.pins:
            held = {copies.symbols[node]: Held(copies.symbols[node], value) for node, value in source.pins}
            expr = pinned(expr, source.index, held)
    return expr


def _whole(source: EngineSource) -> bool:
    return source.graph is None and not source.do & ~source.reached


@dataclass(frozen=True, slots=True)
class _Filled:
    """Kernels at the values of their potential outcomes; copies from ``first`` on occur in none of them."""

    pose: Posed
    kernels: dict[Factor, Expr]
    first: int
    level: Level

    def law(self, factors: Sequence[Factor]) -> Expr:
        """The product of the factors' kernels, summed over the unknowns."""
        unknowns = unknowns_of([outcome for factor in factors for outcome in factor.outcomes])
        return total(map(self.symbol, unknowns), product(map(self._kernel, factors)))

    def symbol(self, unknown: Unknown) -> Symbol:
        """A copy of the variable that no kernel binds."""
        return Symbol(self.pose.meanings[unknown.node], self.first + unknown.name)

    def _kernel(self, factor: Factor) -> Expr:
        graph, meanings = self.pose.graph, self.pose.meanings
        fillers = factor.fillers(graph)
        expr = self.kernels[factor]
        if self.level:
            expr = averaged(expr, [Symbol(meanings[node]) for node in fillers], self.level)
        return substituted(expr, {Symbol(meanings[node]): self._slot(node, at) for node, at in fillers.items()})

    def _slot(self, node: int, filler: Filler) -> Slot:
        match filler:
            case AtState():
                return Held(Symbol(self.pose.meanings[node]), filler)
            case Symbol():
                return filler
            case Unknown():
                return self.symbol(filler)


def _point(tie: tuple[Symbol, AtState]) -> Expr:
    """1 where a free variable has the state that the events hold it at, 0 elsewhere."""
    symbol, at = tie
    assert isinstance(symbol.meaning, Raw)
    family = Family("Point", (Constant(at.state),))
    return Drawn(Policy(symbol.meaning, (), FamilyLaw(family, law_text(family))), symbol)
