"""Covariates of a whole component: one law of response functions for each of their values.

A visible cause that every variable of a component reads, and that stands at one value in each event
asked about, cuts the component's functions into parts that no event and no record compares. Any
laws of the parts are possible together (their product is one), so that each value of the covariate
has a small law of its own instead of one law over products: 2 covariates, 4096 functions, 4 times 8.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from umbel.graph.mixed import Graph, bits
from umbel.model.programme import Copy, Fixed, Quantity, Scene
from umbel.variable import Domain

MOST_SETTINGS = 1024


def covariates(graph: Graph, domains: Sequence[Domain], members: int, quantities: Sequence[Quantity]) -> int:
    """Mask of the covariates that settle a component in all of these quantities.

    Parameters
    ----------
    graph, domains
        The visible variables and their states.
    members
        Mask of the component.
    quantities
        Everything that is asked or declared.

    Examples
    --------
    >>> from umbel.model.query import Event, Held
    >>> from umbel.structure.scenes import scene
    >>> graph, two = Graph.parse("Z -> { A Y }; A -> Y; A <-> Y"), Domain.of_size(2)
    >>> found = scene(graph, [two] * 3, [Event("Y", 1, (Held("A", 1),)), Event("Y", 0, (Held("A", 0),))])
    >>> graph.names_of(covariates(graph, [two] * 3, graph.mask(["A", "Y"]), [Quantity(((1.0, found),))]))
    ('Z',)
    """
    shared = graph.everything & ~members
    for node in bits(members):
        shared &= graph.parents[node]
    scenes = [one for quantity in quantities for _, one in quantity.parts]
    found = 0
    for node in bits(shared):
        ordered = any(cause == node and members >> child & 1 for cause, child in graph.facts.monotone)
        if not ordered and all(len(_slots(graph, one, members, node)) <= 1 for one in scenes):
            found |= 1 << node
    count = math.prod(len(domains[node]) for node in bits(found))
    return found if count <= MOST_SETTINGS else 0


def _slots(graph: Graph, one: Scene, members: int, node: int) -> set[int | Fixed]:
    """What the members read of a variable in a scene."""
    at = {copy.node: list(bits(graph.parents[copy.node])) for copy in one.copies if members >> copy.node & 1}
    return {copy.reads[at[copy.node].index(node)] for copy in one.copies if copy.node in at}


def without(graph: Graph, members: int, hidden: int) -> Graph:
    """The graph in which the members do not read their covariates."""
    parents = tuple(mask & ~hidden if members >> node & 1 else mask for node, mask in enumerate(graph.parents))
    return replace(graph, parents=parents)


def settings(domains: Sequence[Domain], covariate: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every joint value of some variables, as pairs of a variable and a code."""
    nodes = list(bits(covariate))
    for codes in itertools.product(*(range(len(domains[node])) for node in nodes)):
        yield tuple(zip(nodes, codes, strict=True))


def settled(graph: Graph, domains: Sequence[Domain], quantity: Quantity, splits: Mapping[int, int]) -> Quantity:
    """A quantity whose split components stand at known values of their covariates.

    Parameters
    ----------
    graph, domains
        The visible variables and their states.
    quantity
        Its scenes are written out over the covariates' values.
    splits
        The covariates of each split component, by its members.
    """
    parts = list(quantity.parts)
    for members, covariate in splits.items():
        parts = [
            (weight, one) for weight, whole in parts for one in _written_out(graph, domains, whole, members, covariate)
        ]
    return Quantity(tuple(parts), quantity.constant)


def _written_out(
    graph: Graph, domains: Sequence[Domain], whole: Scene, members: int, covariate: int
) -> Iterator[Scene]:
    if not any(members >> copy.node & 1 for copy in whole.copies):
        yield whole
        return
    slots = {node: next(iter(_slots(graph, whole, members, node))) for node in bits(covariate)}
    open_ = [slot for slot in slots.values() if not isinstance(slot, Fixed) and whole.copies[slot].value is None]
    open_ = list(dict.fromkeys(open_))
    sizes = [len(domains[whole.copies[slot].node]) for slot in open_]
    for codes in itertools.product(*map(range, sizes)):
        chosen = dict(zip(open_, codes, strict=True))

        def code(slot: int | Fixed, chosen: Mapping[int, int] = chosen) -> int:
            if isinstance(slot, Fixed):
                return slot.code
            value = whole.copies[slot].value
            return chosen[slot] if value is None else value

        given = tuple((node, code(slot)) for node, slot in slots.items())
        yield Scene(
            tuple(_copy(graph, at, one, members, covariate, chosen, given) for at, one in enumerate(whole.copies))
        )


def _copy(
    graph: Graph,
    at: int,
    one: Copy,
    members: int,
    covariate: int,
    chosen: Mapping[int, int],
    given: tuple[tuple[int, int], ...],
) -> Copy:
    value = chosen.get(at, one.value)
    if not members >> one.node & 1:
        return replace(one, value=value)
    parents = bits(graph.parents[one.node])
    reads = tuple(slot for parent, slot in zip(parents, one.reads, strict=True) if not covariate >> parent & 1)
    return Copy(one.node, reads, value, given)
