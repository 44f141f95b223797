"""An oracle of identification that runs no algorithm for it: ranks of derivatives.

A world with K states for each hidden variable is a point of a parameter space. A quantity Q is a
function of the known laws P near a generic point only if the gradient of Q lies in the row
space of the Jacobian of P. Where it does not, there is a direction in which P stands still and Q
moves: Q is not identified, and this is rigorous for each K, up to floating point. Where it does for
every K tried, Q is identified locally in these models. So "not identified" of an engine is
confirmed by one K that shows it, and "identified" is refuted by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np

from tests.oracles.flat.diagram import Diagram
from tests.oracles.flat.truth import Array, Mechanism, World, held, hidden_names, random_world

RANK = 1e-9
"""Singular values below this share of the largest are rounding: true ones stay above 1e-6 here."""
MOVES = 1e-7
"""A gradient leaves the row space when more than this share of it does: rounding leaves 1e-11."""
TINY = 1e-9
"""A gradient as small as this is zero: the law stands still altogether."""
MOST = 1_000_000
"""States of a world that are enumerated at most."""


@dataclass(frozen=True, slots=True)
class Query:
    """``P(outcomes | given)`` after mechanisms were replaced; tables are for two states."""

    outcomes: Sequence[str]
    changes: Mapping[str, Mechanism]
    given: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One known law: of ``seen``, where every value of ``do`` was set, given that ``kept`` is 1."""

    seen: Sequence[str]
    do: Sequence[str] = ()
    kept: str = ""

    def laws(self) -> Iterator[tuple[Sequence[str], Mapping[str, Mechanism]]]:
        """What was measured, and the interventions under which, for every setting of two states each."""
        rest = [name for name in self.seen if name not in self.do]
        for values in product((0, 1), repeat=len(self.do)):
            yield rest, {name: held(value, 2) for name, value in zip(self.do, values, strict=True)}


def gradient(world: World, changes: Mapping[str, Mechanism], names: Sequence[str]) -> Array:
    """Derivatives of the log law of ``names`` under interventions: shape (cells, parameters).

    Parameters are the logits of every mechanism's entries, in the world's order; those of replaced
    mechanisms have derivative zero.
    """
    changed = world.under(changes)
    rows = dict(zip(world.sizes, world.states(), strict=True))
    weights = changed.weights()
    shape = tuple(world.sizes[name] for name in names)
    cells = int(np.prod(shape))
    cell = np.ravel_multi_index(tuple(rows[name] for name in names), shape)
    law = np.bincount(cell, weights, cells)
    parts = []
    for name, (reads, table) in world.mechanisms.items():
        if name in changes:
            parts.append(np.zeros((cells, table.size)))
            continue
        entry = np.ravel_multi_index((*(rows[read] for read in reads), rows[name]), table.shape)
        used = np.bincount(cell * table.size + entry, weights, cells * table.size).reshape(cells, -1, table.shape[-1])
        centred = used - used.sum(axis=-1, keepdims=True) * table.reshape(-1, table.shape[-1])
        parts.append(centred.reshape(cells, -1))
    return np.concatenate(parts, axis=1) / law[:, None]


def moves(world: World, query: Query, studies: Sequence[Study]) -> float:
    """How far the query can move while every known law stands still.

    The largest share of a cell's gradient outside the row space; rounding when identified.
    """
    known = [shown for study in studies for shown in _shown(world, study)]
    wanted = gradient(world, query.changes, [*query.outcomes, *query.given])
    if query.given:
        below = gradient(world, query.changes, query.given)
        wanted = wanted - np.tile(below, (len(wanted) // len(below), 1))
    outside = wanted
    if known:  # a study that set all it saw shows nothing
        _, values, directions = np.linalg.svd(np.concatenate(known), full_matrices=False)
        space = directions[values > RANK * values[0]]
        outside = wanted - wanted @ space.T @ space
    return float((np.linalg.norm(outside, axis=1) / np.maximum(np.linalg.norm(wanted, axis=1), TINY)).max())


def _shown(world: World, study: Study) -> Iterator[Array]:
    """Derivatives of the log laws that a study shows."""
    for seen, changes in study.laws():
        if study.kept:
            yield gradient(world, changes, [*seen, study.kept])[1::2] - gradient(world, changes, [study.kept])[1]
        elif seen:
            yield gradient(world, changes, seen)


def hidden_sizes(diagram: Diagram) -> Iterator[dict[str, int]]:
    """Numbers of hidden states to try: few everywhere, then many for one hidden variable at a time.

    With few states a hidden variable may be read off its proxies; with many it cannot. In a long chain
    of common causes one variable of many states is not always enough, and two are.
    """
    roots = hidden_names(diagram)
    for states in (2, 3, 4):
        yield dict.fromkeys(roots, states)
    for states in (6, 8):
        for root in roots:
            yield dict.fromkeys(roots, 2) | {root: states}
    for pair in combinations(roots, 2):
        yield dict.fromkeys(roots, 2) | dict.fromkeys(pair, 6)


def can_move(
    diagram: Diagram,
    query: Query,
    rng: np.random.Generator,
    *,
    studies: Sequence[Study] | None = None,
    tries: int = 60,
) -> bool:
    """Whether some number of hidden states shows that the query is not identified.

    ``studies`` None: one, of everything that is not latent. One try refutes "identified" as well as many.
    """
    studies = [Study(diagram.visible)] if studies is None else studies
    for sizes in islice(hidden_sizes(diagram), tries):
        if np.prod(list(sizes.values()), dtype=float) * 2 ** len(diagram.visible) > MOST:
            continue
        if moves(random_world(diagram, rng, visible=(2,), hidden=sizes), query, studies) > MOVES:
            return True
    return False
