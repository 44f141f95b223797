# ruff: noqa: T201 (a benchmark prints)
"""Figures 3a, 3b and 4 of Sherman, Arbour and Shpitser (AISTATS 2020), each with its truth.

    python -m benchmarks.spillover_experiment            # both experiments, tables and pictures
    python -m benchmarks.spillover_experiment coverage   # 200 replicates of one configuration

Bias: what a model of independent rows gets wrong, read in two ways. For one person's treatment the
bias is nought by theory, since a person's treatment is independent of the others' given her own
covariates; it appears when everybody's treatment is set at once.

Policy: a linear policy of a person's covariates, chosen on one half of the samples and judged on the
other, both ways round, so that the gain is free of the choice's optimism. Two readings: a treatment
drawn with the policy's chance (Bernoulli), and the policy's value put in the treatment's place (dose).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import expit

from benchmarks.spillover_figure import intervals_figure
from benchmarks.spillover_samples import (
    BIAS,
    CONFIGURATIONS,
    PERSONS,
    POLICY,
    SWEEPS,
    Samples,
    averaging,
    design,
    drawn,
    expected,
    fitted,
    settled,
)

Array = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results"
SAMPLES, TRUTH_SAMPLES = 1000, 20_000
READINGS = ("Bernoulli", "dose")


def gains(coefficients: Array, data: Samples, k: Array, reading: str) -> Array:
    """Each sample's mean gain when one person after another follows the policy, shape (samples,)."""
    chance = np.clip(np.einsum("spj,pj->sp", data.c, k) / 3.0, 0.0, 1.0)
    usual = expected(coefficients, data.around, data.c, data.a)
    total = np.zeros(len(data.a))
    for person in range(PERSONS):
        total += _one(coefficients, data, person, chance[:, person], reading) - usual[:, person]
    return total / PERSONS


def _one(coefficients: Array, data: Samples, person: int, chance: Array, reading: str) -> Array:
    """A person's expected outcome when only her treatment follows the policy."""

    def at(value: Array | float) -> Array:
        a = data.a.copy()
        a[:, person] = value
        return expected(coefficients, data.around, data.c, a)[:, person]

    return at(chance) if reading == "dose" else chance * at(1.0) + (1.0 - chance) * at(0.0)


def best(coefficients: Array, data: Samples) -> Array:
    """For each person the linear policy of largest fitted gain whose chances lie in [0, 1] in the sample."""
    chosen = []
    for person in range(PERSONS):
        ones, zeros = data.a.copy(), data.a.copy()
        ones[:, person], zeros[:, person] = 1.0, 0.0
        high, low = (expected(coefficients, data.around, data.c, a)[:, person] for a in (ones, zeros))
        rows = data.c[:, person] / 3.0
        limits = np.repeat([1.0, 0.0], len(rows))
        found = linprog(-(high - low) @ rows, A_ub=np.vstack([rows, -rows]), b_ub=limits, bounds=(None, None))
        chosen.append(found.x)
    return np.array(chosen)  # (persons, 3)


def honest_gain(data: Samples, reading: str, rng: np.random.Generator) -> tuple[float, float, list[Array]]:
    """Gain, its standard error, and the two policies: each chosen on one half, judged on the other."""
    order = rng.permutation(len(data.a))
    halves = (order[::2], order[1::2])
    parts, errors, chosen = [], [], []
    for choose, judge in (halves, halves[::-1]):
        k = best(fitted(design(data.taken(choose)), data.y[choose])[0], data.taken(choose))
        part = data.taken(judge)
        coefficients, influence = fitted(design(part), part.y)
        each = gains(coefficients, part, k, reading)
        slope = np.array([_slope(coefficients, part, k, reading, place) for place in range(len(coefficients))])
        spread = each - each.mean() + influence @ slope
        parts.append(float(each.mean()))
        errors.append(float(spread.var(ddof=1) / len(spread)))
        chosen.append(k)
    return float(np.mean(parts)), float(np.sqrt(sum(errors)) / 2.0), chosen


def _slope(coefficients: Array, data: Samples, k: Array, reading: str, place: int) -> float:
    step = np.zeros_like(coefficients)
    step[place] = 1e-4
    high, low = (gains(coefficients + sign * step, data, k, reading).mean() for sign in (1.0, -1.0))
    return float(high - low) / 2e-4


