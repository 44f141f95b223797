"""Effects under conditions, hard and soft: verdicts against ranks, estimands against enumeration."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.oracles.flat.cases import CONDITIONAL, Case
from tests.oracles.flat.diagram import Diagram, random_diagram, read
from tests.oracles.flat.engine import observed, posed
from tests.oracles.flat.rank import Query, can_move
from tests.oracles.flat.truth import Mechanism, held, random_table, random_world
from umbel.expr.build import settled
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import Expr, Raw, Symbol
from umbel.numerics.tables import Table

EXACT = 1e-9
"""Dividing by a condition's probability costs a digit."""


def gap(
    diagram: Diagram,
    expr: Expr,
    y: list[str],
    x: list[str],
    z: list[str],
    policies: dict[str, Mechanism],
    rng: np.random.Generator,
) -> float:
    """Error of a conditional estimand in one world of two states each."""
    world = random_world(diagram, rng, visible=(2,))
    laws = {name: Table((name, *reads), np.moveaxis(table, -1, 0)) for name, (reads, table) in policies.items()}
    axes = [Symbol(Raw(name)) for name in (*y, *z, *x)]
    found = evaluate(settled(expr), observed(world), axes, plates=(), laws=laws).array
    return float(np.abs(found - world.under(policies).effect(y, x, z)).max())


@pytest.mark.parametrize("case", CONDITIONAL, ids=lambda case: case.name)
def test_the_named_cases(case: Case, rng: np.random.Generator) -> None:
    diagram = read(case.edges)
    road = posed(diagram, case.y, case.x, case.z)
    assert (road.expr is not None) is case.identified
    if road.expr is not None:
        assert gap(diagram, road.expr, list(case.y), list(case.x), list(case.z), {}, rng) < EXACT


@pytest.mark.parametrize("seed", range(8))
def test_random_conditions(seed: int) -> None:
    rng = np.random.default_rng([6, seed])
    seen: Counter[bool] = Counter()
    while seen.total() < 40:
        diagram = random_diagram(rng, int(rng.integers(3, 7)), int(rng.integers(0, 3)))
        counts = int(rng.integers(0, 3)), int(rng.integers(1, 3)), int(rng.integers(1, 3))
        if sum(counts) > len(diagram.visible) or len(diagram.bidirected) + len(diagram.latent) > 7:
            continue
        names = iter(str(name) for name in rng.permutation(diagram.visible))
        x, y, z = ([next(names) for _ in range(count)] for count in counts)
        policies: dict[str, Mechanism] = {}
        if x and rng.uniform() < 0.3:
            free = [name for name in diagram.visible if name not in diagram.descendants(x[0]) and name not in x]
            reads = tuple(name for name in free if rng.uniform() < 0.5)
            policies[x[0]] = (reads, random_table(rng, [2] * (len(reads) + 1)))
        hard = [name for name in x if name not in policies]
        road = posed(diagram, y, x, z, reads={name: reads for name, (reads, _) in policies.items()})
        seen[road.expr is not None] += 1
        query = Query(y, {**{name: held(0, 2) for name in hard}, **policies}, z)
        assert can_move(diagram, query, rng, tries=1 if road.expr else 40) is (road.expr is None), (diagram, query)
        if road.expr is not None:
            assert gap(diagram, road.expr, y, hard, z, policies, rng) < EXACT, (diagram, query)
    assert min(seen[True], seen[False]) >= 3
