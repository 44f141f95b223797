"""Random structural models of Boolean variables, as Zaffalon et al. (2023), section 6.2, draw them.

A random acyclic graph; every endogenous variable has one exogenous parent, which it may share;
structural equations are sampled without replacement from the deterministic relations with the
parents, and exogenous variables have at most 64 states. The question is the probability of
necessity and sufficiency of the first variable for the last.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umbel.estimate.bounds_arrays import Records, blocks_of, polynomial_of
from umbel.graph.mixed import Graph
from umbel.graph.walks import ancestors
from umbel.identification.bounds import programmes
from umbel.model.equations import Equations
from umbel.model.programme import Programme
from umbel.model.query import Question
from umbel.numerics.multilinear import value

Array = NDArray[np.float64]

MOST_STATES = 64
MOST_PARENTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class BooleanModel:
    """A fully specified model.

    Parameters
    ----------
    graph
        Endogenous variables ``V1``, …, and latents ``U1``, ….
    equations
        The structural equations of every endogenous variable.
    laws
        Law of each exogenous variable, in the equations' order.
    question
        ``PNS`` of the first variable for the last.
    """

    graph: Graph
    equations: Equations
    laws: tuple[Array, ...]
    question: Question

    def programme(self) -> Programme:
        """The question's programme under these equations."""
        ((_, found),) = programmes(self.graph, self.question, {}, equations=self.equations)
        return found

    def truth(self) -> float:
        """The true value of the question."""
        programme = self.programme()
        blocks = blocks_of(programme)
        return value(polynomial_of(programme.numerator, blocks), self._laws_of(programme))

    def law(self, *, do: dict[str, int] | None = None) -> tuple[NDArray[np.int64], Array]:
        """Every joint value of the endogenous variables and its probability, under an intervention."""
        whole = Question.parse("P(" + ", ".join(self.endogenous) + ")")
        ((_, programme), *_) = _everything(self, whole)
        codes = np.array(list(itertools.product((0, 1), repeat=len(programme.names))), dtype=np.int64)
        held = {programme.names.index(name): number for name, number in (do or {}).items()}
        for node, number in held.items():
            codes = codes[codes[:, node] == number]
        found = np.ones(len(codes))
        for block, own in zip(blocks_of(programme), self._laws_of(programme), strict=True):
            found *= block.agrees(codes, tuple(held)) @ own
        return codes, found

    @property
    def endogenous(self) -> tuple[str, ...]:
        """Names of the endogenous variables."""
        return tuple(name for name in self.graph.names if name.startswith("V"))

    def studies(self, *, trial: str | None = None) -> tuple[Records, Records]:
        """The population's laws: observed, and with one variable set to 0 and to 1 in halves."""
        names = self.programme().names
        trial = trial or self.question.names()[0]
        codes, chances = self.law()
        parts = [self.law(do={trial: number}) for number in (0, 1)]
        seen = chances > 0
        both, halves = np.concatenate([part[0] for part in parts]), 0.5 * np.concatenate([part[1] for part in parts])
        shown = halves > 0
        return (
            Records(codes[seen], chances[seen], name="observational", population=True),
            Records(both[shown], halves[shown], (names.index(trial),), name=f"do({trial})", population=True),
        )

    def sampled(self, size: int, *, rng: np.random.Generator, trial: str | None = None) -> tuple[Records, Records]:
        """Samples of ``size`` records from each study; the trial has ``size`` in each of its two arms."""
        found = []
        for one in self.studies(trial=trial):
            arms = one.codes[:, one.do[0]] if one.do else np.zeros(len(one.codes), dtype=np.int64)
            counts = np.zeros(len(one.codes))
            for arm in np.unique(arms):
                own = arms == arm
                counts[own] = rng.multinomial(size, one.counts[own] / one.counts[own].sum())
            kept = counts > 0
            found.append(Records(one.codes[kept], counts[kept], one.do, name=one.name))
        return found[0], found[1]

    def _laws_of(self, programme: Programme) -> tuple[Array, ...]:
        """The true law of each of the programme's components."""
        place = {name: at for at, (name, _) in enumerate(self.equations.exogenous)}
        found = []
        for component in programme.components:
            equation = self.equations.of(programme.names[component.nodes[0]])
            assert equation is not None
            found.append(self.laws[place[equation.inputs[-1]]])
        return tuple(found)


