"""The engine as the oracles meet it: names and diagrams in, an estimand or hedges out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.oracles.flat.diagram import Diagram
from tests.oracles.flat.rank import Study
from tests.oracles.flat.truth import World
from umbel.expr.build import product, settled, total
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import Policy, Raw, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import latent_projection
from umbel.identification.engine import Effect, effect
from umbel.identification.flat import solve_flat
from umbel.model.proof import Hedge, Road
from umbel.model.task import Sight, Task, Treatment
from umbel.numerics.tables import Table


def identify(diagram: Diagram, outcomes: Sequence[str], treated: Sequence[str]) -> Estimand | tuple[Hedge, ...]:
    """``P(outcomes | do(treated))`` by the engine alone, on the latent projection of the whole diagram."""
    graph = latent_projection(diagram.graph())
    meanings = [Raw(name) for name in graph.names]
    found = effect(graph, graph.mask(outcomes), graph.mask(treated), meanings)
    if not isinstance(found, Effect):
        return found
    rest = found.scope & ~graph.mask(outcomes) & ~graph.mask(treated)
    body = total((Symbol(meanings[node]) for node in bits(rest)), product(found.factors))
    return Estimand(settled(body), tuple(Symbol(Raw(name)) for name in (*outcomes, *treated)), "engine")


def posed(
    diagram: Diagram,
    outcomes: Sequence[str],
    treated: Sequence[str],
    given: Sequence[str] = (),
    *,
    reads: Mapping[str, Sequence[str]] | None = None,
    studies: Sequence[Study] = (),
    kept_by: Sequence[str] = (),
) -> Road:
    """``P(outcomes | do(treated), given)`` by the flat door: latents as they are, policies, several studies.

    ``kept_by``: what decided which rows were kept, in the studies that kept some only.
    """
    graph = diagram.graph()
    plain = Task.of(graph, graph.mask(outcomes))
    treatments = []
    for name in treated:
        node = graph.index(name)
        if reads is None or name not in reads:
            treatments.append(Treatment(node, value=Symbol(Raw(name))))
            continue
        mask = graph.mask(reads[name])
        policy = Policy(Raw(name), tuple(Raw(graph.names[i]) for i in bits(mask)), None)
        treatments.append(Treatment(node, policy=policy, reads=mask))
    sights = tuple(
        Sight(k, graph.mask(study.seen), graph.mask(study.do), (), graph.mask(kept_by) if study.kept else 0)
        for k, study in enumerate(studies)
    )
    return solve_flat(
        replace(plain, treatments=tuple(treatments), given=graph.mask(given), sources=sights),
    )


def observed(world: World) -> Table:
    """What anyone can see of a world."""
    return Table(world.visible, world.law(world.visible))


def diagram_of(graph: Graph) -> Diagram:
    """A graph of the package without latent nodes as a diagram."""
    nodes = range(len(graph.names))
    return Diagram(
        graph.names,
        tuple((graph.names[tail], graph.names[head]) for head in nodes for tail in bits(graph.parents[head])),
        tuple((graph.names[a], graph.names[b]) for b in nodes for a in bits(graph.siblings[b]) if a < b),
    )
