"""The checker of hedges accepts proofs and nothing else: every pair of sets in small graphs."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import umbel
from tests.oracles.flat import hedge as definition
from tests.oracles.flat.diagram import Diagram, random_diagram, read
from umbel.expr.nodes import Probability, Raw, Symbol
from umbel.identification.certificate import is_hedge
from umbel.identification.engine import identifiable


def subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]


def accepted(diagram: Diagram, x: tuple[str, ...], y: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every pair of sets that the checker takes for a hedge."""
    graph = diagram.graph()
    every = subsets(diagram.names)
    return [
        (outer, inner)
        for outer in every
        for inner in every
        if is_hedge(graph, graph.mask(outer), graph.mask(inner), graph.mask(y), graph.mask(x))
    ]


@pytest.mark.parametrize("seed", range(30))
def test_what_it_accepts_is_a_proof(seed: int) -> None:
    """Each accepted pair is a hedge by definition, its two models agree and differ; none where identified."""
    rng = np.random.default_rng([4, seed])
    diagram = random_diagram(rng, int(rng.integers(3, 6)))
    names = [str(name) for name in rng.permutation(diagram.names)]
    x, y = tuple(names[: int(rng.integers(1, 3))]), (names[-1],)
    graph = diagram.graph()
    pairs = accepted(diagram, x, y)
    assert bool(pairs) is not identifiable(graph, graph.mask(y), graph.mask(x))
    for outer, inner in pairs:
        large, small = definition.forests(diagram, outer, inner)
        assert definition.is_hedge(diagram, large, small, x, y)
        assert definition.proves(diagram, large, small, x, y)


WRONG = [
    ("the same set twice", "X->Y;X<->Y", "X,Y", "X,Y"),
    ("nothing inside", "X->Y;X<->Y", "X,Y", ""),
    ("the treatment inside", "X->Y;X<->Y", "X,Y", "X"),
    ("the inner set not inside", "X->Y;X<->Y", "X", "Y"),
    ("the treatment missed", "X->Y;X<->Y;Z->Y;Z<->Y", "Z,Y", "Y"),
    ("not joined by hidden causes", "X->Y", "X,Y", "Y"),
    ("the inner set not joined", "X->Z;X->Y;Z->Y;X<->Z;X<->Y", "X,Y,Z", "Y,Z"),
    ("no way to the inner set", "X->Z;Z<->X;X<->Y;Z->Y", "X,Z,Y", "Z"),
    ("no cause of the outcome", "X->Z;X<->Z;X->Y", "X,Z", "Z"),
]


@pytest.mark.parametrize(("what", "edges", "outer", "inner"), WRONG, ids=[row[0] for row in WRONG])
def test_what_it_rejects(what: str, edges: str, outer: str, inner: str) -> None:
    graph = read(edges).graph()

    def mask(names: str) -> int:
        return graph.mask(names.split(",") if names else ())

    assert not is_hedge(graph, mask(outer), mask(inner), mask("Y"), mask("X"))


def test_a_certificate_that_was_tampered_with_fails() -> None:
    verdict = umbel.identify("X -> Y; X <-> Y", "P(Y | do(X))")
    assert isinstance(verdict, umbel.Unidentified) and verdict.verify()
    (road,) = verdict.proof.roads
    assert road.flat is not None
    (hedge,) = road.flat.hedges
    for hedges in ((), (replace(hedge, inner=hedge.outer),), (replace(hedge, outer=hedge.inner),)):
        forged = replace(road, flat=replace(road.flat, hedges=hedges))
        assert not replace(verdict, proof=replace(verdict.proof, roads=(forged,))).verify()


def test_an_estimand_that_was_tampered_with_fails() -> None:
    """verify() compares the estimand that the user sees: the observed law in its place is found out."""
    verdict = umbel.identify("Z -> X -> Y; Z -> Y", "P(Y | do(X))")
    assert verdict.identified and verdict.verify()
    observed = Probability((Symbol(Raw("Y")),), (Symbol(Raw("X")),))
    assert not replace(verdict, estimand=replace(verdict.estimand, body=observed)).verify()
