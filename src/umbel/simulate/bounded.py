"""Proof of bounds by comparison: random laws, their exact tables, and the truth inside."""

from __future__ import annotations

import itertools

import numpy as np

from umbel.estimate.bounds import BoundsFound, bound
from umbel.estimate.bounds_arrays import Records, blocks_of, polynomial_of
from umbel.model.programme import Programme
from umbel.numerics.multilinear import value
from umbel.results.check import Check
from umbel.results.verdict import Bounded

MODELS = 3
MOST_RECORDS = 20_000
SLACK = 1e-6
"""Feasibility of linear programs, carried to the ends."""


def verify_bounds(verdict: Bounded, *, rng: np.random.Generator | None = None) -> Check:
    """Whether the truth of random models lies within the bounds of their observed laws."""
    rng = np.random.default_rng(0) if rng is None else rng
    worst, compared = 0.0, 0
    for _, programme in verdict.programmes:
        for _ in range(MODELS):
            gap = _gap(programme, rng)
            if gap is not None:
                worst, compared = max(worst, gap), compared + 1
    if not compared:
        return Check("verify", False, None, "Not compared: the model has too many joint values to enumerate.")
    return Check("verify", worst <= SLACK, worst, f"Compared: {compared} random models with their bounds.")


def _gap(programme: Programme, rng: np.random.Generator) -> float | None:
    """How far the truth of a random model lies outside its bounds."""
    blocks = blocks_of(programme)
    laws = [rng.dirichlet(np.ones(block.states)) for block in blocks]
    nodes = sorted({node for block in blocks for node in (*block.reads(), *(one for one, _ in block.given))})
    if np.prod([programme.sizes[node] for node in nodes], dtype=np.float64) > MOST_RECORDS:
        return None
    values = np.array(list(itertools.product(*(range(programme.sizes[node]) for node in nodes))), dtype=np.int64)
    codes = np.zeros((len(values), len(programme.names)), dtype=np.int64)
    codes[:, nodes] = values
    chances = np.ones(len(codes))
    for block, law in zip(blocks, laws, strict=True):
        own = block.within(codes)
        chances[own] *= block.agrees(codes[own]) @ law
    outside = set(nodes) - {node for block in blocks for node in block.component.nodes}
    for node in outside:  # a cause in no component of the question: any law of its own
        chances *= rng.dirichlet(np.ones(programme.sizes[node]))[codes[:, node]]
    seen = chances > 0
    record = Records(codes[seen], chances[seen] / chances.sum(), population=True)
    below = value(polynomial_of(programme.denominator, blocks), laws)
    if below < 1e-9:
        return None
    truth = value(polynomial_of(programme.numerator, blocks), laws) / below
    found = bound(programme, [record], rng=rng)
    if not isinstance(found, BoundsFound) or found.bounds.lower is None or found.bounds.upper is None:
        return 1.0
    return max(found.bounds.lower - truth, truth - found.bounds.upper, 0.0)
