"""A graph in words: what varies where, what is hidden, and what each edge says.

The sentences are for a reader who knows the subject and not the arrows. They are complete:
each edge and each fact of the graph is in one of them, unless the graph is too large to read.
"""

from __future__ import annotations

from collections.abc import Iterable

from umbel.graph.mixed import Aggregate, Graph, bits

LONGEST = 40
"""Sentences shown of a large graph."""


def graph_words(graph: Graph, *, most: int = LONGEST) -> tuple[str, ...]:
    """The graph as sentences, levels first; O(variables + edges).

    Parameters
    ----------
    graph
        Any graph.
    most
        Sentences to show; the rest are counted.

    Examples
    --------
    >>> from umbel.graph.mixed import Graph
    >>> graph_words(Graph.build(directed=[("U", "A"), ("U", "Y"), ("A", "Y")], latent=["U"]))
    ('Variables: U (hidden), A, Y.', 'U causes A and Y.', 'A causes Y.')
    """
    sentences = [*_levels(graph), *_causes(graph), *_aggregates(graph), *_ties(graph), *_facts(graph)]
    if len(sentences) > most:
        left = len(sentences) - most
        return (*sentences[:most], f"… and {left} more {'sentence' if left == 1 else 'sentences'}.")
    return tuple(sentences)


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def _levels(graph: Graph) -> list[str]:
    def members(plate: int) -> str:
        nodes = [node for node, at in enumerate(graph.plate_of) if at == plate]
        return ", ".join(graph.names[node] + (" (hidden)" if graph.latent >> node & 1 else "") for node in nodes)

    sentences = []
    if unit_level := members(-1):
        sentences.append(f"{'Each unit' if graph.plates else 'Variables'}: {unit_level}.")
    for index, plate in enumerate(graph.plates):
        inside = f" in a {graph.plates[plate.outer].name}" if plate.outer >= 0 else " in a unit"
        where = f"Each {plate.name}{' of the network' if plate.network else inside}"
        sentences.append(f"{where}: {members(index)}." if members(index) else f"{where}.")
    return sentences


def _causes(graph: Graph) -> list[str]:
    sentences = []
    near: list[list[str]] = [[] for _ in graph.names]
    for node, mask in enumerate(graph.near_parents):
        for parent in bits(mask):
            near[parent].append(graph.names[node])
    for node, name in enumerate(graph.names):
        alike = [other for other, mask in enumerate(graph.children) if mask == graph.children[node]]
        if graph.children[node] and node == alike[0]:  # causes of the same variables share a sentence
            causes = "causes" if len(alike) == 1 else "cause"
            subject = listed(graph.names[other] for other in alike)
            sentences.append(f"{subject} {causes} {listed(graph.names_of(graph.children[node]))}.")
        if near[node]:
            sentences.append(f"{name} of the neighbours causes {listed(near[node])}.")
    return sentences


def _aggregates(graph: Graph) -> list[str]:
    return [_aggregate(graph, aggregate) for aggregate in graph.aggregates]


def _aggregate(graph: Graph, aggregate: Aggregate) -> str:
    parts = []
    for part in aggregate.parts:
        name = graph.names[part.node] + (" of the neighbours" if part.near else "")
        parts.append(f"{part.weight:g} times {name}" if aggregate.kind == "weighted" else name)
    kind = "sum" if aggregate.kind == "weighted" else aggregate.kind
    return f"{graph.names[aggregate.child]} is the {kind} of {listed(parts)}."


def _ties(graph: Graph) -> list[str]:
    sentences = []
    for node, name in enumerate(graph.names):
        for other in bits(graph.siblings[node] >> node + 1 << node + 1):  # each pair once
            sentences.append(f"{name} and {graph.names[other]} share a hidden cause.")
        for other in bits(graph.neighbours[node] >> node + 1 << node + 1):
            sentences.append(f"{name} and {graph.names[other]} are in equilibrium.")
        for other in bits(graph.near_neighbours[node]):
            sentences.append(f"{name} and {graph.names[other]} of the neighbours are in equilibrium.")
    return sentences


def _facts(graph: Graph) -> list[str]:
    facts = graph.facts
    return [
        *(f"{graph.names[node]} has no unit-level noise beyond its parents." for node in bits(facts.shared)),
        *(f"{graph.names[high]} never falls when {graph.names[low]} rises." for low, high in facts.monotone),
        *(
            f"{graph.names[node]} has {count} classes."
            if count is not None
            else f"{graph.names[node]} is a class; how many there are is tested."
            for node, count in facts.classes
        ),
        *(
            f"{graph.names[node]} takes {listed(map(str, domain.states))}; {domain.states[0]} is the reference."
            for node, domain in facts.domains
            if domain.states
        ),
    ]
