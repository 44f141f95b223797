"""From a question that is not identified and studies to bounds in the Answer.

Three ways lead here: a verdict that is bounded already; one that is not, because nobody declared
states that the data show; and an effect that several studies identify together, whose bounds meet.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from umbel.config.problem import MethodSpec
from umbel.errors import InputError, ProblemError, did_you_mean, shown
from umbel.graph.mixed import Graph
from umbel.graph.walks import ancestors
from umbel.identification.bounded import bounded
from umbel.identification.bounds import domains_of, programmes, unboundable
from umbel.model.equations import Equations
from umbel.model.inequality import Inequality
from umbel.model.query import Question
from umbel.pipeline.hearing import heard
from umbel.results.answer import Answer
from umbel.results.step import Certificate, Refusal, Step
from umbel.results.value import Bounds, DataSource, Estimate, Row
from umbel.results.verdict import Bounded, Refused
from umbel.variable import Domain, State

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.bounds import BoundsFound, BoundsMethod, Incompatible
    from umbel.estimate.bounds_arrays import Records

Given = tuple[tuple[str, State], ...]
COMPILED = ("response functions", "programme")
"""Steps that the states of the data say again, more precisely."""
COVERS = "The {:.4g}% interval is meant to hold every value that the true law allows, in that share of samples."
"""What the sampling interval of bounds is for."""
BOUNDS = (None, "programs", "bootstrap", "scip", "em", "credible")
"""Names of methods for bounds."""
MEET = 1e-5
"""Ends this close are one number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is bounded, from what.

    Parameters
    ----------
    graph, question
        The user's.
    studies
        At least one.
    method, rng
        Level, engine, randomness.
    equations, where
        Given structural equations, and declared inequalities.
    """

    graph: Graph
    question: Question
    studies: tuple[Study, ...]
    method: MethodSpec
    rng: np.random.Generator | None
    equations: Equations | None = None
    where: tuple[Inequality, ...] = ()

    def randomness(self) -> np.random.Generator:
        """The caller's generator, or one from the method's seed."""
        import numpy as np

        return np.random.default_rng(self.method.seed) if self.rng is None else self.rng


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Bounds for each value of what the question leaves free, and what they came from."""

    verdict: Bounded
    records: tuple[Records, ...]
    results: tuple[tuple[Given, BoundsFound], ...]
    assumptions: tuple[str, ...]
    seconds: float

    @property
    def single(self) -> bool:
        """Whether the question is one number."""
        return len(self.results) == 1 and not self.results[0][0]


def bounds_in(answer: Answer, asked: Asked) -> Answer:
    """The Answer with bounds from the studies, or with the certificate that nothing fits them.

    Parameters
    ----------
    answer
        What was found without data.
    asked
        The problem; response functions carry its question.
    """
    nested = next((study for study in asked.studies if study.units or study.data is None), None)
    if nested is not None:
        return replace(answer, refusal=Refusal(f"{nested!r} is not one flat table of rows.", "Give rows or counts."))
    found = _found(asked)
    return _answered(answer, asked, found) if isinstance(found, _Found) else _incompatible(answer, asked, found)


def bounds_where_states_allow(answer: Answer, asked: Asked) -> Answer:
    """A "no" with bounds beside it, where the data show few states of all that matters.

    The states are then an assumption, and the Answer says so. Where they are many, or no whole
    numbers, the "no" stays as it is, with a remark where that is why.
    """
    if not _flat(asked) or unboundable(asked.graph, asked.question) is not None:
        return answer
    from umbel.estimate.bounds_records import plainly_discrete, states_in

    check_name(asked.method)

    measured = _measured(asked)
    relevant = ancestors(asked.graph, asked.graph.mask(asked.question.names()))
    needed = [name for name in asked.graph.names_of(relevant) if name in measured]
    known = _known(asked)
    try:
        many = [name for name, one in states_in(asked.studies, needed, known).items() if not plainly_discrete(one)]
        many = [name for name in many if name not in known and not _described(asked, name)]
        if many:
            why = f"{', '.join(many)} has no declared states, and its values are no few whole numbers or words."
            return replace(answer, remarks=(*answer.remarks, f"Not bounded: {why}"))
        return bounds_in(replace(answer, verdict="bounded"), asked)
    except InputError as error:  # too many states, or a model too large: the "no" stands by itself
        told = any(remark.startswith("Not bounded") for remark in answer.remarks)
        return answer if told else replace(answer, remarks=(*answer.remarks, f"Not bounded: {error}"))


