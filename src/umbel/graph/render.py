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
    page = _Page.of(graph)
    texts = ("\n".join(layout(page)) for layout in (_Page.early, _Page.late, _Page.in_order))
    first = next(texts)
    return next((text for text in (first, *texts) if _reads_back(text, graph)), first)


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
class _Page:
    """A graph with all of its pieces as text; each layout joins them to lines.

    Parameters
    ----------
    names
        The names as they stand in text.
    paths
        For each node the plates around it, outermost first.
    last
        For each plate with variables, the last of them: the statements about neighbours follow it.
    near, edges
        Statements about neighbours by their network; all other edges and macro-variables.
    hidden, alone
        Latents that only ``latent`` declares, and variables that only their bare name declares.
    """

    graph: Graph
    names: tuple[str, ...]
    paths: tuple[tuple[int, ...], ...]
    last: dict[int, int]
    near: dict[int, list[str]]
    edges: list[str]
    hidden: list[int]
    alone: list[int]

    @staticmethod
    def of(graph: Graph) -> _Page:
        names = tuple(name_text(name) for name in graph.names)
        paths = tuple(graph.plate_path(v) for v in range(len(names)))
        near, macros = _near_statements(graph, names), list[str]()
        for aggregate in graph.aggregates:
            inside = any(part.near for part in aggregate.parts)
            place = near.setdefault(_network(graph, aggregate.child), []) if inside else macros
            place.append(_macro_text(aggregate, names))
        upwards = [-(2 << v) for v in range(len(names))]  # of a symmetric pair, the first end speaks
        edges = [
            *macros,
            *_chains(names, "->", graph.children),
            *_chains(names, "<->", [a & b for a, b in zip(graph.siblings, upwards, strict=True)]),
            *_chains(names, "--", [a & b for a, b in zip(graph.neighbours, upwards, strict=True)]),
        ]
        counted = sum(1 << v for v, _ in graph.facts.classes)  # "classes U" declares and hides U
        return _Page(
            graph,
            names,
            paths,
            {plate: v for v, path in enumerate(paths) for plate in path},
            near,
            edges,
            list(bits(graph.latent & ~counted)),
            [v for v in bits(_isolated(graph) & ~counted & ~graph.latent) if not paths[v]],
        )

    def early(self) -> list[str]:
        """Latents and isolated variables where their number puts them, before the edges."""
        plated = [v for v, path in enumerate(self.paths) if path]
        lines: list[str] = []
        outside = {v for v in self.hidden if not self.paths[v]}
        for latent, run in groupby(sorted({*plated, *self.alone, *outside}), key=outside.__contains__):
            members = list(run)
            lines += self.latents(members) if latent else self.bodies(members)
        inside = [v for v in self.hidden if self.paths[v]]
        return [*lines, *self.latents(inside), *self.edges, *self.empty(), *facts_text(self.graph)]

    def late(self) -> list[str]:
        """Latents and isolated variables after the edges."""
        plated = [v for v, path in enumerate(self.paths) if path]
        alone = [self.names[v] for v in self.alone]
        lines = [*self.bodies(plated), *self.edges, *self.latents(self.hidden), *alone, *self.empty()]
        return lines + list(facts_text(self.graph))

    def in_order(self) -> list[str]:
        """Every name first, in the order of the nodes: what always reads back."""
        plates = range(len(self.graph.plates))
        opened = list(dict.fromkeys(plate for path in self.paths for plate in path))
        lines = [] if opened == list(plates) else [self.around(plate, []) for plate in plates]
        lines += self.bodies(range(len(self.names)), say_near=False)
        lines += [self.around(network, self.near[network]) for network in sorted(self.near)]
        return [*lines, *self.latents(self.hidden), *self.edges, *facts_text(self.graph)]

    def latents(self, nodes: Sequence[int]) -> list[str]:
        return ["latent " + " ".join(self.names[v] for v in nodes)] if nodes else []

    def empty(self) -> list[str]:
        """Plates without a variable."""
        return [self.around(k, []) for k in range(len(self.graph.plates)) if k not in self.last]

    def bodies(self, nodes: Sequence[int], depth: int = 0, *, say_near: bool = True) -> list[str]:
        """Names at one depth of the plates, and the plates inside it, a statement each."""
        pieces: list[str] = []
        for plate, run in groupby(nodes, key=lambda v: self.paths[v][depth] if len(self.paths[v]) > depth else UNIT):
            members = list(run)
            if plate == UNIT:
                pieces.append(" ".join(self.names[v] for v in members))
                continue
            inner = self.bodies(members, depth + 1, say_near=say_near)
            if say_near and members[-1] == self.last[plate]:
                inner += self.near.get(plate, [])
            pieces.append(self.block(plate, inner))
        return pieces

    def block(self, plate: int, inner: Sequence[str]) -> str:
        """A plate around some statements."""
        own = self.graph.plates[plate]
        body = f"{{ {'; '.join(inner)} }}" if inner else "{ }"
        return f"{'network' if own.network else 'plate'} {quoted_if_needed(own.name, RESERVED)} {body}"

    def around(self, plate: int, inner: Sequence[str]) -> str:
        """Statements inside a plate and all the plates around it."""
        text = self.block(plate, inner)
        outer = self.graph.plates[plate].outer
        return text if outer == UNIT else self.around(outer, [text])


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
