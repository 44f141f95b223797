"""The identification engine: one loop over districts and sources.

``P(y | do(x)) = Σ Π_D Q[D]`` over the districts ``D`` of the outcome's ancestors without the
treatments (Tian and Pearl 2002; Shpitser and Pearl 2006). Each ``Q[D]`` is reduced from the
ancestral margin of a source's law; where no source reaches it, the sets that stay are hedges
(Lee, Correa and Bareinboim, "General identifiability with arbitrary surrogate experiments", 2019).
Policies replace kernels and add what they read to the ancestors (Tian 2008).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.expr.build import product
from umbel.expr.nodes import Expr, Level, Meaning
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, closure, district, districts
from umbel.identification.kernel import Names, kernel, moves, reduced, smallest
from umbel.model.proof import EngineSource, Hedge, Move, Reduction

OBSERVED = (EngineSource(),)


@dataclass(frozen=True, slots=True)
class Effect:
    """An identified effect: kernels of the districts, not yet summed.

    Parameters
    ----------
    factors
        One expression per district of ``scope`` without the treatments.
    scope
        Mask of outcomes, their ancestors after the intervention, and random treatments.
    reductions
        The moves, district by district.
    """

    factors: tuple[Expr, ...]
    scope: int
    reductions: tuple[Reduction, ...]

    @property
    def body(self) -> Expr:
        """Product of the factors."""
        return product(self.factors)


def reads_of(graph: Graph, part: int) -> int:
    """Parents of a set outside it."""
    reads = 0
    for node in bits(part):
        reads |= graph.parents[node]
    return reads & ~part


def scope_of(graph: Graph, outcomes: int, treated: int, policies: Mapping[int, int]) -> int:
    """Outcomes with their ancestors after the intervention; random treatments are among them."""
    if not policies:
        return ancestors(graph, outcomes, graph.everything & ~treated)
    parents = list(graph.parents)
    for node, reads in policies.items():
        parents[node] = reads
    fixed = treated & ~sum(1 << node for node in policies)
    return closure(outcomes, parents, graph.everything & ~fixed)


def identifiable(
    graph: Graph,
    outcomes: int,
    treated: int,
    *,
    policies: Mapping[int, int] | None = None,
    sources: Sequence[EngineSource] = OBSERVED,
) -> bool:
    """Whether ``P(outcomes | do(treated))`` is identified; no expression is built.

    Parameters
    ----------
    graph
        An ADMG without latent nodes: project first.
    outcomes, treated
        Disjoint masks.
    policies
        Random treatments with the mask of what each reads; others are held at values.
    sources
        The studies; the default is one observational law.

    Examples
    --------
    >>> front_door = Graph.build(directed=[("X", "Z"), ("Z", "Y")], bidirected=[("X", "Y")])
    >>> identifiable(front_door, front_door.mask("Y"), front_door.mask("X"))
    True
    """
    scope = scope_of(graph, outcomes, treated, policies or {})
    return all(
        any(_shows(graph, part, source) and _identifies(graph, part, source) for source in sources)
        for part in districts(graph, scope & ~treated)
    )


def _shows(graph: Graph, part: int, source: EngineSource) -> bool:
    """Whether the mechanisms of a district work in a source as they do in the target.

    What the source set and the target leaves out varies there of its own accord: a law in which it
    stands still is another one.
    """
    if not source.shows(graph, part):
        return False
    if source.graph is None or not source.do:
        return True
    elsewhere = source.do & ~reads_of(graph, part)
    return not any(reads_of(own, piece) & elsewhere for own, piece in _pieces(graph, part, source))


def _identifies(graph: Graph, part: int, source: EngineSource) -> bool:
    return all(_reach(own, piece, source) == piece for own, piece in _pieces(graph, part, source))


def _pieces(graph: Graph, part: int, source: EngineSource) -> Iterator[tuple[Graph, int]]:
    """Districts of a source's own graph whose kernels make up the kernel of a district of the target.

    Where the source shows more than the target asks for, ``Q[D] = P(D | do(pa(D)))`` is an effect
    in it, with ancestors of its own; otherwise it is one kernel.
    """
    own = source.graph
    if own is None:
        yield graph, part
        return
    within = own.everything & ~reads_of(graph, part) & ~source.do
    for piece in districts(own, ancestors(own, part, within)):
        yield own, piece


def _start(graph: Graph, part: int, source: EngineSource) -> tuple[int, int]:
    """The ancestral margin that a kernel is reduced from, and what is conditioned on in it."""
    within = graph.everything & ~source.do
    start = ancestors(graph, part | source.kept, within)
    return start, ancestors(graph, source.kept, within) if source.kept else 0


def _reach(graph: Graph, part: int, source: EngineSource) -> int:
    """The smallest random set that a source's law leads to: ``part`` itself when it is identified."""
    start, conditioned = _start(graph, part, source)
    if conditioned:
        # Given all that decides which rows were kept, the kept rows are like any others: the
        # kernels of districts that hold none of it are unchanged (Bareinboim and Tian 2015).
        start = district(graph, part, start)
        if start & conditioned:
            return start | conditioned
    return reduced(graph, part, start)


