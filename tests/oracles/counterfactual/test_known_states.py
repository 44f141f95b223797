"""Declared states and monotone mechanisms: what they identify, and that they identify nothing more.

With two states declared the rank oracle of two states is the whole truth, so that the package and
the oracle must agree in both directions.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import umbel
from tests.oracles.counterfactual.check import check, shows_no
from tests.oracles.counterfactual.draw import random_question, random_studies
from umbel.graph.mixed import Graph

STATES = "; states A = 2; states Y = 2"
TRIAL = [(), ("A",)]


@pytest.mark.parametrize("latent", [False, True], ids=["ID*", "ID*, latent names"])
def test_single_laws_of_two_states(latent: bool) -> None:
    """Sound, and complete as far as ranks tell."""
    rng = np.random.default_rng([61, latent])
    kinds = (check(random_question(rng, conditions=False, latent=latent), rng, binary=True) for _ in range(60))
    seen = Counter(kinds)
    assert seen["no by this route"] == 0 and seen["yes"] >= 20 and seen["no"] >= 3, seen


@pytest.mark.parametrize("several", [False, True], ids=["one study", "several studies"])
def test_ratios_of_two_states(several: bool) -> None:
    """Sound; the few that the search misses say that their route is not complete."""
    rng = np.random.default_rng([62, several])
    seen: Counter[str] = Counter()
    missed = 0
    for _ in range(60):
        asked = random_question(rng, conditions=True)
        studies = random_studies(rng, asked.diagram) if several else ()
        found = check(asked, rng, studies, binary=True)
        seen[found] += 1
        missed += found == "no by this route" and not shows_no(asked, rng, studies, most=2)
    assert missed <= 1 and seen["yes"] >= 20, (missed, seen)


def text_of(graph: str, question: str, experiments: object = None) -> str:
    verdict = umbel.identify(graph, question, experiments=experiments)  # type: ignore[arg-type]
    assert isinstance(verdict, umbel.Identified), (graph, question)
    for seed in range(3):
        assert verdict.verify(rng=np.random.default_rng(seed)), verdict.estimand.text()
    return verdict.estimand.text()


def test_a_trial_and_what_was_observed_show_the_effect_on_the_untreated() -> None:
    """Two states of A: those who took nothing are all, less those who took it."""
    graph = "A -> Y; A <-> Y"
    question = "P(Y[A=1]=1 | A=0)"
    assert isinstance(umbel.identify(graph, question, experiments=TRIAL), umbel.Unidentified | umbel.Bounded)
    assert text_of(graph + STATES, question, TRIAL) == "[P_2(Y = 1 | A = 1) - P_1(A = 1, Y = 1)] / P_1(A = 0)"
    three = umbel.identify(graph + "; states A = 3; states Y = 2", question, experiments=TRIAL)
    assert not three.identified


def test_monotone_mechanisms_name_the_necessary_and_the_sufficient() -> None:
    """Tian and Pearl (2000), Theorem 3: PNS, PN and PS where the outcome never falls."""
    graph = "A -> Y; assume monotone A -> Y" + STATES
    assert text_of(graph, "PNS(A, Y)") == "P(Y = 1 | A = 1) - P(Y = 1 | A = 0)"
    for name in ("PN(A, Y)", "PS(A, Y)"):
        text_of(graph, name)
    for confounded in ("PNS(A, Y)", "PN(A, Y)", "PS(A, Y)"):
        assert not umbel.identify("A -> Y; A <-> Y; assume monotone A -> Y" + STATES, confounded).identified
        text_of("A -> Y; A <-> Y; assume monotone A -> Y" + STATES, confounded, TRIAL)


def test_each_declared_state_of_a_free_value() -> None:
    """A free value is asked at each of its states, where that settles what one formula for all cannot."""
    rng = np.random.default_rng(63)
    graph = Graph.parse("A -> Y; A <-> Y" + STATES)
    verdict = umbel.identify(graph, "P(Y[A=1]=1, A)", experiments=TRIAL)
    assert isinstance(verdict, umbel.Identified)
    assert verdict.verify(rng=rng)
    assert any(step.rule == "subtract" for step in verdict.steps)
