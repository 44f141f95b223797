"""Size of the compatibility test at 0.05, and its power against a trial from another population.

    python -m benchmarks.bounds_compatibility [--replicates 400] [--records 1000]

A treatment and an outcome with a hidden common cause, an observational study and a trial of the
treatment; laws of the response functions inside the simplex, sparse, or on four vertices of it.
Writes benchmarks/results/bounds_compatibility.md.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.bounds_shared import MACHINE, table, write
from umbel.estimate.bounds_arrays import Block, Records, blocks_of
from umbel.estimate.compatibility import disagreements
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.query import Question
from umbel.report.progress import bar

NOMINAL = 0.05
BOOTSTRAP = 199
VERTICES = 4
LAWS = {"inside, Dirichlet(1)": 1.0, "sparse, Dirichlet(0.2)": 0.2, "four vertices": 0.0}
UNRELATED = 0.3
"""Concentration of the Dirichlet law that each of two unrelated populations is drawn from."""


def a_law(states: int, concentration: float, rng: np.random.Generator) -> np.ndarray:
    """A random law of the response functions; concentration 0: on four of them, evenly weighed."""
    if concentration:
        return rng.dirichlet(np.full(states, concentration))
    law = np.zeros(states)
    law[rng.choice(states, VERTICES, replace=False)] = rng.dirichlet(np.ones(VERTICES))
    return law


def sampled(block: Block, law: np.ndarray, do: tuple[int, ...], records: int, rng: np.random.Generator) -> Records:
    """One study: ``records`` rows, or as many in each arm."""
    codes = np.indices((2, 2)).reshape(2, -1).T
    chances = np.maximum(block.agrees(codes, do) @ law, 0.0)
    counts = np.zeros(len(codes))
    for arm in (0, 1) if do else (None,):
        own = np.ones(len(codes), dtype=bool) if arm is None else codes[:, 0] == arm
        counts[own] = rng.multinomial(records, chances[own] / chances[own].sum())
    kept = counts > 0
    return Records(codes[kept], counts[kept], do)


def rejected(block: Block, one: float, *, related: bool, arguments: argparse.Namespace, what: str) -> float:
    """Share of replicates whose p-value is at most nominal."""
    rng = np.random.default_rng(7)
    count = 0
    for _ in bar(range(arguments.replicates), what, arguments.replicates):
        first = a_law(block.states, one, rng)
        second = first if related else a_law(block.states, one, rng)
        studies = [
            sampled(block, first, (), arguments.records, rng),
            sampled(block, second, (0,), arguments.records, rng),
        ]
        whole, *_ = disagreements([block], studies, rng=rng, most=BOOTSTRAP)
        count += whole.p <= NOMINAL
    return count / arguments.replicates


def main() -> None:
    """Run, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--records", type=int, default=1000)
    arguments = parser.parse_args()
    ((_, programme),) = programmes(Graph.parse("T -> S; T <-> S"), Question.parse("PNS(T, S)"), {})
    (block,) = blocks_of(programme)
    rows: list[list[object]] = []
    for name, concentration in LAWS.items():
        share = rejected(block, concentration, related=True, arguments=arguments, what=name)
        rows.append([name, "size", share, _error(share, arguments.replicates)])
    sizes = [float(str(row[2])) for row in rows[1:]]
    share = rejected(block, UNRELATED, related=False, arguments=arguments, what="unrelated")
    rows.append([f"two unrelated, Dirichlet({UNRELATED})", "power", share, _error(share, arguments.replicates)])
    note = (
        f"{arguments.replicates} replicates, {arguments.records} records in the observational study and in each arm, "
        f"likelihood ratio with a parametric bootstrap of {BOOTSTRAP}, nominal {NOMINAL}. Size averaged over the laws "
        f"on the boundary: {np.mean(sizes):.3f}. Inside the simplex most samples fit a law exactly, so that the test "
        f"hardly ever rejects. Some pairs of unrelated populations are compatible, so that power cannot reach 1. "
        f"{MACHINE}"
    )
    write("compatibility", table("Compatibility test", ["laws", "what", "rejected", "s.e."], rows, note))


def _error(share: float, replicates: int) -> float:
    return float(np.sqrt(share * (1 - share) / replicates))


if __name__ == "__main__":
    main()