@dataclass(frozen=True)
class Worth:
    """What policies are worth by the true laws: chances instead of coins wherever they are known.

    ``high``, ``low``, ``before``: each person's chance of the outcome with treatment 1, 0 and as it comes.
    """

    data: Samples
    noise: list[Array]
    high: Array
    low: Array
    before: Array

    @staticmethod
    def of(around: Array, rng: np.random.Generator, samples: int = TRUTH_SAMPLES) -> Worth:
        """Simulate once for all policies."""
        data = drawn(POLICY, around, samples, rng)
        noise = [rng.random(data.a.shape) for _ in range(SWEEPS)]
        high, low = (np.stack([_outcome(data, noise, i, v) for i in range(PERSONS)], axis=1) for v in (1.0, 0.0))
        *own, near = POLICY.treatment
        usual = expit(data.c @ own + near * data.c.sum(axis=2) @ around.T)
        return Worth(data, noise, high, low, usual * high + (1.0 - usual) * low)

    def gain(self, k: Array, reading: str = "Bernoulli") -> float:
        """The mean gain of policies ``k``, shape (persons, 3)."""
        chance = np.clip(np.einsum("spj,pj->sp", self.data.c, k) / 3.0, 0.0, 1.0)
        if reading == "dose":
            after = np.stack([_outcome(self.data, self.noise, i, chance[:, i]) for i in range(PERSONS)], axis=1)
        else:
            after = chance * self.high + (1.0 - chance) * self.low
        return float((after - self.before).mean())


def _outcome(data: Samples, noise: list[Array], person: int, value: Array | float) -> Array:
    """A person's chance of the outcome when her treatment has a value."""
    a = data.a.copy()
    a[:, person] = value
    return settled(POLICY, data.around, data.c, a, noise)[1][:, person]


def policy_table(seeds: np.random.SeedSequence) -> tuple[list[str], list[tuple[str, float, float, float, float]]]:
    """Each configuration with a seed of its own, both readings."""
    lines = ["| network | reading | gain | 95 % interval | truth | holds it |", "|---|---|---|---|---|---|"]
    marks, held = [], dict.fromkeys(READINGS, 0)
    for (name, graph), seed in zip(CONFIGURATIONS.items(), seeds.spawn(len(CONFIGURATIONS)), strict=True):
        rng = np.random.default_rng(seed)
        around = averaging(graph(int(rng.integers(2**31))))
        data = drawn(POLICY, around, SAMPLES, rng)
        worth = Worth.of(around, rng)
        for reading in READINGS:
            gain, se, chosen = honest_gain(data, reading, rng)
            truth = float(np.mean([worth.gain(k, reading) for k in chosen]))
            low, high = gain - 1.96 * se, gain + 1.96 * se
            held[reading] += low <= truth <= high
            verdict = "yes" if low <= truth <= high else "no"
            lines.append(f"| {name} | {reading} | {gain:.4f} | [{low:.4f}, {high:.4f}] | {truth:.4f} | {verdict} |")
            if reading == "Bernoulli":
                marks.append((name, gain, low, high, truth))
    lines += [
        "",
        *(f"{reading}: {count} of {len(CONFIGURATIONS)} intervals hold the truth." for reading, count in held.items()),
    ]
    return lines, marks


