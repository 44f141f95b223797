"""How often the sampling interval of bounds holds the whole population interval.

    python -m benchmarks.bounds_coverage [--replicates 300] [--only NAME]

Textbook models and random ones, one component and several; laws in the interior of the simplex and
on its boundary, where intervals are hardest; studies of unequal sizes. Writes
``benchmarks/results/bounds_coverage.md``. The test suite runs ten replicates of each.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from umbel.estimate.bounds import BoundsFound, BoundsMethod, bound
from umbel.estimate.bounds_arrays import Records, blocks_of
from umbel.graph.mixed import Graph
from umbel.identification.bounds import programmes
from umbel.model.programme import Programme
from umbel.model.query import Question
from umbel.simulate.boolean import random_boolean

RESULTS = Path(__file__).parent / "results" / "bounds_coverage.md"
HEADS = (
    "model",
    "components",
    "records",
    "population",
    "mean width of the interval",
    "holds the whole",
    "seconds",
    "by bootstrap",
)
LEVEL = 0.95
WANTED = 0.93
ROUNDING = 1e-6
METHOD = BoundsMethod(level=LEVEL, seconds=2.0, bootstrap=0)
BOOTSTRAP = BoundsMethod(level=LEVEL, seconds=2.0, bootstrap=0, intervals="bootstrap")
BOW = "A -> Y; A <-> Y"
INSTRUMENT = "Z -> A -> Y; A <-> Y"
CHAIN = "A -> M -> W -> Y; A <-> W; M <-> Y"
FORK = "G -> T -> S <- G; T <-> S"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A population: what each study would show of it, and how many records each gives.

    Parameters
    ----------
    name
        What the table calls it.
    programme
        The question, with every component that the records touch.
    studies
        Laws.
    sizes
        Records of each study.
    """

    name: str
    programme: Programme
    studies: tuple[Records, ...]
    sizes: tuple[int, ...]

    def bounds(self) -> tuple[float, float]:
        """The population's interval, certified ends of it."""
        found = bound(self.programme, self.studies, rng=np.random.default_rng(0), method=METHOD)
        assert isinstance(found, BoundsFound) and found.bounds.lower is not None and found.bounds.upper is not None
        return found.bounds.lower, found.bounds.upper

    def sampled(self, rng: np.random.Generator) -> list[Records]:
        """One sample of every study."""
        found = []
        for one, size in zip(self.studies, self.sizes, strict=True):
            counts = rng.multinomial(size, one.counts / one.counts.sum()).astype(np.float64)
            found.append(Records(one.codes[counts > 0], counts[counts > 0], one.do, one.name))
        return found

    def interval(self, rng: np.random.Generator, method: BoundsMethod = METHOD) -> tuple[float, float]:
        """The sampling interval of one sample."""
        found = bound(self.programme, self.sampled(rng), rng=rng, method=method)
        assert isinstance(found, BoundsFound) and found.bounds.interval is not None
        low, high = found.bounds.interval
        assert low is not None and high is not None
        return low, high


def _drawn(
    name: str,
    graph: str,
    question: str,
    *,
    trials: Sequence[tuple[str, ...]],
    sizes: tuple[int, ...],
    concentration: float,
    seed: int,
) -> Case:
    """A model whose response functions have a Dirichlet law: sparse laws lie near the boundary."""
    ((_, programme),) = programmes(Graph.parse(graph), Question.parse(question), {}, whole=True)
    rng = np.random.default_rng(seed)
    blocks = blocks_of(programme)
    laws = [rng.dirichlet(np.full(block.states, concentration)) for block in blocks]
    codes = np.array(list(itertools.product(*(range(size) for size in programme.sizes))), dtype=np.int64)
    studies = []
    for trial in trials:
        do = tuple(programme.names.index(one) for one in trial)
        chances = np.ones(len(codes))
        for block, law in zip(blocks, laws, strict=True):
            chances = chances * (block.agrees(codes, do) @ law)
        chances = chances / chances.sum()
        studies.append(Records(codes[chances > 0], chances[chances > 0], do, population=True))
    return Case(name, programme, tuple(studies), sizes)


def _printed(name: str, graph: str, question: str, tables: Sequence[tuple[np.ndarray, tuple[str, ...]]]) -> Case:
    """A population whose tables are given; axes are named by the graph's variables in the order of first mention."""
    ((_, programme),) = programmes(Graph.parse(graph), Question.parse(question), {}, whole=True)
    studies, sizes = [], []
    for array, trial in tables:
        codes = np.indices(array.shape).reshape(array.ndim, -1).T.astype(np.int64)
        chances = array.reshape(-1) / array.sum()
        do = tuple(programme.names.index(one) for one in trial)
        studies.append(Records(codes, chances, do, population=True))
        sizes.append(int(array.sum()))
    return Case(name, programme, tuple(studies), tuple(sizes))


