"""Finite populations that reach what an estimand conditions on.

On arbitrary random types, a term such as ``P(Y | Q[A] = q, …)`` conditions on an event of
probability zero. Here the mechanisms that the lowering hid are solved for, so that every visible
piece takes two values whatever is visible behind it, the intervention's law among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from umbel.graph.mixed import Graph, bits
from umbel.model.proof import Road
from umbel.model.task import Lowered, Piece, Task, Treatment
from umbel.numerics.tables import Array, Table
from umbel.simulate.discrete import random_law
from umbel.simulate.plated import PlatedModel, random_plated, reaching_atoms
from umbel.structure.plates import innermost

OWNER_SIZES = (8, 16, 24, 6, 40)
"""States of a variable whose mechanism is solved for: more give more freedom, and larger tables."""
WAYS = 6
"""Ways to reach that are tried in turn; see :func:`_way`."""


@dataclass(frozen=True, slots=True, eq=False)
class ActualPolicy:
    """A treatment's law in numbers: as a table for evaluation, and as a mechanism of a model.

    ``mechanism`` has shape (sizes of ``reads``…, size of the treatment).
    """

    table: Table
    reads: tuple[int, ...]
    mechanism: Array

    @staticmethod
    def of(task: Task, treatment: Treatment, mechanism: Array) -> ActualPolicy:
        """The policy with this mechanism for one of the task's treatments."""
        reads = tuple(bits(treatment.reads))
        names = [task.graph.names[node] for node in (treatment.node, *reads)]
        return ActualPolicy(Table(names, np.moveaxis(mechanism, -1, 0)), reads, mechanism)

    @staticmethod
    def random(task: Task, treatment: Treatment, sizes: Mapping[int, int], rng: np.random.Generator) -> ActualPolicy:
        """A random law for a treatment."""
        shape = [*(sizes[node] for node in bits(treatment.reads)), sizes[treatment.node]]
        return ActualPolicy.of(task, treatment, random_law(shape, rng))


def reaching_population(
    road: Road, rng: np.random.Generator, attempt: int
) -> tuple[PlatedModel, ActualPolicy | None] | None:
    """A plated model whose laws reach what the estimand conditions on; None: try again. For one treatment."""
    built = reaching(road, rng, attempt, {})
    return None if built is None else (built[0], next(iter(built[1].values()), None))


def reaching(
    road: Road, rng: np.random.Generator, attempt: int, fixed: Mapping[int, Array]
) -> tuple[PlatedModel, dict[int, ActualPolicy]] | None:
    """A plated model whose laws reach what the estimand conditions on, and the treated members' laws.

    ``fixed``: laws that the question fixes, by treated member; others are drawn. None: try again.
    """
    lowering = road.lowerings[0] if road.lowerings else None
    graph, members = _explicit(road)
    sizes = [2] * len(graph.names)
    way = _way(lowering, attempt) if lowering else None
    if lowering and way is None:
        return None
    if way is not None:
        _enlarge(sizes, way)
    task = road.task
    inside = [one for one in task.treatments if members >> one.node & 1]
    owns = dict(lowering.record.owns) if lowering else {}
    if any(owns[one.node].factors != 1 << one.node for one in inside if owns) and (len(inside) > 1 or fixed):
        return None  # pieces of several treatments at once, or at a given law, are beyond this search
    atoms: dict[int, Array] = {}
    policies: dict[int, ActualPolicy] = {}
    for one in inside:
        known = fixed.get(one.node)
        policies[one.node] = (
            ActualPolicy.random(task, one, dict(enumerate(sizes)), rng)
            if known is None
            else ActualPolicy.of(task, one, np.pad(known, (0, sizes[one.node] - len(known))))
        )
    if lowering is not None and way is not None:
        for one in inside:
            if owns[one.node].factors == 1 << one.node:
                atoms[one.node] = _mechanisms(graph, members, sizes, one.node, policies[one.node], rng)
        levels = _reached(lowering, graph, members, sizes, atoms, way, task, rng)
        if levels is None:
            return None
        for one in inside:
            if owns[one.node].factors in levels:
                policies[one.node] = _level_policy(task, one, owns[one.node], levels[owns[one.node].factors][0])
    return random_plated(graph, members, graph.everything, rng=rng, sizes=sizes, atoms=atoms), policies


def _enlarge(sizes: list[int], way: _Way) -> None:
    """More states for what pieces integrate: for the owners, later for the rest of what no law shows."""
    shown = 0
    for part, _ in way.pieces:
        shown |= part.of | part.given
    for part, owner in way.pieces:
        if part.of >> owner & 1 == 0:
            # What another piece is given multiplies what that piece has to reach.
            many = OWNER_SIZES[way.round % len(OWNER_SIZES)]
            sizes[owner] = 4 if shown >> owner & 1 and way.round % 4 < 2 else many
        for node in bits(part.factors & ~shown) if way.round else ():
            sizes[node] = max(sizes[node], 4)


def _mechanisms(
    graph: Graph,
    members: int,
    sizes: list[int],
    node: int,
    policy: ActualPolicy,
    rng: np.random.Generator,
) -> Array:
    """Two mechanisms of the treated member: the intervention's own law, and another."""
    inside = list(bits(graph.parents[node] & members))
    full = [*(sizes[i] for i in inside), sizes[node]]
    wide = policy.mechanism.reshape([*(sizes[i] if i in policy.reads else 1 for i in inside), sizes[node]])
    return np.stack([np.broadcast_to(wide, full), random_law(full, rng)])


