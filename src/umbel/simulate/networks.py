"""Means over a network against the truth: three persons on a line, enumerated.

The mean over persons is the average of each person's mean, and each of those is a question about a
plain graph of copies. There the engine identifies it, and random models with replaced equations
tell whether it is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from umbel.graph.mixed import Graph
from umbel.graph.segregated import anterior
from umbel.graph.surgery import induced
from umbel.identification.ask import identify_question
from umbel.model.named import spelled_out
from umbel.model.policy import Unspecified
from umbel.model.query import Best, Drawn, Expectation, Held, Intervention, Named, Probability, Question
from umbel.results.verdict import Identified
from umbel.structure.copies import on_a_line, person_name

PERSONS = 3
NEAR = ".near"


def network_gaps(verdict: Identified, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Largest error of each term, asked of the person in the middle of a line."""
    graph = verdict.proof.graph
    copies = on_a_line(graph, PERSONS)
    body = verdict.question.body
    chosen = body.parameters if isinstance(body, Best) else ()
    if isinstance(body, Named):
        states = dict(graph.facts.domains).get(graph.index(body.treatment))
        low, high = states.states[:2] if states else (0, 1)
        body = spelled_out(body, low=low, high=high)
    for term in Question.of(body).terms():
        if not isinstance(term, Expectation | Probability) or not term.do:
            continue
        do = tuple(_copied(graph, item, person, chosen) for item in term.do for person in range(PERSONS))
        of, *given = (replace(one, variable=_middle(one.variable)) for one in (*term.outcomes, *term.given))
        asked: Expectation | Probability = Expectation(of, do, tuple(given))
        if isinstance(term, Probability):
            asked = Probability((of,), do, tuple(given))
        part = anterior(copies, copies.mask(name for name in Question.of(asked).names()))
        found = identify_question(induced(copies, part), Question.of(asked))
        if not isinstance(found, Identified):
            yield "persons on a line", math.inf
            continue
        gap = found.verify(rng=rng).value
        yield "persons on a line", math.inf if gap is None else gap


def _middle(name: str) -> str:
    return person_name(name, PERSONS // 2)


def _copied(graph: Graph, item: Intervention, person: int, chosen: tuple[str, ...]) -> Intervention:
    """What an intervention does to one person; a law keeps what it reads and is otherwise left open."""
    name = person_name(item.name, person)
    if isinstance(item, Held):
        return Held(name, item.value)
    assert isinstance(item, Drawn), f"a network mean sets values or laws, not {item}"
    reads: list[str] = []
    for read in (name for name in item.law.reads if name not in chosen):
        made = next((one for one in graph.aggregates if graph.names[one.child] == read), None)
        if read in graph.names and made is None:
            reads.append(person_name(read, person))
            continue
        of = read.removesuffix(NEAR) if made is None else graph.names[made.parts[0].node]
        reads += [person_name(of, other) for other in (person - 1, person + 1) if 0 <= other < PERSONS]
    return Drawn(name, Unspecified("q", tuple(dict.fromkeys(reads))))
