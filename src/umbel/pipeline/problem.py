"""The road from three texts to one Answer.

``identify`` stays in the symbolic wing and answers in milliseconds; ``solve`` opens the data and
hands the estimand to an estimator. The numeric rooms are imported when a study is opened, so that
nobody who only identifies waits for them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from umbel.config.problem import MethodSpec, ProblemSpec, load_problem
from umbel.errors import ProblemError, cut, shown
from umbel.graph.mixed import Graph
from umbel.model.equations import Equations
from umbel.model.inequality import Inequality
from umbel.model.query import Question
from umbel.model.source import OBSERVATIONAL, Experiment
from umbel.model.validate import check_question
from umbel.pipeline.agreeing import with_other_studies
from umbel.pipeline.answering import answer_of, estimated
from umbel.pipeline.bounding import Asked, bounds_in, bounds_where_states_allow, estimate_where_bounds_meet
from umbel.pipeline.bounding_units import bounds_through_units
from umbel.pipeline.opening import (
    Experiments,
    graph_of,
    open_studies,
    question_of,
    source_of,
    sources_of,
    verdict_on,
)
from umbel.pipeline.ordering import check_order, check_words, places_told
from umbel.pipeline.totals import range_in
from umbel.results.answer import Answer
from umbel.results.verdict import Bounded, Refused, Unidentified, Verdict

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.estimator import Watch

DEFAULTS = MethodSpec()


def identify(graph: Graph | str, question: Question | str, experiments: Experiments | None = None) -> Verdict:
    """Whether the graph's assumptions determine the answer, and by which formula.

    Parameters
    ----------
    graph, question
        Values, or their texts.
    experiments
        What is observed: ``[(), ("Z",)]`` says that the law of everything is known, and that under
        every value of Z set by hand; an :class:`umbel.Experiment` says it precisely. None means
        ``[()]``, ``"all"`` every experiment.

    Returns
    -------
    Verdict
        Identified, Unidentified or Refused; "no" is a value, never an exception.

    Raises
    ------
    InputError
        For texts that do not parse, and a question that does not fit its graph.

    Examples
    --------
    >>> verdict = identify("Z -> A <- U; U -> Y <- A; latent U", "P(Y | do(A))")
    >>> verdict.identified
    False
    """
    graph = graph_of(graph)
    question = check_question(graph, question_of(question))
    return verdict_on(graph, question, sources_of(graph, experiments, question))


def solve(
    graph: Graph | str,
    question: Question | str,
    *studies: Study,
    method: MethodSpec = DEFAULTS,
    rng: np.random.Generator | None = None,
) -> Answer:
    """Identify, then estimate from the studies; whatever happens, one Answer.

    Parameters
    ----------
    graph, question
        Values, or their texts.
    studies
        The data; without any, the Answer holds the verdict alone.
    method
        Estimator, level and prior scales; every field has a default that the Answer reports.
    rng
        Source of randomness; default: the method's seed, which the Answer reports.

    Returns
    -------
    Answer
        With an estimate, bounds, a certificate or a refusal.

    Raises
    ------
    InputError
        For input that has no meaning.

    Examples
    --------
    >>> solve("A -> Y; A <-> Y", "P(Y | do(A))").verdict
    'unidentified'
    """
    return Problem(graph, question, studies, method=method).solve(rng=rng)


@dataclass(frozen=True, slots=True, init=False)
class Problem:
    """A graph, a question and the studies, checked against each other.

    Parameters
    ----------
    graph, question
        Values, or their texts.
    studies
        One study or several.
    title, assumptions
        The user's own words, carried into the Answer.
    method
        Estimator, level and prior scales.
    equations
        Given structural equations, for bounds.
    where
        Declared inequalities, for bounds: values, or texts such as ``"P(Y[A=1]=0, Y[A=0]=1) <= 0.1"``.

    Raises
    ------
    InputError
        Where they do not fit together.

    Examples
    --------
    >>> Problem("A -> Y", "P(Y | do(A))").identify().identified
    True
    """

    graph: Graph
    question: Question
    studies: tuple[Study, ...]
    title: str
    assumptions: tuple[str, ...]
    method: MethodSpec
    equations: Equations | None
    where: tuple[Inequality, ...]

    def __init__(
        self,
        graph: Graph | str,
        question: Question | str,
        studies: Study | Iterable[Study] = (),
        *,
        title: str = "",
        assumptions: Iterable[str] = (),
        method: MethodSpec = DEFAULTS,
        equations: Equations | None = None,
        where: Iterable[Inequality | str] = (),
    ) -> None:
        graph = graph_of(graph)
        if not isinstance(method, MethodSpec):
            raise ProblemError(f"method is {cut(repr(method))}; it must be an umbel.MethodSpec(name=..., level=...).")
        given = studies if isinstance(studies, Iterable) else (studies,)
        values = {
            "graph": graph,
            "question": check_question(graph, question_of(question)),
            "studies": tuple(_fitting(graph, one) for one in given),
            "title": title,
            "assumptions": tuple(assumptions),
            "method": method,
            "equations": equations,
            "where": tuple(_declared(graph, one) for one in where),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Problem:
        """Read a problem file that asks one question, and open its data.

        Raises
        ------
        InputError
            One line: the file, the key, the value, what was possible.
        """
        spec = load_problem(path)
        if spec.several:
            raise ProblemError(f"{shown(str(path))} asks a list of questions. Use Problem.load_all, one Problem each.")
        return problems_of(spec, open_studies(spec))[0]

    @staticmethod
    def load_all(path: str | os.PathLike[str]) -> tuple[Problem, ...]:
        """Read a problem file, one Problem per question, and open its data."""
        spec = load_problem(path)
        return problems_of(spec, open_studies(spec))

    def identify(self) -> Verdict:
        """The verdict from what the studies observe; every variable where there is none."""
        sources = tuple(source_of(self.graph, study) for study in self.studies)
        return verdict_on(self.graph, self.question, sources or (OBSERVATIONAL,), self.equations)

    def answer(self, design: tuple[Experiment, ...] = ()) -> tuple[Verdict, Answer]:
        """The verdict, and the Answer that it is without numbers; ``design``: sources in place of the studies."""
        start = time.perf_counter()
        verdict = verdict_on(self.graph, self.question, design, self.equations) if design else self.identify()
        seconds = time.perf_counter() - start
        domains = {self.graph.names[node]: domain for node, domain in self.graph.facts.domains}
        told = places_told(self.question, domains, self.studies)
        given = (*self.assumptions, *told)
        return verdict, answer_of(verdict, self.graph, title=self.title, assumptions=given, seconds=seconds)

    def solve(self, *, rng: np.random.Generator | None = None, watch: Watch | None = None) -> Answer:
        """Identify, then estimate; see :func:`solve`.

        ``watch`` passes the steps of long work through and may show how far they are.
        """
        if rng is not None and not hasattr(rng, "spawn"):
            raise ProblemError(f"rng is {cut(repr(rng))}; it must be a generator: numpy.random.default_rng(0).")
        verdict, answer = self.answer()
        if not self.studies:
            return answer
        states = () if self.equations is None else self.equations.states
        declared = {self.graph.names[node] for node, _ in self.graph.facts.domains} | {name for name, _ in states}
        check_order(self.question, declared, self.studies)
        check_words(self.question, declared, self.studies)
        asked = Asked(self.graph, self.question, self.studies, self.method, rng, self.equations, self.where)
        match verdict:
            case Bounded():
                return bounds_in(answer, asked)
            case Unidentified():
                return bounds_through_units(answer, asked) or bounds_where_states_allow(answer, asked)
            case Refused():
                if any(one.do for one in self.studies) and (through := bounds_through_units(answer, asked)) is not None:
                    return through
                return range_in(answer, verdict, asked)
        if self.where:
            told = "The declared inequalities are not used: the question is identified without them."
            answer = replace(answer, remarks=(*answer.remarks, told))
        found = estimated(answer, verdict, self.graph, self.studies, method=self.method, rng=rng, watch=watch)
        if found.refusal is not None and len(self.studies) > 1:  # models of states may carry what estimators do not
            return estimate_where_bounds_meet(answer, asked) or found
        if found.refusal is None and len(self.studies) > 1:
            return with_other_studies(found, verdict, self.graph, self.studies, self.method)
        return found


def _declared(graph: Graph, one: Inequality | str) -> Inequality:
    """The inequality, whose terms fit the graph."""
    found = Inequality.parse(one) if isinstance(one, str) else one
    check_question(graph, Question.parse(found.of))
    return found


def _fitting(graph: Graph, study: Study) -> Study:
    """The study, whose descriptions of variables are of this graph and agree with it.

    Raises
    ------
    GraphError, ProblemError
        For what is no Study, and a described variable that the graph has not, or whose states it has otherwise.
    """
    from umbel.data.study import Study as Opened

    if not isinstance(study, Opened):
        raise ProblemError(
            f"A study is an umbel.Study, and here is {type(study).__name__}: umbel.Study({{'A': [0, 1], …}}), or a "
            "path in place of the columns. In solve(graph, question, …) several studies stand side by side, in no list."
        )
    domains = dict(graph.facts.domains)
    for name in study.do:
        if study.data is not None and not study.holds(name):
            columns = ", ".join(dict.fromkeys(column for table in study.tables() for column in table.columns))
            raise ProblemError(
                f"{study!r} set {shown(name)} and has no column of it: to which value was each row set? "
                f"Columns: {columns}."
            )
    for column in study.variables:
        node = graph.index(column.variable)  # an unknown name raises with what was possible
        declared = domains.get(node)
        if declared is not None and column.states is not None and declared != column.states:
            here, there = (", ".join(map(str, one.states)) for one in (declared, column.states))
            raise ProblemError(
                f"{shown(column.variable)} has the states {here} in the graph and {there} in [variables]. "
                "Declare them in one place."
            )
    return study


def problems_of(spec: ProblemSpec, studies: tuple[Study, ...]) -> tuple[Problem, ...]:
    """One Problem per question of a file, all on the same graph and studies."""
    equations = None if spec.equations is None else Equations.load(spec.folder / spec.equations)
    graph = Graph.parse(spec.graph)
    for variable in spec.variables:
        graph.index(variable.name)
    return tuple(
        Problem(
            graph,
            question,
            studies,
            title=spec.title,
            assumptions=spec.assumptions,
            method=spec.method,
            equations=equations,
            where=spec.where,
        )
        for question in spec.questions
    )
