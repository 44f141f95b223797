"""Through kinds of units, population effects are exact, unmixing included: figures A4f, A4c and A4h with classes."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from umbel.numerics.unit_classes import split_members, through_mediator, unit_weights, weights_of, within_classes

EXACT = 1e-10
ATOMS = 3


def laws(k: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """P(U), P(Q^a | U), and P(X=1 | U) well apart."""
    return rng.dirichlet(np.full(k, 6.0)), rng.dirichlet(np.full(ATOMS, 3.0), size=k), np.linspace(0.15, 0.85, k)


def with_replicates(cells: list[tuple[int, ...]], mass: np.ndarray, x: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
    """Cells (u first) times the number of ones among k members; index of the cell, mass, counts."""
    rows = [(i, ones) for i in range(len(cells)) for ones in range(k + 1)]
    index, ones = np.array(rows).T
    u = np.array(cells)[index, 0]
    chance = np.array([comb(k, int(n)) for n in ones]) * x[u] ** ones * (1 - x[u]) ** (k - ones)
    return index, mass[index] * chance, np.stack([k - ones, ones], axis=1).astype(float)


def replicate_weights(rest: np.ndarray, counts: np.ndarray, mass: np.ndarray, k: int) -> np.ndarray:
    splits = split_members(counts, k)
    assert splits is not None
    n, s = splits.shares.shape
    found = unit_weights(
        np.repeat(np.eye(rest.max() + 1)[rest], s, axis=0),
        np.tile(splits.first, (n, 1)),
        np.tile(splits.second, (n, 1)),
        np.zeros(n * s, dtype=np.int64),
        k,
        mass=(splits.shares * mass[:, None]).ravel(),
    )
    assert found is not None
    return weights_of(splits.covariate, found)


@pytest.mark.parametrize(("k", "seed"), list(product((2, 3), range(4))))
def test_a_mediator_through_replicates(k: int, seed: int) -> None:
    """Figure A4f: the dose acts through W, which the class confounds; outcomes tell nothing of the class given W."""
    rng = np.random.default_rng(seed)
    p, dose, x = laws(k, rng)
    w = rng.uniform(0.1, 0.9, size=(k, ATOMS))
    response = rng.uniform(0.1, 0.9, size=2)
    cells = list(product(range(k), range(ATOMS), range(2)))
    mass = np.array([p[u] * dose[u, q] * (w[u, q] if one else 1 - w[u, q]) for u, q, one in cells])
    index, mass, counts = with_replicates(cells, mass, x, k)
    _, q, mediator = np.array(cells)[index].T
    weights = replicate_weights(2 * q + mediator, counts, mass, k)
    for at in range(ATOMS):
        found = through_mediator(
            weights, mass, (q == at).astype(float), mediator, response[mediator], response=np.ones_like(weights)
        )
        one = p @ w[:, at]
        assert found == pytest.approx((1 - one) * response[0] + one * response[1], abs=EXACT)


@pytest.mark.parametrize(("k", "seed"), list(product((2, 3), range(4))))
def test_an_outcome_of_the_unit_through_replicates(k: int, seed: int) -> None:
    """Figure A4c: the unit's own outcome, by dose and class."""
    rng = np.random.default_rng(seed)
    p, dose, x = laws(k, rng)
    y = rng.uniform(0.1, 0.9, size=(k, ATOMS))
    cells = list(product(range(k), range(ATOMS), range(2)))
    mass = np.array([p[u] * dose[u, q] * (y[u, q] if one else 1 - y[u, q]) for u, q, one in cells])
    index, mass, counts = with_replicates(cells, mass, x, k)
    _, q, outcome = np.array(cells)[index].T
    weights = replicate_weights(2 * q + outcome, counts, mass, k)
    for at in range(ATOMS):
        found = within_classes(weights, mass, (q == at).astype(float), outcome.astype(float))
        assert found == pytest.approx(p @ y[:, at], abs=EXACT)


@pytest.mark.parametrize("seed", range(4))
def test_a_treatment_of_the_unit_through_one_covariate(seed: int) -> None:
    """Figure A4h: the treatment and the members' response are two views, one member's covariate the third."""
    rng = np.random.default_rng(seed)
    p, _, x = laws(2, rng)
    arm, other = rng.uniform(0.2, 0.8, size=2), 0.4
    share = rng.uniform(0.1, 0.9, size=(2, 2))  # of W, by the treatment and the second hidden kind
    score = rng.uniform(0.1, 0.9, size=(2, 2, 2))  # of Y, by both kinds and W
    cells = list(product(range(2), range(2), range(2), range(2)))
    u, v, a, ones = np.array(cells).T
    mass = p[u] * np.where(v == 1, other, 1 - other) * np.where(a == 1, arm[u], 1 - arm[u])
    mass = mass * np.where(ones == 1, x[u], 1 - x[u])
    found = unit_weights(np.eye(2)[a], np.eye(2)[ones], score[u, v], np.zeros_like(a), 2, mass=mass)
    assert found is not None
    outcome = (1 - share[a, v]) * score[u, v, 0] + share[a, v] * score[u, v, 1]
    for at in (0, 1):
        truth = sum(
            p[i] * chance * ((1 - share[at, j]) * score[i, j, 0] + share[at, j] * score[i, j, 1])
            for i in range(2)
            for j, chance in ((0, 1 - other), (1, other))
        )
        assert within_classes(found.weights, mass, (a == at).astype(float), outcome) == pytest.approx(truth, abs=EXACT)


def test_too_few_members_are_no_views() -> None:
    assert split_members(np.array([[1.0, 0.0]]), 2) is None
    assert split_members(np.array([[1.0, 1.0]]), 3) is None
    assert split_members(np.array([[1.0, 1.0, 1.0]]), 4) is None
