"""The published experiment on mixtures of treatment effects, every estimator on one metric at a time.

    python benchmarks/mixture_transition.py --write

Left: the arrow from Z to the treatment is turned on (``mu_zt``), which ends level 2, the mixture of
three independent views. Middle: the arrow from X to the outcome (``mu_xy``), which ends level 3,
class effects, and leaves level 4, the average. Right: design C, in which the average that ignores
the classes is biased too. Above, the error of the class effects and probabilities; below, that of
the average effect: never one metric for one estimator and another for the next.
Mazaheri, Squires and Uhler (AISTATS 2025) have the first two designs, n = 1,000 and 100 runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.mixtures import Estimate, joint, likelihood, recursion, tensor
from umbel.simulate.mixtures import MixtureDesign, design_c, design_main

Array = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results"
ESTIMATORS: dict[str, Callable[[MixtureDesign, Array], Estimate | None]] = {
    "synthetic potential outcomes": recursion,
    "joint diagonal (level 3)": joint,
    "likelihood (level 3)": likelihood(3),
    "tensor (level 2)": tensor,
    "likelihood (level 2)": likelihood(2),
}
NAIVE = "difference of means"


@dataclass(frozen=True)
class Experiment:
    """A family of designs along one strength.

    ``title`` says what ends; ``design`` gives the design at a strength.
    """

    title: str
    axis: str
    design: Callable[[float], MixtureDesign]
    strengths: tuple[float, ...]
    rows: int
    runs: int


def experiments(runs: int) -> tuple[Experiment, ...]:
    """The two published ones, and design C."""
    tenths = tuple(round(0.1 * i, 1) for i in range(11))
    return (
        Experiment("Level 2 to 3: Z acts on T", "mu_zt", design_main, tenths, 1000, runs),
        Experiment("Level 3 to 4: X acts on Y", "mu_xy", lambda b: design_main(1.0, b), tenths, 1000, runs),
        Experiment("Design C: Z acts on T", "a", design_c, (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0), 20_000, runs),
    )


@dataclass(frozen=True)
class Point:
    """Errors of one estimator at one strength.

    ``classes``: shape (runs,), the sum of squared errors of effects and probabilities, classes in
    order of effect, complex numbers by their distance. ``average``: squared errors of the average
    effect. ``limit``: both at the population. ``missing``: runs without an estimate.
    """

    classes: Array
    average: Array
    effects: Array
    limit: tuple[float, float]
    missing: int


def errors(design: MixtureDesign, found: Estimate) -> tuple[float, float, Array]:
    """Squared errors of classes and of the average, and absolute errors of each effect."""
    average, probabilities, effects = found
    shares, truth = design.truth()
    apart = np.abs(effects - truth)
    both = float((apart**2).sum() + (np.abs(probabilities - shares) ** 2).sum())
    return both, float(np.abs(average - design.average_effect) ** 2), apart


def point(
    design: MixtureDesign, estimator: Callable[[MixtureDesign, Array], Estimate | None], draws: Sequence[Array]
) -> Point:
    """One estimator on the draws of a design, and on its population."""
    rows = [errors(design, found) for counts in draws if (found := estimator(design, counts)) is not None]
    whole = estimator(design, 1e6 * design.law)
    limit = (np.nan, np.nan) if whole is None else errors(design, whole)[:2]
    classes, average, effects = (np.array(part) for part in zip(*rows, strict=True))
    return Point(classes, average, effects, limit, len(draws) - len(rows))


def naive(design: MixtureDesign, counts: Array) -> float:
    """Squared error of the difference of means."""
    cells = counts.sum(axis=(0, 1))
    means = design.values @ cells / cells.sum(0)
    return float((means[1] - means[0] - design.average_effect) ** 2)


def studied(one: Experiment, seed: int) -> dict[float, tuple[dict[str, Point], Array]]:
    """Every estimator at every strength, all on the same draws; with the errors of the difference of means."""
    found = {}
    for strength in one.strengths:
        design = one.design(strength)
        rng = np.random.default_rng([seed, round(10 * strength)])
        draws = [design.sample(one.rows, rng=rng) for _ in range(one.runs)]
        points = {name: point(design, estimator, draws) for name, estimator in ESTIMATORS.items()}
        found[strength] = (points, np.array([naive(design, counts) for counts in draws]))
    return found


HEAD = """# The published transition, one metric at a time

