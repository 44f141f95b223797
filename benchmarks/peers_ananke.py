"""What ananke answers: run inside an environment of its own by ``benchmarks.peers``, JSON in and JSON out.

Its functional is a string of fixing operators that nothing evaluates, so only verdicts are compared.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")

from ananke.graphs import ADMG  # noqa: E402 (its imports warn)
from ananke.identification import OneLineID  # noqa: E402

QUICK = 0.2
"""Seconds below which a query is asked again, for a median."""


def answer(problem: dict[str, Any]) -> dict[str, Any]:
    """Verdict and seconds of one problem."""
    graph = ADMG(problem["names"], di_edges=list(map(tuple, problem["directed"])), bi_edges=problem["bidirected"])
    times, identified = [], False
    while len(times) < 3 and (not times or times[-1] < QUICK):
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its fixing orders
            one = OneLineID(graph=graph, treatments=[problem["x"]], outcomes=[problem["y"]])
            identified = one.id()
            if identified:
                one.functional()
        times.append(time.perf_counter() - start)
    return {"identified": bool(identified), "seconds": statistics.median(times)}


def main() -> None:
    """Answer every problem of standard input, one JSON line each."""
    for problem in json.load(sys.stdin):
        try:
            line = answer(problem)
        except Exception as error:
            line = {"error": type(error).__name__}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
