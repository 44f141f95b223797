"""Effects in one network of persons: what an intervention reaches, and the laws that carry it there.

A network is drawn once for all persons: ``X.near`` is X of the neighbours. Where no hidden cause
touches what lies between treatments and outcome, the persons' variables form a chain graph
(Lauritzen and Richardson, JRSS B 64(3), 2002), and an intervention replaces laws in its
factorisation; everything that it does not reach stays as it was observed. The laws are those of one
person given the neighbours, the same for all (Tchetgen Tchetgen, Fulcher and Shpitser,
"Auto-g-computation of causal effects on a network", JASA 116, 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from umbel.errors import GraphError
from umbel.expr.build import leaves, linear
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import AtState, Expr, NetworkLaw, NetworkMean, Policy, Raw, Symbol
from umbel.expr.nodes import Number as Constant
from umbel.graph.mixed import Aggregate, Graph, bits
from umbel.graph.surgery import without_edges_into
from umbel.graph.walks import closure, inputs, outputs, topological_order
from umbel.identification.sights import sights_of
from umbel.model.policy import Family, Unspecified
from umbel.model.proof import Proof
from umbel.model.query import (
    Combination,
    Drawn,
    Event,
    Expectation,
    Held,
    Intervention,
    Number,
    Probability,
    Question,
    Term,
)
from umbel.model.render_policy import law_text
from umbel.model.source import OBSERVATIONAL, Experiment
from umbel.model.weights import FamilyLaw
from umbel.results.step import Refusal, Step
from umbel.results.verdict import Identified, Refused, Verdict

STRATEGY = "network g-computation"
ASSUMPTIONS = (
    "Each person's law given the neighbours is the same for all persons, and reads no one farther away.",
    "The edges are all that joins persons, and an intervention leaves them as they are.",
)


class _Beyond(Exception):
    """What this part does not answer, as a refusal."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(why, advice)


def through_network(
    graph: Graph, question: Question, sources: Sequence[Experiment] = (OBSERVATIONAL,)
) -> Verdict | None:
    """The verdict on a question about persons of one network; None where none of its variables is.

    Parameters
    ----------
    graph
        Any graph.
    question
        Checked against the graph.
    sources
        What is known: one network, observed, or with treatments that chance set.

    Raises
    ------
    GraphError
        For a variable that has a hidden cause and settles in equilibrium.

    Examples
    --------
    >>> graph = Graph.parse("network person { C -> A -> Y; A.near -> Y; Y -- Y.near }")
    >>> verdict = through_network(graph, Question.parse("E[Y | do(A ~ Bernoulli(0.3))]"))
    >>> verdict.estimand.text()
    'E[Y; A ~ Bernoulli(0.3), P*(Y | A, A.near, Y.near)]'
    """
    names = [name.removesuffix(".near") for name in question.names()]
    relevant = _leads(graph, graph.mask(name for name in names if name in graph.names))
    if not any(_network_of(graph, node) for node in bits(relevant)):
        return None
    try:
        if len(sources) > 1 or any(source.selected for source in sources):
            raise _Beyond("Several networks, and persons who were selected, are not answered yet.", "Give one network.")
        _check_place(graph, relevant)
        (source,) = sources
        shown = None if source.observed is None else tuple(dict.fromkeys((*source.observed, *source.do)))
        graph = _in_trial(graph, source)
        seen, _ = sights_of(graph, (Experiment(observed=shown),))
        _check_blocks(seen, relevant)
        expr, laws = _value(seen, question, graph.mask(source.do))
    except _Beyond as beyond:
        return Refused(question, beyond.refusal)
    domains = tuple((graph.names[node], domain.states) for node, domain in graph.facts.domains)
    plates = tuple(plate.name for plate in graph.plates)
    return Identified(
        question,
        Estimand(expr, _axes(expr), STRATEGY, plates, domains),
        tuple(_steps(laws)),
        ASSUMPTIONS,
        ("The value is the mean over these persons; what no intervention reaches stays as it was observed.",),
        Proof(graph, ()),
    )


