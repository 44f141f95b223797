"""Our certified ends against SCIP's, on random models with several components.

    python -m benchmarks.bounds_scip [--models 12] [--seconds 20]

Needs the extra ``certify``. Writes benchmarks/results/bounds_scip.md.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version

import numpy as np

from benchmarks.bounds_certified import several
from benchmarks.bounds_shared import MACHINE, table, write
from umbel.estimate.bounds import bound
from umbel.estimate.bounds_found import BoundsFound, BoundsMethod
from umbel.report.progress import bar
from umbel.simulate.boolean import BooleanModel


def bounded(model: BooleanModel, method: BoundsMethod) -> tuple[float, float, float, bool]:
    """Certified ends from both studies, seconds, and whether they meet the attained ones."""
    begun = time.perf_counter()
    found = bound(model.programme(), list(model.studies()), rng=np.random.default_rng(0), method=method)
    spent = time.perf_counter() - begun
    assert isinstance(found, BoundsFound)
    assert found.bounds.lower is not None and found.bounds.upper is not None
    return found.bounds.lower, found.bounds.upper, spent, found.bounds.kind == "sharp"


def main() -> None:
    """Run, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=20.0, help="for certifying an end")
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    apart, ended = [], []
    models = several(arguments.models, (6, 7, 8))
    for at in bar(range(len(models)), "models", len(models)):
        seed, model = models[at]
        ours = bounded(model, BoundsMethod(seconds=arguments.seconds))
        theirs = bounded(model, BoundsMethod(engine="scip", seconds=arguments.seconds))
        apart.append(max(abs(ours[0] - theirs[0]), abs(ours[1] - theirs[1])))
        ended.append(theirs[3])
        sizes = ", ".join(str(one.size) for one in model.programme().components)
        rows.append([seed, sizes, *ours[:2], *theirs[:2], f"{apart[-1]:.1e}", ours[2], theirs[2]])
    heads = ["seed", "states", "lower", "upper", "SCIP lower", "SCIP upper", "apart", "s", "SCIP, s"]
    agreed = sum(one <= 1e-3 for one, done in zip(apart, ended, strict=True) if done)
    note = (
        f"O and I, population laws. Ends agree to 1e-3 on {agreed} of the {sum(ended)} models that SCIP closes, of "
        f"{len(apart)}; {arguments.seconds:g} s at "
        f"most to certify an end, pyscipopt {version('pyscipopt')}. {MACHINE}"
    )
    write("scip", table("Certified ends against SCIP's", heads, rows, note))


if __name__ == "__main__":
    main()
