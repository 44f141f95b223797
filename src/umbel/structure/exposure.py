"""Friends inside units: what a member reads of its neighbours becomes a variable of its own.

Members of a unit who are friends are not alike to each other, so that a plate without their
friendships gives a wrong number. What a member reads of its friends' treatments, the *exposure*
(Aronow and Samii, "Estimating average causal effects under general interference", Annals of
Applied Statistics 11(4), 2017), is added to the plate beside the treatment; then the law that is
set on treatments is *pushed* through the friendships to a law of exposures, and both are set. So
the question is lowered with the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure, inputs, outputs
from umbel.model.formula import Constant
from umbel.model.policy import Family, Policy, Pushed, Unspecified
from umbel.model.query import (
    Drawn,
    Expectation,
    Free,
    Intervention,
    Probability,
    Question,
    Term,
)
from umbel.model.query import Held as Set
from umbel.model.rewrite import by_terms
from umbel.model.source import Experiment
from umbel.results.step import Refusal, Step


@dataclass(frozen=True, slots=True)
class Exposure:
    """``child`` is the sum or mean of a variable over a member's neighbours."""

    child: str
    of: str
    kind: str


@dataclass(frozen=True, slots=True)
class Friends:
    """A graph and a question without neighbours, and the exposures that stand in their place."""

    graph: Graph
    question: Question
    exposures: tuple[Exposure, ...]

    def steps(self) -> Iterator[Step]:
        """What was done, in the user's words."""
        for one in self.exposures:
            words = f"{one.child}, the {one.kind} of {one.of} over neighbours, becomes a variable of each member"
            yield Step("exposure", words)
        set_ones = [one for one in self.exposures if one.child in self.question.names()]
        for one in set_ones:
            words = f"what is set on {one.of} is pushed through each unit's friendships to a law of {one.child}"
            yield Step("push", words)

    def seen_by(self, source: Experiment) -> Experiment:
        """The source, which sees what is read of neighbours wherever it sees them."""
        if source.observed is None:
            return source
        more = [one.child for one in self.exposures if one.of in source.observed and one.child not in source.observed]
        found = (*source.observed, *more)
        doses = dict(source.doses) or None
        return Experiment(source.do, found, doses, assigned=source.assigned, selected=source.selected)

    def assumptions(self) -> tuple[str, ...]:
        """What this rests on."""
        words = " and ".join(one.child for one in self.exposures)
        return (
            f"All that a member's outcome reads of its neighbours is {words} (the exposure mapping).",
            "Treatments are drawn for each member by itself, and friendships stay as they are.",
            "Friendships may differ between units: from edges the law is pushed through each unit's own.",
        )


class _Beyond(Exception):
    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(why, advice)


def through_friends(graph: Graph, question: Question) -> Friends | Refusal | None:
    """The task with exposures in place of neighbours; None where no unit holds a network.

    Examples
    --------
    >>> text = "latent U; network pupil { A Y; Peers = mean(A.near) }; U -> { A Y }; { A Peers } -> Y"
    >>> found = through_friends(Graph.parse(text), Question.parse("E[Y | do(A ~ q)]"))
    >>> found.question.text
    'E[Y | do(A ~ q, Peers ~ q)]'
    """
    made_of = inputs(graph)
    names = [name.removesuffix(".near") for name in question.names()]
    relevant = closure(graph.mask(name for name in names if name in graph.names), made_of, graph.everything)
    inside = [node for node in bits(relevant) if any(graph.plates[p].network for p in graph.plate_path(node))]
    if not inside or not any(graph.plate_of[node] < 0 for node in bits(relevant)):
        return None
    try:
        _check(graph, question, relevant, inside)
        plain, exposures = _without_neighbours(graph)
        reached = outputs(graph)
        body = by_terms(question.body, lambda term: _term(graph, term, exposures, reached))
        _check_one(plain, Question.of(body), exposures)
    except _Beyond as beyond:
        return beyond.refusal
    return Friends(plain, Question.of(body), exposures)


