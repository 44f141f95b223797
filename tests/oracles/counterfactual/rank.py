"""An oracle for counterfactuals that runs no algorithm for them: ranks of derivatives.

A response-function model is a point of a parameter space. A quantity is a function of the observed
law near a generic point only if its gradient lies in the row space of the law's Jacobian; where it
does not, there is a direction in which the law stands still and the quantity moves. That is
rigorous, up to floating point, for every number of states and every choice of functions. A
quantity that never moves in models of two states may still move in models of three: with two
states ``P(Y=0, A=1)`` and ``P(Y=0)`` give ``P(Y=0, A=0)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tests.oracles.counterfactual.response import Array, Happening, Indices, ResponseModel, random_response_model
from tests.oracles.flat.diagram import Diagram

RANK = 1e-9
"""Singular values below this share of the largest are rounding."""
MOVES = 1e-6
"""A gradient leaves the row space when more than this share of it does."""
MOST_ROWS = 2_000_000
"""Combinations of hidden states and types that one model may have."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a source shows: the law of ``sees`` with ``sets`` at each of ``doses``; by default all there is."""

    sets: tuple[str, ...] = ()
    sees: tuple[str, ...] | None = None
    doses: tuple[int, ...] | None = None

    @property
    def whole(self) -> bool:
        """Whether it shows every name and every dose."""
        return self.sees is None and self.doses is None

    def names(self, diagram: Diagram) -> tuple[str, ...]:
        """What it measured or set."""
        return tuple(n for n in diagram.visible if self.sees is None or n in self.sees or n in self.sets)

    def worlds(self, states: int) -> Iterator[tuple[tuple[str, int], ...]]:
        """Every way of setting what it sets."""
        doses = range(states) if self.doses is None else self.doses
        for values in product(doses, repeat=len(self.sets)):
            yield tuple(zip(self.sets, values, strict=True))


def gradient(model: ResponseModel, weights: Array, cells: Indices, count: int) -> Array:
    """Derivatives of the logarithms of cells' probabilities: shape (cells, parameters).

    ``cells`` gives the cell of each row, -1 for none. Parameters are the logits of all laws.
    """
    inside = cells >= 0
    weights, cells = weights[:, inside], cells[inside]
    mass = np.bincount(cells, weights.sum(axis=0), count)
    types = model.types()
    hidden = model.hidden()
    parts = []
    for name in model.diagram.names:
        law = model.laws[name].reshape(-1, model.laws[name].shape[-1])
        place = np.broadcast_to(np.asarray(model.place(name))[:, None], weights.shape)
        parts.append(_centred(cells * law.size + place * law.shape[1] + types[name][inside], weights, law, count))
    for root, states in zip(model.roots, hidden, strict=True):
        parts.append(_centred(cells * root.size + states[:, None], weights, root[None], count))
    return np.concatenate(parts, axis=1) / mass[:, None]


def _centred(index: Indices, weights: Array, law: Array, count: int) -> Array:
    used = np.bincount(index.reshape(-1), weights.reshape(-1), count * law.size).reshape(count, *law.shape)
    return (used - used.sum(axis=-1, keepdims=True) * law).reshape(count, -1)


def moves(
    model: ResponseModel,
    happenings: Sequence[Happening],
    given: Sequence[Happening] = (),
    studies: Sequence[Study] = (Study(),),
) -> float:
    """Share of the quantity's gradient outside the laws' row space; 0 for impossible events, too."""
    weights = model.weights()
    types = model.types()
    rows = []
    states = max(model.sizes[name] for name in model.diagram.visible)
    for study in studies:
        names = [name for name in study.names(model.diagram) if name not in study.sets]
        shape = tuple(model.sizes[name] for name in names)
        for world in study.worlds(states) if names else ():
            cells = np.ravel_multi_index(tuple(model.value(name, world, types) for name in names), shape)
            rows.append(gradient(model, weights, cells, int(np.prod(shape))))
    wanted = np.zeros((1, 1))
    for sign, events in ((1, (*happenings, *given)), (-1, given)):
        holds = model.holds(events)
        if not holds.any():
            return 0.0
        wanted = wanted + sign * gradient(model, weights, np.where(holds, 0, -1), 1)
    outside = wanted
    if rows:
        _, values, directions = np.linalg.svd(np.concatenate(rows), full_matrices=False)
        space = directions[values > RANK * values[0]]
        outside = wanted - wanted @ space.T @ space
    length = float(np.linalg.norm(wanted))
    return float(np.linalg.norm(outside)) / length if length > 1e-9 else 0.0


def valued(happenings: Sequence[Happening], states: int) -> Iterator[tuple[Happening, ...]]:
    """The happenings with every choice of values for those that are free."""
    choices = [range(states) if each.value is None else (each.value,) for each in happenings]
    for values in product(*choices):
        yield tuple(Happening(h.name, h.world, v) for h, v in zip(happenings, values, strict=True))


def can_move(
    diagram: Diagram,
    happenings: Sequence[Happening],
    given: Sequence[Happening],
    rng: np.random.Generator,
    *,
    states: int = 2,
    tries: int = 3,
    types: int | None = None,
    latent: int | None = None,
    studies: Sequence[Study] = (Study(),),
) -> bool:
    """Whether some model shows that the quantity is not identified."""
    for roots in (2, 3, 4)[:tries]:
        model = random_response_model(diagram, rng, states=states, roots=roots, types=types, latent=latent)
        rows = float(np.prod([len(table) for table in model.functions.values()], dtype=float))
        if rows * roots ** len(diagram.bidirected) > MOST_ROWS:
            continue
        for events in valued((*happenings, *given), states):
            if moves(model, events[: len(happenings)], events[len(happenings) :], studies) > MOVES:
                return True
    return False
