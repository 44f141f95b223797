"""Bounds of a question from studies: the engine that fits, its certificate, its sampling interval.

Complete records: the likeliest law of every component gives the right-hand side (always feasible),
linear programs or branch and bound the ends, and a likelihood region the interval. Records that tie
the components together are left to EM, whose bounds are inner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, shown
from umbel.estimate.bounds_arrays import Block, Codes, Patterns, Records, blocks_of, patterns_of, polynomial_of
from umbel.estimate.bounds_bootstrap import bootstrapped
from umbel.estimate.bounds_box import Box, box_of, nearest, standard_errors, within
from umbel.estimate.bounds_exact import Conditions, Ends, Undefined, ends
from umbel.estimate.bounds_found import DEFAULTS, EXACT, BoundsFound, BoundsMethod, Incompatible
from umbel.estimate.bounds_inner import by_em, by_restarts
from umbel.estimate.bounds_margins import margins
from umbel.estimate.bounds_region import Seen, region
from umbel.estimate.bounds_selected import selected
from umbel.estimate.compatibility import REJECT, disagreements, impossible
from umbel.estimate.disagreement import agreement, clash
from umbel.model.programme import Limit, Programme
from umbel.numerics.interior import likeliest
from umbel.numerics.multilinear import Polynomial, slope
from umbel.numerics.polytope import Polytope
from umbel.results.check import Check
from umbel.results.value import Bounds, Interval

__all__ = ["REFERENCES", "BoundsFound", "BoundsMethod", "Incompatible", "bound"]

Array = NDArray[np.float64]

REFERENCES = (
    "Zaffalon, Antonucci, Huber and Cabañas. Learning to bound counterfactual inference in structural "
    "causal models from observational and randomised data. 2023.",
    "Balke and Pearl. Counterfactual probabilities: computational methods, bounds and applications. UAI 1994.",
)


def bound(
    programme: Programme,
    studies: Sequence[Records],
    *,
    rng: np.random.Generator,
    method: BoundsMethod = DEFAULTS,
) -> BoundsFound | Incompatible:
    """The sharpest interval for a question that the studies and the graph allow.

    Parameters
    ----------
    programme
        The question; with incomplete records it holds every component of the graph.
    studies
        Records of the programme's variables; none: what the graph alone says.
    rng
        Source of restarts and bootstrap.
    method
        Engine, level, time.

    Raises
    ------
    DataError
        For a condition of probability zero, and models too large for memory.
    """
    blocks = blocks_of(programme)
    if any(one.selected is not None for one in studies):
        found = selected(programme, blocks, studies, rng=rng, method=method) if len(blocks) == 1 else None
        return _untested(found or by_em(programme, blocks, studies, rng, method), studies)
    if not all(_factorises(blocks, one) for one in studies):
        if any(block.given for block in blocks):
            raise DataError("Missing values tie the components of this model together, and it is too large for EM.")
        return _untested(by_em(programme, blocks, studies, rng, method), studies)
    case = _Case(programme, blocks, studies, [patterns_of(block, studies) for block in blocks], method)
    refused = _contradicted(case)
    if refused is not None:
        return refused
    tested = bool(method.bootstrap and studies) and case.whole()
    tests = disagreements(blocks, studies, rng=rng, most=method.bootstrap) if tested else ()
    disagree = clash(programme, studies, tests)
    if disagree is not None and not method.despite_incompatibility:
        return disagree
    checks = agreement(programme, studies, tests, disagree)
    if method.engine == "em":
        inner = (by_em if case.merged() else by_restarts)(programme, blocks, studies, rng, method)
        return BoundsFound(inner.bounds, inner.engine, (*checks, *inner.checks), (), inner.remarks)
    answer = _by_programmes(case, checks, rng)
    return answer if isinstance(answer, Incompatible) or case.whole() else _untested(answer, studies)


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A question whose studies are rows of each component on its own.

    Parameters
    ----------
    blocks, patterns
        One for each component: its states, and what the studies show of it.
    """

    programme: Programme
    blocks: tuple[Block, ...]
    studies: Sequence[Records]
    patterns: Sequence[Patterns]
    method: BoundsMethod

    def whole(self) -> bool:
        """Whether every row holds all that the components read."""
        read = sorted(
            {node for block in self.blocks for node in (*block.reads(), *(given for given, _ in block.given))}
        )
        return not any((one.codes[:, read] < 0).any() for one in self.studies)

    def merged(self) -> bool:
        """Whether independent exogenous variables of a component are one variable here."""
        return any(len(block.component.groups) > 1 for block in self.blocks)

    def population(self) -> bool:
        """Whether what is read is the population itself, which leaves no sampling error."""
        return all(one.population for one in self.studies)


