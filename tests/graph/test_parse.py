"""The graph language: what each statement means, and what each mistake is told."""

from __future__ import annotations

import pytest

from umbel.errors import GrammarError, GraphError, InputError
from umbel.graph.mixed import Aggregate, Facts, Part
from umbel.graph.parse import parse_graph
from umbel.variable import Domain, Plate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A -> B", "A -> B"),
        ("A <- B", "B -> A"),
        ("Z -> A <- U", "Z -> A, U -> A"),
        ("A <-> B -- C", "A <-> B, B -- C"),
        ("U -> { A Y }", "U -> A, U -> Y"),
        ("{ A, B } -> C <- { D\n E }", "A -> C, B -> C, D -> C, E -> C"),
        ("{ A { B { C } } D } -> Y", "A -> Y, B -> Y, C -> Y, D -> Y"),
        ("{ A B } <-> { C D }", "A <-> C, A <-> D, B <-> C, B <-> D"),
        ("A -> B; A -> B; B <- A", "A -> B"),
        ("A -> B # -> C\n# D\nB->C", "A -> B, B -> C"),
        ("A->B;;\n\n;C->D;", "A -> B, C -> D"),
        ("A<->B;B<-C--D", "C -> B, A <-> B, C -- D"),
        ('"Birth weight" -> a.b -> größe', "Birth weight -> a.b, a.b -> größe"),
        ("latent -> A <- plate; states <-> assume", "latent -> A, plate -> A, states <-> assume"),
    ],
)
def test_edges(text: str, expected: str) -> None:
    assert sorted(" ".join(edge) for edge in parse_graph(text).to_edges()) == sorted(expected.split(", "))


def test_nodes_are_numbered_by_first_mention() -> None:
    assert parse_graph("W; U -> { B A }; S = sum(X, B); latent V").names == ("W", "U", "B", "A", "S", "X", "V")


def test_the_designs_example() -> None:
    graph = parse_graph(
        """
        plate student { A Y }        # the inner plate holds names
        latent U
        Z -> A <- U
        A <-> Y
        Y1 -- Y2
        Sales = sum(Shampoo, Soap)
        Index = weighted(X1: 2, X2: -0.5)
        classes U = 2
        states Gender = 2; Gender
        states Arm = { placebo < low < high }
        Arm -> W
        A -> W
        assume shared X1
        assume monotone A -> W
        """
    )
    index = graph.index
    assert graph.plates == (Plate("student"),)
    assert [name for v, name in enumerate(graph.names) if graph.plate_of[v] == 0] == ["A", "Y"]
    assert graph.names_of(graph.latent) == ("U",)
    assert graph.aggregates == (
        Aggregate(index("Sales"), "sum", (Part(index("Shampoo")), Part(index("Soap")))),
        Aggregate(index("Index"), "weighted", (Part(index("X1"), 2.0), Part(index("X2"), -0.5))),
    )
    assert graph.facts == Facts(
        shared=graph.mask(["X1"]),
        monotone=((index("A"), index("W")),),
        classes=((index("U"), 2),),
        domains=((index("Gender"), Domain((0, 1))), (index("Arm"), Domain(("placebo", "low", "high")))),
    )


def test_networks() -> None:
    graph = parse_graph("network person { C -> A -> Y; C.near -> A; A.near -> Y; Y -- Y.near; Peers = mean(A.near) }")
    c, a, y, peers = (graph.index(name) for name in ("C", "A", "Y", "Peers"))
    assert graph.plates == (Plate("person", -1, network=True),) and graph.plate_of == (0, 0, 0, 0)
    assert graph.near_parents[a] == 1 << c and graph.near_parents[y] == 1 << a and graph.near_parents[c] == 0
    assert graph.near_neighbours[y] == 1 << y
    assert graph.aggregates == (Aggregate(peers, "mean", (Part(a, 1.0, near=True),)),)


