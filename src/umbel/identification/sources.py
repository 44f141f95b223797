"""Sources on the masks of a flat graph: what each shows, sets, and at which values.

A source that shows every node shares the target's graph. One that shows less has a graph of its
own, in which the rest is projected out (sound; a search over what to leave out of the target makes
up for what that loses). Rows that were kept by some variables are rows given one more node, a
child of these (Bareinboim and Tian, "Recovering causal effects from selection bias", 2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import induced, project, without_edges_into
from umbel.identification.doses import visited
from umbel.model.proof import EngineSource
from umbel.model.task import Sight, Task

MOST_HIDDEN = 6
"""Nodes that only some sources show, up to which every way of leaving some out is tried."""


def engine_sources(task: Task, relevant: int, place: Mapping[int, int]) -> tuple[EngineSource, ...]:
    """The sources of a task on the indices of its visible relevant nodes.

    Parameters
    ----------
    task
        With at least one source.
    relevant
        Mask of its nodes that matter.
    place
        The flat index of each visible one of them.
    """
    return tuple(_engine_source(task, relevant, place, sight) for sight in task.sources)


def _engine_source(task: Task, relevant: int, place: Mapping[int, int], sight: Sight) -> EngineSource:
    def moved(mask: int) -> int:
        return sum(1 << place[node] for node in bits(mask) if node in place)

    visible = moved(relevant & ~task.graph.latent)
    do = moved(sight.do & relevant)
    limited = dict(sight.doses)
    treatments = {treatment.node: treatment for treatment in task.treatments}
    reached = do
    pins = []
    for node in bits(sight.do & relevant):
        if node in limited:
            doses = limited[node]
            if node not in treatments or not visited(treatments[node], doses):
                reached &= ~(1 << place[node])
                pins += [(place[node], doses[0])] if doses else []
    seen = moved(sight.seen & relevant)
    if not visible & ~seen and not do & ~visible and not sight.kept_by:
        return EngineSource(do, sight.index, None, seen, reached, 0, tuple(pins))
    own = _own_graph(task.graph, relevant, place, sight)
    kept = 1 << len(place) if sight.kept_by else 0
    return EngineSource(do, sight.index, own, seen, reached, kept, tuple(pins))


def _own_graph(graph: Graph, relevant: int, place: Mapping[int, int], sight: Sight) -> Graph:
    """The source's graph on the target's indices, with a node of its own for the rows that were kept."""
    nodes = tuple(bits(relevant))
    local = {node: i for i, node in enumerate(nodes)}

    def inside(mask: int) -> int:
        return sum(1 << local[node] for node in bits(mask & relevant))

    part = induced(graph, relevant)
    parents, siblings, names = part.parents, part.siblings, part.names
    to = [place.get(node, -1) for node in nodes]
    if sight.kept_by:
        parents, siblings, names = (*parents, inside(sight.kept_by)), (*siblings, 0), (*names, "rows kept")
        to.append(len(place))
    whole = Graph(names, parents, siblings, (0,) * len(names))
    hidden = whole.everything & ~inside(sight.seen | sight.do) & ~((1 << len(nodes)) if sight.kept_by else 0)
    plain = project(without_edges_into(whole, inside(sight.do)), hidden).graph
    return spread(plain, tuple(to[i] for i in bits(whole.everything & ~hidden)), len(place) + bool(sight.kept_by))


def spread(graph: Graph, to: Sequence[int], count: int) -> Graph:
    """The same graph on other indices among ``count``; the nodes between stand isolated."""
    names, parents, siblings, neighbours = [""] * count, [0] * count, [0] * count, [0] * count
    for node, at in enumerate(to):
        names[at] = graph.names[node]
        parents[at] = sum(1 << to[other] for other in bits(graph.parents[node]))
        siblings[at] = sum(1 << to[other] for other in bits(graph.siblings[node]))
        neighbours[at] = sum(1 << to[other] for other in bits(graph.neighbours[node]))
    return Graph(tuple(names), tuple(parents), tuple(siblings), tuple(neighbours))


def targets(
    graph: Graph, sources: tuple[EngineSource, ...], needed: int
) -> Iterator[tuple[Graph, tuple[EngineSource, ...]]]:
    """The graph to factorise in, and the sources as they serve it: the whole first.

    A variable that not every source shows may be better left out: what one source measures, in
    between, another need not. ``needed`` must stay.
    """
    yield graph, sources
    partial = 0
    for source in sources:
        partial |= graph.everything & ~source.seen
    partial &= ~needed
    if not partial:
        return
    whole = tuple(replace(source, graph=source.graph or graph) for source in sources)
    for hidden in _ways(partial, sources):
        keep = tuple(bits(graph.everything & ~hidden))
        yield spread(project(graph, hidden).graph, keep, len(graph.names)), whole


def _ways(partial: int, sources: tuple[EngineSource, ...]) -> Iterator[int]:
    """What to leave out, the least first; where there is much, only what whole sources do not show."""
    nodes = [1 << node for node in bits(partial)]
    if len(nodes) <= MOST_HIDDEN:
        for count in range(1, len(nodes) + 1):
            for some in combinations(nodes, count):
                yield sum(some)
        return
    found: dict[int, None] = {}
    for count in range(len(sources), 0, -1):
        for few in combinations(sources, count):
            shown = 0
            for source in few:
                shown |= source.seen
            if partial & ~shown:
                found[partial & ~shown] = None
    yield from found
