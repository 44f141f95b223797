"""What a verdict is proved from: the road of each term, from the user's graph to the flat engine."""

from __future__ import annotations

from dataclasses import dataclass

from umbel.expr.nodes import Expr
from umbel.graph.mixed import Graph
from umbel.model.task import Lowered, Task


@dataclass(frozen=True, slots=True)
class Hedge:
    """A hedge: the kernel of ``inner`` cannot be reduced further than that of ``outer``."""

    outer: int
    inner: int
    source: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """One reduction of a kernel: which rule, and the random set before and after."""

    rule: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Reduction:
    """How the kernel of one district was reached: its source and moves."""

    district: int
    source: int
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class FlatProof:
    """Where the engine worked: an ADMG, and the masks in it.

    Parameters
    ----------
    graph
        The visible relevant nodes of the lowered graph.
    outcomes, treated
        Masks in it; ``treated`` is 0 when the treatment is no cause of the outcome.
    reductions
        The engine's moves; empty when not identified.
    hedges
        Witnesses of a "no".
    reads
        Mask of what the treatment's policy reads: with a law of its own for each of their values,
        the effect on the outcomes holds their joint effect (Tian 2008), so hedges may end in them.
    """

    graph: Graph
    outcomes: int
    treated: int
    reductions: tuple[Reduction, ...] = ()
    hedges: tuple[Hedge, ...] = ()
    reads: int = 0


@dataclass(frozen=True, slots=True)
class Road:
    """One effect's road.

    Parameters
    ----------
    task
        On the user's graph.
    lowerings
        One per plate, from the inside out.
    flat
        Where the engine worked; None when a plate could not be lowered at all.
    expr
        ``P(outcomes)`` after the intervention; None when not identified.
    flat_expr
        The same at the flat end, before it was lifted, with a held treatment as a free symbol.
    flat_task
        The task at the flat end.
    """

    task: Task
    lowerings: tuple[Lowered, ...] = ()
    flat: FlatProof | None = None
    expr: Expr | None = None
    flat_expr: Expr | None = None
    flat_task: Task | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The user's graph and the road of every effect that the question speaks of."""

    graph: Graph
    roads: tuple[Road, ...]
