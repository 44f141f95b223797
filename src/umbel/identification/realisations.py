"""The micro effect of setting a total, mixed over how its parts bring the value about.

Theorem 3.1, Theorem 4.1 and appendices B and C of Zhu, Budhathoki, Kübler and Janzing, in the language of
estimands: a natural realisation is a law of the parts given the total, a shift a law that is certain
given where the parts were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from umbel.expr.build import all_symbols, expectation, product, substituted, total
from umbel.expr.nodes import AtState, Drawn, Expr, Held, Law, Policy, Probability, Raw, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_separated
from umbel.graph.walks import closure, descendants
from umbel.model.policy import Point
from umbel.model.proof import Proof
from umbel.model.query import Event, Expectation, Free, Number, Question, Realised
from umbel.model.query import Probability as Chance
from umbel.model.realised import Moved, point_of
from umbel.results.step import Certificate, Refusal, Step
from umbel.results.verdict import Refused, Unidentified


class Stuck(Exception):
    """A term without an answer: carries its verdict to the one door; ``open``: for want of a realisation."""

    def __init__(self, verdict: Refused | Unidentified, *, lacks: bool = False) -> None:
        super().__init__()
        self.verdict = verdict
        self.open = lacks


@dataclass(frozen=True, slots=True, eq=False)
class Micro:
    """The micro effect of one term, mixed over a realisation.

    Parameters
    ----------
    ask
        The estimand of a question in ``graph``; raises :class:`Stuck` where there is none.
    shown
        Index of a source that shows some variables together, as they occur; None where none does.
    steps, strategies
        Where each step is noted, and by which name readers know the way.
    graph
        Without totals, but for an outcome that is one.
    names, weights
        The parts of the total.
    term, item
        What is asked, and the intervention in it.
    """

    ask: Callable[[Question], Expr]
    shown: Callable[[set[str]], int | None]
    steps: list[Step]
    strategies: list[str]
    graph: Graph
    names: tuple[str, ...]
    weights: tuple[float, ...]
    term: Chance | Expectation
    item: Realised

    def symbol(self, name: str, copy: int = 0) -> Symbol:
        """A variable of the question."""
        return Symbol(Raw(name), copy)

    @property
    def outcome(self) -> Event:
        """The outcome's event."""
        return self.term.outcomes[0]

    def slot(self) -> Slot:
        """The total: at its value, or free."""
        symbol = self.symbol(self.item.name)
        return symbol if self.item.value is None else Held(symbol, AtState(self.item.value))

    def finished(self, law: Expr) -> Expr:
        """The law of the outcome as the term asks for it."""
        symbol = self.symbol(self.outcome.variable)
        if isinstance(self.term, Expectation):
            return expectation(symbol, law)
        held: dict[Symbol, Slot] = {}
        if self.outcome.value is not None:
            held[symbol] = Held(symbol, AtState(self.outcome.value))
        return substituted(law, held)

    def effect(self, given: tuple[str, ...] = ()) -> Expr:
        """``P(Y | do(parts), given)``, the parts free."""
        outcome = Event(self.outcome.variable)
        conditions = tuple(Event(name) for name in given)
        asked = Question.of(Chance((outcome,), tuple(Free(name) for name in self.names), conditions))
        found = self.ask(asked)
        if any(isinstance(one.meaning, Law) or one.meaning.level for one in all_symbols(found)):
            raise refused(
                self.term,
                f"What {self.item.name} does differs between units, by laws inside them; how its parts come about in "
                "each of them is not said by a realisation for all.",
                f"Set the parts themselves: do({', '.join(f'{name}=…' for name in self.names)}).",
            )
        return found

    def natural(self, given: tuple[str, ...], adjust: int | None) -> Expr:
        """Theorem 3.1 where the micro level is not confounded; the mixture otherwise."""
        parts = tuple(map(self.symbol, self.names))
        b = tuple(map(self.symbol, given))
        y = self.symbol(self.outcome.variable)
        x, outcome, within = (self.graph.mask(one) for one in (self.names, [self.outcome.variable], given))
        if given and within & descendants(self.graph, x):
            raise refused(
                self.term,
                f"natural({', '.join(given)}) reads what its own parts change.",
                "Name covariates that the total does not affect.",
            )
        both = {self.item.name, self.outcome.variable, *given}
        place = self.shown(both)  # the parts need not be seen where nothing confounds them
        if given and place is not None and _removes(self.graph, x, outcome, within):
            rule = f"given {', '.join(given)} the parts are not confounded: the macro back-door (Theorem 4.1)"
            self.steps.append(Step("macro back-door", rule))
            self.strategies.append("back-door")
            seen = Probability((y,), (self.slot(), *b), source=place)
            return self.finished(total(b, product([seen, Probability(b, source=place)])))
        if not given and place is not None and adjust == 0:
            self.strategies.append("unconfounded parts")
            self.steps.append(Step("natural", "the parts are not confounded: do agrees with see (Theorem 3.1)"))
            return self.finished(Probability((y,), (self.slot(),), source=place))
        place = self.source({self.item.name, *self.names, *given})
        law = product([Probability(parts, (self.slot(), *b), source=place), self.effect(given)])
        law = total(parts, law)
        if b:
            law = total(b, product([Probability(b, source=place), law]))
        return self.finished(law)

    def source(self, names: set[str]) -> int:
        """The source whose units the realisation is about."""
        place = self.shown(names)
        if place is None:
            raise refused(
                self.term,
                f"No study shows {', '.join(sorted(names))} together with nothing set, which the realisation needs.",
                "Give a study that measures them as they occur, or ask by point(…).",
            )
        return place

    def point(self, by: Point) -> Expr:
        """An ordinary intervention on every part."""
        if not isinstance(self.item.value, int | float):
            raise refused(
                self.term, "point(…) needs the total's value.", f"Write do({self.item.name} = 1 by point(…))."
            )
        at = point_of(by, self.item.name, float(self.item.value), self.names, self.weights)
        held: dict[Symbol, Slot] = {}
        for name, value in zip(self.names, at, strict=True):
            state = int(value) if float(value).is_integer() else value
            held[self.symbol(name)] = Held(self.symbol(name), AtState(state))
        return self.finished(substituted(self.effect(), held))

    def redrawn(self, direction: tuple[float, ...]) -> Expr:
        """Units drawn anew and then moved: a perfect realisation."""
        self._takes_a_number()
        effect = self.effect()
        moves = self._moves(direction, 1 + max((symbol.copy for symbol in all_symbols(effect)), default=0))
        law = substituted(effect, dict(zip(map(self.symbol, self.names), moves.now, strict=True)))
        place = self.source({*self.names, self.item.name})
        before = Probability(moves.known, source=place)
        return self.finished(total(moves.known, product([before, moves.through(law)])))

    def shifted(self, direction: tuple[float, ...], adjust: int | None) -> Expr:
        """The same units, their parts moved from where they were, by adjustment for covariates of the parts."""
        self._takes_a_number()
        if adjust is None:
            raise Stuck(
                Unidentified(
                    Question.of(self.term),
                    Certificate(
                        "route",
                        "A shift leaves each unit's own causes in force, so that covariates must remove all "
                        "confounding of the parts; no set of covariates does that here.",
                    ),
                    (),
                    (),
                    Proof(self.graph, ()),
                )
            )
        moves = self._moves(direction, 1)
        self.strategies.append("back-door" if adjust else "unconfounded parts")
        z = tuple(map(self.symbol, self.graph.names_of(adjust)))
        place = self.source({*self.names, *self.graph.names_of(adjust), self.outcome.variable})
        seen = Probability((self.symbol(self.outcome.variable),), (*moves.now, *z), source=place)
        self.steps.append(Step("back-door", f"for the parts: {', '.join(self.graph.names_of(adjust)) or 'nothing'}"))
        before = (*moves.known, *z)
        return self.finished(total(before, product([Probability(before, source=place), moves.through(seen)])))

    def _takes_a_number(self) -> None:
        value = self.item.value
        if value is not None and not isinstance(value, int | float):
            raise refused(self.term, f"{self.item.name} is a total and takes numbers.", "Write a number.")

    def _moves(self, direction: tuple[float, ...], copy: int) -> _Moves:
        """How each part moves; ``copy`` marks the parts once they have."""
        had = tuple(map(self.symbol, self.names))
        moving = {name: step for name, step in zip(self.names, direction, strict=True) if step}
        aim = None if self.item.value is None else float(self.item.value)
        rest = (self.names, self.weights) if aim is None else ((), ())
        policies = []
        for name, step in moving.items():
            law = Moved(name, step, self.item.name, aim, *rest)
            reads = tuple(map(self.symbol, law.reads))
            policies.append(Drawn(Policy(Raw(name), tuple(map(Raw, law.reads)), law), self.symbol(name, copy), reads))
        return _Moves(
            had if aim is None else (*had, self.symbol(self.item.name)),
            tuple(self.symbol(name, copy if name in moving else 0) for name in self.names),
            tuple(self.symbol(name, copy) for name in moving),
            tuple(policies),
        )


