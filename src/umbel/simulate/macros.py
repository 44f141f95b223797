"""Macro-interventions in random discrete models: the truth by enumeration, realisation by realisation.

The parts of a total get few numeric states, the total is their map, and the question is asked again at
a value that the total can have. A shift keeps each unit's own causes: its truth is a law of two worlds
beside each other, the unit as it was and the unit moved.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from umbel.errors import InputError
from umbel.expr.evaluate import evaluate
from umbel.expr.macros import MacroTerm
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.identification.macro_forms import form_of
from umbel.model.formula import Constant
from umbel.model.policy import Levers, Natural, Perfect, Point, Realisation, Shift
from umbel.model.query import Event, Expectation, Held, Probability, Question, Realised
from umbel.model.source import OBSERVATIONAL, Experiment
from umbel.numerics.tables import Array, Table
from umbel.results.verdict import Identified
from umbel.simulate.counterfactual import events_law, structural
from umbel.simulate.discrete import DiscreteModel, TooLarge, random_model
from umbel.structure.macro import micro_parts, without_totals

MOST_PARTS = 5
"""Most parts that vary: their states multiply."""


def macro_gap(verdict: Identified, rng: np.random.Generator) -> float:
    """Largest error of a macro estimand in one random model, over its terms.

    Raises
    ------
    TooLarge
        For sources that kept some rows or used some doses: they are not drawn here.
    """
    graph, sources = verdict.proof.graph, verdict.proof.experiments or (OBSERVATIONAL,)
    if any(one.selected or one.doses for one in sources):
        raise TooLarge  # no table of these sources is drawn here
    terms = [term for term in verdict.question.terms() if isinstance(term, Probability | Expectation)]
    return max((_gap(graph, term, sources, rng) for term in terms), default=0.0)


def _gap(
    graph: Graph, term: Probability | Expectation, sources: tuple[Experiment, ...], rng: np.random.Generator
) -> float:
    item = next((one for one in term.do if isinstance(one, Realised)), None)
    if item is None:
        return 0.0
    world = World.drawn(graph, item.name, rng)
    posed = _posed(item, world)
    mean = Expectation(Event(term.outcomes[0].variable), (posed,))
    found = identify_question(graph, Question.of(mean), sources)
    if not isinstance(found, Identified):
        raise InputError(f"{mean} is not identified where {term} is.")
    form = form_of(graph, mean)
    estimand = found.estimand
    try:
        tables = [world.table(one) for one in sources]
        value = float(evaluate(estimand.body, tables, (), domains=estimand.domains).array)
    except InputError:
        return math.inf
    outcome = term.outcomes[0].variable
    asked = _term_of(posed, world) if form is None else form.terms[0]
    truth = world.truth(asked, outcome)
    return abs(value - truth) / max(1.0, abs(truth))


def _posed(item: Realised, world: World) -> Realised:
    """The same kind of realisation, at a value and in proportions that the model's states hold."""
    last = world.parts[-1]
    by: Realisation
    match item.by:
        case Natural():
            by = item.by
        case Perfect():
            by = Perfect(((last, 1.0),))
        case Shift() | Levers():
            by = Shift(((last, 1.0),))
        case Point():
            by = Point(tuple((name, Constant(value)) for name, value in zip(world.parts, world.middle, strict=True)))
    return Realised(item.name, world.value, by)


def _term_of(item: Realised, world: World) -> MacroTerm:
    value = float(world.value)
    match item.by:
        case Natural(given):
            return MacroTerm(1.0, value, "natural", within=given)
        case Point():
            return MacroTerm(1.0, value, "point", point=tuple(map(float, world.middle)))
        case _:
            step = (*(0.0 for _ in world.parts[:-1]), 1.0 / world.weights[-1])
            return MacroTerm(1.0, value, "perfect" if isinstance(item.by, Perfect) else "shift", direction=step)


