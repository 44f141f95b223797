"""Verdicts in the user's words: strategy, steps, remarks, certificates and remedies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from umbel.expr.build import leaves
from umbel.expr.estimand import Estimand
from umbel.expr.nodes import Drawn, Held, Law, Meaning, Probability, Raw, Slot
from umbel.expr.render import meaning_text
from umbel.graph.mixed import Graph, bits
from umbel.graph.walks import ancestors, closure, descendants
from umbel.identification.derivation import flat_steps, names_in, set_text
from umbel.identification.explain_blocks import block_assumptions, block_certificate, block_steps, block_strategy
from umbel.identification.nested import identified_when_erased
from umbel.lexer import quoted_if_needed
from umbel.model.proof import Hedge, Road
from umbel.model.task import Task
from umbel.results.step import Certificate, Step
from umbel.structure.collapse import collapse_steps


def strategy_of(roads: Iterable[Road]) -> str:
    """The name by which readers know the estimand."""
    names = dict.fromkeys(map(_strategy, roads))
    return ", ".join(names) or "constant"


def _strategy(road: Road) -> str:
    if road.flat is None:
        return "no effect" if road.task.treatment else "observed"
    if road.lowerings:
        return _nested_strategy(road)
    if road.flat.under is not None:
        return block_strategy(road)
    if road.flat.exchange.moved and road.task.treatment and not _reads_a_treatment(road):
        return "no effect given the conditions"
    graph, treated, outcomes = road.flat.graph, road.flat.treated, road.flat.outcomes
    whole = _flat_strategy(graph, treated, outcomes)
    # A condition that may as well be set is no treatment of the user's. Estimators rest on the whole name.
    own = _flat_strategy(graph, treated & ~road.flat.exchange.moved, outcomes)
    if own != whole:
        return f"{own} given the conditions"
    if own == "back-door" and _is_sequential(road):
        return "g-formula"
    return _by_sources(road) or own if own == "district reduction" else own


def _by_sources(road: Road) -> str:
    """The name of an estimand by the studies that it reads; "" where these say nothing."""
    assert road.expr is not None
    read = {leaf.source for leaf in leaves(road.expr) if isinstance(leaf, Probability)}
    if len(read) > 1:
        return "several studies"
    set_by = next((sight.do for sight in road.task.sources if {sight.index} == read), 0)
    return "experiment" if set_by and not road.task.treated & ~set_by else ""


def _is_sequential(road: Road) -> bool:
    """Whether what is adjusted for follows a treatment: Robins' g-formula rather than one back-door."""
    assert road.expr is not None
    outcomes = {road.task.meanings[node] for node in bits(road.task.outcomes)}
    treated = {road.task.meanings[one.node] for one in road.task.treatments}
    return any(
        isinstance(leaf, Probability)
        and not outcomes & {_meaning(slot) for slot in leaf.of}
        and bool(treated & {_meaning(slot) for slot in leaf.given})
        for leaf in leaves(road.expr)
    )


def _meaning(slot: Slot) -> Meaning:
    return (slot.symbol if isinstance(slot, Held) else slot).meaning


def _reads_a_treatment(road: Road) -> bool:
    """Whether the estimand varies with what the question sets."""
    assert road.expr is not None
    treated = {road.task.meanings[one.node] for one in road.task.treatments}
    return any(
        isinstance(leaf, Drawn)
        or (isinstance(leaf, Probability) and any(_meaning(slot) in treated for slot in leaf.given))
        for leaf in leaves(road.expr)
    )


def _flat_strategy(graph: Graph, treated: int, outcomes: int) -> str:
    """Back-door, front-door, or the general name, read off the graph."""
    if not treated:
        return "no effect"
    own = closure(treated, graph.siblings, graph.everything)
    below = descendants(graph, treated)
    children = 0
    for node in bits(treated):
        children |= graph.children[node]
    if not own & below & ~treated:
        backdoor = any(graph.parents[node] | graph.siblings[node] for node in bits(treated))
        return "back-door" if backdoor else "randomised treatment"
    if not own & children and own & outcomes and not children & outcomes:
        return "front-door"
    return "district reduction" if own & children else "generalised front-door"


def _nested_strategy(road: Road) -> str:
    assert road.expr is not None
    if any(lowering.record.hidden for lowering in road.lowerings):
        return "subunit instrument" if _held(road) else "laws inside units, one left out"
    return "laws inside units, adjusted between units" if _held(road) else "laws inside units"


def _held(road: Road) -> bool:
    """Whether a law across units is evaluated at the intervention's law."""
    assert road.expr is not None
    return any(
        isinstance(slot, Held) and isinstance(slot.symbol.meaning, Law)
        for leaf in leaves(road.expr)
        if isinstance(leaf, Probability)
        for slot in leaf.given
    )