def _contradicted(case: _Case) -> Incompatible | None:
    """The first record that the equations cannot produce."""
    for block, its in zip(case.blocks, case.patterns, strict=True):
        record = impossible(its)
        if record is not None:
            text = _impossible_text(case.programme, block, record)
            return Incompatible(text, ("Correct the equation or the record.",))
    return None


def _by_programmes(case: _Case, checks: tuple[Check, ...], rng: np.random.Generator) -> BoundsFound | Incompatible:
    """Both ends by linear programs or branch and bound, with their interval."""
    programme = case.programme
    boxes = [box_of(block, its, case.studies) for block, its in zip(case.blocks, case.patterns, strict=True)]
    conditions = _meeting_limits(case, boxes)
    if isinstance(conditions, Incompatible):
        return conditions
    top, bottom = (polynomial_of(one, case.blocks) for one in (programme.numerator, programme.denominator))
    try:
        exact = ends(
            top,
            bottom,
            conditions,
            rng=rng,
            seconds=case.method.seconds,
            margins=margins(programme.numerator, case.blocks),
            engine="scip" if case.method.engine == "scip" else "programs",
        )
    except Undefined:
        raise DataError("The condition of the question has probability 0 in these data, so it is undefined.") from None
    interval: Interval | None = None
    if not case.population():
        interval = _interval(case, boxes, conditions, (top, bottom), exact, rng)
    merged = case.merged()
    kind: Literal["sharp", "outer"] = "sharp" if exact.closed and programme.exact and not merged else "outer"
    bounds = Bounds(exact.lower, exact.upper, kind, None if merged else exact.attained, interval)
    remarks = _remarks(programme, exact, merged)
    if case.studies and case.population():
        remarks = (*remarks, EXACT)
    return BoundsFound(bounds, exact.engine, checks, exact.witnesses, remarks)


def _meeting_limits(case: _Case, boxes: Sequence[Box]) -> list[Conditions] | Incompatible:
    """The conditions on each component's law; where the declared inequalities contradict them, the nearest that do not.

    Incompatible where the nearest lies further from the data than sampling error goes.
    """
    programme = case.programme
    found = [_conditions(programme, at, case.blocks, its) for at, its in enumerate(case.patterns)]
    for at, one in enumerate(found):
        if len(one.lower) and not _feasible(one):
            near = nearest(boxes[at], one) if case.whole() else None
            if near is None or near[0] > standard_errors(1.0 - REJECT, _seen(boxes)):
                names = programme.labels(programme.components[at])
                return Incompatible(
                    f"No law of {names} meets both the data and the declared inequalities: "
                    f"{'; '.join(limit.text for limit in programme.limits)}.",
                    ("Drop an inequality.",),
                )
            found[at] = near[1]
    return found


def _seen(boxes: Sequence[Box]) -> int:
    return sum(len(one.seen) for one in boxes)


def _interval(
    case: _Case,
    boxes: Sequence[Box],
    conditions: Sequence[Conditions],
    ratio: tuple[Polynomial, Polynomial],
    exact: Ends,
    rng: np.random.Generator,
) -> Interval | None:
    """The sampling interval, by the method's way, or from a box around the data where inequalities are declared."""
    programme, method = case.programme, case.method
    if programme.limits and case.whole():
        width = standard_errors(method.level, _seen(boxes))
        loose = [within(box, one, width) for box, one in zip(boxes, conditions, strict=True)]
        wide = ends(*ratio, loose, rng=rng, seconds=method.seconds)
        return min(wide.lower, exact.lower), max(wide.upper, exact.upper)
    if programme.limits or method.intervals == "bootstrap":
        return bootstrapped(lambda drawn: _redone(case, ratio, drawn, rng), case.studies, level=method.level, rng=rng)
    return _region(*ratio, case.patterns, exact, method.level)


def _untested(found: BoundsFound, studies: Sequence[Records]) -> BoundsFound:
    """The same, with the doubt that nobody looked whether several studies agree."""
    if len(studies) < 2:
        return found
    advice = "Not tested whether the studies agree: rows miss values, or were kept by a variable."
    return replace(found, checks=(*found.checks, Check("compatibility", False, None, advice)))


