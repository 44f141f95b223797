"""Where blocks settle: against the procedure run by hand, closed forms, and what cannot settle."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from umbel.numerics import equilibrium
from umbel.numerics.adjoint import gradients, leaf, picked, settled
from umbel.numerics.equilibrium import TooManyStates, incompatibility, scans, slopes, stationary, transition
from umbel.numerics.recurrence import Unsettled

Array = NDArray[np.float64]


def _random_laws(rng: np.random.Generator, shape: tuple[int, ...], batch: int = 1) -> list[Array]:
    laws = []
    for member in range(len(shape)):
        weights = rng.uniform(0.1, 1.0, size=(batch, *shape))
        laws.append(weights / weights.sum(axis=member + 1, keepdims=True))
    return laws


def _by_hand(laws: list[Array], scan: tuple[int, ...] | None, draws: int, rng: np.random.Generator) -> Array:
    """Procedure 1 as it is written: many copies, each member redrawn from its law, over and over."""
    shape = laws[0].shape[1:]
    state = np.stack([rng.integers(size, size=draws) for size in shape])
    for _ in range(60):
        turns = scan if scan is not None else tuple(rng.integers(len(shape), size=len(shape)).tolist())
        for member in turns:
            law = np.moveaxis(laws[member][0], member, -1)
            chances = law[tuple(state[other] for other in range(len(shape)) if other != member)]
            state[member] = (rng.uniform(size=(draws, 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    counts = np.zeros(shape)
    np.add.at(counts, tuple(state), 1.0)
    return np.asarray(counts / draws)


@pytest.mark.parametrize("scan", [None, (0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_the_procedure_by_hand_ends_there(scan: tuple[int, ...] | None) -> None:
    rng = np.random.default_rng(1)
    laws = _random_laws(rng, (2, 3, 2))
    draws = 40_000
    found = stationary(laws, scan)[0]
    seen = _by_hand(laws, scan, draws, rng) if scan is not None else _random_turns(laws, draws, rng)
    assert np.abs(found - seen).max() < 4.5 * np.sqrt(0.25 / draws)


def _random_turns(laws: list[Array], draws: int, rng: np.random.Generator) -> Array:
    """A hundred lots, each with turns of its own."""
    return np.mean([_by_hand(laws, None, draws // 100, rng) for _ in range(100)], axis=0)


def test_two_members_settle_at_random_in_the_mean_of_both_orders() -> None:
    a = np.array([[[0.8, 0.1], [0.2, 0.9]]])  # p(A=1 | B) = .2, .9
    b = np.array([[[0.3, 0.7], [0.6, 0.4]]])  # p(B=1 | A) = .7, .4
    first, second, mixed = stationary([a, b], [0, 1]), stationary([a, b], [1, 0]), stationary([a, b])
    assert first.ravel() == pytest.approx([0.1289, 0.3008, 0.3421, 0.2281], abs=5e-5)
    assert second.ravel() == pytest.approx([0.3769, 0.0529, 0.0942, 0.4760], abs=5e-5)
    assert mixed == pytest.approx((first + second) / 2, abs=1e-12)
    assert incompatibility([a, b], mixed) > 0.1


def test_three_members_do_not() -> None:
    laws = _random_laws(np.random.default_rng(3), (2, 2, 2))
    swept = np.mean([stationary(laws, order) for order in permutations(range(3))], axis=0)
    assert 1e-5 < np.abs(stationary(laws) - swept).max() < 0.05


def test_conditionals_of_one_law_lead_back_to_it_by_every_scan() -> None:
    rng = np.random.default_rng(4)
    joint = rng.uniform(0.1, 1.0, size=(3, 2, 3, 2))
    joint /= joint.sum(axis=(1, 2, 3), keepdims=True)
    laws = [joint / joint.sum(axis=member + 1, keepdims=True) for member in range(3)]
    for scan in (None, *scans(3)):
        assert np.abs(stationary(laws, scan) - joint).max() < 1e-13
    assert incompatibility(laws, joint) < 1e-14


COPY = np.array([[[1.0, 0.0], [0.0, 1.0]]])
CONTRARY = np.array([[[0.0, 1.0], [1.0, 0.0]]])


def test_copies_of_each_other_end_where_they_began() -> None:
    for scan in (None, [0, 1]):
        with pytest.raises(Unsettled, match="depends on where it starts"):
            stationary([COPY, COPY], scan)


def test_a_member_that_copies_one_that_contradicts_it_runs_in_circles() -> None:
    with pytest.raises(Unsettled, match="circles"):
        stationary([COPY, CONTRARY], [0, 1])
    assert stationary([COPY, CONTRARY]).ravel() == pytest.approx([0.25] * 4)


def test_a_little_chance_settles_them() -> None:
    assert stationary([0.98 * COPY + 0.01, COPY]).sum() == pytest.approx(1.0)


def test_what_is_undefined_matters_only_where_it_is_visited() -> None:
    a = np.array([[[1.0, np.nan], [0.0, np.nan]]])  # p(A | B=1) is not known
    never = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    assert stationary([a, never]).ravel() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    sometimes = np.array([[[0.5, 0.5], [0.5, 0.5]]])
    assert np.isnan(stationary([a, sometimes])).all()


def test_too_many_states_are_refused() -> None:
    with pytest.raises(TooManyStates):
        stationary([np.full((1, *[2] * 17), 0.5)] * 17)


@pytest.mark.parametrize("scan", [None, (2, 0, 1)])
def test_large_blocks_are_iterated_to_the_same_law(
    scan: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws = _random_laws(np.random.default_rng(7), (3, 4, 2))
    gradient = np.random.default_rng(8).normal(size=(1, 3, 4, 2))
    solved = stationary(laws, scan)
    slopes_solved = slopes(laws, solved, gradient, scan)
    monkeypatch.setattr(equilibrium, "MOST_SOLVED", 1)
    iterated = stationary(laws, scan)
    assert np.abs(iterated - solved).max() < 1e-12
    for one, other in zip(slopes(laws, iterated, gradient, scan), slopes_solved, strict=True):
        assert np.abs(one - other).max() < 1e-10
    for scanned in (None, [0, 1]):
        with pytest.raises(Unsettled, match="depends on where it starts"):
            stationary([COPY, COPY], scanned)
    with pytest.raises(Unsettled, match="circles"):
        stationary([COPY, CONTRARY], [0, 1])


def test_a_ring_of_twelve_settles_in_its_field() -> None:
    """An Ising ring: iterated over 4,096 states, against its normalised weights."""
    count, pull = 12, 0.4
    spins = np.stack(np.meshgrid(*[[-1.0, 1.0]] * count, indexing="ij"))
    energy = pull * sum(spins[i] * spins[(i + 1) % count] for i in range(count))
    joint = np.exp(energy)
    joint /= joint.sum()
    laws = [(joint / joint.sum(axis=member, keepdims=True))[None] for member in range(count)]
    assert np.abs(stationary(laws)[0] - joint).max() < 1e-12


def test_rows_of_a_step_sum_to_one() -> None:
    laws = [law[0] for law in _random_laws(np.random.default_rng(5), (2, 3))]
    for scan in (None, [1, 0]):
        assert transition(laws, scan).sum(axis=1) == pytest.approx(np.ones(6))


def test_slopes_are_those_of_small_steps() -> None:
    rng = np.random.default_rng(6)
    a, b = _random_laws(rng, (2, 3), batch=2)
    goal = (1, 0, 2)
    nodes = [leaf("zab", a), leaf("zab", b)]
    top = picked(settled(nodes, "ab"), dict(zip("zab", goal, strict=True)))
    found = gradients(top)
    step = 1e-6
    for node, laws in zip(nodes, ((a, b), (b, a)), strict=True):
        for at in np.ndindex(a.shape):
            moved = laws[0].copy()
            # Along the law: what one state gains the others lose, so that it stays a law.
            member = 1 if node is nodes[0] else 2
            line = [slice(None) if axis == member else at[axis] for axis in range(3)]
            direction = np.zeros(a.shape)
            direction[tuple(line)] = -1.0 / a.shape[member]
            direction[at] += 1.0
            moved = moved + step * direction
            pair = [moved, laws[1]] if node is nodes[0] else [laws[1], moved]
            gap = (stationary(pair)[goal] - stationary([a, b])[goal]) / step
            assert float((found[node] * direction).sum()) == pytest.approx(gap, abs=2e-5)
