"""A graph on some of its nodes: every index, mask, fact and note moved to its new place."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from umbel.graph.mixed import NO_FACTS, NO_NOTES, Aggregate, Facts, Graph, Notes, Part, bits


def restricted(
    graph: Graph,
    mask: int,
    parents: Iterable[int],
    siblings: Iterable[int],
    near: Iterable[int],
    facts: Facts,
) -> Graph:
    """The nodes of ``mask`` with the given edges, every index moved to its new place."""
    kept = list(bits(mask))
    place = [-1] * len(graph.names)
    for new, old in enumerate(kept):
        place[old] = new

    def packed(old: int) -> int:
        new = 0
        for i in bits(old & mask):
            new |= 1 << place[i]
        return new

    def chosen(masks: Iterable[int]) -> tuple[int, ...]:
        listed = list(masks)
        return tuple([packed(listed[i]) if listed[i] else 0 for i in kept])

    return Graph(
        tuple([graph.names[i] for i in kept]),
        chosen(parents),
        chosen(siblings),
        chosen(graph.neighbours),
        plates=graph.plates,
        plate_of=tuple([graph.plate_of[i] for i in kept]),
        latent=packed(graph.latent),
        aggregates=_moved_aggregates(graph.aggregates, mask, place) if graph.aggregates else (),
        near_parents=chosen(near),
        near_neighbours=chosen(graph.near_neighbours),
        facts=facts if facts == NO_FACTS else _moved_facts(kept_facts(facts, mask), place, packed),
        notes=graph.notes if graph.notes == NO_NOTES else _moved_notes(graph.notes, mask, place, packed),
    )


def kept_facts(facts: Facts, mask: int) -> Facts:
    """The facts that speak of members of a set only."""
    if facts == NO_FACTS:
        return facts
    return Facts(
        shared=facts.shared & mask,
        monotone=tuple(pair for pair in facts.monotone if mask >> pair[0] & mask >> pair[1] & 1),
        classes=tuple(pair for pair in facts.classes if mask >> pair[0] & 1),
        domains=tuple(pair for pair in facts.domains if mask >> pair[0] & 1),
    )


def _moved_facts(facts: Facts, place: list[int], packed: Callable[[int], int]) -> Facts:
    return Facts(
        shared=packed(facts.shared),
        monotone=tuple((place[a], place[b]) for a, b in facts.monotone),
        classes=tuple((place[node], k) for node, k in facts.classes),
        domains=tuple((place[node], domain) for node, domain in facts.domains),
    )


def _moved_aggregates(aggregates: tuple[Aggregate, ...], mask: int, place: list[int]) -> tuple[Aggregate, ...]:
    return tuple(
        Aggregate(place[a.child], a.kind, tuple(Part(place[p.node], p.weight, p.near) for p in a.parts))
        for a in aggregates
        if mask >> a.child & 1 and all(mask >> p.node & 1 for p in a.parts)
    )


def _moved_notes(notes: Notes, mask: int, place: list[int], packed: Callable[[int], int]) -> Notes:
    return Notes(
        roles=tuple((role, packed(nodes)) for role, nodes in notes.roles if nodes & mask),
        nodes=tuple((place[i], key, value) for i, key, value in notes.nodes if place[i] >= 0),
        edges=tuple(
            (place[a], mark, place[b], key, value)
            for a, mark, b, key, value in notes.edges
            if place[a] >= 0 and place[b] >= 0
        ),
        graph=notes.graph,
    )
