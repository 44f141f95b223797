"""Adjustment sets: which covariates make comparing the treated with the untreated an effect.

A set Z is valid for ``P(y | do(x)) = Σ_z P(y | x, z) P(z)`` exactly when it holds nothing that a
proper causal path from X to Y leads to, and separates X from Y once the first edges of these paths
are cut (van der Zander, Liśkiewicz and Textor, "Separators and adjustment sets in causal graphs",
Artificial Intelligence 270, 2019). Among ancestors, separation is reachability over *hyperedges*,
a district with its parents each, so that a few word operations decide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from umbel.errors import QuestionError, shown
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, closure, components


@dataclass(frozen=True, slots=True)
class Adjusting:
    """One pair of sets, ready for separation.

    Parameters
    ----------
    x, y
        Masks.
    within
        Ancestors of both, and of what must be adjusted for, once the causal paths are cut.
    allowed
        Mask of what may be adjusted for.
    include
        Mask of what must be.
    edges
        Each district of ``within`` with its parents.
    """

    x: int
    y: int
    within: int
    allowed: int
    include: int
    edges: tuple[int, ...]

    def reach(self, start: int, blocked: int) -> int:
        """What paths from a set meet; they end in what is blocked, and show it."""
        seen, rest = start, list(self.edges)
        grown = True
        while grown:
            grown = False
            active = seen & ~blocked | start
            for edge in list(rest):
                if edge & active:
                    seen |= edge
                    rest.remove(edge)
                    grown = True
        return seen


def adjusting(graph: Graph, x: int, y: int, include: int = 0, *, before: bool = False) -> Adjusting | None:
    """Prepare; None when what must be adjusted for lies behind the treatment's effect.

    ``before``: only what the treatment does not cause.
    """
    downstream = _causal(graph, x, y)
    forbidden = closure(x if before else downstream, graph.children, graph.everything)
    if include & (forbidden | x | y):
        return None
    parents = tuple(
        reads & ~x if downstream >> node & 1 else reads for node, reads in enumerate(graph.parents)
    )  # the proper back-door graph
    within = closure(x | y | include, parents, graph.everything)
    edges = []
    for part in components(graph.siblings, within):
        edge = part
        for node in bits(part):
            edge |= parents[node]
        edges.append(edge)
    allowed = within & ~(forbidden | x | y | graph.latent)
    return Adjusting(x, y, within, allowed, include, tuple(edges))


def _causal(graph: Graph, x: int, y: int) -> int:
    """Nodes on proper causal paths from X to Y, without X."""
    rest = graph.everything & ~x
    below = 0
    for node in bits(x):
        below |= graph.children[node]
    return closure(below & rest, graph.children, rest) & ancestors(graph, y, rest)


def minimal_adjustment(graph: Graph, x: int, y: int, include: int = 0, *, before: bool = False) -> int | None:
    """A minimal valid set as a mask, the one next to the outcomes; None when none is valid.

    Next to the outcomes is where adjusting costs least variance. Cost: two passes. ``before``: of
    what the treatment does not cause, so that it is valid under conditions and for policies too.

    Examples
    --------
    >>> graph = Graph.build(directed=[("Z", "X"), ("Z", "Y"), ("X", "Y"), ("Y", "W")])
    >>> graph.names_of(minimal_adjustment(graph, graph.mask("X"), graph.mask("Y")))
    ('Z',)
    """
    pair = adjusting(graph, x, y, include, before=before)
    if pair is None:
        return None
    seen = pair.reach(y, pair.allowed)
    if seen & x:
        return None
    near = pair.allowed & seen | include
    return pair.reach(x, near) & near | include


def adjustment_masks(graph: Graph, x: int, y: int, include: int = 0, *, minimal: bool = True) -> Iterator[int]:
    """Every valid set as a mask, the minimal ones alone or all; each after polynomial time.

    ``include`` must be part of each; minimal sets are minimal among those that hold it.
    """
    pair = adjusting(graph, x, y, include)
    if pair is None:
        return
    if minimal:
        yield from _minimal(pair)
    else:
        # Beyond the ancestors nothing separates, but a descendant of theirs may open a path.
        yield from _all(graph, x, y, include)


def _minimal(pair: Adjusting) -> Iterator[int]:
    """Minimal separators, each from another by pushing one of its members away from Y.

    Berry, Bordat and Cogis, "Generating all the minimal separators of a graph" (2000), for the
    separators of two sets: a member and its neighbours beyond join the side of Y. Separation reads
    the same from both ends, so the pair is turned round: the first set is the one next to Y.
    """
    pair = replace(pair, x=pair.y, y=pair.x)
    first = pair.allowed & pair.reach(pair.x, pair.allowed) | pair.include
    start = _close(pair, first)
    if start is None:
        return
    seen, waiting = {start}, [start]
    while waiting:
        z = waiting.pop()
        yield z
        for node in bits(z & ~pair.include):
            side = pair.reach(pair.x, z) & ~z | 1 << node
            following = _close(pair, pair.allowed & pair.reach(side, pair.allowed) & ~(1 << node) | pair.include)
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)


def _close(pair: Adjusting, z: int) -> int | None:
    """The minimal separator inside a set that is next to Y; None when the set does not separate."""
    seen = pair.reach(pair.y, z)
    if seen & pair.x:
        return None
    near = z & seen | pair.include
    return pair.reach(pair.x, near) & near | pair.include


def _all(graph: Graph, x: int, y: int, include: int) -> Iterator[int]:
    """All valid sets: decide one variable at a time, and go on only where some choice of the rest works."""
    forbidden = closure(_causal(graph, x, y), graph.children, graph.everything)
    candidates = graph.everything & ~(forbidden | x | y | graph.latent | include)

    def walk(chosen: int, rest: int) -> Iterator[int]:
        pair = adjusting(graph, x, y, chosen)
        if pair is None or pair.reach(y, pair.allowed & rest | chosen) & x:
            return
        if not rest:
            yield chosen
            return
        low = rest & -rest
        yield from walk(chosen, rest ^ low)
        yield from walk(chosen | low, rest ^ low)

    yield from walk(include, candidates)


def adjustment_sets(
    graph: Graph | str,
    treatment: str | Iterable[str],
    outcome: str | Iterable[str],
    *,
    include: Iterable[str] = (),
    minimal: bool = True,
) -> Iterator[tuple[str, ...]]:
    """Every set of observed covariates that removes confounding by adjustment.

    Complete for graphs with ``->``, ``<->`` and latent variables: a set is among them exactly when
    ``P(y | do(x)) = Σ_z P(y | x, z) P(z)`` in every model of the graph. Nothing is yielded where no
    set is valid, and ``()`` where none is needed. There may be very many: take what you need of the
    iterator; each set comes after polynomial time. Of the minimal sets the one next to the outcomes
    comes first: where nothing is hidden, adjusting for it has the least variance of all of them.

    Parameters
    ----------
    graph
        A graph without plates, or its text.
    treatment, outcome
        One name or several.
    include
        Names that each set must hold.
    minimal
        Only sets of which no part is valid.

    Yields
    ------
    tuple of str
        Names in the graph's order.

    Raises
    ------
    InputError
        For names that the graph does not have, and graphs with plates or undirected edges.

    References
    ----------
    Perković, Textor, Kalisch and Maathuis, "Complete graphical characterization and construction
    of adjustment sets", JMLR 18 (2018), definition 4.1; van der Zander, Liśkiewicz and Textor,
    Artificial Intelligence 270 (2019), definition 10 and section 5; Smucler, Sapienza and
    Rotnitzky, "Efficient adjustment sets in causal graphical models with hidden variables",
    Biometrika 109 (2022), for the order.

    Examples
    --------
    >>> list(adjustment_sets("A -> X; B -> { A Y }; X -> Y", "X", "Y"))
    [('B',), ('A',)]
    """
    graph = Graph.parse(graph) if isinstance(graph, str) else graph
    x, y, held = (graph.mask([names] if isinstance(names, str) else names) for names in (treatment, outcome, include))
    if not x or not y or x & y:
        raise QuestionError("Adjustment is for treatments and other variables as outcomes: name at least one of each.")
    if hidden := graph.names_of((x | y | held) & graph.latent):
        raise QuestionError(f"{shown(hidden[0])} is latent. Name observed variables.")
    _check_flat(graph, x | y)
    found = adjustment_masks(graph, x, y, held, minimal=minimal)
    return (graph.names_of(mask) for mask in found)


def _check_flat(graph: Graph, asked: int) -> None:
    relevant = ancestors(graph, asked)
    for node in bits(relevant):
        name = shown(graph.names[node])
        if graph.plate_of[node] >= 0:
            raise QuestionError(f"{name} lives in a plate. Adjustment sets are for graphs without plates.")
        if graph.neighbours[node]:
            raise QuestionError(f"{name} has an undirected edge. Adjustment sets are for graphs without them.")
