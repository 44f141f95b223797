"""Problem files, one function per command: identify, solve, check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbel.config.problem import ProblemSpec, missing_file
from umbel.pipeline.opening import open_studies, source_of
from umbel.pipeline.problem import problems_of
from umbel.results.answer import Answer
from umbel.results.check import Check

if TYPE_CHECKING:
    from umbel.estimate.estimator import Watch


def identify_problem(spec: ProblemSpec) -> tuple[Answer, ...]:
    """One Answer per question of a problem file, without estimates; needs no data.

    A study of published summaries observes only what it names; its table is looked at for names
    when it is there.
    """
    named = missing_file(spec) is None and any(study.summaries for study in spec.studies)
    return tuple(problem.answer()[1] for problem in problems_of(spec, open_studies(spec) if named else ()))


def solve_problem(spec: ProblemSpec, *, watch: Watch | None = None) -> tuple[Answer, ...]:
    """One Answer per question of a problem file, estimated where the data carry it."""
    return tuple(problem.solve(watch=watch) for problem in problems_of(spec, open_studies(spec)))


def check_problem(spec: ProblemSpec) -> tuple[Check, ...]:
    """What a problem file holds, each part as a Check; a part that is wrong raises its one line."""
    problems = problems_of(spec, ())
    graph = problems[0].graph
    hidden = graph.latent.bit_count()
    count = f"{len(graph.names)} variables ({hidden} hidden), {len(graph.plates)} plates"
    checks = [Check("graph", passed=True, advice=count)]
    checks += [Check("question", passed=True, advice=str(problem.question)) for problem in problems]
    for study in open_studies(spec):
        observed = source_of(graph, study).observed
        absent = () if observed is None else tuple(n for n in graph.names_of(graph.observed) if n not in observed)
        tables = ", ".join(table.name for table in study.tables())
        advice = f"{tables} does not measure {', '.join(absent)}" if absent else f"{tables} measures every variable"
        checks.append(Check("study", passed=True, advice=advice))
    return tuple(checks)
