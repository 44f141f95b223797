"""Totals that a formula reads and a table lacks: made of their parts, which stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbel.graph.mixed import Graph
from umbel.structure.macro import micro_parts

if TYPE_CHECKING:
    from umbel.data.study import Study
    from umbel.estimate.estimator import Target


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
