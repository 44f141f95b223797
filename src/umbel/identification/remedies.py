"""What would change a "no": one measurement, one trial, or one hidden cause ruled out.

Each candidate is one change of the graph or of what is known of it, and every term that is stuck is
asked again: effects, conditional and nested ones, several studies, counterfactuals. Measurements
come first, then trials, the treatments' own last among them, then assumptions, which cost nothing
and prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.identification.counterfactual import counterfactual_effect
from umbel.identification.flat import is_identified
from umbel.identification.nested import flat_route, solve_given
from umbel.identification.segregated import in_equilibrium
from umbel.lexer import quoted_if_needed
from umbel.model.proof import Proof, Worlds
from umbel.model.query import Question, settings_of
from umbel.model.task import Sight, Task
from umbel.results.step import Refusal

Known = tuple[Graph, tuple[Sight, ...]]
"""The user's graph, and what the sources show of it."""


def remedies_of(proof: Proof) -> tuple[str, ...]:
    """Single changes that turn the verdict, found by asking again, the cheapest first.

    Cost: one identification per variable and hidden cause that matter.
    """
    tasks = tuple(road.task for road in proof.roads if road.expr is None)
    worlds = tuple(one for one in proof.worlds if one.expr is None)
    if any(len(conflict.path) == 1 for one in worlds for conflict in one.conflicts):
        return ()  # one unit in two worlds: no measurement and no trial shows it
    if not tasks and not worlds:
        return ()
    stuck = _Stuck(tasks, worlds)
    found: dict[str, None] = {}
    for text, known in stuck.changes():
        if text not in found and stuck.identified(known):
            found[text] = None
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Stuck:
    """The terms without an answer: all are about one graph and the same sources."""

    tasks: tuple[Task, ...]
    worlds: tuple[Worlds, ...]

    def identified(self, known: Known) -> bool:
        """Whether a change answers every one of them."""
        graph, sources = known
        return all(_effect(replace(task, graph=graph, sources=sources)) for task in self.tasks) and all(
            _counterfactual(one, known) for one in self.worlds
        )

    @property
    def known(self) -> Known:
        """As things are."""
        if self.tasks:
            return self.tasks[0].graph, self.tasks[0].sources
        return self.worlds[0].user_graph, self.worlds[0].sights

    def relevant(self, graph: Graph) -> tuple[int, int]:
        """Variables that a change may be about, and those that are treated."""
        relevant = treated = 0
        for task in self.tasks:
            asked = task.outcomes | task.given | task.treated
            for treatment in task.treatments:
                asked |= treatment.reads
            relevant |= anterior(graph, asked)
            treated |= task.treated
        for one in self.worlds:
            relevant |= anterior(graph, graph.mask(Question.of(one.term).names()))
            treated |= graph.mask(item.name for item in settings_of(one.term))
        return relevant, treated

    def changes(self) -> Iterator[tuple[str, Known]]:
        """Every candidate, in words, and what would then be known."""
        graph, sources = self.known
        relevant, treated = self.relevant(graph)
        yield from _measurements(graph, sources, relevant)
        for node in sorted(bits(relevant & ~graph.latent), key=lambda node: treated >> node & 1):
            yield f"randomise {_lot(graph, node)}", _randomised(graph, sources, node)
        for text, other in _exclusions(graph, relevant):
            yield text, (other, sources)


def _effect(task: Task) -> bool:
    if not task.graph.plates and not in_equilibrium(task):
        return is_identified(task)
    return solve_given(task).expr is not None or (bool(task.graph.plates) and flat_route(task) is not None)


def _counterfactual(one: Worlds, known: Known) -> bool:
    found = counterfactual_effect(known[0], one.term, known[1])
    return not isinstance(found, Refusal) and found.expr is not None


def _measurements(graph: Graph, sources: tuple[Sight, ...], relevant: int) -> Iterator[tuple[str, Known]]:
    """Measure what nobody measures, or what one of several sources does not."""
    for node in bits(relevant):
        name = quoted_if_needed(graph.names[node])
        shown = replace(graph, latent=graph.latent & ~(1 << node))
        if not sources:
            if graph.latent >> node & 1:
                yield f"measure {name}", (shown, ())
            continue
        for at, sight in enumerate(sources):
            if not sight.seen >> node & 1:
                where = f" in source {sight.index + 1}" if len(sources) > 1 else ""
                more = replace(sight, seen=sight.seen | 1 << node)
                yield f"measure {name}{where}", (shown, (*sources[:at], more, *sources[at + 1 :]))


def _lot(graph: Graph, node: int) -> str:
    name = quoted_if_needed(graph.names[node])
    return name if graph.plate_of[node] < 0 else f"each unit's share of {name}"


def _randomised(graph: Graph, sources: tuple[Sight, ...], node: int) -> Known:
    """Add a trial on one variable, at every value, that measures everything."""
    sources = sources or (Sight(0, graph.observed),)
    trial = Sight(max(sight.index for sight in sources) + 1, graph.observed, 1 << node)
    return graph, (*sources, trial)


def _exclusions(graph: Graph, relevant: int) -> Iterator[tuple[str, Graph]]:
    """Rule out one unnamed hidden cause of two variables, or that a named one acts on one of them."""
    names = [quoted_if_needed(name) for name in graph.names]
    for a in bits(relevant):
        for b in bits(graph.siblings[a] & relevant & ~((2 << a) - 1)):
            yield f"rule out the hidden cause of {names[a]} and {names[b]}", _without_arc(graph, a, b)
    for hidden in bits(graph.latent & relevant):
        for child in bits(graph.children[hidden] & relevant):
            yield f"rule out that {names[hidden]} acts on {names[child]}", _without_arrow(graph, hidden, child)


def _without_arc(graph: Graph, a: int, b: int) -> Graph:
    siblings = list(graph.siblings)
    siblings[a] &= ~(1 << b)
    siblings[b] &= ~(1 << a)
    return replace(graph, siblings=tuple(siblings))


def _without_arrow(graph: Graph, tail: int, head: int) -> Graph:
    parents = list(graph.parents)
    parents[head] &= ~(1 << tail)
    return replace(graph, parents=tuple(parents))
