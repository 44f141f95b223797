"""Roles of proxies and the four levels, edge by edge."""

from __future__ import annotations

import pytest

import umbel
from umbel.graph.mixed import Graph
from umbel.structure.classes import NoRoles, Roles, factors_of, roles_of

PLAIN = "U -> { Z X T Y }; T -> Y; classes U = 2"


def roles(text: str, deepest: int = 4) -> Roles | NoRoles:
    graph = Graph.parse(text)
    return roles_of(graph, graph.index("U"), graph.index("T"), graph.index("Y"), deepest=deepest)


LEVELS = [
    ("", 2),
    ("Z -> T", 3),
    ("Z <-> T", 3),
    ("Z -> T; X -> Y", 4),
    ("X -> Y", 4),
    ("Z -> T; X <-> Y", 4),
    ("Z -> T; Z -> Y", None),
    ("Z -> T; X -> T", None),
    ("Z -> T; X <-> T", None),
    ("Z -> X", None),
    ("Z <-> X", None),
    ("Z -> T; X -> Z", None),
    ("T <-> Y", None),
    ("T -> X; Z -> T", None),
    ("Z -> T; W -> { T Y }", 3),
    ("Z -> T; W -> { T Y U X }", 3),
    ("Z -> T; W -> { Z X }", 3),
    ("Z -> T; latent W; W -> { Z X }", None),
    ("Z -> T -> M -> Y", 3),
    ("Z -> T; Y -> V", 3),
    ("Z -> M <- X", 2),
    ("U -> M; Z -> M <- X", 2),
    ("Z <-> V; U -> V -> Y", 2),
    ("Z -> T; latent L; L -> { V Z X }; U -> V", None),
    ("W -> { Z X }", 2),
    ("W -> { Z X }; latent L; L -> { Z X }", None),
]


@pytest.mark.parametrize(("edges", "level"), LEVELS, ids=[edges or "plain" for edges, _ in LEVELS])
def test_edges_decide_the_level(edges: str, level: int | None) -> None:
    found = roles(f"{PLAIN}; {edges}")
    if level is None:
        assert isinstance(found, NoRoles) and found.why and found.advice
    else:
        assert isinstance(found, Roles) and found.level == level


def test_sides_and_strata() -> None:
    graph = Graph.parse("U -> { Z1 Z2 X1 X2 T Y }; { Z1 Z2 } -> T -> Y; W -> { T Y X1 }; classes U = 2")
    found = roles_of(graph, graph.index("U"), graph.index("T"), graph.index("Y"))
    assert isinstance(found, Roles)
    assert graph.names_of(found.z) == ("Z1", "Z2")
    assert graph.names_of(found.x) == ("X1", "X2")
    assert graph.names_of(found.strata) == ("W",)
    assert [(one.of, one.given) for one in factors_of(graph, found)] == [
        (("Z1",), ()),
        (("Z2",), ()),
        (("T",), ("Z1", "Z2", "W")),
        (("X1",), ("W",)),
        (("X2",), ()),
        (("Y",), ("T", "W")),
    ]


def test_a_link_between_the_sides_is_left_out() -> None:
    """Variables that tie proxies together are dropped, and not the proxies with them."""
    graph = Graph.parse("U -> { A B C D T Y }; { A D } -> T -> Y; A -> C <- B; D -> Y; classes U = 2")
    found = roles_of(graph, *map(graph.index, "UTY"))
    assert isinstance(found, Roles) and found.level == 3
    assert [graph.names_of(one) for one in (found.z, found.x, found.strata)] == [("A",), ("B",), ("D",)]
    graph = Graph.parse("U -> { A B C D T Y }; A -> T -> Y; A -> C <- B; B -> D; classes U = 2")
    found = roles_of(graph, *map(graph.index, "UTY"))
    assert isinstance(found, Roles) and found.level == 3
    assert (graph.names_of(found.z), graph.names_of(found.x)) == (("A",), ("B", "D"))


def test_sides_that_may_be_swapped_share_the_states() -> None:
    for order in ("A B C", "C B A", "B C A"):
        graph = Graph.parse(f"U -> {{ {order} T Y }}; T -> Y; classes U = 3; states C = 3")
        found = roles_of(graph, *map(graph.index, "UTY"))
        assert isinstance(found, Roles)
        assert {graph.names_of(found.z), graph.names_of(found.x)} in ({("C",), ("A", "B")}, {("C",), ("B", "A")})


