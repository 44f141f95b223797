"""Questions of every kind in random segregated graphs, hidden variables among them: verify() against the equations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import umbel
from tests.oracles.segregated.draw import segregated_graph
from umbel.graph.mixed import Graph

CI, STUDY = 160, 3_000


def _question(names: list[str], kind: int) -> str:
    a, y, z, *more = names
    w = more[0] if more else z
    return (
        f"P({y} | do({a}=1), {z})",
        f"P({y}, {z} | do({a}))",
        f"E[{y} | do({a} ~ Bernoulli(0.2 + 0.5*{z}))] - E[{y} | do({a}=0)]",
        f"P({y}=1 | do({a} ~ Bernoulli(0.3 + 0.3*{z})), {w})" if more else f"P({y} | do({a}=1))",
    )[kind]


def _hidden(graph: Graph, rng: np.random.Generator) -> Graph:
    """Hide a variable outside blocks, mostly."""
    node = int(rng.integers(len(graph.names)))
    return graph if graph.neighbours[node] or rng.uniform() < 0.4 else replace(graph, latent=1 << node)


def _asked(seed: int, count: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for at in range(count):
        rng = np.random.default_rng([21, seed, at])
        graph = _hidden(segregated_graph(rng, int(rng.integers(4, 7))), rng)
        visible = [name for node, name in enumerate(graph.names) if not graph.latent >> node & 1]
        question = _question([visible[i] for i in rng.permutation(len(visible))], int(rng.integers(4)))
        try:
            verdict = umbel.identify(graph, question)
        except umbel.QuestionError:
            seen["a policy that no order settles"] += 1
            continue
        if isinstance(verdict, umbel.Refused):
            assert "must not reach into a block" in verdict.refusal.why
            seen["refused"] += 1
            continue
        assert not isinstance(verdict, umbel.Bounded)
        check = verdict.verify(rng=rng)
        assert check, (graph.text(), question, check)
        seen[f"{type(verdict).__name__}, {check.name}"] += 1
    return seen


def test_every_kind_of_question() -> None:
    seen = _asked(0, CI)
    assert seen["Identified, verify"] >= 90, seen


@pytest.mark.study
def test_thousands_of_questions() -> None:
    seen = _asked(1, STUDY)
    assert seen["Identified, verify"] >= 1_800 and seen["Unidentified, two models"] >= 10, seen
    assert seen["Unidentified, route"] <= 0.005 * STUDY, seen
