"""Random plated graphs, Theorem 12 by its own words, and populations that reach an intervention's law."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.oracles.nested.brute import Blueprint, Do, Model, blueprint, random_model
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph
from umbel.results.verdict import Identified
from umbel.simulate.populations import reaching_population

MEMBERS = "ABCDEF"
ATTEMPTS = 48


@dataclass(frozen=True)
class Case:
    """A graph with a question about one treatment and one outcome."""

    text: str
    question: str
    treatment: str
    outcome: str
    reads: tuple[str, ...] = ()

    @property
    def graph(self) -> Graph:
        """The parsed graph."""
        return parse_graph(self.text)


def random_case(dice: random.Random, *, plain: bool = False, largest: int = 16) -> Case:
    """A random hierarchical graph in which the treatment causes the outcome.

    Two to five members, none to two unit variables, one to four latents.

    Parameters
    ----------
    dice
        Source of the graph.
    plain
        The paper's setting: hidden unit variables without parents, every member observed, no
        ``<->`` and an unconditional law.
    largest
        Most variables, hidden ones and those behind ``<->`` among them.
    """
    while True:
        case = _attempt(dice, plain)
        if case is not None and len(blueprint(case.graph).order) <= largest:
            return case


def _attempt(dice: random.Random, plain: bool) -> Case | None:
    members = list(MEMBERS[: dice.randint(2, 5)])
    units = [f"V{i}" for i in range(dice.randint(0, 2))]
    visible = [*members, *units]
    dice.shuffle(visible)
    hidden_members = [] if plain else [f"H{i}" for i in range(dice.choice([0, 0, 0, 1, 2]))]
    latents = [f"U{i}" for i in range(dice.randint(1, 4))]
    density = dice.choice([0.25, 0.4, 0.55])
    edges = [(a, b) for i, a in enumerate(visible) for b in visible[i + 1 :] if dice.random() < density]
    for name in [*hidden_members, *latents]:
        children = dice.sample(visible, min(len(visible), dice.choice([2, 2, 3])))
        edges += [(name, child) for child in children]
        if not plain and dice.random() < 0.3:
            first = min(visible.index(child) for child in children)
            if first:
                edges.append((visible[dice.randrange(first)], name))
    bidirected: list[tuple[str, str]] = []
    if not plain:
        for _ in range(dice.choice([0, 0, 0, 1, 2])):
            a, b = dice.sample(visible, 2)
            if (a, b) not in bidirected and (b, a) not in bidirected:
                bidirected.append((a, b))
    causes = {name: _causes(edges, name) for name in visible}
    inside = dice.random() < 0.85
    pairs = [
        (a, y) for y in visible for a in causes[y] if a in (members if inside else units) and a != y and a in visible
    ]
    if not pairs:
        return None
    treatment, outcome = dice.choice(sorted(pairs))
    if inside and dice.random() < 0.35 and len(members) < 5:
        members.append("Z")
        edges.append(("Z", treatment))
        if not plain and dice.random() < 0.3:
            edges.append((dice.choice([*units, *latents]), "Z"))
    if _cyclic(edges):
        return None
    reads: tuple[str, ...] = ()
    if inside and not plain and dice.random() < 0.3:
        own = [a for a, b in edges if b == treatment and a in members]
        if own:
            reads = (dice.choice(sorted(own)),)
    lines = [f"plate s {{ {' '.join([*members, *hidden_members])} }}"]
    lines += [f"latent {', '.join([*hidden_members, *latents])}"]
    lines += units
    lines += [f"{a} -> {b}" for a, b in dict.fromkeys(edges)]
    lines += [f"{a} <-> {b}" for a, b in bidirected]
    if inside:
        question = (
            f"P({outcome} | do({treatment} ~ q({', '.join(reads)})))"
            if reads
            else f"P({outcome} | do({treatment} ~ q))"
        )
    else:
        question = f"P({outcome} | do({treatment}))"
    return Case("; ".join(lines), question, treatment, outcome, reads)


def _causes(edges: list[tuple[str, str]], of: str) -> set[str]:
    seen, stack = {of}, [of]
    while stack:
        name = stack.pop()
        for a, b in edges:
            if b == name and a not in seen:
                seen.add(a)
                stack.append(a)
    return seen


def _cyclic(edges: list[tuple[str, str]]) -> bool:
    return any(a in _causes([edge for edge in edges if edge != (a, b)], a) and b in _causes(edges, a) for a, b in edges)


def theorem_12(case: Case) -> int:
    """Which condition of Theorem 12 holds: 1, 2, or 0 for neither or outside the theorem.

    The instrument is the *parentless* member whose only child is the treatment: the paper's
    "X^v has no parents" names the wrong one. Hidden members and hidden variables with parents are
    outside the theorem.
    """
    plan = blueprint(case.graph)
    if not plan.path[case.treatment]:
        return 0
    keep = plan.ancestors([case.outcome])
    hidden = plan.hidden & keep
    if any(plan.path[name] or plan.parents[name] for name in hidden):
        return 0
    reached, frontier = {case.treatment}, [case.treatment]
    while frontier:
        name = frontier.pop()
        for cause in plan.parents[name]:
            for child in keep - hidden if cause in hidden else ():
                if cause in plan.parents[child] and child not in reached:
                    reached.add(child)
                    frontier.append(child)
    direct = _direct_unit_descendants(plan, keep, case.treatment)
    if not reached & direct:
        return 1
    for name in sorted(keep - hidden - {case.treatment}):
        children = [child for child in keep if name in plan.parents[child]]
        if plan.path[name] and not plan.parents[name] and children == [case.treatment]:
            return 2
    return 0


def _direct_unit_descendants(plan: Blueprint, keep: frozenset[str], name: str) -> set[str]:
    """Unit variables that a directed path through members alone reaches."""
    found: set[str] = set()
    stack, seen = [name], {name}
    while stack:
        at = stack.pop()
        for child in keep:
            if at in plan.parents[child] and child not in seen:
                seen.add(child)
                if plan.path[child]:
                    stack.append(child)
                else:
                    found.add(child)
    return found


def reaching(verdict: Identified, case: Case, rng: np.random.Generator) -> Iterator[tuple[Model, Do]]:
    """Finite populations whose laws inside units reach the intervention, each with the intervention.

    Only the tables inside units come from ``umbel.simulate``; the rest is drawn here.
    """
    (road,) = verdict.proof.roads
    plan = blueprint(case.graph)
    if not plan.path[case.treatment]:
        yield random_model(plan, rng), Do.hold(case.treatment, 0, 2)
    for attempt in range(ATTEMPTS if plan.path[case.treatment] else 0):
        built = reaching_population(road, rng, attempt)
        if built is None:
            continue
        given, policy = built
        assert policy is not None
        names = given.graph.names
        sizes = {name: given.sizes[names.index(name)] for name in plan.order}
        atoms = {}
        for node, table in given.atoms.items():
            reads = [names[p] for p in given.inside(node)]
            wanted = plan.read_at(names[node], 0)
            for axis in reversed([i for i, read in enumerate(reads) if read not in wanted]):
                table = table.take(0, 1 + axis)  # what the policy alone reads: no unit varies with it
                del reads[axis]
            atoms[names[node]] = np.transpose(table, [0, *(1 + reads.index(read) for read in wanted), table.ndim - 1])
        do = Do(case.treatment, tuple(names[i] for i in policy.reads), policy.mechanism)
        yield random_model(plan, rng, sizes=sizes, atoms=atoms), do


def error(verdict: Identified, model: Model, do: Do, outcome: str) -> float:
    """Largest distance of the estimand from the truth; infinite where it is undefined."""
    found = verdict.estimand.evaluate(model.table(), laws={do.name: do.law()})
    truth = model.law(outcome, do)
    if do.name in found.axes:  # do(A): every value
        held = [Do.hold(do.name, state, model.sizes[do.name]) for state in range(model.sizes[do.name])]
        truth = np.stack([model.law(outcome, one) for one in held], axis=-1)
    gap = np.abs(found.array - truth)
    return float("inf") if np.isnan(gap).any() else float(gap.max())


def end_to_end(verdict: Identified, case: Case, rng: np.random.Generator) -> float:
    """The estimand's error in the first population in which it is defined; infinite where none is found."""
    gaps = (error(verdict, model, do, case.outcome) for model, do in reaching(verdict, case, rng))
    return next((gap for gap in gaps if gap < float("inf")), float("inf"))
