"""Problem files, one function per command: identify, solve, check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbel.config.problem import ProblemSpec, missing_file
from umbel.pipeline.looking import data_checks, prospect
from umbel.pipeline.opening import Experiments, design_of, open_studies, source_of, sources_of
from umbel.pipeline.problem import Problem, problems_of
from umbel.results.answer import Answer
from umbel.results.check import Check
from umbel.results.step import Refusal

if TYPE_CHECKING:
    from umbel.estimate.estimator import Watch


def identify_problem(spec: ProblemSpec, *, experiments: Experiments | None = None) -> tuple[Answer, ...]:
    """One Answer per question of a problem file, without estimates; needs no data.

    ``experiments`` stand in place of the studies, as in :func:`umbel.identify`.

    Where a study measures less than another, set something or publishes summaries only, the tables
    are looked at for names when they are there; when they are not, each study is taken to measure
    everything, and what it set counts.
    """
    if experiments is not None:
        problems = problems_of(spec, ())
        return tuple(one.answer(sources_of(one.graph, experiments, one.question))[1] for one in problems)
    designed = len(spec.studies) > 1 or any(study.do or study.selected or study.summaries for study in spec.studies)
    there = missing_file(spec) is None and all(study.database is None for study in spec.studies)
    if designed and there:
        return tuple(problem.answer()[1] for problem in problems_of(spec, open_studies(spec)))
    design = design_of(spec) if designed else ()
    return tuple(problem.answer(design)[1] for problem in problems_of(spec, ()))


def solve_problem(spec: ProblemSpec, *, watch: Watch | None = None) -> tuple[Answer, ...]:
    """One Answer per question of a problem file, estimated where the data carry it."""
    return tuple(problem.solve(watch=watch) for problem in problems_of(spec, open_studies(spec)))


def check_problem(spec: ProblemSpec) -> tuple[Check, ...]:
    """What a problem file holds, each part as a Check; a part that is wrong raises its one line.

    Reads the rows, one variable at a time, so that what is wrong with one is not blamed on another.
    """
    problems = problems_of(spec, ())
    graph = problems[0].graph
    hidden = graph.latent.bit_count()
    plates = f"{len(graph.plates)} plate{'' if len(graph.plates) == 1 else 's'}"
    count = f"{len(graph.names)} variables ({hidden} hidden), {plates}"
    checks = [Check("graph", passed=True, advice=count)]
    checks += [Check("question", passed=True, advice=str(problem.question)) for problem in problems]
    studies = open_studies(spec)
    for study in studies:
        observed = source_of(graph, study).observed
        absent = () if observed is None else tuple(n for n in graph.names_of(graph.observed) if n not in observed)
        tables = ", ".join(table.name for table in study.tables())
        advice = f"{tables} does not measure {', '.join(absent)}" if absent else f"{tables} measures every variable"
        checks.append(Check("study", passed=True, advice=advice))
        checks += data_checks(graph, study)
    return (*checks, *(_answerable(problem) for problem in (problems_of(spec, studies) if studies else ())))


def _answerable(problem: Problem) -> Check:
    """Whether a number would come out, and by which estimator."""
    found = prospect(problem)
    if isinstance(found, Refusal):
        return Check("answer", False, None, f"{problem.question}: {found.why} {found.advice}".strip())
    return Check("answer", True, None, f"{problem.question}: {found}")
