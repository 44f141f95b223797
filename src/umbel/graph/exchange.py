"""Graphs from and for other tools: edge lists, networkx, Graphviz.

Nodes without edges survive in every direction. What a form cannot say is refused by name or, for
drawings and networkx, carried as an attribute that the way back knows: nothing turns into a plain
arrow on its way. Facts stay behind in all of them; :meth:`Graph.text` alone writes everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from umbel.errors import GraphError, MissingExtra, did_you_mean, shown
from umbel.graph.dagitty import parse_dagitty
from umbel.graph.dot_words import dot_list, dot_name, dot_quoted
from umbel.graph.mixed import Graph, bits
from umbel.graph.parse import parse_statements
from umbel.graph.render import name_text
from umbel.graph.words import EDGES

_KINDS = {"directed": "->", "bidirected": "<->", "undirected": "--"}


def from_edges(
    edges: Iterable[str | tuple[str, str] | tuple[str, str, str]],
    *,
    nodes: Iterable[str] = (),
    latent: Iterable[str] = (),
) -> Graph:
    """A graph from a list of edges.

    Parameters
    ----------
    edges
        Pairs ``("X", "Y")`` for ``X -> Y``, triples ``("X", "<->", "Y")``, or pieces of graph text
        such as ``"X <-> Y"`` and ``"X -> Z -> Y"``.
    nodes
        Names that come first, those without edges among them.
    latent
        Names of hidden variables.

    Raises
    ------
    GrammarError, GraphError
        With the number of the edge as the line.

    Examples
    --------
    >>> print(from_edges([("X", "Y"), "X <-> Y"], nodes=["W"]).text())
    W
    X -> Y
    X <-> Y
    """
    lines = [_edge_text(edge) for edge in edges]
    first, hidden = list(nodes), list(latent)
    if first:  # on the line of the first edge, so that lines count edges
        lines[:1] = [" ".join(map(name_text, first)) + "".join(f"; {line}" for line in lines[:1])]
    if hidden:
        lines.append("latent " + " ".join(map(name_text, hidden)))
    return parse_statements("\n".join(lines))


def _edge_text(edge: str | tuple[str, ...]) -> str:
    if isinstance(edge, str):
        return edge
    ends = [end for k, end in enumerate(edge) if k != 1 or len(edge) != 3]
    if len(edge) not in (2, 3) or not all(isinstance(part, str) for part in edge):
        raise GraphError(f"{edge!r:.60} is no edge. Possible: ('X', 'Y'), ('X', '<->', 'Y'), 'X <-> Y'.")
    mark = edge[1] if len(edge) == 3 else "->"
    if mark not in EDGES:
        raise GraphError(f"{shown(mark)} is no edge. {did_you_mean(mark, EDGES)}")
    return f"{name_text(ends[0])} {mark} {name_text(ends[1])}"


def to_edges(graph: Graph) -> tuple[tuple[str, str, str], ...]:
    """The edges as triples of names and mark, each once; :func:`from_edges` reads them.

    Raises
    ------
    GraphError
        For macro-variables and edges between neighbours, which are no edges between two names.

    Examples
    --------
    >>> to_edges(Graph.parse("X -> Y; X <-> Y"))
    (('X', '->', 'Y'), ('X', '<->', 'Y'))
    """
    if graph.aggregates or graph.crosses_members:
        raise GraphError("A list of edges cannot say macro-variables and neighbours; Graph.text() writes everything.")
    names = graph.names
    return tuple((names[a], mark, names[b]) for a, mark, b in _edges(graph))


def _edges(graph: Graph) -> Iterator[tuple[int, str, int]]:
    """Edges between two variables of the same member, each once."""
    yield from ((p, "->", v) for p, children in enumerate(graph.children) for v in bits(children))
    for mark, masks in (("<->", graph.siblings), ("--", graph.neighbours)):
        yield from ((v, mark, w) for v, mask in enumerate(masks) for w in bits(mask & -(2 << v)))


def _other_edges(graph: Graph) -> Iterator[tuple[int, str, int]]:
    """Edges between neighbours and into macro-variables, with their kind."""
    yield from ((p, "near directed", v) for v, mask in enumerate(graph.near_parents) for p in bits(mask))
    yield from (
        (v, "near undirected", w) for v, mask in enumerate(graph.near_neighbours) for w in bits(mask & -(1 << v))
    )
    for aggregate in graph.aggregates:
        for part in aggregate.parts:
            yield part.node, f"{'near ' if part.near else ''}{aggregate.kind}", aggregate.child


# networkx. Its graphs are Any: it has no types of its own, and is not installed with umbel.


def from_networkx(source: Any, *, latent: Iterable[str] = ()) -> Graph:
    """A graph from networkx: a DiGraph, or any class whose edges say their ``kind``.

    Parameters
    ----------
    source
        Edges of a directed graph are ``->`` unless their attribute ``kind`` is "bidirected" or
        "undirected". Nodes may carry ``latent=True`` or ``observed="no"``, and ``plate``: the name
        of their plate, or the names of all plates around them, outermost first.
    latent
        Names of hidden variables, besides those marked in the graph.

    Raises
    ------
    GraphError
        For an edge without a known kind, two nodes of one name, a cycle.

    Examples
    --------
    >>> import networkx
    >>> print(from_networkx(networkx.DiGraph([("U", "A"), ("U", "Y")]), latent=["U"]).text())
    latent U
    U -> { A Y }
    """
    names = {node: str(node) for node, _ in source.nodes(data=True)}
    if len(set(names.values())) < len(names):
        raise GraphError("Two nodes of the networkx graph have one name when they are written as text.")
    networks = source.graph.get("networks", ())
    hidden = list(latent)
    for name in hidden:
        if name not in names.values():
            raise GraphError(f"{shown(name)} is no node of the networkx graph. {did_you_mean(name, names.values())}")
    lines: list[str] = []
    for node, attributes in source.nodes(data=True):
        if attributes.get("latent") or attributes.get("observed") in (False, "no"):
            hidden.append(names[node])
        plates = attributes.get("plate", ())
        line = name_text(names[node])
        for plate in reversed([plates] if isinstance(plates, str) else list(plates)):
            line = f"{'network' if plate in networks else 'plate'} {name_text(plate)} {{ {line} }}"
        lines.append(line)
    for a, b, attributes in source.edges(data=True):
        kind = attributes.get("kind", "directed" if source.is_directed() else "")
        if kind not in _KINDS:
            what = f"has kind {shown(str(kind))}" if kind else "has neither direction nor kind"
            raise GraphError(f"The edge {shown(f'{names[a]}, {names[b]}')} {what}. Possible: {', '.join(_KINDS)}.")
        lines.append(f"{name_text(names[a])} {_KINDS[kind]} {name_text(names[b])}")
    if hidden:
        lines.append("latent " + " ".join(map(name_text, hidden)))
    return parse_statements("\n".join(lines))


def to_networkx(graph: Graph) -> Any:
    """The graph as a networkx MultiDiGraph, every edge with its ``kind``; :func:`from_networkx` reads it.

    Symmetric edges appear once. Nodes carry ``latent`` and ``plate``, the graph ``networks``. Edges
    between neighbours and into macro-variables have kinds of their own ("near directed", "sum"),
    which the way back refuses.

    Raises
    ------
    MissingExtra
        When networkx is not installed.

    Examples
    --------
    >>> network = to_networkx(Graph.parse("X -> Y; X <-> Y; W"))
    >>> sorted(network.edges(data="kind")), list(network.nodes)
    ([('X', 'Y', 'bidirected'), ('X', 'Y', 'directed')], ['X', 'Y', 'W'])
    """
    try:
        import networkx
    except ImportError:
        raise MissingExtra("networkx", "graphs") from None
    kinds = {mark: kind for kind, mark in _KINDS.items()}
    result = networkx.MultiDiGraph(networks=tuple(plate.name for plate in graph.plates if plate.network))
    for v, name in enumerate(graph.names):
        plates = tuple(graph.plates[k].name for k in graph.plate_path(v))
        result.add_node(name, latent=bool(graph.latent >> v & 1), plate=plates)
    for a, mark, b in _edges(graph):
        result.add_edge(graph.names[a], graph.names[b], kind=kinds[mark])
    for a, kind, b in _other_edges(graph):
        result.add_edge(graph.names[a], graph.names[b], kind=kind)
    return result


# Graphviz


def from_dot(text: str) -> Graph:
    """A graph from DOT text: ``digraph`` with nodes, edges, chains, groups and attributes.

    ``dir=both`` is ``<->`` and ``dir=none`` is ``--``; clusters that :func:`to_dot` wrote for
    plates are plates again, other subgraphs only group. DAGitty's attributes are understood.

    Raises
    ------
    GrammarError, GraphError
        With the place in the text.

    Examples
    --------
    >>> print(from_dot("digraph G { rankdir=LR; X -> Y -> Z; X -> Z [dir=both]; W }").text())
    X -> Y -> Z
    X <-> Z
    W
    """
    return parse_dagitty(text)


def to_dot(graph: Graph) -> str:
    """The graph as DOT text for Graphviz: plates as clusters, hidden causes and latents dashed.

    Examples
    --------
    >>> print(to_dot(Graph.parse("plate student { A Y }; A -> Y; A <-> Y")))
    digraph {
    A
    Y
    subgraph "cluster student" { plate=student; label="student"; A; Y }
    A -> Y
    A -> Y [dir=both,style=dashed]
    }
    """
    names = [dot_name(name) for name in graph.names]
    looks = {"->": [], "<->": ["dir=both", "style=dashed"], "--": ["dir=none"]}
    lines = [
        name + dot_list(["latent=true", "style=dashed"] if graph.latent >> v & 1 else [])
        for v, name in enumerate(names)
    ]
    lines += [_cluster(graph, names, k) for k, plate in enumerate(graph.plates) if plate.outer < 0]
    lines += [f"{names[a]} -> {names[b]}{dot_list(looks[mark])}" for a, mark, b in _edges(graph)]
    for a, kind, b in _other_edges(graph):
        head = "none" if kind == "near undirected" else "forward"
        look = [f"dir={head}", f"umbel={dot_quoted(kind)}", f"label={dot_quoted(kind)}", "style=dotted"]
        lines.append(f"{names[a]} -> {names[b]}{dot_list(look)}")
    return "\n".join(("digraph {", *lines, "}"))


def _cluster(graph: Graph, names: list[str], plate: int) -> str:
    """A plate as a subgraph that Graphviz frames, with the plates inside it."""
    own, inner = graph.plates[plate], []
    for k, other in enumerate(graph.plates):
        if other.outer == plate:
            inner.append(_cluster(graph, names, k))
    body = [
        f"{'network' if own.network else 'plate'}={dot_name(own.name)}",
        f"label={dot_quoted(own.name)}",
        *(names[v] for v, home in enumerate(graph.plate_of) if home == plate),
        *inner,
    ]
    return f"subgraph {dot_quoted('cluster ' + own.name)} {{ {'; '.join(body)} }}"
