"""Adjustment sets against the definition: every set tried, on random graphs with latents, and in random models."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice

import numpy as np
import pytest

import umbel
from tests.oracles.flat.diagram import Diagram, random_diagram
from tests.oracles.flat.truth import World, random_world

EXACT = 1e-10
BIASED = 1e-7
"""A formula that is wrong in general errs by more in a random model, but for chance below 1e-5."""


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def causal(diagram: Diagram, x: set[str], y: set[str]) -> set[str]:
    """Nodes on directed paths from X to Y that meet X in their first node alone, without X."""
    children = {name: {b for a, b in diagram.directed if a == name} for name in diagram.names}

    def paths(at: str) -> Iterator[tuple[str, ...]]:
        if at in y:
            yield (at,)
        for child in children[at] - x:
            for path in paths(child):
                yield (at, *path)

    return {name for start in x for path in paths(start) for name in path} - x


def criterion(diagram: Diagram, x: set[str], y: set[str], z: set[str]) -> bool:
    """The generalised adjustment criterion by its words (Perković et al., JMLR 2018, definition 4.1).

    No member of Z descends from a proper causal path, and every proper path that is no causal one is
    blocked: paths are walked one by one.
    """
    on_paths = causal(diagram, x, y)
    if z & {below for name in on_paths for below in diagram.descendants(name)}:
        return False
    marks: dict[str, list[tuple[str, bool, bool]]] = {name: [] for name in diagram.names}  # other, head here, there
    for a, b in diagram.directed:
        marks[a].append((b, False, True))
        marks[b].append((a, True, False))
    for a, b in diagram.bidirected:
        marks[a].append((b, True, True))
        marks[b].append((a, True, True))
    opens = {name for name in diagram.names if diagram.descendants(name) & z}

    def reaches(at: str, head: bool, seen: tuple[str, ...], forwards: bool) -> bool:
        if at in y and not forwards:
            return True
        for other, here, there in marks[at]:
            if other in seen or other in x:
                continue
            collider = head and here
            if (collider and at not in opens) or (not collider and at in z):
                continue
            if reaches(other, there, (*seen, other), forwards and not here and there):
                return True
        return False

    for start in x:
        for other, here, there in marks[start]:
            if other not in x and reaches(other, there, (start, other), not here and there):
                return False
    return True


def drawn(rng: np.random.Generator, most: int = 7) -> tuple[Diagram, tuple[str, ...], tuple[str, ...]]:
    diagram = random_diagram(rng, int(rng.integers(3, most)), int(rng.integers(0, 3)), density=0.8)
    names = [str(name) for name in rng.permutation(diagram.visible)]
    cut = int(rng.integers(1, min(3, len(names))))
    return diagram, tuple(names[:cut]), tuple(names[cut : cut + int(rng.integers(1, 3))])


def candidates(diagram: Diagram, x: tuple[str, ...], y: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in diagram.names if name not in (*x, *y, *diagram.latent))


@pytest.mark.parametrize("seed", range(6))
def test_every_valid_set_and_no_other(seed: int) -> None:
    rng = np.random.default_rng([31, seed])
    found = 0
    for _ in range(150):
        diagram, x, y = drawn(rng)
        wanted = {z for z in subsets(candidates(diagram, x, y)) if criterion(diagram, set(x), set(y), set(z))}
        listed = list(umbel.adjustment_sets(diagram.graph(), x, y, minimal=False))
        assert len(listed) == len(set(listed)) and set(listed) == wanted, (diagram, x, y)
        least = {z for z in wanted if not any(set(other) < set(z) for other in wanted)}
        few = list(umbel.adjustment_sets(diagram.graph(), x, y))
        assert len(few) == len(set(few)) and set(few) == least, (diagram, x, y)
        found += len(wanted)
    assert found >= 100


@pytest.mark.parametrize("seed", range(3))
def test_sets_that_must_hold_some_covariates(seed: int) -> None:
    rng = np.random.default_rng([32, seed])
    for _ in range(40):
        diagram, x, y = drawn(rng)
        held = {name for name in candidates(diagram, x, y) if rng.uniform() < 0.3}
        wanted = {
            z
            for z in subsets(candidates(diagram, x, y))
            if held <= set(z) and criterion(diagram, set(x), set(y), set(z))
        }
        least = {z for z in wanted if not any(set(other) < set(z) for other in wanted)}
        listed = umbel.adjustment_sets(diagram.graph(), x, y, include=sorted(held), minimal=False)
        assert set(listed) == wanted, (diagram, x, y, held)
        few = list(umbel.adjustment_sets(diagram.graph(), x, y, include=sorted(held)))
        assert len(few) == len(set(few)) and set(few) == least, (diagram, x, y, held)


def adjusted(world: World, x: str, y: str, z: tuple[str, ...]) -> np.ndarray:
    """``Σ_z P(y | x, z) P(z)``, axes y and x."""
    joint = world.law([y, x, *z])
    conditional = joint / joint.sum(axis=0, keepdims=True)
    weights = joint.sum(axis=(0, 1))
    axes = tuple(range(2, joint.ndim))
    return (conditional * weights).sum(axis=axes)


def test_adjusting_gives_the_effect_and_for_other_sets_it_does_not() -> None:
    """The oracle is tested too: in a random model the formula is right exactly for the valid sets."""
    rng = np.random.default_rng(33)
    seen = {True: 0, False: 0}
    for _ in range(60):
        diagram = random_diagram(rng, int(rng.integers(3, 6)), int(rng.integers(0, 2)), density=0.8)
        if len(diagram.bidirected) + len(diagram.latent) > 6:
            continue
        x, y = (str(name) for name in rng.permutation(diagram.visible)[:2])
        world = random_world(diagram, rng, visible=(2,))
        truth = world.effect([y], [x])
        for z in subsets(candidates(diagram, (x,), (y,))):
            gap = np.abs(adjusted(world, x, y, z) - truth).max()
            valid = criterion(diagram, {x}, {y}, set(z))
            seen[valid] += 1
            assert gap < EXACT if valid else gap > BIASED, (diagram, x, y, z)
    assert min(seen.values()) >= 50


def test_the_first_is_the_one_next_to_the_outcome() -> None:
    """Where adjusting costs least variance (Smucler, Sapienza and Rotnitzky, Biometrika 2022)."""
    graph = "A -> B -> C -> X; C -> D -> E -> Y; X -> Y"
    assert next(umbel.adjustment_sets(graph, "X", "Y")) == ("E",)
    assert set(umbel.adjustment_sets(graph, "X", "Y")) == {("C",), ("D",), ("E",)}


def test_none_valid_and_none_needed_are_told_apart() -> None:
    assert list(umbel.adjustment_sets("X -> Y; X <-> Y", "X", "Y")) == []
    assert list(umbel.adjustment_sets("X -> Y; X <-> Z <-> Y", "X", "Y")) == [()]


def test_large_graphs_give_their_first_sets_at_once() -> None:
    """A ladder of forty rungs has 2^40 minimal sets; each comes by itself."""
    rungs = [f"X <- A{i} -> B{i} -> Y" for i in range(40)]
    sets = islice(umbel.adjustment_sets("; ".join([*rungs, "X -> Y"]), "X", "Y"), 200)
    assert len({frozenset(found) for found in sets}) == 200


WRONG = [
    (("X", "X"), "other variables"),
    (("X", "U"), "latent"),
    (("X", "Q"), "Q"),
]


@pytest.mark.parametrize(("names", "words"), WRONG)
def test_wrong_names_are_one_line(names: tuple[str, str], words: str) -> None:
    with pytest.raises(umbel.InputError, match=words) as error:
        umbel.adjustment_sets("latent U; U -> { X Y }; X -> Y", *names)
    assert "\n" not in str(error.value)


def test_plates_are_refused_by_name() -> None:
    with pytest.raises(umbel.InputError, match="plate"):
        umbel.adjustment_sets("plate p { A Y }; A -> Y", "A", "Y")
