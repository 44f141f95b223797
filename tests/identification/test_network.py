"""Means over one network: verdicts, their proof on a line of persons, and what is refused with its walk."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import GraphError
from umbel.results.verdict import Identified, Refused

FULL = "network person { C -> A -> Y; C -> Y; C.near -> Y; A.near -> Y; Y -- Y.near }"
PEERS = "network person { C -> A -> Y; Peers = mean(A.near); Peers -> Y; Known = mean(C.near); Known -> A }"


@pytest.mark.parametrize(
    ("graph", "question", "text"),
    [
        (FULL, "E[Y | do(A ~ Bernoulli(0.3))]", "E[Y; A ~ Bernoulli(0.3), P*(Y | C, A, C.near, A.near, Y.near)]"),
        (
            "network person { A -> M -> Y; M.near -> Y }",
            "E[Y | do(A=1)] - E[Y]",
            "E[Y; A = 1, P(M | A), P(Y | M, M.near)] - E[Y; P(M | A), P(Y | M, M.near)]",
        ),
        (
            "network person { A -> Y; Peers = mean(A.near); Peers -> Y }",
            "E[Y | do(A ~ q)]",
            "E[Y; A ~ q, P(Y | A, mean(A.near))]",
        ),
        ("network person { A; Y; B -> Y }", "E[Y | do(A=1)]", "E[Y; A = 1]"),
        (
            "network person { latent U; U -> { C A }; C -> Y; A.near -> Y }",
            "E[Y | do(A=1)]",
            "E[Y; A = 1, P(Y | C, A.near)]",
        ),
        (
            FULL,
            "P(Y=1 | do(A=1), C=0)",
            "P(Y = 1; A = 1, P*(Y | C, A, C.near, A.near, Y.near) | C = 0)",
        ),
        (FULL, "P(Y | do(A=1), C)", "P(Y; A = 1, P*(Y | C, A, C.near, A.near, Y.near) | C)"),
        (
            "network person { A -> Y; A.near -> Y }",
            "ATE(A, Y)",
            "E[Y; A = 1, P(Y | A, A.near)] - E[Y; A = 0, P(Y | A, A.near)]",
        ),
        (PEERS, "E[Y | do(A ~ Bernoulli(Known))]", "E[Y; A ~ Bernoulli(Known), P(Y | A, mean(A.near))]"),
    ],
)
def test_the_estimand_names_what_is_set_and_the_laws_that_carry_it(graph: str, question: str, text: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, Identified)
    assert verdict.estimand.text() == text
    assert verdict.verify()
    assert verdict.estimand.latex() and verdict.estimand.to_json()


def random_template(rng: np.random.Generator) -> str:
    """Three or four variables of a person with arrows, neighbours' arrows, answers and hidden causes."""
    names = ["C", "A", "M", "Y"][: int(rng.integers(3, 5))] if rng.random() < 0.5 else ["A", "M", "Y"]
    if "Y" not in names:
        names[-1] = "Y"
    words = list(names)
    for later, name in enumerate(names):
        for cause in names[:later]:
            if rng.random() < 0.5:
                words.append(f"{cause} -> {name}")
            if rng.random() < 0.3:
                words.append(f"{cause}.near -> {name}")
            if rng.random() < 0.15:
                words.append(f"{cause} <-> {name}")
        if rng.random() < 0.2:
            words.append(f"{name} -- {name}.near")
    return "network person { " + "; ".join(words) + " }"


def test_every_yes_holds_on_a_line_of_persons() -> None:
    rng = np.random.default_rng(4)
    identified = refused = 0
    for _ in range(60):
        graph = random_template(rng)
        law = "Bernoulli(expit(C))" if "C;" in graph and rng.random() < 0.5 else "Bernoulli(0.4)"
        asked = f"P(Y=1 | do(A ~ {law}), C=0)" if "C;" in graph and rng.random() < 0.5 else f"E[Y | do(A ~ {law})]"
        try:
            verdict = umbel.identify(graph, asked)
        except GraphError as fault:
            assert "not both" in str(fault), graph
            continue
        if isinstance(verdict, Identified):
            assert verdict.verify(rng=rng), graph
            identified += 1
        else:
            assert isinstance(verdict, Refused), graph
            refused += 1
    assert identified > 25 and refused > 5