def steps_of(road: Road) -> tuple[Step, ...]:
    """What was done, in order."""
    steps: list[Step] = []
    for lowering in road.lowerings:
        steps += collapse_steps(lowering)
    if road.flat is None:
        return (*steps, _nothing_done(road.task))
    if road.expr is not None and not road.lowerings and road.task.graph.plates:
        steps.append(Step("flat route", "nothing reads a plate, so one member per unit obeys the flat graph"))
    steps += flat_steps(road) if road.flat.under is None else block_steps(road)
    if road.void and road.expr is None:
        steps.append(Step("positivity", "the formula found reads laws that no units show, and is turned down"))
    return tuple(steps)


def _nothing_done(task: Task) -> Step:
    """The law is as observed: no treatment there is reaches what is asked."""
    graph = task.graph
    asked = set_text(names_in(graph, task.outcomes))
    if not task.treatments:
        return Step("observed", f"the law of {asked} is asked as it is observed")
    names = names_in(graph, task.treated)
    return Step("no effect", f"no directed path leads from {', '.join(map(quoted_if_needed, names))} to {asked}")


def assumptions_of(graph: Graph, roads: tuple[Road, ...], *, worlds: bool = False) -> tuple[str, ...]:
    """What an identified answer rests on, beyond the edges that are absent; ``worlds``: it has counterfactual terms."""
    lines = ["The graph is right: every absent edge is an assumption."]
    if worlds or any(road.flat is not None and road.task.treated for road in roads):
        who = "Units" if graph.plates else "Rows"
        lines.append(f"{who} do not act on each other; setting a variable does what taking that value did.")
    if worlds or any(_conditions(road) for road in roads if not road.lowerings):
        lines.append("Every combination of values that the formula conditions on occurs (positivity).")
    for road in roads:
        if road.flat is not None and road.flat.under is not None:
            lines += [line for line in block_assumptions(road) if line not in lines]
    if any(road.lowerings for road in roads):
        plate = graph.plates[0].name
        lines.append(f"Each unit has many {plate} members: the laws inside units are known as they grow in number.")
        lines.append("Inside each unit every value that is conditioned on occurs (Assumption 2).")
        lines.append("What units read of their members converges as members grow in number (Definition 5).")
    return tuple(lines)


def _conditions(road: Road) -> bool:
    """Whether a formula reads a law given something."""
    return road.expr is not None and any(isinstance(leaf, Probability) and leaf.given for leaf in leaves(road.expr))


def remarks_of(road: Road) -> tuple[str, ...]:
    """Whether hierarchy was needed (section 6.3), and which theorem of the paper applies."""
    task = road.task
    if not task.graph.plates or road.flat is None or task.treatment is None:
        return ()
    lines: list[str] = []
    erased = identified_when_erased(task)
    if road.expr is not None:
        lines.append(
            "Erasing the plates would keep the effect identified."
            if erased
            else "Erasing the plates would lose it: hierarchy makes it identified."
        )
    lines += _theorem(task, road.expr is not None, erased)
    return tuple(lines)


def constraint_of(estimand: Estimand) -> tuple[str, ...]:
    """What the graph says of the observed law where a formula reads a variable that it does not depend on."""
    names = _and(list(estimand.free_nuisance))
    if not names:
        return ()
    return (
        f"The formula reads {names} at any value, and its value is the same at each: "
        "a constraint of the graph, which data are checked against.",
    )


def _theorem(task: Task, identified: bool, erased: bool) -> Iterator[str]:
    """Theorems 12 and 13, where their conditions hold."""
    assert task.treatment is not None
    if _beyond_the_theorems(task):
        return
    if task.graph.plate_of[task.treatment.node] < 0:
        if not identified and not erased:
            yield "Theorem 13: hierarchy does not help a unit-level treatment here."
        return
    condition = theorem_12(task)
    if condition:
        yield f"Theorem 12, condition ({condition}) holds."


def _beyond_the_theorems(task: Task) -> bool:
    """Whether the theorems say nothing: a hidden member confounds members, or a hidden variable has causes.

    Nor do they speak of shared laws, or of policies that read what the treatment does not.
    """
    graph, treatment = task.graph, task.treatment
    relevant = ancestors(graph, task.outcomes)
    assert treatment is not None
    if graph.facts.shared & relevant or treatment.reads & ~graph.parents[treatment.node]:
        return True
    if any(graph.parents[node] | graph.siblings[node] for node in bits(graph.latent & relevant)):
        return True
    for node in range(len(graph.names)):
        if graph.plate_of[node] < 0:
            continue
        inside = sum(1 << other for other, plate in enumerate(graph.plate_of) if plate == graph.plate_of[node])
        if graph.siblings[node] & inside:
            return True
        if graph.latent >> node & 1 and (graph.children[node] & inside).bit_count() > 1:
            return True
    return False


