"""Kinds of units: a latent class of the unit, recovered from its members.

A plate is collapsed to one law per member variable; among these laws and the unit's own variables,
views of the class are looked for. One covariate of the members that the class alone drives, beside
two views that are independent of each other within values of a third, identifies the class as
proxies do (Mazaheri, Squires and Uhler, AISTATS 2025). Where the laws give no two further views,
several members' values of one covariate do, if the covariate has no noise of the unit beyond the
class (Rabani, Schulman and Swamy 2014, on mixtures of coins), or two covariates.
What looks like a view and is none is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from umbel.expr.unmixing import UnitUnmixing
from umbel.graph.mixed import NO_FACTS, Graph, bits
from umbel.graph.separation import m_connected
from umbel.graph.walks import ancestors
from umbel.structure.classes import NoRoles


@dataclass(frozen=True, slots=True)
class _Laws:
    """The collapsed graph for roles: a member's law stands where the member stood.

    Parameters
    ----------
    graph
        Flat, on the same indices; ``X`` stands for the law of X given the members that it reads.
    members
        Mask of the laws.
    relevant
        Mask of what the estimand reads: ancestors of the question's names, without the class.
    """

    graph: Graph
    members: int
    relevant: int


def unit_views(graph: Graph, latent: int, asked: int) -> UnitUnmixing | NoRoles:
    """How the class of a unit is recovered; the fewest members first.

    Parameters
    ----------
    graph
        With one level of plates; the class stands outside.
    latent
        The class.
    asked
        Mask of treatment and outcome.

    Examples
    --------
    >>> text = "plate pupil { A Y X }; U -> { A Z Y X }; A -> { Z Y }; Z -> Y; classes U = 2"
    >>> graph = Graph.parse(text)
    >>> found = unit_views(graph, graph.index("U"), graph.mask(["A", "Y"]))
    >>> found.kind, found.covariates, found.arm, found.views
    ('proxy', ('X',), 'Z', ('Q[A]', 'Q[Y|A]'))
    """
    name = graph.names[latent]
    count = dict(graph.facts.classes)[latent]
    laws = _collapsed(graph, latent, asked)
    if isinstance(laws, NoRoles):
        return laws
    decided = _decided(graph, laws, latent)
    if decided is not None:
        return decided
    covariates = _covariates(graph, laws, latent)
    if covariates:
        for arm, first, second in _triples(laws, latent):
            views = (_law_text(graph, laws, first), _law_text(graph, laws, second))
            within = None if arm < 0 else _law_text(graph, laws, arm)
            return UnitUnmixing(name, count, "proxy", (graph.names[covariates[0]],), within, views, 1)
        rest = m_connected(laws.graph, 1 << latent) & laws.relevant
        replicated = _replicates(graph, laws, latent, covariates, count, rest)
        if replicated is not None:
            return replicated
    return _none(graph, laws, latent, covariates)


def _collapsed(graph: Graph, latent: int, asked: int) -> _Laws | NoRoles:
    """Edges among members become arguments of their laws; readers outside read the laws behind them."""
    members = sum(1 << node for node, plate in enumerate(graph.plate_of) if plate >= 0)
    if len({plate for plate in graph.plate_of if plate >= 0}) != 1 or members >> latent & 1:
        return NoRoles("Kinds of units are found in one plate, for a class outside it.", "Ask about one level.")
    if graph.latent & members:
        hidden = ", ".join(graph.names_of(graph.latent & members))
        return NoRoles(f"{hidden} is hidden inside the plate; its law is no view.", "Measure it.")
    parents, siblings = [], []
    for node in range(len(graph.names)):
        if members >> node & 1:
            parents.append(graph.parents[node] & ~members)
            siblings.append(graph.siblings[node] & ~members)
        else:
            reads = graph.parents[node]
            behind = ancestors(_inside(graph, members), reads & members) & members
            parents.append(reads & ~members | behind)
            siblings.append(graph.siblings[node])
    flat = replace(graph, parents=tuple(parents), siblings=tuple(siblings), plates=(), plate_of=(), facts=NO_FACTS)
    relevant = ancestors(graph, asked) & graph.observed
    return _Laws(flat, members, relevant)


def _inside(graph: Graph, members: int) -> Graph:
    return replace(graph, parents=tuple(mask & members for mask in graph.parents))


def _covariates(graph: Graph, laws: _Laws, latent: int) -> list[int]:
    """Variables that the class drives and that tell nothing more of anything the estimand reads."""
    found = []
    for node in bits(graph.observed & ~laws.relevant):
        if not m_connected(laws.graph, 1 << latent) >> node & 1:
            continue
        beside = (graph.parents[node] | graph.children[node] | graph.siblings[node]) & laws.members
        if laws.members >> node & 1 and beside:  # the same members would show both: views that leak
            continue
        if not m_connected(laws.graph, 1 << node, 1 << latent) & laws.relevant:
            found.append(node)
    return found


def _decided(graph: Graph, laws: _Laws, latent: int) -> NoRoles | None:
    """A treatment without variation beyond the class shows the class, and leaves nothing to compare."""
    for node in bits(graph.facts.shared & laws.relevant & graph.children[latent]):
        name, u = graph.names[node], graph.names[latent]
        reads = graph.parents[node] & ~laws.members
        if reads == 1 << latent and any(laws.graph.children[node] >> other & 1 for other in bits(laws.relevant)):
            return NoRoles(
                f"`assume shared {name}` makes the law of {name} a function of {u}: it reveals the class, and within a "
                f"class every unit has the same law of {name}, so that there is nothing to compare.",
                f"Drop the assumption, if units of one class differ in {name}.",
            )
    return None


def _triples(laws: _Laws, latent: int) -> Iterator[tuple[int, int, int]]:
    """A view to hold (-1: none), and two that are then independent given the class and tell of it."""
    nodes = list(bits(laws.relevant))
    for arm in (-1, *nodes):
        held = 0 if arm < 0 else 1 << arm
        of_class = m_connected(laws.graph, 1 << latent, held)
        for i, first in enumerate(nodes):
            for second in nodes[i + 1 :]:
                if arm in (first, second) or not (of_class >> first & 1 and of_class >> second & 1):
                    continue
                if not m_connected(laws.graph, 1 << first, held | 1 << latent) >> second & 1:
                    yield arm, first, second


def _replicates(
    graph: Graph, laws: _Laws, latent: int, covariates: list[int], count: int | None, rest: int
) -> UnitUnmixing | None:
    """Several covariates and the rest, or several members of one that is pure."""
    name = graph.names[latent]
    words = tuple(_law_text(graph, laws, node) for node in bits(rest))
    for i, first in enumerate(covariates):
        for second in covariates[i + 1 :]:
            if rest and not m_connected(laws.graph, 1 << first, 1 << latent) >> second & 1:
                pair = (graph.names[first], graph.names[second])
                return UnitUnmixing(name, count, "covariates", pair, None, words, 1)
    for node in covariates:
        if graph.facts.shared >> node & 1 and laws.members >> node & 1:
            # split between two views, with the rest as the third: Kruskal's condition for a binary covariate
            members = (count or 2) if rest else 2 * (count or 2) - 1
            return UnitUnmixing(name, count, "replicates", (graph.names[node],), None, words, members)
    return None


def _law_text(graph: Graph, laws: _Laws, node: int) -> str:
    if not laws.members >> node & 1:
        return graph.names[node]
    inputs = ", ".join(graph.names_of(graph.parents[node] & laws.members))
    return f"Q[{graph.names[node]}|{inputs}]" if inputs else f"Q[{graph.names[node]}]"


def _none(graph: Graph, laws: _Laws, latent: int, covariates: list[int]) -> NoRoles:
    """Why no view was found, for what looks like one."""
    u = graph.names[latent]
    if covariates:
        x = graph.names[covariates[0]]
        return NoRoles(
            f"{x} is one view of {u}, and what the question reads holds no two further ones. Several members' values "
            f"of {x} would be views if units of one class had one law of {x}.",
            f"Write 'assume shared {x}' if they have, or measure a second covariate of {u}.",
        )
    pure = list(bits(graph.facts.shared & laws.members & laws.relevant & graph.children[latent]))
    for node in pure:
        between = graph.parents[node] & ~laws.members & ~(1 << latent)
        for other in bits(between & graph.observed):
            y, z = graph.names[node], graph.names[other]
            return NoRoles(
                f"The laws of {y} show classes of {u} within each value of {z}, and nothing says which class of one "
                f"value is which of another: two labellings fit alike, with different effects.",
                f"Measure a covariate of the members that {u} drives and {z} does not.",
            )
    views = ", ".join(
        _law_text(graph, laws, node) for node in bits(laws.relevant & m_connected(laws.graph, 1 << latent))
    )
    return NoRoles(
        f"{views} depend on each other beyond {u}: they are one view of {u}, and three are needed.",
        f"Measure a covariate of the members that {u} drives and that neither acts on nor follows from the others.",
    )
