"""Segregated graphs: blocks beside districts, what lies before and behind them, policies put in place.

A segregated graph has ``->``, ``<->`` and ``--``, no variable with both of the latter, and no
partially directed cycle; it stands for a chain graph with block-safe latents (Shpitser,
"Segregated graphs and marginals of chain graph models", NeurIPS 2015). Its law is a product of
laws of blocks and of one kernel of all other variables, which lives on an ADMG of its own
(Sherman and Shpitser, "Identification and estimation of causal effects from dependent data",
NeurIPS 2018), so that the district engine works on it unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from umbel.graph.classes import Fails, Holds, is_segregated
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import Walk, block, closure, partially_directed_cycle


def anterior(graph: Graph, of: int, within: int | None = None) -> int:
    """All that leads into a set along ``->`` and ``--``, the set itself included.

    Without undirected edges these are the ancestors.

    Examples
    --------
    >>> graph = Graph.build(directed=[("A", "M"), ("M", "Y")], undirected=[("M", "N")])
    >>> graph.names_of(anterior(graph, graph.mask(["N"])))
    ('A', 'M', 'N')
    """
    step = [a | b for a, b in zip(graph.parents, graph.neighbours, strict=True)]
    return closure(of, step, graph.everything if within is None else within)


def exterior(graph: Graph, of: int, within: int | None = None) -> int:
    """All that a set leads to along ``->`` and ``--``, the set itself included."""
    step = [a | b for a, b in zip(graph.children, graph.neighbours, strict=True)]
    return closure(of, step, graph.everything if within is None else within)


def strict_exterior(graph: Graph, node: int) -> int:
    """What a variable leads to outside its own block."""
    return exterior(graph, 1 << node) & ~block(graph, 1 << node)


def block_members(graph: Graph) -> int:
    """Mask of the variables with an undirected edge: B*. All others are D*."""
    mask = 0
    for node, beside in enumerate(graph.neighbours):
        if beside:
            mask |= 1 << node
    return mask


def block_order(graph: Graph, within: int) -> tuple[int, ...]:
    """The members of a set with everything that leads to them before them, ties by index.

    The members of one block stand together, so that reading off the law of each variable given
    those before it is right for the districts too. Empty sets give an empty order.

    Examples
    --------
    >>> graph = Graph.build(nodes=["Y"], directed=[("X", "M"), ("N", "Y")], undirected=[("M", "N")])
    >>> [graph.names[node] for node in block_order(graph, graph.mask(["X", "Y"]))]
    ['X', 'Y']
    """
    order: list[int] = []
    rest = graph.everything
    while rest:
        ready = next(
            (node for node in bits(rest) if not _reads(graph, part := block(graph, 1 << node)) & rest & ~part), -1
        )
        assert ready >= 0, "a segregated graph has no partially directed cycle"
        part = block(graph, 1 << ready)
        order += bits(part & within)
        rest &= ~part
    return tuple(order)


def boundary(graph: Graph, of: int) -> int:
    """Parents and neighbours of a set, outside it."""
    beside = 0
    for node in bits(of):
        beside |= graph.parents[node] | graph.neighbours[node]
    return beside & ~of


def district_part(graph: Graph) -> Graph:
    """The conditional ADMG of all variables outside blocks, G_d: members of blocks are fixed in it.

    Nodes keep their places; blocks keep what they cause, and lose their own causes.
    """
    blocks = block_members(graph)
    parents = tuple(0 if blocks >> node & 1 else mask for node, mask in enumerate(graph.parents))
    return replace(graph, parents=parents, neighbours=(0,) * len(graph.names))


def block_part(graph: Graph) -> Graph:
    """The conditional chain graph of the blocks, G_b: all other variables are fixed in it."""
    blocks = block_members(graph)
    parents = tuple(mask if blocks >> node & 1 else 0 for node, mask in enumerate(graph.parents))
    return replace(graph, parents=parents, siblings=(0,) * len(graph.names))


def is_block_safe(graph: Graph, hidden: int | None = None) -> Holds | Fails:
    """No hidden variable is a parent of a block or has an undirected edge.

    Where it holds, latent projection gives a segregated graph. The printed definition of the
    policies paper (section 3.1) forbids every latent parent, which would forbid all confounding.

    Examples
    --------
    >>> is_block_safe(Graph.parse("latent U; U -> A -- B")).why
    'Hidden variables must not reach into a block, and here is U -> A -- B.'
    """
    hidden = graph.latent if hidden is None else hidden
    for node, beside in enumerate(graph.neighbours):
        if not beside:
            continue
        other = next(bits(beside))
        if hidden >> node & 1:
            return _unsafe(graph, Walk((node, other), ("--",)))
        # A hidden variable above hidden ones reaches as far as they do.
        above = graph.parents[node] & hidden
        if above:
            return _unsafe(graph, Walk((next(bits(above)), node, other), ("->", "--")))
    return Holds()


def under_laws(graph: Graph, reads: Mapping[int, int]) -> Graph | Fails:
    """The graph after some variables have got new laws: Procedure 2, and the test of its result.

    A neighbour of a treated variable now merely hears it; what the new laws read points into the
    treated; two that hear each other are joined by ``--``.

    Parameters
    ----------
    graph
        A segregated graph, hidden variables allowed.
    reads
        For each treated node the mask of what its law reads; 0 for a constant.

    Returns
    -------
    Graph or Fails
        The policies paper promises a segregated graph under its Definition 1, which is neither
        enough nor needed: the cycle is looked for in the result instead. An untreated child that
        its treatment comes to read would be in an equilibrium that nobody observed: it fails too.

    Examples
    --------
    >>> graph = Graph.build(undirected=[("A", "B")])
    >>> partly = under_laws(graph, {0: 0})
    >>> partly.parents, partly.neighbours
    ((0, 1), (0, 0))
    >>> chain = Graph.build(undirected=[("A", "B"), ("A", "C")])
    >>> under_laws(chain, {1: 1, 2: 2}).why
    'No order settles this: B -> C -> A -- B.'
    """
    treated = 0
    for node in reads:
        treated |= 1 << node
    parents, neighbours = list(graph.parents), list(graph.neighbours)
    for node, own in reads.items():
        if own >> node & 1:
            walk = Walk((node, node), ("->",))
            return Fails(f"No order settles this: {walk.text(graph.names)}.", walk)
        for other in bits(graph.neighbours[node]):
            neighbours[other] &= ~(1 << node)
            if not treated >> other & 1:
                parents[other] |= 1 << node
        neighbours[node] = 0
        parents[node] = own
    for node, own in reads.items():
        for other in bits(own):
            if not parents[other] >> node & 1:
                continue
            if not treated >> other & 1 and not graph.neighbours[node] >> other & 1:
                walk = Walk((node, other, node), ("->", "->"))
                return Fails(f"No order settles this: {walk.text(graph.names)}.", walk)
            parents[other] &= ~(1 << node)
            parents[node] &= ~(1 << other)
            neighbours[other] |= 1 << node
            neighbours[node] |= 1 << other
    siblings = tuple(0 if treated >> i & 1 else s & ~treated for i, s in enumerate(graph.siblings))
    result = replace(graph, parents=tuple(parents), neighbours=tuple(neighbours), siblings=siblings)
    walk_back = partially_directed_cycle(result)
    if walk_back is None:
        return result
    return Fails(f"No order settles this: {walk_back.text(graph.names)}.", walk_back)


def preserves_segregation(graph: Graph, reads: Mapping[int, int]) -> Holds | Fails:
    """Definition 1 of the policies paper, with the strict exterior: each law reads nothing that its treatment leads to.

    As printed it speaks of the exterior, which holds the treatment's own block, and so would turn
    down the paper's own Table 2. Kept as an explanation; :func:`under_laws` decides.

    Examples
    --------
    >>> graph = Graph.build(directed=[("A", "M"), ("M", "Y")])
    >>> preserves_segregation(graph, {0: graph.mask(["Y"])}).why
    'The law of A reads Y, and A leads to Y.'
    """
    for node, own in reads.items():
        behind = own & strict_exterior(graph, node)
        if behind:
            other = next(bits(behind))
            a, b = graph.names[node], graph.names[other]
            return Fails(f"The law of {a} reads {b}, and {a} leads to {b}.", Walk((node, other), ("->",)))
    return Holds()


def segregation(graph: Graph) -> Holds | Fails:
    """Whether a graph with hidden variables stands for a segregated graph: both tests, the first that fails."""
    found = is_segregated(graph)
    return found if isinstance(found, Fails) else is_block_safe(graph)


def _reads(graph: Graph, part: int) -> int:
    reads = 0
    for node in bits(part):
        reads |= graph.parents[node]
    return reads


def _unsafe(graph: Graph, walk: Walk) -> Fails:
    return Fails(f"Hidden variables must not reach into a block, and here is {walk.text(graph.names)}.", walk)
