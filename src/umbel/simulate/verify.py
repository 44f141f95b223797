"""Proof by comparison: an estimand against the true interventional quantity, exactly.

Flat estimands meet random discrete models of the user's graph. Nested ones are checked in three
parts: (i) each rewriting of a reader is an identity on random tables inside a unit; (ii) the
lowered graph passes the flat comparison; (iii) finite populations whose laws reach the
intervention give the truth end to end. A "no" is checked by a program of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

import numpy as np

from umbel.expr.build import remeant, substituted
from umbel.expr.nodes import AtState, Expr, Held, Meaning, Raw, Slot, Symbol, Value
from umbel.expr.unmixing import Unmixing
from umbel.graph.mixed import NO_FACTS
from umbel.identification.certificate import is_proof
from umbel.identification.conflicts import are_witnesses
from umbel.identification.doses import sameness
from umbel.model.proof import Road
from umbel.model.task import Task, Treatment
from umbel.results.check import Check
from umbel.results.verdict import Identified, Unidentified
from umbel.simulate.comparison import flat_gap
from umbel.simulate.discrete import TooLarge
from umbel.simulate.macros import macro_gap
from umbel.simulate.nested import population_gap, reading_gap
from umbel.simulate.networks import network_gaps
from umbel.simulate.standstill import MOVES, moves
from umbel.simulate.truth import question_gap, worlds_gap
from umbel.simulate.unmix import unmixing_gaps
from umbel.simulate.witness import differing_pair

TOLERANCE = 1e-10
"""Enumeration in float64 of a few thousand states leaves errors near 1e-15."""
MODELS = 3
"""Random models per comparison: an error survives one model with probability zero."""


def verify(verdict: Identified | Unidentified, *, rng: np.random.Generator | None = None) -> Check:
    """Check a verdict; see :meth:`umbel.results.verdict.Identified.verify`."""
    rng = np.random.default_rng(0) if rng is None else rng
    if isinstance(verdict, Unidentified):
        if verdict.proof.worlds:
            return _verify_worlds(verdict, rng)
        return _verify_by_example(verdict, rng) or _verify_hedges(verdict)
    gaps: list[float] = []
    parts: dict[str, None] = {}
    try:
        for part, gap in _gaps(verdict, rng):
            parts[part] = None
            gaps.append(gap)
    except TooLarge:
        return Check("verify", False, None, "Not compared: the laws that it reads have too many states to enumerate.")
    worst = max(gaps, default=0.0)
    passed = bool(worst <= TOLERANCE)
    words = ", ".join(parts) or "nothing to compare"
    return Check(
        "verify", passed, worst, f"Compared: {words}." if passed else f"The estimand is wrong. Compared: {words}."
    )


def _gaps(verdict: Identified, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Name and largest error of each comparison: of the finished estimand, where models can pose the question."""
    if any(plate.network for plate in verdict.proof.graph.plates) and not verdict.proof.roads:
        yield from network_gaps(verdict, rng)
        return
    if verdict.proof.graph.aggregates and not verdict.proof.roads:
        for _ in range(MODELS):
            yield "realisations in random models", macro_gap(verdict, rng)
        return
    if isinstance(verdict.estimand.unmixing, Unmixing):
        for _ in range(MODELS):
            yield from unmixing_gaps(verdict, rng)
    if all(plate < 0 for plate in verdict.proof.graph.plate_of) or not verdict.proof.roads:
        found = [question_gap(verdict, rng) for _ in range(MODELS)]
        if None not in found:
            yield from (("flat models", gap) for gap in found if gap is not None)
            return
    for road in verdict.proof.roads:
        yield from gaps_of(road, rng)
    for worlds in verdict.proof.worlds:
        yield "worlds beside each other", worlds_gap(worlds, rng)


def _verify_by_example(verdict: Unidentified, rng: np.random.Generator) -> Check | None:
    """Two models where blocks matter: there a hedge alone is no proof in print; None where none were found."""
    if not any(road.flat is not None and road.flat.under is not None for road in verdict.proof.roads):
        return None
    pair = differing_pair(verdict.proof, verdict.question, rng)
    if pair is None:
        return None
    words = f"Two models of the graph have one observed law and answers that differ by {pair.answers:.2g}."
    return Check("two models", True, pair.answers, words)


