"""Bounds of a question from studies: the engine that fits, its certificate, its sampling interval.

Complete records: the likeliest law of every component gives the right-hand side (always feasible),
linear programs or branch and bound the ends, and a likelihood region the interval. Records that tie
the components together are left to EM, whose bounds are inner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from umbel.errors import DataError, shown
from umbel.estimate.bounds_arrays import Block, Codes, Patterns, Records, blocks_of, patterns_of, polynomial_of
from umbel.estimate.bounds_em import inner
from umbel.estimate.bounds_exact import Conditions, Ends, Undefined, ends
from umbel.estimate.bounds_region import Seen, region
from umbel.estimate.bounds_restarts import restarted
from umbel.estimate.compatibility import ALL, DOUBT, REJECT, Disagreement, disagreements, holm, impossible
from umbel.model.programme import Limit, Programme
from umbel.numerics.interior import likeliest
from umbel.numerics.multilinear import slope
from umbel.numerics.polytope import Polytope
from umbel.results.check import Check
from umbel.results.value import Bounds

Array = NDArray[np.float64]

GAP = 1e-3
"""Certified likelihood gap, in nats, at which a restart counts as converged."""
INNER = "Inner bounds: the models found lie within the true interval, which may be wider."

REFERENCES = (
    "M. Zaffalon, A. Antonucci, D. Huber, R. Cabañas. Learning to bound counterfactual inference in structural "
    "causal models from observational and randomised data. 2023.",
    "A. Balke, J. Pearl. Counterfactual probabilities: computational methods, bounds and applications. UAI 1994.",
)


@dataclass(frozen=True, slots=True)
class BoundsMethod:
    """How to bound.

    Parameters
    ----------
    level
        Of the sampling interval.
    engine
        "programs" (exact or certified) or "em" (causal expectation maximisation, inner).
    restarts
        Of EM.
    seconds
        Time for certifying each end of a multilinear question.
    despite_incompatibility
        Bounds of the nearest compatible law, where studies contradict the model.
    bootstrap
        Samples at most for each test of compatibility; 0: not tested.
    """

    level: float = 0.95
    engine: Literal["programs", "em"] = "programs"
    restarts: int = 60
    seconds: float = 20.0
    despite_incompatibility: bool = False
    bootstrap: int = ALL


@dataclass(frozen=True, slots=True, eq=False)
class BoundsFound:
    """Bounds, how they were reached, and doubts about them.

    Parameters
    ----------
    bounds
        The numbers.
    engine
        What found them.
    checks
        Compatibility, convergence.
    witnesses
        Laws of every component at the attained ends; empty for EM.
    remarks
        What a reader should know.
    """

    bounds: Bounds
    engine: str
    checks: tuple[Check, ...] = ()
    witnesses: tuple[tuple[Array, ...], ...] = field(default=())
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incompatible:
    """No model of the graph made these data: which component, which studies.

    ``text`` is the certificate in words; ``remedies`` what could be changed.
    """

    text: str
    remedies: tuple[str, ...]
    disagreements: tuple[Disagreement, ...] = ()


def bound(
    programme: Programme,
    studies: Sequence[Records],
    *,
    rng: np.random.Generator,
    method: BoundsMethod = BoundsMethod(),
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
    numerator, denominator = (polynomial_of(one, blocks) for one in (programme.numerator, programme.denominator))
    if any(one.selected is not None for one in studies) or not all(_factorises(blocks, one) for one in studies):
        return _by_em(programme, blocks, studies, rng, method)
    patterns = [patterns_of(block, studies) for block in blocks]
    for block, its in zip(blocks, patterns, strict=True):
        record = impossible(its)
        if record is not None:
            return Incompatible(_impossible_text(programme, block, record), ("Correct the equation or the record.",))
    tests = _tests(blocks, studies, rng, method.bootstrap)
    clash = _clash(programme, studies, tests)
    if clash is not None and not method.despite_incompatibility:
        return clash
    checks = (_compatibility(programme, studies, tests, clash),)
    if method.engine == "em":
        several = any(len(block.component.groups) > 1 for block in blocks)
        found = (_by_em if several else _by_restarts)(programme, blocks, studies, rng, method)
        return BoundsFound(found.bounds, found.engine, (*checks, *found.checks), (), found.remarks)
    conditions = [_conditions(programme, at, blocks, its) for at, its in enumerate(patterns)]
    for at, one in enumerate(conditions):
        if len(one.lower) and not _feasible(one):
            names = programme.labels(programme.components[at])
            return Incompatible(
                f"No law of {names} meets both the data and the declared inequalities: "
                f"{'; '.join(limit.text for limit in programme.limits)}.",
                ("Drop an inequality.",),
            )
    try:
        exact = ends(numerator, denominator, conditions, rng=rng, seconds=method.seconds)
    except Undefined:
        raise DataError("The condition of the question has probability 0 in these data, so it is undefined.") from None
    several = any(len(block.component.groups) > 1 for block in blocks)
    sampled = [one for one in studies if not one.population]
    interval = None
    if sampled and not programme.limits:
        seen = [Seen(its.rows, its.counts) for its in patterns]
        low, high = region(numerator, denominator, seen, exact.witnesses, level=method.level)
        slack = (exact.attained[0] - exact.lower, exact.upper - exact.attained[1])  # not attained, and not excluded
        interval = (min(low - slack[0], exact.lower), max(high + slack[1], exact.upper))
    kind: Literal["sharp", "outer"] = "sharp" if exact.closed and programme.exact and not several else "outer"
    attained = exact.attained if not several else None
    bounds = Bounds(exact.lower, exact.upper, kind, attained, interval)
    return BoundsFound(bounds, exact.engine, checks, exact.witnesses, _remarks(programme, exact, several))


def _factorises(blocks: Sequence[Block], study: Records) -> bool:
    """Whether a study's records are rows of each component on its own."""
    if study.selected is not None:
        return False
    reads = [set(block.reads(study.do)) for block in blocks]
    holes = {node for node in set().union(*reads) if (study.codes[:, node] < 0).any()} if reads else set()
    if not holes:
        return True
    return len(blocks) == 1 and holes <= set(blocks[0].active(study.do))


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


