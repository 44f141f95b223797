"""A graph while it is being read: names, places, edges and facts, checked once at the end.

Every reader (umbel's own text, DAGitty, DOT) fills a :class:`Draft` and asks it to
:meth:`Draft.finish`. What a single statement can decide is refused at once; what needs the whole
text (where a name lives, whether arrows close a cycle, whether a fact names anything) is refused
at the end, still with the place of the word that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, NoReturn

from umbel.errors import did_you_mean, shown
from umbel.graph.mixed import NO_FACTS, NO_NOTES, Aggregate, Facts, Graph, Notes, Part
from umbel.graph.places import UNIT, Places, refuse
from umbel.graph.walks import cycle, directed_walk
from umbel.lexer import Token, brief
from umbel.variable import Domain


class End(NamedTuple):
    """One end of an edge, or one part of a macro-variable: a variable, or ``near``: its neighbours'."""

    token: Token
    node: int
    near: bool = False

    @property
    def name(self) -> str:
        """The variable's name."""
        return str(self.token.value)


class _Macro(NamedTuple):
    kind: str
    parts: Sequence[End]
    weights: Sequence[float]
    token: Token


class Draft:
    """What has been read so far. It changes while a reader fills it, and never leaves its reader."""

    __slots__ = (
        "_arrows",
        "_classes",
        "_domains",
        "_latent",
        "_macros",
        "_masks",
        "_monotone",
        "_near",
        "_shared",
        "names",
        "places",
    )

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.places = Places()
        # Masks of parents, siblings, neighbours, near parents, near neighbours: one per node each.
        self._masks: tuple[list[int], ...] = ([], [], [], [], [])
        self._arrows: list[tuple[int, int, Token]] = []  # tails, heads, where
        self._near: list[tuple[End, End]] = []
        self._macros: dict[int, _Macro] = {}
        self._latent = 0
        self._shared: list[Token] = []
        self._monotone: list[tuple[Token, Token]] = []
        self._classes: dict[int, tuple[int | None, Token]] = {}
        self._domains: list[tuple[Token, Domain]] = []

    def variable(self, token: Token, *, declares: bool = False) -> int:
        """The node of a name, a new one at its first mention; ``declares``: it stands there bare."""
        name = str(token.value)
        node = self.names.get(name)
        if node is None:
            node = self.names[name] = len(self.names)
            for masks in self._masks:
                masks.append(0)
        self.places.mention(node, token, declares=declares)
        return node

    def hide(self, node: int) -> None:
        """Mark a variable as latent."""
        self._latent |= 1 << node

    def join(self, left: Sequence[End], mark: str, right: Sequence[End], token: Token) -> None:
        """Add an edge from every left end to every right one; ``token`` is the mark's place."""
        if mark == "<-":
            left, mark, right = right, "->", left
        if any(end.near for end in left) or any(end.near for end in right):
            for a in left:
                for b in right:
                    self._join_near(a, mark, b, token)
            return
        tails, heads = _mask(left), _mask(right)
        if tails & heads:
            name = next(end.name for end in left if heads >> end.node & 1)
            refuse(token, f"an edge from {shown(name)} to itself means nothing.")
        parents, siblings, neighbours, *_ = self._masks
        if mark == "->":
            self._arrows.append((tails, heads, token))
            for end in right:
                parents[end.node] |= tails
            return
        beside = siblings if mark == "<->" else neighbours
        for end in right:
            beside[end.node] |= tails
        for end in left:
            beside[end.node] |= heads

    def _join_near(self, a: End, mark: str, b: End, token: Token) -> None:
        if not a.near and not b.near:
            self.join([a], mark, [b], token)
            return
        if a.near and b.near:
            refuse(b.token, "both ends are neighbours: an edge has one end at least without '.near'.")
        if mark == "<->":
            refuse(token, "'<->' has no '.near' end. Name the hidden cause, as in: latent L; L.near -> A.")
        if mark == "->" and b.near:
            remedy = f"Write {brief(b.name)} <- {brief(a.name)}.near."
            refuse(b.token, f"an arrow points at a member, not at its neighbours. {remedy}")
        self._near.append((a, b))
        *_, near_parents, near_neighbours = self._masks
        if mark == "->":
            near_parents[b.node] |= 1 << a.node
            self._arrows.append((1 << a.node, 1 << b.node, token))
        else:
            near_neighbours[a.node] |= 1 << b.node
            near_neighbours[b.node] |= 1 << a.node

    def aggregate(self, child: Token, kind: str, parts: Sequence[End], weights: Sequence[float]) -> None:
        """Define a macro-variable."""
        node = self.variable(child)
        if node in self._macros:
            refuse(child, f"{shown(str(child.value))} is defined in line {self._macros[node].token.line} already.")
        seen: set[tuple[int, bool]] = set()
        for part in parts:
            if (part.node, part.near) in seen:
                refuse(part.token, f"{shown(part.name)} is a part twice.")
            seen.add((part.node, part.near))
            if part.near:
                self._near.append((part, End(child, node)))
        self._arrows.append((_mask(parts), 1 << node, child))
        self._macros[node] = _Macro(kind, parts, weights, child)

    def shared(self, token: Token) -> None:
        """Assert ``assume shared X``."""
        self._shared.append(token)

    def monotone(self, cause: Token, effect: Token) -> None:
        """Assert ``assume monotone A -> W``."""
        self._monotone.append((cause, effect))

    def states(self, token: Token, domain: Domain) -> None:
        """Assert ``states X = …``."""
        self._domains.append((token, domain))

    def classes(self, token: Token, count: int | None) -> None:
        """Assert ``classes U`` or ``classes U = k``; it makes U latent."""
        node = self.variable(token)
        known, before = self._classes.setdefault(node, (count, token))
        if known != count:
            refuse(token, f"{shown(str(token.value))} has another number of classes in line {before.line}.")
        self.hide(node)

    def finish(self, notes: Notes = NO_NOTES) -> Graph:
        """Check what needs the whole text, and freeze the graph.

        Raises
        ------
        GraphError
            For a name in two plates, a neighbour without network, a macro-variable with causes of
            its own, a fact about nothing, a cycle.
        """
        homes = self.places.homes()
        self._check_near(homes)
        self._check_macros()
        parents, siblings, neighbours, near_parents, near_neighbours = map(tuple, self._masks)
        graph = Graph(
            tuple(self.names),
            parents,
            siblings,
            neighbours,
            plates=tuple(self.places.plates),
            plate_of=tuple(homes),
            latent=self._latent,
            aggregates=self._aggregates(),
            near_parents=near_parents,
            near_neighbours=near_neighbours,
            facts=self._facts(),
            notes=notes,
        )
        closed = cycle(graph)
        if closed:
            self._refuse_cycle(graph, closed)
        return graph

    def _check_near(self, homes: Sequence[int]) -> None:
        """Neighbours live in the same network; outside it, ``.near`` is no accident of a name."""
        network = self.places.network
        for near, other in self._near:
            around = network(homes[near.node])
            if around == UNIT or around != network(homes[other.node]):
                names = f"{shown(near.name)} and {shown(other.name)}"
                refuse(near.token, f"'.near' joins members of one network, and {names} do not live in the same one.")
        if not any(plate.network for plate in self.places.plates):
            return
        for name, node in self.names.items():
            base = self.names.get(name.removesuffix(".near"), node)
            token = self.places.first(node)
            if base != node and token.kind == "word" and network(homes[base]) != UNIT:
                where = self.places.where(network(homes[base]))
                refuse(
                    token, f"{shown(name)} stands outside its network. Move it {where}, or quote it as a plain name."
                )

    def _check_macros(self) -> None:
        parents, siblings, neighbours, near_parents, near_neighbours = self._masks
        for node, macro in self._macros.items():
            if parents[node] | siblings[node] | neighbours[node] | near_parents[node] | near_neighbours[node]:
                name = shown(str(macro.token.value))
                refuse(
                    macro.token, f"{name} is a known map of its parts and has no other cause: no ->, <-> or -- into it."
                )

    def _aggregates(self) -> tuple[Aggregate, ...]:
        return tuple(
            Aggregate(
                node,
                macro.kind,
                tuple(Part(p.node, weight, p.near) for p, weight in zip(macro.parts, macro.weights, strict=True)),
            )
            for node, macro in sorted(self._macros.items())
        )

    def _facts(self) -> Facts:
        """The facts in order of their nodes, so that the order of statements says nothing."""
        if not (self._shared or self._monotone or self._classes or self._domains):
            return NO_FACTS
        domains: dict[int, Domain] = {}
        for token, domain in self._domains:
            if domains.setdefault(self._known(token), domain) != domain:
                refuse(token, f"{shown(str(token.value))} has other states before; state them once.")
        monotone: set[tuple[int, int]] = set()
        for cause, effect in self._monotone:
            tail, head = self._known(cause), self._known(effect)
            if not self._masks[0][head] >> tail & 1:
                edge = f"{brief(str(cause.value))} -> {brief(str(effect.value))}"
                refuse(cause, f"the graph has no edge {edge} that could be monotone. Draw it, or drop this statement.")
            monotone.add((tail, head))
        return Facts(
            shared=_union(1 << self._known(token) for token in self._shared),
            monotone=tuple(sorted(monotone)),
            classes=tuple((node, self._classes[node][0]) for node in sorted(self._classes)),
            domains=tuple((node, domains[node]) for node in sorted(domains)),
        )

    def _known(self, token: Token) -> int:
        """The node of a name in a fact, which must stand elsewhere in the graph."""
        name = str(token.value)
        if name not in self.names:
            refuse(token, f"{shown(name)} is no variable of the graph. {did_you_mean(name, self.names)}")
        return self.names[name]

    def _refuse_cycle(self, graph: Graph, closed: Sequence[int]) -> NoReturn:
        """Show a cycle at the last of its arrows in the text."""
        steps = set(pairwise(closed))
        token = [token for tails, heads, token in self._arrows if any(tails >> a & heads >> b & 1 for a, b in steps)][
            -1
        ]
        walk = directed_walk(graph, closed).text(graph.names)
        refuse(token, f"the arrows form a cycle: {walk}. An arrow means 'is a cause of', so one of them has to go.")


def _mask(ends: Iterable[End]) -> int:
    return _union(1 << end.node for end in ends)


def _union(masks: Iterable[int]) -> int:
    result = 0
    for mask in masks:
        result |= mask
    return result
