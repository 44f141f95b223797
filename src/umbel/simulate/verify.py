"""Proof by comparison: an estimand against the true interventional quantity, exactly.

Flat estimands meet random discrete models of the user's graph. Nested ones are checked in three
parts: (i) each rewriting of a reader is an identity on random tables inside a unit; (ii) the
lowered graph passes the flat comparison; (iii) finite populations whose laws reach the
intervention give the truth end to end. A "no" is checked by a program of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from umbel.expr.build import remeant
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import Expr, Meaning, Policy, Raw, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure
from umbel.identification.certificate import is_hedge
from umbel.identification.nested import flat_route, solve
from umbel.model.proof import Road
from umbel.model.task import Collapse, Lowered, Piece, Task, Treatment
from umbel.numerics.tables import Array, Factor, Table, contract
from umbel.results.check import Check
from umbel.results.verdict import Identified, Unidentified
from umbel.simulate.discrete import DiscreteModel, TooLarge, random_law, random_model
from umbel.simulate.plated import PlatedModel, piece_table
from umbel.simulate.populations import ActualPolicy, reaching_population
from umbel.simulate.standstill import MOVES, moves
from umbel.simulate.truth import question_gap, worlds_gap

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
    hedges = [
        is_hedge(road.flat.graph, hedge.outer, hedge.inner, road.flat.outcomes | road.flat.reads, road.flat.treated)
        for road in verdict.proof.roads
        if road.flat is not None
        for hedge in road.flat.hedges
    ]
    return Check("hedge", bool(hedges) and all(hedges), None, f"Hedges checked: {len(hedges)}.")


def _verify_worlds(verdict: Unidentified, rng: np.random.Generator) -> Check:
    """Show that what some counterfactual asks can move while everything observed stands still."""
    for worlds in verdict.proof.worlds:
        if worlds.expr is None:
            share = moves(worlds, rng)
            if share is None:
                return Check("standstill", False, None, "Not compared: the observed laws have too many states.")
            passed = share > MOVES
            words = "stands still, and the answer moves" if passed else "stands still, and so does the answer"
            return Check("standstill", passed, share, f"In a random model all that is observed {words}.")
    return _verify_hedges(verdict)


def gaps_of(road: Road, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Name and largest error of each comparison that a road allows."""
    if all(plate < 0 for plate in road.task.graph.plate_of):
        for _ in range(MODELS):
            yield "flat models", flat_gap(road, rng)
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


def flat_gap(road: Road, rng: np.random.Generator) -> float:
    """Largest error of a flat estimand of ``P(outcome)`` in one random model."""
    task = road.task
    treatment = task.treatment
    start = task.outcomes | (1 << treatment.node | treatment.reads if treatment else 0)
    relevant = closure(start, task.graph.parents, task.graph.everything)
    model = random_model(task.graph, rng=rng, sizes=_random_sizes(task.graph, rng), within=relevant)
    joint = _observed(model, relevant)
    (outcome,) = bits(task.outcomes)
    if task.treatment is None:
        return _gap(evaluate(_expr(road), joint, task.symbols(task.outcomes), plates=()).array, model.joint([outcome]))
    node = task.treatment.node
    own = solve(soft(task)) if road.flat is not None else road
    policy = ActualPolicy.random(task, dict(enumerate(model.sizes)), rng)
    truth = model.intervened(node, policy.reads, policy.mechanism).joint([outcome])
    laws = {task.graph.names[node]: policy.table}
    found = evaluate(_expr(own), joint, task.symbols(task.outcomes), plates=(), laws=laws)
    worst = _gap(found.array, truth)
    if task.treatment.policy is None and road.flat is not None and road.flat_expr is not None:
        worst = max(worst, _held_gap(road, model, joint, outcome, node))
    return worst


def _held_gap(road: Road, model: DiscreteModel, joint: Table, outcome: int, node: int) -> float:
    """Error of the estimand with the treatment held at each of its states."""
    task = road.task
    axes = (*task.symbols(task.outcomes), *task.symbols(1 << node))
    assert road.flat_expr is not None
    found = evaluate(road.flat_expr, joint, axes, plates=()).array
    states = range(model.sizes[node])
    truths = [model.intervened(node, (), np.eye(model.sizes[node])[state]).joint([outcome]) for state in states]
    return _gap(found, np.stack(truths, axis=-1))


def _random_sizes(graph: Graph, rng: np.random.Generator) -> dict[str, int]:
    """Two states mostly, three for some: identification holds for every number of states."""
    small = len(graph.names) <= 7
    return {name: 3 if small and rng.uniform() < 0.3 else 2 for name in graph.names}


def _expr(road: Road) -> Expr:
    assert road.expr is not None
    return road.expr


def _gap(found: Array, truth: Array) -> float:
    difference = np.abs(found - truth)
    return float("inf") if np.isnan(difference).any() else float(difference.max(initial=0.0))


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
        worst = max(worst, _gap(contract(factors, axes), direct))
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
    return _gap(np.broadcast_to(found, shape), piece_table(part, graph, members, tables))


def lowered_gap(road: Road, rng: np.random.Generator) -> float:
    """(ii) The lowered graph as an ordinary graph: laws become discrete variables."""
    task, flat = road.flat_task, road.flat
    assert task is not None and flat is not None and road.flat_expr is not None
    graph = task.graph
    plain = replace(graph, plates=(), plate_of=(-1,) * len(graph.names))
    relevant = task.outcomes | (1 << task.treatment.node if task.treatment else 0)
    relevant = closure(relevant, graph.parents, graph.everything)
    model = random_model(plain, rng=rng, within=relevant)
    names: dict[Meaning, Meaning] = {meaning: Raw(graph.names[i]) for i, meaning in enumerate(task.meanings)}
    expr = remeant(road.flat_expr, lambda meaning: names.get(meaning, meaning))
    outcomes = list(bits(task.outcomes))
    axes = [Symbol(Raw(graph.names[node])) for node in outcomes]
    joint = _observed(model, relevant)
    if task.treatment is None or not flat.treated:
        return _gap(evaluate(expr, joint, axes).array, model.joint(outcomes))
    node = task.treatment.node
    found = evaluate(expr, joint, [*axes, Symbol(Raw(graph.names[node]))]).array
    truths = [model.intervened(node, (), np.eye(2)[state]).joint(outcomes) for state in range(2)]
    return _gap(found, np.stack(truths, axis=-1))


def _observed(model: DiscreteModel, relevant: int) -> Table:
    visible = [node for node in bits(relevant) if not model.hidden >> node & 1]
    return Table([model.names[node] for node in visible], model.joint(visible))


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
        return _gap(evaluate(road.expr, table, axes, plates=plates).array, model.outcome(outcome))
    name = task.graph.names[treatment.node]
    if policy is not None:
        truth = model.outcome(outcome, {treatment.node: (policy.reads, policy.mechanism)})
        found = evaluate(road.expr, table, axes, plates=plates, laws={name: policy.table}).array
        return _gap(found, truth)
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
    return _gap(found, np.stack(truths, axis=-1))


def _free(task: Task) -> Treatment:
    assert task.treatment is not None
    return Treatment(task.treatment.node, value=Symbol(task.meanings[task.treatment.node]))
