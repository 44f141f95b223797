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
from itertools import product as combinations
from typing import final

from umbel.expr.build import ZERO, linear, product, quotient
from umbel.expr.nodes import AtState, Drawn, Expr, Level, Policy, Quotient, Raw, Symbol
from umbel.graph.mixed import Graph
from umbel.identification.counterfactual_graph import factors_of, uncancelled
from umbel.identification.counterfactual_laws import Laws
from umbel.identification.draws import Draws, drawing_order, with_draws
from umbel.identification.flat import Posed, posed
from umbel.identification.forms import tidied
from umbel.identification.known_states import Component, Polynomial, States, ordered, rank, rewritten
from umbel.identification.sources import targets
from umbel.identification.unnest import Asked, Names, Ties, placed, unnested
from umbel.identification.unsupported_worlds import level_of, unsupported_worlds
from umbel.model.formula import Constant
from umbel.model.policy import Family
from umbel.model.proof import Worlds
from umbel.model.query import Event, Expectation, Probability, names_of_term
from umbel.model.render_policy import law_text
from umbel.model.task import Sight, Task
from umbel.model.weights import FamilyLaw
from umbel.model.worlds import Factor, Use
from umbel.results.step import Refusal

MOST_CHOICES = 16
"""Choices of states for what is free, up to which a stuck question is asked at each."""

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
    drawn = with_draws(graph, term)
    names = (*names_of_term(term), *drawn.nodes.values())
    whole = Task.of(drawn.graph, drawn.graph.mask(names))
    pose = posed(replace(whole, sources=drawn.seen_by(sights)))
    needed = pose.graph.mask(names)
    level = level_of(graph, graph.mask(names_of_term(term))) or ()
    stuck: Worlds | None = None
    for target, sources in targets(pose.graph, pose.sources, needed):
        found = _Search(graph, term, sights, replace(pose, graph=target, sources=sources), level, drawn).run()
        if isinstance(found, Refusal) or found.expr is not None:
            return found
        stuck = stuck or found
    assert stuck is not None
    return stuck


@dataclass(frozen=True, slots=True)
class _Found:
    """A ratio of laws: its factors, its expression where it is identified, and how states helped."""

    numerator: tuple[Factor, ...] = ()
    denominator: tuple[Factor, ...] = ()
    expr: Expr | None = None
    uses: tuple[Use, ...] = ()


