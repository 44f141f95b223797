"""DAGitty text as people paste it, and as it goes back."""

from __future__ import annotations

import pytest

from umbel.errors import GrammarError, GraphError
from umbel.graph.dagitty import is_dagitty, parse_dagitty, to_dagitty
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph

WEBSITE = """dag {
bb="-2.5,-1.5,2.5,1.5"
"Birth weight" [outcome,pos="0.774,0.285"]
Smoking [exposure,pos="-1.2,0.3"]
Age.mother [adjusted,pos="0.1,-0.9"]
U [latent,pos="0.2,1.1"]
Clinic [selected]
2010 [pos="1,1"]
Age.mother -> "Birth weight"
Age.mother -> Smoking
Smoking -> "Birth weight" [beta="-0.3",pos="0,0.1"]
U -> "Birth weight"
U -> Clinic
Smoking <-> Clinic
}
"""


def test_a_graph_from_the_website() -> None:
    graph = parse_graph(WEBSITE)
    assert graph.names == ("Birth weight", "Smoking", "Age.mother", "U", "Clinic", "2010")
    assert sorted(graph.to_edges()) == [
        ("Age.mother", "->", "Birth weight"),
        ("Age.mother", "->", "Smoking"),
        ("Smoking", "->", "Birth weight"),
        ("Smoking", "<->", "Clinic"),
        ("U", "->", "Birth weight"),
        ("U", "->", "Clinic"),
    ]
    assert graph.names_of(graph.latent) == ("U",)
    assert {role: graph.names_of(mask) for role, mask in graph.notes.roles} == {
        "exposure": ("Smoking",),
        "outcome": ("Birth weight",),
        "adjusted": ("Age.mother",),
        "selected": ("Clinic",),
    }
    assert graph.notes.graph == (("bb", "-2.5,-1.5,2.5,1.5"),)
    assert (1, "pos", "-1.2,0.3") in graph.notes.nodes
    assert (1, "->", 0, "beta", "-0.3") in graph.notes.edges


def test_writing_is_the_inverse_of_reading() -> None:
    graph = parse_graph(WEBSITE)
    text = to_dagitty(graph)
    again = parse_graph(text)
    assert (again, again.notes) == (graph, graph.notes)
    assert to_dagitty(again) == text == graph.to_dagitty()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("dag { x -> y }", "x -> y"),
        ("DAG{x->y}", "x -> y"),
        ("digraph G { x -> y }", "x -> y"),
        ('strict dag "my graph" {\n x -> y }\n', "x -> y"),
        ("; # a comment\n // one more\n dag /* and */ { x -> y }", "x -> y"),
        ("dag { x -> m -> a b }", "x -> m -> a; b"),
        ("dag { x y ; z \n q }", "x y z q"),
        ("dag { x\n-> y }", "x -> y"),
        ("dag { x -> ; y }", "x -> y"),
        ("dag { A -> B C -> D }", "A -> B; C -> D"),
        ("dag { x <- a -> m <- b -> y }", "x a m b y; x <- a -> m <- b -> y"),
        ("dag { U -> {a b c} }", "U -> { a b c }"),
        ("dag { {a b} -> { c {d e} } <- f }", "{ a b } -> { c d e } <- f"),
        ("dag { {a -> b} -> c }", "a -> b; { a b } -> c"),
        ("dag { a { b c } }", "a b c"),
        ("dag { a [latent] b [u] c [unobserved] d [l] e }", "a b c d e; latent a b c d"),
        ('digraph { U [observed="no"]; U -> A }', "U -> A; latent U"),
        ('dag { "a b" -> "c\\"d" }', '"a b" -> "c\\"d"'),
        ("dag { 1 -> 2a -> 3.5 }", '"1" -> "2a" -> "3.5"'),
        ("dag { graph -> node }", '"graph" -> "node"'),
        ("dag { }", ""),
        ("\ufeffdag { x }", "x"),
    ],
)
def test_the_language(text: str, same: str) -> None:
    assert parse_graph(text) == parse_graph(same)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("digraph { a -> b [dir=both] }", "a <-> b"),
        ("digraph { a -> b [dir=none] }", "a -- b"),
        ("digraph { a -> b [dir=back] }", "a b; b -> a"),
        ("digraph { a -> b -> c [dir=both, color=red] }", "a <-> b <-> c"),
        ("digraph { rankdir=LR; node [shape=box]; edge [len=2]; graph [x=y]; a:n -> b:s:w }", "a -> b"),
        ("digraph { subgraph cluster_0 { label=one; a -> b } subgraph { c } -> d }", "a -> b; c -> d"),
    ],
)
def test_what_dot_adds(text: str, same: str) -> None:
    assert parse_graph(text) == parse_graph(same)


