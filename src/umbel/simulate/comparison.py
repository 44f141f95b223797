"""A flat estimand against the truth in random discrete models: for tasks, where questions are not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product as combinations

import numpy as np

from umbel.expr.build import rebuilt
from umbel.expr.evaluate import answered
from umbel.expr.nodes import AtState, Drawn, Expr, Raw, Symbol
from umbel.graph.mixed import bits
from umbel.graph.segregated import anterior
from umbel.identification.doses import support
from umbel.model.task import Task
from umbel.numerics.tables import Array, Table
from umbel.simulate.discrete import DiscreteModel, random_law, random_model
from umbel.simulate.shown import shown_by
from umbel.variable import State

States = Mapping[int, tuple[State, ...]]
"""The states of each node of a graph."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A random model of a task's graph, with states for its nodes and laws for its open policies."""

    task: Task
    model: DiscreteModel
    states: States
    policies: Mapping[int, Array]

    @staticmethod
    def random(task: Task, rng: np.random.Generator) -> Trial:
        """Draw one."""
        states = _states(task, rng)
        sizes = {name: len(states[node]) for node, name in enumerate(task.graph.names)}
        start = task.outcomes | task.given | task.treated
        for treatment in task.treatments:
            start |= treatment.reads
        for sight in task.sources:
            start |= sight.kept_by
        model = random_model(task.graph, rng=rng, sizes=sizes, within=anterior(task.graph, start))
        policies = {
            treatment.node: _random_policy(task, treatment.node, states, rng)
            for treatment in task.treatments
            if treatment.policy is not None
        }
        return Trial(task, model, states, policies)

    def laws(self) -> dict[str, Table]:
        """The open laws as tables, keyed by treatment."""
        graph = self.task.graph
        found: dict[str, Table] = {}
        for treatment in self.task.treatments:
            if treatment.policy is not None:
                names = [graph.names[node] for node in (treatment.node, *bits(treatment.reads))]
                found[graph.names[treatment.node]] = Table(names, np.moveaxis(self.policies[treatment.node], -1, 0))
        return found

    def truth(self) -> Array:
        """``P(outcomes | do(treatments), given)``; axes: outcomes, conditions, then free treatments."""
        task, model = self.task, self.model
        swept = []
        for treatment in task.treatments:
            node = treatment.node
            if treatment.policy is not None:
                model = model.intervened(node, tuple(bits(treatment.reads)), self.policies[node])
            elif isinstance(treatment.value, AtState):
                model = model.intervened(node, (), self._point(node, treatment.value.state))
            else:
                swept.append(node)
        outcomes, given = list(bits(task.outcomes)), list(bits(task.given))
        parts = []
        for values in combinations(*(self.states[node] for node in swept)):
            held = model
            for node, value in zip(swept, values, strict=True):
                held = held.intervened(node, (), self._point(node, value))
            joint = held.joint([*outcomes, *given])
            parts.append(joint / joint.sum(axis=tuple(range(len(outcomes))), keepdims=True))
        shape = [len(self.states[node]) for node in swept]
        return np.stack(parts, axis=-1).reshape(*parts[0].shape, *shape)

    def axes(self) -> tuple[Symbol, ...]:
        """Symbols in the order of :meth:`truth`."""
        task = self.task
        swept = [t.node for t in task.treatments if t.policy is None and not isinstance(t.value, AtState)]
        nodes = [*bits(task.outcomes), *bits(task.given), *swept]
        return tuple(Symbol(Raw(task.graph.names[node])) for node in nodes)

    def _point(self, node: int, state: State) -> Array:
        return np.asarray(np.eye(len(self.states[node]))[self.states[node].index(state)])


def flat_gap(task: Task, expr: Expr, rng: np.random.Generator) -> float:
    """Largest error, in one random model, of the estimand of a task whose nodes are raw variables.

    Parameters
    ----------
    task
        On a graph without plates.
    expr
        ``P(outcomes | do(treatments), given)``; a treatment that is held at a value is held in it.
    """
    trial = Trial.random(task, rng)
    states = {name: trial.states[node] for node, name in enumerate(task.graph.names)}
    shown = shown_by(trial.model, states, task.graph, task.sources, trial.laws(), rng)
    found = answered(opened(expr), shown, trial.axes()).array
    return largest_error(found, trial.truth())


def largest_error(found: Array, truth: Array) -> float:
    """Largest difference; infinite where the estimand is undefined."""
    difference = np.abs(found - truth)
    return float("inf") if np.isnan(difference).any() else float(difference.max(initial=0.0))


def opened(expr: Expr) -> Expr:
    """The same estimand with every law that it draws from left open, so that any may be tried."""
    if isinstance(expr, Drawn):
        return Drawn(replace(expr.policy, law=None), expr.of, expr.given)
    return rebuilt(expr, opened)


def _random_policy(task: Task, node: int, states: States, rng: np.random.Generator) -> Array:
    """A random law for a treatment, on the doses alone where some source used only some."""
    treatment = next(one for one in task.treatments if one.node == node)
    assert treatment.policy is not None
    law = random_law([*(len(states[i]) for i in bits(treatment.reads)), len(states[node])], rng)
    reached = support(treatment.policy)
    if reached is not None and any(node == at for sight in task.sources for at, _ in sight.doses):
        law = law * [state in reached for state in states[node]]
    return np.asarray(law / law.sum(axis=-1, keepdims=True))


def _states(task: Task, rng: np.random.Generator) -> dict[int, tuple[State, ...]]:
    """States that hold every value that is named; two mostly, three for some nodes of small graphs."""
    graph = task.graph
    named: dict[int, dict[State, None]] = {node: {} for node in range(len(graph.names))}
    for node, domain in graph.facts.domains:
        named[node] |= dict.fromkeys(domain.states)
    domains = {node for node, _ in graph.facts.domains}
    for treatment in task.treatments:
        if isinstance(treatment.value, AtState):
            named[treatment.node][treatment.value.state] = None
    for sight in task.sources:
        for node, doses in sight.doses:
            named[node] |= dict.fromkeys(dose.state for dose in doses if isinstance(dose, AtState))
    small = len(graph.names) <= 7
    found: dict[int, tuple[State, ...]] = {}
    for node, known in named.items():
        size = 3 if small and rng.uniform() < 0.3 else 2
        spare = () if node in domains else tuple(i for i in range(size + len(known)) if i not in known)
        states = (*known, *spare[: max(size - len(known), 0)])
        numbers = not any(isinstance(state, str) for state in states)
        found[node] = tuple(sorted(states, key=float)) if numbers else states
    return found
