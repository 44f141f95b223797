"""Lemmas 10 and 11 in linear models: printed numbers, and regressions of drawn totals."""

from __future__ import annotations

import numpy as np
import pytest

from umbel.errors import DataError
from umbel.numerics.aggregation_chain import Chain, adjustment, irrelevance

DRAWS = 60_000
SIGMAS = 4.0


def draw(chain: Chain, rng: np.random.Generator, set_y: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """X, Y and the total of Z; Y may be given."""
    p, q = len(chain.weights_x), len(chain.weights_y)
    x = rng.multivariate_normal(np.zeros(p), chain.cov, size=DRAWS)
    y = x @ chain.effect.T + rng.multivariate_normal(np.zeros(q), chain.own, size=DRAWS) if set_y is None else set_y
    z = y @ chain.gamma + x @ chain.delta + rng.normal(scale=chain.noise**0.5, size=DRAWS)
    return x, y, z


def test_lemma_10_as_printed() -> None:
    assert irrelevance(Chain.of(np.eye(2), (3, 1))).covariance == pytest.approx(0.0, abs=1e-12)
    found = irrelevance(Chain.of(np.diag([1.0, 2.0]), (3, 1)))
    assert not found.holds
    assert found.covariance == pytest.approx(2 / 7)
    assert round(found.correlation, 5) == 0.13047
    assert (found.natural, found.given, found.arrow) == pytest.approx((11 / 7, 1.4, 0.4))


def test_lemma_10_against_regressions() -> None:
    rng = np.random.default_rng(0)
    chain = Chain.of(np.diag([1.0, 2.0]), (3, 1))
    x, y, z = draw(chain, rng)
    xb, yb = x.sum(axis=1), y.sum(axis=1)
    found = irrelevance(chain)
    both = np.linalg.lstsq(np.column_stack([xb, yb]), z, rcond=None)[0]
    error = 3.2 / DRAWS**0.5  # sd of Z given the totals over sd of a total, rounded up
    assert both == pytest.approx([found.arrow, found.given], abs=SIGMAS * error)
    assert z @ yb / (yb @ yb) == pytest.approx(found.natural, abs=SIGMAS * error)


@pytest.mark.parametrize(
    ("delta", "effect", "seen", "do", "law", "mean"),
    [
        ((1, 1), (1, 2), (4.2, 6.6), (4.2, 6.6), True, True),
        ((1, -1), (1, 2), (3.0, 13.0), (3.2, 8.6), False, False),
        ((1, -1), (1, 1), (4, 11), (4, 7), False, True),
    ],
)
def test_lemma_11_as_printed(
    delta: tuple[float, ...],
    effect: tuple[float, ...],
    seen: tuple[float, float],
    do: tuple[float, float],
    law: bool,
    mean: bool,
) -> None:
    chain = Chain.of(np.diag(effect), (3, 1), delta=delta)
    found = adjustment(chain, 1, 2)
    assert (found.seen.mean, found.seen.variance) == pytest.approx(seen)
    assert (found.do.mean, found.do.variance) == pytest.approx(do)
    assert (found.law, found.mean) == (law, mean)


@pytest.mark.parametrize(("delta", "effect"), [((1, 1), (1, 2)), ((1, -1), (1, 2)), ((1, -1), (1, 1))])
def test_lemma_11_against_draws(delta: tuple[float, ...], effect: tuple[float, ...]) -> None:
    """Y drawn from its law given both totals, X from its law given its own: exact conditionals, drawn."""
    rng = np.random.default_rng(1)
    chain = Chain.of(np.diag(effect), (3, 1), delta=delta)
    found = adjustment(chain, 1, 2)
    t = np.diag(effect).astype(float)
    joint = np.block([[np.eye(2), t.T], [t, t @ t.T + np.eye(2)]])
    a = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=float)
    onto = np.linalg.solve(a @ joint @ a.T, a @ joint)
    both = rng.multivariate_normal(np.array([1, 2]) @ onto, joint - onto.T @ (a @ joint), size=DRAWS, method="eigh")
    seen = both @ np.array([*delta, 3, 1]) + rng.normal(size=DRAWS)
    x = rng.multivariate_normal([0.5, 0.5], np.array([[0.5, -0.5], [-0.5, 0.5]]), size=DRAWS, method="eigh")
    do = both[:, 2:] @ np.array([3, 1]) + x @ np.array(delta) + rng.normal(size=DRAWS)
    for law, draws in ((found.seen, seen), (found.do, do)):
        assert abs(draws.mean() - law.mean) < SIGMAS * (law.variance / DRAWS) ** 0.5
        assert abs(draws.var() - law.variance) < SIGMAS * law.variance * (2 / DRAWS) ** 0.5


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="no effect on Z but through Y"):
        irrelevance(Chain.of(np.eye(2), (3, 1), delta=(1, 0)))
    with pytest.raises(DataError, match="gamma has the shape"):
        Chain.of(np.eye(2), (3, 1, 1))
