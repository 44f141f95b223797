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

from umbel.estimate.crossfit import Fold, Mask
from umbel.estimate.flat import Unanswered, matches, outcome_values
from umbel.estimate.sequences import RARE, Scored
from umbel.estimate.shapes import Primal
from umbel.variable import State

Array = NDArray[np.float64]
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
    among = np.ones(rows.size, dtype=bool)
    for name, state in shape.where:
        among &= matches(rows.columns[name], name, state) > 0.0
    chances = [_chances(shape, block, fold, column.states, own, among) for block in range(_last_ratio(shape) + 2)]
    means = _means(shape, fold, own, at, column.states, among)
    scores = _at_own(means[0], own)
    every = np.arange(rows.size)
    for place, block in enumerate(shape.blocks):
        step = means[place + 1] - means[place]  # (states, rows)
        if block.own:
            weight = np.ones(rows.size)
            for before in _blocks(shape, place, own=False):
                ratio = _ratio(chances, before, at)  # (states, rows): law at the set value over law at s
                weight *= ratio[own, every]
            scores = scores + weight * _at_own(step, own)
        else:
            inner = chances[0] / chances[0][at]
            for before in _blocks(shape, place, own=True):
                inner = inner / _ratio(chances, before, at)
            scores = scores + np.where(own == at, (inner * step).sum(axis=0), 0.0)
    shown = [(f"{shape.treatment} = {shape.state}", chances[0][at])] if shape.baseline else []
    for place in range(1, len(chances)):
        names = ", ".join(shape.blocks[place - 1].variables)
        shown.append((f"every {shape.treatment} beside each {names}", chances[place].min(axis=0)))
    return Scored(np.where(among, scores, 0.0), tuple((words, np.where(among, one, 1.0)) for words, one in shown))


def _last_ratio(shape: Primal) -> int:
    """The last block whose law some score divides by; -1 where there is none."""
    needed = [before for place, block in enumerate(shape.blocks) for before in _blocks(shape, place, own=not block.own)]
    return max(needed, default=-1)


def _blocks(shape: Primal, place: int, *, own: bool) -> list[int]:
    return [before for before in range(place) if shape.blocks[before].own == own]


def _chances(shape: Primal, block: int, fold: Fold, states: tuple[State, ...], own: Codes, among: Mask) -> Array:
    """Probability of each state of the treatment given all before a block, shape (states, rows)."""
    names = shape.history(block)
    if len(states) == 2:
        one = fold.chance((shape.treatment, states[1], shape.where), own == 1, names, among)
        found = np.stack([1.0 - one, one])
    else:
        found = np.stack(
            [fold.chance((shape.treatment, s, shape.where), own == i, names, among) for i, s in enumerate(states)]
        )
    if names:
        found = np.maximum(found, RARE)
    return np.asarray(found / found.sum(axis=0), dtype=np.float64)


def _ratio(chances: list[Array], block: int, at: int) -> Array:
    """Law of a block at the set value over its law at each state, shape (states, rows)."""
    after, before = chances[block + 1], chances[block]
    return np.asarray((after[at] * before) / (after * before[at]), dtype=np.float64)


def _means(shape: Primal, fold: Fold, own: Codes, at: int, states: tuple[State, ...], among: Mask) -> list[Array]:
    """Q of each block at each state, shapes (states, rows), from the outcome backwards."""
    target = outcome_values(fold.rows, shape.outcome.numeric, shape.outcome.events)
    means = [np.tile(target, (len(states), 1))]
    last = len(shape.blocks) - 1
    for place in range(last, -1, -1):
        block, names = shape.blocks[place], shape.history(place)
        later = any(one.own for one in shape.blocks[place:])  # else nothing reads the treatment's own value
        known: list[Array] = []
        for state, value in enumerate(states):
            here = among & (own == (state if block.own else at))
            key = (shape.outcome, shape.treatment, shape.blocks[place:], shape.state, shape.where, later and value)
            known.append(fold.mean(key, means[0][state], names, here, behind=place < last))
        means.insert(0, np.stack(known))
    return means


def _at_own(values: Array, own: Codes) -> Array:
    """Each row's entry at its own state."""
    return np.asarray(values[own, np.arange(values.shape[1])], dtype=np.float64)
