"""The best policy on one network: how often its honest gain interval holds, and what the choosing fit would promise.

``python -m benchmarks.network_best_policy`` writes ``results/network_best_policy.md``; a quarter of an hour.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
from scipy.special import expit

import umbel
from tests.estimate.test_network import GRAPH, population
from tests.estimate.test_network_best import BEST, true_gain
from umbel.config.problem import MethodSpec

OUT = Path(__file__).parent / "results" / "network_best_policy.md"
DRAWS = 100
METHOD = MethodSpec(budget=0.5, box=(("k0", -3.0, 3.0), ("k1", -3.0, 3.0)))


def study(size: int) -> tuple[float, float, float, float, float]:
    """Share of intervals that hold; mean gain in truth, as estimated and as promised; spread of errors over theirs."""
    held, truths, gains, promises, errors = [], [], [], [], []
    for draw in range(DRAWS):
        data, at, c, a = population(size, 10_000 * size + draw)
        answer = umbel.solve(GRAPH, BEST, data, method=METHOD, rng=np.random.default_rng(draw))
        assert answer.policy is not None and answer.policy.interval is not None and answer.policy.gain is not None
        k = dict(answer.policy.k)
        truth = true_gain(at, c, a, expit(k["k0"] + k["k1"] * c))
        low, high = answer.policy.interval
        check = next(one for one in answer.checks if one.name == "policy: promise of the choosing half")
        held.append(bool(low <= truth <= high))
        truths.append(truth)
        gains.append(answer.policy.gain)
        promises.append(answer.policy.gain + float(check.value or 0.0))
        errors.append((answer.policy.gain - truth) * 2 * 1.959964 / (high - low))
    return tuple(
        float(one) for one in (np.mean(held), np.mean(truths), np.mean(gains), np.mean(promises), np.std(errors))
    )  # type: ignore[return-value]


def main() -> None:
    """Run and write the table."""
    start, lines = time.perf_counter(), []
    for size in (300,):
        held, truth, gain, promise, spread = study(size)
        lines.append(f"| {size} | {held:.1%} | {truth:.4f} | {gain:.4f} | {promise:.4f} | {spread:.2f} |")
    head = [
        "# The best policy on one network, honestly",
        "",
        f"`{BEST}` with a budget of .5 on random networks of mean degree 4 in which neighbours' outcomes answer each "
        f"other, {DRAWS} networks. The fit is split by noise of its own covariance. Python "
        f"{platform.python_version()}, NumPy {np.__version__}, two cores, shared; {time.perf_counter() - start:.0f} s. "
        "Made by `python -m benchmarks.network_best_policy`.",
        "",
        "| persons | 95% gain intervals that hold the chosen policy's gain | its mean gain | mean estimate | mean "
        "promise of the fit that chose | spread of errors in standard errors |",
        "|---|---|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
