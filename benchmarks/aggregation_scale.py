# ruff: noqa: T201 (a benchmark prints)
"""Totals of thousands of parts: seconds, flops and GB/s; ``python -m benchmarks.aggregation_scale FOLDER [CASE…]``.

Makes parquet files of float64 in FOLDER (4 GB each), reads them in blocks, writes
``benchmarks/results/aggregation_scale.md``. Cases: known, components, classical, hc3, narrow.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from umbel import aggregate

WIDE = (100_000, 5_000)
NARROW = (1_000_000, 500)
PROMISED = {"known": 90, "components": 90, "classical": 180, "hc3": 360, "narrow": 60}


def make(path: Path, rows: int, parts: int, components: bool) -> None:
    """Parts that share a cause, effects from 1 to 2, noise that grows with the first part."""
    if path.exists():
        return
    rng = np.random.default_rng(1)
    names = [f"X{j}" for j in range(parts)]
    own = [f"Y{j}" for j in range(parts)] if components else []
    alpha = np.linspace(1.0, 2.0, parts)
    schema = pa.schema([(name, pa.float64()) for name in [*names, *own, "Y"]])
    step = 2_000 if parts > 1000 else 20_000
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, step):
            size = min(step, rows - start)
            x = rng.standard_normal((parts, size)) + rng.standard_normal(size)
            noise = 5 * rng.standard_normal(size) * (1 + np.abs(x[0]))
            columns = [*x]
            if components:
                columns += [*(alpha[:, None] * x + rng.standard_normal((parts, size)))]
            columns.append(alpha @ x + noise)
            writer.write_table(pa.table([pa.array(one) for one in columns], schema=schema))


def timed(work: Callable[[], aggregate.Report]) -> tuple[aggregate.Report, float, float]:
    """The report, its seconds, and the seconds that processors worked for it."""
    start, busy = time.perf_counter(), time.process_time()
    report = work()
    return report, time.perf_counter() - start, time.process_time() - busy


def flops(case: str, rows: int, parts: int) -> float:
    """Multiplications and additions, the leading terms."""
    n, p = float(rows), float(parts)
    return {
        "known": 6 * n * p,
        "components": 30 * n * p,
        "classical": n * p**2 + 4 * p**3,
        "hc3": 3 * n * p**2 + 8 * p**3,
        "narrow": 3 * n * p**2 + 8 * p**3,
    }[case]


def passes(case: str) -> int:
    """How often the table is read."""
    return 2 if case in ("hc3", "narrow") else 1


def run(case: str, folder: Path) -> str:
    """One line of the table."""
    rows, parts = NARROW if case == "narrow" else WIDE
    components = case == "components"
    path = folder / f"{rows}x{parts}{'_components' if components else ''}.parquet"
    make(path, rows, parts, components)
    names = [f"X{j}" for j in range(parts)]
    methods = {
        "known": aggregate.Known(dict(zip(names, np.linspace(1.0, 2.0, parts).tolist(), strict=True))),
        "components": aggregate.Components({name: f"Y{j}" for j, name in enumerate(names)}),
        "classical": aggregate.Joint(classical=True),
        "hc3": aggregate.Joint(),
        "narrow": aggregate.Joint(),
    }
    report, seconds, busy = timed(lambda: aggregate.well_defined(path, names, "Y", method=methods[case]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    work = flops(case, rows, parts)
    read = passes(case) * 8 * rows * parts * (2 if components else 1) / 1e9
    words = f"| {case} | {rows:,} x {parts:,} | {seconds:.0f} | {busy:.0f} | {PROMISED[case]} | {work:.1e} | "
    words += f"{work / busy / 1e9:.1f} | {read / busy:.2f} | {memory:.1f} | {report.natural:.3f} |"
    return words


def main(folder: Path, cases: list[str]) -> None:
    """Run cases and write the table; each in a process of its own gives its own memory."""
    table = Path(__file__).parent / "results" / "aggregation_scale.md"
    head = [
        "# Totals of thousands of parts",
        "",
        "Parquet, float64, read in blocks, never held whole. Two cores, shared with much other work, and one thread of",
        "linear algebra: the seconds by the clock say how busy the machine was, processor seconds what one core alone",
        "would need; Gflop/s and GB/s are by the latter. Promised: seconds by the clock on two cores alone. Memory is",
        "the process's most. Known effects and components: one pass; HC3: two.",
        "",
        "| case | rows x parts | clock | processor | promised | flops | Gflop/s | GB/s | GB held | natural effect |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines = table.read_text(encoding="utf-8").splitlines()[len(head) :] if table.exists() else []
    for case in cases:
        line = run(case, folder)
        print(line, flush=True)
        lines = [one for one in lines if one.startswith("|") and not one.startswith(f"| {case} |")] + [line]
        end = ["", "`python -m benchmarks.aggregation_scale FOLDER`", ""]
        table.write_text("\n".join([*head, *lines, *end]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PROMISED))
