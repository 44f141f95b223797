"""Totals in graphs: the paper's figures, Assumption 1, deterministic separation, and micro graphs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from umbel.errors import GraphError
from umbel.graph.mixed import Graph
from umbel.numerics.tables import Table
from umbel.simulate.discrete import random_model
from umbel.structure.macro import (
    amalgamated,
    check_block,
    determined,
    macro_intervention,
    micro_parts,
    separated,
    without_totals,
)

FIGURE_3 = "Z -> {X Y}; X -> Y; Xbar = sum(X); Ybar = sum(Y)"
FIGURE_4 = "X -> Y -> Z; Xbar = sum(X); Ybar = sum(Y); Zbar = sum(Z)"


def test_figure_3() -> None:
    graph = Graph.parse(FIGURE_3)
    before, after = amalgamated(graph), amalgamated(macro_intervention(graph, graph.index("Xbar")))
    assert before.micro == ("Z", "X", "Y")
    assert set(before.edges) == {("Z", "X"), ("Z", "Y"), ("X", "Y")}
    assert set(before.links) == {("X", "Xbar"), ("Y", "Ybar")}
    assert set(after.edges) == {("Xbar", "X"), ("X", "Y"), ("Z", "Y")}
    assert set(after.links) == {("Y", "Ybar")}


def test_figure_4() -> None:
    graph = Graph.parse(FIGURE_4)
    after = amalgamated(macro_intervention(graph, graph.index("Ybar")))
    assert set(after.edges) == {("Ybar", "Y"), ("Y", "Z")}
    assert set(after.links) == {("X", "Xbar"), ("Z", "Zbar")}


def test_shifts_and_policies_keep_or_add_causes() -> None:
    graph = Graph.parse(FIGURE_3)
    shift = amalgamated(macro_intervention(graph, graph.index("Xbar"), "shift"))
    assert {("Z", "X"), ("Xbar", "X")} <= set(shift.edges)
    policy = amalgamated(macro_intervention(graph, graph.index("Xbar"), given=graph.mask(["Z"])))
    assert {("Z", "X"), ("Xbar", "X")} <= set(policy.edges)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("X1 -> X2; S = sum(X1, X2)", "X1 -> X2"),
        ("X1 -> W -> V -> X2; S = sum(X1, X2, X3)", "X1 -> W -> V -> X2"),
        ("T = sum(X1, W); T -> X2; S = sum(X1, X2)", "X1 -> T -> X2"),
    ],
)
def test_assumption_1(text: str, path: str) -> None:
    graph = Graph.parse(text)
    with pytest.raises(GraphError, match=rf"of which one causes another: {path}\."):
        check_block(graph, graph.index("S"))


def test_common_causes_and_effects_break_no_assumption() -> None:
    graph = Graph.parse("C -> {X1 X2} -> D; X1 <-> X2; S = sum(X1, X2)")
    check_block(graph, graph.index("S"))
    zero = Graph.parse("S = weighted(X1: 0, X2: 0)")
    with pytest.raises(GraphError, match="all zero"):
        check_block(zero, zero.index("S"))


def test_totals_of_totals() -> None:
    graph = Graph.parse("A = mean(X1, X2); B = weighted(A: 4, X3: -1)")
    assert dict(micro_parts(graph, graph.index("B"))) == {
        graph.index("X1"): 2.0,
        graph.index("X2"): 2.0,
        graph.index("X3"): -1.0,
    }
    assert graph.names_of(determined(graph, graph.mask(["A", "X1"]))) == ("A", "X1", "X2")


def test_deterministic_separation_is_sound() -> None:
    """Whatever it calls independent is independent in models where totals are maps."""
    rng = np.random.default_rng(0)
    text = "Z -> {X1 Y}; {X1 X2} -> Y; S = sum(X1, X2); S -> W"
    graph = Graph.parse(text)
    plain = Graph.parse("Z -> {X1 Y}; {X1 X2} -> Y; {X1 X2} -> S -> W")
    names = ("Z", "X1", "X2", "S", "Y", "W")
    models = []
    for _ in range(3):
        model = random_model(plain, rng=rng, sizes={"S": 3})
        s = model.names.index("S")
        x1, x2 = model.names.index("X1"), model.names.index("X2")
        model = model.intervened(s, (x1, x2), np.eye(3)[np.add.outer([0, 1], [0, 1])])
        models.append(Table(names, model.joint([model.names.index(name) for name in names])))
    count = 0
    for x, y in itertools.combinations(names, 2):
        rest = [name for name in names if name not in (x, y)]
        for size in range(len(rest) + 1):
            for given in itertools.combinations(rest, size):
                if separated(graph, graph.mask([x]), graph.mask([y]), graph.mask(given)):
                    count += 1
                    assert all(gap(law, x, y, given) < 1e-12 for law in models), (x, y, given)
    assert count > 20
    # What plain separation misses: parts determine their total.
    assert separated(graph, graph.mask(["S"]), graph.mask(["Y"]), graph.mask(["X1", "X2"]))
    assert not separated(graph, graph.mask(["X1"]), graph.mask(["Y"]), graph.mask(["S"]))


def gap(law: Table, x: str, y: str, given: tuple[str, ...]) -> float:
    joint = law.marginal((x, y, *given)).array
    both = joint * joint.sum(axis=(0, 1), keepdims=True)
    return float(np.abs(both - joint.sum(axis=0, keepdims=True) * joint.sum(axis=1, keepdims=True)).max())


def test_graphs_without_totals() -> None:
    graph = Graph.parse("Z -> X1; S = sum(X1, X2); S -> Y -> V")
    assert set(without_totals(graph, 0).to_edges()) == {
        ("Z", "->", "X1"),
        ("X1", "->", "Y"),
        ("X2", "->", "Y"),
        ("Y", "->", "V"),
    }
    seen = without_totals(graph, graph.mask(["S"]))
    assert ("X1", "->", "S") in seen.to_edges()
    assert ("S", "->", "Y") in seen.to_edges()
