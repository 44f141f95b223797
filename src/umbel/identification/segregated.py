"""Interventions and policies in segregated graphs: blocks settle, districts are reduced by the engine.

The law of a segregated graph is a product of laws of blocks and of one kernel of all other
variables, on an ADMG in which the blocks are fixed: there the district engine works as it does
everywhere (Sherman and Shpitser, "Identification and estimation of causal effects from dependent
data", NeurIPS 2018). Policies are put in place by Procedure 2 of Sherman, Arbour and Shpitser
("General identification of dynamic treatment regimes under interference", AISTATS 2020).

Their Theorem 1 is carried out with four corrections, each of which a small model shows to be needed:
kernels and their graph come from the graph before the policy, since an intervened variable may have
shared a district with the outcome; members that a policy drives out of their block, and treated
variables outside blocks, have factors of their own; a policy's own law stands in the formula and is
summed over, so that it may be random; and the sum runs over all that leads to the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from umbel.expr.build import product, substituted, total
from umbel.expr.nodes import Drawn, Equilibrium, Expr, Level, Probability, Symbol
from umbel.graph.mixed import Graph, bits
from umbel.graph.segregated import (
    anterior,
    block_members,
    block_order,
    boundary,
    district_part,
    is_block_safe,
    under_laws,
)
from umbel.graph.walks import blocks, districts
from umbel.identification.conditional import exchanged_in
from umbel.identification.flat import Posed, averaged, divided, posed, settings, solve_flat
from umbel.identification.forms import tidied
from umbel.identification.kernel import Names, kernel, moves, reduced
from umbel.model.proof import EngineSource, Exchange, FlatProof, Hedge, Reduction, Road
from umbel.model.task import Task


def solve_plain(task: Task, level: Level = ()) -> Road:
    """Identify a task whose graph has no plates, by way of blocks where some matter."""
    return solve_segregated(task, level) if in_equilibrium(task) else solve_flat(task, level)


def in_equilibrium(task: Task) -> bool:
    """Whether a block matters to a task: one of the graph, or one that its policies make."""
    graph = task.graph
    reads = {one.node: one.reads for one in task.treatments}
    if any(reads[node] >> other & reads.get(other, 0) >> node & 1 for node in reads for other in bits(reads[node])):
        return True
    if not any(graph.neighbours):
        return False
    start = task.outcomes | task.given | task.treated
    for one in task.treatments:
        start |= one.reads
    return bool(anterior(graph, start) & block_members(graph))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy makes of a segregated graph, on masks.

    Parameters
    ----------
    graph, after
        Before and under the policy.
    fixed
        The engine's graph: everything outside blocks is random, blocks are fixed.
    treated, scope
        What is intervened on; what leads to the outcomes under the policy, themselves included.
    districts
        Sets whose kernels are needed, among the untreated outside blocks.
    parts
        Blocks under the policy, within the scope, that hold what was in a block before or is
        treated; single variables among them.
    """

    graph: Graph
    after: Graph
    fixed: Graph
    treated: int
    scope: int
    districts: tuple[int, ...]
    parts: tuple[int, ...]

    @property
    def blocks(self) -> int:
        """Members of blocks before the policy."""
        return block_members(self.graph)


def planned(graph: Graph, outcomes: int, reads: Mapping[int, int]) -> Plan:
    """Theorem 1 on masks; laws that leave no segregated graph are refused at the door.

    Parameters
    ----------
    graph
        A segregated graph without hidden variables.
    outcomes
        What is asked.
    reads
        For each treated node what its law reads; 0 for a value.
    """
    after = under_laws(graph, reads)
    assert isinstance(after, Graph), f"checked with the question: {after}"
    treated = sum(1 << node for node in reads)
    scope = anterior(after, outcomes)
    inside = block_members(graph)
    return Plan(
        graph,
        after,
        district_part(graph),
        treated,
        scope,
        districts(graph, scope & ~treated & ~inside),
        blocks(after, scope & (treated | inside)),
    )


def start_of(plan: Plan, part: int, do: int) -> int:
    """The random set that a district's kernel is reduced from: what leads to it, outside blocks."""
    return anterior(plan.graph, part, plan.graph.everything & ~do) & ~plan.blocks & ~do


def reach_of(plan: Plan, part: int, source: EngineSource) -> int:
    """The smallest random set that a source's law leads to: ``part`` itself when it is identified."""
    return reduced(plan.fixed, part, start_of(plan, part, source.do))


def identifiable_under(graph: Graph, outcomes: int, reads: Mapping[int, int]) -> bool:
    """Whether a law under policies is identified from the observed law of a segregated graph.

    Examples
    --------
    >>> graph = Graph.parse("A -> M -- N; N -> Y; A <-> Y")
    >>> identifiable_under(graph, graph.mask("Y"), {graph.index("A"): 0})
    True
    """
    plan = planned(graph, outcomes, reads)
    return all(reach_of(plan, part, EngineSource()) == part for part in plan.districts)


