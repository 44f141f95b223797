"""Which lowering identifies: the search over pieces and hidden mechanisms, plate by plate.

Plates are collapsed from the inside out. For each plate the treatment's law is read as the
mechanism itself first, then as pieces; further pieces only add constraints, so the verdict can
only improve with them, and hiding only takes away, so it is tried last and smallest first. When
no collapse identifies, one member per unit may still obey the graph with the plates erased (the
flat route). The search is sound and incomplete: its "no" is "not identified by this route".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from umbel.expr.build import total
from umbel.expr.nodes import AtState, Certain, Expr, Level, Meaning, Symbol, Value
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.graph.walks import descendants
from umbel.identification.engine import Effect, effect, hedges
from umbel.identification.flat import averaged, divided, is_identified
from umbel.identification.kernel import Names
from umbel.identification.segregated import in_equilibrium, solve_plain
from umbel.model.proof import FlatProof, Road
from umbel.model.task import Lowered, Piece, Sight, Task
from umbel.structure.collapse import lowered
from umbel.structure.pieces import Owns, outcome_pieces, treatment_pieces, useful_pieces
from umbel.structure.plates import Plate, innermost
from umbel.structure.positivity import keeps_positivity

MOST_EXTRA = 2
"""Further pieces tried together; every known example needs at most one."""


def within_unit(graph: Graph, of: int, given: int, meanings: Sequence[Meaning], level: Level) -> Expr | None:
    """Identification inside the unit: ``p(of; do(given))`` from the members' observed law."""
    found = effect(graph, of, given, meanings, level=level)
    if not isinstance(found, Effect):
        return None
    over = [Symbol(meanings[node]) for node in bits(found.scope & ~of)]
    return averaged(total(over, found.body), [Symbol(meanings[node]) for node in bits(of | given)], level)


def solve(task: Task) -> Road:
    """Identify a task: lower its plates from the inside out, then the flat engine.

    The road's ``expr`` is None when no route identifies; its witnesses are then those of the
    first lowering tried.
    """
    if all(plate < 0 for plate in task.graph.plate_of):
        return solve_plain(task)
    plate = innermost(task)
    stuck: Road | None = None
    void = False
    for result, choice in _candidates(plate):
        road = solve(result.task)
        if road.expr is None:
            stuck = stuck or replace(road, task=task, lowerings=(result, *road.lowerings))
            continue
        for positive in _positive(plate, result, choice):
            again = road if positive is result else solve(positive.task)
            if again.expr is not None:
                lifted = positive.lift(again.expr)
                return replace(again, task=task, lowerings=(positive, *again.lowerings), expr=lifted)
        void = True
    return replace(stuck or _stuck_inside(plate), task=task, void=void)


def _stuck_inside(plate: Plate) -> Road:
    """What is read of the members cannot be identified inside the unit: the witnesses of their graph."""
    inner, task = plate.inner, plate.task
    treated = plate.treated
    wanted = task.outcomes & plate.members
    if not wanted:
        below = descendants(task.graph, treated, plate.members)
        for node in plate.readers():
            wanted |= plate.parents(node) & below & ~treated
    of, own = (
        sum(1 << i for i, node in enumerate(plate.inner_nodes) if mask >> node & 1) for mask in (wanted, treated)
    )
    return Road(task, flat=FlatProof(inner, of, own, hedges=hedges(inner, of, own)))


@dataclass(frozen=True, slots=True)
class _Choice:
    """How a candidate was made, so that it can be made again with mechanisms hidden."""

    outcome: tuple[Piece, ...] | None
    owns: Owns
    extra: tuple[Piece, ...]


def _candidates(plate: Plate) -> Iterator[tuple[Lowered, _Choice]]:
    """Lowerings without hidden mechanisms, simplest first."""
    outcome = None
    if plate.task.outcomes & plate.members:
        outcome = outcome_pieces(plate, within_unit)
        if outcome is None:
            return
    further: tuple[Piece, ...] | None = None
    for owns in treatment_pieces(plate, within_unit):
        base = lowered(plate, outcome, owns, (), 0)
        if base is not None:
            yield base, _Choice(outcome, owns, ())
        if further is None:
            further = useful_pieces(plate, within_unit)
        for count in range(1, MOST_EXTRA + 1):
            for extra in combinations(further, count):
                result = lowered(plate, outcome, owns, extra, 0)
                if result is not None:
                    yield result, _Choice(outcome, owns, extra)


