"""Scores of primal averages: a treatment at its set value in some laws, at its own in the others.

With baseline C, blocks B_1, ..., B_m in order, each learnt under the set value t ("set") or under
the treatment's own value ("own"), and Q_j(.; s) the mean of what comes after block j - 1 when own
blocks stand at s, the score of a row whose treatment is T is

    Q_1(C; T)
    + sum over own blocks of  prod over set blocks before of p(B_i | ., t) / p(B_i | ., T)
                              * (Q_{j+1}(.; T) - Q_j(.; T))
    + sum over set blocks of  1{T = t} / p(t | C) * sum_s p(s | C)
                              * prod over own blocks before of p(B_i | ., s) / p(B_i | ., t)
                              * (Q_{j+1}(.; s) - Q_j(.; s))

the influence function of Bhattacharya, Nabi and Shpitser (JMLR 23(295) 2022, Theorem 10). Ratios
of laws of blocks are ratios of probabilities of the treatment, by Bayes' rule, so that no density
is learnt. The mean of scores is right when either all Q or all probabilities are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.crossfit import Fold, Mask, per_row
from umbel.estimate.flat import Unanswered, meeting, outcome_values
from umbel.estimate.overlap import RARE, Overlap
from umbel.estimate.sequences import Scored
from umbel.estimate.shapes import Primal
from umbel.numerics.adjoint import Node, added, divided, multiplied, raised
from umbel.variable import State

Codes = NDArray[np.int64]


def primal_scores(shape: Primal, fold: Fold) -> Scored:
    """Score every row by what a fold's training rows teach.

    Raises
    ------
    Unanswered
        For a treatment that is a number without states, or a value that no row has.
    """
    rows = fold.rows
    column = rows.columns[shape.treatment]
    if column.codes is None:
        raise Unanswered(
            f"{shape.treatment} is a number with many values.", "Give it states, or take the estimator 'kernels'."
        )
    if shape.state not in column.states:
        listed = ", ".join(map(str, column.states))
        raise Unanswered(f"No row has {shape.treatment} = {shape.state}.", f"Ask for one of: {listed}.")
    at, own = column.states.index(shape.state), column.codes
    among = meeting(shape.where, rows)
    chances = [_chances(shape, block, fold, column.states, own, among) for block in range(_last_ratio(shape) + 2)]
    means = _means(shape, fold, own, at, column.states, among)
    scores = _at_own(means[0], own)
    for place, block in enumerate(shape.blocks):
        steps = [added([(1.0, after), (-1.0, now)]) for after, now in zip(means[place + 1], means[place], strict=True)]
        if block.own:
            part = _at_own(steps, own)
            for before in _blocks(shape, place, own=False):
                part = multiplied(part, _at_own(_ratios(chances, before, at), own))
        else:
            inner = [
                multiplied(step, divided(one, chances[0][at])) for step, one in zip(steps, chances[0], strict=True)
            ]
            for before in _blocks(shape, place, own=True):
                ratios = _ratios(chances, before, at)
                inner = [divided(one, ratio) for one, ratio in zip(inner, ratios, strict=True)]
            part = multiplied(per_row(own == at), added([(1.0, one) for one in inner]))
        scores = added([(1.0, scores), (1.0, part)])
    ones = among.astype(np.float64)
    overlaps = []
    if shape.baseline:
        chance = chances[0][at]
        weight = np.where(own == at, 1.0 / chance.tensor.array, 0.0) * ones
        words = ", ".join(f"{name} = {state}" for name, state in (*shape.where, (shape.treatment, shape.state)))
        overlaps.append(Overlap(words, chance.tensor.array, ones, weight))
    for place in range(1, len(chances)):
        names = ", ".join(shape.blocks[place - 1].variables)
        rarest = np.min([one.tensor.array for one in chances[place]], axis=0)
        held = "".join(f", {name} = {state}" for name, state in shape.where)
        overlaps.append(Overlap(f"every {shape.treatment} beside each {names}{held}", rarest, ones, None))
    here = per_row(among)
    return Scored(multiplied(here, scores), tuple(overlaps))


def _last_ratio(shape: Primal) -> int:
    """The last block whose law some score divides by; -1 where there is none."""
    needed = [before for place, block in enumerate(shape.blocks) for before in _blocks(shape, place, own=not block.own)]
    return max(needed, default=-1)


def _blocks(shape: Primal, place: int, *, own: bool) -> list[int]:
    return [before for before in range(place) if shape.blocks[before].own == own]


def _chances(shape: Primal, block: int, fold: Fold, states: tuple[State, ...], own: Codes, among: Mask) -> list[Node]:
    """Probability of each state of the treatment given all before a block."""
    names = shape.history(block)
    keys = [(shape.treatment, state, shape.where) for state in states]
    if len(states) == 2:
        one = fold.chance(keys[1], own == 1, names, among)
        found = [added([(1.0, per_row(np.ones(len(own)))), (-1.0, one)]), one]
    else:
        found = [fold.chance(key, own == at, names, among) for at, key in enumerate(keys)]
    if names:
        found = [raised(one, RARE) for one in found]
    total = added([(1.0, one) for one in found])
    return [divided(one, total) for one in found]


def _ratios(chances: list[list[Node]], block: int, at: int) -> list[Node]:
    """Law of a block at the set value over its law at each state."""
    after, before = chances[block + 1], chances[block]
    return [
        divided(multiplied(after[at], before[state]), multiplied(after[state], before[at]))
        for state in range(len(after))
    ]


def _means(shape: Primal, fold: Fold, own: Codes, at: int, states: tuple[State, ...], among: Mask) -> list[list[Node]]:
    """Q of each block at each state, from the outcome backwards."""
    target = per_row(outcome_values(fold.rows, shape.outcome.numeric, shape.outcome.events))
    means = [[target] * len(states)]
    last = len(shape.blocks) - 1
    for place in range(last, -1, -1):
        block, names = shape.blocks[place], shape.history(place)
        later = any(one.own for one in shape.blocks[place:])  # else nothing reads the treatment's own value
        known: list[Node] = []
        for state, value in enumerate(states):
            here = among & (own == (state if block.own else at))
            key = (shape.outcome, shape.treatment, shape.blocks[place:], shape.state, shape.where, later and value)
            known.append(fold.mean(key, means[0][state], names, here, behind=place < last))
        means.insert(0, known)
    return means


def _at_own(values: list[Node], own: Codes) -> Node:
    """Each row's entry at its own state."""
    return added([(1.0, multiplied(per_row(own == state), one)) for state, one in enumerate(values)])
