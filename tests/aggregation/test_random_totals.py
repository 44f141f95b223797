"""Random graphs, random realisations: every estimand of a total meets the truth, and no study more loses it."""

from __future__ import annotations

import numpy as np
import pytest

import umbel
from umbel.errors import GraphError

BY = ("natural", "natural(C)", "shift(A)", "shift(B)", "perfect(A)", "perfect(B)", "levers(A)", "point(A: 1, B: S - 1)")
TOLERANCE = 1e-10
NAMES = ("C", "D", "A", "B", "M", "Y")


def drawn(rng: np.random.Generator) -> str:
    """A graph over two covariates, two parts, a mediator and an outcome; parts do not cause each other."""
    edges = []
    for j, head in enumerate(NAMES):
        for tail in NAMES[:j]:
            if {tail, head} == {"A", "B"}:
                continue
            if rng.random() < 0.45:
                edges.append(f"{tail} -> {head}")
            elif rng.random() < 0.15:
                edges.append(f"{tail} <-> {head}")
    hidden = " ".join(name for name in ("D", "M") if rng.random() < 0.2)
    text = "; ".join([*(NAMES), *edges, "S = sum(A, B)"])
    if rng.random() < 0.3:
        text += "; S -> M" if "M" not in hidden else "; S -> Y"
    return text + (f"; latent {hidden}" if hidden else "")


def checked(rng: np.random.Generator, rounds: int) -> dict[str, int]:
    found = {"Identified": 0, "Unidentified": 0, "Refused": 0}
    for _ in range(rounds):
        graph = drawn(rng)
        by = BY[int(rng.integers(len(BY)))]
        question = f"E[Y | do(S = 2 by {by})]"
        try:
            verdict = umbel.identify(graph, question)
        except GraphError:
            continue
        found[type(verdict).__name__] += 1
        if isinstance(verdict, umbel.Identified):
            check = verdict.verify(rng=np.random.default_rng(int(rng.integers(2**31))))
            assert check, (graph, question, verdict.estimand.text(), check)
            assert check.value is None or check.value < TOLERANCE
    return found


def test_a_hundred_random_totals() -> None:
    found = checked(np.random.default_rng(11), 100)
    assert found["Identified"] > 20
    assert found["Unidentified"] > 5


@pytest.mark.study
def test_thousands_of_random_totals() -> None:
    checked(np.random.default_rng(12), 4000)


def test_measuring_more_loses_nothing() -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        graph = drawn(rng)
        if "latent" not in graph:
            continue
        question = f"E[Y | do(S = 2 by {BY[int(rng.integers(len(BY)))]})]"
        try:
            before = umbel.identify(graph, question)
            after = umbel.identify(graph.split("; latent")[0], question)
        except GraphError:
            continue
        assert not before.identified or after.identified, (graph, question)