Written by `python benchmarks/mixture_transition.py --runs {runs} --write`, seed {seed}; picture beside it.
**Classes**: mean (median) over the runs of the sum of squared errors of class effects and class probabilities, classes
in order of effect; complex roots count by their distance from the truth. **Average**: root mean squared error of the
average effect. **Limit**: the same in the population; 0 means consistent.

In the published design the tensor method does *not* lose on class effects at n = 1,000: its bias there is small beside
noise. Figures that show it losing compare the error of its whole mixture with the error of class effects of the other.
Design C has a bias that shows: there level 2 ends at the wrong effects, and level 3 does not.

"""


def text_of(found: Sequence[tuple[Experiment, dict[float, tuple[dict[str, Point], Array]]]], head: str) -> str:
    """The tables."""
    text = head
    for one, at in found:
        text += f"## {one.title}; {one.rows:,} rows, {one.runs} runs\n\n"
        text += f"| {one.axis} | estimator | classes | limit | average | limit | no estimate |\n"
        text += "|---|---|---|---|---|---|---|\n"
        for strength, (points, differences) in at.items():
            for name, p in points.items():
                text += (
                    f"| {strength:g} | {name} | {p.classes.mean():.4f} ({np.median(p.classes):.4f}) | "
                    f"{p.limit[0]:.4f} | {np.sqrt(p.average.mean()):.4f} | {np.sqrt(p.limit[1]):.4f} | {p.missing} |\n"
                )
            text += f"| {strength:g} | {NAIVE} | | | {np.sqrt(differences.mean()):.4f} | | |\n"
        text += "\n"
    return text.rstrip("\n") + "\n"


def draw(found: Sequence[tuple[Experiment, dict[float, tuple[dict[str, Point], Array]]]], path: Path) -> None:
    """Two rows of panels, one metric each; needs matplotlib."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "umbel"
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure: Any
    figure, panels = pyplot.subplots(2, len(found), figsize=(4 * len(found), 6.4), sharex="col", layout="constrained")
    styles = ("o-", "v-", "s-", "o--", "s--")
    for column, (one, at) in enumerate(found):
        top, bottom = panels[0, column], panels[1, column]
        strengths = list(at)
        for (name, style), colour in zip(zip(ESTIMATORS, styles, strict=True), range(5), strict=True):
            medians = [float(np.median(at[s][0][name].classes)) for s in strengths]
            roots = [float(np.sqrt(at[s][0][name].average.mean())) for s in strengths]
            for panel, values in ((top, medians), (bottom, roots)):
                panel.plot(strengths, values, style, color=f"C{colour}", label=name, markersize=4, linewidth=1.2)
        differences = [float(np.sqrt(at[s][1].mean())) for s in strengths]
        bottom.plot(strengths, differences, "x:", color="0.4", label=NAIVE, markersize=4, linewidth=1.2)
        top.set_title(f"{one.title}\n{one.rows:,} rows, {one.runs} runs", fontsize=10)
        top.set_yscale("log")
        bottom.set_yscale("log")
        bottom.set_xlabel(one.axis)
    panels[0, 0].set_ylabel("classes: squared error\n(effects and probabilities, median)")
    panels[1, 0].set_ylabel("average effect:\nroot mean squared error")
    handles, labels = panels[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def main() -> None:
    """Print the tables, and keep them with the picture on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=123)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = [(one, studied(one, options.seed)) for one in experiments(options.runs)]
    text = text_of(found, HEAD.format(runs=options.runs, seed=options.seed))
    sys.stdout.write(text)
    if options.write:
        (RESULTS / "mixture_transition.md").write_text(text, encoding="utf-8")
        draw(found, RESULTS / "mixture_transition.svg")


if __name__ == "__main__":
    main()
