"""The lowered graph of one choice of pieces (Weinstein and Blei 2026, Algorithms 1 to 3 at once).

Collapse gives each member's mechanism a node at unit level, augmentation adds the chosen pieces
and erases the edges that they replace, and marginalisation marks mechanisms as hidden, so that
the flat engine's latent projection does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from umbel.expr.build import product, substituted, total
from umbel.expr.nodes import Certain, Drawn, Expr, Held, Inside, Law, Meaning, Slot, Symbol
from umbel.expr.render import meaning_text
from umbel.graph.mixed import Facts, Graph, bits
from umbel.graph.segregated import anterior, exterior
from umbel.model.task import Collapse, Lowered, Piece, Reading, Sight, Task, Treatment
from umbel.results.step import Step
from umbel.structure.pieces import Owns, largest_first, mechanism, reading
from umbel.structure.plates import Plate
from umbel.structure.sights import lowered_sights


def lowered(
    plate: Plate, outcome: tuple[Piece, ...] | None, owns: Owns, extra: Sequence[Piece], hidden: int
) -> Lowered | None:
    """The lowered task for one choice of pieces and hidden mechanisms; None when it is invalid.

    Parameters
    ----------
    plate
        The plate to collapse.
    outcome
        Pieces of the outcome's law; None when the outcome stands outside the plate.
    owns
        For each treated member the law that its intervention sets.
    extra
        Further pieces.
    hidden
        Mask of members whose mechanisms are left out (Algorithm 3).
    """
    chosen = {(p.of, p.factors): p for p in (*(outcome or ()), *(part for _, part in owns), *extra)}
    mixtures = tuple(sorted((p for p in chosen.values() if p.factors & (p.factors - 1)), key=largest_first))
    builder = _Builder(plate, mixtures, hidden)
    return builder.build(outcome, owns)


class _Builder:
    """Assembles one lowered graph; lives for one call of :func:`lowered`."""

    def __init__(self, plate: Plate, mixtures: tuple[Piece, ...], hidden: int) -> None:
        self.plate, self.mixtures, self.hidden = plate, mixtures, hidden
        graph = plate.task.graph
        self.outside = tuple(bits(plate.relevant & ~plate.members))
        self.inside = tuple(bits(plate.relevant & plate.members))
        count = len(self.outside)
        self.place = {node: i for i, node in enumerate((*self.outside, *self.inside))}
        self.piece_place = {id(p): count + len(self.inside) + i for i, p in enumerate(mixtures)}
        self.singles = {1 << node: self.place[node] for node in self.inside}
        self.readings: list[Reading] = []
        self.graph = graph

    def node_of(self, part: Piece) -> int:
        """Index in the lowered graph of a piece or a single mechanism."""
        for other in self.mixtures:
            if (other.of, other.factors) == (part.of, part.factors):
                return self.piece_place[id(other)]
        return self.singles[part.factors]

    def parents_of(self, reader: str, factors: int, out: int, pieces: Sequence[Piece]) -> int:
        """Mask of lowered nodes that a reader of the plate reads."""
        how = reading(self.plate, reader, factors, out, pieces)
        self.readings.append(how)
        mask, rest = 0, factors
        for part in how.uses:
            mask |= 1 << self.node_of(part)
            rest &= ~part.factors
        for node in bits(rest):
            mask |= 1 << self.place[node]
        return mask

    def build(self, outcome: tuple[Piece, ...] | None, owns: Owns) -> Lowered | None:
        plate, graph = self.plate, self.graph
        names: list[str] = []
        meanings: list[Meaning] = []
        parents: list[int] = []
        for node in self.outside:
            names.append(graph.names[node])
            meanings.append(plate.task.meanings[node])
            mask = sum(1 << self.place[p] for p in bits(graph.parents[node] & ~plate.members))
            if reads := plate.parents(node):
                mask |= self.parents_of(graph.names[node], plate.factors(reads), reads, self.mixtures)
            parents.append(mask)
        for node in self.inside:
            law = mechanism(plate, node).law
            assert law is not None
            names.append(meaning_text(law))
            meanings.append(law)
            parents.append(sum(1 << self.place[p] for p in bits(graph.parents[node] & ~plate.members)))
        for part in self.mixtures:
            assert part.law is not None
            names.append(meaning_text(part.law))
            meanings.append(part.law)
            smaller = [p for p in self.mixtures if p.factors != part.factors and p.factors & ~part.factors == 0]
            parents.append(self.parents_of(names[-1], part.factors, part.of, smaller))
        return self._finished(names, meanings, parents, outcome, owns)

    def _finished(
        self,
        names: list[str],
        meanings: list[Meaning],
        parents: list[int],
        outcome: tuple[Piece, ...] | None,
        owns: Owns,
    ) -> Lowered | None:
        plate, graph, task = self.plate, self.graph, self.plate.task
        latent, sources = self._seen(len(names))
        flat = self._graph(names, parents, latent)
        sunk = sum({1 << self.node_of(p) for p in outcome or ()})
        outcomes = sunk | self._moved(task.outcomes & ~plate.members)
        given = self._moved(task.given)
        parts = dict(owns)
        treatments = tuple(self._treatment(one, parts.get(one.node)) for one in task.treatments)
        for one, lowered_one in zip(task.treatments, treatments, strict=True):
            part = parts.get(one.node)
            if part is not None and not self._only_through(flat, part, one.node, lowered_one.node, outcomes | given):
                return None
        sink = None if outcome is None else outcome_law(plate, outcome)
        lowered_task = Task(flat, tuple(meanings), outcomes, treatments, given, sources)
        self._outcome_reading(outcome)
        record = Collapse(
            graph,
            plate.members & plate.relevant,
            plate.level,
            task.meanings,
            tuple(self.readings),
            self.hidden,
            owns,
            task.sources,
        )
        mixed = tuple((self.piece_place[id(p)], p) for p in self.mixtures)
        return Lowered(lowered_task, sink, record, mixed, sunk)

    def _seen(self, size: int) -> tuple[int, tuple[Sight, ...]]:
        """Mask of the lowered nodes that nobody sees, and what each source shows of the rest."""
        plate, graph = self.plate, self.graph
        latent = sum(1 << self.place[n] for n in self.outside if graph.latent >> n & 1)
        for node in self.inside:
            if (plate.parents(node) | 1 << node) & graph.latent or self.hidden >> node & 1:
                latent |= 1 << self.place[node]
        sources = lowered_sights(plate, self.place, tuple((self.piece_place[id(p)], p) for p in self.mixtures), latent)
        if sources:
            latent = (1 << size) - 1
            for sight in sources:
                latent &= ~sight.seen
        return latent, sources

    def _graph(self, names: Sequence[str], parents: Sequence[int], latent: int) -> Graph:
        plate, graph = self.plate, self.graph
        size = len(names)
        siblings = [0] * size
        for node, at in self.place.items():
            siblings[at] = sum(1 << self.place[s] for s in bits(graph.siblings[node] & plate.relevant))
        outer = graph.plates[plate.index].outer
        plate_of = [graph.plate_of[n] for n in self.outside] + [outer] * (size - len(self.outside))
        shared = sum(1 << at for node, at in self.place.items() if graph.facts.shared >> node & 1)
        # Pieces are functions of their parents: one level out they have no noise of their own.
        shared |= sum(1 << self.piece_place[id(p)] for p in self.mixtures)
        return Graph(
            tuple(names),
            tuple(parents),
            tuple(siblings),
            self._beside(size),
            plates=graph.plates,
            plate_of=tuple(plate_of),
            latent=latent,
            facts=_moved_facts(graph, self.outside, self.place, shared),
        )

    def _beside(self, size: int) -> tuple[int, ...]:
        """Undirected edges, which join variables outside plates alone."""
        beside = [0] * size
        for node in self.outside:
            beside[self.place[node]] = self._moved(self.graph.neighbours[node] & self.plate.relevant)
        return tuple(beside)

    def _moved(self, mask: int) -> int:
        """Nodes outside the plate, in the lowered graph."""
        return sum(1 << self.place[node] for node in bits(mask))

    def _outcome_reading(self, outcome: tuple[Piece, ...] | None) -> None:
        if outcome is not None:
            factors = 0
            for part in outcome:
                factors |= part.factors
            self.readings.append(Reading("", factors, self.plate.task.outcomes & self.plate.members, outcome))

    def _treatment(self, treatment: Treatment, own: Piece | None) -> Treatment:
        if own is None:
            return replace(treatment, node=self.place[treatment.node], reads=self._moved(treatment.reads))
        if treatment.policy is not None:
            return Treatment(self.node_of(own), value=treatment.policy)
        assert treatment.value is not None
        return Treatment(self.node_of(own), value=Certain(treatment.value))

    def _only_through(self, flat: Graph, own: Piece, member: int, node: int, asked: int) -> bool:
        """Proposition 10(b): what the mechanism of A reaches, it reaches through the piece."""
        single = self.place[member]
        if node == single:
            # A hidden law may be set only where no random mechanism reads it.
            return own.law is not None or not flat.children[node] & anterior(flat, asked)
        around = flat.everything & ~(1 << node)
        return not exterior(flat, 1 << single, around) & asked


def _moved_facts(graph: Graph, outside: tuple[int, ...], place: dict[int, int], shared: int) -> Facts:
    """Facts about variables outside the plate, as they are, and what has no noise of its own.

    Members' states, classes and monotone edges stay facts of the members: they say nothing of the
    number or order of laws, and are read where a law's formula is evaluated.
    """
    facts = graph.facts
    return Facts(
        shared=shared,
        monotone=tuple((place[a], place[b]) for a, b in facts.monotone if a in outside and b in outside),
        classes=tuple((place[node], k) for node, k in facts.classes if node in outside),
        domains=tuple((place[node], domain) for node, domain in facts.domains if node in outside),
    )


def outcome_law(plate: Plate, outcome: tuple[Piece, ...]) -> Expr:
    """The outcomes' law in one unit after the intervention: pieces times the policies, summed."""
    task = plate.task
    factors: list[Expr] = []
    generated = reads = 0
    for part in outcome:
        assert part.law is not None
        factors.append(Inside(Symbol(part.law), task.symbols(part.of), task.symbols(part.given)))
        generated |= part.of
        reads |= part.given
    held: dict[Symbol, Slot] = {}
    waiting = list(plate.treatments())
    while read := [one for one in waiting if reads >> one.node & 1]:
        for treatment in read:
            waiting.remove(treatment)
            symbol = Symbol(task.meanings[treatment.node])
            if treatment.policy is not None:
                factors.append(Drawn(treatment.policy, symbol, task.symbols(treatment.reads)))
                generated |= 1 << treatment.node
                reads |= treatment.reads
            elif treatment.value is not None and treatment.value != symbol:
                assert not isinstance(treatment.value, Symbol)
                held[symbol] = Held(symbol, treatment.value)
    body = substituted(product(factors), held)
    return total(task.symbols(generated & ~task.outcomes), body)


