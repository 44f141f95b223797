"""DAGitty's graph language, read as it is and written back.

The language descends from DOT: ``dag { X [exposure] Y [outcome] U [latent] U -> { X Y } X -> Y }``.
Inside the braces new lines and semicolons are blanks, statements need no separators, groups stand
on both sides of an edge and nest, and a name may begin with a digit. Roles, positions and unknown
attributes are kept as notes; ``latent`` is the one attribute with a meaning here. DOT's
``digraph`` is read too, with comments, subgraphs, ``dir=both`` for ``<->`` and ``dir=none`` for
``--``; drawing defaults (``node [shape=box]``) say nothing about the graph and are passed over.

The other types of DAGitty (pdag, mag, pag, graph) and the mark ``@`` are refused by name: there
``--`` stands for what is unknown or selected, here for equilibrium (segregated graphs).

References
----------
Textor, van der Zander, Gilthorpe, Liskiewicz and Ellison, "Robust causal inference using directed
acyclic graphs: the R package 'dagitty'", International Journal of Epidemiology 45(6), 2016.
"""

from __future__ import annotations

from umbel.errors import GraphError, shown
from umbel.graph.dot_words import HEADER, DotReader, dot_attribute, dot_list, dot_name, dot_quoted
from umbel.graph.draft import Draft, End
from umbel.graph.mixed import NO_FACTS, Graph, Notes, bits
from umbel.lexer import Token

MOST_GROUPS_DEEP = 100
"""Deepest nesting of braces: far beyond any graph, far within the stack."""

_EDGES = ("->", "<-", "<->")
_REFUSED = {
    "graph": "an undirected graph, whose -- is no equilibrium",
    "pdag": "a class of DAGs, whose -- is an arrow of unknown direction",
    "mag": "an ancestral graph, whose -- stands for selection",
    "pag": "a class of ancestral graphs, whose @ stands for an unknown mark",
}
_ROLES = {
    **dict.fromkeys(("exposure", "source", "e"), "exposure"),
    **dict.fromkeys(("outcome", "target", "o"), "outcome"),
    **dict.fromkeys(("adjusted", "a"), "adjusted"),
    **dict.fromkeys(("selected", "s"), "selected"),
}
_LATENT = ("latent", "l", "unobserved", "u")
_DEFAULTS = ("graph", "node", "edge")
_DIRECTIONS = {"forward": "->", "back": "<-", "both": "<->", "none": "--"}

_Attributes = list[tuple[str, str]]


def is_dagitty(text: str) -> bool:
    """Whether a text begins as DAGitty's and DOT's do: a graph type, perhaps a name, a brace.

    Examples
    --------
    >>> is_dagitty("DAG { x -> y }"), is_dagitty("dag -> y")
    (True, False)
    """
    return HEADER.match(text) is not None


def parse_dagitty(text: str) -> Graph:
    """Read DAGitty text, or the plain subset of DOT that says the same.

    Cost O(length).

    Raises
    ------
    GrammarError
        A text that does not parse, or another type of graph than ``dag`` and ``digraph``.
    GraphError
        A cycle.

    Examples
    --------
    >>> graph = parse_dagitty('dag { A [exposure] "Birth weight" [o] U [latent] U -> {A "Birth weight"} A -> M }')
    >>> graph.names, graph.names_of(graph.latent), graph.notes.roles
    (('A', 'Birth weight', 'U', 'M'), ('U',), (('exposure', 1), ('outcome', 2)))
    """
    return _Source(text).graph()


def to_dagitty(graph: Graph) -> str:
    """The graph as DAGitty text, with the roles, positions and attributes that it was read with.

    Raises
    ------
    GraphError
        For plates, ``--``, macro-variables, neighbours and facts, which DAGitty has no words for:
        a text that left them out would say something else.

    Examples
    --------
    >>> print(to_dagitty(Graph.parse('dag { X [e, pos="0,1"] W X -> Y [beta=0.3] X <-> Y }')))
    dag {
    X [exposure,pos="0,1"]
    W
    Y
    X -> Y [beta="0.3"]
    X <-> Y
    }
    """
    _check_sayable(graph)
    names = [dot_name(name) for name in graph.names]
    attributes: list[list[str]] = [[] for _ in names]
    for role, nodes in graph.notes.roles:
        for v in bits(nodes):
            attributes[v].append(role)
    for v in bits(graph.latent):
        attributes[v].append("latent")
    for v, key, value in graph.notes.nodes:
        attributes[v].append(dot_attribute(key, value))
    of_edge: dict[tuple[int, str, int], list[str]] = {}
    for tail, mark, head, key, value in graph.notes.edges:
        of_edge.setdefault((tail, mark, head), []).append(dot_attribute(key, value))
    edges = [(p, "->", v) for p, children in enumerate(graph.children) for v in bits(children)]
    edges += [(v, "<->", s) for v, siblings in enumerate(graph.siblings) for s in bits(siblings & -(2 << v))]
    return "\n".join(
        (
            "dag {",
            *(f"{dot_name(key)}={dot_quoted(value)}" for key, value in graph.notes.graph),
            *(name + dot_list(listed) for name, listed in zip(names, attributes, strict=True)),
            *(f"{names[a]} {mark} {names[b]}" + dot_list(of_edge.get((a, mark, b), [])) for a, mark, b in edges),
            "}",
        )
    )