def _level_policy(task: Task, treatment: Treatment, own: Piece, level: Array) -> ActualPolicy:
    """The intervention's law as the level that the treatment's piece was made to reach."""
    reads = tuple(bits(treatment.reads))
    # A law that reads less than its piece does not vary with the rest: see ``ignored`` below.
    keep = tuple(slice(None) if i in reads else 0 for i in bits(own.given))
    mechanism = np.asarray(level[(*keep, slice(None))])
    return ActualPolicy.of(task, treatment, mechanism)


def _explicit(road: Road) -> tuple[Graph, int]:
    """The graph with hidden roots for every ``<->``, inside the plate or between unit variables."""
    plate = innermost(road.task)
    graph, members = plate.task.graph, plate.members
    names, parents, plate_of = list(graph.names), list(graph.parents), list(graph.plate_of)
    latent = graph.latent
    for a in range(len(graph.names)):
        for b in bits(graph.siblings[a] & ~((2 << a) - 1)):
            root = len(names)
            names.append(f"{graph.names[a]}<->{graph.names[b]}")
            parents.append(0)
            plate_of.append(-1)
            parents[a] |= 1 << root
            parents[b] |= 1 << root
            latent |= 1 << root
    empty = (0,) * len(names)
    whole = Graph(tuple(names), tuple(parents), empty, empty, graph.plates, tuple(plate_of), latent)
    return whole, members


def _reached(
    lowering: Lowered,
    graph: Graph,
    members: int,
    sizes: list[int],
    atoms: dict[int, Array],
    way: _Way,
    task: Task,
    rng: np.random.Generator,
) -> dict[int, Array] | None:
    """Fill ``atoms`` so that each of the way's pieces takes two values; the values by its factors."""
    record = replace(lowering.record, graph=graph)
    hidden = {owner for _, owner in way.pieces}
    treatment = lowering.record.treatment_piece
    reads = task.treatment.reads if task.treatment else 0
    ignored = treatment.given & ~reads if treatment else 0
    several = 1
    for node in bits(record.members):
        if node not in hidden and node not in atoms:
            inside = [sizes[p] for p in bits(graph.parents[node] & members)]
            several += 1
            table = _spread([2 if several <= 3 else 1, *inside, sizes[node]], rng)
            if task.treatment is not None and node == task.treatment.node:
                # What the policy alone reads plays no role in what units show.
                added = reads & ~task.graph.parents[node]
                axes = [1 + i for i, p in enumerate(bits(graph.parents[node] & members)) if added >> p & 1]
                table = np.broadcast_to(table.mean(axis=tuple(axes), keepdims=True), table.shape)
            atoms[node] = table
    levels: dict[int, Array] = {}
    together = treatment.factors if treatment else 0
    policy = together if together & (together - 1) == 0 else 0
    for part, owner in way.pieces:
        if any(other in hidden and other != owner and other not in atoms for other in bits(part.factors)):
            return None
        atoms.pop(owner, None)
        apart = record.members & ~together if way.apart and part != treatment else 0
        solved = reaching_atoms(part, owner, record, atoms, sizes, rng, ignored=ignored, apart=apart, policy=policy)
        if solved is None:
            return None
        atoms[owner], levels[part.factors] = solved
    return levels


def _spread(shape: list[int], rng: np.random.Generator) -> Array:
    """Random laws far from each other: mixtures of them reach more."""
    weights = random_law(shape, rng, floor=0.05) ** 3
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to reach: what is solved for, and how much is asked.

    Parameters
    ----------
    pieces
        Pieces that take two values, the smallest first, each with the mechanism that is solved for.
    apart
        Whether the values may differ with mechanisms beside the treatment's.
    round
        Counts from 0; later rounds have other numbers of states.
    """

    pieces: tuple[tuple[Piece, int], ...]
    apart: bool
    round: int


def _way(lowering: Lowered, attempt: int) -> _Way | None:
    """The way of an attempt: six in turn, since formulas differ in what they read together.

    What a piece integrates is solved for first, since its states can grow without growing the
    piece; in every second way its outputs, which follow whatever it is given. All pieces have the
    same values everywhere, or values that differ with visible mechanisms, or only the treatment's
    piece is made to reach anything.
    """
    record = lowering.record
    graph = record.graph
    hidden_inside = sum(
        1 << member
        for member in bits(record.members)
        if (graph.parents[member] & record.members | 1 << member) & graph.latent
    )
    hidden = lowering.task.graph.latent | lowering.task.outcomes
    visible = sorted(
        (part for node, part in lowering.mixed if not hidden >> node & 1), key=lambda part: part.factors.bit_count()
    )
    round_, turn = divmod(attempt, WAYS)
    if turn // 2 == 2:
        visible = [part for part in visible if part == record.treatment_piece]
    options = [
        sorted(bits(part.factors & (record.hidden | hidden_inside)), key=lambda m: part.of >> m & 1 ^ turn & 1)
        for part in visible
    ]
    chosen = _distinct([_rotated(each, round_ // 2) for each in options])
    return None if chosen is None else _Way(tuple(zip(visible, chosen, strict=True)), turn // 2 == 1, round_)


def _rotated(options: list[int], by: int) -> list[int]:
    at = by % max(len(options), 1)
    return options[at:] + options[:at]


def _distinct(options: list[list[int]], taken: tuple[int, ...] = ()) -> tuple[int, ...] | None:
    """One option from each list, all different; None when there is no such choice."""
    if not options:
        return ()
    for option in options[0]:
        if option not in taken:
            rest = _distinct(options[1:], (*taken, option))
            if rest is not None:
                return (option, *rest)
    return None
