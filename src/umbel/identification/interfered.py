"""Is this the effect of a policy for members that also acts through one variable of their unit?

Weinstein and Blei (JMLR 27(37) 2026), figures A4a and A4f: not identified, because hidden causes
join the units' shares of treated members to the interferer, or to the outcome. What is left is the
effect with the interferer kept as it is, which is identified, and bounds of the full effect.
"""

from __future__ import annotations

from collections.abc import Iterator

from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import project
from umbel.graph.walks import ancestors, closure
from umbel.model.formula import Constant
from umbel.model.interfered import Arm, Interfered
from umbel.model.named import spelled_out
from umbel.model.policy import Family
from umbel.model.query import (
    Body,
    Combination,
    Drawn,
    Expectation,
    Held,
    Intervention,
    Named,
    Probability,
    Question,
    Term,
)
from umbel.variable import Domain, State


def interfered(graph: Graph, question: Question) -> Interfered | None:
    """The question as policies through an interferer; None where it is another one.

    Right when members are treated by nothing but their unit's causes, the outcome has no other
    cause inside the unit, and every way from the treatment to others leads through one observed
    variable of the unit.

    Parameters
    ----------
    graph, question
        They fit each other.

    Examples
    --------
    >>> graph = Graph.parse("plate pupil { A Y }; latent U; U -> { A Z Y }; A -> { Z Y }; Z -> Y")
    >>> found = interfered(graph, Question.parse("E[Y | do(A ~ Bernoulli(0.8))]"))
    >>> found.interferer, found.hidden, found.arms[0].policy
    ('Z', True, ((0, 0.19999999999999996), (1, 0.8)))
    """
    terms = list(_terms(question.body))
    if not terms or graph.crosses_members or graph.aggregates or any(graph.neighbours):
        return None
    first = terms[0][1]
    names = {_names(term) for _, term in terms}
    if len(names) != 1 or None in names:
        return None
    (pair,) = names
    assert pair is not None
    treatment, outcome = (graph.index(name) for name in pair)
    middle = _middle(graph, treatment, outcome)
    if middle is None:
        return None
    domains = dict(graph.facts.domains)
    states = domains.get(treatment)
    policies = [_policy(term.do[0], states) for _, term in terms]
    if any(policy is None for policy in policies):
        return None
    arms = tuple(
        Arm(weight, str(Question.of(term)), policy)
        for (weight, term), policy in zip(terms, policies, strict=True)
        if policy is not None
    )
    projected = _flat(graph, treatment, middle, outcome)
    place = projected.index(graph.names[outcome])
    rising = tuple(edge in graph.facts.monotone for edge in ((treatment, middle), (middle, outcome)))
    return Interfered(
        graph.names[treatment],
        graph.names[outcome],
        first.outcomes[0].value if isinstance(first, Probability) else None,
        graph.names[middle],
        arms,
        bool(projected.siblings[place]),
        (rising[0], rising[1]),
        not _unused(graph, treatment, middle, outcome),
        (domains.get(treatment), domains.get(outcome), domains.get(middle)),
    )


def _terms(body: Body) -> Iterator[tuple[float, Expectation | Probability]]:
    """Weighted terms; none where the body is of another form."""
    match body:
        case Expectation() | Probability():
            yield 1.0, body
        case Named(kind="ATE"):
            yield from _terms(spelled_out(body))
        case Combination(parts):
            found = [(weight, part) for weight, part in parts]
            if all(isinstance(part, Expectation | Probability) for _, part in found):
                yield from ((weight, part) for weight, part in found if isinstance(part, Expectation | Probability))
        case _:
            return


def _names(term: Term) -> tuple[str, str] | None:
    """Treatment and outcome of a term with one of each and no condition."""
    if not isinstance(term, Expectation | Probability) or term.given or len(term.do) != 1:
        return None
    if len(term.outcomes) != 1 or term.outcomes[0].world:
        return None
    if isinstance(term, Probability) and term.outcomes[0].value is None:
        return None
    return term.do[0].name, term.outcomes[0].variable


def _policy(item: Intervention, states: Domain | None) -> tuple[tuple[State, float], ...] | None:
    """How likely each of the two states is; None for laws that are not plain numbers."""
    low, high = states.states if states is not None and len(states) == 2 else (0, 1)
    if states is not None and len(states) != 2:
        return None
    match item:
        case Held(_, value):
            return tuple((state, float(state == value)) for state in (low, high))
        case Drawn(_, Family("Bernoulli", (Constant(bool() | int() | float() as chance),))):
            return (low, 1.0 - float(chance)), (high, float(chance))
        case Drawn(_, Family("Point", (Constant(value),))):
            return tuple((state, float(state == value)) for state in (low, high))
        case _:
            return None


def _middle(graph: Graph, treatment: int, outcome: int) -> int | None:
    """The interferer, where the graph has the form that the bounds are right for."""
    plate = graph.plate_of[treatment]
    if plate < 0 or graph.plate_of[outcome] != plate or graph.plates[plate].outer >= 0:
        return None
    relevant = ancestors(graph, 1 << outcome | 1 << treatment)
    if any(graph.plate_of[node] >= 0 for node in bits(relevant & ~(1 << treatment | 1 << outcome))):
        return None
    if graph.siblings[treatment] >> outcome & 1:
        return None
    moved = closure(1 << treatment, graph.children, graph.everything) & relevant & ~(1 << treatment | 1 << outcome)
    between = list(bits(moved))
    if len(between) != 1 or graph.latent >> between[0] & 1:
        return None
    return between[0]


def _flat(graph: Graph, *kept: int) -> Graph:
    """The three variables of one unit, all else hidden."""
    hidden = graph.everything & ~sum(1 << node for node in kept)
    return project(Graph(graph.names, graph.parents, graph.siblings, graph.neighbours, latent=hidden)).graph


def _unused(graph: Graph, *used: int) -> int:
    """Observed variables that matter and that the bounds do not read."""
    return ancestors(graph, sum(1 << node for node in used)) & graph.observed & ~sum(1 << node for node in used)