def _everything(model: BooleanModel, question: Question) -> tuple[tuple[object, Programme], ...]:
    values = dict.fromkeys(model.endogenous, 0)
    text = "P(" + ", ".join(f"{name}={number}" for name, number in values.items()) + ")"
    del question
    return programmes(model.graph, Question.parse(text), {}, equations=model.equations)


def random_boolean(
    nodes: int, *, rng: np.random.Generator, density: float = 0.4, concentration: float = 1.0
) -> BooleanModel:
    """A random model with ``nodes`` variables, exogenous ones included, whose question is no zero.

    Parameters
    ----------
    nodes
        At least 3.
    rng
        Source of graph, equations and laws.
    density
        Probability of an arrow between two endogenous variables.
    concentration
        Of the Dirichlet laws of the exogenous variables.

    Examples
    --------
    >>> model = random_boolean(6, rng=np.random.default_rng(1))
    >>> len(model.graph.names), 0 <= model.truth() <= 1
    (6, True)
    """
    while True:
        found = _drawn(nodes, rng, density, concentration)
        if found is not None:
            return found


def _drawn(nodes: int, rng: np.random.Generator, density: float, concentration: float) -> BooleanModel | None:
    groups = max(1, int(rng.integers(nodes // 3, nodes // 2 + 1)))
    count = nodes - groups
    owner = np.concatenate([np.arange(groups), rng.integers(groups, size=count - groups)])
    rng.shuffle(owner)
    if np.bincount(owner).max() > MOST_PARENTS:
        return None
    names = [f"V{at + 1}" for at in range(count)]
    parents = []
    for at in range(count):
        chosen = [other for other in range(at) if rng.random() < density]
        parents.append(sorted(rng.permutation(chosen)[:MOST_PARENTS].tolist()) if chosen else [])
    directed = [(names[a], names[b]) for b in range(count) for a in parents[b]]
    hidden = [(f"U{owner[at] + 1}", names[at]) for at in range(count)]
    graph = Graph.build(nodes=names, directed=[*directed, *hidden], latent=[f"U{at + 1}" for at in range(groups)])
    if not ancestors(graph, 1 << count - 1) & 1:
        return None
    equations: dict[str, object] = {}
    sizes: dict[str, int] = {}
    for group in range(groups):
        members = [at for at in range(count) if owner[at] == group]
        made = _equations(members, parents, rng)
        if made is None:
            return None
        sizes[f"U{group + 1}"] = len(made)
        for place, at in enumerate(members):
            table = np.array([row[place] for row in made]).T.reshape([2] * len(parents[at]) + [len(made)])
            inputs = [*(names[other] for other in parents[at]), f"U{group + 1}"]
            equations[names[at]] = {"inputs": inputs, "table": table.tolist()}
    given = Equations.from_dict({"states": dict.fromkeys(names, 2), "exogenous": sizes, "equations": equations})
    laws = tuple(rng.dirichlet(np.full(size, concentration)) for _, size in given.exogenous)
    return BooleanModel(graph, given, laws, Question.parse(f"PNS({names[0]}, {names[-1]})"))


def _equations(
    members: list[int], parents: list[list[int]], rng: np.random.Generator
) -> list[list[tuple[int, ...]]] | None:
    """At most 64 joint response functions of a group, sampled without replacement; None if one is constant."""
    widths = [2 ** len(parents[at]) for at in members]
    total = 2 ** sum(widths)
    size = min(MOST_STATES, total)
    if total <= MOST_STATES:
        picked = np.arange(total).tolist()
    else:
        picked = sorted({int(rng.integers(total)) for _ in range(4 * MOST_STATES)})
        picked = sorted(rng.permutation(picked)[:size].tolist())
    made = []
    for number in picked:
        digits = [int(number) >> at & 1 for at in range(sum(widths))]
        ends = np.cumsum([0, *widths])
        made.append([tuple(digits[a:b]) for a, b in itertools.pairwise(ends)])
    shows = [{value for row in made for value in row[place]} for place in range(len(members))]
    return made if all(len(one) == 2 for one in shows) and math.prod(widths) else None
