"""What a plate's variables become at unit level (Weinstein and Blei 2026, Algorithms 1 and 2).

Each member variable ``v`` becomes the unit-level law ``Q[v | pa(v)]``. Everything that reads the
plate reads products of such laws, integrated; where a whole product can be replaced by one
*piece* (Eq. 71), edges disappear, and hiding a mechanism makes a piece random. Which pieces and
what to hide is chosen by the search in ``identification/nested.py``; this module says which
pieces there are, and ``collapse.py`` builds the lowered graph of a choice.

Corrections to the paper and to published code, each with a test: pieces integrate *minimal*
factor sets; an edge is erased only under the exact rule of :func:`replaceable`; hidden variables
with parents are projected; an unnamed ``<->`` inside the plate is a confounder among members.
The outcome's own law is rewritten in the graph *after* the intervention, by the districts of the
members' graph, so that confounding inside the plate can be removed inside each unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from umbel.expr.nodes import Expr, Law, Level, Meaning, Probability, Raw, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.surgery import latent_projection
from umbel.graph.walks import closure, components
from umbel.model.task import Piece, Reading, Task

Within = Callable[[Graph, int, int, Sequence[Meaning], Level], Expr | None]
"""Identification inside the unit: the expression of ``p(of; do(given))``, None when there is none."""


@dataclass(frozen=True, slots=True)
class Plate:
    """One innermost plate of a task, ready to be collapsed.

    Parameters
    ----------
    task
        With hidden roots in place of unnamed ``<->`` inside the plate, and edges from what the
        policy reads.
    index
        The plate's index in the graph.
    level
        Its path.
    members
        Mask of its variables.
    relevant
        Mask of ancestors of the outcomes or the treatment, after or before the intervention.
    inner, inner_nodes
        The members' own graph, hidden ones projected, and the node behind each of its nodes.
    added
        Mask of what the treatment reads by its policy alone, and not in the graph.
    """

    task: Task
    index: int
    level: Level
    members: int
    relevant: int
    inner: Graph
    inner_nodes: tuple[int, ...]
    added: int = 0

    @property
    def treated(self) -> int:
        """The treated member, -1 when the treatment stands outside the plate."""
        treatment = self.task.treatment
        return treatment.node if treatment and self.members >> treatment.node & 1 else -1

    def parents(self, node: int) -> int:
        """Members that a node reads."""
        return self.task.graph.parents[node] & self.members

    def readers(self) -> tuple[int, ...]:
        """Relevant nodes outside the plate that read it."""
        outside = self.relevant & ~self.members
        return tuple(node for node in bits(outside) if self.parents(node))

    def factors(self, of: int, given: int = 0) -> int:
        """Minimal mechanisms behind ``Q[of | do given]``: ancestors of ``of`` not through ``given``."""
        return closure(of, self.task.graph.parents, self.members & ~given)

    def inputs(self, factors: int) -> int:
        """Members that a set of mechanisms reads and does not generate."""
        reads = 0
        for node in bits(factors):
            reads |= self.parents(node)
        return reads & ~factors


def innermost(task: Task) -> Plate:
    """Prepare the deepest plate that still holds variables."""
    graph = task.graph
    deepest = max(range(len(graph.names)), key=lambda node: len(graph.plate_path(node)))
    index = graph.plate_of[deepest]
    path = _path(graph, index)
    members = sum(1 << node for node, plate in enumerate(graph.plate_of) if plate == index)
    added = task.treatment.reads & ~graph.parents[task.treatment.node] if task.treatment else 0
    task, members = _with_roots(_with_policy_edges(task), members, path)
    graph = task.graph
    treated = 1 << task.treatment.node if task.treatment else 0
    relevant = closure(task.outcomes | treated, graph.parents, graph.everything)
    inner, inner_nodes = _members_graph(graph, members & relevant)
    return Plate(task, index, path, members, relevant, inner, inner_nodes, added)


def _path(graph: Graph, plate: int) -> Level:
    names: list[str] = []
    while plate >= 0:
        names.append(graph.plates[plate].name)
        plate = graph.plates[plate].outer
    return tuple(reversed(names))


def _with_policy_edges(task: Task) -> Task:
    """Let the treatment read what its policy reads: a model of the graph is one of the larger graph."""
    treatment = task.treatment
    if treatment is None or not treatment.reads & ~task.graph.parents[treatment.node]:
        return task
    parents = list(task.graph.parents)
    parents[treatment.node] |= treatment.reads
    return replace(task, graph=replace(task.graph, parents=tuple(parents)))


def _with_roots(task: Task, members: int, level: Level) -> tuple[Task, int]:
    """Replace each unnamed ``<->`` between members by a hidden root among them."""
    graph, meanings = task.graph, list(task.meanings)
    names, parents = list(graph.names), list(graph.parents)
    siblings, plate_of = list(graph.siblings), list(graph.plate_of)
    roots = 0
    for a in bits(members):
        for b in bits(graph.siblings[a] & members & ~((2 << a) - 1)):
            root = len(names)
            names.append(f"{graph.names[a]}<->{graph.names[b]}")
            meanings.append(Raw(names[root], level))
            plate_of.append(graph.plate_of[a])
            parents.append(0)
            siblings.append(0)
            for end, other in ((a, b), (b, a)):
                parents[end] |= 1 << root
                siblings[end] &= ~(1 << other)
            roots |= 1 << root
    if not roots:
        return task, members
    grown = replace(
        graph,
        names=tuple(names),
        parents=tuple(parents),
        siblings=tuple(siblings),
        neighbours=graph.neighbours + (0,) * (len(names) - len(graph.names)),
        plate_of=tuple(plate_of),
        latent=graph.latent | roots,
        near_parents=(),
        near_neighbours=(),
    )
    return replace(task, graph=grown, meanings=tuple(meanings)), members | roots


def _members_graph(graph: Graph, members: int) -> tuple[Graph, tuple[int, ...]]:
    """The members' graph with hidden ones projected, plates and outside erased."""
    nodes = tuple(bits(members))
    place = {node: i for i, node in enumerate(nodes)}
    parents = tuple(sum(1 << place[p] for p in bits(graph.parents[node] & members)) for node in nodes)
    latent = sum(1 << place[node] for node in bits(graph.latent & members))
    empty = (0,) * len(nodes)
    flat = Graph(tuple(graph.names[node] for node in nodes), parents, empty, empty, latent=latent)
    visible = tuple(node for node in nodes if not graph.latent >> node & 1)
    return latent_projection(flat), visible


