"""What a verdict is proved from: the road of each term, from the user's graph to the flat engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from umbel.expr.nodes import Expr, Meaning, Value
from umbel.graph.mixed import Graph, bits
from umbel.model.query import Expectation, Probability
from umbel.model.source import Experiment
from umbel.model.task import Lowered, Sight, Task
from umbel.model.worlds import Conflict, Factor, Use


@dataclass(frozen=True, slots=True)
class EngineSource:
    """A source on the masks of a flat graph. The default is one observational law of every node.

    Parameters
    ----------
    do
        What it set: fixed in its law, never random.
    index
        Its place among the sources.
    graph
        Its own graph on the target's indices, where it does not show every node: what it does not
        measure is projected out and stands isolated, what it set has no arrowhead. None: the
        target's graph.
    seen
        Mask of what it measured or set.
    reached
        Of ``do``: the variables whose values, as far as the question visits them, are all doses.
    kept
        Bit, in ``graph``, of the node that says which rows were kept; 0: all were.
    pins
        Pairs of a variable in ``do`` that was set at some doses only, and one of them.
    """

    do: int = 0
    index: int = 0
    graph: Graph | None = None
    seen: int = -1
    reached: int = -1
    kept: int = 0
    pins: tuple[tuple[int, Value], ...] = ()

    def shows(self, graph: Graph, part: int) -> bool:
        """Whether the mechanisms of a district of the target work, and can be seen, in this source."""
        if not self.do and self.graph is None:
            return True
        reads = 0
        for node in bits(part):
            reads |= graph.parents[node]
        return not (part & self.do or (part | reads) & ~self.seen or reads & self.do & ~self.reached)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of the conditions of an effect (Shpitser and Pearl 2006, IDC).

    Parameters
    ----------
    dropped
        Mask of those that tell nothing more about the outcome.
    moved
        Mask of those for which seeing is as good as setting.
    kept
        Mask of those that are divided by.
    """

    dropped: int = 0
    moved: int = 0
    kept: int = 0


NO_EXCHANGE = Exchange()
"""No condition was asked."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """A hedge: the kernel of ``inner`` cannot be reduced further than that of ``outer``.

    ``outer`` is empty where no source shows the mechanisms of ``inner`` at all.
    """

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
    """How the kernel of one district was reached: its source and moves, and the law that it is.

    ``start`` is the ancestral margin that the moves begin with; ``law`` is None where they end
    before the district.
    """

    district: int
    source: int
    moves: tuple[Move, ...]
    start: int = 0
    law: Expr | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FlatProof:
    """Where the engine worked: an ADMG, and the masks in it.

    Parameters
    ----------
    graph
        The visible relevant nodes of the lowered graph.
    outcomes, treated
        Masks in it; ``treated`` is 0 when the treatment is no cause of the outcome. Conditions
        that were kept count as outcomes, those that were moved as treated.
    reductions
        The engine's moves; empty when not identified.
    hedges
        Witnesses of a "no".
    reads
        Mask of what the treatment's policy reads: with a law of its own for each of their values,
        the effect on the outcomes holds their joint effect (Tian 2008), so hedges may end in them.
    exchange
        What became of the conditions.
    sources
        The laws that were looked at; empty: one observational law of every node.
    complete
        Whether a "no" is a proof: each source shows every node, at every value, and all rows.
    under
        The graph under the policies, where blocks matter; None where none does.
    """

    graph: Graph
    outcomes: int
    treated: int
    reductions: tuple[Reduction, ...] = ()
    hedges: tuple[Hedge, ...] = ()
    reads: int = 0
    exchange: Exchange = NO_EXCHANGE
    sources: tuple[EngineSource, ...] = ()
    complete: bool = True
    under: Graph | None = None


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
    void
        True where a formula was found, and turned down since it reads laws that no units show.
    """

    task: Task
    lowerings: tuple[Lowered, ...] = ()
    flat: FlatProof | None = None
    expr: Expr | None = None
    flat_expr: Expr | None = None
    flat_task: Task | None = None
    void: bool = False


@dataclass(frozen=True, slots=True)
class Worlds:
    """The road of one term that speaks of several worlds.

    Parameters
    ----------
    user_graph, term
        What was asked, of which graph.
    graph
        The visible relevant variables: an ADMG whose indices everything below uses.
    meanings
        What each of its nodes stands for.
    numerator, denominator
        Factors of the events and of the conditions; those that cancel are in neither.
    expr
        ``P(outcomes | given)``, a symbol for each free variable; None when not identified.
    reductions
        How the engine reached each kernel.
    conflicts, hedges
        Witnesses of a "no".
    sights, sources
        What is known, on the user's graph and on ``graph``; empty: one observational study.
    uses
        How declared states made it identified; empty where it is for any number of states.
    complete
        Whether a "no" is a proof.
    """

    user_graph: Graph
    term: Probability | Expectation
    graph: Graph
    meanings: tuple[Meaning, ...]
    numerator: tuple[Factor, ...] = ()
    denominator: tuple[Factor, ...] = ()
    expr: Expr | None = None
    reductions: tuple[Reduction, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    hedges: tuple[Hedge, ...] = ()
    sights: tuple[Sight, ...] = ()
    sources: tuple[EngineSource, ...] = ()
    uses: tuple[Use, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """The user's graph, and the road of every term: effects, and events in several worlds.

    ``experiments``: what was known, where a total was set and the question is put to models anew.
    """

    graph: Graph
    roads: tuple[Road, ...]
    worlds: tuple[Worlds, ...] = ()
    experiments: tuple[Experiment, ...] = ()
