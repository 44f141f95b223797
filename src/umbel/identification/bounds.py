"""From a question that is not identified to the programme whose optima bound it.

The lowering of last resort: discrete variables become response functions, the question a ratio of
polynomials in their laws, one vector per component. Nothing is solved here; the programme is a
value that the estimators read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.errors import QuestionError, shown
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors
from umbel.model.equations import Equations
from umbel.model.inequality import Inequality
from umbel.model.named import spelled_out
from umbel.model.programme import ONE, Limit, Programme, Quantity, Scene
from umbel.model.query import (
    OF_MEANS,
    Best,
    Body,
    ClassEffects,
    Combination,
    Drawn,
    Event,
    Expectation,
    Free,
    Held,
    Intervention,
    Named,
    Number,
    Plain,
    Probability,
    Question,
    Ratio,
    Realised,
    SetTo,
    Term,
)
from umbel.model.render import body_text
from umbel.model.rewrite import by_terms
from umbel.results.step import Refusal
from umbel.structure.covariates import covariates, settled
from umbel.structure.response import (
    ResponseModel,
    functions_at_least,
    relevant,
    response_frame,
    response_model,
    split_model,
)
from umbel.structure.scenes import scene
from umbel.variable import Domain, State

MOST_ROWS = 64
SPLIT_ABOVE = 4096
"""Response functions beyond which a component is taken apart by its covariates."""
Given = tuple[tuple[str, State], ...]


def unboundable(graph: Graph, question: Question) -> Refusal | None:
    """Why response functions cannot carry this question in this graph; None when they can."""
    if any(plate >= 0 for plate in graph.plate_of) or graph.crosses_members:
        return Refusal(
            "Response functions need a flat graph: laws of units and networks have no finite list of them.",
            "Ask in a graph without plates and networks.",
        )
    names = [name for name in question.names() if name in graph.names]
    relevant = ancestors(graph, graph.mask(names))
    if any(graph.neighbours[node] for node in bits(relevant)):
        return Refusal("Response functions need arrows; this graph has `--`.", "Replace `--` by arrows or `<->`.")
    if any(relevant >> part.node & 1 for one in graph.aggregates for part in one.parts):
        return Refusal("An aggregate has no response functions of its own.", "Ask in a graph without the aggregate.")
    if isinstance(question.body, Best):
        return Refusal("The best of a family has no bounds yet.", "Ask about one policy.")
    for term in question.terms():
        if isinstance(term, ClassEffects):
            return Refusal("Effects in latent classes have no bounds yet.", "Ask for the average effect.")
        if isinstance(term, Named | Number):
            continue
        worlds = (*term.do, *(item for event in (*term.outcomes, *term.given) for item in event.world))
        for item in worlds:
            if isinstance(item, Drawn | Realised):
                return Refusal(f"The intervention on {item.name} has no bounds yet.", f"Hold {item.name} at a value.")
    return None


def domains_of(graph: Graph) -> dict[str, Domain]:
    """The declared states by name."""
    return {graph.names[node]: domain for node, domain in graph.facts.domains}


def undeclared(graph: Graph, question: Question) -> tuple[str, ...]:
    """Visible variables that the bounds read and whose states are not declared."""
    needed = graph.mask(name for name in question.names())
    relevant = ancestors(graph, needed) & graph.observed
    declared = graph.mask(domains_of(graph))
    return graph.names_of(relevant & ~declared)


def programmes(
    graph: Graph,
    question: Question,
    domains: Mapping[str, Domain],
    *,
    equations: Equations | None = None,
    where: Sequence[Inequality] = (),
    whole: bool = False,
) -> tuple[tuple[Given, Programme], ...]:
    """One programme per value of what the question leaves free.

    Parameters
    ----------
    graph
        One for which :func:`unboundable` finds nothing.
    question
        It fits the graph.
    domains
        States by name; a variable without them has the states 0 and 1.
    equations
        Given structural equations.
    where
        Declared inequalities.
    whole
        Keep every component of the graph.

    Raises
    ------
    QuestionError
        For values that are no states, expectations of words, several conditions in one sum.

    Examples
    --------
    >>> graph = Graph.parse("A -> Y; A <-> Y")
    >>> ((_, programme),) = programmes(graph, Question.parse("PNS(A, Y)"), {})
    >>> programme.kind, programme.components[0].size
    ('linear', 8)
    """
    limits = [Question.parse(one.of) for one in where]
    needed = graph.mask(name for asked in (question, *limits) for name in asked.names())
    frame = response_frame(graph, domains, equations)
    reader = _Reader(graph, frame, domains)
    declared = tuple(_limit(reader, one, asked) for one, asked in zip(where, limits, strict=True))
    spelled = by_terms(question.body, reader.spelled)
    asked = tuple((given, *reader.quotient(body)) for given, body in _settings(reader, spelled))
    quantities = [limit.quantity for limit in declared]
    quantities += [quantity for _, *pair in asked for quantity in pair]
    splits = {} if whole or equations else _splits(frame, relevant(frame, graph, needed), quantities)
    if splits:
        model = split_model(frame, graph, needed, splits)
    else:
        model = response_model(graph, domains, graph.observed if whole else needed, equations)

    def written(quantity: Quantity) -> Quantity:
        return settled(frame.graph, frame.domains, quantity, splits) if quantity.parts and splits else quantity

    declared = tuple(replace(limit, quantity=written(limit.quantity)) for limit in declared)
    found = []
    for given, above, below in asked:
        numerator, denominator = written(above), written(below)
        used = _used((numerator, denominator, *(limit.quantity for limit in declared)))
        components = tuple(one for one in model.components if whole or used & sum(1 << node for node in one.nodes))
        exact = all(one.exact for one in components) and not model.remarks
        programme = Programme(
            model.graph.names, model.domains, components, numerator, denominator, declared, exact, model.remarks
        )
        found.append((given, programme))
    return tuple(found)


def _splits(frame: ResponseModel, components: Sequence[int], quantities: Sequence[Quantity]) -> dict[int, int]:
    """Covariates of the components that are large without them."""
    found = {}
    for members in components:
        if functions_at_least(frame, members) > SPLIT_ABOVE:
            covariate = covariates(frame.graph, frame.domains, members, quantities)
            if covariate:
                found[members] = covariate
    return found


def _used(quantities: Sequence[Quantity]) -> int:
    mask = 0
    for quantity in quantities:
        for _, one in quantity.parts:
            for copy in one.copies:
                mask |= 1 << copy.node
    return mask


def _limit(reader: _Reader, one: Inequality, asked: Question) -> Limit:
    numerator, denominator = reader.quotient(by_terms(asked.body, reader.spelled))
    if not one.lower <= one.upper:
        raise QuestionError(f"No {shown(one.of)} lies between {one.lower} and {one.upper}.")
    if denominator is not ONE:
        raise QuestionError(f"An inequality speaks of probabilities without conditions; {shown(one.of)} has one.")
    return Limit(numerator, one.lower, one.upper, str(one))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Bodies as quantities, in one response model."""

    graph: Graph
    model: ResponseModel
    declared: Mapping[str, Domain]

    def domain(self, name: str) -> Domain:
        """States of a variable."""
        return self.model.domains[self.model.graph.index(name)]

    def spelled(self, term: Term) -> Plain:
        """A named quantity as what it means, at the two states of its variables."""
        if not isinstance(term, Named):
            return term
        low, high = self._two(term.treatment)
        no, yes = self._two(term.outcome) if term.kind not in OF_MEANS else (0, 1)
        return spelled_out(term, low=low, high=high, no=no, yes=yes)

    def _two(self, name: str) -> tuple[State, State]:
        states = self.domain(name).states
        if len(states) == 1:
            raise QuestionError(
                f"{name} has one state, {states[0]}, so nothing is compared. Declare the others, as in "
                f"`states {name} = 2`."
            )
        if len(states) != 2:
            raise QuestionError(
                f"{name} has {len(states)} states, so the named quantity is not one number. "
                "Write it out with its values, as in P(Y[A=1]=1, Y[A=0]=0)."
            )
        return states[0], states[1]

    def quotient(self, body: Body) -> tuple[Quantity, Quantity]:
        """A body without free variables as numerator and denominator."""
        match body:
            case Ratio(above, below):
                top, under = self.quotient(above)
                bottom, beneath = self.quotient(below)
                if under != beneath:
                    raise QuestionError(f"Bounds of {shown(body_text(body))} need one condition above and below.")
                return top, bottom
            case Combination(parts):
                pairs = [(weight, *self.quotient(part)) for weight, part in parts]
                conditions = dict.fromkeys(one for _, _, one in pairs if one != ONE)
                if len(conditions) > 1:
                    raise QuestionError(f"{shown(body_text(body))} has several conditions. Ask for one at a time.")
                common = next(iter(conditions), ONE)
                return _sum(pairs, common), common
            case Number(value):
                return Quantity((), value), ONE
            case Probability() | Expectation():
                return self._term(body)
            case _:
                raise QuestionError(f"{shown(body_text(body))} has no bounds.")

    def _term(self, term: Probability | Expectation) -> tuple[Quantity, Quantity]:
        below = self._probability(term.given, term.do) if term.given else ONE
        if isinstance(term, Probability):
            return self._probability((*term.outcomes, *term.given), term.do), below
        parts: list[tuple[float, Scene]] = []
        outcome = term.outcome
        for state in self.domain(outcome.variable).states:
            if isinstance(state, str):
                raise QuestionError(f"E[...] of {outcome.variable} needs numbers; it has the state {shown(state)}.")
            if state:
                events = (replace(outcome, value=state), *term.given)
                parts += [(float(state) * weight, one) for weight, one in self._probability(events, term.do).parts]
        return Quantity(tuple(parts)), below

    def _probability(self, events: Sequence[Event], do: Sequence[Intervention]) -> Quantity:
        found = scene(self.model.graph, self.model.domains, events, do)
        if found.impossible:
            return Quantity(())
        return Quantity(((1.0, found),)) if found.copies else Quantity((), 1.0)


