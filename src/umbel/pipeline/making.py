"""The study as a formula needs it: totals that the table lacks are made of their parts, unread edges left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbel.graph.mixed import Graph
from umbel.model.query import Expectation, Probability, Question
from umbel.structure.macro import micro_parts

if TYPE_CHECKING:
    from umbel.data.study import Study
    from umbel.estimate.estimator import Target


def without_friends(study: Study, target: Target, graph: Graph) -> Study:
    """The study without its edges where a question inside units sets nothing: what is, needs no friendships."""
    from umbel.estimate.friends import pushed_in
    from umbel.estimate.network_model import is_network_mean

    if study.edges is None or not any(plate.network for plate in graph.plates):
        return study
    if is_network_mean(target.expr) or pushed_in(target.expr) or not study.unit:
        return study
    question = Question.parse(target.term)
    set_some = any(isinstance(term, Probability | Expectation) and term.do for term in question.terms())
    return study if set_some or question.is_counterfactual else study.keyed(study.unit[:1])


def with_totals(study: Study, target: Target, graph: Graph) -> tuple[Study, tuple[str, ...]]:
    """The study with a column for each total that the estimand reads, and what was made, in words.

    Estimators of totals make their own; a total whose parts are not all in the table of rows stays missing.
    """
    from umbel.data.made import with_total_column
    from umbel.estimate.expansion import NotFlat, names_of

    data = study.data
    if target.macro is not None or data is None or study.edges is not None:
        return study, ()
    try:
        names = names_of(target.expr)
    except NotFlat:
        return study, ()
    words = []
    for one in graph.aggregates:
        name = graph.names[one.child]
        if name not in names or study.holds(name) or any(part.near for part in one.parts):
            continue
        parts = {graph.names[part]: weight for part, weight in micro_parts(graph, one.child)}
        if all(study.column(part).column in data.columns for part in parts):
            study = with_total_column(study, name, parts)
            words.append(f"{name} is made of {', '.join(parts)} in each row.")
    return study, tuple(words)