def _check(graph: Graph, question: Question, relevant: int, inside: list[int]) -> None:
    for node in inside:
        if len(graph.plate_path(node)) > 1:
            raise _Beyond("Networks inside plates inside units are not answered.", "Give one network for each unit.")
        for latent in bits(_fed(graph, node) & graph.latent):
            cause, name = graph.names[latent], graph.names[node]
            raise _Beyond(
                f"{name} answers to {cause} of friends, which is hidden: {cause}.near -> {name}.",
                f"Measure {cause} and drop 'latent', or leave it out of the graph.",
            )
        if graph.near_neighbours[node] & relevant:
            other = graph.names[next(bits(graph.near_neighbours[node] & relevant))]
            raise _Beyond(
                f"{graph.names[node]} -- {other}.near is an equilibrium among the members of a unit: a unit is one "
                "draw of all of them, not many draws of one.",
                "Give one row for each unit with a variable for each member, or let neighbours act by arrows.",
            )
    if any(name.endswith(".near") for name in question.names()):
        raise _Beyond("Neighbours are not asked about directly in units.", "Define an exposure: Peers = mean(A.near).")


def _check_one(graph: Graph, question: Question, exposures: tuple[Exposure, ...]) -> None:
    """One exposure alone is pushed: two hang together by how many friends a member has."""
    for term in question.terms():
        if not isinstance(term, Probability | Expectation):
            continue
        own = graph.mask(item.name for item in term.do)
        steps = [0 if own >> node & 1 else mask for node, mask in enumerate(graph.parents)]
        leads = closure(graph.mask(event.variable for event in term.outcomes), steps, graph.everything)
        read = [one.child for one in exposures if leads >> graph.index(one.child) & 1]
        if len(read) > 1 and any(own >> graph.index(name) & 1 for name in read):
            raise _Beyond(
                f"{' and '.join(read)} are read of friends at once: their joint law hangs on who has how many friends.",
                "Let the outcome answer to one of them.",
            )


def _without_neighbours(graph: Graph) -> tuple[Graph, tuple[Exposure, ...]]:
    """Exposures as variables that their own variable and its causes may act on; plates in place of networks."""
    names, parents, plate_of = list(graph.names), list(graph.parents), list(graph.plate_of)
    exposures: list[Exposure] = []
    kept = []
    for aggregate in graph.aggregates:
        if not any(part.near for part in aggregate.parts):
            kept.append(aggregate)
            continue
        part = aggregate.parts[0]
        if len(aggregate.parts) > 1 or aggregate.kind == "weighted" or part.weight != 1.0:
            child = graph.names[aggregate.child]
            raise _Beyond(f"{child} is no plain exposure.", "Define it as mean(A.near) or sum(A.near).")
        exposures.append(Exposure(graph.names[aggregate.child], graph.names[part.node], aggregate.kind))
        parents[aggregate.child] = graph.parents[part.node] | 1 << part.node
    for node, mask in enumerate(graph.near_parents):
        for of in bits(mask):
            name = f"{graph.names[of]}.near"
            if name not in names:
                names.append(name)
                parents.append(graph.parents[of] | 1 << of)
                plate_of.append(graph.plate_of[of])
                exposures.append(Exposure(name, graph.names[of], "sum"))
            parents[node] |= 1 << names.index(name)
    more = (0,) * (len(names) - len(graph.names))
    siblings = [*graph.siblings, *more]
    _joined(graph, [(names.index(one.child), graph.index(one.of)) for one in exposures], parents, siblings)
    plain = Graph(
        tuple(names),
        tuple(parents),
        tuple(siblings),
        (*graph.neighbours, *more),
        plates=tuple(replace(plate, network=False) for plate in graph.plates),
        plate_of=tuple(plate_of),
        latent=graph.latent,
        aggregates=tuple(kept),
        facts=graph.facts,
        notes=graph.notes,
    )
    return plain, tuple(exposures)


