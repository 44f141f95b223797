"""Scores of averages in which something is set at different states in different laws.

``Σ_Z P(Z, A=1) E[Y | Z, A=0] / P(A=1)`` is what the treated would have had without treatment;
``Σ_{C,M} P(C) P(M | C, A=0) E[Y | C, M, A=1]`` a mediator as it is without treatment and an outcome
as it is with it; ``Σ_X P(X | S=2) E[Y | X, A=1, S=1]`` a trial's effect carried to a survey, S being
the study. With V_<j all that came before stage j, s_j what is set there (nothing: probability one),
J what comes about with the first stage, Q_j the mean of what comes and e(s | V) the probability of
a setting, the score of a row is

    Q_0 + 1{s_0} / e(s_0) * (1{J} Q_1 - Q_0)
    + sum over stages j > 0 of  1{s_j} / e(s_j | V_<j) * e(s_0, J | V_0) / e(s_0)
                                * prod over 0 < i < j of e(s_i | V_<=i) / e(s_i | V_<i)
                                * (Q_{j+1} - Q_j)

where ratios of laws are ratios of probabilities of settings, by Bayes' rule (Hahn, Econometrica
66(2) 1998, for the treated; Tchetgen Tchetgen and Shpitser, The Annals of Statistics 40(3) 2012,
for mediators; Dahabreh et al., Statistics in Medicine 39(14) 2020, for studies). Its mean is right
when either all Q or all e are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umbel.estimate.crossfit import Fold, Mask, per_row
from umbel.estimate.flat import meeting, outcome_values
from umbel.estimate.overlap import RARE, Overlap
from umbel.estimate.sequences import Scored, chance_of
from umbel.estimate.shapes import Setting, Switched
from umbel.expr.nodes import Policy
from umbel.numerics.adjoint import Node, added, divided, multiplied, raised
from umbel.variable import State


def switched_scores(shape: Switched, fold: Fold) -> Scored:
    """Score every row by what a fold's training rows teach.

    Raises
    ------
    Unanswered
        For settings of a number without states, or at a value that no row has.
    """
    rows = fold.rows
    among = meeting(shape.where, rows)
    here = [among & meeting(_states(stage.settings), rows) for stage in shape.stages]
    means = _means(shape, fold, here)
    first = shape.stages[0].settings
    start = multiplied(per_row(meeting(shape.joint, rows)), means[1])
    scores, weight = start, per_row(np.ones(rows.size))
    if first:
        level = fold.mean((shape, "start"), start, (), here[0], behind=True)
        weight = divided(weight, _chance(first, (), fold, among))
        scores = added([(1.0, level), (1.0, multiplied(_times(here[0], weight), added([(1.0, start), (-1.0, level)])))])
    if first or shape.joint:
        weight = multiplied(weight, _chance((*first, *shape.joint), shape.history(1), fold, among))
    overlaps = []
    for at in range(1, len(shape.stages)):
        settings = shape.stages[at].settings
        before, plain = weight.tensor.array, _chance(settings, shape.history(at), fold, among)
        weight = divided(weight, raised(plain, RARE))
        own = _times(here[at], weight)
        words = f"{_words(settings)}{_among(shape)}"
        overlaps.append(Overlap(words, plain.tensor.array, before * among, own.tensor.array))
        scores = added([(1.0, scores), (1.0, multiplied(own, added([(1.0, means[at + 1]), (-1.0, means[at])])))])
        if at + 1 < len(shape.stages):
            weight = multiplied(weight, _chance(settings, shape.history(at + 1), fold, among))
    return Scored(multiplied(per_row(among), scores) if shape.where else scores, tuple(overlaps))


def _means(shape: Switched, fold: Fold, here: Sequence[Mask]) -> list[Node]:
    """Q of each stage, from the outcome backwards; the first stage's own stays unlearnt."""
    outcome = per_row(outcome_values(fold.rows, shape.outcome.numeric, shape.outcome.events))
    last = len(shape.stages)
    means = [outcome] * (last + 1)
    for at in range(last - 1, 0, -1):
        key = (shape.outcome, shape.stages[at:], shape.where)
        means[at] = fold.mean(key, means[at + 1], shape.history(at), here[at], behind=at < last - 1)
    return means


def _chance(settings: Sequence[Setting], names: Sequence[str], fold: Fold, among: Mask) -> Node:
    """Probability of settings given variables, one setting after the other."""
    result = per_row(np.ones(fold.rows.size))
    for setting in settings:
        result = multiplied(result, chance_of((setting,), names, None if among.all() else among, fold))
        among = among & meeting(_states((setting,)), fold.rows)
    return result


def _states(settings: Sequence[Setting]) -> list[tuple[str, State]]:
    return [(name, state) for name, state in settings if not isinstance(state, Policy)]


def _times(mask: Mask, node: Node) -> Node:
    return multiplied(per_row(mask), node)


def _words(settings: Sequence[Setting]) -> str:
    return ", ".join(f"{name} = {state}" for name, state in settings)


def _among(shape: Switched) -> str:
    """For whom a setting is asked about, where other states tell that."""
    others = (*shape.where, *shape.stages[0].settings, *shape.joint)
    return f" for those with {_words(others)}" if others else ""
