"""Causal diagrams as plain sets of named edges: what the oracles read instead of the package's graphs."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from umbel.graph.mixed import Graph

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Diagram:
    """Names, ``->`` and ``<->`` by name, and which names nobody observes."""

    names: tuple[str, ...]
    directed: tuple[Edge, ...]
    bidirected: tuple[Edge, ...]
    latent: tuple[str, ...] = ()

    @property
    def visible(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.latent)

    def parents(self, name: str) -> tuple[str, ...]:
        return tuple(tail for tail, head in self.directed if head == name)

    def descendants(self, name: str) -> set[str]:
        """The name itself included."""
        seen = {name}
        while grown := {head for tail, head in self.directed if tail in seen} - seen:
            seen |= grown
        return seen

    def graph(self) -> Graph:
        """The same as a graph of the package."""
        return Graph.build(nodes=self.names, directed=self.directed, bidirected=self.bidirected, latent=self.latent)

    def renamed(self, names: dict[str, str], order: list[str]) -> Diagram:
        """The same diagram under other names, listed in another order."""

        def edges(of: tuple[Edge, ...]) -> tuple[Edge, ...]:
            return tuple((names[a], names[b]) for a, b in of)

        return Diagram(tuple(order), edges(self.directed), edges(self.bidirected), tuple(names[u] for u in self.latent))


def read(edges: str) -> Diagram:
    """A diagram from ``X->Z->Y;X<->Y``; names in order of first mention."""
    names: dict[str, None] = {}
    directed, bidirected = [], []
    for chain in edges.split(";"):
        words = re.split(r"(<->|->)", chain)
        names |= dict.fromkeys(words[::2])
        for tail, mark, head in zip(words[:-2:2], words[1::2], words[2::2], strict=True):
            (directed if mark == "->" else bidirected).append((tail, head))
    return Diagram(tuple(names), tuple(directed), tuple(bidirected))


def random_diagram(rng: np.random.Generator, visible: int, latent: int = 0, *, density: float = 1.0) -> Diagram:
    """A random diagram; its latent nodes stand anywhere in the order, so they may have parents.

    Names are listed in random order, so that it says nothing about the arrows.
    """
    order = [f"V{i}" for i in range(visible)] + [f"U{i}" for i in range(latent)]
    rng.shuffle(order)
    arrows, arcs = rng.uniform(0.25, 0.7) * density, rng.uniform(0.1, 0.4) * density
    directed, bidirected = [], []
    for i, tail in enumerate(order):
        for head in order[i + 1 :]:
            if rng.uniform() < arrows:
                directed.append((tail, head))
            if rng.uniform() < arcs * (0.3 if "U" in (tail + head) else 1.0):
                bidirected.append((tail, head))
    names = list(order)
    rng.shuffle(names)
    return Diagram(tuple(names), tuple(directed), tuple(bidirected), tuple(n for n in names if n[0] == "U"))
