"""Do laws and realisations fit the graph: what they read, the states they reach, the parts they move."""

from __future__ import annotations

from collections.abc import Iterable

from umbel.errors import cut, shown
from umbel.graph.classes import Fails
from umbel.graph.segregated import under_laws
from umbel.graph.walks import cycle
from umbel.lexer import brief
from umbel.model.formula import Compare, Constant, Covariate, Formula, operands, reads
from umbel.model.policy import Family, Natural, Point, Policy, Realisation, parts_of
from umbel.model.query import Drawn, Intervention
from umbel.model.render_policy import value_text
from umbel.model.scope import Scope, states_text


def check_law(scope: Scope, treatment: str, law: Policy) -> Policy:
    """A law whose covariates are observed and live around its treatment; a point becomes a state."""
    for name in law.reads:
        if name not in scope.parameters:
            _check_covariate(scope, treatment, name)
    if not isinstance(law, Family):
        return law
    for argument in law.arguments:
        _check_formula(scope, argument, numeric=law.name != "Point")
    _check_states(scope, treatment, law)
    match law:
        case Family("Point", (Constant(value),)):
            return Family("Point", (Constant(scope.state(treatment, value)),))
        case _:
            return law


def _check_covariate(scope: Scope, treatment: str, name: str) -> None:
    covariate = scope.observed(name, otherwise=" A parameter to choose the best of is announced first: max[k] E[…].")
    inner, outer = scope.graph.plate_path(covariate), scope.graph.plate_path(scope.node(treatment))
    if inner != outer[: len(inner)]:
        plate = scope.graph.plates[next(p for p in inner if p not in outer)].name
        scope.fail(
            f"the law of {shown(treatment)} reads {shown(name)}, which has a value for each {cut(plate)}, not one. "
            f"Define a summary in the graph, such as M = mean({brief(name)}), and read that."
        )


def check_no_cycle(scope: Scope, do: Iterable[Intervention]) -> None:
    """Refuse laws that read what their treatment causes: no order could draw them."""
    reads: dict[int, int] = {}
    for intervention in do:
        read = intervention.law.reads if isinstance(intervention, Drawn) else ()
        covariates = [scope.node(name) for name in read if name not in scope.parameters]
        reads[scope.node(intervention.name)] = sum({1 << node for node in covariates})
    if not any(reads.values()) or cycle(scope.graph):
        return
    found = under_laws(scope.graph, reads)
    if isinstance(found, Fails):
        walk = found.walk.text(scope.graph.names)
        scope.fail(f"these laws make a cycle: {walk}. A law may read only what its treatment does not cause.")


def _check_formula(scope: Scope, formula: Formula, *, numeric: bool) -> None:
    """Refuse arithmetic on labels, and labels that are no states."""
    match formula:
        case Covariate(name) if numeric and name not in scope.parameters:
            domain = scope.domain(scope.node(name))
            if domain is not None and any(isinstance(state, str) for state in domain.states):
                first = cut(value_text(domain.states[0]))
                scope.fail(
                    f"the states of {shown(name)} are labels, not numbers. Compare it: ({brief(name)} = {first})."
                )
        case Compare(Covariate(name), "=" | "!=", Constant(value)) if name not in scope.parameters:
            scope.state(name, value)
        case Compare(left, "=" | "!=", right):
            _check_formula(scope, left, numeric=False)
            _check_formula(scope, right, numeric=False)
        case _:
            for operand in operands(formula):
                _check_formula(scope, operand, numeric=True)


def _check_states(scope: Scope, treatment: str, law: Family) -> None:
    """A family must reach the states that the graph gives its treatment, and no others."""
    domain = scope.domain(scope.node(treatment))
    if domain is None:
        return
    count, states = len(domain), states_text(domain)
    if law.name == "Normal":
        scope.fail(f"Normal draws real numbers, but {shown(treatment)} has the states {states}. Use Categorical.")
    if law.name == "Bernoulli" and count != 2:
        scope.fail(f"Bernoulli is for two states, but {shown(treatment)} has {count}: {states}. Use Categorical.")
    if law.name == "Categorical" and len(law.arguments) != count:
        scope.fail(
            f"Categorical gives {len(law.arguments)} probabilities; {shown(treatment)} has {count} states: {states}."
        )


def check_realisation(scope: Scope, aggregate: str, by: Realisation) -> None:
    """A realisation belongs to an aggregate, and moves parts of it."""
    node = scope.observed(aggregate)
    map_of = next((known for known in scope.graph.aggregates if known.child == node), None)
    if map_of is None:
        scope.fail(
            f"'by' is for an aggregate, and {shown(aggregate)} is none. "
            f"Write do({brief(aggregate)}=…), or define it in the graph: {brief(aggregate)} = sum(X1, X2)."
        )
    parts = {scope.graph.names[part.node] + (".near" if part.near else "") for part in map_of.parts}
    named = parts_of(by)
    for name in named:
        scope.node(name)
        if name not in parts:
            scope.fail(f"{shown(name)} is no part of {shown(aggregate)}. Its parts: {_listed(parts)}.")
    if isinstance(by, Point):
        if len(named) < len(parts):
            missing = _listed(parts - set(named))
            scope.fail(f"point(…) sets every part of {shown(aggregate)}; it leaves out {missing}.")
        for _, formula in by.values:
            for name in reads(formula):
                scope.observed(name)
            _check_formula(scope, formula, numeric=True)
    elif isinstance(by, Natural):
        for name in by.given:
            scope.observed(name)
            if name in parts or name == aggregate:
                scope.fail(f"natural({brief(name)}) is given what it sets. Name a covariate, or write natural.")
    elif not named:
        scope.fail(f"a realisation of {shown(aggregate)} names the parts that it moves: {_listed(parts)}.")


def _listed(names: set[str]) -> str:
    return ", ".join(brief(name) for name in sorted(names)[:12]) + ", …" * (len(names) > 12)
