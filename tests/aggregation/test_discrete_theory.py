"""Discrete aggregation: Theorem 3.2's witness, hull membership against brute force, ranges, macro models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from umbel.errors import DataError
from umbel.numerics import aggregation_discrete as discrete
from umbel.numerics import aggregation_hulls as hulls
from umbel.numerics.aggregation_witness import gaps, witness

EXACT = 1e-12


def instance(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A random model with at least one fibre of two micro states, and a realisation."""
    macro = int(rng.integers(1, 4))
    sizes = rng.integers(1, 4, size=macro)
    sizes[int(rng.integers(macro))] = int(rng.integers(2, 5))
    fibres = np.repeat(np.arange(macro), sizes)
    rng.shuffle(fibres)
    causes, outcomes = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    outcome_fibres = np.concatenate([np.arange(outcomes), rng.integers(0, outcomes, size=2)])
    cause = rng.dirichlet(np.ones(causes))
    given_cause = rng.dirichlet(np.ones(fibres.size), size=causes)
    realisation = np.zeros((macro, fibres.size))
    for state in range(macro):
        here = fibres == state
        realisation[state, here] = rng.dirichlet(np.ones(int(here.sum())))
    return cause, given_cause, fibres, realisation, outcome_fibres


def test_the_witness_of_theorem_32_on_500_models() -> None:
    rng = np.random.default_rng(32)
    worst, least = 0.0, np.inf
    for _ in range(500):
        cause, given_cause, fibres, realisation, outcome_fibres = instance(rng)
        found = witness(cause, given_cause, fibres, realisation, outcome_fibres, rng=rng)
        assert found.macro.min() >= 0.0
        assert np.abs(found.macro.sum(axis=-1) - 1).max() < EXACT
        folded = np.stack(
            [found.micro[..., outcome_fibres == k].sum(axis=-1) for k in range(found.macro.shape[-1])], -1
        )
        assert np.abs(folded - found.macro).max() < EXACT
        brute = enumerated(cause, given_cause, fibres, realisation, found.macro)
        worst = max(worst, brute, found.left)
        least = min(least, found.confounded)
    assert worst < EXACT
    assert least > 1e-6


def enumerated(cause: np.ndarray, given: np.ndarray, fibres: np.ndarray, do: np.ndarray, law: np.ndarray) -> float:
    """Macro confounding, world by world."""
    worst = 0.0
    for state in range(int(fibres.max()) + 1):
        for k in range(law.shape[-1]):
            seen = mass = done = 0.0
            for x in np.flatnonzero(fibres == state):
                for z in range(len(cause)):
                    seen += cause[z] * given[z, x] * law[x, z, k]
                    mass += cause[z] * given[z, x]
                    done += do[state, x] * cause[z] * law[x, z, k]
            worst = max(worst, abs(seen / mass - done))
    return worst


def test_the_natural_realisation_has_a_witness_too() -> None:
    rng = np.random.default_rng(0)
    cause, given_cause = np.array([0.4, 0.6]), np.array([[0.2, 0.3, 0.5], [0.5, 0.4, 0.1]])
    fibres = np.array([0, 0, 1])
    own = discrete.natural(cause @ given_cause, fibres)
    found = witness(cause, given_cause, fibres, own, [0, 1], rng=rng)  # two causes, two outcomes
    assert found.left < EXACT < 1e-3 < found.confounded
    assert gaps(cause, given_cause, fibres, own, found.macro) == (found.left, found.confounded)


def test_what_has_no_witness() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((2, 3), 1 / 3)
    with pytest.raises(DataError, match="not confounded to begin with"):
        witness([0.5, 0.5], flat, [0, 0, 1], [[0.5, 0.5, 0], [0, 0, 1]], [0, 1], rng=rng)
    with pytest.raises(DataError, match="one macro outcome"):
        witness([0.5, 0.5], flat, [0, 0, 1], [[0.5, 0.5, 0], [0, 0, 1]], [0, 0], rng=rng)


def test_hull_membership_as_printed() -> None:
    rows = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]
    inside, _ = hulls.inhibiting(rows, [[0.4, 0.3, 0.3], [0.2, 0.2, 0.6]], [0, 0, 0, 1])
    assert inside.exists
    assert inside.weights[:3] == pytest.approx([4 / 9, 1 / 3, 2 / 9])
    outside, _ = hulls.inhibiting(rows, [[0.9, 0.05, 0.05], [0.2, 0.2, 0.6]], [0, 0, 0, 1])
    assert not outside.exists
    assert outside.distance == pytest.approx(0.2)