class World:
    """One random model of the micro graph, with numeric parts of one total."""

    def __init__(self, graph: Graph, total: str, model: DiscreteModel, states: dict[str, tuple[float, ...]]) -> None:
        self.graph, self.total, self.model, self.states = graph, total, model, states
        pairs = [(graph.names[part], weight) for part, weight in micro_parts(graph, graph.index(total)) if weight]
        self.parts = tuple(name for name, _ in pairs)
        self.weights = tuple(weight for _, weight in pairs)
        self.middle = tuple(states[name][len(states[name]) // 2] for name in self.parts)
        self.value = math.fsum(w * x for w, x in zip(self.weights, self.middle, strict=True))

    @staticmethod
    def drawn(graph: Graph, total: str, rng: np.random.Generator) -> World:
        """Parts with two states each, but the last, which can make up for all others."""
        micro = without_totals(graph, 0)
        pairs = [(graph.names[part], weight) for part, weight in micro_parts(graph, graph.index(total)) if weight]
        states: dict[str, tuple[float, ...]] = dict.fromkeys(micro.names, (0.0, 1.0))
        states |= {name: (1.0,) for name, _ in pairs[MOST_PARTS - 1 : -1]}  # constants: few states to enumerate
        last, own = pairs[-1]
        others = [[weight * state for state in states[name]] for name, weight in pairs[:-1]]
        # At the value of the middle, the last part goes where the others leave it to.
        middle = math.fsum(weight for _, weight in pairs[:-1]) + own
        made_up = {round((middle - math.fsum(combo)) / own, 9) for combo in itertools.product(*others)}
        states[last] = tuple(sorted(made_up | {1.0}))
        sizes = {name: len(own_states) for name, own_states in states.items()}
        model = structural(random_model(micro, rng=rng, sizes=sizes), rng)
        found = World(graph, total, model, states)
        found.middle = (*(1.0 for _ in pairs[:-1]), 1.0)
        found.value = middle
        return found

    def node(self, name: str) -> int:
        """Index of a variable."""
        return self.model.names.index(name)

    def table(self, source: Experiment = OBSERVATIONAL) -> Table:
        """What a source shows, totals included as maps of their parts; what it sets takes every value."""
        hidden = set(self.graph.names_of(self.graph.latent)) - set(source.observed or ()) - set(source.do)
        if source.observed is not None:
            hidden |= set(self.graph.names) - set(source.observed) - set(source.do)
        names = [name for name in without_totals(self.graph, 0).names if name not in hidden]
        model = self.model
        for name in source.do:
            size = len(self.states[name])
            model = model.intervened(self.node(name), (), np.full(size, 1.0 / size))
        joint = model.joint([self.node(name) for name in names])
        labels = {name: self.states[name] for name in names}
        for one in self.graph.aggregates:
            name = self.graph.names[one.child]
            pairs = [(self.graph.names[part], weight) for part, weight in micro_parts(self.graph, one.child)]
            if not all(part in names for part, _ in pairs):
                continue
            value: Array = np.zeros([1] * joint.ndim)
            for part, weight in pairs:
                shape = [1] * joint.ndim
                shape[names.index(part)] = -1
                value = value + weight * np.array(labels[part]).reshape(shape)
            value = np.broadcast_to(value.round(9), joint.shape)
            levels = np.unique(value)
            joint = joint[..., None] * (value[..., None] == levels)
            names, labels = [*names, name], {**labels, name: tuple(levels.tolist())}
        return Table(names, joint, labels)

    def truth(self, term: MacroTerm, outcome: str) -> float:
        """Mean of the outcome under a realisation."""
        grid = list(itertools.product(*(range(len(self.states[name])) for name in self.parts)))
        places = [self.node(name) for name in self.parts]
        if term.kind == "natural":
            within = [self.node(name) for name in term.within]
            joint = self.model.joint([*places, *within])
            here = [at for at in grid if abs(self._total(at) - self.value) < 1e-9]
            result = 0.0
            for b in np.ndindex(*joint.shape[len(places) :]):
                mass = {at: float(joint[(*at, *b)]) for at in here}
                whole = math.fsum(mass.values())
                chance = float(joint[(..., *b)].sum())
                mean = math.fsum(
                    p / whole * self._mean(at, outcome, dict(zip(within, b, strict=True))) for at, p in mass.items()
                )
                result += chance * mean
            return result
        if term.kind == "point":
            at = tuple(self.states[name].index(x) for name, x in zip(self.parts, term.point, strict=True))
            return self._mean(at, outcome, {})
        law = self.model.joint(places)
        if term.kind == "perfect":
            return math.fsum(float(law[at]) * self._mean(self._moved(at, term), outcome, {}) for at in grid)
        return math.fsum(self._beside(at, self._moved(at, term), outcome) for at in grid)

    def _total(self, at: tuple[int, ...]) -> float:
        return math.fsum(w * self.states[name][i] for w, name, i in zip(self.weights, self.parts, at, strict=True))

    def _moved(self, at: tuple[int, ...], term: MacroTerm) -> tuple[int, ...]:
        lacking = self.value - self._total(at)
        moved = []
        for name, i, step in zip(self.parts, at, term.direction, strict=True):
            own = self.states[name]
            moved.append(int(np.argmin(np.abs(np.array(own) - (own[i] + step * lacking)))))
        return tuple(moved)

    def _outcome(self, name: str) -> list[tuple[str, float]]:
        """The micro-variables that an outcome is a map of; itself with weight one."""
        node = self.graph.index(name)
        if any(one.child == node for one in self.graph.aggregates):
            return [(self.graph.names[part], weight) for part, weight in micro_parts(self.graph, node)]
        return [(name, 1.0)]

    def _mean(self, at: tuple[int, ...], outcome: str, given: dict[int, int]) -> float:
        model = self.model
        for name, i in zip(self.parts, at, strict=True):
            model = model.intervened(self.node(name), (), np.eye(len(self.states[name]))[i])
        result = 0.0
        for part, weight in self._outcome(outcome):
            joint = model.joint([self.node(part), *given])
            law = joint.reshape(joint.shape[0], -1)[:, _flat(given, joint.shape[1:])]
            result += weight * float(law @ np.array(self.states[part])) / float(law.sum())
        return result

    def _beside(self, at: tuple[int, ...], moved: tuple[int, ...], outcome: str) -> float:
        """``E[outcome had the parts been moved; parts as they were]``."""
        world = tuple(Held(name, self.states[name][i]) for name, i in zip(self.parts, moved, strict=True))
        factual = tuple(Event(name) for name in self.parts)
        result = 0.0
        for part, weight in self._outcome(outcome):
            if part in self.parts:
                law = self.model.joint([self.node(name) for name in self.parts])
                result += weight * float(law[at]) * self.states[part][moved[self.parts.index(part)]]
                continue
            joint = events_law(self.model, (Event(part, None, world), *factual), self.states, {})
            law = joint.reshape(joint.shape[0], -1)[:, _flat(dict(enumerate(at)), joint.shape[1:])]
            result += weight * float(law @ np.array(self.states[part]))
        return result


def _flat(at: dict[int, int], shape: tuple[int, ...]) -> int:
    """Place of an index in a flattened array."""
    return int(np.ravel_multi_index(tuple(at.values()), shape)) if at else 0
