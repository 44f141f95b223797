"""How the flat engine reached its verdict: each rule, the set before it and the set after it.

The sets are the random variables of a law, as in Tian and Pearl (2002): the causes of what is
asked split into districts, and each district's law is reached from an observed one by leaving out
what is no cause of it (ancestral) and dividing by other districts (district). Where neither rule
applies a hedge is left. Conditions go first, by rules 1 and 2 of the do-calculus (Shpitser and
Pearl 2006).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import districts
from umbel.identification.engine import OBSERVED, attempts, scope_of
from umbel.lexer import quoted_if_needed
from umbel.model.proof import EngineSource, FlatProof, Hedge, Reduction, Road
from umbel.model.task import Treatment
from umbel.results.step import Step


def flat_steps(road: Road) -> Iterator[Step]:
    """The steps of a road where it is flat.

    Examples
    --------
    >>> from umbel.identification.flat import solve_flat
    >>> from umbel.expr.nodes import Raw, Symbol
    >>> from umbel.model.task import Task
    >>> task = Task.of(Graph.parse("X -> Z -> Y; X <-> Y"), 0b100, Treatment(0, value=Symbol(Raw("X"))))
    >>> road = solve_flat(task)
    >>> for step in flat_steps(road):
    ...     print(step)
    ancestors: the causes of {Y} once {X} is set: {X, Z, Y} to {Z, Y}
    factor: {Z} is a district: {Z, Y} to {Z}
    ancestral: for {Z}: {X, Z, Y} to {X, Z}
    district: for {Z}: {X, Z} to {Z}
    factor: {Y} is a district: {Z, Y} to {Y}
    district: for {Y}: {X, Z, Y} to {X, Y}
    ancestral: for {Y}: {X, Y} to {Y}
    sum: over {Z}: {Z, Y} to {Y}
    """
    assert road.flat is not None
    if road.flat_task is not None and not road.lowerings:
        graph = road.task.graph
        left = road.flat_task.graph.latent & ~graph.latent if road.flat_task.graph.names == graph.names else 0
        if left:
            yield Step("leave out", f"{set_text(graph.names_of(left))}: a formula without is shorter")
    yield from _Derivation(road.flat, random_treatments(road)).steps(road.expr is not None)


def random_treatments(road: Road) -> dict[int, Treatment]:
    """Treatments that follow laws, by their place in the flat graph."""
    if road.flat is None or road.flat_task is None:
        return {}
    names, flat = road.flat_task.graph.names, road.flat.graph.names
    treated = (one for one in road.flat_task.treatments if one.policy is not None and names[one.node] in flat)
    return {flat.index(names[one.node]): one for one in treated}


class _Derivation:
    def __init__(self, proof: FlatProof, random: Mapping[int, Treatment]) -> None:
        self.proof, self.graph, self.random = proof, proof.graph, random
        self.sources = proof.sources or OBSERVED
        self.policies = {node: reads_in(self.graph, one) for node, one in random.items()}
        self.scope = scope_of(self.graph, proof.outcomes, proof.treated, self.policies)

    def steps(self, identified: bool) -> Iterator[Step]:
        proof = self.proof
        yield from policy_steps(self.graph, self.random)
        yield from self._exchanged()
        treated = proof.treated & ~sum(1 << node for node in self.policies)
        set_words = f" once {self.set(treated)} {'is' if treated.bit_count() == 1 else 'are'} set" if treated else ""
        if self.scope != self.graph.everything:
            causes = f"the causes of {self.set(proof.outcomes)}{set_words}"
            yield self._step("ancestors", causes, self.graph.everything, self.scope)
        parts = districts(self.graph, self.scope & ~proof.treated)
        tried = proof.reductions or attempts(
            self.graph, proof.outcomes, proof.treated, policies=self.policies, sources=self.sources
        )
        for reduction in tried:
            if reduction.district in parts and reduction.district != self.scope:
                whole = self.scope & ~proof.treated
                yield self._step("factor", f"{self.set(reduction.district)} is a district", whole, reduction.district)
            yield from reduction_steps(self.graph, self.sources, reduction)
        if not identified:
            yield from (hedge_step(self.graph, self.sources, hedge) for hedge in dict.fromkeys(proof.hedges))
            return
        held = self.scope & proof.treated & ~sum(1 << node for node in self.policies)
        over = self.scope & ~proof.outcomes & ~held
        if over:
            drawn = sum(1 << node for node in self.policies) & self.scope
            laws = f", with the laws of {self.set(drawn)}" if drawn else ""
            yield self._step("sum", f"over {self.set(over)}{laws}", self.scope, self.scope & ~over)
        if proof.exchange.kept:
            asked = proof.outcomes & ~proof.exchange.kept
            yield self._step(
                "condition", f"divide by the law of {self.set(proof.exchange.kept)}", proof.outcomes, asked
            )

    def _exchanged(self) -> Iterator[Step]:
        exchange = self.proof.exchange
        left = exchange.moved | exchange.kept
        asked = self.set(self.proof.outcomes & ~exchange.kept)
        if exchange.dropped:
            detail = f"{self.set(exchange.dropped)} tells nothing more of {asked}, of the conditions"
            yield self._step("rule 1", detail, exchange.dropped | left, left)
        if exchange.moved:
            detail = f"seeing {self.set(exchange.moved)} is as good as setting it, of the conditions"
            yield self._step("rule 2", detail, left, exchange.kept)

    def _step(self, rule: str, detail: str, before: int, after: int) -> Step:
        return move_step(self.graph, rule, detail, before, after)

    def set(self, mask: int) -> str:
        return set_text(names_in(self.graph, mask))


def reads_in(graph: Graph, treatment: Treatment) -> int:
    """Mask of what a treatment's law reads, in another graph of the same names."""
    assert treatment.policy is not None
    reads = {getattr(meaning, "name", "") for meaning in treatment.policy.given}
    return graph.mask(name for name in graph.names if name in reads)


