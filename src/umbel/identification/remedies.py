"""What would change a "no": one measurement, one trial, or one hidden cause ruled out.

Each candidate is one change of the task, and the engine is asked again. Measurements come first,
then trials, the treatment's own last among them, then assumptions, which cost nothing and prove
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from umbel.expr.render import meaning_text
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.identification.nested import flat_route, solve_given
from umbel.model.proof import Proof
from umbel.model.task import Sight, Task

Change = Callable[[Task], Task]


def remedies_of(proof: Proof) -> tuple[str, ...]:
    """Single changes that turn the verdict, found by asking again, the cheapest first."""
    stuck = [road.task for road in proof.roads if road.expr is None]
    found: dict[str, None] = {}
    if not stuck:
        return ()
    for text, change in _changes(stuck[0]):
        if text not in found and all(_identified(change(task)) for task in stuck):
            found[text] = None
    return tuple(found)


def _identified(task: Task) -> bool:
    return solve_given(task).expr is not None or (bool(task.graph.plates) and flat_route(task) is not None)


def _changes(task: Task) -> Iterator[tuple[str, Change]]:
    graph = task.graph
    asked = task.outcomes | task.given | task.treated
    for treatment in task.treatments:
        asked |= treatment.reads
    relevant = anterior(graph, asked)
    yield from _measurements(task, relevant)
    for node in sorted(bits(relevant & ~graph.latent), key=lambda node: task.treated >> node & 1):
        yield f"randomise {_lot(task, node)}", _randomised(node)
    yield from _exclusions(graph, relevant)


def _measurements(task: Task, relevant: int) -> Iterator[tuple[str, Change]]:
    """Measure what nobody measures, or what one of several sources does not."""
    graph = task.graph
    several = len(task.sources) > 1
    for node in bits(relevant):
        name = meaning_text(task.meanings[node])
        if not task.sources:
            if graph.latent >> node & 1:
                yield f"measure {name}", _measured(node, -1)
            continue
        for at, sight in enumerate(task.sources):
            if not sight.seen >> node & 1:
                where = f" in source {sight.index + 1}" if several else ""
                yield f"measure {name}{where}", _measured(node, at)


def _measured(node: int, at: int) -> Change:
    def change(task: Task) -> Task:
        graph = replace(task.graph, latent=task.graph.latent & ~(1 << node))
        sources = list(task.sources)
        if at >= 0:
            sources[at] = replace(sources[at], seen=sources[at].seen | 1 << node)
        return replace(task, graph=graph, sources=tuple(sources))

    return change


def _lot(task: Task, node: int) -> str:
    name = meaning_text(task.meanings[node])
    return name if task.graph.plate_of[node] < 0 else f"each unit's share of {name}"


def _randomised(node: int) -> Change:
    """Add a trial on one variable, at every value, that measures everything."""

    def change(task: Task) -> Task:
        sources = task.sources or (Sight(0, task.graph.observed),)
        trial = Sight(max(sight.index for sight in sources) + 1, task.graph.observed, 1 << node)
        return replace(task, sources=(*sources, trial))

    return change


def _exclusions(graph: Graph, relevant: int) -> Iterator[tuple[str, Change]]:
    """Rule out one unnamed hidden cause of two variables, or that a named one acts on one of them."""
    for a in bits(relevant):
        for b in bits(graph.siblings[a] & relevant & ~((2 << a) - 1)):
            yield f"rule out the hidden cause of {graph.names[a]} and {graph.names[b]}", _without_arc(a, b)
    for hidden in bits(graph.latent & relevant):
        for child in bits(graph.children[hidden] & relevant):
            yield f"rule out that {graph.names[hidden]} acts on {graph.names[child]}", _without_arrow(hidden, child)


def _without_arc(a: int, b: int) -> Change:
    def change(task: Task) -> Task:
        siblings = list(task.graph.siblings)
        siblings[a] &= ~(1 << b)
        siblings[b] &= ~(1 << a)
        return replace(task, graph=replace(task.graph, siblings=tuple(siblings)))

    return change


def _without_arrow(tail: int, head: int) -> Change:
    def change(task: Task) -> Task:
        parents = list(task.graph.parents)
        parents[head] &= ~(1 << tail)
        return replace(task, graph=replace(task.graph, parents=tuple(parents)))

    return change
