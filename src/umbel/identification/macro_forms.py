"""A macro question as numbers, for estimators that model the micro level: see :mod:`umbel.expr.macros`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from umbel.errors import QuestionError
from umbel.expr.macros import MacroForm, MacroTerm, RealisationKind
from umbel.graph.mixed import Graph
from umbel.identification.adjustment import minimal_adjustment
from umbel.model.policy import Natural, Perfect, Point
from umbel.model.query import Body, Combination, Expectation, Free, Held, Number, Realised
from umbel.model.realised import direction_of, point_of
from umbel.model.render_policy import realisation_text
from umbel.model.source import Experiment
from umbel.structure.macro import aggregate_of, micro_parts, without_totals


def outcome_graph(graph: Graph, outcome: str, treated: tuple[str, ...]) -> tuple[Graph, int]:
    """The graph without totals but the outcome, whose own parts are hidden; and their mask.

    Parts of the outcome that are set stay visible: it is then a map of what is set.
    """
    node = graph.index(outcome)
    own = aggregate_of(graph, node) is not None
    plain = without_totals(graph, 1 << node if own else 0)
    inner = [graph.names[part] for part, _ in micro_parts(graph, node)] if own else []
    hidden = plain.mask(name for name in inner if name not in treated)
    return replace(plain, latent=plain.latent | hidden), hidden


def form_of(graph: Graph, body: Body) -> MacroForm | None:
    """The question as a combination of means of one outcome under one total; None when it is of another kind.

    Examples
    --------
    >>> from umbel.model.query import Question
    >>> graph = Graph.parse("Sales = sum(X1, X2); Revenue = weighted(X1: 3, X2: 1)")
    >>> form = form_of(graph, Question.parse("E[Revenue | do(Sales = 33 by shift(X2))]").body)
    >>> form.known, form.terms[0].direction
    ((3.0, 1.0), (0.0, 1.0))
    """
    parts = body.parts if isinstance(body, Combination) else ((1.0, body),)
    found: list[tuple[float, Expectation]] = []
    constant = 0.0
    for weight, part in parts:
        if isinstance(part, Number):
            constant += weight * part.value
        elif isinstance(part, Expectation) and len(part.do) == 1 and not part.given and not part.outcome.world:
            found.append((weight, part))
            if not isinstance(part.do[0], Realised | Held | Free):
                return None
        else:
            return None
    keys = {(part.do[0].name, part.outcome.variable) for _, part in found}
    if len(keys) != 1:
        return None
    ((name, outcome),) = keys
    node = graph.index(name)
    if aggregate_of(graph, node) is None:
        return None
    pairs = [(graph.names[part], weight) for part, weight in micro_parts(graph, node) if weight]
    names, weights = tuple(one for one, _ in pairs), tuple(weight for _, weight in pairs)
    micro, _ = outcome_graph(graph, outcome, names)
    adjust = minimal_adjustment(micro, micro.mask(names), micro.mask([outcome]))
    if adjust is None:
        return None
    terms = tuple(_term(weight, part, name, names, weights) for weight, part in found)
    at = graph.index(outcome)
    own = () if aggregate_of(graph, at) is None else micro_parts(graph, at)
    inner = tuple((graph.names[part], weight) for part, weight in own)
    known = None
    if inner and all(part in names for part, _ in inner):
        shares = dict(inner)
        known = tuple(shares.get(part, 0.0) for part in names)
    return MacroForm(name, names, weights, outcome, inner, known, micro.names_of(adjust), terms, constant)


def _term(
    coefficient: float, part: Expectation, total: str, names: tuple[str, ...], weights: tuple[float, ...]
) -> MacroTerm:
    (item,) = part.do
    if isinstance(item, Free):
        return MacroTerm(coefficient, None, "open")
    if not isinstance(item, Realised | Held) or isinstance(item.value, str):
        raise QuestionError(f"{total} is a total and takes numbers: do({total} = 1 by natural).")
    value = None if item.value is None else float(item.value)
    if isinstance(item, Held):
        return MacroTerm(coefficient, value, "open")
    by, text = item.by, realisation_text(item.by)
    if isinstance(by, Natural):
        return MacroTerm(coefficient, value, "natural", text, within=by.given)
    if isinstance(by, Point):
        at = point_of(by, total, value, names, weights) if value is not None else ()
        return MacroTerm(coefficient, value, "point", text, point=at)
    kind: RealisationKind = "perfect" if isinstance(by, Perfect) else "shift"
    return MacroTerm(coefficient, value, kind, text, direction_of(by, names, weights))


def as_shown(graph: Graph, sources: Sequence[Experiment]) -> Graph:
    """The graph with what no source measures hidden; parts and totals stay, either will do for the other."""
    if any(one.observed is None for one in sources):
        return graph
    seen = {name for one in sources for name in (*(one.observed or ()), *one.do)}
    seen |= {graph.names[one.child] for one in graph.aggregates}
    seen |= {graph.names[part.node] for one in graph.aggregates for part in one.parts}
    return replace(graph, latent=graph.latent | graph.mask(set(graph.names) - seen))
