"""A network spelled out: the graph of a few persons, each with variables of their own.

What a network says of every person and the neighbours is here said of persons on a line, so that
whatever reads plain graphs (the engine, the models that verify) can be asked about them.
"""

from __future__ import annotations

from umbel.graph.mixed import Graph, bits


def person_name(name: str, person: int) -> str:
    """Name of one person's variable.

    Examples
    --------
    >>> person_name("Y", 0)
    'Y of person 1'
    """
    return f"{name} of person {person + 1}"


def on_a_line(graph: Graph, persons: int) -> Graph:
    """The plain graph of persons of whom each knows the one before and the one after.

    Parameters
    ----------
    graph
        All its variables live in one network; exposures are spelled out as what they are made of.
    persons
        How many, at least one.

    Examples
    --------
    >>> print(on_a_line(Graph.parse("network person { A -> Y; A.near -> Y; Y -- Y.near }"), 2))
    "A of person 1" "Y of person 1" "A of person 2" "Y of person 2"
    "A of person 1" -> { "Y of person 1" "Y of person 2" }
    "A of person 2" -> { "Y of person 1" "Y of person 2" }
    "Y of person 1" -- "Y of person 2"
    """
    exposures = {one.child: one for one in graph.aggregates}
    directed: list[tuple[str, str]] = []
    bidirected: list[tuple[str, str]] = []
    undirected: list[tuple[str, str]] = []
    nodes = [node for node in range(len(graph.names)) if node not in exposures]
    for person in range(persons):
        around = [other for other in (person - 1, person + 1) if 0 <= other < persons]
        for node in nodes:
            here = person_name(graph.names[node], person)
            own, near = graph.parents[node], graph.near_parents[node]
            for made in bits(own):
                for part in exposures[made].parts if made in exposures else ():
                    near, own = (near | 1 << part.node, own) if part.near else (near, own | 1 << part.node)
            own &= ~sum(1 << one for one in exposures)
            directed += [(person_name(graph.names[v], person), here) for v in bits(own)]
            directed += [(person_name(graph.names[v], other), here) for v in bits(near) for other in around]
            bidirected += [(person_name(graph.names[v], person), here) for v in bits(graph.siblings[node]) if v < node]
            undirected += [
                (person_name(graph.names[v], person), here) for v in bits(graph.neighbours[node]) if v < node
            ]
            undirected += [
                (person_name(graph.names[v], other), here)
                for v in bits(graph.near_neighbours[node])
                for other in around
                if other < person
            ]
    names = [person_name(graph.names[node], person) for person in range(persons) for node in nodes]
    latent = [person_name(name, person) for person in range(persons) for name in graph.names_of(graph.latent)]
    return Graph.build(nodes=names, directed=directed, bidirected=bidirected, undirected=undirected, latent=latent)