def policy_steps(graph: Graph, random: Mapping[int, Treatment]) -> Iterator[Step]:
    """Laws in place of mechanisms."""
    for node, treatment in random.items():
        policy = treatment.policy
        assert policy is not None
        reads = reads_in(graph, treatment)
        law = policy.law.text if policy.law is not None else "a law of its own"
        given = f" given {set_text(names_in(graph, reads))}" if reads and policy.law is None else ""
        detail = f"{quoted_if_needed(graph.names[node])} follows {law}{given} instead of its causes"
        yield move_step(graph, "policy", detail, graph.parents[node] | graph.neighbours[node], reads)


def reduction_steps(graph: Graph, sources: Sequence[EngineSource], reduction: Reduction) -> Iterator[Step]:
    """From a source's law towards a district's, as far as the rules led; the last step has the law."""
    source = next((one for one in sources if one.index == reduction.source), None)
    if source is None:
        return
    name = set_text(names_in(graph, reduction.district))
    where = f"in study {source.index + 1}, " if len(sources) > 1 else ""
    shown = graph.everything & source.seen & ~source.do
    steps = []
    if reduction.start != shown:
        steps.append(move_step(graph, "ancestral", f"{where}for {name}", shown, reduction.start))
    steps += [move_step(graph, move.rule, f"{where}for {name}", move.before, move.after) for move in reduction.moves]
    if not steps and reduction.start == reduction.district:
        names = names_in(graph, reduction.district)
        steps.append(Step("kernel", f"{where}{name} is all that the law speaks of", names, names))
    yield from steps[:-1]
    for last in steps[-1:]:
        yield replace(last, law=reduction.law)


def hedge_step(graph: Graph, sources: Sequence[EngineSource], hedge: Hedge) -> Step:
    """Where the rules end before a district."""
    before, after = names_in(graph, hedge.outer), names_in(graph, hedge.inner)
    inner = set_text(after)
    if not before:
        return Step("no source", f"no study shows how {inner} comes about by itself", before, after)
    where = f"in study {hedge.source + 1}, " if len(sources) > 1 else ""
    detail = f"{where}{set_text(before)} is one district, all of it causes of {inner}: no rule leads on"
    return Step("hedge", detail, before, after)


def move_step(graph: Graph, rule: str, detail: str, before: int, after: int) -> Step:
    """One rule with its sets in words and as names."""
    names = names_in(graph, before), names_in(graph, after)
    return Step(rule, f"{detail}: {set_text(names[0])} to {set_text(names[1])}", *names)


def names_in(graph: Graph, mask: int) -> tuple[str, ...]:
    """Names of a set; what has none, such as the node of the rows that were kept, is left out."""
    return tuple(graph.names[node] for node in bits(mask & graph.everything) if graph.names[node])


def set_text(names: Iterable[str]) -> str:
    """``{X, "Birth weight"}``; a law stays as it is written."""
    return "{" + ", ".join(name if name.startswith("Q[") else quoted_if_needed(name) for name in names) + "}"
