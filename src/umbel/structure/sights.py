"""What each source shows of a lowered graph: laws of members as nodes, doses as values of laws.

A unit-level trial on a member sets its law, at the doses that it used. A trial inside each unit
sets that law too, but at the one dose of its lot: nothing is learnt of units at other laws
(treating it as all doses prints wrong numbers).
"""

from __future__ import annotations

from collections.abc import Mapping

from umbel.expr.nodes import Certain, Law, Value
from umbel.graph.mixed import bits
from umbel.model.task import Piece, Sight
from umbel.structure.pieces import mechanism, shows_law
from umbel.structure.plates import Plate


def lowered_sights(
    plate: Plate, place: Mapping[int, int], mixed: tuple[tuple[int, Piece], ...], hidden: int
) -> tuple[Sight, ...]:
    """The task's sources on the masks of a lowered graph.

    Parameters
    ----------
    plate
        The plate that was collapsed.
    place
        The lowered index of each outside node and of each member's mechanism.
    mixed
        The pieces that are nodes of their own, with their places.
    hidden
        Mask, in the lowered graph, of what the lowering leaves out.
    """
    return tuple(_lowered(plate, place, mixed, hidden, sight) for sight in plate.task.sources)


def _lowered(
    plate: Plate, place: Mapping[int, int], mixed: tuple[tuple[int, Piece], ...], hidden: int, sight: Sight
) -> Sight:
    if sight.kept_by & plate.members:
        # Rows kept by what varies inside units: the laws of the members are not those of all of them.
        return Sight(sight.index, 0)
    seen = do = kept_by = 0
    doses: list[tuple[int, tuple[Value, ...]]] = []
    limits = dict(sight.doses)
    for node in bits(plate.relevant & ~plate.members):
        bit = 1 << place[node]
        seen |= bit if sight.seen >> node & 1 else 0
        do |= bit if sight.do >> node & 1 else 0
        kept_by |= bit if sight.kept_by >> node & 1 else 0
        if node in limits:
            doses.append((place[node], limits[node]))
    parts = [(place[node], mechanism(plate, node)) for node in bits(plate.relevant & plate.members)]
    for at, part in (*parts, *mixed):
        if part.law is None or part.source not in (None, sight.index):
            continue
        if shows_law(plate, sight, part.law):
            seen |= 1 << at
        for node in bits(sight.do & part.factors):
            if part.of == 1 << node:
                # Members that were set obey the trial's law whatever else they would have read.
                do |= 1 << at
                values = _values(plate, sight, node, limits)
                doses += [(at, values)] if values is not None else []
    # What was set stays set where the lowering leaves it out: there the source shows another law.
    return Sight(sight.index, seen & ~hidden, do, tuple(doses), kept_by, sight.assigned)


def _values(plate: Plate, sight: Sight, node: int, limits: Mapping[int, tuple[Value, ...]]) -> tuple[Value, ...] | None:
    """The values at which a source set a member's law; None: every value."""
    if not isinstance(plate.task.meanings[node], Law):
        return limits.get(node)
    if sight.assigned >= len(plate.level):
        return ()  # the law of laws in a unit is known only where one law was used throughout
    values = limits.get(node)
    return None if values is None else tuple(Certain(value) for value in values)
