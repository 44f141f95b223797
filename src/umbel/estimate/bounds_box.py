"""A box of laws that samples do not rule out: what declared inequalities are compared with.

The likelihood region has no linear form beside inequalities, so each observed probability gets an
interval of its own, all of them right together (Bonferroni): wider than the region, and as valid. Laws
in the box that meet the inequalities give the sampling interval; the law closest to the data that meets
them, in standard errors, gives the bounds where sampling error alone contradicts an inequality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from umbel.estimate.bounds_arrays import Block, Codes, Patterns, Records, in_sequence
from umbel.estimate.bounds_exact import Conditions
from umbel.numerics.highs import run
from umbel.numerics.polytope import solver

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Observed probabilities of one component and their standard errors.

    ``rows``: which states show each, shape (probabilities, states); ``seen`` and ``errors``: shape
    (probabilities,). Those of a population have no error.
    """

    rows: Array
    seen: Array
    errors: Array


def box_of(block: Block, patterns: Patterns, studies: Sequence[Records]) -> Box:
    """The box of a component, from each study by itself."""
    rows, seen, errors = [], [], []
    for view in patterns.studies:
        study = studies[view.study]
        rows.append(patterns.rows[view.patterns])
        seen.append(view.saturated)
        found = np.zeros(len(view.counts))
        if not study.population:
            do = tuple(node for node in study.do if node in block.component.nodes)
            found = view.saturated * _relative(block, do, patterns.records[view.patterns], view.counts)
        errors.append(found)
    if not rows:
        return Box(np.zeros((0, block.states)), np.zeros(0), np.zeros(0))
    return Box(np.concatenate(rows), np.concatenate(seen), np.concatenate(errors))


def _relative(block: Block, do: Sequence[int], codes: Codes, counts: Array) -> Array:
    """Standard error of a product of observed shares, as a part of it: shares are independent binomials."""
    found = np.zeros(len(codes))
    for node, given in in_sequence(block, do):
        above, below = _total(codes, counts, [*given, node]), _total(codes, counts, given)
        share = (above + 1.0) / (below + 2.0)  # a share of 0 or 1 is not known without error
        found += (1.0 - share) / (share * below)
    return np.asarray(np.sqrt(found))


def _total(codes: Codes, counts: Array, columns: list[int]) -> Array:
    if not columns:
        return np.full(len(codes), counts.sum())
    _, owner = np.unique(codes[:, columns], axis=0, return_inverse=True)
    return np.asarray(np.bincount(owner.reshape(-1), counts)[owner.reshape(-1)])


def standard_errors(level: float, probabilities: int) -> float:
    """Half the width, in standard errors, at which so many intervals hold together at a level.

    Examples
    --------
    >>> round(standard_errors(0.95, 1), 2), round(standard_errors(0.95, 10), 2)
    (1.96, 2.81)
    """
    return float(norm.isf((1.0 - level) / (2.0 * max(probabilities, 1))))


def within(box: Box, conditions: Conditions, width: float) -> Conditions:
    """The declared limits of ``conditions``, and the box in place of its equations."""
    slack = width * box.errors
    return Conditions(
        np.zeros((0, box.rows.shape[1])),
        np.zeros(0),
        np.vstack([conditions.limits, box.rows]),
        np.concatenate([conditions.lower, box.seen - slack]),
        np.concatenate([conditions.upper, box.seen + slack]),
    )


def nearest(box: Box, conditions: Conditions) -> tuple[float, Conditions] | None:
    """The law that meets the limits and is closest to what was seen, as conditions.

    Returns
    -------
    tuple or None
        Its largest distance in standard errors, and equations that fix what was seen at it. None where
        no law meets the limits, or misses what is known without error.
    """
    many, states = box.rows.shape
    limits = len(conditions.lower)
    scale = box.errors[:, None]
    matrix = np.vstack(
        [
            np.append(np.ones(states), 0.0)[None, :],
            np.hstack([box.rows, -scale]),
            np.hstack([box.rows, scale]),
            np.hstack([conditions.limits, np.zeros((limits, 1))]),
        ]
    )
    free = np.full(many, 1e6)
    below = np.concatenate([[1.0], -free, box.seen, conditions.lower])
    above = np.concatenate([[1.0], box.seen, free, conditions.upper])
    model = solver(matrix, below, above, np.zeros(states + 1), np.full(states + 1, np.inf))
    cost = np.append(np.zeros(states), 1.0)
    model.changeColsCost(states + 1, np.arange(states + 1, dtype=np.int32), cost)
    if not run(model):
        return None
    point = np.asarray(model.getSolution().col_value, dtype=np.float64)
    law = np.maximum(point[:-1], 0.0)
    law = law / law.sum()
    right = conditions.rows @ law
    return float(point[-1]), Conditions(conditions.rows, right, conditions.limits, conditions.lower, conditions.upper)
