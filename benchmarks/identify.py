# ruff: noqa: T201 (a benchmark prints)
"""Time to a verdict and to an estimand: flat graphs from 6 to 1000 nodes, hierarchical ones of five.

Run with ``python -m benchmarks.identify``; ``--out FILE`` writes the table too. Flat graphs are
random, three edges a node on average, a third as many ``<->``; the treatment is an ancestor of an
outcome in the last half of the order. *Verdict* is the engine's yes or no, *estimand* its kernels,
*question* the whole way from a parsed graph and question to text. Hierarchical graphs are all
small: five variables in one plate or at unit level.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import umbel
from umbel.expr.nodes import Raw
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors
from umbel.identification.engine import effect, identifiable

SIZES = (6, 10, 20, 50, 100, 200, 500, 1000)
GRAPHS = 20
DEGREE = 3
ARCS = 1 / 3
HIERARCHICAL = 400


def seconds(job: Callable[[], object], repeats: int) -> float:
    """Median time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def flat_graph(rng: random.Random, size: int) -> Graph:
    """A random ADMG of the average degree, nodes in topological order."""
    names = [f"V{i}" for i in range(size)]
    pairs = set()
    while len(pairs) < min(DEGREE * size // 2, size * (size - 1) // 2):
        pairs.add(tuple(sorted(rng.sample(range(size), 2))))
    directed = [(names[a], names[b]) for a, b in sorted(pairs)]
    arcs = set()
    while len(arcs) < round(ARCS * size):
        arcs.add(tuple(sorted(rng.sample(range(size), 2))))
    return Graph.build(nodes=names, directed=directed, bidirected=[(names[a], names[b]) for a, b in sorted(arcs)])


def query(rng: random.Random, graph: Graph) -> tuple[int, int]:
    """A treatment and an outcome that it may cause."""
    while True:
        outcome = rng.randrange(len(graph.names) // 2, len(graph.names))
        causes = list(bits(ancestors(graph, 1 << outcome) & ~(1 << outcome)))
        if causes:
            return rng.choice(causes), outcome


def flat_row(size: int) -> str:
    """One size: medians and maxima in milliseconds over the graphs."""
    rng = random.Random(size)
    verdicts, estimands, questions = [], [], []
    identified = 0
    for _ in range(GRAPHS):
        graph = flat_graph(rng, size)
        x, y = query(rng, graph)
        meanings = [Raw(name) for name in graph.names]
        question = umbel.Question.parse(f"P({graph.names[y]} | do({graph.names[x]}))")

        def verdict(graph: Graph = graph, x: int = x, y: int = y) -> bool:
            return identifiable(graph, 1 << y, 1 << x)

        def estimand(graph: Graph = graph, x: int = x, y: int = y, meanings: list[Raw] = meanings) -> object:
            return effect(graph, 1 << y, 1 << x, meanings)

        def answer(graph: Graph = graph, question: umbel.Question = question) -> object:
            found = umbel.identify(graph, question)
            return found.estimand.text() if found.identified else found

        identified += verdict()
        verdicts.append(seconds(verdict, 5))
        estimands.append(seconds(estimand, 3))
        questions.append(seconds(answer, 3))
    cells = (f"{1e3 * statistics.median(t):.3f} / {1e3 * max(t):.3f}" for t in (verdicts, estimands, questions))
    return f"| {size} | {identified} of {GRAPHS} | {' | '.join(cells)} |"


def hierarchical_graphs(rng: random.Random) -> Iterator[tuple[Graph, umbel.Question]]:
    """Random graphs of five variables: a treatment and an outcome in a plate, hidden variables among the rest."""
    names = ["A", "Y", "X", "Z", "U"]
    while True:
        order = rng.sample(names, 5)
        members = {"A", "Y", *(name for name in ("X", "Z", "U") if rng.random() < 0.4)}
        hidden = [name for name in ("Z", "U") if rng.random() < 0.4]
        edges = [f"{a} -> {b}" for i, a in enumerate(order) for b in order[i + 1 :] if rng.random() < 0.5]
        if order.index("A") > order.index("Y"):
            continue
        text = (
            f"plate s {{ {' '.join(sorted(members))} }}; {' '.join(name for name in names if name not in members)}; "
            + "; ".join(edges)
        )
        graph = umbel.Graph.parse(text + "".join(f"; latent {name}" for name in hidden))
        if ancestors(graph, graph.mask(["Y"])) >> graph.index("A") & 1:
            yield graph, umbel.Question.parse("P(Y | do(A ~ q))")


def hierarchical_row() -> str:
    """Median, 90th percentile and maximum in milliseconds of the verdict on a hierarchical graph of five variables."""
    times = []
    identified = 0
    draws = hierarchical_graphs(random.Random(5))
    for _ in range(HIERARCHICAL):
        graph, question = next(draws)
        identified += umbel.identify(graph, question).identified
        times.append(1e3 * seconds(lambda graph=graph, question=question: umbel.identify(graph, question), 3))
    times.sort()
    return (
        f"| {identified} of {HIERARCHICAL} | {statistics.median(times):.3f} | "
        f"{times[int(0.9 * len(times))]:.3f} | {times[-1]:.3f} | 1 |"
    )


def table() -> Iterator[str]:
    """Lines of the result, as they are measured."""
    version = sys.version.split()[0]
    yield f"Milliseconds on {os.cpu_count()} cores, shared, Python {version}. Made by `python -m benchmarks.identify`."
    yield ""
    yield f"Flat graphs, degree {DEGREE}, {GRAPHS} per size; median / largest."
    yield ""
    yield "| nodes | identified | verdict | estimand | question to text |"
    yield "|---|---|---|---|---|"
    for size in SIZES:
        yield flat_row(size)
    yield ""
    yield "Hierarchical graphs of five variables, question to verdict."
    yield ""
    yield "| identified | median | 90 % | largest | promised median below |"
    yield "|---|---|---|---|---|"
    yield hierarchical_row()


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
