"""Nested estimands against the truth: identities inside a unit, and finite populations end to end.

Where one plate holds members, a population of unit types is built whose laws reach what the
estimand reads; each source shows it after what the source set, at its doses, with the rows that it
kept. Deeper plates rest on the identities at each level and on the lowered graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from umbel.expr.build import remeant
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import AtState, Certain, Policy, Raw, Symbol, Value
from umbel.graph.mixed import bits
from umbel.identification.nested import flat_route, solve_given
from umbel.model.proof import Road
from umbel.model.task import Collapse, Lowered, Piece, Sight, Task, Treatment, raw_meaning
from umbel.numerics.tables import Array, Factor, Table, contract
from umbel.simulate.comparison import largest_error
from umbel.simulate.discrete import random_law
from umbel.simulate.plated import PlatedModel, piece_table
from umbel.simulate.populations import ActualPolicy, reaching

ATTEMPTS = 48
"""Populations tried before none is said to reach the intervention's law."""

Replaced = dict[int, tuple[tuple[int, ...], Array]]
"""For each treated member what its new mechanism reads, and its table."""


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
            worst = max(worst, _formula_gap(part, record, tables, sizes, rng))
        for node in bits(rest):
            factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
        worst = max(worst, largest_error(contract(factors, axes), direct))
    return worst


def _formula_gap(
    part: Piece, record: Collapse, tables: Mapping[int, Array], sizes: Mapping[int, int], rng: np.random.Generator
) -> float:
    """A law's formula on the unit's observed law against the integral of its mechanisms."""
    graph, members = record.graph, record.members
    assert part.law is not None
    visible = [node for node in bits(members) if not graph.latent >> node & 1]
    fixed = sum(sight.do for sight in record.sources if sight.index == part.source)
    factors: list[Factor] = []
    for node in bits(members):
        if fixed >> node & 1:  # a trial's units: nothing but its lot decides
            factors.append((random_law([sizes[node]], rng), [node]))
        else:
            factors.append((tables[node], [*bits(graph.parents[node] & members), node]))
    joint = Table([f"v{node}" for node in visible], contract(factors, visible))
    place = {record.meanings[node]: Raw(f"v{node}", record.plate) for node in bits(members)}
    formula = remeant(part.law.formula, lambda meaning: place.get(meaning, meaning))
    order = [*bits(part.given), *bits(part.of)]
    axes = [Symbol(Raw(f"v{node}", record.plate)) for node in order]
    found = evaluate(formula, joint, axes).array
    shape = [sizes[node] for node in order]
    return largest_error(np.broadcast_to(found, shape), piece_table(part, graph, members, tables))


def population_gap(road: Road, rng: np.random.Generator) -> float | None:
    """(iii) Error in one finite population that reaches the interventions' laws; None if none is built."""
    task = road.task
    levels = {task.graph.plate_path(node) for node in range(len(task.graph.names))} - {()}
    if len(levels) != 1 or any(len(level) > 1 for level in levels) or _kept_inside(task) or any(task.graph.neighbours):
        return None
    for posed in (replace(task, treatments=tuple(_posed(task, one) for one in task.treatments)), task):
        own = road if posed == task else solve_given(posed) if road.lowerings else flat_route(posed)
        if own is not None and own.expr is not None:
            break
    else:
        return None
    gap: float | None = None
    for attempt in range(ATTEMPTS):
        built = reaching(own, rng, attempt, _fixed(posed))
        if built is not None:
            gap = _population_error(own, *built, rng)
            if gap != float("inf"):  # else the formula reads more than this population reaches
                return gap
    # What a trial leaves of a population may reach too little, which is no error of the formula.
    return None if task.sources else gap


def _kept_inside(task: Task) -> bool:
    """Whether some source kept rows by what varies inside units: it shows nothing."""
    return any(task.graph.plate_of[node] >= 0 for sight in task.sources for node in bits(sight.kept_by))


def _posed(task: Task, treatment: Treatment) -> Treatment:
    """A treatment as populations meet it: an open law for a member, every value for a unit's variable."""
    meaning = task.meanings[treatment.node]
    assert isinstance(meaning, Raw)
    if task.graph.plate_of[treatment.node] < 0:
        return Treatment(treatment.node, value=Symbol(meaning))
    given = tuple(raw_meaning(task.graph, node) for node in bits(treatment.reads))
    policy = Policy(meaning, given, None)
    return Treatment(treatment.node, policy=policy, reads=treatment.reads)


