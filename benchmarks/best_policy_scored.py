"""The best policy where covariates are numbers: how often its honest gain interval holds.

``python -m benchmarks.best_policy_scored`` writes ``results/best_policy_scored.md``; some minutes.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np

import umbel
from tests.estimate_flat.test_best_scored import GRAPH, THRESHOLD, gain, study
from umbel.config.problem import MethodSpec

OUT = Path(__file__).parent / "results" / "best_policy_scored.md"
DRAWS = 100


def line(rows: int, effect: float) -> str:
    """One row of the table."""
    held, truths, gains, promises = [], [], [], []
    for draw in range(DRAWS):
        data = study(rows, 1000 * rows + draw, effect=effect)
        method = MethodSpec(box=(("k", -2.0, 2.0),))
        answer = umbel.solve(GRAPH, THRESHOLD, data, method=method, rng=np.random.default_rng(draw))
        assert answer.policy is not None and answer.policy.interval is not None and answer.policy.gain is not None
        truth = gain(dict(answer.policy.k)["k"], effect)
        low, high = answer.policy.interval
        check = next(one for one in answer.checks if one.name == "policy: promise of the choosing half")
        held.append(low <= truth <= high)
        truths.append(truth)
        gains.append(answer.policy.gain)
        promises.append(answer.policy.gain + float(check.value or 0.0))
    means = " | ".join(f"{np.mean(one):.4f}" for one in (truths, gains, promises))
    return f"| {rows} | {effect:g} | {np.mean(held):.1%} | {means} | {gain(0.0, effect):.4f} |"


def main() -> None:
    """Run and write the table."""
    start = time.perf_counter()
    lines = [line(rows, effect) for rows in (500, 2000) for effect in (0.0, 1.0)]
    head = [
        "# The best threshold on a covariate that is a number, honestly",
        "",
        f"`{THRESHOLD}` where Y = C + effect * A * C + noise, {DRAWS} draws a line. Python "
        f"{platform.python_version()}, NumPy {np.__version__}, two cores, shared; {time.perf_counter() - start:.0f} s. "
        "Made by `python -m benchmarks.best_policy_scored`.",
        "",
        "| rows | effect | 95% gain intervals that hold the chosen policy's gain | its mean gain | mean estimate | "
        "mean promise of the half that chose | gain of the best threshold |",
        "|---|---|---|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
