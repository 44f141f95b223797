"""Rows kept by a variable, in a model of one component: still a linear program.

Only the law of the kept rows is seen: ``A theta = p s'theta``, where ``s`` marks the states in which a
row is kept and ``s'theta`` is the unknown rate of the kept (Zaffalon et al., "Bounding counterfactuals
under selection bias", PGM 2022, give EM for it). With one law there is no product of unknowns, and the
condition is linear in ``theta``. Each setting of what a trial set has a rate of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError
from umbel.estimate.bounds_arrays import Block, Records, polynomial_of
from umbel.estimate.bounds_bootstrap import bootstrapped
from umbel.estimate.bounds_exact import Conditions, Undefined, ends
from umbel.estimate.bounds_found import BoundsFound, BoundsMethod
from umbel.model.programme import Programme
from umbel.numerics.interior import likeliest
from umbel.numerics.polytope import Polytope
from umbel.results.value import Bounds, Interval

Array = NDArray[np.float64]

ENGINE = "linear program of selected rows"
KEPT = "The share of rows that were kept is unknown: the bounds hold whatever it is."


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """Records of one study under one setting: which states show them, how many, which states are kept."""

    rows: Array
    counts: Array
    kept: Array | None


def selected(
    programme: Programme,
    blocks: Sequence[Block],
    studies: Sequence[Records],
    *,
    rng: np.random.Generator,
    method: BoundsMethod,
) -> BoundsFound | None:
    """Sharp bounds from studies some of which kept rows by a variable; None where this form does not reach.

    Parameters
    ----------
    programme, blocks
        One component that holds every variable of the graph.
    studies
        Records without missing values.
    rng
        Source of the bootstrap.
    method
        Level.

    Raises
    ------
    DataError
        For a condition of probability zero.
    """
    (block,) = blocks
    if method.engine == "em" or len(block.component.groups) > 1:
        return None
    if any((one.codes[:, list(block.reads(one.do))] < 0).any() for one in studies):
        return None
    if any(one.selected is not None and one.selected[0] not in block.component.nodes for one in studies):
        return None
    found = _ends(programme, block, studies, rng, method)
    if found is None:
        return None
    interval: Interval | None = None
    if not all(one.population for one in studies):
        interval = bootstrapped(
            lambda drawn: _ends(programme, block, drawn, rng, method), studies, level=method.level, rng=rng
        )
    bounds = Bounds(*found, "sharp" if programme.exact else "outer", None, interval)
    return BoundsFound(bounds, ENGINE, remarks=(*programme.remarks, KEPT))


def _ends(
    programme: Programme, block: Block, studies: Sequence[Records], rng: np.random.Generator, method: BoundsMethod
) -> tuple[float, float] | None:
    arms = [arm for study in studies for arm in _arms(block, study)]
    rows, right = _linear(arms, [arm.counts / arm.counts.sum() for arm in arms])
    if not Polytope(rows, right).feasible:
        if len(arms) > 1:
            return None  # the likeliest laws of several rates have no linear form
        rows, right = _linear(arms, [_nearest(arms[0])])
    none = np.zeros((0, block.states))
    conditions = [Conditions(rows, right, none, np.zeros(0), np.zeros(0))]
    top, bottom = (polynomial_of(one, [block]) for one in (programme.numerator, programme.denominator))
    try:
        found = ends(top, bottom, conditions, rng=rng, seconds=method.seconds)
    except Undefined:
        raise DataError("The condition of the question has probability 0 in these data, so it is undefined.") from None
    return found.lower, found.upper


def _arms(block: Block, study: Records) -> list[_Arm]:
    """A study's records by what it set: each setting is a law of its own."""
    do = list(study.do)
    found = []
    _, owner = np.unique(study.codes[:, do], axis=0, return_inverse=True)
    for arm in np.unique(owner):
        own = owner.reshape(-1) == arm
        codes, counts = study.codes[own], study.counts[own]
        rows = block.agrees(codes, study.do)
        kept = None
        if study.selected is not None:
            node, code = study.selected
            shown = np.full((1, codes.shape[1]), -1, dtype=np.int64)
            shown[0, do] = codes[0, do]
            shown[0, node] = code
            kept = block.agrees(shown, study.do)[0]
        found.append(_Arm(rows, counts, kept))
    return found


def _linear(arms: Sequence[_Arm], laws: Sequence[Array]) -> tuple[Array, Array]:
    rows, right = [], []
    for arm, law in zip(arms, laws, strict=True):
        if arm.kept is None:
            rows.append(arm.rows)
            right.append(law)
        else:
            rows.append(arm.rows - law[:, None] * arm.kept[None, :])
            right.append(np.zeros(len(law)))
    return np.concatenate(rows), np.concatenate(right)


def _nearest(arm: _Arm) -> Array:
    """The likeliest law of one arm's rows: among the kept states alone when rows were kept."""
    own = arm.rows if arm.kept is None else arm.rows[:, arm.kept > 0]
    return likeliest(own, arm.counts).patterns
