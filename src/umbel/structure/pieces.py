"""Pieces: laws inside a unit that stand for several mechanisms (Weinstein and Blei 2026, Eq. 71).

What may replace what, which piece an intervention sets, and which ones are worth trying. Pieces
integrate minimal factor sets, and each is observed where one source's units show its law.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from umbel.expr.build import leaves
from umbel.expr.nodes import Certain, Expr, Held, Law, Meaning, Probability, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import closure, components
from umbel.model.task import Piece, Reading, Sight, Treatment
from umbel.structure.plates import Plate, Within, members_graph


def _inner_mask(plate: Plate, mask: int) -> int:
    return sum(1 << i for i, node in enumerate(plate.inner_nodes) if mask >> node & 1)


def _outer_mask(plate: Plate, mask: int) -> int:
    return sum(1 << plate.inner_nodes[i] for i in bits(mask))


def piece(plate: Plate, of: int, given: int, within: Within) -> Piece:
    """The piece ``Q[of | do given]`` with its minimal factors, and its law where it is observed."""
    factors = plate.factors(of, given)
    given = plate.inputs(factors)
    hidden = plate.task.graph.latent
    if (of | given) & hidden:
        return Piece(of, given, factors, None)
    found = Piece(of, given, factors, None)
    if factors == of and not of & (of - 1):
        one = mechanism(plate, of.bit_length() - 1)
        return one if shown_by_some(plate, one.law) else found
    formula = _formula(plate, plate.inner, plate.inner_nodes, of, given, within)
    law = None if formula is None else Law(_meanings(plate, of), _meanings(plate, given), plate.level, formula)
    if shown_by_some(plate, law):
        return replace(found, law=law)
    for sight in plate.task.sources:
        fixed = sight.do & plate.members
        if (of | given) & ~sight.seen or factors & fixed:
            continue
        # Inside a unit of this source alone: what it set has no causes there, what it does not measure is hidden.
        graph = replace(plate.task.graph, latent=plate.task.graph.latent | plate.members & ~sight.seen)
        inner, nodes = members_graph(graph, plate.members & plate.relevant, fixed)
        formula = _formula(plate, inner, nodes, of, given, within)
        if formula is not None:
            own = Law(_meanings(plate, of), _meanings(plate, given), plate.level, formula)
            if shows_law(plate, sight, own):
                return replace(found, law=own, source=sight.index)
    return found


def _formula(plate: Plate, inner: Graph, nodes: tuple[int, ...], of: int, given: int, within: Within) -> Expr | None:
    meanings = [plate.task.meanings[node] for node in nodes]
    inside, fixed = (sum(1 << i for i, node in enumerate(nodes) if mask >> node & 1) for mask in (of, given))
    return within(inner, inside, fixed, meanings, plate.level)


def reads_of_formula(plate: Plate, formula: Expr) -> int:
    """Mask of the members whose observed law a formula reads."""
    laws = [leaf for leaf in leaves(formula) if isinstance(leaf, Probability)]
    return _members(plate, [slot for law in laws for slot in (*law.of, *law.given)])


def conditions_of(plate: Plate, formula: Expr) -> int:
    """Mask of the members that some law of a formula conditions on."""
    laws = [leaf for leaf in leaves(formula) if isinstance(leaf, Probability)]
    return _members(plate, [slot for law in laws for slot in law.given])


def _members(plate: Plate, slots: Sequence[Slot]) -> int:
    read = {(slot.symbol if isinstance(slot, Held) else slot).meaning for slot in slots}
    return sum(1 << node for node in bits(plate.members) if plate.task.meanings[node] in read)


def shows_law(plate: Plate, sight: Sight, law: Law) -> bool:
    """Whether the units of a source show a law of their members.

    It must measure all that the formula reads; and where all members of a unit got one state, no
    unit shows what another state does.
    """
    alike = sum(
        1 << node
        for node, doses in sight.doses
        if plate.members >> node & 1 and any(isinstance(dose, Certain) for dose in doses)
    )
    reads, conditions = reads_of_formula(plate, law.formula), conditions_of(plate, law.formula)
    return not (reads & ~sight.seen or conditions & alike or sight.kept_by & plate.members)


def shown_by_some(plate: Plate, law: Law | None) -> bool:
    """Whether the units of some source show a law of their members."""
    sources = plate.task.sources
    return law is not None and (not sources or any(shows_law(plate, sight, law) for sight in sources))


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
    """The outcomes' law after the intervention, district by district of the members' graph.

    Each district's kernel is identified inside the unit from the unit's own observed law; None
    when one is not, so that this route gives no answer.
    """
    task = plate.task
    if task.outcomes & task.graph.latent:
        return None
    inner = plate.inner
    parents = list(inner.parents)
    own = _inner_mask(plate, plate.treated)
    for treatment in plate.treatments():
        for node in bits(_inner_mask(plate, 1 << treatment.node)):
            parents[node] = _inner_mask(plate, treatment.reads)
    scope = closure(_inner_mask(plate, task.outcomes), parents, inner.everything) & ~own
    pieces: list[Piece] = []
    for part in components(inner.siblings, scope):
        reads = 0
        for node in bits(part):
            reads |= inner.parents[node]
        one = piece(plate, _outer_mask(plate, part), _outer_mask(plate, reads & ~part), within)
        if one.law is None:
            return None
        pieces.append(one)
    return tuple(pieces)


Owns = tuple[tuple[int, Piece], ...]
"""For each treated member the law that its intervention sets."""


def treatment_pieces(plate: Plate, within: Within) -> Iterator[Owns]:
    """The laws that the interventions may be read as setting, one for each treated member.

    ``do(A ~ q(R))`` sets ``Q[A | R']`` for any ``R ⊆ R' ⊆ pa(A)``, provided that everything which
    reads the mechanism reads it through that piece (Proposition 10(b)). No such piece may hold the
    mechanism of another treated member, which would then be set twice.
    """
    treatments = plate.treatments()
    for chosen in product(*(tuple(_pieces_of(plate, one, within)) for one in treatments)):
        owns = tuple((one.node, part) for one, part in zip(treatments, chosen, strict=True))
        if not any(part.factors & plate.treated & ~(1 << node) for node, part in owns):
            yield owns


def _pieces_of(plate: Plate, treatment: Treatment, within: Within) -> Iterator[Piece]:
    """The mechanism of one treated member, and pieces around it."""
    node = treatment.node
    own = mechanism(plate, node)
    ignored = own.given & ~treatment.reads
    added = dict(plate.added)[node]
    observed = not (own.of | own.given) & plate.task.graph.latent and _met(plate, own, added)
    observed = observed and shown_by_some(plate, own.law)
    # A law that ignores what its piece is given is met only in units where that plays no role,
    # which is a lot to ask: pieces that ignore least come first. The mechanism itself is set
    # first where it ignores nothing or where nothing random reads it, and else last.
    yield own if observed and not ignored else replace(own, law=None)
    found: list[Piece] = []
    optional = list(bits(ignored))
    for drop in range(1, 1 << len(optional)):
        given = own.given & ~sum(1 << other for i, other in enumerate(optional) if drop >> i & 1)
        one = piece(plate, 1 << node, given, within)
        if one.law is None or one.factors == 1 << node or treatment.reads & ~one.given:
            continue
        if _met(plate, one, added):
            found.append(one)
    yield from sorted(found, key=lambda one: (one.given & ~treatment.reads).bit_count())
    if observed and ignored:
        yield own


def _met(plate: Plate, part: Piece, added: int) -> bool:
    """Whether units can show the policy's law in this place: in the graph it varies with all that is read.

    Where the policy alone lets the treatment read X, no unit ever shows a law that varies with X,
    unless another mechanism of the piece reads X.
    """
    reads = 0
    for node in bits(part.factors & ~part.of):
        reads |= plate.parents(node)
    return not added & ~reads


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
