"""Proof by comparison: an estimand against the true interventional quantity, exactly.

Flat estimands meet random discrete models of the user's graph. Nested ones are checked in three
parts: (i) each rewriting of a reader is an identity on random tables inside a unit; (ii) the
lowered graph passes the flat comparison; (iii) finite populations whose laws reach the
intervention give the truth end to end. A "no" is checked by a program of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from umbel.expr.build import remeant, substituted
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import AtState, Expr, Held, Meaning, Policy, Raw, Slot, Symbol, Value
from umbel.expr.unmixing import Unmixing
from umbel.graph.mixed import NO_FACTS, bits
from umbel.identification.certificate import is_proof
from umbel.identification.conflicts import are_witnesses
from umbel.identification.doses import sameness
from umbel.identification.nested import flat_route, solve
from umbel.model.proof import Road
from umbel.model.task import Collapse, Lowered, Piece, Task, Treatment
from umbel.numerics.tables import Array, Factor, Table, contract
from umbel.results.check import Check
from umbel.results.verdict import Identified, Unidentified
from umbel.simulate.comparison import flat_gap, largest_error
from umbel.simulate.discrete import TooLarge, random_law
from umbel.simulate.plated import PlatedModel, piece_table
from umbel.simulate.populations import ActualPolicy, reaching_population
from umbel.simulate.standstill import MOVES, moves
from umbel.simulate.truth import question_gap, worlds_gap
from umbel.simulate.unmix import unmixing_gaps

TOLERANCE = 1e-10
"""Enumeration in float64 of a few thousand states leaves errors near 1e-15."""
MODELS = 3
"""Random models per comparison: an error survives one model with probability zero."""


def verify(verdict: Identified | Unidentified, *, rng: np.random.Generator | None = None) -> Check:
    """Check a verdict; see :meth:`umbel.results.verdict.Identified.verify`."""
    rng = np.random.default_rng(0) if rng is None else rng
    if isinstance(verdict, Unidentified):
        return _verify_worlds(verdict, rng) if verdict.proof.worlds else _verify_hedges(verdict)
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


def _verify_hedges(verdict: Unidentified) -> Check:
    flats = [road.flat for road in verdict.proof.roads if road.flat is not None and road.expr is None]
    count = sum(len(flat.hedges) for flat in flats)
    if any(not flat.complete for flat in flats):
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


def soft(task: Task) -> Task:
    """The task with an unspecified law in place of the treatment's values: the same estimand."""
    treatment = task.treatment
    assert treatment is not None
    meaning = task.meanings[treatment.node]
    assert isinstance(meaning, Raw)
    given = tuple(task.meanings[node] for node in bits(treatment.reads))
    policy = Policy(meaning, given, None)  # type: ignore[arg-type]
    return replace(task, treatments=(Treatment(treatment.node, policy=policy, reads=treatment.reads),))


def _expr(road: Road) -> Expr:
    assert road.expr is not None
    return road.expr


def reading_gap(lowering: Lowered, rng: np.random.Generator) -> float:
    """(i) Every rewriting as an identity on random tables, and every law's formula."""
    record = lowering.record
    graph, members = record.graph, record.members
    sizes = {node: int(rng.integers(2, 4)) for node in bits(members)}
    tables = {
        node: random_law([*(sizes[p] for p in bits(graph.parents[node] & members)), sizes[node]], rng)
        for node in bits(members)
    }
    worst = 0.0
    for how in record.readings:
        factors: list[Factor] = []
        inputs = 0
        for node in bits(how.factors):
            factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
            inputs |= graph.parents[node] & members
        axes = [*bits(inputs & ~how.factors), *bits(how.out)]
        direct = contract(factors, axes)
        rest = how.factors
        factors = []
        for part in how.uses:
            factors.append((piece_table(part, graph, members, tables), [*bits(part.given), *bits(part.of)]))
            rest &= ~part.factors
            worst = max(worst, _formula_gap(part, record, tables, sizes))
        for node in bits(rest):
            factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
        worst = max(worst, largest_error(contract(factors, axes), direct))
    return worst


def _formula_gap(part: Piece, record: Collapse, tables: Mapping[int, Array], sizes: Mapping[int, int]) -> float:
    """A law's formula on the unit's observed law against the integral of its mechanisms."""
    graph, members = record.graph, record.members
    assert part.law is not None
    visible = [node for node in bits(members) if not graph.latent >> node & 1]
    factors: list[Factor] = []
    for node in bits(members):
        factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
    joint = Table([f"v{node}" for node in visible], contract(factors, visible))
    place = {record.meanings[node]: Raw(f"v{node}", record.plate) for node in bits(members)}
    formula = remeant(part.law.formula, lambda meaning: place.get(meaning, meaning))
    order = [*bits(part.given), *bits(part.of)]
    axes = [Symbol(Raw(f"v{node}", record.plate)) for node in order]
    found = evaluate(formula, joint, axes).array
    shape = [sizes[node] for node in order]
    return largest_error(np.broadcast_to(found, shape), piece_table(part, graph, members, tables))


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


def population_gap(road: Road, rng: np.random.Generator) -> float | None:
    """(iii) Error in one finite population that reaches the intervention's law; None if none is built.

    Populations are built for one plate. Deeper plates rest on (i) at each level and (ii).
    """
    task = road.task
    levels = {task.graph.plate_path(node) for node in range(len(task.graph.names))} - {()}
    if len(levels) != 1 or any(len(level) > 1 for level in levels):
        return None
    treated = task.treatment
    inside = treated is not None and task.graph.plate_of[treated.node] >= 0
    own = (solve(soft(task)) if road.lowerings else flat_route(soft(task))) if inside else road
    if own is None or own.expr is None:
        return None
    gap: float | None = None
    for attempt in range(48):
        built = reaching_population(own, rng, attempt)
        if built is not None:
            gap = _population_error(own, *built)
            if gap != float("inf"):  # else the formula reads more than this population reaches
                return gap
    return gap


def _population_error(road: Road, model: PlatedModel, policy: ActualPolicy | None) -> float:
    task = road.task
    (outcome,) = bits(task.outcomes)
    table = model.table()
    plates = tuple(plate.name for plate in task.graph.plates)
    axes = task.symbols(task.outcomes)
    treatment = task.treatment
    assert road.expr is not None
    if treatment is None:
        return largest_error(evaluate(road.expr, table, axes, plates=plates).array, model.outcome(outcome))
    name = task.graph.names[treatment.node]
    if policy is not None:
        truth = model.outcome(outcome, {treatment.node: (policy.reads, policy.mechanism)})
        found = evaluate(road.expr, table, axes, plates=plates, laws={name: policy.table}).array
        return largest_error(found, truth)
    return _unit_treatment_error(road, model, table, plates, outcome)


def _unit_treatment_error(road: Road, model: PlatedModel, table: Table, plates: tuple[str, ...], outcome: int) -> float:
    """The treatment stands outside the plate: compare each of its states."""
    task = road.task
    free = solve(replace(task, treatments=(_free(task),)))
    assert free.expr is not None and task.treatment is not None
    node = task.treatment.node
    axes = (*task.symbols(task.outcomes), *task.symbols(1 << node))
    found = evaluate(free.expr, table, axes, plates=plates).array
    truths = [model.outcome(outcome, {}, {node: state}) for state in range(model.sizes[node])]
    return largest_error(found, np.stack(truths, axis=-1))


def _free(task: Task) -> Treatment:
    assert task.treatment is not None
    return Treatment(task.treatment.node, value=Symbol(task.meanings[task.treatment.node]))