def _inner_mask(plate: Plate, mask: int) -> int:
    return sum(1 << i for i, node in enumerate(plate.inner_nodes) if mask >> node & 1)


def _outer_mask(plate: Plate, mask: int) -> int:
    return sum(1 << plate.inner_nodes[i] for i in bits(mask))


def piece(plate: Plate, of: int, given: int, within: Within) -> Piece:
    """The piece ``Q[of | do given]`` with its minimal factors, and its law where it is observed."""
    factors = plate.factors(of, given)
    given = plate.inputs(factors)
    hidden = plate.task.graph.latent
    law: Law | None = None
    if factors == of and not of & (of - 1):
        return mechanism(plate, of.bit_length() - 1) if not (of | given) & hidden else Piece(of, given, factors, None)
    if not (of | given) & hidden:
        meanings = plate.task.meanings
        inner_meanings = [meanings[node] for node in plate.inner_nodes]
        formula = within(plate.inner, _inner_mask(plate, of), _inner_mask(plate, given), inner_meanings, plate.level)
        if formula is not None:
            law = Law(_meanings(plate, of), _meanings(plate, given), plate.level, formula)
    return Piece(of, given, factors, law)


def mechanism(plate: Plate, node: int) -> Piece:
    """The mechanism of one member as a piece: ``Q[v | pa(v)]`` (Definition 4)."""
    of, given = 1 << node, plate.parents(node)
    of_meanings, given_meanings = _meanings(plate, of), _meanings(plate, given)
    formula = Probability(tuple(map(Symbol, of_meanings)), tuple(map(Symbol, given_meanings)), plate.level)
    return Piece(of, given, of, Law(of_meanings, given_meanings, plate.level, formula))


def _meanings(plate: Plate, mask: int) -> tuple[Meaning, ...]:
    return tuple(plate.task.meanings[node] for node in bits(mask))


def replaceable(plate: Plate, part: Piece, factors: int, out: int) -> bool:
    """The exact rule of edge erasure: may ``part`` stand for its factors among ``factors``?

    Every mechanism that the piece integrates away must be no output of the reader, and must be
    read by no other mechanism of the reader. Then the integral over it can be done first
    (Fubini); otherwise no edge may go.
    """
    inside = part.factors & ~part.of
    if part.factors & ~factors or inside & out:
        return False
    return not any(plate.parents(node) & inside for node in bits(factors & ~part.factors))


def reading(plate: Plate, reader: str, factors: int, out: int, pieces: Sequence[Piece]) -> Reading:
    """Rewrite a reader by pieces, the largest first; what no piece covers stays as it is."""
    uses: list[Piece] = []
    rest = factors
    for part in pieces:
        if part.factors & ~rest == 0 and replaceable(plate, part, factors, out):
            uses.append(part)
            rest &= ~part.factors
    return Reading(reader, factors, out, tuple(uses))


