"""Whether the rank test and the intervals of classes keep what they say when rows come in clusters.

    python benchmarks/class_numbers.py size --write
    python benchmarks/class_numbers.py errors --write

``size``: how often the rank test at .05 rejects the true number of classes, that of independent rows
beside that of clusters, how often it rejects one class fewer, and how often the true number is found.
``errors``: how often 95 % intervals of the class effects cover, by the observed information, by the
cluster sandwich, by the bootstrap. Draws of ``default_rng(12345)``; tables go to ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import umbel
from umbel.numerics.arm_moments import moments_of_rows
from umbel.numerics.clustered_ranks import clustered_rank_test
from umbel.numerics.operators import RankTest, rank_test
from umbel.simulate.mixtures import MixtureDesign, design_b, design_d3

Array = NDArray[np.float64]
Rows = dict[str, NDArray[np.int64]]
RESULTS = Path(__file__).parent / "results"
SEED = 12345
LEVEL = 0.05
GRAPH = "U -> { Z0 Z1 X0 X1 T Y }; { Z0 Z1 } -> T -> Y; classes U = "


@dataclass(frozen=True, slots=True)
class Case:
    """Draws of a design in clusters.

    Parameters
    ----------
    design
        What is drawn.
    clusters, rows
        Their number; rows of each on average.
    concentration
        How alike rows of one are: chance-corrected agreement ``1 / (1 + concentration)``; None: not at all.
    weighted
        Whether rows are independent and carry sampling weights instead.
    """

    design: MixtureDesign
    clusters: int
    rows: int
    concentration: float | None = 3.0
    weighted: bool = False

    @property
    def name(self) -> str:
        """Its cells in a table."""
        alike = "independent" if self.concentration is None else f"{1 / (1 + self.concentration):.2f}"
        return f"{self.design.name} | {self.clusters} | {self.rows} | {'weighted' if self.weighted else alike}"

    def draw(self, rng: np.random.Generator) -> tuple[Rows, Array | None]:
        """Rows, and their weights where they have them."""
        if self.weighted:
            rows = self.design.rows(self.clusters, rng=rng)
            return rows | {"cluster": np.arange(self.clusters)}, rng.lognormal(0.0, 0.7, self.clusters)
        sizes = 2 + rng.poisson(self.rows - 2, self.clusters)
        if self.concentration is None:
            rows = self.design.rows(int(sizes.sum()), rng=rng)
            return rows | {"cluster": np.repeat(np.arange(self.clusters), sizes)}, None
        return self.design.clustered_rows(sizes.tolist(), concentration=self.concentration, rng=rng), None


CASES = [
    Case(design, clusters, rows, alike, weighted)
    for design in (design_b(), design_d3())
    for clusters, rows, alike, weighted in (
        (30, 100, 3.0, False),
        (100, 30, 3.0, False),
        (300, 30, 3.0, False),
        (100, 30, None, False),
        (3000, 1, None, True),
    )
]


def both_tests(rows: Rows, weights: Array | None) -> tuple[RankTest, RankTest]:
    """The rank test of independent rows, and that of clusters."""
    z, x = np.eye(4)[2 * rows["Z0"] + rows["Z1"]], np.eye(4)[2 * rows["X0"] + rows["X1"]]
    y = rows["Y"][:, None].astype(np.float64)
    plain = rank_test(moments_of_rows(z, x, y, rows["T"], 2, unit=np.ones(4), weights=weights))
    return plain, clustered_rank_test(z, x, rows["T"], 2, rows["cluster"], weights=weights)


def rejected(case: Case, replicates: int) -> Array:
    """Shares: the plain test rejects the true number; the clustered one; one class fewer; the true number found."""
    rng = np.random.default_rng(SEED)
    k = len(case.design.classes)
    found = []
    for _ in range(replicates):
        plain, clustered = both_tests(*case.draw(rng))
        own = clustered.p_values
        found.append((plain.p_values[k - 1] < LEVEL, own[k - 1] < LEVEL, own[k - 2] < LEVEL, clustered.classes() == k))
    return np.mean(found, axis=0)


ERRORS: dict[str, Callable[[Rows], tuple[umbel.Study, umbel.MethodSpec]]] = {
    "information, clusters ignored": lambda rows: (umbel.Study(seen(rows)), umbel.MethodSpec()),
    "sandwich": lambda rows: (umbel.Study(seen(rows), cluster="cluster"), umbel.MethodSpec()),
    "bootstrap": lambda rows: (umbel.Study(seen(rows), cluster="cluster"), umbel.MethodSpec(name="bootstrap")),
}


def seen(rows: Rows) -> Rows:
    """All columns but the class."""
    return {name: column for name, column in rows.items() if name != "U"}


def covered(case: Case, replicates: int, names: tuple[str, ...] = tuple(ERRORS)) -> Iterator[tuple[str, Array, float]]:
    """For each kind of error: how often intervals of the effects cover, and their mean width; refusals left out."""
    _, truth = case.design.truth()
    for name in names:
        rng = np.random.default_rng(SEED)
        hits, widths = [], []
        for _ in range(replicates):
            rows, _ = case.draw(rng)
            study, method = ERRORS[name](rows)
            answer = umbel.solve(GRAPH + str(len(truth)), "MTE(T, Y | U)", study, method=method)
            if answer.classes is None:
                continue
            ends = np.array([one.interval for one in answer.classes], dtype=np.float64)
            hits.append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
            widths.append(ends[:, 1] - ends[:, 0])
        yield name, np.mean(hits, axis=0), float(np.mean(widths))


def size_table(replicates: int) -> str:
    """The study of the rank test."""
    lines = [
        "# How many classes clustered rows show",
        "",
        f"Written by `python benchmarks/class_numbers.py size --replicates {replicates} --write`; draws of",
        f"`default_rng({SEED})`; two cores, shared. Rows of a cluster share laws of their proxies, drawn around the",
        'design\'s; "alike" is their agreement beyond chance. Shares of draws in which a test at .05 rejects the true',
        "number of classes (nominal .05), the test of independent rows beside the one of clusters; in which the latter",
        "rejects one class fewer; and in which it ends at the true number.",
        "",
        "| design | clusters | rows of each | alike | rows: rejects | clusters: rejects | fewer rejected | found |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        shares = " | ".join(f"{share:.3f}" for share in rejected(case, replicates))
        lines.append(f"| {case.name} | {shares} |")
    return "\n".join(lines) + "\n"


def error_table(replicates: int) -> str:
    """The study of the intervals; refits for every fifth draw."""
    lines = [
        "# Intervals of class effects when rows come in clusters",
        "",
        f"Written by `python benchmarks/class_numbers.py errors --replicates {replicates} --write`; draws of",
        f"`default_rng({SEED})`; two cores, shared. Share of 95 % intervals of each class's effect that cover, and",
        "their mean width; answers without classes left out.",
        "",
        "| design | clusters | rows of each | alike | errors | draws | covered | width |",
        "|---|---|---|---|---|---|---|---|",
    ]
    case = Case(design_b(), 40, 75, 1.0)
    for kind in ERRORS:
        number = replicates // 5 if kind == "bootstrap" else replicates
        for name, shares, width in covered(case, number, (kind,)):
            cells = f"{name} | {number} | {' '.join(f'{one:.3f}' for one in shares)} | {width:.3f}"
            lines.append(f"| {case.name} | {cells} |")
            sys.stderr.write(f"{lines[-1]}\n")
    return "\n".join(lines) + "\n"


STUDIES = {"size": (size_table, "class_numbers.md"), "errors": (error_table, "class_intervals.md")}


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    study, name = STUDIES[given.study]
    table = study(given.replicates)
    if given.write:
        (RESULTS / name).write_text(table, encoding="utf-8")
    else:
        sys.stdout.write(table)


if __name__ == "__main__":
    main()