def _fixed(task: Task) -> dict[int, Array]:
    """The mechanisms of treated members whose law the question fixes."""
    found: dict[int, Array] = {}
    for treatment in task.treatments:
        if task.graph.plate_of[treatment.node] < 0:
            continue
        policy = treatment.policy
        if policy is not None and policy.law is not None:
            found[treatment.node] = _weights(policy)
        elif isinstance(treatment.value, AtState):
            found[treatment.node] = _weights(treatment.value)
    return found


def _weights(value: Value) -> Array:
    """A constant law on the two states of a member."""
    match value:
        case AtState(state):
            return np.asarray(np.eye(2)[1 if state == 1 else 0])
        case Certain(AtState() as inner):
            return _weights(inner)
        case Policy(law=law) if law is not None:
            return np.array([law.weight(state, (0, 1), {}) for state in (0, 1)])
        case _:
            raise AssertionError(f"{value} is no constant law")


def _population_error(
    road: Road, model: PlatedModel, policies: Mapping[int, ActualPolicy], rng: np.random.Generator
) -> float:
    """Error of an estimand in one population: every value of outcomes, conditions and free treatments."""
    task = road.task
    assert road.expr is not None
    graph = task.graph
    outcomes, given = list(bits(task.outcomes)), list(bits(task.given))
    swept = [one.node for one in task.treatments if isinstance(one.value, Symbol)]
    held = {
        one.node: 1 if one.value.state == 1 else 0
        for one in task.treatments
        if isinstance(one.value, AtState) and graph.plate_of[one.node] < 0
    }
    replaced: Replaced = {node: (policy.reads, policy.mechanism) for node, policy in policies.items()}
    truths = []
    for values in product(*(range(model.sizes[node]) for node in swept)):
        joint = model.joint([*outcomes, *given], replaced, held | dict(zip(swept, values, strict=True)))
        truths.append(joint / joint.sum(axis=tuple(range(len(outcomes))), keepdims=True))
    shape = [model.sizes[node] for node in swept]
    truth = np.stack(truths, axis=-1).reshape(*truths[0].shape, *shape)
    tables = [_table(model, sight, policies, rng) for sight in task.sources] or [model.table()]
    axes = tuple(Symbol(task.meanings[node]) for node in (*outcomes, *given, *swept))
    laws = {graph.names[node]: policy.table for node, policy in policies.items()}
    plates = tuple(plate.name for plate in graph.plates)
    return largest_error(evaluate(road.expr, tables, axes, plates=plates, laws=laws).array, truth)


def _open_laws(model: PlatedModel, node: int) -> list[Array]:
    """The laws that units show of a member, with nothing hidden inside them to decide: what a lot may deal."""
    hidden = tuple(1 + i for i, p in enumerate(model.inside(node)) if model.graph.latent >> p & 1)
    return list(model.atoms[node].mean(axis=hidden, keepdims=True))


def _table(model: PlatedModel, sight: Sight, policies: Mapping[int, ActualPolicy], rng: np.random.Generator) -> Table:
    """What one source shows of a population."""
    doses = dict(sight.doses)
    for node in bits(sight.do):
        if model.members >> node & 1:
            inside = [model.sizes[p] for p in model.inside(node)]
            spare = model.sizes[node] - 2  # members may have more states here than the doses speak of
            laws = (
                [np.pad(_weights(dose), (0, spare)) for dose in doses[node]]
                if node in doses
                else _open_laws(model, node)
            )
            if not laws:  # one that nobody knows
                laws = [random_law([model.sizes[node]], rng)]
            if node in policies and node not in doses:
                policy = policies[node]
                shape = [n if p in policy.reads else 1 for p, n in zip(model.inside(node), inside, strict=True)]
                laws.append(policy.mechanism.reshape([*shape, model.sizes[node]]))
            atoms = np.stack([np.broadcast_to(law, [*inside, model.sizes[node]]) for law in laws])
            model = model.dealt(node, atoms)
        else:
            weights = rng.uniform(0.5, 1.0, size=model.sizes[node])
            if node in doses:
                states = [dose.state for dose in doses[node] if isinstance(dose, AtState)]
                weights = weights * [state in states for state in range(model.sizes[node])]
            model = model.dealt(node, weights / weights.sum())
    kept = rng.uniform(0.1, 1.0, size=[model.sizes[node] for node in bits(sight.kept_by)])
    return model.table(seen=sight.seen, kept=([*bits(sight.kept_by)], kept))