def _sum(pairs: Sequence[tuple[float, Quantity, Quantity]], bottom: Quantity) -> Quantity:
    """The numerator over ``bottom``: what had no denominator is multiplied by it."""
    parts: dict[Scene, float] = {}
    constant = 0.0
    for weight, top, below in pairs:
        if below == bottom:
            pieces, plain = top.parts, top.constant
        elif top.parts:
            raise QuestionError("A sum of terms with and without a condition has no bounds yet. Ask for one at a time.")
        else:
            pieces = tuple((top.constant * w, one) for w, one in bottom.parts)
            plain = top.constant * bottom.constant
        constant += weight * plain
        for coefficient, one in pieces:
            parts[one] = parts.get(one, 0.0) + weight * coefficient
    return Quantity(tuple((weight, one) for one, weight in parts.items() if weight), constant)


def _settings(reader: _Reader, body: Body) -> Iterator[tuple[Given, Body]]:
    """The body at each combination of values of what it leaves free; a name is one value throughout."""
    free: dict[str, None] = {}
    for term in Question.of(body).terms():
        free |= dict.fromkeys(_free(term))
    domains = [reader.domain(name) for name in free]
    count = 1
    for domain in domains:
        count *= len(domain)
    if count > MOST_ROWS:
        raise QuestionError(f"{', '.join(free)} take {count} values together; bounds give at most {MOST_ROWS} rows.")
    for values in itertools.product(*(domain.states for domain in domains)):
        setting = dict(zip(free, values, strict=True))
        yield tuple(setting.items()), _at(body, setting)