def estimate_where_bounds_meet(answer: Answer, asked: Asked) -> Answer | None:
    """An effect that several studies identify together: the likeliest models agree on it.

    None where response functions do not carry the question, or their ends do not meet.
    """
    if not _flat(asked) or unboundable(asked.graph, asked.question) is not None:
        return None
    try:
        found = _found(asked)
    except InputError:
        return None
    if not isinstance(found, _Found):
        return _incompatible(answer, asked, found)
    if not all(_meets(one.bounds) for _, one in found.results):
        return None
    filled = _answered(answer, asked, found)
    seed = asked.method.seed if asked.rng is None else None
    table = tuple(
        Row(answer.question, which, "estimate", _middle(one.bounds), lower=_ends(one)[0], upper=_ends(one)[1])
        for which, one in found.results
    )
    first = found.results[0][1]
    estimate = Estimate(
        _middle(first.bounds), interval=_ends(first), level=asked.method.level, method="programs", seed=seed
    )
    return replace(
        filled, bounds=None, estimate=estimate if found.single else None, table=() if found.single else table
    )


def _meets(bounds: Bounds) -> bool:
    return bounds.lower is not None and bounds.upper is not None and bounds.upper - bounds.lower <= MEET


def _middle(bounds: Bounds) -> float:
    assert bounds.lower is not None and bounds.upper is not None
    return 0.5 * (bounds.lower + bounds.upper)


def _ends(found: BoundsFound) -> tuple[float | None, float | None]:
    return found.bounds.interval or (None, None)


def _flat(asked: Asked) -> bool:
    return not any(study.units or study.data is None or study.edges for study in asked.studies)


def _measured(asked: Asked) -> list[str]:
    graph = asked.graph
    names = graph.names_of(graph.observed)
    return [name for name in names if any(study.holds(name) or name in study.selected for study in asked.studies)]


def _kept_or_not(asked: Asked, domains: Mapping[str, Domain], known: Mapping[str, Domain]) -> dict[str, Domain]:
    """States of what rows were kept by, where the rows, all kept, show one state or have no column of it."""
    found: dict[str, Domain] = {}
    for name in dict.fromkeys(name for study in asked.studies for name in study.selected):
        states = domains[name].states if name in domains else (1,)
        if name not in known and not _described(asked, name) and len(states) == 1:
            kept = states[0]
            other = f"not {kept}" if isinstance(kept, str) else 0 if kept else 1
            found[name] = Domain((other, kept))
    return found


def _known(asked: Asked) -> dict[str, Domain]:
    """States from the graph and the equations."""
    given = () if asked.equations is None else asked.equations.states
    return {name: Domain.of_size(size) for name, size in given} | domains_of(asked.graph)


def _described(asked: Asked, name: str) -> bool:
    return any(study.column(name).states is not None for study in asked.studies)


def _found(asked: Asked) -> _Found | Incompatible:
    from umbel.estimate.bounds import BoundsFound, bound
    from umbel.estimate.bounds_design import design_lines
    from umbel.estimate.bounds_records import records_of, states_in

    start = time.perf_counter()
    graph, measured, known = asked.graph, _measured(asked), _known(asked)
    hidden = graph.observed & ~graph.mask(measured)
    seen = replace(graph, latent=graph.latent | hidden)
    domains = states_in(asked.studies, measured, known)
    split = _kept_or_not(asked, domains, known)
    domains, known = domains | split, known | split
    names = _names(asked.studies)

    def compiled(whole: bool) -> tuple[Bounded, tuple[Records, ...]]:
        blank = Refused(asked.question, Refusal("", ""))
        again = bounded(
            seen, asked.question, blank, domains=domains, equations=asked.equations, where=asked.where, whole=whole
        )
        if not isinstance(again, Bounded):  # too large with the states of the data: say how large
            programmes(seen, asked.question, domains, equations=asked.equations, where=asked.where, whole=whole)
        assert isinstance(again, Bounded)
        nodes = again.programmes[0][1].names
        found = (records_of(one, nodes, domains, name=name) for one, name in zip(asked.studies, names, strict=True))
        return again, tuple(found)

    verdict, records = compiled(False)
    speaks = heard(seen, verdict, asked.studies)
    telling = tuple(itertools.compress(records, speaks))
    if any(one.selected or any((one.codes[:, node] < 0).any() for node in _reads(verdict)) for one in telling):
        verdict, records = compiled(True)
        telling = tuple(itertools.compress(records, speaks))
    rng = asked.randomness()
    results = []
    for which, programme in verdict.programmes:
        result = bound(programme, telling, rng=rng, method=_method(asked.method))
        if not isinstance(result, BoundsFound):
            return result
        results.append((which, result))
    told = tuple(
        f"{name} has no states but those in the data: {', '.join(map(str, domains[name].states))}."
        for name in verdict.programmes[0][1].names
        if name in domains and name not in known and not _described(asked, name) and _read_at_all(verdict, name)
    )
    told += tuple(f"It is given that {one}." for one in asked.where)
    told += design_lines(telling)
    return _Found(verdict, records, tuple(results), told, time.perf_counter() - start)


def check_name(method: MethodSpec) -> None:
    """Refuse a name that neither bounds nor estimators have.

    Raises
    ------
    ProblemError
        With the names that there are.
    """
    from umbel.pipeline.answering import estimators_of

    if method.name not in BOUNDS:
        estimators_of(method)


