"""Seconds of bounds: linear programs at 64 and 4,096 states, EM with 300 restarts on every row of Table 1.

    python -m benchmarks.bounds_speed

writes benchmarks/results/bounds_speed.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.bounds_shared import DATA, MACHINE, drug, fastest, table, write
from umbel.estimate.bounds import BoundsMethod, bound
from umbel.estimate.bounds_arrays import Block, Patterns, Records, blocks_of, patterns_of, polynomial_of
from umbel.estimate.bounds_restarts import Restarts, restarted
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.programme import Programme
from umbel.model.query import Question
from umbel.numerics.multilinear import Polynomial, slope
from umbel.numerics.polytope import Polytope

RESTARTS = 300
GAP = 1e-3
LARGE = "C -> S; D -> S; T -> S; T <-> S; C -> T; D -> T"
"""Two binary covariates: 16 response functions of T times 256 of S."""


def both_ends(patterns: Patterns, direction: np.ndarray) -> None:
    """Two programs over one model, the building of the model included."""
    laws = Polytope(patterns.rows, patterns.saturated)
    laws.minimum(direction)
    laws.maximum(direction)


def rows_of_table_one(rng: np.random.Generator) -> list[list[object]]:
    """Programs and EM on each row, in both readings."""
    rows: list[list[object]] = []
    for gender in (True, False):
        programme, studies = drug(gender)
        blocks = blocks_of(programme)
        top, bottom = polynomial_of(programme.numerator, blocks), polynomial_of(programme.denominator, blocks)
        at = max(range(len(blocks)), key=lambda at: blocks[at].states)
        direction = slope(top, [np.full(block.states, 1 / block.states) for block in blocks], at, blocks[at].states)
        for name, which in DATA.items():
            patterns = [patterns_of(block, [studies[one] for one in which]) for block in blocks]
            program = fastest(partial(both_ends, patterns[at], direction)) / 2
            found = run_em(top, bottom, blocks, patterns, rng)
            seconds = fastest(partial(run_em, top, bottom, blocks, patterns, rng), 2)
            inner = found.interval(GAP)
            shown = "none" if inner is None else f"[{inner[0]:.4f}, {inner[1]:.4f}]"
            label = f"Table 1, {name}, {'with' if gender else 'without'} gender"
            share = float((found.gaps <= GAP).mean())
            ends = whole(programme, [studies[one] for one in which])
            rows.append([label, blocks[at].states, 1000 * program, ends, seconds, share, shown])
    return rows


def run_em(
    top: Polynomial,
    bottom: Polynomial,
    blocks: Sequence[Block],
    patterns: Sequence[Patterns],
    rng: np.random.Generator,
) -> Restarts:
    """Every restart to its certified gap."""
    return restarted(top, bottom, blocks, patterns, restarts=RESTARTS, rng=rng, gap=GAP, steps=20_000)


def large(rng: np.random.Generator) -> list[list[object]]:
    """A component of 4,096 states with a random law, which two studies observe; PNS as question."""
    ((_, programme),) = programmes(Graph.parse(LARGE), Question.parse("PNS(T, S)"), {})
    blocks = blocks_of(programme)
    top = polynomial_of(programme.numerator, blocks)
    at = max(range(len(blocks)), key=lambda at: blocks[at].states)
    block, law = blocks[at], rng.dirichlet(np.ones(blocks[at].states))
    direction = slope(top, [np.full(one.states, 1 / one.states) for one in blocks], at, block.states)
    codes = np.indices((2,) * 4).reshape(4, -1).T
    studies = []
    for do in ((), (programme.names.index("T"),)):
        chances = block.agrees(codes, do) @ law
        studies.append(Records(codes, chances / chances.sum(), do, population=True))
    rows: list[list[object]] = []
    for name, which in DATA.items():
        chosen = [studies[one] for one in which]
        program = fastest(partial(both_ends, patterns_of(block, chosen), direction)) / 2
        ends = whole(programme, chosen)
        rows.append([f"two binary covariates, {name}", block.states, 1000 * program, ends, "", "", ""])
    return rows


def whole(programme: Programme, studies: Sequence[Records]) -> float:
    """Milliseconds of a bound from records to both ends, without test and sampling interval."""
    laws = [Records(one.codes, one.counts / one.total, one.do, population=True) for one in studies]
    method = BoundsMethod(bootstrap=0)
    return 1000 * fastest(lambda: bound(programme, laws, rng=np.random.default_rng(0), method=method), 3)


def main() -> None:
    """Time, and write the table."""
    rng = np.random.default_rng(0)
    rows = [*rows_of_table_one(rng), *large(rng)]
    heads = ["problem", "states", "program, ms an end", "both ends from records, ms"]
    heads += [f"EM, {RESTARTS} restarts, s", "converged", "EM's interval"]
    note = (
        "Programs are timed with the building of their model, the least of five runs; EM the least of two, every "
        f"restart to a certified likelihood gap of {GAP:g} nats. {MACHINE}"
    )
    write("speed", table("Seconds of bounds", heads, rows, note))


if __name__ == "__main__":
    main()
