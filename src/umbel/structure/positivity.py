"""When a lowered graph keeps its laws apart: the graph-level positivity certificate.

A piece is a function of mechanisms. Terms that condition on it beside others make sense only
where it still varies given them; otherwise they condition on events of probability zero, and a
formula that is correct on paper says nothing (Weinstein and Blei 2026, Assumption 3 and
Appendices H, I). Three conditions on the visible pieces:

* every piece keeps a hidden mechanism of its own behind it (a matching: two pieces cannot share
  one), and a mechanism without noise of its own does not count;
* no visible piece determines another visible law of the same members (a joint law fixes its
  conditionals).

Pieces of the outcome are evaluated analytically and need none of this at their arguments. What
depends on the numbers (does ``q`` lie in the support?) is a requirement of the estimand instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from umbel.expr.render import meaning_text
from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import latent_projection
from umbel.graph.walks import ancestors
from umbel.model.task import Lowered, Piece
from umbel.structure.plates import Plate, Within, mechanism


def keeps_positivity(plate: Plate, result: Lowered, within: Within) -> bool:
    """Whether the visible laws of a lowered task vary independently enough to condition on."""
    graph = result.task.graph
    used = ancestors(graph, result.task.outcomes)
    if result.task.treatment is not None:
        used |= 1 << result.task.treatment.node
    visible = [(node, part) for node, part in result.mixed if used >> node & 1 & ~(graph.latent >> node)]
    if not visible:
        return True
    noise = [graph.parents[node] & graph.latent & ~graph.facts.shared for node, _ in visible]
    if not _matched(noise):
        return False
    others = [part for _, part in visible] + _visible_mechanisms(plate, result, used)
    return not any(one is not other and determines(plate, one, other, within) for _, one in visible for other in others)


def _visible_mechanisms(plate: Plate, result: Lowered, used: int) -> list[Piece]:
    """The members' mechanisms that stay visible and are read."""
    graph = result.task.graph
    by_name = {name: node for node, name in enumerate(graph.names)}
    parts: list[Piece] = []
    for node in bits(plate.members & plate.relevant):
        part = mechanism(plate, node)
        assert part.law is not None
        at = by_name[meaning_text(part.law)]
        if used >> at & 1 and not graph.latent >> at & 1:
            parts.append(part)
    return parts


def _matched(noise: Sequence[int]) -> bool:
    """Whether each set can be given a member of its own (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(piece: int, seen: set[int]) -> bool:
        for source in bits(noise[piece]):
            if source in seen:
                continue
            seen.add(source)
            if source not in owner or place(owner[source], seen):
                owner[source] = piece
                return True
        return False

    return all(place(piece, set()) for piece in range(len(noise)))


def determines(plate: Plate, one: Piece, other: Piece, within: Within) -> bool:
    """Whether the law ``one`` fixes the law ``other``: identified from it inside the unit.

    Examples: the joint law of A and Z fixes the law of Z given A when A causes Z.
    """
    if other.factors & ~one.factors or other.of & ~one.of or other.given & ~(one.of | one.given):
        return False
    nodes = tuple(bits(one.factors))
    place = {node: i for i, node in enumerate(nodes)}
    graph = plate.task.graph
    parents = tuple(sum(1 << place[p] for p in bits(graph.parents[node] & one.factors)) for node in nodes)
    latent = sum(1 << place[node] for node in bits(one.factors & ~one.of))
    empty = (0,) * len(nodes)
    flat = Graph(tuple(graph.names[node] for node in nodes), parents, empty, empty, latent=latent)
    visible = [node for node in nodes if one.of >> node & 1]
    inner = latent_projection(flat)
    of = sum(1 << i for i, node in enumerate(visible) if other.of >> node & 1)
    given = sum(1 << i for i, node in enumerate(visible) if other.given >> node & 1)
    meanings = [plate.task.meanings[node] for node in visible]
    return within(inner, of, given, meanings, plate.level) is not None