@final
class _Search:
    """One term in one target graph."""

    def __init__(
        self, graph: Graph, term: Term, sights: tuple[Sight, ...], pose: Posed, level: Level, drawn: Draws
    ) -> None:
        self.user_graph, self.term, self.sights, self.pose = graph, term, sights, pose
        self.draws = {treated: pose.graph.index(name) for treated, name in drawn.nodes.items()}
        self.order = drawing_order(pose.graph, self.draws)
        self.drawn = drawn
        laws = {pose.graph.index(name): drawn.laws[name] for name in drawn.nodes.values()}
        self.laws = Laws(pose, graph, sights, level, laws)
        self.names: Names = {}

    def run(self) -> Worlds | Refusal:
        """The whole term; where it is stuck, state by state of what is free and declared."""
        below = unnested(self.pose.graph, self._asked(self.term.given), self.names, order=self.order)
        if below is None:
            return Refusal(
                "The conditions contradict each other, so their probability is 0 and the question is undefined.",
                "Drop one of the conditions.",
            )
        if below.ties:
            name = self._name(below.ties[0][0])
            return Refusal(
                f"The conditions hold {name} at one value and leave it free, so other values are undefined.",
                f"Name {name} once among the conditions.",
            )
        found = self._at(())
        if found.expr is None:
            found = self._by_states(found) or found
        conflicts = self.laws.conflicts((*found.numerator, *found.denominator)) if found.expr is None else ()
        for conflict in conflicts:
            treated = next((name for name, node in self.draws.items() if node == conflict.first.node), None)
            if treated is not None:
                return Refusal(
                    f"The law of {treated} is drawn where what it reads differs from world to world, and how such "
                    "draws go together is left open.",
                    "Let the worlds agree in what the law reads, or let it read nothing.",
                )
        return self._worlds(found)

    def _at(self, ties: Ties) -> _Found:
        """The ratio where some free variables stand at one state each."""
        graph = self.pose.graph
        conditions = self._asked(self.term.given)
        above = unnested(graph, [*self._asked(self.term.outcomes), *conditions], self.names, ties, order=self.order)
        if above is None:
            possible = unnested(graph, conditions, self.names, ties, order=self.order) is not None
            return _Found(expr=ZERO if possible else Quotient(ZERO, ZERO))
        # Where the events tie a free variable the answer is 0 elsewhere, so the conditions matter there alone.
        below = unnested(graph, conditions, self.names, above.ties, order=self.order)
        assert below is not None
        sides = uncancelled(factors_of(graph, above.outcomes), factors_of(graph, below.outcomes))
        if all(map(self.laws.known, (*sides[0], *sides[1]))):
            return _Found(*sides, self._pointed(quotient(*map(self.laws.expr, sides)), above.ties))
        ratio = rewritten(self._known, self._declared(), *sides)
        if ratio is None:
            return _Found(*sides)
        expr = quotient(self._summed(ratio.above), self._summed(ratio.below))
        return _Found(*sides, self._pointed(expr, above.ties), ratio.uses)

    def _pointed(self, expr: Expr, ties: Ties) -> Expr:
        pose = self.pose
        return product([tidied(expr, pose.graph, pose.meanings, pose.sources), *map(_point, ties)])

    def _by_states(self, stuck: _Found) -> _Found | None:
        """The ratio at each state of the free variables that its conflicts speak of."""
        states = self._declared().states
        outcomes = [o for each in self.laws.conflicts((*stuck.numerator, *stuck.denominator)) for o in each.both]
        fillers = dict.fromkeys(filler for o in outcomes for filler in (*o.reads, o.value))
        free = [symbol for symbol in fillers if isinstance(symbol, Symbol) and self._node(symbol) in states]
        choices = list(combinations(*(states[self._node(symbol)] for symbol in free)))
        if not free or len(choices) > MOST_CHOICES:
            return None
        parts: list[tuple[float, Expr]] = []
        uses: dict[Use, None] = {}
        for choice in choices:
            ties = tuple((symbol, AtState(state)) for symbol, state in zip(free, choice, strict=True))
            found = self._at(ties)
            if found.expr is None:
                return None
            parts.append((1.0, found.expr))
            uses |= dict.fromkeys(found.uses)
        return _Found(stuck.numerator, stuck.denominator, linear(parts), tuple(uses))

    def _known(self, law: Component) -> bool:
        return all(map(self.laws.known, factors_of(self.pose.graph, ordered(law))))

    def _summed(self, polynomial: Polynomial) -> Expr:
        def expr(law: Component) -> Expr:
            return self.laws.expr(factors_of(self.pose.graph, ordered(law)))

        return linear((weight, product(map(expr, sorted(laws, key=rank)))) for laws, weight in polynomial.items())

    def _declared(self) -> States:
        graph, facts = self.pose.graph, self.user_graph.facts
        named = {self.user_graph.names[node]: domain.states for node, domain in facts.domains}
        states = {node: named[name] for node, name in enumerate(graph.names) if name in named}
        return States(graph, states, frozenset(graph.facts.monotone), self.names, self.order)

    def _asked(self, events: Sequence[Event]) -> list[Asked]:
        graph, meanings = self.pose.graph, self.pose.meanings
        worlds = (replace(event, world=event.world or self.term.do) for event in events)
        return [placed(graph, meanings, event, self.draws) for event in worlds]

    def _node(self, symbol: Symbol) -> int:
        return self.pose.meanings.index(symbol.meaning)

    def _name(self, symbol: Symbol) -> str:
        return self.pose.graph.names[self._node(symbol)]

    def _worlds(self, found: _Found) -> Worlds:
        pose, factors = self.pose, (*found.numerator, *found.denominator)
        whole = all(source.graph is None and not source.do & ~source.reached for source in pose.sources)
        # Of ratios over declared states the search has missed a few, of single laws none.
        whole = whole and not (found.denominator and self._declared().states)
        # A law that is always one value of what it reads lets consistency say more.
        whole = whole and not self.drawn.certain
        return Worlds(
            self.user_graph,
            self.term,
            pose.graph,
            pose.meanings,
            found.numerator,
            found.denominator,
            found.expr,
            self.laws.reductions(factors),
            self.laws.conflicts(factors),
            self.laws.hedges(factors),
            self.sights,
            pose.sources if self.sights else (),
            found.uses,
            whole and not self.user_graph.plates and not pose.graph.facts.monotone,
        )


def _point(tie: tuple[Symbol, AtState]) -> Expr:
    """1 where a free variable has the state that the events hold it at, 0 elsewhere."""
    symbol, at = tie
    assert isinstance(symbol.meaning, Raw)
    family = Family("Point", (Constant(at.state),))
    return Drawn(Policy(symbol.meaning, (), FamilyLaw(family, law_text(family))), symbol)
