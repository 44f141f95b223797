"""Graph text: umbel's own language, read into a frozen graph.

::

    text       statements, separated by new lines or ";"      # a comment runs to the end of its line
    statement  plate NAME { text }      network NAME { text }
               latent NAMES             classes NAME            classes NAME = k
               states NAME = k          states NAME = { label < label … }
               assume shared NAMES      assume monotone group -> group …
               NAME = sum(NAME, …)      mean(NAME, …)           weighted(NAME: number, …)
               NAMES                    bare names declare variables
               group EDGE group …       EDGE is one of -> <- <-> --
    group      NAME, or { names and groups, separated by blanks, commas or new lines }
    NAME       a word, or anything in quotes; inside a network also NAME.near, X of the neighbours

A keyword is one only where a statement begins and a name follows it: ``latent -> A`` speaks of a
variable. Cost is linear in the length of the text, and no function here calls itself, so that no
text can exhaust the stack. DAGitty's language is recognised by its header and has its own reader.
"""

from __future__ import annotations

from umbel.errors import shown
from umbel.graph.dagitty import is_dagitty, parse_dagitty
from umbel.graph.draft import Draft
from umbel.graph.mixed import Graph
from umbel.graph.statements import STATEMENTS, read_macro
from umbel.graph.words import EDGES, MARKS, a_group, at_block, ends, more_names, own, unexpected
from umbel.lexer import Reader


def parse_graph(text: str) -> Graph:
    """Read graph text: umbel's own language, or DAGitty's as it is.

    Nodes are numbered in the order in which the text first mentions them. Cost O(length).

    Parameters
    ----------
    text
        The text; DAGitty's is recognised by its header, ``dag {`` or ``digraph {``.

    Raises
    ------
    GrammarError
        A text that does not parse: line, column, the word, what was possible.
    GraphError
        A text that parses and means nothing: a cycle, a name in two plates, a fact about nothing.

    Examples
    --------
    >>> graph = parse_graph("plate student { A Y }; latent U; U -> { A Y }; A -> Y")
    >>> graph.names, graph.plate_of, graph.names_of(graph.latent)
    (('A', 'Y', 'U'), (0, 0, -1), ('U',))
    >>> print(parse_graph("Z -> A -> Y; A <-> Y; assume shared Z"))
    Z -> A -> Y
    A <-> Y
    assume shared Z
    """
    return parse_dagitty(text) if is_dagitty(text) else parse_statements(text)


def parse_statements(text: str) -> Graph:
    """Read umbel's own language, whatever the first word is; see :func:`parse_graph`."""
    reader = Reader(text, what="graph", marks=MARKS)
    draft = Draft()
    places = draft.places
    while reader.peek().kind != "end":
        if reader.accept("\n", ";"):
            continue
        if closing := reader.accept("}"):
            if not places.opened:
                reader.fail("this '}' closes nothing.", closing)
            places.close()
            continue
        opened = len(places.opened)
        _statement(reader, draft)
        if len(places.opened) == opened and not _ended(reader):
            unexpected(reader, "an edge (-> <- <-> --), ';' or a new line")
    if places.opened:
        token = places.opened[-1][1]
        reader.fail(f"{shown(str(token.value))}, opened in line {token.line}, is not closed: expected '}}'.")
    return draft.finish()


def _statement(reader: Reader, draft: Draft) -> None:
    """Read one statement; a plate is entered, and what it holds is left to be read."""
    token, following = reader.peek(), reader.peek(1)
    if following.text == "=" and token.kind in ("word", "quoted"):
        read_macro(reader, draft)
    elif token.text not in STATEMENTS or following.text in EDGES:
        _relation(reader, draft)
    elif following.kind in ("word", "quoted") or following.text == "{":
        reader.next()
        STATEMENTS[token.text](reader, draft)
    else:
        reader.fail(f"{shown(token.text)} begins a statement, and no name follows. A variable called so is quoted.")


def _relation(reader: Reader, draft: Draft) -> None:
    """Bare names, which declare variables, or a chain of edges between groups."""
    grouped = reader.at("{")
    names = a_group(reader, draft)
    mark = reader.accept(*EDGES)
    if mark is None:
        if not grouped:
            names = more_names(reader, draft, names[0])
        if reader.peek().text in EDGES:
            reader.fail("several names stand before this edge. Put them in braces, or ';' between the statements.")
        for name in names:
            draft.variable(own(reader, name), declares=True)
        return
    left = ends(draft, names)
    while mark is not None:
        right = ends(draft, a_group(reader, draft))
        draft.join(left, mark.text, right, mark)
        left, mark = right, reader.accept(*EDGES)


def _ended(reader: Reader) -> bool:
    token = reader.peek()
    return token.kind in ("newline", "end") or token.text in (";", "}") or at_block(reader)