def _verify_hedges(verdict: Unidentified) -> Check:
    flats = [road.flat for road in verdict.proof.roads if road.flat is not None and road.expr is None]
    count = sum(len(flat.hedges) for flat in flats)
    route = verdict.certificate.kind == "route"
    if route and (not count or any(not flat.complete for flat in flats)):
        return Check("route", True, None, "A no by this route: there is no proof to check.")
    return Check("hedge", bool(flats) and all(map(is_proof, flats)), None, f"Hedges checked: {count}.")


def _verify_worlds(verdict: Unidentified, rng: np.random.Generator) -> Check:
    """Show that what some counterfactual asks can move while everything observed stands still."""
    stuck = next((worlds for worlds in verdict.proof.worlds if worlds.expr is None), None)
    if stuck is None:
        return _verify_hedges(verdict)
    share = moves(stuck, rng)
    if share is not None and share > MOVES:
        return Check(
            "standstill", True, share, "In a random model all that is observed stands still and the answer moves."
        )
    if not stuck.complete:
        return Check("route", True, share, "A no by this route: there is no proof to check.")
    if share is None:
        words = "The laws have too many states to compare models; the form of the witnesses was checked."
        return Check("conflict", are_witnesses(stuck), None, words)
    return Check("standstill", False, share, "In random models the answer stands still with all that is observed.")


def gaps_of(road: Road, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Name and largest error of each comparison that a road allows."""
    if all(plate < 0 for plate in road.task.graph.plate_of):
        for _ in range(MODELS):
            yield "flat models", flat_gap(road.task, _expr(road), rng)
        if road.flat_task is not None:
            yield "flat models", flat_gap(*plain(road), rng)
        return
    for lowering in road.lowerings:
        for _ in range(MODELS):
            yield "identities inside the unit", reading_gap(lowering, rng)
    if road.lowerings:
        for _ in range(MODELS):
            yield "the lowered graph", lowered_gap(road, rng)
    for _ in range(MODELS):
        gap = population_gap(road, rng)
        if gap is not None:
            yield "finite populations", gap


def _expr(road: Road) -> Expr:
    assert road.expr is not None
    return road.expr


def lowered_gap(road: Road, rng: np.random.Generator) -> float:
    """(ii) The lowered graph as an ordinary graph: laws become discrete variables."""
    task, expr = plain(road)
    return flat_gap(task, expr, rng)


def plain(road: Road) -> tuple[Task, Expr]:
    """The flat end of a road with raw variables in place of laws, and each treatment free.

    Where a source used some doses only, the treatment stays at its value; equal values become
    equal states.
    """
    task, expr = road.flat_task, road.flat_expr
    assert task is not None and expr is not None
    graph = replace(task.graph, plates=(), plate_of=(-1,) * len(task.graph.names), facts=NO_FACTS)
    names: dict[Meaning, Meaning] = {meaning: Raw(graph.names[i]) for i, meaning in enumerate(task.meanings)}
    codes: dict[Hashable, int] = {}

    def coded(value: Value) -> AtState:
        key = sameness(value)
        return AtState(codes.setdefault((value,) if key is None else key, len(codes)))

    limited = {node for sight in task.sources for node, _ in sight.doses}
    treatments: list[Treatment] = []
    held: dict[Symbol, Slot] = {}
    for treatment in task.treatments:
        symbol = Symbol(Raw(graph.names[treatment.node]))
        value = treatment.value
        if value is None:
            treatments.append(treatment)
        elif treatment.node in limited and not isinstance(value, Symbol):
            treatments.append(replace(treatment, value=coded(value)))
            held[symbol] = Held(symbol, coded(value))
        else:
            treatments.append(replace(treatment, value=symbol))
    sources = tuple(
        replace(sight, doses=tuple((node, tuple(map(coded, doses))) for node, doses in sight.doses))
        for sight in task.sources
    )
    raw = tuple(Raw(name) for name in graph.names)
    expr = substituted(remeant(expr, lambda meaning: names.get(meaning, meaning)), held)
    return replace(task, graph=graph, meanings=raw, treatments=tuple(treatments), sources=sources), expr
