"""A graph as text that reads back as an equal graph.

Statements come in a fixed order: plates with their variables, macro-variables, ``->``, ``<->``,
``--``, facts. A reader numbers nodes by first mention, so the order of a graph's nodes can ask for
more words than its edges do: layouts are tried from the shortest on, and each is judged by reading
it. What other tools noted beside the graph is not part of its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from umbel.errors import InputError
from umbel.graph.mixed import Aggregate, Facts, Graph, bits
from umbel.graph.parse import parse_statements
from umbel.graph.places import UNIT
from umbel.graph.words import RESERVED
from umbel.lexer import quoted, quoted_if_needed
from umbel.variable import Domain, State


def graph_text(graph: Graph) -> str:
    """The graph in umbel's own language, one statement a line.

    Examples
    --------
    >>> print(graph_text(Graph.parse("U -> {A Y}; A -> Y; latent U; plate student {A Y}; states A=2")))
    latent U
    plate student { A Y }
    U -> { A Y }
    A -> Y
    states A = 2
    """
    texts = ["\n".join(_lines(graph, layout)) for layout in _LAYOUTS]
    return next((text for text in texts if _reads_back(text, graph)), texts[0])


def _reads_back(text: str, graph: Graph) -> bool:
    """Whether a text says a graph; a graph that means nothing, a cycle, has no text that does."""
    try:
        return parse_statements(text) == graph
    except InputError:
        return False


def facts_text(graph: Graph, facts: Facts | None = None) -> tuple[str, ...]:
    """Facts as statements: those of the graph, or others in its indices, as a projection loses them.

    Examples
    --------
    >>> facts_text(Graph.parse("A -> W; assume monotone A -> W; states A = { no < yes }"))
    ('states A = { no < yes }', 'assume monotone A -> W')
    """
    facts = graph.facts if facts is None else facts
    names = [name_text(name) for name in graph.names]
    lines = [f"classes {names[node]}" + ("" if k is None else f" = {k}") for node, k in facts.classes]
    lines += [f"states {names[node]} = {_domain_text(domain)}" for node, domain in facts.domains]
    if facts.shared:
        lines.append("assume shared " + " ".join(names[node] for node in bits(facts.shared)))
    lines += [f"assume monotone {names[cause]} -> {names[effect]}" for cause, effect in facts.monotone]
    return tuple(lines)


def name_text(name: str) -> str:
    """A variable's name as it stands in graph text: in quotes where it has to."""
    return quoted(name) if name.endswith(".near") else quoted_if_needed(name, RESERVED)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where names are declared that no plate and no edge declares.

    Parameters
    ----------
    late
        Latents and isolated variables after the edges.
    every
        Every plate and every name first, in order: what always reads back.
    """

    late: bool = False
    every: bool = False


_LAYOUTS = (_Layout(), _Layout(late=True), _Layout(every=True))


def _lines(graph: Graph, layout: _Layout) -> list[str]:
    names = [name_text(name) for name in graph.names]
    near = _near_statements(graph, names)
    macros: list[str] = []
    for aggregate in graph.aggregates:
        network = _network(graph, aggregate.child) if any(part.near for part in aggregate.parts) else UNIT
        (macros if network == UNIT else near.setdefault(network, [])).append(_macro_text(aggregate, names))
    first, last = _declarations(graph, names, layout, near)
    upwards = [-(2 << v) for v in range(len(names))]  # of a symmetric pair, the first end speaks
    return [
        *first,
        *macros,
        *_chains(names, "->", graph.children),
        *_chains(names, "<->", [a & b for a, b in zip(graph.siblings, upwards, strict=True)]),
        *_chains(names, "--", [a & b for a, b in zip(graph.neighbours, upwards, strict=True)]),
        *last,
        *facts_text(graph),
    ]


def _declarations(
    graph: Graph, names: Sequence[str], layout: _Layout, near: dict[int, list[str]]
) -> tuple[list[str], list[str]]:
    """Lines before and after the edges that say where names live and which are hidden."""
    counted = {node for node, _ in graph.facts.classes}  # "classes U" hides U as well
    hidden = [v for v in bits(graph.latent) if v not in counted]
    alone = [v for v in bits(_isolated(graph)) if v not in counted and not graph.latent >> v & 1]
    paths = [graph.plate_path(v) for v in range(len(names))]
    first: list[str] = []
    if layout.every:
        if list(dict.fromkeys(plate for path in paths for plate in path)) != list(range(len(graph.plates))):
            first += [_around(graph, k, "") for k in range(len(graph.plates))]
        first += _bodies(graph, names, range(len(names)), paths, {})
        first += [_around(graph, network, "; ".join(near[network])) for network in sorted(near)]
        return first + _latent_lines(names, hidden), []
    used = {plate for path in paths for plate in path}
    empty = [_around(graph, k, "") for k in range(len(graph.plates)) if k not in used]
    plated = [v for v, path in enumerate(paths) if path]
    if layout.late:
        first += _bodies(graph, names, plated, paths, near)
        return first, [*_latent_lines(names, hidden), *(names[v] for v in alone), *empty]
    shown = sorted({*plated, *alone, *hidden})
    for latent, run in groupby(shown, key=lambda v: not paths[v] and bool(graph.latent >> v & 1)):
        members = list(run)
        first += _latent_lines(names, members) if latent else _bodies(graph, names, members, paths, near)
    return [*first, *_latent_lines(names, [v for v in hidden if paths[v]])], empty


def _latent_lines(names: Sequence[str], nodes: Sequence[int]) -> list[str]:
    return ["latent " + " ".join(names[v] for v in nodes)] if nodes else []


def _bodies(
    graph: Graph,
    names: Sequence[str],
    nodes: Sequence[int],
    paths: Sequence[tuple[int, ...]],
    near: dict[int, list[str]],
    depth: int = 0,
) -> list[str]:
    """Names at one depth of the plates, and the plates inside it, each a statement of its own.

    What is said of neighbours stands in the last piece of its network, after all of its names.
    """
    pieces: list[str] = []
    for plate, run in groupby(nodes, key=lambda v: paths[v][depth] if len(paths[v]) > depth else UNIT):
        members = list(run)
        if plate == UNIT:
            pieces.append(" ".join(names[v] for v in members))
            continue
        inner = _bodies(graph, names, members, paths, near, depth + 1)
        if members[-1] == max(v for v, path in enumerate(paths) if plate in path):
            inner += near.get(plate, [])
        pieces.append(_block(graph, plate, "; ".join(inner)))
    return pieces


def _block(graph: Graph, plate: int, body: str) -> str:
    kind = "network" if graph.plates[plate].network else "plate"
    return f"{kind} {quoted_if_needed(graph.plates[plate].name, RESERVED)} {{ {body} }}".replace("{  }", "{ }")


def _around(graph: Graph, plate: int, body: str) -> str:
    """Statements inside a plate and all the plates around it."""
    while plate != UNIT:
        body = _block(graph, plate, body)
        plate = graph.plates[plate].outer
    return body


def _near_statements(graph: Graph, names: Sequence[str]) -> dict[int, list[str]]:
    """Edges between neighbours, by their network."""
    found: dict[int, list[str]] = {}
    for v, name in enumerate(names):
        sources = [f"{names[u]}.near" for u in bits(graph.near_parents[v])]
        beside = [f"{names[u]}.near" for u in bits(graph.near_neighbours[v] & -(1 << v))]
        for mark, ends in (("<-", sources), ("--", beside)):
            if ends:
                text = f"{ends[0]} -> {name}" if mark == "<-" and len(ends) == 1 else f"{name} {mark} {_group(ends)}"
                found.setdefault(_network(graph, v), []).append(text)
    return found


def _network(graph: Graph, node: int) -> int:
    return next((k for k in graph.plate_path(node) if graph.plates[k].network), UNIT)


def _chains(names: Sequence[str], mark: str, targets: Sequence[int]) -> Iterator[str]:
    """Edges from each node to its targets, a single target carrying the chain on: ``X -> Z -> Y``."""
    left = list(targets)
    for v, name in enumerate(names):
        text, at = name, v
        while left[at]:
            heads, left[at] = left[at], 0
            text += f" {mark} {_group([names[head] for head in bits(heads)])}"
            if heads & (heads - 1):
                break
            at = heads.bit_length() - 1
        if text != name:
            yield text


def _group(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "{ " + " ".join(names) + " }"


def _macro_text(aggregate: Aggregate, names: Sequence[str]) -> str:
    parts = [
        names[part.node]
        + (".near" if part.near else "")
        + (f": {_weight_text(part.weight)}" if aggregate.kind == "weighted" else "")
        for part in aggregate.parts
    ]
    return f"{names[aggregate.child]} = {aggregate.kind}({', '.join(parts)})"


def _isolated(graph: Graph) -> int:
    """Nodes that no edge and no macro-variable speaks of."""
    spoken = 0
    for masks in (graph.parents, graph.siblings, graph.neighbours, graph.near_parents, graph.near_neighbours):
        for v, mask in enumerate(masks):
            spoken |= mask | (1 << v if mask else 0)
    for aggregate in graph.aggregates:
        for part in aggregate.parts:
            spoken |= 1 << part.node
        spoken |= 1 << aggregate.child
    return graph.everything & ~spoken


def _domain_text(domain: Domain) -> str:
    size = len(domain)
    counted = all(type(state) is int and state == k for k, state in enumerate(domain.states))
    return str(size) if counted else "{ " + " < ".join(_state_text(state) for state in domain.states) + " }"


def _state_text(state: State) -> str:
    if isinstance(state, bool):
        return "true" if state else "false"
    if isinstance(state, str):
        return quoted_if_needed(state, ("true", "false"))
    return repr(state)


def _weight_text(weight: float) -> str:
    return repr(int(weight)) if weight == int(weight) and abs(weight) < 1e15 else repr(weight)
