"""m-separation: which sets of variables a graph holds independent, given a third.

A walk carries dependence from X to Y given Z when every section of it (a longest piece along
``--``; without undirected edges a single node) that both neighbours on the walk point into holds
a node of Z, and every other section holds none. On directed graphs this is d-separation (Pearl
1988), with ``<->`` it is m-separation (Richardson, "Markov properties for acyclic directed mixed
graphs", 2003), with ``--`` the c-separation of chain graphs (Studený 1998) and its extension to
segregated graphs (Shpitser, "Segregated graphs and marginals of chain graph models", 2015).

Because walks may turn back, no ancestors of Z are needed: one breadth-first pass over three
states a node, O(n) word operations each (Shachter's Bayes ball, 1998).
"""

from __future__ import annotations

from umbel.errors import GraphError
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import Walk, inputs, outputs

# How a walk stands in its current section: it entered by a tail (or began there), by an
# arrowhead and has met no node of Z since, or by an arrowhead and has.
_TAIL, _HEAD, _HIT = range(3)


def m_connected(graph: Graph, x: int, given: int = 0) -> int:
    """Every node that is m-connected to some member of ``x`` given a set; ``x`` is included.

    Latent nodes are nodes like others; members of ``given`` are connected to nothing. In a plate
    graph a node stands for its copy in one and the same member of each plate.

    Examples
    --------
    >>> graph = Graph.build(directed=[("A", "C"), ("B", "C"), ("C", "D")])
    >>> graph.names_of(m_connected(graph, graph.mask(["A"])))
    ('A', 'C', 'D')
    >>> graph.names_of(m_connected(graph, graph.mask(["A"]), graph.mask(["D"])))
    ('A', 'C', 'B')
    """
    _check_unrolled(graph)
    made_of, beside, around = inputs(graph), graph.neighbours, graph.siblings
    makes = outputs(graph, made_of)
    blank = ~given
    tail = new_tail = x & blank
    head = new_head = hit = new_hit = 0
    while new_tail or new_head or new_hit:
        up = into = 0  # nodes reached at their tail, at an arrowhead
        along_tail = along_head = along_hit = 0  # nodes reached along the section
        for v in bits(new_tail):
            up |= made_of[v]
            into |= makes[v] | around[v]
            along_tail |= beside[v]
        for v in bits(new_head):
            into |= makes[v]
            along_head |= beside[v]
        for v in bits(new_hit):
            up |= made_of[v]
            into |= around[v]
            along_hit |= beside[v]
        into |= along_head
        new_tail = (up | along_tail) & blank & ~tail
        new_head = into & blank & ~head
        new_hit = (into & given | along_hit) & ~hit
        tail |= new_tail
        head |= new_head
        hit |= new_hit
    return tail | head


def m_separated(graph: Graph, x: int, y: int, given: int = 0) -> bool:
    """Whether no walk connects ``x`` and ``y`` given a set, so that the graph holds them independent.

    A member of both ``x`` and ``y`` depends on itself; a member of ``given`` on nothing.

    Parameters
    ----------
    graph
        Any graph without ``.near`` edges; :func:`umbel.graph.classes.is_segregated` says whether
        its undirected edges have a meaning.
    x, y, given
        Masks.

    References
    ----------
    Richardson (2003), section 2.1; Shpitser (2015) for undirected edges.

    Examples
    --------
    >>> graph = Graph.build(directed=[("X", "M"), ("M", "Y")], bidirected=[("X", "Y")])
    >>> x, m, y = (graph.mask([name]) for name in "XMY")
    >>> m_separated(graph, x, y, m)
    False
    """
    return not m_connected(graph, x, given) & y & ~given


def m_connecting_walk(graph: Graph, x: int, y: int, given: int = 0) -> Walk | None:
    """A shortest walk that connects ``x`` and ``y`` given a set; None when they are separated.

    A collider that a descendant in ``given`` opens shows as a walk that goes down and turns back.

    Examples
    --------
    >>> graph = Graph.build(directed=[("A", "C"), ("B", "C"), ("C", "D")])
    >>> a, b, d = (graph.mask([name]) for name in "ABD")
    >>> m_connecting_walk(graph, a, b, d).text(graph.names)
    'A -> C -> D <- C <- B'
    >>> m_connecting_walk(graph, a, b) is None
    True
    """
    _check_unrolled(graph)
    y &= ~given
    made_of = inputs(graph)
    makes = outputs(graph, made_of)
    frontier: list[tuple[int, int]] = [(v, _TAIL) for v in bits(x & ~given)]
    before: dict[tuple[int, int], tuple[tuple[int, int], str] | None] = dict.fromkeys(frontier)
    while frontier:
        reached: list[tuple[int, int]] = []
        for state in frontier:
            v, entered = state
            if y >> v & 1 and entered != _HIT:
                return _retraced(state, before)
            steps: list[tuple[str, int, bool]] = []  # mark, nodes, whether they are met at an arrowhead
            if entered != _HIT:
                steps.append(("->", makes[v], True))
            if entered != _HEAD:
                steps += [("<-", made_of[v], False), ("<->", graph.siblings[v], True)]
            steps.append(("--", graph.neighbours[v], entered != _TAIL))
            for mark, nodes, at_head in steps:
                for w in bits(nodes):
                    in_given = given >> w & 1
                    if not at_head and in_given:
                        continue
                    inside = mark == "--" and entered == _HIT
                    following = (w, _TAIL if not at_head else _HIT if in_given or inside else _HEAD)
                    if following not in before:
                        before[following] = (state, mark)
                        reached.append(following)
        frontier = reached
    return None


def _retraced(state: tuple[int, int], before: dict[tuple[int, int], tuple[tuple[int, int], str] | None]) -> Walk:
    nodes, marks = [state[0]], list[str]()
    while (step := before[state]) is not None:
        state, mark = step
        nodes.append(state[0])
        marks.append(mark)
    return Walk(tuple(reversed(nodes)), tuple(reversed(marks)))


def _check_unrolled(graph: Graph) -> None:
    if graph.crosses_members:
        raise GraphError("Separation is about single members of a network: draw it for named members, without '.near'.")
