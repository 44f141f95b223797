"""Inner bounds by causal expectation maximisation, where records do not factorise over components.

Missing values (at random) and rows kept by a variable tie the components together: the E-step
spreads each record over its completions, and rows that were never kept over all that the
selection leaves out (Zaffalon et al., "Bounding counterfactuals under selection bias", PGM 2022).
Several independent exogenous variables in one component are kept independent in the M-step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from umbel.errors import DataError
from umbel.estimate.bounds_arrays import Block, Codes, Records
from umbel.numerics.causal_em import starts
from umbel.numerics.multilinear import Polynomial, slope, value

Array = NDArray[np.float64]

MOST_COMPLETIONS = 400_000
STEPS = 2000
STILL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    """What the restarts found.

    Parameters
    ----------
    values
        The question in each restart's model, shape (restarts,).
    likelihoods
        Their log likelihoods.
    laws
        Per block, shape (restarts, states).
    """

    values: Array
    likelihoods: Array
    laws: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Completed:
    """Records of one study with their completions.

    ``patterns[c]``: row of component c's matrix for each completion; ``owner``: its record;
    ``counts``: of records; ``left_out``: whether the record stands for rows never kept.
    """

    patterns: tuple[NDArray[np.intp], ...]
    owner: NDArray[np.intp]
    counts: Array
    left_out: NDArray[np.bool_]


def inner(
    numerator: Polynomial,
    denominator: Polynomial,
    blocks: Sequence[Block],
    studies: Sequence[Records],
    *,
    restarts: int,
    rng: np.random.Generator,
    steps: int = STEPS,
) -> Inner:
    """Restarts of EM from laws tilted towards both ends of the question.

    Parameters
    ----------
    numerator, denominator
        The question.
    blocks
        Every component that the records touch.
    studies
        Records, some of them incomplete.
    restarts, steps
        How many, and how long at most.
    rng
        Source of the starts.
    """
    rows, parts = _completed(blocks, studies)
    laws = []
    middle = [np.full(block.states, 1.0 / block.states) for block in blocks]
    for at, block in enumerate(blocks):
        direction = slope(numerator, middle, at, block.states)
        laws.append(_independent(block, starts(block.states, restarts, rng=rng, direction=direction)))
    before = np.full(restarts, -np.inf)
    for _ in range(steps):
        laws, now = _step(blocks, rows, parts, laws)
        if np.all(now - before < STILL * np.maximum(np.abs(now), 1.0)):
            break
        before = now
    values = np.array(
        [
            value(numerator, [law[run] for law in laws]) / max(value(denominator, [law[run] for law in laws]), 1e-300)
            for run in range(restarts)
        ]
    )
    return Inner(values, now, tuple(laws))


def _independent(block: Block, laws: Array) -> Array:
    """The laws with independent groups of roots, marginals kept; shape (restarts, states)."""
    component = block.component
    if len(component.groups) <= 1:
        return laws
    shaped = laws.reshape(-1, *component.roots)
    product = np.ones((len(laws), *([1] * len(component.roots))))
    for group in component.groups:
        others = tuple(at + 1 for at in range(len(component.roots)) if at not in group)
        product = product * shaped.sum(axis=others, keepdims=True)
    return np.broadcast_to(product, shaped.shape).reshape(laws.shape)


def _step(
    blocks: Sequence[Block], rows: Sequence[Array], parts: Sequence[_Completed], laws: Sequence[Array]
) -> tuple[list[Array], Array]:
    chances = [np.maximum(law @ matrix.T, 1e-300) for law, matrix in zip(laws, rows, strict=True)]
    expected = [np.zeros_like(one) for one in chances]  # (restarts, patterns)
    likelihood = np.zeros(len(laws[0]))
    for part in parts:
        joint = np.ones((len(likelihood), len(part.owner)))
        for one, where in zip(chances, part.patterns, strict=True):
            joint *= np.where(where >= 0, one[:, where], 1.0)
        gather = csr_matrix(
            (np.ones(len(part.owner)), (part.owner, np.arange(len(part.owner)))),
            shape=(len(part.counts), len(part.owner)),
        )
        seen = np.maximum((gather @ joint.T).T, 1e-300)  # (restarts, records)
        counts = np.broadcast_to(part.counts, seen.shape).copy()
        kept = ~part.left_out
        likelihood += np.log(seen[:, kept]) @ part.counts[kept]
        if part.left_out.any():  # as many rows left out as the law says for those that were kept
            out = seen[:, part.left_out].sum(axis=1)
            total = part.counts[kept].sum()
            likelihood -= total * np.log(np.maximum(1.0 - out, 1e-300))
            counts[:, part.left_out] = total * seen[:, part.left_out] / np.maximum(1.0 - out, 1e-12)[:, None]
        spread = joint * (counts / seen)[:, part.owner]
        for found, where in zip(expected, part.patterns, strict=True):
            used = where >= 0
            into = csr_matrix(
                (np.ones(int(used.sum())), (np.nonzero(used)[0], where[used])), shape=(len(where), found.shape[1])
            )
            found += (into.T @ spread.T).T
    made = []
    for block, law, matrix, chance, count in zip(blocks, laws, rows, chances, expected, strict=True):
        raised = law * ((count / chance) @ matrix)
        raised /= np.maximum(raised.sum(axis=1, keepdims=True), 1e-300)
        made.append(_independent(block, raised))
    return made, likelihood


def _arms(study: Records) -> list[Records]:
    """A selected trial by what it set: the rows that one setting left out say nothing of another's."""
    if study.selected is None or not study.do:
        return [study]
    _, owner = np.unique(study.codes[:, list(study.do)], axis=0, return_inverse=True)
    owners = owner.reshape(-1)
    return [
        replace(study, codes=study.codes[owners == arm], counts=study.counts[owners == arm])
        for arm in np.unique(owners)
    ]


