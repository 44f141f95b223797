"""A task is what a lowering reads and what it gives back: graph, question, sources, facts.

Lowerings chain by type: each removes one structure (a plate, …) and keeps a record from which the
result is lifted and verified. Node names of a lowered graph are only for printing; what a node
*is* stands in ``meanings``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from umbel.expr.build import free, product, quotient, total
from umbel.expr.nodes import Expr, Law, Level, Meaning, Policy, Quotient, Raw, Symbol, Value
from umbel.graph.mixed import Graph, bits


@dataclass(frozen=True, slots=True)
class Treatment:
    """An intervention on one node: held at ``value``, or drawn from ``policy``.

    Parameters
    ----------
    node
        Index in the task's graph.
    value
        Where the node is held; its own symbol for ``do(A)``, every value. None for a policy.
    policy
        The law it is drawn from. None for a held value.
    reads
        Mask of what the policy reads.
    """

    node: int
    value: Value | Symbol | None = None
    policy: Policy | None = None
    reads: int = 0


@dataclass(frozen=True, slots=True)
class Sight:
    """What one source shows of a task's graph: the source on masks, lowered with the graph.

    Parameters
    ----------
    index
        Its place among the sources.
    seen
        Mask of what it measured or set.
    do
        Mask of what it set.
    doses
        Pairs of a node in ``do`` and the values at which it was set; a node without a pair was
        set to every value.
    kept_by
        Mask of the variables by which its rows were kept.
    assigned
        How many plates lie around what it randomised; 0: units. What lies deeper was set inside
        each of them.
    """

    index: int
    seen: int
    do: int = 0
    doses: tuple[tuple[int, tuple[Value, ...]], ...] = ()
    kept_by: int = 0
    assigned: int = 0


def raw_meaning(graph: Graph, node: int) -> Raw:
    """What a node of the user's own graph stands for: itself, at its level."""
    return Raw(graph.names[node], tuple(graph.plates[plate].name for plate in graph.plate_path(node)))


@dataclass(frozen=True, slots=True)
class Task:
    """One effect to identify: ``P(outcomes | do(treatments), given)`` in a graph whose nodes mean something.

    Parameters
    ----------
    graph
        Facts travel in it.
    meanings
        What each node stands for.
    outcomes
        Mask of the outcomes.
    treatments
        The interventions, one per node.
    given
        Mask of the conditions.
    sources
        What is known; empty: one observational study of all that is not latent.
    """

    graph: Graph
    meanings: tuple[Meaning, ...]
    outcomes: int
    treatments: tuple[Treatment, ...] = ()
    given: int = 0
    sources: tuple[Sight, ...] = ()

    @staticmethod
    def of(graph: Graph, outcomes: int, *treatments: Treatment, given: int = 0) -> Task:
        """The task on the user's own graph: every node is a raw variable at its level."""
        meanings = (
            tuple(raw_meaning(graph, node) for node in range(len(graph.names)))
            if graph.plates
            else tuple(map(Raw, graph.names))
        )
        return Task(graph, meanings, outcomes, treatments, given)

    @property
    def treatment(self) -> Treatment | None:
        """The first treatment, where there is one."""
        return self.treatments[0] if self.treatments else None

    @property
    def treated(self) -> int:
        """Mask of the treated nodes."""
        mask = 0
        for treatment in self.treatments:
            mask |= 1 << treatment.node
        return mask

    def symbols(self, mask: int) -> tuple[Symbol, ...]:
        """Symbols of the members of a mask."""
        return tuple(Symbol(self.meanings[node]) for node in bits(mask))


@dataclass(frozen=True, slots=True)
class Piece:
    """A law inside the unit that stands for several mechanisms: Eq. (71) in one node.

    Masks are of members of the plate in the record's explicit graph.

    Parameters
    ----------
    of, given
        ``Q[of | do given]``.
    factors
        The mechanisms it integrates: minimal, so that none reaches ``of`` only through ``given``.
    law
        Its meaning; None when it cannot be computed from what is observed.
    source
        Index of the one source whose units show it by this formula; None: every source that
        measures what the formula reads.
    """

    of: int
    given: int
    factors: int
    law: Law | None
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reader of the plate was rewritten: ``factors`` became ``uses``.

    The identity that makes it valid is checked by ``verify()``: the product of ``factors``,
    integrated down to ``out``, equals the product of the pieces in ``uses`` and the factors left.
    """

    reader: str
    factors: int
    out: int
    uses: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Collapse:
    """The record of one plate's collapse, from which it is lifted and verified.

    Parameters
    ----------
    graph
        The graph before, with hidden roots for unnamed ``<->`` inside the plate.
    members
        Mask of the plate's variables in it.
    plate
        Path of the plate.
    meanings
        Meanings of the nodes of ``graph``.
    readings
        Every rewriting, the outcome's among them (reader "").
    hidden
        Mask of members whose law was left out to restore positivity (Algorithm 3).
    owns
        The treated members, and for each the law that its intervention sets.
    sources
        What each source shows of ``graph``.
    """

    graph: Graph
    members: int
    plate: Level
    meanings: tuple[Meaning, ...]
    readings: tuple[Reading, ...]
    hidden: int
    owns: tuple[tuple[int, Piece], ...]
    sources: tuple[Sight, ...] = ()

    @property
    def treated(self) -> int:
        """The first treated member; -1 when the treatment stands outside."""
        return self.owns[0][0] if self.owns else -1

    @property
    def treatment_piece(self) -> Piece | None:
        """The law that the intervention sets; None when no member is treated."""
        return self.owns[0][1] if self.owns else None


@dataclass(frozen=True, slots=True)
class Lowered:
    """A task with one structure less, and the way back.

    Parameters
    ----------
    task
        The lowered task.
    sink
        The outcome's law as an expression of the lowered outcomes: deterministic, evaluated
        analytically. None when the outcome is a node of the lowered graph itself.
    record
        For ``verify()``.
    mixed
        The pieces that are nodes of their own, with their places.
    sunk
        Mask of the lowered outcomes that the sink reads; other outcomes stand outside the plate.
    """

    task: Task
    sink: Expr | None
    record: Collapse
    mixed: tuple[tuple[int, Piece], ...] = field(default=())
    sunk: int = 0

    def lift(self, expr: Expr) -> Expr:
        """Carry an estimand of the lowered task back: a homomorphism that acts on atoms only."""
        if self.sink is None:
            return expr
        symbols = self.task.symbols(self.sunk)
        if isinstance(expr, Quotient) and free(expr.denominator).isdisjoint(symbols):
            return quotient(total(symbols, product([expr.numerator, self.sink])), expr.denominator)
        return total(symbols, product([expr, self.sink]))
