"""From a question that is not identified and studies to bounds in the Answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from umbel.config.problem import MethodSpec
from umbel.graph.mixed import Graph
from umbel.identification.bounded import bounded
from umbel.identification.bounds import domains_of
from umbel.model.equations import Equations
from umbel.results.answer import Answer
from umbel.results.step import Certificate, Refusal, Step
from umbel.results.value import Bounds, DataSource, Row
from umbel.results.verdict import Bounded, Refused
from umbel.variable import Domain, State

if TYPE_CHECKING:
    import numpy as np

    from umbel.data.study import Study
    from umbel.estimate.bounds import BoundsFound, Incompatible
    from umbel.estimate.bounds_arrays import Records


def bounds_in(
    answer: Answer,
    verdict: Bounded,
    graph: Graph,
    studies: Sequence[Study],
    *,
    method: MethodSpec,
    rng: np.random.Generator | None,
    equations: Equations | None = None,
) -> Answer:
    """The Answer with bounds from the studies, or with the certificate that nothing fits them.

    Parameters
    ----------
    answer, verdict
        What was found without data.
    graph
        The user's.
    studies
        At least one, each flat.
    method, rng
        Level and engine, randomness.
    equations
        Given structural equations.
    """
    import numpy as np

    from umbel.estimate.bounds import REFERENCES, BoundsFound, BoundsMethod, bound
    from umbel.estimate.bounds_records import records_of, states_in

    start = time.perf_counter()
    nested = next((study for study in studies if study.units or study.data is None), None)
    if nested is not None:
        return replace(answer, refusal=Refusal(f"{nested!r} is not one flat table of rows.", "Give rows or counts."))
    measured = [name for name in graph.names_of(graph.observed) if any(study.holds(name) for study in studies)]
    hidden = graph.observed & ~graph.mask(measured)
    seen = replace(graph, latent=graph.latent | hidden)
    known = domains_of(graph)
    if equations is not None:
        known = {name: Domain.of_size(size) for name, size in equations.states} | known
    domains = states_in(studies, measured, known)

    def compiled(whole: bool) -> tuple[Bounded, list[Records]]:
        blank = Refused(verdict.question, Refusal("", ""))
        again = bounded(seen, verdict.question, blank, domains=domains, equations=equations, whole=whole)
        assert isinstance(again, Bounded)
        names = again.programmes[0][1].names
        records = [
            records_of(study, names, domains, name=_name(study, at, studies)) for at, study in enumerate(studies)
        ]
        return again, records

    found, records = compiled(False)
    reads = {
        node
        for _, programme in found.programmes
        for one in programme.components
        for mechanism in one.mechanisms
        for node in (mechanism.node, *mechanism.parents)
    }
    if any(one.selected or any((one.codes[:, node] < 0).any() for node in reads) for one in records):
        found, records = compiled(True)
    given = np.random.default_rng(method.seed) if rng is None else rng
    engine = BoundsMethod(
        level=method.level,
        engine="em" if method.name == "em" else "programs",
        despite_incompatibility=method.despite_incompatibility,
    )
    results: list[tuple[tuple[tuple[str, State], ...], BoundsFound]] = []
    for which, programme in found.programmes:
        result = bound(programme, records, rng=given, method=engine)
        if not isinstance(result, BoundsFound):
            return _incompatible(answer, result, studies, time.perf_counter() - start)
        results.append((which, result))
    first = results[0][1]
    single = len(results) == 1 and not results[0][0]
    table = () if single else tuple(row for which, one in results for row in _rows(answer.question, which, one.bounds))
    return replace(
        answer,
        bounds=first.bounds if single else None,
        table=table,
        steps=(*found.steps, *_steps(first)),
        checks=tuple(dict.fromkeys(check for _, one in results for check in one.checks)),
        remarks=tuple(dict.fromkeys((*_kept(answer), *(remark for _, one in results for remark in one.remarks)))),
        references=REFERENCES,
        data=_data(studies, records),
        seconds=replace(answer.seconds, estimate=time.perf_counter() - start),
    )


def _kept(answer: Answer) -> tuple[str, ...]:
    return tuple(remark for remark in answer.remarks if not remark.startswith("Two states are taken"))


def _steps(found: BoundsFound) -> tuple[Step, ...]:
    return (Step("engine", found.engine),)


def _name(study: Study, at: int, studies: Sequence[Study]) -> str:
    """What messages call a study: its table, or what it did."""
    assert study.data is not None
    names = [one.data.name for one in studies if one.data is not None]
    if names.count(study.data.name) == 1:
        return study.data.name
    return f"study {at + 1} (do {', '.join(study.do)})" if study.do else f"study {at + 1}"


def _rows(question: str, which: tuple[tuple[str, State], ...], bounds: Bounds) -> tuple[Row, ...]:
    low, high = bounds.interval or (None, None)
    return (
        Row(question, which, "lower", bounds.lower, lower=low),
        Row(question, which, "upper", bounds.upper, upper=high),
    )


def _data(studies: Sequence[Study], records: Sequence[Records]) -> tuple[DataSource, ...]:
    return tuple(
        DataSource(study.data.name, rows=None if one.population else round(one.total))
        for study, one in zip(studies, records, strict=True)
        if study.data is not None
    )


def _incompatible(answer: Answer, found: Incompatible, studies: Sequence[Study], seconds: float) -> Answer:
    """No model fits: a "no" with the disagreement as its certificate."""
    from umbel.estimate.bounds import REFERENCES

    return replace(
        answer,
        verdict="unidentified",
        certificate=Certificate("incompatible", found.text, found.remedies),
        data=tuple(DataSource(study.data.name) for study in studies if study.data is not None),
        references=REFERENCES,
        seconds=replace(answer.seconds, estimate=seconds),
    )
