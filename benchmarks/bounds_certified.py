"""Attained against certified ends on random models with several components, and the time of larger ones.

    python -m benchmarks.bounds_certified [--models 36] [--seconds 10]

Models of 6, 7 and 8 nodes whose question reads at least two components, and ten of 15 nodes; exact
laws of O, I and O+I. Writes benchmarks/results/bounds_certified.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.bounds_shared import DATA, MACHINE, table, write
from umbel.estimate.bounds import bound
from umbel.estimate.bounds_found import BoundsFound, BoundsMethod
from umbel.report.progress import bar
from umbel.simulate.boolean import BooleanModel, random_boolean

LARGE, LARGE_MODELS = 15, 10
AGREE = 1e-3


@dataclass(frozen=True, slots=True)
class Found:
    """One bound: its ends, their distance from the attained ones, whether the truth lies inside."""

    lower: float
    upper: float
    gap: float
    inside: bool
    seconds: float


def bounded(model: BooleanModel, which: tuple[int, ...], seconds: float) -> Found:
    """Bound the model's question from some of its two studies."""
    programme, studies, truth = model.programme(), model.studies(), model.truth()
    begun = time.perf_counter()
    found = bound(
        programme,
        [studies[at] for at in which],
        rng=np.random.default_rng(0),
        method=BoundsMethod(seconds=seconds),
    )
    spent = time.perf_counter() - begun
    assert isinstance(found, BoundsFound)
    bounds = found.bounds
    assert bounds.attained is not None and bounds.lower is not None and bounds.upper is not None
    low, high = bounds.attained
    assert low is not None and high is not None
    gap = max(low - bounds.lower, bounds.upper - high, 0.0)
    return Found(bounds.lower, bounds.upper, gap, bounds.lower - 1e-6 <= truth <= bounds.upper + 1e-6, spent)


def several(count: int, nodes: tuple[int, ...]) -> list[tuple[int, BooleanModel]]:
    """Random models whose question reads two components or more, with their seeds: the first that come."""
    found: list[tuple[int, BooleanModel]] = []
    seed = 0
    while len(found) < count:
        model = random_boolean(nodes[seed % len(nodes)], rng=np.random.default_rng(seed))
        if len(model.programme().components) > 1:
            found.append((seed, model))
        seed += 1
    return found


def study(models: list[tuple[int, BooleanModel]], seconds: float, what: str) -> tuple[list[list[object]], list[Found]]:
    """A row per model: its components, O+I, the largest gap and the time of all three."""
    rows: list[list[object]] = []
    everything: list[Found] = []
    for at in bar(range(len(models)), what, len(models)):
        seed, model = models[at]
        own = [bounded(model, which, seconds) for which in DATA.values()]
        everything += own
        sizes = ", ".join(str(one.size) for one in model.programme().components)
        both = own[-1]
        gap, spent = max(one.gap for one in own), sum(one.seconds for one in own)
        rows.append([seed, len(model.graph.names), sizes, both.lower, both.upper, model.truth(), f"{gap:.1e}", spent])
    return rows, everything


def said(found: list[Found]) -> str:
    """What a list of bounds comes to."""
    agreed = sum(one.gap <= AGREE for one in found)
    inside = sum(one.inside for one in found)
    return (
        f"{agreed} of {len(found)} bounds have attained and certified ends within {AGREE:g} "
        f"(largest distance {max(one.gap for one in found):.1e}); the truth lies inside {inside}; "
        f"the slowest took {max(one.seconds for one in found):.1f} s."
    )


def main() -> None:
    """Run, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=36)
    parser.add_argument("--seconds", type=float, default=10.0, help="for certifying an end")
    arguments = parser.parse_args()
    heads = ["seed", "nodes", "states of the components", "lower, O+I", "upper, O+I", "truth", "largest gap", "s, all"]
    rows, found = study(several(arguments.models, (6, 7, 8)), arguments.seconds, "models")
    text = table("Attained and certified ends", heads, rows, said(found))
    rows, found = study(several(LARGE_MODELS, (LARGE,)), arguments.seconds, "of 15 nodes")
    text += "\n" + table(f"Models of {LARGE} nodes", heads, rows, said(found)).replace("# ", "## ", 1)
    text += (
        f"\nThe first random models whose question reads several components, from O, I and O+I each; "
        f"{arguments.seconds:g} s at most to certify an end. {MACHINE}\n"
    )
    write("certified", text)


if __name__ == "__main__":
    main()