def _in_trial(graph: Graph, source: Experiment) -> Graph:
    """The graph of persons whose treatments chance set: nothing else leads to them there."""
    for name in source.do:
        node = graph.index(name)
        if graph.neighbours[node] | graph.near_neighbours[node]:
            raise _Beyond(f"{name} was set, and settles among neighbours.", "Draw arrows, or leave out do = …")
    if source.doses or source.assigned is not None:
        raise _Beyond(
            "Doses of a trial, and the level at which it was randomised, are not read in a network.",
            "Leave them out where every person's treatment was set by chance of its own.",
        )
    return without_edges_into(graph, graph.mask(source.do)) if source.do else graph


def _axes(expr: Expr) -> tuple[Symbol, ...]:
    """What has a row for each value: outcomes first, then conditions."""
    means = [leaf for leaf in leaves(expr) if isinstance(leaf, NetworkMean)]
    found = [mean.state for mean in means] + [value for mean in means for _, value in mean.among]
    return tuple(dict.fromkeys(one for one in found if isinstance(one, Symbol)))


def _leads(graph: Graph, of: int) -> int:
    """What leads to a set, by way of neighbours too."""
    return closure(of, inputs(graph), graph.everything)


def _reached(graph: Graph, of: int) -> int:
    """What a set leads to, by way of neighbours too."""
    return closure(of, outputs(graph), graph.everything)


def _network_of(graph: Graph, node: int) -> bool:
    return any(graph.plates[plate].network for plate in graph.plate_path(node))


def _check_place(graph: Graph, relevant: int) -> None:
    """Everything that matters lives in one and the same network."""
    persons = next(node for node in bits(relevant) if _network_of(graph, node))
    for node in bits(relevant):
        if graph.plate_of[node] != graph.plate_of[persons] or len(graph.plate_path(node)) != 1:
            raise _Beyond(
                f"{graph.names[node]} is no variable of each {graph.plates[graph.plate_of[persons]].name}.",
                "Ask in a graph in which every cause of the outcome has a value for each person of the network.",
            )
        if graph.siblings[node] and graph.neighbours[node] | graph.near_neighbours[node]:
            other = graph.names[next(bits(graph.siblings[node]))]
            raise GraphError(
                f"{graph.names[node]} has an edge -- and an edge <-> ({other} <-> {graph.names[node]}). "
                "Draw a hidden cause or an equilibrium, not both."
            )


def _check_blocks(graph: Graph, relevant: int) -> None:
    """No hidden cause leads to what settles among neighbours: each person's law would hang on all the others'."""
    for node in bits(relevant):
        around = graph.near_neighbours[node] | graph.neighbours[node]
        for latent in bits((graph.parents[node] | graph.near_parents[node]) & graph.latent if around else 0):
            cause, name, other = (graph.names[one] for one in (latent, node, next(bits(around))))
            near = ".near" * bool(graph.near_parents[node] >> latent & 1)
            raise _Beyond(
                f"The hidden cause {cause} leads to {name}, which settles among neighbours: {cause}{near} -> {name} -- "
                f"{other}{'.near' if graph.near_neighbours[node] else ''}. Each person's law then hangs on all.",
                f"Measure {cause} and drop 'latent', or leave it out of the graph.",
            )


def _value(graph: Graph, question: Question, trial: int) -> tuple[Expr, tuple[NetworkLaw, ...]]:
    """The combination of means that the question asks for, and all laws that it needs; ``trial``: what was set."""
    body = question.body
    parts: Iterable[tuple[float, Term]] = body.parts if isinstance(body, Combination) else ((1.0, body),)  # type: ignore[assignment]
    terms: list[tuple[float, Expr]] = []
    laws: dict[NetworkLaw, None] = {}
    treated = 0
    for _, term in parts:
        if isinstance(term, Expectation | Probability):
            treated |= graph.mask(item.name for item in term.do)
    for weight, term in parts:
        if isinstance(term, Number):
            terms.append((weight, Constant(term.value)))
            continue
        if not isinstance(term, Expectation | Probability) or question.is_counterfactual:
            raise _Beyond(
                f"{Question.of(term).text} in a network is not answered; means and chances under interventions are.",
                "Ask for E[Y | do(A ~ Bernoulli(0.5))] or P(Y=1 | do(A=1)), or for differences of these.",
            )
        mean = _mean(graph, term, treated)
        own = graph.mask(item.name for item in term.do)
        for node in bits(trial & ~own & _leads(without_edges_into(graph, own), 1 << graph.index(mean.outcome.name))):
            name = graph.names[node]
            raise _Beyond(
                f"The study set {name}, and {Question.of(term).text} leaves {name} as it is without a study.",
                f"Set {name} in every term, or give persons as they were.",
            )
        laws |= dict.fromkeys(mean.laws)
        terms.append((weight, mean))
    if not treated:
        raise _Beyond("The question sets nothing.", "Ask for a mean under an intervention: E[Y | do(A=1)] - E[Y].")
    return linear(terms), tuple(laws)