@given(seed=st.integers(0, 10**6), inside=st.booleans())
def test_hull_membership_against_brute_force(seed: int, inside: bool) -> None:
    """Non-negative least squares, another algorithm, decides; a witness proves each no by two sums."""
    rng = np.random.default_rng(seed)
    size, outcomes = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    rows = rng.dirichlet(np.full(outcomes, 0.7), size=size)
    law = rng.dirichlet(np.ones(size)) @ rows if inside else rng.dirichlet(np.full(outcomes, 0.7))
    extra = np.vstack([rows, np.full(outcomes, 1 / outcomes)])
    found, _ = hulls.inhibiting(extra, [law, extra[-1]], [*[0] * size, 1])
    weights, left = nnls(np.vstack([rows.T, 100 * np.ones(size)]), np.append(law, 100.0))
    if found.exists:
        assert left < 1e-6
        assert np.abs(found.weights[:size] @ rows - law).max() < 1e-8
    else:
        assert found.witness is not None
        assert float(found.witness @ law - (rows @ found.witness).max()) == pytest.approx(found.distance, abs=1e-7)
        assert float(np.ptp(found.witness)) <= 1 + 1e-9
        assert left > 1e-9 or found.distance < 1e-6
    assert found.distance <= np.abs(weights / weights.sum() @ rows - law).sum() / 2 + 1e-7


@pytest.mark.parametrize(
    ("gamma", "lower", "upper"),
    [(1, 0.45, 0.45), (1.5, 0.3667, 0.5333), (2, 0.325, 0.595), (4, 0.2625, 0.7875), (np.inf, 0.2, 0.9)],
)
def test_ranges_as_printed(gamma: float, lower: float, upper: float) -> None:
    found = hulls.reach((0.2, 0.5, 0.9, 0.4), (0.4, 0.3, 0.2, 0.1), gamma)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=5e-5)


@given(seed=st.integers(0, 10**6), gamma=st.floats(1.0, 6.0))
def test_greedy_plans_are_those_of_the_program(seed: int, gamma: float) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 7))
    values, own = rng.normal(size=size), rng.dirichlet(np.ones(size))
    greedy = hulls.reach(values, own, gamma)
    program = hulls.reach(values, own, gamma, limits=(np.zeros((1, size)), np.zeros(1)))
    assert (greedy.lower, greedy.upper) == pytest.approx((program.lower, program.upper), abs=1e-8)
    for plan in (greedy.lowest, greedy.highest):
        assert plan.sum() == pytest.approx(1.0)
        assert (plan <= own * gamma + 1e-9).all()
        assert (plan >= own / gamma - 1e-9).all()


def test_limits_tighten_a_range() -> None:
    own = np.full(4, 0.25)
    free = hulls.reach((0.2, 0.5, 0.9, 0.4), own)
    held = hulls.reach((0.2, 0.5, 0.9, 0.4), own, limits=([[0, 0, 1, 0]], [0.3]))
    assert (free.upper, held.upper) == pytest.approx((0.9, 0.3 * 0.9 + 0.7 * 0.5))
    with pytest.raises(DataError, match="No realisation meets these limits"):
        hulls.reach((0.2, 0.5, 0.9, 0.4), own, limits=([[1, 1, 1, 1]], [0.5]))


def test_macro_models_as_printed() -> None:
    joint = np.array([[0.4, 0.1], [0.2, 0.3]])
    impossible = hulls.macro_model(joint, [[0.3, 0.7], [0.5, 0.5]])
    assert (impossible.exists, impossible.at) == (False, (0, 0))
    assert hulls.macro_model(joint, [[0.45, 0.55], [0.5, 0.5]]).exists


@given(seed=st.integers(0, 10**6))
def test_macro_models_exist_exactly_where_response_functions_fit(seed: int) -> None:
    """A macro model is a law of (x, y under every x): a linear program over these decides."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.ones(4)).reshape(2, 2)
    do = rng.dirichlet(np.ones(2), size=2)
    worlds = [(x, y0, y1) for x in (0, 1) for y0 in (0, 1) for y1 in (0, 1)]
    rows, right = [], []
    for x in (0, 1):
        for y in (0, 1):
            rows.append([float(w[0] == x and w[1 + x] == y) for w in worlds])
            right.append(joint[x, y])
            rows.append([float(w[1 + x] == y) for w in worlds])
            right.append(do[x, y])
    fits = linprog(np.zeros(len(worlds)), A_eq=rows, b_eq=right, bounds=(0, None), method="highs").status == 0
    found = hulls.macro_model(joint, do)
    assert found.exists == fits or abs(found.slack) < 1e-6


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="aggregates nothing"):
        discrete.checked_fibres([0, 1, 2])
    with pytest.raises(DataError, match="No micro state belongs to macro state 1"):
        discrete.checked_fibres([0, 0, 2])
    with pytest.raises(DataError, match=r"micro state 2 has probability .* and belongs to macro state 1"):
        discrete.macro_effect(np.full((3, 2), 0.5), [[0.5, 0, 0.5], [0, 0, 1]], [0, 0, 1])
    with pytest.raises(DataError, match="never occurs"):
        discrete.natural([0, 0, 1], [0, 0, 1])
    with pytest.raises(DataError, match=r"gamma is 0\.5"):
        hulls.reach((0.2, 0.5), (0.5, 0.5), 0.5)
