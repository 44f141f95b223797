"""Scores of sequential averages: augmented inverse probability weighting, for one stage or several.

With ``Q`` the mean of what comes, given all that came before and the settings, and ``e`` the
probability of a setting given all that came before it, the score of a row is

    Q_1 + sum over stages of (product of 1{as set} / e up to the stage) * (Q_next - Q)

(Robins, Rotnitzky and Zhao 1994 for one stage; Bang and Robins, Biometrics 61(4) 2005, for
several). Its mean is right when either all ``Q`` or all ``e`` are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.data.rows import Rows
from umbel.estimate.crossfit import Fold, Mask, per_row
from umbel.estimate.flat import Unanswered, matches, outcome_values
from umbel.estimate.overlap import RARE, Overlap
from umbel.estimate.shapes import Sequential, Setting
from umbel.expr.nodes import Policy
from umbel.numerics.adjoint import Node, added, divided, multiplied, raised
from umbel.variable import State

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of rows.

    Parameters
    ----------
    scores
        One per row: their weighted mean is the estimate.
    overlaps
        The probabilities that were divided by.
    """

    scores: Node
    overlaps: tuple[Overlap, ...]


def sequence_scores(shape: Sequential, fold: Fold) -> Scored:
    """Score every row by what a fold's training rows teach.

    Raises
    ------
    Unanswered
        For a policy on a number without states, or on one of several treatments.
    """
    if any(isinstance(value, Policy) for _, value in shape.settings()):
        return _policy_scores(shape, fold)
    rows = fold.rows
    matched = _matched(shape, rows)
    target = per_row(outcome_values(rows, shape.outcome.numeric, shape.outcome.events))
    means = _means(shape, fold, matched, target)
    first = 0 if shape.stages[0].settings else 1
    scores = means[first]
    weight = per_row(np.ones(rows.size))
    overlaps = []
    for at in range(first, len(shape.stages)):
        stage, before = shape.stages[at], weight.tensor.array
        chance = chance_of(stage.settings, shape.history(at), matched[at - 1] if at else None, fold)
        plain = chance.tensor.array
        if shape.history(at):
            chance = raised(chance, RARE)
        weight = divided(multiplied(per_row(matched[at]), weight), chance)
        if shape.history(at):
            known = tuple(setting for one in shape.stages[: at + 1] for setting in one.settings)
            overlaps.append(Overlap(_words(known), plain, before, weight.tensor.array))
        scores = added([(1.0, scores), (1.0, multiplied(weight, added([(1.0, means[at + 1]), (-1.0, means[at])])))])
    return Scored(scores, tuple(overlaps))


def _matched(shape: Sequential, rows: Rows) -> list[Mask]:
    """Rows in which all is as set, up to each stage."""
    found = []
    current = np.ones(rows.size, dtype=bool)
    for stage in shape.stages:
        for name, value in stage.settings:
            assert not isinstance(value, Policy)
            current = current & (matches(rows.columns[name], name, value) > 0.0)
        found.append(current)
    return found


def _means(shape: Sequential, fold: Fold, matched: Sequence[Mask], target: Node) -> list[Node]:
    """Q of each stage, from the outcome backwards; the last entry is the outcome itself.

    A baseline stage's entry is left as it is: its law is that of the rows.
    """
    last = len(shape.stages)
    means = [target] * (last + 1)
    for at in range(last - 1, -1 if shape.stages[0].settings else 0, -1):
        key = (shape.outcome, shape.stages[at:], tuple(stage.settings for stage in shape.stages[:at]))
        means[at] = fold.mean(key, means[at + 1], shape.history(at), matched[at], behind=at < last - 1)
    return means


