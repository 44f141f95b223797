"""The rung below identification: what response functions bound, as a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from umbel.errors import QuestionError
from umbel.graph.mixed import Graph
from umbel.identification.bounds import domains_of, programmes, unboundable, undeclared
from umbel.model.equations import Equations
from umbel.model.inequality import Inequality
from umbel.model.programme import Component, Programme
from umbel.model.query import Event, Expectation, Held, Named, Probability, Question, SetTo
from umbel.results.step import Step
from umbel.results.verdict import Bounded, Refused, Unidentified
from umbel.structure.response import TooManyFunctions
from umbel.variable import Domain, State

GRAPH = "The graph is right: every absent edge is an assumption."
CONSISTENCY = "Each unit's exogenous state fixes how every variable answers its causes, in every study alike."


def bounded(
    graph: Graph,
    question: Question,
    verdict: Unidentified | Refused,
    *,
    domains: Mapping[str, Domain] | None = None,
    equations: Equations | None = None,
    where: Sequence[Inequality] = (),
    whole: bool = False,
) -> Bounded | Unidentified | Refused:
    """The bounding programme of what identification leaves open, or the verdict as it was.

    Counterfactuals are bounded with the states 0 and 1 where none are declared; effects only
    where every cause of what is asked has declared states, since others may be numbers.

    Parameters
    ----------
    graph, question
        They fit each other; what no study measures is latent.
    verdict
        What identification says.
    domains
        States beyond the declared ones, from data.
    equations, where
        Given structural equations, and declared inequalities.
    whole
        Keep components that the question does not need, for records that tie them together.

    Examples
    --------
    >>> from umbel.identification.ask import identify_question
    >>> graph, question = Graph.parse("A -> Y; A <-> Y"), Question.parse("PNS(A, Y)")
    >>> bounded(graph, question, identify_question(graph, question)).kind
    'linear'
    """
    if unboundable(graph, question) is not None:
        return verdict
    missing = undeclared(graph, question)
    known = {**domains_of(graph), **{name: Domain.of_size(size) for name, size in (equations or _NONE).states}}
    known |= domains or {}
    assumed = tuple(name for name in missing if name not in known)
    if assumed and not question.is_counterfactual:
        return verdict
    known |= {name: states for name in assumed if (states := _named(question, name)) is not None}
    try:
        found = programmes(graph, question, known, equations=equations, where=where, whole=whole)
    except QuestionError as fault:
        if where and not isinstance(fault, TooManyFunctions):
            raise  # an inequality that the user wrote does not fit
        # Bounds that cannot be had take no verdict away.
        return verdict if isinstance(verdict, Refused) else _unbounded(verdict, fault)
    certificate = verdict.certificate if isinstance(verdict, Unidentified) else None
    remarks = []
    if assumed:
        remarks.append(f"Two states are taken for {', '.join(assumed)}: `states` and the data name no others.")
    if isinstance(verdict, Refused):
        remarks.append(f"Not identified by a built route: {verdict.refusal.why}")
    tried = verdict.steps if isinstance(verdict, Unidentified) else ()
    proof = verdict.proof if isinstance(verdict, Unidentified) else None
    steps, assumptions = (*tried, *_steps(found[0][1])), (GRAPH, CONSISTENCY)
    return Bounded(question, found, certificate, steps, assumptions, tuple(remarks), proof)


def _unbounded(verdict: Unidentified, fault: QuestionError) -> Unidentified:
    return replace(verdict, remarks=(*verdict.remarks, f"Not bounded: {fault}"))


OTHER = "another state"
"""Stands for what the question does not name."""
_NONE = Equations((), (), ())


def _named(question: Question, name: str) -> Domain | None:
    """States of a variable without declared ones: those that the question names, beside one more; None: 0 and 1."""
    events: list[Event] = []
    for term in question.terms():
        if isinstance(term, Probability | Expectation):
            events += term.outcomes
        if isinstance(term, Probability | Expectation | Named):
            events += term.given
    found = dict.fromkeys(value for event in events for value in _values(event, name))
    if set(found) <= {0, 1}:
        return None
    return Domain((*found, OTHER) if len(found) == 1 else tuple(found))


def _values(event: Event, name: str) -> Iterator[State]:
    if event.variable == name and event.value is not None:
        yield event.value
    for item in event.world:
        if isinstance(item, Held) and item.name == name:
            yield item.value
        elif isinstance(item, SetTo):
            yield from _values(item.event, name)


def _steps(programme: Programme) -> tuple[Step, ...]:
    settings: dict[tuple[int, ...], list[Component]] = {}
    for component in programme.components:
        settings.setdefault(component.nodes, []).append(component)
    parts = [
        f"{programme.labels(some[0])} ({some[0].size:,} joint functions{_each(programme, some)})"
        for some in settings.values()
    ]
    several = "one component decides it" if len(parts) == 1 else f"{len(parts)} components decide it"
    return (
        Step("response functions", f"the question reads {', '.join(parts) or 'no component'}"),
        Step("programme", f"{programme.kind}: {several}"),
    )


def _each(programme: Programme, some: Sequence[Component]) -> str:
    """In how many settings of which covariates a component has laws of its own."""
    if not some[0].given:
        return ""
    names = ", ".join(programme.names[node] for node, _ in some[0].given)
    return f", for each of {len(some):,} values of {names}"