def outcome_pieces(plate: Plate, within: Within) -> tuple[Piece, ...] | None:
    """The outcome's law after the intervention, district by district of the members' graph.

    Each district's kernel is identified inside the unit from the unit's own observed law; None
    when one is not, so that this route gives no answer.
    """
    task = plate.task
    if task.outcomes & task.graph.latent:
        return None
    inner = plate.inner
    target = _inner_mask(plate, task.outcomes)
    parents = list(inner.parents)
    own = 0
    if plate.treated >= 0:
        own = _inner_mask(plate, 1 << plate.treated)
        assert task.treatment is not None
        for node in bits(own):
            parents[node] = _inner_mask(plate, task.treatment.reads)
    scope = closure(target, parents, inner.everything) & ~own
    pieces: list[Piece] = []
    for part in components(inner, inner.siblings, scope):
        reads = 0
        for node in bits(part):
            reads |= inner.parents[node]
        one = piece(plate, _outer_mask(plate, part), _outer_mask(plate, reads & ~part), within)
        if one.law is None:
            return None
        pieces.append(one)
    return tuple(pieces)


def treatment_pieces(plate: Plate, within: Within) -> Iterator[Piece]:
    """The laws that the intervention may be read as setting: the mechanism itself, then pieces.

    ``do(A ~ q(R))`` sets ``Q[A | R']`` for any ``R ⊆ R' ⊆ pa(A)``, provided that everything which
    reads the mechanism reads it through that piece (Proposition 10(b)).
    """
    node, treatment = plate.treated, plate.task.treatment
    assert treatment is not None
    own = mechanism(plate, node)
    ignored = own.given & ~treatment.reads
    observed = not (own.of | own.given) & plate.task.graph.latent and _met(plate, own)
    # A law that ignores what its piece is given is met only in units where that plays no role,
    # which is a lot to ask: pieces that ignore least come first. The mechanism itself is set
    # first where it ignores nothing or where nothing random reads it, and else last.
    yield own if observed and not ignored else replace(own, law=None)
    found: list[Piece] = []
    optional = list(bits(ignored))
    for drop in range(1, 1 << len(optional)):
        given = own.given & ~sum(1 << other for i, other in enumerate(optional) if drop >> i & 1)
        one = piece(plate, 1 << node, given, within)
        if one.law is not None and one.factors != 1 << node and not treatment.reads & ~one.given and _met(plate, one):
            found.append(one)
    yield from sorted(found, key=lambda one: (one.given & ~treatment.reads).bit_count())
    if observed and ignored:
        yield own


def _met(plate: Plate, part: Piece) -> bool:
    """Whether units can show the policy's law in this place: in the graph it varies with all that is read.

    Where the policy alone lets the treatment read X, no unit ever shows a law that varies with X,
    unless another mechanism of the piece reads X.
    """
    reads = 0
    for node in bits(part.factors & ~part.of):
        reads |= plate.parents(node)
    return not plate.added & ~reads


def irreducible(plate: Plate, factors: int, of: int) -> tuple[int, ...]:
    """Mechanisms grouped by the variables that they share and that ``Q[of | …]`` integrates.

    The integral of their product is the product of the groups' integrals: what is no single group
    is several laws, not one.
    """
    inside = factors & ~of
    touched = {node: (plate.parents(node) | 1 << node) & inside for node in bits(factors)}
    groups: list[int] = []
    rest = factors
    while rest:
        group = rest & -rest
        reach = touched[group.bit_length() - 1]
        while more := sum(1 << node for node in bits(rest & ~group) if touched[node] & reach):
            group |= more
            for node in bits(more):
                reach |= touched[node]
        groups.append(group)
        rest &= ~group
    return tuple(groups)


def useful_pieces(plate: Plate, within: Within) -> tuple[Piece, ...]:
    """Observed pieces that may replace two or more mechanisms of some reader, largest first.

    A law that is a product of smaller ones is left to these: it would hide that some of them are
    fixed by what is visible.
    """
    found: dict[tuple[int, int], Piece] = {}
    for node in plate.readers():
        out = plate.parents(node)
        factors = plate.factors(out)
        for subset in _subsets(factors):
            if subset & (subset - 1) == 0:
                continue
            # The smallest law that the reader needs of these mechanisms.
            needed = subset & out
            for other in bits(factors & ~subset):
                needed |= subset & plate.parents(other)
            if not needed or plate.factors(needed, plate.inputs(subset)) != subset or (needed, subset) in found:
                continue
            if len(irreducible(plate, subset, needed)) > 1:
                continue
            one = piece(plate, needed, plate.inputs(subset), within)
            if one.law is not None and replaceable(plate, one, factors, out):
                found[needed, subset] = one
    return tuple(sorted(found.values(), key=largest_first))


def _subsets(mask: int) -> Iterator[int]:
    subset = mask
    while subset:
        yield subset
        subset = (subset - 1) & mask


def largest_first(part: Piece) -> tuple[int, int, int]:
    """Sort key: pieces of more mechanisms first, ties by their masks."""
    return (-part.factors.bit_count(), part.factors, part.of)
