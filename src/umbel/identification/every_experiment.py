"""Which experiments a question could use, when every experiment is known.

An effect asks for one: that which sets what it sets. Events in several worlds split into laws of
districts with everything else set, so the sets around these districts are enough; where the graph
is small, all sets are given, which needs no argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors
from umbel.identification.counterfactual import counterfactual_effect
from umbel.identification.one_world import as_effect
from umbel.model.proof import Worlds
from umbel.model.query import ClassEffects, Expectation, Named, Probability, Question, Term, names_of_term
from umbel.results.step import Refusal

MOST_NAMES = 6
"""Observed causes of what is asked, up to which every set of them is an experiment."""


def every_experiment(graph: Graph, question: Question) -> tuple[tuple[str, ...], ...]:
    """Sets of names that experiments set, as far as a question can use them.

    Examples
    --------
    >>> graph = Graph.parse("X -> Y <-> Z; X <-> Y; Z -> Y")
    >>> every_experiment(graph, Question.parse("P(Y | do(X))"))
    (('X',),)
    >>> every_experiment(graph, Question.parse("P(Y[X=0]=0, Z=1)"))
    (('X',), ('Y',), ('Z',), ('X', 'Y'), ('X', 'Z'), ('Y', 'Z'))
    """
    found = (names for term in question.terms() for names in _sets(graph, term))
    return tuple(dict.fromkeys(names for names in found if names))


def _sets(graph: Graph, term: Term) -> Iterator[tuple[str, ...]]:
    if isinstance(term, Named | ClassEffects):
        yield (term.treatment,)
    if isinstance(term, Probability | Expectation):
        yield tuple(item.name for item in term.do)
    if isinstance(term, ClassEffects) or not Question.of(term).is_counterfactual:
        return
    asked = graph.mask(names_of_term(term))
    relevant = ancestors(graph, asked) & graph.observed
    if relevant.bit_count() <= MOST_NAMES:
        for size in range(1, relevant.bit_count()):
            yield from combinations(graph.names_of(relevant), size)
        return
    if isinstance(term, Probability | Expectation):
        effect = as_effect(graph, term)
        yield tuple(item.name for item in effect.do)
        if Question.of(effect).is_counterfactual:
            yield from _around_districts(graph, counterfactual_effect(graph, effect))


def _around_districts(graph: Graph, found: Worlds | Refusal) -> Iterator[tuple[str, ...]]:
    if isinstance(found, Refusal):
        return
    for factor in (*found.numerator, *found.denominator):
        around = found.graph.everything & ~factor.district
        yield tuple(found.graph.names[node] for node in bits(around) if found.graph.names[node] in graph.names)