def _random(name: str, nodes: int, components: int, seed: int, sizes: tuple[int, int]) -> Case:
    """The first random Boolean model with so many components whose interval says something."""
    while True:
        model = random_boolean(nodes, rng=np.random.default_rng(seed))
        seed += 1
        programme = model.programme()
        if len(programme.components) != components:
            continue
        case = Case(name, programme, model.studies(), sizes)
        low, high = case.bounds()
        if low > 0.02 and high < 0.98 and high - low > 0.02:
            return case


def cases() -> tuple[Case, ...]:
    """The models of the study; the names of those with several components end in their number."""
    # Zaffalon et al. (2023), Table 1: gender, treatment, survival; observed, and randomised.
    seen = np.array([[[180.0, 420], [1022, 378]], [[180, 420], [420, 980]]])
    trial = np.array([[[790.0, 210], [511, 489]], [[790, 210], [510, 490]]])
    both = ((), ("A",))
    second = ((np.array([[500.0, 100], [200, 200]]), ()), (np.array([[340.0, 60], [260, 140]]), ("A",)))
    return (
        _drawn("bow, observed", BOW, "PNS(A, Y)", trials=[()], sizes=(800,), concentration=1.0, seed=1),
        _drawn("bow, both studies", BOW, "PNS(A, Y)", trials=both, sizes=(1500, 400), concentration=1.0, seed=2),
        _printed("bow, necessity", BOW, "PN(A, Y)", second),
        _printed("drug, pooled", "T -> S; T <-> S", "PNS(T, S)", [(seen.sum(axis=0), ()), (trial.sum(axis=0), ("T",))]),
        _drawn("instrument", INSTRUMENT, "ATE(A, Y)", trials=[()], sizes=(1000,), concentration=0.3, seed=4),
        _random("random", 6, 1, 500, (600, 900)),
        _printed("drug with gender, 2", FORK, "PNS(T, S)", [(seen, ()), (trial, ("T",))]),
        _drawn(
            "mediator, 2", "A -> M -> Y; A <-> Y", "PNS(A, Y)", trials=[()], sizes=(1000,), concentration=1.0, seed=6
        ),
        _drawn("chain, 2", CHAIN, "PNS(A, Y)", trials=both, sizes=(1000, 500), concentration=0.5, seed=7),
        _random("random, 2", 7, 2, 700, (600, 900)),
    )


def coverage(
    case: Case, replicates: int, *, seed: int = 0, method: BoundsMethod = METHOD
) -> tuple[float, float, float]:
    """Share of intervals that hold the whole population interval, mean width, seconds for each."""
    low, high = case.bounds()
    rng = np.random.default_rng(seed)
    held, width = 0, 0.0
    start = time.perf_counter()
    for _ in range(replicates):
        below, above = case.interval(rng, method)
        held += below <= low + ROUNDING and above >= high - ROUNDING
        width += above - below
    return held / replicates, width / replicates, (time.perf_counter() - start) / replicates


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=300)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    lines = [
        "# Do sampling intervals hold the bounds?",
        "",
        f"| {' | '.join(HEADS)} |",
        "|---" * len(HEADS) + "|",
    ]
    for case in cases():
        if arguments.only not in case.name:
            continue
        low, high = case.bounds()
        held, width, seconds = coverage(case, arguments.replicates)
        bootstrap = "-"
        if len(case.programme.components) == 1:  # a bootstrap solves two hundred programs an interval
            bootstrap = f"{coverage(case, arguments.replicates // 3, method=BOOTSTRAP)[0]:.2f}"
        sizes = ", ".join(str(one.size) for one in case.programme.components)
        records = " + ".join(map(str, case.sizes))
        cells = (
            case.name,
            sizes,
            records,
            f"[{low:.4f}, {high:.4f}]",
            f"{width:.3f}",
            f"{held:.3f}",
            f"{seconds:.2f}",
            bootstrap,
        )
        lines.append(f"| {' | '.join(cells)} |")
        sys.stdout.write(f"{lines[-1]}\n")
        sys.stdout.flush()
    note = (
        f"{arguments.replicates} replicates of each, level {LEVEL}; at least {WANTED} are to hold the whole interval. "
        "Components: their numbers of response functions. By bootstrap: the diagnostic of that name, a third as many. "
        f"Two cores, shared; Python {platform.python_version()}."
    )
    if not arguments.only:
        RESULTS.write_text("\n".join([*lines, "", note]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