def test_what_matches_classes_across_strata() -> None:
    """A stratum that no proxy is free of: the outcome matches the classes where it does not read the stratum."""
    graph = "U -> { Z X T Y }; Z -> T -> Y; W -> { Z X }; classes U = 2"
    assert umbel.identify(graph, "MTE(T, Y | U)").identified
    refused = umbel.identify(f"{graph}; W -> Y", "MTE(T, Y | U)")
    assert isinstance(refused, umbel.Refused) and "all of them and Y depend on W" in refused.refusal.why


def test_dependent_proxies_share_a_factor() -> None:
    graph = Graph.parse("U -> { Z1 Z2 X1 X2 T Y }; Z1 -> Z2 -> T -> Y; X1 <-> X2; classes U = 2")
    found = roles_of(graph, graph.index("U"), graph.index("T"), graph.index("Y"))
    assert isinstance(found, Roles)
    of = [one.of for one in factors_of(graph, found)]
    assert of == [("Z1", "Z2"), ("T",), ("X1", "X2"), ("Y",)]


def test_class_effects_are_identified_and_proved() -> None:
    verdict = umbel.identify("U -> { Z X T Y }; Z -> T -> Y; classes U = 2", "MTE(T, Y | U)")
    assert verdict.identified
    assert verdict.verify()
    assert verdict.estimand.text() == "E[Y | T = 1, U] - E[Y | T = 0, U]"
    assert verdict.remarks[0].startswith("Level 3 of 4")


@pytest.mark.parametrize("edges", ["", "X -> Y", "W -> { T Y X }"])
@pytest.mark.parametrize("classes", [2, 3])
def test_averages_go_through_the_class(edges: str, classes: int) -> None:
    verdict = umbel.identify(f"U -> {{ Z X T Y }}; Z -> T -> Y; classes U = {classes}; {edges}", "ATE(T, Y)")
    assert verdict.identified and verdict.verify()


@pytest.mark.parametrize(
    ("question", "contrast"),
    [
        ("E[Y | do(T ~ Bernoulli(0.25))]", ((0.75, 0), (0.25, 1))),
        ("E[Y | do(T ~ Bernoulli(0.25))] - E[Y | do(T=0)]", ((0.75, 0), (0.25, 1), (-1.0, 0))),
        ("E[Y | do(T ~ Point(1))] - E[Y | do(T ~ Categorical(0.5, 0.5))]", ((1.0, 1), (-0.5, 0), (-0.5, 1))),
    ],
)
def test_drawn_treatments_are_means_of_set_ones(question: str, contrast: tuple[tuple[float, int], ...]) -> None:
    verdict = umbel.identify("U -> { Z X T Y }; Z -> T -> Y; classes U = 2", question)
    assert verdict.identified and verdict.verify()
    assert verdict.estimand.unmixing is not None and verdict.estimand.unmixing.contrast == contrast


def test_labels_are_kept() -> None:
    graph = "U -> { Z X T Y }; Z -> T -> Y; classes U = 2; states T = { none < drug }"
    verdict = umbel.identify(graph, "MTE(T, Y | U)")
    assert verdict.identified and verdict.verify()
    assert verdict.estimand.unmixing is not None
    assert verdict.estimand.unmixing.contrast == ((1.0, "drug"), (-1.0, "none"))


REFUSED = [
    ("U -> { Z X T Y }; Z -> T -> Y; X -> Y; classes U = 2", "the average effect is identified, class effects are not"),
    ("U -> { Z X T Y }; Z -> T -> Y; Z -> X; classes U = 2", "Z and X depend on each other given U and T"),
    ("U -> { Z X T Y }; Z -> T -> Y; classes U = 3; states Z = 2", "Z (Z side) has 2 states together, and U 3 classes"),
    ("U -> { Z X T Y }; Z -> T -> Y; W -> { T Y Z X }; classes U = 2", "which class of one value is which of another"),
    ("U -> { Z X T Y }; Z -> T -> Y; T <-> Y; classes U = 2", "stay confounded: T <-> Y"),
    ("U -> { X T Y }; T -> Y; classes U = 2", "lacks two sides of proxies"),
    ("T -> U -> { Z X Y }; T -> Y; classes U = 2", "is an effect of T"),
]


@pytest.mark.parametrize(("graph", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_refusals_name_the_edge(graph: str, why: str) -> None:
    verdict = umbel.identify(graph, "MTE(T, Y | U)")
    assert isinstance(verdict, umbel.Refused)
    assert why in verdict.refusal.why
