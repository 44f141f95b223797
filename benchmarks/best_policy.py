"""The best policy of a family: how often its honest gain interval holds, and what the choosing half would promise.

``python -m benchmarks.best_policy`` writes ``results/best_policy.md``; about five minutes.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np

import umbel
from tests.estimate_blocks.test_best import GRAPH, LINEAR, exact, population, rows_of

OUT = Path(__file__).parent / "results" / "best_policy.md"
DRAWS = 200


def study(rows: int, seed: int) -> tuple[float, float, float, float, float]:
    """Share of intervals that hold; mean gains of the chosen policies, their estimates, promises; the best gain."""
    joint, rng = population(GRAPH, 9), np.random.default_rng(seed)
    usual = float(joint.marginal(("Y",)).array[1])
    held, truths, gains, promises = [], [], [], []
    for _ in range(DRAWS):
        answer = umbel.solve(GRAPH, LINEAR, umbel.Study(rows_of(joint, rows, rng)), rng=rng)
        assert answer.policy is not None and answer.policy.interval is not None and answer.policy.gain is not None
        truth = exact(GRAPH, LINEAR, dict(answer.policy.k), joint) - usual
        low, high = answer.policy.interval
        check = next(one for one in answer.checks if one.name == "policy: promise of the choosing half")
        held.append(bool(low <= truth <= high))
        truths.append(truth)
        gains.append(answer.policy.gain)
        promises.append(answer.policy.gain + float(check.value or 0.0))
    corners = [(a, b - a, c - a) for a in (0, 1) for b in (0, 1) for c in (0, 1) if 0 <= b + c - a <= 1]
    best = max(exact(GRAPH, LINEAR, dict(zip(("k0", "k1", "k2"), k, strict=True)), joint) for k in corners) - usual
    return float(np.mean(held)), float(np.mean(truths)), float(np.mean(gains)), float(np.mean(promises)), best


def main() -> None:
    """Run and write the table."""
    start = time.perf_counter()
    lines = []
    for rows in (1000, 2000, 8000):
        held, truth, gain, promise, best = study(rows, rows)
        lines.append(f"| {rows} | {held:.1%} | {truth:.4f} | {gain:.4f} | {promise:.4f} | {best:.4f} |")
    head = [
        "# The best policy of a family, honestly",
        "",
        f"`{LINEAR}` in one random model of `{GRAPH}`, {DRAWS} draws for each number of rows. Python "
        f"{platform.python_version()}, NumPy {np.__version__}, two cores, shared; {time.perf_counter() - start:.0f} s. "
        "Made by `python -m benchmarks.best_policy`.",
        "",
        "| rows | 95% gain intervals that hold the chosen policy's gain | its mean gain | mean estimate | mean promise "
        "of the half that chose | gain of the best policy |",
        "|---|---|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