def _region(
    top: Polynomial, bottom: Polynomial, patterns: Sequence[Patterns], found: Ends, level: float
) -> tuple[float, float]:
    """The likelihood region's interval; what certified ends exclude no model of is added."""
    seen = [Seen(its.rows, its.counts) for its in patterns]
    low, high = region(top, bottom, seen, found.witnesses, level=level)
    slack = (found.attained[0] - found.lower, found.upper - found.attained[1])  # not attained, and not excluded
    return min(low - slack[0], found.lower), max(high + slack[1], found.upper)


def _redone(
    case: _Case, ratio: tuple[Polynomial, Polynomial], studies: Sequence[Records], rng: np.random.Generator
) -> tuple[float, float] | None:
    """The ends once more, from other records; None where they are undefined or meet no law."""
    patterns = [patterns_of(block, studies) for block in case.blocks]
    conditions = [_conditions(case.programme, at, case.blocks, its) for at, its in enumerate(patterns)]
    if not all(_feasible(one) for one in conditions if len(one.lower)):
        return None
    try:
        found = ends(*ratio, conditions, rng=rng, seconds=case.method.seconds)
    except Undefined:
        return None
    return found.lower, found.upper


def _factorises(blocks: Sequence[Block], study: Records) -> bool:
    """Whether a study's records are rows of each component on its own: each hole is in one of them, and its own."""
    reads = [{*block.reads(study.do), *(node for node, _ in block.given)} for block in blocks]
    holes = {node for node in set().union(*reads) if (study.codes[:, node] < 0).any()} if reads else set()
    for node in holes:
        at = [which for which, one in enumerate(reads) if node in one]
        if len(at) > 1 or node not in blocks[at[0]].active(study.do):
            return False
    return True


def _conditions(programme: Programme, at: int, blocks: Sequence[Block], patterns: Patterns) -> Conditions:
    """The face of likeliest laws: the observed conditional laws where some law has them, else the nearest."""
    seen = patterns.counts > 0
    rows, right = patterns.rows[seen], patterns.saturated[seen]
    if len(rows) and ((patterns.records[seen] < 0).any(axis=0) & (patterns.records[seen] >= 0).any(axis=0)).any():
        right = np.full(len(rows), np.nan)  # rows with holes: no observed conditional laws
    if len(rows) and (np.isnan(right).any() or not Polytope(rows, right).feasible):
        right = likeliest(rows, patterns.counts[seen]).patterns
    limits, lower, upper = _limits(programme.limits, at, blocks)
    return Conditions(rows, right, limits, lower, upper)


def _limits(limits: Sequence[Limit], at: int, blocks: Sequence[Block]) -> tuple[Array, Array, Array]:
    rows, lower, upper = [], [], []
    states = blocks[at].states
    middle = [np.full(block.states, 1.0 / block.states) for block in blocks]
    for limit in limits:
        polynomial = polynomial_of(limit.quantity, blocks)
        if len(polynomial.laws) > 1:
            raise DataError(
                f"The inequality on {shown(limit.text)} reads several components; bounds take those of one."
            )
        if polynomial.laws == (at,):
            rows.append(slope(polynomial, middle, at, states))
            lower.append(max(limit.lower - polynomial.constant, -1e6))
            upper.append(min(limit.upper - polynomial.constant, 1e6))
    shaped = np.array(rows).reshape(len(rows), states)
    return shaped, np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)


def _feasible(one: Conditions) -> bool:
    return Polytope(one.rows, one.right, inequalities=one.limits, lower=one.lower, upper=one.upper).feasible


def _impossible_text(programme: Programme, block: Block, record: Codes) -> str:
    held = [
        f"{programme.names[node]}={programme.domains[node].states[int(code)]}"
        for node, code in enumerate(record)
        if code >= 0
    ]
    names = programme.labels(block.component)
    return f"The equations of {names} cannot produce an observed record: {', '.join(held)}."


def _remarks(programme: Programme, found: Ends, several: bool) -> tuple[str, ...]:
    remarks = [*programme.remarks]
    if not programme.exact:
        remarks.append("Hidden causes that join variables in pairs are merged: the bounds are valid, not sharp.")
    if several:
        remarks.append("Independent exogenous variables of a component are merged: the bounds are valid, not sharp.")
    if not found.closed:
        remarks.append("The certified and the attained ends still differ: more time would bring them closer.")
    return tuple(remarks)