def _mean(graph: Graph, term: Expectation | Probability, treated: int) -> NetworkMean:
    """One mean, or the share of persons in one state; ``treated``: what some term of the question sets."""
    if len(term.outcomes) > 1:
        words = " and ".join(event.variable for event in term.outcomes)
        raise _Beyond(f"The joint law of {words} in a network is not answered.", "Ask for one outcome at a time.")
    event = term.outcomes[0]
    outcome, own = graph.index(event.variable), graph.mask(item.name for item in term.do)
    made = {one.child for one in graph.aggregates}
    for node in (outcome, *bits(own), *(graph.index(one.variable) for one in term.given)):
        if node in made:
            raise _Beyond(
                f"{graph.names[node]} is made of other variables of a network, and is here asked about or set itself.",
                "Set and ask about the variables that it is made of.",
            )
    return NetworkMean(
        _raw(graph, outcome),
        tuple(_set_to(graph, item) for item in term.do),
        _laws(graph, outcome, own, treated),
        _value_of(graph, event) if isinstance(term, Probability) else None,
        tuple(_condition(graph, one, own | treated) for one in term.given),
    )


def _value_of(graph: Graph, event: Event) -> AtState | Symbol:
    """A named state, or every state in turn."""
    return Symbol(_raw(graph, graph.index(event.variable))) if event.value is None else AtState(event.value)


def _condition(graph: Graph, event: Event, treated: int) -> tuple[Raw, AtState | Symbol]:
    """Whose mean is asked: persons who share a value that no intervention of the question reaches.

    Given its causes and the neighbours', what is reached does not depend on what is not, so that the
    persons' own value of it is a name for some of them, and no more.
    """
    name = event.variable
    node = graph.index(name)
    if _reached(graph, treated) >> node & 1:
        raise _Beyond(
            f"{name} is set or moved by an intervention of the question, and says whom it is about.",
            f"Leave the condition on {name} out, or give a variable that comes before what is set.",
        )
    return _raw(graph, node), _value_of(graph, event)


def _set_to(graph: Graph, item: Intervention) -> tuple[Raw, AtState | Policy]:
    """A treatment with what an intervention gives it; a law reads what stands in the order of its names."""
    of = _raw(graph, graph.index(item.name))
    match item:
        case Held(value=value):
            return of, AtState(value)
        case Drawn(law=Family() as family) if family.name in ("Bernoulli", "Point"):
            reads = tuple(Raw(_spelled(graph, name), of.level) for name in family.reads)
            return of, Policy(of, reads, FamilyLaw(family, law_text(family)))
        case Drawn(law=Family() as family):
            raise _Beyond(f"{family.name} policies in a network are not answered yet.", "Use Bernoulli or Point.")
        case Drawn(law=Unspecified() as law):
            return of, Policy(of, tuple(Raw(name, of.level) for name in law.reads), None)
        case _:
            raise _Beyond(
                f"do({item.name}) for every value at once is not answered in a network.", f"Name it: do({item.name}=1)."
            )


def _spelled(graph: Graph, name: str) -> str:
    """What a policy reads: an exposure as the sum or mean that it stands for."""
    for one in graph.aggregates:
        if graph.names[one.child] == name:
            near = graph.names[_plain_part(graph, one)] + ".near"
            return f"mean({near})" if one.kind == "mean" else near
    return name


def _plain_part(graph: Graph, one: Aggregate) -> int:
    """What a plain exposure reads of the neighbours."""
    if any(not part.near for part in one.parts) or len(one.parts) != 1 or one.parts[0].weight != 1.0:
        raise _Beyond(
            f"{graph.names[one.child]} is no plain exposure.",
            "Define it as mean(A.near) or sum(A.near), of one variable.",
        )
    return one.parts[0].node


