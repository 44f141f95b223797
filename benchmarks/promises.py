# ruff: noqa: T201 (a benchmark prints)
"""The promised times: imports, whole commands, verdicts, the main job.

Run with ``python -m benchmarks.promises``; writes ``benchmarks/results/promises.md``. Times are
medians of several runs on the machine named in the table, beside what is promised. They are
measured here and never in a timed test, since machines are busy.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import umbel
from umbel.gallery.catalogue import EXAMPLES
from umbel.numerics.hierarchy import normal_hierarchy

RESULT = Path(__file__).parent / "results" / "promises.md"
EFFECTS = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
ERRORS = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]
COMMAND = "import sys; from umbel.cli import run; sys.exit(run())"
FRONT_DOOR = ["identify", "--graph", "X -> Z -> Y; X <-> Y", "--question", "P(Y | do(X))"]


def median(job: Callable[[], object], repeats: int) -> float:
    """Median seconds of a few runs, after one that warms up."""
    job()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def process(*arguments: str) -> Callable[[], object]:
    """A whole Python process."""

    def run() -> object:
        return subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run


def verdicts() -> float:
    """Median over the nested examples of five variables and more of their median verdict time."""
    times = []
    for example in EXAMPLES:
        graph = umbel.Graph.parse(example.graph)
        if graph.plates and len(graph.names) >= 5:
            question = umbel.Question.parse(example.question)
            times.append(median(lambda graph=graph, question=question: umbel.identify(graph, question), 30))
    return statistics.median(times)


def rows() -> list[tuple[str, float, str]]:
    """What is measured, in seconds, and the promise."""
    bare = median(process("-c", "pass"), 5)
    eight = lambda: normal_hierarchy(EFFECTS, ERRORS, location=5.0, scale=5.0).average.quantile(0.05)  # noqa: E731
    return [
        ("python, nothing else", bare, "-"),
        ("import umbel, beyond that", median(process("-c", "import umbel"), 5) - bare, "0.3 s"),
        ("umbel identify, whole process", median(process("-c", COMMAND, *FRONT_DOOR), 5), "0.7 s"),
        (
            "umbel gallery eight-schools, whole process",
            median(process("-c", COMMAND, "gallery", "eight-schools"), 5),
            "-",
        ),
        ("posterior of eight schools, after import", median(eight, 20), "2 s"),
        ("verdict, nested examples of five variables or more, median", verdicts(), "0.001 s"),
    ]


def main() -> None:
    """Measure, print, and write the table."""
    lines = [
        f"Medians on {os.cpu_count()} cores, Python {sys.version.split()[0]}. Made by `python -m benchmarks.promises`.",
        "",
        "| what | seconds | promised below |",
        "|---|---|---|",
        *(f"| {what} | {seconds:.4f} | {promise} |" for what, seconds, promise in rows()),
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
