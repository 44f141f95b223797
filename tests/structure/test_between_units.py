"""Interference between units: treatments that act on a neighbouring school, and units in equilibrium."""

from __future__ import annotations

import numpy as np

import umbel
from umbel.graph.mixed import Graph
from umbel.simulate.discrete import random_law, random_model

PAIR = """
plate pupil_l { Al Yl }
plate pupil_r { Ar Yr }
latent Ul Ur
Ul -> { Al Yl }; Ur -> { Ar Yr }
Al -> Yl; Ar -> Yr
Ar -> Yl; Al -> Yr
"""
EXACT = 1e-10


def test_a_pair_of_schools_is_identified() -> None:
    verdict = umbel.identify(PAIR, "P(Yl | do(Al ~ q, Ar ~ q))")
    assert verdict.identified
    # Given the neighbour's law the own one tells nothing more: it is set.
    assert "P(Q[Yl|Al] | Q[Ar] = q)" in verdict.estimand.text()
    assert verdict.verify()


def test_not_where_hidden_causes_of_one_school_act_on_the_other() -> None:
    verdict = umbel.identify(PAIR + "; Ul -> Ur", "P(Yl | do(Al ~ q, Ar ~ q))")
    assert isinstance(verdict, umbel.Unidentified)
    assert "Q[Yl|Al] <-> Q[Ar]" in verdict.certificate.text
    assert verdict.verify()
    assert "rule out that Ul acts on Ur" in verdict.remedies


def test_contagion_between_confounded_units_is_refused_with_the_walk() -> None:
    for edge, walk in (("Yl -- Yr", "Ul -> Yl -- Yr"), ("Al -- Ar", "Ul -> Al -- Ar")):
        verdict = umbel.identify(PAIR + f"; {edge}", "P(Yl | do(Ar ~ q))")
        assert isinstance(verdict, umbel.Refused)
        assert walk in verdict.refusal.why


def test_contagion_inside_a_plate_is_refused() -> None:
    verdict = umbel.identify("plate pupil { A -> Y; Y -- Z }; A -> W", "P(Y | do(A ~ q))")
    assert isinstance(verdict, umbel.Refused)
    assert "no longer alike given their unit" in verdict.refusal.why


def test_a_block_of_units_between_the_law_of_members_and_their_outcome() -> None:
    """Truth by enumeration of a finite population: schools' shares, two heads who answer each other, outcomes."""
    graph = "latent U; plate pupil { A Y }; U -> { A Y }; A -> Y; A -> M; M -- N; N -> Y"
    verdict = umbel.identify(graph, "P(Y | do(A ~ q))")
    assert verdict.identified
    assert verdict.verify()
    for seed in range(5):
        rng = np.random.default_rng([63, seed])
        shares = np.array([[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]])  # laws of A: (laws, states)
        outcomes = random_law((4, 2, 2), rng)  # laws of Y given A: (laws, A, Y)
        u, share = random_law((2,), rng), random_law((2, 3), rng)  # P(U), P(law of A | U)
        heads = _heads(rng)  # P(M, N | law of A): (laws, M, N)
        answer = random_law((2, 2, 4), rng)  # P(law of Y | U, N)
        unit = np.einsum("u,us,smn,uno->usmno", u, share, heads, answer).sum(axis=0)  # (s, m, n, o)
        table = np.zeros((unit.size, 2, 2, 2, 2))
        for at, (s, m, n, o) in enumerate(np.ndindex(unit.shape)):
            table[at, :, :, m, n] = unit[s, m, n, o] * shares[s][:, None] * outcomes[o]
        joint = umbel.Table(("unit", "A", "Y", "M", "N"), table)
        for s in range(3):
            truth = np.einsum("u,n,uno,a,oay->y", u, heads[s].sum(axis=0), answer, shares[s], outcomes)
            found = verdict.estimand.evaluate(joint, laws={"A": umbel.Table(("A",), shares[s])}).array
            assert np.abs(found - truth).max() < EXACT


def _heads(rng: np.random.Generator) -> np.ndarray:
    """The law that two members of a block settle in, one of whom hears the school's share."""
    model = random_model(Graph.parse("S -> M; M -- N"), rng=rng, sizes={"S": 3})
    joint = model.joint([0, 1, 2])
    return joint / joint.sum(axis=(1, 2), keepdims=True)