def _member_words(graph: Graph, member: int) -> str:
    """A member in the user's words: what stands for an unnamed ``<->`` has no name of its own."""
    ends = graph.names_of(graph.children[member])
    if graph.latent >> member & 1 and graph.names[member] == "<->".join(ends):
        return f"the hidden cause of {' and '.join(ends)}"
    return graph.names[member]


def collapse_steps(result: Lowered) -> tuple[Step, ...]:
    """What a lowering did, in the user's words."""
    record = result.record
    graph, task = record.graph, result.task
    members = graph.names_of(record.members & ~graph.latent)
    mixed = {node for node, _ in result.mixed}
    laws = tuple(
        task.graph.names[node]
        for node, meaning in enumerate(task.meanings)
        if isinstance(meaning, Law) and node not in mixed and not task.graph.latent >> node & 1
    )
    words = f"each {record.plate[-1]} variable becomes a law of its unit: {', '.join(members)}"
    steps = [Step("collapse", words, members, laws)]
    for node, part in result.mixed:
        parts = [_member_words(graph, member) for member in bits(part.factors)]
        name = task.graph.names[node]
        steps.append(Step("augment", f"{name} stands for the mechanisms of {', '.join(parts)}", tuple(parts), (name,)))
    for node in bits(record.hidden):
        words = f"the mechanism of {graph.names[node]} is left out, which makes its effects random"
        steps.append(Step("marginalise", words, (graph.names[node],), ()))
    return tuple(steps)
