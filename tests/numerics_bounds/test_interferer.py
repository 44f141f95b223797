"""Units with an interferer: closed forms on the populations of figures A4a and A4f, and the truth inside."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from umbel.numerics.interferer import natural, through_everything, through_interferer
from umbel.numerics.polytope import Polytope

DIGITS = 1e-4


def school(policy: float) -> tuple[np.ndarray, ...]:
    """Figure A4a: tutoring share q, climate Z, hidden U; outcome .15 + .15 A + .3 Z (1 - U/2) + .3 U."""
    units = []
    for u, (at, share), z in itertools.product((0, 1), enumerate((0.2, 0.5, 0.8)), (0, 1)):
        chance = (0.6, 0.4)[u] * ((0.55, 0.3, 0.15), (0.15, 0.3, 0.55))[u][at]
        rises = ((0.2, 0.4, 0.6), (0.5, 0.7, 0.85))[u]
        outcome = [0.15 + 0.15 * policy + 0.3 * value * (1 - 0.5 * u) + 0.3 * u for value in (0, 1)]
        at_policy = rises[(0.2, 0.5, 0.8).index(policy)]
        truth = outcome[0] + (outcome[1] - outcome[0]) * at_policy
        units.append((chance * (rises[at] if z else 1 - rises[at]), share, z, outcome[z], truth))
    return tuple(np.array(column) for column in zip(*units, strict=True))


@pytest.mark.parametrize(
    ("policy", "truth", "kept", "plain", "monotone"),
    [
        (0.8, 0.5490, 0.4927, (0.1940, 0.8840), (0.4928, 0.7927)),
        (0.2, 0.3660, 0.4027, (0.1125, 0.7225), (0.1715, 0.4028)),
    ],
)
def test_the_interferer_of_a_confounded_school(
    policy: float, truth: float, kept: float, plain: tuple[float, float], monotone: tuple[float, float]
) -> None:
    weight, share, z, outcome, true = school(policy)
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ true == pytest.approx(truth, abs=DIGITS)
    assert natural(outcome, weight) == pytest.approx(kept, abs=DIGITS)
    assert through_everything(outcome, share, weight, policy) == pytest.approx(plain, abs=DIGITS)
    assert through_everything(outcome, share, weight, policy, interferer=z) == pytest.approx(monotone, abs=DIGITS)


SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def ward() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Figure A4f: P(q, W) of five shares and a binary interferer, hidden U behind both."""
    units = []
    for u, centre in enumerate((0.35, 0.65)):
        heights = np.exp(-(((np.array(SHARES) - centre) / 0.2) ** 2))
        for share, chance in zip(SHARES, heights / heights.sum(), strict=True):
            rises = 0.1 + 0.5 * share if u == 0 else 0.35 + 0.6 * share
            units += [(0.5 * chance * (rises if w else 1 - rises), share, w) for w in (0, 1)]
    weight, share, w = (np.array(column) for column in zip(*units, strict=True))
    return weight, share, w


@pytest.mark.parametrize(("monotone", "printed"), [(False, (0.2107, 0.9315)), (True, (0.4545, 0.9250))])
def test_a_binary_interferer_that_hidden_causes_reach(monotone: bool, printed: tuple[float, float]) -> None:
    weight, share, w = ward()
    outcome = w.astype(float)  # so that the bounds are those of P(W(policy) = 1), which in truth is .61
    found = through_interferer(outcome, w, weight, share, 0.7, monotone=monotone)
    assert found == pytest.approx(printed, abs=DIGITS)
    pairs = [pair for pair in itertools.product(range(5), (0, 1), (0, 1)) if possible(*pair, monotone=monotone)]
    cells = list(itertools.product(range(5), (0, 1)))
    rows = np.array([[float(pair[:2] == cell) for pair in pairs] for cell in cells])
    right = np.array([weight[(share == SHARES[at]) & (w == now)].sum() for at, now in cells])
    laws, goal = Polytope(rows, right), np.array([float(then) for *_, then in pairs])
    assert found == pytest.approx((laws.minimum(goal).value, laws.maximum(goal).value), abs=DIGITS)


def possible(at: int, now: int, then: int, *, monotone: bool) -> bool:
    """Whether a unit may have W = now at its own share and W = then at the policy's, .7."""
    if SHARES[at] == 0.7:
        return then == now
    return not monotone or (then >= now if SHARES[at] < 0.7 else then <= now)


def test_continuous_shares_leave_the_interferers_two_values() -> None:
    weight, share, w = ward()
    outcome = np.where(w == 1, 0.9, 0.2)
    assert through_interferer(outcome, w, weight, share + 0.01, 0.7) == pytest.approx((0.2, 0.9))
