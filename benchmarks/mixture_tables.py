"""Write the tables of the gallery's mixtures: draws of the designs, schools of two kinds, the insurance counts.

``python -m benchmarks.mixture_tables``; the insurance table needs statsmodels.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from umbel.gallery.example import DATA
from umbel.simulate.mixture_units import KindsOfSchools
from umbel.simulate.mixtures import MixtureDesign, design_a, design_b, design_c, design_d3, design_main

ROWS = 100_000
SCHOOLS = 3000
PUPILS = 100
ASKED = 5

TABLES: tuple[tuple[str, MixtureDesign, tuple[str, ...]], ...] = (
    ("mixture_main.csv", design_main(1.0), ("Z", "X")),
    ("mixture_a.csv", design_a(), ("Z", "X1", "X2")),
    ("mixture_b.csv", design_b(), ("Z1", "Z2", "X1", "X2")),
    ("mixture_c.csv", design_c(0.8), ("Z", "X")),
    ("mixture_d3.csv", design_d3(), ("Z1", "Z2", "X1", "X2")),
)


def design_table(design: MixtureDesign, names: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Header and cells of a draw of :data:`ROWS` rows with seed 0."""
    counts = design.sample(ROWS, rng=np.random.default_rng(0))
    shape = (*design.z_sizes, *design.x_sizes, counts.shape[2], counts.shape[3])
    table = counts.reshape(shape)
    cells = [[*map(int, index), int(table[index])] for index in np.ndindex(*shape)]
    return [*names, "Y", "T", "n"], cells


def school_tables() -> tuple[list[list[int]], list[list[int]]]:
    """Pupils as counts, and schools with their climate and how many of five other pupils have X; seed 0."""
    schools = KindsOfSchools().sample(SCHOOLS, rng=np.random.default_rng(0), pupils=PUPILS, asked=ASKED)
    treated = np.rint(PUPILS * schools.share).astype(int)
    sizes = np.stack([PUPILS - treated, treated], axis=1)
    ones = np.rint(np.nan_to_num(schools.scores) * sizes).astype(int)
    pupils = [
        [school, arm, score, int(ones[school, arm] if score else sizes[school, arm] - ones[school, arm])]
        for school in range(SCHOOLS)
        for arm in (0, 1)
        for score in (0, 1)
    ]
    units = [[school, int(schools.climate[school]), int(schools.covariate[school])] for school in range(SCHOOLS)]
    return [row for row in pupils if row[-1] > 0], units


def insurance_table() -> list[list[int]]:
    """Counts of persons by health, diseases, limits, visits and cost sharing, from statsmodels."""
    from statsmodels.datasets import randhie

    frame = randhie.load_pandas().data
    health = np.select([(frame.hlthp > 0) | (frame.hlthf > 0), frame.hlthg > 0], [2, 1], 0)
    columns = (health, frame.disea > frame.disea.median(), frame.physlm > 0, frame.mdvis >= 2, frame.lncoins > 0)
    cells, counts = np.unique(
        np.stack([np.asarray(one, dtype=int) for one in columns], axis=1), axis=0, return_counts=True
    )
    return [[*map(int, cell), int(count)] for cell, count in zip(cells, counts, strict=True)]


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(list(header))
        writer.writerows(rows)


def main() -> None:
    """Write every table."""
    for name, design, names in TABLES:
        _write(DATA / name, *design_table(design, names))
    pupils, units = school_tables()
    _write(DATA / "kinds_of_schools_pupils.csv", ("school", "A", "Y", "n"), pupils)
    _write(DATA / "kinds_of_schools.csv", ("school", "Z", "X"), units)
    header = ("Health", "Diseases", "Limits", "Visits", "Coinsurance", "persons")
    _write(DATA / "insurance.csv", header, insurance_table())


if __name__ == "__main__":
    main()
