"""``umbel check``: look at the data of a study before anything is estimated from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from umbel.graph.mixed import Graph
from umbel.graph.walks import closure, inputs, outputs
from umbel.model.query import Best
from umbel.pipeline.answering import estimators_of, target_of
from umbel.pipeline.making import without_friends
from umbel.pipeline.problem import Problem
from umbel.results.check import Check
from umbel.results.step import Refusal
from umbel.results.verdict import Bounded, Identified, Refused, Unidentified

if TYPE_CHECKING:
    from umbel.data.nested import Nested
    from umbel.data.study import Study

QUIET = ("complete rows", "complete units", "units have rows")
"""Checks that are worth a line only when they fail."""


def data_checks(graph: Graph, study: Study) -> tuple[Check, ...]:
    """What the rows say of each variable that the study measures; O(rows) for each.

    Raises
    ------
    DataError
        For tables that contradict each other or the graph.
    """
    if study.data is None:
        return ()
    checks: list[Check] = []
    whole = False  # whether all rows are one network, which is then no level above them
    if study.edges is not None and any(plate.network for plate in graph.plates):
        from umbel.data.ties import edge_checks

        inside = _inside_units(graph)
        whole = not inside
        checks += edge_checks(study, inside_units=inside)
        study = study.keyed(study.unit[:1] if inside else ())  # the last key is the persons' own
    elif study.edges is not None:
        words = f"{study.edges.name} is not read: the graph draws no network {{ … }} of persons."
        checks.append(Check("edges", False, None, words))
    for name in graph.names_of(graph.observed):
        if study.holds(name):
            nested = _read(graph, study, name, whole)
            checks += [one for one in nested.checks if not (one.passed and one.name in QUIET) and one not in checks]
            checks += _size(nested) if not any(one.name == "size" for one in checks) else []
    return tuple(sorted(checks, key=lambda one: (one.name != "size", one.name != "edges")))


def _inside_units(graph: Graph) -> bool:
    """Whether a variable of the unit touches what lives in a network: the members are then friends inside units."""
    around = [a | b for a, b in zip(inputs(graph), outputs(graph), strict=True)]
    inside = sum(1 << node for node in range(len(graph.names)) if graph.plate_path(node))
    return bool(closure(inside, around, graph.everything) & ~inside)


def prospect(problem: Problem) -> str | Refusal:
    """How a problem would be answered: "a number, by units", or why there would be none."""
    verdict = problem.identify()
    match verdict:
        case Unidentified():
            return "not identified; umbel identify shows why"
        case Bounded():
            return f"an interval, by a {verdict.kind} programme"
        case Refused():
            return verdict.refusal
        case Identified():
            from umbel.estimate.choose import choose
            from umbel.estimate.network_model import is_network_mean
            from umbel.estimate.stacking import one_table

            if isinstance(verdict.question.body, Best):
                if is_network_mean(verdict.estimand.body):
                    return "identified; one split of the fit would choose the policy, the other say what it gains"
                return "identified; half of the rows would choose the policy, the other half say what it gains"
            target, study = target_of(verdict, problem.graph, problem.studies), problem.studies[0]
            if len(problem.studies) > 1:
                joined = one_table(target, problem.studies)
                if isinstance(joined, Refusal):
                    return joined
                target, study = joined.target, joined.study
            study = without_friends(study, target, problem.graph)
            best = choose(target, study, estimators_of(problem.method))
            return best if isinstance(best, Refusal) else f"identified; the estimator would be '{best.name}'"
        case _:
            assert_never(verdict)


def _read(graph: Graph, study: Study, name: str, whole: bool) -> Nested:
    """One variable, as an estimator would read it: a number where it is one and has no states."""
    from umbel.data.levels import Wanted
    from umbel.data.nested import collect
    from umbel.data.profile import is_wide_number
    from umbel.data.statistics import Request

    node = graph.index(name)
    depth = len(graph.plate_path(node)) - whole
    states = dict(graph.facts.domains).get(node)
    wanted = Wanted(name, depth, states)
    if depth < len(study.unit):
        return collect(study, [wanted], [Request()])
    wide = states is None and study.column(name).states is None and is_wide_number(study, name)
    return collect(study, [wanted], [Request((), (name,)) if wide else Request((name,))])


def _size(nested: Nested) -> Iterator[Check]:
    sizes = nested.cells[0].counts.reshape(nested.units, -1).sum(axis=1)
    if nested.levels:
        advice = f"{nested.units:,} units of {sizes.min():,.0f} to {sizes.max():,.0f} members"
        yield Check("size", True, None, advice)