def chance_of(settings: Sequence[Setting], names: Sequence[str], before: Mask | None, fold: Fold) -> Node:
    """Probability that a stage is as set, given what came before, among rows as set until then."""
    rows = fold.rows
    among = np.ones(rows.size, dtype=bool) if before is None else before
    place = None if before is None else before.tobytes()
    if len(settings) == 1 and not isinstance(settings[0][1], Policy):
        name, state = settings[0]
        states = rows.columns[name].states
        if len(states) == 2 and state in states:  # one model for both values, so that they sum to one
            event = matches(rows.columns[name], name, states[1]) > 0.0
            chance = fold.chance((name, states[1], place), event, names, among)
            return chance if state == states[1] else added([(1.0, per_row(np.ones(rows.size))), (-1.0, chance)])
    event = np.ones(rows.size, dtype=bool)
    for name, value in settings:
        assert not isinstance(value, Policy)
        event &= matches(rows.columns[name], name, value) > 0.0
    return fold.chance((tuple(settings), place), event, names, among)


def _policy_scores(shape: Sequential, fold: Fold) -> Scored:
    """Scores under a law that the treatment is drawn from: every state in its weight."""
    rows = fold.rows
    stage, names = shape.stages[-1], shape.history(len(shape.stages) - 1)
    if len(shape.settings()) != 1 or len(stage.settings) != 1 or len(shape.stages) > 2:
        raise Unanswered(
            "A law for one of several treatments is not estimated from rows with many values yet.",
            "Ask at values, or give every variable states.",
        )
    ((name, policy),) = stage.settings
    assert isinstance(policy, Policy)
    column = rows.columns[name]
    if column.codes is None:
        raise Unanswered(
            f"{name} is a number with many values; laws for such treatments are not estimated yet.",
            f"Ask for a contrast of values: do({name}=1), do({name}=0).",
        )
    target = per_row(outcome_values(rows, shape.outcome.numeric, shape.outcome.events))
    weights = policy_weights(policy, rows)  # (rows, states)
    parts: list[tuple[float, Node]] = []
    overlaps = []
    for at, state in enumerate(column.states):
        if not weights[:, at].any():
            continue
        among = column.codes == at
        mean = fold.mean((shape.outcome, name, state), target, names, among)
        parts.append((1.0, multiplied(per_row(weights[:, at]), mean)))
        chance = chance_of(((name, state),), names, None, fold)
        plain = chance.tensor.array
        if names:
            chance = raised(chance, RARE)
        ratio = divided(per_row(weights[:, at] * among), chance)
        if names:
            overlaps.append(Overlap(f"{name} = {state}", plain, weights[:, at], ratio.tensor.array))
        parts.append((1.0, multiplied(ratio, added([(1.0, target), (-1.0, mean)]))))
    return Scored(added(parts), tuple(overlaps))


def policy_weights(policy: Policy, rows: Rows) -> Array:
    """Weight of each state of the treatment in each row, shape (rows, states).

    Raises
    ------
    Unanswered
        For an unspecified law.
    """
    states = rows.columns[policy.of.name].states
    if policy.law is None:
        raise Unanswered("The intervention's law q is unspecified.", "Name it: do(A ~ Bernoulli(0.5)).")
    names = [one.name for one in policy.given]
    if not names:
        return np.tile([policy.law.weight(state, states, {}) for state in states], (rows.size, 1))
    found, index = np.unique(np.stack([_numbers(rows, name) for name in names], axis=1), axis=0, return_inverse=True)
    table = np.empty((len(found), len(states)))
    for place, numbers in enumerate(found.tolist()):
        covariates = {name: _state(rows, name, number) for name, number in zip(names, numbers, strict=True)}
        table[place] = [policy.law.weight(state, states, covariates) for state in states]
    return table[index.reshape(-1)]


def _numbers(rows: Rows, name: str) -> Array:
    column = rows.columns[name]
    return column.values if column.codes is None else column.codes.astype(np.float64)


def _state(rows: Rows, name: str, number: float) -> State:
    column = rows.columns[name]
    return number if column.codes is None else column.states[int(number)]


def _words(settings: Sequence[Setting]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings)