def hedges(
    graph: Graph,
    outcomes: int,
    treated: int,
    *,
    policies: Mapping[int, int] | None = None,
    sources: Sequence[EngineSource] = OBSERVED,
) -> tuple[Hedge, ...]:
    """The hedges of the districts that no source identifies; empty when the effect is identified.

    A district that no source shows has an empty ``outer``: nothing is known of it.
    """
    scope = scope_of(graph, outcomes, treated, policies or {})
    found: list[Hedge] = []
    for part in districts(graph, scope & ~treated):
        showing = [source for source in sources if _shows(graph, part, source)]
        if any(_identifies(graph, part, source) for source in showing):
            continue
        for source in showing:
            reached = ((_reach(own, piece, source), piece) for own, piece in _pieces(graph, part, source))
            found += [Hedge(mask & ~source.kept, piece, source.index) for mask, piece in reached if mask != piece]
        if not showing:
            found.append(Hedge(0, part, -1))
    return tuple(found)


def effect(
    graph: Graph,
    outcomes: int,
    treated: int,
    meanings: Sequence[Meaning],
    *,
    policies: Mapping[int, int] | None = None,
    sources: Sequence[EngineSource] = OBSERVED,
    level: Level = (),
    names: Names | None = None,
) -> Effect | tuple[Hedge, ...]:
    """Identify ``P(outcomes | do(treated))`` and build its kernels, or give the hedges.

    Parameters
    ----------
    graph, outcomes, treated, policies, sources
        As in :func:`identifiable`.
    meanings
        What each node stands for in the expressions.
    level
        The level at which the observed laws are sampled.
    names
        A shared source of fresh copies, when several effects enter one estimand.

    Returns
    -------
    Effect or tuple of Hedge
        The caller sums ``scope`` without outcomes and treatments held at values.
    """
    names = names or Names(meanings, level)
    scope = scope_of(graph, outcomes, treated, policies or {})
    factors: list[Expr] = []
    reductions: list[Reduction] = []
    for part in districts(graph, scope & ~treated):
        showing = (source for source in sources if _shows(graph, part, source))
        source = next((one for one in showing if _identifies(graph, part, one)), None)
        if source is None:
            return hedges(graph, outcomes, treated, policies=policies, sources=sources)
        laws: list[Expr] = []
        covered = 0
        for own, piece in _pieces(graph, part, source):
            law, reduction = _kernel(own, piece, names, source)
            laws.append(law)
            reductions.append(reduction)
            covered |= piece
        factors.append(names.bound(covered & ~part, product(laws)))
    return Effect(tuple(factors), scope, tuple(reductions))


def _kernel(graph: Graph, part: int, names: Names, source: EngineSource) -> tuple[Expr, Reduction]:
    """The smallest expression of an identified kernel, and the moves that lead to it."""
    start, conditioned = _start(graph, part, source)
    random = district(graph, part, start) if conditioned else start

    def build(order: Sequence[int]) -> Expr:
        return kernel(graph, part, random, names, source.do, order, source.index)

    law = smallest(build, graph, start, conditioned)
    return law, replace(_attempt(graph, part, source), law=law)


def _attempt(graph: Graph, part: int, source: EngineSource) -> Reduction:
    """The moves from a source's law towards a district, as far as they lead."""
    start, conditioned = _start(graph, part, source)
    random = district(graph, part, start) if conditioned else start
    first = (Move("district", start & ~source.kept, random),) if random != start else ()
    further = () if random & conditioned else tuple(moves(graph, part, random))
    return Reduction(part, source.index, (*first, *further), start & ~source.kept)


def attempts(
    graph: Graph,
    outcomes: int,
    treated: int,
    *,
    policies: Mapping[int, int] | None = None,
    sources: Sequence[EngineSource] = OBSERVED,
) -> tuple[Reduction, ...]:
    """What was tried for each district: the source that shows it, or all that might.

    Parameters are those of :func:`identifiable`. A district that no source shows has no moves,
    and source -1.
    """
    found: list[Reduction] = []
    for part in districts(graph, scope_of(graph, outcomes, treated, policies or {}) & ~treated):
        showing = [source for source in sources if _shows(graph, part, source)]
        for source in [one for one in showing if _identifies(graph, part, one)][:1] or showing:
            found += [_attempt(own, piece, source) for own, piece in _pieces(graph, part, source)]
        if not showing:
            found.append(Reduction(part, -1, ()))
    return tuple(found)