@dataclass(frozen=True, slots=True)
class _Moves:
    """Parts before and after they move.

    Parameters
    ----------
    known
        What says where they were: the parts, and the total where it has one value.
    now
        All parts as they are afterwards.
    fresh, policies
        Those that moved, and the laws that moved them.
    """

    known: tuple[Symbol, ...]
    now: tuple[Symbol, ...]
    fresh: tuple[Symbol, ...]
    policies: tuple[Drawn, ...]

    def through(self, law: Expr) -> Expr:
        """A law that reads the parts afterwards, given where they were."""
        return total(self.fresh, product([*self.policies, law]))


def _removes(graph: Graph, x: int, y: int, given: int) -> bool:
    """Whether adjusting for a set that the parts do not cause removes all confounding (van der Zander et al.)."""
    rest = graph.everything & ~x
    below = 0
    for node in bits(x):
        below |= graph.children[node]
    causal = closure(below & rest, graph.children, rest) & closure(y, graph.parents, rest)
    parents = tuple(reads & ~x if causal >> node & 1 else reads for node, reads in enumerate(graph.parents))
    return not given & graph.latent and m_separated(replace(graph, parents=parents), x, y, given)


def refused(term: object, why: str, advice: str) -> Stuck:
    """The way out for a term that is not answered."""
    question = Question.of(term) if isinstance(term, Chance | Expectation) else Question.of(Number(0.0))
    return Stuck(Refused(question, Refusal(why, advice)))