def _laws(graph: Graph, outcome: int, own: int, compared: int) -> tuple[NetworkLaw, ...]:
    """The laws of what interventions reach on their way to the outcome, causes first.

    What other terms' interventions reach is drawn here too, so that terms differ in nothing else;
    treatments that nothing sets here stay as observed, unless something that is set leads to them.
    """
    leads = _leads(without_edges_into(graph, own), 1 << outcome)
    reached = (_reached(graph, own) & ~own | _reached(graph, compared) & ~compared) & leads & ~own
    laws = []
    exposures = {one.child: one for one in graph.aggregates}
    for node in topological_order(graph):
        if reached >> node & 1 and node not in exposures:
            _check_law(graph, node)
            laws.append(_law(graph, node, exposures))
    return tuple(laws)


def _check_law(graph: Graph, node: int) -> None:
    """A law that hidden causes distort, or that answers to others than its neighbours' copies, is beyond this part."""
    name = graph.names[node]
    if graph.latent >> node & 1:
        raise _Beyond(
            f"The hidden {name} lies between what is set and what is asked.", f"Measure {name} and drop 'latent'."
        )
    for latent in bits(graph.near_parents[node] & graph.latent):
        cause = graph.names[latent]
        raise _Beyond(
            f"The hidden cause {cause} of neighbours touches {name}, which the intervention reaches: {cause}.near -> "
            f"{name}. Persons with neighbours in common then share it.",
            f"Measure {cause} and drop 'latent'.",
        )
    hidden = graph.parents[node] & graph.latent
    for latent in bits(hidden):
        shared = graph.children[latent] & ~(1 << node)
        cause = graph.names[latent]
        if shared or graph.parents[latent] or _touches_others(graph, latent):
            raise _Beyond(
                f"The hidden cause {cause} touches {name}, which the intervention reaches: {cause} -> {name}. "
                "What it does to neighbours is no law that the network shows.",
                f"Measure {cause} and drop 'latent'.",
            )
    if graph.siblings[node]:
        other = graph.names[next(bits(graph.siblings[node]))]
        raise _Beyond(
            f"A hidden cause touches {name}, which the intervention reaches: {other} <-> {name}.",
            f"Measure a common cause of {other} and {name}.",
        )
    around = graph.neighbours[node] | (graph.near_neighbours[node] & ~(1 << node))
    if around:
        other = graph.names[next(bits(around))]
        raise _Beyond(
            f"{name} and {other} answer each other; equilibria of several variables in one network are not answered.",
            f"Draw an arrow between {other} and {name}, or give one row for each network.",
        )


def _touches_others(graph: Graph, node: int) -> bool:
    near = any(mask >> node & 1 for mask in (*graph.near_parents, *graph.near_neighbours))
    return near or bool(graph.siblings[node] | graph.near_parents[node] | graph.near_neighbours[node])


def _law(graph: Graph, node: int, exposures: dict[int, Aggregate]) -> NetworkLaw:
    """What one variable reads; an exposure is spelled out as what it is made of."""
    own = [_raw(graph, v) for v in bits(graph.parents[node] & ~graph.latent) if v not in exposures]
    near = [_raw(graph, v) for v in bits(graph.near_parents[node] & ~graph.latent)]
    means: list[Raw] = []
    for v in bits(graph.parents[node]):
        if v not in exposures:
            continue
        one = exposures[v]
        (means if one.kind == "mean" else near).append(_raw(graph, _plain_part(graph, one)))
    settled = bool(graph.near_neighbours[node] >> node & 1)
    return NetworkLaw(_raw(graph, node), tuple(own), tuple(near), tuple(means), settled)


def _raw(graph: Graph, node: int) -> Raw:
    return Raw(graph.names[node], tuple(graph.plates[plate].name for plate in graph.plate_path(node)))


def _steps(laws: tuple[NetworkLaw, ...]) -> Iterable[Step]:
    for law in laws:
        words = [one.name for one in law.own] + [f"{one.name}.near" for one in law.near]
        words += [f"mean({one.name}.near)" for one in law.means]
        if law.settled:
            yield Step("block", f"{law.of.name} settles among neighbours, given {', '.join(words) or 'nothing'}")
        else:
            yield Step("factor", f"{law.of.name} follows {', '.join(words) or 'nothing'}")