def bias_table(seed: np.random.SeedSequence) -> tuple[list[str], list[tuple[str, float, float, float, float]]]:
    """Independent rows beside the segregated graph, for one person's treatment and for everybody's."""
    rng = np.random.default_rng(seed)
    around = averaging(nx.gnp_random_graph(PERSONS, 0.4, seed=int(rng.integers(2**31))))
    data = drawn(BIAS, around, SAMPLES, rng)
    big = drawn(BIAS, around, TRUTH_SAMPLES, rng)
    noise = [rng.random(big.a.shape) for _ in range(SWEEPS)]

    def estimates(part: Samples) -> tuple[Array, Array, Array]:
        full = fitted(design(part), part.y)[0]
        return _alone(part), _effects(part, full, "one person"), _effects(part, full, "everybody")

    point = estimates(data)
    again = [estimates(data.taken(rng.integers(0, SAMPLES, SAMPLES))) for _ in range(200)]
    lines = [
        "| person | reading | independent rows | with neighbours | truth | bias, 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    marks = []
    true = {reading: _true_effects(around, big, noise, reading) for reading in ("one person", "everybody")}
    for place, (reading, truth) in enumerate(true.items(), start=1):
        spread = np.array([one[0] - one[place] for one in again])
        for person in range(PERSONS):
            low, high = np.quantile(spread[:, person], [0.025, 0.975])
            bias = point[0][person] - point[place][person]
            both = f"{point[0][person]:.3f} | {point[place][person]:.3f} | {truth[person]:.3f}"
            lines.append(f"| {person + 1} | {reading} | {both} | {bias:.3f} [{low:.3f}, {high:.3f}] |")
            limit = true["one person"][person] - truth[person]  # what independent rows estimate, less what is asked
            marks.append((f"{reading} {person + 1}", bias, float(low), float(high), float(limit)))
    return lines, marks


def _alone(data: Samples) -> Array:
    """Each person's effect by a regression of her own on her own treatment and covariates; shape (persons,)."""
    found = []
    x = design(data, neighbours=False)
    for person in range(PERSONS):
        coefficients = fitted(x[:, [person]], data.y[:, [person]])[0]
        rows = np.repeat(x[None, :, person], 2, axis=0)
        rows[0, :, 1], rows[1, :, 1] = 1.0, 0.0
        high, low = expit(rows @ coefficients)
        found.append(float((high - low).mean()))
    return np.array(found)


def _effects(data: Samples, coefficients: Array, reading: str) -> Array:
    """Each person's effect when her own treatment, or everybody's, goes from 0 to 1; shape (persons,)."""
    if reading == "everybody":
        high, low = (expected(coefficients, data.around, data.c, np.full_like(data.a, v)) for v in (1.0, 0.0))
        return np.asarray((high - low).mean(axis=0))
    found = []
    for person in range(PERSONS):
        means = []
        for value in (1.0, 0.0):
            a = data.a.copy()
            a[:, person] = value
            means.append(expected(coefficients, data.around, data.c, a)[:, person].mean())
        found.append(means[0] - means[1])
    return np.array(found)


def _true_effects(around: Array, data: Samples, noise: list[Array], reading: str) -> Array:
    found = []
    for person in range(PERSONS):
        means = []
        for value in (1.0, 0.0):
            a = np.full_like(data.a, value) if reading == "everybody" else data.a.copy()
            a[:, person] = value
            means.append(settled(BIAS, around, data.c, a, noise)[1][:, person].mean())
        found.append(means[0] - means[1])
    return np.array(found)


def coverage(
    replicates: int, seeds: np.random.SeedSequence, *, samples: int = SAMPLES, truth_samples: int = TRUTH_SAMPLES
) -> tuple[int, float]:
    """How often the honest interval holds the gain of the policies that it judges; mean error in standard errors."""
    graph, *rest = seeds.spawn(replicates + 1)
    around = averaging(CONFIGURATIONS["Erdős-Rényi 0.4"](3))
    worth = Worth.of(around, np.random.default_rng(graph), truth_samples)
    held, errors = 0, []
    for seed in rest:
        rng = np.random.default_rng(seed)
        gain, se, chosen = honest_gain(drawn(POLICY, around, samples, rng), "Bernoulli", rng)
        truth = float(np.mean([worth.gain(k) for k in chosen]))
        held += abs(gain - truth) <= 1.96 * se
        errors.append((gain - truth) / se)
    return held, float(np.mean(errors))


def written(name: str, title: str, lines: Sequence[str], start: float) -> None:
    """One table of results."""
    head = f"{SAMPLES} samples of each network; truth from {TRUTH_SAMPLES:,} samples by the true laws."
    seconds = f"{time.perf_counter() - start:.0f} s on two cores, shared."
    text = "\n".join([f"# {title}", "", head, "", *lines, "", seconds]) + "\n"
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def main() -> None:
    """Run what is asked and write its table and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", nargs="?", choices=("bias", "policy", "coverage", "all"), default="all")
    parser.add_argument("--replicates", type=int, default=200)
    options = parser.parse_args()
    seeds = np.random.SeedSequence(20201121)
    bias_seed = seeds.spawn(1)[0]
    start = time.perf_counter()
    if options.experiment in ("bias", "all"):
        lines, marks = bias_table(bias_seed)
        written("spillover_bias", "Bias of independent rows (Figure 3a)", lines, start)
        picture = intervals_figure("Bias of independent rows", marks)
        (RESULTS / "spillover_bias.svg").write_text(picture, encoding="utf-8")
    if options.experiment in ("policy", "all"):
        lines, marks = policy_table(seeds)
        written("spillover_policy", "Gain of a policy over the status quo (Figures 3b and 4)", lines, start)
        picture = intervals_figure("Gain of the policy, Bernoulli reading", marks)
        (RESULTS / "spillover_policy.svg").write_text(picture, encoding="utf-8")
    if options.experiment == "coverage":
        held, error = coverage(options.replicates, seeds)
        line = (
            f"Erdős-Rényi 0.4, Bernoulli reading, {options.replicates} replicates: the 95 % interval holds the true "
            f"gain in {held / options.replicates:.1%}; mean error {error:+.2f} standard errors."
        )
        written("spillover_coverage", "Coverage of the honest gain", [line], start)


if __name__ == "__main__":
    main()
