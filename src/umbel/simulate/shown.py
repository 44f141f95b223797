"""What each source shows of a fully specified model, law by law, never all at once.

A source's law is that of the model after what it set, drawn over its doses; kept rows are weighted
by a random function of what they were kept by; what it does not measure cannot be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from umbel.errors import DataError, shown
from umbel.expr.evaluate import evaluate_expr
from umbel.expr.nodes import AtState, Meaning, Raw
from umbel.expr.populations import Population, Populations
from umbel.graph.mixed import Graph, bits
from umbel.model.task import Sight
from umbel.numerics.tables import Array, Table
from umbel.simulate.discrete import DiscreteModel
from umbel.variable import State

States = Mapping[str, tuple[State, ...]]


@dataclass(slots=True, eq=False, kw_only=True)
class ModelPopulation(Population):
    """One source, known by its model: each law is asked for when it is read.

    Parameters
    ----------
    model
        After what the source set.
    seen
        Names that it measured or set.
    kept_by, kept
        Names by which rows were kept, and how often for each of their states.
    """

    model: DiscreteModel
    seen: frozenset[str]
    kept_by: tuple[str, ...] = ()
    kept: Array = field(default_factory=lambda: np.ones(()))

    def shows(self, meaning: Meaning) -> bool:
        """Whether the source measures a variable."""
        return isinstance(meaning, Raw) and meaning.name in self.seen

    def raw_joint(self, names: Sequence[str], lead: int) -> Array:
        """Joint law of some variables, with an axis of one member before them."""
        assert not lead, "a flat population has no members to keep apart"
        for name in names:
            if name not in self.seen:
                raise DataError(f"The estimand reads {shown(name)} from a source that does not measure it.")
        further = [name for name in self.kept_by if name not in names]
        every = [*names, *further]
        joint = self.model.joint([self.model.names.index(name) for name in every])
        if self.kept_by:
            order = sorted(range(len(self.kept_by)), key=lambda i: every.index(self.kept_by[i]))
            shape = [joint.shape[i] if name in self.kept_by else 1 for i, name in enumerate(every)]
            joint = joint * np.transpose(self.kept, order).reshape(shape)
            joint = joint.sum(axis=tuple(range(len(names), len(every))))
        return np.asarray(joint / joint.sum())[None]


@dataclass(slots=True, eq=False, kw_only=True)
class ModelPopulations(Populations):
    """All the sources of one model."""

    labels: States

    def states(self, meaning: Meaning) -> tuple[State, ...]:
        """States of a variable."""
        assert isinstance(meaning, Raw)
        return self.labels[meaning.name]

    def has_labels(self, name: str) -> bool:
        """Every variable has its states."""
        return True


def shown_by(
    model: DiscreteModel,
    states: States,
    graph: Graph,
    sources: Sequence[Sight],
    laws: Mapping[str, Table],
    rng: np.random.Generator,
) -> ModelPopulations:
    """What the sources show of a model.

    Parameters
    ----------
    model
        Of the graph, or of the part of it that matters.
    states
        By name.
    graph
        What the masks of ``sources`` are about; without sources all of it that is not latent is seen.
    laws
        Tables of open policies, keyed by treatment.
    """
    shared = ModelPopulations(laws, evaluate_expr, labels=states)
    for sight in sources or (Sight(0, graph.observed),):
        shared.members.append(_population(model, states, graph, sight, shared, rng))
    return shared


def _population(
    model: DiscreteModel, states: States, graph: Graph, sight: Sight, shared: Populations, rng: np.random.Generator
) -> ModelPopulation:
    known = set(model.names)
    doses = dict(sight.doses)
    for node in bits(sight.do):
        name = graph.names[node]
        if name not in known:
            continue
        weights = rng.uniform(0.5, 1.0, size=len(states[name]))
        if node in doses:
            weights = weights * [AtState(state) in doses[node] for state in states[name]]
        if not weights.any():  # a dose that nobody knows: any one of them
            weights[int(rng.integers(len(weights)))] = 1.0
        model = model.intervened(model.names.index(name), (), weights / weights.sum())
    kept_by = tuple(name for name in graph.names_of(sight.kept_by) if name in known)
    kept = rng.uniform(0.1, 1.0, size=[len(states[name]) for name in kept_by])
    seen = frozenset(graph.names_of(sight.seen)) & known
    blank = Table((), 1.0)
    return ModelPopulation(blank, False, (), shared, model=model, seen=seen, kept_by=kept_by, kept=kept)
