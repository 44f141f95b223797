"""An oracle of identification that runs no algorithm for it: ranks of derivatives.

A world with K states for each hidden variable is a point of a parameter space. A quantity Q is a
function of the observed law P near a generic point only if the gradient of Q lies in the row
space of the Jacobian of P. Where it does not, there is a direction in which P stands still and Q
moves: Q is not identified, and this is rigorous for each K, up to floating point. Where it does for
every K tried, Q is identified locally in these models. So "not identified" of an engine is
confirmed by one K that shows it, and "identified" is refuted by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from tests.oracles.flat.diagram import Diagram
from tests.oracles.flat.truth import Array, Mechanism, World, hidden_names, random_world

RANK = 1e-9
"""Singular values below this share of the largest are rounding: true ones stay above 1e-6 here."""
MOVES = 1e-7
"""A gradient leaves the row space when more than this share of it does: rounding leaves 1e-11."""
TINY = 1e-12
"""A gradient as small as this is zero: the law stands still altogether."""


def gradient(world: World, names: Sequence[str], kept: Collection[str]) -> Array:
    """Derivatives of the law of ``names``, each divided by its cell: shape (cells, parameters).

    Parameters are the logits of the entries of the ``kept`` mechanisms, in the world's order.
    """
    rows = dict(zip(world.sizes, world.states(), strict=True))
    weights = world.weights()
    shape = tuple(world.sizes[name] for name in names)
    cells = int(np.prod(shape))
    cell = np.ravel_multi_index(tuple(rows[name] for name in names), shape)
    law = np.bincount(cell, weights, cells)
    parts = []
    for name, (reads, table) in world.mechanisms.items():
        if name not in kept:
            continue
        entry = np.ravel_multi_index((*(rows[read] for read in reads), rows[name]), table.shape)
        used = np.bincount(cell * table.size + entry, weights, cells * table.size).reshape(cells, -1, table.shape[-1])
        centred = used - used.sum(axis=-1, keepdims=True) * table.reshape(-1, table.shape[-1])
        parts.append(centred.reshape(cells, -1))
    return np.concatenate(parts, axis=1) / law[:, None]


def moves(world: World, outcomes: Sequence[str], changes: Mapping[str, Mechanism]) -> float:
    """How far the outcomes' law after an intervention can move while the observed law stands still.

    The largest share of a cell's gradient outside the row space; rounding when identified. The
    laws that the intervention sets are no parameters of the world: their columns are left out.
    """
    observed = gradient(world, world.visible, kept=world.mechanisms.keys() - changes.keys())
    # Replaced mechanisms matter to what is observed, but not to what is wanted.
    replaced = gradient(world, world.visible, kept=changes)
    wanted = gradient(world.under(changes), outcomes, kept=world.mechanisms.keys() - changes.keys())
    wanted = np.concatenate([wanted, np.zeros((len(wanted), replaced.shape[1]))], axis=1)
    _, values, directions = np.linalg.svd(np.concatenate([observed, replaced], axis=1), full_matrices=False)
    space = directions[values > RANK * values[0]]
    outside = wanted - wanted @ space.T @ space
    shares = np.linalg.norm(outside, axis=1) / np.maximum(np.linalg.norm(wanted, axis=1), TINY)
    return float(shares.max())


def hidden_sizes(diagram: Diagram) -> Iterator[dict[str, int]]:
    """Numbers of hidden states to try: few everywhere, then many for one hidden variable at a time.

    With few states a hidden variable may be read off its proxies; with many it cannot.
    """
    roots = hidden_names(diagram)
    for states in (2, 3, 4):
        yield dict.fromkeys(roots, states)
    for states in (6, 8):
        for root in roots:
            yield dict.fromkeys(roots, 2) | {root: states}


def can_move(
    diagram: Diagram,
    outcomes: Sequence[str],
    changes: Mapping[str, Mechanism],
    rng: np.random.Generator,
    *,
    tries: int = 20,
    most: int = 1_000_000,
) -> bool:
    """Whether some number of hidden states shows that the quantity is not identified.

    ``changes`` are for two states of every visible variable.
    """
    for sizes in islice(hidden_sizes(diagram), tries):
        if np.prod(list(sizes.values()), dtype=float) * 2 ** len(diagram.visible) > most:
            continue
        world = random_world(diagram, rng, visible=(2,), hidden=sizes)
        if moves(world, outcomes, changes) > MOVES:
            return True
    return False
