"""Scores of averages in which one treatment stands at different states: effects on the treated, mediation.

``Σ_Z P(Z, A=1) E[Y | Z, A=0] / P(A=1)`` is what the treated would have had without treatment,
``Σ_{C,M} P(C) P(M | C, A=0) E[Y | C, M, A=1]`` a mediator as it is without treatment and an
outcome as it is with it. With V_<j all that came before stage j, s_j the treatment's state there,
Q_j the mean of what comes and e(s | V) the probability of a state, the score of a row is

    Q_1 + sum over stages of  1{A = s_j} / e(s_j | V_<j)
                              * prod over stages i < j of e(s_i | V_<=i) / e(s_i | V_<i)
                              * (Q_{j+1} - Q_j)

where ratios of laws are ratios of probabilities of the treatment, by Bayes' rule (Tchetgen Tchetgen
and Shpitser, The Annals of Statistics 40(3) 2012, Theorem 1; Hahn, Econometrica 66(2) 1998, for the
treated). Its mean is right when either all Q or all e are.
"""

from __future__ import annotations

import numpy as np

from umbel.estimate.crossfit import Fold, per_row
from umbel.estimate.flat import Unanswered, matches, meeting, outcome_values
from umbel.estimate.overlap import RARE, Overlap
from umbel.estimate.sequences import Scored, chance_of
from umbel.estimate.shapes import Switched
from umbel.numerics.adjoint import Node, added, divided, multiplied, raised
from umbel.variable import State


def switched_scores(shape: Switched, fold: Fold) -> Scored:
    """Score every row by what a fold's training rows teach.

    Raises
    ------
    Unanswered
        For a treatment that is a number without states, or a value that no row has.
    """
    rows = fold.rows
    among = meeting(shape.where, rows)
    column = rows.columns[shape.treatment]
    if column.codes is None:
        raise Unanswered(
            f"{shape.treatment} is a number with many values.", "Give it states, or take the estimator 'kernels'."
        )
    set_at = [_state(shape, at) for at in range(len(shape.stages))]
    here = {state: matches(column, shape.treatment, state) for state in set_at if state is not None}
    outcome = per_row(outcome_values(rows, shape.outcome.numeric, shape.outcome.events))
    means = _means(shape, fold, {state: among * one for state, one in here.items()}, set_at, outcome)
    overlaps = []

    def chance(state: State, stage: int) -> Node:
        """Probability of a state given all that came before a stage."""
        before = among if shape.where else None
        return chance_of(((shape.treatment, state),), shape.history(stage), before, fold)

    first = set_at[0]
    if shape.joint:
        assert first is not None
        scores = multiplied(per_row(here[first]), means[1])
        weight = chance(first, 1)
    elif first is None:
        scores, weight = means[1], per_row(np.ones(rows.size))
    else:
        scores, weight = means[0], per_row(np.ones(rows.size))
    for at in range(1 if shape.joint or first is None else 0, len(shape.stages)):
        state = set_at[at]
        assert state is not None
        before, divisor = weight.tensor.array, chance(state, at)
        weight = divided(weight, raised(divisor, RARE) if shape.history(at) else divisor)
        if shape.history(at):
            words, own = f"{shape.treatment} = {state}{_beside(set_at[:at], shape)}", among * here[state]
            overlaps.append(Overlap(words, divisor.tensor.array, before * among, own * weight.tensor.array))
        step = added([(1.0, means[at + 1]), (-1.0, means[at])])
        scores = added([(1.0, scores), (1.0, multiplied(multiplied(per_row(here[state]), weight), step))])
        if at + 1 < len(shape.stages):
            weight = multiplied(weight, chance(state, at + 1))
    return Scored(multiplied(per_row(among), scores) if shape.where else scores, tuple(overlaps))


def _beside(earlier: list[State | None], shape: Switched) -> str:
    """For whom a state is asked about, where that is told by another state."""
    other = earlier[0]
    return "" if other is None else f" for those with {shape.treatment} = {other}"


def _state(shape: Switched, stage: int) -> State | None:
    return dict(shape.stages[stage].settings).get(shape.treatment)  # type: ignore[return-value]


def _means(
    shape: Switched, fold: Fold, here: dict[State, np.ndarray], set_at: list[State | None], outcome: Node
) -> list[Node]:
    """Q of each stage, from the outcome backwards; a first stage whose rows are averaged themselves stays."""
    last = len(shape.stages)
    means = [outcome] * (last + 1)
    for at in range(last - 1, 0 if shape.joint or set_at[0] is None else -1, -1):
        state = set_at[at]
        assert state is not None
        key = (shape.outcome, shape.treatment, shape.stages[at:], shape.where)
        means[at] = fold.mean(key, means[at + 1], shape.history(at), here[state] > 0.0, behind=at < last - 1)
    return means
