"""One question put to the package, to enumeration and to the rank oracle: the three must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.oracles.counterfactual.draw import Asked
from tests.oracles.counterfactual.rank import Study, can_move, valued
from tests.oracles.counterfactual.response import ResponseModel, random_response_model
from tests.oracles.flat.reference import Reference
from umbel.expr.build import free, settled
from umbel.expr.nodes import AtState, Expr, Raw, Symbol
from umbel.graph.mixed import Facts, Graph
from umbel.identification.counterfactual import counterfactual_effect
from umbel.model.proof import Worlds
from umbel.model.task import Sight
from umbel.numerics.tables import Table
from umbel.results.step import Refusal
from umbel.variable import Domain

EXACT = 1e-10
"""Enumeration in float64 of a few thousand rows leaves errors near 1e-15."""
TYPES = (9, 12, 16, 16, 20, 20, 27, 40, 60)
"""Functions of one mechanism that models of three states are drawn with: few show what is rare."""


def sights_of(graph: Graph, studies: Sequence[Study]) -> tuple[Sight, ...]:
    """Studies as the package knows them."""
    found = []
    for i, study in enumerate(studies):
        seen = graph.observed if study.sees is None else graph.mask((*study.sees, *study.sets))
        doses = () if study.doses is None else tuple(map(AtState, study.doses))
        limits = tuple((graph.index(name), doses) for name in study.sets) if doses else ()
        found.append(Sight(i, seen, graph.mask(study.sets), limits))
    return tuple(found)


def check(asked: Asked, rng: np.random.Generator, studies: Sequence[Study] = (), *, binary: bool = False) -> str:
    """Put the question; the verdict, as a word. Fails where the package, enumeration and ranks disagree.

    ``binary``: the package knows that every name has two states, which identifies more.
    """
    graph, term = asked.diagram.graph(), asked.term()
    if binary:
        graph = replace(graph, facts=Facts(domains=tuple((i, Domain((0, 1))) for i in range(len(graph.names)))))
    found = counterfactual_effect(graph, term, sights_of(graph, studies))
    if isinstance(found, Refusal):
        assert "undefined" in found.why, (found, asked)
        model = random_response_model(asked.diagram, rng)
        chances = [model.chance((), events) for events in valued(asked.given, 2)]
        assert np.isnan(chances).any(), ("conditions that may happen", asked, asked.text())
        return "undefined"
    if found.expr is None:
        if not found.complete:
            return "no by this route"
        shown = shows_no(asked, rng, studies, most=2 if binary else 3)
        assert shown, ("nothing moves", asked, asked.text(), studies)
        return shown
    moved = can_move(asked.diagram, asked.happenings, asked.given, rng, tries=2, studies=studies or (Study(),))
    assert not moved, ("not identified", asked, asked.text(), studies)
    largest, gap = truth_gap(asked, found, rng, studies, most=2 if found.uses else 3)
    assert gap < EXACT, (asked, asked.text(), gap)
    return "zero" if not largest else "yes by its states" if found.uses else "yes"


def shows_no(asked: Asked, rng: np.random.Generator, studies: Sequence[Study], *, most: int = 3) -> str:
    """How the rank oracle shows that a question is not identified: with two states, three, or not at all."""
    question, known = (asked.diagram, asked.happenings, asked.given, rng), studies or (Study(),)
    if can_move(*question, studies=known):
        return "no"
    for hidden in (3, 4) if asked.diagram.latent else ():  # a latent name of few states shows in its children
        if any(can_move(*question, types=types, latent=hidden, studies=known) for types in (16, 30)):
            return "no"
    three = most > 2 and any(can_move(*question, states=3, types=types, studies=known) for types in TYPES)
    return "no with three states" if three else ""


def truth_gap(
    asked: Asked, found: Worlds, rng: np.random.Generator, studies: Sequence[Study], *, most: int = 3
) -> tuple[float, float]:
    """The largest truth in models of two and three states, and how far the estimand is from it at most."""
    assert found.expr is not None
    expr = settled(found.expr)
    largest = gap = 0.0
    for states, types in ((2, None), (3, 9)):
        if states > most:
            break
        model = random_response_model(asked.diagram, rng, states=states, types=types)
        if np.prod([float(len(table)) for table in model.functions.values()]) > 20_000:
            continue
        sources = [known(model, study) for study in studies or (Study(),)]
        blank = Table(asked.diagram.visible, np.ones((states,) * len(asked.diagram.visible)))
        reference = Reference([*sources, blank])  # the last says what the states are of names that nobody saw
        for events in valued((*asked.happenings, *asked.given), states):
            truth = model.chance(events[: len(asked.happenings)], events[len(asked.happenings) :])
            at = {
                Symbol(Raw(name)): event.value
                for name, event, old in zip(
                    [event.name for event in events], events, (*asked.happenings, *asked.given), strict=True
                )
                if old.value is None and event.value is not None
            }
            value = value_at(expr, reference, at)
            if np.isnan(truth):
                continue
            assert value is not None, (asked, asked.text(), truth)
            largest, gap = max(largest, truth), max(gap, abs(value - truth))
    return largest, gap


def value_at(expr: Expr, reference: Reference, at: dict[Symbol, int]) -> float | None:
    """The estimand where the free variables stand; a nuisance that it does not depend on stands at 0."""
    return reference.value(expr, dict.fromkeys(free(expr), 0) | at)


def known(model: ResponseModel, study: Study) -> Table:
    """What a study shows; what it sets is drawn evenly from its doses."""
    names = study.names(model.diagram)
    types, weights = model.types(), model.weights().sum(axis=0)
    law = np.zeros(tuple(model.sizes[name] for name in names))
    worlds = list(study.worlds(model.sizes[names[0]]))
    for world in worlds:
        np.add.at(law, tuple(model.value(name, world, types) for name in names), weights / len(worlds))
    return Table(names, law)
