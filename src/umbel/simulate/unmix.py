"""Unmixing checked in random models: the class recovered from its views against the class itself.

Two parts. The estimand, read with the class visible, against the effect under intervention within
each class; and the law of class, treatment and outcome, recovered from what is observed, against
the model's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from umbel.expr.evaluate import evaluate
from umbel.expr.unmixing import Unmixing
from umbel.graph.mixed import Graph
from umbel.numerics.arm_moments import moments_of_cells
from umbel.numerics.joint_diagonal import jointly_diagonal
from umbel.numerics.operators import operators_of
from umbel.numerics.tables import Array, Table
from umbel.results.verdict import Identified
from umbel.simulate.discrete import DiscreteModel, random_model

ATTEMPTS = 12
"""Random models that are looked at; the one whose proxies tell the classes apart best is used."""


def unmixing_gaps(verdict: Identified, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Name and largest error of each part, in one random model."""
    unmixing = verdict.estimand.unmixing
    assert isinstance(unmixing, Unmixing)
    graph = verdict.proof.graph
    model = _telling(graph, unmixing, rng)
    if unmixing.by_class:
        yield "effects within classes", _estimand_gap(verdict, unmixing, model)
    yield "the class from its views", _views_gap(graph, unmixing, model)


def _sizes(graph: Graph, unmixing: Unmixing) -> dict[str, int]:
    """Enough states of every proxy for the classes."""
    k = unmixing.classes or 2
    declared = {graph.names[node]: len(domain) for node, domain in graph.facts.domains}
    sizes = {name: max(k, 2) for name in (*unmixing.z, *unmixing.x)}
    arms = {unmixing.treatment: 2}
    return sizes | arms | declared | {unmixing.latent: k}


def _telling(graph: Graph, unmixing: Unmixing, rng: np.random.Generator) -> DiscreteModel:
    found, best = None, -1.0
    for _ in range(ATTEMPTS):
        model = random_model(replace(graph, plates=(), plate_of=()), rng=rng, sizes=_sizes(graph, unmixing))
        weakest = min(
            float(operators_of(moments_of_cells(law, _values(law)), unmixing.classes or 2).arm_singular.min())
            for _, law in _laws(graph, unmixing, model)
        )
        if weakest > best:
            found, best = model, weakest
    assert found is not None
    return found


def _laws(graph: Graph, unmixing: Unmixing, model: DiscreteModel) -> Iterator[tuple[tuple[int, ...], Array]]:
    """The observed law of the views within each stratum, shape (z, x, y, t)."""
    nodes = [graph.index(name) for name in (*unmixing.strata, *unmixing.z, *unmixing.x)]
    joint = model.joint([*nodes, graph.index(unmixing.outcome), graph.index(unmixing.treatment)])
    width = len(unmixing.strata)
    for stratum in np.ndindex(*joint.shape[:width]):
        part = joint[stratum]
        z = int(np.prod(part.shape[: len(unmixing.z)]))
        yield stratum, part.reshape(z, -1, *part.shape[-2:])


def _values(law: Array) -> Array:
    return np.arange(law.shape[2], dtype=np.float64)[None]


def _views_gap(graph: Graph, unmixing: Unmixing, model: DiscreteModel) -> float:
    """Unmixed probabilities and means within strata against the model's own."""
    order = [*unmixing.strata, unmixing.outcome, unmixing.treatment, unmixing.latent]
    joint = model.joint([graph.index(name) for name in order])
    worst = 0.0
    for stratum, law in _laws(graph, unmixing, model):
        truth = joint[stratum] / joint[stratum].sum()  # (y, t, u)
        values = _values(law)[0]
        means = np.einsum("y,ytu->tu", values, truth) / truth.sum(0)
        shares = truth.sum((0, 1))
        operators = operators_of(moments_of_cells(law, values[None]), unmixing.classes or 2)
        if unmixing.level == 4:
            for arm in range(law.shape[3]):
                worst = max(worst, abs(operators.average(arm) - float(shares @ means[arm])))
            continue
        found = jointly_diagonal(operators)
        if found is None:
            return float("inf")
        mine, own = np.argsort(found.means[0, 0]), np.argsort(means[0])
        worst = max(worst, float(np.abs(found.means[:, 0][:, mine] - means[:, own]).max()))
        worst = max(worst, float(np.abs(found.probabilities[mine] - shares[own]).max()))
    return worst


def _estimand_gap(verdict: Identified, unmixing: Unmixing, model: DiscreteModel) -> float:
    """The estimand on the law with the class visible, against interventions within classes."""
    graph = verdict.proof.graph
    visible = [*dict.fromkeys((unmixing.latent, *unmixing.views))]
    domains = dict(verdict.estimand.domains)
    labels = {name: domains[name] for name in visible if name in domains}
    table = Table(visible, model.joint([graph.index(name) for name in visible]), labels)
    found = evaluate(verdict.estimand.body, table, verdict.estimand.axes, plates=()).array
    treatment, outcome = graph.index(unmixing.treatment), graph.index(unmixing.outcome)
    states = domains.get(unmixing.treatment, tuple(range(model.sizes[treatment])))
    truth = np.zeros(len(found))
    for weight, state in unmixing.contrast:
        point = np.eye(len(states))[states.index(state)]
        law = model.intervened(treatment, (), point).joint([outcome, graph.index(unmixing.latent)])
        numbers = domains.get(unmixing.outcome, tuple(range(len(law))))
        truth += weight * np.array([float(number) for number in numbers]) @ law / law.sum(0)
    return float(np.abs(found - truth).max())