def _method(method: MethodSpec) -> BoundsMethod:
    """What the ``[method]`` table chooses: an engine, and with it an interval.

    Raises
    ------
    ProblemError
        For a name that bounds do not have.
    """
    from umbel.estimate.bounds import BoundsMethod

    plain = BoundsMethod(level=method.level, despite_incompatibility=method.despite_incompatibility)
    chosen = {
        None: plain,
        "programs": plain,
        "bootstrap": replace(plain, intervals="bootstrap"),
        "scip": replace(plain, engine="scip"),
        "em": replace(plain, engine="em"),
        "credible": replace(plain, engine="em", intervals="credible"),
    }
    if method.name not in chosen:
        names = [name for name in chosen if name is not None]
        hint = did_you_mean(str(method.name), names, most=len(names))
        raise ProblemError(f"[method]: bounds have no method {shown(str(method.name))}. {hint}")
    return chosen[method.name]


def _names(studies: Sequence[Study]) -> tuple[str, ...]:
    """What messages call each study: its table, or its number and what it did."""
    tables = [one.data.name for one in studies if one.data is not None]
    found = []
    for at, study in enumerate(studies):
        assert study.data is not None
        plain = f"study {at + 1} (do {', '.join(study.do)})" if study.do else f"study {at + 1}"
        found.append(study.data.name if tables.count(study.data.name) == 1 else plain)
    return tuple(found)


def _reads(verdict: Bounded) -> set[int]:
    """Variables that the components of the question consist of or read."""
    return {
        node
        for _, programme in verdict.programmes
        for one in programme.components
        for mechanism in one.mechanisms
        for node in (mechanism.node, *mechanism.parents, *(covariate for covariate, _ in one.given))
    }


def _read_at_all(verdict: Bounded, name: str) -> bool:
    return verdict.programmes[0][1].names.index(name) in _reads(verdict)


def _kept(answer: Answer) -> tuple[str, ...]:
    """Remarks that hold with data too: their states are known now."""
    return tuple(remark for remark in answer.remarks if not remark.startswith("Two states are taken"))


def _answered(answer: Answer, asked: Asked, found: _Found) -> Answer:
    from umbel.estimate.bounds import REFERENCES
    from umbel.estimate.bounds_design import design_checks
    from umbel.estimate.estimator import unused

    unread = (check for study in asked.studies for check in unused(study, "strata", "errors"))
    design = design_checks(found.records, sorted(_reads(found.verdict)), found.verdict.programmes[0][1].names)
    first = found.results[0][1]
    table = [row for which, one in found.results for row in _rows(answer.question, which, one.bounds)]
    tried = (step for step in answer.steps if step.rule not in COMPILED)
    certified = asked.method.name != "credible" and any(one.bounds.interval for _, one in found.results)
    sampled = (COVERS.format(100 * asked.method.level),) if certified else ()
    assumed = (*answer.assumptions, *found.verdict.assumptions, *found.assumptions, *sampled)
    remarks = (*_kept(answer), *(remark for _, one in found.results for remark in one.remarks))
    return replace(
        answer,
        bounds=first.bounds.at_level(asked.method.level) if found.single else None,
        table=() if found.single else tuple(table),
        steps=(*tried, *found.verdict.steps, Step("engine", first.engine)),
        assumptions=tuple(dict.fromkeys(assumed)),
        checks=tuple(dict.fromkeys((*(check for _, one in found.results for check in one.checks), *design, *unread))),
        remarks=tuple(dict.fromkeys(remarks)),
        references=REFERENCES,
        data=_data(asked.studies, found.records),
        seconds=replace(answer.seconds, estimate=found.seconds),
    )


def _rows(question: str, which: Given, bounds: Bounds) -> tuple[Row, ...]:
    low, high = bounds.interval or (None, None)
    return (
        Row(question, which, "lower", bounds.lower, lower=low),
        Row(question, which, "upper", bounds.upper, upper=high),
    )


def _data(studies: Sequence[Study], records: Sequence[Records]) -> tuple[DataSource, ...]:
    return tuple(
        DataSource(study.data.name, rows=None if one.population else round(one.total if one.rows is None else one.rows))
        for study, one in zip(studies, records, strict=True)
        if study.data is not None
    )


def _incompatible(answer: Answer, asked: Asked, found: Incompatible) -> Answer:
    """No model fits: a "no" with the disagreement as its certificate."""
    from umbel.estimate.bounds import REFERENCES

    return replace(
        answer,
        verdict="unidentified",
        estimand=None,
        certificate=Certificate("incompatible", found.text, found.remedies),
        checks=found.checks,
        remarks=_kept(answer),
        data=tuple(DataSource(study.data.name) for study in asked.studies if study.data is not None),
        references=REFERENCES,
    )