def test_near_of_a_quoted_name_and_near_in_a_plain_name() -> None:
    graph = parse_graph('network p { "Birth weight".near -> Y <- "Birth weight" }; "A.near" -> Z')
    assert graph.names == ("Birth weight", "Y", "A.near", "Z")
    assert graph.near_parents[1] == graph.parents[1] == 1
    assert parse_graph("Oslo.near -> Y").names == ("Oslo.near", "Y")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("plate s { A Y } U", {"A": "s", "Y": "s", "U": ""}),
        ("plate school { Z plate student { A, Y } }", {"Z": "school", "A": "school student", "Y": "school student"}),
        ("plate s { network n { A } }", {"A": "s n"}),
        ("network n { plate s { A } B }", {"A": "n s", "B": "n"}),
        ("plate s { A }; Z; plate s { Y }", {"A": "s", "Z": "", "Y": "s"}),
        ("plate a { plate b { X } }; plate a { plate b { Y } Z }", {"X": "a b", "Y": "a b", "Z": "a"}),
        ("plate s { A -> Y }; U -> { A Y }", {"A": "s", "Y": "s", "U": ""}),  # first spoken of inside
        ("U -> { A Y }; plate s { A Y }", {"A": "s", "Y": "s", "U": ""}),  # the bare name decides
        ("U; plate s { U -> A }", {"U": "", "A": "s"}),
        ("plate s { U -> A }; U", {"U": "", "A": "s"}),
        ("plate s { A Y U }; latent U", {"A": "s", "Y": "s", "U": "s"}),
        ("plate s\n{\nA\nY\n}", {"A": "s", "Y": "s"}),
        ("plate s { { A Y } }", {"A": "s", "Y": "s"}),
        ("plate s { latent U; U -> A }", {"U": "s", "A": "s"}),
        ("plate a { A } plate b { B }; A -> B", {"A": "a", "B": "b"}),
    ],
)
def test_where_names_live(text: str, paths: dict[str, str]) -> None:
    graph = parse_graph(text)
    found = {name: " ".join(graph.plates[k].name for k in graph.plate_path(v)) for v, name in enumerate(graph.names)}
    assert found == paths


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("2", (0, 1)),
        ("{ 1 < 2 }", (1, 2)),
        ("{ -1 < 0 <-2.5 }", (-1, 0, -2.5)),
        ("{ false < true }", (False, True)),
        ('{ "true" < low <\n"very high" < "" }', ("true", "low", "very high", "")),
    ],
)
def test_states(text: str, states: tuple[object, ...]) -> None:
    ((_, domain),) = parse_graph(f"X; states X = {text}").facts.domains
    assert domain.states == states and list(map(type, domain.states)) == list(map(type, states))


def test_classes_make_latent_and_facts_stand_before_or_after() -> None:
    graph = parse_graph("assume shared { A, B }; classes U; U -> { A B }; latent U; assume monotone B <- U -> A")
    assert graph.names == ("U", "A", "B") and graph.latent == 0b001
    assert graph.facts == Facts(shared=0b110, monotone=((0, 1), (0, 2)), classes=((0, None),))


