"""What a question asks, in a fully specified model: the truth that the estimand as it stands must meet.

The rest of ``verify()`` checks the road of each term. Here the finished estimand is evaluated, with
contrasts, ratios, values, families and renamed copies in place, and compared with the same question
put to the model itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from umbel.errors import InputError
from umbel.expr.evaluate import answered
from umbel.expr.nodes import AtState, Expr, Raw, Symbol
from umbel.graph.mixed import Graph
from umbel.graph.segregated import anterior
from umbel.graph.surgery import induced
from umbel.model.formula import Constant, leaves
from umbel.model.named import spelled_out
from umbel.model.policy import Family, Unspecified
from umbel.model.proof import Worlds
from umbel.model.query import (
    Best,
    Body,
    Combination,
    Drawn,
    Event,
    Expectation,
    Free,
    Held,
    Intervention,
    Named,
    Number,
    Probability,
    Question,
    Ratio,
    SetTo,
    settings_of,
)
from umbel.model.render_policy import law_text
from umbel.model.task import Sight
from umbel.model.weights import FamilyLaw
from umbel.numerics.tables import Array, Table, over
from umbel.numerics.tensors import Tensor, aligned
from umbel.results.verdict import Identified
from umbel.simulate.counterfactual import events_law, structural
from umbel.simulate.discrete import DiscreteModel, hidden_names, random_law, random_model
from umbel.simulate.shown import States, shown_by
from umbel.variable import State


@dataclass(frozen=True, slots=True)
class Draw:
    """A random model for one question: its graph, states, and a law for each open policy."""

    model: DiscreteModel
    states: States
    laws: Mapping[str, Table]

    def node(self, name: str) -> int:
        """Index of a variable in the model."""
        return self.model.names.index(name)


def worlds_gap(worlds: Worlds, rng: np.random.Generator) -> float:
    """Error of the probability of events in several worlds, in one random structural model."""
    term = worlds.term
    if isinstance(term, Expectation):
        term = Probability(term.outcomes, term.do, term.given)
    assert worlds.expr is not None
    free = dict.fromkeys(event.variable for event in (*term.outcomes, *term.given) if event.value is None)
    free |= dict.fromkeys(item.name for item in settings_of(term) if isinstance(item, Free))
    axes = [Symbol(worlds.meanings[worlds.graph.index(name)]) for name in free]
    return _gap(Question.of(term), worlds.user_graph, worlds.sights, worlds.expr, axes, rng) or 0.0


def question_gap(verdict: Identified, rng: np.random.Generator) -> float | None:
    """Error of the finished estimand in one random model; relative where the truth exceeds one.

    None where no random discrete model can pose the question: a family of real numbers, say.

    Raises
    ------
    TooLarge
        When a law that is read has too many states to enumerate.
    """
    if isinstance(verdict.question.body, Best):  # its parameters have no values: the roads are compared instead
        return None
    proof = verdict.proof
    sources = next((road.task.sources for road in proof.roads), ()) or next((one.sights for one in proof.worlds), ())
    return _gap(verdict.question, proof.graph, sources, verdict.estimand.body, verdict.estimand.axes, rng)


def _gap(
    question: Question,
    graph: Graph,
    sources: tuple[Sight, ...],
    expr: Expr,
    axes: Sequence[Symbol],
    rng: np.random.Generator,
) -> float | None:
    if not all(map(_posed, question.terms())):
        return None
    draw = drawn(graph, question, sources, rng)
    if draw is None:
        return None
    names = [axis.meaning.name for axis in axes if isinstance(axis.meaning, Raw)]
    try:
        truth = value_of(question.body, draw)
        shown = shown_by(draw.model, draw.states, graph, sources, draw.laws, rng)
        found = answered(expr, shown, axes).array
    except InputError:  # a family's probabilities may leave [0, 1] at the states that were drawn
        return None
    wanted = np.broadcast_to(aligned(truth, names), found.shape)
    if (np.isnan(found) != np.isnan(wanted)).any():
        return float("inf")
    error = np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))
    return float(np.nan_to_num(error).max(initial=0.0))


def _posed(term: object) -> bool:
    """Whether discrete worlds hold the term."""
    match term:
        case Probability() | Expectation():
            return all(map(_settable, settings_of(term)))
        case _:
            return isinstance(term, Number | Named)


def _settable(item: Intervention) -> bool:
    return isinstance(item, Held | Free | SetTo) or (isinstance(item, Drawn) and _discrete(item))


def _discrete(item: Drawn) -> bool:
    return not (isinstance(item.law, Family) and item.law.name == "Normal")


def drawn(
    graph: Graph,
    question: Question,
    sources: tuple[Sight, ...],
    rng: np.random.Generator,
    *,
    hidden: int | None = None,
    thirds: float = 0.3,
) -> Draw | None:
    """A random model in which the question can be put; None where no states would do.

    ``hidden``: how many states hidden causes have, where that matters; ``thirds``: the share of
    variables with three states.
    """
    start = graph.mask(question.names())
    for sight in sources:
        start |= sight.kept_by
    relevant = anterior(graph, start)
    part = induced(graph, relevant)
    doses = {
        graph.names[node]: [dose.state for dose in values if isinstance(dose, AtState)]
        for sight in sources
        for node, values in sight.doses
    }
    states = states_for(part, question, doses, rng, thirds)
    if states is None:
        return None
    sizes = {name: len(own) for name, own in states.items()}
    if hidden is not None:
        sizes |= dict.fromkeys(hidden_names(part), hidden)
    model = random_model(part, rng=rng, sizes=sizes)
    if question.is_counterfactual:
        model = structural(model, rng, monotone=part.facts.monotone)
    laws = {
        item.name: _open_law(item, states, rng)
        for item in _interventions(question)
        if isinstance(item, Drawn) and isinstance(item.law, Unspecified)
    }
    return Draw(model, states, laws)


def _open_law(item: Drawn, states: States, rng: np.random.Generator) -> Table:
    shape = [*(len(states[name]) for name in item.law.reads), len(states[item.name])]
    table = np.moveaxis(random_law(shape, rng), -1, 0)
    return Table((item.name, *item.law.reads), table, {name: states[name] for name in (item.name, *item.law.reads)})


def states_for(
    graph: Graph, question: Question, doses: Mapping[str, list[State]], rng: np.random.Generator, thirds: float = 0.3
) -> dict[str, tuple[State, ...]] | None:
    """States of every variable: the declared ones, else numbers that hold every value of the question and dose."""
    declared = {graph.names[node]: domain.states for node, domain in graph.facts.domains}
    wanted: dict[str, list[State]] = {name: list(values) for name, values in doses.items()}
    exact: dict[str, int] = {}
    for term in question.terms():
        for event in (*getattr(term, "outcomes", ()), *getattr(term, "given", ())):
            if event.value is not None:
                wanted.setdefault(event.variable, []).append(event.value)
    for item in _interventions(question):
        if isinstance(item, Held):
            wanted.setdefault(item.name, []).append(item.value)
        if isinstance(item, Drawn) and isinstance(item.law, Family):
            _ask_family(item.name, item.law, wanted, exact)
    few = len(graph.names) <= MOST_TERNARY
    found: dict[str, tuple[State, ...]] = {}
    for name in graph.names:
        own = declared.get(name) or _numbered(wanted.get(name, []), exact.get(name), few and rng.uniform() < thirds)
        if len(own) != exact.get(name, len(own)):
            return None
        found[name] = own
    return found


MOST_TERNARY = 7
"""Largest graph in which some variables are drawn with three states."""


def _ask_family(name: str, law: Family, wanted: dict[str, list[State]], exact: dict[str, int]) -> None:
    """The states that a family needs of its treatment."""
    if law.name == "Bernoulli":
        exact[name] = 2
    elif law.name == "Categorical":
        exact[name] = len(law.arguments)
    elif law.name == "Point":
        values = (leaf.value for formula in law.arguments for leaf in leaves(formula) if isinstance(leaf, Constant))
        wanted.setdefault(name, []).extend(values)


def _numbered(wanted: Sequence[State], exact: int | None, third: bool) -> tuple[State, ...]:
    """0, 1, …, with every value that was asked for; labels alone where labels were."""
    if any(isinstance(state, str) for state in wanted):
        return tuple(dict.fromkeys((*wanted, "another")))
    if exact is not None:
        return tuple(dict.fromkeys((*wanted, *range(exact))))[: max(exact, len(set(wanted)))]
    return tuple(dict.fromkeys((0, 1, *((2,) if third else ()), *wanted)))


def _interventions(question: Question) -> Iterator[Intervention]:
    for term in question.terms():
        if isinstance(term, Probability | Expectation):
            yield from settings_of(term)
        if isinstance(term, Named):
            for event in term.given:
                yield from settings_of(Probability((event,)))


def value_of(body: Body, draw: Draw) -> Tensor[str]:
    """The value of a question in a model, one axis per free variable."""
    match body:
        case Number(value):
            return Tensor((), np.array(value))
        case Named(treatment=treatment, outcome=outcome):
            (low, high), (no, yes) = draw.states[treatment][:2], draw.states[outcome][:2]
            return value_of(spelled_out(body, low=low, high=high, no=no, yes=yes), draw)
        case Combination(parts):
            values = [(weight, value_of(part, draw)) for weight, part in parts]
            labels = tuple(dict.fromkeys(label for _, value in values for label in value.labels))
            return Tensor(labels, sum((w * aligned(value, labels) for w, value in values), np.zeros(())))
        case Ratio(numerator, denominator):
            above, below = value_of(numerator, draw), value_of(denominator, draw)
            labels = tuple(dict.fromkeys((*above.labels, *below.labels)))
            return Tensor(labels, over(aligned(above, labels), aligned(below, labels)))
        case Probability() | Expectation():
            return _effect(body, draw)
        case _:
            raise AssertionError(f"{body} is left out earlier")


def _effect(term: Probability | Expectation, draw: Draw) -> Tensor[str]:
    """One term: set, enumerate, condition; a stack of it over what is set to every value."""
    free = list(dict.fromkeys(item.name for item in settings_of(term) if isinstance(item, Free)))
    shape = tuple(len(draw.states[name]) for name in free)
    parts = [_observed(term, _law(term, dict(zip(free, at, strict=True)), draw), draw) for at in np.ndindex(*shape)]
    labels = parts[0].labels
    stacked = np.stack([part.array for part in parts], axis=-1).reshape((*parts[0].array.shape, *shape))
    return Tensor((*labels, *free), stacked)


def _law(term: Probability | Expectation, chosen: Mapping[str, int], draw: Draw) -> Array:
    """Joint law of the outcomes and conditions, each in its world."""
    events = (*term.outcomes, *term.given)
    if any(event.world for event in events):
        free = {name: draw.states[name][at] for name, at in chosen.items()}
        return events_law(draw.model, events, draw.states, free, laws_in(term, draw))
    model = draw.model
    for item in term.do:
        reads, table = _mechanism(item, chosen, draw)
        model = model.intervened(draw.node(item.name), reads, table)
    return model.joint([draw.node(event.variable) for event in events])


def laws_in(term: Probability | Expectation, draw: Draw) -> dict[Drawn, tuple[tuple[int, ...], Array]]:
    """What the laws that a term names put in place of mechanisms."""
    return {item: _mechanism(item, {}, draw) for item in settings_of(term) if isinstance(item, Drawn)}


def _mechanism(item: Intervention, chosen: Mapping[str, int], draw: Draw) -> tuple[tuple[int, ...], Array]:
    """What an intervention puts in place of a mechanism: nodes it reads, and a table."""
    states = draw.states[item.name]
    match item:
        case Free(name):
            return (), np.eye(len(states))[chosen[name]]
        case Held(_, value):
            return (), np.eye(len(states))[states.index(value)]
        case Drawn(name, Unspecified() as law):
            return tuple(map(draw.node, law.reads)), np.moveaxis(draw.laws[name].array, 0, -1)
        case Drawn(_, Family() as law):
            weights = FamilyLaw(law, law_text(law))
            read = [draw.states[name] for name in law.reads]
            table = np.empty((*map(len, read), len(states)))
            for index in np.ndindex(*map(len, read)):
                covariates = {name: own[i] for name, own, i in zip(law.reads, read, index, strict=True)}
                table[index] = [weights.weight(state, states, covariates) for state in states]
            return tuple(map(draw.node, law.reads)), table
        case _:
            raise AssertionError(f"{item} is left out earlier")


def _observed(term: Probability | Expectation, law: Array, draw: Draw) -> Tensor[str]:
    """The outcomes' law given the conditions, at the values that the term names, from their joint law."""
    events: tuple[Event, ...] = (*term.outcomes, *term.given)
    count = len(term.outcomes)
    law = over(law, law.sum(axis=tuple(range(count)), keepdims=True)) if term.given else law
    if isinstance(term, Expectation):
        numbers = np.array([float(state) for state in draw.states[term.outcome.variable]])
        law = np.tensordot(numbers, law, axes=1)
        events = term.given
    index = tuple(
        slice(None) if event.value is None else draw.states[event.variable].index(event.value) for event in events
    )
    return Tensor(tuple(event.variable for event in events if event.value is None), law[index])
