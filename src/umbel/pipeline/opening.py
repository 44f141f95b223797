"""Open what a problem file names, and say what it tells identification.

Studies are opened here and nowhere else; the numeric rooms load with the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.config.problem import ProblemSpec, StudySpec, VariableSpec, missing_file
from umbel.errors import GraphError, ProblemError, QuestionError, did_you_mean, shown
from umbel.graph.mixed import Graph
from umbel.identification.ask import identify_question
from umbel.identification.bounded import bounded
from umbel.identification.every_experiment import every_experiment
from umbel.identification.interfered import interfered
from umbel.model.equations import Equations
from umbel.model.query import Question
from umbel.model.source import EVERY, OBSERVATIONAL, UNITS, Experiment
from umbel.results.verdict import Refused, Unidentified, Verdict

if TYPE_CHECKING:
    from umbel.data.study import Study

Experiments = str | Sequence[Experiment | Sequence[str] | str]
"""What is known: names of what each experiment sets, the precise form, or "all"."""


def graph_of(graph: object) -> Graph:
    """The graph that was handed in, as a value or as text.

    Raises
    ------
    GraphError
        For something else; a networkx graph has its converter named.
    """
    if isinstance(graph, str):
        return Graph.parse(graph)
    if not isinstance(graph, Graph):
        networkx = type(graph).__module__.startswith("networkx")
        how = "umbel.Graph.from_networkx(graph)" if networkx else 'Graph text: "Z -> { A Y }; A -> Y"'
        raise GraphError(f"A graph is text or an umbel.Graph, and here is {type(graph).__name__}. Write {how}.")
    return graph


def question_of(question: object) -> Question:
    """The question that was handed in, as a value or as text.

    Raises
    ------
    QuestionError
        For something else.
    """
    if isinstance(question, str):
        return Question.parse(question)
    if not isinstance(question, Question):
        kind = type(question).__name__
        raise QuestionError(f'A question is text or an umbel.Question, and here is {kind}. Write "E[Y | do(A=1)]".')
    return question


def open_studies(spec: ProblemSpec) -> tuple[Study, ...]:
    """The studies of a problem file; reads names and types, no rows.

    Raises
    ------
    ProblemError, DataError
        For a file that is not there, and tables that contradict the problem.
    """
    absent = missing_file(spec)
    if absent is not None:
        found = spec.folder / absent
        what = "is a folder" if found.is_dir() else "is not there"
        near = [one.name for one in found.parent.iterdir() if one.is_file()] if found.parent.is_dir() else []
        close = did_you_mean(found.name, near).rpartition("Did you mean")
        hint = f" Did you mean{close[2]}" if close[1] else ""
        raise ProblemError(f"The file {shown(absent)} {what}. It is read relative to {shown(str(spec.folder))}.{hint}")
    return tuple(_study(study, spec) for study in spec.studies)


def sources_of(graph: Graph, experiments: Experiments | None, question: Question) -> tuple[Experiment, ...]:
    """Experiments as sources, their names checked against the graph.

    ``"all"`` stands for every experiment that the question can use: for an effect, those on what it
    sets, and inside plates those that dealt every law to units.

    Examples
    --------
    >>> question = Question.parse("P(Y | do(Z))")
    >>> sources_of(Graph.build(directed=[("Z", "Y")]), [(), ("Z",)], question)[1].do
    ('Z',)
    """
    if experiments is None:
        return (OBSERVATIONAL,)
    if experiments == EVERY:
        return (OBSERVATIONAL, *(Experiment(do, assigned=UNITS) for do in every_experiment(graph, question)))
    if isinstance(experiments, str):
        raise QuestionError(f"experiments={shown(experiments)} is no list. Name each: [(), ('Z',)], or say 'all'.")
    if not experiments:
        raise QuestionError("experiments=[] leaves nothing observed. Leave it out, or name at least one: [()].")
    sources = tuple(one if isinstance(one, Experiment) else Experiment(one) for one in experiments)
    for source in sources:
        for name in (*source.do, *(source.observed or ()), *source.selected):
            graph.index(name)  # an unknown name raises with what was possible
    return sources


def read_experiments(text: str) -> Experiments:
    """Experiments as the command line writes them: "all", or sets of names parted by ``;``.

    Examples
    --------
    >>> read_experiments("(); Z; X, Z")
    [(), ('Z',), ('X', 'Z')]
    """
    if text.strip() == EVERY:
        return EVERY
    sets = [part.strip().removeprefix("(").removesuffix(")") for part in text.split(";")]
    return [tuple(name.strip().strip('"') for name in one.split(",") if name.strip()) for one in sets]


def source_of(graph: Graph, study: Study) -> Experiment:
    """A study as identification sees it: it observes what its columns and summaries name."""
    named = {name for summary in study.summaries for name in Question.parse(summary.of).names()}
    named |= {name for name, _ in study.counts}
    named |= {name for name in graph.names if study.holds(name)}
    for one in graph.aggregates:  # of totals, the sum of the parts will do
        # … and of exposures, the neighbours.
        if all(graph.names[part.node] in named and (study.edges or not part.near) for part in one.parts):
            named.add(graph.names[one.child])
    observed = tuple(name for name in graph.names_of(graph.observed) if name in named)
    everything = len(observed) == graph.observed.bit_count()
    return Experiment(
        study.do,
        None if everything else observed,
        dict(study.doses) or None,
        assigned=study.assigned,
        selected=study.selected,
    )


def design_of(spec: ProblemSpec) -> tuple[Experiment, ...]:
    """The studies of a problem file as their design tells, for want of tables: each measures everything."""
    return tuple(
        Experiment(one.do, None, dict(one.doses) or None, assigned=one.assigned, selected=one.selected)
        for one in spec.studies
    )


def verdict_on(
    graph: Graph, question: Question, sources: tuple[Experiment, ...], equations: Equations | None = None
) -> Verdict:
    """The verdict from these sources; what none of them measures is hidden.

    Given equations say more than the graph, which identification does not read: what it leaves
    open is bounded with them.
    """
    hidden = graph.observed
    for source in sources:
        hidden &= 0 if source.observed is None else ~graph.mask((*source.observed, *source.do))
    for name in question.names():
        if name in graph.names and hidden >> graph.index(name) & 1:
            who = "the study does not measure" if len(sources) == 1 else "no study measures"
            hint = did_you_mean(name, graph.names_of(graph.observed & ~hidden))
            raise QuestionError(f"The question names {_with_parts(graph, name, hidden)}, which {who}. {hint}")
    verdict = identify_question(graph, question, sources)
    if isinstance(verdict, Unidentified) or (isinstance(verdict, Refused) and any(one.selected for one in sources)):
        seen = replace(graph, latent=graph.latent | hidden) if hidden else graph
        verdict = bounded(seen, question, verdict, equations=equations)
    if isinstance(verdict, Unidentified) and (through := interfered(graph, question)) is not None:
        remark = (
            f"With each unit's {through.interferer} kept as it is, the effect is identified; with units and members, "
            "it is estimated, and the full effect bounded."
        )
        verdict = replace(verdict, remarks=(*verdict.remarks, remark))
    if isinstance(verdict, Refused) or not hidden:
        return verdict
    who = "The study does not measure" if len(sources) == 1 else "No study measures"
    remark = f"{who} {', '.join(graph.names_of(hidden))}: hidden here."
    return replace(verdict, remarks=(*verdict.remarks, remark))


def _with_parts(graph: Graph, name: str, hidden: int) -> str:
    """A variable as a message names it: a total beside the parts that are not measured."""
    parts = [part.node for one in graph.aggregates if one.child == graph.index(name) for part in one.parts]
    lacking = [shown(graph.names[node]) for node in parts if hidden >> node & 1]
    return f"{shown(name)}, made of {', '.join(lacking)}" if lacking else shown(name)


def _study(study: StudySpec, spec: ProblemSpec) -> Study:
    from umbel.data.study import Study as Opened

    def at(path: str | None) -> str | None:
        return path if path is None or study.database is not None else str(spec.folder / path)

    units = {key: at(path) for key, path in study.units}
    return Opened(
        at(study.table),
        units=(units[""] if set(units) == {""} else units) or None,
        unit=study.unit or None,
        count=study.count,
        weight=study.weight,
        unit_weight=study.unit_weight,
        cluster=study.cluster,
        strata=study.strata,
        database=study.database,
        variables={variable.name: _column(variable) for variable in spec.variables},
        do=study.do,
        assigned=study.assigned,
        doses=dict(study.doses),
        edges=at(study.edges),
        selected=study.selected,
        errors=dict(study.errors),
        summaries=[{"of": one.of, "value": one.value, "se": one.se} for one in study.summaries],
        counts={name: list(columns) for name, columns in study.counts},
    )


def _column(variable: VariableSpec) -> dict[str, object]:
    """What was said of a variable, without what was left out."""
    said = {"column": variable.column, "label": variable.label, "measure": variable.measure}
    found: dict[str, object] = {key: value for key, value in said.items() if value is not None}
    lists = {"missing": list(variable.missing), "states": list(variable.states)}
    return {**found, **{key: values for key, values in lists.items() if values}}
