"""Random policies in random segregated graphs: the estimand against equations that are run to their equilibrium.

``pytest -m study`` asks more than 5,000 identified questions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import umbel
from tests.oracles.segregated.draw import (
    question_text,
    random_outcomes,
    random_policy,
    random_tables,
    segregated_graph,
    treated_model,
)
from umbel.graph.mixed import Graph
from umbel.identification.engine import identifiable
from umbel.identification.segregated import identifiable_under
from umbel.simulate.discrete import random_model

EXACT = 1e-9
"""The promise; enumeration leaves about 1e-15."""
CI, STUDY = 260, 9_500


def ask(seed: int, count: int, *, thirds: float) -> tuple[Counter[str], float]:
    """What came of some random questions, and the worst error of those that were identified."""
    seen: Counter[str] = Counter()
    worst = 0.0
    for at in range(count):
        rng = np.random.default_rng([6, seed, at])
        graph = segregated_graph(rng, int(rng.integers(4, 7)))
        reads = random_policy(graph, rng)
        if reads is None:
            seen["no order"] += 1
            continue
        outcomes = random_outcomes(graph, reads, rng)
        verdict = umbel.identify(graph, question_text(outcomes, reads))
        if not verdict.identified:
            seen[type(verdict).__name__] += 1
            continue
        sizes = {name: 3 for name in graph.names if rng.uniform() < thirds}
        model = random_model(graph, rng=rng, sizes=sizes)
        laws = random_tables(model, reads, rng)
        after, scan = treated_model(model, laws), None
        if rng.uniform() < 0.4:
            order = rng.permutation(len(graph.names)).tolist()
            after, scan = replace(after, scan=tuple(order)), [graph.names[node] for node in order]
        truth = after.joint([graph.names.index(name) for name in outcomes])
        found = verdict.estimand.evaluate(model.table(), laws=laws, scan=scan).array
        error = float(np.abs(found - truth).max())
        assert error < EXACT, (graph.text(), question_text(outcomes, reads), error)
        worst = max(worst, error)
        seen["identified"] += 1
        seen["with --"] += any(graph.neighbours)
        seen["settled"] += "P*" in verdict.estimand.text()
    return seen, worst


def test_estimands_are_exact() -> None:
    seen, _ = ask(0, CI, thirds=0.2)
    assert seen["identified"] >= 130 and seen["settled"] >= 15 and seen["with --"] >= 110, seen
    assert not seen["Refused"], seen


@pytest.mark.study
def test_thousands_of_estimands_are_exact() -> None:
    seen, _ = ask(1, STUDY, thirds=0.0)
    assert seen["identified"] >= 5_000 and seen["settled"] >= 500, seen


def test_verdicts_agree_with_the_engine_where_there_is_no_block() -> None:
    seen: Counter[bool] = Counter()
    for at in range(400):
        rng = np.random.default_rng([7, at])
        graph = segregated_graph(rng, int(rng.integers(3, 7)), undirected=False)
        treated = int(rng.integers(1, 3))
        chosen = rng.permutation(len(graph.names)).tolist()
        do, outcomes = chosen[:treated], 1 << chosen[treated]
        reads = {node: _earlier(graph, node, rng) if rng.uniform() < 0.5 else 0 for node in do}
        policies = {node: mask for node, mask in reads.items() if mask}
        treated_mask = sum(1 << node for node in do)
        expected = identifiable(graph, outcomes, treated_mask, policies=policies)
        assert identifiable_under(graph, outcomes, reads) == expected, graph.text()
        seen[expected] += 1
    assert min(seen.values()) >= 20, seen


def _earlier(graph: Graph, node: int, rng: np.random.Generator) -> int:
    """Some of what cannot come after a node: its parents, and theirs."""
    mask = graph.parents[node]
    for parent in range(len(graph.names)):
        if mask >> parent & 1:
            mask |= graph.parents[parent]
    return mask & int(rng.integers(1 << len(graph.names)))
