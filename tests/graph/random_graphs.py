"""Random graphs for the tests of this room: plain ones for oracles, full ones for round trips."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from umbel.graph.mixed import Aggregate, Facts, Graph, Part, bits
from umbel.variable import Domain, Plate


def mixed_graph(rng: random.Random, size: int, *, bidirected: float = 0.2, undirected: float = 0.0) -> Graph:
    """A random acyclic mixed graph whose node order says nothing about its arrows."""
    names = [f"V{i}" for i in range(size)]
    order = rng.sample(names, size)
    edges: dict[str, list[tuple[str, str]]] = {"directed": [], "bidirected": [], "undirected": []}
    for i in range(size):
        for j in range(i + 1, size):
            for kind, rate in (("directed", 0.35), ("bidirected", bidirected), ("undirected", undirected)):
                if rng.random() < rate:
                    edges[kind].append((order[i], order[j]))
    return Graph.build(nodes=names, **edges)


def subsets(mask: int) -> list[int]:
    """Every subset of a mask."""
    found, sub = [0], mask
    while sub:
        found.append(sub)
        sub = (sub - 1) & mask
    return found


WORDS = ("A", "B", "Y", "X1", "Birth.weight", "größe", "_x", "plate", "latent", "states", "dag", "sum", "true")
ODD = (
    "Birth weight",
    "2010",
    "A.near",
    "a -> b",
    'say "hi"',
    "back\\slash",
    "tab\there",
    "x;y",
    "#",
    "…",
    "{",
    "new\nline",
)
names = st.lists(st.sampled_from(WORDS + ODD), max_size=7, unique=True)
labels = st.one_of(
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(("low", "high", "true", "false", "", "two words", "-1", "1")),
)


@st.composite
def graphs(draw: Any) -> Graph:
    """A graph that uses everything the language can say."""
    known = tuple(draw(names))
    size = len(known)
    plates = draw(plate_lists())
    homes = tuple(draw(st.integers(-1, len(plates) - 1)) for _ in known)
    order = draw(st.permutations(range(size)))
    macros = draw(st.sets(st.sampled_from(range(size)), max_size=2)) if size else set()

    def around(place: int) -> list[int]:
        return [-1] if place < 0 else [place, *around(plates[place].outer)]

    def network(node: int) -> int:
        return next((place for place in around(homes[node]) if place >= 0 and plates[place].network), -1)

    masks = [[0] * size for _ in range(5)]
    parts: dict[int, list[Part]] = {child: [] for child in macros}
    for i, a in enumerate(order):
        for b in order[i:]:
            together = network(a) >= 0 and network(a) == network(b)
            if b in macros:
                if a != b and draw(st.booleans()):
                    parts[b].append(Part(a, draw(st.sampled_from((1.0, -2.5, 1e22))), together and draw(st.booleans())))
                continue
            kind = draw(st.sampled_from(("", "", "->", "<->", "--", "near", "near --")))
            if kind == "->" and a != b:
                masks[0][b] |= 1 << a
            elif kind in ("<->", "--") and a != b and a not in macros:
                for v, w in ((a, b), (b, a)):
                    masks[1 if kind == "<->" else 2][v] |= 1 << w
            elif kind == "near" and together and a != b:
                masks[3][b] |= 1 << a
            elif kind == "near --" and together and a not in macros:
                for v, w in ((a, b), (b, a)):
                    masks[4][v] |= 1 << w
    aggregates = []
    for child in sorted(child for child in macros if parts[child]):
        kind = draw(st.sampled_from(("sum", "mean", "weighted")))
        chosen = [part if kind == "weighted" else Part(part.node, 1.0, part.near) for part in parts[child]]
        if any(part.near for part in chosen):  # it stands in the braces of its network, and so do its parts
            place = network(child)
            chosen = [p for p in chosen if place in around(homes[p.node]) or homes[p.node] in around(place)]
        aggregates.append(Aggregate(child, kind, tuple(chosen)))
    classes = (
        sorted(draw(st.dictionaries(st.sampled_from(range(size)), st.sampled_from((None, 2, 7)), max_size=2)).items())
        if size
        else []
    )
    hidden = draw(st.integers(0, (1 << size) - 1))
    for node, _ in classes:
        hidden |= 1 << node
    arrows = [(a, b) for b in range(size) for a in bits(masks[0][b])]
    facts = Facts(
        shared=draw(st.integers(0, (1 << size) - 1)) if draw(st.booleans()) else 0,
        monotone=tuple(sorted(draw(st.sets(st.sampled_from(arrows), max_size=2)))) if arrows else (),
        classes=tuple(classes),
        domains=tuple((v, draw(domains)) for v in range(size) if draw(st.integers(0, 3)) == 0),
    )
    return Graph(
        known,
        *(tuple(mask) for mask in masks[:3]),
        plates=plates,
        plate_of=homes,
        latent=hidden,
        aggregates=tuple(aggregates),
        near_parents=tuple(masks[3]),
        near_neighbours=tuple(masks[4]),
        facts=facts,
    )


domains = st.one_of(
    st.integers(1, 4).map(Domain.of_size),
    st.lists(labels, min_size=1, max_size=4, unique=True).map(lambda states: Domain(tuple(states))),
    st.just(Domain((False, True))),
)


@st.composite
def plate_lists(draw: Any) -> tuple[Plate, ...]:
    """Plates that nest in any order; no network inside a network."""
    plates: list[Plate] = []
    for name in draw(
        st.lists(st.sampled_from(("student", "class", "plate", "two words", "s.near")), max_size=4, unique=True)
    ):
        outer = draw(st.integers(-1, len(plates) - 1))
        around, inside = outer, False
        while around >= 0:
            inside, around = inside or plates[around].network, plates[around].outer
        plates.append(Plate(name, outer, network=not inside and draw(st.booleans())))
    return tuple(plates)