def _fed(graph: Graph, node: int) -> int:
    """What a member's variable reads of friends, exposures spelled out."""
    made = {one.child: one for one in graph.aggregates}
    parts = (made[v].parts for v in bits(graph.parents[node]) if v in made)
    return graph.near_parents[node] | sum({1 << part.node for found in parts for part in found if part.near})


def _joined(graph: Graph, exposures: list[tuple[int, int]], parents: list[int], siblings: list[int]) -> None:
    """Edges into and among exposures for what friends' variables do to each other; writes into both lists.

    A friend's W answers to the friend's own Z, so that what is read of Z acts on what is read of W;
    and to Z of the friend's friends, of whom the member is one, so that the member's own Z does too.
    """
    inside = sum(1 << node for node in range(len(graph.names)) if graph.plate_path(node))
    above = {of: closure(1 << of, graph.parents, inside) for _, of in exposures}
    fed = {of: sum({1 << z for v in bits(mask) for z in bits(_fed(graph, v))}) for of, mask in above.items()}
    hidden = {
        of: mask | sum({1 << v for u in bits(mask) for v in bits(graph.siblings[u])}) for of, mask in above.items()
    }
    for at, of in exposures:
        parents[at] |= fed[of]
        for other, z in exposures:
            if other == at:
                continue
            if z != of and (above[of] | fed[of]) >> z & 1:
                parents[at] |= 1 << other
            elif z == of or above[of] & hidden[z] & inside:
                siblings[at] |= 1 << other
                siblings[other] |= 1 << at


def _term(
    graph: Graph, term: Term, exposures: tuple[Exposure, ...], reached: tuple[int, ...]
) -> Probability | Expectation:
    if not isinstance(term, Probability | Expectation):
        raise _Beyond("This question is not answered among friends.", "Ask for E[Y | do(A ~ q)].")
    if any(event.world for event in (*term.outcomes, *term.given)):
        raise _Beyond("Several worlds of friends are not compared.", "Ask for an effect: E[Y | do(A ~ q)].")
    treated = {item.name: item for item in term.do}
    named = {*treated, *(event.variable for event in (*term.outcomes, *term.given))}
    for one in exposures:
        if one.child in named:
            raise _Beyond(
                f"{one.child} is what members read of {one.of} of friends, and is here asked about or set itself.",
                f"Set {one.of}, and ask about what follows it: friends then read what {one.of} becomes.",
            )
    below = closure(graph.mask(treated), reached, graph.everything)
    do = list(term.do)
    for one in exposures:
        item = treated.get(one.of)
        if item is None:
            if below >> graph.index(one.of) & 1:
                raise _Beyond(
                    f"What is set acts on {one.of}, and through {one.child} on neighbours: a law that no unit shows.",
                    f"Intervene on {one.of}, or ask where nothing that is set leads to it.",
                )
            continue
        if isinstance(item, Free):
            raise _Beyond(f"do({one.of}) for every value at once is not pushed.", f"Name it: do({one.of}=1).")
        if isinstance(item, Drawn) and item.law.reads:
            raise _Beyond(
                f"A law of {one.of} that reads covariates is pushed through the neighbours' own, which is not built.",
                f"Ask for a law that reads nothing: do({one.of} ~ q).",
            )
        do.append(Drawn(one.child, _pushed(one, item)))
    return replace(term, do=tuple(do))


def _pushed(one: Exposure, item: Intervention) -> Policy:
    """The law of an exposure: it tells the arms of a contrast apart wherever the treatment's law does."""
    match item:
        case Drawn(_, Family() as law):
            return Pushed(one.of, one.kind, law)
        case Set(_, value):
            return Pushed(one.of, one.kind, Family("Point", (Constant(value),)))
        case _:
            return Unspecified("q")
