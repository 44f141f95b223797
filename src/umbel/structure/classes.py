"""Roles around a latent class: which observed variables are proxies of it, and how far they reach.

Given the class, proxies ``Z`` must be independent of the outcome within arms, proxies ``X`` of the
treatment, and the two of each other within arms (Mazaheri, Squires and Uhler, AISTATS 2025, with
the condition on Z and X that its bridge argument needs). That gives the average effect, level 4. If
``X`` does not act on the outcome either, class effects and probabilities are identified, level 3;
if ``Z`` does not act on the treatment, the three views are those of tensor methods, level 2.
Roles are read off the graph by separation, over every choice of observed strata.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from umbel.errors import shown
from umbel.expr.unmixing import ClassFactor, Side
from umbel.graph.mixed import Graph, bits
from umbel.graph.separation import m_connected, m_connecting_walk, m_separated
from umbel.graph.surgery import without_edges_out_of
from umbel.graph.walks import descendants

MOST_STRATA = 3
"""Most observed variables that are tried as strata at once."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Proxies of a latent class, as masks of the graph.

    Parameters
    ----------
    latent, treatment, outcome
        Nodes.
    z, x
        Masks of the proxies of either side.
    strata
        Mask of what is held fixed throughout.
    level
        2, 3 or 4, as in :class:`~umbel.expr.unmixing.Unmixing`.
    """

    latent: int
    treatment: int
    outcome: int
    z: int
    x: int
    strata: int
    level: int


@dataclass(frozen=True, slots=True)
class NoRoles:
    """Why the graph has no proxies for what was asked, and what would help."""

    why: str
    advice: str


def roles_of(graph: Graph, latent: int, treatment: int, outcome: int, *, deepest: int = 3) -> Roles | NoRoles:
    """The roles that reach furthest: the lowest level, then the fewest strata.

    Parameters
    ----------
    graph
        Flat; other latent variables are never conditioned on.
    latent, treatment, outcome
        Nodes.
    deepest
        The highest level that answers the question: 3 for class effects, 4 for the average effect.

    Examples
    --------
    >>> graph = Graph.parse("U -> { Z X T Y }; Z -> T -> Y; classes U = 2")
    >>> found = roles_of(graph, *map(graph.index, "UTY"))
    >>> graph.names_of(found.z), graph.names_of(found.x), found.level
    (('Z',), ('X',), 3)
    """
    names = graph.names
    if descendants(graph, 1 << treatment) >> latent & 1:
        why = f"{names[latent]} is an effect of {names[treatment]}: its classes are not there before the treatment."
        return NoRoles(why, "Ask about classes that the treatment does not change.")
    best: Roles | None = None
    for strata in _strata(graph, treatment, outcome):
        if not _unconfounded(graph, latent, treatment, outcome, strata):
            continue
        found = _sides(graph, latent, treatment, outcome, strata)
        if found is not None and (best is None or found.level < best.level):
            best = found
        if best is not None and best.level <= 3:
            break
    if best is not None and best.level <= deepest:
        return best
    return _reason(graph, latent, treatment, outcome, best)


def factors_of(graph: Graph, roles: Roles) -> tuple[ClassFactor, ...]:
    """The likelihood given the class: independent proxies of one side apart, the others together.

    Examples
    --------
    >>> graph = Graph.parse("U -> { Z1 Z2 X T Y }; Z1 -> T -> Y; classes U = 2")
    >>> for one in factors_of(graph, roles_of(graph, *map(graph.index, "UTY"))):
    ...     print(one.of, one.given)
    ('Z1',) ()
    ('T',) ('Z1',)
    ('Z2',) ()
    ('X',) ()
    ('Y',) ('T',)
    """
    factors: list[ClassFactor] = []
    u, t = 1 << roles.latent, 1 << roles.treatment
    below = descendants(graph, t)
    if roles.z & below:
        factors.append(_factor(graph, roles, roles.z | t, 0, "z"))
    else:
        factors += [_factor(graph, roles, block, 0, "z") for block in _blocks(graph, roles.z, u | roles.strata)]
        acting = _needed(graph, t, roles.z, u | roles.strata)
        factors.append(_factor(graph, roles, t, acting, "z"))
    factors += [_factor(graph, roles, block, 0, "x") for block in _blocks(graph, roles.x, u | roles.strata)]
    factors.append(_factor(graph, roles, 1 << roles.outcome, t, "y"))
    return tuple(factors)


def _factor(graph: Graph, roles: Roles, of: int, given: int, side: Side) -> ClassFactor:
    strata = _needed(graph, of, roles.strata, given | 1 << roles.latent)
    return ClassFactor(graph.names_of(of), graph.names_of(given | strata), side)


def _strata(graph: Graph, treatment: int, outcome: int) -> Iterator[int]:
    """Sets of observed variables that the treatment does not change, the smallest first."""
    below = descendants(graph, 1 << treatment) | descendants(graph, 1 << outcome)
    # what no edge leaves lies on no walk that conditioning closes
    about = sum(1 << node for node in range(len(graph.names)) if graph.children[node])
    possible = list(bits(graph.observed & about & ~below))
    for size in range(min(MOST_STRATA, len(possible)) + 1):
        for chosen in combinations(possible, size):
            yield sum(1 << node for node in chosen)


def _unconfounded(graph: Graph, latent: int, treatment: int, outcome: int, strata: int) -> bool:
    """Whether the class and the strata close every back door."""
    cut = without_edges_out_of(graph, 1 << treatment)
    return m_separated(cut, 1 << treatment, 1 << outcome, strata | 1 << latent)


def _sides(graph: Graph, latent: int, treatment: int, outcome: int, strata: int) -> Roles | None:
    """Proxies within given strata: groups that depend on each other stay on one side."""
    t, y, held = 1 << treatment, 1 << outcome, strata | 1 << latent
    near = m_connected(graph, 1 << latent, strata | t)
    of_treatment = m_connected(graph, t, held)  # what the treatment tells of, given the class
    of_outcome = m_connected(graph, y, held | t)
    candidates = graph.observed & near & ~(t | y | strata)
    candidates &= ~(of_treatment & of_outcome)
    z = x = worse = flexible = 0
    for block in _blocks(graph, candidates, held | t):
        fits_z, fits_x = not block & of_outcome, not block & of_treatment
        if fits_z and fits_x:
            flexible |= block
        elif fits_z:
            z |= block
        elif fits_x:
            worse |= block
    blocks = _blocks(graph, flexible, held | t)
    for block in sorted(blocks, key=lambda one: -_states(graph, one)):  # a stable order: the largest first
        if z and _states(graph, x) <= _states(graph, z):
            x |= block
        else:
            z |= block
    if not (z and x):  # some proxies join the sides, or act on the outcome: the rest may do without them
        fitting = candidates & ~of_outcome, candidates & ~of_treatment & ~of_outcome
        z_side, x_side = _grown(graph, *fitting, held | t)
        if z_side:
            z, x = z_side, x_side
        elif not worse or not z:
            z, worse = _grown(graph, fitting[0], candidates & ~of_treatment, held | t)
    level = 3 if x else 4
    x = x or worse
    if not x or not z:
        return None
    if level == 3 and not z & of_treatment:
        level = 2
    return Roles(latent, treatment, outcome, z, x, strata, level)


def _states(graph: Graph, nodes: int) -> float:
    """Joint states of some variables, two for each that declares none; 0 for no variable."""
    domains = dict(graph.facts.domains)
    found = 1.0 if nodes else 0.0
    for node in bits(nodes):
        found *= len(domains[node]) if node in domains else 2
    return found


def _grown(graph: Graph, for_z: int, for_x: int, given: int) -> tuple[int, int]:
    """The largest two sides with no dependence between them, grown from pairs; 0, 0 where no pair is independent.

    Whatever two sides there are hold an independent pair each of whose members fits its side.
    """
    linked = {node: m_connected(graph, 1 << node, given) for node in bits(for_z | for_x)}
    best, most = (0, 0), (0.0, 0.0)
    for one in bits(for_z):
        for other in bits(for_x & ~linked[one]):
            z, x = 1 << one, 1 << other
            for node in bits((for_z | for_x) & ~z & ~x):
                at = 1 << node
                to_z = at & for_z and not linked[node] & x
                to_x = at & for_x and not linked[node] & z
                if to_z and (not to_x or _states(graph, z) <= _states(graph, x)):
                    z |= at
                elif to_x:
                    x |= at
            sizes = _states(graph, z), _states(graph, x)
            if (min(sizes), max(sizes)) > most:
                best, most = (z, x), (min(sizes), max(sizes))
    return best


def _blocks(graph: Graph, nodes: int, given: int) -> list[int]:
    """Groups of nodes that are connected to each other, step by step, given a set."""
    found: list[int] = []
    left = nodes
    while left:
        block = left & -left
        while True:
            grown = block
            for node in bits(block):
                grown |= m_connected(graph, 1 << node, given) & left
            if grown == block:
                break
            block = grown
        found.append(block)
        left &= ~block
    return found


def _needed(graph: Graph, of: int, among: int, given: int) -> int:
    """What ``of`` still depends on among some variables, given the others: redundant ones dropped in turn."""
    kept = among
    for node in bits(among):
        rest = kept & ~(1 << node)
        if m_separated(graph, of, 1 << node, rest | given):
            kept = rest
    return kept


def _reason(graph: Graph, latent: int, treatment: int, outcome: int, found: Roles | None) -> NoRoles:
    """The edge that stands in the way, for each variable that could be a proxy."""
    names = graph.names
    u, t, y = names[latent], names[treatment], names[outcome]
    if found is not None:
        held = found.strata | 1 << latent | 1 << treatment
        walk = m_connecting_walk(graph, found.x, 1 << outcome, held)
        how = f" ({walk.text(names)})" if walk else ""
        listed = ", ".join(graph.names_of(found.x))
        return NoRoles(
            f"{listed} depends on {y} beyond {u} and {t}{how}: "
            "the average effect is identified, class effects are not.",
            f"Ask for the average effect: ATE({t}, {y}); or measure a proxy of {u} that does not act on {y}.",
        )
    held = 1 << latent
    ends = (graph, latent, treatment, outcome)
    if not any(_unconfounded(*ends, strata) for strata in _strata(graph, *ends[2:])):
        cut = without_edges_out_of(graph, 1 << treatment)
        walk = m_connecting_walk(cut, 1 << treatment, 1 << outcome, held)
        how = walk.text(names) if walk else "a hidden common cause"
        return NoRoles(
            f"Within classes of {u}, {t} and {y} stay confounded: {how}.",
            f"Measure a variable on that walk, or randomise {t}.",
        )
    parts = []
    for node in bits(graph.observed & ~(1 << treatment | 1 << outcome)):
        arm, end = held, held | 1 << treatment
        reaches_t = m_connecting_walk(graph, 1 << node, 1 << treatment, arm)
        reaches_y = m_connecting_walk(graph, 1 << node, 1 << outcome, end)
        if reaches_t and reaches_y:
            parts.append(f"{names[node]} depends on {t} and on {y} given {u}")
    linked = _linked(graph, latent, treatment, outcome)
    parts += [f"{a} and {b} depend on each other given {u} and {t}" for a, b in linked]
    count = (graph.observed & ~(1 << treatment | 1 << outcome)).bit_count()
    plain = f"{count} other variable{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} observed"
    return NoRoles(
        f"{shown(u)} lacks two sides of proxies: {'; '.join(parts) or plain}.",
        f"Measure two proxies of {u} that are independent of each other given {u}, {t}: one that does not act on {t} "
        f"or {y}, one that does not act on {y}.",
    )


def _linked(graph: Graph, latent: int, treatment: int, outcome: int) -> list[tuple[str, str]]:
    """Pairs of candidates that a walk joins, given class and treatment."""
    given = 1 << latent | 1 << treatment
    nodes = list(bits(graph.observed & ~(1 << treatment | 1 << outcome)))
    pairs = combinations(nodes, 2)
    return [(graph.names[a], graph.names[b]) for a, b in pairs if m_connected(graph, 1 << a, given) >> b & 1][:2]