def _free(term: Term) -> Iterator[str]:
    if not isinstance(term, Probability | Expectation):
        return
    outcomes = term.outcomes if isinstance(term, Probability) else ()
    for event in (*outcomes, *term.given):
        if event.value is None:
            yield event.variable
    for item in (*term.do, *(item for event in (*term.outcomes, *term.given) for item in event.world)):
        if isinstance(item, Free):
            yield item.name


def _at(body: Body, setting: Mapping[str, State]) -> Body:
    """The body with all that is free held at a setting."""

    def event(one: Event, *, free: bool = True) -> Event:
        value = setting.get(one.variable) if free and one.value is None else one.value
        return Event(one.variable, value, world(one.world))

    def world(items: Sequence[Intervention]) -> tuple[Intervention, ...]:
        return tuple(intervention(item) for item in items)

    def intervention(item: Intervention) -> Intervention:
        match item:
            case Free(name):
                return Held(name, setting[name])
            case SetTo(inner):
                return SetTo(event(inner, free=False))
            case _:
                return item

    def placed(term: Term) -> Term:
        match term:
            case Probability(outcomes, do, given):
                return Probability(tuple(map(event, outcomes)), world(do), tuple(map(event, given)))
            case Expectation(outcome, do, given):
                return Expectation(event(outcome, free=False), world(do), tuple(map(event, given)))
            case _:
                return term

    return by_terms(body, placed)