MISTAKES = [
    # text, kind of error, line, column, what the message says
    ("A ->", GrammarError, 1, 5, "expected a variable or a group in braces, found the end of the text"),
    ("A ->\nB", GrammarError, 1, 5, "found the end of the line"),
    ("A -> B C", GrammarError, 1, 8, "expected an edge (-> <- <-> --), ';' or a new line, found 'C'"),
    ("A B -> C", GrammarError, 1, 5, "Put them in braces"),
    ("A --> B", GrammarError, 1, 5, "An arrow is written '->'"),
    ("A => B", GrammarError, 1, 4, "An arrow is written '->'"),
    ("X [exposure]", GrammarError, 1, 3, "begins with 'dag {'"),
    ("A → B", GrammarError, 1, 3, "Write ->"),
    ("A -> { B C", GrammarError, 1, 11, "the group that begins in line 1 is not closed"),
    ("A -> { }", GrammarError, 1, 6, "this group is empty"),
    ("A -> { B -> C }", GrammarError, 1, 10, "'->' stands inside a group"),
    ("A -> { B; C }", GrammarError, 1, 9, "';' stands inside a group"),
    ("A\n  }", GrammarError, 2, 3, "closes nothing"),
    ("plate s {\nA", GrammarError, 2, 2, "'s', opened in line 1, is not closed"),
    ("plate { A }", GrammarError, 1, 7, "expected the name of the plate, found '{'"),
    ("plate s A", GrammarError, 1, 9, "expected '{' after the name 's'"),
    ("latent", GrammarError, 1, 1, "A variable called so is quoted"),
    ("A latent U", GrammarError, 1, 3, "put ';' before it"),
    ("assume share X", GrammarError, 1, 8, "Did you mean 'shared'?"),
    ("assume monotone A", GrammarError, 1, 18, "expected an arrow"),
    ("assume monotone A <-> B", GrammarError, 1, 19, "expected an arrow"),
    ("S = som(A)", GrammarError, 1, 5, "Did you mean 'sum'?"),
    ("S = sum A", GrammarError, 1, 9, "expected '(' after 'sum'"),
    ("S = sum(A B)", GrammarError, 1, 11, "expected ')' or ',' after a part"),
    ("S = sum()", GrammarError, 1, 9, "expected a variable"),
    ("S = weighted(A)", GrammarError, 1, 15, "expected ':' and the weight"),
    ("S = weighted(A: x)", GrammarError, 1, 17, "expected a weight"),
    ("X; states X = 0", GrammarError, 1, 15, "from 1 to 10000, found '0'"),
    ("X; states X = 2.5", GrammarError, 1, 15, "from 1 to 10000"),
    ("X; states X = 1000000000", GrammarError, 1, 15, "from 1 to 10000"),
    ("X; states X = { a < a }", GrammarError, 1, 21, "'a' stands twice"),
    ("X; states X = { 0 < false }", GrammarError, 1, 21, "stands twice"),
    ("X; states X = { a, b }", GrammarError, 1, 18, "expected '}' or '<' after a label"),
    ("X; states X = 1e999", GrammarError, 1, 15, "too large"),
    ("X; states X = " + "9" * 5000, GrammarError, 1, 15, "5000 digits"),
    ("classes U = 1", GrammarError, 1, 13, "from 2 to 10000"),
    ("network p { A.near }", GrammarError, 1, 13, "A of the neighbours"),
    ("network p { latent A.near }", GrammarError, 1, 20, "A of the neighbours"),
    ('A -> "B".near', GrammarError, 1, 9, "means the neighbours in a network"),
    ('"" -> A', GrammarError, 1, 1, "expected a variable or a group"),
    ("A -> B -> C -> A", GraphError, 1, 13, "cycle: A -> B -> C -> A"),
    ("A -> B\nB -> A\nA -> C", GraphError, 2, 3, "cycle: A -> B -> A"),
    ('"a\\nb" -> B -> "a\\nb"', GraphError, 1, 13, r'cycle: "a\nb" -> B -> "a\nb"'),
    ("A -> A", GraphError, 1, 3, "'A' to itself"),
    ("{ A B } <-> { B C }", GraphError, 1, 9, "'B' to itself"),
    ("plate a { X }\nplate b { X }", GraphError, 2, 11, "inside plate 'b', and inside plate 'a' in line 1"),
    ("plate a { X }; X", GraphError, 1, 16, "at unit level, and inside plate 'a'"),
    ("plate a { X }; plate b { X -> Y }", GraphError, 1, 26, "plates nest, they never overlap"),
    ("plate a { plate b { X } }; plate b { Y }", GraphError, 1, 34, "Plates nest; they never overlap"),
    ("U -> A; plate s { U -> B }", GraphError, 1, 19, "Say where it lives by its bare name"),
    ("latent U; plate s { U -> B }", GraphError, 1, 21, "Say where it lives by its bare name"),
    ("network s { A }; plate s { B }", GraphError, 1, 24, "'s' is a network already"),
    ("network s { network t { A } }", GraphError, 1, 21, "stands inside a network"),
    ("network p { A <-> Y.near }", GraphError, 1, 15, "'<->' has no '.near' end"),
    ("network p { A -> Y.near }", GraphError, 1, 18, "Write Y <- A.near"),
    ("network p { A.near -- Y.near }", GraphError, 1, 23, "both ends are neighbours"),
    ("network p { A.near -> A }", GraphError, 1, 20, "cycle: A.near -> A"),
    ("network p { A.near -> Y; Y -> A }", GraphError, 1, 28, "cycle: A.near -> Y -> A"),
    ("network p { A }; A.near -> Y", GraphError, 1, 18, "Move it inside network 'p', or quote it"),
    ("network p { Z.near -> A }; Z", GraphError, 1, 13, "do not live in the same one"),
    ("S = sum(A, A)", GraphError, 1, 12, "'A' is a part twice"),
    ("S = sum(A); S = mean(B)", GraphError, 1, 13, "defined in line 1 already"),
    ("S = sum(A); Z -> S", GraphError, 1, 1, "known map of its parts"),
    ("S = sum(A); Z <-> S", GraphError, 1, 1, "known map of its parts"),
    ("S = sum(A, S)", GraphError, 1, 1, "cycle: S -> S"),
    ("S = sum(A); S -> A", GraphError, 1, 15, "cycle"),
    ("classes U = 2; classes U = 3", GraphError, 1, 24, "another number of classes in line 1"),
    ("X; states X = 2; states X = 3", GraphError, 1, 25, "other states before"),
    ("Score; states Scor = 2", GraphError, 1, 15, "Did you mean 'Score'?"),
    ("A; assume shared B", GraphError, 1, 18, "Possible: A."),
    ("A -> B; assume monotone B -> A", GraphError, 1, 25, "no edge B -> A"),
    ("A <-> B; assume monotone A -> B", GraphError, 1, 26, "no edge A -> B"),
]


@pytest.mark.parametrize(("text", "kind", "line", "column", "says"), MISTAKES)
def test_mistakes(text: str, kind: type[InputError], line: int, column: int, says: str) -> None:
    with pytest.raises(kind) as caught:
        parse_graph(text)
    message = str(caught.value)
    assert message.startswith(f"graph, line {line}, column {column}: "), message
    assert says in message
    assert len(message.splitlines()) == 1 and len(message) < 400


def test_a_mixed_cycle_is_for_the_predicate_to_judge() -> None:
    assert parse_graph("A -> B -- A").neighbours == (2, 1)


def test_plates_nest_fifty_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return "".join(f"plate p{k} {{ " for k in range(depth)) + "X" + " }" * depth

    assert len(parse_graph(nested(50)).plate_path(0)) == 50
    with pytest.raises(GraphError, match="more than 50 deep"):
        parse_graph(nested(51))