def _tests(
    blocks: Sequence[Block], studies: Sequence[Records], rng: np.random.Generator, most: int
) -> tuple[Disagreement, ...]:
    if not most or not studies or not all(one.complete for one in studies):
        return ()
    return disagreements(blocks, studies, rng=rng, most=most)


def _clash(programme: Programme, studies: Sequence[Records], tests: Sequence[Disagreement]) -> Incompatible | None:
    """The verdict of the tests, after Holm."""
    adjusted = holm([one.p for one in tests])
    worst = [one for one, p in zip(tests, adjusted, strict=True) if p < REJECT]
    if not worst:
        return None
    told = sorted(worst, key=lambda one: (len(one.studies), -one.ratio))[0]
    names = [studies[study].name for study in told.studies]
    variables = programme.labels(programme.components[told.component])
    who = f"{names[0]} alone" if len(names) == 1 else " and ".join(names)
    how = "no law of them" if told.p == 0.0 else f"likelihood ratio {told.ratio:.3g}, p = {told.p:.2g}"
    text = f"The model cannot give what {who} says of {variables} ({how})."
    if len(names) > 1:
        text += " The studies disagree: each may fit the graph, together they do not."
    return Incompatible(
        text,
        ("Look whether the studies drew from one population.", "Add the arrows or hidden causes that the graph lacks."),
        tuple(worst),
    )


def _compatibility(
    programme: Programme, studies: Sequence[Records], tests: Sequence[Disagreement], clash: Incompatible | None
) -> Check:
    if not tests:
        return Check("compatibility", True, None, "Not tested.")
    lowest = min(tests, key=lambda one: one.p)
    if clash is not None:
        return Check("compatibility", False, lowest.p, f"{clash.text} Bounds are those of the nearest compatible law.")
    if lowest.p < DOUBT:
        names = " and ".join(studies[study].name for study in lowest.studies)
        variables = programme.labels(programme.components[lowest.component])
        return Check("compatibility", False, lowest.p, f"{names} fit the graph poorly in {variables}.")
    return Check("compatibility", True, lowest.p, "The studies fit the graph, and each other.")


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


def _by_restarts(
    programme: Programme,
    blocks: tuple[Block, ...],
    studies: Sequence[Records],
    rng: np.random.Generator,
    method: BoundsMethod,
) -> BoundsFound:
    numerator, denominator = (polynomial_of(one, blocks) for one in (programme.numerator, programme.denominator))
    patterns = [patterns_of(block, studies) for block in blocks]
    found = restarted(numerator, denominator, blocks, patterns, restarts=method.restarts, rng=rng)
    share = float((found.gaps <= GAP).mean())
    ends = found.interval(GAP) or found.interval(np.inf)
    assert ends is not None
    advice = f"{share:.0%} of {method.restarts} restarts came within {GAP:g} nats of the largest likelihood."
    check = Check("convergence", share >= 0.5, share, advice)
    return BoundsFound(Bounds(*ends, "inner", ends), "causal EM", (check,), (), (INNER, *programme.remarks))


def _by_em(
    programme: Programme,
    blocks: tuple[Block, ...],
    studies: Sequence[Records],
    rng: np.random.Generator,
    method: BoundsMethod,
) -> BoundsFound:
    numerator, denominator = (polynomial_of(one, blocks) for one in (programme.numerator, programme.denominator))
    found = inner(numerator, denominator, blocks, studies, restarts=method.restarts, rng=rng)
    total = sum(one.total for one in studies)
    scale = total if not any(one.population for one in studies) else 1000.0 * total
    best = float(found.likelihoods.max())
    behind = best - found.likelihoods
    reached = behind <= 0.1 * max(1.0, total / scale) if total else behind <= 0.1
    values = found.values[reached]
    low, high = float(values.min()), float(values.max())
    share = float(reached.mean())
    check = Check(
        "convergence",
        share >= 0.5,
        share,
        f"{share:.0%} of {method.restarts} restarts reached the best likelihood found.",
    )
    return BoundsFound(Bounds(low, high, "inner", (low, high)), "causal EM", (check,), (), (INNER, *programme.remarks))