class _Source:
    """One text while it is read: its words, the draft of its graph, its notes."""

    def __init__(self, text: str) -> None:
        header = HEADER.match(text)
        self.reader = DotReader(text, header.start("kind") if header else 0)
        if header is None:
            self.reader.fail(f"expected 'dag {{' or 'digraph {{', found {self.reader.found()}.")
        self.kind = header.group("kind").lower()
        self.draft = Draft()
        self.roles: dict[str, int] = {}
        self.of_graph: dict[str, str] = {}
        self.of_node: dict[tuple[int, str], str] = {}
        self.of_edge: dict[tuple[int, str, int, str], str] = {}

    def graph(self) -> Graph:
        """Read the whole text."""
        reader = self.reader
        if self.kind in _REFUSED:
            reader.fail(
                f"{shown(self.kind)} is {_REFUSED[self.kind]}. Possible: dag, digraph; "
                "undirected edges of a segregated graph are written in umbel's own language."
            )
        while not reader.at("{"):
            reader.next()
        self.group(depth=0)
        if reader.peek().kind != "end":
            reader.fail(f"expected the end of the text after '}}', found {reader.found()}.")
        return self.draft.finish(
            Notes(
                roles=tuple(sorted(self.roles.items())),
                nodes=tuple((v, key, value) for (v, key), value in sorted(self.of_node.items(), key=lambda x: x[0][0])),
                edges=tuple((*edge, value) for edge, value in self.of_edge.items()),
                graph=tuple(self.of_graph.items()),
            )
        )

    def group(self, depth: int) -> list[End]:
        """Statements in braces; the variables they speak of, each once."""
        reader = self.reader
        opened = reader.expect("{")
        if depth > MOST_GROUPS_DEEP:
            reader.fail(f"braces nest more than {MOST_GROUPS_DEEP} deep here.", opened)
        members: dict[int, End] = {}
        around = len(self.draft.places.opened)
        while not reader.accept("}"):
            if reader.peek().kind == "end":
                reader.fail(f"the braces that begin in line {opened.line} are not closed: expected '}}'.")
            members.update((end.node, end) for end in self.statement(depth))
        while len(self.draft.places.opened) > around:
            self.draft.places.close()
        return list(members.values())

    def statement(self, depth: int) -> list[End]:
        """One statement; the variables that it speaks of."""
        token, following = self.reader.peek(), self.reader.peek(1)
        if token.kind in ("word", "quoted") and following.text == "=":
            self.setting(depth)
            return []
        if token.kind == "word" and token.text.lower() in _DEFAULTS and following.text == "[":
            self.reader.next()
            defaults = self.attributes()
            if depth == 0 and token.text.lower() == "graph":
                self.of_graph.update(defaults)
            return []
        return self.relation(depth)

    def relation(self, depth: int) -> list[End]:
        """A variable, a group, or a chain of edges, with its attributes."""
        reader = self.reader
        found = left = self.side(depth, declares=reader.peek(1).kind != "edge")
        links: list[tuple[list[End], Token, list[End]]] = []
        while mark := self.edge():
            right = self.side(depth)
            links.append((left, mark, right))
            found, left = found + right, right
        place = reader.peek()
        attributes = self.attributes()
        for link in links:
            self.join(*link, attributes)
        if attributes and not links:
            if len(found) != 1:
                reader.fail("attributes belong to a variable or to an edge, not to a group.", place)
            self.describe(found[0], attributes)
        return found

    def setting(self, depth: int) -> None:
        """``key=value``: of the whole graph, or the plate that a cluster draws."""
        key = str(self.reader.next().value)
        self.reader.next()
        place = self.reader.peek()
        value = self.value()
        if depth == 0:
            self.of_graph[key] = value
        elif self.kind == "digraph" and key in ("plate", "network"):
            self.draft.places.open(place._replace(value=value), network=key == "network")

    def edge(self) -> Token | None:
        """The mark of an edge, if one is next."""
        reader = self.reader
        token = reader.peek()
        if token.kind == "edge" and token.text not in _EDGES:
            equilibrium = "joins variables in equilibrium here and has no place in a dag"
            what = equilibrium if token.text == "--" else "is a mark of mags and pags"
            reader.fail(f"{token.text!r} {what}. Possible: {', '.join(_EDGES)}.")
        return reader.next() if token.kind == "edge" else None

    def side(self, depth: int, *, declares: bool = False) -> list[End]:
        """One side of an edge: a name, or a group."""
        reader = self.reader
        token = reader.peek()
        if token.text.lower() == "subgraph" and (reader.peek(1).text == "{" or reader.peek(2).text == "{"):
            reader.next()
            if not reader.at("{"):
                reader.name("the name of a subgraph")
        if reader.at("{"):
            return self.group(depth + 1)
        if token.text.startswith("-"):
            reader.fail(f"expected a variable or a group, found {reader.found()}.")
        token = reader.name("a variable or a group")
        while self.kind == "digraph" and reader.accept(":"):
            reader.name("a port")  # where an arrow meets a box: drawing alone
        return [End(token, self.draft.variable(token, declares=declares and bool(self.draft.places.opened)))]

    def attributes(self) -> _Attributes:
        """Lists in brackets: ``[exposure, pos="0,1"]``; a key alone has the value ""."""
        reader = self.reader
        found: _Attributes = []
        while opened := reader.accept("["):
            while not reader.accept("]"):
                if reader.accept(","):
                    continue
                if reader.peek().kind == "end":
                    reader.fail(f"the bracket of line {opened.line} is not closed: expected ']'.")
                key = str(reader.name("an attribute or ']'").value)
                found.append((key, self.value() if reader.accept("=") else ""))
        return found

    def value(self) -> str:
        """The value of an attribute; quoted pieces are joined by ``+``."""
        token = self.reader.peek()
        if token.kind not in ("word", "quoted"):
            self.reader.fail(f"expected a value after '=', found {self.reader.found()}.")
        value = str(self.reader.next().value)
        while token.kind == "quoted" and self.reader.accept("+"):
            value += str(self.reader.name("a quoted text after '+'").value)
        return value

    def describe(self, end: End, attributes: _Attributes) -> None:
        """Take what the text says of a variable."""
        for key, value in attributes:
            if key in _LATENT or (key == "observed" and value.lower() in ("no", "false", "0")):
                self.draft.hide(end.node)
            elif key in _ROLES:
                self.roles[_ROLES[key]] = self.roles.get(_ROLES[key], 0) | 1 << end.node
            else:
                self.of_node[end.node, key] = value

    def join(self, left: list[End], token: Token, right: list[End], attributes: _Attributes) -> None:
        """Add the edges between two sides, and what the text says of them."""
        mark = token.text
        directions = [_DIRECTIONS[value] for key, value in attributes if key == "dir" and value in _DIRECTIONS]
        if self.kind == "digraph" and directions and mark == "->":
            mark = directions[-1]
            attributes = [(key, value) for key, value in attributes if key != "dir"]
        if self.kind == "digraph" and any(key == "umbel" for key, _ in attributes):
            self.reader.fail("edges between neighbours and into macro-variables are drawn in DOT, never read.", token)
        if mark == "<-":
            left, mark, right = right, "->", left
        if not left or not right:
            self.reader.fail("this edge ends in an empty group.", token)
        self.draft.join(left, mark, right, token)
        for key, value in attributes:
            for a in left:
                for b in right:
                    ends = (a.node, b.node) if mark == "->" else (min(a.node, b.node), max(a.node, b.node))
                    self.of_edge[ends[0], mark, ends[1], key] = value


def _check_sayable(graph: Graph) -> None:
    said = {
        "plates": bool(graph.plates),
        "undirected edges": any(graph.neighbours),
        "edges between neighbours": graph.crosses_members,
        "macro-variables": bool(graph.aggregates),
        "facts (states, classes, assumptions)": graph.facts != NO_FACTS,
    }
    missing = [what for what, there in said.items() if there]
    if missing:
        raise GraphError(f"DAGitty has no words for {', '.join(missing)}; Graph.text() writes everything.")
