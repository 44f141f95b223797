"""Macro-interventions: the micro effect by the shared engine, mixed over how the total is realised.

``E[Y | do(total = x by R)] = ∫ E[Y | do(micro)] dR(micro | x)`` (Definition 4 of Zhu, Budhathoki, Kübler and
Janzing). Without a realisation there is no such effect, but where the total acts through its value alone.
Questions that set no total lose their aggregates and go to the engine as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from umbel.expr.build import linear, quotient, settled
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import Expr, Raw, Symbol
from umbel.expr.nodes import Number as Constant
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure, inputs
from umbel.identification.adjustment import minimal_adjustment
from umbel.identification.explain import assumptions_of
from umbel.identification.macro_forms import as_shown, form_of, outcome_graph
from umbel.identification.realisations import Micro, Stuck, refused
from umbel.identification.unit_totals import through_unit_means
from umbel.model.policy import Levers, Natural, Perfect, Point, Shift
from umbel.model.policy import parts_of as parts_named
from umbel.model.proof import Proof
from umbel.model.query import (
    Best,
    Body,
    ClassEffects,
    Combination,
    Event,
    Expectation,
    Free,
    Intervention,
    Named,
    Number,
    Plain,
    Question,
    Ratio,
    Realised,
    Term,
    combine,
)
from umbel.model.query import Held as Set
from umbel.model.query import Probability as Chance
from umbel.model.realised import direction_of
from umbel.model.render_policy import realisation_text
from umbel.model.rewrite import by_terms
from umbel.model.source import Experiment
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Unidentified, Verdict
from umbel.structure.macro import check_block, micro_parts, without_totals

Ask = Callable[[Graph, Question, Sequence[Experiment]], Verdict]

CLASSES = {
    "natural": "are drawn as they occur at that value of the total (a perfect realisation)",
    "perfect": "are drawn anew, cut from their causes (a perfect realisation)",
    "shift": "are moved from where each unit has them (a shift)",
    "point": "are set to one value each (a perfect realisation)",
}
"""The two classes of realisation, in words: every answer says which it is about."""


def through_totals(graph: Graph, question: Question, sources: Sequence[Experiment], ask: Ask) -> Verdict | None:
    """The verdict on a question in a graph with aggregates; None where other lowerings have to come first.

    Parameters
    ----------
    graph
        With at least one aggregate.
    question
        Checked against the graph.
    sources
        What is known.
    ask
        Identifies a question in a graph without aggregates.

    Raises
    ------
    GraphError
        For parts of a total that cause each other (Assumption 1).
    QuestionError
        For a realisation that misses the total's value.
    """
    if graph.crosses_members or any(plate.network for plate in graph.plates):
        return None
    totals = {graph.names[one.child] for one in graph.aggregates}
    for one in graph.aggregates:
        if any(graph.plate_of[part.node] != graph.plate_of[one.child] for part in one.parts):
            return through_unit_means(graph, question, sources, ask)
    for name in question.names():
        if name in totals:
            check_block(graph, graph.index(name))
    body = question.body
    if isinstance(body, Best) or (question.is_counterfactual and totals & set(question.names())):
        return None
    for term in question.terms():
        if isinstance(term, Named | ClassEffects) and term.treatment in totals:
            return _named_total(question, term)
    graph = as_shown(graph, sources)
    work = _Work(graph, tuple(sources), ask, totals, [], [], [], [], [])
    if not any(_set_total(item, totals) for term in question.terms() for item in _do(term)):
        found = work.plain(question)
        return found if found is None else replace(found, question=question)
    try:
        expr = settled(work.value(body))
    except Stuck as stuck:
        verdict = replace(stuck.verdict, question=question)
        return replace(verdict, macro=form_of(graph, body)) if isinstance(verdict, Refused) and stuck.open else verdict
    axes = _axes(question)
    plates = tuple(plate.name for plate in graph.plates)
    domains = tuple((graph.names[node], domain.states) for node, domain in graph.facts.domains)
    strategy = ", ".join(dict.fromkeys(work.strategies))
    return Identified(
        question,
        Estimand(expr, axes, strategy, plates, domains, macro=form_of(graph, body)),
        tuple(dict.fromkeys(work.steps)),
        tuple(dict.fromkeys((*assumptions_of(graph, (), worlds=True), *work.assumptions))),
        (),
        Proof(graph, (), (), work.sources) if work.realisations else work.proof(graph),
    )


def _named_total(question: Question, term: Named | ClassEffects) -> Refused:
    """A quantity with a name says nothing of how a total is set."""
    start = f"E[{term.outcome} | do({term.treatment} ="
    return Refused(
        question,
        Refusal(
            f"The effect of {term.treatment} needs a realisation, and "
            f"{term.kind if isinstance(term, Named) else 'MTE'} has no place to name one.",
            f"Write it out: {start} 1 by natural)] - {start} 0 by natural)].",
        ),
    )


def _do(term: Term) -> tuple[Intervention, ...]:
    return term.do if isinstance(term, Chance | Expectation) else ()


def _set_total(item: Intervention, totals: set[str]) -> bool:
    return isinstance(item, Realised) or item.name in totals


def _axes(question: Question) -> tuple[Symbol, ...]:
    outcomes: dict[str, None] = {}
    free: dict[str, None] = {}
    for term in question.terms():
        if isinstance(term, Chance):
            outcomes |= {event.variable: None for event in term.outcomes if event.value is None}
        for item in _do(term):
            if isinstance(item, Free) or (isinstance(item, Realised) and item.value is None):
                free[item.name] = None
    return tuple(Symbol(Raw(name)) for name in {**outcomes, **free})


@dataclass(eq=False)
class _Work:
    """One question's way through its totals; final, and alive for one call only."""

    graph: Graph
    sources: tuple[Experiment, ...]
    ask: Ask
    totals: set[str]
    steps: list[Step]
    assumptions: list[str]
    strategies: list[str]
    proofs: list[Proof]
    realisations: list[str]

    def proof(self, graph: Graph) -> Proof:
        """What the engine worked from, where no realisation was needed."""
        roads = tuple(road for one in self.proofs for road in one.roads)
        return Proof(self.proofs[0].graph if self.proofs else graph, roads)

    # ---- questions that set no total -------------------------------------------------

    def plain(self, question: Question) -> Verdict | None:
        """Totals that are asked about become effects of their parts, which nobody needs to see."""
        question = Question(question.text, by_terms(question.body, self.opened))
        named = set(question.names())
        asked = self.graph.mask(named & self.totals)
        graph = without_totals(self.graph, asked)
        hidden = 0
        for node in bits(asked):
            for part, _ in micro_parts(self.graph, node):
                name = self.graph.names[part]
                if name not in named and name in graph.names:
                    hidden |= 1 << graph.index(name)
        both = set(graph.names_of(graph.mask(named))) & {
            self.graph.names[part] for node in bits(asked) for part, _ in micro_parts(self.graph, node)
        }
        if asked and both:
            return Refused(
                question,
                Refusal(
                    f"{min(both)} is asked about beside a total that holds it: a formula for both would condition on "
                    "what cannot vary freely.",
                    "Ask about the total, or about its parts.",
                ),
            )
        return self.asked(replace(graph, latent=graph.latent | hidden), question, hidden)

    def opened(self, term: Term) -> Plain:
        """The mean of a total some of whose parts are set or known, as a sum of means of its parts."""
        if isinstance(term, Expectation) and term.outcome.variable in self.totals and not term.outcome.world:
            return self.sum_of_means(term)
        return term

    def sum_of_means(self, term: Expectation) -> Plain:
        """A mean of a total by its parts, where some are set or known; as it is otherwise."""
        parts = micro_parts(self.graph, self.graph.index(term.outcome.variable))
        names = [(self.graph.names[part], weight) for part, weight in parts]
        fixed = {item.name: item.value for item in term.do if isinstance(item, Set)}
        fixed |= {event.variable: event.value for event in term.given if event.value is not None}
        named = {name for name, _ in names} & set(Question.of(term).names())
        if not named or not all(isinstance(fixed.get(name), int | float) for name in named):
            return term
        pairs: list[tuple[float, Plain]] = []
        for name, weight in names:
            value = fixed.get(name)
            if isinstance(value, int | float):
                pairs.append((weight, Number(float(value))))
            else:
                pairs.append((weight, replace(term, outcome=Event(name))))
        return combine(pairs)

    def asked(self, graph: Graph, question: Question, hidden: int = 0) -> Verdict:
        """The engine's verdict in a graph without totals."""
        gone = {graph.names[node] for node in bits(hidden)}
        kept = []
        for one in self.sources:
            seen = one.observed
            if seen is not None:
                seen = tuple(name for name in seen if name in graph.names and name not in gone)
            doses = dict(one.doses) or None
            kept.append(Experiment(one.do, seen, doses=doses, assigned=one.assigned, selected=one.selected))
        return self.ask(graph, question, kept)

    def shown(self, names: set[str]) -> int | None:
        """Index of a source that shows these together, with nothing set and no row left out."""
        for index, one in enumerate(self.sources):
            if one.do or one.selected:
                continue
            if one.observed is None or all(self.held(name, set(one.observed)) for name in names):
                return index
        return None

    def held(self, name: str, seen: set[str]) -> bool:
        """Whether a source that shows some names shows a variable: of totals, all parts will do."""
        if name in seen:
            return True
        return name in self.totals and set(self.parts_of(self.graph.index(name))) <= seen

    # ---- terms -----------------------------------------------------------------------

    def value(self, body: Body) -> Expr:
        """The body with each term replaced by its estimand."""
        match body:
            case Number(value):
                return Constant(value)
            case Combination(parts):
                return linear((weight, self.value(part)) for weight, part in parts)
            case Ratio(numerator, denominator):
                return quotient(self.value(numerator), self.value(denominator))
            case Chance() | Expectation():
                if any(_set_total(item, self.totals) for item in body.do):
                    return self.term(body)
                return self.body_of(self.plain(Question.of(body)))
            case _:
                raise refused(body, "Named quantities of totals are not answered.", "Write the effects out.")

    def body_of(self, verdict: Verdict | None) -> Expr:
        """The estimand of an identified part."""
        if isinstance(verdict, Identified):
            self.steps += verdict.steps
            self.assumptions += verdict.assumptions
            self.strategies.append(verdict.estimand.strategy)
            self.proofs.append(verdict.proof)
            return verdict.estimand.body
        assert verdict is not None
        if isinstance(verdict, Unidentified):
            words = f"Setting a total sets its parts, and that effect is not identified. {verdict.certificate.text}"
            raise Stuck(replace(verdict, certificate=replace(verdict.certificate, text=words)))
        assert isinstance(verdict, Refused)
        raise Stuck(verdict)

    def term(self, term: Chance | Expectation) -> Expr:
        """One effect of a total."""
        if len(term.do) != 1 or term.given:
            raise refused(
                term,
                "A total is set by itself so far, not beside other interventions or conditions.",
                "Ask for the effect of the total alone; natural(Z) holds within values of Z.",
            )
        if len(term.outcomes) != 1:
            raise refused(term, "Effects of a total are answered for one outcome at a time.", "Ask for each.")
        (item,) = term.do
        node = self.graph.index(item.name)
        outcome = term.outcomes[0].variable
        if outcome in self.parts_of(node) or outcome == item.name:
            raise refused(term, f"{outcome} is set with {item.name} itself.", "Ask for what the total changes.")
        made_of = inputs(self.graph)
        causes = closure(made_of[self.graph.index(outcome)], made_of, self.graph.everything)
        if not causes & (self.graph.mask(self.parts_of(node)) | 1 << node):
            return self.body_of(self.plain(Question.of(replace(term, do=()))))
        if self.through_value(node, self.graph.index(outcome)):
            return self.by_value(term, item, node)
        if not isinstance(item, Realised):
            raise self.needs_realisation(term, item)
        return self.realised(term, item, node, outcome)

    def parts_of(self, node: int) -> tuple[str, ...]:
        """Names of a total's micro-variables that weigh something."""
        return tuple(self.graph.names[part] for part, weight in micro_parts(self.graph, node) if weight)

    def through_value(self, node: int, outcome: int) -> bool:
        """Whether every path from the parts to the outcome passes through the total."""
        made_of = inputs(self.graph)
        rest = self.graph.everything & ~(1 << node)
        above = closure(1 << outcome, made_of, rest)
        return not above & self.graph.mask(self.parts_of(node))

    def by_value(self, term: Chance | Expectation, item: Intervention, node: int) -> Expr:
        """What the total does it does through its value: no realisation makes a difference."""
        graph = without_totals(self.graph, 1 << node | self.graph.mask([term.outcomes[0].variable]) & self.total_mask)
        hidden = graph.mask(name for name in self.parts_of(node) if name in graph.names)
        value = item.value if isinstance(item, Realised | Set) else None
        setting: Intervention = Free(item.name) if value is None else Set(item.name, value)
        if not isinstance(item, Realised | Set | Free):
            setting = item
        self.steps.append(
            Step("aggregate", f"{item.name} acts through its value alone: every realisation has the same effect")
        )
        question = Question.of(replace(term, do=(setting,)))
        return self.body_of(self.asked(replace(graph, latent=graph.latent | hidden), question, hidden))

    @property
    def total_mask(self) -> int:
        """Mask of the totals."""
        return self.graph.mask(self.totals)

    def needs_realisation(self, term: Chance | Expectation, item: Intervention) -> Stuck:
        """The refusal of an effect that has no meaning yet, and what would give it one."""
        parts = self.parts_of(self.graph.index(item.name))
        shown = ", ".join(parts[:4]) + (", …" if len(parts) > 4 else "")
        value = f" = {item.value:g}" if isinstance(item, Set) and isinstance(item.value, int | float) else ""
        start = f"do({item.name}{value} by "
        why = (
            f"The effect of {item.name} needs a realisation: it depends on how {shown} bring the value about, and "
            "the question does not say."
        )
        advice = (
            f"Name one: {start}natural), {start}shift({parts[-1]})), {start}levers({shown})), {start}perfect(…)) or "
            f"{start}point(…))."
        )
        return Stuck(Refused(Question.of(term), Refusal(why, advice)), lacks=True)

    # ---- realisations ----------------------------------------------------------------

    def realised(self, term: Chance | Expectation, item: Realised, node: int, outcome: str) -> Expr:
        """The micro effect, mixed over the realisation."""
        by = item.by
        names = self.parts_of(node)
        nested = sorted(set(parts_named(by)) & self.totals)
        if nested:
            raise refused(term, f"{nested[0]} is a total itself.", f"Name micro-variables: {', '.join(names)}.")
        weights = tuple(weight for _, weight in micro_parts(self.graph, node) if weight)
        graph, hidden = outcome_graph(self.graph, outcome, names)

        def effect(question: Question) -> Expr:
            return self.body_of(self.asked(graph, question, hidden))

        micro = Micro(effect, self.shown, self.steps, self.strategies, graph, names, weights, term, item)
        x, y = graph.mask(names), graph.mask([outcome])
        found = minimal_adjustment(graph, x, y)
        kind = "shift" if isinstance(by, Shift | Levers) else type(by).__name__.lower()
        self.steps.append(
            Step("realisation", f"{item.name} by {realisation_text(by)}: {', '.join(names)} {CLASSES[kind]}")
        )
        self.strategies.append(f"{item.name} by {realisation_text(by)}")
        self.realisations.append(item.name)
        match by:
            case Natural(given):
                return micro.natural(given, found)
            case Point():
                return micro.point(by)
            case Perfect():
                return micro.redrawn(direction_of(by, names, weights))
            case Shift() | Levers():
                return micro.shifted(direction_of(by, names, weights), found)