@pytest.mark.parametrize(
    ("graph", "question", "why"),
    [
        ("network person { latent U; U -> { A Y }; A -> Y }", "E[Y | do(A=1)]", "U -> Y"),
        ("network person { A <-> Y; A.near -> Y }", "E[Y | do(A=1)]", "A <-> Y"),
        ("network person { A -> Y; M -> Y; M -- Y.near; A.near -> Y }", "E[Y | do(A=1)]", "answer each other"),
        ("network person { latent U; U -> Y; A -> Y; Y -- Y.near }", "E[Y | do(A=1)]", "U -> Y -- Y.near"),
        ("network person { latent U; U.near -> Y; U -> A; A.near -> Y }", "E[Y | do(A=1)]", "U.near -> Y"),
        ("network person { latent U; U.near -> Y; A -> Y }", "E[Y | do(A=1)]", "U.near -> Y"),
        ("network person { latent U; A -> U; U.near -> Y }", "E[Y | do(A=1)]", "hidden U lies between"),
        (FULL, "P(Y=1, C=1 | do(A=1))", "joint law of Y and C"),
        (FULL, "E[Y | do(A=1)] / E[Y | do(A=0)]", "chances under interventions are"),
        (FULL, "E[Y | do(C=1), A=1]", "A is set or moved"),
        (FULL, "E[Y | do(A=1)] - E[Y | A=1]", "A is set or moved"),
        (PEERS, "E[Peers | do(A=1)]", "Peers is made of other variables"),
        (PEERS, "E[Y | do(Peers=1)]", "Peers is made of other variables"),
        (
            "network person { S = sum(A, B); { A B } -> Y; A.near -> Y }",
            "P(Y=1 | do(S=1 by natural))",
            "S is made of other variables",
        ),
        (PEERS, "E[Y | do(A=1), Peers=0]", "Peers is made of other variables"),
        (FULL, "E[Y]", "sets nothing"),
        (FULL, "E[Y | do(A)]", "every value"),
        (FULL, "E[Y | do(A ~ Normal(0, 1))]", "Normal"),
    ],
)
def test_what_is_beyond_is_refused_by_name(graph: str, question: str, why: str) -> None:
    verdict = umbel.identify(graph, question)
    assert isinstance(verdict, Refused)
    assert why in verdict.refusal.why


TRIAL = (umbel.Experiment(do="A"),)


@pytest.mark.parametrize(
    "graph",
    [
        FULL,
        "network person { A <-> Y; A -> Y; A.near -> Y }",
        "network person { latent U; U -> { A Y }; A -> M -> Y; M.near -> Y }",
        "network person { C -> A; C.near -> A; A -> Y; C -> Y }",
    ],
)
def test_a_trial_frees_its_treatment_of_hidden_causes(graph: str) -> None:
    verdict = umbel.identify(graph, "E[Y | do(A ~ Bernoulli(0.3))] - E[Y | do(A=0)]", experiments=TRIAL)
    assert isinstance(verdict, Identified)
    assert verdict.verify()


@pytest.mark.parametrize(
    ("graph", "question", "experiments", "why"),
    [
        (FULL, "E[Y | do(A=1)] - E[Y]", TRIAL, "leaves A as it is without a study"),
        (FULL, "E[Y | do(C=1)]", TRIAL, "leaves A as it is without a study"),
        ("network person { A -> Y; A -- A.near }", "E[Y | do(A=1)]", TRIAL, "settles among neighbours"),
        ("network person { A -> Y; M <-> Y; M -> Y }", "E[Y | do(A=1, M=1)]", TRIAL, "M <-> Y"),
        (FULL, "E[Y | do(A=1)]", (umbel.Experiment(do="A", doses=(0, 1)),), "Doses of a trial"),
        (FULL, "E[Y | do(A=1)]", (*TRIAL, umbel.Experiment()), "Several networks"),
        (FULL, "E[Y | do(A=1)]", (umbel.Experiment(selected="C"),), "persons who were selected"),
    ],
)
def test_what_a_trial_on_a_network_does_not_say_is_refused(
    graph: str, question: str, experiments: tuple[umbel.Experiment, ...], why: str
) -> None:
    verdict = umbel.identify(graph, question, experiments=experiments)
    assert isinstance(verdict, Refused)
    assert why in verdict.refusal.why


def test_what_a_trial_sets_itself_needs_no_other_setting() -> None:
    verdict = umbel.identify("network person { A -> M -> Y; M.near -> Y }", "E[Y | do(M=1)]", experiments=TRIAL)
    assert isinstance(verdict, Identified)
