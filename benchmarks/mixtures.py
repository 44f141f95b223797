"""Estimators of latent classes beside each other, and whether intervals and tests keep what they say.

    python benchmarks/mixtures.py rmse --write
    python benchmarks/mixtures.py coverage --write
    python benchmarks/mixtures.py speed --write

``rmse``: errors of every estimator on 200 draws of each design, the draws of
``default_rng(12345 + rows)``. ``coverage``: how often 95 % intervals of the default cover, the rank
test finds the number of classes, and the likelihood-ratio test rejects a true model, on 1,000 draws
of 10,000 rows. ``speed``: a million discrete rows, and 100,000 with a real outcome and 16 proxies, in
fresh processes and again. Tables go to ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from umbel import mixture
from umbel.numerics.arm_moments import moments_of_cells
from umbel.numerics.joint_diagonal import Diagonalised, jointly_diagonal
from umbel.numerics.latent_inference import parameters_of
from umbel.numerics.mixture_cells import fit_cells, moment_classes, tensor_classes
from umbel.numerics.operators import Operators, eigen_classes, operators_of
from umbel.numerics.pencil import effect_moments, pencil
from umbel.numerics.sparse_cells import saturated_test
from umbel.simulate.mixtures import MixtureDesign, design_a, design_b, design_d3, design_main

Array = NDArray[np.float64]
Estimate = tuple[complex, Array, Array]
"""Average effect, probabilities, effects; complex where roots are."""
RESULTS = Path(__file__).parent / "results"
DESIGNS: dict[str, MixtureDesign] = {"MAIN": design_main(1.0), "A": design_a(), "B": design_b(), "D3": design_d3()}
SIZES = (10_000, 100_000)
SEED = 12345
LEVEL = 0.05
NORMAL = 1.959963984540054


def seeded(rows: int) -> np.random.Generator:
    """The generator of all draws of a size."""
    return np.random.default_rng(SEED + rows)


def recursion(design: MixtureDesign, counts: Array) -> Estimate:
    """The published recursion and pencil, with as many features a side as classes.

    Two binary proxies of X without a constant where Z has one, as published; else 1 and one proxy per further class.
    """
    k = len(design.classes)

    def side(sizes: tuple[int, ...], plain: bool) -> Array:
        codes = np.array(list(np.ndindex(*sizes)), dtype=np.float64)
        return codes if plain else np.concatenate([np.ones((len(codes), 1)), codes[:, : k - 1]], axis=1)

    plain = len(design.x_sizes) == k and len(design.z_sizes) < k
    z, x = side(design.z_sizes, False), side(design.x_sizes, plain)
    moments = moments_of_cells(counts, design.values[None], z_features=z, x_features=x, unit=np.eye(k)[0])
    powers = effect_moments(moments, 2 * k - 1)
    roots = pencil(powers, k)
    return powers[1], roots.probabilities, roots.effects


def eigen(design: MixtureDesign, counts: Array) -> Estimate:
    """Whitened operators of rank k, effects as eigenvalues."""
    found = operators_of(moments_of_cells(counts, design.values[None]), len(design.classes))
    roots = eigen_classes(found)
    return found.average_effect(), roots.probabilities, roots.effects


def joint(design: MixtureDesign, counts: Array) -> Estimate | None:
    """All operators diagonalised together, polished: the default moment estimator."""
    _, found, diagonal = moment_classes(counts, design.values, len(design.classes))
    return of_diagonal(found, diagonal)


def combination(design: MixtureDesign, counts: Array) -> Estimate | None:
    """The one of twelve combinations of both operators whose eigenvectors leave least off the diagonals.

    Not polished, so that the probabilities hang on the combinations tried: both operators, their
    difference and sum, and eight drawn weights of (B_1, B_0).
    """
    found = operators_of(moments_of_cells(counts, design.values[None]), len(design.classes))
    drawn = np.random.default_rng(0).normal(size=(8, 2))[:, ::-1]
    tried = np.concatenate([[[-1, 1], [0, 1], [1, 0], [1, 1]], drawn])
    return of_diagonal(found, jointly_diagonal(found, combinations=tried, polish=False))


def of_diagonal(found: Operators, diagonal: Diagonalised | None) -> Estimate | None:
    """The average by the bridge, the rest from the eigenbasis, by ascending effect."""
    if diagonal is None:
        return None
    effects = diagonal.means[1, 0] - diagonal.means[0, 0]
    order = np.argsort(effects)
    return found.average_effect(), diagonal.probabilities[order], effects[order]


def tensor(design: MixtureDesign, counts: Array) -> Estimate | None:
    """Three views diagonalised: level 2 by moments."""
    found = tensor_classes(counts, design.values, len(design.classes))
    return None if found is None else (float(found[0] @ found[1]), *found)


def contraction(design: MixtureDesign, counts: Array) -> Estimate | None:
    """Three views by the eigenvectors of one weighted sum of slices (Jennrich's method): level 2.

    Of the first of six drawn pairs of weights of (Y, T), each of length one, those whose eigenvalues lie furthest
    apart.
    """
    k = len(design.classes)
    law = (counts / counts.sum()).reshape(*counts.shape[:2], -1)
    left, singular, right = np.linalg.svd(law.sum(2))
    left, singular, right = left[:, :k], singular[:k], right[:k]
    operators = np.einsum("zi,zxs,jx->sij", left, law, right) / singular
    drawn = np.random.default_rng(0).normal(size=(6, 2, law.shape[2]))[:, 0]
    widest, chosen = 0.0, None
    for weights in drawn / np.linalg.norm(drawn, axis=1, keepdims=True):
        values, vectors = np.linalg.eig(np.tensordot(weights, operators, 1))
        if np.iscomplexobj(values):
            continue
        gap = np.diff(np.sort(values)).min()
        if gap > widest:
            widest, chosen = gap, vectors
    if chosen is None:
        return None
    inverse = np.linalg.inv(chosen)
    joint_law = np.einsum("ui,sij,ju->su", inverse, operators, chosen).reshape(*counts.shape[2:], k)  # P(y, t | u)
    means = np.einsum("y,ytu->tu", design.values, joint_law) / joint_law.sum(0)
    shares = (left.sum(0) @ chosen) * (inverse @ (singular * right.sum(1)))
    order = np.argsort(means[1] - means[0])
    effects = (means[1] - means[0])[order]
    return float(shares[order] @ effects), shares[order], effects


def likelihood(level: int) -> Callable[[MixtureDesign, Array], Estimate]:
    """Maximum likelihood at a level, both sides saturated; level 2 from two random starts besides."""

    def estimate(design: MixtureDesign, counts: Array) -> Estimate:
        restarts = 2 if level == 2 else 0
        found = fit_cells(counts, design.values, len(design.classes), level=level, restarts=restarts)
        return found.average_effect, found.values.probabilities, found.effects

    return estimate


ESTIMATORS: dict[str, Callable[[MixtureDesign, Array], Estimate | None]] = {
    "recursion": recursion,
    "rank-k eigenvalues": eigen,
    "joint diagonal": joint,
    "best combination": combination,
    "tensor (level 2)": tensor,
    "one contraction (level 2)": contraction,
    "likelihood (level 2)": likelihood(2),
    "likelihood (level 3)": likelihood(3),
}
DEFAULT = "likelihood (level 3)"


def quantities(design: MixtureDesign, average: complex, probabilities: Array, effects: Array) -> Array:
    """Average effect, all probabilities but the last, effects."""
    return np.concatenate([[average], probabilities[: len(design.classes) - 1], effects])


def rmse(design: MixtureDesign, rows: int, replicates: int) -> dict[str, Array]:
    """Root mean squared errors of every estimator; draws without an estimate are left out."""
    rng = seeded(rows)
    errors: dict[str, list[Array]] = {name: [] for name in ESTIMATORS}
    truth = quantities(design, design.average_effect, *design.truth())
    for _ in range(replicates):
        counts = design.sample(rows, rng=rng)
        for name, estimator in ESTIMATORS.items():
            found = estimator(design, counts)
            if found is not None:
                errors[name].append(np.abs(quantities(design, *found) - truth))
    return {name: np.sqrt(np.mean(np.square(one), axis=0)) for name, one in errors.items()}


@dataclass(frozen=True)
class Coverage:
    """What 95 % intervals and 5 % tests did on draws of one design.

    ``covered``: shape (replicates, 1 + 2 k), of the average effect, probabilities, effects.
    ``found``: whether the rank test found k, NaN where a side cannot show more. ``rejected``:
    whether the likelihood-ratio test rejected.
    """

    covered: Array
    found: Array
    rejected: Array
    status: tuple[str, ...]


def coverage(design: MixtureDesign, rows: int, replicates: int) -> Coverage:
    """Fit, test and compare with the truth; an estimate without errors covers nothing."""
    rng, k = seeded(rows), len(design.classes)
    shares, effects = design.truth()
    truth = np.concatenate([[design.average_effect], shares, effects])
    covered, found, rejected, status = [], [], [], []
    for _ in range(replicates):
        counts = design.sample(rows, rng=rng)
        fit = mixture.class_effects(counts, k)
        values = np.concatenate([[fit.average_effect], fit.probabilities, fit.effects])
        errors = np.concatenate([[fit.average_error], fit.probability_errors, fit.effect_errors])
        covered.append(np.abs(values - truth) <= NORMAL * errors)
        shown = mixture.number_of_classes(counts).classes(LEVEL)
        found.append(float(shown == k) if min(counts.shape[:2]) > k else np.nan)
        test = saturated_test(fit.fit.model, fit.fit.fit, parameters_of(fit.fit.model, fit.fit.fit))
        assert test is not None
        rejected.append(float(test.p_value < LEVEL))
        status.append(fit.status)
    return Coverage(np.array(covered, dtype=float), np.array(found), np.array(rejected), tuple(status))


RMSE_HEAD = """# Latent classes: root mean squared errors

Written by `python benchmarks/mixtures.py rmse --replicates {replicates} --write`; draws of `default_rng(12345 + rows)`.
Columns after the design: average effect, probabilities of all classes but the last, effects of the classes.
Level 2 takes the treatment to be independent of Z given the class, which is wrong in all four designs.

| design | rows | estimator | average | probabilities | effects |
|---|---|---|---|---|---|
"""
COVERAGE_HEAD = """# Latent classes: what intervals and tests keep

Written by `python benchmarks/mixtures.py coverage --replicates {replicates} --write`; {rows:,} rows a draw, draws of
`default_rng(12345 + rows)`. Shares of 95 % intervals that cover: of the average effect, of each
class's probability, of each class's effect. "Rank": draws in which the rank test at .05 finds the true number of
classes. "Rejected": draws in which the likelihood-ratio test at .05 rejects the model, which is true.

| design | average | probabilities | effects | rank | rejected | weak | refused |
|---|---|---|---|---|---|---|---|
"""


def _numbers(values: Array, places: int = 4) -> str:
    return " ".join(f"{one:.{places}f}" for one in values)


def rmse_text(replicates: int) -> str:
    """The table of errors."""
    text = RMSE_HEAD.format(replicates=replicates)
    for name, design in DESIGNS.items():
        k = len(design.classes)
        for rows in SIZES:
            for estimator, errors in rmse(design, rows, replicates).items():
                parts = _numbers(errors[:1]), _numbers(errors[1:k]), _numbers(errors[k:])
                text += f"| {name} | {rows:,} | {estimator} | {' | '.join(parts)} |\n"
    return text


def coverage_text(replicates: int, rows: int = 10_000) -> str:
    """The table of coverage."""
    text = COVERAGE_HEAD.format(replicates=replicates, rows=rows)
    for name, design in DESIGNS.items():
        k = len(design.classes)
        one = coverage(design, rows, replicates)
        shares = one.covered.mean(0)
        rank = "cannot show more" if np.isnan(one.found).any() else f"{one.found.mean():.3f}"
        parts = _numbers(shares[:1], 3), _numbers(shares[1 : k + 1], 3), _numbers(shares[k + 1 :], 3), rank
        counts = f"{one.status.count('weak')} | {one.status.count('refused')}"
        text += f"| {name} | {' | '.join(parts)} | {one.rejected.mean():.3f} | {counts} |\n"
    return text


SPEED_HEAD = """# Latent classes: seconds to an Answer

Written by `python benchmarks/mixtures.py speed --write`; `umbel.solve` of `MTE(T, Y | U)` from columns in memory, text
to Answer. "Cold" holds the import of the package and its libraries, "again" does not; "cpu" is processor time of the
process, beside the time on the wall. Two cores, shared with other work: load average {load:.1f} at the time, so that
the wall shows the others' work too. Linear algebra on one thread.

| rows | what | cold | cold, cpu | again | again, cpu |
|---|---|---|---|---|---|
"""
CASES = {
    "discrete": (1_000_000, "discrete, two classes, four proxies", "Z0 Z1 X0 X1", "{ Z0 Z1 }"),
    "real": (100_000, "Gaussian outcome, two classes, 16 proxies", " ".join(f"Z{i} X{i}" for i in range(8)), "Z0"),
}


def columns_of(case: str) -> dict[str, Array]:
    """Columns of a case, drawn with seed 0."""
    rows, rng = CASES[case][0], np.random.default_rng(0)
    if case == "discrete":
        drawn = design_b().rows(rows, rng=rng)
        del drawn["U"]
        return dict(drawn)
    u = rng.random(rows) < 0.4
    chance = 0.5 + np.where(u, 0.15, -0.15)[:, None]
    proxies = (rng.random((rows, 16)) < chance).astype(np.int64)
    treated = (rng.random(rows) < 0.3 + 0.3 * proxies[:, 0]).astype(np.int64)
    outcome = u + treated * (0.5 + u) + rng.normal(size=rows)
    sides = {f"{'ZX'[i // 8]}{i % 8}": proxies[:, i] for i in range(16)}
    return {**sides, "T": treated, "Y": outcome}


CHILD = """
import sys, time
import numpy
columns = dict(numpy.load(sys.argv[1]))
for _ in range(2):
    wall, cpu = time.perf_counter(), time.process_time()
    import umbel
    assert umbel.solve(sys.argv[2], "MTE(T, Y | U)", umbel.Study(columns)).classes is not None
    print(f"{time.perf_counter() - wall:.2f} | {time.process_time() - cpu:.2f} | ", end="")
"""


def speed_text() -> str:
    """The table of times, each case in a fresh process that has its columns in memory."""
    text = SPEED_HEAD.format(load=os.getloadavg()[0])
    for case, (rows, words, proxies, acting) in CASES.items():
        graph = f"U -> {{ {proxies} T Y }}; {acting} -> T -> Y; classes U = 2"
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "columns.npz")
            np.savez(path, **columns_of(case))
            command = [sys.executable, "-c", CHILD, path, graph]
            alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # threads that wait for a busy core would count as work
            printed = subprocess.run(command, check=True, capture_output=True, text=True, env=alone).stdout
        text += f"| {rows:,} | {words} | {printed.rstrip()}\n"
    return text


def main() -> None:
    """Print one table, and keep it on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=("rmse", "coverage", "speed"))
    parser.add_argument("--replicates", type=int)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.study == "speed":
        text = speed_text()
    elif options.study == "rmse":
        text = rmse_text(options.replicates or 200)
    else:
        text = coverage_text(options.replicates or 1000)
    sys.stdout.write(text)
    if options.write:
        (RESULTS / f"mixture_{options.study}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
