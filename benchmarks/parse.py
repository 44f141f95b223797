# ruff: noqa: T201 (a benchmark prints)
"""Time to read graph text: small graphs in microseconds, and linear up to 10,000 names.

Run with ``python benchmarks/parse.py``. Prints microseconds a name for growing texts and the ratio
of the last to the first: linear time keeps it near 1, quadratic time would bring it near 100.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph
from umbel.graph.surgery import latent_projection

SIZES = (100, 1_000, 10_000)
SMALL = "plate student { A Y }; latent U; U -> { A Y }; Z -> A -> Y; A <-> Z; W"


def texts(size: int) -> dict[str, str]:
    """Graphs of one size in every shape that could be slow."""
    names = [f"V{k}" for k in range(size)]
    return {
        "chain": " -> ".join(names),
        "lines": "\n".join(f"{a} -> {b}" for a, b in pairwise(names)),
        "star": f"V0 -> {{ {' '.join(names[1:])} }}",
        "bare": "plate s { " + " ".join(names) + " }",
        "plates": "\n".join(f"plate s{k % 50} {{ {name} }}" for k, name in enumerate(names)),
        "facts": "\n".join(f"{name}; states {name} = 2; assume shared {name}" for name in names),
        "dagitty": "dag { " + " ".join(f'{name} [pos="0,{k}"]' for k, name in enumerate(names)) + " }",
    }


def seconds(job: Callable[[], object], repeats: int) -> float:
    """Median time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    small = seconds(lambda: parse_graph(SMALL), 500)
    print(f"six variables, a plate, a latent: {1e6 * small:.0f} microseconds")
    names = [f"V{k}" for k in range(10)]
    edges = [(a, b) for i, a in enumerate(names) for b in names[i + 1 : i + 4]]
    graph = Graph.build(nodes=names, directed=edges, latent=["V0", "V3", "V5"])
    projection = seconds(lambda: latent_projection(graph), 500)
    print(f"latent projection, 10 nodes, 3 hidden: {1e6 * projection:.0f} microseconds")
    print()
    print("microseconds a name " + "".join(f"{size:>9,}" for size in SIZES) + "    ratio")
    for shape in texts(2):
        each = [1e6 * seconds(partial(parse_graph, texts(size)[shape]), 5) / size for size in SIZES]
        print(f"{shape:<20}" + "".join(f"{value:>9.2f}" for value in each) + f"{each[-1] / each[0]:>9.2f}")


if __name__ == "__main__":
    main()