def _completed(blocks: Sequence[Block], studies: Sequence[Records]) -> tuple[list[Array], list[_Completed]]:
    """Rows of every component's patterns, and each study's records spread over their completions."""
    found: list[tuple[Codes, NDArray[np.intp], Array, NDArray[np.bool_], tuple[int, ...]]] = []
    for one in (arm for study in studies for arm in _arms(study)):
        read = sorted({node for block in blocks for node in block.reads(one.do)})
        codes, counts = one.codes, one.counts
        left_out = np.zeros(len(codes), dtype=bool)
        if one.selected is not None:
            node, kept = one.selected
            others = [code for code in range(blocks[0].sizes[node]) if code != kept]
            blank = np.full((len(others), codes.shape[1]), -1, dtype=np.int64)
            blank[:, list(one.do)] = codes[0, list(one.do)]
            blank[:, node] = others
            codes = np.concatenate([codes, blank])
            counts = np.concatenate([counts, np.zeros(len(others))])
            left_out = np.concatenate([left_out, np.ones(len(others), dtype=bool)])
        spread: list[Codes] = []
        owner: list[int] = []
        for at, record in enumerate(codes):
            holes = [node for node in read if record[node] < 0]
            size = math.prod(blocks[0].sizes[node] for node in holes)
            if len(spread) + size > MOST_COMPLETIONS:
                raise DataError(
                    f"{one.name} has missing values with more than {MOST_COMPLETIONS:,} completions. "
                    "Leave out variables that the question does not need."
                )
            for values in itertools.product(*(range(blocks[0].sizes[node]) for node in holes)):
                filled = record.copy()
                filled[holes] = values
                spread.append(filled)
                owner.append(at)
        found.append((np.array(spread), np.array(owner, dtype=np.intp), counts, left_out, one.do))
    rows, places = [], [list[NDArray[np.intp]]() for _ in found]
    for block in blocks:
        matrices, first = [], 0
        for place, (full, _, _, _, do) in zip(places, found, strict=True):
            if not block.active(do):
                place.append(np.full(len(full), -1, dtype=np.intp))
                continue
            distinct, which = np.unique(full[:, list(block.reads(do))], axis=0, return_inverse=True)
            whole = np.full((len(distinct), full.shape[1]), -1, dtype=np.int64)
            whole[:, list(block.reads(do))] = distinct
            matrices.append(block.agrees(whole, do))
            place.append(which.reshape(-1) + first)
            first += len(distinct)
        rows.append(np.concatenate(matrices) if matrices else np.zeros((0, block.states)))
    parts = [
        _Completed(tuple(place), whose, counts, left_out)
        for place, (_, whose, counts, left_out, _) in zip(places, found, strict=True)
    ]
    return rows, parts
