"""The identification engine: one loop over districts and sources.

``P(y | do(x)) = Σ Π_D Q[D]`` over the districts ``D`` of the outcome's ancestors without the
treatments (Tian and Pearl 2002; Shpitser and Pearl 2006). Each ``Q[D]`` is reduced from the
ancestral margin of a source's observed law; where no source reaches it, the set that stays is a
hedge. Policies replace kernels and add what they read to the ancestors (Tian 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umbel.expr.build import product
from umbel.expr.nodes import Expr, Level, Meaning
from umbel.graph.mixed import Graph
from umbel.graph.walks import ancestors, closure, districts
from umbel.identification.kernel import Names, kernel, moves, reduced, smallest
from umbel.model.proof import Hedge, Reduction


@dataclass(frozen=True, slots=True)
class EngineSource:
    """A source on masks: ``do`` is fixed in it, ``index`` is its place among the sources."""

    do: int = 0
    index: int = 0


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
        any(_reach(graph, part, source) == part for source in sources if not part & source.do)
        for part in districts(graph, scope & ~treated)
    )


def _reach(graph: Graph, part: int, source: EngineSource) -> int:
    return reduced(graph, part, ancestors(graph, part, graph.everything & ~source.do))


def hedges(
    graph: Graph,
    outcomes: int,
    treated: int,
    *,
    policies: Mapping[int, int] | None = None,
    sources: Sequence[EngineSource] = OBSERVED,
) -> tuple[Hedge, ...]:
    """The hedges of the districts that no source identifies; empty when the effect is identified."""
    scope = scope_of(graph, outcomes, treated, policies or {})
    found: list[Hedge] = []
    for part in districts(graph, scope & ~treated):
        reached = [(_reach(graph, part, source), source) for source in sources if not part & source.do]
        if not any(mask == part for mask, _ in reached):
            found += [Hedge(mask, part, source.index) for mask, source in reached]
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
        reachable = (source for source in sources if not part & source.do and _reach(graph, part, source) == part)
        source = next(reachable, None)
        if source is None:
            return hedges(graph, outcomes, treated, policies=policies, sources=sources)
        start = ancestors(graph, part, graph.everything & ~source.do)
        factors.append(_smallest_kernel(graph, part, start, names, source))
        reductions.append(Reduction(part, source.index, tuple(moves(graph, part, start))))
    return Effect(tuple(factors), scope, tuple(reductions))


def _smallest_kernel(graph: Graph, part: int, start: int, names: Names, source: EngineSource) -> Expr:
    def build(order: Sequence[int]) -> Expr:
        return kernel(graph, part, start, names, source.do, order, source.index)

    return smallest(build, graph, start)
