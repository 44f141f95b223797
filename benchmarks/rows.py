# ruff: noqa: T201 (a benchmark prints)
"""Ten million members from parquet to the D.1 Answer, and one replicate of D.1: seconds and memory.

    python -m benchmarks.rows

writes benchmarks/results/rows.md. The whole command is a process of its own, so that its peak
memory is that of nothing else. About 100 MB of disk for a minute.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from umbel.estimate.motifs import confounder_means, pair_counts
from umbel.simulate.motifs import UnitConfounder

RESULT = Path(__file__).parent / "results" / "rows.md"
COMMAND = "import sys; from umbel.cli import run; sys.exit(run())"
UNITS, MEMBERS = 10_000, 1_000
QUESTION = "E[Y | do(A=1)] - E[Y | do(A=0)]"


def written(folder: Path, model: UnitConfounder) -> Path:
    """The problem file, beside the rows in random order."""
    rng = np.random.default_rng(0)
    rows = model.draw(UNITS, MEMBERS, rng=rng).rows()
    order = rng.permutation(UNITS * MEMBERS)
    columns = {name: pa.array(np.asarray(values)[order]) for name, values in rows.items()}
    pa.parquet.write_table(pa.table(columns), folder / "members.parquet", compression="zstd")
    problem = folder / "problem.toml"
    text = f"graph = '{model.GRAPH}'\nquestion = '{QUESTION}'\n[[study]]\ntable = 'members.parquet'\nunit = 'unit'\n"
    problem.write_text(text, encoding="utf-8")
    return problem


def solved(problem: Path) -> tuple[float, float, dict[str, object]]:
    """Seconds and peak gigabytes of the whole command, and its Answer."""
    start = time.perf_counter()
    command = [sys.executable, "-c", COMMAND, "solve", str(problem), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return seconds, gigabytes, json.loads(done.stdout)


def replicate(model: UnitConfounder) -> float:
    """Median seconds of one replicate at 1000 units of 1000 members: simulate and estimate."""
    rng, times = np.random.default_rng(0), []
    for _ in range(11):
        start = time.perf_counter()
        draw = model.draw(1000, 1000, rng=rng)
        confounder_means(pair_counts(draw.members["A"], draw.members["Y"]), (1.0, 0.0))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and write."""
    model = UnitConfounder(0.5)
    once = replicate(model)
    with tempfile.TemporaryDirectory() as folder:
        problem = written(Path(folder), model)
        size = (Path(folder) / "members.parquet").stat().st_size / 1e6
        seconds, gigabytes, answer = solved(problem)
    estimate = answer["estimate"]
    assert isinstance(estimate, dict)
    table = f"""# Many rows

Written by `python -m benchmarks.rows`; {os.cpu_count()} cores, Python {platform.python_version()}.

| what | measured | promised below |
|---|---|---|
| one replicate of D.1, 1000 units of 1000 members: simulate and estimate | {once:.3f} s | 0.1 s |
| `umbel solve`, {UNITS * MEMBERS:,} rows of {UNITS:,} units from parquet ({size:.0f} MB), whole process, \
200 bootstrap samples | {seconds:.1f} s | 10 s |
| its peak memory | {gigabytes:.2f} GB | 2 GB |

Truth {model.effect():.4f}, estimate {estimate["value"]:.4f}, standard error {estimate["se"]:.4f}.
"""
    RESULT.write_text(table, encoding="utf-8")
    print(table)
    if once > 0.1 or seconds > 10 or gigabytes > 2:
        raise SystemExit("a promise is broken")


if __name__ == "__main__":
    main()