def _positive(plate: Plate, result: Lowered, choice: _Choice) -> Iterator[Lowered]:
    """The candidate itself if it keeps positivity, then with mechanisms hidden, fewest first."""
    if keeps_positivity(plate, result, within_unit):
        yield result
        return
    graph = result.task.graph
    protected = result.task.outcomes | result.task.given | result.task.treated
    behind = 0
    for node, _ in result.mixed:
        behind |= graph.parents[node]
    members = [
        member
        for member in bits(plate.members & plate.relevant)
        if (at := _place(result, member)) >= 0 and behind >> at & 1 and not (graph.latent | protected) >> at & 1
    ]
    for count in range(1, len(members) + 1):
        for hidden in combinations(members, count):
            again = lowered(plate, choice.outcome, choice.owns, choice.extra, sum(1 << node for node in hidden))
            if again is not None and keeps_positivity(plate, again, within_unit):
                yield again


def _place(result: Lowered, member: int) -> int:
    """Index of a member's mechanism in the lowered graph: members follow the outside, in order."""
    record = result.record
    inside = list(bits(record.members))
    if member not in inside:
        return -1
    total_nodes = len(result.task.graph.names) - len(result.mixed)
    return total_nodes - len(inside) + inside.index(member)


def solve_given(task: Task) -> Road:
    """Identify a task whose conditions may live inside plates: these are asked for, then divided by."""
    inside = sum(1 << node for node in bits(task.given) if task.graph.plate_of[node] >= 0)
    if not inside:
        return solve(task)
    road = solve(replace(task, outcomes=task.outcomes | inside, given=task.given & ~inside))
    if road.expr is None:
        return replace(road, task=task)
    names = Names(task.meanings, after=road.expr)
    return replace(road, task=task, expr=divided(road.expr, task.outcomes, names))


def erased(task: Task) -> Task:
    """The same task with every plate erased: each variable at unit level, the law of one member per unit.

    A trial that dealt shares to units, or treated some of the members in each, dealt every state to
    members; one that treated whole units dealt the states that it used.
    """
    graph = replace(task.graph, plates=(), plate_of=(-1,) * len(task.graph.names))
    sources = tuple(replace(sight, doses=tuple(_member_doses(task, sight)), assigned=0) for sight in task.sources)
    return replace(task, graph=graph, sources=sources)


def _member_doses(task: Task, sight: Sight) -> Iterator[tuple[int, tuple[Value, ...]]]:
    for node, doses in sight.doses:
        if task.graph.plate_of[node] < 0:
            yield node, doses
            continue
        states = tuple(dose.value for dose in doses if isinstance(dose, Certain) and isinstance(dose.value, AtState))
        if doses and len(states) == len(doses):
            yield node, states


def identified_when_erased(task: Task) -> bool:
    """Whether the effect would be identified if every member variable were one unit variable."""
    plain = erased(task)
    return solve_plain(plain).expr is not None if in_equilibrium(plain) else is_identified(plain)


def flat_route(task: Task) -> Road | None:
    """One member per unit obeys the graph with the plates erased, where nothing reads a plate.

    Let no edge among the outcome's ancestors run from a plate to a variable outside it. Then the
    unit's variables come first, and given them (and the independent noise of each mechanism) one
    member is a draw in which every mechanism is ``p(v | pa(v))``, the unit noise averaged out. So
    unit variables and one member form a model of the erased graph, before and after an
    intervention on a member's mechanism, and flat identification applies to the pooled law.
    """
    graph = task.graph
    start = task.outcomes | task.given | task.treated
    for treatment in task.treatments:
        start |= treatment.reads
    for sight in task.sources:
        start |= sight.kept_by
    relevant = anterior(graph, start)
    levels = {graph.plate_path(node) for node in bits(relevant)}
    deepest = max(levels, key=len)
    if any(level != deepest[: len(level)] for level in levels):
        return None
    for node in bits(relevant):
        depth = len(graph.plate_path(node))
        if any(len(graph.plate_path(parent)) > depth for parent in bits(graph.parents[node])):
            return None
    road = solve_plain(erased(task), tuple(graph.plates[plate].name for plate in deepest))
    return None if road.expr is None else replace(road, task=task)