def solve_segregated(task: Task, level: Level = ()) -> Road:
    """Identify a task in a segregated graph.

    Sound. A district that no source reaches is the witness of a "no"; whether every such "no" is
    final is not settled in print, so ``verify()`` looks for two models that agree on the observed
    law and differ on the question. Conditions that no exchange removes are divided by.
    """
    if not is_block_safe(task.graph):  # collapse may hide what a block hears; at the door it is refused
        stuck = FlatProof(task.graph, task.outcomes, task.treated, complete=False, under=task.graph)
        return Road(task, flat=stuck, flat_task=task)
    pose = posed(task)
    graph = pose.graph
    reads = {node: pose.policies.get(node, 0) for node in pose.treatments}
    exchange = _exchanged(pose, planned(graph, pose.outcomes | pose.given, reads))
    outcomes, held = pose.outcomes | exchange.kept, pose.held | exchange.moved
    plan = planned(graph, outcomes, reads | dict.fromkeys(bits(exchange.moved), 0))
    sources = [one for one in pose.sources if _whole(one)]
    names = Names(pose.meanings, level)
    proof = FlatProof(
        graph,
        outcomes,
        plan.treated,
        reads=pose.read & ~plan.treated,
        exchange=exchange,
        sources=tuple(sources) if task.sources else (),
        complete=False,
        under=plan.after,
    )
    factors, reductions, hedges = _districts(plan, sources, names)
    parts = [part for part in plan.parts if not held & part]
    settled = [_settled(plan, part, names, pose, sources) for part in parts]
    hedges += [Hedge(0, part, -1) for part, law in zip(parts, settled, strict=True) if law is None]
    if hedges:
        return Road(task, flat=replace(proof, hedges=tuple(hedges)), flat_task=task)
    factors += [law for law in settled if law is not None]
    over = [names.symbols[node] for node in bits(plan.scope & ~outcomes & ~held)]
    body = total(over, product(factors))
    if exchange.kept:
        body = divided(body, pose.outcomes, names)
    body = tidied(body, graph, pose.meanings, pose.sources)
    if task.graph.plates or level:
        body = averaged(body, [names.symbols[node] for node in bits(outcomes | held)], level)
    expr = substituted(body, settings(pose))
    return Road(task, (), replace(proof, reductions=reductions), expr, body, task)


def _districts(
    plan: Plan, sources: Sequence[EngineSource], names: Names
) -> tuple[list[Expr], tuple[Reduction, ...], list[Hedge]]:
    """The law of every district that some source reaches, how it was reduced, and what stops the others."""
    factors: list[Expr] = []
    reductions: list[Reduction] = []
    hedges: list[Hedge] = []
    for part in plan.districts:
        showing = [one for one in sources if not one.do & part]
        source = next((one for one in showing if reach_of(plan, part, one) == part), None)
        if source is None:
            hedges += [Hedge(reach_of(plan, part, one), part, one.index) for one in showing]
            hedges += [] if showing else [Hedge(0, part, -1)]
            continue
        law, reduction = _district_kernel(plan, part, names, source)
        factors.append(law)
        reductions.append(reduction)
    return factors, tuple(reductions), hedges


def _exchanged(pose: Posed, plan: Plan) -> Exchange:
    """What becomes of the conditions: rules 1 and 2 in the graph under the policy, which its law obeys.

    A block that settles under new laws obeys no graph, since its conditionals may fit no joint law:
    then every condition is divided by. Members of blocks are never set instead of seen.
    """
    mixed = any(part & plan.treated and part & (part - 1) for part in plan.parts)
    if mixed:
        return Exchange(kept=pose.given)
    return exchanged_in(plan.after, pose.outcomes, pose.held, pose.given, pose.given & ~plan.blocks)


def _whole(source: EngineSource) -> bool:
    """Whether a source shows every variable, at every value that is asked for, and all rows."""
    return source.graph is None and not source.do & ~source.reached and not source.kept


def _district_kernel(plan: Plan, part: int, names: Names, source: EngineSource) -> tuple[Expr, Reduction]:
    """The kernel of a district, and the moves that lead to it: the engine's, with the blocks fixed.

    The order is one of the whole graph. In an order of the engine's graph alone a variable may
    come before a block that causes it, and be read off given a consequence of what it causes.
    """
    start = start_of(plan, part, source.do)
    fixed = plan.blocks | source.do
    order = block_order(plan.graph, start)
    law = kernel(plan.fixed, part, start, names, fixed, order, source.index)
    return law, Reduction(part, source.index, tuple(moves(plan.fixed, part, start)), start, law)


def _settled(plan: Plan, part: int, names: Names, pose: Posed, sources: Sequence[EngineSource]) -> Expr | None:
    """The law of a block under the policy; None where no source shows one of its mechanisms."""
    untouched = part & ~plan.treated
    source = next((one.index for one in sources if not one.do & untouched), None)
    if source is None and untouched:
        return None
    members = tuple(names.symbols[node] for node in bits(part))
    index = source or 0
    if not part & plan.treated:
        return _observed(plan.graph, part, names, index)
    if part.bit_count() == 1:
        return _drawn(pose, part.bit_length() - 1, names)
    laws = tuple(
        _drawn(pose, node, names) if plan.treated >> node & 1 else _observed(plan.graph, 1 << node, names, index)
        for node in bits(part)
    )
    return Equilibrium(members, members, laws)


def _observed(graph: Graph, part: int, names: Names, source: int) -> Expr:
    """The law of some members of a block given all that they listen to: no policy on others changes it."""
    given = tuple(names.symbols[node] for node in bits(boundary(graph, part)))
    return Probability(tuple(names.symbols[node] for node in bits(part)), given, names.level, source)


def _drawn(pose: Posed, node: int, names: Names) -> Expr:
    policy = pose.treatments[node].policy
    assert policy is not None
    reads: tuple[Symbol, ...] = tuple(names.symbols[other] for other in bits(pose.policies[node]))
    return Drawn(policy, names.symbols[node], reads)
