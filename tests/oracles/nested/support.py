"""Do the laws that a formula conditions on vary independently? A rank test, against the certificate.

A formula is more than a correct line of text only if units exist in which its visible laws take
their values independently. Mechanisms that the formula does not name are free; pieces are
multilinear in them. At random tables, the pieces of a formula vary independently of everything
else visible exactly when the Jacobian by the free mechanisms has the rank that each piece has by
itself, all its mechanisms moving. Variables that pieces integrate get more states, so that only
graphs, and no counts, decide.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from umbel.expr.build import leaves, slots
from umbel.expr.nodes import Held, Law, Probability
from umbel.graph.mixed import bits
from umbel.model.proof import Road
from umbel.model.task import Collapse, Piece

Array = NDArray[np.float64]


def named_laws(road: Road) -> set[Law]:
    """Laws that the formula conditions on or draws across units."""
    assert road.expr is not None
    found: set[Law] = set()
    for leaf in leaves(road.expr):
        if isinstance(leaf, Probability):
            for slot in slots(leaf):
                meaning = (slot.symbol if isinstance(slot, Held) else slot).meaning
                if isinstance(meaning, Law):
                    found.add(meaning)
    return found


def shortfall(road: Road, rng: np.random.Generator) -> int:
    """Missing ranks of the formula's pieces; 0 when its laws vary independently."""
    (lowering,) = road.lowerings
    record = lowering.record
    named = named_laws(road)
    pieces = [part for _, part in lowering.mixed if part.law in named]
    if not pieces:
        return 0
    mechanisms = {law.of[0] for law in named if len(law.of) == 1 and _is_mechanism(law, record)}
    visible = {node for node in bits(record.members) if record.meanings[node] in mechanisms}
    inside = shown = 0
    for part in pieces:
        inside |= part.factors & ~part.of
        shown |= part.of | part.given
    # A law given k binary variables has 2^k margins to move: what is integrated has more states,
    # most of all what no piece shows.
    sizes = {node: 3 if (inside & shown) >> node & 1 else 2 for node in bits(record.members)}
    most = max(_entries(part.given, sizes) * (_entries(part.of, sizes) - 1) for part in pieces)
    sizes |= dict.fromkeys(bits(inside & ~shown), most + 2)
    tables = {
        node: rng.dirichlet(np.ones(sizes[node]) * 2.0, size=[sizes[p] for p in _inputs(record, node)])
        for node in bits(record.members)
    }
    alone = sum(_rank(_jacobian([part], part.factors, record, sizes, tables)) for part in pieces)
    behind = 0
    for part in pieces:
        behind |= part.factors
    free = sum(1 << node for node in bits(behind) if node not in visible)
    return alone - _rank(_jacobian(pieces, free, record, sizes, tables))


def _entries(mask: int, sizes: dict[int, int]) -> int:
    return int(np.prod([sizes[node] for node in bits(mask)]))


def _is_mechanism(law: Law, record: Collapse) -> bool:
    node = record.meanings.index(law.of[0])
    return tuple(record.meanings[p] for p in _inputs(record, node)) == law.given


def _inputs(record: Collapse, node: int) -> list[int]:
    return list(bits(record.graph.parents[node] & record.members))


def _jacobian(
    pieces: list[Piece], moving: int, record: Collapse, sizes: dict[int, int], tables: dict[int, Array]
) -> Array:
    """Rows: entries of the pieces. Columns: directions in which the moving mechanisms stay laws."""
    columns = []
    for node in bits(moving):
        shape = tables[node].shape
        for context in product(*(range(n) for n in shape[:-1])):
            for state in range(shape[-1] - 1):
                direction = np.zeros(shape)
                direction[(*context, state)], direction[(*context, shape[-1] - 1)] = 1.0, -1.0
                parts = []
                for part in pieces:
                    if part.factors >> node & 1:
                        parts.append(_piece(part, record, {**tables, node: direction}).reshape(-1))
                    else:
                        parts.append(np.zeros(int(np.prod([sizes[v] for v in bits(part.of | part.given)]))))
                columns.append(np.concatenate(parts))
    return np.stack(columns, axis=1) if columns else np.zeros((1, 1))


def _piece(part: Piece, record: Collapse, tables: dict[int, Array]) -> Array:
    operands: list[object] = []
    for node in bits(part.factors):
        operands += [tables[node], [*_inputs(record, node), node]]
    return np.asarray(np.einsum(*operands, [*bits(part.given), *bits(part.of)], optimize="greedy"))


def _rank(matrix: Array) -> int:
    return int(np.linalg.matrix_rank(matrix, tol=1e-8))
