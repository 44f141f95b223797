"""Counterfactual verdicts in the user's words: steps, assumptions, certificates and remedies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from umbel.expr.nodes import AtState, Symbol
from umbel.expr.render import state_text
from umbel.graph.mixed import bits
from umbel.identification.counterfactual_graph import unknowns_of
from umbel.identification.derivation import hedge_step, names_in, reduction_steps
from umbel.identification.engine import OBSERVED, attempts
from umbel.identification.explain import steps_of
from umbel.lexer import quoted_if_needed
from umbel.model.proof import Hedge, Reduction, Road, Worlds
from umbel.model.query import Term
from umbel.model.render import body_text
from umbel.model.worlds import Conflict, Factor, Filler, PotentialOutcome, Unknown, Use
from umbel.results.step import Certificate, Step

STRATEGY = "counterfactual factors"
"""The name by which readers of Correa, Lee and Bareinboim (2021) know it."""

ASSUMPTION = (
    "Hidden causes are the same in every world (a structural model): no experiment shows worlds beside each other."
)


def worlds_strategy(worlds: Worlds) -> str:
    """The name by which readers know the estimand."""
    given = [event.variable for event in worlds.term.given]
    moved = any(given.count(name) > 1 for name in given)
    monotone = any(use.kind == "monotone" for use in worlds.uses)
    return "instrument" if moved and monotone else STRATEGY  # among those whom the instrument moves


def worlds_steps(worlds: Worlds) -> tuple[Step, ...]:
    """What was done, in order: each factor with the moves that led to it, or with what is in the way."""
    words = _Words(worlds)
    graph, sources = worlds.graph, worlds.sources or OBSERVED
    if not worlds.numerator and worlds.expr is not None:
        return (Step("consistency", f"{body_text(worlds.term)} has the same value in every model of the graph"),)
    steps = [Step("unnest", words.law(worlds.numerator))]
    if worlds.denominator:
        steps.append(Step("condition", f"divide by {words.law(worlds.denominator)}"))
    factors = dict.fromkeys((*worlds.numerator, *worlds.denominator))
    whole = 0
    for factor in factors:
        whole |= factor.district
    for factor in factors:
        detail = f"{words.set(factor.district)}: {words.outcomes(factor.outcomes)}"
        steps.append(Step("factor", detail, names_in(graph, whole), names_in(graph, factor.district)))
    steps += [words.use(use) for use in worlds.uses]
    found = worlds.reductions if worlds.expr is not None else _attempted(worlds, tuple(factors))
    steps += [step for reduction in found for step in reduction_steps(graph, sources, reduction)]
    if worlds.expr is None:
        for conflict in worlds.conflicts:
            path = tuple(graph.names[node] for node in conflict.path)
            steps.append(Step("conflict", words.conflict(conflict), path, ()))
        steps += [hedge_step(graph, sources, hedge) for hedge in dict.fromkeys(worlds.hedges)]
    return tuple(steps)


def all_steps(roads: Mapping[Term, Road | Worlds]) -> tuple[Step, ...]:
    """The derivations of all terms, those that do the same once; several are headed by their terms."""
    derived: dict[tuple[Step, ...], Term] = {}
    for term, road in roads.items():
        derived.setdefault(worlds_steps(road) if isinstance(road, Worlds) else steps_of(road), term)
    if len(derived) < 2:
        return next(iter(derived), ())
    return tuple(one for steps, term in derived.items() for one in (Step("term", body_text(term)), *steps))


def _attempted(worlds: Worlds, factors: tuple[Factor, ...]) -> tuple[Reduction, ...]:
    """What was tried for each factor that one world could show."""
    graph, sources = worlds.graph, worlds.sources or OBSERVED
    clashing = {outcome for conflict in worlds.conflicts for outcome in conflict.both}
    tried: dict[Reduction, None] = {}
    for factor in factors:
        if clashing.isdisjoint(factor.outcomes):
            rest = graph.everything & ~factor.district
            tried |= dict.fromkeys(attempts(graph, factor.district, rest, sources=sources))
    return tuple(tried)


def worlds_certificate(worlds: Worlds) -> Certificate:
    """Why a counterfactual is not identified."""
    words = _Words(worlds)
    lines = [words.conflict(conflict) for conflict in worlds.conflicts]
    lines += [words.hedge(hedge) for hedge in worlds.hedges]
    kind = "conflict" if worlds.conflicts else "hedge"
    if not worlds.complete:
        kind = "route"
        lines.append(_why_incomplete(worlds))
    return Certificate(kind, " ".join(lines))


def _why_incomplete(worlds: Worlds) -> str:
    if worlds.graph.facts.monotone:
        return "This route does not use 'assume monotone', which may say more."
    return "This route is not complete: another might exist."


class _Words:
    """Potential outcomes as text: ``Y[A=1, M=M']``; a prime marks a summed value."""

    def __init__(self, worlds: Worlds) -> None:
        self.graph = worlds.graph
        self.names = [quoted_if_needed(name) for name in worlds.graph.names]
        self._unknown: dict[Unknown, str] = {}
        counts: dict[int, int] = {}
        factors = (*worlds.numerator, *worlds.denominator)
        for unknown in unknowns_of(outcome for factor in factors for outcome in factor.outcomes):
            counts[unknown.node] = counts.get(unknown.node, 0) + 1
            self._unknown[unknown] = self.names[unknown.node] + "'" * counts[unknown.node]

    def set(self, mask: int) -> str:
        return "{" + ", ".join(self.names[node] for node in bits(mask)) + "}"

    def filler(self, at: Filler) -> str:
        match at:
            case AtState(state):
                return state_text(state)
            case Symbol():
                return self.names[self._node(at)]
            case Unknown():
                return self._unknown[at]

    def _node(self, symbol: Symbol) -> int:
        name = getattr(symbol.meaning, "name", "")
        return self.graph.names.index(name)

    def variable(self, outcome: PotentialOutcome) -> str:
        """``Y[A=1]``."""
        parents = [self.names[node] for node in bits(self.graph.parents[outcome.node])]
        inner = ", ".join(
            name if isinstance(at, Symbol) else f"{name}={self.filler(at)}"
            for name, at in zip(parents, outcome.reads, strict=True)
        )
        return self.names[outcome.node] + (f"[{inner}]" if inner else "")

    def outcomes(self, outcomes: Iterable[PotentialOutcome]) -> str:
        return ", ".join(
            self.variable(each) + ("" if isinstance(each.value, Symbol) else f"={self.filler(each.value)}")
            for each in outcomes
        )

    def law(self, factors: Iterable[Factor]) -> str:
        outcomes = [outcome for factor in factors for outcome in factor.outcomes]
        unknowns = [self.filler(unknown) for unknown in unknowns_of(outcomes)]
        over = f", summed over {', '.join(unknowns)}" if unknowns else ""
        return f"P({self.outcomes(outcomes)}){over}"

    def use(self, use: Use) -> Step:
        name = self.names[use.node]
        match use.kind:
            case "sum":
                return Step("states", f"each declared state of {name} in turn")
            case "subtract":
                return Step("subtract", f"{name} has its declared states only: one is what the others leave")
            case "monotone":
                over = self.names[use.over]
                return Step("monotone", f"{name} never falls when {over} rises: a difference of one setting at a time")

    def conflict(self, conflict: Conflict) -> str:
        first, second, over = conflict.first, conflict.second, self.names[conflict.over]
        one, other = self.variable(first), self.variable(second)
        if len(conflict.path) == 1:
            return f"{one} and {other} are asked of the same unit, and no world shows both: they differ in {over}."
        path = " <-> ".join(self.names[node] for node in conflict.path)
        if second.node == conflict.over:
            own = self.filler(second.value)
            return f"{one} is asked of units whose own {over} is {own}, and hidden causes join the two ({path})."
        return f"{one} and {other} differ in {over}, so no world shows both, and hidden causes join them ({path})."

    def hedge(self, hedge: Hedge) -> str:
        inner = self.set(hedge.inner)
        if not hedge.outer:
            return f"No source shows how {inner} comes about."
        return (
            f"The law of {inner} with its causes set is needed, and hidden causes join {inner} to "
            f"{self.set(hedge.outer & ~hedge.inner)}, which causes it: the two cannot be told apart."
        )