def theorem_12(task: Task) -> int:
    """Which condition of Theorem 12 holds (1 or 2), 0 when neither does.

    (1) no bidirected path joins the treatment to a direct unit descendant of it; (2) the
    treatment has a subunit instrument: a parentless member whose only child is the treatment.
    """
    graph, treatment = task.graph, task.treatment
    assert treatment is not None
    node = treatment.node
    relevant = ancestors(graph, task.outcomes)
    members = sum(1 << i for i, plate in enumerate(graph.plate_of) if plate == graph.plate_of[node]) & relevant
    direct = closure(1 << node, graph.children, members)
    below = 0
    for member in bits(direct):
        below |= graph.children[member] & relevant & ~members
    if not _bidirected_reach(graph, node, relevant) & below:
        return 1
    for member in bits(members & ~graph.latent & ~(1 << node)):
        only = graph.children[member] & relevant == 1 << node
        if only and not graph.parents[member] and not graph.siblings[member]:
            return 2
    return 0


def _bidirected_reach(graph: Graph, node: int, within: int) -> int:
    """Nodes joined to ``node`` by paths of hidden common causes."""
    step = [graph.siblings[i] for i in range(len(graph.names))]
    for hidden in bits(graph.latent & within):
        for child in bits(graph.children[hidden]):
            step[child] |= graph.children[hidden] & ~(1 << child)
    return closure(1 << node, step, within & ~graph.latent)


def certificate_of(graph: Graph, road: Road) -> Certificate:
    """The proof of a "no", lifted to the user's words."""
    assert road.flat is not None
    if road.flat.under is not None and not graph.plates:
        return block_certificate(road)
    lines = [_hedge_text(road, hedge) for hedge in road.flat.hedges]
    if road.flat.exchange.kept:
        lines.append(_exchange_text(road))
    if road.void and not lines:
        lines.append(
            "A formula exists on paper, but it reads laws that no units show: they do not vary beside the laws that "
            "it reads with them (positivity, Assumption 3)."
        )
    lines += _unread(road.task)
    complete = not graph.plates and road.flat.complete
    if not complete and graph.plates:
        lines.append("This route (laws inside units) is not complete: another might exist.")
    elif not complete:
        lines.append("This route (one district at a time, one source for each) is not complete: another might exist.")
    return Certificate("hedge" if complete else "route", " ".join(dict.fromkeys(lines)))


def _unread(task: Task) -> Iterator[str]:
    """A policy inside a plate that reads what its treatment does not, in the graph."""
    graph, treatment = task.graph, task.treatment
    if treatment is None or graph.plate_of[treatment.node] < 0:
        return
    name = graph.names[treatment.node]
    for node in bits(treatment.reads & ~graph.parents[treatment.node]):
        other = graph.names[node]
        yield (
            f"No edge {other} -> {name} is drawn, so no unit shows a law of {name} that varies with {other}: "
            "draw it if it may."
        )


def _hedge_text(road: Road, hedge: Hedge) -> str:
    assert road.flat is not None
    graph, task = road.flat.graph, road.flat_task
    inner = [_words(task, graph, node) for node in bits(hedge.inner)]
    if not hedge.outer:
        return f"No source shows how {_and(inner)} come{'s' if len(inner) == 1 else ''} about by itself."
    treated = [_words(task, graph, node) for node in bits(hedge.outer & road.flat.treated)]
    rest = [_words(task, graph, node) for node in bits(hedge.outer & ~hedge.inner & ~road.flat.treated)]
    edges = [
        f"{graph.names[a]} <-> {graph.names[b]}"
        for a in bits(hedge.outer & graph.everything)
        for b in bits(graph.siblings[a] & hedge.outer & ~((2 << a) - 1))
    ]
    through = f", through {_and(rest)}" if rest else ""
    where = f"In source {hedge.source + 1}, hidden" if len(road.flat.sources) > 1 else "Hidden"
    return (
        f"{where} causes join {_and(treated or rest)} to {_and(inner)}{through if treated else ''} "
        f"({', '.join(edges)}), and {_and(inner)} lead{'s' if len(inner) == 1 else ''} to the outcome: "
        "their effect cannot be told from their common causes."
    )


def _exchange_text(road: Road) -> str:
    """That no condition can be dropped or set instead of seen."""
    assert road.flat is not None
    names = road.flat.graph.names_of(road.flat.exchange.kept)
    return f"Seeing {_and(list(names))} tells about the outcome what setting it would not, so it stays a condition."


def _words(task: Task | None, graph: Graph, node: int) -> str:
    """A node in the user's words: laws by the variables they describe."""
    if task is None:
        return graph.names[node]
    at = task.graph.names.index(graph.names[node]) if graph.names[node] in task.graph.names else -1
    return meaning_words(task.meanings[at]) if at >= 0 else graph.names[node]


def meaning_words(meaning: Meaning) -> str:
    """A meaning for a sentence: ``the units' law of Y given A``."""
    match meaning:
        case Raw():
            return meaning_text(meaning)
        case Law(of, given):
            reads = f" given {_and([meaning_text(m) for m in given])}" if given else ""
            return f"the units' law of {_and([meaning_text(m) for m in of])}{reads}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""