def test_dir_is_an_unknown_attribute_of_a_dag() -> None:
    graph = parse_graph("dag { a -> b [dir=both] }")
    assert graph == parse_graph("a -> b") and graph.notes.edges == ((0, "->", 1, "dir", "both"),)


@pytest.mark.parametrize("alias", ["exposure", "source", "e"])
def test_aliases_are_one_role(alias: str) -> None:
    assert parse_graph(f"dag {{ x [{alias}] }}").notes.roles == (("exposure", 1),)


def test_unknown_attributes_are_kept() -> None:
    graph = parse_graph('dag { x [ weird ; foo = 1, "b a r" = "a" + "b" ] y <- x [label="to y"] [w=2] }')
    assert graph.notes.nodes == ((0, "weird", ""), (0, "foo", "1"), (0, "b a r", "ab"))
    assert graph.notes.edges == ((0, "->", 1, "label", "to y"), (0, "->", 1, "w", "2"))
    assert parse_graph(to_dagitty(graph)).notes == graph.notes


def test_a_graph_of_ours_goes_out_and_comes_back() -> None:
    graph = Graph.parse('latent U; "Birth weight" <- U -> A; A <-> "Birth weight"; W; größe; "2x"')
    assert parse_dagitty(graph.to_dagitty()) == graph


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("plate s { A }", "plates"),
        ("A -- B", "undirected edges"),
        ("S = sum(A)", "macro-variables"),
        ("network p { A.near -> B }", "plates, edges between neighbours"),
        ("A; states A = 2", "facts"),
        ('"a\\\\" -> B', "a backslash before a quote"),
    ],
)
def test_what_dagitty_cannot_say_is_refused(text: str, what: str) -> None:
    with pytest.raises(GraphError, match=what):
        to_dagitty(Graph.parse(text))


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("pdag { a -- b }", 1, 1, "'pdag' is a class of DAGs"),
        ("mag { a }", 1, 1, "'mag' is an ancestral graph"),
        ("PAG { a }", 1, 1, "'pag' is a class of ancestral graphs"),
        ("graph { a -- b }", 1, 1, "'graph' is an undirected graph"),
        ("dag { a -- b }", 1, 9, "has no place in a dag. Possible: ->, <-, <->"),
        ("dag {\n a @-> b }", 2, 4, "'@->' is a mark of mags and pags"),
        ("dag { a -> }", 1, 12, "expected a variable or a group, found '}'"),
        ("dag { a -> {} }", 1, 9, "empty group"),
        ("dag { a -> b", 1, 13, "the braces that begin in line 1 are not closed"),
        ("dag { a [x=1 }", 1, 14, "expected an attribute or ']'"),
        ("dag { a [x=1", 1, 13, "the bracket of line 1 is not closed"),
        ("dag { a [x=] }", 1, 12, "expected a value after '='"),
        ("dag { {a b} [latent] }", 1, 13, "attributes belong to a variable or to an edge"),
        ("dag { a } b", 1, 11, "expected the end of the text after '}', found 'b'"),
        ("dag { 'a' }", 1, 7, 'the character "\'" means nothing here'),
        ('dag { "a }', 1, 7, "this quote is not closed"),
        ("dag { -a }", 1, 7, "expected a variable or a group, found '-a'"),
        ('dag { "" -> a }', 1, 7, "expected a variable or a group"),
        ("dag { \x00 }", 1, 7, r"the character '\x00' means nothing here"),
        ("dag " + "{" * 20_000, 1, 106, "more than 100 deep"),
    ],
)
def test_mistakes(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_graph(text)
    message = str(caught.value)
    assert message.startswith(f"graph, line {line}, column {column}: ") and says in message
    assert len(message.splitlines()) == 1


def test_cycles_are_named_at_their_last_arrow() -> None:
    with pytest.raises(GraphError, match=r"line 2, column 4: the arrows form a cycle: a -> b -> a"):
        parse_graph("dag { a -> b\n b -> a b -> c }")


@pytest.mark.parametrize("text", ["dag -> x", "dag; x", "graph <-> dag", "dagx { a }", "latent dag", "dag\nx -> y"])
def test_a_variable_may_be_called_dag(text: str) -> None:
    assert not is_dagitty(text)
