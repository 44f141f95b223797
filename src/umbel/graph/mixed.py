"""One frozen mixed graph on integer bitmasks: the form that every structure is lowered to.

Node ``i`` is bit ``1 << i``; a set of nodes is an ``int``. Directed, bidirected and undirected
edges are stored as one mask per node, so that walks, separation and identification are word
operations (spec: verdicts in microseconds). A graph class (DAG, ADMG, chain graph, segregated
graph, hierarchical model) is a predicate in ``graph/classes.py``, never a subclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from umbel.errors import GraphError, did_you_mean, shown
from umbel.variable import Domain, Plate


def bits(mask: int) -> Iterator[int]:
    """Indices of the members of a mask, ascending.

    Examples
    --------
    >>> list(bits(0b1010))
    [1, 3]
    """
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(frozen=True, slots=True)
class Part:
    """One micro-variable of a macro-variable, with its weight; ``near``: of the neighbours."""

    node: int
    weight: float = 1.0
    near: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``Sales = sum(Shampoo, Soap)``: ``child`` is a known map of its parts.

    ``kind`` is ``"sum"``, ``"mean"`` or ``"weighted"``; aggregation edges run from the parts to
    the child and are not among ``Graph.parents``.
    """

    child: int
    kind: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the user asserts beyond the edges. Facts travel with the graph, or are refused.

    Parameters
    ----------
    shared
        Mask of variables with no unit-level noise beyond their parents (``assume shared X``).
    monotone
        Pairs ``(cause, effect)`` of ``assume monotone A -> W``.
    classes
        Pairs ``(node, k)`` of ``classes U = k``; ``k`` is None when their number is tested.
    domains
        Pairs ``(node, Domain)`` of ``states X = …``.
    """

    shared: int = 0
    monotone: tuple[tuple[int, int], ...] = ()
    classes: tuple[tuple[int, int | None], ...] = ()
    domains: tuple[tuple[int, Domain], ...] = ()


NO_FACTS = Facts()
"""Nothing asserted beyond the edges."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What other tools wrote beside the graph and umbel only keeps: roles, positions, attributes.

    Parameters
    ----------
    roles
        Pairs ``(role, mask)`` with role "exposure", "outcome", "adjusted" or "selected".
    nodes
        Triples ``(node, key, value)``, e.g. ``(0, "pos", "1.0,2.0")``.
    edges
        Tuples ``(tail, mark, head, key, value)``.
    graph
        Pairs ``(key, value)``, e.g. ``("bb", "0,0,1,1")``.
    """

    roles: tuple[tuple[str, int], ...] = ()
    nodes: tuple[tuple[int, str, str], ...] = ()
    edges: tuple[tuple[int, str, int, str, str], ...] = ()
    graph: tuple[tuple[str, str], ...] = ()


NO_NOTES = Notes()

LONGEST_REPR = 400
"""Characters of graph text that a repr shows."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A mixed graph with plates, latent marks and facts. Immutable; graphs that say the same are equal.

    Build one with :meth:`parse` (text) or :meth:`build` (edges by name); the constructor takes
    masks and checks nothing but their lengths.

    Parameters
    ----------
    names
        Name of each node; node ``i`` is bit ``1 << i`` everywhere.
    parents, siblings, neighbours
        One mask per node: tails of ``->`` into it, ends of ``<->`` and of ``--``.
    plates, plate_of
        The plates, an outer one before those inside it, and for each node the index of its
        innermost plate (-1: unit level).
    latent
        Mask of hidden nodes.
    aggregates
        Macro-variables with their maps.
    near_parents, near_neighbours
        One mask per node: ``X.near -> Y`` and ``X -- Y.near`` inside a network.
    facts
        Declared assumptions.
    notes
        What other tools wrote; no part of what the graph says, so ignored by ``==``.
    children
        One mask per node, derived from ``parents``.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "Z"), ("Z", "Y")], bidirected=[("X", "Y")])
    >>> graph.names_of(graph.parents[graph.index("Y")])
    ('Z',)
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    siblings: tuple[int, ...]
    neighbours: tuple[int, ...]
    plates: tuple[Plate, ...] = ()
    plate_of: tuple[int, ...] = ()
    latent: int = 0
    aggregates: tuple[Aggregate, ...] = ()
    near_parents: tuple[int, ...] = ()
    near_neighbours: tuple[int, ...] = ()
    facts: Facts = NO_FACTS
    notes: Notes = field(default=NO_NOTES, compare=False)
    children: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        n = len(self.names)
        children = [0] * n
        bit = 1
        for mask in self.parents:  # bits() unrolled: graphs are made by the thousand
            while mask:
                low = mask & -mask
                children[low.bit_length() - 1] |= bit
                mask ^= low
            bit <<= 1
        object.__setattr__(self, "children", tuple(children))
        if not self.plate_of:
            object.__setattr__(self, "plate_of", (-1,) * n)
        if not self.near_parents:
            object.__setattr__(self, "near_parents", (0,) * n)
        if not self.near_neighbours:
            object.__setattr__(self, "near_neighbours", (0,) * n)

    @staticmethod
    def build(
        *,
        nodes: Iterable[str] = (),
        directed: Iterable[tuple[str, str]] = (),
        bidirected: Iterable[tuple[str, str]] = (),
        undirected: Iterable[tuple[str, str]] = (),
        latent: Iterable[str] = (),
    ) -> Graph:
        """A graph without plates from edges by name; nodes in order of first mention.

        Examples
        --------
        >>> Graph.build(nodes=["W"], directed=[("X", "Y")]).names
        ('W', 'X', 'Y')
        """
        order: dict[str, int] = {}
        lists = [list(directed), list(bidirected), list(undirected)]
        hidden = list(latent)
        for name in [*nodes, *(end for edges in lists for edge in edges for end in edge), *hidden]:
            order.setdefault(name, len(order))
        masks = [[0] * len(order) for _ in range(3)]
        for kind, edges in enumerate(lists):
            for a, b in edges:
                i, j = order[a], order[b]
                masks[kind][j] |= 1 << i
                if kind:
                    masks[kind][i] |= 1 << j
        return Graph(
            tuple(order),
            tuple(masks[0]),
            tuple(masks[1]),
            tuple(masks[2]),
            latent=sum(1 << order[name] for name in set(hidden)),
        )

    @staticmethod
    def parse(text: str) -> Graph:
        """Read graph text: umbel's own language, or DAGitty's as it is.

        Raises
        ------
        GrammarError, GraphError
            With line, column, the word and what was possible.

        Examples
        --------
        >>> Graph.parse("latent U; U -> { A Y }; A -> Y").names
        ('U', 'A', 'Y')
        """
        from umbel.graph.parse import parse_graph

        return parse_graph(text)

    def text(self) -> str:
        """The graph in umbel's own language, one statement a line; it reads back as an equal graph.

        Examples
        --------
        >>> print(Graph.parse("Z -> A <- U; latent U").text())
        Z -> A
        U -> A
        latent U
        """
        from umbel.graph.render import graph_text

        return graph_text(self)

    def __repr__(self) -> str:
        """The call that makes this graph; a large one by its size."""
        text = str(self).replace("\n", "; ")
        if len(text) <= LONGEST_REPR:
            return f"Graph.parse({text!r})"
        edges = sum(map(int.bit_count, self.parents))
        return f"<Graph of {len(self.names):,} variables and {edges:,} arrows>"

    def __str__(self) -> str:
        return self.text()

    @staticmethod
    def from_edges(
        edges: Iterable[str | tuple[str, str] | tuple[str, str, str]],
        *,
        nodes: Iterable[str] = (),
        latent: Iterable[str] = (),
    ) -> Graph:
        """A graph from pairs, triples and pieces of text; see :func:`umbel.graph.exchange.from_edges`."""
        from umbel.graph.exchange import from_edges

        return from_edges(edges, nodes=nodes, latent=latent)

    def to_edges(self) -> tuple[tuple[str, str, str], ...]:
        """The edges as triples of names and mark; see :func:`umbel.graph.exchange.to_edges`."""
        from umbel.graph.exchange import to_edges

        return to_edges(self)

    @staticmethod
    def from_networkx(source: Any, *, latent: Iterable[str] = ()) -> Graph:
        """A graph from networkx; see :func:`umbel.graph.exchange.from_networkx`."""
        from umbel.graph.exchange import from_networkx

        return from_networkx(source, latent=latent)

    def to_networkx(self) -> Any:
        """A networkx MultiDiGraph; see :func:`umbel.graph.exchange.to_networkx`."""
        from umbel.graph.exchange import to_networkx

        return to_networkx(self)

    @staticmethod
    def from_dot(text: str) -> Graph:
        """A graph from Graphviz text; see :func:`umbel.graph.exchange.from_dot`."""
        from umbel.graph.exchange import from_dot

        return from_dot(text)

    def to_dot(self) -> str:
        """Graphviz text; see :func:`umbel.graph.exchange.to_dot`."""
        from umbel.graph.exchange import to_dot

        return to_dot(self)

    def to_dagitty(self) -> str:
        """DAGitty text with the notes it was read with; see :func:`umbel.graph.dagitty.to_dagitty`."""
        from umbel.graph.dagitty import to_dagitty

        return to_dagitty(self)

    @property
    def everything(self) -> int:
        """Mask of all nodes."""
        return (1 << len(self.names)) - 1

    @property
    def observed(self) -> int:
        """Mask of the nodes that are not latent."""
        return self.everything & ~self.latent

    def index(self, name: str) -> int:
        """Index of a node by name; a :class:`GraphError` lists what was possible."""
        try:
            return self.names.index(name)
        except ValueError:
            hint = did_you_mean(name, self.names)
            raise GraphError(f"{shown(name)} is no variable of the graph. {hint}") from None

    def mask(self, names: Iterable[str]) -> int:
        """Mask of nodes given by name."""
        result = 0
        for name in names:
            result |= 1 << self.index(name)
        return result

    def names_of(self, mask: int) -> tuple[str, ...]:
        """Names of the members of a mask, in node order."""
        return tuple(self.names[i] for i in bits(mask))

    @property
    def crosses_members(self) -> bool:
        """Whether an edge or a map joins different members of a network."""
        near = (part.near for aggregate in self.aggregates for part in aggregate.parts)
        return any(self.near_parents) or any(self.near_neighbours) or any(near)

    def plate_path(self, node: int) -> tuple[int, ...]:
        """Indices of the plates around a node, outermost first."""
        path: list[int] = []
        at = self.plate_of[node]
        while at >= 0:
            path.append(at)
            at = self.plates[at].outer
        return tuple(reversed(path))
