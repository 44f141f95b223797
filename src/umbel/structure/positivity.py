"""When a lowered graph keeps its laws apart: the graph-level positivity certificate.

A piece is a function of mechanisms. Terms that condition on it beside others make sense only
where it still varies given them; otherwise they condition on events of probability zero, and a
formula that is correct on paper says nothing (Weinstein and Blei 2026, Assumption 3 and
Appendices H, I). Conditions on the visible pieces:

* every piece keeps a hidden mechanism of its own behind it (a matching: two pieces cannot share
  one), and a mechanism without noise of its own does not count;
* so does every margin that the piece contains. A law of B and D fixes the law of B; where visible
  laws fix it too, the piece varies only beside them, and a front door through it is bogus;
* a margin belongs to one piece, and no visible piece determines another visible law of the same
  members (a joint law fixes its conditionals);
* what is declared ``shared`` is a function of its parents, so it needs a hidden one;
* a mechanism that is set to a law which ignores one of its parents is integrated by no piece.

Pieces of the outcome are evaluated analytically and need none of this at their arguments. What
depends on the numbers (does ``q`` lie in the support?) is a requirement of the estimand instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from umbel.expr.render import meaning_text
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.graph.surgery import latent_projection
from umbel.graph.walks import closure
from umbel.model.task import Lowered, Piece
from umbel.structure.pieces import irreducible, largest_first, mechanism, reading
from umbel.structure.plates import Plate, Within


def keeps_positivity(plate: Plate, result: Lowered, within: Within) -> bool:
    """Whether the visible laws of a lowered task vary independently enough to condition on."""
    graph = result.task.graph
    used = anterior(graph, result.task.outcomes | result.task.given) | result.task.treated
    visible = [(node, part) for node, part in result.mixed if used >> node & 1 & ~(graph.latent >> node)]
    functions = _functions(result, used)
    if not visible and not functions:
        return True
    if _flattened(plate, result, [part for _, part in visible]):
        return False
    place = _mechanism_places(plate, result)
    hidden = sum(1 << node for node, at in place.items() if graph.latent >> at & 1 and not graph.facts.shared >> at & 1)
    noise = _own_noise(plate, [part for _, part in visible], hidden)
    if noise is None:
        return False
    sources = [sum(1 << place[member] for member in bits(mask)) for mask in noise]
    if not _matched(sources + functions):
        return False
    others = [part for _, part in visible]
    others += [mechanism(plate, node) for node, at in place.items() if used >> at & 1 and not graph.latent >> at & 1]
    return not any(one is not other and determines(plate, one, other, within) for _, one in visible for other in others)


def _flattened(plate: Plate, result: Lowered, visible: Sequence[Piece]) -> bool:
    """Whether the law that is set ignores a parent, and a visible piece integrates that law.

    The piece then loses a dimension exactly where the intervention stands: what the ignored parent
    mixed is fixed by the law that was set, and no other law of the treatment meets the piece there.
    """
    reads = {one.node: one.reads for one in plate.treatments()}
    return any(
        own.factors == 1 << node and own.given & ~reads[node] and any(part.factors >> node & 1 for part in visible)
        for node, own in result.record.owns
    )


def _functions(result: Lowered, used: int) -> list[int]:
    """Hidden parents of each visible node that is a function of its parents and that others read."""
    graph = result.task.graph
    pieces = sum(1 << node for node, _ in result.mixed)
    nodes = graph.facts.shared & used & ~graph.latent & ~pieces
    noisy = graph.latent & ~graph.facts.shared
    return [graph.parents[node] & noisy for node in bits(nodes) if graph.children[node] & used]


def _mechanism_places(plate: Plate, result: Lowered) -> dict[int, int]:
    """Where each member's mechanism stands in the lowered graph."""
    by_name = {name: node for node, name in enumerate(result.task.graph.names)}
    places: dict[int, int] = {}
    for node in bits(plate.members & plate.relevant):
        law = mechanism(plate, node).law
        assert law is not None
        places[node] = by_name[meaning_text(law)]
    return places


def _own_noise(plate: Plate, pieces: Sequence[Piece], hidden: int) -> list[int] | None:
    """For each piece the hidden mechanisms that move it beside all other laws; None when one has none."""
    contained: list[Piece] = []
    for part in pieces:
        contained += _margins(plate, part)
    if len({(part.of, part.factors) for part in contained}) < len(contained):
        return None
    contained.sort(key=largest_first)
    noise: dict[tuple[int, int], int] = {}
    for part in contained:
        smaller = [p for p in contained if p.factors != part.factors and p.factors & ~part.factors == 0]
        rest = part.factors
        for used in reading(plate, "", part.factors, part.of, smaller).uses:
            rest &= ~used.factors
        noise[part.of, part.factors] = rest & hidden
    return [noise[part.of, part.factors] for part in pieces] if all(noise.values()) else None


def _margins(plate: Plate, part: Piece) -> Iterator[Piece]:
    """A piece and the irreducible laws of some of its variables that it contains."""
    yield part
    seen = {(part.of, part.factors)}
    subset = (part.of - 1) & part.of
    while subset:
        factors = closure(subset, plate.task.graph.parents, part.factors)
        if factors & part.of == subset:
            for group in irreducible(plate, factors, subset):
                of = group & subset
                if (of, group) not in seen:
                    seen.add((of, group))
                    yield Piece(of, plate.inputs(group), group, None)
        subset = (subset - 1) & part.of


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
