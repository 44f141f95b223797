"""Both analyses of the eight schools by NUTS, three seeds of 10,000 draws, beside their exact answers.

    python -m benchmarks.bayes

from the repository's root, with the extras ``bayes`` and ``dev``. Takes about a minute; writes
benchmarks/results/bayes.md, and fails when a pooled figure is outside its tolerance.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.bayes.exact import exact_parameters, schools
from umbel.estimate.bayes import SampledHierarchy, SampledInterference, sampled_hierarchy, sampled_interference
from umbel.estimate.bayes_draws import Draws
from umbel.estimate.bayes_effects import average_effect, new_unit_effect, notebook_effect
from umbel.estimate.bayes_forms import model_of
from umbel.gallery.schools import APPENDIX_L2
from umbel.numerics.hierarchy import normal_hierarchy
from umbel.numerics.normal_mixture import NormalMixture

EIGHT_SCHOOLS = model_of(APPENDIX_L2)

RESULT = Path(__file__).parent / "results" / "bayes.md"
SEEDS = (0, 1, 2)
EXACT_DRAWS = 400_000
SIGMAS = 4.0
"""Monte Carlo standard errors within which the sampler must meet quadrature."""

Figures = tuple[float, float, float, float]
"""Mean, standard deviation, 5 % and 95 % point."""
AVERAGE: Figures = (2.9, 12.9, -20.9, 19.4)
NEW_SCHOOL: Figures = (2.8, 19.5, -31.1, 27.4)
TOLERANCE: Figures = (0.6, 0.6, 2.0, 1.0)


@dataclass(frozen=True)
class Quantity:
    """One number of the study: its runs, its exact answer, and how near they must come to what."""

    title: str
    runs: tuple[Draws, ...]
    exact: Figures
    wanted: Figures | None = None
    tolerance: Figures | None = None

    @property
    def pooled(self) -> Figures:
        """Of all seeds' draws together."""
        return figures(np.concatenate([run.values.ravel() for run in self.runs]))

    @property
    def within(self) -> bool:
        """Whether the pooled figures come near enough; true where nothing is wanted."""
        if self.wanted is None or self.tolerance is None:
            return True
        return all(abs(g - w) <= t for g, w, t in zip(self.pooled, self.wanted, self.tolerance, strict=True))

    def lines(self) -> list[str]:
        """A heading and a table."""
        rows = [(f"seed {seed}", figures(run.values)) for seed, run in zip(SEEDS, self.runs, strict=True)]
        rows += [("**three seeds pooled**", self.pooled), ("exact", self.exact)]
        if self.wanted is not None and self.tolerance is not None:
            rows += [("wanted", self.wanted), ("± tolerance", self.tolerance)]
        verdict = "" if self.wanted is None else (": within tolerance" if self.within else ": OUTSIDE TOLERANCE")
        table = [f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |" for name, row in rows]
        return [f"### {self.title}{verdict}", "", "| | mean | sd | 5 % | 95 % |", "|---|---|---|---|---|", *table, ""]


def figures(values: np.ndarray) -> Figures:
    """Of draws."""
    low, high = np.quantile(values, (0.05, 0.95))
    return float(values.mean()), float(values.std()), float(low), float(high)


def law_figures(law: NormalMixture) -> Figures:
    """Of an exact law."""
    return law.mean, law.sd, law.quantile(0.05), law.quantile(0.95)


def monte_carlo(law: NormalMixture, runs: Sequence[Draws]) -> Figures:
    """What chance may move the pooled figures by: 4 standard errors, from effective sample sizes."""
    ess, tail = sum(run.ess for run in runs), sum(run.ess_tail for run in runs)
    values = np.concatenate([run.values.ravel() for run in runs])
    kurtosis = float(((values - values.mean()) ** 4).mean() / values.var() ** 2)
    points = []
    for probability in (0.05, 0.95):
        point, step = law.quantile(probability), 1e-3 * law.sd
        density = (law.cdf(point + step) - law.cdf(point - step)) / (2.0 * step)
        points.append(math.sqrt(probability * (1.0 - probability) / tail) / density)
    errors = (law.sd / math.sqrt(ess), law.sd * math.sqrt((kurtosis - 1.0) / (4.0 * ess)), points[0], points[1])
    return (SIGMAS * errors[0], SIGMAS * errors[1], SIGMAS * errors[2], SIGMAS * errors[3])


def against(law: NormalMixture, title: str, runs: tuple[Draws, ...]) -> Quantity:
    """A quantity whose exact law is what it must be."""
    return Quantity(title, runs, law_figures(law), law_figures(law), monte_carlo(law, runs))


def hierarchy(runs: Sequence[SampledHierarchy]) -> list[Quantity]:
    """Appendix L.1 with the paper's priors, against quadrature."""
    data = schools()
    exact = normal_hierarchy(data.effects, data.errors, location=5.0, scale=5.0)
    averages, new = tuple(run.average for run in runs), tuple(run.new_unit for run in runs)
    return [
        Quantity("Average effect", averages, *2 * (law_figures(exact.average),), monte_carlo(exact.average, averages)),
        Quantity(
            "A new school's own effect", new, *2 * (law_figures(exact.new_unit),), monte_carlo(exact.new_unit, new)
        ),
    ]


def interference(runs: Sequence[SampledInterference]) -> list[Quantity]:
    """Appendix L.2 with the paper's form and priors, against independent draws from its exact posterior."""
    rng = np.random.default_rng(len(SEEDS))
    exact = exact_parameters(schools(), EIGHT_SCHOOLS, EXACT_DRAWS, rng)
    average = average_effect(exact, EIGHT_SCHOOLS, 1.0)
    new = new_unit_effect(exact, EIGHT_SCHOOLS, 1.0, rng=rng)
    own = new + exact.effect_sd * rng.standard_normal(new.shape)
    notebook = notebook_effect(exact, EIGHT_SCHOOLS, 1.0, rng=rng)
    notebooks = tuple(run.notebook(rng=np.random.default_rng(seed)) for seed, run in zip(SEEDS, runs, strict=True))
    return [
        Quantity("Average effect", tuple(run.average for run in runs), figures(average), AVERAGE, TOLERANCE),
        Quantity("New school", tuple(run.new_unit for run in runs), figures(new), NEW_SCHOOL, TOLERANCE),
        Quantity("A new school's own effect", tuple(run.new_unit_own for run in runs), figures(own)),
        Quantity("Notebook", notebooks, figures(notebook)),
    ]


def checks(name: str, runs: Sequence[SampledHierarchy | SampledInterference], seconds: Sequence[float]) -> list[str]:
    """One row per run: how long it took, and what its checks said."""
    lines = []
    for seed, run, wall in zip(SEEDS, runs, seconds, strict=True):
        said = ", ".join(f"{check.name} {check.value:.4g}{'' if check else ' (failed)'}" for check in run.checks)
        lines.append(f"| {name} | {seed} | {wall:.0f} | {said} |")
    return lines


def report() -> tuple[str, bool]:
    """The whole page, and whether every figure is within its tolerance."""
    data, seconds = schools(), []
    hierarchies, interferences = [], []
    for seed in SEEDS:
        start = time.perf_counter()
        rng = np.random.default_rng(seed)
        hierarchies.append(sampled_hierarchy(data.effects, data.errors, location=5.0, scale=5.0, rng=rng))
        middle = time.perf_counter()
        interferences.append(sampled_interference(data, model=EIGHT_SCHOOLS, rng=np.random.default_rng(seed)))
        seconds.append((middle - start, time.perf_counter() - middle))
    one, two = hierarchy(hierarchies), interference(interferences)
    lines = [
        "# Eight schools by NUTS",
        "",
        "Written by `python -m benchmarks.bayes`. Weinstein and Blei, JMLR 27(37) 2026, Section 7 and Appendix L; "
        "SAT points. Each seed: 4 chains, 1,000 draws of warmup and 2,500 kept of each.",
        "",
        f"{os.cpu_count()} cores; Python {platform.python_version()}, jax {version('jax')}, "
        f"numpyro {version('numpyro')}.",
        "",
        "## Appendix L.1: confounding",
        "",
        "Exact: one-dimensional quadrature. Tolerance: 4 Monte Carlo standard errors of the pooled draws.",
        "",
        *(line for quantity in one for line in quantity.lines()),
        "## Appendix L.2: confounding and interference",
        "",
        f"Exact: {EXACT_DRAWS:,} independent draws, from grids and conjugacy. "
        "'New school' is what the model expects of a school with a size, class and share of its own; "
        "its *own* effect deviates from that by tau as well. 'Notebook' permutes class sizes over the draws, "
        "as the computation behind the published -26 to 28 does; "
        "it is neither effect.",
        "",
        *(line for quantity in two for line in quantity.lines()),
        "## Runs",
        "",
        "Seconds include compiling, once per run, and depend on what else the machine did.",
        "",
        "| model | seed | seconds | checks |",
        "|---|---|---|---|",
        *checks("L.1", hierarchies, [first for first, _ in seconds]),
        *checks("L.2", interferences, [second for _, second in seconds]),
    ]
    return "\n".join(lines) + "\n", all(quantity.within for quantity in (*one, *two))


def main() -> int:
    """Run, write, and say by the exit status whether all is well."""
    text, within = report()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
