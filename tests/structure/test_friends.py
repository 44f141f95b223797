"""Friends inside units: laws pushed through friendships, against every assignment of treatments."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import umbel
from umbel.policy import exposure_law
from umbel.results.verdict import Refused

GRAPH = """
latent U
network pupil { A Y; Peers = mean(A.near) }
U -> { A Y }
{ A Peers } -> Y
"""
CONTRAST = "E[Y | do(A ~ Bernoulli(0.8))] - E[Y | do(A ~ Bernoulli(0.2))]"
PATH, STAR = (3, [(0, 1), (1, 2)]), (5, [(0, 1), (0, 2), (0, 3), (0, 4)])
U = np.array([0.5, 0.5])
SHARES = (0.2, 0.5, 0.8)
SHARE = np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]])  # P(share | U)


def mean_outcome(u: float, a: float, e: float) -> float:
    return 0.1 + 0.2 * u + 0.2 * a + 0.3 * e**2 + 0.1 * a * e


def assignments(members: int, edges: list[tuple[int, int]], share: float) -> dict[tuple[int, float], float]:
    """The law of (treatment, exposure) of a member picked at random, over every assignment of treatments."""
    near = [[b if a == i else a for a, b in edges if i in (a, b)] for i in range(members)]
    found: dict[tuple[int, float], float] = {}
    for world in product((0, 1), repeat=members):
        chance = float(np.prod([share if a else 1 - share for a in world]))
        for i, a in enumerate(world):
            e = float(np.mean([world[j] for j in near[i]]))
            found[a, e] = found.get((a, e), 0.0) + chance / members
    return found


def truth(members: int, edges: list[tuple[int, int]], share: float) -> float:
    law = assignments(members, edges, share)
    return sum(U[u] * chance * mean_outcome(u, a, e) for u in (0, 1) for (a, e), chance in law.items())


def population(members: int, edges: list[tuple[int, int]]) -> umbel.Table:
    """What units of every kind show of their pupils: treatment, exposure, outcome."""
    states = sorted({e for share in SHARES for _, e in assignments(members, edges, share)})
    table = np.zeros((6, 2, len(states), 2))
    for at, (u, s) in enumerate(product((0, 1), range(3))):
        for (a, e), chance in assignments(members, edges, SHARES[s]).items():
            y = mean_outcome(u, a, e)
            table[at, a, states.index(e)] += U[u] * SHARE[u, s] * chance * np.array([1 - y, y])
    return umbel.Table(("unit", "A", "Peers", "Y"), table, {"Peers": states})


@pytest.mark.parametrize("unit", [PATH, STAR], ids=["path of three", "star of five"])
def test_the_effect_is_that_of_every_assignment(unit: tuple[int, list[tuple[int, int]]]) -> None:
    members, edges = unit
    value = {}
    for share in (0.8, 0.2):
        verdict = umbel.identify(GRAPH, "E[Y | do(A ~ q)]")
        assert verdict.identified
        law = umbel.Table(("A",), [1 - share, share])
        pushed = exposure_law(law, edges, members, name="Peers")
        found = verdict.estimand.evaluate(population(members, edges), laws={"A": law, "Peers": pushed})
        value[share] = float(found.array)
        assert value[share] == pytest.approx(truth(members, edges, share), abs=1e-12)
    assert value[0.8] - value[0.2] == pytest.approx(0.36, abs=1e-12)


def test_a_plate_without_friendships_would_say_something_else() -> None:
    """.15 where the friendships are left out of the graph: never of a graph that draws them."""
    alone = umbel.identify("latent U; plate pupil { A -> Y }; U -> { A Y }", CONTRAST)
    assert alone.identified
    joint = population(*PATH)
    plain = umbel.Table(("unit", "A", "Y"), joint.array.sum(axis=2))
    assert float(alone.estimand.evaluate(plain).array) == pytest.approx(0.15, abs=0.02)
    friends = umbel.identify(GRAPH, CONTRAST)
    assert friends.identified
    with pytest.raises(umbel.InputError, match="depends on friendships"):
        friends.estimand.evaluate(joint)


def test_the_verdict_says_what_was_done() -> None:
    verdict = umbel.identify(GRAPH, CONTRAST)
    assert verdict.identified
    assert verdict.question.text == CONTRAST
    assert {"exposure", "push"} <= {step.rule for step in verdict.steps}
    assert any("exposure mapping" in line for line in verdict.assumptions)
    arms = [f"[Peers ~ mean(A.near) under A ~ Bernoulli({share})]" for share in (0.8, 0.2)]
    assert all(arm in verdict.estimand.text() for arm in arms), "each arm has a pushed law of its own"
    assert verdict.verify()


def test_neighbours_without_a_name_are_summed() -> None:
    graph = "latent U; network pupil { A -> Y; A.near -> Y }; U -> { A Y }"
    verdict = umbel.identify(graph, "E[Y | do(A=1)]")
    assert verdict.identified
    assert "[A.near ~ sum(A.near) under A ~ Point(1)]" in verdict.estimand.text()


@pytest.mark.parametrize(
    ("graph", "question", "why"),
    [
        ("U; network pupil { A -> Y; Y -- Y.near }; U -> Y", "E[Y | do(A=1)]", "one draw of all of them"),
        ("U; network pupil { A -> C -> Y; C.near -> Y }; U -> Y", "E[Y | do(A=1)]", "acts on C"),
        ("U; network pupil { X -> A -> Y; A.near -> Y }; U -> Y", "E[Y | do(A ~ q(X))]", "reads covariates"),
        ("U; network pupil { A -> Y; A.near -> Y }; U -> Y", "P(Y | do(A))", "every value at once"),
    ],
)
def test_what_is_not_pushed_is_refused_by_name(graph: str, question: str, why: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, umbel.Refused)
    assert why in verdict.refusal.why


@pytest.mark.parametrize(
    ("edges", "why"), [([(0, 3)], "names no member"), ([(0, 0)], "to itself"), ([(0, 1), (1, 0)], "comes twice")]
)
def test_edges_that_mean_nothing_are_named(edges: list[tuple[int, int]], why: str) -> None:
    with pytest.raises(umbel.DataError, match=why):
        exposure_law(umbel.Table(("A",), [0.5, 0.5]), edges, 3)


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        # V of a friend acts on what is read of A, and on the outcome of the one who reads: not identified.
        ("latent V; V -> A; V.near -> Y; { A A.near } -> Y", "V.near -> Y"),
        # V of the member acts on the friends' A, and on the own outcome.
        ("latent V; V.near -> A; V -> Y; { A A.near } -> Y", "V.near -> A"),
        ("latent V; V.near -> Y; A.near -> Y", "V.near -> Y"),
        # Who has many friends has large sums of both: a product of their laws would be another law.
        ("X -> A; { X.near A.near } -> Y", "A.near and X.near are read of friends at once"),
        ("A <-> X; X.near -> Y; A.near -> Y", "are read of friends at once"),
        ("Peers = mean(A.near); { Peers A.near } -> Y", "Peers and A.near are read of friends at once"),
    ],
)
def test_what_one_pushed_law_does_not_say_is_refused(inside: str, why: str) -> None:
    """These were identified by formulas that read hidden neighbours, or took two exposures for independent."""
    verdict = umbel.identify(f"latent U; network pupil {{ A Y; {inside} }}; U -> {{ A Y }}", "E[Y | do(A ~ q)]")
    assert isinstance(verdict, Refused)
    assert why in verdict.refusal.why


def test_what_friends_of_friends_have_leads_to_what_is_read() -> None:
    """X of a member acts on the friends' A, which the member reads: where X is hidden by V, A.near is confounded."""
    seen = umbel.identify(
        "latent U; network pupil { A Y X; X.near -> A; { X A.near } -> Y }; U -> { A Y }", "E[Y | do(A ~ q)]"
    )
    assert seen.identified
    assert "E_Q[Y | X, A.near]" in seen.estimand.text()
    hidden = umbel.identify(
        "latent U; network pupil { A Y X; latent V; V -> { X Y }; X.near -> A; A.near -> Y }; U -> { A Y }",
        "E[Y | do(A ~ q)]",
    )
    assert hidden.identified
    assert "do(A.near)" in hidden.estimand.text()  # by way of X, which is seen
