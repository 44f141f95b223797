"""A task without plates: project, exchange conditions, let the engine work, put the laws together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.expr.build import factors_of, free, leaves, product, quotient, rebuilt, slots, substituted, total
from umbel.expr.nodes import Drawn, Expr, Held, Law, Level, Meaning, Probability, Slot, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import anterior
from umbel.graph.surgery import induced, latent_projection
from umbel.graph.walks import closure
from umbel.identification.conditional import exchanged
from umbel.identification.engine import OBSERVED, Effect, effect, identifiable
from umbel.identification.forms import adjusted, shorter, tidied
from umbel.identification.kernel import Names, size
from umbel.identification.sources import engine_sources, spread, targets
from umbel.model.proof import EngineSource, Exchange, FlatProof, Hedge, Road
from umbel.model.task import Task, Treatment


@dataclass(frozen=True, slots=True)
class Posed:
    """A task on the visible nodes that matter.

    Parameters
    ----------
    graph
        An ADMG on them.
    meanings
        What each stands for.
    outcomes, given, held
        Masks.
    policies
        Random treatments with the mask of what each reads.
    treatments
        Those that matter, by node of ``graph``.
    sources
        What is known.
    set_unseen
        Mask of what some source set and nobody sees: isolated in ``graph``.
    """

    graph: Graph
    meanings: tuple[Meaning, ...]
    outcomes: int
    given: int
    held: int
    policies: Mapping[int, int]
    treatments: Mapping[int, Treatment]
    sources: tuple[EngineSource, ...]
    set_unseen: int = 0

    @property
    def read(self) -> int:
        """Mask of what policies read."""
        mask = 0
        for reads in self.policies.values():
            mask |= reads
        return mask


def posed(task: Task) -> Posed:
    """Leave out what does not matter, and what nobody sees."""
    graph = task.graph
    reads = [a | b for a, b in zip(graph.parents, graph.neighbours, strict=True)]
    for treatment in task.treatments:
        reads[treatment.node] = treatment.reads
    asked = closure(task.outcomes | task.given, reads, graph.everything)
    treatments = [treatment for treatment in task.treatments if asked >> treatment.node & 1]
    start = asked
    for sight in task.sources:
        start |= sight.kept_by
    relevant = anterior(graph, start)
    set_unseen = 0
    for sight in task.sources:
        set_unseen |= sight.do & relevant & graph.latent
    nodes = tuple(bits(relevant & ~graph.latent | set_unseen))
    place = {node: i for i, node in enumerate(nodes)}

    def moved(mask: int) -> int:
        return sum(1 << place[node] for node in bits(mask))

    part = induced(graph, relevant)
    plain = latent_projection(replace(part, plates=(), plate_of=(-1,) * len(part.names)) if part.plates else part)
    if set_unseen:
        plain = spread(plain, [place[node] for node in nodes if not set_unseen >> node & 1], len(nodes))
    policies = {place[one.node]: moved(one.reads) for one in treatments if one.policy is not None}
    held = moved(sum(1 << one.node for one in treatments if one.policy is None))
    return Posed(
        plain,
        tuple(task.meanings[node] for node in nodes),
        moved(task.outcomes),
        moved(task.given),
        held,
        policies,
        {place[one.node]: one for one in treatments},
        engine_sources(task, relevant, place) if task.sources else OBSERVED,
        moved(set_unseen),
    )


MOST_LEFT_OUT = 12
"""Variables that a formula reads, up to which doing without each is tried."""


def solve_flat(task: Task, level: Level = ()) -> Road:
    """Identify a task whose graph has no plates (or whose plates are erased, at ``level``).

    Complete for one source and for several that show every node; otherwise sound.
    """
    road = _solved(task, level)
    if road.expr is None or task.sources or task.graph.plates or level:
        return road
    return road if any(isinstance(meaning, Law) for meaning in task.meanings) else _pruned(task, road)


def is_identified(task: Task) -> bool:
    """Whether :func:`solve_flat` would find an expression; none is built."""
    pose = posed(task)
    exchange = exchanged(pose.graph, pose.outcomes, pose.held, pose.given, pose.policies)
    outcomes = pose.outcomes | exchange.kept
    treated = pose.held | sum(1 << node for node in pose.policies) | exchange.moved
    needed = outcomes | treated | pose.read | pose.set_unseen
    return any(
        identifiable(target, outcomes, treated, policies=pose.policies, sources=sources)
        for target, sources in targets(pose.graph, pose.sources, needed)
    )


def _pruned(task: Task, road: Road) -> Road:
    """The same effect from fewer variables, where a formula without some of them is shorter.

    One variable at a time, for formulas that hold a treatment's own law: adjustments are short
    already (Tikka and Karvanen, "Enhancing identification of causal effects by pruning", JMLR 2018).
    """
    assert road.expr is not None
    laws = [leaf for leaf in leaves(road.expr) if isinstance(leaf, Probability)]
    treated = {task.meanings[one.node] for one in task.treatments}
    if not any(_meaning(slot) in treated for law in laws for slot in law.of):
        return road
    kept = task.outcomes | task.given | task.treated
    for one in task.treatments:
        kept |= one.reads
    read = {_meaning(slot) for law in laws for slot in slots(law)}
    rest = [node for node, meaning in enumerate(task.meanings) if meaning in read and not kept >> node & 1]
    best = task
    for node in rest if len(rest) <= MOST_LEFT_OUT else ():
        fewer = replace(best, graph=replace(best.graph, latent=best.graph.latent | 1 << node))
        found = _solved(fewer, ())
        if found.expr is not None and _rank(found) < _rank(road):
            best, road = fewer, replace(found, task=task)
    return road


def _rank(road: Road) -> tuple[int, int]:
    """How long a formula is; one that reads what it does not depend on comes after all others."""
    assert road.expr is not None
    asked = road.task.outcomes | road.task.given | road.task.treated
    return len(free(road.expr) - set(road.task.symbols(asked))), size(road.expr)


def _solved(task: Task, level: Level) -> Road:
    """As :func:`solve_flat`, with every variable that matters."""
    pose = posed(task)
    graph, policies = pose.graph, pose.policies
    exchange = exchanged(graph, pose.outcomes, pose.held, pose.given, policies)
    outcomes = pose.outcomes | exchange.kept
    random = sum(1 << node for node in policies)
    treated = pose.held | random | exchange.moved
    proof = FlatProof(
        graph,
        outcomes,
        treated,
        reads=pose.read & ~treated,
        exchange=exchange,
        sources=pose.sources if task.sources else (),
        complete=all(_whole(source) for source in pose.sources),
    )
    stuck: tuple[Hedge, ...] = ()
    for target, sources in targets(graph, pose.sources, outcomes | treated | pose.read | pose.set_unseen):
        names = Names(pose.meanings, level)
        found = effect(target, outcomes, treated, pose.meanings, policies=policies, sources=sources, names=names)
        if isinstance(found, Effect):
            free_expr = _assembled(pose, found, exchange, names, sources)
            if task.graph.plates or level:
                wanted = pose.outcomes | pose.held | exchange.kept | exchange.moved
                free_expr = averaged(free_expr, [names.symbols[node] for node in bits(wanted)], level)
            expr = substituted(free_expr, settings(pose))
            return Road(task, (), replace(proof, reductions=found.reductions), expr, free_expr, task)
        stuck = stuck or found
    return Road(task, flat=replace(proof, hedges=stuck), flat_task=task)


def averaged(expr: Expr, wanted: Sequence[Symbol], level: Level) -> Expr:
    """Average over what a kernel leaves free and does not depend on, as in Verma's graph.

    A flat estimand may keep such symbols, since its evaluation averages over them; inside units
    and across units nobody would.
    """
    rest = sorted(free(expr) - frozenset(wanted), key=repr)
    return total(rest, product([Probability(tuple(rest), (), level), expr])) if rest else expr


def observed(task: Task) -> Expr | None:
    """The law of what is asked, read off a source that left all of it alone; None when there is none.

    For tasks without treatments that matter. The variables live at levels one inside the other.
    """
    graph, asked = task.graph, task.outcomes | task.given
    levels = {task.meanings[node].level for node in bits(asked)}
    deepest = max(levels, key=len)
    if any(level != deepest[: len(level)] for level in levels):
        return None
    source = 0
    if task.sources:
        causes = anterior(graph, asked)
        sight = next((s for s in task.sources if not (s.kept_by or s.do & causes or asked & ~s.seen)), None)
        if sight is None:
            return None
        source = sight.index
    return Probability(task.symbols(task.outcomes), task.symbols(task.given), deepest, source)


def _whole(source: EngineSource) -> bool:
    """Whether a source shows every node, at every value that was asked for, and all rows."""
    return source.graph is None and not source.do & ~source.reached


def _assembled(pose: Posed, found: Effect, exchange: Exchange, names: Names, sources: tuple[EngineSource, ...]) -> Expr:
    """The law of the outcomes from the kernels: policies drawn, the rest summed, conditions divided by."""
    factors = list(found.factors)
    for source in sources:
        if source.pins:
            held = {names.symbols[node]: Held(names.symbols[node], value) for node, value in source.pins}
            factors = [pinned(factor, source.index, held) for factor in factors]
    draws: list[Drawn] = []
    for node, reads in pose.policies.items():
        if found.scope >> node & 1:
            policy = pose.treatments[node].policy
            assert policy is not None
            draws.append(Drawn(policy, names.symbols[node], tuple(names.symbols[i] for i in bits(reads))))
    kept = pose.outcomes | exchange.kept | pose.held | exchange.moved
    body = total([names.symbols[node] for node in bits(found.scope & ~kept)], product([*factors, *draws]))
    if exchange.kept:
        body = divided(body, pose.outcomes, names)
    body = tidied(body, pose.graph, pose.meanings, sources)
    if sources != OBSERVED or isinstance(body, Probability):
        return body
    treated = pose.held | sum(1 << node for node in pose.policies)
    given = exchange.kept | exchange.moved
    other = adjusted(pose.graph, pose.meanings, pose.outcomes, treated, given, pose.policies, draws, names.level)
    wanted = frozenset(names.symbols[node] for node in bits(kept))
    return body if other is None else shorter(body, other, wanted)


def divided(joint: Expr, outcomes: int, names: Names) -> Expr:
    """``P(outcomes, given) / P(given)``: what does not read the outcomes cancels."""
    symbols = {names.symbols[node] for node in bits(outcomes)}
    reading = product(factor for factor in factors_of(joint) if not free(factor).isdisjoint(symbols))
    return quotient(reading, names.bound(outcomes, reading))


def settings(pose: Posed) -> dict[Symbol, Slot]:
    """The treatments that are held at one value, as replacements of their symbols."""
    found: dict[Symbol, Slot] = {}
    for node in bits(pose.held):
        symbol = Symbol(pose.meanings[node])
        value = pose.treatments[node].value
        assert value is not None
        if value != symbol and not isinstance(value, Symbol):
            found[symbol] = Held(symbol, value)
    return found


def pinned(expr: Expr, source: int, held: Mapping[Symbol, Held]) -> Expr:
    """Hold symbols in the laws of one source: its kernels do not depend on them."""
    if isinstance(expr, Probability):
        replacement: dict[Symbol, Slot] = {s: held[s] for s in slots(expr) if isinstance(s, Symbol) and s in held}
        return substituted(expr, replacement) if expr.source == source else expr
    return rebuilt(expr, lambda child: pinned(child, source, held))


def _meaning(slot: Slot) -> Meaning:
    return (slot.symbol if isinstance(slot, Held) else slot).meaning
