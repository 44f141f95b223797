"""The paper's three motifs: its plug-in estimators and naive ones, on growing data.

    python benchmarks/nested.py --sizes 10 32 100 316 1000 --replicates 20

prints one line per design and estimator: the truth, then mean (sd) over replicates at each size
n = m. Each replicate is one draw at the largest size, of which smaller sizes see the first units
and members, as in Weinstein and Blei (JMLR 27(37) 2026), Figures 7-9.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from umbel.estimate.motifs import confounder_means, instrument_means, interference_means, pair_counts, smoothed
from umbel.numerics.gp import fit_gp
from umbel.simulate.motifs import Draw, SubunitInstrument, UnitConfounder, UnitInterference

Array = NDArray[np.float64]
Estimates = dict[str, float]
SOFT = (0.75, 0.25)


def confounder(draw: Draw) -> Estimates:
    """D.1: the paper's plug-in, the regression of unit means, and fixed effects."""
    counts = pair_counts(draw.members["A"], draw.members["Y"])
    treated, outcome = counts.sum(axis=2)[:, 1], counts.sum(axis=1)[:, 1]
    sizes = counts.sum(axis=(1, 2))
    within = counts[:, 1, 1] - treated * outcome / sizes  # centred co-moments of A and Y
    spread = treated - treated**2 / sizes
    return {
        "plug-in": -float(np.diff(confounder_means(counts, (1.0, 0.0)))[0]),
        "unit means": slope(treated / sizes, outcome / sizes),
        "fixed effects": float(within.sum() / spread.sum()),
    }


def interference(draw: Draw) -> Estimates:
    """D.2: the paper's plug-in, the estimator that knows no interference, unit means."""
    counts = pair_counts(draw.members["A"], draw.members["Y"])
    shares = counts.sum(axis=2)[:, 1] / counts.sum(axis=(1, 2)), counts.sum(axis=1)[:, 1] / counts.sum(axis=(1, 2))
    return {
        "plug-in": -float(np.diff(interference_means(counts, draw.units["Z"], SOFT))[0]),
        "no interference": -float(np.diff(confounder_means(counts, SOFT))[0]),
        "unit means": 0.5 * slope(*shares),
    }


def instrument(draw: Draw) -> Estimates:
    """D.3: the paper's plug-in, its naive twin without the instrument, least squares."""
    counts = pair_counts(draw.members["Z"], draw.members["A"])
    y = draw.units["Y"].astype(np.float64)
    naive = fit_gp(logit(smoothed(counts.sum(axis=1)))[:, None], y)
    high, low = (float(naive.predict(np.array([[logit(share)]]))[0]) for share in SOFT)
    return {
        "plug-in": -float(np.diff(instrument_means(counts, y, SOFT))[0]),
        "no instrument": high - low,
        "least squares": -float(np.diff(instrument_means(counts, y, SOFT, outcome="line"))[0]),
    }


def slope(x: Array, y: Array) -> float:
    """Least-squares slope of y on x."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred)) if np.any(centred) else float("nan")


DESIGNS: tuple[tuple[str, UnitConfounder | UnitInterference | SubunitInstrument, Callable[[Draw], Estimates]], ...] = (
    *((f"D.1 omega={w} beta={b:g}", UnitConfounder(w, b), confounder) for b in (2.0, 1.0) for w in (0.0, 0.2, 0.5)),
    *((f"D.2 rho={rho}", UnitInterference(rho), interference) for rho in (0.0, 0.5, 1.5)),
    *((f"D.3 omega={w}", SubunitInstrument(w), instrument) for w in (0.0, 0.2, 0.5)),
)


def study(sizes: list[int], replicates: int, seed: int, only: str) -> None:
    """Run and print; a replicate in which an estimator is undefined is left out of its mean."""
    say(f"{'design':22} {'truth':>8}  {'estimator':16}" + "".join(f"{f'n=m={size}':>18}" for size in sizes))
    for name, model, estimate in DESIGNS:
        if not name.startswith(only):
            continue
        rng = np.random.default_rng(seed)
        start, found = time.perf_counter(), {}
        for _ in range(replicates):
            draw = model.draw(max(sizes), max(sizes), rng=rng)
            for size in sizes:
                for method, value in estimate(draw.first(size, size)).items():
                    found.setdefault(method, {}).setdefault(size, []).append(value)
        for method, by_size in found.items():
            cells = (np.array(by_size[size]) for size in sizes)
            text = "".join(f"{np.nanmean(one):10.4f} ({np.nanstd(one, ddof=1):.4f})".rjust(18) for one in cells)
            say(f"{name:22} {model.effect():8.4f}  {method:16}{text}")
        say(f"{'':22} {time.perf_counter() - start:7.1f}s")


def say(line: str) -> None:
    """Write one line at once: a study of an hour is watched."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 32, 100, 316])
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="run designs whose name starts so, e.g. D.2")
    options = parser.parse_args()
    study(options.sizes, options.replicates, options.seed, options.only)


if __name__ == "__main__":
    main()
