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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from umbel.expr.nodes import Expr, Level, Meaning, Raw
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.graph.surgery import latent_projection
from umbel.graph.walks import closure
from umbel.model.task import Task, Treatment

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
        Mask of all that leads to the outcomes or the treatment, after or before the intervention.
    inner, inner_nodes
        The members' own graph, hidden ones projected, and the node behind each of its nodes.
    added
        Pairs of a treated node and the mask of what it reads by its policy alone, and not in the graph.
    """

    task: Task
    index: int
    level: Level
    members: int
    relevant: int
    inner: Graph
    inner_nodes: tuple[int, ...]
    added: tuple[tuple[int, int], ...] = ()

    @property
    def treated(self) -> int:
        """Mask of the treated members."""
        return self.task.treated & self.members

    def treatments(self) -> tuple[Treatment, ...]:
        """The interventions on members."""
        return tuple(one for one in self.task.treatments if self.members >> one.node & 1)

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
    added = tuple((one.node, one.reads & ~graph.parents[one.node]) for one in task.treatments)
    task, members = _with_roots(_with_policy_edges(task), members, path)
    graph = task.graph
    asked = task.outcomes | task.given | task.treated
    for treatment in task.treatments:
        asked |= treatment.reads
    for sight in task.sources:
        asked |= sight.kept_by
    relevant = anterior(graph, asked)
    inner, inner_nodes = members_graph(graph, members & relevant)
    return Plate(task, index, path, members, relevant, inner, inner_nodes, added)


def _path(graph: Graph, plate: int) -> Level:
    names: list[str] = []
    while plate >= 0:
        names.append(graph.plates[plate].name)
        plate = graph.plates[plate].outer
    return tuple(reversed(names))


def _with_policy_edges(task: Task) -> Task:
    """Let each treatment read what its policy reads: a model of the graph is one of the larger graph.

    Not so in a block, or where treatments read each other: such a graph would have a way round.
    """
    parents = list(task.graph.parents)
    reads = {one.node: one.reads for one in task.treatments}
    for node, own in reads.items():
        mutual = any(reads.get(other, 0) >> node & 1 for other in bits(own))
        if not mutual and not task.graph.neighbours[node]:
            parents[node] |= own
    if tuple(parents) == task.graph.parents:
        return task
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


def members_graph(graph: Graph, members: int, fixed: int = 0) -> tuple[Graph, tuple[int, ...]]:
    """The members' graph with hidden ones projected, plates and outside erased; nothing acts on fixed ones."""
    nodes = tuple(bits(members))
    place = {node: i for i, node in enumerate(nodes)}
    parents = tuple(
        0 if fixed >> node & 1 else sum(1 << place[p] for p in bits(graph.parents[node] & members)) for node in nodes
    )
    latent = sum(1 << place[node] for node in bits(graph.latent & members))
    empty = (0,) * len(nodes)
    flat = Graph(tuple(graph.names[node] for node in nodes), parents, empty, empty, latent=latent)
    visible = tuple(node for node in nodes if not graph.latent >> node & 1)
    return latent_projection(flat), visible
