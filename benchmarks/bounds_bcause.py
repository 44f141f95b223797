"""The paper's loop in bcause against ours, on the same model, with as many restarts and steps.

    python -m benchmarks.bounds_bcause [--peer PYTHON] [--restarts 10] [--steps 100]

``--peer`` names an interpreter that imports bcause (0.0.2 pins packages of 2022, so that it wants an
environment of its own). Without one, the loop is written out here: one restart and one record at a
time. Writes benchmarks/results/bounds_bcause.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.bounds_shared import MACHINE, drug, fastest, table, write
from umbel.estimate.bounds_arrays import Block, Patterns, blocks_of, patterns_of
from umbel.numerics.causal_em import causal_em, starts

PEER = Path(__file__).parent / "bounds_bcause_peer.py"


def ours(block: Block, patterns: Patterns, restarts: int, steps: int, *, squared: bool) -> float:
    """Seconds of all restarts at once, each with all its steps."""
    begun = starts(block.states, restarts, rng=np.random.default_rng(0))
    return fastest(lambda: causal_em(patterns.rows, patterns.counts, begun, gap=0.0, steps=steps, squared=squared), 3)


def loop(block: Block, patterns: Patterns, restarts: int, steps: int) -> float:
    """Seconds of the same algorithm, one restart and one record pattern at a time."""
    begun = time.perf_counter()
    for law in starts(block.states, restarts, rng=np.random.default_rng(0)):
        now = law.copy()
        for _ in range(steps):
            expected = np.zeros(block.states)
            for row, count in zip(patterns.rows, patterns.counts, strict=True):
                expected += count * now * row / float(row @ now)
            now = expected / patterns.counts.sum()
    return time.perf_counter() - begun


def peer(python: str, restarts: int, steps: int) -> dict[str, float] | str:
    """What bcause says, or why it does not run."""
    done = subprocess.run([python, str(PEER), str(restarts), str(steps)], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Time, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    restarts, steps = arguments.restarts, arguments.steps
    programme, studies = drug(gender=False)
    (block,) = blocks_of(programme)
    patterns = patterns_of(block, [studies[0]])
    batched = ours(block, patterns, restarts, steps, squared=False)
    one_by_one = loop(block, patterns, restarts, steps)
    rows: list[list[object]] = [["ours, all restarts at once", batched, 1.0]]
    rows.append(["the loop written out in NumPy", one_by_one, one_by_one / batched])
    found = peer(arguments.peer, restarts, steps)
    note = f"Table 1, O, without gender: {restarts} restarts of {steps} steps of plain EM. "
    if isinstance(found, str):
        note += f"bcause does not run in this interpreter: {found}. "
    else:
        rows.append(["bcause 0.0.2", found["seconds"], found["seconds"] / batched])
        note += (
            f"bcause's interval is [{found['lower']:.3f}, {found['upper']:.3f}] where the sharp one is [0, 0.4295]. "
        )
    write("bcause", table("EM of one model, in a loop and batched", ["what", "s", "ratio"], rows, note + MACHINE))


if __name__ == "__main__":
    main()
