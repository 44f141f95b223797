"""One member per unit obeys the graph with the plates erased, where nothing reads a plate.

Proof. Let no edge run from a plate to a variable outside it, among the ancestors of the outcome
(and what a policy reads). Order the unit's variables first. Given them, the members' mechanisms
``Q[v | pa(v)]`` are drawn independently, each from a law that its own unit parents fix
(Definition 3), so one member of the unit has the law

    E[ Π_v Q[v | pa_S(v)](x_v | x_pa_S(v)) | x_U ] = Π_v E[ Q[v | pa_S(v)](x_v | x_pa_S(v)) | x_pa_U(v) ],

and the right side is a product of conditionals ``p(x_v | x_pa(v))``. With the factors of the unit's
own variables this is a model of the erased graph, hidden variables among them. An intervention
replaces one factor on both sides. So what is identified in the erased graph from the law of
(unit variables, one member), pooled over units, is identified here. An edge from a plate to a unit
variable would break it: that variable reads the law of all members, and with the member's own
value it shares more than the edge. Inside deeper plates the same holds level by level.

The tests below compare the route's own estimand with enumeration, and find that it never beats
the collapse: a hedge inside the unit is a hedge of the erased graph, so for treatments inside the
plate its "yes" is one inside the unit too. For those outside it is seen on random graphs.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.oracles.nested.brute import Do, blueprint, random_model
from umbel.expr.evaluate import evaluate
from umbel.expr.nodes import Policy, Symbol
from umbel.graph.mixed import Graph
from umbel.graph.parse import parse_graph
from umbel.graph.walks import ancestors
from umbel.identification.nested import flat_route, solve
from umbel.model.task import Task, Treatment

TOLERANCE = 1e-10
Q = np.array([0.35, 0.65])


def random_downward(dice: random.Random) -> Graph:
    """Unit variables first: nothing outside reads the plate."""
    members = list("ABCD"[: dice.randint(1, 4)])
    units = [f"V{i}" for i in range(dice.randint(0, 2))]
    order = [*units, *dice.sample(members, len(members))]
    edges = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :] if dice.random() < 0.45]
    bidirected = {tuple(sorted(dice.sample(order, 2))) for _ in range(dice.randint(0, 2)) if len(order) > 1}
    hidden = []
    if dice.random() < 0.4:
        hidden.append("H")
        edges += [("H", child) for child in dice.sample(members, min(2, len(members)))]
    if dice.random() < 0.5:
        edges += [("U", child) for child in dice.sample(order, min(2, len(order)))]
    lines = [f"plate s {{ {' '.join(members + hidden)} }}", *units, *(f"{a} -> {b}" for a, b in edges)]
    lines += [f"{a} <-> {b}" for a, b in sorted(bidirected)]
    lines += [f"latent {name}" for name in ("H", "U") if any(name == a for a, _ in edges)]
    return parse_graph("; ".join(lines))


def tasks(graph: Graph) -> list[Task]:
    """Every effect of one observed variable on another that it causes."""
    visible = [node for node in range(len(graph.names)) if not graph.latent >> node & 1]
    meanings = Task.of(graph, 0).meanings
    found = []
    for outcome in visible:
        for node in visible:
            if node != outcome and ancestors(graph, 1 << outcome) >> node & 1:
                soft = Treatment(node, policy=Policy(meanings[node], (), None))  # type: ignore[arg-type]
                hard = Treatment(node, value=Symbol(meanings[node]))
                found.append(Task.of(graph, 1 << outcome, soft if graph.plate_of[node] >= 0 else hard))
    return found


def checked(task: Task, seed: int) -> bool:
    """Whether the flat route identifies; it must be right, and the collapse must identify too."""
    road = flat_route(task)
    if road is None or road.expr is None:
        return False
    assert solve(task).expr is not None, f"only the flat route identifies: {task.graph.text()}"
    graph, treatment = task.graph, task.treatment
    assert treatment is not None
    model = random_model(blueprint(graph), np.random.default_rng(seed))
    name, outcome = graph.names[treatment.node], graph.names[task.outcomes.bit_length() - 1]
    axes = task.symbols(task.outcomes)
    if treatment.policy is not None:
        do = Do(name, (), Q)
        found = evaluate(road.expr, model.table(), axes, plates=("s",), laws={name: do.law()}).array
        truth = model.law(outcome, do)
    else:
        axes = (*axes, *task.symbols(1 << treatment.node))
        found = evaluate(road.expr, model.table(), axes, plates=("s",)).array
        truth = np.stack([model.law(outcome, Do.hold(name, state, 2)) for state in range(2)], axis=-1)
    assert np.abs(found - truth).max() < TOLERANCE, f"{graph.text()}: {name} -> {outcome}"
    return True


def test_one_member_obeys_the_erased_graph() -> None:
    dice = random.Random(9)
    effects = [task for _ in range(60) for task in tasks(random_downward(dice))]
    assert sum(checked(task, seed) for seed, task in enumerate(effects)) > 60


def test_three_levels() -> None:
    graph = parse_graph("plate class { plate pupil { A M Y } C }; latent U; U -> { C A Y }; C -> A -> M -> Y; A <-> Y")
    (effect,) = (
        task
        for task in tasks(graph)
        if task.treatment and graph.names[task.treatment.node] == "A" and task.outcomes == graph.mask(["Y"])
    )
    road = flat_route(effect)
    assert road is not None
    assert road.expr is not None
    model = random_model(blueprint(graph), np.random.default_rng(0))
    laws = {"A": Do("A", (), Q).law()}
    found = evaluate(road.expr, model.table(), effect.symbols(effect.outcomes), plates=("class", "pupil"), laws=laws)
    assert np.abs(found.array - model.law("Y", Do("A", (), Q))).max() < TOLERANCE


@pytest.mark.parametrize(
    "text",
    [
        "plate s { A Y }; A -> V -> Y; A -> Y",
        "plate s { A Y }; latent V; A -> V -> Y",
        "plate s { A }; A -> Y",
    ],
)
def test_no_flat_route_through_a_variable_that_reads_the_plate(text: str) -> None:
    graph = parse_graph(text)
    assert all(
        flat_route(task) is None
        for task in tasks(graph)
        if task.outcomes == graph.mask(["Y"]) and task.treatment and graph.names[task.treatment.node] == "A"
    )


def test_the_flat_reading_would_be_wrong_there() -> None:
    """Peers share V: one member's A and Y do not show what V does."""
    graph = parse_graph("plate s { A Y }; A -> V -> Y; A -> Y")
    few, many = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    atoms = {"A": np.stack([few, many]), "Y": np.stack([[few, few], [many, many]])}
    model = random_model(blueprint(graph), np.random.default_rng(1), atoms=atoms)
    table = model.table()
    joint = table.marginal(("A", "V", "Y")).array
    flat = np.einsum(
        "a,av,avy->y",
        many,
        joint.sum(axis=2) / joint.sum(axis=(1, 2))[:, None],
        joint / joint.sum(axis=2, keepdims=True),
    )
    assert np.abs(flat - model.law("Y", Do("A", (), many))).max() > 0.005
